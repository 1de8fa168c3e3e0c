"""What notebook 06 looks at: the latents of a recording on both sides of the flow, and how far a vocoder sees.

Letters: C latent width, F frames at 50 Hz, G speaker width, T samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gsv_lab.audio import Mark
from gsv_lab.hooks import Records, probe
from gsv_lab.inference.lab import Lab
from gsv_lab.nn.flow import Coupling
from gsv_lab.nn.interfaces import Conditioning
from gsv_lab.nn.ops import standard_normal
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.system.seeds import seeded
from gsv_lab.teaching.exercises.answers import numbers
from gsv_lab.teaching.exercises.excerpt import Excerpt

COUPLINGS = "flow.steps.*.z"
PRIOR = ("prior.mean", "prior.scale")


class Latents(NamedTuple):
    """`mean` and `log_scale` (C, F) that the prior expects, and `steps`, name -> (C, F), in the order of travel."""

    mean: Tensor
    log_scale: Tensor
    steps: dict[str, Tensor]


class LatentSpeech(NamedTuple):
    """A `wave` (T,), the `latents` that it came from, and the `mark` that says that it is synthetic."""

    wave: Tensor
    latents: Latents
    mark: Mark


def encode_latents(lab: Lab, part: Excerpt, speaker: Tensor, seed: int = 0) -> Latents:
    """From the recording to the prior: the posterior's draw, and where each coupling takes it."""
    sovits = lab.family.synthesizer.sovits
    with probe(lab, *PRIOR) as expected:
        lab.resynthesize(part.wave, part.phones, speaker)
    with probe(lab, "posterior.z") as drawn, torch.no_grad():
        features = sovits.frontend(part.wave.reshape(1, 1, -1))
        sovits.posterior_mean(features, speaker, seeded(seed))
    z = drawn["posterior.z"].value
    with probe(lab, COUPLINGS) as passed, torch.no_grad():
        sovits.flow(z, None, sovits.conditioning(speaker))
    steps = {"drawn from the posterior": z[0], **_couplings(passed)}
    return _cut(Latents(expected["prior.mean"].value[0], expected["prior.scale"].value[0], steps))


@torch.no_grad()
def speak_latents(lab: Lab, part: Excerpt, speaker: Tensor, noise_scale: float, seed: int = 0) -> LatentSpeech:
    """From the prior to the sound: a draw around the prior's mean, and where each coupling takes it back."""
    generator = seeded(seed)
    with probe(lab, *PRIOR, COUPLINGS) as records:
        wave = lab.family.synthesizer.speak(
            part.codes[None],
            part.phones,
            speaker,
            noise_scale,
            generator=generator,
            phone_index=part.phone_index[None],
        )
    mean = records["prior.mean"].value
    log_scale = records["prior.scale"].value
    # The first thing drawn from the generator is this noise.
    noise = standard_normal(mean, seeded(seed))
    drawn = mean + noise * log_scale.exp() * noise_scale
    steps = {"drawn from the prior": drawn[0], **_couplings(records)}
    mark = Mark(lab.version, "latents", settings={"noise_scale": noise_scale, "seed": seed})
    return LatentSpeech(wave, _cut(Latents(mean[0], log_scale[0], steps)), mark)


def _couplings(records: Records) -> dict[str, Tensor]:
    # Each coupling reverses the order of channels; turned back, every step compares with the prior's channels.
    found = [record.value[0] for name, record in records.items() if name.startswith("flow.steps.")]
    return {f"after {n} of {len(found)}": z.flip(0) if n % 2 else z for n, z in enumerate(found, 1)}


def _cut(latents: Latents) -> Latents:
    frames = min(values.shape[-1] for values in (latents.mean, *latents.steps.values()))
    steps = {name: values[:, :frames] for name, values in latents.steps.items()}
    return Latents(latents.mean[:, :frames], latents.log_scale[:, :frames], steps)


def frames_seen(lab: Lab, speaker: Tensor, length: int = 81) -> int:
    """How many latent frames one sample of the vocoder's wave depends on, by its gradient.

    Args:
        lab: whose vocoder is asked.
        speaker: (1, G, 1).
        length: latent frames shown; the answer cannot be larger.
    """
    sovits = lab.family.synthesizer.sovits
    z = torch.randn(1, sovits.vocoder.latent_dim, length, generator=torch.Generator().manual_seed(0)).requires_grad_()
    wave = sovits.vocoder(z, _level_pitch(sovits, speaker, length), torch.Generator().manual_seed(0)).wave
    (gradient,) = torch.autograd.grad(wave[0, 0, wave.shape[-1] // 2], z)
    return int((gradient.abs().sum(1) > 0).sum())


def _level_pitch(sovits: SoVITS, speaker: Tensor, length: int) -> Conditioning:
    """The voice with 120 Hz in every one of so many latent frames, for vocoders that use pitch."""
    conditioning = sovits.conditioning(speaker)
    if not sovits.vocoder.f0_frames:
        return conditioning
    voicing = torch.ones(1, 1, length * sovits.vocoder.f0_frames)
    return conditioning._replace(log_f0=(120.0 * voicing).log(), voicing=voicing)


@torch.no_grad()
def walk_back(
    lab: Lab, z_p: Tensor, speaker: Tensor, undo: Callable[[Tensor, Callable[[Tensor], Tensor]], Any]
) -> Tensor:
    """From the prior's side of the flow back to the posterior's, each coupling undone by a function of the reader.

    Args:
        lab: whose couplings are undone.
        z_p: (C, F).
        speaker: (1, G, 1).
        undo: what came out of a coupling (C, F), and its function of the kept half (C/2, F) -> what went in.
    """
    sovits = lab.family.synthesizer.sovits
    condition = sovits.conditioning(speaker).speaker
    couplings = [part for part in sovits.flow.modules() if isinstance(part, Coupling)]
    for step in reversed(couplings):

        def shift(kept: Tensor, step: Coupling = step) -> Tensor:
            # A coupling of nothing beside the kept half gives the shift itself.
            alone = torch.cat([kept, torch.zeros_like(kept)])[None]
            out: Tensor = step(alone, torch.ones(1, 1, kept.shape[-1]), condition)
            return out[0].flip(0).chunk(2)[1]

        z_p = numbers(undo(z_p, shift), "What went into a coupling")
    return z_p
