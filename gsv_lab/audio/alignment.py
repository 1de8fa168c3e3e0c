"""Forced alignment: which frames belong to which phone.

A recogniser trained with CTC gives, for every frame, log-probabilities over its labels and a blank. Given the phones
that were spoken, the best path through those probabilities says when each of them was. Two things stand between that
path and usable times, and this file is about them:

- CTC is peaky: most frames say "blank" and a phone owns a spike. The blank is therefore lowered by a few nats before
  the search, and short gaps that remain are shared by the two neighbours.
- A blank run may also be a real pause. A gap that is long (and quiet, if the level of the recording is given) stays
  silence, and a phone that was stretched over a pause gives it back.

Letters: F frames, V labels, P phones, W words. Frame f covers f / rate to (f + 1) / rate seconds. Paths and blanks:
Graves et al. 2006, "Connectionist temporal classification", section 3.1; `torchaudio.functional.forced_align` searches.
Arrays come in, times go out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchaudio.functional import edit_distance, forced_align

from gsv_lab.errors import DataError, LabError, TextError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BLANK = 0
"""Label of the CTC blank."""
MIN_SILENCE = 0.16
"""Seconds. Longer than the closure of a stop, shorter than a pause that people notice."""


@dataclass(frozen=True)
class Alignment:
    """When each phone was spoken.

    Args:
        ids: (P,) labels of the recogniser; -1 for a phone that has no sound of its own (punctuation).
        start: (P,) seconds.
        end: (P,) seconds; never before `start`, never after the next start.
        score: (P,) mean log-probability of the phone over its frames, in nats, among the phones (blank left out) and
            weighted by how sure the recogniser is that there is a phone at all; NaN for a phone without a sound.
        rate: frames per second of the probabilities.
        duration: seconds of the whole clip.
        from_transcript: False where the recogniser's own guess stood in for a transcript.
    """

    ids: Ints
    start: Floats
    end: Floats
    score: Floats
    rate: float
    duration: float
    from_transcript: bool = True

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def durations(self) -> Floats:
        """(P,) seconds of each phone."""
        return self.end - self.start

    @property
    def quality(self) -> float:
        """Mean score in nats: near 0 for a fitting transcript, several below for a wrong one; NaN without phones."""
        known = self.score[np.isfinite(self.score)]
        return float(known.mean()) if len(known) else float("nan")

    def doubtful(self, below: float = -3.0) -> Ints:
        """Positions of the phones whose score is under `below` nats: likely misread or missing in the recording."""
        return np.flatnonzero(np.nan_to_num(self.score, nan=0.0) < below)

    def positions(self, frames: int | None = None, rate: float | None = None) -> Ints:
        """() -> (F,): position of the phone at the middle of each frame, -1 in silence; codes have a `rate` of 25."""
        rate = self.rate if rate is None else rate
        frames = round(self.duration * rate) if frames is None else frames
        middle = (np.arange(frames) + 0.5) / rate
        # Phones without length own no time; looking only at the others keeps the search monotone.
        owners = np.flatnonzero(self.end > self.start)
        if not len(owners):
            return np.full(frames, -1, dtype=np.int64)
        nearest = owners[np.clip(np.searchsorted(self.start[owners], middle, side="right") - 1, 0, None)]
        inside = (self.start[nearest] <= middle) & (middle < self.end[nearest])
        return np.where(inside, nearest, -1).astype(np.int64)

    def labels(self, frames: int | None = None, rate: float | None = None, silence: int = 0) -> Ints:
        """() -> (F,): the label at each frame, `silence` where nobody speaks; targets for training on frames."""
        positions = self.positions(frames, rate)
        ids = np.append(self.ids, -1)[positions]
        return np.where(ids < 0, silence, ids).astype(np.int64)


def align(
    log_probs: Tensor,
    ids: Sequence[int | None],
    rate: float = 50.0,
    *,
    blank_damping: float = 4.0,
    level: Any = None,
) -> Alignment:
    """Find the times of the given phones.

    (F, V) log-probabilities, P phones -> Alignment

    Args:
        log_probs: natural logarithms, one row a frame.
        ids: labels in spoken order; None for a phone without a sound (punctuation), which takes the pause where it
            stands, or no time at all.
        rate: frames per second.
        blank_damping: nats taken from the blank, so that a phone keeps the frames around its spike.
        level: (F,) level of the recording in dB (`frame_level`). With it only quiet gaps are silence; without it every
            long gap is, less a margin for the phones beside it. Times are better with it. A gap under `MIN_SILENCE` is
            shared by its neighbours.

    Raises:
        DataError: ALIGN_IMPLAUSIBLE, more phones than the frames can hold.
        TextError: TEXT_EMPTY, nothing to align.
        ValueError: wrong shapes, NaN, or a label outside V.
    """
    spoken = [int(i) for i in ids if i is not None]
    table = _checked(log_probs, spoken, rate)
    damped = table.clone()
    damped[:, BLANK] -= blank_damping
    path = forced_align(damped[None], torch.tensor([spoken], dtype=torch.int32), blank=BLANK)[0][0].numpy()
    start, end = _runs(path)
    scores = table.numpy()
    quiet = None if level is None else _quiet(level, len(path))
    shortest = max(1, round(MIN_SILENCE * rate))
    if quiet is not None:
        _give_back(start, end, spoken, scores, quiet & (_run_lengths(quiet) >= shortest))
    score = _scores(start, end, spoken, scores)
    _share_gaps(start, end, len(path), shortest, quiet)
    return _assemble(ids, start / rate, end / rate, score, rate, len(path) / rate)


def align_batch(
    log_probs: Tensor,
    ids: Sequence[Sequence[int | None]],
    lengths: Sequence[int] | Tensor | None = None,
    levels: Sequence[Any] | None = None,
) -> list[Alignment | LabError]:
    """Label a batch of clips; a clip that cannot be aligned gives its error instead of stopping the rest.

    (B, F, V), B lists of phones, (B,) valid frames, B levels as in `align` -> B alignments or errors
    """
    table = log_probs.detach().float().cpu()  # one copy from the device for all clips
    sizes = [table.shape[1]] * len(table) if lengths is None else [int(n) for n in lengths]
    if not len(table) == len(ids) == len(sizes):
        raise ValueError(f"{len(table)} clips, {len(ids)} transcripts and {len(sizes)} lengths must be equally many")
    found: list[Alignment | LabError] = []
    for row, (phones, size) in enumerate(zip(ids, sizes, strict=True)):
        level = None if levels is None else levels[row]
        try:
            found.append(align(table[row, :size], phones, level=level))
        except LabError as error:
            found.append(error)
    return found


def greedy(log_probs: Tensor, rate: float = 50.0, level: Any = None) -> Alignment:
    """The recogniser's own phones with their times, marked `from_transcript=False`.

    (F, V), frames per second, `level` as in `align` -> Alignment; without a phone if every frame says blank
    """
    best = torch.unique_consecutive(log_probs.detach().argmax(dim=1).cpu())
    ids = best[best != BLANK].tolist()
    if not ids:
        none = np.zeros(0)
        return Alignment(none.astype(np.int64), none, none, none, rate, len(log_probs) / rate, from_transcript=False)
    return replace(align(log_probs, ids, rate, level=level), from_transcript=False)


def word_timings(alignment: Alignment, word2phones: Sequence[int]) -> Floats:
    """(W,) phones of each word -> (W, 2) start and end in seconds; a word without phones has no length.

    Raises:
        ValueError: the counts do not add up to the phones of the alignment.
    """
    counts = np.asarray(word2phones, dtype=np.int64)
    if counts.sum() != len(alignment) or (counts < 0).any():
        raise ValueError(f"word2phones counts {int(counts.sum())} phones, the alignment has {len(alignment)}")
    last = np.cumsum(counts)
    first = last - counts
    edges = np.append(alignment.start, alignment.end[-1:] if len(alignment) else 0.0)
    begin = edges[first]
    stop = np.where(counts > 0, np.append(0.0, alignment.end)[last], begin)
    return np.stack([begin, stop], axis=1)


def phone_errors(reference: Sequence[Any], hypothesis: Sequence[Any]) -> int:
    """Fewest substitutions, insertions and deletions between two sequences (Levenshtein distance).

    To pool over clips, add these up and divide by the summed lengths of the references.
    """
    return edit_distance(reference, hypothesis)


def frame_level(wave: Any, sample_rate: int, rate: float = 50.0, frames: int | None = None) -> Floats:
    """(T,) samples -> (F,) level of each frame in dB relative to full scale, for the `level` of `align`."""
    samples = np.asarray(wave, dtype=np.float64).reshape(-1)
    frames = math.ceil(len(samples) * rate / sample_rate) if frames is None else frames
    power = np.append(0.0, np.cumsum(samples**2))
    edges = np.clip(np.round(np.arange(frames + 1) * sample_rate / rate).astype(np.int64), 0, len(samples))
    return 10.0 * np.log10(np.diff(power[edges]) / np.maximum(np.diff(edges), 1) + 1e-10)


def _checked(log_probs: Tensor, spoken: Sequence[int], rate: float) -> Tensor:
    if log_probs.ndim != 2:
        raise ValueError(f"log_probs must be (frames, labels), got {tuple(log_probs.shape)}")
    table = log_probs.detach().float().cpu().contiguous()
    frames, labels = table.shape
    if not spoken:
        raise TextError("TEXT_EMPTY", "There is no phone to align", "a text with at least one word")
    if min(spoken) < 0 or max(spoken) >= labels or BLANK in spoken:
        raise ValueError(f"labels must lie in 0 to {labels - 1} and not be the blank {BLANK}: {sorted(set(spoken))}")
    if torch.isnan(table).any():
        raise ValueError("log_probs hold NaN")
    repeats = sum(a == b for a, b in zip(spoken, spoken[1:], strict=False))
    if len(spoken) + repeats > frames:
        raise DataError(
            "ALIGN_IMPLAUSIBLE",
            f"The text has {len(spoken)} phones, the recording lasts {frames / rate:.2f} s",
            f"at most {rate:g} phones a second",
            "Check that text and recording belong together",
        )
    return table


def _runs(path: NDArray[Any]) -> tuple[Ints, Ints]:
    """First and one-past-last frame of every run that is not blank."""
    edges = np.flatnonzero(np.diff(path)) + 1
    begin, stop = np.append(0, edges), np.append(edges, len(path))
    keep = path[begin] != BLANK
    return begin[keep].astype(np.int64), stop[keep].astype(np.int64)


def _quiet(level: Any, frames: int) -> NDArray[np.bool_]:
    db = np.asarray(level, dtype=np.float64).reshape(-1)
    if len(db) != frames:
        raise ValueError(f"the level has {len(db)} frames, the probabilities {frames}")
    floor, loud = np.percentile(db, [5, 95])
    # 35 dB under the loud parts; in a noisy room the pauses never get there, so a fifth of the range above the floor.
    return db < max(loud - 35.0, floor + 0.2 * (loud - floor))


def _run_lengths(flags: NDArray[np.bool_]) -> Ints:
    """Length of the run of equal values that each frame belongs to."""
    edges = np.append(np.append(0, np.flatnonzero(np.diff(flags)) + 1), len(flags))
    return np.repeat(np.diff(edges), np.diff(edges))


def _give_back(start: Ints, end: Ints, spoken: Sequence[int], scores: NDArray[Any], pause: NDArray[np.bool_]) -> None:
    """Cut from each phone the frames of a pause where the blank, undamped, is the better label."""
    for i, label in enumerate(spoken):
        a, b = start[i], end[i]
        lost = pause[a:b] & (scores[a:b, BLANK] > scores[a:b, label])
        if lost.any():
            peak = int(scores[a:b, label].argmax())
            lost[peak] = False
            holes = np.flatnonzero(lost)
            left, right = holes[holes < peak], holes[holes > peak]
            start[i] = a + left[-1] + 1 if len(left) else a
            end[i] = a + right[0] if len(right) else b


def _scores(start: Ints, end: Ints, spoken: Sequence[int], scores: NDArray[Any]) -> Floats:
    there = np.clip(-np.expm1(scores[:, BLANK].astype(np.float64)), 1e-6, None)
    among = np.maximum(scores - np.log(there)[:, None], -30.0)
    return np.array(
        [
            np.average(np.minimum(among[a:b, label], 0.0), weights=there[a:b])
            for a, b, label in zip(start, end, spoken, strict=True)
        ]
    )


def _share_gaps(start: Ints, end: Ints, frames: int, shortest: int, quiet: NDArray[np.bool_] | None) -> None:
    """Hand the frames between phones to their neighbours, except silence; changes `start` and `end`."""
    # Half a typical phone (a quarter of the shortest pause, 40 ms): what a spike before a long gap claims of it.
    reach = max(1, shortest // 4)
    for gap, (a, b) in enumerate(zip(np.append(0, end), np.append(start, frames), strict=True)):
        first, last = gap == 0, gap == len(start)
        left, right = _silence(int(a), int(b), first, last, reach, shortest, quiet)
        if not first:
            end[gap - 1] = left
        if not last:
            start[gap] = right


def _silence(
    a: int, b: int, first: bool, last: bool, reach: int, shortest: int, quiet: NDArray[np.bool_] | None
) -> tuple[int, int]:
    """The frames of the gap a to b that stay silent; what is before and after them goes to the phones there."""
    share = b if last else a if first else (a + b) // 2
    if b - a < shortest:
        return share, share
    if quiet is None:
        return (a if first else a + reach), (b if last else b - reach)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet[a:b].astype(np.int8), [0]])))
    runs = edges.reshape(-1, 2) + a
    low, high = max(runs.tolist(), key=lambda run: run[1] - run[0], default=(share, share))
    return (low, high) if high - low >= shortest else (share, share)


def _assemble(
    ids: Sequence[int | None], start: Floats, end: Floats, score: Floats, rate: float, duration: float
) -> Alignment:
    """Put phones without a sound between the others: the first of them takes the pause, the rest no time."""
    sounding = np.array([i is not None for i in ids])
    whole_start, whole_end = np.zeros(len(ids)), np.zeros(len(ids))
    whole_score = np.full(len(ids), np.nan)
    whole_start[sounding], whole_end[sounding], whole_score[sounding] = start, end, score
    following = np.append(start, duration)[np.cumsum(sounding)]
    before = 0.0
    for i in range(len(ids)):
        if not sounding[i]:
            whole_start[i], whole_end[i] = before, following[i]
        before = whole_end[i]
    labels = np.array([-1 if i is None else i for i in ids], dtype=np.int64)
    return Alignment(labels, whole_start, whole_end, whole_score, rate, duration)
