"""One packed store of all clips: decoded once, mapped into memory, read at random.

A store is a folder (`gsv_lab.corpora.store_files`): all clips one after another at one rate, a table of them, and one
file for each derived track (`pitch`, `content`, `codes` ...) with its own frame rate. Tracks are computed by whoever
owns the method and written through `add_track`, or clip by clip through `grow_track`, which goes on after a stop. A
track is there once its table (`NAME.json`) is, and that is written last. A track may have variants side by side, whose
names go on after a hyphen (`codes-4f2a91c0`); where there is one, the name before the hyphen stands for it.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm.auto import tqdm

from gsv_lab.corpora.journal import Journal
from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.store_files import (
    TABLE,
    WAVE,
    growing,
    mapped,
    read_json,
    read_table,
    whole,
    write_json,
    write_table,
)
from gsv_lab.errors import DataError, LabError
from gsv_lab.system.files import make_folder

Decoded = TypeVar("Decoded")

FRAME_RATE = 50
"""Latent frames in a second, where a table does not say it."""
DIGITS = 8
"""Hexadecimal digits of a track's settings in the name of its file."""
TOGETHER = 64
"""Files that are decoded at once."""


@dataclass(frozen=True)
class Row:
    """A clip in the store: `start` and `samples` in samples of the store's rate; the rest as in `Clip`."""

    id: str
    speaker: str
    language: str
    text: str
    split: str
    corpus: str
    gender: str
    start: int
    samples: int


