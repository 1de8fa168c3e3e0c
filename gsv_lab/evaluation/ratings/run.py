"""`gsv-lab ratings` from the inside: files and settings in, a folder with decisions, numbers and a report out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError, DataError
from gsv_lab.evaluation.ratings.choices import analyse_choices, select_choices
from gsv_lab.evaluation.ratings.formats import Known, known_columns, read_votes
from gsv_lab.evaluation.ratings.listening_votes import counted
from gsv_lab.evaluation.ratings.matrices import read_matrix
from gsv_lab.evaluation.ratings.opinions import analyse_answers, analyse_ratings
from gsv_lab.evaluation.ratings.plain import as_json
from gsv_lab.evaluation.ratings.screens import check_systems
from gsv_lab.evaluation.ratings.selection import select_matrix, select_ratings
from gsv_lab.evaluation.ratings.settings import Settings, decisions
from gsv_lab.evaluation.ratings.tables import Table
from gsv_lab.system.files import read_file, save_bytes, why_unreadable
from gsv_lab.system.folders import check_output_folder, new_folder

SCHEMA = 1
DECISIONS, RESULTS, PAGE = "decisions.json", "ratings.json", "ratings.html"


def decide(settings: Settings, output: Path) -> dict[str, Any]:
    """Write down what is decided, before there are votes; the same folder then takes the results.

    Raises:
        LabError: `OUTPUT_EXISTS`, the folder holds other files or earlier decisions; `SAVE_FAILED`.
    """
    made = {"before_votes": True, **decisions(settings)}
    with new_folder(output) as folder:
        save_bytes(folder / DECISIONS, as_json(made))
    return made


def analyse(paths: Sequence[Path], settings: Settings, key: Path | None = None) -> dict[str, Any]:
    """The analysis of files of votes, as `ratings.json` has it; see `docs/ratings.md` for its entries.

    Args:
        paths: files of one test.
        settings: what was decided.
        key: of a blind listening test.

    Raises:
        ConfigError: `USAGE`.
        DataError: see `select_ratings`, `select_choices`, `select_matrix`, `analyse_ratings`; those of
            `gsv_lab.evaluation.listening.read_results`.
    """
    if settings.plan.kind == "matrix":
        if len(paths) != 1 or key is not None:
            raise ConfigError("USAGE", f"A matrix is one file without a key, and there are {len(paths)}", "one file")
        matrix = read_matrix(paths[0])
        found = analyse_ratings(select_matrix(matrix, settings), settings)
        return _result(settings, found, [matrix.file], None)
    table, settings, listening = counted(read_votes(paths, key), settings)
    known = known_columns(table.columns, settings.design)
    if known is not None and not settings.reference and settings.design == "mushra":
        settings = replace(settings, reference=_there(table, known))
    if settings.plan.kind == "choices":
        found = analyse_choices(select_choices(table, settings), settings)
    else:
        selected = select_ratings(table, settings)
        check_systems(selected.heard, settings)
        found = (analyse_answers if settings.plan.kind == "answers" else analyse_ratings)(selected, settings)
    if listening is not None:
        found["warnings"] += listening.pop("warnings")
    return _result(settings, found, table.files, known, listening)


def _there(table: Table, known: Known) -> tuple[str, ...]:
    """The reference that a program's exports have, if this one has it."""
    place = table.columns.index(known.columns["system"]) if known.reference else 0
    there = {row[place] for row in table.rows}
    return tuple(name for name in known.reference if name in there)


def _result(
    settings: Settings,
    found: dict[str, Any],
    files: Sequence[Any],
    known: Known | None,
    listening: dict[str, Any] | None = None,
) -> dict[str, Any]:
    about = {"schema": SCHEMA, "design": settings.design, "files": list(files), "program": known and known.program}
    about["listening"] = listening
    named = {"reference": list(settings.reference), "anchor": list(settings.anchor)}
    return {**about, **named, **found}


def run_ratings(paths: Sequence[Path], settings: Settings, output: Path, key: Path | None = None) -> dict[str, Any]:
    """Analyse votes and write `decisions.json`, `ratings.json` and `ratings.html` into a folder, all or nothing.

    Decisions that lie there from `decide` are kept, and compared with what is asked now.

    Raises:
        LabError: those of `analyse`; `OUTPUT_EXISTS`, `SAVE_FAILED`.
    """
    from gsv_lab.evaluation.ratings.report import page_of

    check_output_folder(output, DECISIONS)
    before, asked = _decided(output), decisions(settings)
    results = analyse(paths, settings, key)
    changed = [] if before is None else [name for name in asked if before.get(name) != asked[name]]
    results |= {"decisions": asked, "decided": {"before_votes": before is not None, "changed": changed}}
    if changed:
        results["warnings"].insert(0, f"Changed since it was decided: {', '.join(changed)}.")
    page = page_of(results)
    with new_folder(output, DECISIONS) as folder:
        save_bytes(folder / DECISIONS, as_json(before or {"before_votes": False, **asked}))
        save_bytes(folder / RESULTS, as_json(results))
        save_bytes(folder / PAGE, page.encode())
    return results


def _decided(output: Path) -> dict[str, Any] | None:
    """Decisions that `decide` wrote before there were votes; None if there are none.

    Raises:
        DataError: `DATA_ROW`, they were damaged.
    """
    if not (output / DECISIONS).is_file():
        return None
    try:
        found = json.loads(read_file(output / DECISIONS))
    except (OSError, ValueError) as error:
        why = why_unreadable(error) if isinstance(error, OSError) else str(error)
        raise DataError("DATA_ROW", f"{DECISIONS} cannot be read: {why}", "what --decide wrote") from error
    if not isinstance(found, dict):
        raise DataError("DATA_ROW", f"{DECISIONS} holds no table", "what --decide wrote")
    return found if found.get("before_votes") is True else None
