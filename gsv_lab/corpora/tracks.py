"""Tracks that the later stages need: pitch, phones with their times, codes.

Each function writes one or more tracks of a `ClipStore` from a trained network handed in, clip by clip, and says so with a
progress bar. Letters: F frames (rate in the name), P phones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from tqdm.auto import tqdm

from gsv_lab.align import align, greedy
from gsv_lab.corpora.store import ClipStore
from gsv_lab.errors import LabError
from gsv_lab.nn.pitch import track_pitch
from gsv_lab.nn.roles import ContentEncoder, Quantizer
from gsv_lab.text import CTC_SYMBOLS, phonemize
from gsv_lab.text.symbols import SYMBOL_ID, UNKNOWN


class Heard(NamedTuple):
    """A clip through the content encoder: `content` (D, F50) and `log_probs` (F50, V)."""

    content: torch.Tensor
    log_probs: torch.Tensor


@torch.no_grad()
def hear(store: ClipStore, content_encoder: ContentEncoder, index: int) -> Heard:
    """Content and phone scores of one clip."""
    device = next(content_encoder.parameters()).device
    encoded = content_encoder(torch.from_numpy(store.wave(index))[None, None].to(device))
    return Heard(encoded.content[0].cpu(), encoded.log_probs[0].cpu())


def add_pitch(store: ClipStore) -> None:
    """`pitch` (F100, 2) half precision: log-F0 and voicing."""

    def frames() -> Iterator[np.ndarray]:
        for i in tqdm(range(len(store)), "pitch"):
            wave = torch.from_numpy(store.wave(i))[None]
            yield torch.stack(track_pitch(wave, store.sample_rate), -1)[0].numpy().astype(np.float16)

    store.add_track("pitch", frames(), rate=100)


def add_phones(store: ClipStore, content_encoder: ContentEncoder, source: str) -> None:
    """`symbols` (P,) phone ids, `positions` (F50,) phone sounding in each frame or -1, `fit` (1,) mean score in nats.

    A clip that cannot be aligned gets `fit` -99 and is left out of training.
    """
    rows: list[tuple[np.ndarray, np.ndarray]] = []

    def positions() -> Iterator[np.ndarray]:
        for i in tqdm(range(len(store)), "alignment"):
            row = store.rows[i]
            scores = hear(store, content_encoder, i).log_probs
            ids, numbers = spelled(row.text, row.language) if row.text else guessed(scores)
            symbols = np.array(numbers, dtype=np.int16)
            try:
                found = align(scores, ids)
                rows.append((symbols, np.array([found.quality], dtype=np.float32)))
                yield found.positions(len(scores)).astype(np.int16)
            except LabError:
                rows.append((symbols, np.array([-99.0], dtype=np.float32)))
                yield np.full(len(scores), -1, dtype=np.int16)

    store.add_track("positions", positions(), rate=50, source=source)
    store.add_track("symbols", (symbols for symbols, _ in rows), source=source)
    store.add_track("fit", (fit for _, fit in rows), source=source)


def spelled(text: str, language: str) -> tuple[list[int | None], list[int]]:
    """Recogniser label of each phone of a text (None where it makes no sound of its own), and the phones' ids."""
    phones = phonemize(text, language)
    labels, places = phones.folded()
    ids: list[int | None] = [None] * len(phones)
    for label, place in zip(labels, places, strict=True):
        ids[place] = label
    return ids, phones.ids


def guessed(log_probs: torch.Tensor) -> tuple[list[int | None], list[int]]:
    """The same from the recogniser's own phones (F50, V), for clips without a transcript.

    Stress and tone are unknown to it; vowels get the first of each, which is no worse a guess than another.
    """
    labels = greedy(log_probs).ids.tolist()
    names = [CTC_SYMBOLS[label] for label in labels]
    return labels, [SYMBOL_ID.get(f"{name}1", SYMBOL_ID.get(name, SYMBOL_ID[UNKNOWN])) for name in names]


@torch.no_grad()
def add_codes(store: ClipStore, content_encoder: ContentEncoder, quantizer: Quantizer, source: str) -> None:
    """`codes` (F25,): what SemanticGPT learns to predict and SoVITS to speak."""

    def frames() -> Iterator[np.ndarray]:
        for i in tqdm(range(len(store)), "codes"):
            content = hear(store, content_encoder, i).content
            yield quantizer.encode(content[None])[0].numpy().astype(np.int16)

    store.add_track("codes", frames(), rate=25, source=source)
