"""The shipped runs of notebook 09, what is drawn of them, and the explorer in which they are set beside each other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab.inference.utterance import Speech
from gsv_lab.teaching.exercises import tuning_views, voice_runs
from gsv_lab.teaching.exercises.metrics import cepstra
from gsv_lab.teaching.exercises.tuning import DIAGNOSES, PATIENTS
from gsv_lab.teaching.widgets.runs import RunChooser, by_name
from gsv_lab.training.runs import Run

RUNS = voice_runs.load_runs()


def test_shipped_runs_are_those_of_the_commands() -> None:
    lines = voice_runs.commands()
    page = (voice_runs.RESULTS / "README.md").read_text(encoding="utf-8")
    assert [*RUNS] == [*voice_runs.RUNS] and [run.command for run in RUNS.values()] == lines[1:]
    assert not [line for line in lines if line not in page] and voice_runs.CURVES.strip() in page
    for name, run in RUNS.items():
        options = dict(zip(voice_runs.RUNS[name][1::2], voice_runs.RUNS[name][2::2], strict=True))
        trainer, task = run.settings["trainer"], run.settings["task"]["init_args"]
        assert trainer["max_batches"] == int(options["--steps"]) and trainer["validate_every"] == 20
        assert task["learning_rate"] == float(options.get("--learning-rate", task["learning_rate"]))
        assert run.settings["seed"] == int(options.get("--seed", 1234))
        tag = "train/code" if "--stage" in options else "train/kl"
        assert run.scalars()[tag][-1][0] == trainer["max_batches"] - 1
    rates = [RUNS[name].settings["task"]["init_args"]["learning_rate"] for name in ("fast", "full")]
    assert rates[0] == pytest.approx(25 * rates[1])
    assert RUNS["leak"].command.split()[2] == "leaking"


def test_shipped_files_are_small_and_tell_of_no_machine() -> None:
    files = [path for path in voice_runs.RESULTS.iterdir() if path.suffix in (".json", ".csv")]
    assert len(files) == len(RUNS) + 2 and sum(path.stat().st_size for path in files) < 300_000
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.])/\w+/", text), path.name
        if path.suffix == ".json":
            assert set(json.loads(text)["card"]["machine"]) == {"minutes"}


def test_the_runs_show_what_the_notebook_says_of_them() -> None:
    """A file that is made anew must still be ill, or well, as it is called."""
    kl = {name: dict(run.scalars()["valid/kl"]) for name, run in RUNS.items() if name != "gpt"}
    ends = {name: [*rows.values()][-1] for name, rows in kl.items()}
    assert {*PATIENTS} == {*voice_runs.BLIND} and {*PATIENTS.values()} == {*DIAGNOSES}
    assert [voice_runs.BLIND[letter] for letter in sorted(PATIENTS)] == ["leak", "fast", "long"]
    assert ends["leak"] < min(kl["full"].values()) - 0.3
    begins = {name: [loss for step, loss in RUNS[name].scalars()["train/kl"] if step < 40] for name in ("fast", "full")}
    assert max(begins["fast"]) > begins["fast"][0] + 1 and max(begins["fast"]) > max(begins["full"]) + 1
    assert kl["fast"][19] > kl["full"][19] + 1 and ends["fast"] > ends["full"]
    assert ends["long"] > min(kl["long"].values()) + 0.5 and [*kl["long"].values()].index(min(kl["long"].values())) > 0
    assert RUNS["long"].scalars()["train/kl"][-1][1] < RUNS["full"].scalars()["train/kl"][-1][1]
    gpt = RUNS["gpt"].scalars()
    assert gpt["train/accuracy"][-1][1] > 0.95 and gpt["valid/code"][-1][1] > gpt["valid/code"][0][1] + 0.3
    rows = {row["run"]: row for row in tuning_views.stops(RUNS)}
    assert rows["full"]["lowest training loss"] != rows["full"]["last"]
    assert next(iter(rows["full"].values())) == "full" and rows["long"]["last"] == 359
    stop = next(key for key in rows["full"] if key.startswith("stop"))
    assert rows["long"][stop] < 160 and rows["gpt"][stop] == 19 and rows["full"][stop] < 239


def run_of(name: str, curves: dict[str, list[tuple[int, float]]], settings: dict[str, Any] | None = None) -> Any:
    return voice_runs.ShippedRun(Path(name), name, settings or {}, {}, Path(), curves, "")


def test_the_margin_is_what_seeds_differ_by_and_a_rule_is_asked_with_it() -> None:
    tag = "valid/resynthesis_mel"
    one = run_of("full", {tag: [(1, 2.0), (2, 1.0), (3, 1.2)], "train/kl": [(1, 3.0), (2, 1.5), (3, 2.0)]})
    other = run_of("full_again", {tag: [(2, 1.1), (3, 1.0), (4, 9.0)], "train/kl": [(1, 3.0)]})
    assert tuning_views.seed_noise(one, other, tag) == pytest.approx(0.15)
    asked: list[float] = []
    rows = tuning_views.stops(
        {"full": one, "full_again": other}, lambda trained, held, margin: asked.append(margin) or held[0][0]
    )
    assert asked == pytest.approx([0.15, 0.15]) and "stop (margin 0.150)" in rows[0]
    assert rows[0]["stop (margin 0.150)"] == 1 and rows[0]["its loss"] == 2.0
    assert (rows[0]["lowest training loss"], rows[0]["last"], rows[0]["loss there"]) == (2, 3, 1.2)
    shown = tuning_views.panels({"a": one, "b": other}, [tag, "train/none"])
    assert shown["train/none"] == {} and shown[tag]["a"] == ((1, 2, 3), (2.0, 1.0, 1.2))


def spoken(run: str, step: int, cosines: list[float], copied: float = 0.5) -> list[voice_runs.Spoken]:
    return [voice_runs.Spoken(run, step, number, cosine, copied) for number, cosine in enumerate(cosines)]


def test_gains_are_differences_of_the_same_sentences() -> None:
    before = [0.5, 0.7, 0.9, 0.6]
    rows = [*spoken("x", 0, before), *spoken("x", 60, [c + 0.02 + 0.002 * n for n, c in enumerate(before)])]
    rows += [*spoken("y", 0, before), *reversed(spoken("y", 60, [c + 0.02 * (-1) ** n for n, c in enumerate(before)]))]
    figure = tuning_views.gains(rows)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert [label.split(":")[0] for label in labels] == ["x, step 60", "y, step 60"] and "+0.023 [" in labels[0]
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [dot.get_markerfacecolor() != "white" for dot in dots] == [True, False]
    np.testing.assert_allclose([dot.get_xdata()[0] for dot in dots], [0.023, 0.0], atol=1e-9)


class Clips:
    """Stands in for a store of two clips."""

    def __init__(self, *waves: np.ndarray) -> None:
        self.waves = waves

    def wave(self, index: int) -> np.ndarray:
        return self.waves[index]


def test_what_repeats_its_training_is_told_from_what_does_not() -> None:
    random = np.random.default_rng(0)
    heard, fresh = (random.normal(0, 0.1, 16000).astype(np.float32) for _ in range(2))
    voices = {
        name: Speech(torch.from_numpy(wave), 16000, torch.zeros(0), None, None, {}, None)  # type: ignore[arg-type]
        for name, wave in {"parrot": heard, "person": fresh}.items()
    }
    rows = tuning_views.repeats(Clips(heard, fresh), voices, spoken("x", 60, [0.5, 0.5], 0.25))  # type: ignore[arg-type]
    assert [row["nearer to its training"] for row in rows] == ["100%", "0%", "25%"]
    assert [row["sentences"] for row in rows] == [1, 1, 2] and rows[2]["voice"] == "x, step 60"
    asked: list[tuple[int, int]] = []
    tuning_views.repeats(
        Clips(heard, fresh[:8000]),
        voices,
        [],
        lambda made, a, b: asked.append((len(a), len(b))) or 0.5,  # type: ignore[arg-type]
    )
    assert asked == [(len(cepstra(fresh[:8000])),) * 2] * 2  # equally many frames of both


def test_more_speech_is_drawn_a_panel_a_speaker() -> None:
    rows = [voice_runs.MoreSpeech("B", 9, 0.6, 0.5), voice_runs.MoreSpeech("A", 30, 0.7, 0.8)]
    axes = tuning_views.more_speech([*rows, voice_runs.MoreSpeech("A", 15, 0.6, 0.9)]).axes
    assert [axis._left_title.get_text()[:2] for axis in axes[:2]] == ["A:", "B:"]
    before, after = axes[0].lines
    assert [before.get_label(), after.get_label()] == ["zero-shot", "tuned"] and [*before.get_xdata()] == [15, 30]
    assert [*before.get_ydata()] == [0.6, 0.7] and [*after.get_ydata()] == [0.9, 0.8]


def test_more_speech_is_shipped_for_two_people() -> None:
    shipped = voice_runs.load_seconds()
    counted = {name: sorted(row.seconds for row in shipped if row.speaker == name) for name in ("A", "B")}
    assert all(len(row) == 3 and row[0] < 20 < 50 < row[-1] <= 60 for row in counted.values()) and len(shipped) == 6
    # What the notebook says: tuning brings one of them nearer, the other not, and both less, the more speech there is.
    gains = {name: [row.tuned - row.zero_shot for row in shipped if row.speaker == name] for name in counted}
    assert all(gain > 0.01 for gain in gains["A"]) and all(gain < -0.01 for gain in gains["B"])
    assert gains["A"] == sorted(gains["A"], reverse=True) and gains["B"] == sorted(gains["B"])


def test_the_chooser_sets_two_runs_beside_each_other() -> None:
    kl = [(1, 5.0), (2, 3.0), (3, 4.0), (4, 2.0)]
    one = run_of("one", {"train/kl": kl, "valid/kl": [(2, 6.0)]}, {"seed": 1, "name": "<a>"})
    other = run_of("other", {"train/kl": kl[:2], "codes/dead": [(2, 0.1)]}, {"seed": 2, "name": "<b>"})
    chooser = RunChooser({"one": one, "other": other})
    page = chooser.view.children[-1].value
    assert "<td" in page and ">seed<" in page and "image/png" in page and "&lt;a&gt;" in page and "<a>" not in page
    assert chooser.controls["tag"].options == ("kl", "codes/dead")
    figure = chooser.picture(chooser.state)
    assert [axis._left_title.get_text() for axis in figure.axes[:2]] == ["train/kl", "valid/kl"]
    assert [line.get_label() for line in figure.axes[0].lines] == ["one", "other"]
    chooser.set(smoothing=3)
    (pale, smooth, _) = chooser.picture(chooser.state).axes[0].lines
    assert [*smooth.get_ydata()] == pytest.approx([4.0, 3.0]) and [*pale.get_ydata()] == [5.0, 3.0, 4.0, 2.0]
    chooser.set(tag="codes/dead")
    assert "one has no codes/dead" in chooser.output.value and "image/png" in chooser.output.value
    chooser.set(run="one", beside="one")
    assert "image/png" not in chooser.output.value and "Choose another run" in chooser.output.value
    assert not chooser.snapshot().axes[0].lines
    same = RunChooser({"one": one, "again": one})
    assert "All settings are the same" in same.view.children[-1].value


def test_the_chooser_shows_the_shipped_runs() -> None:
    chooser = RunChooser(RUNS)
    chooser.set(run="full", beside="fast", tag="voicing")
    assert "learning_rate" in chooser.output.value and "0.005" in chooser.output.value
    assert by_name({"train/kl": 1, "valid/kl": 2, "latent/kl": 3, "epoch": 4}) == {
        "kl": {"train/kl": 1, "valid/kl": 2}, "latent/kl": {"latent/kl": 3}, "epoch": {"epoch": 4},
    }  # fmt: skip
    assert isinstance(RUNS["full"], Run)
