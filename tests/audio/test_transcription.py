"""What is said in a clip: how Whisper is asked, how its text is written, which model a name means, and real speech."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gsv_lab import audio
from gsv_lab.audio import transcription as module
from gsv_lab.audio.transcription import HeardWord, Transcript, WhisperTranscriber, written
from gsv_lab.audio.whisper import FILES, named_whisper
from gsv_lab.errors import AudioError, CheckpointError, LabError, TextError
from gsv_lab.system.environment import whisper_dir

SPEECH = torch.full((16_000,), 0.1)


class Model:
    """Stands in for a model of faster-whisper: it hears these texts, one after the other, in one clip."""

    def __init__(self, *texts: str, language: str = "en", multilingual: bool = True) -> None:
        self.texts, self.language = texts, language
        self.model = SimpleNamespace(is_multilingual=multilingual)
        self.asked: list[str | None] = []
        self.decoded = 0

    def transcribe(self, samples: Any, language: str | None, **_options: Any) -> tuple[Any, Any]:
        self.asked.append(language)
        shares = [(self.language, 0.8), ("zh", 0.1), ("en", 0.05)] if language is None else []
        about = SimpleNamespace(
            language=language or self.language,
            language_probability=1 if language else 0.8,
            all_language_probs=shares,
        )
        return self.stretches(), about

    def stretches(self) -> Any:
        for text in self.texts:
            self.decoded += 1
            words = [
                SimpleNamespace(word=f" {word}", start=0.1, end=0.5, probability=0.9 - 0.2 * number)
                for number, word in enumerate(text.split())
            ]
            yield SimpleNamespace(text=f" {text}", words=words, avg_logprob=-0.25, compression_ratio=1.1)


@pytest.fixture
def hears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a transcriber around a model that stands in."""
    (tmp_path / "model.bin").write_bytes(b"weights")

    def make(model: Model) -> WhisperTranscriber:
        monkeypatch.setattr(module, "load_whisper", lambda *_: model)
        monkeypatch.setattr(module, "require", lambda *_: None)
        return WhisperTranscriber(tmp_path)

    return make


def test_one_stretch_is_read_and_no_more(hears: Any) -> None:
    """What the library finds behind the last word is made up."""
    model = Model("Hello there.", "Thank you.")
    found = hears(model)(SPEECH, "en")
    assert found.text == "Hello there." and model.decoded == 1
    assert found.words == (HeardWord("Hello", 0.1, 0.5, 0.9), HeardWord("there.", 0.1, 0.5, 0.7))
    assert found.confidence == pytest.approx(0.8)
    assert (found.log_probability, found.compression, found.language_probability) == (-0.25, 1.1, 1)
    assert Transcript.from_dict(asdict(found)) == found


def test_the_language_is_heard_and_another_is_said(hears: Any) -> None:
    model = Model("Hello.", language="en")
    assert hears(model)(SPEECH, "auto").detected == "en" and model.asked == [None]
    model = Model("你好", language="ja")
    found = hears(model)(SPEECH, "auto")
    assert model.asked == [None, "zh"], "the likelier of the two that are known"
    assert (found.language, found.detected, found.language_probability) == ("zh", "ja", 0.8)


def test_a_model_of_english_takes_english_only(hears: Any) -> None:
    model = Model("Hello.", multilingual=False)
    transcriber = hears(model)
    assert transcriber(SPEECH, "auto").language == "en" and model.asked == ["en"]
    with pytest.raises(TextError, match="cannot write down.*'zh'.*whisper-base") as caught:
        transcriber(SPEECH, "zh")
    assert caught.value.code == "LANG_UNKNOWN" and len(model.asked) == 1


def test_nothing_is_heard_in_silence(hears: Any) -> None:
    model = Model("Thank you.")
    transcriber = hears(model)
    assert transcriber(torch.zeros(16_000), "auto").text == "" and not model.asked
    assert hears(Model())(SPEECH, "auto") == Transcript("", "en", "en", 0.8)


