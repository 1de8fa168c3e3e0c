"""The networks of a family that evaluate: which are taken, their identity, and that they find what they should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab.checkpoint import load_component, save_component
from gsv_lab.evaluation.measures import own
from gsv_lab.evaluation.measures.recognisers import PhoneTranscriber
from gsv_lab.evaluation.measures.text import PhoneErrors
from gsv_lab.inference.family import EXTRAS
from gsv_lab.inference.lab import load
from gsv_lab.system.config import build
from tiny import RECOGNISERS, make_family

from .makers import job, tone


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


def transcriber(language: str, phone: str | None) -> PhoneTranscriber:
    return PhoneTranscriber(lambda: recogniser(language, phone), "x", "y")


def test_transcriber_gives_names_without_repeats_and_blanks() -> None:
    wave = np.zeros(8000, np.float32)
    assert transcriber("zh", "ang")(wave) == ["ang"]
    assert transcriber("zh", None)(wave) == []


def test_transcriber_hears_a_wave_once() -> None:
    """Errors, silence and durations all ask for the same scores."""
    network = recogniser("en", "AA")
    heard: list[int] = []
    network.register_forward_hook(lambda module, given, made: heard.append(1))
    measure = PhoneTranscriber(lambda: network, "x", "y")
    first, second = tone(200.0), tone(210.0)
    scores = measure.scores(first)
    assert measure(first) == ["AA"] and torch.equal(measure.scores(first.copy()), scores) and len(heard) == 1
    measure.scores(second)
    assert len(heard) == 2


def test_shipped_recognisers_judge_families_that_have_none(lab: Any) -> None:
    assert lab.family.extra("speaker_verifier") is not None and lab.family.extra("recogniser_zh") is None
    assert set(EXTRAS) > {"speaker_verifier", "recogniser_zh"}
    recognisers, name = own.recognisers(lab)
    english, mandarin = name.split("; ")
    assert english.startswith("en: evaluation recogniser ")
    assert (recognisers["en"].name, recognisers["zh"].name) == ("recogniser_en", "recogniser_zh")
    assert recognisers["en"](np.zeros(8000, np.float32)) == ["AA"]
    shipped = own.recognisers()[1].split("; ")
    assert mandarin == shipped[1] and english != shipped[0]


def test_other_weights_have_another_identity(lab: Any) -> None:
    """Even in the same place: a file that was trained on is another network."""
    before, verifier = own.recognisers(lab)[0]["en"], own.speaker_verifier(lab)
    save_component(recogniser("en", "AE"), lab.family.folder / "recogniser_en.safetensors")
    after = own.recognisers(lab)[0]["en"]
    assert after.identity != before.identity
    assert after(np.zeros(8000, np.float32)) == ["AE"]
    assert verifier is not None and own.speaker_verifier(lab) is verifier
    path = lab.family.extra("speaker_verifier")
    network = load_component(path)
    with torch.no_grad():
        next(network.parameters()).add_(0.1)
    save_component(network, path)
    changed = own.speaker_verifier(lab)
    assert changed is not None and changed.identity != verifier.identity and changed.name == "speaker_verifier"


def test_identities_are_known_before_anything_is_loaded(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*given: Any) -> Any:
        raise AssertionError("loaded")

    monkeypatch.setattr(own, "load_component", load)
    own._transcriber.cache_clear()
    own._speaker_verifier.cache_clear()
    try:
        recognisers, _ = own.recognisers(lab)
        assert all(len(found.identity) > 8 for found in recognisers.values())
        assert own.speaker_verifier(lab) is not None
        with pytest.raises(AssertionError, match="loaded"):
            recognisers["en"](tone(200.0))
    finally:
        own._transcriber.cache_clear()
        own._speaker_verifier.cache_clear()


def test_a_family_without_a_verifier_has_none(lab: Any) -> None:
    assert own.speaker_verifier(lab) is not None
    (lab.family.folder / "speaker_verifier.safetensors").unlink()
    assert own.speaker_verifier(lab) is None
    assert own.speaker_verifier() is not None  # one that ships


def test_verifiers_tell_waves_apart(lab: Any) -> None:
    embedder = own.speaker_verifier(lab)
    assert embedder is not None
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


def test_phone_errors_by_the_own_recognisers(lab: Any) -> None:
    """A recogniser that hears one phone in all speech: right where that phone is all of the text."""
    pytest.importorskip("jiwer")
    measure = PhoneErrors("en", own.recognisers(lab)[0]["en"])
    right, wrong = measure(tone(200.0), job("ah")), measure(tone(200.0), job("four five"))
    assert right is not None and (right["phone_error"], right["recognised"]) == (0, "AA")
    assert wrong is not None and wrong["phone_error"] == 1
    assert measure.evaluator == "recogniser_en" and "evaluation recogniser " in measure.identity
