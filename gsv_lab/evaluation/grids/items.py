"""What was measured of one training: a row for each clip and measure, as a file that always has the same bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from gsv_lab.errors import DataError
from gsv_lab.system.files import read_file

COLUMNS = ("item", "speaker", "measure", "value")


class Item(NamedTuple):
    """One measure of one clip."""

    item: str
    speaker: str
    measure: str
    value: float


def items_csv(items: Iterable[Item]) -> bytes:
    """Rows sorted by measure and clip; nine digits."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for row in sorted(items, key=lambda each: (each.measure, each.item)):
        rows.writerow([row.item, row.speaker, row.measure, f"{row.value:.9g}"])
    return text.getvalue().encode()


def read_items(path: Path) -> list[Item]:
    """The rows of such a file.

    Raises:
        DataError: DATA_ROW, a line is none.
    """
    lines = csv.reader(io.StringIO(read_file(path).decode()))
    if next(lines, None) != list(COLUMNS):
        raise DataError("DATA_ROW", f"{path} does not begin with {','.join(COLUMNS)}", "a file of gsv-lab ablate")
    try:
        return [Item(item, speaker, measure, float(value)) for item, speaker, measure, value in lines]
    except ValueError as error:
        raise DataError("DATA_ROW", f"A line of {path} is no measurement", ",".join(COLUMNS)) from error
