"""Ablations of what acts in synthesis alone, on a tiny family: nothing is trained, texts are spoken again."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

import gsv_lab
import tiny
from gsv_lab import audio
from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.grids.base import read_base
from gsv_lab.evaluation.grids.cell import folder_of, measured
from gsv_lab.evaluation.grids.run import planned
from gsv_lab.evaluation.grids.speaking import changed_model, speech_tables
from gsv_lab.inference.lab import load
from gsv_lab.system.yaml_text import write_text
from swapping import CONFIGS

OVERLAYS = ("speech_candidates_3", "speech_no_pauses", "speech_no_postfilters", "speech_no_residual_correction")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    family = tiny.make_planning_family(folder / "family")
    recording = folder / "me.wav"
    audio.write(recording, audio.read(sample, 16000).samples[: 4 * 16000], 16000)
    said = {
        "name": "tiny",
        "model": str(family),
        "texts": ["We walk home.", "今天天气很好"],
        "recordings": [str(recording)],
    }
    (folder / "tiny.yaml").write_text(write_text(said), encoding="utf-8")
    return folder / "tiny.yaml"


def test_overlays_change_the_model_as_they_say(base: Path, tmp_path: Path) -> None:
    """Postfilters and residual correction are gone, pauses are not read, three candidates are spoken."""
    made = planned(base, dict.fromkeys(OVERLAYS), [0])
    labs = {}
    for arm in made.arms:
        settings = made.cells[arm.cells["speech"]].job["speech"]
        labs[arm.ablation.removeprefix("speech_")] = load(str(changed_model(settings, tmp_path / arm.ablation)))
    whole = labs["base"].family
    assert whole.pauses and whole.candidates == 1 and whole.synthesizer.sovits.postfilter is not None
    assert whole.synthesizer.residual_correction is not None
    assert labs["candidates_3"].family.candidates == 3 and not labs["no_pauses"].family.pauses
    assert labs["no_postfilters"].family.synthesizer.sovits.postfilter is None
    assert labs["no_postfilters"].family.synthesizer.sovits.vocoder.postfilter is None
    assert labs["no_residual_correction"].family.synthesizer.residual_correction is None
    primary = {where[0].removeprefix("speech_"): measure for where, measure in made.primary.items()}
    assert primary["no_postfilters"] == "speech/similarity" and primary["no_pauses"] == "speech/phone_error"


def test_texts_are_spoken_again_and_nothing_is_trained(base: Path, tmp_path: Path) -> None:
    made = planned(base, {"no_postfilters": "speech_no_postfilters"}, [0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from gsv_lab.evaluation.grids.cell import write_cell
        from gsv_lab.evaluation.grids.worker import run_cell

        outcomes = [run_cell(tmp_path, write_cell(tmp_path, cell).name) for cell in made.cells.values()]
    assert {outcome.end for outcome in outcomes} == {"done"}, outcomes
    found = [
        {(row.item, row.measure): row.value for row in measured(tmp_path, arm.cells["speech"])} for arm in made.arms
    ]
    assert found[0].keys() == found[1].keys() and {name for name, _ in found[0]} == {"me_000", "me_001"}
    assert {measure for _, measure in found[0]} == {"phone_error", "seconds", "similarity"}
    assert found[0] != found[1]
    assert found[0]["me_000", "seconds"] == found[1]["me_000", "seconds"], "codes and durations come before"
    assert not (folder_of(tmp_path, made.arms[0].cells["speech"]) / "model").exists()


def test_the_shipped_base_and_wrong_ones(base: Path) -> None:
    shipped = read_base(CONFIGS / "speech" / "nano.yaml")
    assert shipped.name == "nano-speech" and [stage.name for stage in shipped.stages] == ["speech"]
    for wrong, words in (
        ({"name": "x", "model": "nano"}, "lacks 'texts'"),
        ({"name": "x", "model": "nano", "texts": []}, "has no texts"),
        ({"name": "x", "model": "nano", "texts": ["a"], "vioce": "x"}, "vioce"),
        ({"name": "a/b", "model": "nano", "texts": ["a"]}, "a/b"),
    ):
        with pytest.raises(ConfigError, match=words):
            speech_tables(wrong, "x.yaml")
    with pytest.raises(ConfigError) as caught:
        planned(base, {"idle": {"card": {}}}, [0])
    assert caught.value.code == "GRID_IDLE"
    made = planned(base, {}, [0, 1], overrides=["options={speed: 1.2}"])
    assert len(made.cells) == 2 and json.dumps(made.cells[made.arms[0].cells["speech"]].made_of)
    assert gsv_lab.ablate.__module__ == "gsv_lab.evaluation.grids.run"
