"""The clips of one person from which a voice is tuned: a prepared folder; what cannot be used is named and left out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from gsv_lab import audio
from gsv_lab.audio.measures import quiet_share
from gsv_lab.corpora.clip_lists import clip_hash
from gsv_lab.corpora.earlier import LIST, slices_of
from gsv_lab.corpora.listfile import Row, read_list
from gsv_lab.corpora.readers import Clip
from gsv_lab.errors import AudioError, ConfigError, DataError, LabError
from gsv_lab.inference.voice_checks import TunedClip
from gsv_lab.text import phonemize

LEAST_SECONDS = 5.0
"""Of all clips together."""

SHORTEST_CLIP, LONGEST_CLIP = 1.0, 30.0
"""Seconds; the data of a SoVITS training leave out what lies outside."""

AGAIN = "(again)"
"""Name of a single clip where it stands a second time, to be held out: nothing else is there."""


class LeftOut(NamedTuple):
    """A clip that is not used: its path in the folder, and why, beginning with a code where there is one."""

    path: str
    reason: str


class VoiceClips(NamedTuple):
    """What a voice is tuned on.

    `clips` in list order, with splits; `origins`, what is known of each recording, in the same order without the one
    that stands `AGAIN`; `left_out`, the rows that cannot be used; `seconds` of all clips together.
    """

    clips: list[Clip]
    origins: list[TunedClip]
    left_out: list[LeftOut]
    seconds: float

    @property
    def transcribed(self) -> bool:
        """Whether every clip has a text."""
        return all(clip.text for clip in self.clips)


class Usable(NamedTuple):
    """A row that can be used, its seconds, and the hash of its clip."""

    row: Row
    seconds: float
    hash: str


def read_clips(folder: Path, max_seconds: float) -> VoiceClips:
    """Clips of a prepared folder, in list order, as far as `max_seconds` allow.

    What cannot be used is left out, and named in a warning with the reason.

    Raises:
        ConfigError: PARAM_RANGE. DataError: DATA_SPEAKERS, the list names several people; DATA_EMPTY, no clip can be
            used; DATA_TOO_SHORT; DATA_REPORT, the report of `prepare` cannot be read; those of the list.
    """
    if not max_seconds > 0:  # NaN is not
        raise ConfigError("PARAM_RANGE", f"max_seconds is {max_seconds}", "a number above 0")
    rows = read_list(folder / LIST, check_files=False)
    refuse_several_speakers(folder, rows)
    slices = slices_of(folder)
    left_out: list[LeftOut] = []
    usable = with_one_kind_of_text(folder, usable_rows(folder, rows, left_out), left_out)
    clips: list[Clip] = []
    origins: list[TunedClip] = []
    total = 0.0
    for row, seconds, sound in usable:
        if total and total + seconds > max_seconds:
            continue
        total += seconds
        split = "valid" if len(clips) % 5 == 1 else "train"
        name = inner(folder, row)
        clips.append(Clip(name, row.path, rows[0].speaker, row.language, row.text, split))
        origins.append(origin(row, sound, slices.get(name)))
    for path, reason in left_out:
        warnings.warn(f"left out: {Path(path).name}: {reason}", stacklevel=2)
    if total < LEAST_SECONDS <= sum(one.seconds for one in usable):
        problem = f"Only {total:.1f} s of {folder.name!r} fit into {max_seconds:g} s"
        raise DataError("DATA_TOO_SHORT", problem, f"at least {LEAST_SECONDS:g} s", "Allow more with max_seconds")
    if total < LEAST_SECONDS:
        left = f" in {len(usable)} of {len(rows)} clips" if len(usable) < len(rows) else ""
        problem = f"{folder.name!r} holds {total:.1f} s{left}"
        raise DataError("DATA_TOO_SHORT", problem, f"at least {LEAST_SECONDS:g} s", "Record more")
    if len(clips) == 1:
        only = clips[0]
        clips.append(Clip(AGAIN, only.path, only.speaker, only.language, only.text, "valid"))
    return VoiceClips(clips, origins, left_out, total)


def inner(folder: Path, row: Row) -> str:
    """Path of a clip in its folder, which no other clip has."""
    return row.path.relative_to(folder).as_posix()


def origin(row: Row, sound: str, piece: Mapping[str, Any] | None) -> TunedClip:
    """Where a clip comes from: what the report of `prepare` says of it, else it is a recording itself."""
    if piece is None:
        return TunedClip(row.path.stem, row.path.absolute().parent.name, sound)
    said = {name: str(piece.get(name, "")) for name in ("source", "corpus", "source_hash")}
    return TunedClip(Path(said["source"]).stem, said["corpus"], sound, said["source_hash"])


def refuse_several_speakers(folder: Path, rows: Sequence[Row]) -> None:
    """Raise DATA_SPEAKERS where a list names more than one person: a voice is that of one."""
    names = sorted({row.speaker.casefold(): row.speaker for row in rows}.values())
    if len(names) > 1:
        raise DataError(
            "DATA_SPEAKERS", f"The list of {folder.name!r} names {len(names)} speakers: {', '.join(names[:10])}",
            "one, whose voice it becomes", "Make a folder for each of them",
        )  # fmt: skip


def usable_rows(folder: Path, rows: Sequence[Row], left_out: list[LeftOut]) -> list[Usable]:
    """The rows whose sound and text can be read, each sound once; the others are added to `left_out`."""
    usable: list[Usable] = []
    names: dict[str, str] = {}
    for row in rows:
        try:
            seconds, sound = checked_seconds(row), clip_hash(row.path)
            if sound in names:
                raise DataError("DATA_DUPLICATE", f"It is the same sound as {names[sound]}", "each recording once")
            names[sound] = row.path.name
            usable.append(Usable(row, seconds, sound))
        except LabError as error:
            left_out.append(LeftOut(inner(folder, row), f"{error.code}: {error}"))
    if not usable:
        path, reason = left_out[0]
        raise DataError("DATA_EMPTY", f"No clip of {folder.name!r} can be used; the first: {Path(path).name}: {reason}")
    return usable


def checked_seconds(row: Row) -> float:
    """Length of a clip that can be used.

    Raises:
        DataError: DATA_TOO_LONG, DATA_TOO_SHORT. AudioError: AUDIO_SILENT; it cannot be read. TextError: the text
            cannot be read.
    """
    recording = audio.read(row.path)
    seconds = recording.seconds
    if seconds > LONGEST_CLIP:
        raise DataError(
            "DATA_TOO_LONG", f"It lasts {seconds:.1f} s", f"at most {LONGEST_CLIP:g} s", "Cut it with: gsv-lab prepare"
        )
    if seconds < SHORTEST_CLIP:
        raise DataError("DATA_TOO_SHORT", f"It lasts {seconds:.1f} s", f"at least {SHORTEST_CLIP:g} s")
    if quiet_share(recording.samples, recording.sample_rate) == 1:
        raise AudioError("AUDIO_SILENT", "It holds nothing but silence", "speech", "Check the microphone")
    if row.text:
        phonemize(row.text, row.language)
    return seconds


def with_one_kind_of_text(folder: Path, usable: list[Usable], left_out: list[LeftOut]) -> list[Usable]:
    """Only the clips with a text where these are enough, the others are added to `left_out`; else all, none with a
    text, and a warning says so.
    """
    with_text = [one for one in usable if one.row.text]
    without = [one for one in usable if not one.row.text]
    if not with_text or not without:
        return usable
    if sum(one.seconds for one in with_text) >= LEAST_SECONDS:
        left_out += [LeftOut(inner(folder, one.row), "no text, and the other clips have one") for one in without]
        return with_text
    names = ", ".join(one.row.path.name for one in without[:10]) + (" ..." if len(without) > 10 else "")
    warnings.warn(f"the texts are not used: too many clips have none ({names})", stacklevel=2)
    return [one._replace(row=one.row._replace(text="")) for one in usable]


def kept_clips(found: VoiceClips, seconds: Mapping[int, float], reasons: Mapping[int, str]) -> VoiceClips:
    """Some of the clips, split anew; the others are added to what is left out.

    Args:
        found: all clips.
        seconds: number of each clip that is kept -> its length.
        reasons: number of each other clip -> why it is left out.
    """
    clips: list[Clip] = []
    for number in seconds:
        split = "valid" if len(clips) % 5 == 1 else "train"
        clips.append(replace(found.clips[number], split=split))
    left_out = [LeftOut(found.clips[number].id, reason) for number, reason in reasons.items()]
    for path, reason in left_out:
        warnings.warn(f"left out: {Path(path).name}: {reason}", stacklevel=2)
    origins = [found.origins[number] for number in seconds]
    return VoiceClips(clips, origins, [*found.left_out, *left_out], sum(seconds.values()))
