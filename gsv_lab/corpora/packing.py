"""The store of some corpora or of a synthetic one: packed where it is not there, and never taken for another's.

A store keeps what it was made of. Where that differs from what a training asks for, a store of recordings is refused,
since hours of work may lie in its tracks; a synthetic one is made anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from gsv_lab import audio
from gsv_lab.corpora.identity import clip_digests, differences
from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.readers import read as read_corpus
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.store_files import TABLE, read_table
from gsv_lab.corpora.texts import FILE_NAME, add_texts
from gsv_lab.errors import DataError


def packed_store(
    folder: Path, corpora: Sequence[str], exclude: Collection[str], sample_rate: Callable[[], int], advice: str
) -> ClipStore:
    """The store in a folder; packed now from corpora if it is not there.

    Args:
        folder: of the store.
        corpora: corpus folders or list files. A store is compared with them as long as all of them are there.
        exclude: names of corpora that stay out.
        sample_rate: gives Hz; called only where the store is packed.
        advice: what to do where there is neither a store nor a corpus.

    Raises:
        DataError: DATA_MISSING, there is neither; CACHE_STALE, the store was packed from other recordings, or is
            damaged; those of the corpora.
    """
    there = os.path.isfile(folder / TABLE)
    if not there and not corpora:
        problem = f"There is no store at {folder} and no corpus to pack it from"
        raise DataError("DATA_MISSING", problem, "", advice)
    if not there:
        _pack(folder, corpora, _clips(corpora, exclude), sample_rate())
    elif corpora and all(map(os.path.exists, corpora)):
        _check_same(folder, _clips(corpora, exclude))
    return ClipStore(folder)


def _clips(corpora: Sequence[str], exclude: Collection[str]) -> list[Clip]:
    return [clip for corpus in corpora for clip in read_corpus(corpus) if clip.corpus not in exclude]


def _check_same(folder: Path, clips: Sequence[Clip]) -> None:
    """Refuse a store that was packed from other clips; one that does not say what it was packed from passes.

    Raises:
        DataError: CACHE_STALE, with the differences.
    """
    made_of = read_table(folder).get("made_of")
    if not isinstance(made_of, dict) or "clips" not in made_of:
        return
    found = differences(made_of, {"clips": clip_digests(clips)})
    if found:
        problem = f"The store {folder} was packed from other recordings: {'; '.join(found)}"
        advice = "Give another store, or delete this one; without corpora it is used as it is"
        raise DataError("CACHE_STALE", problem, "the corpora that it was packed from", advice)


def _pack(folder: Path, corpora: Sequence[str], clips: Sequence[Clip], rate: int) -> None:
    made_of = {"clips": clip_digests(clips)}
    how = partial(decode, sample_rate=rate)
    store = ClipStore.pack(folder, clips, how, rate, lambda items: tqdm(items, "decoding"), made_of)
    found = [path for path in (Path(corpus) / FILE_NAME for corpus in corpora) if path.is_file()]
    if found:
        add_texts(store, found)


def decode(path: Path, sample_rate: int) -> np.ndarray:
    """Samples (T,) of a recording at a rate in Hz."""
    samples: np.ndarray = audio.read(path, sample_rate).samples.numpy()
    return samples
