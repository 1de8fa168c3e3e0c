"""Checks of notebook 05, "Timbre and the three-way mix".

Letters: B batch, G speaker width, F frames, P phones, M mel bands. Each check takes the answer, and gives a card.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gsv_lab.hooks.record import Record
from gsv_lab.teaching.exercises.answers import named, numbers
from gsv_lab.teaching.exercises.card import STILL_OPEN, ask, exercise, expect, expect_shape, number


def mean_over_time(frames: Tensor, mask: Tensor) -> Tensor:
    """The mean of true frames: (B, G, F), mask (B, 1, F) -> (B, G, 1); stands in until the reader has written it."""
    return (frames * mask).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)


@exercise(
    "One vector out of many frames",
    "A mean is a sum over a count. Padding must be out of both; multiply by the mask before you sum.",
    "Sum `frames * mask` over the last axis with `keepdim=True`, and divide by the sum of `mask` over the same axis.",
)
def pool(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """`pool(frames, mask)`: (B, G, F), (B, 1, F) with 1 at true frames -> (B, G, 1)."""
    random = torch.Generator().manual_seed(0)
    frames = torch.randn(2, 3, 10, generator=random) + 2
    mask = torch.ones(2, 1, 10)
    mask[1, :, 6:] = 0
    found = numbers(ask(answer, frames.clone(), mask.clone()), "The voices")
    right = mean_over_time(frames, mask)
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


@exercise(
    "Before you listen: what moves?",
    "The vector says how high a voice speaks. When the pitch rises and falls, does the vector know, or the sentence?",
    "Codes and phones say when the pitch rises, and they stay. The vector holds a median pitch, and it is exchanged.",
)
def moved(answer: str) -> str:
    """What another voice does to the pitch curve of the same codes: `"height"`, `"shape"`, `"both"` or `"none"`."""
    names = {"height": ("level",), "shape": ("form", "melody"), "both": ("height and shape",), "none": ("nothing",)}
    hints = {
        "shape": "The shape is when the pitch rises. Who would bring another one? Codes and phones are the same.",
        "both": "One of the two. The vector is one for the whole sentence: can it say when something happens?",
        "none": "Then both voices would be equally high, although the vector holds the median pitch of its recording.",
    }
    given = named(answer, names)
    expect(given not in hints, hints.get(given, ""))
    return "One vector for the whole sentence cannot say when something happens. So it moves the height of the curve."


@exercise(
    "How many semitones?",
    "Two steps: a middle for each curve, of voiced frames only, then the ratio of the two on a scale of octaves.",
    "`12 * log2(high / low)`, where `low` and `high` are medians of `curve[curve > 0]`.",
)
def semitones(answer: Callable[[Tensor, Tensor], Any]) -> str:
    """`semitones(before, after)`: two (F,) pitch curves in Hz, 0 where unvoiced -> semitones between the medians."""
    # An odd count of voiced frames in each, so that every kind of median is the same.
    before = torch.tensor([0.0, 0.0, 0.0, 100.0, 110.0, 120.0, 0.0, 0.0, 0.0, 118.0, 95.0])
    after = torch.tensor([0.0, 150.0, 165.0, 172.0, 0.0, 0.0, 180.0, 0.0, 300.0])

    def median(curve: Tensor) -> float:
        return float(curve[curve > 0].median())

    given = number(ask(answer, before.clone(), after.clone()), "The distance should be one number.")
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


@exercise(
    "Reading an alignment",
    "First one number for each frame: which phone has most of it. Then count how often each number occurs.",
    "Keep the frames whose row has a sum above 0; `argmax(-1)` of those, then `bincount(minlength=...)` with P.",
)
def frames_per_phone(answer: Callable[[Tensor], Tensor]) -> str:
    """`frames_per_phone(alignment)`: (F, P) shares of phones in each frame -> (P,) frames that are mostly it."""
    wanted = [0, 0, 0, 1, 1, 3, 3, 3, 3, 3, -1, -1]
    alignment = torch.zeros(12, 5)
    for frame, phone in enumerate(wanted):
        if phone >= 0:
            alignment[frame, phone] = 0.7
            alignment[frame, (phone + 2) % 5] = 0.3
    right = torch.tensor([3, 2, 0, 5, 0])
    found = numbers(ask(answer, alignment.clone()), "The counts")
    expect(tuple(found.shape) != (12,), "That is one answer a frame. How often does each phone occur among them?")
    expect(tuple(found.shape) != (4,), "The last phone is missing: no frame is mostly it, but it should have a 0.")
    expect_shape(found, (5,), "The frames of 5 phones")
    soft = "Those are sums of shares. Asked is a count: which phone has *most* of a frame?"
    expect(not torch.allclose(found.float(), alignment.sum(0), atol=1e-3), soft)
    nobody = "Two frames have no phone at all: their row is 0, and the largest of zeros is the first. Leave them out."
    expect(not torch.equal(found.long(), right + torch.tensor([2, 0, 0, 0, 0])), nobody)
    every = "Every frame was counted for each phone that it has any of. Which one has most of it?"
    expect(not torch.equal(found.long(), (alignment > 0).sum(0)), every)
    expect(torch.equal(found.long(), right), f"It should be {right.tolist()}, yours is {found.tolist()}.")
    return "A frame lasts 20 ms, so you have the length of each phone; a place for a pause that stays empty has 0."


@exercise(
    "Before you look: who moves the alignment?",
    "Look for the alignment in the sum above: which terms contain it, and does it contain any of them?",
    "It is worked out before the prior runs, from a plan or a recording. Nothing that the prior reads can change it.",
)
def unmoved(answer: str) -> str:
    """Which of the three, taken away, gives frames other phones."""
    names = {"text": ("phones",), "codes": ("content", "code"), "voice": ("speaker",), "none": ("nobody", "nothing")}
    hints = {
        "text": "Without the text every phone is the same vector, zero; but which of them a frame gets is settled.",
        "codes": "Codes are a term of the sum, beside the phones. Is there an alignment inside that term?",
        "voice": "The voice is added to every frame alike. It says nothing of when a phone is spoken.",
    }
    given = named(answer, names)
    expect(given not in hints, hints.get(given, ""))
    return "The alignment is an input, like the other three: it was planned before, or found in the recording."


@exercise(
    "Take one phone away",
    "`zero` takes the name of a tap and, for a part of it, the name of an axis with a number.",
    "`edits = [zero(tap, phone=4)]`; the widest row of the picture above is a phone that has many frames.",
)
def one_phone(before: Record, after: Record) -> str:
    """Two records of which phone each frame gets, its last axis phones: as it is, and with the reader's edits."""
    a, b = (record.value.reshape(-1, record.value.shape[-1]) for record in (before, after))
    expect(a.shape == b.shape, f"{tuple(a.shape)} and {tuple(b.shape)}: say the same both times.")
    same = f"{STILL_OPEN}nothing is different yet. Put an edit of the alignment into the list, of a phone with frames."
    expect(not torch.equal(a, b), same)
    changed = [phone for phone in range(a.shape[1]) if not torch.equal(a[:, phone], b[:, phone])]
    expect(bool(b.any()), "All phones are gone. Name one: `zero(target, phone=2)`.")
    expect(len(changed) == 1, f"{len(changed)} phones changed. One is enough: `zero(target, phone=2)`.")
    left = f"Some frames still get phone {changed[0]}: leave frames out of the edit, and take all of it."
    expect(not b[:, changed[0]].any(), left)
    return "An edit takes the name of an axis and a number: `phone=2`, `phone=(0, 5)`, `seconds=(0.5, 1.0)`, `head=1`."


