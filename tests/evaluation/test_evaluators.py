"""Which measures an installation can make: by group, language, package and weights; nothing is loaded for that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gsv_lab.audio import whisper as models
from gsv_lab.checkpoint import save_component
from gsv_lab.errors import CheckpointError, ConfigError, LabError
from gsv_lab.evaluation import evaluators
from gsv_lab.evaluation.evaluators import (
    GROUPS,
    Absent,
    Offer,
    Setting,
    always,
    by_phones,
    measures_for,
    register_measure,
)
from gsv_lab.evaluation.lists import Item, read_list
from gsv_lab.evaluation.measures import Found, Job, Measure, own
from gsv_lab.system import extras
from tiny import make_family

from .makers import job, tone, toy_list
from .test_own import recogniser

Installed = Callable[..., None]
TEXT = {
    ("word_error", "whisper-base"),
    ("char_error", "whisper-base"),
    ("syllable_error", "whisper-base"),
    ("word_error", "whisper-tiny.en"),
}
OTHERS = {
    ("word_error", "pocketsphinx"),
    ("phone_error", "recogniser_en"),
    ("phone_error", "recogniser_zh"),
    ("similarity", "ge2e"),
    ("dnsmos", "dnsmos"),
    ("f0_rmse", "signal"),
    ("silence_share", "recogniser_en"),
    ("silence_share", "recogniser_zh"),
    ("duration_error", "recogniser_en"),
    ("duration_error", "recogniser_zh"),
    ("skipped", "recogniser_en"),
    ("skipped", "recogniser_zh"),
    ("speaking_rate", "silero-vad"),
    ("pause_share", "silero-vad"),
    ("mcd", "signal"),
    ("stoi", "signal"),
    ("pesq", "signal"),
    ("si_snr", "signal"),
    ("clipping", "signal"),
    ("silence_share", "silero-vad"),
}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Pretends that every optional package is there, apart from some; none can be loaded, and no weights either."""

    def refuse(*given: Any) -> Any:
        raise AssertionError(f"loaded {given}")

    def pretend(*absent: str) -> None:
        monkeypatch.setattr(extras, "find_spec", lambda name: None if name in absent else "there")
        monkeypatch.setattr(extras.importlib, "import_module", refuse)
        monkeypatch.setattr(own, "load_component", refuse)

    return pretend


def whispers(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).mkdir(parents=True)
        for file in models.FILES:
            (folder / name / file).write_bytes(name.encode())
        tokens = models.MULTILINGUAL - name.endswith("en")
        (folder / name / "vocabulary.txt").write_text("x\n" * tokens)
    return folder


def pairs(found: Sequence[Measure]) -> list[tuple[str, str]]:
    return [(measure.name, measure.evaluator) for measure in found]


def absentees(found: Sequence[Absent]) -> set[tuple[str, str]]:
    return {(each["measure"], each["evaluator"]) for each in found}


@pytest.fixture
def items(tmp_path: Path) -> tuple[Item, ...]:
    return read_list(toy_list(tmp_path)).items


def test_everything_is_offered_once_and_loads_nothing(items: Any, tmp_path: Path, installed: Installed) -> None:
    installed()
    measures, absent = measures_for(items, whisper=whispers(tmp_path / "w", "base", "tiny_en"))
    assert absent == [] and len(pairs(measures)) == len(set(pairs(measures)))
    assert set(pairs(measures)) == TEXT | OTHERS
    assert all(isinstance(measure, Measure) and measure.identity for measure in measures)
    again, _ = measures_for(items, whisper=tmp_path / "w")
    assert [measure.identity for measure in again] == [measure.identity for measure in measures]


def test_one_model_serves_all_its_units(items: Any, tmp_path: Path, installed: Installed) -> None:
    installed()
    measures: Any = measures_for(items, whisper=whispers(tmp_path / "w", "base"), only=["text"])[0]
    assert len(measures) == 3 and len({id(measure.recogniser) for measure in measures}) == 1


