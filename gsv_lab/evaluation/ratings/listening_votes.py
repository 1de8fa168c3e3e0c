"""Results of the kit's own listening tests as tables of votes, and what is taken for granted of them.

Stores and saved results are blind: they are read under the key. The table that `gsv-lab listening export` wrote names
systems already, and is read with the key or without. The columns are those of `gsv_lab.evaluation.listening.votes`.

Rows of gold items, traps and repeated pages are no votes on systems. They are left out, but for gold items and traps
where raters are screened by them, and unless a filter on the column `role` says what is wanted. The hidden reference
and the anchors are those systems whose role says so, unless others are named.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.listening.design import GOLD, REPEAT, TRAP
from gsv_lab.evaluation.listening.files import read_key, to_bytes
from gsv_lab.evaluation.listening.methods import ANALYSED
from gsv_lab.evaluation.listening.store import MAGIC, read_store
from gsv_lab.evaluation.listening.votes import COLUMNS, results_by_file
from gsv_lab.evaluation.ratings.settings import Settings, decisions
from gsv_lab.evaluation.ratings.tables import Table, beginning, from_records
from gsv_lab.system.files import read_file

PROGRAM = "the kit's listening tests"
_SAVED = b'"gsv_lab listening '
"""Begins the name of the format in every file of JSON that a test or a page wrote."""
_OF_PAIRS = ("ccr", "abx")
"""Designs in which a vote is about a pair: what is reported is `system|other`."""


def is_results(begin: bytes) -> bool:
    """Whether a file that begins with some bytes holds results: a store, a saved file, or a table of votes."""
    text = begin.removeprefix(b"\xef\xbb\xbf").lstrip()
    table = text.startswith(",".join(COLUMNS).encode())
    return begin.startswith(MAGIC) or table or (text.startswith(b"{") and _SAVED in text)


def is_listening(columns: Sequence[str]) -> bool:
    """Whether a table has the columns of results."""
    return set(COLUMNS) <= set(columns)


def columns_of(design: str) -> dict[str, str]:
    """Columns of results by what they are about, where that is not their name."""
    return {"system": "system+other"} if design in _OF_PAIRS else {}


def read_listening(paths: Sequence[Path], key: Path | None) -> Table:
    """Results of one test under its key.

    Raises:
        DataError: those of `gsv_lab.evaluation.listening.read_results`; `DATA_ROW`, there is no vote.
    """
    assert key is not None
    found = read_key(key)
    by_file = results_by_file(paths, found)
    files: list[dict[str, str | int]] = [
        {"name": path.name, "sha256": _digest(path), "rows": len(rows)}
        for path, rows in zip(paths, by_file, strict=True)
    ]
    table = from_records([row for rows in by_file for row in rows], files)
    test = {"sha256": found.test.sha256, "design": found.test.design, "decisions": found.decisions}
    return replace(table, test=test)


def _digest(path: Path) -> str:
    """SHA-256 of a file; of a store, whose last votes may lie in a second file, of what it exports."""
    content = to_bytes(read_store(path)) if beginning(path).startswith(MAGIC) else read_file(path)
    return hashlib.sha256(content).hexdigest()


def counted(table: Table, settings: Settings) -> tuple[Table, Settings, dict[str, Any] | None]:
    """What of a table is analysed, by which settings, and the entry `listening` of `ratings.json` with its warnings.

    Tables of other programs come back as they are, with None.

    Raises:
        ConfigError: `USAGE`, the test has another design.
    """
    if not is_listening(table.columns):
        return table, settings, None
    test = table.test or {}
    _check_design(test, settings)
    place = table.columns.index("role")
    asked = any(one.partition("=")[0].rstrip("! ").strip() == "role" for one in settings.where)
    screened = {GOLD} if settings.gold else set()
    screened |= {TRAP} if settings.trap else set()
    away = set() if asked else {GOLD, TRAP, REPEAT} - screened
    kept = [number for number, row in enumerate(table.rows) if row[place] not in away]
    counts = Counter(row[place] for row in table.rows)
    entry = {
        "test": test.get("sha256"),
        "design": test.get("design"),
        "decisions": test.get("decisions"),
        "left_out": {role: counts[role] * (role in away) for role in (GOLD, TRAP, REPEAT)},
        "warnings": _not_as_decided(test, settings),
    }
    rows, lines = [table.rows[number] for number in kept], [table.lines[number] for number in kept]
    return replace(table, rows=rows, lines=lines), _with_roles(table, settings), entry


def _check_design(test: Mapping[str, Any], settings: Settings) -> None:
    design = test.get("design", "")
    analysed = ANALYSED.get(design, design)
    if design and analysed != settings.design:
        problem = f"The listening test is {design}, and --design is {settings.design}"
        raise ConfigError("USAGE", problem, analysed, f"Give --design {analysed}")


def _with_roles(table: Table, settings: Settings) -> Settings:
    """The hidden reference and the anchors as the rows say them, where none are named."""
    role, system = table.columns.index("role"), table.columns.index("system")

    def called(name: str, others: Sequence[str]) -> tuple[str, ...]:
        found = dict.fromkeys(row[system] for row in table.rows if row[role] == name)
        return tuple(one for one in found if one not in others)

    reference = settings.reference or called("reference", settings.anchor)
    return replace(settings, reference=reference, anchor=settings.anchor or called("anchor", reference))


def _not_as_decided(test: Mapping[str, Any], settings: Settings) -> list[str]:
    """In which points an analysis is another one than the test decided on before any vote."""
    decided = test.get("decisions")
    if not decided:
        return []
    found = []
    rules = decisions(settings)["screening"]
    if set(rules) != set(decided["screening"]):
        names = (", ".join(some) or "nothing" for some in (decided["screening"], rules))
        found.append("The test decided on screening by {}; here it is by {}.".format(*names))
    contrast = decided["primary_contrast"]
    if contrast and settings.plan.kind == "ratings" and not columns_of(settings.design):
        first, second = contrast
        if settings.primary != (first, second):
            claim = f"The test decided that the difference {first} minus {second} counts"
            found.append(f"{claim}; here it is not the primary one (--primary {first} {second}).")
    return found
