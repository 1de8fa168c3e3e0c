"""What notebook 06 looks at: the latents of a recording on both sides of the flow, and how far a vocoder sees.

Letters: C latent width, F frames at 50 Hz, G speaker width. The file knows no notebook.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from gsv_lab.hooks import Records, probe
from gsv_lab.inference.lab import Lab
from gsv_lab.nn.ops import standard_normal
from gsv_lab.teaching.exercises.excerpt import Excerpt


class Latents(NamedTuple):
    """`mean` and `log_scale` (C, F) that the prior expects, and `steps`, name -> (C, F), in the order of travel."""

    mean: Tensor
    log_scale: Tensor
    steps: dict[str, Tensor]


def hear_latents(lab: Lab, part: Excerpt, speaker: Tensor, seed: int = 0) -> Latents:
    """From the recording to the prior: the posterior's draw, and where each coupling takes it."""
    synthesizer = lab.family.synthesizer
    with probe(lab, "prior.mean", "prior.scale") as expected:
        lab.resynthesize(part.wave, part.phones, speaker)
    with probe(lab, "posterior.z", "flow.steps.*.z") as heard, torch.no_grad():
        spec = synthesizer.analysis(part.wave.reshape(1, 1, -1))
        posterior = lab.components()["posterior"]
        z = posterior(spec, None, speaker, generator=torch.Generator().manual_seed(seed)).z
        synthesizer.sovits.flow(z, None, speaker)
    steps = {"heard by the posterior": heard["posterior.z"].value[0], **_couplings(heard)}
    return _cut(Latents(expected["prior.mean"].value[0], expected["prior.scale"].value[0], steps))


class Said(NamedTuple):
    """A wave (T,) and the latents that it came from."""

    wave: Tensor
    latents: Latents


@torch.no_grad()
def say_latents(lab: Lab, part: Excerpt, speaker: Tensor, noise_scale: float, seed: int = 0) -> Said:
    """From the prior to the sound: a draw around the prior's mean, and where each coupling takes it back."""
    synthesizer = lab.family.synthesizer
    generator = torch.Generator().manual_seed(seed)
    codes, places = part.codes[None], part.places[None]
    with probe(lab, "prior.mean", "prior.scale", "flow.steps.*.z") as heard:
        wave = synthesizer.speak(codes, part.phones, speaker, noise_scale, 1.0, generator, places)
    mean, log_scale = heard["prior.mean"].value, heard["prior.scale"].value
    # The first thing drawn from the generator is this noise.
    noise = standard_normal(mean, torch.Generator().manual_seed(seed))
    drawn = mean + noise * log_scale.exp() * noise_scale
    steps = {"drawn from the prior": drawn[0], **_couplings(heard)}
    return Said(wave, _cut(Latents(mean[0], log_scale[0], steps)))


def _couplings(heard: Records) -> dict[str, Tensor]:
    # Each coupling reverses the order of channels; turned back, every step compares with the prior's channels.
    found = [record.value[0] for name, record in heard.items() if name.startswith("flow.steps.")]
    return {f"after {n} of {len(found)}": z.flip(0) if n % 2 else z for n, z in enumerate(found, 1)}


def _cut(latents: Latents) -> Latents:
    frames = min(values.shape[-1] for values in (latents.mean, *latents.steps.values()))
    steps = {name: values[:, :frames] for name, values in latents.steps.items()}
    return Latents(latents.mean[:, :frames], latents.log_scale[:, :frames], steps)


def frames_seen(lab: Lab, speaker: Tensor, length: int = 81) -> int:
    """How many latent frames one frame of the vocoder's network depends on, by its gradient.

    Args:
        lab: whose vocoder is asked.
        speaker: (1, G, 1).
        length: latent frames shown; the answer cannot be larger.
    """
    vocoder: Any = lab.components()["vocoder"]
    z = torch.randn(1, vocoder.latent_dim, length, generator=torch.Generator().manual_seed(0)).requires_grad_()
    frames = vocoder.net(z, speaker)
    (gradient,) = torch.autograd.grad(frames[..., frames.shape[-1] // 2].square().sum(), z)
    return int((gradient.abs().sum(1) > 0).sum())
