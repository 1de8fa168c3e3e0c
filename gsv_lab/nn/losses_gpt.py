"""Targets, losses and accuracy of the autoregressive stage, as pure functions.

Two ways of counting stand side by side. The default averages over real codes and one stop per sequence. The released
trainer sums, and counts stop again at every padding step, so that its loss depends on the batch's longest sequence:
`code_loss(..., mask=None, reduction="sum")`.

Letters: B batch, T codes, V classes (the last, `eos`, ends a sequence), K rank. Masks are (B, 1, T), true at codes;
logits are step-major (B, T + 1, V), as `SemanticGPT` gives them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from gsv_lab.nn.ops import drawing_device, sequence_mask


class Targets(NamedTuple):
    """What a network is given and what it should predict.

    `inputs` (B, T) with padding filled with stop, `targets` (B, T + 1), `mask` (B, 1, T + 1) true at steps that count.
    """

    inputs: Tensor
    targets: Tensor
    mask: Tensor


class Corrupted(NamedTuple):
    """Codes (B, T') with a fault put in, padded with 0, and their mask (B, 1, T')."""

    codes: Tensor
    mask: Tensor


def code_targets(codes: Tensor, eos: int, mask: Tensor | None = None) -> Targets:
    """Shift by one: every step predicts the next code, the last phone the first, the last code stop.

    codes (B, T), mask (B, 1, T) with padding on the right -> Targets
    """
    valid = _valid(codes, mask)
    inputs = codes.masked_fill(~valid, eos)
    targets = functional.pad(inputs, (0, 1), value=eos)
    # A step counts if the one before it was a code: this takes in exactly one stop behind each sequence.
    counts = functional.pad(valid, (1, 0), value=True)
    return Targets(inputs, targets, counts[:, None])


def code_loss(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor | None = None,
    reduction: Literal["mean", "sum"] = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross entropy in nat: logits (B, T + 1, V), targets (B, T + 1), mask (B, 1, T + 1) -> ().

    Args:
        logits: scores.
        targets: class ids.
        mask: steps that count; None: all, padding included.
        reduction: "mean" over counted steps, or "sum".
        label_smoothing: share of the target spread over all classes, in [0, 1).
    """
    each = functional.cross_entropy(
        logits.float().transpose(1, 2),
        targets,
        reduction="none",
        label_smoothing=label_smoothing,
    )
    if mask is None:
        return each.mean() if reduction == "mean" else each.sum()
    counted = mask.squeeze(1).to(each.dtype)
    total = (each * counted).sum()
    if reduction == "sum":
        return total
    return total / counted.sum().clamp(min=1)


def top_k_accuracy(
    logits: Tensor,
    targets: Tensor,
    k: int = 3,
    ignore: int | None = None,
) -> Tensor:
    """Share of steps whose target is among the K best classes; steps with target `ignore` are left out.

    logits (B, T + 1, V), targets (B, T + 1) -> () in [0, 1]; 0 where no step counts. The released trainer reports K = 3
    with stop ignored.
    """
    counted = torch.ones_like(targets, dtype=torch.bool)
    if ignore is not None:
        counted = targets != ignore
    best = logits.topk(min(k, logits.shape[-1]), dim=-1).indices
    is_hit = (best == targets[..., None]).any(-1)
    hits = (is_hit & counted).sum()
    return hits / counted.sum().clamp(min=1)


def sequence_log_prob(logits: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
    """Log-probability of whole sequences in nat.

    logits (B, T + 1, V), targets (B, T + 1), mask (B, 1, T + 1) or None for all steps -> (B,)
    """
    log_p = logits.float().log_softmax(-1)
    each = log_p.gather(-1, targets[..., None]).squeeze(-1)
    if mask is not None:
        each = each * mask.squeeze(1).to(each.dtype)
    return each.sum(-1)


def dpo_loss(good: Tensor, bad: Tensor, beta: float = 0.2) -> Tensor:
    """Preference of true over corrupted sequences: log-probabilities (B,), (B,) -> ().

    Source: Rafailov et al. 2023, arXiv:2305.18290, equation 7.
    Differs from the paper: no reference policy, as in the released trainer.

    Args:
        good: log-probabilities of true sequences (`sequence_log_prob`).
        bad: of corrupted ones.
        beta: sharpness of the preference, 1 / nat.
    """
    margin = good - bad
    return -functional.logsigmoid(beta * margin).mean()


def corrupt_codes(
    codes: Tensor,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Corrupted:
    """The two faults of autoregressive speech, made on purpose: a random span is said twice, or left out.

    codes (B, T), mask (B, 1, T) with padding on the right -> Corrupted. A coin decides for each row; the span's ends
    are uniform over the row, so it may be empty or the whole row.
    """
    device = drawing_device(codes, generator)
    lengths = _valid(codes, mask).sum(1)
    rows = []
    for row, length in zip(codes, lengths.tolist(), strict=True):
        # One draw a row keeps the sequence of random numbers short and the same on every device.
        drawn = torch.rand(3, generator=generator, device=device)
        coin, one, other = drawn.tolist()
        start = int(min(one, other) * (length + 1))
        end = int(max(one, other) * (length + 1))
        if coin < 0.5:
            start, end = end, start
        rows.append(torch.cat([row[:start], row[end:length]]))
    sizes = [len(row) for row in rows]
    mask = sequence_mask(torch.tensor(sizes, device=codes.device))
    return Corrupted(pad_sequence(rows, batch_first=True), mask)


def _valid(codes: Tensor, mask: Tensor | None) -> Tensor:
    """Which codes are real: (B, T) bool."""
    if mask is None:
        return torch.ones_like(codes, dtype=torch.bool)
    return mask.squeeze(1).bool()
