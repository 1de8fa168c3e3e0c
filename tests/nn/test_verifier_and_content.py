"""The two small recognisers: shapes, invariances, and what their tasks measure."""

from __future__ import annotations

import pytest
import torch

from gsv_lab.system.config import build
from gsv_lab.training.guided_attention import Watch, guide_loss
from gsv_lab.training.verifier_task import equal_error
from tiny import CONTENT, VERIFIER


def test_content_does_not_hear_the_level() -> None:
    encoder = build(CONTENT).eval()
    wave = 0.1 * torch.randn(1, 1, 16000)
    loud, soft = encoder(wave), encoder(0.1 * wave)
    assert loud.content.shape == (1, encoder.dim, 50)
    assert loud.log_probs.shape == (1, 50, 102)
    torch.testing.assert_close(loud.log_probs.exp().sum(-1), torch.ones(1, 50))
    assert (loud.content - soft.content).abs().mean() < 0.1 * loud.content.abs().mean()


def test_verifier_gives_points_on_the_sphere_for_any_length() -> None:
    network = build(VERIFIER)
    for samples in (4000, 16000, 50001):
        assert network(torch.randn(2, 1, samples) * 0.1).norm(dim=1).tolist() == pytest.approx([1.0, 1.0], abs=1e-5)


def test_equal_error_of_known_cases() -> None:
    speaker = torch.tensor([0, 0, 1, 1])
    same = speaker[:, None] == speaker[None]
    assert equal_error(torch.where(same, 0.9, 0.1), speaker) == 0
    assert equal_error(torch.where(same, 0.1, 0.9), speaker) == pytest.approx(1.0, abs=0.01)
    generator = torch.Generator().manual_seed(0)
    many = torch.arange(60) // 2
    assert abs(float(equal_error(torch.randn(60, 60, generator=generator), many)) - 0.5) < 0.15


def test_guide_loss_is_zero_on_the_path_and_the_log_of_the_share_beside_it() -> None:
    positions = torch.tensor([[0, 1, -1, 2]])
    exact = torch.nn.functional.one_hot(positions.clamp(min=0), 3).float()
    assert guide_loss(exact, positions) == pytest.approx(0.0, abs=1e-6)
    assert guide_loss(torch.full((1, 4, 3), 1 / 3), positions) == pytest.approx(1.0986, abs=1e-3)


def test_watch_keeps_the_gradient_and_lets_go() -> None:
    encoder = build(CONTENT)
    with Watch(encoder.content) as watch:
        encoder(0.1 * torch.randn(1, 1, 6400))
    assert encoder.content.live is None
    watch.seen[0].sum().backward()
    assert encoder.bottleneck[1].weight.grad.abs().sum() > 0
    with pytest.raises(RuntimeError), Watch(encoder.content):
        raise RuntimeError
    assert encoder.content.live is None
