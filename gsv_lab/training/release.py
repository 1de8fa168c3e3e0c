"""From trained runs to a family that ships: half-precision weights, one card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from gsv_lab.checkpoint import file_fingerprint, load_component, read_header, save_component
from gsv_lab.nn.sampling import Sampling
from gsv_lab.system.folders import new_folder

CREDITS = (
    "LibriSpeech (CC BY 4.0): V. Panayotov, G. Chen, D. Povey, S. Khudanpur",
    "speechocean762 (CC BY 4.0): J. Zhang et al.",
    "Common Voice English and zh-CN (CC0 1.0), Mozilla and its contributors",
    "AISHELL-3 (Apache 2.0): Y. Shi, H. Bu, X. Xu, S. Zhang, M. Li",
)
"""Corpora in nano's training set, with the credit that their licences ask for."""
TRAINING_LISTS = ("nano_train.csv", "dev_list.csv")
"""Files of the folder `data` that list nano's training set, and the clips by which versions were chosen."""


def release(
    weights: Mapping[str, Path],
    folder: str | Path,
    version: str,
    sampling: Sampling,
    noise_scale: float,
    max_codes_per_phone: float,
    keep: Mapping[str, Path] | None = None,
    residual_correction: Mapping[str, float] | None = None,
    candidates: int = 1,
    postfilters: Mapping[str, Mapping[str, float]] | None = None,
    pauses: bool = False,
    training_lists: Sequence[str] = TRAINING_LISTS,
) -> Path:
    """Write a family folder.

    Args:
        weights: component name -> weight file of a run (`content_encoder`, `semantic_gpt`, `sovits`, ...).
        folder: where; an earlier release there is replaced as a whole.
        version: for example `nano-1`.
        sampling: default rule, chosen on development data.
        noise_scale: default factor on the prior's deviation.
        max_codes_per_phone: most codes that a phone may take on average.
        keep: file name -> file that is copied as it is.
        residual_correction: arguments of `ResidualCorrection` other than its defaults.
        candidates: of each sentence, see `Family`.
        postfilters: arguments, other than their defaults, of the two classes of `gsv_lab.extensions.postfilter`, under
            `latent` and `formants`.
        pauses: see `Family`.
        training_lists: names of such files, of which evaluation takes no test material.

    Returns:
        the folder.
    """
    card: dict[str, Any] = {
        "version": version,
        "licence": "MIT (code); weights CC BY 4.0, trained on the corpora credited below",
        "credits": list(CREDITS),
        "training_lists": list(training_lists),
        "sampling": asdict(sampling),
        "noise_scale": noise_scale,
        "max_codes_per_phone": max_codes_per_phone,
        "candidates": candidates,
        "pauses": pauses,
        "residual_correction": dict(residual_correction or {}),
        "postfilters": {"latent": {}, "formants": {}} | dict(postfilters or {}),
        "components": {},
    }
    with new_folder(folder, is_own="model.json") as target:
        for name, path in weights.items():
            info = read_header(path)["info"]
            component = load_component(path)
            written = save_component(component, target / f"{name}.safetensors", info, torch.float16)
            halved = file_fingerprint(written)
            parameters = sum(p.numel() for p in component.state_dict().values())
            card["components"][name] = {"parameters": parameters, "fingerprint": halved, **info}
        for name, path in (keep or {}).items():
            shutil.copyfile(path, target / name)
        (target / "model.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return Path(folder)
