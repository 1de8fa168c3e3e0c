"""The plain baseline of a family as a lab: what a run of `configs/nano/baseline.yaml` has trained, beside the family's
own content encoder.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gsv_lab.checkpoint import load_component
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.loading import ROLES
from gsv_lab.inference.synthesizer import Synthesizer


def baseline_lab(lab: Lab, folder: str | Path) -> Lab:
    """A lab that speaks with the regressors: one candidate, no noise, no residual correction, no postfilter.

    Args:
        lab: of the family that the baseline was trained on.
        folder: with `sovits.safetensors` and `semantic_gpt.safetensors`, as `gsv-lab fit` writes them.

    Raises:
        CheckpointError: see `load_component`. ConfigError: CONFIG_INCONSISTENT, the networks do not fit the family's.
    """
    family, own = lab.family, lab.family.synthesizer
    files = {name: Path(folder) / f"{name}.safetensors" for name in ("semantic_gpt", "sovits")}
    parts = {name: load_component(path, ROLES[name]) for name, path in files.items()}
    synthesizer = Synthesizer(own.content_encoder, context_encoder=own.context_encoder, **parts)
    synthesizer.to(own.device).eval().precision = own.precision
    return Lab(
        replace(
            family,
            version=f"{family.version}-baseline",
            synthesizer=synthesizer,
            noise_scale=0.0,
            candidates=1,
            files={**family.files, **files},
        )
    )
