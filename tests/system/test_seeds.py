"""Seeds: whole numbers of any size, and everything else refused in words, wherever a seed is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.statistics.resampling import resample
from gsv_lab.hooks import probe
from gsv_lab.hooks.edits import noise
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.voice import Voice
from gsv_lab.system.seeds import check_seed, seeded
from gsv_lab.teaching.exercises.live import train_codebook
from gsv_lab.text import phonemize
from tiny import make_family, noise_voice

NUMBERS = [0, 7, -1, 2**50, 2**63, 2**64, 10**30, np.int64(2**50), np.uint8(255)]
OTHERS = [True, False, 1.0, 0.5, float("nan"), "3", "", None, [1], np.float32(2), np.bool_(True)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(make_family(tmp_path_factory.mktemp("family") / "tiny")))


@pytest.fixture(scope="module")
def voice(lab: Lab) -> Voice:
    return noise_voice(lab)


def _edited(lab: Lab, seed: Any) -> object:
    with probe(lab, edits=[noise("prior.mean", 0.1, seed=seed)]):
        return lab.resynthesize(torch.randn(16000) * 0.1, phonemize("We walk.", "en"), torch.randn(1, 16, 1))


TAKERS: dict[str, Callable[[Lab, Voice, Any], object]] = {
    "speak": lambda lab, voice, seed: lab.speak("We walk.", voice, seed=seed, candidates=1),
    "stream": lambda lab, voice, seed: list(lab.stream("We walk.", voice, seed=seed, chunk_seconds=0.3)),
    "batch": lambda lab, voice, seed: list(lab.stream("We walk. She said so.", voice, seed=seed, batch=2)),
    "resynthesize": lambda lab, voice, seed: lab.resynthesize(
        torch.randn(16000) * 0.1, phonemize("We walk.", "en"), torch.randn(1, 16, 1), seed=seed
    ),
    "noise": lambda lab, voice, seed: _edited(lab, seed),
    "corpus": lambda lab, voice, seed: SyntheticCorpus(2, 2, seed=seed),
    "bootstrap": lambda lab, voice, seed: list(resample(["a", "b"], 2, seed)),
    "codebook": lambda lab, voice, seed: train_codebook(torch.randn(1, 4, 40), 4, steps=1, seed=seed),
}


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_whole_number_is_a_seed(lab: Lab, voice: Voice, taker: str) -> None:
    for seed in (2**50, 2**63, -1, np.int64(2**50)) if taker in ("speak", "stream") else (2**63, -1):
        TAKERS[taker](lab, voice, seed)


@pytest.mark.parametrize("taker", TAKERS)
def test_nothing_else_is(lab: Lab, voice: Voice, taker: str) -> None:
    for seed in (True, 1.5, "3", None):
        with pytest.raises(ConfigError, match="seed is") as caught:
            TAKERS[taker](lab, voice, seed)
        assert caught.value.code == "PARAM_RANGE"


def test_fine_tuning_and_codes_refuse_it_before_any_work(lab: Lab, tmp_path: Path) -> None:
    for seed in (True, 1.5, "3"):
        with pytest.raises(ConfigError, match="seed is"):
            lab.finetune(tmp_path, seed=seed, verdict=False)


@pytest.mark.parametrize("seed", NUMBERS)
def test_numbers_are_counted_modulo(seed: int) -> None:
    assert check_seed(seed) == int(seed) % 2**64
    assert seeded(seed).initial_seed() == check_seed(seed)


@pytest.mark.parametrize("seed", OTHERS)
def test_other_values_are_refused(seed: object) -> None:
    with pytest.raises(ConfigError, match="seed is"):
        check_seed(seed)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_large_seeds_differ_and_repeat(lab: Lab, voice: Voice) -> None:
    one, two, again = (
        lab.speak("We walk.", voice, seed=seed, candidates=1).codes for seed in (2**50, 2**50 + 1, 2**50)
    )
    assert torch.equal(one, again) and not (one.shape == two.shape and torch.equal(one, two))
