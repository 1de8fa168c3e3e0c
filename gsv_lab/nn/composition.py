"""What is checked once where parts are put together: sizes that must agree, and needs that must be met."""

from __future__ import annotations

from collections.abc import Mapping

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
        ConfigError: CONFIG_INCONSISTENT, with both numbers or with the size that a part does not declare.
    """
    content_dim = _size(parts, "prior", "content_dim")
    _agree("quantizer.dim", _size(parts, "quantizer", "dim"), "prior.content_dim", content_dim)
    for size, names in SHARED.items():
        declared = {name: _size(parts, name, size) for name in names if name in parts}
        used = [(f"{name}.{size}", value) for name, value in declared.items() if value]
        for name, value in used[1:]:
            _agree(*used[0], name, value)
    shown = _size(parts, "frontend", "spec_channels")
    for name in parts.keys() & {"speaker_encoder", "posterior"}:
        read = _size(parts, name, "spec_channels")
        if read > shown:
            problem = f"{name}.spec_channels is {read} but frontend.spec_channels is {shown}"
            raise ConfigError("CONFIG_INCONSISTENT", problem, f"{shown} at most", "Change one of the two in the YAML")


def check_needs(parts: Mapping[str, Role], given: frozenset[str]) -> None:
    """Every need of every part is met, and the frontend measures what a part reads.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, naming the part, what is missing, and a part that gives it.
    """
    for name, part in parts.items():
        unread = part.reads - parts["frontend"].gives
        for need in sorted((part.needs - given) | unread):
            measured = need in unread
            known = givers(need, frontends=measured) or ["one of your own"]
            who = f"{name} ({type(part).__name__})"
            raise ConfigError(
                "CONFIG_INCONSISTENT",
                f"{who} needs {need}, and {'the frontend does not measure it' if measured else 'no part gives it'}",
                f"a part that gives {need}, for example {known[0]}",
                "Add that part, or choose another",
            )


def _size(parts: Mapping[str, Role], name: str, size: str) -> int:
    part = parts[name]
    if size not in dir(part):
        problem = f"{name} ({type(part).__name__}) does not declare {size}"
        advice = f"Set self.{size} in its constructor; gsv_lab/nn/interfaces.py lists the sizes of each role"
        raise ConfigError("CONFIG_INCONSISTENT", problem, "a number", advice)
    return int(getattr(part, size))


def _agree(name: str, value: int, other: str, size: int) -> None:
    if value != size:
        problem = f"{name} is {value} but {other} is {size}"
        raise ConfigError("CONFIG_INCONSISTENT", problem, "the same number", "Change one of the two in the YAML")
