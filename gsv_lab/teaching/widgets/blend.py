"""Explorer of notebook 05: blend two voices, and take parts of the mix away.

Letters: G speaker width, F frames, P phones, H heads.
"""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
from torch import Tensor

from gsv_lab.errors import on_page
from gsv_lab.evaluation.prosody import tracked_pitch
from gsv_lab.hooks import Edit, probe, zero
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.utterance import Speech
from gsv_lab.teaching.exercises.excerpt import Excerpt
from gsv_lab.teaching.widgets.explorer import Explorer
from gsv_lab.teaching.widgets.player import picture_html, player

PATTERN = "prior.cross_attention.pattern"


class BlendExplorer(Explorer):
    """Speaks the codes of a recording in a blend of two voices, with or without text and codes, and with chosen heads.

    state: `share` of the second voice, `text`, `codes`, `heads`; `render()` gives HTML text. `speech` and `pattern`
    (H, F, P) are what was made last.

    Args:
        lab: a loaded lab.
        part: speech with its text.
        first: (1, G, 1) the voice at share 0.
        second: (1, G, 1) the voice at share 1.
    """

    def __init__(self, lab: Lab, part: Excerpt, first: Tensor, second: Tensor) -> None:
        self.lab = lab
        self.part = part
        self.first = first
        self.second = second
        self.speech: Speech | None = None
        self.pattern: Tensor | None = None
        with probe(lab, PATTERN) as records:
            lab.resynthesize(part.wave, part.phones, first)
        heads = range(records[PATTERN].value.shape[1])
        super().__init__({
            "share": ipywidgets.FloatSlider(0.5, min=-0.5, max=1.5, step=0.1, description="second voice"),
            "text": ipywidgets.Checkbox(True, description="text"),
            "codes": ipywidgets.Checkbox(True, description="codes"),
            "heads": ipywidgets.SelectMultiple(
                options=[(f"head {head}", head) for head in heads], value=tuple(heads), description="heads at work",
                layout=ipywidgets.Layout(height="4.5em"),
            ),
        })  # fmt: skip

    @property
    def edits(self) -> list[Edit]:
        """What the present controls take away."""
        state = self.state
        gone = [zero(name) for name, kept in (("prior.text", "text"), ("prior.content", "codes")) if not state[kept]]
        count = len(self.controls["heads"].options)
        return gone + [zero(PATTERN, head=head) for head in range(count) if head not in state["heads"]]

    def make(self) -> Speech:
        """Speak as the controls stand."""
        share = self.state["share"]
        voice = (1 - share) * self.first + share * self.second
        with probe(self.lab, PATTERN, edits=self.edits) as records:
            self.speech = self.lab.resynthesize(self.part.wave, self.part.phones, voice)
        self.pattern = records[PATTERN].value[0]
        return self.speech

    def render(self) -> str:
        """Player, median pitch, and which phones each head attends to."""
        speech = self.make()
        curve = tracked_pitch(speech.wave.numpy())
        pitch = f"{np.median(curve[curve > 0]):.0f} Hz" if (curve > 0).any() else "no voice"
        gone = ", ".join(f"{edit.kind} {edit.target} {dict(edit.where) or ''}" for edit in self.edits)
        head = f"<small>median pitch {pitch}; edits: {on_page(gone) or 'none'}</small><br>"
        return head + player(speech.wave, speech.sample_rate, speech.mark) + picture_html(self._alignments())

    def snapshot(self) -> Any:
        """Which phones each head attends to, a Figure."""
        self.make()
        return self._alignments()

    def _alignments(self) -> Any:
        from gsv_lab.figures import alignments

        assert self.pattern is not None
        named = {f"head {number}": weights for number, weights in enumerate(self.pattern)}
        return alignments(named, 50, self.part.phones.symbols)
