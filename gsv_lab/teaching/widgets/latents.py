"""Explorer of notebook 06: how far a latent is drawn from the prior's mean, and what each coupling makes of it.

Letters: G speaker width, C latent width, F frames.
"""

from __future__ import annotations

from typing import Any

import ipywidgets
from torch import Tensor

from gsv_lab.hooks.catalogue import match, points
from gsv_lab.inference.lab import Lab
from gsv_lab.teaching.exercises.distances import mel_distance
from gsv_lab.teaching.exercises.excerpt import Excerpt
from gsv_lab.teaching.exercises.flowing import COUPLINGS, LatentSpeech, speak_latents
from gsv_lab.teaching.widgets.explorer import Explorer, State
from gsv_lab.teaching.widgets.player import picture_html, player


class LatentExplorer(Explorer):
    """Speaks the codes of a recording with more or less noise; a scrubber goes through the couplings of the flow.

    state: `noise_scale`, `seed`, `step`; `render` gives HTML text. `made` is the last result; moving the
    scrubber makes nothing new.

    Args:
        lab: a loaded lab.
        part: speech with its text.
        speaker: (1, G, 1) in whose voice.
    """

    def __init__(self, lab: Lab, part: Excerpt, speaker: Tensor) -> None:
        self.lab = lab
        self.part = part
        self.speaker = speaker
        self.made: LatentSpeech | None = None
        self._options: tuple[float, int] | None = None
        couplings = len(match(COUPLINGS, points(lab)))
        super().__init__(
            {
                "noise_scale": ipywidgets.FloatSlider(
                    0.4, min=0.0, max=1.5, step=0.1, description="noise scale (standard deviations)"
                ),
                "seed": ipywidgets.IntSlider(0, min=0, max=20, description="seed"),
                "step": ipywidgets.IntSlider(couplings, min=0, max=couplings, description="couplings passed"),
            }
        )

    def make(self, state: State) -> LatentSpeech:
        """Speak with the noise of a state; anew only if noise or seed changed."""
        options = (state["noise_scale"], state["seed"])
        if self.made is None or options != self._options:
            self.made = speak_latents(self.lab, self.part, self.speaker, *options)
            self._options = options
        return self.made

    def render(self, state: State) -> str:
        """Player, distance from the recording, and the density of the latent after the chosen coupling."""
        made = self.make(state)
        far = mel_distance(self.lab, self.part.wave, made.wave)
        head = f"<small>mel {far:.2f} nats from the recording</small><br>"
        return head + player(made.wave, self.lab.sample_rate, made.mark) + picture_html(self.picture(state))

    def picture(self, state: State) -> Any:
        """The latent as drawn and after the chosen coupling, in units of what the prior expects, a Figure."""
        from gsv_lab.figures import flow_densities

        latents = self.make(state).latents
        names = [*latents.steps]
        shown = dict.fromkeys([names[0], names[state["step"]]])
        return flow_densities({name: latents.steps[name] for name in shown}, latents.mean, latents.log_scale)
