"""The evaluators that ship with a family: which one is taken, its name, and that it finds what it was built to find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab.checkpoint import save_component
from gsv_lab.errors import LabError
from gsv_lab.evaluation import run
from gsv_lab.evaluation.comparison import evaluate_list
from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures import own
from gsv_lab.evaluation.measures.recognisers import PhoneTranscriber
from gsv_lab.evaluation.measures.text import PhoneErrors
from gsv_lab.inference.family import EXTRAS
from gsv_lab.inference.lab import load
from gsv_lab.system.config import build
from tiny import RECOGNISERS, make_family

from .makers import toy_list


def recogniser(language: str, phone: str | None) -> Any:
    """A recogniser that finds one phone all the time, or nothing."""
    network = build(RECOGNISERS[language])
    with torch.no_grad():
        network.classify.weight.zero_()
        network.classify.bias.zero_()
        network.classify.bias[0 if phone is None else 1 + network.phone_names.index(phone)] = 9.0
    return network


@pytest.fixture
def lab(tmp_path: Path) -> Any:
    folder = make_family(tmp_path / "family")
    save_component(recogniser("en", "AA"), folder / "recogniser_en.safetensors")
    return load(str(folder))


def test_transcriber_gives_names_without_repeats_and_blanks() -> None:
    wave = np.zeros(8000, np.float32)
    assert PhoneTranscriber(recogniser("zh", "ang"), "x")(wave) == ["ang"]
    assert PhoneTranscriber(recogniser("zh", None), "x")(wave) == []


def test_shipped_recognisers_judge_families_that_have_none(lab: Any) -> None:
    assert lab.family.extra("speaker_verifier") is not None and lab.family.extra("recogniser_zh") is None
    assert set(EXTRAS) > {"speaker_verifier", "recogniser_zh"}
    recognisers, name = own.recognisers(lab)
    english, mandarin = name.split("; ")
    assert english.startswith("en: evaluation recogniser ")
    assert recognisers["en"](np.zeros(8000, np.float32)) == ["AA"]
    shipped = own.recognisers(load("nano"))[1].split("; ")
    assert mandarin == shipped[1] and english != shipped[0]


def test_other_weights_have_another_name(lab: Any, tmp_path: Path) -> None:
    _, before = own.recognisers(lab)
    other = make_family(tmp_path / "other")
    save_component(recogniser("en", "AE"), other / "recogniser_en.safetensors")
    assert own.recognisers(load(str(other)))[1] != before


def test_a_family_without_a_verifier_has_none(lab: Any) -> None:
    assert own.speaker_verifier(lab) is not None
    (lab.family.folder / "speaker_verifier.safetensors").unlink()
    assert own.speaker_verifier(lab) is None


def test_the_own_verifier_stands_in_for_resemblyzer(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise LabError("EXTRA_MISSING", "The package 'resemblyzer' is not installed", "Resemblyzer")

    monkeypatch.setattr(run, "GE2E", absent)
    embedder = run.own_evaluators(lab)["embedder"]
    assert embedder is own.speaker_verifier(lab)
    rng = np.random.default_rng(0)
    vectors = [embedder.embed(rng.normal(0, 0.1, 16000).astype(np.float32)) for _ in range(2)]
    assert vectors[0].shape == (8,) and not np.allclose(vectors[0], vectors[1])


def test_phone_errors_are_counted_against_the_phones_of_the_text(
    lab: Any, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speech = lab.speak("we walk", lab.clone(sample), "en")
    for recognised, share in (([], 1.0), ("W IY W AO K".split(), 0.0), ("W IY W AO K T".split(), 0.2)):
        monkeypatch.setattr(own, "recognised_phones", lambda lab, wave, found=recognised: found)
        assert own.own_phone_errors(lab, speech) == share


def test_evaluation_with_the_own_recognisers(lab: Any, tmp_path: Path) -> None:
    pytest.importorskip("jiwer")
    measure = PhoneErrors(*own.recognisers(lab))
    items = read_list(toy_list(tmp_path))
    conditions = {"zero_shot": lambda target, reference, seed: target.read()}
    result = evaluate_list(items, conditions, [measure], log=tmp_path / "rows.jsonl", draws=20)
    natural = result["conditions"]["natural"]["languages"]["en"]["phone_error_rate"]["value"]
    # Deletions of all phones but one ("four five six" has none of this name, "one two three" neither).
    assert natural == 1.0 and "phones en" in result["invalid"]
