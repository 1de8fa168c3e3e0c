"""Explorer of notebook 05: blend two voices, and take parts of the mix away.

Letters: G speaker width, F frames, P phones, H heads.
"""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
from torch import Tensor

from gsv_lab.errors import on_page
from gsv_lab.evaluation.measures.prosody import tracked_pitch
from gsv_lab.hooks import Edit, probe, zero
from gsv_lab.inference.blending import weighted_mean
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.utterance import Speech
from gsv_lab.teaching.exercises.excerpt import Excerpt
from gsv_lab.teaching.exercises.prior_alignment import alignment_tap
from gsv_lab.teaching.widgets.explorer import Explorer, State
from gsv_lab.teaching.widgets.player import picture_html, player
from gsv_lab.text import Phones

Choice = tuple[str, tuple[str, int | tuple[int, int]]]
"""What is shown, and the axis of the alignment with the place on it."""


class BlendExplorer(Explorer):
    """Speaks the codes of a recording in a blend of two voices, with or without text and codes, and with chosen words.

    A prior with attention has its heads to choose from, in place of the words.

    state: `share` of the second voice, `text`, `codes`, `words` or `heads`; `render` gives HTML text. `speech` and
    `pattern`, which phones each frame gets, (F, P) or (H, F, P), are what was made last.

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
        self.tap = alignment_tap(lab)
        with probe(lab, self.tap) as records:
            lab.resynthesize(part.wave, part.phones, first)
        if "head" in records[self.tap].axes:
            count = records[self.tap].value.shape[1]
            self.chosen = "heads"
            options: list[Choice] = [(f"head {head}", ("head", head)) for head in range(count)]
        else:
            self.chosen = "words"
            options = words_to_choose(part.phones)
        super().__init__({
            "share": ipywidgets.FloatSlider(0.5, min=-0.5, max=1.5, step=0.1, description="second voice (share)"),
            "text": ipywidgets.Checkbox(True, description="text"),
            "codes": ipywidgets.Checkbox(True, description="codes"),
            self.chosen: ipywidgets.SelectMultiple(
                options=options, value=tuple(place for _, place in options), description=f"{self.chosen} at work",
                layout=ipywidgets.Layout(height="4.5em"),
            ),
        })  # fmt: skip

    def edits(self, state: State) -> list[Edit]:
        """What a state takes away."""
        gone = [zero(name) for name, kept in (("prior.text", "text"), ("prior.content", "codes")) if not state[kept]]
        places = [place for _, place in self.controls[self.chosen].options]
        return gone + [zero(self.tap, **{axis: at}) for axis, at in places if (axis, at) not in state[self.chosen]]

    def make(self, state: State) -> Speech:
        """Speak as a state says."""
        share = state["share"]
        voice = weighted_mean([self.first, self.second], [1 - share, share])
        with probe(self.lab, self.tap, edits=self.edits(state)) as records:
            self.speech = self.lab.resynthesize(self.part.wave, self.part.phones, voice)
        self.pattern = records[self.tap].value[0]
        return self.speech

    def render(self, state: State) -> str:
        """Player, median pitch, and which phones each frame gets."""
        speech = self.make(state)
        curve = tracked_pitch(speech.wave.numpy())
        pitch = f"{np.median(curve[curve > 0]):.0f} Hz" if (curve > 0).any() else "no voice"
        gone = ", ".join(f"{edit.kind} {edit.target} {dict(edit.where) or ''}" for edit in self.edits(state))
        head = f"<small>median pitch {pitch}; edits: {on_page(gone) or 'none'}</small><br>"
        return head + player(speech.wave, speech.sample_rate, speech.mark) + picture_html(self._alignments())

    def picture(self, state: State) -> Any:
        """Which phones each frame gets, of each head if there are any, a Figure."""
        self.make(state)
        return self._alignments()

    def _alignments(self) -> Any:
        from gsv_lab.figures import alignment, alignments

        assert self.pattern is not None
        if self.chosen == "words":
            return alignment(self.pattern, 50, self.part.phones.symbols, path=False)
        named = {f"head {number}": weights for number, weights in enumerate(self.pattern)}
        return alignments(named, 50, self.part.phones.symbols)


def words_to_choose(phones: Phones) -> list[Choice]:
    """The words of a text, without marks and places for pauses, and where their phones are."""
    found: list[Choice] = []
    first = 0
    for word in phones.words:
        if word.language:
            found.append((word.text, ("phone", (first, first + word.phones))))
        first += word.phones
    return found
