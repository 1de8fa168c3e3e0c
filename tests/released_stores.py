"""A few short clips with a list file, and tiny companions of each released family where the released ones would lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from gsv_lab.corpora.synthetic import SyntheticCorpus
from released_files import place, sovits_spec, write_companions, write_sovits
from tiny import TEXTS

FAMILIES = {"v1": (False, 322, 1025), "v2": (False, 732, 704), "v2Pro": (True, 732, 704), "v2ProPlus": (True, 732, 704)}
"""Whether the speaker encoder reads verification vectors, phones, bins of the style encoder."""
RATE = 16000


def family_spec(family: str) -> dict[str, Any]:
    """A tiny SoVITS of a family."""
    pro, n_phones, bins = FAMILIES[family]
    return sovits_spec(pro, n_phones, bins)


def write_weights(folder: Path, *families: str, seed: int = 0) -> Path:
    """HuBERT, BERT, the verification network, and a SoVITS for each family."""
    torch.manual_seed(seed)
    write_companions(folder)
    for family in families:
        write_sovits(place(folder, "sovits", family), family_spec(family))
    return folder


def write_clips(folder: Path, count: int = 6, seconds: float = 1.6, **more: tuple[np.ndarray, str]) -> Path:
    """A list file `my.list` of synthetic speech of two speakers; `more` are further waves with their texts, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    corpus = SyntheticCorpus(n_speakers=2, n_clips=max(1, count), seed=1)
    lines = []
    for number in range(count):
        wave = np.resize(corpus[number].wave, int((seconds + 0.01 * number) * RATE)).astype(np.float32)
        soundfile.write(folder / f"c{number}.wav", wave, RATE)
        language = "zh" if number % 4 > 1 else "en"
        lines.append(f"c{number}.wav|s{number % 2}|{language}|{TEXTS[number % 4]}")
    for name, (wave, text) in more.items():
        soundfile.write(folder / f"{name}.wav", wave, RATE, subtype="FLOAT")
        lines.append(f"{name}.wav|s1|en|{text}")
    path = folder / "my.list"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
