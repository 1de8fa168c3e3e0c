"""What the texts of a store say: tracks that need no sound and no network, and their way to another machine.

Text front ends bring dictionaries and segmenters; a machine that only trains need not have them. So everything that
training wants to know of a text is read once; it can travel as one file beside the recordings (`texts.npz`), where it
is found by the clips' ids. Letters: P phones, C context features.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.store import ClipStore, Row
from gsv_lab.errors import DataError
from gsv_lab.text.symbols import CTC_ID, SYMBOLS, fold

FILE_NAME = "texts.npz"

LABELS: tuple[int | None, ...] = tuple(None if (name := fold(symbol)) is None else CTC_ID[name] for symbol in SYMBOLS)
"""The recogniser's class of each phone id; None for what makes no sound of its own."""

PATIENCE = 10.0
"""Seconds after which work on a store shows a progress bar."""


class Reading(NamedTuple):
    """One text read: `spelling` (P,) phone ids, `context` (P, C) features; both empty where there is no text."""

    spelling: np.ndarray
    context: np.ndarray


def read_texts(clips: Sequence[Clip] | Sequence[Row], pauses: bool = False) -> dict[str, Reading]:
    """Phones and context features of every clip's text, by id; `pauses` puts places for pauses among the phones.

    Raises:
        TextError: a text cannot be read aloud.
    """
    from gsv_lab.text import phonemize
    from gsv_lab.text.context import LexicalContext
    from gsv_lab.text.pauses import with_pauses

    encoder = LexicalContext()
    found = {}
    for clip in tqdm(clips, "texts", delay=PATIENCE):
        phones = phonemize(clip.text, clip.language) if clip.text else None
        if phones is not None and pauses:
            phones = with_pauses(phones)
        ids = [] if phones is None else phones.ids
        features = np.zeros((0, encoder.dim)) if phones is None else encoder(phones).T.numpy()
        found[clip.id] = Reading(np.array(ids, np.int16), features.astype(np.float16))
    return found


def add_texts(store: ClipStore, files: Iterable[str | Path] = (), pauses: bool = False) -> None:
    """Write the tracks `spelling` and `context` of a store, if they are missing.

    Args:
        store: the clips.
        files: of `save_texts`, from which the texts are taken; without any they are read now.
        pauses: see `read_texts`; a file was read with or without them when it was made.

    Raises:
        DataError: DATA_MISSING, the files lack a clip. TextError: a text cannot be read aloud.
    """
    if store.has_track("spelling") and store.has_track("context"):
        return
    paths = list(files)
    known = load_texts(paths) if paths else read_texts(store.rows, pauses)
    missing = next((row.id for row in store.rows if row.id not in known), None)
    if missing is not None:
        raise DataError(
            "DATA_MISSING", f"{FILE_NAME} lacks the clip {missing}", "the file that was made with the clips",
            "Delete it to read the texts anew",
        )  # fmt: skip
    store.add_track("spelling", (known[row.id].spelling for row in store.rows))
    store.add_track("context", (known[row.id].context for row in store.rows))


def labels(spelling: np.ndarray) -> np.ndarray:
    """Phone ids (P,) as the recogniser's classes, without those that make no sound: (P',) int64."""
    found = [LABELS[i] for i in spelling.tolist()]
    return np.array([label for label in found if label is not None], np.int64)


def save_texts(texts: dict[str, Reading], path: str | Path) -> Path:
    """Write read texts to one file."""
    readings = list(texts.values())
    np.savez_compressed(
        path,
        ids=np.array(list(texts)),
        lengths=np.array([len(reading.spelling) for reading in readings]),
        spelling=np.concatenate([reading.spelling for reading in readings]),
        context=np.concatenate([reading.context for reading in readings]),
    )
    return Path(path)


def load_texts(paths: Iterable[str | Path]) -> dict[str, Reading]:
    """Texts of one or more files, by id.

    Raises:
        DataError: DATA_ROW, not a file of `save_texts`.
    """
    found: dict[str, Reading] = {}
    for path in paths:
        try:
            with np.load(path, allow_pickle=False) as file:
                ids, lengths, spelling, context = (file[k] for k in ("ids", "lengths", "spelling", "context"))
        except (OSError, ValueError, KeyError) as error:
            raise DataError("DATA_ROW", f"{path} holds no texts: {error}", "a file made with the clips") from error
        ends = np.cumsum(lengths)
        for clip, start, end in zip(ids.tolist(), ends - lengths, ends, strict=True):
            found[clip] = Reading(spelling[start:end], context[start:end])
    return found
