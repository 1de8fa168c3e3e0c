"""Tracks that the later stages need: pitch, phones with their times, codes.

Each function writes one or more tracks of a `ClipStore` from a trained network handed in, clip by clip, and shows a
progress bar where that takes long. Codes of different codebooks lie side by side, in tracks whose names hold the
identity of the codebook and of the content encoder. Letters: F frames (rate in the name), P phones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from gsv_lab.audio.alignment import align, frame_level, greedy
from gsv_lab.checkpoint import fingerprint, load_component
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.texts import LABELS, PATIENCE, add_texts
from gsv_lab.errors import ConfigError, DataError, LabError
from gsv_lab.extensions.f0 import track_pitch
from gsv_lab.nn.interfaces import ContentEncoder, Quantizer
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.text.symbols import guessed_id

TOGETHER = 16
"""Clips whose pitch is tracked at once."""
CONTENT_RATE = 25
"""Content vectors for one second in the track `content`: means of two frames."""
DIGITS = 8
"""Hexadecimal digits of an identity in the name of a track."""


def add_pitch(store: ClipStore) -> None:
    """`pitch` (F100, 2) half precision: log-F0 and voicing.

    Several clips are tracked together, because the path search is a loop over frames.
    """

    def frames() -> Iterator[np.ndarray]:
        for first in tqdm(range(0, len(store), TOGETHER), "pitch", delay=PATIENCE):
            waves = [torch.from_numpy(store.wave(i)) for i in range(first, min(first + TOGETHER, len(store)))]
            batch = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
            log_f0, voicing = track_pitch(batch, store.sample_rate)
            tracked = torch.stack((log_f0, voicing), -1).numpy().astype(np.float16)
            for row, wave in zip(tracked, waves, strict=True):
                yield row[: len(wave) * 100 // store.sample_rate]

    store.add_track("pitch", frames(), rate=100)


@torch.no_grad()
def add_content(store: ClipStore, content_encoder: ContentEncoder, source: str, pauses: bool = False) -> None:
    """Content, and phones with their times, in one pass over all clips.

    `content` (F25, D) half precision, means of two frames; `symbols` (P,) phone ids; `positions` (F50,) phone
    sounding in each frame or -1; `fit` (1,) mean alignment score in nats, -99 where a clip cannot be aligned (it is
    left out of training).

    Args:
        store: the clips.
        content_encoder: with phone scores, by which the clips are aligned.
        source: what is written beside the tracks about where they come from.
        pauses: whether the phones have places for pauses (`gsv_lab.text.pauses`), which then own the silence.
    """
    add_texts(store, pauses=pauses)
    device = next(content_encoder.parameters()).device
    aligned: list[dict[str, np.ndarray]] = []

    def contents() -> Iterator[np.ndarray]:
        for i in tqdm(range(len(store)), "content, alignment", delay=PATIENCE):
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
            aligned.append({
                "symbols": np.array(numbers, np.int16),
                "positions": positions.astype(np.int16),
                "fit": np.array([fit], np.float32),
            })  # fmt: skip
            yield torch.nn.functional.avg_pool1d(encoded.content, 2)[0].T.cpu().numpy().astype(np.float16)

    encoder = identity(content_encoder.state_dict())
    store.add_track("content", contents(), rate=25, source=source, content_encoder=encoder)
    for name in ("symbols", "positions", "fit"):
        store.add_track(name, (row[name] for row in aligned), source=source)


def spelled(spelling: np.ndarray) -> tuple[list[int | None], list[int]]:
    """Recogniser label of each phone of a text (None where it makes no sound of its own), and the phones' ids."""
    numbers = spelling.tolist()
    return [LABELS[i] for i in numbers], numbers


def guessed(log_probs: torch.Tensor) -> tuple[list[int | None], list[int]]:
    """The same from the recogniser's own phones (F50, V), for clips without a transcript."""
    labels = greedy(log_probs).ids.tolist()
    return labels, [guessed_id(label) for label in labels]


