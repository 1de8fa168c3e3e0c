"""The clips of one person as a store with everything that the networks of a base model read, to tune a voice on."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from gsv_lab import audio
from gsv_lab.corpora.data import SpeechData
from gsv_lab.corpora.gpt_data import GPTData
from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.released_data import ReleasedGPTData, ReleasedSoVITSData
from gsv_lab.corpora.released_store import store_of
from gsv_lab.corpora.released_tracks import networks_of
from gsv_lab.corpora.sovits_data import SoVITSData
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.store_files import TABLE
from gsv_lab.corpora.tracks import add_codes, add_content, add_pitch
from gsv_lab.corpora.voice_clips import LONGEST_CLIP
from gsv_lab.inference.family import Family
from gsv_lab.released.synthesizer import ReleasedSynthesizer

DONE = "done"
"""Stands in a store once all of its tracks do."""


def voice_store(family: Family, clips: Sequence[Clip], folder: Path) -> ClipStore:
    """The clips as a store with all tracks, made where it is not there as a whole.

    Raises:
        DataError: DATA_EMPTY, no clip is of use for a released family; those of `ClipStore`. LabError: SAVE_FAILED.
    """
    if family.released:
        made = store_of(clips, networks_of(cast(ReleasedSynthesizer, family.synthesizer)), family.version, folder)
        for file, reason in made.left_out:
            warnings.warn(f"left out: {file}: {reason}", stacklevel=2)
        return ClipStore(folder)
    if (folder / TABLE).is_file() and (folder / DONE).is_file():
        return ClipStore(folder)
    synthesizer = family.synthesizer
    rate = synthesizer.sample_rate
    store = ClipStore.pack(folder, clips, lambda path: audio.read(path, rate).samples.numpy(), rate)
    add_pitch(store)
    add_content(store, synthesizer.content_encoder, family.version, family.pauses)
    # Codes are looked up on the CPU, where the store is.
    add_codes(store, copy.deepcopy(synthesizer.sovits.quantizer).cpu(), family.version)
    (folder / DONE).touch()
    return store


def held_out_clips(store: ClipStore, stage: str) -> SpeechData:
    """The data of a store by which a stage, `sovits` or `gpt`, is judged, ready for batches of its split `valid`."""
    folder = str(store.folder)
    data: SpeechData
    if store.family:
        data = ReleasedSoVITSData(folder) if stage == "sovits" else ReleasedGPTData(folder)
    elif stage == "sovits":
        data = SoVITSData(folder, window_seconds=LONGEST_CLIP, worst_fit=-90.0, other_clip=0.0)
    else:
        data = GPTData(folder, longest=LONGEST_CLIP, worst_fit=-90.0, prompted=0.0)
    data.setup()
    return data
