"""The codebook of nano: k-means on content that was heard in training, fitted once, then frozen."""

from __future__ import annotations

from pathlib import Path

import torch
from tqdm.auto import tqdm

from gsv_lab.checkpoint import load_component, save_component
from gsv_lab.config import build
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.tracks import add_codes, add_phones, add_pitch, hear
from gsv_lab.nn.quantizer import VectorQuantizer


@torch.no_grad()
def fit_codebook(
    store: ClipStore, content_encoder: torch.nn.Module, n_codes: int, vectors: int = 120_000, steps: int = 30, seed: int = 1234
) -> VectorQuantizer:
    """K-means centres of content at 25 Hz over the training clips (Lloyd 1982), as a quantizer with mean projection.

    Args:
        store: clips; those of the split `train` are used.
        content_encoder: trained.
        n_codes: size of the alphabet.
        vectors: how many are drawn for k-means.
        steps: of k-means.
        seed: of the draw and the start.
    """
    generator = torch.Generator().manual_seed(seed)
    init_args = {"dim": content_encoder.dim, "n_codes": n_codes, "projection": "mean", "hop": 2, "kmeans_steps": steps}
    quantizer = build({"class_path": "gsv_lab.nn.quantizer.VectorQuantizer", "init_args": init_args})
    chosen = [i for i, row in enumerate(store.rows) if row.split == "train"]
    share = min(1.0, vectors / (sum(store.rows[i].samples for i in chosen) / store.sample_rate * 25))
    drawn = []
    for i in tqdm(chosen, "content"):
        projected = quantizer.project(hear(store, content_encoder, i).content[None])[0].T
        drawn.append(projected[torch.rand(len(projected), generator=generator) < share])
    quantizer.books[0].start(torch.cat(drawn), generator)
    return quantizer.eval()


def make_codes(store_folder: str | Path, content_file: str | Path, output: str | Path, n_codes: int = 512) -> Path:
    """From a trained content encoder to everything the next stages read: codebook, codes, aligned phones, pitch.

    Returns:
        the quantizer's weight file.
    """
    store = ClipStore(store_folder)
    content_encoder = load_component(content_file)
    source = str(content_file)
    if not store.has_track("pitch"):
        add_pitch(store)
    quantizer = fit_codebook(store, content_encoder, n_codes)
    path = save_component(quantizer, output)
    add_codes(store, content_encoder, quantizer, source)
    add_phones(store, content_encoder, source)
    return path
