"""Whisper as an evaluator, with a pretended faster-whisper; the real one where its weights are."""

from __future__ import annotations

import os
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsv_lab.audio import whisper as models
from gsv_lab.audio.whisper import whisper_folders
from gsv_lab.errors import LabError
from gsv_lab.evaluation import run
from gsv_lab.evaluation.lists import Clip, Item, read_list
from gsv_lab.evaluation.measures import Job
from gsv_lab.evaluation.measures.recognisers import Whisper
from gsv_lab.system import extras
from gsv_lab.system.environment import whisper_dir

from .makers import PitchEmbedder, toy_list

WAVE = np.full(16000, 0.1, dtype=np.float32)
TEXTS = {"en": " One 2 free. ", "zh": "今天天氣，很壞"}


class FakeModel:
    """Stands for `WhisperModel`: gives a text by language, and remembers how it was asked."""

    asked: list[dict[str, Any]] = []

    def __init__(self, folder: str, **options: Any) -> None:
        assert options["local_files_only"] and options["device"] == "cpu"
        if "broken" in folder:
            raise RuntimeError("Unsupported model binary version")
        self.model = types.SimpleNamespace(is_multilingual=not folder.endswith("_en"))

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
    monkeypatch.setattr(
        models, "require", lambda name, *extra: package if name == "faster_whisper" else found(name, *extra)
    )


def model(folder: Path, name: str = "base", size: int = 5) -> Path:
    place = folder / name
    place.mkdir(parents=True)
    for file in models.FILES:
        (place / file).write_bytes(b"x" * size)
    return place


def job(text: str, language: str) -> Job:
    clip = Clip(Path("x.wav"), "x.wav", "s", language, text)
    return Job(Item(clip, clip, 1.0), text, language, None)


def test_a_clip_is_asked_for_once_without_sampling(tmp_path: Path, installed: None) -> None:
    whisper = Whisper(model(tmp_path))
    assert whisper(WAVE, "en") == "One 2 free." and whisper(WAVE, "en") == "One 2 free."
    assert len(FakeModel.asked) == 1
    assert FakeModel.asked[0]["temperature"] == 0 and FakeModel.asked[0]["language"] == "en"
    assert not FakeModel.asked[0]["condition_on_previous_text"]
    assert whisper(WAVE, "zh") == "今天天氣，很壞" and whisper(WAVE * 0.5, "zh") == "今天天氣，很壞"
    assert len(FakeModel.asked) == 3
    assert whisper(np.zeros(8000, dtype=np.float32)) == "" and len(FakeModel.asked) == 3


def test_other_weights_have_another_identity(tmp_path: Path, installed: None) -> None:
    first, second = (Whisper(model(tmp_path / str(size), "tiny_en", size)) for size in (4, 5))
    assert first.name == "tiny_en" and not first.multilingual
    assert first.identity.startswith("Whisper tiny_en ") and first.identity != second.identity


def test_measures_by_language_and_size(tmp_path: Path, installed: None) -> None:
    pytest.importorskip("jiwer")
    model(tmp_path, "base", 9), model(tmp_path, "tiny_en", 3)
    measures = {measure.name: measure for measure in run.whisper_measures(tmp_path, {"en", "zh"})}
    assert list(measures) == ["words_tiny_en", "words_base", "characters_base", "syllables_base"]
    assert [measure.name for measure in run.whisper_measures(tmp_path, {"zh"})] == list(measures)[2:]
    row = measures["words_tiny_en"](WAVE, job("One, two, three!", "en"))
    assert row is not None and (row["errors"], row["count"]) == (1, 3)
    assert (row["expected"], row["recognised"]) == ("one two three", "one two free")
    FakeModel.asked.clear()
    characters = measures["characters_base"](WAVE, job("今天天气很怀", "zh"))
    syllables = measures["syllables_base"](WAVE, job("今天天气很怀", "zh"))
    assert characters is not None and (characters["errors"], characters["count"]) == (1, 6)
    assert syllables is not None and (syllables["errors"], syllables["count"]) == (0, 6)
    assert len(FakeModel.asked) == 1  # both units count the same text
    assert measures["words_base"](WAVE, job("今天", "zh")) is None


def test_where_the_models_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = model(tmp_path, "base")
    assert whisper_folders(tmp_path) == whisper_folders(own) == [own]
    monkeypatch.setenv("GSV_LAB_WHISPER", str(tmp_path))
    assert whisper_dir() == tmp_path
    monkeypatch.delenv("GSV_LAB_WHISPER")
    assert whisper_dir() is None


def test_what_is_wrong_with_a_folder_is_said(tmp_path: Path, installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LabError, match="no Whisper model in .*docs/results.md") as caught:
        run.whisper_measures(tmp_path, {"en"})
    assert caught.value.code == "CKPT_MISSING"
    place = model(tmp_path)
    (place / "tokenizer.json").unlink()
    with pytest.raises(LabError, match="has no tokenizer.json") as caught:
        Whisper(place)
    assert caught.value.code == "CKPT_MISSING"
    with pytest.raises(LabError, match="Unsupported model binary version") as caught:
        Whisper(model(tmp_path, "broken"))
    assert caught.value.code == "CKPT_CORRUPT"


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(extras.importlib, "import_module", absent)
    with pytest.raises(LabError, match=r"faster_whisper.*\[asr\].*pip install") as caught:
        Whisper(model(tmp_path))
    assert caught.value.code == "EXTRA_MISSING"


def test_without_a_folder_nothing_stops(tmp_path: Path) -> None:
    items = read_list(toy_list(tmp_path)).items
    measures, missing = run.available_measures(items, embedder=PitchEmbedder(), only=["whisper", "similarity"])
    assert [measure.name for measure in measures] == ["similarity"]
    assert list(missing) == ["whisper"] and "docs/results.md" in missing["whisper"]


@pytest.mark.slow
def test_real_whisper_on_real_speech(shared: Path) -> None:
    """Most words of a clear reader are right, twice the same, and a text that was not said is mostly wrong."""
    pytest.importorskip("faster_whisper", reason="faster-whisper is in the extra [asr]")
    pytest.importorskip("jiwer")
    if whisper_dir() is None:
        pytest.skip(f"GSV_LAB_WHISPER is not set: {os.environ.get('GSV_LAB_WHISPER')}")
    items = read_list(shared / "speech" / "evaluation_list.csv").items
    english, mandarin = (next(item for item in items if item.speaker == name) for name in ("kathleen", "S0150"))
    for measure in run.whisper_measures(whisper_dir() or "", {"en", "zh"}):
        item, other = (english, items[1]) if measure.name.startswith("words") else (mandarin, items[-1])
        wave = item.target.read()
        right = measure(wave, Job(item, item.target.text, item.language, None))
        wrong = measure(wave, Job(item, other.target.text, item.language, None))
        assert right is not None and right["errors"] <= 0.4 * right["count"], measure.name
        assert wrong is not None and wrong["errors"] >= 0.7 * wrong["count"], measure.name
        assert measure(wave, Job(item, item.target.text, item.language, None)) == right
