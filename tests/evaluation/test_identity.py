"""What makes a sound: each of its parts changes the hash, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import gsv_lab
from gsv_lab.evaluation import identity
from gsv_lab.evaluation.identity import kit_identity, lab_identity, voice_identity
from gsv_lab.extensions.residual_correction import Residuals
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.text import phonemize
from tiny import make_family


def card(folder: Path, **entries: Any) -> Path:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return lab_identity(gsv_lab.load(str(make_family(tmp_path_factory.mktemp("base")))))


def test_the_same_family_elsewhere_and_under_another_name_is_the_same(base: str, tmp_path: Path) -> None:
    folder = card(make_family(tmp_path), version="tiny-2", licence="MIT", credits=["nobody"])
    assert lab_identity(gsv_lab.load(str(folder))) == base


@pytest.mark.parametrize(
    "entries",
    [
        {"noise_scale": 0.5},
        {"candidates": 2},
        {"pauses": True},
        {"sampling": {"top_k": 6, "min_new": 4, "max_new": 30}},
        {"residual_correction": {"sharpness": 5.0}},
        {"postfilters": {"latent": {"gain": 1.1}, "formants": {"reach": 4}}},
    ],
)
def test_other_settings_are_another_sound(base: str, tmp_path: Path, entries: dict[str, Any]) -> None:
    assert lab_identity(gsv_lab.load(str(card(make_family(tmp_path), **entries)))) != base


def test_other_weights_options_precision_and_code_are_another_sound(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lab_identity(gsv_lab.load(str(make_family(tmp_path / "other", seed=1)))) != base
    lab = gsv_lab.load(str(make_family(tmp_path / "same")))
    assert lab_identity(lab, {"candidates": 1}) != base
    lab.family.synthesizer.precision = "bf16"
    assert lab_identity(lab) != base
    lab.family.synthesizer.precision = "32"
    monkeypatch.setattr(identity, "kit_identity", lambda: "another kit")
    assert lab_identity(lab) != base


def test_code_counts_and_comments_do_not() -> None:
    bare = identity.plain_code("def f(x):\n    return x + 1\n")
    assert identity.plain_code('"""What."""\n\ndef f(x):\n    """Adds."""\n    return x + 1  # one\n') == bare
    assert identity.plain_code("def f(x):\n    return x + 2\n") != bare
    root = Path(gsv_lab.__file__).parent
    assert all((root / package).is_dir() for package in identity.PACKAGES)
    assert all(list((root / "assets").glob(pattern)) for pattern in identity.TEXT_ASSETS)
    assert kit_identity() == kit_identity.__wrapped__() and len(kit_identity()) == 16


def voice(**changes: Any) -> Voice:
    parts: dict[str, Any] = {
        "speaker": torch.ones(1, 4, 1),
        "prompt": Prompt(torch.arange(3), phonemize("we walk", "en"), torch.arange(3)),
        "changed": {"sovits.x": torch.zeros(2)},
        "residuals": Residuals(torch.ones(1, 2, 3), torch.ones(1, 2, 3)),
    }
    return Voice("ann", "tiny-1", {"sovits": "1a"}, **parts | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"speaker": torch.zeros(1, 4, 1)},
        {"prompt": Prompt(torch.arange(3), phonemize("we talk", "en"), torch.arange(3))},
        {"prompt": Prompt(torch.arange(1, 4), phonemize("we walk", "en"), torch.arange(3))},
        {"prompt": Prompt(torch.arange(3), phonemize("we walk", "en"), torch.zeros(3, dtype=torch.int64))},
        {"changed": {"sovits.x": torch.ones(2)}},
        {"changed": {}},
        {"residuals": Residuals(torch.zeros(1, 2, 3), torch.ones(1, 2, 3))},
        {"residuals": None},
        {"lexicon": {"a": "b"}},
    ],
)
def test_each_part_of_a_voice_counts(changes: dict[str, Any]) -> None:
    assert voice_identity(voice()) == voice_identity(voice(created="2020-01-01T00:00:00", consent="yes"))
    assert voice_identity(voice(**changes)) != voice_identity(voice())