@pytest.mark.parametrize(("seconds", "code"), [(0, "AUDIO_EMPTY"), (31, "AUDIO_TOO_LONG")])
def test_clips_of_another_length_are_refused(seconds: int, code: str, hears: Any) -> None:
    with pytest.raises(AudioError) as caught:
        hears(Model("Hello."))(torch.ones(seconds * 16_000), "en")
    assert caught.value.code == code


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(LabError, match=r"\[asr\]") as caught:
        WhisperTranscriber("whisper-base")
    assert caught.value.code == "EXTRA_MISSING"


@pytest.mark.parametrize(
    ("text", "language", "want"),
    [
        (" Hello,  there. ", "en", "Hello, there."),
        ("天氣 很好, 走吧.", "zh", "天气，很好，走吧。"),
        ("你好，世界！", "zh", "你好，世界！"),
        ("用 GPT-4.5 吗?", "zh", "用 GPT-4.5 吗？"),
        ("漲了3.5倍", "zh", "涨了3.5倍"),
    ],
)
def test_texts_are_written_for_a_list(text: str, language: str, want: str) -> None:
    assert written(text, language) == want


@pytest.mark.parametrize("broken", [{}, {"text": "a"}, {"words": 3}, {"words": [1]}])
def test_what_is_no_transcript_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        Transcript.from_dict(broken)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two models, `base` and `tiny_en`, which `GSV_LAB_WHISPER` names."""
    for name in ("base", "tiny_en"):
        (tmp_path / name).mkdir()
        for file in FILES:
            (tmp_path / name / file).write_bytes(b"")
    monkeypatch.setenv("GSV_LAB_WHISPER", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "folder"), [("whisper-base", "base"), ("base", "base"), ("whisper-tiny.en", "tiny_en"), ("tiny_en",) * 2]
)
def test_names_of_models(name: str, folder: str, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert named_whisper(name) == models / folder
    monkeypatch.delenv("GSV_LAB_WHISPER")
    assert named_whisper(models / folder) == models / folder


def test_names_without_a_model(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(CheckpointError, match="'whisper-huge'.*whisper-base or whisper-tiny.en"):
        named_whisper("whisper-huge")
    with pytest.raises(CheckpointError, match="base, tiny_en"):
        named_whisper(models)
    with pytest.raises(CheckpointError, match="no Whisper model in .*empty"):
        named_whisper(empty)
    monkeypatch.delenv("GSV_LAB_WHISPER")
    with pytest.raises(CheckpointError, match="GSV_LAB_WHISPER names none"):
        named_whisper("whisper-base")


def whisper(name: str) -> WhisperTranscriber:
    """The real model; the test is skipped where it is absent."""
    pytest.importorskip("faster_whisper", reason="faster-whisper is in the extra [asr]")
    if whisper_dir() is None:
        pytest.skip("no Whisper models: set GSV_LAB_WHISPER")
    return WhisperTranscriber(name)


def test_real_speech_in_both_languages(shared: Path) -> None:
    transcriber = whisper("whisper-base")
    clip = audio.read(shared / "speech/arctic_mini/kathleen/arctic_a0108.flac", 16_000)
    found = transcriber(clip.samples, "auto")
    assert found.language == found.detected == "en" and found.language_probability > 0.8
    assert "into the water" in found.text and found.text.endswith(".")
    times = [time for word in found.words for time in (word.start, word.end)]
    assert times == sorted(times) and 0 <= times[0] and times[-1] <= clip.seconds + 0.1
    assert 0.5 < found.confidence <= 1
    clip = audio.read(shared / "speech/aishell1_mini/S0150/BAC009S0150W0128.flac", 16_000)
    found = transcriber(clip.samples, "auto")
    assert found.language == "zh" and "居民最大" in found.text, "simplified characters"
