"""Pictures: arrays or records in, a matplotlib `Figure` out.

`gsv_lab.figures.mel_compare(...)` and its siblings draw and return; they never show, save or choose a backend. Names
are found when first used, so that the measures (`gsv_lab.figures.measures`) can be had without any plotting library.
"""

from __future__ import annotations

import importlib
from typing import Any

_PICTURES: dict[str, tuple[str, ...]] = {
    "strips": (
        "waveform", "spectrogram", "phone_strip", "pipeline_strip", "code_ribbon", "f0_overlay", "spectrogram_pair",
    ),
    "spectra": ("mel_compare", "feature_stack", "filter_bank"),
    "codes": ("codebook_usage", "phone_code_matrix"),
    "training": ("training_curves", "moved_parameters", "slice_quality"),
    "attention": ("triangle_attention", "alignment", "alignments"),
    "traces": ("completeness",),
    "sampling": ("sampling_candidates",),
    "latents": ("flow_densities", "latent_spread", "vocoder_stages", "excitation"),
    "speakers": ("speaker_space", "leakage_matrix"),
    "effects": ("head_costs", "cost_scatter", "shift_scatter", "forest"),
    "scores": ("pair_scores", "warping_path"),
    "ratings": ("opinion_scores", "vote_shares", "pair_matrix", "rater_scatter", "interval_coverage"),
    "verdicts": ("verdict_table",),
    "views": ("tensor_view",),
}  # fmt: skip
_OTHERS = {
    "style": ("look", "picture", "png", "canvas", "Picture"),
    "measures": ("diagonality", "entropy", "monotone_path", "perplexity", "principal", "uncertainty"),
    "views": ("draw",),
    "drawing": ("diagram", "Diagram"),
    "examples": ("Material", "gallery"),
}
_HOME = {name: module for group in (_PICTURES, _OTHERS) for module, names in group.items() for name in names}

__all__ = ["catalogue", *_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def catalogue() -> dict[str, str]:
    """Every picture by name, with the first line of its description."""
    names = [name for members in _PICTURES.values() for name in members]
    return {name: (__getattr__(name).__doc__ or "").strip().split("\n")[0] for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no picture {name!r}; there are {', '.join(sorted(_HOME))}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
