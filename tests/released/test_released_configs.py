"""The released families' configurations: they build, hold exactly the tensors of released files, and can train."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from gsv_lab.corpora.gpt_data import GPTBatch
from gsv_lab.nn.losses_gpt import code_loss
from gsv_lab.released import reference_keys, reference_keys_gpt
from gsv_lab.released.catalogue import MODELS
from gsv_lab.released.reference_family import resolve_file
from gsv_lab.system.config import build, load_experiment
from gsv_lab.training.released_tasks import ReleasedGPTTask, ReleasedSoVITSTask
from gsv_lab.training.scaled_adam import ScaledAdam
from gsv_lab.training.schedules import EpochDecay, FirstThenConstant, WarmUpCosine
from released_files import N_CODES, WIDTH, gpt_spec, sovits_spec

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
GOLDEN = {"v1": ("s1_v1", "s2_s2v1"), "v2": ("s1_v2", "s2_s2v2")}
GOLDEN |= {name: ("s1_v2", f"s2_s2{name}") for name in ("v2Pro", "v2ProPlus")}
DISCRIMINATORS = {"v1": "mpd_v2", "v2": "mpd_v2", "v2Pro": "mpd_v2Pro", "v2ProPlus": "mpd_v2Pro"}


@cache
def experiment(family: str, stage: str) -> dict[str, Any]:
    return load_experiment([CONFIGS / family / f"{stage}.yaml"])


@cache
def network(family: str, name: str) -> Any:
    """A network of a configuration at full size, without its memory."""
    stage = "gpt" if name == "semantic_gpt" else "sovits"
    with torch.device("meta"):
        return build(experiment(family, stage)["task"]["init_args"][name])


def within(part: Any, whole: Any) -> bool:
    """Whether all that one spec says stands in another."""
    if isinstance(part, dict):
        return all(key in whole and within(value, whole[key]) for key, value in part.items())
    return list(part) == list(whole) if isinstance(part, (list, tuple)) else part == whole


def shapes(state: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in state.items()}


@pytest.mark.parametrize("family", MODELS)
def test_sizes_are_those_that_the_importer_expects(family: str) -> None:
    """Written under the released names, the importer resolves the very same network from the tensors."""
    stored = {"model": {"head": 16, "p_dropout": 0.0 if "Pro" in family else 0.1}}
    for stage, name, keys in (("gpt", "semantic_gpt", reference_keys_gpt), ("sovits", "sovits", reference_keys)):
        state = network(family, name).state_dict()
        released = keys.to_reference(state)
        resolved = resolve_file(released, stored, "PK", "x")
        assert resolved.role == name and not resolved.notes
        assert within(resolved.spec, experiment(family, stage)["task"]["init_args"][name])
        assert shapes(keys.from_reference(released)) == shapes(state)
        if stage == "sovits":
            assert resolved.family == family and resolved.audio == {"sample_rate": 32000, "hop": 640, "bins": 1025}


@pytest.mark.parametrize("family", MODELS)
def test_tensors_of_the_released_files(family: str, shared: Path) -> None:
    """Every key and shape that the reference implementation has, and no other, the discriminators' too."""
    table = json.loads((shared / "parity" / "state_dict_shapes.json").read_text(encoding="utf-8"))
    names = zip((*GOLDEN[family], DISCRIMINATORS[family]), ("semantic_gpt", "sovits", "discriminators"), strict=True)
    for item, name in names:
        keys = reference_keys_gpt if name == "semantic_gpt" else reference_keys
        state = keys.to_reference(network(family, name).state_dict())
        assert shapes(state) == {key: tuple(entry[0]) for key, entry in table[item].items()}, item


@pytest.mark.parametrize("family", MODELS)
def test_tasks_and_data_build(family: str) -> None:
    """The whole file, with networks that take no memory."""
    for stage, parts in (("gpt", ["semantic_gpt"]), ("sovits", ["sovits", "discriminators"])):
        config = experiment(family, stage)
        arguments = dict(config["task"]["init_args"])
        networks = {name: network(family, name) for name in parts if arguments.pop(name)}
        kind: Any = {"gpt": ReleasedGPTTask, "sovits": ReleasedSoVITSTask}[stage]
        assert config["task"]["class_path"].endswith(kind.__name__)
        task = kind(**networks, **{name: build(value) for name, value in arguments.items()})
        assert task.rate() > 0 and task.configure_optimizers()
        assert build(config["data"]) is not None


