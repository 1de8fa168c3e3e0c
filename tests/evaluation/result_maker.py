"""Results as `evaluate` writes them, made up, for tests of what is made from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gsv_lab import audio

NASTY = 'robot <script>alert("1")</script> $x_1$'
SYSTEMS = ("natural", "espeak", "nano-6", NASTY)
SHIFT = {"natural": 0.0, "espeak": 1.0, "nano-6": 0.4, NASTY: 0.7}
SPEAKERS = ("ann", "bob", "cui", "dan")
TEXTS = {
    "en": ("the quick brown fox jumps over the lazy dog", "the quick brown box over the lazy dog dog"),
    "zh": ("今 天 天 气 很 好", "今 天 天 汽 好"),
}
COLUMNS: dict[tuple[str, str], tuple[float, float]] = {
    ("word_error", "whisper-base"): (0.05, 0.2),
    ("word_error", "pocketsphinx"): (0.25, 0.3),
    ("char_error", "whisper-base"): (0.06, 0.2),
    ("phone_error", "recogniser_en"): (0.08, 0.1),
    ("skipped", "recogniser_en"): (0.0, 0.4),
    ("similarity", "ge2e"): (0.88, -0.3),
    ("similarity_normalised", "ge2e"): (1.0, -0.8),
    ("nearest", "ge2e"): (1.0, -0.6),
    ("ceiling", "ge2e"): (0.88, 0.0),
    ("floor", "ge2e"): (0.55, 0.0),
    ("dnsmos", "dnsmos"): (3.1, -0.6),
    ("f0_rmse", "signal"): (90.0, 150.0),
    ("duration_ratio", "signal"): (1.0, 0.4),
    ("speaking_rate", "signal"): (4.5, 0.5),
    ("mcd", "signal"): (5.0, 2.0),
    ("clipping", "signal"): (0.0, 0.0001),
    ("band_hz", "signal"): (7900.0, -2000.0),
    ("warmth", "my_network"): (0.3, 0.4),
}
"""(measure, evaluator) -> (natural value, shift)."""


def results(speakers: tuple[str, ...] = SPEAKERS, systems: tuple[str, ...] = SYSTEMS, each: int = 3) -> dict[str, Any]:
    """Results of some systems on `each` items a speaker and language, with gaps and a failed clip."""
    rng = np.random.default_rng(0)
    clips = []
    for system in systems:
        for language, (expected, heard) in TEXTS.items():
            for speaker in speakers:
                for number in range(each):
                    clips.append(_clip(rng, system, f"{speaker}_{language}_{number}", language, expected, heard))
    broken = next(clip for clip in clips if clip["system"] == systems[-1])
    broken |= {"failed": "AUDIO_EMPTY", "values": {}, "texts": {}, "seconds": None}
    figures = [row for system in systems for row in _figures(clips, system, len(speakers))]
    return {
        "schema": 4,
        "list": {"name": "sixty.csv", "sha256": "ab" * 32, "items": len(speakers) * each * 2},
        "settings": {"seeds": [0], "draws": 2000, "level": 0.95},
        "evaluators": [
            {"measure": m, "evaluator": e, "identity": f"{e} 1.0, weights 0123abcd"} for m, e in COLUMNS if m != "floor"
        ],
        "not_measured": [
            {"system": "", "measure": "pesq", "evaluator": "signal", "clips": 0, "reason": "pesq is not installed"},
            {"system": "espeak", "measure": "si_snr", "evaluator": "", "clips": 24, "reason": "no copy synthesis"},
        ],
        "systems": {name: _system(name, clips, name == systems[-1]) for name in systems},
        "figures": figures,
        "differences": _differences(figures, systems),
        "thresholds": {"ge2e": {"en": {"threshold": 0.71, "rate": 0.02}, "zh": {"threshold": 0.69, "rate": 0.0}}},
        "warnings": ["espeak has 2 of 24 items missing", f"{NASTY}: band of 5600 Hz, natural 7900 Hz"],
        "clips": clips,
    }


def _clip(rng: np.random.Generator, system: str, item: str, language: str, expected: str, heard: str) -> dict[str, Any]:
    values: dict[str, dict[str, float]] = {}
    for (measure, evaluator), (start, shift) in COLUMNS.items():
        if (measure, language) in (("word_error", "zh"), ("char_error", "en")):
            continue
        value = start + SHIFT[system] * shift * rng.uniform(0.5, 1.5) + 0.05 * start * rng.standard_normal()
        values.setdefault(measure, {})[evaluator] = float(max(value, 0))
    measure = "word_error" if language == "en" else "char_error"
    recognised = heard if SHIFT[system] > rng.uniform(0, 1) else expected
    return {
        "system": system, "item": item, "speaker": item.split("_")[0], "language": language,
        "seed": None if system == "natural" else 0, "seconds": 2.0, "failed": None, "path": f"{item}.wav",
        "values": values,
        "texts": {"whisper-base": {measure: {"expected": expected, "recognised": recognised}}},
    }  # fmt: skip


def _system(name: str, clips: list[dict[str, Any]], broken: bool) -> dict[str, Any]:
    own = [clip for clip in clips if clip["system"] == name]
    failed = [{"item": own[0]["item"], "seed": 0, "code": "AUDIO_EMPTY"}] if broken else []
    missing = ["eve_en_1", "eve_en_2"] if name == "espeak" else []
    return {
        "samples": len(own), "items": len(own), "missing": missing, "extra": ["readme"] if missing else [],
        "failed": failed, "rates": {"22050": len(own)}, "band_hz": 7800.0, "sounds": "0123456789abcdef",
    }  # fmt: skip


def _figures(clips: list[dict[str, Any]], system: str, speakers: int) -> list[dict[str, Any]]:
    rows = []
    for language in TEXTS:
        for measure, evaluator in COLUMNS:
            values: dict[str, list[float]] = {}
            for clip in clips:
                if (clip["system"], clip["language"]) == (system, language) and measure in clip["values"]:
                    if evaluator in clip["values"][measure]:
                        values.setdefault(clip["speaker"], []).append(clip["values"][measure][evaluator])
            if values:
                means = {speaker: float(np.mean(found)) for speaker, found in values.items()}
                middle, spread = float(np.mean([*means.values()])), float(np.std([*means.values()]))
                rows.append({
                    "system": system, "language": language, "measure": measure, "evaluator": evaluator, "value": middle,
                    "t": [middle - 2 * spread, middle + 2 * spread],
                    "bootstrap": [middle - 1.5 * spread, middle + 1.5 * spread],
                    "unit": "speaker" if speakers > 1 else "clip", "speakers": len(means),
                    "items": sum(map(len, values.values())), "by_speaker": means,
                })  # fmt: skip
    return rows


def _differences(figures: list[dict[str, Any]], systems: tuple[str, ...]) -> list[dict[str, Any]]:
    table = {(row["system"], row["language"], row["measure"], row["evaluator"]): row for row in figures}
    pairs = [(b, a) if a == "natural" else (a, b) for i, a in enumerate(systems) for b in systems[i + 1 :]]
    rows = []
    for a, b in pairs:
        for (system, *rest), row in table.items():
            if system == a and (b, *rest) in table:
                value = row["value"] - table[b, *rest]["value"]
                width = 0.3 * abs(value) + 0.5 * (row["t"][1] - row["t"][0])
                sure = width < abs(value)
                rows.append({
                    "a": a, "b": b, **dict(zip(("language", "measure", "evaluator"), rest, strict=True)),
                    "value": value, "t": [value - width, value + width],
                    "bootstrap": [value - width / 1.2, value + width / 1.2], "p": 0.0002 if sure else 0.3,
                    "p_holm": 0.01 if sure else 1.0, "unit": row["unit"], "speakers": row["speakers"],
                    "items": row["items"],
                })  # fmt: skip
    return rows


TIMING = {
    "commit": "27a259e",
    "packages": {"torch": "2.11.0", "numpy": "2.4.6"},
    "machine": {"cpu": "made-up CPU", "threads": 2},
    "seconds": {"word_error whisper-base": 61.2},
}


def write_sounds(folder: Path, found: dict[str, Any]) -> dict[tuple[str, str, int | None], Path]:
    """A short sweep for every clip that did not fail, by system, item and seed."""
    paths = {}
    for number, clip in enumerate(found["clips"]):
        if clip["failed"] is None:
            time = torch.arange(32_000) / 16_000
            wave = 0.3 * torch.sin(2 * torch.pi * (200 + 10 * number) * time * (1 + time)) + 0.01 * torch.randn(
                32_000, generator=torch.Generator().manual_seed(number)
            )
            mark = None if clip["system"] == "natural" else audio.Mark("made", "ann", "2026-01-01")
            path = folder / f"{number}.wav"
            paths[clip["system"], clip["item"], clip["seed"]] = audio.write(path, wave, 16_000, mark)
    return paths
