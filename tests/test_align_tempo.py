"""The aligner against itself: the same real clip at two tempos must have its phones at the same places.

    pytest tests/test_align_tempo.py -s

prints the median difference of phone borders, by language. No true times of these clips are known, so this says how
steady the times are, not how right.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import gsv_lab
from gsv_lab.evaluation.lists import SAMPLE_RATE, read_list
from gsv_lab.inference.lab import Lab
from gsv_lab.text import phonemize

RATES = (0.88, 1.14)
"""How much faster: the tempos at which the recogniser was trained end here."""


def borders(lab: Lab, wave: np.ndarray, text: str, language: str) -> np.ndarray:
    """Starts of the phones that sound, then the end of the last, in seconds."""
    found = lab.recordings.align(torch.from_numpy(wave.copy()), phonemize(text, language))
    spoken = found.ids >= 0
    return np.append(found.start[spoken], found.end[spoken][-1])


@pytest.mark.parametrize(("language", "most"), [("en", 0.03), ("zh", 0.03)])
def test_borders_follow_the_tempo(language: str, most: float, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from librosa.effects import time_stretch

    lab = gsv_lab.load("nano")
    items = [item for item in read_list(shared / "speech" / "dev_list.csv").items if item.language == language]
    targets = [item.target for item in items if item.target is not None]
    clips = {clip.speaker: clip for clip in targets if 2.0 <= clip.read().size / SAMPLE_RATE <= 6.0}
    shifts = []
    for clip in list(clips.values())[:5]:
        wave = clip.read(lab.sample_rate)
        slow, fast = (
            borders(lab, time_stretch(wave, rate=rate), clip.text, language) * rate for rate in RATES
        )  # fmt: skip
        shifts.append(slow - fast)
    moved = np.concatenate(shifts)
    median, wide = np.median(np.abs(moved)), np.percentile(np.abs(moved), 90)
    with capsys.disabled():
        print(
            f"\n{lab.version}, {language}: {len(moved)} borders of {len(shifts)} clips, tempo {RATES[0]} and "
            f"{RATES[1]}: median difference {1000 * median:.0f} ms, nine of ten within {1000 * wide:.0f} ms, "
            f"mean {1000 * np.mean(moved):+.0f} ms"
        )
    assert len(moved) > 60
    assert median <= most, "borders of the same clip at two tempos"
