"""The released configurations at reduced width: overlays that leave every habit of the family as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gsv_lab.system.config import load_experiment
from released_files import KERNELS, LATENT, N_CODES, SPEAKER, VERIFIED, WIDTH

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
SCALE = {"channels": [4, 4, 8, 8, 8, 8], "groups": [1, 4, 4, 4, 4, 1]}
FAMILIES = ("v1", "v2", "v2Pro", "v2ProPlus")


def reduced_gpt() -> dict[str, Any]:
    """Overlay for the first stage of every family."""
    sizes = {"n_codes": N_CODES, "context_dim": WIDTH, "dim": 16, "n_heads": 2, "n_layers": 2, "ffn_dim": 32}
    return {"task": {"init_args": {"semantic_gpt": {"init_args": sizes}}}}


def reduced_sovits(family: str) -> dict[str, Any]:
    """Overlay for the second stage of a family."""
    style = {"init_args": {"width": 16}}
    if "Pro" in family:
        style = {"init_args": {"base": style, "verification_dim": VERIFIED}}
    # Where the two widths differ, the text encoder gets the speaker through a layer of its own, as in the Pro families.
    attention = 12 if "Pro" in family else SPEAKER
    vocoder = {"width": 48, "upsample_kernels": [20, *KERNELS[1:]]} if family == "v2ProPlus" else {"width": 32}
    parts = {
        "quantizer": {"init_args": {"n_codes": N_CODES}},
        "speaker_encoder": style,
        "prior": {"init_args": {"width": 16, "filter_width": 16, "layers": [1, 1, 1], "attention_width": attention}},
        "posterior": {"init_args": {"width": 16, "layers": 2}},
        "flow": {"init_args": {"width": 16, "layers": 1}},
        "vocoder": {"init_args": vocoder},
    }
    periods = [2, 3, 5, 7, 11] + [17, 23] * ("Pro" in family)
    found: list[dict[str, Any]] = [_discriminator("ScaleDiscriminator", SCALE)]
    found += [_discriminator("PeriodDiscriminator", {"period": period, "channels": [4, 8]}) for period in periods]
    arguments = {
        "sovits": {"init_args": parts},
        "discriminators": _discriminator("CombinedDiscriminator", {"discriminators": found}),
    }
    return {"sizes": {"content": WIDTH, "latent": LATENT, "speaker": SPEAKER}, "task": {"init_args": arguments}}


def _discriminator(name: str, sizes: dict[str, Any]) -> dict[str, Any]:
    return {"class_path": f"gsv_lab.nn.discriminators.{name}", "init_args": sizes}


def reduced(family: str, stage: str, folder: Path, *overrides: str) -> dict[str, Any]:
    """The experiment of a family and stage (`gpt`, `sovits`) with its overlay, which is written into a folder."""
    overlay = reduced_gpt() if stage == "gpt" else reduced_sovits(family)
    path = folder / f"reduced_{family}_{stage}.yaml"
    path.write_text(yaml.safe_dump(overlay), encoding="utf-8")
    return load_experiment([CONFIGS / family / f"{stage}.yaml", path], overrides)
