"""Level: clipping, offset and bandwidth that were put in, found at the rate of the file; silence by voice activity."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import torch

from gsv_lab.audio import Recording, resample
from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures import Found, Job, Measure
from gsv_lab.evaluation.measures.level import Level, QuietShare

from .makers import RATE, job


@pytest.fixture(scope="module")
def speech(shared: Path) -> torch.Tensor:
    items = read_list(shared / "speech" / "evaluation_list.csv").items
    wave = next(item.target.read() for item in items if item.speaker == "LJ" and item.target)
    return torch.from_numpy(0.5 * wave / np.abs(wave).max())


def measured(samples: torch.Tensor, rate: int) -> Found:
    """Values of a file of this rate; the measure is given the wave at 16 kHz beside it."""
    about: Job = replace(job(), recording=Recording(samples, rate, rate))
    found = Level()(resample(samples, rate, RATE).numpy(), about)
    assert found is not None
    return found


def test_a_clean_file_has_no_fault(speech: torch.Tensor) -> None:
    found = measured(speech, RATE)
    assert set(found) == {"clipping", "dc", "band_hz"}
    assert found["clipping"] == 0 and found["dc"] < 1e-3 and found["band_hz"] > 7000


@pytest.mark.parametrize("rate", [16000, 24000, 44100])
def test_clipping_is_found_at_the_rate_of_the_file(speech: torch.Tensor, rate: int) -> None:
    loud = resample(speech, RATE, rate) * 6
    tops = [list(run) for top, run in groupby(loud.clamp(-1, 1).tolist()) if abs(top) == 1]
    share = sum(len(run) for run in tops if len(run) >= 3) / loud.numel()
    found = measured(loud.clamp(-1, 1), rate)
    assert share > 0.005 and found["clipping"] == pytest.approx(share, rel=0.05)
    # Resampled, most of it is gone: that is why the file itself is looked at.
    hidden = measured(resample(loud.clamp(-1, 1), rate, 32000) * 0.7, 32000)
    assert hidden["clipping"] < found["clipping"] / 4


@pytest.mark.parametrize("offset", [0.05, -0.05])
def test_an_offset_of_either_sign_counts(speech: torch.Tensor, offset: float) -> None:
    assert measured(speech + offset, RATE)["dc"] == pytest.approx(0.05, abs=2e-3)


@pytest.mark.parametrize("narrow", [8000, 11025, 16000])
def test_the_band_is_that_of_the_narrowest_rate_on_the_way(speech: torch.Tensor, narrow: int) -> None:
    wide = resample(resample(speech, RATE, narrow), narrow, 32000)
    assert measured(wide, 32000)["band_hz"] == pytest.approx(narrow / 2, rel=0.08)


def test_silence_has_no_band_and_an_empty_file_no_value() -> None:
    assert measured(torch.zeros(RATE), RATE) == {"clipping": 0.0, "dc": 0.0}
    assert Level()(np.zeros(0, dtype=np.float32), job()) is None


def test_share_of_silence(speech: torch.Tensor) -> None:
    measure = QuietShare()
    assert isinstance(measure, Measure) and isinstance(Level(), Measure)
    assert not measure.needs and measure.evaluator == "silero-vad"
    wave = speech.numpy()
    before = measure(wave, job())
    half = measure(np.concatenate([wave, np.zeros_like(wave)]), job())
    assert before is not None and half is not None and before["silence_share"] < 0.4
    assert half["silence_share"] == pytest.approx((1 + before["silence_share"]) / 2, abs=0.03)
    assert measure(np.zeros(RATE, dtype=np.float32), job()) == {"silence_share": 1.0}
    assert measure(np.zeros(0, dtype=np.float32), job()) == {"silence_share": 1.0}
