"""Rows that are copies of others, and second votes of a rater on the same thing.

Panels hold true second votes: a recording of natural speech is often played several times to the same rater, and the
same pair is judged several times. So they are counted, and refused only where one vote is all that a design can have,
or where the file was surely put together twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from math import gcd

from gsv_lab.errors import DataError
from gsv_lab.evaluation.ratings.settings import Settings
from gsv_lab.evaluation.ratings.tables import Table

MOSTLY = 0.5
"""Share of ratings that are copies from which a file is refused, unless it was said what becomes of them."""
MANY = 10
"""Different rows of choices or answers which, all of them there equally often, are no chance."""
_ACTION = "Remove them, or give --duplicates keep (each counts) or drop (copies of whole rows are left out)"


def without_copies(table: Table, places: list[int], settings: Settings) -> tuple[list[int], int]:
    """Places of rows, without copies of others if these are to be dropped; and how many copies there are."""
    seen: set[tuple[str, ...]] = set()
    first = []
    for place in places:
        if table.rows[place] not in seen:
            seen.add(table.rows[place])
            first.append(place)
    return (first if settings.repeats == "drop" else places), len(places) - len(first)


def check_repeats(
    table: Table,
    places: Sequence[int],
    key: Callable[[int], Hashable],
    what: str,
    settings: Settings,
    copies: int,
) -> tuple[int, list[str]]:
    """How many votes are about the same as an earlier one, and what a reader must know of it.

    Args:
        table: the rows.
        places: of the votes.
        key: what the vote of a row is about.
        what: the same in words.
        settings: whether they are kept, dropped or refused.
        copies: rows that are copies, before any were dropped.

    Raises:
        DataError: `DATA_DUPLICATE`.
    """
    first: dict[Hashable, int] = {}
    repeats = [(first.setdefault(key(place), place), place) for place in places]
    repeats = [(one, two) for one, two in repeats if one != two]
    dropped = [f"{counted(copies, 'row is a copy', 'rows are copies')} of others and left out."]
    warnings = dropped if copies and settings.repeats == "drop" else []
    if not repeats:
        return 0, warnings
    where = " and ".join(table.lines[place] for place in repeats[0])
    times = counted(len(repeats), "vote repeats", "votes repeat")
    if settings.repeats == "refuse":
        raise DataError("DATA_DUPLICATE", f"{times} {what}, first {where}", "one vote each", _ACTION)
    ratings = settings.plan.kind == "ratings"
    doubled = copies >= MOSTLY * len(places) if ratings else _put_together_twice(table, places)
    if doubled and not settings.duplicates:
        problem = f"{copies} of {len(places)} rows are copies of others, first {where}"
        raise DataError("DATA_DUPLICATE", problem, "each row once", _ACTION)
    if ratings:
        warnings.append(f"{times} {what} (copies of whole rows: {copies}); each counts.")
    return len(repeats), warnings


def _put_together_twice(table: Table, places: Sequence[int]) -> bool:
    """Whether every row is there twice, three times and so on."""
    times = Counter(table.rows[place] for place in places)
    return len(times) >= MANY and gcd(*times.values()) > 1


def counted(count: int, one: str, more: str) -> str:
    """A number with its words.

    >>> counted(1, "vote", "votes"), counted(2, "vote", "votes")
    ('1 vote', '2 votes')
    """
    return f"{count} {one if count == 1 else more}"
