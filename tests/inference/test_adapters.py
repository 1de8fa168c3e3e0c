"""Low-rank updates in voice files: they come back exactly, and those that the base has no layers for are refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gsv_lab.errors import CheckpointError
from gsv_lab.inference.adapters import DOWN, UP, LowRank, can_adapt, check_adapters
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.voice import Voice
from tiny import make_family
from tuned_voices import a_voice, adapted, layers, random_updates


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(make_family(tmp_path_factory.mktemp("family"))))


@pytest.fixture(scope="module")
def voice(lab: Lab) -> Voice:
    return adapted(a_voice(lab, "me"), lab)


def test_the_product_is_that_of_the_matrices() -> None:
    """Of a convolution: A convolves, B mixes its channels."""
    down, up = torch.randn(3, 5, 7), torch.randn(4, 3, 1)
    x = torch.randn(2, 5, 20)
    twice = nn.functional.conv1d(nn.functional.conv1d(x, down), up)
    torch.testing.assert_close(nn.functional.conv1d(x, LowRank(down, up).product), twice)
    a, b = torch.randn(3, 5), torch.randn(4, 3)
    torch.testing.assert_close(LowRank(a, b).product, b @ a)


def test_a_voice_file_brings_them_back_exactly(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    again = Voice.load(voice.save(tmp_path / "me.safetensors"))
    assert again.adapters.keys() == voice.adapters.keys() and len(voice.adapters) > 40
    assert all(torch.equal(again.adapters[name], value) for name, value in voice.adapters.items())
    one, two = (lab.speak("We walk home now.", each, seed=3) for each in (voice, again))
    assert torch.equal(one.wave, two.wave) and torch.equal(one.codes, two.codes)
    plain = lab.speak("We walk home now.", replace(voice, adapters={}), seed=3)
    assert not torch.equal(one.codes, plain.codes)


def test_speaking_needs_no_peft(lab: Lab, voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    assert lab.speak("We walk.", replace(voice)).wave.numel() > 1000


def test_a_voice_of_another_parent_is_refused(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    other = load(str(make_family(tmp_path / "other", seed=1)))
    with pytest.raises(CheckpointError, match=r"sovits differ.*gsv-lab finetune") as caught:
        other.speak("We walk.", voice)
    assert caught.value.code == "CKPT_PARENT_MISMATCH"


LAYER = "sovits.flow.steps.0.in_proj"
Change = Callable[[dict[str, Tensor]], Any]
WRONG: dict[str, tuple[Change, str, str]] = {
    "half a pair": (lambda found: found.pop(LAYER + UP), "CKPT_KEYS", "no pairs.*in_proj.lora_B"),
    "an unknown layer": (lambda found: found.update(pair("sovits.flow.new", 8, 4)), "CKPT_KEYS", "sovits.flow.new"),
    "a layer that cannot": (
        lambda found: found.update(pair("sovits.vocoder.net.blocks.0.depthwise", 16, 1, 7)), "CKPT_KEYS", "depthwise"
    ),
    "a table": (lambda found: found.update(pair("sovits.prior.text_in", 732, 16)), "CKPT_KEYS", "text_in"),
    "an end of its own": (lambda found: found.update({LAYER + ".lora_C": torch.zeros(2)}), "CKPT_KEYS", "lora_C"),
    "another width": (lambda found: found.update(pair(LAYER, 9, 4, 1)), "CKPT_SHAPE", r"\(9, 2, 1\).*\(8, 4, 1\)"),
    "another kernel": (lambda found: found.update(pair(LAYER, 8, 4, 3)), "CKPT_SHAPE", r"\(2, 4, 3\)"),
    "a matrix": (lambda found: found.update(pair(LAYER, 8, 4)), "CKPT_SHAPE", r"\(2, 4\)"),
    "a wide B": (lambda found: found.update({LAYER + UP: torch.zeros(8, 2, 2)}), "CKPT_SHAPE", r"\(8, 2, 2\)"),
    "two ranks": (lambda found: found.update({LAYER + UP: torch.zeros(8, 3, 1)}), "CKPT_SHAPE", r"\(8, 3, 1\)"),
    "rank zero": (
        lambda found: found.update({LAYER + DOWN: torch.zeros(0, 4, 1), LAYER + UP: torch.zeros(8, 0, 1)}),
        "CKPT_SHAPE", r"\(8, 0, 1\)",
    ),
    "a number": (lambda found: found.update({LAYER + DOWN: torch.tensor(1.0)}), "CKPT_SHAPE", r"\(\)"),
    "whole numbers": (
        lambda found: found.update({LAYER + DOWN: torch.ones(2, 4, 1, dtype=torch.int64)}), "CKPT_SHAPE", "int64"
    ),
}  # fmt: skip


def pair(name: str, out: int, *inner: int) -> dict[str, Tensor]:
    """An update of rank 2."""
    return {name + DOWN: torch.zeros(2, *inner), name + UP: torch.zeros(out, 2, *[1] * (len(inner) - 1))}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_the_base_has_no_layers_for_is_refused(lab: Lab, voice: Voice, tmp_path: Path, wrong: str) -> None:
    """Out of a file, before anything is spoken."""
    change, code, said = WRONG[wrong]
    adapters = dict(voice.adapters)
    change(adapters)
    loaded = Voice.load(replace(voice, adapters=adapters).save(tmp_path / "wrong.safetensors"))
    with pytest.raises(CheckpointError, match=said) as caught:
        lab.speak("We walk.", loaded)
    assert caught.value.code == code


def test_no_weight_is_made_to_look_at_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weight norm would compute each one, at every check."""
    layer = nn.utils.parametrizations.weight_norm(nn.Conv1d(4, 6, 3))
    network = nn.ModuleDict({"layer": layer})
    updates = random_updates(network, parts=[""])
    monkeypatch.setattr(layer.parametrizations.weight, "forward", lambda: pytest.fail("made"))
    check_adapters(network, updates, "me")


def test_layers_that_can_have_an_update(lab: Lab) -> None:
    found = layers(lab.family.synthesizer)
    assert {type(layer) for layer in found.values()} >= {nn.Linear, nn.Conv1d}
    assert not can_adapt(nn.Conv1d(4, 4, 3, groups=4)) and not can_adapt(nn.ConvTranspose1d(4, 4, 3))
    assert not can_adapt(nn.Conv1d(4, 4, 3, padding=1, padding_mode="reflect")) and not can_adapt(nn.Embedding(4, 4))
