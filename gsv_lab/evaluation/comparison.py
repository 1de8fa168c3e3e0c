"""Runs conditions over a test list and measures every wave; each result is written at once, so a killed run goes on.

The log is a JSONL file, one line for each clip, condition and seed. A line is used again only for the same sound
(`sound`: see `gsv_lab.evaluation.identity`) and by the same evaluators; waves that were kept are measured again without
being made again. Nothing else is remembered between runs. Natural speech is measured once, whatever the seeds.
Letters: T samples at 16 kHz.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gsv_lab.errors import ConfigError, DataError, LabError
from gsv_lab.evaluation.conditions import NATURAL, Condition, Speak, natural
from gsv_lab.evaluation.identity import identity_of
from gsv_lab.evaluation.lists import SAMPLE_RATE, Item, TestList
from gsv_lab.evaluation.measures import Job, Measure, Row, as_wave
from gsv_lab.evaluation.tables import tabulate
from gsv_lab.system.files import save_failed

Progress = Callable[[int, int, str], None]
"""(clips done, clips in all, what comes now)"""
_KEY = ("system", "condition", "seed", "target", "reference", "source", "text")


class Kept(Protocol):
    """Where synthesized waves (T,) at 16 kHz are kept."""

    def read(self, row: Row) -> np.ndarray | None:
        """The wave of a row, if it is there and its `sound` is the row's."""
        ...

    def write(self, wave: np.ndarray, row: Row) -> None:
        """Keep a wave that has samples under its row."""
        ...


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
                    "DATA_ROW",
                    f"Line {number} of {path.name!r} is no result",
                    "a log of this command",
                    "Choose another folder or remove the file",
                ) from error
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

    def add_natural(self, earlier: RowLog) -> None:
        """Takes over the rows of natural speech of an earlier run that are not here yet."""
        for key, row in earlier.rows.items():
            if row["condition"] == NATURAL and key not in self.rows:
                self.add(row)

    def _writing(self, mode: str) -> Any:
        try:
            return self.path.open(mode)
        except OSError as error:
            raise save_failed(self.path, error.strerror or str(error)) from error


