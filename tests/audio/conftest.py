"""Real speech for the tests of recordings."""

from __future__ import annotations

import pytest
import torch

from gsv_lab import audio


@pytest.fixture(scope="session")
def reading(shared):
    """Half a minute of one English reader (LJ), with its clips' texts: (samples at 22,050 Hz, rate, texts, seconds)."""
    rows = (shared / "speech/ljspeech_mini/metadata.csv").read_text(encoding="utf-8").splitlines()[1:6]
    clips, texts, starts, at = [], [], [], 0.0
    for row in rows:
        path, _, _, text = row.split("|")[:4]
        clip = audio.read(shared / "speech/ljspeech_mini" / path)
        pause = torch.zeros(clip.sample_rate)
        starts.append((at, at + clip.seconds))
        clips += [clip.samples, pause]
        at += clip.seconds + 1.0
        texts.append(text)
    return torch.cat(clips), clip.sample_rate, texts, starts
