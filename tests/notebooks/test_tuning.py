"""Notebook 09 without a kernel: its slices, its short run, the shipped runs and what is drawn of them, its explorer."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import gsv_lab
from gsv_lab import audio
from gsv_lab.corpora.prepare import Prepared
from gsv_lab.corpora.voice_clips import read_clips
from gsv_lab.errors import CheckpointError, ConfigError, DataError, LabError
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.utterance import Speech
from gsv_lab.teaching.exercises import making_runs, minute, short_runs, tuning_kit, tuning_views, voice_runs
from gsv_lab.teaching.exercises.metrics import cepstra
from gsv_lab.teaching.exercises.tuning import DIAGNOSES, PATIENTS
from gsv_lab.teaching.widgets.runs import RunChooser, by_name
from gsv_lab.training.fit import fit
from gsv_lab.training.runs import Run, find

RUNS = voice_runs.load_runs()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The slices as nano judges them."""
    return minute.slices(gsv_lab.load("nano"), tmp_path_factory.mktemp("minute"))


@pytest.fixture(scope="module")
def trained(planning: Lab, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> tuple[short_runs.Run, Path]:
    """A short run of an untrained tiny model, and its folder."""
    folder = minute.leave_out(prepared, tuning_kit.POOR)
    work = tmp_path_factory.mktemp("run")
    run = short_runs.short_run(planning, folder, work)
    fit(run.experiment, work / "runs" / "live", task=run.task, progress_bar=False)
    return run, work


def test_three_slices_are_spoiled_and_the_report_tells_which(prepared: Prepared) -> None:
    found = {minute.name_of(piece.path): piece for piece in prepared.slices}
    assert [*found] == [f"clip_{number}" for number in range(1, 9)]
    noisy, clipped, wrong = tuning_kit.POOR
    good = {name: piece for name, piece in found.items() if name not in tuning_kit.POOR}
    assert found[noisy].quality.snr_db < min(piece.quality.snr_db for piece in good.values()) - 10
    assert [name for name, piece in found.items() if piece.quality.clipping > 0.001] == [clipped]
    scores = {name: piece.score for name, piece in found.items() if piece.score is not None}
    assert min(scores, key=lambda name: scores[name]) == wrong
    assert max(scores[wrong], scores[noisy]) < min(scores[name] for name in good) - 1
    assert not [name for name, piece in good.items() if piece.warnings]
    quiet = minute.CLIPS.index((4, "quiet"))
    assert min(found, key=lambda name: found[name].quality.level) == f"clip_{quiet + 1}" not in tuning_kit.POOR
    rows = minute.reported(prepared)
    assert [row["slice"] for row in rows] == [*found] and rows[4]["clipped"] != "0.00%"
    sounds = minute.heard_slices(prepared, ["clip_2", noisy])
    assert [*sounds] == ["clip_2", noisy] and all(sound.wave.numel() > 4 * 16000 for sound in sounds.values())


def test_what_is_left_out_of_the_list_is_not_learnt_from(
    trained: tuple[short_runs.Run, Path], prepared: Prepared
) -> None:
    names = {minute.name_of(clip.path.name) for clip in read_clips(prepared.folder, 60.0).clips}
    assert names == {f"clip_{number}" for number in (1, 2, 4, 6, 7)}
    assert len(trained[0].store) == 5


def test_a_short_run_is_a_run_like_any_other(trained: tuple[short_runs.Run, Path], planning: Lab) -> None:
    run, work = trained
    (live,) = find(work / "runs")
    assert live.settings["name"] == "finetune-speaker" and live.settings["trainer"]["max_batches"] == 12
    scalars = live.scalars()
    assert len(scalars["train/mel"]) == 12 and len(scalars["valid/resynthesis_mel"]) == 1
    names = {row["tags"]: row["names"].split(", ") for row in short_runs.tags(scalars)}
    assert {"train/", "valid/", "grad_norm/"} <= {*names} and "mel" in names["train/"] and "epoch/" not in names
    before, after = short_runs.voices(planning, run.store, short_runs.checkpoints(work / "runs" / "live")).values()
    assert before.name == "lesson 0" and not before.tuned and after.name == "lesson 12" and after.tuned
    assert torch.equal(before.prompt.codes, after.prompt.codes) and not torch.equal(before.speaker, after.speaker)
    assert planning.speak("Hello there.", after).wave.numel()


def test_the_profile_chooses_the_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GSV_LAB_PROFILE", raising=False)
    assert short_runs.sizes().place == {} and short_runs.sizes().steps == 12
    monkeypatch.setenv("GSV_LAB_PROFILE", "gpu")
    assert short_runs.sizes().place == {"device": "cuda", "precision": "bf16"} and short_runs.sizes().steps == 240
    monkeypatch.setenv("GSV_LAB_PROFILE", "huge")
    with pytest.raises(ConfigError, match=r"GSV_LAB_PROFILE is 'huge'.*cpu or gpu") as caught:
        short_runs.sizes()
    assert caught.value.code == "PROFILE"


def test_methods_are_counted_without_peft_too(planning: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    found = short_runs.counts(planning.family)
    sizes = {method: sum(row.values()) for method, row in found.items()}
    assert 0 < sizes["lora"] < sizes["full"] < sizes["base"] and 0 < sizes["speaker"] < sizes["full"]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert {*short_runs.counts(planning.family)} == {*found} - {"lora"}


def test_a_released_family_is_counted_where_its_weights_are(
    planning: Lab, prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [*short_runs.MODELS]

    def load(name: str, **place: str) -> Lab:
        if name == names[-1]:
            return planning
        raise CheckpointError("CKPT_MISSING", f"{name} lacks its files", "them", "Run: gsv-lab weights get")

    monkeypatch.delenv("GSV_LAB_PROFILE", raising=False)
    monkeypatch.setattr(short_runs, "load", load)
    shown = short_runs.released(prepared.folder, tmp_path)
    assert isinstance(shown, Figure) and shown.get_suptitle() == f"{planning.version}: what learns"
    monkeypatch.setattr(short_runs, "MODELS", names[:-1])
    rows = short_runs.released(prepared.folder, tmp_path)
    assert [row["family"] for row in rows] == names[:-1] and not [*tmp_path.iterdir()]
    assert all("weights get" in row["it would need"] for row in rows)


def test_a_released_family_is_tuned_in_the_profile_for_graphics_cards(
    planning: Lab, prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here on the CPU, with a tiny model in its place."""
    monkeypatch.setenv("GSV_LAB_PROFILE", "gpu")
    monkeypatch.setitem(short_runs.PROFILES, "gpu", short_runs.PROFILES["cpu"]._replace(steps=2))
    monkeypatch.setattr(short_runs, "load", lambda name, **place: planning)
    shown = short_runs.released(prepared.folder, tmp_path)
    assert re.search(r"LoRA, 2 steps: [\d.]+ s a step", shown.get_suptitle())
    (run,) = find(tmp_path)
    assert run.settings["task"]["init_args"]["method"]["class_path"].endswith(".LoRA")


def test_one_layer_says_what_an_update_saves(planning: Lab) -> None:
    said = short_runs.one_layer(planning, tuning_kit.updated, rank=2)
    weights, few, share, rank = re.findall(r"= ([\d,]+) numbers.*have ([\d,]+), (\d+)%.*rank (\d+) of", said)[0]
    whole, thin = (int(text.replace(",", "")) for text in (weights, few))
    assert thin < whole and int(share) == round(100 * thin / whole) and rank == "2"
    assert "rank 0 of" in short_runs.one_layer(planning, lambda w, a, b, alpha: w.clone())


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


def test_a_run_is_packed_as_it_was_logged(trained: tuple[short_runs.Run, Path], tmp_path: Path) -> None:
    (live,) = find(trained[1] / "runs")
    (tmp_path / "live.json").write_bytes(making_runs.packed_run(live, "gsv-lab finetune x"))
    back = voice_runs._read(tmp_path / "live.json")
    assert back.command == "gsv-lab finetune x" and str(trained[1]) not in (tmp_path / "live.json").read_text()
    assert back.settings["sizes"]["store"] == back.settings["data"]["init_args"]["store"] == making_runs.STORE
    logged = live.scalars()
    assert {*back.scalars()} == {*logged} - {"epoch"}
    for tag, rows in back.scalars().items():
        assert [step for step, _ in rows] == [step for step, _ in logged[tag]]
        np.testing.assert_allclose([v for _, v in rows], [v for _, v in logged[tag]], rtol=1e-4)


def test_a_leak_is_a_copy_of_what_is_held_out(prepared: Prepared, tmp_path: Path) -> None:
    making_runs.leak(prepared.folder, tmp_path / "leaking")
    honest, leaking = read_clips(prepared.folder, 60.0).clips, read_clips(tmp_path / "leaking", 60.0).clips
    assert len(leaking) == len(honest) + 1 and [clip.split for clip in leaking].count("valid") == 1
    held_out, copy = leaking[making_runs.HELD_OUT : making_runs.HELD_OUT + 2]
    assert held_out.split == "valid" and copy.split == "train" and held_out.text == copy.text
    one, other = (audio.read(clip.path).samples for clip in (held_out, copy))
    np.testing.assert_allclose(other.numpy(), one.numpy() * 10 ** (-1 / 20), atol=2e-4)


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


@pytest.mark.slow
def test_runs_are_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a few steps, by the same commands; what is there is not trained twice."""
    few = {name: tuple("4" if part in ("240", "360") else part for part in voice_runs.RUNS[name])
           for name in ("full", "leak", "gpt")}  # fmt: skip
    monkeypatch.setattr(voice_runs, "RUNS", few)
    monkeypatch.setattr(making_runs, "RUNS", few)
    monkeypatch.setattr(making_runs, "SPOKEN", ("full",))
    monkeypatch.setattr(making_runs, "CURVES", "trainer: {validate_every: 2, log_every: 1, checkpoint_every: 2}\n")
    assert making_runs.main(["runs", str(tmp_path / "work"), "--output", str(tmp_path / "out")]) == 0
    runs = voice_runs.load_runs(tmp_path / "out")
    assert [*runs] == [*few] and len(runs["gpt"].scalars()["valid/code"]) == 2
    said = voice_runs.load_spoken(tmp_path / "out")
    assert {row.step for row in said} == {0, 2, 4} and len(said) == 36
    monkeypatch.setattr(making_runs, "_call", lambda *_: pytest.fail("trained again"))
    monkeypatch.setattr(making_runs, "speak_all", lambda work: [])
    making_runs.make_runs(tmp_path / "work", tmp_path / "out")


@pytest.mark.slow
def test_more_speech_is_measured_on_what_was_left_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    making_runs._material(tmp_path)
    making_runs._call(voice_runs.commands()[0], tmp_path, tmp_path / "sample")
    monkeypatch.setattr(making_runs, "STEPS", 2)
    places = [str(tmp_path / "w"), str(tmp_path / "sample"), "--output", str(tmp_path)]
    assert making_runs.main(["seconds", *places, "--lengths", "5", "12"]) == 0
    rows = voice_runs.load_seconds(tmp_path)
    assert [row.speaker for row in rows] == ["A"] * 2 and 4 < rows[0].seconds <= 5 < rows[1].seconds <= 12
    assert all(0 < cosine < 1 and row.zero_shot != row.tuned for row in rows for cosine in row[2:])
    with pytest.raises(DataError, match="no speech left over"):
        making_runs.make_seconds(tmp_path / "w", [tmp_path / "sample"], tmp_path, [100.0])


def test_a_command_that_makes_nothing_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no list file") as caught:
        making_runs._trained("gsv-lab finetune nothing --output x.safetensors --run-folder runs/x", tmp_path, "x")
    assert caught.value.code == "BOOK_TRAINING"
