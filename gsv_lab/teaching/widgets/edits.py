"""The same sentence with and without an edit: choose a tap, and what is done to what passes there.

Letters: T samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import torch

from gsv_lab.errors import on_page
from gsv_lab.evaluation.interventions.measures import Measures, Row
from gsv_lab.hooks import Edit, mean, noise, probe, resample, scale, zero
from gsv_lab.hooks.catalogue import match, points
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.utterance import Speech
from gsv_lab.inference.voice import Voice
from gsv_lab.teaching.widgets.explorer import Explorer, State
from gsv_lab.teaching.widgets.player import picture_html, player

KINDS: dict[str, Callable[[str, float, int], Edit]] = {
    "zero": lambda tap, strength, seed: zero(tap),
    "mean": lambda tap, strength, seed: mean(tap),
    "resample": lambda tap, strength, seed: resample(tap, seed=seed),
    "scale": lambda tap, strength, seed: scale(tap, strength),
    "noise": lambda tap, strength, seed: noise(tap, strength, seed),
}
"""Kinds of edits that need no other recording; `strength` is the factor of `scale`, and the standard deviation of
`noise`."""

NUMBERS = {
    "seconds": ("length", "{:.2f} times"),
    "codes_equal": ("equal codes", "{:.0%}"),
    "mel_change": ("log-mel, mean distance", "{:.2f} nats"),
    "pitch_semitones": ("median F0", "{:+.1f} semitones"),
    "phone_error": ("phones recognised otherwise, with the edit", "{:.0%}"),
    "phone_error_clean": ("phones recognised otherwise, without", "{:.0%}"),
    "likeness": ("likeness of the voices, cosine", "{:.2f}"),
}
"""Columns of `Measures` -> what they are called here, and how they are written."""


class EditExplorer(Explorer):
    """Speaks a sentence clean and edited, and shows both with what changed in numbers.

    state: `tap`, `kind`, `strength` (factor of `scale`; for `noise` in standard deviations of what passes the tap),
    `seed`; `render` gives HTML text. `clean` and `edited` are the last speeches, `changed` the numbers.

    Args:
        lab: a loaded lab.
        voice: whose it is.
        taps: names to choose from.
        text: short, since every change speaks it anew.
        tap: to begin with; the first one if empty.
        kind: to begin with, one of `KINDS`.

    Raises:
        HookError: TAP_UNKNOWN, a name is no tap of this lab.
    """

    def __init__(
        self,
        lab: Lab,
        voice: Voice,
        taps: Sequence[str],
        text: str = "We walk home in the rain.",
        tap: str = "",
        kind: str = "zero",
    ) -> None:
        self.lab, self.voice, self.text = lab, voice, text
        self.root = lab.synthesizer_for(voice)
        found = points(self.root)
        for name in taps:
            match(name, found)
        self.taps = tuple(taps)
        self.clean: Speech | None = None
        self.edited: Speech | None = None
        self.changed: Row = {}
        self._measures: Measures | None = None
        self._spread: dict[str, float] = {}
        super().__init__({
            "tap": ipywidgets.Dropdown(options=list(taps), value=tap or self.taps[0], description="tap"),
            "kind": ipywidgets.Dropdown(options=list(KINDS), value=kind, description="edit"),
            "strength": ipywidgets.FloatSlider(
                1.0, min=0.0, max=3.0, step=0.1, description="strength (factor; standard deviations)"
            ),
            "seed": ipywidgets.IntSlider(0, min=0, max=20, description="seed"),
        })  # fmt: skip

    def edit(self, state: State) -> Edit:
        """The edit of a state, as it can be given to a probe."""
        strength = state["strength"]
        if state["kind"] == "noise":
            strength *= self._spread.get(state["tap"], 1.0)
        return KINDS[state["kind"]](state["tap"], strength, state["seed"])

    def speak(self, state: State) -> tuple[Speech, Speech]:
        """The sentence without and with the edit; the clean one is spoken once.

        Raises:
            HookError: the edit does not fit the tap.
        """
        if self.clean is None:
            with probe(self.root, *self.taps) as records:
                self.clean = self.lab.speak(self.text, self.voice)  # under a probe, as the edited one: one candidate
            for name, record in records.items():
                values = torch.cat([step.double().flatten() for step in record.steps])
                self._spread[name] = float(values.std(correction=0))
        with probe(self.root, edits=[self.edit(state)]):
            edited = self.lab.speak(self.text, self.voice)
        self.edited = edited  # only now is it known that the edit was carried out
        return self.clean, edited

    def render(self, state: State) -> str:
        """Both speeches beside each other, the edit and the numbers above."""
        self.edited, self.changed = None, {}
        clean, edited = self.speak(state)
        if self._measures is None:
            self._measures = Measures(self.lab, ("codes", "mel", "pitch", "phones", "speaker"))
        self.changed = self._measures(clean, edited)
        rows = "".join(
            f'<tr><td style="text-align:left">{name}</td><td>{_written(self.changed.get(key), form)}</td></tr>'
            for key, (name, form) in NUMBERS.items()
        )
        edit = self.edit(state)
        amount = f" by {edit.by:.3g}" if edit.kind in ("scale", "noise") else ""
        head = f"<p>{on_page(edit.kind)}{amount} at <code>{on_page(edit.target)}</code></p>"
        sides = _side("without", clean) + _side("with the edit", edited)
        table = f'<table class="gsv-changed">{rows}</table>'
        return f'{head}{table}<div style="display:flex;flex-wrap:wrap;gap:12px">{sides}</div>'

    def picture(self, state: State) -> Any:
        """Spectrogram and phones of the edited speech, a Figure."""
        return self.speak(state)[1].show()


def _written(value: float | None, form: str) -> str:
    return "not measurable" if value is None else form.format(value)


def _side(name: str, speech: Speech) -> str:
    sound = player(speech.wave, speech.sample_rate, speech.mark)
    style = "flex:1 1 320px;min-width:0;max-width:640px"
    return f'<div style="{style}"><b>{name}</b><br>{sound}<br>{picture_html(speech.show())}</div>'
