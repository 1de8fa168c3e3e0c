"""Every family, both stages, at reduced width: store, start weights, training over a kill, export, import."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gsv_lab.checkpoint import load_component
from gsv_lab.checkpoint.native import load_tensors
from gsv_lab.checkpoint.restricted import read_released
from gsv_lab.released.exporter import export_reference
from gsv_lab.released.importer import import_reference
from gsv_lab.released.stored_config import setting
from gsv_lab.training.fit import Fitted, fit
from gsv_lab.training.logging_callback import LoggingCallback
from gsv_lab.training.run_state import StateSaver
from reduced import CODE, FAMILIES, Ground, write_ground

pytest.importorskip("transformers", reason="transformers is in the extra [released]")
BATCHES = 20
KILLED_AFTER = {"gpt": 11, "sovits": 15}
"""Batches; in the middle of a sum of gradients of the first stage."""

SMALL = [
    "task.init_args.sovits.init_args.segment_frames=8",
    "task.init_args.sovits.init_args.vocoder.init_args.block_kernels=[3,7]",
    "task.init_args.sovits.init_args.vocoder.init_args.dilations=[1,3]",
]
"""Less to compute; start weights are of the same sizes."""

GOLDEN = {"v1": ("s1_v1", "s2_s2v1", "mpd_v2"), "v2": ("s1_v2", "s2_s2v2", "mpd_v2")}
GOLDEN |= {name: ("s1_v2", f"s2_s2{name}", "mpd_v2Pro") for name in ("v2Pro", "v2ProPlus")}
NAMES = ("semantic_gpt", "sovits", "discriminators")


@pytest.fixture(scope="module", params=FAMILIES)
def ground(request: pytest.FixtureRequest, material: Path, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Of each family."""
    torch.manual_seed(1)
    return write_ground(tmp_path_factory.mktemp(request.param), request.param, material, *SMALL)


def tensors_of(path: Path) -> dict[str, Tensor]:
    return load_tensors(path)


def killed(
    experiment: dict[str, Any], folder: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Fitted, Path]:
    """Train to the end; beside it a run folder as a kill would leave it that came just after some batch's state."""
    left = folder.with_name(f"{folder.name}_killed")
    plain = StateSaver.on_train_batch_end

    def saving(self: StateSaver, trainer: Any, *rest: Any) -> None:
        plain(self, trainer, *rest)
        if trainer.lightning_module.batches + 1 == after:
            self.save(trainer, trainer.lightning_module)
            left.mkdir()
            for path in folder.iterdir():
                if path.is_file():
                    shutil.copy(path, left)

    with monkeypatch.context() as patch:
        patch.setattr(StateSaver, "on_train_batch_end", saving)
        return fit(experiment, folder, progress_bar=False), left


def equal(one: Path, two: Path) -> bool:
    first, second = tensors_of(one), tensors_of(two)
    return first.keys() == second.keys() and all(torch.equal(value, second[key]) for key, value in first.items())


@pytest.mark.parametrize("stage", ["gpt", "sovits"])
def test_over_a_kill_and_into_the_released_layout(
    stage: str, ground: Ground, tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit-equal to the unbroken training; the exported file has the reference's keys and comes back as its halves."""
    # What is drawn has a test of its own below.
    monkeypatch.setattr(LoggingCallback, "on_validation_batch_end", lambda *_, **__: None)
    experiment = ground.experiment(stage, BATCHES)
    whole, left = killed(experiment, tmp_path / "run", KILLED_AFTER[stage], monkeypatch)
    resumed = fit(experiment, left, progress_bar=False)
    assert whole.done and resumed.done and whole.weights.keys() == resumed.weights.keys()
    for name, path in whole.weights.items():
        assert equal(path, resumed.weights[name]), name
        before, after = tensors_of(ground.start[name]), tensors_of(path)
        moved = {key for key, value in before.items() if not torch.equal(value, after[key])}
        assert moved and all(key.startswith("quantizer.") for key in before.keys() - moved), before.keys() - moved
        # From other weights than the start weights the way would be longer.
        assert max(float((value - after[key]).abs().max()) for key, value in before.items()) < 0.05
        check_export(ground.family, name, path, tmp_path, shared)
    states = [torch.load(folder / "state.ckpt", weights_only=True) for folder in (tmp_path / "run", left)]
    for kind in ("state_dict", "optimizer_states"):
        assert same(states[0][kind], states[1][kind]), kind


def same(one: Any, two: Any) -> bool:
    """Two trees of tensors and numbers, bit for bit."""
    if isinstance(one, Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(value, two[key]) for key, value in one.items())
    if isinstance(one, (list, tuple)):
        return len(one) == len(two) and all(same(a, b) for a, b in zip(one, two, strict=True))
    return bool(one == two)


def check_export(family: str, name: str, path: Path, folder: Path, shared: Path) -> None:
    """What the parity suite reads: keys, types, first bytes, configuration; and the way back."""
    exported = export_reference(path, folder / f"{name}.pth")
    released = read_released(exported)
    table = json.loads((shared / "parity" / "state_dict_shapes.json").read_text(encoding="utf-8"))
    golden = table[GOLDEN[family][NAMES.index(name)]]
    prefix = "model." if name == "semantic_gpt" else ""
    wanted = {prefix + re.sub(r"\d+", "#", key): len(shape) for key, (shape, _) in golden.items()}
    assert {re.sub(r"\d+", "#", key): value.dim() for key, value in released.weight.items()} == wanted
    assert {value.dtype for value in released.weight.values()} == {torch.float16}
    assert released.code == (CODE[family] if name == "sovits" else "PK")
    epochs = BATCHES  # two short clips make one batch
    notes = {"semantic_gpt": f"GPT-e{epochs}"}
    assert released.content["info"] == notes.get(name, f"{epochs}epoch_{BATCHES}iteration")
    if name == "sovits":
        assert setting(released.content["config"], "model.version") == family
    (again,) = import_reference([exported], folder / f"{name}.again.safetensors")
    own = load_component(again.output).state_dict()
    assert again.role == name and not again.notes
    assert all(torch.equal(own[key], value.half().float()) for key, value in tensors_of(path).items())