def test_languages_of_the_list_decide(items: Any, tmp_path: Path, installed: Installed) -> None:
    installed()
    whisper = whispers(tmp_path / "w", "base", "tiny_en")
    for language, without in (("en", ("char", "syllable", "_zh")), ("zh", ("word", "_en", "tiny"))):
        own_items = [item for item in items if item.language == language]
        measures, absent = measures_for(own_items, whisper=whisper)
        left = {pair for pair in TEXT | OTHERS if not any(word in "".join(pair) for word in without)}
        assert set(pairs(measures)) == left and absent == []


def test_weights_that_were_not_supplied_are_named(items: Any, tmp_path: Path, installed: Installed) -> None:
    installed()
    measures, absent = measures_for(items)
    assert set(pairs(measures)) == OTHERS and absentees(absent) == TEXT
    for each in absent:
        assert "Weights not supplied" in each["reason"] and "GSV_LAB_WHISPER" in each["reason"]
        assert models.HOW_TO_GET in each["reason"]
    _, absent = measures_for(items, whisper=whispers(tmp_path / "w", "base", "small"), only=["text"])
    assert absentees(absent) == {("word_error", "whisper-tiny.en")}


def test_other_models_judge_what_they_know(items: Any, tmp_path: Path, installed: Installed) -> None:
    installed()
    measures, _ = measures_for(items, whisper=whispers(tmp_path / "w", "small", "medium.en"), only=["text"])
    units = ("word", "char", "syllable")
    assert set(pairs(measures)) == {(f"{unit}_error", "whisper-small") for unit in units} | {
        ("word_error", "whisper-medium.en")
    }


@pytest.mark.parametrize(
    ("package", "missing", "action"),
    [
        ("faster_whisper", {pair for pair in TEXT if pair[1] == "whisper-base"}, "[asr]"),
        ("pocketsphinx", {("word_error", "pocketsphinx")}, "[eval]"),
        ("jiwer", {pair for pair in TEXT | OTHERS if "_error" in pair[0] and pair[0] != "duration_error"}, "[eval]"),
        ("resemblyzer", {("similarity", "ge2e")}, "pip install --no-deps Resemblyzer==0.1.4"),
        ("webrtcvad", {("similarity", "ge2e")}, "pip install --no-deps Resemblyzer==0.1.4"),
        ("onnxruntime", {("dnsmos", "dnsmos")}, "[eval]"),
        ("pystoi", {("stoi", "signal")}, "[eval]"),
        ("pesq", {("pesq", "signal")}, "[pesq]"),
    ],
)
def test_packages_that_are_absent_are_named(
    package: str, missing: set[tuple[str, str]], action: str, items: Any, tmp_path: Path, installed: Installed
) -> None:
    installed(package)
    whisper = whispers(tmp_path / "w", *(["base"] if package == "faster_whisper" else ["base", "tiny_en"]))
    measures, absent = measures_for(items, whisper=whisper)
    missing = missing | ({("word_error", "whisper-tiny.en")} if package == "faster_whisper" else set())
    assert absentees(absent) == missing and not missing & set(pairs(measures))
    reasons = {each["reason"] for each in absent if each["evaluator"] != "whisper-tiny.en" or package == "jiwer"}
    assert all(f"'{package}' is not installed" in reason and action in reason for reason in reasons)
    standing_in = ("similarity", "speaker_verifier") in pairs(measures)
    assert standing_in == (missing == {("similarity", "ge2e")})


def test_chosen_groups_alone(items: Any, installed: Installed) -> None:
    installed()
    measures, absent = measures_for(items, only=["prosody", "quality", "prosody"])
    assert pairs(measures) == [("f0_rmse", "signal"), ("dnsmos", "dnsmos")] and absent == []
    with pytest.raises(ConfigError, match="no measure 'noise'.*text, words, phones") as caught:
        measures_for(items, only=["noise"])
    assert caught.value.code == "MEASURE_UNKNOWN"


