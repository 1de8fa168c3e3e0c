"""Training batches from the synthetic corpus: the ordinary stores, with tracks that are true instead of measured.

The corpus knows its phones, their times and its pitch, so a store packed from it needs no aligner and no tracker;
everything after that is the training of real speech. Voices are split: the last ones are never trained on.
Letters: P phones, C context features, F25 codes, F50 and F100 frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch.nn import functional
from tqdm.auto import tqdm

from gsv_lab.checkpoint import file_fingerprint, load_component, save_component
from gsv_lab.corpora.content_data import ContentData
from gsv_lab.corpora.data import Splits
from gsv_lab.corpora.gpt_data import GPTData
from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.sovits_data import SoVITSData
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.store_files import TABLE, read_table
from gsv_lab.corpora.synthetic import SAMPLE_RATE, SyntheticClip, SyntheticCorpus
from gsv_lab.corpora.tracks import DIGITS, add_codes, encoder_identity
from gsv_lab.errors import DataError
from gsv_lab.nn.interfaces import ContentEncoder
from gsv_lab.system.environment import in_cache
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

if TYPE_CHECKING:
    from gsv_lab.training.sovits_task import SoVITSTask

LATENT_RATE = 50.0


def pack_synthetic(folder: str | Path, corpus: SyntheticCorpus, valid_speakers: int = 4) -> ClipStore:
    """Write a corpus as a clip store with the tracks `phones`, `symbols` (both labels as `SyntheticClip.ids`),
    `context`, `positions`, `fit` and `pitch`, all of them true.

    Args:
        folder: to write.
        corpus: where the clips come from.
        valid_speakers: the last so many voices make the split `valid`.

    Raises:
        DataError: DATA_TOO_SHORT, no voice is left to train on.
    """
    known = len(corpus.speakers) - valid_speakers
    if known < 1:
        problem = f"{len(corpus.speakers)} voices, {valid_speakers} of them held back"
        raise DataError("DATA_TOO_SHORT", problem, "more")
    clips = list(tqdm(corpus, "synthetic speech"))
    rows = []
    for number, clip in enumerate(clips):
        split = "train" if clip.speaker_index < known else "valid"
        text = " ".join(clip.phones)
        rows.append(Clip(clip.name, Path(str(number)), clip.speaker.name, "en", text, split, "synthetic"))
    made_of = _settings(corpus, valid_speakers)
    store = ClipStore.pack(folder, rows, lambda path: clips[int(str(path))].wave, SAMPLE_RATE, made_of=made_of)
    for name in ("phones", "symbols"):
        store.add_track(name, (np.array(clip.ids, np.int16) for clip in clips))
    store.add_track("context", (clip.context().astype(np.float16) for clip in clips))
    store.add_track("positions", (positions(clip) for clip in clips))
    store.add_track("fit", (np.zeros(1, np.float32) for _ in clips))
    store.add_track("pitch", (pitch(clip) for clip in clips), rate=100)
    return store


def positions(clip: SyntheticClip) -> np.ndarray:
    """Which phone of the clip sounds in each frame at 50 Hz, -1 in silence: (F50,)."""
    return clip.owners(LATENT_RATE).astype(np.int16)


def pitch(clip: SyntheticClip) -> np.ndarray:
    """Log-F0, which a voice has also where it is silent, and voicing: (F100, 2) half precision."""
    log_f0 = np.log(clip.speaker.pitch) + clip.prosody * np.log(2) / 12
    return np.stack([log_f0, clip.f0 > 0], axis=1).astype(np.float16)


def open_synthetic(folder: Path, corpus: SyntheticCorpus, valid_speakers: int) -> ClipStore:
    """The packed store of a corpus; made and packed now if it is not there, lacks a track, or is of another corpus.

    Raises:
        DataError: CACHE_STALE, the store holds recordings, or is damaged.
    """
    if (folder / TABLE).is_file():
        made_of = read_table(folder).get("made_of") or {}
        store = ClipStore(folder)
        if "clips" in made_of or any(row.corpus != "synthetic" for row in store.rows):
            problem = f"The store {folder} holds recordings"
            raise DataError("CACHE_STALE", problem, "a folder for the synthetic corpus", "Give another store")
        # The pitch is the last track that is written.
        if made_of == _settings(corpus, valid_speakers) and store.has_track("pitch") and store.has_track("context"):
            return store
    return pack_synthetic(folder, corpus, valid_speakers)


def _settings(corpus: SyntheticCorpus, valid_speakers: int) -> dict[str, Any]:
    """What a synthetic store is made of."""
    sizes = {"n_speakers": len(corpus.speakers), "n_clips": corpus.n_clips, "n_syllables": list(corpus.n_syllables)}
    return {"synthetic": {**sizes, "seed": corpus.seed, "valid_speakers": valid_speakers}}


def make_codes(store: ClipStore, content_file: Path, n_codes: int) -> Path:
    """The tracks `content` and `codes-...` of a store, where they are not there yet.

    Args:
        store: of synthetic clips.
        content_file: weights of the content encoder.
        n_codes: size of the codebook, which is fitted here.

    Returns:
        the codebook's file, beside the store's tracks.

    Raises:
        CheckpointError: CKPT_MISSING, the content encoder has not been trained yet.
    """
    from gsv_lab.training.codes import fit_codebook

    encoder = file_fingerprint(content_file)[:DIGITS]
    source = content_file.name
    if not store.has_track("content") or encoder_identity(store) != encoder:
        network = load_component(content_file, ContentEncoder)
        contents = _contents(store, network)
        store.add_track("content", contents, rate=25, source=source, content_encoder=encoder)
    book = store.folder / f"quantizer-{encoder}-{n_codes}.safetensors"
    if not book.is_file() or not store.has_track("codes"):
        quantizer = fit_codebook(store, n_codes)
        add_codes(store, quantizer, source)
        save_component(quantizer, book)
    return book


@torch.no_grad()
def _contents(store: ClipStore, encoder: ContentEncoder) -> Iterator[np.ndarray]:
    """Content of every clip, means of two frames: (F25, D) half precision."""
    for index in tqdm(range(len(store)), "content"):
        wave = torch.from_numpy(store.wave(index))
        content = encoder(wave[None, None]).content
        yield functional.avg_pool1d(content, 2)[0].T.numpy().astype(np.float16)


class SyntheticContentData(ContentData):
    """`ContentData` on a corpus that is made on the spot.

    Args:
        store: see `SpeechData`.
        corpus: the voices and scripts.
        valid_speakers: see `pack_synthetic`.
        batch_seconds, valid_batches, stretch, masks, train, seed: see `ContentData`.
    """

    def __init__(
        self,
        store: str,
        corpus: SyntheticCorpus,
        valid_speakers: PositiveInt = 4,
        batch_seconds: PositiveFloat = 48.0,
        valid_batches: PositiveInt = 2,
        stretch: NonNegativeFloat | None = 0.12,
        masks: NonNegativeInt = 1,
        train: Splits = ("train",),
        seed: NonNegativeInt = 1234,
    ) -> None:
        super().__init__(
            store,
            batch_seconds=batch_seconds,
            valid_batches=valid_batches,
            stretch=stretch,
            masks=masks,
            train=train,
            seed=seed,
        )
        self.corpus = corpus
        self.valid_speakers = valid_speakers

    def open_store(self) -> ClipStore:
        """See `open_synthetic`."""
        return open_synthetic(self.store_folder, self.corpus, self.valid_speakers)


class SyntheticSoVITSData(SoVITSData):
    """`SoVITSData` on a corpus that is made on the spot, with codes of a content encoder that was trained on it.

    The codebook is fitted here, kept beside the store, and handed to the task.

    Args:
        store: see `SpeechData`.
        corpus: the voices and scripts.
        content_file: weights of the content encoder; a relative path lies below the cache folder.
        n_codes: size of the codebook.
        valid_speakers: see `pack_synthetic`.
        windows, window_seconds, other_clip, train, valid_batches, seed: see `SoVITSData`.
    """

    reference_seconds = 3.0

    def __init__(
        self,
        store: str,
        corpus: SyntheticCorpus,
        content_file: str,
        n_codes: PositiveInt = 64,
        valid_speakers: PositiveInt = 4,
        windows: PositiveInt = 8,
        window_seconds: PositiveFloat = 2.0,
        other_clip: ClosedUnitInterval = 1.0,
        train: Splits = ("train",),
        valid_batches: PositiveInt = 2,
        seed: NonNegativeInt = 1234,
    ) -> None:
        super().__init__(
            store,
            windows=windows,
            window_seconds=window_seconds,
            other_clip=other_clip,
            train=train,
            valid_batches=valid_batches,
            seed=seed,
        )
        self.corpus = corpus
        self.valid_speakers = valid_speakers
        self.content_file = in_cache(content_file)
        self.n_codes = n_codes

    def open_store(self) -> ClipStore:
        """See `open_synthetic`."""
        return open_synthetic(self.store_folder, self.corpus, self.valid_speakers)

    def make_tracks(self) -> None:
        """See `make_codes`; the task reads its codebook from the file that is made here."""
        book = make_codes(self.store, self.content_file, self.n_codes)
        self.codebook = str(book)
        if self._task is not None:
            cast("SoVITSTask", self._task).quantizer_file = str(book)


class SyntheticGPTData(GPTData):
    """`GPTData` on a corpus that is made on the spot, with the codes of `SyntheticSoVITSData`.

    Args:
        store: see `SpeechData`.
        corpus: the voices and scripts; context features are those of `SyntheticClip.context`.
        content_file, n_codes: see `SyntheticSoVITSData`.
        valid_speakers: see `pack_synthetic`.
        batch_seconds, prompted, speaker_file, train, valid_batches, seed: see `GPTData`.
    """

    def __init__(
        self,
        store: str,
        corpus: SyntheticCorpus,
        content_file: str,
        n_codes: PositiveInt = 64,
        valid_speakers: PositiveInt = 4,
        batch_seconds: PositiveFloat = 40.0,
        prompted: ClosedUnitInterval = 0.5,
        speaker_file: str = "",
        train: Splits = ("train",),
        valid_batches: PositiveInt = 2,
        seed: NonNegativeInt = 1234,
    ) -> None:
        super().__init__(
            store,
            batch_seconds=batch_seconds,
            prompted=prompted,
            speaker_file=speaker_file,
            train=train,
            valid_batches=valid_batches,
            seed=seed,
        )
        self.corpus = corpus
        self.valid_speakers = valid_speakers
        self.content_file = in_cache(content_file)
        self.n_codes = n_codes

    def open_store(self) -> ClipStore:
        """See `open_synthetic`."""
        return open_synthetic(self.store_folder, self.corpus, self.valid_speakers)

    def make_context(self) -> None:
        """The store has true ones; the codes are made here, see `make_codes`."""
        book = make_codes(self.store, self.content_file, self.n_codes)
        self.codebook = str(book)
