"""The judges that ship with a family: which one judges, what it is called, and that it hears what it was built to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab.checkpoint import save_component
from gsv_lab.evaluation import own, run
from gsv_lab.evaluation.comparison import evaluate_list
from gsv_lab.evaluation.intelligibility import PhoneErrors, PhoneJudge
from gsv_lab.evaluation.lists import read_list
from gsv_lab.inference.lab import load
from gsv_lab.inference.loading import EXTRAS
from gsv_lab.system.config import build
from tiny import JUDGES, make_family

from .makers import toy_list


def judge(language: str, phone: str | None) -> Any:
    """A recogniser that hears one phone all the time, or nothing."""
    network = build(JUDGES[language])
    with torch.no_grad():
        network.classify.weight.zero_()
        network.classify.bias.zero_()
        network.classify.bias[0 if phone is None else 1 + network.phone_names.index(phone)] = 9.0
    return network


@pytest.fixture
def lab(tmp_path: Path) -> Any:
    folder = make_family(tmp_path / "family")
    save_component(judge("en", "AA"), folder / "judge_en.safetensors")
    return load(str(folder))


def test_judge_gives_names_without_repeats_and_blanks() -> None:
    wave = np.zeros(8000, np.float32)
    assert PhoneJudge(judge("zh", "ang"), "x")(wave) == ["ang"]
    assert PhoneJudge(judge("zh", None), "x")(wave) == []


def test_evaluation_recogniser_stands_over_the_content_encoder(lab: Any) -> None:
    assert lab.family.extra("verifier") is not None and lab.family.extra("judge_zh") is None
    assert set(EXTRAS) > {"verifier", "judge_zh"}
    recognisers, name = own.recognisers(lab)
    english, mandarin = name.split("; ")
    assert english.startswith("en: evaluation recogniser ") and "content encoder" in mandarin
    assert recognisers["en"](np.zeros(8000, np.float32)) == ["AA"]
    wave = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    assert recognisers["zh"](wave) == own.own_phones(lab, torch.from_numpy(wave))


def test_other_weights_have_another_name(lab: Any, tmp_path: Path) -> None:
    _, before = own.recognisers(lab)
    other = make_family(tmp_path / "other")
    save_component(judge("en", "AE"), other / "judge_en.safetensors")
    assert own.recognisers(load(str(other)))[1] != before


def test_evaluation_with_a_judge(lab: Any, tmp_path: Path) -> None:
    pytest.importorskip("jiwer")
    arguments = run.own_judges(lab)
    measure = PhoneErrors(arguments["recognisers"], arguments["recogniser_name"])
    items = read_list(toy_list(tmp_path))
    result = evaluate_list(
        items, {"zero_shot": lambda target, reference, seed: target.read()}, [measure], log=tmp_path / "rows.jsonl",
        draws=20,
    )  # fmt: skip
    natural = result["rungs"]["natural"]["languages"]["en"]["phone_error_rate"]["value"]
    # Deletions of all phones but one ("four five six" has none of this name, "one two three" neither).
    assert natural == 1.0 and "phones en" in result["invalid"]