def test_a_folder_that_holds_no_model_is_refused(items: Any, tmp_path: Path, installed: Installed) -> None:
    installed()
    with pytest.raises(CheckpointError, match="no Whisper model"):
        measures_for(items, whisper=tmp_path)
    (whispers(tmp_path / "w", "base") / "base" / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        measures_for(items, whisper=tmp_path / "w")
    with pytest.raises(ConfigError, match="two models of one name"):
        measures_for(items, whisper=whispers(tmp_path / "v", "tiny_en", "tiny.en"))
    assert measures_for(items, whisper=tmp_path, only=["prosody"])[1] == []  # nobody asked for it


def test_other_errors_are_not_swallowed(items: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Measure:
        raise LabError("CKPT_CORRUPT", "The model file is damaged")

    monkeypatch.setitem(GROUPS, "quality", lambda setting: [Offer("x", "y", broken)])
    with pytest.raises(LabError, match="damaged"):
        measures_for(items, only=["quality"])


class Peak:
    """A measure of the reader's own."""

    name, evaluator, identity, needs = "peak", "signal", "peak 1", ()

    def __call__(self, wave: np.ndarray, job: Job) -> Found:
        return {self.name: float(np.abs(wave).max())}


def test_another_measure_joins_with_one_line(items: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GROUPS, "peak", always(Peak))
    measures, _ = measures_for(items, only=["peak"])
    assert measures[0](tone(200.0), job()) == {"peak": pytest.approx(0.4, abs=0.2)}


def test_a_language_without_a_recogniser_says_so(items: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jiwer")
    real = own.recognisers
    monkeypatch.setattr(own, "recognisers", lambda lab: ({"en": real(lab)[0]["en"]}, ""))
    measures, absent = measures_for(items, only=["phones"])
    assert pairs(measures) == [("phone_error", "recogniser_en")]
    assert absentees(absent) == {("phone_error", "recogniser_zh")}
    assert "Weights not supplied" in absent[0]["reason"] and "recogniser_zh.safetensors" in absent[0]["reason"]
    setting = Setting(items, None, None)
    assert [offer.evaluator for offer in by_phones(SimpleNamespace(name="x"))(setting)] == [
        "recogniser_en",
        "recogniser_zh",
    ]


def test_networks_of_a_lab_come_before_those_that_ship(
    items: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("jiwer")
    folder = make_family(tmp_path / "family")
    save_component(recogniser("en", "AA"), folder / "recogniser_en.safetensors")

    def extra(name: str) -> Path | None:
        path = folder / f"{name}.safetensors"
        return path if path.is_file() else None

    lab = SimpleNamespace(family=SimpleNamespace(extra=extra))
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "resemblyzer" else "there")
    of_lab, shipped = (measures_for(items, lab=each, only=["phones", "similarity"])[0] for each in (lab, None))
    english, mandarin, similarity = ([one.identity for one in pair] for pair in zip(of_lab, shipped, strict=True))
    assert english[0] != english[1] and mandarin[0] == mandarin[1] and similarity[0] != similarity[1]
    assert of_lab[2].evaluator == evaluators.own.VERIFIER
    (folder / "speaker_verifier.safetensors").unlink()
    without = measures_for(items, lab=lab, only=["similarity"])[0]
    assert without[0].identity == similarity[1]


def test_a_measure_of_ones_own_joins_the_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluators, "GROUPS", dict(evaluators.GROUPS))
    monkeypatch.setattr(evaluators, "_REGISTERED", set())

    class Peak:
        name, evaluator, identity, needs = "peak", "signal", "peak 1", ()

        def __call__(self, wave: np.ndarray, job: Job) -> dict[str, float]:
            return {"peak": float(np.abs(wave).max())}

    assert register_measure(Peak) is Peak
    (made,), absent = measures_for([Item("a", "", "en", "x")], only=["peak"])
    assert isinstance(made, Peak) and not absent
    register_measure(Peak)  # a cell of a notebook runs again
    Peak.name = "quality"
    with pytest.raises(ConfigError, match="quality") as caught:
        register_measure(Peak)
    assert caught.value.code == "MEASURE_DUPLICATE"
