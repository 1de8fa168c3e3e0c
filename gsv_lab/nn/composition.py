"""What is checked once where parts are put together: sizes that must agree, and needs that must be met."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.nn.interfaces import Role
from gsv_lab.system.registry import givers

SHARED = {
    "sample_rate": ("frontend", "vocoder"),
    "hop_length": ("frontend", "vocoder"),
    "latent_dim": ("prior", "posterior", "flow", "vocoder"),
    "speaker_dim": ("speaker_encoder", "prior", "posterior", "flow", "vocoder", "pitch_predictor"),
    "hidden_dim": ("prior", "pitch_predictor"),
    "f0_frames": ("frontend", "pitch_predictor", "vocoder"),
    "ltas_dim": ("frontend", "speaker_encoder", "vocoder"),
}
"""Sizes by name, and the parts that declare them; a size of 0 means that the part does without."""


def check_sizes(parts: Mapping[str, Role]) -> None:
    """Parts that meet have the same sizes.

    Raises:
        ConfigError: CONFIG_INCONSISTENT with both numbers.
    """
    quantizer: Any = parts["quantizer"]
    prior: Any = parts["prior"]
    _agree("quantizer.dim", quantizer.dim, "prior.content_dim", prior.content_dim)
    for size, names in SHARED.items():
        declared = {name: int(getattr(parts[name], size)) for name in names if name in parts}
        used = [(f"{name}.{size}", value) for name, value in declared.items() if value]
        for name, value in used[1:]:
            _agree(*used[0], name, value)


def check_needs(parts: Mapping[str, Role], given: frozenset[str]) -> None:
    """Every need of every part is met, and the frontend measures what a part reads.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, naming the part, what is missing, and a part that gives it.
    """
    for name, part in parts.items():
        unread = part.reads - parts["frontend"].gives
        for need in sorted((part.needs - given) | unread):
            known = givers(need, frontends=need in unread) or ["one of your own"]
            raise ConfigError(
                "CONFIG_INCONSISTENT",
                f"{name} ({type(part).__name__}) needs {need}, and no part gives it",
                f"a part that gives {need}, for example {known[0]}",
                "Add that part, or choose another",
            )


def _agree(name: str, value: int, other: str, size: int) -> None:
    if value != size:
        problem = f"{name} is {value} but {other} is {size}"
        raise ConfigError("CONFIG_INCONSISTENT", problem, "the same number", "Change one of the two in the YAML")
