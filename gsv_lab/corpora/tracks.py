"""Tracks that the later stages need: pitch, phones with their times, codes.

Each function writes one or more tracks of a `ClipStore` from a trained network handed in, clip by clip, and says so
with a progress bar. Letters: F frames (rate in the name), P phones.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from tqdm.auto import tqdm

from gsv_lab.audio.alignment import align, frame_level, greedy
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.texts import LABELS, add_texts
from gsv_lab.errors import LabError
from gsv_lab.extensions.f0 import track_pitch
from gsv_lab.nn.interfaces import ContentEncoder
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.text.symbols import guessed_id


def add_pitch(store: ClipStore, together: int = 16) -> None:
    """`pitch` (F100, 2) half precision: log-F0 and voicing.

    So many clips are tracked `together`, because the path search is a loop over frames.
    """

    def frames() -> Iterator[np.ndarray]:
        for first in tqdm(range(0, len(store), together), "pitch"):
            waves = [torch.from_numpy(store.wave(i)) for i in range(first, min(first + together, len(store)))]
            batch = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
            tracked = torch.stack(track_pitch(batch, store.sample_rate), -1).numpy().astype(np.float16)
            for row, wave in zip(tracked, waves, strict=True):
                yield row[: len(wave) * 100 // store.sample_rate]

    store.add_track("pitch", frames(), rate=100)


@torch.no_grad()
def add_heard(store: ClipStore, content_encoder: ContentEncoder, source: str) -> None:
    """What the content encoder hears, in one pass over all clips.

    `content` (F25, D) half precision, means of two frames; `symbols` (P,) phone ids; `positions` (F50,) phone
    sounding in each frame or -1; `fit` (1,) mean alignment score in nats, -99 where a clip cannot be aligned (it is
    left out of training).
    """
    add_texts(store)
    device = next(content_encoder.parameters()).device
    aligned: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def contents() -> Iterator[np.ndarray]:
        for i in tqdm(range(len(store)), "content, alignment"):
            wave, row = store.wave(i), store.rows[i]
            encoded = content_encoder(torch.from_numpy(wave)[None, None].to(device))
            scores = encoded.log_probs[0].cpu()
            ids, numbers = spelled(store.track("spelling", i)) if row.text else guessed(scores)
            level = frame_level(wave, store.sample_rate, 50.0, len(scores))
            try:
                found = align(scores, ids, level=level)
                positions, fit = found.positions(len(scores)), found.quality
            except LabError:
                positions, fit = np.full(len(scores), -1), -99.0
            aligned.append((np.array(numbers, np.int16), positions.astype(np.int16), np.array([fit], np.float32)))
            yield torch.nn.functional.avg_pool1d(encoded.content, 2)[0].T.cpu().numpy().astype(np.float16)

    store.add_track("content", contents(), rate=25, source=source)
    for place, name in enumerate(("symbols", "positions", "fit")):
        store.add_track(name, (row[place] for row in aligned), source=source)


def spelled(spelling: np.ndarray) -> tuple[list[int | None], list[int]]:
    """Recogniser label of each phone of a text (None where it makes no sound of its own), and the phones' ids."""
    numbers = spelling.tolist()
    return [LABELS[i] for i in numbers], numbers


def guessed(log_probs: torch.Tensor) -> tuple[list[int | None], list[int]]:
    """The same from the recogniser's own phones (F50, V), for clips without a transcript."""
    labels = greedy(log_probs).ids.tolist()
    return labels, [guessed_id(label) for label in labels]


@torch.no_grad()
def add_codes(store: ClipStore, quantizer: VectorQuantizer, source: str) -> None:
    """`codes` (F25,): what SemanticGPT learns to predict and SoVITS to speak, from the track `content`."""

    def frames() -> Iterator[np.ndarray]:
        for i in tqdm(range(len(store)), "codes"):
            content = torch.from_numpy(store.track("content", i).astype(np.float32))
            yield quantizer.books[0](content[None]).argmin(-1)[0].numpy().astype(np.int16)

    store.add_track("codes", frames(), rate=25, source=source)
