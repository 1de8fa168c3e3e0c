"""Two people in one recording: found from vectors of the slices, noted by `prepare`, never a reason to refuse."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from gsv_lab.audio.speakers import SEVERAL, likeness
from gsv_lab.corpora.prepare import prepare

from .test_prepare import by_level, same_date, save  # noqa: F401


def slices(*voices: int, spread: float = 0.08) -> Tensor:
    """One vector for each slice: voices are at right angles, slices of one voice near each other."""
    generator = torch.Generator().manual_seed(0)
    points = torch.eye(16)[list(voices)]
    return normalize(points + spread * torch.randn(len(voices), 16, generator=generator), dim=1)


def test_two_voices_part_and_one_does_not() -> None:
    assert likeness(slices(0, 0, 0, 0, 0, 0)) > 0.9
    assert likeness(slices(0, 0, 1, 0, 1, 1)) < 0.3 < SEVERAL
    assert likeness(slices(0, 0, 0, 0, 1, 1)) < SEVERAL


def test_one_odd_slice_and_too_few_slices_prove_nothing() -> None:
    assert likeness(slices(0, 0, 0, 0, 1)) == 1.0
    assert likeness(slices(0, 1, 0)) == 1.0
    assert likeness(torch.ones(5, 4) / 2) == 1.0


@pytest.mark.parametrize("people", [1, 2])
def test_prepare_notes_it(people: int, tmp_path, by_level) -> None:  # noqa: F811
    path = save(tmp_path / "talk.wav", *[6.0] * 6)
    lengths = []

    def embed(wave: Tensor) -> Tensor:
        lengths.append(wave.numel() / 16_000)
        return slices(*range(2))[len(lengths) % people]

    made = prepare([path], tmp_path / "out", embed=embed)
    assert len(lengths) == len(made.slices) >= 4 and all(3 <= seconds <= 10 for seconds in lengths)
    noted = [note for report in made.files for note in report.notes if note.startswith("AUDIO_MULTI_SPEAKER")]
    assert len(noted) == people - 1
    assert ("AUDIO_MULTI_SPEAKER" in str(made)) == (people == 2)
    assert ("AUDIO_MULTI_SPEAKER" in (tmp_path / "out" / "report.json").read_text()) == (people == 2)
