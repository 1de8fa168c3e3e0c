"""Whisper as an evaluator, with a pretended faster-whisper; the real one where its weights are."""

from __future__ import annotations

import os
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsv_lab.audio import whisper as models
from gsv_lab.audio.whisper import MULTILINGUAL, is_multilingual, whisper_folders
from gsv_lab.errors import LabError
from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures import recognisers
from gsv_lab.evaluation.measures.recognisers import Whisper
from gsv_lab.evaluation.measures.text import UNITS, TextErrors
from gsv_lab.system import extras
from gsv_lab.system.environment import whisper_dir

from .makers import job

WAVE = np.full(16000, 0.1, dtype=np.float32)
TEXTS = {"en": " One 2 free. ", "zh": "今天天氣，很壞"}


class FakeModel:
    """Stands for `WhisperModel`: gives a text by language, and remembers how it was asked."""

    asked: list[dict[str, Any]] = []
    loaded: list[tuple[str, str]] = []

    def __init__(self, folder: str, **options: Any) -> None:
        assert options["local_files_only"] and options["device"] == "cpu"
        FakeModel.loaded.append((folder, options["compute_type"]))
        if "broken" in folder:
            raise RuntimeError("Unsupported model binary version")

    def transcribe(self, wave: np.ndarray, **options: Any) -> Any:
        assert wave.dtype == np.float32 and wave.flags["C_CONTIGUOUS"]
        FakeModel.asked.append(options)
        halves = TEXTS[options["language"]][:4], TEXTS[options["language"]][4:]
        return (types.SimpleNamespace(text=text) for text in halves), None


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = extras.require
    package = types.SimpleNamespace(WhisperModel=FakeModel)
    monkeypatch.setattr(FakeModel, "asked", [])
    monkeypatch.setattr(FakeModel, "loaded", [])
    monkeypatch.setattr(recognisers, "check_installed", lambda *names, extra="eval": None)
    monkeypatch.setattr(
        models, "require", lambda name, *extra: package if name == "faster_whisper" else found(name, *extra)
    )


def model(folder: Path, name: str = "base", size: int = 5) -> Path:
    place = folder / name
    place.mkdir(parents=True)
    for file in models.FILES:
        (place / file).write_bytes(b"x" * size)
    tokens = MULTILINGUAL - name.endswith("en")
    (place / "vocabulary.txt").write_text("".join(f"{number}\n" for number in range(tokens)))
    return place


def test_a_clip_is_asked_for_once_without_sampling(tmp_path: Path, installed: None) -> None:
    whisper = Whisper(model(tmp_path))
    assert not FakeModel.loaded  # its name and identity are known without it
    assert whisper(np.zeros(8000, dtype=np.float32)) == "" and not FakeModel.loaded
    assert whisper(WAVE, "en") == "One 2 free." and whisper(WAVE, "en") == "One 2 free."
    assert len(FakeModel.asked) == 1
    assert FakeModel.asked[0]["temperature"] == 0 and FakeModel.asked[0]["language"] == "en"
    assert FakeModel.asked[0]["beam_size"] == 5 and not FakeModel.asked[0]["condition_on_previous_text"]
    assert whisper(WAVE, "zh") == "今天天氣，很壞" and whisper(WAVE * 0.5, "zh") == "今天天氣，很壞"
    assert len(FakeModel.asked) == 3
    assert whisper(WAVE, "en") == "One 2 free." and len(FakeModel.asked) == 3
    assert FakeModel.loaded == [(str(tmp_path / "base"), "int8")]


def test_names_and_languages_by_folder(tmp_path: Path, installed: None) -> None:
    names = {"tiny_en": "whisper-tiny.en", "base.en": "whisper-base.en", "faster-whisper-small": "whisper-small"}
    for folder, name in names.items():
        found = Whisper(model(tmp_path, folder))
        assert found.name == name and found.multilingual == (name == "whisper-small")
    (tmp_path / "tiny_en" / "vocabulary.txt").rename(tmp_path / "tiny_en" / "vocabulary.json")
    (tmp_path / "tiny_en" / "vocabulary.json").write_text(str(list(range(MULTILINGUAL))))
    assert is_multilingual(tmp_path / "tiny_en")
    (tmp_path / "tiny_en" / "vocabulary.json").write_text("[1, 2")
    with pytest.raises(LabError, match="vocabulary.json cannot be read") as caught:
        is_multilingual(tmp_path / "tiny_en")
    assert caught.value.code == "CKPT_CORRUPT"