@torch.no_grad()
def add_codes(store: ClipStore, quantizer: Quantizer, source: str) -> str:
    """Codes of the track `content`, (F25,) or, with several books, (F25, Q).

    Args:
        store: the clips.
        quantizer: the codebook.
        source: what is written beside the track about where it comes from.

    Returns:
        the track's name, `codes-<codebook>-<content encoder>`.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, the codes have another rate than the stored content.
    """
    if quantizer.frame_rate != CONTENT_RATE:
        problem = f"quantizer.frame_rate is {quantizer.frame_rate:g} but a store keeps {CONTENT_RATE} means a second"
        raise ConfigError("CONFIG_INCONSISTENT", problem, "a quantizer with hop 2")
    book, encoder = codebook_identity(quantizer), encoder_identity(store)
    name = f"codes-{book}-{encoder}"

    def frames() -> Iterator[np.ndarray]:
        for i in tqdm(range(len(store)), "codes", delay=PATIENCE):
            content = torch.from_numpy(store.track("content", i).astype(np.float32))
            # The track holds means of the frames of a code; each stands for all of them.
            frames_of_codes = content.T[None].repeat_interleave(quantizer.hop, dim=-1)
            yield quantizer.encode(frames_of_codes)[0].transpose(0, -1).numpy().astype(np.int16)

    store.add_track(name, frames(), rate=25, source=source, codebook=book, content_encoder=encoder)
    return name


def codes_track(store: ClipStore, codebook: str | Path = "") -> str:
    """Name of the track with the codes of a codebook.

    Stores that were made before codebooks had tracks of their own hold one track `codes`; it is read where none of
    this codebook is there.

    Args:
        store: the clips.
        codebook: weights of a quantizer, or of a SoVITS that holds it; empty for a store with the codes of one codebook
            only.

    Raises:
        DataError: CACHE_STALE, the store has no codes of this codebook, or has several and none was named.
        CheckpointError: CKPT_MISSING, there is no such file.
    """
    if not str(codebook):
        return _only("codes", store)
    loaded: Any = load_component(codebook, (Quantizer, SoVITS))
    quantizer = loaded if isinstance(loaded, Quantizer) else loaded.quantizer
    name = f"codes-{codebook_identity(quantizer)}"
    if not store.variants(name) and "codes" in store.variants("codes"):
        return "codes"
    return _only(name, store)


def _only(name: str, store: ClipStore) -> str:
    """The full name of the only track of this name."""
    found = store.variants(name)
    if len(found) == 1:
        return found[0]
    there = ", ".join(store.variants("codes")) or "no codes"
    problem = f"The store {store.folder} has {len(found) or 'no'} tracks '{name}' (there: {there})"
    action = "Name the codebook" if found else "Run the stage that makes the codes of this codebook"
    raise DataError("CACHE_STALE", problem, "one track of codes for the codebook", action)


def codebook_identity(quantizer: Quantizer) -> str:
    """What tells a codebook from others: a few digits of the fingerprint of its code vectors, and of the projection
    before them where that has weights.

    They are rounded to half precision first, so that weights stored in half keep their identity.
    """
    codes = torch.arange(quantizer.n_codes)[None]
    if quantizer.n_books > 1:
        codes = codes[:, None].expand(-1, quantizer.n_books, -1)
    return identity({"vectors": quantizer.decode(codes), **dict(quantizer.named_parameters())})


def encoder_identity(store: ClipStore) -> str:
    """The same of the content encoder that made the store's content; of the named source where it was not noted."""
    settings = store.track_info("content")["settings"]
    source = str(settings.get("source", ""))
    return settings.get("content_encoder") or hashlib.sha256(source.encode()).hexdigest()[:DIGITS]


def identity(tensors: Mapping[str, Tensor]) -> str:
    """A few digits of the fingerprint of tensors, rounded to half precision."""
    rounded = {name: value.half() if value.is_floating_point() else value for name, value in tensors.items()}
    return fingerprint(rounded)[:DIGITS]
