"""The plain baseline: its regressors learn, everything else stays, and what it draws reaches nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from gsv_lab.checkpoint import load_component, save_component
from gsv_lab.checkpoint.native import load_tensors
from gsv_lab.corpora.store import ClipStore
from gsv_lab.errors import CheckpointError, ConfigError
from gsv_lab.evaluation.baseline import baseline_lab
from gsv_lab.evaluation.conditions import LabConditions
from gsv_lab.evaluation.lists import Clip, Item
from gsv_lab.hooks import probe
from gsv_lab.inference.lab import load
from gsv_lab.system.config import build
from gsv_lab.training.fit import fit
from small_runs import tracked_store
from source import ROOT
from tiny import CONTENT, GPT, SOVITS, experiment, make_family, spec

PRIOR = spec(
    "extensions.aligned_prior.AlignedPrior", content_dim=12, latent_dim=8, speaker_dim=16, n_phones=732, width=16,
    layers=[1, 1], reads_codes=False,
)  # fmt: skip
FLOW = spec("nn.flow.IdentityFlow", latent_dim=8, speaker_dim=16)
PLAIN = {**SOVITS, "init_args": {**SOVITS["init_args"], "prior": PRIOR, "flow": FLOW, "from_prior": 0.0}}
PLANNED = spec(
    "extensions.duration_predictor.PlannedSemanticGPT",
    **{**GPT["init_args"], "duration_predictor": spec("extensions.duration_predictor.DurationPredictor", n_phones=732)},
)
WEIGHTS = {"latent": 20.0, "f0": 10.0, "voicing": 1.0, "duration": 1.0, "there": 1.0}
LEARN = ("sovits.prior.", "sovits.pitch_predictor.", "semantic_gpt.duration_predictor.")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    return tracked_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def start(store: ClipStore) -> Path:
    """A SoVITS that counts as trained, with the codebook of the store."""
    torch.manual_seed(1)
    sovits = build(SOVITS)
    sovits.quantizer.load_state_dict(load_component(store.folder.parent / "quantizer.safetensors").state_dict())
    return save_component(sovits, store.folder.parent / "sovits.safetensors")


def made(store: ClipStore, start: Path, batches: int) -> dict[str, Any]:
    task = spec("training.baseline_task.BaselineTask", sovits=PLAIN, semantic_gpt=PLANNED, weights=WEIGHTS, warm_up=1)
    windows = {"windows": 2, "window_seconds": 17.0, "worst_fit": -90.0}
    data = spec("corpora.sovits_data.SoVITSData", store=str(store.folder), **windows)
    return {**experiment(task, data, batches), "start_from": str(start)}


def test_one_batch_is_learnt_by_the_regressors_alone(store: ClipStore, start: Path) -> None:
    torch.manual_seed(0)
    resolved = made(store, start, 1)
    task, data = build(resolved["task"]), build(resolved["data"])
    task.start_files = {"sovits": start}
    data._task = task
    data.setup()
    batch = data.draw(0)
    before = {name: value.clone() for name, value in task.state_dict().items()}
    (optimizer,) = task.configure_optimizers()
    for group in optimizer.param_groups:
        group["lr"] = 5e-3
    values = []
    for _ in range(40):
        terms = task.generate(batch).terms
        assert not terms["kl"].requires_grad
        optimizer.zero_grad()
        sum(WEIGHTS.get(name, 0) * value for name, value in terms.items()).backward()
        optimizer.step()
        values.append({name: float(value.detach()) for name, value in terms.items()})
    assert set(values[0]) == {"latent", "kl", "mel", "f0", "f0_variance", "voicing", "duration", "there"}
    for name in ("latent", "duration"):
        assert values[-1][name] < 0.8 * values[0][name], (name, values[0], values[-1])
    moved = {name for name, value in task.named_parameters() if (value != before[name]).any()}
    assert all(any(name.startswith(part) for name in moved) for part in LEARN)
    assert all(name.startswith(LEARN) for name in moved)


def test_durations_are_those_of_the_alignment(store: ClipStore, start: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the predictor is asked for adds up to the codes of each clip, padding left out."""
    resolved = made(store, start, 1)
    task, data = build(resolved["task"]).eval(), build(resolved["data"])
    task.start_files = {"sovits": start}
    data._task = task
    data.setup()
    batch = data.collate(data.chosen["train"][:2], None)
    short = batch._replace(frames=torch.tensor([batch.frames[0], batch.frames[1] - 20]))
    seen: list[torch.Tensor] = []

    def losses(found: Any, spoken: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        seen.append(spoken)
        return {}

    monkeypatch.setattr("gsv_lab.training.baseline_task.duration_losses", losses)
    with torch.no_grad():
        task.generate(short)
    assert seen[0].sum(1).tolist() == [int(frames) // 2 for frames in short.frames]


def test_a_run_goes_on_and_its_lab_draws_nothing(store: ClipStore, start: Path, tmp_path: Path, sample: Path) -> None:
    resolved = made(store, start, 3)
    with pytest.warns(UserWarning, match="sovits keeps its own start where"):
        fit(resolved, tmp_path / "run", progress_bar=False, run_minutes=1e-9, partial=True)
    fitted = fit(resolved, tmp_path / "run", progress_bar=False, partial=True)
    assert fitted.done and set(fitted.weights) == {"sovits", "semantic_gpt"}
    trained, begun = load_tensors(fitted.weights["sovits"]), load_tensors(start)
    kept = [name for name in begun if name.startswith(("vocoder.", "posterior.", "speaker_encoder.", "quantizer."))]
    assert kept and all(torch.equal(trained[name], begun[name]) for name in kept)
    lab = load(str(make_family(tmp_path / "family")))
    plain = baseline_lab(lab, tmp_path / "run" / "weights")
    assert plain.version == "tiny-1-baseline" and plain.family.candidates == 1
    voice = plain.clone(sample)
    found = []
    for seed in (1, 2):
        with probe(plain, "prior.mean", "prior.content", "pitch_predictor.f0") as records:
            speech = plain.speak("We walk home.", voice, seed=seed)
        found.append((records["prior.mean"].value, records["pitch_predictor.f0"].value, speech.codes))
        assert speech.wave.abs().sum() > 0 and not records["prior.content"].value.any(), "codes reach nothing"
    assert torch.equal(found[0][0], found[1][0]) and torch.equal(found[0][1], found[1][1])
    assert not torch.equal(found[0][2], found[1][2]), "which the drawn codes show"
    clip = Clip(sample, "me", "me", "en", "we walk home")
    items = [Item("me", "me", "en", clip.text, clip, clip)]
    made_conditions = LabConditions(lab, items, baseline=plain).conditions(["baseline", "zero_shot"])
    conditions = {each.name: each for each in made_conditions}
    assert not conditions["baseline"].seeded and conditions["zero_shot"].seeded
    assert conditions["baseline"].identity != conditions["zero_shot"].identity
    other = baseline_lab(lab, tmp_path / "run" / "weights")
    expected = LabConditions(other, items).conditions(["zero_shot"])[0].speak(clip, clip, 0)
    assert np.array_equal(conditions["baseline"].speak(clip, clip, 0), expected)
    absent = LabConditions(lab, items).conditions(["baseline"])[0]
    assert absent.speak(clip, clip, 0) is None


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lack 'latent'") as caught:
        build(spec("training.baseline_task.BaselineTask", sovits=PLAIN, semantic_gpt=PLANNED, weights={"f0": 1.0}))
    assert caught.value.code == "CONFIG_INCONSISTENT"
    lab = load(str(make_family(tmp_path / "family")))
    with pytest.raises(CheckpointError, match="semantic_gpt"):
        baseline_lab(lab, tmp_path)
    save_component(build(CONTENT), tmp_path / "semantic_gpt.safetensors")
    with pytest.raises(CheckpointError):
        baseline_lab(lab, tmp_path)


def test_it_stands_on_the_parts_of_nano() -> None:
    """Sizes and the parts that do not learn are those of sovits.yaml."""
    files = [ROOT / "configs" / "nano" / f"{name}.yaml" for name in ("sovits", "baseline")]
    whole, plain = (yaml.safe_load(file.read_text("utf-8")) for file in files)
    sizes = {name: size for name, size in whole["sizes"].items() if name != "quantizer"}
    assert plain["sizes"].items() >= sizes.items()
    own, theirs = (table["task"]["init_args"]["sovits"]["init_args"] for table in (plain, whole))
    for name in ("frontend", "quantizer", "speaker_encoder", "posterior", "vocoder", "pitch_predictor"):
        assert own[name] == theirs[name], name
