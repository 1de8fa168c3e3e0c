"""Files of format 1, written with older names: their specifications and tensor names in today's words.

This is the one place where old names are understood; everything after it knows the new ones only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from gsv_lab.system.migration import ARGUMENTS, CLASSES

OLD_SOVITS = "gsv_lab.models.sovits.SoVITS"
OLD_PRIOR = "gsv_lab.nn.prior.TextContentPrior"
OLD_GPT = "gsv_lab.nn.semantic_gpt.SemanticGPT"
OLD_HIFIGAN = "gsv_lab.nn.vocoder.HiFiGAN"

NAMES = (
    (r"\bpointer\.stay\b", "monotonic_alignment.duration_embedding"),
    (r"\bpointer\.here\b", "monotonic_alignment.current_phone"),
    (r"\bpointer\.ahead\b", "monotonic_alignment.next_phone"),
    (r"\bpointer\.", "monotonic_alignment."),
    (r"\bcross_attention\.here\b", "cross_attention.phone_in"),
    (r"\benter\b", "in_proj"),
    (r"\bleave\b", "out_proj"),
    (r"^judges\.", "discriminators."),
    (r"^memory\.lesson$", "residuals.weights"),
    (r"^memory\.hidden$", "residuals.hidden"),
    (r"^voice\.places$", "voice.phone_index"),
)
"""Patterns of old tensor names and what takes their place, applied one after the other."""


def upgrade_name(name: str) -> str:
    """Today's name of a tensor in a file of format 1."""
    for pattern, new in NAMES:
        name = re.sub(pattern, new, name)
    return name


def upgrade_spec(spec: Any, audio: Mapping[str, Any]) -> Any:
    """A specification of format 1 in today's words.

    Args:
        spec: `class_path` and `init_args`, nested.
        audio: sound settings in the file's header, of released networks.
    """
    if isinstance(spec, list):
        return [upgrade_spec(item, audio) for item in spec]
    if not isinstance(spec, Mapping):
        return spec
    if "class_path" not in spec:
        return {key: upgrade_spec(value, audio) for key, value in spec.items()}
    path = str(spec["class_path"])
    arguments = dict(spec.get("init_args") or {})
    if path == OLD_SOVITS:
        path, arguments = _sovits(arguments, audio)
    elif path == OLD_PRIOR and arguments.pop("pointed", False):
        path = "gsv_lab.extensions.phone_index_prior.PhoneIndexPrior"
    elif path == OLD_GPT:
        if moves := arguments.pop("moves", 0):
            path = "gsv_lab.extensions.monotonic_alignment.AlignedSemanticGPT"
            arguments["max_advance"] = moves
    else:
        path = CLASSES.get(path, path)
    renamed = ARGUMENTS.get(path, {})
    upgraded = {renamed.get(key, key): upgrade_spec(value, audio) for key, value in arguments.items()}
    return {"class_path": path, "init_args": upgraded}


def _sovits(arguments: dict[str, Any], audio: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The class and arguments of an acoustic model, with the frontend that the old one had without saying so."""
    vocoder = arguments["vocoder"]
    posterior = arguments.get("posterior")
    settings = vocoder.get("init_args") or {}
    if vocoder["class_path"] == OLD_HIFIGAN:
        bins = posterior["init_args"]["spec_channels"] if posterior else audio.get("bins", 1025)
        hop = math.prod(settings.get("upsample_rates", (10, 8, 2, 2, 2)))
        frontend = {"n_fft": 2 * (bins - 1), "hop_length": hop, "sample_rate": 50 * hop}
        arguments["frontend"] = {"class_path": "gsv_lab.nn.frontend.LinearFrontend", "init_args": frontend}
        if arguments.get("pitch_predictor") is None and not arguments.get("from_prior"):
            arguments = {k: v for k, v in arguments.items() if k not in ("pitch_predictor", "from_prior")}
            return "gsv_lab.nn.sovits.SoVITS", arguments
    else:
        rate = settings.get("sample_rate", 16000)
        frontend = {"sample_rate": rate, "ltas_dim": settings.get("colours", 0)}
        arguments["frontend"] = {"class_path": "gsv_lab.extensions.frontend.LogMelF0Frontend", "init_args": frontend}
    return "gsv_lab.extensions.sovits.ExtendedSoVITS", arguments


OLD_FILES = {"speaker_verifier": "verifier", "recogniser_en": "judge_en", "recogniser_zh": "judge_zh"}
"""Names of a family's extra networks, and those of their files before."""

CARD = {"takes": "candidates", "memory": "residual_correction", "codes_per_phone": "max_codes_per_phone"}
"""Old keys of `model.json` -> new ones."""


def upgrade_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """A `model.json` in today's words."""
    upgraded = {CARD.get(key, key): value for key, value in card.items()}
    sampling = upgraded.get("sampling")
    if isinstance(sampling, Mapping) and "pace" in sampling:
        sampling = dict(sampling)
        sampling["codes_per_phone"] = sampling.pop("pace")
        upgraded["sampling"] = sampling
    return upgraded
