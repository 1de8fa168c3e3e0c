"""Explorer of notebook 04: how codes are drawn, and what one step had to choose from.

Letters: N codes, V classes (codes and stop).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import ipywidgets
import torch
from torch import Tensor

from gsv_lab.errors import on_page
from gsv_lab.hooks import probe
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.utterance import Speech
from gsv_lab.inference.voice import Voice
from gsv_lab.nn.sampling import Sampling, penalise, probabilities
from gsv_lab.teaching.widgets.explorer import Explorer, State
from gsv_lab.teaching.widgets.player import picture_html, player

KEPT = (1, 2, 4, 8, 16, 64, 512)


class SampledSpeech(NamedTuple):
    """A decode: the `speech`, and the `logits` (N, V) that each of its codes was drawn from."""

    speech: Speech
    logits: Tensor


class SamplingExplorer(Explorer):
    """Speaks one text with the chosen temperature, top-k and penalty; a scrubber shows the choice of every step.

    state: `temperature`, `top_k`, `penalty`, `seed`, `step`; `render` gives HTML text. Moving the scrubber decodes
    nothing. `decoded` is the last decode.

    Args:
        lab: a loaded lab.
        voice: whose it is.
        text: short, since every change speaks it anew.
    """

    def __init__(self, lab: Lab, voice: Voice, text: str = "We walk home in the rain.") -> None:
        self.lab = lab
        self.voice = voice
        self.text = text
        self.decoded: SampledSpeech | None = None
        self._options: dict[str, Any] = {}
        super().__init__(
            {
                "temperature": ipywidgets.FloatSlider(0.8, min=0.1, max=2.0, step=0.1, description="temperature"),
                "top_k": ipywidgets.SelectionSlider(options=KEPT, value=8, description="top-k (codes)"),
                "penalty": ipywidgets.FloatSlider(1.0, min=1.0, max=2.0, step=0.05, description="repetition penalty"),
                "seed": ipywidgets.IntSlider(0, min=0, max=20, description="seed"),
                "step": ipywidgets.IntSlider(10, min=0, max=150, description="look at step"),
            }
        )

    def decode(self, state: State) -> SampledSpeech:
        """The text with the options of a state; decoded anew only if one of them changed."""
        options = {name: value for name, value in state.items() if name != "step"}
        if self.decoded is None or options != self._options:
            with probe(self.lab, "semantic_gpt.logits") as records:
                speech = self.lab.speak(
                    self.text,
                    self.voice,
                    seed=options["seed"],
                    temperature=options["temperature"],
                    top_k=options["top_k"],
                    repetition_penalty=options["penalty"],
                )
            record = records["semantic_gpt.logits"]
            # The last call may have drawn the stop, which is no code.
            logits = record.joined().value[0, -len(record) :]
            self.decoded = SampledSpeech(speech, logits[: len(speech.codes)])
            self._options = options
        return self.decoded

    def render(self, state: State) -> str:
        """Player, the likeliest candidates of all steps, and those of the chosen step."""
        speech, _ = self.decode(state)
        ended = on_page(speech.settings.get("ended", ""))
        head = f"<small>{len(speech.codes)} codes, ended by {ended}</small><br>"
        return (
            head
            + player(speech.wave, speech.sample_rate, speech.mark)
            + picture_html(self.picture(state))
            + self.candidates(state)
        )

    def picture(self, state: State) -> Any:
        """The likeliest candidates of all steps, a Figure."""
        from gsv_lab.figures import sampling_candidates

        made = self.decode(state)
        stop = made.logits.shape[-1] - 1
        title = f"temperature {state['temperature']:g}: probabilities before top-k"
        return sampling_candidates(
            made.logits, made.speech.codes, temperature=state["temperature"], stop=stop, title=title
        )

    def candidates(self, state: State, most: int = 8) -> str:
        """What the chosen step could draw from, as HTML: the likeliest codes before and after the choices above."""
        made = self.decode(state)
        number = min(state["step"], len(made.speech.codes) - 1)
        if number < 0:
            return "<p>No code was drawn.</p>"
        scores = made.logits[number : number + 1]
        seen = torch.zeros(scores.shape, dtype=torch.bool).scatter(1, made.speech.codes[None, :number], True)
        rule = Sampling(
            top_k=state["top_k"], top_p=1.0, temperature=state["temperature"], repetition_penalty=state["penalty"]
        )
        after = probabilities(penalise(scores, seen, state["penalty"]), None, rule)[0]
        before, chosen = scores.softmax(-1)[0], int(made.speech.codes[number])
        best = [*before.topk(min(most, before.numel())).indices.tolist()]
        best += [] if chosen in best else [chosen]
        rows = "".join(_row(code, before[code], after[code], code == chosen, bool(seen[0, code])) for code in best)
        head = "<tr><th>code</th><th>as scored</th><th>to draw from</th></tr>"
        return f"<p>Step {number}:</p><table class='gsv-candidates'>{head}{rows}</table>"


def _row(code: int, before: Tensor, after: Tensor, chosen: bool, seen: bool) -> str:
    bars = [
        f"<td><div style='background:{colour};height:0.8em;display:inline-block;width:{160 * float(p):.0f}px'></div>"
        f" {100 * float(p):.1f} %</td>"
        for p, colour in ((before, "#56B4E9"), (after, "#E69F00"))
    ]
    name = f"<b>{code} ← drawn</b>" if chosen else str(code)
    return f"<tr><td>{name}{' (drawn before)' if seen else ''}</td>{''.join(bars)}</tr>"
