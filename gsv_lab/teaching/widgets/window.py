"""Explorer of notebook 01: the window and the hop of a spectrogram.

Letters: T samples.
"""

from __future__ import annotations

from typing import Any

import ipywidgets
from torch import Tensor

from gsv_lab.teaching.widgets.explorer import Explorer


class WindowExplorer(Explorer):
    """The spectrogram of up to two seconds, with a window and a hop to choose.

    state: `window_ms`, `hop_ms`, `start` in seconds, `top_khz`; `render()` gives a Figure.

    Args:
        wave: (T,) samples.
        sample_rate: Hz.
        seconds: shown at a time.
    """

    def __init__(self, wave: Tensor, sample_rate: int, seconds: float = 1.5) -> None:
        self.wave, self.sample_rate, self.seconds = wave.reshape(-1), sample_rate, seconds
        last = max(0.0, self.wave.numel() / sample_rate - seconds)
        super().__init__(
            {
                "window_ms": ipywidgets.FloatSlider(25.0, min=4.0, max=80.0, step=1.0, description="window, ms"),
                "hop_ms": ipywidgets.FloatSlider(5.0, min=1.0, max=40.0, step=1.0, description="hop, ms"),
                "start": ipywidgets.FloatSlider(0.0, min=0.0, max=last, step=0.1, description="from, s"),
                "top_khz": ipywidgets.FloatSlider(
                    4.0, min=1.0, max=sample_rate / 2000, step=0.5, description="up to, kHz"
                ),
            }
        )

    def render(self) -> Any:
        """The spectrogram, with the frames a second and the distance of frequencies in its title."""
        from gsv_lab.figures import spectrogram

        state = self.state
        first = round(state["start"] * self.sample_rate)
        piece = self.wave[first : first + round(self.seconds * self.sample_rate)]
        window, hop = state["window_ms"] / 1000, state["hop_ms"] / 1000
        title = f"{state['window_ms']:g} ms separate what is {2 / window:.0f} Hz apart; {1 / hop:.0f} frames a second"
        return spectrogram(piece, self.sample_rate, window=window, hop=hop, top=1000 * state["top_khz"], title=title)

    def panel(self) -> list[ipywidgets.Widget]:
        """Two rows of two."""
        controls = list(self.controls.values())
        return [ipywidgets.HBox(controls[:2]), ipywidgets.HBox(controls[2:])]
