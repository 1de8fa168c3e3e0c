"""The clips of one person from which a voice is tuned: a prepared folder; what cannot be used is named and left out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from gsv_lab import audio
from gsv_lab.corpora.listfile import Row, read_list
from gsv_lab.corpora.readers import Clip
from gsv_lab.errors import DataError, LabError
from gsv_lab.text import phonemize

LEAST_SECONDS = 5.0
"""Of all clips together."""

SHORTEST_CLIP, LONGEST_CLIP = 1.0, 30.0
"""Seconds; the data of a SoVITS training leave out what lies outside."""

AGAIN = "(again)"
"""Name of a single clip where it stands a second time, to be held out: nothing else is there."""


def read_clips(folder: Path, max_seconds: float) -> list[Clip]:
    """Clips of a prepared folder, in list order, as far as `max_seconds` allow.

    What cannot be used is left out, and named in a warning with the reason.

    Raises:
        DataError: DATA_SPEAKERS, the list names several people; DATA_EMPTY, no clip can be used; DATA_TOO_SHORT; those
            of the list.
    """
    rows = read_list(folder / "list.txt", check_files=False)
    refuse_several_speakers(folder, rows)
    usable = with_one_kind_of_text(usable_rows(folder, rows))
    clips: list[Clip] = []
    total = 0.0
    for row, seconds in usable:
        if total and total + seconds > max_seconds:
            continue
        total += seconds
        split = "valid" if len(clips) % 5 == 1 else "train"
        clips.append(Clip(Path(row.path).stem, Path(row.path), "one", row.language, row.text, split))
    if total < LEAST_SECONDS:
        left = f" in {len(usable)} of {len(rows)} clips" if len(usable) < len(rows) else ""
        problem = f"{folder.name!r} holds {total:.1f} s{left}"
        raise DataError("DATA_TOO_SHORT", problem, f"at least {LEAST_SECONDS:g} s", "Record more")
    if len(clips) == 1:
        only = clips[0]
        clips.append(Clip(AGAIN, only.path, "one", only.language, only.text, "valid"))
    return clips


def refuse_several_speakers(folder: Path, rows: Sequence[Row]) -> None:
    """Raise DATA_SPEAKERS where a list names more than one person: a voice is that of one."""
    names = sorted({row.speaker.casefold(): row.speaker for row in rows}.values())
    if len(names) > 1:
        raise DataError(
            "DATA_SPEAKERS", f"The list of {folder.name!r} names {len(names)} speakers: {', '.join(names[:10])}",
            "one, whose voice it becomes", "Make a folder for each of them",
        )  # fmt: skip


def usable_rows(folder: Path, rows: Sequence[Row]) -> list[tuple[Row, float]]:
    """The rows whose sound and text can be read, with their seconds."""
    usable = []
    reasons = []
    for row in rows:
        try:
            usable.append((row, checked_seconds(row)))
        except LabError as error:
            reasons.append(f"{row.path.name}: {error.code}: {error}")
            warnings.warn(f"left out: {reasons[-1]}", stacklevel=2)
    if not usable:
        raise DataError("DATA_EMPTY", f"No clip of {folder.name!r} can be used; the first: {reasons[0]}")
    return usable


def checked_seconds(row: Row) -> float:
    """Length of a clip that can be used.

    Raises:
        DataError: DATA_TOO_LONG, DATA_TOO_SHORT. AudioError, TextError: sound or text cannot be read.
    """
    seconds = audio.read(row.path).seconds
    if seconds > LONGEST_CLIP:
        raise DataError(
            "DATA_TOO_LONG", f"It lasts {seconds:.1f} s", f"at most {LONGEST_CLIP:g} s", "Cut it with: gsv-lab prepare"
        )
    if seconds < SHORTEST_CLIP:
        raise DataError("DATA_TOO_SHORT", f"It lasts {seconds:.1f} s", f"at least {SHORTEST_CLIP:g} s")
    if row.text:
        phonemize(row.text, row.language)
    return seconds


def with_one_kind_of_text(usable: list[tuple[Row, float]]) -> list[tuple[Row, float]]:
    """Only the clips with a text where these are enough; else all, none with a text. A warning says which."""
    with_text = [pair for pair in usable if pair[0].text]
    without = [row.path.name for row, _ in usable if not row.text]
    if not with_text or not without:
        return usable
    names = ", ".join(without[:10]) + (" ..." if len(without) > 10 else "")
    if sum(seconds for _, seconds in with_text) >= LEAST_SECONDS:
        warnings.warn(f"left out: {names}: no text, and the other clips have one", stacklevel=2)
        return with_text
    warnings.warn(f"the texts are not used: too many clips have none ({names})", stacklevel=2)
    return [(row._replace(text=""), seconds) for row, seconds in usable]
