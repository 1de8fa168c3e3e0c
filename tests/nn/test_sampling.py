"""The sampling rule: each step by itself, and the draw against its own probabilities."""

from __future__ import annotations

import pytest
import torch

from gsv_lab.errors import ConfigError
from gsv_lab.nn.sampling import Sampling, draw, keep_top_k, keep_top_p, occurred, penalise, probabilities

FREE = Sampling(top_k=None, top_p=1.0, temperature=1.0, repetition_penalty=1.0)


def test_no_option_is_softmax() -> None:
    logits = torch.randn(3, 9)
    torch.testing.assert_close(probabilities(logits, None, FREE), logits.softmax(-1))


def test_penalty_moves_every_seen_class_down_once() -> None:
    logits = torch.tensor([[2.0, -2.0, 0.0, 3.0]])
    seen = occurred(torch.tensor([[0, 0, 1]]), 4)
    assert seen.tolist() == [[True, True, False, False]]
    torch.testing.assert_close(penalise(logits, seen, 1.25), torch.tensor([[1.6, -2.5, 0.0, 3.0]]))
    assert occurred(torch.zeros(2, 0, dtype=torch.long), 4).sum() == 0
    masked = occurred(torch.tensor([[3, 1]]), 4, torch.tensor([[False, True]]))
    assert masked.tolist() == [[False, True, False, False]]


def test_top_p_drops_the_class_that_crosses_and_keeps_the_best() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    kept = {p: torch.isfinite(keep_top_p(logits, p)).tolist()[0] for p in (0.01, 0.6, 0.81, 0.99, 1.0)}
    assert kept[0.01] == [True, False, False, False]
    assert kept[0.6] == [True, False, False, False]
    assert kept[0.81] == [True, True, False, False]
    assert kept[0.99] == [True, True, True, False]
    assert kept[1.0] == [True] * 4
    shuffled = logits[:, [2, 0, 3, 1]]
    assert torch.isfinite(keep_top_p(shuffled, 0.81)).tolist()[0] == [False, True, False, True]


def test_top_k_keeps_ties() -> None:
    logits = torch.tensor([[1.0, 2.0, 2.0, 3.0]])
    assert torch.isfinite(keep_top_k(logits, 2)).tolist()[0] == [False, True, True, True]
    assert torch.isfinite(keep_top_k(logits, 1)).tolist()[0] == [False, False, False, True]
    for off in (None, 0, 4, 1000):
        assert keep_top_k(logits, off) is logits


def test_top_p_comes_before_temperature() -> None:
    """At temperature 1 the second class is inside 0.81; a hot temperature afterwards must not push it out."""
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    p = probabilities(logits, None, Sampling(top_k=None, top_p=0.81, temperature=5.0, repetition_penalty=1.0))
    assert (p > 0).tolist()[0] == [True, True, False, False]
    torch.testing.assert_close(p[0, 0] / p[0, 1], torch.tensor((0.5 / 0.3) ** (1 / 5)))


def test_top_p_of_the_paper() -> None:
    """The smallest set that reaches the mass, at the temperature of the draw; what the released rule leaves out."""
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    for p, kept in ((0.01, 1), (0.49, 1), (0.6, 2), (0.81, 3), (0.96, 4)):
        rule = Sampling(top_k=None, top_p=p, top_p_rule="paper", repetition_penalty=1.0)
        assert int((probabilities(logits, None, rule) > 0).sum()) == kept
    hot = Sampling(top_k=None, top_p=0.6, top_p_rule="paper", temperature=5.0, repetition_penalty=1.0)
    flat = (logits / 5).softmax(-1)[0]
    found = probabilities(logits, None, hot)[0]
    assert flat[:2].sum() < 0.6 < flat[:3].sum() and (found > 0).tolist() == [True, True, True, False]


def test_temperature_zero_is_greedy() -> None:
    logits = torch.randn(4, 9)
    p = probabilities(logits, None, Sampling(top_k=None, temperature=0.0))
    assert (p.argmax(-1) == logits.argmax(-1)).all() and (p.amax(-1) > 0.999).all()


def test_draw_follows_the_probabilities() -> None:
    p = torch.tensor([0.6, 0.3, 0.1, 0.0])
    n = 20000
    codes = draw(p.expand(n, 4), torch.Generator().manual_seed(0))
    shares = torch.bincount(codes, minlength=4) / n
    assert shares[3] == 0
    # Four standard errors of a share.
    assert ((shares - p).abs() <= 4 * (p * (1 - p) / n).sqrt()).all()


def test_draw_repeats_with_the_seed() -> None:
    p = torch.rand(5, 30).softmax(-1)
    first, again, other = (draw(p.repeat(20, 1), torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize(
    "bad",
    [
        {"top_k": -1},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"top_p_rule": "other"},
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": 100.0},
        {"repetition_penalty": 0.0},
        {"max_new": 0},
        {"min_new": 20, "max_new": 10},
        {"early_stop": 0},
        {"early_stop_last": "half"},
        {"codes_per_phone": 0.0},
    ],
    ids=str,
)
def test_values_out_of_range_are_refused(bad: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(bad))) as caught:
        Sampling(**bad)
    assert caught.value.code == "PARAM_RANGE"
