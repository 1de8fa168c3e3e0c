"""A whole evaluation: folders and a list in, files out; reruns, warnings, and every mistake in what is given."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.conditions import Condition
from gsv_lab.evaluation.evaluate import evaluate
from gsv_lab.evaluation.lists import Item, TestList, read_list
from gsv_lab.evaluation.measures import Job
from gsv_lab.evaluation.systems import condition_system

from .makers import RATE, tone, toy_list


class Level:
    """Mean power in dB; with a natural recording the difference to it."""

    name, evaluator, identity, needs = "level", "signal", "level 1", ()

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, wave: np.ndarray, job: Job) -> dict[str, float]:
        self.asked.append(job.item.name)
        return {"level": float(10 * np.log10(np.square(wave).mean() + 1e-9)), "band_hz": job.recording.sample_rate / 2}


class Words:
    """Pretends to hear the text with every third word wrong."""

    name, evaluator, identity, needs = "word_error", "ear", "ear 1", ("text",)

    def __call__(self, wave: np.ndarray, job: Job) -> dict[str, Any]:
        words = job.text.split()
        wrong = len(words) // 3
        return {"word_error": wrong / len(words), "word_count": len(words), "expected": job.text, "recognised": "?"}


@pytest.fixture
def toy(tmp_path: Path) -> TestList:
    return read_list(toy_list(tmp_path))


def folder(path: Path, items: Sequence[Item], level: float, rate: int = RATE) -> Path:
    path.mkdir()
    for number, item in enumerate(items):
        soundfile.write(path / f"{item.name}.wav", tone(200.0, 0.3, level * (1 + 0.1 * number)), rate)
    return path


def test_two_folders_to_files(toy: TestList, tmp_path: Path) -> None:
    ours, theirs = folder(tmp_path / "ours", toy.items, 0.1), folder(tmp_path / "theirs", toy.items[:5], 0.2)
    output = tmp_path / "out"
    results = evaluate([ours, str(theirs)], toy, output, measures=[Level(), Words()], settings={"note": "x"})
    assert json.loads((output / "results.json").read_text()) == results
    assert results["schema"] == 4 and results["settings"]["note"] == "x"
    assert list(results["systems"]) == ["natural", "ours", "theirs"]
    assert results["systems"]["theirs"]["missing"] == [item.name for item in toy.items[5:]]
    rows = list(csv.DictReader((output / "clips.csv").open()))
    assert len(rows) == 21 * 4 and {row["seed"] for row in rows} == {""}
    assert {row["evaluator"] for row in rows if row["measure"] == "word_error"} == {"ear"}
    levels = {(row["system"], row["item"]): float(row["value"]) for row in rows if row["measure"] == "level"}
    common = [item.name for item in toy.items[:4] if item.language == "en"]
    expected = np.mean([levels["theirs", name] - levels["ours", name] for name in common])
    found = [entry for entry in results["differences"] if (entry["a"], entry["b"]) == ("theirs", "ours")]
    (entry,) = [entry for entry in found if entry["measure"] == "level" and entry["language"] == "en"]
    assert entry["value"] == pytest.approx(expected, rel=1e-4) and entry["items"] == 4
    assert {one["identity"] for one in results["evaluators"] if one["measure"] == "level"} == {"level 1"}
    timing = json.loads((output / "timing.json").read_text())
    assert timing["measured"] == {"samples": 21, "cells": 42} and timing["machine"]["threads"] > 0
    assert "torch" in timing["packages"] and not {"seconds", "commit", "machine"} & results.keys()
    page = (output / "report.html").read_text()
    assert "theirs" in page and "http" not in page.replace("http-equiv", "")
    assert any("theirs: 3 of 8" in warning for warning in results["warnings"])


def test_a_rerun_measures_only_what_is_new_and_writes_the_same_bytes(toy: TestList, tmp_path: Path) -> None:
    ours, output = folder(tmp_path / "ours", toy.items, 0.1), tmp_path / "out"
    evaluate([ours], toy, output, measures=[Level(), Words()])
    before = {name: (output / name).read_bytes() for name in ("results.json", "clips.csv")}
    again = Level()
    evaluate([ours], toy, output, measures=[again, Words()], workers=1)
    assert not again.asked
    assert {name: (output / name).read_bytes() for name in before} == before
    soundfile.write(ours / f"{toy.items[3].name}.wav", tone(300.0, 0.3, 0.5), RATE)
    changed = Level()
    evaluate([ours], toy, output, measures=[changed, Words()])
    assert changed.asked == [toy.items[3].name]
    assert (output / "results.json").read_bytes() != before["results.json"]
    other = Level()
    evaluate([ours], toy, tmp_path / "second", measures=[other], reuse=[output])
    assert not other.asked


def test_what_is_missing_switches_off_just_what_needs_it(toy: TestList, tmp_path: Path) -> None:
    items = tuple(replace(item, text="" if number < 3 else item.text) for number, item in enumerate(toy.items))
    listed = replace(toy, items=items)
    absent = [{"measure": "dnsmos", "evaluator": "dnsmos", "reason": "weights not supplied"}]
    results = evaluate([folder(tmp_path / "ours", items, 0.1)], listed, tmp_path / "out", measures=[Level(), Words()],
                       absent=absent)  # fmt: skip
    reasons = {(entry["system"], entry["measure"]): entry for entry in results["not_measured"]}
    assert reasons["", "dnsmos"]["reason"] == "weights not supplied"
    assert reasons["ours", "word_error"]["clips"] == 3 and "text" in reasons["ours", "word_error"]["reason"]
    counts = {(figure["measure"], figure["language"]): figure["items"] for figure in results["figures"]
              if figure["system"] == "ours"}  # fmt: skip
    assert counts["level", "en"] == 4 and counts["word_error", "en"] == 1


def warned(results: dict[str, Any], *words: str) -> bool:
    return any(all(word in warning for word in words) for warning in results["warnings"])


def test_readers_are_warned(toy: TestList, tmp_path: Path) -> None:
    ours = folder(tmp_path / "ours", toy.items, 0.1)
    soundfile.write(ours / f"{toy.items[0].name}.wav", tone(200.0, 0.3), 8000)
    (ours / f"{toy.items[1].name}.wav").write_bytes(b"no sound")
    soundfile.write(ours / "extra.wav", tone(200.0, 0.3), RATE)
    narrow = folder(tmp_path / "narrow", toy.items, 0.1, 8000)
    results = evaluate([ours, narrow], toy, tmp_path / "out", measures=[Level()])
    assert warned(results, "ours", "several rates", "8000")
    assert warned(results, "ours: 1 waves could not be read", "AUDIO_FORMAT")
    assert warned(results, "ours", "no items", "'extra'")
    assert warned(results, "Bandwidths differ", "narrow 4000 Hz")
    assert not warned(results, "other speakers")
    alone = replace(toy, items=toy.items[:2])
    assert warned(evaluate([narrow], alone, tmp_path / "alone", measures=[Level()]), "One speaker", "over clips")
    nobody = replace(toy, items=tuple(replace(item, speaker="") for item in toy.items))
    results = evaluate([narrow], nobody, tmp_path / "nobody", measures=[Level()])
    assert warned(results, "No speaker", "over clips")
    assert {figure["unit"] for figure in results["figures"]} == {"clip"}


def test_a_deaf_recogniser_is_marked(toy: TestList, tmp_path: Path) -> None:
    class Deaf(Words):
        def __call__(self, wave: np.ndarray, job: Job) -> dict[str, Any]:
            return {"word_error": 0.9, "word_count": 3}

    ours = folder(tmp_path / "ours", toy.items, 0.1)
    assert warned(evaluate([ours], toy, tmp_path / "out", measures=[Deaf()]), "ear", "90%", "not valid")
    assert not warned(evaluate([ours], toy, tmp_path / "out2", measures=[Words()]), "not valid")


def test_conditions_that_a_model_lacks_are_named(toy: TestList, tmp_path: Path) -> None:
    made = [Condition("zero_shot", lambda target, reference, seed: tone(200.0), identity="1"),
            Condition("true_timing", lambda target, reference, seed: None, identity="1")]  # fmt: skip
    systems = [condition_system(each, toy.items, (0, 1), tmp_path / "waves", "toy") for each in made]
    results = evaluate(systems, toy, tmp_path / "out", measures=[Level()])
    assert {figure["system"] for figure in results["figures"]} == {"natural", "zero_shot"}
    (entry,) = [entry for entry in results["not_measured"] if entry["system"] == "true_timing"]
    assert "does not support" in entry["reason"]
    assert results["systems"]["true_timing"]["failed"] == []


def test_names_of_systems_and_measures(toy: TestList, tmp_path: Path) -> None:
    ours = folder(tmp_path / "ours", toy.items, 0.1)
    other = folder(tmp_path / "natural", toy.items, 0.1)
    for systems in ([ours, ours], [other]):
        with pytest.raises(ConfigError, match="NAME=FOLDER") as caught:
            evaluate(systems, toy, tmp_path / "out", measures=[Level()])
        assert caught.value.code == "SYSTEM_NAME"
    with pytest.raises(ConfigError) as caught:
        evaluate([ours], toy, tmp_path / "out", measures=[])
    assert caught.value.code == "MEASURE_NONE"
    assert not (tmp_path / "out").exists()
