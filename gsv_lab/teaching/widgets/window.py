"""Explorer of notebook 01: the window and the hop of a spectrogram.

Letters: T samples.
"""

from __future__ import annotations

from typing import Any

import ipywidgets
from torch import Tensor

from gsv_lab.audio import Mark
from gsv_lab.teaching.widgets.explorer import Explorer, State
from gsv_lab.teaching.widgets.player import picture_html, player


class WindowExplorer(Explorer):
    """The spectrogram of a passage, with a window and a hop to choose.

    state: `window_ms`, `hop_ms`, `start` in seconds, `top_khz`; `render` gives HTML text, `snapshot()` a Figure.

    Args:
        wave: (T,) samples.
        sample_rate: Hz.
        seconds: of the passage.
        mark: that the speech is synthetic; None for recordings.
    """

    def __init__(self, wave: Tensor, sample_rate: int, seconds: float = 1.5, mark: Mark | None = None) -> None:
        self.wave, self.sample_rate, self.seconds, self.mark = wave.reshape(-1), sample_rate, seconds, mark
        last = max(0.0, self.wave.numel() / sample_rate - seconds)
        super().__init__(
            {
                "window_ms": ipywidgets.FloatSlider(25.0, min=4.0, max=80.0, step=1.0, description="window (ms)"),
                "hop_ms": ipywidgets.FloatSlider(5.0, min=1.0, max=40.0, step=1.0, description="hop (ms)"),
                "start": ipywidgets.FloatSlider(0.0, min=0.0, max=last, step=0.1, description="from (s)"),
                "top_khz": ipywidgets.FloatSlider(
                    4.0, min=1.0, max=sample_rate / 2000, step=0.5, description="up to (kHz)"
                ),
            }
        )

    def render(self, state: State) -> str:
        """The spectrogram, and a player of what it shows."""
        piece = self._piece(state)
        return player(piece, self.sample_rate, self.mark) + picture_html(self.picture(state))

    def picture(self, state: State) -> Any:
        """The spectrogram, with the frames a second and the distance of frequencies in its title, a Figure."""
        from gsv_lab.figures import spectrogram

        window, hop = state["window_ms"] / 1000, state["hop_ms"] / 1000
        title = f"{state['window_ms']:g} ms separate what is {2 / window:.0f} Hz apart; {1 / hop:.0f} frames a second"
        return spectrogram(
            self._piece(state), self.sample_rate, window=window, hop=hop, top=1000 * state["top_khz"], title=title
        )

    def _piece(self, state: State) -> Tensor:
        first = round(state["start"] * self.sample_rate)
        return self.wave[first : first + round(self.seconds * self.sample_rate)]
