"""Cutting a recording into slices of 3 to 10 s at its silences.

Letters: T samples.

`slice_speech` joins short neighbours among spans of speech (from `voice_activity`) and splits long ones at their
quietest moment.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from gsv_lab.audio.voice_activity import Span

SHORTEST, LONGEST = 3.0, 10.0
"""Seconds of a slice, margins included; spans shorter than the first look for a neighbour."""
SHORTEST_SINGLE = 1.0
"""Seconds; what finds no neighbour and is shorter than this is dropped."""
WIDEST_GAP = 1.0
"""Seconds; spans further apart are not joined."""
MARGIN = 0.15
"""Seconds of silence that a slice gets on each side."""
LONGEST_PAUSE = 0.5
"""Seconds; longer pauses do not count as time in which somebody speaks."""


def slice_speech(samples: Tensor, sample_rate: int, spans: Sequence[Span]) -> list[Span]:
    """Spans of speech -> slices that begin and end in silence.

    Spans that are too long are split at their quietest moment; then, as long as there is one shorter than `SHORTEST`,
    the neighbours with the smallest gap are joined if together they stay under `LONGEST`. Each slice gets up to
    `MARGIN` of silence on both sides, never past the middle of the gap.

    Args:
        samples: (T,).
        sample_rate: Hz.
        spans: speech, in order.
    """
    room = round((LONGEST - 2 * MARGIN) * sample_rate)
    parts = [part for span in spans for part in _split(samples, span, sample_rate, room)]
    parts = _join(parts, round(SHORTEST * sample_rate), room, round(WIDEST_GAP * sample_rate))
    kept = [part for part in parts if part.length >= (SHORTEST_SINGLE - 2 * MARGIN) * sample_rate]
    return _with_margins(kept, parts, round(MARGIN * sample_rate), samples.numel())


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


def seconds(span: Span, sample_rate: int) -> tuple[float, float]:
    """Start and end of a span in seconds, rounded to a millisecond."""
    return round(span.start / sample_rate, 3), round(span.end / sample_rate, 3)


def speech_seconds(spans: Sequence[Span], sample_rate: int) -> float:
    """How long somebody speaks: spans, and the pauses between them up to `LONGEST_PAUSE`."""
    limit = LONGEST_PAUSE * sample_rate
    pauses = (right.start - left.end for left, right in zip(spans, spans[1:], strict=False))
    total = sum(span.length for span in spans) + sum(pause for pause in pauses if pause <= limit)
    return total / sample_rate
