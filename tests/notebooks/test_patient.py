"""The network of notebook 08, what is measured of it, and what notebook 07 does with its reader's functions."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from gsv_lab.checkpoint import load_component
from gsv_lab.errors import CheckpointError
from gsv_lab.evaluation.ablation import head_grid
from gsv_lab.evaluation.probes.linear import Examples
from gsv_lab.hooks import probe, zero
from gsv_lab.inference.lab import Lab
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.system.config import build, load_experiment
from gsv_lab.teaching.exercises import breaking, probing
from gsv_lab.teaching.exercises.patient import FOLDER, Patient, PatientClip, load_patient, main
from gsv_lab.teaching.widgets.ablation import AblationExplorer

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "synthetic" / "gpt_plain.yaml"


@pytest.fixture(scope="module")
def patient() -> Patient:
    return load_patient()


@pytest.fixture(scope="module")
def clips(patient: Patient) -> list[PatientClip]:
    return patient.clips(8)


def test_the_shipped_patient_is_small_and_of_the_shipped_configuration() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1.5e6
    task = build(load_experiment([CONFIG])["task"])
    shipped = load_component(FOLDER / "semantic_gpt.safetensors")
    assert type(shipped) is type(task.semantic_gpt) and shipped.spec == task.semantic_gpt.spec
    assert shipped.max_advance == 0, "no monotonic alignment"
    assert load_component(FOLDER / "quantizer.safetensors", VectorQuantizer).n_codes == shipped.n_codes


def test_its_clips_are_of_voices_that_it_never_met(patient: Patient, clips: list[PatientClip]) -> None:
    assert {clip.speaker.name for clip in clips} == {f"synthetic_{number}" for number in range(32, 36)}
    first = clips[0]
    assert first.mark.model == "synthetic corpus" and abs(len(first.codes) - len(first.wave) / 640) <= 1
    assert first.context.shape == (8, len(first.phones)) and first.phone_index.max() == len(first.phones) - 1


def test_one_head_bleeds_and_one_does_not(patient: Patient, clips: list[PatientClip]) -> None:
    """What the notebook claims, on fewer clips: the dearest interval lies away from 0 by half of its width."""
    measure = breaking.nats_per_code(patient, clips)
    assert len(measure()["nats"]) == len(clips)
    assert breaking.mean_of(measure) < 0.5 * math.log(patient.semantic_gpt.n_codes)
    rows = sorted(head_grid(patient, breaking.MIX, measure).rows, key=lambda row: row["nats"])
    cheapest, dearest = rows[0], rows[-1]
    assert dearest["nats_low"] > (dearest["nats_high"] - dearest["nats_low"]) / 2 > 0
    assert abs(cheapest["nats"]) < 0.1 * dearest["nats"]
    label = breaking.label(dearest["tap"], dearest["head"])
    alone = breaking.without(patient, measure, [label]) - breaking.mean_of(measure)
    assert alone == pytest.approx(dearest["nats"], abs=1e-6)
    follows = breaking.follows_phones(patient, clips[0])
    assert max(follows, key=lambda head: follows[head]) == breaking.head_of(label)


def test_codes_become_the_sound_of_their_phones(patient: Patient, clips: list[PatientClip]) -> None:
    sound = patient.speak(clips[0].codes, clips[0].speaker)
    assert len(sound.wave) == 640 * len(clips[0].codes) and sound.sample_rate == 16000
    assert np.mean([patient.phone_error(clip.codes, clip) for clip in clips]) < 0.35
    random = torch.randint(
        patient.semantic_gpt.n_codes, clips[0].codes.shape, generator=torch.Generator().manual_seed(0)
    )
    assert patient.phone_error(random, clips[0]) > 0.7


def test_what_it_writes_falls_apart_without_its_dearest_head(patient: Patient, clips: list[PatientClip]) -> None:
    whole = patient.write(clips)
    assert all(torch.equal(again, once) for again, once in zip(patient.write(clips), whole, strict=True))
    with probe(patient, edits=[zero(breaking.MIX.replace("*", "1"), head=0)]):
        broken = patient.write(clips)
    before, after = (
        np.mean([patient.phone_error(*pair) for pair in zip(codes, clips, strict=True)]) for codes in (whole, broken)
    )
    assert after > before + 0.1


def test_the_explorer_takes_it_and_keeps_its_scale(patient: Patient, clips: list[PatientClip]) -> None:
    explorer = AblationExplorer(patient, clips[:2], reach=0.5)
    explorer.set(edit="mean", gone=(explorer.heads[4],))
    assert explorer.cost > 0.1 and explorer.reach == 0.5
    assert explorer.grid is not None and explorer.grid.matrix("nats", "high")[2][1, 0] == 0


def test_files_that_are_missing_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "card.json").write_text(json.dumps({"sound_of_code": []}), encoding="utf-8")
    with pytest.raises(CheckpointError, match="semantic_gpt"):
        load_patient(tmp_path)
    with pytest.raises(SystemExit):
        main([])
    assert "RUNS" in capsys.readouterr().err.upper()


def test_rules_of_the_kit_say_what_the_exercises_ask() -> None:
    rows = [{"head": n, "nats": c, "nats_low": c - 0.1} for n, c in enumerate((0.05, 0.4, 0.2))]
    assert breaking.surely_dear(rows) == [1, 2]
    assert breaking.share_lost(2.0, 3.0, 6.0) == 0.25 and breaking.brought_back(2.0, 6.0, 5.0) == 0.25
    assert breaking.interplay(3.0, 3.0, 3.0, 4.5) == 1.5
    assert breaking.head_of("1.3") == ("semantic_gpt.layers.1.attention.mix", 3)


def voices(separate: float) -> Examples:
    random = np.random.default_rng(0)
    speaker = np.repeat(["ann", "bob", "eve"], 80)
    phone = np.tile(np.repeat(["aa", "s"], 20), 6)
    x = random.normal(size=(240, 6))
    x[:, :2] += separate * np.array([{"ann": (1, 0), "bob": (0, 1), "eve": (-1, -1)}[name] for name in speaker])
    x[:, 2] += 4 * (phone == "aa")
    return Examples("mel", x, phone, speaker, np.full(240, np.nan), phone, np.repeat(np.arange(12), 20))


def test_a_matrix_reads_the_speaker_from_clips_it_never_saw_and_erasure_stops_it() -> None:
    hits = [probing.right_answers(voices(s), probing.last_clips, probing.least_squares)[1] for s in (0.0, 5.0)]
    assert hits[0] < 0.5 and hits[1] > 0.9
    rounds = probing.erased(voices(5.0), probing.projected, 2)
    assert rounds[0][0] > 0.9 and rounds[-1][0] < 0.6 and rounds[-1][1] > 0.9, "the speaker goes, the phone stays"


def test_pitch_curves_are_compared_by_their_movement() -> None:
    curve = 100 * 2 ** (np.sin(np.arange(90) / 9) / 4)
    assert probing.alike(curve, 1.7 * curve) == pytest.approx(1.0)
    assert probing.alike(curve, np.where(np.arange(90) < 45, 0, 1e4 / curve)) == pytest.approx(-1.0)
    assert math.isnan(probing.alike(curve, np.zeros(40))) and math.isnan(probing.median_hertz(np.zeros(3)))


def test_unknown_taps_are_left_out(lab: Lab) -> None:
    assert probing.known_taps(lab, ("quantizer.codes", "nowhere.at_all")) == ("quantizer.codes",)
