"""Shipped configurations at reduced widths, with parts exchanged, and batches for them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from torch import nn

import tiny
from gsv_lab.corpora.gpt_data import GPTBatch
from gsv_lab.corpora.sovits_data import SoVITSBatch
from gsv_lab.system.config import load_experiment
from gsv_lab.system.environment import cache_dir
from gsv_lab.system.overlay import nested, overlay

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
SOVITS = "task.init_args.sovits.init_args"
GPT = "task.init_args.semantic_gpt.init_args"
VERIFICATION = 6
"""Width of the verification vectors in these tests."""
PRIOR = {"filter_width": 16, "layers": [1, 1, 1], "attention_width": 16}
SMALL = {"content": 12, "n_codes": 20, "hidden": 16, "latent": 8, "speaker": 20, "style": 16}
SETTINGS: dict[str, dict[str, Any]] = {
    "sovits": {
        "sizes": {**SMALL, "vocoder": 16, "vocoder_layers": 1},
        f"{SOVITS}.prior.init_args": PRIOR,
        f"{SOVITS}.posterior.init_args": {"width": 8, "layers": 1},
        f"{SOVITS}.flow.init_args": {"width": 8, "layers": 1},
        f"{SOVITS}.segment_frames": 16,
        "task.init_args": {"discriminated_frames": 8, "adversarial_from": 0.0},
    },
    "nano/sovits": {
        "sizes": {"voice": 16, "ltas": 4},
        f"{SOVITS}.pitch_predictor.init_args": {"width": 16, "layers": 1},
    },
    "gpt": {GPT: {"dim": 16, "n_heads": 2, "n_layers": 2, "ffn_dim": 16, "dropout": 0.0}},
    "content": {"task.init_args.content_encoder.init_args": {"width": 16, "layers": 1, "dim": 12}},
    "v2/sovits": {
        "sizes": {"content": 12, "latent": 8, "speaker": 16},
        f"{SOVITS}.quantizer.init_args": {"n_codes": 20},
        f"{SOVITS}.speaker_encoder.init_args": {"width": 16},
        f"{SOVITS}.prior.init_args": {"width": 8},
        f"{SOVITS}.vocoder.init_args": {"width": 32, "block_kernels": [3]},
        "task.init_args.discriminators": tiny.DISCRIMINATORS,
    },
}
"""What makes the networks of a stage small: for every family, as far as it has such settings, and for one."""


@cache
def reduced_file(base: str, stage: str) -> Path:
    """A shipped configuration at reduced widths, as a file over which others can lie."""
    tables = yaml.safe_load((CONFIGS / base / f"{stage}.yaml").read_text(encoding="utf-8"))
    there = {"sizes": tables["sizes"], "task.init_args": tables["task"]["init_args"]}
    own = SETTINGS.get(f"{base}/{stage}", {})
    shared = SETTINGS[stage]
    for settings in (shared, own):
        for path, value in settings.items():
            if path in there:
                value = {name: size for name, size in value.items() if name in there[path]}
            tables = overlay(tables, nested(path, value))
    path = cache_dir() / "reduced" / base / f"{stage}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(tables), encoding="utf-8")
    return path


def experiment(base: str, stage: str, *overlays: Path) -> dict[str, Any]:
    """A shipped configuration at reduced widths, with overlays."""
    return load_experiment([reduced_file(base, stage), *overlays])


@cache
def reduced(base: str, stage: str) -> dict[str, Any]:
    """The task of a shipped configuration at reduced widths."""
    return dict(experiment(base, stage)["task"])


def exchanged(task: Mapping[str, Any], path: str, part: Mapping[str, Any] | None) -> dict[str, Any]:
    """A task with another part at a dotted path; `part` keeps the arguments of the old one that it takes."""
    made = deepcopy(dict(task))
    *parents, last = path.split(".")
    node = made
    for key in parents:
        node = node["init_args"][key]
    old = node["init_args"].get(last)
    if part is not None and old is not None:
        alone = overlay(old, {"class_path": part["class_path"]})
        part = overlay(alone, part)
    node["init_args"][last] = part
    return made


def sovits_batch(task: Any, frames: int = 40) -> SoVITSBatch:
    """Two voiced windows at the task's rate, the second one shorter."""
    generator = torch.Generator().manual_seed(0)
    sovits = task.sovits
    hop = sovits.vocoder.hop_length
    time = torch.arange(frames * hop) / sovits.vocoder.sample_rate
    hz = torch.tensor([[110.0], [190.0]])
    wave = sum(0.1 * torch.sin(2 * torch.pi * k * hz * time) for k in (1, 2, 3, 4))
    wave = wave + 0.02 * torch.randn(wave.shape, generator=generator)
    lengths = torch.tensor([frames, frames - 8])
    log_f0 = hz.log()[:, None].expand(-1, -1, 2 * frames)
    phones = torch.randint(1, 27, (2, 5), generator=generator)
    positions = (torch.arange(frames) // 8).expand(2, -1).clone()
    codes = torch.randint(max(1, sovits.quantizer.n_codes), (2, frames // 2), generator=generator)
    content = torch.randn(2, sovits.quantizer.dim, frames // 2, generator=generator)
    voicing = torch.ones_like(log_f0)
    needs = task.batch_needs
    return SoVITSBatch(
        wave=wave[:, None],
        frames=lengths,
        codes=codes,
        phones=phones,
        phone_lengths=torch.tensor([5, 5]),
        positions=positions,
        log_f0=log_f0,
        voicing=voicing,
        reference=wave[:, None].flip(-1),
        reference_frames=lengths,
        reference_log_f0=log_f0,
        reference_voicing=voicing,
        content=content.repeat_interleave(2, dim=-1) if "content" in needs else None,
        verification=torch.randn(2, VERIFICATION, generator=generator) if "verification" in needs else None,
    )


def gpt_batch(task: Any) -> GPTBatch:
    """Two short texts with their codes."""
    generator = torch.Generator().manual_seed(0)
    gpt = task.semantic_gpt
    return GPTBatch(
        phones=torch.randint(1, 27, (2, 6), generator=generator),
        phone_lengths=torch.tensor([6, 5]),
        context=torch.rand(2, max(1, gpt.context_dim), 6, generator=generator),
        codes=torch.randint(gpt.n_codes, (2, 12), generator=generator),
        code_lengths=torch.tensor([12, 9]),
        positions=(torch.arange(12) // 2).expand(2, -1).clone().clamp(max=4),
        languages=["en", "zh"],
        speaker=torch.randn(2, gpt.speaker_dim, 1, generator=generator) if "speaker" in task.batch_needs else None,
    )


def train_batch(task: Any, batch: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """One training step of a task, without a trainer: the losses by name; gradients stay where they are."""
    made = task.configure_optimizers()
    optimizers = [
        SimpleNamespace(zero_grad=lambda: None, step=o.step, param_groups=o.param_groups) for o in listed(made)
    ]
    losses: dict[str, float] = {}
    monkeypatch.setattr(task, "log", lambda name, value, **_: losses.__setitem__(name, float(value)))
    monkeypatch.setattr(task, "optimizers", lambda: optimizers)
    monkeypatch.setattr(task, "manual_backward", lambda loss: loss.backward())
    task.train().training_step(batch, 0)
    assert all(torch.isfinite(torch.tensor(value)) for value in losses.values()), losses
    return {name.removeprefix("train/"): value for name, value in losses.items() if name.startswith("train/")}


def listed(value: Any) -> list[Any]:
    """One or several, as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def is_taught(part: nn.Module) -> bool:
    """Whether gradients have reached a part; true for parts that have nothing to learn."""
    parameters = [p for p in part.parameters() if p.requires_grad]
    reached = [p for p in parameters if p.grad is not None and bool(p.grad.abs().sum() > 0)]
    return bool(reached) or not parameters