def row_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a row is about: system, condition, seed, clips, text, and what else makes the sound; old logs lack that."""
    return (*(row[field] for field in _KEY), row.get("sound"))


@dataclass(frozen=True)
class _Work:
    """One wave to make and measure."""

    condition: Condition
    seed: int | None
    item: Item

    @property
    def is_natural(self) -> bool:
        """Whether it is a recording of the speaker and nothing that a system made."""
        return self.condition.name == NATURAL

    def blank(self, system: str) -> Row:
        """The row before anything is measured."""
        target, source = self.condition.target(self.item)
        reference = self.item.reference
        sound: list[Any] = [self.item.target.sha256]
        if not self.is_natural:
            sound += [system, self.condition.name, self.condition.identity, self.seed, target.text, target.language]
            sound += [reference.sha256, reference.text, reference.language]
        return {
            "sound": identity_of(sound),
            "system": NATURAL if self.is_natural else system,
            "condition": self.condition.name,
            "seed": self.seed,
            "speaker": self.item.speaker,
            "voice_language": self.item.language,
            "target": self.item.target.key,
            "reference": reference.key,
            "source": source,
            "text": target.text,
            "language": target.language,
            "measures": {},
            "evaluators": {},
        }


def evaluate_list(
    test_list: TestList,
    conditions: Sequence[Condition] | Mapping[str, Speak],
    measures: Sequence[Measure],
    seeds: Sequence[int] = (0,),
    *,
    log: Path,
    system: str = "unnamed",
    natural_log: Path | None = None,
    kept: Kept | None = None,
    progress: Progress | None = None,
    draws: int = 2000,
) -> dict[str, Any]:
    """Every target of a list under every condition, measured and tabulated.

    A clip that fails with an error of the kit counts as silence and is listed; it is never tried again with another
    seed. Values of several seeds are averaged for each target.

    Args:
        test_list: what to say with which voice.
        conditions: conditions, or callables (target, reference, seed) -> wave by name; natural speech is added if
            absent.
        measures: what to measure.
        seeds: seeds of the synthesis; conditions that do not depend on it run once.
        log: JSONL file of this run; holds earlier rows or none.
        system: name and version of what speaks; rows of another system are left alone.
        natural_log: another run's log; its rows of natural speech are taken over where they fit.
        kept: keeps every synthesized wave; what is measured is what it gives back.
        progress: called before each clip.
        draws: resamples for the intervals.

    Returns:
        the result of `gsv_lab.evaluation.tables.tabulate`: plain values for JSON.

    Raises:
        ConfigError: `MEASURE_NONE`, no measure.
        LabError: `SAVE_FAILED`; errors of the recordings of the list.
    """
    if not measures:
        raise ConfigError("MEASURE_NONE", "There is nothing to measure with", "at least one measure", "Install [eval]")
    if isinstance(conditions, Mapping):
        conditions = [Condition(name, speak) for name, speak in conditions.items()]
    rows = RowLog(log)
    if natural_log is not None:
        rows.add_natural(RowLog(natural_log))
    work = _all_work(conditions, seeds, test_list)
    used = []
    for number, part in enumerate(work):
        if progress is not None:
            progress(number, len(work), f"{part.condition.name} {part.item.target.key}")
        row = _measured(part, measures, rows, system, kept)
        if row is not None:
            used.append(row)
    identities = {measure.name: measure.identity for measure in measures}
    return tabulate(test_list, used, identities, system=system, seeds=seeds, draws=draws)


def _all_work(conditions: Sequence[Condition], seeds: Sequence[int], test_list: TestList) -> list[_Work]:
    """Everything that is to be made, natural speech first."""
    made = [condition for condition in conditions if condition.name != NATURAL]
    work = []
    for condition in [natural(), *made]:
        for seed in seeds if condition.seeded else [None]:
            for item in test_list.items:
                work.append(_Work(condition, seed, item))
    return work


def _measured(
    work: _Work,
    measures: Sequence[Measure],
    rows: RowLog,
    system: str,
    kept: Kept | None,
) -> Row | None:
    """The row of a wave, from the log as far as it is there; None where the condition has nothing for the target."""
    blank = work.blank(system)
    row = rows.rows.get(row_key(blank), blank)
    missing = [measure for measure in measures if row["evaluators"].get(measure.name) != measure.identity]
    if not missing:
        return row
    wave, failed = _wave(work, row, kept)
    if wave is None:
        return None
    job = _job(work, wave)
    found = dict(row["measures"])
    evaluators = dict(row["evaluators"])
    for measure in missing:
        value = measure(wave, job)
        found[measure.name] = None if value is None else dict(value)
        evaluators[measure.name] = measure.identity
    row = row | {
        "failed": failed,
        "seconds": round(wave.size / SAMPLE_RATE, 3),
        "measures": found,
        "evaluators": evaluators,
    }
    rows.add(row)
    return row


def _wave(work: _Work, row: Row, kept: Kept | None) -> tuple[np.ndarray | None, str | None]:
    """The wave (T,) of a row, the kept one where there is one; see `_made`."""
    if kept is None or work.is_natural:
        return _made(work)
    known = kept.read(row)
    if known is None:
        wave, failed = _made(work)
        if wave is None or not wave.size:
            return wave, failed
        kept.write(wave, row)
        known = kept.read(row)
    return known, None


def _made(work: _Work) -> tuple[np.ndarray | None, str | None]:
    """The wave (T,) and None, or silence and the code of the error that prevented it."""
    target, _ = work.condition.target(work.item)
    try:
        made = work.condition.speak(target, work.item.reference, work.seed or 0)
    except LabError as error:
        if work.is_natural:
            raise
        return np.zeros(0, dtype=np.float32), error.code
    return (None if made is None else as_wave(made)), None


def _job(work: _Work, wave: np.ndarray) -> Job:
    target, source = work.condition.target(work.item)
    recording = None
    if work.is_natural:
        recording = wave
    elif source == work.item.target.key:
        recording = work.item.target.read()
    return Job(work.item, target.text, target.language, recording)
