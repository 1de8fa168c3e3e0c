"""Which recording a notebook finds, what it knows of it, and the codebook that trains in a notebook."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gsv_lab import audio
from gsv_lab.errors import AudioError, ConfigError, DataError
from gsv_lab.inference.lab import load
from gsv_lab.teaching.exercises.live import joint_counts, scaled, train_codebook
from gsv_lab.teaching.exercises.material import find_speech, timed_phones
from gsv_lab.teaching.exercises.sounds import true_ends
from gsv_lab.text import phonemize
from tiny import make_family


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GSV_LAB_SPEECH", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)


def tone(path: Path, seconds: float = 1.0, rate: int = 22050) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return audio.write(path, 0.2 * torch.sin(torch.arange(round(seconds * rate)) / 20), rate)


def test_the_order_of_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "synthesizer" in find_speech().source and find_speech().path.name == "en_rms.flac"
    cached = tmp_path / "cache" / "librosa" / "abc-5703-47212-0000.ogg"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"not read here")
    assert find_speech().path == cached and "libri1" in find_speech().source
    folder = tmp_path / "mine"
    tone(folder / "b.wav")
    first = tone(folder / "a.flac")
    (folder / "a.txt").write_text("What is said.\n", encoding="utf-8")
    monkeypatch.setenv("GSV_LAB_SPEECH", str(folder))
    assert find_speech().path == first and find_speech().text == "What is said." and "a.flac" in find_speech().source
    given = find_speech(folder / "b.wav", "Something else.", "en")
    assert given.path.name == "b.wav" and given.text == "Something else." and "b.wav" in given.source
    assert find_speech(folder / "a.flac").text == "What is said."


def test_wrong_places_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AudioError, match="gone.wav"):
        find_speech(tmp_path / "gone.wav")
    monkeypatch.setenv("GSV_LAB_SPEECH", str(tmp_path / "gone"))
    with pytest.raises(ConfigError):
        find_speech()
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("GSV_LAB_SPEECH", str(tmp_path / "empty"))
    assert find_speech().path.name == "en_rms.flac"


def test_a_transcript_may_have_lines_and_must_be_text(tmp_path: Path) -> None:
    mine = tone(tmp_path / "me.wav")
    (tmp_path / "me.txt").write_bytes(b"\xef\xbb\xbfGood morning.\r\n\r\nThank you.\n")
    assert find_speech(mine).text == "Good morning. Thank you."
    (tmp_path / "me.txt").write_bytes(b"Gr\xfc\xdfe")
    with pytest.raises(DataError, match="Line 1 of .me.txt. is not UTF-8"):
        find_speech(mine)


def test_waves_are_at_the_rate_of_nano_and_not_too_long(tmp_path: Path) -> None:
    short, long = find_speech(tone(tmp_path / "s.wav", 2.0)), find_speech(tone(tmp_path / "l.wav", 50.0))
    assert short.wave.shape == (32000,) and float(short.wave.abs().max()) == pytest.approx(0.9, abs=0.01)
    assert short.is_whole and not long.is_whole and long.wave.numel() == 40 * 16000
    assert "<audio" in short._repr_html_() and "s.wav" in short._repr_html_()


def test_phones_come_from_the_text_or_from_the_recogniser(tmp_path: Path, sample: Path) -> None:
    lab = load(str(make_family(tmp_path / "family")))
    known = find_speech().timed(lab)
    assert known.from_transcript and len(known.symbols) == len(known.alignment)
    assert known.symbols[:3] == ("G", "UH1", "D")
    guessed = find_speech(sample).timed(lab)
    assert not guessed.from_transcript and len(guessed.symbols) == len(guessed.alignment)
    assert all(not name[-1].isdigit() for name in guessed.symbols)


def test_speech_too_short_for_its_text_shows_what_is_recognised(tmp_path: Path, sample: Path) -> None:
    lab = load(str(make_family(tmp_path / "family")))
    phones = phonemize("Good morning, and thank you for listening.")
    long = lab.resynthesize(find_speech(sample).wave[:48000], phones, torch.zeros(1, 16, 1))
    assert timed_phones(lab, long).symbols == phones.symbols and timed_phones(lab, long).from_transcript
    short = replace(long, wave=long.wave[:3200])
    assert short.timings is None and not timed_phones(lab, short).from_transcript


def test_the_sample_is_aligned_with_the_times_of_its_synthesizer() -> None:
    """With the shipped weights: median distance of phone ends from the true ones."""
    true = true_ends(find_speech())
    timed = find_speech().timed(load())
    assert true is not None
    assert np.median(np.abs(timed.alignment.end[timed.alignment.ids >= 0] - true)) < 0.03


def test_joint_counts_are_those_of_a_loop() -> None:
    labels, codes = [5, 0, 5, 5, 0], [1, 2, 1, 0, 2]
    names, counts = joint_counts(labels, codes, 4)
    assert names == [0, 5] and counts.tolist() == [[0, 0, 2, 0], [1, 2, 0, 0]]
    with pytest.raises(ValueError, match="equally many"):
        joint_counts([1], [1, 2], 3)


def test_a_codebook_learns_what_it_is_shown() -> None:
    random = torch.Generator().manual_seed(0)
    content = torch.randn(8, 10, generator=random)[torch.randint(8, (100,), generator=random).repeat_interleave(4)]
    content = (content + 0.05 * torch.randn(400, 10, generator=random)).T[None]
    state = torch.get_rng_state()
    one, two = (train_codebook(content, 16, steps=60, seed=3) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    assert one.error == two.error and torch.equal(one.codes, two.codes)
    assert one.error[-1] < 0.6 * one.error[0] and one.codes.shape == (200,)
    assert not one.quantizer.training
    assert scaled(content).var(-1).mean() == pytest.approx(1.0, abs=0.01)
    with pytest.raises(ValueError, match="at most 100"):
        train_codebook(content, 16, steps=101)
