"""Voices with random updates and random tensors of their own, as a fine-tuning could have left them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from gsv_lab.inference.adapters import DOWN, UP, Adaptable, can_adapt, weight_shape
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.text import phonemize

PARTS = ("semantic_gpt", "sovits.prior", "sovits.flow", "sovits.vocoder", "sovits.pitch_predictor")
"""What fine-tuning may move."""


def layers(network: nn.Module, parts: Sequence[str] = PARTS) -> dict[str, Adaptable]:
    """Layers of some parts that can have an update, by name."""
    found = {name: layer for name, layer in network.named_modules() if name.startswith(tuple(parts))}
    return {name: layer for name, layer in found.items() if can_adapt(layer)}


def random_updates(
    network: nn.Module, parts: Sequence[str] = PARTS, rank: int = 2, size: float = 0.3, seed: int = 0
) -> dict[str, Tensor]:
    """Updates of all layers of some parts."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for name, layer in layers(network, parts).items():
        out, *inner = weight_shape(layer)
        made[name + DOWN] = torch.randn(rank, *inner, generator=generator) / layer.weight[0].numel() ** 0.5
        up = size * torch.randn(out, rank, generator=generator)
        made[name + UP] = up.reshape(out, rank, *[1] * (len(inner) - 1))
    return made


def a_voice(lab: Lab, name: str, text: str = "Good day.", codes: int = 12, seed: int = 0) -> Voice:
    """A voice without tensors of its own, with a prompt of so many codes."""
    generator = torch.Generator().manual_seed(seed)
    gpt = lab.family.synthesizer.semantic_gpt
    phones = phonemize(text, "en")
    spoken = torch.arange(codes).clamp(max=len(phones) - 1) if gpt.max_advance else None
    prompt = Prompt(torch.randint(gpt.n_codes, (codes,), generator=generator), phones, spoken)
    speaker = torch.randn(1, lab.family.synthesizer.voice_dim, 1, generator=generator)
    return Voice(name, lab.version, lab.recordings.fingerprints, speaker, prompt)


def adapted(voice: Voice, lab: Lab, seed: int = 0, **options: object) -> Voice:
    """A voice with updates; options of `random_updates`."""
    make: Callable[..., dict[str, Tensor]] = random_updates
    return replace(voice, name=f"{voice.name} adapted", adapters=make(lab.family.synthesizer, seed=seed, **options))


def retuned(voice: Voice, lab: Lab, seed: int = 0, parts: Sequence[str] = ("sovits.flow", "sovits.vocoder")) -> Voice:
    """A voice with tensors of its own."""
    generator = torch.Generator().manual_seed(seed)
    tensors = lab.family.synthesizer.state_dict()
    changed = {}
    for name, value in lab.family.synthesizer.named_parameters():
        if name.startswith(tuple(parts)):
            noise = torch.randn(value.shape, generator=generator)
            changed[name] = tensors[name] + 0.2 * value.detach().std(correction=0) * noise
    return replace(voice, name=f"{voice.name} retuned", changed=changed)
