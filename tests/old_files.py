"""Files of format 1, written by hand from today's tiny networks: tensors under their old names, specs as they were."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from tiny import CONTENT, DISCRIMINATORS, GPT, RECOGNISERS, SOVITS, VERIFIER, spec

OLD_NAMES = (
    (r"monotonic_alignment\.duration_embedding\b", "pointer.stay"),
    (r"monotonic_alignment\.current_phone\b", "pointer.here"),
    (r"monotonic_alignment\.next_phone\b", "pointer.ahead"),
    (r"monotonic_alignment\.", "pointer."),
    (r"cross_attention\.phone_in\b", "cross_attention.here"),
    (r"\bin_proj\b", "enter"),
    (r"\bout_proj\b", "leave"),
    (r"^discriminators\.", "judges."),
    (r"^residuals\.weights$", "memory.lesson"),
    (r"^residuals\.hidden$", "memory.hidden"),
    (r"^voice\.phone_index$", "voice.places"),
)
"""Patterns of today's tensor names, and what they were in format 1."""

LTAS = 3
WIDTHS = {"latent_dim": 8, "speaker_dim": 16 + LTAS}


def today() -> dict[str, dict[str, Any]]:
    """Specs of a tiny family whose parts have all that was named otherwise, by the name of the file."""
    sovits = json.loads(json.dumps(SOVITS))
    parts = sovits["init_args"]
    for name in ("prior", "posterior", "flow", "vocoder", "pitch_predictor"):
        parts[name]["init_args"]["speaker_dim"] = 16 + LTAS
    for name in ("frontend", "speaker_encoder", "vocoder"):
        parts[name]["init_args"]["ltas_dim"] = LTAS
    parts["frontend"]["init_args"]["sample_rate"] = 16000
    parts["pitch_predictor"]["init_args"]["f0_frames"] = 2
    return {
        "content_encoder": CONTENT,
        "semantic_gpt": GPT,
        "sovits": sovits,
        "discriminators": DISCRIMINATORS,
        "speaker_verifier": VERIFIER,
        "recogniser_en": RECOGNISERS["en"],
        "recogniser_zh": RECOGNISERS["zh"],
    }


def renamed(made: Mapping[str, Any], class_path: str, **init_args: Any) -> dict[str, Any]:
    """A spec with its old class path, and arguments that had another value or name."""
    return spec(class_path, **{**made["init_args"], **init_args})


def before() -> dict[str, tuple[str, dict[str, Any]]]:
    """By today's name of a file: its old name, and its spec as format 1 had it."""
    made = today()
    small = {"width": 16, "layers": 1}
    style = spec("nn.speaker_encoder.StyleEncoder", spec_channels=160, speaker_dim=16, width=16, dropout=0.0)
    text = {"content_dim": 12, "n_phones": 732, "width": 16, "filter_width": 16, "layers": [1, 1, 1], "dropout": 0.0}
    attention = {"attention_width": 16, "attention_heads": 2}
    sovits = spec(
        "models.sovits.SoVITS",
        segment_frames=16,
        from_prior=0.5,
        quantizer=made["sovits"]["init_args"]["quantizer"],
        speaker_encoder=spec("nn.speaker_encoder.PitchedSpeakerEncoder", base=style, colours=LTAS),
        prior=spec("nn.prior.TextContentPrior", **WIDTHS, **text, **attention, pointed=True),
        posterior=spec("nn.posterior.WaveNetPosterior", spec_channels=164, **WIDTHS, width=16, layers=2),
        flow=spec("nn.flow.CouplingFlow", **WIDTHS, width=8, layers=1, couplings=2),
        vocoder=spec("nn.vocoder_source.SourceFilterVocoder", **WIDTHS, **small, own_pitch=False, colours=LTAS),
        pitch_predictor=spec("nn.pitch_predictor.PitchPredictor", **small, hidden_dim=16, speaker_dim=19, rate=2),
    )
    gpt = renamed(GPT, "nn.semantic_gpt.SemanticGPT", moves=3)
    del gpt["init_args"]["max_advance"]
    judge = spec("nn.discriminators.PeriodJudge", period=2, channels=[4, 4])
    return {
        "content_encoder": ("content_encoder", renamed(CONTENT, "nn.content_encoder.PhoneContentEncoder")),
        "semantic_gpt": ("semantic_gpt", gpt),
        "sovits": ("sovits", sovits),
        "discriminators": ("discriminators", spec("nn.discriminators.Discriminators", judges=[judge])),
        "speaker_verifier": ("verifier", renamed(VERIFIER, "nn.verifier.SpeakerVerifier")),
        "recogniser_en": ("judge_en", renamed(RECOGNISERS["en"], "nn.recogniser.DelayRecogniser")),
        "recogniser_zh": ("judge_zh", renamed(RECOGNISERS["zh"], "nn.recogniser.DelayRecogniser")),
    }


def old_name(name: str) -> str:
    """What a tensor was called."""
    for pattern, old in OLD_NAMES:
        name = re.sub(pattern, old, name)
    return name


def write_old(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> Path:
    """A file of format 1."""
    stored = {old_name(name): value.detach().clone().contiguous() for name, value in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(stored, path, {"gsv_lab": json.dumps({"format": 1, **header})})
    return path
