"""Guided attention: the loss on a known path, and the context that keeps what passes a tap."""

from __future__ import annotations

import math

import pytest
import torch

from gsv_lab.hooks import probe
from gsv_lab.nn.transformer import MultiHeadAttention
from gsv_lab.training.guided_attention import Watch, guided_attention_loss


def test_loss_is_zero_on_the_path_and_the_log_of_the_share_beside_it() -> None:
    phone_index = torch.tensor([[0, 1, -1, 2]])
    exact = torch.nn.functional.one_hot(phone_index.clamp(min=0), 3).float()
    assert guided_attention_loss(exact, phone_index) == pytest.approx(0.0, abs=1e-6)
    even = torch.full((1, 4, 3), 1 / 3)
    assert guided_attention_loss(even, phone_index) == pytest.approx(math.log(3), abs=1e-3)
    assert guided_attention_loss(even, torch.full((1, 4), -1)) == 0


def test_watch_keeps_the_gradient_and_lets_go() -> None:
    attention, x = MultiHeadAttention(8, 2), torch.randn(1, 8, 5)
    with Watch(attention.pattern) as watch:
        attention(x, x)
    assert attention.pattern.live() is None
    watch.seen[0].square().sum().backward()
    assert attention.query.weight.grad.abs().sum() > 0
    with pytest.raises(RuntimeError), Watch(attention.pattern):
        raise RuntimeError
    assert attention.pattern.live() is None


def test_an_observer_that_was_there_goes_on_observing() -> None:
    attention, x = MultiHeadAttention(8, 2), torch.randn(1, 8, 5)
    with probe(attention, "pattern") as records:
        with Watch(attention.pattern) as watch:
            attention(x, x)
        attention(x, x)
    assert len(records["pattern"].steps) == 2 and len(watch.seen) == 1


def test_no_tap_is_watched_without_harm() -> None:
    with Watch(None) as watch:
        pass
    assert watch.seen == []