@exercise(
    "Stretch: take the room away",
    "What is the same in every frame disappears if you subtract the mean over time. Which frames may count for it?",
    "`mel - mel[:, voiced].mean(1, keepdim=True)`, with a mask of voiced frames; each band has its own mean.",
)
def channel(answer: Callable[[Tensor, Tensor], Any]) -> str:
    """`channel(mel, voiced)`: log-mel (M, F), bool (F,) -> (M, F) with mean 0 over the voiced frames in each band."""
    random = torch.Generator().manual_seed(0)
    mel = torch.randn(4, 30, generator=random) - 3
    voiced = torch.arange(30) % 3 > 0
    mel[:, ~voiced] -= 6  # a pause is quiet, and says nothing of the microphone
    found = numbers(ask(answer, mel.clone(), voiced.clone()), "The result")
    expect(tuple(found.shape) not in {(4, 1), (4,)}, "That is the mean itself. Subtract it from every frame.")
    expect_shape(found, (4, 30), "The log-mel without the room")

    def is_like(other: Tensor) -> bool:
        return torch.allclose(found, other, atol=1e-4)

    speech = mel[:, voiced]
    means = speech.mean(1, keepdim=True)
    pauses = "Pauses are in your mean, so it depends on how many pauses somebody makes. Take the voiced frames."
    expect(not is_like(mel - mel.mean(1, keepdim=True)), pauses)
    one = "One mean for all bands only changes the loudness. A room has a gain of its own in every band."
    expect(not is_like(mel - speech.mean()) and not is_like(mel - mel.mean()), one)
    axis = "That is the mean over the bands, one for each frame: the speech is gone, and the room stays."
    expect(not is_like(mel - mel.mean(0, keepdim=True)), axis)
    expect(not is_like(mel / means), "A gain multiplies the spectrum, so in a logarithm it is added: subtract.")
    more = "The deviation was divided out, too. A room does not change how far the bands move. Only the mean goes."
    expect(not is_like((mel - means) / speech.std(1, keepdim=True)), more)
    left = ", ".join(f"{value:.2f}" for value in found[:, voiced].mean(1).tolist())
    expect(is_like(mel - means), f"Over the voiced frames your means are {left}. They should be 0, all else the same.")
    return "Whatever multiplies the spectrum is gone: microphone, room, and also the voice's own long-term spectrum."
