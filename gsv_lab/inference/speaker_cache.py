"""Speaker vectors that were already made, on disk: the same recording and the same encoder give the same vector.

A vector is found again by the samples and by the encoder's fingerprint, never by a file's name: two people may both
have a `me.wav`. The store is bounded, drops what was not asked for longest, and is emptied with the caches; a voice
that is deleted takes its vector along (`forget`), because a vector that identifies a person belongs to that person.
Letters: T samples, G speaker width.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gsv_lab.checkpoint.native import load_tensors, save_tensors
from gsv_lab.errors import LabError

FORMAT = 2
"""Part of every key; to be raised when the analysis before the encoder changes."""


class SpeakerCache:
    """A folder of speaker vectors, least recently used ones dropped.

    Args:
        folder: made when the first vector comes.
        limit: vectors that are kept, each of about a kilobyte.
    """

    def __init__(self, folder: str | Path, limit: int = 256) -> None:
        self.folder, self.limit = Path(folder), limit

    @staticmethod
    def key(waves: Sequence[Tensor], encoder: str) -> str:
        """Name of the vector of some recordings (T,), in this order, by an encoder with this fingerprint."""
        digest = hashlib.sha256(f"{FORMAT} {encoder}".encode())
        for wave in waves:
            samples = np.ascontiguousarray(wave.detach().cpu().reshape(-1).numpy(), dtype="<f4")
            digest.update(f" {len(samples)} ".encode() + samples.tobytes())
        return digest.hexdigest()

    def vector(
        self, waves: Sequence[Tensor], encoder: str, make: Callable[[], Tensor], width: int | None = None
    ) -> Tensor:
        """The speaker vector of some recordings; made and kept if it is not there.

        A file that is damaged or holds a vector of another width, and a disk that is full or read-only, cost time but
        are no error.

        Args:
            waves: recordings (T,), decoded.
            encoder: fingerprint of the weights that make the vector.
            make: makes it, (1, G, 1).
            width: G; None takes any.
        """
        path = self._path(self.key(waves, encoder))
        with suppress(LabError, KeyError):
            found = load_tensors(path)["speaker"]
            if found.shape == (1, width or found.numel(), 1) and bool(found.isfinite().all()):
                with suppress(OSError):
                    os.utime(path)  # the newest time is the last use
                return found
        made = make()
        with suppress(LabError, OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            save_tensors({"speaker": made}, path, {"kind": "speaker"}, torch.float32)
            self._drop_oldest()
        return made

    def forget(self, key: str) -> None:
        """Erase one vector, as when its voice is deleted; nothing happens if it is not there."""
        self._path(key).unlink(missing_ok=True)

    def clear(self) -> int:
        """Erase all vectors and say how many there were."""
        paths = list(self.folder.glob("*.safetensors"))
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def __len__(self) -> int:
        return sum(1 for _ in self.folder.glob("*.safetensors"))

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.safetensors"

    def _drop_oldest(self) -> None:
        dated = []
        for path in self.folder.glob("*.safetensors"):
            with suppress(FileNotFoundError):  # another process may be clearing
                dated.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(dated)[: max(0, len(dated) - self.limit)]:
            path.unlink(missing_ok=True)