def test_schedules_in_the_configurations() -> None:
    gpt, sovits = (build(experiment("v2", stage)["task"]["init_args"]["schedule"]) for stage in ("gpt", "sovits"))
    assert isinstance(gpt, FirstThenConstant) and (gpt.rate(0), gpt.rate(1), gpt.rate(10**6)) == (0.01, 0.002, 0.002)
    assert isinstance(sovits, EpochDecay)
    # The released trainer: one step of an exponential schedule before the first epoch, then one after each.
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1e-4)
    theirs = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.999875)
    optimizer.step()
    for epoch in range(4):
        theirs.step()
        for step in (0, 12):
            assert sovits.rate(epoch * 13 + step, 13) == pytest.approx(theirs.get_last_lr()[0], rel=1e-12)
    assert sovits.rate(10**6) == sovits.rate(0)
    assert EpochDecay(steps_per_epoch=5).rate(10, 13) == EpochDecay().rate(26, 13) < EpochDecay().rate(25, 13)


def test_warm_up_and_cosine() -> None:
    made = WarmUpCosine(start=0.1, peak=1.0, end=0.2, warm_up=10, decay=30)
    assert [made.rate(n) for n in (0, 5, 10)] == pytest.approx([0.1, 0.55, 1.0])
    assert [made.rate(n) for n in (20, 30, 99)] == pytest.approx([0.6, 0.2, 0.2])
    rates = [made.rate(n) for n in range(40)]
    assert rates[:11] == sorted(rates[:11]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert WarmUpCosine().rate(2000) == 0.01 and WarmUpCosine().rate(40000) == pytest.approx(1e-4)
    with pytest.raises(ValueError, match="decay"):
        WarmUpCosine(warm_up=10, decay=10)
    with pytest.raises(ValueError, match="steps_per_epoch"):
        EpochDecay(steps_per_epoch=-1)


def gpt_task(**options: Any) -> ReleasedGPTTask:
    return ReleasedGPTTask(build(gpt_spec()), FirstThenConstant(), **options)


def gpt_batch(lengths: tuple[int, ...] = (9, 4)) -> GPTBatch:
    count, longest = len(lengths), max(lengths)
    return GPTBatch(
        torch.randint(700, (count, 6)), torch.tensor([6, 5][:count]), torch.randn(count, WIDTH, 6),
        torch.randint(N_CODES, (count, longest)), torch.tensor(lengths), torch.zeros(count, longest, dtype=torch.long),
        ["zh"] * count,
    )  # fmt: skip


def test_a_network_gets_the_speaker_that_it_asks_for() -> None:
    spec = gpt_spec()
    spec["init_args"]["speaker_dim"] = 5
    task = ReleasedGPTTask(build(spec), FirstThenConstant()).eval()
    batch = gpt_batch()
    speakers = [batch._replace(speaker=torch.randn(2, 5, 1)) for _ in range(2)]
    with torch.no_grad():
        first, second = (task.losses(one).logits for one in speakers)
    assert not torch.allclose(first, second)


def test_summed_loss_with_and_without_padding() -> None:
    """Over real codes and one stop the loss is the sum of the rows' own; the released count adds stops of padding."""
    torch.manual_seed(0)
    batch = gpt_batch()
    plain, released = gpt_task(), gpt_task(count_padding=True)
    released.load_state_dict(plain.state_dict())
    with torch.no_grad():
        terms, logits, targets = plain.eval().losses(batch)
    alone = 0.0
    for row, length in enumerate((9, 4)):
        own = slice(row, row + 1), slice(length + 1)
        alone += float(code_loss(logits[own], targets[own]).detach()) * (length + 1)
    assert float(terms["code"]) == pytest.approx(alone, rel=1e-4)
    with torch.no_grad():
        more = float(released.eval().losses(batch)[0]["code"])
    stops = float(code_loss(logits[1:, 5:], targets[1:, 5:], None, "sum"))
    assert more == pytest.approx(alone + stops, rel=1e-4)
    assert "preference" in gpt_task(dpo=True).losses(batch)[0]


@pytest.mark.parametrize(("boundary", "due"), [(False, [3, 7, 11]), (True, [4, 8])])
def test_when_a_step_is_due(boundary: bool, due: list[int]) -> None:
    task = gpt_task(released_boundary=boundary)
    assert [n for n in range(12) if task.due(n)] == due


def test_gradients_add_up_until_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four batches make one step of ScaledAdam, at the rate of the schedule; the count survives a checkpoint."""
    task = gpt_task(accumulate=2)
    optimizer = task.configure_optimizers()
    assert isinstance(optimizer, ScaledAdam) and optimizer.param_groups[0]["lr"] == 0.01
    monkeypatch.setattr(task, "optimizers", lambda: optimizer)
    monkeypatch.setattr(task, "manual_backward", lambda loss: loss.backward())
    monkeypatch.setattr(task, "log", lambda *_, **__: None)
    before = {name: value.clone() for name, value in task.semantic_gpt.state_dict().items()}
    task.training_step(gpt_batch(), 0)
    assert all(torch.equal(value, before[name]) for name, value in task.semantic_gpt.state_dict().items())
    assert task.updates == 0
    waiting: dict[str, Any] = {}
    task.on_save_checkpoint(waiting)
    task.batches = 1
    task.training_step(gpt_batch(), 1)
    assert any(not torch.equal(value, before[name]) for name, value in task.semantic_gpt.state_dict().items())
    task.batches = 2
    assert task.updates == 1 and task.rate() == 0.002
    kept: dict[str, Any] = {}
    task.on_save_checkpoint(kept)
    assert waiting["gradients"] and not kept["gradients"]
    again = gpt_task()
    again.trainer = SimpleNamespace(precision="32-true")
    again.on_load_checkpoint(kept)
    again.on_train_start()
    assert all(p.grad is None for p in again.parameters())
    again.on_load_checkpoint(waiting)
    again.on_train_start()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in again.parameters())


def test_text_parts_learn_more_slowly() -> None:
    """Every parameter once, the text side at its own factor, with the released constants of AdamW."""
    sovits = build(sovits_spec(pro=False))
    task = ReleasedSoVITSTask(sovits, None, EpochDecay(), text_rate=0.4)
    (optimizer,) = task.configure_optimizers()
    fast, slow = optimizer.param_groups
    names = {id(p): name for name, p in sovits.named_parameters()}
    reading = ("prior.text_in.", "prior.text_stack.", "prior.cross_attention.")
    assert {names[id(p)] for p in slow["params"]} == {name for name in names.values() if name.startswith(reading)}
    assert len(fast["params"]) + len(slow["params"]) == len(names) and slow["scale"] == 0.4
    assert slow["params"] and {"prior.text_in.weight"} < {names[id(p)] for p in slow["params"]}
    assert (fast["betas"], fast["eps"], fast["weight_decay"]) == ((0.8, 0.99), 1e-9, 0.01)


def test_losses_of_sovits(monkeypatch: pytest.MonkeyPatch) -> None:
    """One pass over waves at 32 kHz gives the released terms, mel on 128 bands."""
    from gsv_lab.corpora.sovits_data import SoVITSBatch

    task = ReleasedSoVITSTask(build(sovits_spec(pro=False)), None, EpochDecay())
    frames = 40
    given = {
        "wave": torch.randn(1, 1, frames * 640) * 0.1, "frames": torch.tensor([frames]),
        "phones": torch.randint(700, (1, 5)), "phone_lengths": torch.tensor([5]),
        "codes": torch.randint(N_CODES, (1, frames // 2)), "reference": torch.randn(1, 1, 60 * 640) * 0.1,
        "reference_frames": torch.tensor([60]),
    }  # fmt: skip
    rest = {name: None for name in SoVITSBatch._fields if name not in given}
    rest["positions"] = torch.full((1, frames), -1)
    _, real, terms, *_ = task.generate(SoVITSBatch(**given, **rest))
    assert real.shape == (1, 1, 32 * 640) and {"mel", "kl"} <= set(terms) and "f0" not in terms
    assert len(task.mels) == 1 and task.mels[0].filters.shape == (128, 1025)
    assert all(torch.isfinite(v) for v in terms.values())
