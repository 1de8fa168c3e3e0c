"""Tables of kinds: how a row of `kinds_en.py`, `kinds_zh.py` or of markup becomes a pattern with its reading."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple


class Kind(NamedTuple):
    """A row of a table: what is meant, what it looks like, how it is read."""

    name: str
    pattern: re.Pattern[str]
    reading: str


def kinds(table: str, shorthand: Mapping[str, str]) -> list[Kind]:
    """The rows `name | pattern | reading` of a table in their order; `#` begins a comment, more columns are notes."""
    found = []
    for row in table.splitlines():
        if row and not row.startswith("#"):
            name, pattern, reading = (column.strip() for column in row.split(" | ")[:3])
            found.append(Kind(name, compiled(pattern, shorthand), reading))
    return found


def compiled(pattern: str, shorthand: Mapping[str, str]) -> re.Pattern[str]:
    """A pattern in which names such as `<unit>` stand for what the shorthand says."""
    return re.compile(re.sub("<([a-z_]+)>", lambda name: shorthand.get(name[1], name[0]), pattern))
