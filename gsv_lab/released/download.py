"""Known released files from the Hugging Face hub onto this disk, each checked before it gets its name.

The library `huggingface_hub` asks the hub what a file is (`get_hf_file_metadata`) and brings it (`hf_hub_download`:
progress bar, retries, a dropped connection taken up where it was). Files that have arrived are kept, so the same
command goes on with those that are absent; the file at which a process was stopped begins anew, since that library
keeps no part of one beyond a call. What arrives is compared with the catalogue's SHA-256; what differs is deleted. No
account or token is ever sent.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from gsv_lab import __version__
from gsv_lab.errors import CheckpointError, LabError
from gsv_lab.released.catalogue import MODELS, REPOSITORY, REVISION, HubFile, needed, weights_folder
from gsv_lab.system.files import save_failed

UNFINISHED = ".unfinished"
"""Folder below the weights folder for the file that is arriving; gone when a call ends."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOCK = 2**20
_WHO = {"library_name": "gsv_lab", "library_version": __version__}


class Fetched(NamedTuple):
    """A file that is now there, and whether this call brought it or only checked it."""

    path: Path
    bytes: int
    new: bool


def download(
    model: str,
    folder: str | Path | None = None,
    *,
    training: bool = False,
    offline: bool = False,
    endpoint: str | None = None,
) -> Iterator[Fetched]:
    """Bring what a released model needs; files that are there are checked and left alone.

    Args:
        model: a name in `catalogue.MODELS`.
        folder: where to put the files; `catalogue.weights_folder()` by default.
        training: also the discriminators.
        offline: reach for no network, as the library's `HF_HUB_OFFLINE` does.
        endpoint: address of a mirror of the hub; the library's `HF_ENDPOINT` or the hub itself by default.

    Yields:
        each file as soon as it is there.

    Raises:
        LabError: EXTRA_MISSING; OFFLINE; NETWORK, nothing or no hub answers; SAVE_FAILED.
        CheckpointError: CKPT_MISSING, no such model; CKPT_TAMPERED, a file here or there is not the released one.
    """
    entries = needed(model, training)
    if not entries:
        raise CheckpointError("CKPT_MISSING", f"There is no released model {model!r}", f"one of {', '.join(MODELS)}")
    weights = Path(folder) if folder else weights_folder()
    lacking = []
    for part in (part for entry in entries for part in entry.parts):
        path = weights / part.path
        if not path.exists():
            lacking.append(part)
        elif not path.is_file() or sha256(path) != part.sha256:
            raise CheckpointError(
                "CKPT_TAMPERED", f"{path} is not the released file", f"SHA-256 {part.sha256}",
                "Move it away and run the command again",
            )  # fmt: skip
        else:
            yield Fetched(path, path.stat().st_size, False)
    if lacking:
        hub = _hub()
        if offline or hub.constants.HF_HUB_OFFLINE:
            raise _offline(model, lacking, weights)
        _make_room(weights, sum(part.bytes for part in lacking))
        for part in lacking:
            yield Fetched(weights / part.path, _fetch(hub, part, weights, endpoint), True)


def _fetch(hub: Any, part: HubFile, weights: Path, endpoint: str | None) -> int:
    """One file; afterwards it is there and whole, or it is absent. Gives its bytes."""
    with _translated(part, weights):
        address = hub.hf_hub_url(REPOSITORY, part.path, revision=REVISION, endpoint=endpoint)
        found = hub.get_hf_file_metadata(address, token=False, **_WHO)
    # The hub knows the checksum of large files only: better to compare before the bytes than after.
    other = _SHA256.fullmatch(found.etag or "") and found.etag != part.sha256
    if other or (part.exact and found.size not in (None, part.bytes)):
        raise CheckpointError(
            "CKPT_TAMPERED", f"The hub offers another file as {part.path}", f"SHA-256 {part.sha256}",
            "Nothing was downloaded; is it a mirror that can be trusted?",
        )  # fmt: skip
    target, unfinished = weights / part.path, weights / UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)  # of a process that was killed
    options = {"revision": REVISION, "local_dir": unfinished, "endpoint": endpoint, "token": False}
    try:
        with _translated(part, weights):
            arrived = Path(hub.hf_hub_download(REPOSITORY, part.path, **options, **_WHO))
        if sha256(arrived) != part.sha256:
            raise CheckpointError(
                "CKPT_TAMPERED", f"{part.path} arrived with another checksum and was deleted",
                f"SHA-256 {part.sha256}", "Run the command again",
            )  # fmt: skip
        with _translated(part, weights):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(arrived, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target.stat().st_size


@contextmanager
def _translated(part: HubFile, weights: Path) -> Iterator[None]:
    """What the library raises, as one sentence."""
    try:
        yield
    # Its transports changed with its versions, and what they raise has no common base below this one.
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise save_failed(weights, error.strerror or str(error)) from error
        status = getattr(getattr(error, "response", None), "status_code", None)
        why = f"the hub answered {status}" if status else " ".join(str(error).split())[:160] or type(error).__name__
        raise LabError(
            "NETWORK", f"Cannot fetch {part.path}: {why}", "the file at the Hugging Face hub or a mirror of it",
            "Run the same command again later; files that are here are kept",
        ) from error  # fmt: skip


def _hub() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.constants
    except ImportError as error:
        raise LabError(
            "EXTRA_MISSING", f"The package {error.name or 'huggingface_hub'!r} is not installed",
            "the extra [released]", "Install it with: pip install -c constraints.txt -e '.[released]'",
        ) from error  # fmt: skip
    return huggingface_hub


def _offline(model: str, lacking: list[HubFile], weights: Path) -> LabError:
    megabytes = round(sum(part.bytes for part in lacking) / 1e6)
    return LabError(
        "OFFLINE",
        f"{len(lacking)} files of {model} (about {megabytes} MB) are absent and downloads are switched off",
        f"them below {weights}",
        "Run it without --offline and HF_HUB_OFFLINE, or copy the files there",
    )


def _make_room(weights: Path, size: int) -> None:
    """Refuse a disk that is too small before the first byte."""
    try:
        weights.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(weights).free
    except OSError as error:
        raise save_failed(weights, error.strerror or str(error)) from error
    if free < size:
        raise save_failed(weights, f"{round(size / 1e6)} MB are needed and {round(free / 1e6)} MB are free")


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
