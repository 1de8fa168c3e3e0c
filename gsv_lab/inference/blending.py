"""A voice between several: what each of its parts is, and the file that remembers who it was made of.

Speaker vectors and changed tensors are weighted means; a tensor that a voice did not change is that of the base. Of
low-rank updates the products are to be averaged, and a mean of products is not the product of means:

    sum_i w_i B_i A_i = [w_1 B_1, w_2 B_2, ...] [A_1; A_2; ...]

so ranks are put side by side, exactly, and add up. Prompt, tempo and dictionary cannot be averaged: they are those of
the heaviest voice. What the residual correction learnt was learnt of one voice: that of the heaviest one is kept, times
its weight, as far as it counts.
Letters: G speaker width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.residual_correction import Residuals
from gsv_lab.inference.adapters import DOWN, UP, by_layer
from gsv_lab.inference.synthesizer import Synthesizer
from gsv_lab.inference.voice import Voice
from gsv_lab.inference.voice_checks import TunedClip


def blend(base: Synthesizer, voices: Sequence[Voice], weights: Sequence[float] = (), name: str = "") -> Voice:
    """A voice between some of one base model.

    Args:
        base: its networks.
        voices: two or more.
        weights: one for each, above 0; they count in proportion to their sum. None: all alike.
        name: of the new voice; those of the voices, joined by `+`, if empty.

    Raises:
        ConfigError: PARAM_RANGE. CheckpointError: CKPT_PARENT_MISMATCH, the voices were made for different weights;
            those of `Voice.check_fit`.
    """
    if not weights:
        weights = [1.0] * len(voices)
    shares = checked_weights(weights, len(voices))
    first = voices[0]
    for voice in voices:
        voice.check_parent(first.parent, first.parents)
        voice.check_fit(base)
    heaviest = voices[shares.index(max(shares))]
    named = list(zip((voice.name for voice in voices), shares, strict=True))
    return Voice(
        name=name or "+".join(voice.name for voice in voices),
        parent=first.parent,
        parents=first.parents,
        speaker=weighted_mean([voice.speaker for voice in voices], shares),
        prompt=heaviest.prompt,
        changed=blended_tensors(base.state_dict(), [voice.changed for voice in voices], shares),
        adapters=blended_updates([voice.adapters for voice in voices], shares),
        consent="; ".join(f"{voice.name}: {voice.consent or 'none noted'}" for voice in voices),
        settings={"blend": [[one, round(share, 4)] for one, share in named]},
        residuals=weighted_residuals(heaviest.residuals, max(shares)),
        lexicon=heaviest.lexicon,
        tuned_on=tuned_on(voices),
    )


def checked_weights(weights: Sequence[float], count: int) -> list[float]:
    """Weights whose sum is 1.

    Raises:
        ConfigError: PARAM_RANGE, fewer than two voices, another number of weights, or one that is no positive number.
    """
    if count < 2:
        raise ConfigError("PARAM_RANGE", f"There are {count} voices to blend", "two or more")
    if len(weights) != count:
        raise ConfigError("PARAM_RANGE", f"There are {len(weights)} weights for {count} voices", "one for each voice")
    given = " ".join(f"{weight:g}" for weight in weights)
    total = sum(weights)
    if not all(weight > 0 for weight in weights) or not math.isfinite(total):
        expected = "numbers above 0 whose sum is finite"
        raise ConfigError("PARAM_RANGE", f"The weights are {given}", expected, "Leave a voice of weight 0 out")
    return [weight / total for weight in weights]


def weighted_mean(values: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Sum of some tensors of one shape, each times its weight, for example speaker vectors (1, G, 1).

    Weights below 0 or above 1 go beyond the ends.
    """
    total = torch.zeros_like(values[0])
    for value, weight in zip(values, weights, strict=True):
        total = total + weight * value
    return total


def weighted_residuals(residuals: Residuals | None, weight: float) -> Residuals | None:
    """What the residual correction learnt of a voice, to count so much."""
    if residuals is None:
        return None
    return Residuals(residuals.hidden, weight * residuals.weights)


def blended_tensors(
    base: Mapping[str, Tensor], changed: Sequence[Mapping[str, Tensor]], weights: Sequence[float]
) -> dict[str, Tensor]:
    """Weighted means of all tensors that one of the voices changed."""
    found = {}
    for name in sorted(set().union(*changed)):
        untuned = base[name].cpu()
        values = [one.get(name, untuned) for one in changed]
        found[name] = weighted_mean(values, weights)
    return found


def blended_updates(adapters: Sequence[Mapping[str, Tensor]], weights: Sequence[float]) -> dict[str, Tensor]:
    """Updates whose product is the weighted mean of the products; ranks add up."""
    downs: dict[str, list[Tensor]] = {}
    ups: dict[str, list[Tensor]] = {}
    for one, weight in zip(adapters, weights, strict=True):
        for name, update in by_layer(one).items():
            downs.setdefault(name, []).append(update.down)
            ups.setdefault(name, []).append(weight * update.up)
    found = {}
    for name in sorted(downs):
        found[name + DOWN] = torch.cat(downs[name])
        found[name + UP] = torch.cat(ups[name], dim=1)
    return found


def tuned_on(voices: Sequence[Voice]) -> tuple[TunedClip, ...]:
    """The clips that tuned any of the voices, each once."""
    clips = [clip for voice in voices for clip in voice.tuned_on]
    return tuple(dict.fromkeys(clips))
