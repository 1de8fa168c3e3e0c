"""Two speaker encoders that evaluate, side by side; the table of `docs/results.md` comes from here.

pytest tests/evaluation/test_calibrate.py -s
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gsv_lab.errors import LabError
from gsv_lab.evaluation.calibrate import calibrate, first_clips
from gsv_lab.evaluation.lists import Item, read_list
from gsv_lab.evaluation.measures import own
from gsv_lab.evaluation.measures.similarity import GE2E

from .makers import SPEAKERS, PitchEmbedder, toy_list


class Contrary:
    """Thinks the opposite of the pitch embedder wherever two people are concerned."""

    name = identity = "contrary"
    seconds = 6.0

    def embed(self, wave: np.ndarray) -> np.ndarray:
        vector = np.zeros(len(SPEAKERS), dtype=np.float32)
        vector[int(PitchEmbedder().embed(wave).argmax())] = 1
        return vector if vector[0] == 0 else -vector[::-1].copy()


def test_an_evaluator_agrees_with_itself(tmp_path: Path) -> None:
    clips = first_clips(read_list(toy_list(tmp_path)).items)
    assert len(clips) == 12
    found = calibrate(PitchEmbedder(), PitchEmbedder(), clips)
    assert found.correlation == pytest.approx(1) and found.first == found.second
    assert (found.same_pairs, found.pairs) == (4 * 3, 2 * 15)  # pairs never cross languages
    assert found.first.same > 0.99 and found.first.different < 0.5 and found.first.equal_error == 0


def test_disagreement_is_seen(tmp_path: Path) -> None:
    clips = first_clips(read_list(toy_list(tmp_path)).items, each=2)
    assert len(clips) == 8
    found = calibrate(PitchEmbedder(), Contrary(), clips)
    assert found.correlation < 0.999 and found.second.name == "contrary"
    text = found.markdown()
    assert len({line.count("|") for line in text.splitlines()}) == 1 and "4 of 12 pairs" in text


def test_clips_without_a_speaker_or_alone_make_no_pairs(tmp_path: Path) -> None:
    items = read_list(toy_list(tmp_path)).items
    unnamed = [replace(item.target, speaker="") for item in items[:2] if item.target]
    nobody = [Item(clip.key, "", "en", "", None, clip) for clip in unnamed]
    alone = Item("x", "cai", "zh", "", None, items[4].target)
    assert first_clips([*nobody, alone]) == []
    assert [clip.speaker for clip in first_clips([*nobody, alone, items[2]])] == ["bob"] * 2


def test_own_verifier_against_resemblyzer(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On people whom the verifier was not trained on. One that tells voices apart no better than chance fails."""
    try:
        ge2e = GE2E()
    except LabError as error:
        pytest.skip(str(error))
    lists = [read_list(shared / "speech" / name) for name in ("dev_list.csv", "evaluation_list.csv")]
    verifier = own.speaker_verifier()
    assert verifier is not None
    found = calibrate(verifier, ge2e, first_clips([item for one in lists for item in one.items]))
    with capsys.disabled():
        print(f"\n{found.markdown()}")
    assert found.same_pairs >= 40
    assert found.first.equal_error < 0.25 and found.second.equal_error < 0.1
    assert found.correlation > 0.3
