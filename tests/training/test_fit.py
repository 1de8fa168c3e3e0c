"""Every task learns one batch, and a training that was killed goes on as if it had not been."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from gsv_lab.checkpoint import load_component, save_component
from gsv_lab.checkpoint.native import load_tensors
from gsv_lab.corpora.store import ClipStore
from gsv_lab.system.config import build
from gsv_lab.training.codes import make_codes
from gsv_lab.training.fit import fit
from tiny import CONTENT, DISCRIMINATORS, GPT, RECOGNISERS, SOVITS, VERIFIER, experiment, make_store, spec

PLANNED = {**GPT, "class_path": "gsv_lab.extensions.duration_predictor.PlannedSemanticGPT"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    """Synthetic clips with all tracks, made by an untrained content encoder."""
    folder = tmp_path_factory.mktemp("store")
    made = make_store(folder / "clips")
    torch.manual_seed(0)
    content = save_component(build(CONTENT), folder / "content.safetensors")
    make_codes(made.folder, content, folder / "quantizer.safetensors", n_codes=20)
    return ClipStore(made.folder)


def tasks(store: ClipStore) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    folder = str(store.folder)
    quantizer = str(store.folder.parent / "quantizer.safetensors")
    return {
        "content": (
            spec("training.content_task.ContentTask", content_encoder=CONTENT, labels_from=0.5, warm_up=1),
            spec("corpora.content_data.ContentData", store=folder, batch_seconds=8.0),
        ),
        "sovits": (
            spec(
                "training.sovits_task.SoVITSTask", sovits=SOVITS, discriminators=DISCRIMINATORS,
                quantizer_file=quantizer, weights={"mel": 45.0}, adversarial_from=0.5, warm_up=1,
            ),
            spec("corpora.sovits_data.SoVITSData", store=folder, windows=2, window_seconds=1.0, worst_fit=-90.0),
        ),
        "gpt": (
            spec("training.gpt_task.GPTTask", semantic_gpt=GPT, guided_layer=1, corrupted=0.1, warm_up=1),
            spec("corpora.gpt_data.GPTData", store=folder, batch_seconds=8.0, worst_fit=-90.0),
        ),
        "durations": (
            spec("training.duration_task.DurationTask", semantic_gpt=PLANNED, warm_up=1),
            spec("corpora.gpt_data.GPTData", store=folder, batch_seconds=8.0, worst_fit=-90.0),
        ),
        "speaker_verifier": (
            spec("training.verifier_task.VerifierTask", verifier=VERIFIER, n_speakers=3, warm_up=1),
            spec(
                "corpora.verifier_data.VerifierData",
                store=folder, valid=["valid"], speakers=3, crop_seconds=[0.5, 0.8],
            ),
        ),
        "recogniser": (
            spec("training.recogniser_task.RecogniserTask", recogniser=RECOGNISERS["zh"], flat_start=2, warm_up=1),
            spec("corpora.recogniser_data.RecogniserData", store=folder, batch_seconds=8.0),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["content", "sovits", "gpt", "speaker_verifier", "recogniser"])
def test_killed_and_resumed_equals_straight(name: str, store: ClipStore, tmp_path: Path) -> None:
    task, data = tasks(store)[name]
    straight = fit(experiment(task, data, 4), tmp_path / "straight", progress_bar=False).weights
    # Stopped after two batches by the wall clock of the process, then resumed to the end.
    half = experiment(task, data, 4)
    fit(half, tmp_path / "halved", progress_bar=False, run_minutes=1e-9)
    fit(half, tmp_path / "halved", progress_bar=False, run_minutes=1e-9)
    finished = fit(half, tmp_path / "halved", progress_bar=False)
    halved = finished.weights
    assert finished.done
    for part, path in straight.items():
        one, two = load_tensors(path), load_tensors(halved[part])
        for key, value in one.items():
            torch.testing.assert_close(two[key], value, rtol=1e-5, atol=1e-6, msg=f"{part}.{key}")


@pytest.mark.parametrize(
    ("name", "loss", "steps"),
    [
        ("content", "ctc", 40),
        ("gpt", "code", 40),
        ("durations", "duration, there", 40),
        ("speaker_verifier", "margin", 30),
        ("recogniser", "sounding, ctc", 40),
    ],
)
def test_one_batch_is_learnt(name: str, loss: str, steps: int, store: ClipStore) -> None:
    task_spec, data_spec = tasks(store)[name]
    task, data = build(task_spec), build(data_spec)
    task.log = lambda *args, **kwargs: None
    data._task = task
    data.setup()
    batch = next(iter(data.train_dataloader()))
    optimizer = torch.optim.Adam(task.parameters(), 1e-2)
    values = []
    for _ in range(steps):
        total = task.training_loss(batch)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        values.append(float(total))
    assert values[-1] < 0.7 * values[0], f"{loss}: {values[0]:.2f} -> {values[-1]:.2f}"


def test_sovits_learns_to_copy_one_batch(store: ClipStore) -> None:
    task_spec, data_spec = tasks(store)["sovits"]
    task, data = build(task_spec), build(data_spec)
    task.setup("fit")
    data._task = task
    data.setup()
    batch = data.draw(0)
    optimizer = torch.optim.Adam(task.sovits.parameters(), 5e-3)
    values = []
    for _ in range(50):
        terms = task.generate(batch).terms
        total = 10 * (terms["mel"] + terms["prior_mel"]) + 0.1 * terms["kl"] + terms["f0"] + terms["guide"]
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        values.append({k: float(v) for k, v in terms.items()})
    assert values[-1]["mel"] < 0.75 * values[0]["mel"]
    assert 0 < values[-1]["prior_mel"] < 0.9 * values[0]["prior_mel"]
    assert values[-1]["guide"] < values[0]["guide"]


def test_only_the_durations_learn(store: ClipStore, tmp_path: Path) -> None:
    """What SemanticGPT knows comes from an earlier one, which had no predictor."""
    torch.manual_seed(0)
    earlier = save_component(build(GPT), tmp_path / "gpt.safetensors")
    task, data = tasks(store)["durations"]
    made = {**experiment(task, data, 3), "start_from": str(earlier)}
    with pytest.warns(UserWarning, match="semantic_gpt keeps its own start"):
        fitted = fit(made, tmp_path / "run", progress_bar=False, partial=True)
    made = load_tensors(fitted.weights["semantic_gpt"])
    before = load_tensors(earlier)
    own = {name for name in made if name.startswith("duration_predictor.")}
    assert own and set(made) - own == set(before)
    assert all(torch.equal(made[name], value) for name, value in before.items())


def test_semantic_gpt_reads_wrong_codes_in_training_alone(store: ClipStore) -> None:
    task_spec, _ = tasks(store)["gpt"]
    task_spec["init_args"]["corrupted"] = 0.3
    task, codes = build(task_spec), torch.full((20, 100), 7)
    corrupted = task.inputs(codes)
    assert 0.25 < float((corrupted != codes).float().mean()) < 0.35
    assert 0 <= int(corrupted.min()) and int(corrupted.max()) < task.semantic_gpt.n_codes
    assert torch.equal(task.eval().inputs(codes), codes)


def test_the_codebook_may_lie_in_a_sovits(store: ClipStore, tmp_path: Path) -> None:
    specs, _ = tasks(store)["sovits"]
    task = build(specs)
    task.setup("fit")
    whole = save_component(task.sovits, tmp_path / "sovits.safetensors")
    other = build({**specs, "init_args": {**specs["init_args"], "quantizer_file": str(whole)}})
    other.setup("fit")
    assert task.sovits.quantizer.state_dict().keys() == other.sovits.quantizer.state_dict().keys()
    for name, value in task.sovits.quantizer.state_dict().items():
        assert torch.equal(value, other.sovits.quantizer.state_dict()[name])


def test_exported_weights_rebuild_the_component(store: ClipStore, tmp_path: Path) -> None:
    task, data = tasks(store)["speaker_verifier"]
    path = fit(experiment(task, data, 2), tmp_path, progress_bar=False).weights["speaker_verifier"]
    network = load_component(path)
    wave = torch.randn(2, 1, 8000) * 0.1
    assert network(wave).shape == (2, 8)
    torch.testing.assert_close(network(wave).norm(dim=1), torch.ones(2))


def test_pause_file_holds_the_training(store: ClipStore, tmp_path: Path) -> None:
    import threading
    import time

    pause = tmp_path / "pause"
    pause.touch()
    threading.Timer(1.5, pause.unlink).start()
    began = time.monotonic()
    task, data = tasks(store)["speaker_verifier"]
    fit(experiment(task, data, 1), tmp_path / "run", pause=pause, progress_bar=False)
    assert not pause.exists()
    assert time.monotonic() - began >= 1.4
