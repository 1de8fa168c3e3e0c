"""What measures found, kept by what they were measured on: the same wave is not measured twice, another one always is.

A cell is one measure of one sample. Its key is a hash of the wave (or of what makes it), of the measure with its
evaluator's version and settings, and of just what that measure needs besides: text, reference, natural recording. So a
changed wave, text or evaluator has other cells, and nothing else has.
Letters: T samples at 16 kHz.
"""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from gsv_lab.audio import Recording, resample
from gsv_lab.errors import AudioError, DataError
from gsv_lab.evaluation.identity import identity_of
from gsv_lab.evaluation.items import NATURAL
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import NEEDS, Found, Job, Measure, as_wave
from gsv_lab.evaluation.measures.checks import check_measures, found_by
from gsv_lab.evaluation.systems import UNSUPPORTED, NotSpoken, Sample
from gsv_lab.system.files import save_failed
from gsv_lab.system.threads import threads

Progress = Callable[[int, int, str], None]
"""(samples done, samples in all, what comes now)"""
Key = tuple[str, str]
"""Name and evaluator of a measure."""
_NOTHING = Recording(torch.zeros(0), SAMPLE_RATE, SAMPLE_RATE)


class Cells:
    """A file of cells, one JSON line each; a line cut off by a kill is dropped.

    Args:
        path: the file; need not exist yet, its folder must.
        earlier: files of other evaluations, whose cells serve as well.

    Raises:
        DataError: `DATA_ROW`, a line inside a file is no cell. LabError: `SAVE_FAILED`.
    """

    def __init__(self, path: Path, earlier: Iterable[Path] = ()) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._values: dict[str, Any] = {}
        for other in earlier:
            self._values |= _read(other)[0]
        own, size = _read(path)
        self._values |= own
        if path.exists() and size < path.stat().st_size:
            with self._opened("r+b") as file:
                file.truncate(size)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def add(self, key: str, value: Any) -> None:
        """Keep a value that JSON can hold."""
        line = json.dumps({"cell": key, "value": value}, ensure_ascii=False, sort_keys=True, allow_nan=False) + "\n"
        with self._lock:
            try:
                with self._opened("ab") as file:
                    begin = file.seek(0, os.SEEK_END)
                    if file.write(line.encode()) < len(line.encode()):
                        file.truncate(begin)  # half a line would spoil the next one
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                raise save_failed(self.path, error.strerror or str(error)) from error
            self._values[key] = value

    def _opened(self, mode: str) -> Any:
        try:
            return self.path.open(mode, buffering=0)
        except OSError as error:
            raise save_failed(self.path, error.strerror or str(error)) from error


def _read(path: Path) -> tuple[dict[str, Any], int]:
    """The cells of a file, and how many bytes of it are whole lines."""
    raw = path.read_bytes() if path.is_file() else b""
    whole = raw[: raw.rfind(b"\n") + 1]
    values = {}
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            cell = json.loads(line)
            values[cell["cell"]] = cell["value"]
        except (ValueError, KeyError, TypeError) as error:
            problem = f"Line {number} of {path.name!r} is no result"
            action = "Remove it, or choose another folder"
            raise DataError("DATA_ROW", problem, "a file of this command", action) from error
    return values, len(whole)


@dataclass(frozen=True)
class Row:
    """What is known of a sample.

    Args:
        sample: the sample.
        seconds: length of its wave; 0 where there is none.
        sample_rate: Hz, of its file.
        failed: code of what prevented it; empty if nothing did.
        left_out: whether it is not measured; a failure that is, counts as silence.
        found: what each measure found, by name and evaluator; measures that do not apply are absent.
        lacking: measures that need what the sample does not have, and what that is.
    """

    sample: Sample
    seconds: float
    sample_rate: int
    failed: str
    left_out: bool
    found: Mapping[Key, Found]
    lacking: Mapping[Key, str]


@dataclass
class Spent:
    """What a run cost: samples read or made, cells measured, and seconds by evaluator."""

    samples: int = 0
    cells: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


