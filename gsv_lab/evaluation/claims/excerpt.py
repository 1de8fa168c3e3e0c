"""The verdicts of a whole run, small enough to be shipped: the first table of the `claims.md` that it wrote.

    python -m gsv_lab.evaluation.claims.excerpt CLAIMS.md [--output DIR]

`docs/claims.md` is such a file. The shipped excerpt stands for it where `docs` is not at hand, as in notebook 12.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gsv_lab.errors import DataError
from gsv_lab.evaluation.claims.rule import VERDICTS
from gsv_lab.system.files import csv_of, make_folder, read_file, save_bytes
from gsv_lab.system.shipped import PACKAGE

SHIPPED = PACKAGE / "assets" / "claims"
FILE = "verdicts.csv"
_ROW = re.compile(r"\| \[`([^`]+)`\]\(#\1\) \|")
_CELLS = re.compile(r"(?<!\\)\|")


class Verdict(NamedTuple):
    """A row of the excerpt: a claim by its id, its verdict, and in words what was found for it or in its place."""

    claim: str
    verdict: str
    found: str


def read_page(path: Path) -> list[Verdict]:
    """The verdicts of a `claims.md`.

    Raises:
        DataError: DATA_ROW, it has no such table.
    """
    rows = [line for line in read_file(path).decode().splitlines() if _ROW.match(line)]
    found = []
    for line in rows:
        cells = [re.sub(r"\\(.)", r"\1", cell.strip()) for cell in _CELLS.split(line)[1:-1]]
        found.append(Verdict(re.sub(r"^\[`(.*)`\].*", r"\1", cells[0]), *cells[2:4]))
    if not found or not {row.verdict for row in found} <= set(VERDICTS):
        raise DataError("DATA_ROW", f"{path} has no table of verdicts", "a claims.md of `gsv-lab reproduce`")
    return found


def read_verdicts(folder: Path = SHIPPED) -> list[Verdict]:
    """The verdicts of an excerpt; the shipped one by default.

    Raises:
        DataError: DATA_ROW, a line is none.
    """
    lines = csv.reader(io.StringIO(read_file(folder / FILE).decode()))
    try:
        head, *rows = lines
        found = [Verdict(*row) for row in rows]
    except (ValueError, TypeError) as error:
        raise DataError("DATA_ROW", f"A line of {folder / FILE} is no verdict", ",".join(Verdict._fields)) from error
    if head != list(Verdict._fields) or not {row.verdict for row in found} <= set(VERDICTS):
        raise DataError("DATA_ROW", f"{folder / FILE} holds no verdicts", ",".join(Verdict._fields))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The command at the top of this file."""
    parser = argparse.ArgumentParser(prog="python -m gsv_lab.evaluation.claims.excerpt", description="Pack verdicts.")
    parser.add_argument("page", type=Path, metavar="CLAIMS.md", help="what `gsv-lab reproduce` wrote")
    parser.add_argument("--output", type=Path, default=SHIPPED, metavar="DIR", help="where the table is written")
    options = parser.parse_args(arguments)
    rows = read_page(options.page)
    sys.stdout.write(f"{save_bytes(make_folder(options.output) / FILE, csv_of(Verdict, rows))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
