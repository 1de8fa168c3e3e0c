"""The verdict on recordings: one fault after the other, in a minority and in a majority of the clips."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from gsv_lab.training.verdict.clips import Measured
from gsv_lab.training.verdict.data import LEAST_SPEECH, NOISY_DB, WRONG_TEXT, judge_data

GOOD = Measured("", 5.0, 4.0, 40.0, 0.0, 3.0)
FAULTS = {
    "DATA_SILENT": {"speech": 0.2},
    "DATA_CLIPPED": {"clipping": 0.05},
    "DATA_NOISY": {"snr_db": NOISY_DB - 0.1},
    "DATA_TEXT": {"text_margin": WRONG_TEXT - 0.01},
}


def clips(good: int, bad: int = 0, **fault: float) -> list[Measured]:
    """Good clips, and bad ones between them."""
    found = [replace(GOOD, **fault) for _ in range(bad)] + [GOOD] * good
    return [replace(clip, name=f"c{number}") for number, clip in enumerate(found)]


@pytest.mark.parametrize("code", FAULTS)
def test_a_bad_minority_is_named_and_left_out(code: str) -> None:
    report = judge_data(clips(6, 2, **FAULTS[code]))
    (finding,) = report.findings
    assert finding.code == code and finding.clips == ("c0", "c1") and not finding.serious and report.poor is None
    assert report.keep == tuple(range(2, 8)) and report.reasons().keys() == {0, 1}
    assert all(reason.startswith(f"{code}: ") and "2 of 8 clips" in reason for reason in report.reasons().values())


@pytest.mark.parametrize("code", FAULTS)
def test_a_bad_majority_ends_it(code: str) -> None:
    report = judge_data(clips(3, 5, **FAULTS[code]))
    assert report.poor is not None and report.poor.code == code and report.poor.advice
    assert report.poor.value == pytest.approx(next(iter(FAULTS[code].values())))


@pytest.mark.parametrize("code", FAULTS)
def test_what_lies_on_the_limit_is_good(code: str) -> None:
    limit = {"DATA_SILENT": 0.5, "DATA_CLIPPED": 0.01, "DATA_NOISY": NOISY_DB, "DATA_TEXT": WRONG_TEXT}[code]
    assert not judge_data(clips(6, 2, **{next(iter(FAULTS[code])): limit})).findings


def test_noise_is_named_before_texts_that_it_hides() -> None:
    report = judge_data(clips(1, 7, snr_db=5.0, text_margin=0.0))
    assert [finding.code for finding in report.findings] == ["DATA_NOISY"]


def test_too_little_speech_is_named_first() -> None:
    short = [replace(clip, speech=3.0, text_margin=0.0) for clip in clips(3)]
    report = judge_data(short)
    assert report.poor is not None and report.poor.code == "DATA_TOO_SHORT" and report.poor.threshold == LEAST_SPEECH
    assert "9.0 s of speech" in report.poor.words and len(report.findings) == 1
    assert judge_data([replace(clip, speech=3.4) for clip in clips(3)]).poor is None
    alone = judge_data([replace(GOOD, name="c0", seconds=25.0, speech=20.0)])
    assert alone.poor is not None and "one clip" in alone.poor.words


def test_what_is_left_may_be_too_little() -> None:
    report = judge_data(clips(2, 1, snr_db=5.0))
    assert [finding.code for finding in report.findings] == ["DATA_NOISY", "DATA_TOO_SHORT"]
    assert report.poor is not None and "8.0 s of speech" in report.poor.words


def people(*persons: float) -> list[Measured]:
    """Clips whose vectors lie about points so far from each other, by person."""
    noise = 0.1 * torch.randn(len(persons), 6, generator=torch.Generator().manual_seed(1))
    found = clips(len(persons))
    for number, person in enumerate(persons):
        vector = noise[number] + torch.tensor([person, 0, 0, 0, 0, 0])
        found[number] = replace(found[number], person=vector)
    return found


def test_two_people_end_it_and_a_few_clips_of_another_are_left_out() -> None:
    half = judge_data(people(0, 4, 0, 4, 0, 4))
    assert half.poor is not None and half.poor.code == "DATA_SPEAKERS" and len(half.poor.clips) == 3
    few = judge_data(people(0, 4, 0, 0, 0, 0, 0, 4))
    assert few.poor is None and few.findings[0].clips == ("c1", "c7") and few.keep == (0, 2, 3, 4, 5, 6)
    assert not judge_data(people(0, 0, 0, 0, 0, 0)).findings
    assert not judge_data(people(0, 1.5, 0, 1.5, 0, 1.5)).findings


def test_without_a_limit_of_these_networks_nobody_is_told_apart() -> None:
    assert not judge_data(people(0, 4, 0, 4, 0, 4), several=None).findings
    assert not judge_data(clips(6)).findings


def test_a_report_is_plain_and_holds_no_vector_of_a_person() -> None:
    told = json.dumps(judge_data(people(0, 4, 0, 4, 0, 4)).to_dict(), allow_nan=False)
    assert '"person"' not in told and "DATA_SPEAKERS" in told and '"threshold"' in told