class Runner:
    """Measures samples, several at a time, each measure one sample at a time.

    A sample that a model fails to speak, or whose file is empty, counts as silence. A file that cannot be read is left
    out, and so is what a system does not offer. Rows say which.

    Each worker computes in one thread, since sums in another order differ in the seventh digit: results depend neither
    on the number of workers nor on how many threads torch and numpy may have.

    Args:
        measures: what to measure.
        cells: what is known already.
        workers: how many samples are worked on at once; results do not depend on it.

    Attributes:
        spent: what was not known already.
    """

    def __init__(self, measures: Sequence[Measure], cells: Cells, workers: int = 2) -> None:
        check_measures(measures)
        self.measures = measures
        self.cells = cells
        self.workers = workers
        self.spent = Spent()
        self._locks = {key_of(measure): threading.Lock() for measure in measures}
        self._count = threading.Lock()

    def rows(self, samples: Sequence[Sample], progress: Progress | None = None) -> list[Row]:
        """The rows of some samples, in their order.

        Raises:
            LabError: `SAVE_FAILED`, and errors of natural recordings.
        """
        rows = []
        with threads(1), threadpool_limits(1, "blas"), ThreadPoolExecutor(self.workers) as pool:
            futures = [pool.submit(self._row, sample) for sample in samples]
            try:
                for number, (sample, future) in enumerate(zip(samples, futures, strict=True)):
                    if progress is not None:
                        progress(number, len(samples), f"{sample.system} {sample.item.name}")
                    rows.append(future.result())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return rows

    def _row(self, sample: Sample) -> Row:
        work = _Work(sample)
        known = self._about(work)
        found: dict[Key, Found] = {}
        lacking: dict[Key, str] = {}
        for measure in [] if known["left_out"] else self.measures:
            lack = next((need for need in NEEDS if need in measure.needs and not _has(sample, need)), "")
            if lack:
                lacking[key_of(measure)] = lack
                continue
            value = self._value(measure, work)
            if value is not None:
                found[key_of(measure)] = value
        return Row(sample, **known, found=found, lacking=lacking)

    def _about(self, work: _Work) -> dict[str, Any]:
        """Length, rate and failure of a sample, as `Row` has them; a file that could not be read is tried again."""
        key = f"about {work.sample.sound}"
        if key in self.cells:
            known: dict[str, Any] = self.cells[key]
            return known
        about = work.about()
        if not about["left_out"] or about["failed"] == UNSUPPORTED:
            self.cells.add(key, about)
        with self._count:
            self.spent.samples += 1
        return about

    def _value(self, measure: Measure, work: _Work) -> Found | None:
        key = cell_key(measure, work.sample)
        if key not in self.cells:
            with self._locks[key_of(measure)]:
                if key not in self.cells:  # another system may have the same wave
                    self._measure(measure, work, key)
        value: Found | None = self.cells[key]
        return value

    def _measure(self, measure: Measure, work: _Work, key: str) -> None:
        """Keep what a measure finds, and what that cost."""
        job = work.job(measure)
        start = time.perf_counter()
        self.cells.add(key, found_by(measure, work.wave, job))
        spent = time.perf_counter() - start
        with self._count:
            self.spent.cells += 1
            seconds = self.spent.seconds
            seconds[measure.evaluator] = seconds.get(measure.evaluator, 0.0) + spent


class _Work:
    """A sample whose wave is read when it is first needed."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample

    def about(self) -> dict[str, Any]:
        """Length, rate and failure of the wave, as `Row` has them."""
        recording, failed, left_out = self._read
        return {
            "seconds": round(recording.seconds, 3),
            "sample_rate": recording.source_rate,
            "failed": failed,
            "left_out": left_out,
        }

    @cached_property
    def _read(self) -> tuple[Recording, str, bool]:
        try:
            recording = self.sample.read()
        except NotSpoken as error:
            return _NOTHING, error.code, False
        except AudioError as error:
            if self.sample.system == NATURAL:
                raise
            return _NOTHING, error.code, error.code != "AUDIO_EMPTY"
        return (_NOTHING, UNSUPPORTED, True) if recording is None else (recording, "", False)

    @cached_property
    def wave(self) -> np.ndarray:
        """(T,) at 16 kHz."""
        recording = self._read[0]
        return as_wave(resample(recording.samples, recording.sample_rate, SAMPLE_RATE))

    @cached_property
    def _natural(self) -> np.ndarray | None:
        return None if self.sample.source is None else self.sample.source.read()

    def job(self, measure: Measure) -> Job:
        """What a measure may know; the natural recording is read for measures that need it."""
        sample = self.sample
        natural = self._natural if "natural" in measure.needs else None
        return Job(sample.item, sample.text, sample.language, natural, self._read[0], sample.aligned)


def key_of(measure: Measure) -> Key:
    """Name and evaluator of a measure."""
    return measure.name, measure.evaluator


def cell_key(measure: Measure, sample: Sample) -> str:
    """Hash of all that a measure's value depends on."""
    parts: list[Any] = [measure.name, measure.evaluator, measure.identity, sample.sound, sample.language]
    if "text" in measure.needs:
        parts.append(sample.text)
    if "reference" in measure.needs and sample.item.reference is not None:
        parts += [sample.item.reference.sha256, sample.item.language]
    if "natural" in measure.needs and sample.source is not None:
        parts += [sample.source.sha256, sample.aligned]
    return identity_of(parts)


def _has(sample: Sample, need: str) -> bool:
    there = {"text": sample.text.strip(), "reference": sample.item.reference, "natural": sample.source}
    return bool(there[need])
