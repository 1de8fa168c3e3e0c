"""Measures of one's own: what is none is refused before any clip is read, and what fails says where."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from gsv_lab.errors import AudioError, LabError
from gsv_lab.evaluation.evaluate import evaluate
from gsv_lab.evaluation.lists import TestList, read_list
from gsv_lab.evaluation.measures import Job
from gsv_lab.evaluation.measures.checks import check_measures, found_by

from .makers import RATE, job, tone, toy_list


@dataclass
class Own:
    """Gives what it was told to give, or raises it."""

    gives: Any = 1.0
    name: Any = "own"
    evaluator: Any = "me"
    identity: Any = "own 1"
    needs: Any = ()
    asked: list[str] = field(default_factory=list)

    def __call__(self, wave: np.ndarray, job: Job) -> Any:
        self.asked.append(job.item.name)
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


INVALID = [Own(needs="text"), Own(needs=("texts",)), Own(needs="text natural"), Own(name=""), Own(name=None),
           Own(evaluator=" "), Own(identity=3), Own, lambda wave, job: None]  # fmt: skip


@pytest.mark.parametrize("measure", INVALID, ids=range(len(INVALID)))
def test_what_is_no_measure_is_refused(measure: Any) -> None:
    with pytest.raises(LabError) as caught:
        check_measures([Own(name="fine"), measure])
    assert caught.value.code == "MEASURE_INVALID"


def test_two_measures_of_one_name() -> None:
    check_measures([Own(), Own(evaluator="you"), Own(name="other")])
    for measures, code in (([Own(), Own(identity="own 2")], "MEASURE_DUPLICATE"), ([], "MEASURE_NONE")):
        with pytest.raises(LabError) as caught:
            check_measures(measures)
        assert caught.value.code == code


def test_numbers_of_any_kind_are_kept() -> None:
    given = {"a": np.float32(0.5), "b": np.array(2), "c": torch.tensor(1.5), "d": True, "e": np.bool_(False), "f": 3,
             "nan": float("nan"), "inf": np.float64("inf"), "text": "x", "list": [1, "y"]}  # fmt: skip
    found = found_by(Own(given), tone(200.0), job())
    assert found == {"a": 0.5, "b": 2, "c": 1.5, "d": 1.0, "e": 0.0, "f": 3, "text": "x", "list": [1, "y"]}
    assert json.loads(json.dumps(found)) == found
    assert found_by(Own(None), tone(200.0), job()) is None


@pytest.mark.parametrize(
    "gives",
    [3.0, [1.0], {1: 2.0}, {"": 1.0}, {"a": np.zeros(3)}, {"a": [float("nan")]}, {"a": object()}],
    ids=["number", "list", "key", "no name", "array", "nan", "object"],
)
def test_other_answers_are_refused(gives: Any) -> None:
    with pytest.raises(LabError, match="'own' by 'me'") as caught:
        found_by(Own(gives), tone(200.0), job())
    assert caught.value.code == "MEASURE_VALUE"


@pytest.mark.parametrize("error", [RuntimeError("too short"), KeyError("n"), ZeroDivisionError("division")], ids=str)
def test_a_measure_that_fails_says_where(error: Exception) -> None:
    with pytest.raises(LabError, match=f"'own' by 'me' fails at 'x'.*{type(error).__name__}") as caught:
        found_by(Own(error), tone(200.0), job())
    assert caught.value.code == "MEASURE_FAILED"
    with pytest.raises(AudioError, match="own words"):
        found_by(Own(AudioError("AUDIO_X", "own words")), tone(200.0), job())


@pytest.fixture
def toy(tmp_path: Path) -> TestList:
    listed = read_list(toy_list(tmp_path))
    (tmp_path / "ours").mkdir()
    for item in listed.items:
        soundfile.write(tmp_path / "ours" / f"{item.name}.wav", tone(210.0, 0.3), RATE)
    return listed


def test_nothing_is_begun_with_a_bad_measure(toy: TestList, tmp_path: Path) -> None:
    fine = Own({"own": 1.0})
    for bad in (Own(name="bad", needs="text"), Own()):
        with pytest.raises(LabError):
            evaluate([tmp_path / "ours"], toy, tmp_path / "out", measures=[fine, bad])
    assert not fine.asked and not (tmp_path / "out").exists()


def test_two_measures_that_give_the_same_value(toy: TestList, tmp_path: Path) -> None:
    measures = [Own({"own": 1.0}), Own({"own": 2.0, "other": 1.0}, name="other")]
    with pytest.raises(LabError, match="'me' give 'own'") as caught:
        evaluate([tmp_path / "ours"], toy, tmp_path / "out", measures=measures)
    assert caught.value.code == "MEASURE_DUPLICATE"


def test_what_was_measured_before_a_failure_is_kept(toy: TestList, tmp_path: Path) -> None:
    first, failing = Own({"own": 1.0}), Own(RuntimeError("no"), name="failing")
    with pytest.raises(LabError, match="MEASURE|fails at"):
        evaluate([tmp_path / "ours"], toy, tmp_path / "out", measures=[first, failing], workers=1)
    assert not (tmp_path / "out" / "results.json").exists() and not (tmp_path / "out" / ".lock").exists()
    again, mended = Own({"own": 1.0}), Own({"failing": 0.0}, name="failing")
    evaluate([tmp_path / "ours"], toy, tmp_path / "out", measures=[again, mended], workers=1)
    # The worker may have begun the next wave before the failure of the first was seen.
    assert first.asked and len(first.asked) + len(again.asked) == 10, "eight recordings, one wave in two languages"
