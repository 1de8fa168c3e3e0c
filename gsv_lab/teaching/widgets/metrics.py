"""Explorer of notebook 10: what five measures say of a copy that is changed by hand, beside its sound.

Letters: T samples at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
from torch import Tensor

from gsv_lab.audio import Mark, Recording
from gsv_lab.errors import LabError
from gsv_lab.evaluation.lists import Item
from gsv_lab.evaluation.measures import Job
from gsv_lab.evaluation.measures.quality import Dnsmos
from gsv_lab.evaluation.measures.similarity import GE2E, SpeakerEmbedder
from gsv_lab.teaching.exercises.metrics import NO_NOISE, RATE, WHOLE_KHZ, changed, measured
from gsv_lab.teaching.widgets.explorer import Explorer, State
from gsv_lab.teaching.widgets.player import player

WAITING = "tick the box"
ABSENT = "not installed"
_MEANING = {
    "SSIM": "mel images, 1 is equal",
    "SI-SNR": "dB, samples in their places",
    "MCD": "dB, 0 is equal, after warping",
    "cosine": "with other speech of the voice, the kit's verifier",
    "cosine by GE2E": "the same, another encoder",
    "DNSMOS": "1 to 5, a predicted opinion",
}


class MetricExplorer(Explorer):
    """A copy of a sentence with a delay, gain, noise, band and length to choose.

    state: `delay` in ms, `gain` in dB, `noise` in dB of signal over noise, `band` in kHz, `seconds`, `others`: whether
    GE2E and DNSMOS are asked, too, which takes a while at first; `render` gives HTML text.

    Args:
        wave: (T,) the sentence.
        reference: (T,) other speech of the same voice.
        embedder: gives voice vectors.
        mark: that the speech is synthetic; None for recordings.
    """

    def __init__(self, wave: Tensor, reference: Tensor, embedder: SpeakerEmbedder, mark: Mark | None = None) -> None:
        self.wave, self.reference, self.embedder, self.mark = wave, reference, embedder, mark
        self._judges: dict[str, Callable[[Tensor], str]] = {}
        self._recording: dict[bool, dict[str, str]] = {}  # what is said of it, without and with the others
        longest = wave.numel() / RATE
        slider = ipywidgets.FloatSlider
        super().__init__(
            {
                "delay": slider(0.0, min=0.0, max=200.0, step=1.0, description="delay (ms)"),
                "gain": slider(0.0, min=-30.0, max=12.0, step=1.0, description="gain (dB)"),
                "noise": slider(NO_NOISE, min=0.0, max=NO_NOISE, step=5.0, description="signal over noise (dB)"),
                "band": slider(WHOLE_KHZ, min=1.0, max=WHOLE_KHZ, step=0.5, description="band up to (kHz)"),
                "seconds": slider(longest, min=1.0, max=longest, step=0.1, description="length (s)"),
                "others": ipywidgets.Checkbox(False, description="ask GE2E and DNSMOS, too"),
            }
        )

    def panel(self) -> list[ipywidgets.Widget]:
        """The rows of controls, and a player of the recording under them."""
        heard = f"<small>recording</small><br>{player(self.wave, RATE, self.mark)}"
        return [*super().panel(), ipywidgets.HTML(heard)]

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Least and most of every slider."""
        sliders = {name: control for name, control in self.controls.items() if control.has_trait("readout")}
        return {name: (slider.min, slider.max) for name, slider in sliders.items()}

    def values(self, settings: Mapping[str, float]) -> dict[str, float]:
        """The four measures of a copy with some settings moved, all others as at first."""
        return measured(changed(self.wave, **settings), self.wave, self.reference, self.embedder)

    def render(self, state: State) -> str:
        """A player of the copy, and a table of all measures, of the recording and of the copy."""
        moved = {name: state[name] for name in self.ranges()}
        copy = changed(self.wave, **moved)
        others = state["others"]
        if others not in self._recording:
            self._recording[others] = self._column(self.wave, others)
        recording, moved_copy = self._recording[others], self._column(copy, others)
        rows = "".join(
            f"<tr><td>{name}</td><td>{recording[name]}</td><td><b>{moved_copy[name]}</b></td>"
            f"<td><small>{meaning}</small></td></tr>"
            for name, meaning in _MEANING.items()
        )
        head = "".join(f"<th>{title}</th>" for title in ("", "recording", "copy", ""))
        return f"<small>copy</small><br>{player(copy, RATE, self.mark)}<table><tr>{head}</tr>{rows}</table>"

    def _column(self, wave: Tensor, others: bool) -> dict[str, str]:
        found = measured(wave, self.wave, self.reference, self.embedder)
        shown = {name: f"{value:.2f}" for name, value in found.items()}
        for name, make in (("cosine by GE2E", self._ge2e), ("DNSMOS", self._dnsmos)):
            shown[name] = self._judged(name, make, wave) if others else WAITING
        return shown

    def _judged(self, name: str, make: Callable[[], Callable[[Tensor], str]], wave: Tensor) -> str:
        """What a judge says that may not be installed; it is made once, when it is first asked."""
        try:
            if name not in self._judges:
                self._judges[name] = make()
            return self._judges[name](wave)
        except LabError:
            return ABSENT

    def _ge2e(self) -> Callable[[Tensor], str]:
        ge2e = GE2E()
        own: Any = ge2e.embed(self.reference.numpy())
        return lambda wave: f"{float(own @ ge2e.embed(wave.numpy())):.2f}"

    def _dnsmos(self) -> Callable[[Tensor], str]:
        dnsmos, item = Dnsmos(), Item("copy", "", "en", "", None, None)

        def score(wave: Tensor) -> str:
            found = dnsmos(wave.numpy(), Job(item, "", "en", None, Recording(wave, RATE, RATE)))
            return "silence" if found is None else f"{found['dnsmos']:.2f}"

        return score
