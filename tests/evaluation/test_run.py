"""A whole `bench --quality` with a pretended lab: conditions from the lab's methods, files in the folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab import figures
from gsv_lab.audio import read_mark
from gsv_lab.errors import ConfigError, LabError
from gsv_lab.evaluation import run
from gsv_lab.evaluation.conditions import LabConditions
from gsv_lab.evaluation.lists import Clip, read_list
from gsv_lab.system import extras

from .makers import RATE, FakeLab, FakeVoice, PitchEmbedder, tone, toy_list


@pytest.fixture
def fixed_phones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsv_lab.text.phonemize", lambda text, language="auto": (text, language))


def evaluated(
    lab: Any, list_path: Path, output: Path, every: int = 1, measures: Sequence[str] | None = None, **options: Any
) -> dict[str, Any]:
    test_list = read_list(list_path).every(every)
    available = run.available_measures(test_list.items, embedder=PitchEmbedder(), only=measures)
    return run.evaluate_lab(lab, test_list, available, output, **options)


def test_conditions_ask_the_lab_for_the_right_things(tmp_path: Path, fixed_phones: None) -> None:
    items = read_list(toy_list(tmp_path)).items
    lab = FakeLab()
    made = LabConditions(lab, items, {"ann": FakeVoice(str(items[0].reference.path), torch.zeros(1))})
    names = ["zero_shot", "fine_tuned", "resynthesis", "copy_synthesis"]
    conditions = {condition.name: condition for condition in made.conditions(names)}
    assert list(conditions) == ["natural", "copy_synthesis", "resynthesis", "zero_shot", "fine_tuned"]
    item = items[0]
    for condition in conditions.values():
        wave = condition.speak(item.target, item.reference, 7)
        assert wave is not None and wave.dtype == np.float32 and wave.ndim == 1
    copied = conditions["copy_synthesis"].speak(item.target, item.reference, 0)
    assert copied is not None and abs(copied.size - item.target.read().size) <= 2
    assert ("resynthesis", ("one two three", "en"), (1, 4, 1)) in lab.asked
    assert ("speak", "one two three", "ann_0", "en", 7) in lab.asked
    clones = [asked[:2] for asked in lab.asked if asked[0].startswith("clone")]
    assert clones == [("clone", "ann_0"), ("clone tuned", "ann_0")]
    assert conditions["fine_tuned"].speak(items[2].target, items[2].reference, 0) is None
    assert not conditions["copy_synthesis"].seeded and conditions["zero_shot"].seeded
    with pytest.raises(ConfigError, match="'best'"):
        made.conditions(["best"])
    with pytest.raises(ConfigError, match="'resynthesis'") as caught:
        made.conditions(["true_codes"])
    assert caught.value.code == "CONFIG_RENAMED"


def test_whole_run_writes_its_folder_and_names_what_is_missing(
    tmp_path: Path, fixed_phones: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(module: str, extra: str = "eval") -> None:
        raise LabError("EXTRA_MISSING", f"The package {module!r} is not installed", "[eval]")

    for name in ("recognisers", "quality"):
        monkeypatch.setattr(f"gsv_lab.evaluation.{name}.require", absent)
    output = tmp_path / "out"
    options: dict[str, Any] = {
        "system": "toy-1",
        "conditions": ["zero_shot", "cross_lingual"],
    }
    result = evaluated(FakeLab(), toy_list(tmp_path), output, **options)
    assert set(result["missing"]) == {"whisper", "words", "quality", "phones", "timing"}
    assert result["conditions"]["zero_shot"]["languages"]["en"]["normalised_similarity"]["value"] == pytest.approx(
        1, abs=0.05
    )
    assert result["conditions"]["cross_lingual"]["languages"]["zh"]["nearest_share"]["value"] == 1
    assert json.loads((output / "quality.json").read_text()) == result
    assert "toy-1" in (output / "quality.md").read_text()
    waves = sorted((output / "waves" / "zero_shot").iterdir())
    assert len(waves) == 8
    assert {path.name for path in output.glob("*.png")} == {"comparison-en.png", "comparison-zh.png"}
    mark = read_mark(waves[0])
    assert mark is not None and (mark.model, mark.voice) == ("toy-1", "ann")
    assert mark.settings["seed"] == 0 and len(str(mark.settings["sound"])) == 16
    assert "## ann: clips/ann_1.wav" in (output / "transcripts.md").read_text()
    before = (output / "quality.json").read_bytes()
    lab = FakeLab()
    evaluated(lab, tmp_path / "lists" / "list.csv", output, **options)
    assert (output / "quality.json").read_bytes() == before
    assert lab.asked == []  # everything was there already
    other = FakeLab(weights="3c4d")
    evaluated(other, tmp_path / "lists" / "list.csv", output, **options)
    assert sum(asked[0] == "speak" for asked in other.asked) == 16  # the same version, other weights
    mark = read_mark(waves[0])
    assert mark is not None and run.Waves(output / "waves").read(rows(output)[-1]) is not None


def rows(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / "rows.jsonl").read_text().splitlines()]


def test_a_wave_of_another_sound_is_not_taken(tmp_path: Path) -> None:
    waves = run.Waves(tmp_path / "waves")
    row = {"condition": "zero_shot", "speaker": "ann", "target": "clips/x.wav", "seed": 0, "system": "toy"}
    assert waves.read(row | {"sound": "aa"}) is None
    waves.write(tone(200.0), row | {"sound": "aa"})
    kept = waves.read(row | {"sound": "aa"})
    assert kept is not None and kept.size == RATE // 2
    assert waves.read(row | {"sound": "bb"}) is None
    (tmp_path / "waves" / "zero_shot" / "ann_x_0.wav").write_bytes(b"RIFF")
    assert waves.read(row | {"sound": "aa"}) is None


def test_a_part_of_a_list_and_chosen_measures(tmp_path: Path) -> None:
    options: dict[str, Any] = {"system": "toy-1", "conditions": ["zero_shot"]}
    options |= {"measures": ["similarity"], "every": 3, "candidates": 1}
    lab = FakeLab()
    result = evaluated(lab, toy_list(tmp_path), tmp_path / "out", **options)
    assert list(result["evaluators"]) == ["similarity"] and result["missing"] == {}
    assert result["list"]["name"] == "list.csv, every 3" and result["list"]["targets"] == 3
    spoken = [asked[2] for asked in lab.asked if asked[0] == "speak"]
    assert spoken == ["ann_0", "bob_0", "dan_0"]
    options["candidates"] = 2
    again = FakeLab()
    evaluated(again, tmp_path / "lists" / "list.csv", tmp_path / "out", **options)
    assert sum(asked[0] == "speak" for asked in again.asked) == 3  # another number of candidates is another sound
    for wrong, code in (({"measures": ["noise"]}, "MEASURE_UNKNOWN"), ({"every": 0}, "PARAM_RANGE")):
        with pytest.raises(ConfigError) as caught:
            evaluated(again, tmp_path / "lists" / "list.csv", tmp_path / "out", **{**options, **wrong})
        assert caught.value.code == code


def test_other_errors_of_a_measure_are_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise LabError("CKPT_CORRUPT", "The model file is damaged")

    monkeypatch.setattr(run, "Dnsmos", broken)
    with pytest.raises(LabError, match="damaged"):
        run.available_measures(read_list(toy_list(tmp_path)).items, embedder=PitchEmbedder())


def test_recognisers_are_used_by_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = read_list(toy_list(tmp_path)).items
    measures, missing = run.available_measures(items, {"zh": lambda wave: []}, "own recogniser", PitchEmbedder())
    names = {measure.name: measure.identity for measure in measures}
    assert names["phones"] == "own recogniser" and "phones" not in missing
    assert extras.version("numpy") != "absent"
    assert isinstance(items[0].target, Clip) and tone(100.0).size == RATE // 2


def test_the_comparison_is_drawn_from_the_waves_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every condition with a wave for the drawn target, in their order; nothing for a language without."""
    items = read_list(toy_list(tmp_path)).items
    drawn: list[dict[str, Any]] = []
    monkeypatch.setattr(figures, "spectrogram_pair", lambda waves, rate: drawn.append(dict(waves)))
    monkeypatch.setattr(figures, "png", lambda figure: b"picture")
    item = min((item for item in items if item.language == "en"), key=lambda item: abs(item.seconds - 3))
    for condition, seed, hz in (("zero_shot", 4, 200.0), ("copy_synthesis", None, 100.0), ("zero_shot", 5, 300.0)):
        row = {
            "condition": condition,
            "speaker": item.speaker,
            "target": item.target.key,
            "seed": seed,
            "system": "toy",
        }
        run.Waves(tmp_path / "waves").write(tone(hz, 0.5), row | {"sound": ""})
    assert run.draw_comparison(tmp_path, items, seed=4) == [tmp_path / "comparison-en.png"]
    assert list(drawn[0]) == ["natural", "copy synthesis", "zero shot"]
    np.testing.assert_allclose(drawn[0]["zero shot"], tone(200.0, 0.5), atol=1e-3)
    np.testing.assert_allclose(drawn[0]["natural"], item.target.read())
