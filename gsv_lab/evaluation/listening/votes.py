"""Votes read back under the key: from stores, from files that pages saved, and from the kit's own tables.

A vote is the last answer on a page that was left with `next`. Rows have all of `COLUMNS`, None where one is void:

| column | what it holds |
| --- | --- |
| `test` | identity of the test |
| `rater`, `part`, `page` | random number of the rater; block in which the page was heard; number of the page |
| `item`, `system` | what was rated; of a pair the later system |
| `other` | of a pair the earlier system |
| `score` | the rating; of `ccr` that of `system` above `other`; of `ab` 1, 0 or -1 likewise; of `abx` 1 if right |
| `role` | `test`, `reference` (the hidden one), `anchor`, `gold`, `trap`, `repeat` |
| `winner`, `loser`, `tie` | of `ab` and `ccr`; with `tie` 1 neither of the two won |
| `block` | within which pairs can be compared: void, all systems are compared with each other |
| `order` | of a pair: whether `system` was the `first` or the `second` clip |
| `answer` | what was chosen: a number, `first`, `second`, `none` |
| `right` | 1 or 0 where the right answer is known: gold items, traps, `abx` |
| `gold`, `trap` | the right score of such a page, on the scale of `score`; gold items are met within 1 |
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gsv_lab.errors import DataError
from gsv_lab.evaluation.listening.design import ANCHORS, GOLD, TEST, TRAP
from gsv_lab.evaluation.listening.events import courses, on_scale
from gsv_lab.evaluation.listening.files import (
    RESULT_FORMAT,
    Key,
    KeyStimulus,
    TestPage,
    bad_file,
    read_json,
    read_key,
)
from gsv_lab.evaluation.listening.methods import ALL, PAIR, method_of
from gsv_lab.evaluation.listening.store import MAGIC, other_test, read_store
from gsv_lab.system.files import read_file, save_bytes, why_unreadable
from gsv_lab.system.schema import misfit

COLUMNS = (
    "test", "rater", "part", "page", "item", "system", "other", "score", "role", "winner", "loser", "tie", "block",
    "order", "answer", "right", "gold", "trap",
)  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True)
class _Rater:
    rater: str
    place: int
    events: list[dict[str, Any]]


@dataclass(frozen=True)
class _Results:
    format: str
    test: str
    raters: list[_Rater]


def read_results(paths: Sequence[str | Path], key: str | Path) -> list[Row]:
    """The votes of all raters in some files, under a key.

    Args:
        paths: stores, saved results (JSON), tables of `write_votes` (CSV), in any mixture.
        key: `key.json` of the test.

    Returns:
        rows with `COLUMNS`, by rater as they come, each in the order of the pages.

    Raises:
        DataError: `LISTEN_FILE`, a file that is none of these; `LISTEN_CHANGED`, a key that was changed;
            `LISTEN_OTHER_TEST`; `LISTEN_RATER_TWICE`, a rater comes in two files, or twice in one; `LISTEN_EVENT`, an
            answer that no panel gives, out of scale for example; `LISTEN_ROW`, a table that the key contradicts;
            `LISTEN_STORE`.
    """
    return [row for rows in results_by_file(paths, read_key(key)) for row in rows]


def results_by_file(paths: Sequence[str | Path], key: Key) -> list[list[Row]]:
    """`read_results`, the rows of each file by themselves, under a key that was read."""
    files: list[list[Row]] = []
    owners: dict[str, str] = {}
    for path in map(Path, paths):
        rows: list[Row] = []
        for rater, votes in _raters(path, key):
            if rater in owners:
                problem = f"The rater {rater!r:.40} comes twice, in {owners[rater]!r} and in {path.name!r}"
                action = "Keep one; of two saved files of a rater the later one holds more"
                raise DataError("LISTEN_RATER_TWICE", problem, "every rater once", action)
            owners[rater] = path.name
            rows += votes
        files.append(rows)
    return files


def write_votes(rows: Sequence[Row], path: str | Path) -> Path:
    """Write rows as a table that `read_results` reads again.

    Raises:
        LabError: `SAVE_FAILED`.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return save_bytes(path, out.getvalue().encode())


def _raters(path: Path, key: Key) -> Iterator[tuple[str, list[Row]]]:
    """The raters of a file with their votes."""
    try:
        begin = read_file(path, most=2**40, first=len(MAGIC))
    except OSError as error:
        raise bad_file(path, why_unreadable(error), "results") from error
    if path.suffix.lower() == ".csv":
        yield from _of_table(path, key)
        return
    content = read_store(path) if begin == MAGIC else read_json(path, "results")
    if content.get("format") != RESULT_FORMAT:
        raise bad_file(path, f"its format is {content.get('format')!r:.60}", "results")
    problem = misfit(content, _Results, "results")
    if problem:
        raise bad_file(path, problem, "results")
    if content["test"] != key.test.sha256:
        raise other_test(path)
    for rater in content["raters"]:
        try:
            course = courses(key.test, rater)
        except DataError as error:
            problem = f"{path.name!r}, rater {rater['rater']!r:.40}: {error}"
            raise DataError(error.code, problem, "", "Ask for the file as it was saved") from error
        pages = {page.id: page for page in course.pages}
        votes = [row for name, answers in course.done.items() for row in _rows(pages[name], answers, key)]
        yield rater["rater"], [{"test": key.test.sha256, "rater": rater["rater"], **row} for row in votes]


