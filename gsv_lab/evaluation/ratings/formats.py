"""Which program wrote a file of votes, and what its columns are about.

`READERS` has how files become tables; what no reader knows is refused. `known_columns` says which columns of the
exports of other programs hold rater, item, system and score, so that they need not be named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from gsv_lab.errors import ConfigError, DataError
from gsv_lab.evaluation.listening.store import MAGIC
from gsv_lab.evaluation.ratings import listening_votes
from gsv_lab.evaluation.ratings.tables import Table, beginning, read_tables


class Reader(NamedTuple):
    """One way to read files.

    Args:
        name: of the format.
        knows: whether a file that begins with some bytes is of this format.
        read: files and the path of a key, or None -> table.
        has_key: whether the format needs a key.
    """

    name: str
    knows: Callable[[bytes], bool]
    read: Callable[[Sequence[Path], Path | None], Table]
    has_key: bool = False


def _is_table(begin: bytes) -> bool:
    """Text of any encoding, packed or not, that is no JSON."""
    marks = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"  # of encodings, and blanks
    return not begin.startswith(MAGIC) and begin.lstrip(marks)[:1] not in (b"{", b"[")


READERS: list[Reader] = [
    Reader("table", _is_table, lambda paths, key: read_tables(paths)),
    Reader("listening test", listening_votes.is_results, listening_votes.read_listening, True),
]
"""Where several know a file, it is the first that takes a key if there is one, and none if there is none."""


def read_votes(paths: Sequence[Path], key: Path | None = None) -> Table:
    """Files of one format as one table.

    Args:
        paths: at least one.
        key: of a listening test whose results are blind.

    Raises:
        ConfigError: `USAGE`, no file, a file twice, or a key for files that have none.
        DataError: `FORMAT_UNKNOWN`, no reader knows a file; `DESIGN_MIXED`, files of several formats; those of readers.
    """
    if not paths:
        raise ConfigError("USAGE", "There is no file of votes", "one or more files", "See gsv-lab ratings --help")
    if len({path.resolve() for path in paths}) < len(paths):
        raise ConfigError("USAGE", "A file is given twice", "each file once")
    readers = [_reader_of(path, key is not None) for path in paths]
    names = dict.fromkeys(reader.name for reader in readers)
    if len(names) > 1:
        raise DataError("DESIGN_MIXED", f"The files are {' and '.join(names)}", "files of one format")
    reader = readers[0]
    if key is not None and not reader.has_key:
        raise ConfigError("USAGE", f"A key is given for {paths[0].name!r}, which is not blind", "", "Leave it out")
    if key is None and reader.has_key:
        raise ConfigError("USAGE", f"{paths[0].name!r} is blind", "the key of the listening test", "Give --key")
    return reader.read(paths, key)


def _reader_of(path: Path, has_key: bool) -> Reader:
    begin = beginning(path)
    known = [reader for reader in READERS if reader.knows(begin)]
    if not known:
        expected = "a delimited table with a header, packed by gzip or not, or results of a listening test"
        raise DataError("FORMAT_UNKNOWN", f"{path.name!r} is of no format that is known", expected)
    return next((reader for reader in known if reader.has_key == has_key), known[0])


class Known(NamedTuple):
    """What a program's export is: its name, columns by what they are about, and its hidden reference."""

    program: str
    columns: dict[str, str]
    reference: tuple[str, ...] = ()


_WEBMUSHRA = {
    "mushra": ({"item": "trial_id", "system": "rating_stimulus", "score": "rating_score"}, ("reference",)),
    "likert": ({"item": "trial_id", "system": "stimuli", "score": "stimuli_rating"}, ()),
    "paired": ({"item": "trial_id", "system": "choice_non_reference", "score": "choice_answer"}, ()),
}  # fmt: skip
"""Kinds of webMUSHRA's files (service/write.php)."""
_P808 = {"hitid", "assignment_id", "assignmentstatus", "short_file_name", "question_type"}
"""Columns of `votes_per_worker` of the P.808 toolkit beside worker, file and vote; what is left says the condition."""


def known_columns(columns: Sequence[str], design: str = "") -> Known | None:
    """What a table with these columns is, if it is analysed as a design; None for any other."""
    if listening_votes.is_listening(columns):
        return Known(listening_votes.PROGRAM, listening_votes.columns_of(design))
    if "session_test_id" in columns and "trial_id" in columns:
        return _webmushra(columns)
    lower = {column.lower(): column for column in columns}
    if {"workerid", "file", "vote"} <= set(lower):
        found = {"rater": lower["workerid"], "item": lower["file"], "score": lower["vote"]}
        rest = [column for name, column in lower.items() if name not in {"workerid", "file", "vote", *_P808}]
        condition = next((lower[name] for name in ("condition", "condition_name") if name in lower), "")
        system = condition or "+".join(rest)
        return Known("P.808 toolkit", found | ({"system": system} if system else {}))
    return None


def _webmushra(columns: Sequence[str]) -> Known | None:
    """One of webMUSHRA's files; a person is the session, or in older files what the person said on the last page."""
    for roles, reference in _WEBMUSHRA.values():
        if set(roles.values()) <= set(columns):
            start, end = columns.index("session_test_id") + 1, columns.index("trial_id")
            person = "session_uuid" if "session_uuid" in columns else "+".join(columns[start:end])
            return Known("webMUSHRA", roles | ({"rater": person} if person else {}), reference)
    return None
