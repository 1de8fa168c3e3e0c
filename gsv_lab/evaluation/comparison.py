"""Runs rungs over a test list and measures every wave; each result is written at once, so a killed run goes on.

The log is a JSONL file, one line for each clip, rung and seed. A line is used again only if it has the same system,
text and evaluators; nothing else is remembered between runs. Natural speech is measured once, whatever the seeds.
Letters: T samples at 16 kHz. The file does not know how a rung makes its wave or a measure its numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gsv_lab.errors import ConfigError, DataError, LabError
from gsv_lab.evaluation.conditions import NATURAL, Rung, Speak, natural_rung
from gsv_lab.evaluation.lists import SAMPLE_RATE, Item, TestList
from gsv_lab.evaluation.measure import Job, Measure, Row, as_wave
from gsv_lab.evaluation.tables import tabulate
from gsv_lab.system.files import save_failed

Progress = Callable[[int, int, str], None]
"""(clips done, clips in all, what comes now)"""
Keep = Callable[[np.ndarray, Row], None]
"""Called with every synthesized wave (T,) and its row, for example to write it to a folder."""
_KEY = ("system", "rung", "seed", "target", "reference", "source", "text")


class RowLog:
    """The JSONL file of a run: rows by what they measure.

    A line cut off by a kill is dropped; the clip is then measured again.

    Args:
        path: the file; need not exist yet, its folder must.

    Raises:
        DataError: `DATA_ROW`, a line inside the file is no row.
        LabError: `SAVE_FAILED`, the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[tuple[Any, ...], Row] = {}
        raw = path.read_bytes() if path.exists() else b""
        whole = raw[: raw.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                row = json.loads(line)
                self.rows[row_key(row)] = row
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    "DATA_ROW", f"Line {number} of {path.name!r} is no result", "a log of this command",
                    "Choose another folder or remove the file",
                ) from error  # fmt: skip
        if len(whole) < len(raw):
            with self._writing("r+b") as file:
                file.truncate(len(whole))

    def add(self, row: Row) -> None:
        """Appends a row; later rows stand over earlier ones of the same key."""
        line = json.dumps(row, ensure_ascii=False, sort_keys=True, allow_nan=False) + "\n"
        try:
            with self._writing("ab") as file:
                file.write(line.encode())
        except OSError as error:
            raise save_failed(self.path, error.strerror or str(error)) from error
        self.rows[row_key(row)] = row

    def _writing(self, mode: str) -> Any:
        try:
            return self.path.open(mode)
        except OSError as error:
            raise save_failed(self.path, error.strerror or str(error)) from error


def row_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a row is about: system, rung, seed, clips and text."""
    return tuple(row[field] for field in _KEY)


def evaluate_list(
    test_list: TestList,
    rungs: Sequence[Rung] | Mapping[str, Speak],
    measures: Sequence[Measure],
    seeds: Sequence[int] = (0,),
    *,
    log: Path,
    system: str = "unnamed",
    natural_log: Path | None = None,
    keep: Keep | None = None,
    progress: Progress | None = None,
    draws: int = 2000,
) -> dict[str, Any]:
    """Every target of a list on every rung, measured and tabulated.

    A rung that fails with an error of the kit counts as silence and is listed; it is never tried again with another
    seed. Values of several seeds are averaged for each target.

    Args:
        test_list: what to say with which voice.
        rungs: rungs, or callables (target, reference, seed) -> wave by name; natural speech is added if absent.
        measures: what to measure.
        seeds: seeds of the synthesis; rungs that do not depend on it run once.
        log: JSONL file of this run; holds earlier rows or none.
        system: name and version of what speaks; rows of another system are left alone.
        natural_log: another run's log; its rows of natural speech are taken over where they fit.
        keep: receives every synthesized wave.
        progress: told before each clip.
        draws: resamples for the intervals.

    Returns:
        the result of `gsv_lab.evaluation.tables.tabulate`: plain values for JSON.

    Raises:
        ConfigError: `MEASURE_NONE`, no measure.
        LabError: `SAVE_FAILED`; errors of the recordings of the list.
    """
    if not measures:
        raise ConfigError("MEASURE_NONE", "There is nothing to measure with", "at least one measure", "Install [eval]")
    if isinstance(rungs, Mapping):
        rungs = [Rung(name, speak) for name, speak in rungs.items() if name != NATURAL]
    steps = [natural_rung(), *(rung for rung in rungs if rung.name != NATURAL)]
    rows = RowLog(log)
    if natural_log is not None:
        _take_natural(rows, RowLog(natural_log))
    work = [
        (rung, seed, item) for rung in steps for seed in (seeds if rung.seeded else (None,)) for item in test_list.items
    ]
    used = []
    for number, (rung, seed, item) in enumerate(work):
        if progress is not None:
            progress(number, len(work), f"{rung.name} {item.target.key}")
        row = _measured(rung, seed, item, measures, rows, system, keep)
        if row is not None:
            used.append(row)
    identities = {measure.name: measure.identity for measure in measures}
    return tabulate(test_list, used, identities, system=system, seeds=seeds, draws=draws)


def _measured(
    rung: Rung,
    seed: int | None,
    item: Item,
    measures: Iterable[Measure],
    rows: RowLog,
    system: str,
    keep: Keep | None,
) -> Row | None:
    target, source = rung.spoken(item)
    natural = rung.name == NATURAL
    blank = _blank(rung, seed, item, source, system) | {"text": target.text, "language": target.language}
    row = rows.rows.get(row_key(blank), blank)
    todo = [measure for measure in measures if row["evaluators"].get(measure.name) != measure.identity]
    if not todo:
        return row
    failed = None
    try:
        made = rung.speak(target, item.reference, seed or 0)
    except LabError as error:
        if natural:
            raise
        made, failed = np.zeros(0, dtype=np.float32), error.code
    if made is None:
        return None
    wave = as_wave(made)
    same_text = source == item.target.key
    job = Job(item, target.text, target.language, (wave if natural else item.target.read()) if same_text else None)
    found = {measure.name: measure(wave, job) for measure in todo}
    row = row | {
        "failed": failed,
        "seconds": round(wave.size / SAMPLE_RATE, 3),
        "measures": row["measures"] | {name: None if value is None else dict(value) for name, value in found.items()},
        "evaluators": row["evaluators"] | {measure.name: measure.identity for measure in todo},
    }
    rows.add(row)
    if keep is not None and not natural and failed is None:
        keep(wave, row)
    return row


def _blank(rung: Rung, seed: int | None, item: Item, source: str, system: str) -> Row:
    return {
        "system": NATURAL if rung.name == NATURAL else system,
        "rung": rung.name,
        "seed": seed,
        "speaker": item.speaker,
        "voice_language": item.language,
        "target": item.target.key,
        "reference": item.reference.key,
        "source": source,
        "measures": {},
        "evaluators": {},
    }


def _take_natural(rows: RowLog, earlier: RowLog) -> None:
    for key, row in earlier.rows.items():
        if row["rung"] == NATURAL and key not in rows.rows:
            rows.add(row)
