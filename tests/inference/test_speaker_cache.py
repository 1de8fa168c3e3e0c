"""Speaker vectors on disk: found by content, not by name; bounded; erased on request; never in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gsv_lab.inference.speaker_cache import SpeakerCache


class Encoder:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Tensor:
        self.calls += 1
        return torch.full((1, 4, 1), float(self.calls))


def wave(number: int, samples: int = 100) -> Tensor:
    return torch.randn(samples, generator=torch.Generator().manual_seed(number))


def test_the_same_samples_are_encoded_once(tmp_path: Path) -> None:
    encoder = Encoder()
    first = SpeakerCache(tmp_path / "speakers").vector([wave(0)], "a", encoder)
    again = SpeakerCache(tmp_path / "speakers").vector([wave(0).clone()], "a", encoder)
    assert encoder.calls == 1 and torch.equal(first, again) and again.shape == (1, 4, 1)


def test_other_samples_order_length_and_encoder_are_other_vectors() -> None:
    key = SpeakerCache.key
    one, two = wave(0), wave(1)
    joined = torch.cat([one, two])
    keys = {
        key([one], "a"), key([one], "b"), key([two], "a"), key([one, two], "a"), key([two, one], "a"),
        key([joined], "a"), key([one[:-1]], "a"), key([one + 1e-6], "a"),
    }  # fmt: skip
    assert len(keys) == 8
    assert key([one.reshape(1, 1, -1)], "a") == key([one], "a")


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache, encoder = SpeakerCache(tmp_path, limit=3), Encoder()
    for number in range(3):
        cache.vector([wave(number)], "a", encoder)
        os.utime(tmp_path / f"{cache.key([wave(number)], 'a')}.safetensors", (1000 + number, 1000 + number))
    cache.vector([wave(0)], "a", encoder)  # used again: now the newest
    cache.vector([wave(3)], "a", encoder)
    assert len(cache) == 3 and encoder.calls == 4
    for number in (0, 2, 3):
        cache.vector([wave(number)], "a", encoder)
    assert encoder.calls == 4
    cache.vector([wave(1)], "a", encoder)
    assert encoder.calls == 5


def test_forgotten_and_cleared(tmp_path: Path) -> None:
    cache, encoder = SpeakerCache(tmp_path), Encoder()
    for number in range(3):
        cache.vector([wave(number)], "a", encoder)
    (tmp_path / "other.txt").write_text("not a vector")
    cache.forget(cache.key([wave(1)], "a"))
    cache.forget("0" * 64)
    assert len(cache) == 2
    assert cache.clear() == 2 and len(cache) == 0
    assert (tmp_path / "other.txt").exists()
    assert SpeakerCache(tmp_path / "absent").clear() == 0


@pytest.mark.parametrize("damage", [b"", b"no tensors", None])
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: bytes | None) -> None:
    cache, encoder = SpeakerCache(tmp_path), Encoder()
    cache.vector([wave(0)], "a", encoder)
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes()[:-3] if damage is None else damage)
    assert float(cache.vector([wave(0)], "a", encoder).mean()) == 2
    assert float(cache.vector([wave(0)], "a", encoder).mean()) == 2


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    encoder = Encoder()
    for calls in (1, 2):
        SpeakerCache(tmp_path / "file" / "speakers").vector([wave(0)], "a", encoder)
        assert encoder.calls == calls


def test_a_vector_of_another_width_is_made_anew(tmp_path: Path) -> None:
    cache, encoder = SpeakerCache(tmp_path), Encoder()
    cache.vector([wave(0)], "a", lambda: torch.zeros(1, 3, 1), 3)
    assert cache.vector([wave(0)], "a", encoder, 4).shape == (1, 4, 1)
    assert float(cache.vector([wave(0)], "a", encoder, 4).mean()) == 1 and encoder.calls == 1
