"""Checks of notebook 05, "Timbre and the three-way mix".

Letters: B batch, G speaker width, F frames, P phones, H heads. Each check takes the answer, and draws a card;
`.card(...)` gives the card alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gsv_lab.hooks.record import Record
from gsv_lab.teaching.exercises.card import ask, exercise, expect, expect_shape


@exercise("One vector out of many frames")
def pool(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """`pool(frames, mask)`: (B, G, F), (B, 1, F) with 1 at true frames -> (B, G, 1)."""
    random = torch.Generator().manual_seed(0)
    frames = torch.randn(2, 3, 10, generator=random) + 2
    mask = torch.ones(2, 1, 10)
    mask[1, :, 6:] = 0
    found = torch.as_tensor(ask(answer, frames.clone(), mask))
    right = (frames * mask).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)
    expect(tuple(found.shape) != (2, 3), "Nearly: keep the time axis with length 1, so that it can be added to frames.")
    expect(tuple(found.shape) != (2, 1, 10), "That is the mean over the dimensions. Which axis is time?")
    expect(tuple(found.shape) != (1, 3, 1), "Two recordings became one voice: the batch should stay.")
    expect_shape(found, (2, 3, 1), "The voices of a batch of 2")
    padded = "The second recording has 6 true frames and 4 of padding. Yours took the padding along."
    expect(not torch.allclose(found, frames.mean(-1, keepdim=True)), padded)
    by_all = "The padding is out of the sum, but you still divide by 10. How many frames are true?"
    expect(not torch.allclose(found, (frames * mask).mean(-1, keepdim=True)), by_all)
    expect(not torch.allclose(found, (frames * mask).sum(-1, keepdim=True)), "That is the sum, and grows with length.")
    peak = frames.masked_fill(mask == 0, -torch.inf).amax(-1, keepdim=True)
    expect(not torch.allclose(found, peak), "That is the largest value: one loud frame would decide who speaks.")
    expect(torch.allclose(found, right, atol=1e-5), f"The second voice should be {right[1, :, 0].tolist()}.")
    return "Whatever changes from frame to frame is averaged away. What stays is the speaker, and the room."


@exercise("How many semitones?")
def semitones(answer: Callable[[Tensor, Tensor], Any]) -> str:
    """`semitones(before, after)`: two (F,) pitch curves in Hz, 0 where unvoiced -> semitones between the medians."""
    before = torch.tensor([0.0, 0.0, 0.0, 100.0, 110.0, 120.0, 0.0, 0.0, 0.0, 118.0, 95.0])
    after = torch.tensor([0.0, 150.0, 165.0, 172.0, 0.0, 0.0, 180.0, 140.0, 300.0])

    def median(curve: Tensor) -> float:
        return float(curve[curve > 0].median())

    given = float(ask(answer, before.clone(), after.clone()))
    low, high = median(before), median(after)
    right = 12 * math.log2(high / low)

    def is_like(other: float) -> bool:
        return math.isclose(given, other, rel_tol=1e-3, abs_tol=1e-3)

    expect(math.isfinite(given), "Not a finite number: an unvoiced frame has 0 Hz, which is no pitch. Leave it out.")
    expect(not is_like(high - low), "Those are Hz. 20 Hz are much for a low voice and little for a high one.")
    expect(not is_like(high / low), "That is the ratio. An octave, twice the frequency, should give 12.")
    expect(not is_like(math.log2(high / low)), "Those are octaves; each has 12 semitones.")
    expect(not is_like(-right), "The sign: the second curve is higher, so the answer is above 0.")
    expect(not is_like(12 * math.log(high / low)), "The natural logarithm: doubling would give 8.3 instead of 12.")
    means = float(after.mean()), float(before.mean())
    zeros = "The unvoiced zeros drag your averages down. Take voiced frames only."
    expect(not is_like(12 * math.log2(means[0] / means[1])), zeros)
    voiced = float(after[after > 0].mean()), float(before[before > 0].mean())
    jump = "Those are means. One frame at 300 Hz, an octave error of the tracker, pulls them up: take medians."
    expect(not is_like(12 * math.log2(voiced[0] / voiced[1])), jump)
    expect(is_like(right), f"From {low:.0f} to {high:.0f} Hz are {right:.2f} semitones, yours is {given:.2f}.")
    return "The ear counts in ratios: 12 semitones, an octave, are twice the frequency wherever you begin."


@exercise("Reading an alignment")
def frames_per_phone(answer: Callable[[Tensor], Tensor]) -> str:
    """`frames_per_phone(pattern)`: (H, F, P) weights -> (P,) how many frames attend most to each phone."""
    wanted = [0, 0, 0, 1, 1, 3, 3, 3, 3, 3]
    pattern = torch.full((2, 10, 5), 0.05)
    for frame, phone in enumerate(wanted):
        pattern[0, frame, phone] = 0.6
        pattern[1, frame, (phone + 2) % 5] = 0.5
    pattern = pattern / pattern.sum(-1, keepdim=True)
    right = torch.bincount(torch.tensor(wanted), minlength=5)
    found = torch.as_tensor(ask(answer, pattern.clone()))
    expect(tuple(found.shape) != (10,), "That is one answer a frame. How often does each phone occur among them?")
    expect(tuple(found.shape) != (2, 5), "One row a head: take the mean over the heads first.")
    expect(tuple(found.shape) != (4,), "The last phone is missing: no frame attends to it, but it should have a 0.")
    expect_shape(found, (5,), "The frames of 5 phones")
    soft = "Those are sums of weights. Asked is a count: to which phone does a frame attend *most*?"
    expect(not torch.allclose(found.float(), pattern.mean(0).sum(0), atol=1e-3), soft)
    expect(int(found.sum()) == 10, f"10 frames were to be shared out, yours are {int(found.sum())}.")
    one = torch.bincount(pattern[1].argmax(-1), minlength=5)
    expect(not torch.equal(found.long(), one), "That is the second head alone. Average the heads.")
    expect(torch.equal(found.long(), right), f"It should be {right.tolist()}, yours is {found.tolist()}.")
    return "Where the attention is diagonal, it says when each phone is spoken."


@exercise("Before you look: who changes nothing?")
def unchanged(answer: str) -> str:
    """Which of the three, taken away, leaves the alignment as it is."""
    hints = {
        "text": "The keys are made of the phones: without them there is nothing to choose between.",
        "codes": "The queries are made of the codes: without them every frame has the same query.",
        "voice": "",
    }
    expect(answer in hints, f"One of {', '.join(hints)}.")
    expect(not hints[answer], hints[answer])
    return "The voice is added after the attention, so neither queries nor keys depend on it."


@exercise("Silence one head")
def one_head(before: Record, after: Record) -> str:
    """Two records of `prior.cross_attention.pattern`: as it is, and with the reader's edits."""
    a, b = before.value, after.value
    expect(a.shape == b.shape, f"{tuple(a.shape)} and {tuple(b.shape)}: say the same both times.")
    expect(not torch.equal(a, b), "Nothing is different yet: put an edit of the pattern into the list.")
    dead = [head for head in range(b.shape[1]) if not bool(b[:, head].any())]
    same = [head for head in range(b.shape[1]) if torch.equal(a[:, head], b[:, head])]
    every = "All heads are silent. Name one: `zero(target, head=1)`."
    expect(len(dead) < b.shape[1], every)
    part = "Some weights changed, but no head is silent as a whole: leave frames and phones out of the edit."
    expect(dead, part)
    expect(dead == [1], f"Head {dead[0]} is silent. Counting begins at 0, and head 1 was asked for.")
    expect(len(same) == b.shape[1] - 1, "Another head changed, too. One edit is enough.")
    return "An edit takes the name of an axis and a number: `head=1`, `phone=(0, 5)`, `seconds=(0.5, 1.0)`."
