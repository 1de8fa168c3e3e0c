"""Cutting a recording into slices of 3 to 10 s at its silences.

Letters: T samples, F frames of a level curve.

Two ways: `slice_speech` takes spans of speech (from `voice_activity`), joins short neighbours and splits long ones at
their quietest moment; it is what `prepare` uses. `cut_at_silences` is the level-based slicer of the released project,
kept by its own name so that both can be compared. Neither knows text, files or quality.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gsv_lab.audio.voice_activity import Span

SHORTEST, LONGEST = 3.0, 10.0
SHORTEST_SINGLE = 1.0


def slice_speech(
    samples: Tensor,
    sample_rate: int,
    spans: Sequence[Span],
    shortest: float = SHORTEST,
    longest: float = LONGEST,
    single: float = SHORTEST_SINGLE,
    widest_gap: float = 1.0,
    margin: float = 0.15,
) -> list[Span]:
    """Spans of speech -> slices that begin and end in silence.

    Spans that are too long are split at their quietest moment; then, as long as there is one shorter than `shortest`,
    the neighbours with the smallest gap are joined if together they stay under `longest`. Each slice gets up to
    `margin` of silence on both sides, never past the middle of the gap.

    Args:
        samples: (T,).
        sample_rate: Hz.
        spans: speech, in order.
        shortest: seconds; shorter spans look for a neighbour.
        longest: seconds, margins included.
        single: seconds; what finds no neighbour and is shorter than this is dropped.
        widest_gap: seconds; spans further apart are not joined.
        margin: seconds.
    """
    room = round((longest - 2 * margin) * sample_rate)
    parts = [part for span in spans for part in _split(samples, span, sample_rate, room)]
    parts = _join(parts, round(shortest * sample_rate), room, round(widest_gap * sample_rate))
    kept = [part for part in parts if part.length >= (single - 2 * margin) * sample_rate]
    return _with_margins(kept, parts, round(margin * sample_rate), samples.numel())


def _split(samples: Tensor, span: Span, sample_rate: int, room: int) -> list[Span]:
    if span.length <= room:
        return [span]
    # Only the middle is searched, so that no part is under 0.3 * room = 3 s, and the depth stays logarithmic.
    width = max(1, round(0.03 * sample_rate))
    low, high = span.start + round(0.3 * span.length), span.start + round(0.7 * span.length)
    level = samples[low:high].square().unfold(0, width, max(1, width // 3)).mean(dim=1)
    cut = low + int(level.argmin()) * max(1, width // 3) + width // 2
    halves = (Span(span.start, cut), Span(cut, span.end))
    return [part for half in halves for part in _split(samples, half, sample_rate, room)]


def _join(parts: list[Span], shortest: int, room: int, widest_gap: int) -> list[Span]:
    parts = list(parts)
    while True:
        pairs = [
            (right.start - left.end, index)
            for index, (left, right) in enumerate(zip(parts, parts[1:], strict=False))
            if right.end - left.start <= room
            and right.start - left.end <= widest_gap
            and min(left.length, right.length) < shortest
        ]
        if not pairs:
            return parts
        _, index = min(pairs)
        parts[index : index + 2] = [Span(parts[index].start, parts[index + 1].end)]


def _with_margins(kept: Sequence[Span], all_parts: Sequence[Span], margin: int, total: int) -> list[Span]:
    out = []
    for part in kept:
        at = all_parts.index(part)
        before = all_parts[at - 1].end if at else 0
        after = all_parts[at + 1].start if at + 1 < len(all_parts) else total
        left = margin if at == 0 else min(margin, (part.start - before) // 2)
        right = margin if at + 1 == len(all_parts) else min(margin, (after - part.end) // 2)
        out.append(Span(max(0, part.start - left), min(total, part.end + right)))
    return out


def cut_at_silences(
    samples: Tensor,
    sample_rate: int,
    threshold: float = -34.0,
    min_length: int = 4000,
    min_interval: int = 300,
    hop_size: int = 10,
    max_sil_kept: int = 500,
) -> list[Span]:
    """The slicer of the released project: cuts by level alone, (T,) -> spans.

    A run of frames below `threshold` is a gap if it lasts `min_interval` and the slice so far lasts `min_length`. A gap
    up to `max_sil_kept` is cut at its quietest frame. In a longer one each side keeps at most `max_sil_kept` of it,
    up to the quietest frame there.

    Args:
        samples: (T,).
        sample_rate: Hz.
        threshold: dBFS (RMS of a frame).
        min_length: ms; a slice is not closed before.
        min_interval: ms; also the longest width of a level frame.
        hop_size: ms between level frames.
        max_sil_kept: ms.
    """
    hop = round(sample_rate * hop_size / 1000)
    interval_samples = sample_rate * min_interval / 1000
    frame = min(round(interval_samples), 4 * hop)
    long_enough = round(sample_rate * min_length / 1000 / hop)
    interval, kept = round(interval_samples / hop), round(sample_rate * max_sil_kept / 1000 / hop)
    if samples.numel() <= long_enough * hop:
        return [Span(0, samples.numel())]
    level = _level(samples, frame, hop)
    gaps = _gaps(level, 10 ** (threshold / 20), long_enough, interval, kept)
    edges = [0, *(edge for gap in gaps for edge in gap), len(level)]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [Span(a * hop, min(b * hop, samples.numel())) for a, b in pairs if b > a]


def _level(samples: Tensor, frame: int, hop: int) -> Tensor:
    padded = torch.nn.functional.pad(samples.double(), (frame // 2, frame // 2))
    return padded.unfold(0, frame, hop).square().mean(dim=1).sqrt()


def _gaps(level: Tensor, threshold: float, long_enough: int, interval: int, kept: int) -> list[tuple[int, int]]:
    """Frames to leave out, as (first, end) pairs; equal ends mean a cut that loses nothing."""
    gaps: list[tuple[int, int]] = []
    begun = 0  # first frame of the slice that is open
    for start, end in _quiet_runs(level < threshold):
        if end == len(level):
            if end - start >= interval:
                gaps.append((_quietest(level, start, min(end, start + kept)), end))
            continue
        leads = start == 0 and end > kept
        if not leads and (end - start < interval or end - begun < long_enough):
            continue
        if end - start <= kept:
            first = last = _quietest(level, start, end)
        else:
            first, last = _quietest(level, start, start + kept), _quietest(level, end - kept, end)
            if end - start <= 2 * kept:
                shared = _quietest(level, end - kept, start + kept)
                first, last = min(first, shared), max(last, shared)
        gaps.append((0 if start == 0 else first, last))
        begun = last
    return gaps


def _quiet_runs(quiet: Tensor) -> list[tuple[int, int]]:
    edges = torch.diff(torch.nn.functional.pad(quiet.int(), (1, 1))).nonzero().flatten().tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _quietest(level: Tensor, first: int, last: int) -> int:
    """Index of the lowest level from `first` to `last`, both included; the earlier of equals."""
    part = level[first : last + 1]
    return first + int((part == part.min()).nonzero()[0])


def seconds(span: Span, sample_rate: int) -> tuple[float, float]:
    """Start and end of a span in seconds, rounded to a millisecond."""
    return round(span.start / sample_rate, 3), round(span.end / sample_rate, 3)


def speech_seconds(spans: Sequence[Span], sample_rate: int, longest_pause: float = 0.5) -> float:
    """How long somebody speaks: spans, and the pauses between them up to `longest_pause` seconds."""
    limit = longest_pause * sample_rate
    pauses = (right.start - left.end for left, right in zip(spans, spans[1:], strict=False))
    total = sum(span.length for span in spans) + sum(pause for pause in pauses if pause <= limit)
    return total / sample_rate