class ClipStore:
    """Random access to packed clips and their tracks.

    `sample_rate` in Hz; `frame_rate`, latent frames in a second; `family`, the released family that it was made for, or
    empty.

    Args:
        folder: a folder written by `ClipStore.pack` or `gsv_lab.corpora.released_store.make_store`.
        unfinished: open a store that is still being made.

    Raises:
        DataError: CACHE_STALE, the folder is from another format, the store is not finished, or it is damaged: a table
            cannot be read, or the recordings have another length than it says.
    """

    def __init__(self, folder: str | Path, unfinished: bool = False) -> None:
        self.folder = Path(folder)
        table = read_table(self.folder)
        if table.get("unfinished", False) and not unfinished:
            problem = f"The store {folder} is not finished"
            raise DataError("CACHE_STALE", problem, "a whole one", "Run the same gsv-lab store command again")
        with whole(self.folder / TABLE):
            self.sample_rate = int(table["sample_rate"])
            self.frame_rate = int(table.get("frame_rate", FRAME_RATE))
            self.family = str(table.get("family", ""))
            self.rows = [Row(**row) for row in table["rows"]]
            samples = sum(row.samples for row in self.rows)
        self._wave = mapped(self.folder / WAVE, "i2", (samples,))
        self._tracks: dict[str, tuple[np.ndarray, dict[str, Any], np.ndarray]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def hop(self) -> int:
        """Samples of a latent frame."""
        return self.sample_rate // self.frame_rate

    def wave(self, index: int, start: int = 0, samples: int | None = None) -> np.ndarray:
        """Samples of a clip in [-1, 1], float32 (T,)."""
        row = self.rows[index]
        stop = row.samples if samples is None else min(row.samples, start + samples)
        return self._wave[row.start + start : row.start + stop].astype(np.float32) / 32768

    def variants(self, name: str) -> list[str]:
        """Names of the whole tracks that are `name` or go on after it with a hyphen, sorted."""
        files = [self.folder / f"{name}.json", *self.folder.glob(f"{name}-*.json")]
        return sorted(path.stem for path in files if path.is_file())

    def has_track(self, name: str) -> bool:
        """Whether a track of this name or a variant of it is there, whole."""
        return bool(self.variants(name))

    def track(self, name: str, index: int) -> np.ndarray:
        """Frames of a track for one clip: (F, ...) in the dtype in which they were written.

        Raises:
            DataError: CACHE_STALE, there is no such track, or there are several variants of it.
        """
        if name not in self._tracks:
            self._tracks[name] = self._open(name)
        data, _, offsets = self._tracks[name]
        return data[offsets[index] : offsets[index + 1]]

    def track_info(self, name: str) -> dict[str, Any]:
        """What was written with a track: its settings and frame shape."""
        if name not in self._tracks:
            self._tracks[name] = self._open(name)
        return self._tracks[name][1]

    def _open(self, name: str) -> tuple[np.ndarray, dict[str, Any], np.ndarray]:
        found = self.variants(name)
        if name in found:
            found = [name]
        if not found:
            raise DataError("CACHE_STALE", f"The store has no track '{name}'", "", "Run the stage that makes it first")
        if len(found) > 1:
            problem = f"The store {self.folder} has {len(found)} tracks '{name}'"
            raise DataError("CACHE_STALE", problem, f"the whole name of one: {', '.join(found)}")
        table = self.folder / f"{found[0]}.json"
        info = read_json(table)
        with whole(table):
            offsets = np.concatenate([[0], np.cumsum(np.array(info.pop("frames"), np.int64))])
            if len(offsets) != len(self) + 1:
                raise ValueError(f"it is of {len(offsets) - 1} clips and the store has {len(self)}")
            data = mapped(self.folder / info["file"], info["dtype"], (int(offsets[-1]), *info["shape"]))
            info["settings"] = dict(info["settings"])
        return data, info, offsets

    def add_track(self, name: str, frames: Iterable[np.ndarray], **settings: Any) -> None:
        """Write a track, or write it anew: one array (F, ...) a clip in row order; `settings` are kept beside it.

        Raises:
            DataError: CACHE_STALE, there are not as many arrays as clips. LabError: SAVE_FAILED.
        """
        lengths: list[int] = []
        shape: tuple[int, ...] = ()
        dtype = ""
        file_name = _file_name(name, settings)
        with growing(self.folder / file_name) as write:
            for array in frames:
                array = np.ascontiguousarray(array)
                shape, dtype = array.shape[1:], array.dtype.str
                lengths.append(len(array))
                write(array)
            if len(lengths) != len(self):
                raise DataError("CACHE_STALE", f"Track '{name}' has {len(lengths)} clips", f"{len(self)}", "")
        info = {"file": file_name, "shape": shape, "dtype": dtype, "frames": lengths, "settings": settings}
        write_json(self.folder / f"{name}.json", info)
        self._tracks.clear()

    def grow_track(
        self,
        name: str,
        make: Callable[[int], np.ndarray],
        shape: tuple[int, ...] = (),
        dtype: type = np.float16,
        **settings: Any,
    ) -> None:
        """Write a track clip by clip, with a progress bar; killed, the same call goes on at the next clip.

        A clip for which `make` raises a LabError gets no frames; the reason is kept in `track_info`, under `failed`.

        Args:
            name: of the track; a whole one is left alone.
            make: row number -> frames (F, *shape).
            shape: of a frame.
            dtype: in which the frames are written.
            settings: kept beside the track.

        Raises:
            LabError: SAVE_FAILED.
        """
        if name in self.variants(name):
            return
        file_name = _file_name(name, settings)
        notes = self.folder / f"{name}.journal"
        with Journal(self.folder / file_name, notes, {"frames": int}, len(self)) as journal:
            done = len(journal.entries)
            for index in tqdm(range(done, len(self)), name, total=len(self), initial=done):
                failed: dict[str, str] = {}
                try:
                    frames = make(index)
                except LabError as error:
                    frames, failed = np.zeros((0, *shape)), {"failed": str(error)}
                journal.append(frames.astype(dtype), frames=len(frames), **failed)
            entries = journal.entries
        reasons = {row.id: note["failed"] for row, note in zip(self.rows, entries, strict=True) if "failed" in note}
        info: dict[str, Any] = {"file": file_name, "shape": shape, "dtype": np.dtype(dtype).str}
        info |= {"frames": [note["frames"] for note in entries], "settings": settings, "failed": reasons}
        write_json(self.folder / f"{name}.json", info)
        notes.unlink()
        self._tracks.clear()

    @classmethod
    def pack(
        cls,
        folder: str | Path,
        clips: Sequence[Clip],
        decode: Callable[[Path], np.ndarray],
        sample_rate: int,
        progress: Callable[[Iterable[Clip]], Iterable[Clip]] = lambda clips: clips,
        made_of: Mapping[str, Any] | None = None,
    ) -> ClipStore:
        """Decode every clip and write the store; `decode(path)` gives float samples (T,) at `sample_rate`.

        A clip that cannot be read is left out, and named in a warning with the reason. Tracks of an earlier store in
        the folder are removed. `made_of` is kept in the table, see `read_table`.

        Raises:
            LabError: the error of the first clip, if none can be read; SAVE_FAILED.
        """

        def attempt(path: Path) -> np.ndarray | LabError:
            try:
                return decode(path)
            except LabError as error:
                return error

        folder = make_folder(folder)
        rows: list[dict[str, Any]] = []
        left_out: list[LabError] = []
        position = 0
        with growing(folder / WAVE) as write:
            for clip, decoded in zip(progress(clips), ahead(attempt, [clip.path for clip in clips]), strict=True):
                if isinstance(decoded, LabError):
                    left_out.append(decoded)
                    warnings.warn(f"left out: {clip.path.name}: {decoded.code}: {decoded}", stacklevel=2)
                    continue
                samples = to_int16(decoded)
                write(samples)
                rows.append(row_of(clip, position, len(samples)))
                position += len(samples)
            if left_out and not rows:
                raise left_out[0]
            for data in folder.glob(f"*-{'[0-9a-f]' * DIGITS}.bin"):
                track = data.stem[: -DIGITS - 1]
                for path in (folder / f"{track}.json", folder / f"{track}.journal", data):
                    path.unlink(missing_ok=True)
            (folder / TABLE).unlink(missing_ok=True)
        write_table(folder, {"sample_rate": sample_rate, "rows": rows, "made_of": dict(made_of or {})})
        return cls(folder)


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Samples (T,) with full scale at 1 in the form in which a store keeps them."""
    return np.clip(samples * 32768, -32768, 32767).astype(np.int16)


def row_of(clip: Clip, start: int, samples: int) -> dict[str, Any]:
    """The fields of a `Row`."""
    known = {name: value for name, value in asdict(clip).items() if name != "path"}
    return {**known, "start": start, "samples": samples}


def ahead(decode: Callable[[Path], Decoded], paths: Sequence[Path]) -> Iterator[Decoded]:
    """Decoded files in order, the next few on all processors at once."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), TOGETHER):
            yield from pool.map(decode, paths[start : start + TOGETHER])


def _file_name(name: str, settings: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:DIGITS]
    return f"{name}-{digest}.bin"
