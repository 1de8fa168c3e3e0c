"""Targets, losses and accuracy of the autoregressive stage, by hand and against closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from gsv_lab.nn.losses_gpt import code_loss, code_targets, corrupt_codes, dpo_loss, sequence_log_prob, top_k_accuracy

EOS = 9
CODES = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]])
MASK = torch.tensor([[[1, 1, 1, 1]], [[1, 1, 0, 0]]]).bool()


def test_targets_shift_by_one_and_end_once() -> None:
    good = code_targets(CODES, EOS, MASK)
    assert good.inputs.tolist() == [[1, 2, 3, 4], [5, 6, EOS, EOS]]
    assert good.targets.tolist() == [[1, 2, 3, 4, EOS], [5, 6, EOS, EOS, EOS]]
    assert good.mask.tolist() == [[[True] * 5], [[True, True, True, False, False]]]
    assert code_targets(CODES, EOS).mask.all()
    assert code_targets(CODES[:, :0], EOS).targets.tolist() == [[EOS], [EOS]]


def test_loss_by_hand() -> None:
    """Even scores cost log V a step; the mean counts 5 + 3 steps, the released sum all 10."""
    good, logits = code_targets(CODES, EOS, MASK), torch.zeros(2, 5, EOS + 1)
    assert float(code_loss(logits, good.targets, good.mask)) == pytest.approx(math.log(10))
    assert float(code_loss(logits, good.targets, good.mask, "sum")) == pytest.approx(8 * math.log(10), rel=1e-6)
    assert float(code_loss(logits, good.targets, reduction="sum")) == pytest.approx(10 * math.log(10), rel=1e-6)
    assert float(code_loss(logits, good.targets)) == pytest.approx(math.log(10))


def test_masked_loss_ignores_padding_and_batch_mates() -> None:
    torch.manual_seed(1)
    good, logits = code_targets(CODES, EOS, MASK), torch.randn(2, 5, EOS + 1, requires_grad=True)
    loss = code_loss(logits, good.targets, good.mask, "sum")
    short = code_targets(CODES[1:, :2], EOS)
    alone = code_loss(logits[1:, :3], short.targets, short.mask, "sum") + code_loss(
        logits[:1], good.targets[:1], reduction="sum"
    )
    torch.testing.assert_close(loss, alone)
    loss.backward()
    assert (logits.grad[1, 3:] == 0).all() and (logits.grad[1, :3] != 0).any()


def test_label_smoothing_spreads_the_target() -> None:
    torch.manual_seed(2)
    logits, targets = torch.randn(1, 3, 4), torch.tensor([[0, 1, 2]])
    wanted = 0.8 * code_loss(logits, targets) - 0.2 * logits.log_softmax(-1).mean(-1).mean()
    torch.testing.assert_close(code_loss(logits, targets, label_smoothing=0.2), wanted)


def test_top_k_accuracy_counts_real_codes_only() -> None:
    targets = torch.tensor([[2, 0, EOS]])
    logits = torch.zeros(1, 3, EOS + 1)
    logits[0, 0, [5, 6, 2]] = torch.tensor([3.0, 2.0, 1.0])
    logits[0, 1, [5, 6, 7]] = torch.tensor([3.0, 2.0, 1.0])
    logits[0, 2, EOS] = 4.0
    assert float(top_k_accuracy(logits, targets, 3, ignore=EOS)) == 0.5
    assert float(top_k_accuracy(logits, targets, 2, ignore=EOS)) == 0.0
    assert float(top_k_accuracy(logits, targets, 3)) == pytest.approx(2 / 3)
    assert float(top_k_accuracy(logits, torch.full_like(targets, EOS), 3, ignore=EOS)) == 0.0


def test_sequence_log_prob_is_minus_the_summed_loss() -> None:
    torch.manual_seed(3)
    good, logits = code_targets(CODES, EOS, MASK), torch.randn(2, 5, EOS + 1)
    for mask in (None, good.mask):
        log_p = sequence_log_prob(logits, good.targets, mask)
        torch.testing.assert_close(log_p.sum(), -code_loss(logits, good.targets, mask, "sum"))


def test_preference_loss_falls_with_the_margin() -> None:
    assert float(dpo_loss(torch.tensor([1.0]), torch.tensor([1.0]))) == pytest.approx(math.log(2))
    wanted = -math.log(1 / (1 + math.exp(-0.2 * 3)))
    assert float(dpo_loss(torch.tensor([-4.0]), torch.tensor([-7.0]), beta=0.2)) == pytest.approx(wanted)


def test_corruption_repeats_or_drops_one_span() -> None:
    """Every row is its source with one span twice or gone; both happen; padding is never taken in."""
    codes = torch.arange(1, 13).repeat(200, 1)
    lengths = torch.arange(200) % 12 + 1
    mask = (torch.arange(12) < lengths[:, None])[:, None]
    bad = corrupt_codes(codes, mask, torch.Generator().manual_seed(0))
    longer = shorter = 0
    for row, valid, length in zip(bad.codes, bad.mask[:, 0], lengths.tolist(), strict=True):
        got, source = row[valid].tolist(), list(range(1, length + 1))
        spans = [(i, j) for i in range(length + 1) for j in range(i, length + 1)]
        assert got in [source[:j] + source[i:] for i, j in spans] + [source[:i] + source[j:] for i, j in spans]
        longer, shorter = longer + (len(got) > length), shorter + (len(got) < length)
    assert longer > 40 and shorter > 40
    assert (bad.codes[~bad.mask[:, 0]] == 0).all()
    again = corrupt_codes(codes, mask, torch.Generator().manual_seed(0))
    assert torch.equal(bad.codes, again.codes)
    assert corrupt_codes(codes[:3, :5], generator=torch.Generator().manual_seed(1)).codes.shape[0] == 3
