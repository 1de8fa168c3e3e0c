"""How much of a base model each method moves, in parameters by component: what one would draw as bars."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from torch import nn

from gsv_lab.inference.family import Family
from gsv_lab.training.finetuning.methods import (
    FullTuning,
    LastBlocks,
    LoRA,
    Method,
    SpeakerTuning,
    tunable_gpt,
    tunable_sovits,
)
from gsv_lab.training.finetuning.tasks import own_sovits


def moved_parameters(
    family: Family, methods: Mapping[str, Method] | None = None, transcribed: bool = True
) -> dict[str, dict[str, int]]:
    """Method -> {component: parameters that learn}, of SemanticGPT and of each part of SoVITS.

    `base` among the methods counts all parameters. The speaker encoder counts as the vector that stands in its place.

    Args:
        family: base model.
        methods: by the names to count them under; None for the four of the command line with their defaults.
        transcribed: whether texts of the clips are known.

    Raises:
        LabError: EXTRA_MISSING, LoRA without peft.
    """
    if methods is None:
        methods = {"full": FullTuning(), "lora": LoRA(), "speaker": SpeakerTuning(), "last:1": LastBlocks()}
    counts = {}
    for name, method in methods.items():
        sovits, gpt = own_sovits(family), copy.deepcopy(family.synthesizer.semantic_gpt)
        method.choose(tunable_gpt(gpt.requires_grad_(False)))
        method.apply(tunable_sovits(sovits, transcribed))
        counts[name] = {"semantic_gpt": learning(gpt), **{part: learning(one) for part, one in sovits.parts().items()}}
    return {"base": _all(family), **counts}


def _all(family: Family) -> dict[str, int]:
    parts: dict[str, nn.Module] = {"semantic_gpt": family.synthesizer.semantic_gpt, **family.synthesizer.sovits.parts()}
    return {name: sum(value.numel() for value in part.parameters()) for name, part in parts.items()}


def learning(network: nn.Module) -> int:
    """Parameters of a network that learn."""
    return sum(value.numel() for value in network.parameters() if value.requires_grad)
