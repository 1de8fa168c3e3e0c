"""One packed store of all clips: decoded once, mapped into memory, read at random.

A store is a folder: `wave.i16` (all clips one after another at one rate), `clips.json` (rows with offsets), and one
file for each derived track (`pitch`, `content`, `codes` ...) with its own frame rate. Tracks are computed by whoever
owns the method and written through `add_track`. Killed while writing, a file is simply written again: it gets its name
only when it is whole. A track may have variants side by side, whose names go on after a hyphen (`codes-4f2a91c0`);
where there is one, the name before the hyphen stands for it.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gsv_lab.corpora.readers import Clip
from gsv_lab.errors import DataError, LabError

Decoded = TypeVar("Decoded")

FORMAT = 2
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

    Args:
        folder: a folder written by `ClipStore.pack`.

    Raises:
        DataError: CACHE_STALE when the folder is from another format.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        table = json.loads((self.folder / "clips.json").read_text(encoding="utf-8"))
        if table["format"] != FORMAT:
            raise DataError("CACHE_STALE", f"{folder} is of format {table['format']}", str(FORMAT), "Delete the folder")
        self.sample_rate: int = table["sample_rate"]
        self.rows = [Row(**row) for row in table["rows"]]
        self._wave = np.memmap(self.folder / "wave.i16", np.int16, "r")
        self._tracks: dict[str, tuple[np.ndarray, dict[str, Any], np.ndarray]] = {}

    def __len__(self) -> int:
        return len(self.rows)

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
        info = json.loads((self.folder / f"{found[0]}.json").read_text(encoding="utf-8"))
        offsets = np.concatenate([[0], np.cumsum(info.pop("frames"))])
        data = np.memmap(self.folder / info["file"], info["dtype"], "r").reshape(-1, *info["shape"])
        return data, info, offsets

    def add_track(self, name: str, frames: Iterable[np.ndarray], **settings: Any) -> None:
        """Write a track, or write it anew: one array (F, ...) a clip in row order; `settings` are kept beside it."""
        lengths: list[int] = []
        shape: tuple[int, ...] = ()
        dtype = ""
        temporary = self.folder / f"{name}.part"
        with open(temporary, "wb") as file:
            for array in frames:
                array = np.ascontiguousarray(array)
                shape, dtype = array.shape[1:], array.dtype.str
                lengths.append(len(array))
                file.write(array.tobytes())
        if len(lengths) != len(self):
            raise DataError("CACHE_STALE", f"Track '{name}' has {len(lengths)} clips", f"{len(self)}", "")
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:8]
        file_name = f"{name}-{digest}.bin"
        os.replace(temporary, self.folder / file_name)
        info = {"file": file_name, "shape": shape, "dtype": dtype, "frames": lengths, "settings": settings}
        _write_json(self.folder / f"{name}.json", info)
        self._tracks.clear()

    @classmethod
    def pack(
        cls,
        folder: str | Path,
        clips: Sequence[Clip],
        decode: Callable[[Path], np.ndarray],
        sample_rate: int,
        progress: Callable[[Iterable[Clip]], Iterable[Clip]] = lambda clips: clips,
    ) -> ClipStore:
        """Decode every clip and write the store; `decode(path)` gives float samples (T,) at `sample_rate`.

        A clip that cannot be read is left out, and named in a warning with the reason.

        Raises:
            LabError: the error of the first clip, if none can be read.
        """

        def attempt(path: Path) -> np.ndarray | LabError:
            try:
                return decode(path)
            except LabError as error:
                return error

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        rows: list[dict[str, Any]] = []
        left_out: list[LabError] = []
        position = 0
        with open(folder / "wave.part", "wb") as file:
            for clip, decoded in zip(progress(clips), ahead(attempt, [clip.path for clip in clips]), strict=True):
                if isinstance(decoded, LabError):
                    left_out.append(decoded)
                    warnings.warn(f"left out: {clip.path.name}: {decoded.code}: {decoded}", stacklevel=2)
                    continue
                samples = np.clip(decoded * 32768, -32768, 32767).astype(np.int16)
                file.write(samples.tobytes())
                known = {k: v for k, v in asdict(clip).items() if k != "path"}
                rows.append({**known, "start": position, "samples": len(samples)})
                position += len(samples)
        if left_out and not rows:
            raise left_out[0]
        os.replace(folder / "wave.part", folder / "wave.i16")
        _write_json(folder / "clips.json", {"format": FORMAT, "sample_rate": sample_rate, "rows": rows})
        return cls(folder)


def ahead(decode: Callable[[Path], Decoded], paths: Sequence[Path]) -> Iterator[Decoded]:
    """Decoded files in order, the next few on all processors at once."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), TOGETHER):
            yield from pool.map(decode, paths[start : start + TOGETHER])


def _write_json(path: Path, content: Any) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    os.replace(temporary, path)
