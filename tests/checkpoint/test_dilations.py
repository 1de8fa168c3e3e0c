"""Vocoders whose residual blocks have other dilations for each kernel: the spec that a file gives, and the wave.

The wave is compared with the formulas of HiFi-GAN, written out here on the tensors under their released names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d, conv_transpose1d, leaky_relu

from gsv_lab.checkpoint import load_component
from gsv_lab.checkpoint.restricted import read_released
from gsv_lab.errors import CheckpointError
from gsv_lab.nn.interfaces import Conditioning
from gsv_lab.released.importer import import_reference
from gsv_lab.released.reference_spec import dilated_layers

from .layouts import DATA, MODEL, export_of, hparams, sovits_state, write

KERNELS, RATES = [3, 5], MODEL["upsample_rates"]
CASES = {"values": [[1, 3], [2, 5]], "counts": [[1, 2], [1, 3, 5]], "a single one": [[4], [1, 2, 3]]}


def exported(dilations: Any, newer: bool = False, stored: Any = None) -> dict[str, Any]:
    """A file whose configuration says these dilations, with weight norm under its older or its newer names."""
    state = sovits_state("v2", dilations=dilations)
    if newer:
        endings = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}
        for old, new in endings.items():
            state = {key.replace(old, new) if key.endswith(old) else key: value for key, value in state.items()}
    model = {**MODEL, "resblock_dilation_sizes": dilations if stored is None else stored}
    return export_of(state, hparams({"data": DATA, "model": model}))


def direct(state: Mapping[str, Tensor], z: Tensor, speaker: Tensor, dilations: Sequence[Sequence[int]]) -> Tensor:
    """HiFi-GAN on tensors under the released names of older weight norm."""

    def weight(name: str) -> Tensor:
        v = state[f"{name}.weight_v"].float()
        return state[f"{name}.weight_g"].float() * v / v.flatten(1).norm(dim=1)[:, None, None]

    def bias(name: str) -> Tensor:
        return state[f"{name}.bias"].float()

    x = conv1d(z, state["dec.conv_pre.weight"].float(), bias("dec.conv_pre"), padding=3)
    x = x + conv1d(speaker, state["dec.cond.weight"].float(), bias("dec.cond"))
    for stage, rate in enumerate(RATES):
        up = weight(f"dec.ups.{stage}")
        padding = (up.shape[2] - rate) // 2
        x = conv_transpose1d(leaky_relu(x, 0.1), up, bias(f"dec.ups.{stage}"), rate, padding)
        total = torch.zeros_like(x)
        for number, kernel in enumerate(KERNELS):
            block, y = f"dec.resblocks.{stage * len(KERNELS) + number}", x
            for layer, dilation in enumerate(dilations[number]):
                one, two = f"{block}.convs1.{layer}", f"{block}.convs2.{layer}"
                inner = conv1d(leaky_relu(y, 0.1), weight(one), bias(one), 1, dilation * (kernel - 1) // 2, dilation)
                y = y + conv1d(leaky_relu(inner, 0.1), weight(two), bias(two), 1, (kernel - 1) // 2)
            total = total + y
        x = total / len(KERNELS)
    return torch.tanh(conv1d(leaky_relu(x, 0.01), state["dec.conv_post.weight"].float(), padding=3))


@pytest.mark.parametrize("newer", [False, True], ids=["older names", "newer names"])
@pytest.mark.parametrize("dilations", list(CASES.values()), ids=list(CASES))
@torch.no_grad()
def test_a_list_for_each_kernel(tmp_path: Path, dilations: list[list[int]], newer: bool) -> None:
    path = write(tmp_path / "a.pth", exported(dilations, newer))
    (report,) = import_reference([path], tmp_path / "a.safetensors")
    assert report.notes == ()
    vocoder = report.spec["init_args"]["vocoder"]["init_args"]
    assert vocoder["dilations"] == dilations and vocoder["block_kernels"] == KERNELS
    state = read_released(write(tmp_path / "older.pth", exported(dilations))).weight
    torch.manual_seed(3)
    z, speaker = torch.randn(2, 4, 11), torch.randn(2, 8, 1)
    made = load_component(report.output).vocoder(z, Conditioning(speaker)).wave
    torch.testing.assert_close(made, direct(state, z, speaker, dilations), rtol=1e-5, atol=1e-7)
    longer = [[value + 1 for value in one] for one in dilations]
    assert (made - direct(state, z, speaker, longer)).abs().max() > 1e-4 * made.abs().max()


def test_equal_lists_stay_one_list(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pth", exported([2, 5], stored=[[2, 5], [2, 5]]))
    (report,) = import_reference([path], tmp_path / "a.safetensors")
    assert report.spec["init_args"]["vocoder"]["init_args"]["dilations"] == [2, 5]


@pytest.mark.parametrize("stored", [[[1, 3], [1, 3, 5]], [[1, 3, 5], [1, 3], [1]], [[1, 3]], [], 3, [[1, 3], [2, -5]]])
def test_dilations_that_do_not_fit_the_tensors(tmp_path: Path, stored: Any) -> None:
    """The first kernel has three dilated layers, the second two."""
    path = write(tmp_path / "a.pth", exported([[1, 3, 5], [1, 3]], stored=stored))
    with pytest.raises(CheckpointError, match="resblock_dilation_sizes") as caught:
        import_reference([path], tmp_path / "a.safetensors")
    assert caught.value.code == "CKPT_FORMAT"
    assert not (tmp_path / "a.safetensors").exists()


def test_counts_come_from_the_names() -> None:
    assert dilated_layers(sovits_state("v2", dilations=[[1, 3, 5], [1, 3]])) == [3, 2]
    assert dilated_layers(sovits_state("v2")) == [1, 1]
