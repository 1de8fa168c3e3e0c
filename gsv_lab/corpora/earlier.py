"""What an earlier run of `prepare` and a person after it left in the folder that a new run replaces.

A person corrects `list.txt`. What differs there from `report.json`, which says what the run wrote, is an edit: another
text, speaker or language, a row taken out, a remark. Edits go over to the new list, slice by slice, by a hash of the
recording's samples; where a new run makes no such slice it is refused and the folder stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gsv_lab.audio.transcription import Transcript
from gsv_lab.corpora.listfile import Row, read_list
from gsv_lab.corpora.transcripts import transcript_of
from gsv_lab.errors import DataError

LIST, REPORT = "list.txt", "report.json"
FIELDS = ("speaker", "language", "text")
"""Columns of a list that a person may edit."""


class Edit(NamedTuple):
    """What a person changed in a row: its path, new values of columns, and whether the row was taken out."""

    path: str
    values: Mapping[str, str]
    removed: bool = False


class Earlier(NamedTuple):
    """An earlier result: edits by the hash of a slice's samples, edits of what no run made, remarks, transcripts."""

    edits: Mapping[str, Edit]
    strange: Sequence[str]
    remarks: Sequence[str]
    transcripts: Mapping[str, Transcript]

    def refuse_lost(self, folder: Path, made: Collection[str], refused: str) -> None:
        """Refuse to replace a list whose edits would be lost.

        Args:
            folder: the earlier result.
            made: hashes of the new slices.
            refused: why a recording was left out, or empty.

        Raises:
            DataError: DATA_EDITED.
        """
        lost = [*self.strange, *(edit.path for sound, edit in self.edits.items() if sound not in made)]
        if lost:
            names = ", ".join(lost[:3]) + (" ..." if len(lost) > 3 else "")
            because = f"; left out this time: {refused}" if refused else ""
            raise DataError(
                "DATA_EDITED",
                f"{LIST} in {str(folder)!r} was edited for {len(lost)} slices that would vanish ({names}){because}",
                "the same recordings, so that the edits stay",
                f"Choose another --output, or remove {LIST} there to give the edits up",
            )


def earlier_result(folder: Path) -> Earlier:
    """What lies in a folder that is to be replaced; nothing where it is absent or empty.

    Raises:
        DataError: DATA_REPORT, the report cannot be read; those of `read_list`.
    """
    if not (folder / REPORT).is_file():
        return Earlier({}, (), (), {})
    slices = slices_of(folder)
    if not (folder / LIST).is_file():
        return Earlier({}, (), (), _transcripts(slices))
    rows = {row.path.relative_to(folder).as_posix(): row for row in read_list(folder / LIST, check_files=False)}
    edits: dict[str, Edit] = {}
    strange = [name for name in rows if name not in slices]
    for name, piece in slices.items():
        edit = _edit(name, piece, rows.get(name))
        if edit and isinstance(piece.get("sound"), str):
            edits[piece["sound"]] = edit
        elif edit:  # a report of a version that kept no hashes
            strange.append(name)
    lines = (folder / LIST).read_text(encoding="utf-8-sig").splitlines()
    remarks = [line for line in lines if line.startswith("#")]
    return Earlier(edits, strange, remarks, _transcripts(slices))


def slices_of(folder: Path) -> dict[str, dict[str, Any]]:
    """What the report of a prepared folder says of each slice, by its path; nothing where there is no report.

    Raises:
        DataError: DATA_REPORT, it cannot be read.
    """
    if not (folder / REPORT).is_file():
        return {}
    try:
        pieces = json.loads((folder / REPORT).read_bytes())["slices"]
        return {piece["path"]: piece for piece in pieces}
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        problem = f"{REPORT} in {str(folder)!r} cannot be read: nobody can tell where the slices in {LIST} come from"
        raise DataError("DATA_REPORT", problem, "what prepare wrote", "Prepare into another --output") from error


def _edit(name: str, piece: Mapping[str, Any], row: Row | None) -> Edit | None:
    """What a person changed in the row of a slice, now or before an earlier run."""
    if row is None:
        return Edit(name, {}, removed=True)
    now = {"speaker": row.speaker, "language": row.language, "text": _as_written(row.text)}
    before = {field: _as_written(str(piece.get(field, ""))) for field in FIELDS}
    edited = piece.get("edited") or ()
    changed = {field: now[field] for field in FIELDS if field in edited or now[field] != before[field]}
    return Edit(name, changed) if changed else None


def _as_written(text: str) -> str:
    """A text as a list holds it."""
    return " ".join(text.replace("|", " ").split())


def _transcripts(slices: Mapping[str, Mapping[str, Any]]) -> dict[str, Transcript]:
    found: dict[str, Transcript] = {}
    for piece in slices.values():
        found.update(transcript_of({"key": piece.get("heard_key"), "transcript": piece.get("heard")}))
    return found
