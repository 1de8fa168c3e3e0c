"""Clips and texts that no measure was made for: a few samples, minutes, and words of another language."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch

from gsv_lab.audio import Recording
from gsv_lab.evaluation.evaluators import measures_for
from gsv_lab.evaluation.items import Item
from gsv_lab.evaluation.measures import Job, Measure, cepstral, prosody

from .makers import RATE, job, tone

GROUPS = ("phones", "completeness", "timing", "tempo", "level", "signal", "prosody")


@lru_cache(maxsize=1)
def _measures() -> list[Measure]:
    return measures_for([Item("x", "", "en", "Hello.")], only=GROUPS)[0]


@pytest.fixture
def measures() -> list[Measure]:
    found = _measures()
    if not any(measure.name == "phone_error" for measure in found):
        pytest.skip("no family has a phone recogniser")
    return found


@pytest.mark.parametrize("samples", [0, 1, 160, 350, 600, 1600])
def test_clips_of_a_few_samples(measures: list[Measure], samples: int) -> None:
    wave = tone(200.0)[1000 : 1000 + samples]
    given = Job(
        Item("x", "", "en", "Hello."), "Hello.", "en", wave, Recording(torch.from_numpy(wave), RATE, RATE), True
    )
    found = {measure.name: measure(wave, given) for measure in measures}
    assert found["phone_error"] and found["phone_error"]["phone_error"] > 0


@pytest.mark.parametrize("text", ["你好", "Say 你好 now.", "...", "😀", "1999", "¿Qué?"])
def test_texts_of_other_languages_and_of_no_words(measures: list[Measure], text: str) -> None:
    wave = tone(200.0, 1.0)
    given = Job(Item("x", "", "en", text), text, "en", wave, Recording(torch.from_numpy(wave), RATE, RATE))
    found = {measure.name: measure(wave, given) for measure in measures}
    assert (found["skipped"] is None) == (text not in ("1999", "¿Qué?"))


def test_alignment_of_minutes_takes_no_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prosody.LONGEST**2 / 160**2 * 8 * 3 < 1.5e9, "bytes of three tables of costs"
    natural, made = tone(200.0, 1.0), tone(210.0, 2.0)
    given = job("x", natural=natural)
    assert cepstral.CepstralDistortion()(made, given) and "f0_rmse" in (prosody.Prosody()(made, given) or {})
    for module in (prosody, cepstral):
        monkeypatch.setattr(module, "LONGEST", RATE)
    assert cepstral.CepstralDistortion()(made, given) is None
    assert set(prosody.Prosody()(made, given) or {}) == {"duration_ratio"}
    assert np.isclose((prosody.Prosody()(made, given) or {})["duration_ratio"], 2, rtol=0.05)
