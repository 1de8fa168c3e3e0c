"""Explorer of notebook 07: choose a tap and a factor, and see how well one is read from the other.

Letters: N frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets

from gsv_lab.errors import on_page
from gsv_lab.evaluation.probes.leakage import extract, gather
from gsv_lab.evaluation.probes.linear import FACTORS, Probed, linear_probe
from gsv_lab.evaluation.probes.material import SpokenClip
from gsv_lab.hooks import Records
from gsv_lab.inference.lab import Lab
from gsv_lab.teaching.exercises.clips import centred
from gsv_lab.teaching.widgets.explorer import Explorer, State

TAPS = (
    "content_encoder.mel", "content_encoder.content", "quantizer.projected", "quantizer.codes",
    "speaker_encoder.speaker", "posterior.mean", "posterior.z", "vocoder.envelopes",
)  # fmt: skip


class LeakExplorer(Explorer):
    """Fits a linear probe for every choice; what was asked before stays in the table.

    state: `tap`, `factor`, `frames`, `centred`; `render` gives HTML text. `probed` is the last probe, `asked` all of
    them by choice.

    Args:
        lab: a loaded lab.
        clips: of at least two speakers, two clips each.
        records: of these taps, one set a clip, where they were recorded before.
        taps: to choose from.
    """

    def __init__(
        self, lab: Lab, clips: Sequence[SpokenClip], records: Sequence[Records] = (), taps: Sequence[str] = TAPS
    ) -> None:
        self.lab, self.clips, self.taps = lab, clips, taps
        self.probed: Probed | None = None
        self.asked: dict[tuple[object, ...], Probed] = {}
        self._records = [*records]
        super().__init__(
            {
                "tap": ipywidgets.Dropdown(options=list(taps), value=taps[0], description="tap"),
                "factor": ipywidgets.Dropdown(options=list(FACTORS), value="speaker", description="factor"),
                "frames": ipywidgets.SelectionSlider(
                    options=(100, 200, 500, 1000, 2000), value=500, description="examples (frames)"
                ),
                "centred": ipywidgets.Checkbox(False, description="each speaker's mean taken off"),
            }
        )

    def ask(self, state: State) -> Probed:
        """The probe for a choice; taps are recorded once, when the first is asked for."""
        if not self._records:
            self._records = extract(self.lab, self.clips, tuple(self.taps))
        choice = tuple(state.values())
        if choice not in self.asked:
            examples = gather(state["tap"], self._records, self.clips, state["frames"])
            examples = centred(examples) if state["centred"] else examples
            self.asked[choice] = linear_probe(examples, state["factor"], folds=2, draws=200)
        self.probed = self.asked[choice]
        return self.probed

    def render(self, state: State) -> str:
        """Bars of score, control and chance, and a table of all that was asked."""
        found = self.ask(state)
        unit = "of the variance" if found.factor == "f0" else "right"
        head = f"<p><b>{on_page(found.factor)}</b> at <code>{on_page(found.tap)}</code>, {unit}:</p>"
        score = found.score
        bars = _bar("probe", score.value, "#0072B2", f"[{score.low:.2f}, {score.high:.2f}]")
        bars += _bar("control", found.control, "#E69F00", "random labels, learned by heart")
        bars += _bar("chance", found.chance, "#999999", "the best answer without looking")
        return head + f"<table>{bars}</table>" + self._history()

    def _history(self) -> str:
        rows = "".join(
            f"<tr><td>{tap}</td><td>{factor}</td><td>{frames}</td><td>{'yes' if off else ''}</td>"
            f"<td>{p.score.value:.2f}</td><td>{p.selectivity:+.2f}</td></tr>"
            for (tap, factor, frames, off), p in self.asked.items()
        )
        names = ("tap", "factor", "frames", "mean off", "score", "above control")
        return f"<table class='gsv-asked'><tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>{rows}</table>"


def _bar(name: str, value: float, colour: str, note: str) -> str:
    width = round(300 * min(1.0, max(0.0, value)))
    box = f"<div style='background:{colour};height:0.9em;display:inline-block;width:{width}px'></div>"
    return f"<tr><td>{name}</td><td>{box} {value:.2f} <small>{on_page(note)}</small></td></tr>"
