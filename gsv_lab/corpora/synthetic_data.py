"""Training batches from the synthetic corpus: the ordinary stores, with tracks that are true instead of measured.

Idea: the corpus knows its phones, their times and its pitch, so a store packed from it needs no aligner and no tracker;
everything after that is the training of real speech. Voices are split: the last ones are never trained on.
Letters: P phones, F50 and F100 frames. The file knows no loss and no network but the content encoder that it is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from tqdm.auto import tqdm

from gsv_lab.checkpoint import load_component, save_component
from gsv_lab.corpora.content_data import ContentData
from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.sovits_data import SoVITSData
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.synthetic import SAMPLE_RATE, SyntheticClip, SyntheticCorpus
from gsv_lab.corpora.tracks import add_codes
from gsv_lab.errors import DataError
from gsv_lab.system.environment import cache_dir

LATENT_RATE = 50.0


def pack_synthetic(folder: str | Path, corpus: SyntheticCorpus, valid_speakers: int = 4) -> ClipStore:
    """Write a corpus as a clip store with the tracks `phones`, `symbols` (both labels as `SyntheticClip.ids`),
    `positions`, `fit` and `pitch`, all of them true.

    Args:
        folder: to write.
        corpus: where the clips come from.
        valid_speakers: the last so many voices make the split `valid`.

    Raises:
        DataError: DATA_TOO_SHORT, no voice is left to train on.
    """
    known = len(corpus.speakers) - valid_speakers
    if known < 1:
        raise DataError("DATA_TOO_SHORT", f"{len(corpus.speakers)} voices, {valid_speakers} of them held back", "more")
    clips = list(tqdm(corpus, "synthetic speech"))
    rows = [
        Clip(
            clip.name, Path(str(number)), clip.speaker.name, "en", " ".join(clip.phones),
            "train" if clip.speaker_index < known else "valid", "synthetic",
        )
        for number, clip in enumerate(clips)
    ]  # fmt: skip
    store = ClipStore.pack(folder, rows, lambda path: clips[int(str(path))].wave, SAMPLE_RATE)
    for name in ("phones", "symbols"):
        store.add_track(name, (np.array(clip.ids, np.int16) for clip in clips))
    store.add_track("positions", (positions(clip) for clip in clips))
    store.add_track("fit", (np.zeros(1, np.float32) for _ in clips))
    store.add_track("pitch", (pitch(clip) for clip in clips), rate=100)
    return store


def positions(clip: SyntheticClip) -> np.ndarray:
    """Which phone of the clip sounds in each frame at 50 Hz, -1 in silence: (F50,)."""
    middle = (np.arange(int(len(clip.wave) * LATENT_RATE // SAMPLE_RATE)) + 0.5) / LATENT_RATE
    owner = np.clip(np.searchsorted(clip.start, middle, side="right") - 1, 0, None)
    inside = (clip.start[owner] <= middle) & (middle < clip.end[owner])
    return np.where(inside, owner, -1).astype(np.int16)


def pitch(clip: SyntheticClip) -> np.ndarray:
    """Log-F0, which a voice has also where it is silent, and voicing: (F100, 2) half precision."""
    log_f0 = np.log(clip.speaker.pitch) + clip.prosody * np.log(2) / 12
    return np.stack([log_f0, clip.f0 > 0], axis=1).astype(np.float16)


class SyntheticContentData(ContentData):
    """`ContentData` on a corpus that is made on the spot.

    Args:
        store: see `SpeechData`.
        corpus: the voices and scripts.
        valid_speakers: see `pack_synthetic`.
        batch_seconds, valid_batches, stretch, masks, seed: see `ContentData`.
    """

    def __init__(
        self,
        store: str,
        corpus: SyntheticCorpus,
        valid_speakers: int = 4,
        batch_seconds: float = 48.0,
        valid_batches: int = 2,
        stretch: float = 0.12,
        masks: int = 1,
        seed: int = 1234,
    ) -> None:
        super().__init__(
            store, batch_seconds=batch_seconds, valid_batches=valid_batches, stretch=stretch, masks=masks, seed=seed
        )
        self.corpus, self.valid_speakers = corpus, valid_speakers

    def open_store(self) -> ClipStore:
        """The packed store; made and packed now if it is not there."""
        return _opened(self.store_folder, self.corpus, self.valid_speakers)


class SyntheticSoVITSData(SoVITSData):
    """`SoVITSData` on a corpus that is made on the spot, with codes of a content encoder that was trained on it.

    The codebook is fitted here, kept beside the store, and handed to the task.

    Args:
        store: see `SpeechData`.
        corpus: the voices and scripts.
        content_file: weights of the content encoder; a relative path lies below the cache folder.
        n_codes: size of the codebook.
        valid_speakers: see `pack_synthetic`.
        windows, window_seconds, other_clip, valid_batches, seed: see `SoVITSData`.
    """

    reference_seconds = 3.0

    def __init__(
        self,
        store: str,
        corpus: SyntheticCorpus,
        content_file: str,
        n_codes: int = 64,
        valid_speakers: int = 4,
        windows: int = 8,
        window_seconds: float = 2.0,
        other_clip: float = 1.0,
        valid_batches: int = 2,
        seed: int = 1234,
    ) -> None:
        super().__init__(
            store, windows=windows, window_seconds=window_seconds, other_clip=other_clip, valid_batches=valid_batches,
            seed=seed,
        )  # fmt: skip
        self.corpus, self.valid_speakers = corpus, valid_speakers
        self.content_file, self.n_codes = cache_dir() / content_file, n_codes

    def open_store(self) -> ClipStore:
        """The packed store; made and packed now if it is not there."""
        return _opened(self.store_folder, self.corpus, self.valid_speakers)

    def make_tracks(self) -> None:
        """`content` and `codes`, made again if the content encoder is another one; tells the task its codebook.

        Raises:
            CheckpointError: CKPT_MISSING, the content encoder has not been trained yet.
        """
        book = self.store_folder / "quantizer.safetensors"
        encoder = load_component(self.content_file)
        source = f"{hashlib.sha256(self.content_file.read_bytes()).hexdigest()[:16]} {self.n_codes}"
        fresh = book.is_file() and self.store.has_track("codes")
        if not fresh or self.store.track_info("codes")["settings"].get("source") != source:
            _make_codes(self.store, encoder, self.n_codes, source, book)
        self._task.quantizer_file = str(book)


def _opened(folder: Path, corpus: SyntheticCorpus, valid_speakers: int) -> ClipStore:
    # The last track to be written says that all of them are there.
    if (folder / "pitch.json").is_file():
        return ClipStore(folder)
    return pack_synthetic(folder, corpus, valid_speakers)


def _make_codes(store: ClipStore, encoder: object, n_codes: int, source: str, book: Path) -> None:
    import torch

    from gsv_lab.nn.interfaces import ContentEncoder
    from gsv_lab.training.codes import fit_codebook

    network = cast(ContentEncoder, encoder)

    def contents() -> Iterator[np.ndarray]:
        for i in tqdm(range(len(store)), "content"):
            with torch.no_grad():
                heard = network(torch.from_numpy(store.wave(i))[None, None]).content
            yield torch.nn.functional.avg_pool1d(heard, 2)[0].T.numpy().astype(np.float16)

    store.add_track("content", contents(), rate=25, source=source)
    quantizer = fit_codebook(store, n_codes)
    save_component(quantizer, book)
    add_codes(store, quantizer, source)


__all__: Sequence[str] = ["SyntheticContentData", "SyntheticSoVITSData", "pack_synthetic", "pitch", "positions"]
