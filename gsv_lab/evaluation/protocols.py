"""Protocols: which clips of a corpus are spoken, and on which a voice is tuned, the same for all who have the corpus.

    ljspeech        chapters LJ001 and LJ002 test, LJ003 validates and takes no part here, voices are tuned on 60 s
                    drawn from LJ004 on (the split of FastSpeech 2, arXiv:2006.04558). Where the corpus ends before
                    LJ004, as in this project's own tables: tuned on LJ001, scored on LJ002
    vctk            the 11 speakers that YourTTS holds out (arXiv:2112.02418; their ids: Edresson/YourTTS, audios_demo);
                    sentence 005 lends the voice, 5 of the speaker's own sentences are scored
    cross-lingual   each voice of a list says texts of the other language

`gsv_lab.evaluation.protocol_files` writes them. Clips are drawn in the order of a hash over seed and utterance, so
that a draw depends neither on the machine nor on the coding of the files.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from gsv_lab.corpora.readers import Clip as Recording
from gsv_lab.corpora.readers import read
from gsv_lab.errors import DataError
from gsv_lab.evaluation.items import Clip, Item, TestList, other_language
from gsv_lab.system.seeds import check_seed

LJ_TEST = ("LJ001", "LJ002")
LJ_TUNE_FROM = "LJ004"
LJ_REFERENCE = "LJ001-0149"
"""Lends the voice in `evaluation_list.csv`, too."""
LJ_ITEMS = 80
TUNE_SECONDS, TUNE_TOLERANCE, DRAWS = 60.0, 2.0, 3
REFERENCE_SECONDS = (3.0, 10.0)
VCTK_SPEAKERS = ("p225", "p234", "p238", "p245", "p248", "p261", "p294", "p302", "p326", "p335", "p347")
VCTK_REFERENCE = 5
VCTK_OWN = 25
"""First sentence that is not the same for all speakers."""
VCTK_ITEMS = 5


class Draw(NamedTuple):
    """Recordings that a voice is tuned on, the seed that drew them, and their length together."""

    seed: int
    clips: tuple[Recording, ...]
    seconds: float


@dataclass(frozen=True)
class Protocol:
    """What is to be spoken and tuned on.

    Args:
        name: of the protocol.
        source: name of the corpus folder or list that it was taken from.
        items: what is to be spoken.
        draws: what voices are tuned on, one voice each.
        seed: that it was drawn with.
        missing: what the corpus lacks; figures on what is left are none of the protocol.
    """

    name: str
    source: str
    items: tuple[Item, ...]
    draws: tuple[Draw, ...] = ()
    seed: int = 0
    missing: tuple[str, ...] = ()


def ljspeech(corpus: str | Path, seed: int = 0, available: bool = False) -> Protocol:
    """The LJ Speech protocol: 80 targets of LJ001 and LJ002, one reference of LJ001, three draws of 60 s +-2 s.

    Args:
        corpus: folder of LJ Speech, or of a part of it in any layout of `gsv_lab.corpora.readers`.
        seed: of targets and draws.
        available: make it of what is there; without chapters from LJ004 on voices are tuned on LJ001 and only LJ002
            is scored.

    Raises:
        DataError: `PROTOCOL_INCOMPLETE`; `DATA_MISSING`, no clip of LJ Speech; those of the reader. AudioError.
    """
    seed = check_seed(seed)
    clips = _utterances(corpus, r"LJ\d{3}-\d{4}", "LJ Speech", "LJ001-0001")
    lending = [clip for name, clip in clips.items() if name.startswith(LJ_TEST[0])]
    tuned = [clip for name, clip in clips.items() if name >= LJ_TUNE_FROM]
    test: tuple[str, ...] = LJ_TEST
    missing = []
    if not tuned:
        missing.append(f"it has no clip from {LJ_TUNE_FROM} on (so voices are tuned on LJ001, and LJ002 is scored)")
        tuned, test = lending, LJ_TEST[1:]
    scored = [clip for name, clip in clips.items() if name.startswith(test)]
    reference = _lending(lending, Path(corpus).name)
    targets = _drawn([clip for clip in scored if clip is not reference], seed)[:LJ_ITEMS]
    if len(targets) < LJ_ITEMS:
        missing.append(f"it has {len(targets)} of {LJ_ITEMS} targets")
    rest = [clip for clip in tuned if clip is not reference]
    draws = [draw for number in range(DRAWS) if (draw := draw_seconds(rest, seed + number))]
    if len(draws) < DRAWS:
        missing.append(f"no {TUNE_SECONDS:g} s to tune on can be drawn from it")
    items = [_item(clip, reference) for clip in targets]
    return _whole(Protocol("ljspeech", Path(corpus).name, tuple(items), tuple(draws), seed, tuple(missing)), available)


def vctk(
    corpus: str | Path, seed: int = 0, available: bool = False, speakers: Sequence[str] | None = VCTK_SPEAKERS
) -> Protocol:
    """The VCTK protocol: 11 speakers, sentence 005 as the reference of each, 5 of the sentences from 025 on as targets.

    Sentences 001 to 024 are the same for all speakers. The prompt is one of them and is nobody's target.

    Args:
        corpus: folder of VCTK, or of a part of it in any layout of `gsv_lab.corpora.readers`.
        seed: of the targets.
        available: make it of those of the 11 that are there; targets may then be sentences below 025, though never 005.
        speakers: others than the 11; None for all who have sentence 005 and one more. What is missing names the 11.

    Raises:
        DataError: `PROTOCOL_INCOMPLETE`; `DATA_MISSING`, no clip of VCTK; those of the reader.
    """
    seed = check_seed(seed)
    clips = _utterances(corpus, r"([ps]\d{1,3})_(\d{3})(_mic\d)?", "VCTK", "p225_001")
    spoken: dict[str, dict[int, Recording]] = defaultdict(dict)
    for name, clip in clips.items():
        speaker, number = name.split("_")[:2]
        spoken[speaker][int(number)] = clip
    absent = [speaker for speaker in VCTK_SPEAKERS if speaker not in spoken]
    missing = [f"it lacks the speakers {', '.join(absent)}"] if absent else []
    items = []
    if speakers is None:
        speakers = sorted(name for name, found in spoken.items() if VCTK_REFERENCE in found and len(found) > 1)
        missing.append(f"it is taken with all of its {len(speakers)} speakers who have sentence {VCTK_REFERENCE:03d}")
    for speaker in speakers:
        sentences = spoken.get(speaker, {})
        reference = sentences.pop(VCTK_REFERENCE, None)
        own = _drawn([clip for number, clip in sentences.items() if number >= VCTK_OWN], seed)[:VCTK_ITEMS]
        if speaker in spoken and (reference is None or len(own) < VCTK_ITEMS):
            lacks = "" if reference else f"no sentence {VCTK_REFERENCE:03d} and "
            missing.append(f"{speaker} has {lacks}{len(own)} of {VCTK_ITEMS} sentences from {VCTK_OWN:03d} on")
        shared = _drawn([clip for number, clip in sentences.items() if number < VCTK_OWN], seed)
        if reference is not None:
            items += [_item(clip, reference) for clip in (own + shared)[:VCTK_ITEMS]]
    return _whole(Protocol("vctk", Path(corpus).name, tuple(items), (), seed, tuple(missing)), available)


def cross_lingual(test_list: TestList) -> Protocol:
    """Each reference of a list with a text of the other language, paired as in the condition `cross_lingual`.

    Nobody has recorded these texts in these voices, so there are no targets.

    Raises:
        DataError: `DATA_MISSING`, items without a reference; `LANG_UNKNOWN`, the list has one language.
    """
    without = [item.name for item in test_list.items if item.reference is None]
    if without:
        problem = f"{len(without)} items of {test_list.name!r} have no reference, first {without[0]!r}"
        raise DataError("DATA_MISSING", problem, "a reference for every voice")
    items = []
    for item, other in zip(test_list.items, other_language(test_list.items), strict=True):
        if other is None:
            problem = f"{test_list.name!r} has no text in another language than {item.language!r}"
            raise DataError("LANG_UNKNOWN", problem, "a list with texts in en and in zh")
        name = f"{item.name}-{other.name}"
        items.append(replace(item, name=name, language=other.language, text=other.text, target=None))
    return Protocol("cross-lingual", test_list.name, tuple(items))


def draw_seconds(clips: Iterable[Recording], seed: int) -> Draw | None:
    """Recordings of 60 s +-2 s together, drawn by a seed; None where they cannot be had.

    In the order of the draw each is taken that does not make it too long, until it is long enough.
    """
    chosen: list[Recording] = []
    total = 0.0
    for clip in _drawn(clips, seed):
        length = _seconds(clip)
        if total + length <= TUNE_SECONDS + TUNE_TOLERANCE:
            chosen.append(clip)
            total += length
        if total >= TUNE_SECONDS - TUNE_TOLERANCE:
            return Draw(seed, tuple(chosen), total)
    return None


def _utterances(corpus: str | Path, pattern: str, name: str, example: str) -> Mapping[str, Recording]:
    """The transcribed recordings of a corpus whose files are called as in it."""
    found = {}
    for clip in read(corpus):
        if clip.text and re.fullmatch(pattern, clip.path.stem):
            found[clip.path.stem] = clip
    if not found:
        problem = f"{Path(corpus).name!r} has no recording of {name} with its text"
        raise DataError("DATA_MISSING", problem, f"files called as {example}", "See data/README.md")
    return found


def _drawn(clips: Iterable[Recording], seed: int) -> list[Recording]:
    """Recordings in the order of a draw."""
    return sorted(clips, key=lambda clip: hashlib.sha256(f"{seed} {clip.path.stem}".encode()).digest())


def _seconds(clip: Recording) -> float:
    from gsv_lab import audio

    found = audio.read(clip.path)
    return found.samples.numel() / found.sample_rate


def _lending(clips: list[Recording], corpus: str) -> Recording:
    """The reference of LJ Speech: the usual one, else the first of a fit length."""
    shortest, longest = REFERENCE_SECONDS
    for clip in sorted(clips, key=lambda clip: (clip.path.stem != LJ_REFERENCE, clip.path.stem)):
        if shortest <= _seconds(clip) <= longest:
            return clip
    problem = f"{corpus!r} has no clip of {LJ_TEST[0]} that can lend the voice"
    raise DataError("DATA_MISSING", problem, f"one of {shortest:g} to {longest:g} s")


def _item(target: Recording, reference: Recording) -> Item:
    clips = []
    for found in (reference, target):
        clips.append(Clip(found.path, found.path.name, found.speaker, found.language, found.text))
    return Item(target.path.stem, target.speaker, target.language, target.text, *clips)


def _whole(protocol: Protocol, available: bool) -> Protocol:
    """A protocol, if it is whole or what is there is asked for."""
    lacks = "; ".join(protocol.missing)
    if protocol.missing and not available:
        problem = f"{protocol.source!r} is not enough for the protocol {protocol.name}: {lacks}"
        action = "Or give --available: what is there, marked as not the protocol"
        raise DataError("PROTOCOL_INCOMPLETE", problem, "the whole corpus", action)
    if not protocol.items:
        raise DataError("PROTOCOL_INCOMPLETE", f"{protocol.source!r} leaves nothing to speak: {lacks}", "more of it")
    return protocol
