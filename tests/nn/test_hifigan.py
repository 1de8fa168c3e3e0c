"""HiFi-GAN and the gated stack: dilations for each kernel, weight norm that folds, sizes that are checked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import parametrize

from gsv_lab.errors import ConfigError
from gsv_lab.nn.hifigan import HiFiGAN
from gsv_lab.nn.interfaces import Conditioning
from gsv_lab.nn.wavenet import WaveNet


def block(state: dict[str, Tensor], name: str, x: Tensor, dilations: list[int]) -> Tensor:
    """A residual block written out, from plain weights."""
    for i, dilation in enumerate(dilations):
        weight, bias = state[f"{name}.dilated.{i}.weight"], state[f"{name}.dilated.{i}.bias"]
        reach = dilation * (weight.shape[-1] // 2)
        inner = functional.conv1d(functional.leaky_relu(x, 0.1), weight, bias, padding=reach, dilation=dilation)
        weight, bias = state[f"{name}.plain.{i}.weight"], state[f"{name}.plain.{i}.bias"]
        inner = functional.conv1d(functional.leaky_relu(inner, 0.1), weight, bias, padding=weight.shape[-1] // 2)
        x = x + inner
    return x


def fold(module: torch.nn.Module) -> None:
    """Put plain weights in the place of weight norm."""
    for part in list(module.modules()):
        if parametrize.is_parametrized(part, "weight"):
            parametrize.remove_parametrizations(part, "weight")


@pytest.mark.parametrize("dilations", [[[1, 3], [2, 5, 7]], [[2], [1]], [1, 4]], ids=str)
def test_every_kernel_has_its_own_dilations(dilations: list) -> None:
    """The mean of the residual blocks of a stage, written out by hand; one list serves all kernels."""
    vocoder = HiFiGAN(4, 0, 8, (2,), (4,), (3, 5), dilations).eval()
    fold(vocoder)
    for parameter in vocoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    state, x = vocoder.state_dict(), torch.randn(1, 8, 9)
    lists = dilations if isinstance(dilations[0], list) else [dilations] * 2
    with torch.no_grad():
        up = functional.conv_transpose1d(
            functional.leaky_relu(x, 0.1), state["stages.0.up.weight"], state["stages.0.up.bias"], 2, 1
        )
        made = [block(state, f"stages.0.blocks.{i}", up, lists[i]) for i in range(2)]
        torch.testing.assert_close(vocoder.stages[0](x), sum(made) / 2)


def test_one_list_or_one_for_each_kernel() -> None:
    """The same dilations in either form make the same network."""
    torch.manual_seed(0)
    one = HiFiGAN(4, 3, 16, (4, 2), (8, 4), (3, 5), (1, 3))
    torch.manual_seed(0)
    each = HiFiGAN(4, 3, 16, (4, 2), (8, 4), (3, 5), ((1, 3), (1, 3)))
    z, given = torch.randn(1, 4, 6), Conditioning(torch.randn(1, 3, 1))
    assert torch.equal(one(z, given).wave, each(z, given).wave)
    assert not torch.equal(one(z, given).wave, one(z, Conditioning()).wave)


CASES: dict[str, tuple[Callable[[], torch.nn.Module], Callable[[torch.nn.Module], Tensor]]] = {
    "HiFiGAN": (
        lambda: HiFiGAN(4, 3, 16, (4, 2), (8, 4)),
        lambda part: part(torch.ones(1, 4, 6), Conditioning(torch.ones(1, 3, 1))).wave,
    ),
    "WaveNet": (
        lambda: WaveNet(6, 3, condition=3),
        lambda part: part(torch.ones(1, 6, 9), torch.ones(1, 1, 9), torch.ones(1, 3, 1)),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_weight_norm_folds(name: str) -> None:
    """Folding weight norm into plain weights changes nothing of the result."""
    make, run = CASES[name]
    module = make().eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    before = run(module)
    assert any("parametrizations" in key for key, _ in module.named_parameters())
    fold(module)
    assert not any("parametrizations" in key for key, _ in module.named_parameters())
    torch.testing.assert_close(run(module), before, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "numbers"),
    [
        (lambda: HiFiGAN(4, 3, 16, (5,), (8,)), "8.*5"),
        (lambda: HiFiGAN(4, 3, 16, (4, 2), (8,)), "2.*1"),
        (lambda: HiFiGAN(4, 3, 16, (4,), (8,), (3, 5), ((1,), (2,), (3,))), "3 lists.*2"),
        (lambda: HiFiGAN(4, 3, 16, (4,), (8,), (3, 5), ((1,), (2,), 3)), "2 lists.*2"),
    ],
)
def test_wrong_sizes_name_both_numbers(make: Callable[[], HiFiGAN], numbers: str) -> None:
    """Found when the part is made, not when it is used."""
    with pytest.raises(ConfigError, match=numbers):
        make()
