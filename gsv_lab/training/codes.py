"""The codebook of nano: k-means on the content of the training clips, fitted once, then frozen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from gsv_lab.checkpoint import load_component, save_component
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.tracks import add_codes, add_content, add_pitch
from gsv_lab.nn.interfaces import ContentEncoder
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.system.config import build
from gsv_lab.system.folders import locked
from gsv_lab.system.seeds import seeded


@torch.no_grad()
def fit_codebook(
    store: ClipStore, n_codes: int, vectors: int = 100_000, steps: int = 30, seed: int = 1234
) -> VectorQuantizer:
    """K-means centres of the track `content` over the training clips (Lloyd 1982), as a quantizer with mean projection.

    Args:
        store: clips with the track; those of the split `train` are used.
        n_codes: size of the alphabet.
        vectors: how many are drawn for k-means.
        steps: of k-means.
        seed: of the draw and the start.
    """
    generator = seeded(seed)
    chosen = [i for i, row in enumerate(store.rows) if row.split == "train"]
    dim = store.track("content", chosen[0]).shape[1]
    init_args = {"dim": dim, "n_codes": n_codes, "projection": "mean", "hop": 2, "kmeans_steps": steps}
    quantizer = build({"class_path": "gsv_lab.nn.quantizer.VectorQuantizer", "init_args": init_args})
    share = min(1.0, vectors / sum(len(store.track("content", i)) for i in chosen))
    drawn = []
    for i in chosen:
        content = torch.from_numpy(store.track("content", i).astype(np.float32))
        drawn.append(content[torch.rand(len(content), generator=generator) < share])
    quantizer.books[0].start(torch.cat(drawn), generator)
    return quantizer.eval()


def make_codes(store_folder: str | Path, content_file: str | Path, output: str | Path, n_codes: int = 512) -> Path:
    """From a trained content encoder to everything the next stages read: codebook, codes, aligned phones, pitch.

    Places for pauses stand among the phones, unless the texts of the store were read without them before.

    Returns:
        the quantizer's weight file, which is written last: once it is there, so is all the rest.

    Raises:
        LabError: SAVE_FAILED. DataError: CACHE_STALE, the store is damaged.
    """
    with locked(store_folder, "written", wait=True):
        store = ClipStore(store_folder)
        if not store.has_track("pitch"):
            add_pitch(store)
        add_content(store, load_component(content_file, ContentEncoder), str(content_file), pauses=True)
        quantizer = fit_codebook(store, n_codes)
        add_codes(store, quantizer, str(content_file))
        return save_component(quantizer, output)
