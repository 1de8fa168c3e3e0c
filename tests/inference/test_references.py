"""From a recording to a voice with the shipped weights: silence, noise, and texts that fit or do not."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from gsv_lab import audio
from gsv_lab.audio.reference import Reference, reference
from gsv_lab.corpora.prepare import prepare
from gsv_lab.errors import AudioError, DataError
from gsv_lab.inference.lab import Lab, load

RATE = 16_000


class Sentence(NamedTuple):
    """A sentence (T,) of the shipped sample, and its text."""

    wave: torch.Tensor
    text: str


@pytest.fixture(scope="module")
def lab() -> Lab:
    return load("nano")


@pytest.fixture(scope="module")
def sentences(sample: Path) -> list[Sentence]:
    wave = audio.read(sample).samples
    told = json.loads(sample.with_suffix(".json").read_text(encoding="utf-8"))["sentences"]
    return [Sentence(wave[round(s["start"] * RATE) : round(s["end"] * RATE)], s["text"]) for s in told]


def quiet(seconds: float) -> torch.Tensor:
    """A room without anybody."""
    return torch.randn(round(seconds * RATE), generator=torch.Generator().manual_seed(0)) * 1e-4


def made_of(path: Path, *parts: torch.Tensor) -> Reference:
    return reference(audio.write(path / "a.wav", torch.cat(parts), RATE))


@pytest.mark.parametrize("places", ["before", "after", "both sides"])
def test_silence_around_the_speech_is_all_that_is_cut(places: str, sentences: list[Sentence], tmp_path: Path) -> None:
    before = 8.0 if places != "after" else 0.0
    after = 8.0 if places != "before" else 0.0
    got = made_of(tmp_path, quiet(before), sentences[0].wave, quiet(after))
    assert got.complete and "silence" in got.why
    assert got.start == pytest.approx(before + 0.07, abs=0.15) and got.end == pytest.approx(before + 4.3, abs=0.15)
    assert got.samples.numel() == pytest.approx((got.end - got.start) * RATE, abs=2)


def test_a_long_pause_within_is_made_short(sentences: list[Sentence], tmp_path: Path) -> None:
    wave = sentences[0].wave
    got = made_of(tmp_path, wave[: 2 * RATE], quiet(9), wave[2 * RATE :])
    assert got.complete and got.samples.numel() / RATE == pytest.approx(4.6, abs=0.3)
    assert got.speech == pytest.approx(4.0, abs=0.5)


def test_a_short_recording_keeps_its_silence(sentences: list[Sentence], tmp_path: Path) -> None:
    got = made_of(tmp_path, quiet(5), sentences[0].wave)
    assert got.complete and got.why == "" and got.start == 0


def test_speech_that_is_too_long_is_not_complete(sample: Path) -> None:
    assert not reference(sample).complete


def clone(lab: Lab, path: Path, text: str | None = None, anyway: bool = False) -> tuple[bool, str]:
    """Whether the prompt has phones, and what was warned of."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        voice = lab.clone(path, text=text, anyway=anyway)
    return voice.prompt.phones is not None, " ".join(str(one.message) for one in seen)


def test_the_text_of_a_recording_with_silence_is_used(lab: Lab, sentences: list[Sentence], tmp_path: Path) -> None:
    path = audio.write(tmp_path / "a.wav", torch.cat((quiet(8), sentences[0].wave)), RATE)
    used, said = clone(lab, path, sentences[0].text)
    assert used and "REF_TEXT" not in said and "ALIGN" not in said


@pytest.fixture(scope="module")
def first(sentences: list[Sentence], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return audio.write(tmp_path_factory.mktemp("first") / "a.wav", sentences[0].wave, RATE)


@pytest.mark.parametrize("change", ["three times", "twice", "a third", "half", "another"])
def test_texts_that_do_not_fit(change: str, lab: Lab, first: Path, sentences: list[Sentence], tmp_path: Path) -> None:
    text = sentences[0].text
    words = text.split()
    given = {
        "three times": " ".join([text] * 3),
        "twice": " ".join([text] * 2),
        "a third": " ".join(words[:4]),
        "half": " ".join(words[:6]),
        "another": "My grandmother usually walks home by a wide river under tall trees.",
    }[change]
    if change == "three times":
        with pytest.raises(DataError) as caught:
            clone(lab, first, given)
        assert caught.value.code == "ALIGN_IMPLAUSIBLE"
    else:
        assert "ALIGN_DOUBTFUL" in clone(lab, first, given)[1]
    # The same words from `prepare`.
    (tmp_path / "list.txt").write_text(f"a.wav|me|en|{given}\nb.wav|me|en|{sentences[1].text}\n", encoding="utf-8")
    audio.write(tmp_path / "a.wav", sentences[0].wave, RATE)
    audio.write(tmp_path / "b.wav", sentences[1].wave, RATE)
    told = str(lab.prepare([], tmp_path / "out", list_file=tmp_path / "list.txt"))
    assert told.count("ALIGN_") == 1 and "a" in told.split("ALIGN_")[0].splitlines()[-1]


def test_the_right_text_is_not_doubted(lab: Lab, sentences: list[Sentence], tmp_path: Path) -> None:
    for number, (wave, text) in enumerate(sentences[:2]):
        used, said = clone(lab, audio.write(tmp_path / f"{number}.wav", wave, RATE), text)
        assert used and "ALIGN" not in said


def noisy(path: Path, wave: torch.Tensor, ratio: float) -> Path:
    """A recording whose noise lies `ratio` dB below its speech."""
    padded = torch.cat((torch.zeros(RATE // 2), wave, torch.zeros(RATE // 2)))
    level = 10 ** ((audio.rms_dbfs(wave) - ratio) / 20)
    noise = torch.randn(padded.numel(), generator=torch.Generator().manual_seed(1)) * level
    return audio.write(path / "noisy.wav", padded + noise, RATE)


@pytest.mark.parametrize("ratio", [0.0, 5.0])
def test_too_much_noise_is_refused_or_taken_anyway(
    ratio: float, lab: Lab, sentences: list[Sentence], tmp_path: Path
) -> None:
    path = noisy(tmp_path, sentences[0].wave, ratio)
    with pytest.raises(AudioError, match=r"noise of 'noisy.wav' is only -?\d+ dB below the speech") as caught:
        clone(lab, path)
    assert caught.value.code == "AUDIO_NOISY"
    assert "AUDIO_NOISY" in clone(lab, path, anyway=True)[1]


def test_a_little_noise_is_no_reason(lab: Lab, sentences: list[Sentence], tmp_path: Path) -> None:
    assert "AUDIO_NOISY" not in clone(lab, noisy(tmp_path, sentences[0].wave, 25.0))[1]


def test_prepare_without_a_recogniser_doubts_no_text(sentences: list[Sentence], tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.wav|me|en|Good morning.\n", encoding="utf-8")
    audio.write(tmp_path / "a.wav", sentences[0].wave, RATE)
    assert "ALIGN" not in str(prepare([], tmp_path / "out", list_file=tmp_path / "list.txt"))
