"""A whole family at tiny size with random weights, and a tiny clip store: what end-to-end tests stand on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gsv_lab.checkpoint import save_component
from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.voice import Voice
from gsv_lab.system.config import build
from gsv_lab.text import CTC_SYMBOLS

TEXTS = ("she said it was a good day", "we walk home now", "今天天气很好", "我们回家吧")


def spec(path: str, **init_args: Any) -> dict[str, Any]:
    """A spec in YAML's form."""
    return {"class_path": f"gsv_lab.{path}", "init_args": init_args}


CONTENT = spec(
    "extensions.phone_content_encoder.PhoneContentEncoder", n_phones=102, width=16, layers=1, dim=12, dropout=0.0
)
QUANTIZER = spec("nn.quantizer.VectorQuantizer", dim=12, n_codes=20, projection="mean", hop=2)
GPT = spec(
    "extensions.monotonic_alignment.AlignedSemanticGPT",
    n_phones=732,
    n_codes=20,
    context_dim=36,
    dim=16,
    n_heads=2,
    n_layers=2,
    ffn_dim=32,
    dropout=0.0,
    max_advance=3,
)
SOVITS = spec(
    "extensions.sovits.ExtendedSoVITS",
    segment_frames=16,
    from_prior=0.5,
    frontend=spec("extensions.frontend.LogMelF0Frontend"),
    quantizer=QUANTIZER,
    speaker_encoder=spec(
        "extensions.measured_speaker_encoder.MeasuredSpeakerEncoder",
        base=spec("nn.speaker_encoder.StyleEncoder", spec_channels=160, speaker_dim=16, width=16, dropout=0.0),
    ),
    prior=spec(
        "extensions.phone_index_prior.PhoneIndexPrior", content_dim=12, latent_dim=8, speaker_dim=16, n_phones=732,
        width=16, filter_width=16, layers=[1, 1, 1], attention_width=16, attention_heads=2, dropout=0.0,
    ),
    posterior=spec(
        "nn.posterior.WaveNetPosterior", spec_channels=164, latent_dim=8, speaker_dim=16, width=16, layers=2
    ),
    flow=spec("nn.flow.CouplingFlow", latent_dim=8, speaker_dim=16, width=8, layers=1, couplings=2),
    vocoder=spec(
        "extensions.source_filter_vocoder.SourceFilterVocoder", latent_dim=8, speaker_dim=16, width=16, layers=1,
        own_pitch=False,
    ),
    pitch_predictor=spec(
        "extensions.pitch_predictor.PitchPredictor", hidden_dim=16, speaker_dim=16, width=16, layers=1
    ),
)  # fmt: skip
ALIGNED_PRIOR = spec(
    "extensions.aligned_prior.AlignedPrior", content_dim=12, latent_dim=8, speaker_dim=16, n_phones=732, width=16,
    layers=[1, 1],
)  # fmt: skip
PLANNED_GPT = spec(
    "extensions.duration_predictor.PlannedSemanticGPT",
    **GPT["init_args"],
    duration_predictor=spec(
        "extensions.duration_predictor.DurationPredictor", n_phones=732, context_dim=36, width=8, layers=1
    ),
)
DISCRIMINATORS = spec(
    "nn.discriminators.CombinedDiscriminator",
    discriminators=[spec("nn.discriminators.PeriodDiscriminator", period=2, channels=[4, 4])],
)
RECOGNISER_PHONES = {
    "en": [name for name in CTC_SYMBOLS[1:] if name.isupper() and name != "E"],
    "zh": [name for name in CTC_SYMBOLS[1:] if not name.isupper() or name == "E"],
}
RECOGNISERS = {
    language: spec(
        "extensions.phone_recogniser.DelayRecogniser", phones=names, language=language, width=16, inner=8, reaches=[1],
        states=12, layers=1, bands=20, dropout=0.0,
    )
    for language, names in RECOGNISER_PHONES.items()
}  # fmt: skip
VERIFIER = spec("extensions.speaker_verifier.SpeakerVerifier", width=16, layers=1, dim=8)


def make_family(folder: Path, seed: int = 0, **exchanged: dict[str, Any]) -> Path:
    """Write a family of untrained tiny networks; what it says is noise, but it says it.

    `exchanged` are specs that take the place of those here, by the name of the component.
    """
    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        "content_encoder": CONTENT,
        "semantic_gpt": GPT,
        "sovits": SOVITS,
        "speaker_verifier": VERIFIER,
        "discriminators": DISCRIMINATORS,
    }
    for name, made in {**parts, **exchanged}.items():
        save_component(build(made), folder / f"{name}.safetensors")
    sampling = {"top_k": 5, "min_new": 4, "max_new": 30}
    card = {"version": "tiny-1", "sampling": sampling, "noise_scale": 0.3, "max_codes_per_phone": 1.0}
    card |= {"residual_correction": {"sharpness": 6.0}, "postfilters": {"latent": {}, "formants": {"reach": 4}}}
    (folder / "model.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


def make_planning_family(folder: Path) -> Path:
    """The same with a prior that aligned phones lead, planned durations and places for pauses, as newer nanos are."""
    sovits = {**SOVITS, "init_args": {**SOVITS["init_args"], "prior": ALIGNED_PRIOR}}
    make_family(folder, sovits=sovits, semantic_gpt=PLANNED_GPT)
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (folder / "model.json").write_text(json.dumps({**card, "pauses": True}), encoding="utf-8")
    return folder


def make_store(
    folder: Path, clips: int = 12, seconds: float = 1.6, splits: Sequence[str] = ("train", "train", "valid")
) -> ClipStore:
    """A store of synthetic speech whose texts are only labels; speakers alternate."""
    corpus = SyntheticCorpus(n_speakers=3, n_clips=clips, seed=1)
    waves = {str(i): np.resize(corpus[i].wave, int(seconds * 16000)).astype(np.float32) for i in range(clips)}
    rows = []
    for i in range(clips):
        language = "zh" if i % 4 > 1 else "en"
        split = splits[i % len(splits)]
        rows.append(Clip(f"c{i:02d}", Path(str(i)), f"s{i % 3}", language, TEXTS[i % 4], split, "made", "F"))
    return ClipStore.pack(folder, rows, lambda path: waves[str(path)], 16000)


def experiment(task: dict[str, Any], data: dict[str, Any], batches: int, **trainer: Any) -> dict[str, Any]:
    """A resolved experiment of a few batches."""
    settings = {
        "minutes": 60.0,
        "max_batches": batches,
        "precision": "32",
        "validate_every": 1000,
        "log_every": 1,
        **trainer,
    }
    return {"name": "tiny", "seed": 3, "task": task, "data": data, "trainer": settings}


def noise_voice(lab: Lab) -> Voice:
    """A voice that goes on from a second of noise."""
    prompt = lab.recordings.prompt(torch.randn(16000) * 0.1)
    return Voice("me", lab.version, lab.recordings.fingerprints, torch.randn(1, 16, 1), prompt)