def test_other_weights_and_settings_have_another_identity(tmp_path: Path, installed: None) -> None:
    places = [model(tmp_path / str(size), "tiny_en", size) for size in (4, 5)]
    made = [*map(Whisper, places), Whisper(places[0], beams=1), Whisper(places[0], compute_type="float32")]
    assert len({whisper.identity for whisper in made}) == 4
    assert made[0].identity == Whisper(places[0]).identity
    assert made[0].identity.startswith("whisper-tiny.en ") and "int8, 5 beams" in made[0].identity


def test_units_of_one_model_share_its_text(tmp_path: Path, installed: None) -> None:
    pytest.importorskip("jiwer")
    whisper = Whisper(model(tmp_path, "base", 9))
    words, characters, syllables = (TextErrors(unit, whisper) for unit in UNITS)
    found = words(WAVE, job("One, two, three!", "en"))
    assert found is not None and (found["word_error"], found["word_count"]) == (pytest.approx(1 / 3), 3)
    assert (found["expected"], found["recognised"]) == ("one two three", "one two free")
    FakeModel.asked.clear()
    as_characters = characters(WAVE, job("今天天气很怀", "zh"))
    as_syllables = syllables(WAVE, job("今天天气很怀", "zh"))
    assert as_characters is not None and (as_characters["char_error"], as_characters["char_count"]) == (1 / 6, 6)
    assert as_syllables is not None and (as_syllables["syllable_error"], as_syllables["syllable_count"]) == (0, 6)
    assert len(FakeModel.asked) == 1 and FakeModel.asked[0]["language"] == "zh"
    assert words(WAVE, job("今天", "zh")) is None


def test_where_the_models_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = model(tmp_path, "base")
    assert whisper_folders(tmp_path) == whisper_folders(own) == [own]
    monkeypatch.setenv("GSV_LAB_WHISPER", str(tmp_path))
    assert whisper_dir() == tmp_path
    monkeypatch.delenv("GSV_LAB_WHISPER")
    assert whisper_dir() is None


def test_what_is_wrong_with_a_folder_is_said(tmp_path: Path, installed: None) -> None:
    with pytest.raises(LabError, match="no Whisper model in .*docs/results.md") as caught:
        whisper_folders(tmp_path)
    assert caught.value.code == "CKPT_MISSING"
    place = model(tmp_path)
    for file in ("vocabulary.txt", "tokenizer.json"):
        (place / file).unlink()
        with pytest.raises(LabError, match=f"has no {file}") as caught:
            Whisper(place)
        assert caught.value.code == "CKPT_MISSING"
    broken = Whisper(model(tmp_path, "broken"))
    with pytest.raises(LabError, match="Unsupported model binary version") as caught:
        broken(WAVE)
    assert caught.value.code == "CKPT_CORRUPT"


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(LabError, match=r"faster_whisper.*\[asr\].*pip install") as caught:
        Whisper(model(tmp_path))
    assert caught.value.code == "EXTRA_MISSING"


@pytest.mark.slow
def test_real_whisper_on_real_speech(shared: Path) -> None:
    """Most words of a clear reader are right, twice the same, and a text that was not said is mostly wrong."""
    pytest.importorskip("faster_whisper", reason="faster-whisper is in the extra [asr]")
    pytest.importorskip("jiwer")
    folder = whisper_dir()
    if folder is None:
        pytest.skip(f"GSV_LAB_WHISPER is not set: {os.environ.get('GSV_LAB_WHISPER')}")
    items = read_list(shared / "speech" / "evaluation_list.csv").items
    english, mandarin = (next(item for item in items if item.speaker == name) for name in ("kathleen", "S0150"))
    for place in whisper_folders(folder):
        whisper = Whisper(place)
        assert whisper.multilingual == (not whisper.name.endswith(".en"))
        for unit, (language, _) in UNITS.items():
            if language == "zh" and not whisper.multilingual:
                continue
            measure = TextErrors(unit, whisper)
            item, other = (english, items[1]) if unit == "word" else (mandarin, items[-1])
            assert item.target is not None
            wave = item.target.read()
            right = measure(wave, job(item.text, item.language))
            wrong = measure(wave, job(other.text, item.language))
            assert right is not None and right[measure.name] <= 0.4, measure.identity
            assert wrong is not None and wrong[measure.name] >= 0.7, measure.identity
            assert measure(wave, job(item.text, item.language)) == right
