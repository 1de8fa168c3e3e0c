"""Two people in one recording: found from vectors of the slices, noted by `prepare`, never a reason to refuse."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gsv_lab.audio.speakers import SEVERAL, parted
from gsv_lab.corpora.prepare import prepare

from .test_prepare import by_level, same_date, save  # noqa: F401


def slices(*voices: int, spread: float = 0.5) -> Tensor:
    """One vector for each slice: voices are at right angles, slices of one voice near each other."""
    generator = torch.Generator().manual_seed(0)
    points = 3 * torch.eye(16)[list(voices)]
    return points + spread * torch.randn(len(voices), 16, generator=generator)


def test_two_voices_part_and_one_does_not() -> None:
    assert parted(slices(0, 0, 0, 0, 0, 0)).distance < SEVERAL / 2
    mixed = parted(slices(0, 0, 1, 0, 1, 1, 0))
    assert mixed.distance > 2 * SEVERAL and mixed.second.nonzero().flatten().tolist() == [2, 4, 5]
    assert parted(slices(1, 0, 0, 0, 0, 0, 1)).second.nonzero().flatten().tolist() == [0, 6]


def test_the_distance_is_that_of_the_means_and_not_that_of_the_draws() -> None:
    """18 is the squared distance of two right angles of length 3."""
    far = [parted(slices(*[0] * n, *[1] * n, spread=1.0)).distance for n in (4, 40)]
    assert all(abs(distance - 18) < 4 for distance in far)


def test_one_odd_slice_and_too_few_slices_prove_nothing() -> None:
    assert parted(slices(0, 0, 0, 0, 1)).distance < SEVERAL
    assert parted(slices(0, 1, 0)).distance == 0.0 and not parted(slices(0, 1, 0)).second.any()
    assert parted(torch.ones(5, 4)).distance == 0.0


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
