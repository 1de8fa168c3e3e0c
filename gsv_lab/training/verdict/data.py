"""Are the recordings good enough? Each clip is measured; a bad minority is named and left out, a bad majority ends it.

Thresholds were set on the development speakers of nano-6, whose measuring networks nano-7 has (`docs/verdict.md`); each
finding says where its own is from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, NamedTuple

import torch

from gsv_lab.audio.measures import MOST_CLIPPED
from gsv_lab.audio.speakers import FEWEST, SEVERAL, parted
from gsv_lab.training.verdict.clips import Measured

MOST_BAD = 1 / 3
"""Share of the speech that may be left out."""
LEAST_SPEECH = 10.0
"""Seconds of speech, all clips together."""
FEWEST_CLIPS = 2
"""One to learn from and one to hold out."""
SILENT = 0.5
"""Seconds of speech in a clip."""
NOISY_DB = 15.0
WRONG_TEXT = 1.0
"""Nat, of `Measured.text_margin`."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with recordings.

    Args:
        code: stable name.
        words: what is wrong, without a full stop.
        value: what was measured: of the worst clip, or of all.
        threshold: where it begins to be wrong.
        source: where the threshold came from.
        advice: what to do.
        clips: names of the clips concerned, which are left out; none where it concerns all.
        serious: whether the data are too poor because of it.
    """

    code: str
    words: str
    value: float
    threshold: float
    source: str
    advice: str
    clips: tuple[str, ...] = ()
    serious: bool = False


@dataclass(frozen=True)
class DataReport:
    """What was found: `findings`, numbers of the clips to `keep`, and what was `measured` of all clips."""

    findings: tuple[Finding, ...]
    keep: tuple[int, ...]
    measured: tuple[Measured, ...] = field(repr=False)

    @property
    def poor(self) -> Finding | None:
        """Why the data are too poor; None where they are good enough."""
        return next((finding for finding in self.findings if finding.serious), None)

    def reasons(self) -> dict[int, str]:
        """Number of each clip that is not kept -> why."""
        names = {name: f"{finding.code}: {finding.words}" for finding in self.findings for name in finding.clips}
        return {n: names[clip.name] for n, clip in enumerate(self.measured) if n not in self.keep}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the vectors of people."""
        clips = [{key: value for key, value in vars(clip).items() if key != "person"} for clip in self.measured]
        kept = [self.measured[number].name for number in self.keep]
        return {"findings": [asdict(finding) for finding in self.findings], "kept": kept, "clips": clips}


class Limit(NamedTuple):
    """A measure of single clips: `bad` gives a value where a clip is bad, else None; `worst` picks one of them."""

    code: str
    words: str
    bad: Callable[[Measured], float | None]
    worst: Callable[[list[float]], float]
    threshold: float
    source: str
    advice: str


def _under(name: str, threshold: float) -> Callable[[Measured], float | None]:
    def bad(clip: Measured) -> float | None:
        value = getattr(clip, name)
        return value if value is not None and value < threshold else None

    return bad


LIMITS = (
    Limit(
        "DATA_SILENT", "almost nothing is said", _under("speech", SILENT), min, SILENT,
        "seconds of speech by voice activity; shorter than any sentence", "Record speech",
    ),
    Limit(
        "DATA_CLIPPED", "the sound is clipped", lambda clip: clip.clipping if clip.clipping > MOST_CLIPPED else None,
        max, MOST_CLIPPED, "share of samples; the limit of references", "Record again with less gain",
    ),
    Limit(
        "DATA_NOISY", "noise is too near to the speech", _under("snr_db", NOISY_DB), min, NOISY_DB,
        "dB; development clips have 22 or more, with noise added at 5 dB 6 to 14.5 as a rule",
        "Record again in a quieter place",
    ),
    Limit(
        "DATA_TEXT", "the text is not what is said", _under("text_margin", WRONG_TEXT), min, WRONG_TEXT,
        "nat a phone above other texts; right texts of development clips reach 1.06 or more, 93 % of wrong ones less",
        "Correct the texts in list.txt, or remove them",
    ),
)  # fmt: skip
"""In the order in which they are asked: noise hides whether a text is right."""


def judge_data(measured: Sequence[Measured], several: float | None = SEVERAL) -> DataReport:
    """What is wrong with clips, and which can be kept.

    Args:
        measured: the clips.
        several: distance of two groups from which they are two people's; None where the networks have no such limit.
    """
    keep = list(range(len(measured)))
    findings: list[Finding] = []
    # What is too little as it is needs no other reason; what is left of it may be too little, too.
    for ask in (_too_little, *map(_asked, LIMITS), partial(_several_people, limit=several), _too_little):
        finding = ask([measured[number] for number in keep])
        if finding is None:
            continue
        findings.append(finding)
        if finding.serious:
            break
        keep = [number for number in keep if measured[number].name not in finding.clips]
    return DataReport(tuple(findings), tuple(keep), tuple(measured))


def _asked(limit: Limit) -> Callable[[Sequence[Measured]], Finding | None]:
    """The question whether some clips are beyond a limit."""

    def ask(clips: Sequence[Measured]) -> Finding | None:
        values = {clip.name: value for clip in clips if (value := limit.bad(clip)) is not None}
        if not values:
            return None
        return Finding(
            limit.code, f"{limit.words} in {_count(values, clips)}", limit.worst(list(values.values())),
            limit.threshold, limit.source, limit.advice, tuple(values), _share(values, clips) > MOST_BAD,
        )  # fmt: skip

    return ask


def _several_people(clips: Sequence[Measured], limit: float | None) -> Finding | None:
    """Whether clips fall into two groups as those of two people do; the smaller one is left out."""
    vectors = [clip.person for clip in clips if clip.person is not None]
    if limit is None or len(vectors) < max(FEWEST, len(clips)):
        return None
    found = parted(torch.stack(vectors))
    if found.distance <= limit:
        return None
    names = [clip.name for clip, other in zip(clips, found.second.tolist(), strict=True) if other]
    return Finding(
        "DATA_SPEAKERS", f"{_count(names, clips)} sound like another person or another microphone", found.distance,
        limit, "squared distance of the two groups; development speakers alone stay below in 98 % of draws",
        "Sort the clips by person", tuple(names), _share(names, clips) > MOST_BAD,
    )  # fmt: skip


def _too_little(clips: Sequence[Measured]) -> Finding | None:
    """Whether there is enough speech, in more than one clip."""
    speech = sum(clip.speech for clip in clips)
    words, value, least = f"there are {speech:.1f} s of speech", speech, LEAST_SPEECH
    source = "seconds; what is held out of less (about 4 s) tells no gain: 0.03 nat came, with an interval of 0.15"
    if speech >= LEAST_SPEECH:
        words, value, least = "there is one clip, so that none can be held out", float(len(clips)), FEWEST_CLIPS
        source = "clips; one to learn from and one to hold out"
    if value >= least:
        return None
    return Finding("DATA_TOO_SHORT", words, value, least, source, "Record more; a minute is good", serious=True)


def _share(names: Collection[str], clips: Sequence[Measured]) -> float:
    """Share of the seconds of clips that some of them hold."""
    total = sum(clip.seconds for clip in clips)
    return sum(clip.seconds for clip in clips if clip.name in names) / total if total else 1.0


def _count(names: Collection[str], clips: Sequence[Measured]) -> str:
    return f"{len(names)} of {len(clips)} clips"