def _of_table(path: Path, key: Key) -> Iterator[tuple[str, list[Row]]]:
    """The raters of a table: each row made again from its page and its answer, and compared."""
    try:
        lines = list(csv.reader(io.StringIO(read_file(path).decode("utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = str(error) if isinstance(error, csv.Error) else why_unreadable(error)
        raise bad_file(path, why, "table of votes") from error
    if not lines or tuple(lines[0]) != COLUMNS:
        raise bad_file(path, f"its first line is {','.join(lines[0]) if lines else ''!r:.100}", "table of votes")
    pages = {page.id: page for places in key.test.places for page in places}
    raters: dict[str, list[Row]] = {}
    seen = set()
    for number, line in enumerate(lines[1:], start=2):
        given = dict(zip(COLUMNS, line, strict=False))
        if given["test"] != key.test.sha256:
            raise other_test(path)
        made = _again(given, pages, key) if len(line) == len(COLUMNS) else {}
        if _as_text(made) != given or not given["rater"]:
            problem = f"Line {number} of {path.name!r} is no vote of this test: {','.join(line)!r:.120}"
            raise DataError("LISTEN_ROW", problem, "a row as it was written", "Export the votes again")
        vote = (made["rater"], made["page"], made["item"], made["system"])
        if vote in seen:
            problem = f"Line {number} of {path.name!r}: the rater {made['rater']} answers the page {made['page']} again"
            raise DataError("LISTEN_RATER_TWICE", problem, "every answer once", "Remove one of the rows")
        seen.add(vote)
        raters.setdefault(made["rater"], []).append(made)
    yield from raters.items()


def _again(given: Mapping[str, str], pages: Mapping[str, TestPage], key: Key) -> Row:
    """A row made from the page and answer of a given one; empty where that cannot be."""
    page = pages.get(given["page"])
    answer = next((choice for choice in key.test.scale if str(choice) == given["answer"]), None)
    if not key.test.scale:
        try:
            answer = json.loads(given["answer"])
        except ValueError:
            return {}
    if page is None or not on_scale(key.test, answer):
        return {}
    for question in page.questions:
        (row,) = _rows(page, {question.name: answer}, key)
        if row["system"] == given["system"]:
            return {"test": key.test.sha256, "rater": given["rater"], **row}
    return {}


def _as_text(row: Row) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in row.items()}


def _rows(page: TestPage, answers: Mapping[str, Any], key: Key) -> Iterator[Row]:
    """The votes on a page, one for each question."""
    known = key.pages[page.id]
    clips = [key.stimuli[clip.stimulus] for clip in page.clips]
    kind = method_of(key.test.design).page
    for name, answer in answers.items():
        row: Row = dict.fromkeys(COLUMNS[2:])
        row |= {"part": page.block, "page": page.id, "answer": answer, "role": known.role}
        if known.right:
            row["right"] = int(answer in known.right)
        if kind == PAIR:
            row |= _pair(clips, answer, row["right"], key)
        else:
            rated = key.stimuli[name] if kind == ALL else clips[-1]
            role = _role(rated, known.role, key)
            row |= {"item": rated.item, "system": rated.system, "score": answer, "role": role}
        if known.role in (GOLD, TRAP) and isinstance(answer, int):
            row[known.role] = _known(known.right, row["order"])
        yield row


def _role(rated: KeyStimulus, role: str, key: Key) -> str:
    """The role of a clip on a page that tests."""
    if role != TEST:
        return role
    if rated.system in key.content["anchors"]:
        return "anchor"
    hidden = method_of(key.test.design).page == ALL and rated.system == key.content["reference"]
    return "reference" if hidden else role


def _pair(clips: Sequence[KeyStimulus], answer: Any, right: int | None, key: Key) -> Row:
    """The vote on a pair, put the right way round: the later system above the earlier one."""
    first, second = (clip.system for clip in clips[:2])
    order = [*key.content["order"], *ANCHORS]
    turned = order.index(first) > order.index(second)
    later, earlier = (first, second) if turned else (second, first)
    row: Row = {"item": clips[0].item, "system": later, "other": earlier, "order": "first" if turned else "second"}
    if key.test.design == "abx":
        return row | {"score": right}
    said = {"first": -1, "second": 1, "none": 0}.get(answer, answer)
    score = -said if turned else said
    winner, loser = (earlier, later) if score < 0 else (later, earlier)
    return row | {"score": score, "winner": winner, "loser": loser, "tie": int(score == 0)}


def _known(right: Sequence[Any], order: str | None) -> int:
    """The right score: of two neighbours the one further from the middle; of a pair put the right way round."""
    middle = 3 if order is None else 0
    outer = max(right, key=lambda value: abs(value - middle))
    return -outer if order == "first" else outer
