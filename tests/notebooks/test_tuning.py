"""Notebook 09 without a kernel: its slices, its short run, and how the shipped runs are made."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

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
from gsv_lab.teaching.exercises import making_runs, minute, short_runs, tuning_kit, voice_runs
from gsv_lab.training.fit import fit
from gsv_lab.training.runs import find


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
    assert making_runs.main(["seconds", *places, "--lengths", "12", "20"]) == 0
    rows = voice_runs.load_seconds(tmp_path)
    assert [row.speaker for row in rows] == ["A"] * 2 and 10 < rows[0].seconds <= 12 < rows[1].seconds <= 20
    assert all(0 < cosine < 1 and row.zero_shot != row.tuned for row in rows for cosine in row[2:])
    with pytest.raises(DataError, match="no speech left over"):
        making_runs.make_seconds(tmp_path / "w", [tmp_path / "sample"], tmp_path, [100.0])


def test_a_command_that_makes_nothing_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no list file") as caught:
        making_runs._trained("gsv-lab finetune nothing --output x.safetensors --run-folder runs/x", tmp_path, "x")
    assert caught.value.code == "BOOK_TRAINING"
