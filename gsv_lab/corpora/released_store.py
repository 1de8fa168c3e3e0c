"""Stores for training the released families: waves at the family's rate with everything that its networks read.

Stages, each with a progress bar: recordings and phones, HuBERT's content at 50 Hz, codes at 25 Hz by the family's
quantizer, BERT's context of each phone, and for the Pro sizes a verification vector of each clip. Stopped at any
moment, the same call goes on at the next clip. Nothing is written of a network or clip list that differs from those of
the first call.

HuBERT is given what it is given in synthesis, the 16 kHz version in [-1, 1]. The released preparation differs in two
ways that hardly matter to HuBERT, whose first layer normalises: it feeds samples about 1145 times as large, and
stores recordings half moved towards a peak of 0.95. Letters: F frames at 50 Hz, P phones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from gsv_lab.corpora import released_clips
from gsv_lab.corpora.identity import clip_digests, differences
from gsv_lab.corpora.journal import Journal
from gsv_lab.corpora.readers import Clip, read
from gsv_lab.corpora.released_tracks import Networks, ReleasedTracks, failures, load_networks
from gsv_lab.corpora.store import ClipStore, ahead, row_of
from gsv_lab.corpora.store_files import TABLE, WAVE, read_json, read_table, whole, write_table
from gsv_lab.errors import DataError, LabError
from gsv_lab.system.files import save_bytes
from gsv_lab.system.folders import LOCK, locked

SETTINGS, REPORT = "settings.json", "report.json"
SAMPLE_BYTES = 2


class MadeStore(NamedTuple):
    """A finished store: `folder`, `clips` in it, `seconds` of them, number `held_out`, what was `left_out` (file and
    reason), and whether it was finished before this call.
    """

    folder: Path
    clips: int
    seconds: float
    held_out: int
    left_out: list[tuple[str, str]]
    already: bool


def make_store(source: str | Path, family: str, output: str | Path, companions: str | Path | None = None) -> MadeStore:
    """Make a store, or go on with one.

    Args:
        source: a list file, a corpus folder, or a folder that `gsv-lab prepare` wrote.
        family: v1, v2, v2Pro or v2ProPlus.
        output: folder of the store.
        companions: folder with released or imported files; what it lacks is looked for in the weights folder.

    Raises:
        DataError: those of `gsv_lab.corpora.readers.read`; CACHE_STALE, the folder holds a store of other clips, family
            or weights; DATA_EMPTY, no clip can be used.
        CheckpointError: CKPT_MISSING with every absent file, its size and the command; those of loading.
        LabError: SAVE_FAILED, the disk is full: the same call goes on; OUTPUT_EXISTS; EXTRA_MISSING.
    """
    networks = load_networks(family, None if companions is None else Path(companions))
    return store_of(read(source), networks, family, Path(output))


def store_of(clips: Sequence[Clip], networks: Networks, family: str, folder: Path) -> MadeStore:
    """A store of some clips, with networks that are at hand; see `make_store`."""
    identities = networks.identities()
    settings = {"family": family, **identities, "clips": clip_digests(clips)}
    with locked(folder, "written", wait=True):
        _claim(folder, settings)
        if _is_finished(folder):
            return _made(folder, already=True)
        store = _record(folder, clips, networks, family)
        ReleasedTracks(store, networks, identities).add()
        _finish(store, clips)
        return _made(folder, already=False)


def _claim(folder: Path, settings: dict[str, Any]) -> None:
    """Take an empty folder for a store of these settings, or one of the very same."""
    path = folder / SETTINGS
    if path.is_file():
        found = differences(read_json(path), settings)
        if found:
            raise DataError(
                "CACHE_STALE",
                f"{folder} holds a store that was made otherwise: {'; '.join(found)}",
                "the same list, family and weights",
                "Choose another folder, or delete this one",
            )
        return
    # A call that was stopped here left no more than half of these settings, under a hidden name.
    if set(folder.iterdir()) - {folder / LOCK, *folder.glob(f".{SETTINGS}.*")}:
        problem = f"{str(folder)!r} holds something else than a store of a released family"
        raise LabError("OUTPUT_EXISTS", problem, "a new or empty folder", "Choose another folder")
    save_bytes(path, json.dumps(settings, ensure_ascii=False).encode())


def _is_finished(folder: Path) -> bool:
    """Whether the store is; if so it is also whole.

    Raises:
        DataError: CACHE_STALE, it is damaged.
    """
    if not (folder / TABLE).is_file() or read_table(folder).get("unfinished", False):
        return False
    ClipStore(folder)
    return True


def _record(folder: Path, clips: Sequence[Clip], networks: Networks, family: str) -> ClipStore:
    """Waves, phones and the table of all clips that can be used."""
    notes = _recordings(folder, clips, networks)
    rows: list[dict[str, Any]] = []
    left_out: list[tuple[str, str]] = []
    symbols: list[np.ndarray] = []
    start = 0
    for clip, note in zip(clips, notes, strict=True):
        if "failed" in note:
            left_out.append((clip.id, note["failed"]))
            continue
        samples = note["bytes"] // SAMPLE_BYTES
        rows.append(row_of(clip, start, samples))
        symbols.append(np.array(note["phones"], np.int16))
        start += samples
    if not rows:
        raise _nothing_left(folder, [(_file(clip), note["failed"]) for clip, note in zip(clips, notes, strict=True)])
    table = {"sample_rate": networks.sample_rate, "frame_rate": networks.frame_rate, "family": family}
    write_table(folder, {**table, "rows": rows, "left_out": left_out, "unfinished": True})
    store = ClipStore(folder, unfinished=True)
    if not store.has_track("symbols"):
        store.add_track("symbols", symbols)
    return store


def _recordings(folder: Path, clips: Sequence[Clip], networks: Networks) -> list[dict[str, Any]]:
    """Decode the clips that are not yet in the store; for each of all clips its phones, or why it is left out."""
    decode = partial(released_clips.decode, sample_rate=networks.sample_rate)
    with Journal(folder / WAVE, folder / "wave.journal", {"phones": list}, len(clips)) as journal:
        done = len(journal.entries)
        waves = ahead(decode, [clip.path for clip in clips[done:]])
        bar = tqdm(clips[done:], "recordings", len(clips), initial=done)
        for clip, decoded in zip(bar, waves, strict=True):
            try:
                wave, phones = _recording(clip, decoded, networks)
            except LabError as error:
                journal.append(np.zeros(0, np.int16), failed=str(error))
            else:
                journal.append(wave, phones=phones)
        return journal.entries


def _recording(clip: Clip, decoded: np.ndarray | LabError, networks: Networks) -> tuple[np.ndarray, list[int]]:
    """A clip as the store keeps it, and its phones."""
    if isinstance(decoded, LabError):
        raise decoded
    phones = released_clips.read_phones(clip.text, clip.language, networks.n_phones).ids
    return released_clips.checked(decoded, networks.sample_rate, len(phones)), phones


def _finish(store: ClipStore, clips: Sequence[Clip]) -> None:
    """The report, and last of all the table by which the folder is a store."""
    table = read_table(store.folder)
    left_out = dict(table.pop("left_out")) | failures(store)
    rows = [replace(row, split=released_clips.LEFT_OUT) if row.id in left_out else row for row in store.rows]
    files = [(_file(clip), left_out[clip.id]) for clip in clips if clip.id in left_out]
    if len(files) == len(clips):
        raise _nothing_left(store.folder, files)
    held = released_clips.hold_out(rows)
    rows = [replace(row, split="valid") if number in held else row for number, row in enumerate(rows)]
    used = [row for row in rows if row.id not in left_out]
    seconds = sum(row.samples for row in used) / store.sample_rate
    n_valid = sum(row.split == "valid" for row in used)
    report = {"clips": len(used), "seconds": round(seconds, 2), "held_out": n_valid, "left_out": files}
    save_bytes(store.folder / REPORT, json.dumps(report, ensure_ascii=False, indent=1).encode())
    del table["unfinished"], table["format"]
    write_table(store.folder, {**table, "rows": [asdict(row) for row in rows]})
    for left in (*store.folder.glob("wave.journal"), *store.folder.glob(".*.part")):
        left.unlink()


def _made(folder: Path, already: bool) -> MadeStore:
    report = read_json(folder / REPORT)
    with whole(folder / REPORT):
        left_out = [(file, reason) for file, reason in report["left_out"]]
        return MadeStore(folder, report["clips"], report["seconds"], report["held_out"], left_out, already)


def _file(clip: Clip) -> str:
    """A recording as it is named to a person, relative to its list or corpus."""
    return f"{clip.id}{clip.path.suffix}"


def _nothing_left(folder: Path, left_out: Sequence[tuple[str, str]]) -> DataError:
    """The error when no clip can be used; what was written for them is taken away."""
    for pattern in ("*.json", "*.journal", "*.bin", WAVE):
        for path in folder.glob(pattern):
            path.unlink()
    with suppress(OSError):
        folder.rmdir()
    file, reason = left_out[0]
    problem = f"None of {len(left_out)} clips can be used; {file}: {reason}"
    return DataError("DATA_EMPTY", problem, "", "Mend the recordings or the list")
