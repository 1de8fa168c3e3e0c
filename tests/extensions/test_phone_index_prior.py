"""A phone index of -1 is an unknown phone and never the first one, from the store to the prior."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import swapping
import tiny
from gsv_lab.corpora.gpt_data import join
from gsv_lab.corpora.sovits_data import pad_windows
from gsv_lab.extensions.phone_index_prior import PhoneIndexPrior
from gsv_lab.nn.interfaces import Conditioning
from gsv_lab.nn.prior import TextContentPrior
from gsv_lab.system.config import build
from gsv_lab.training.sovits_task import SoVITSTask

B, D, P, F, G = 2, 6, 4, 12, 3
SIZES = (D, 5, G, 11, 8, 8, 2, (1, 1, 1), 3, 8, 2, 0.0)


def test_an_unknown_phone_adds_nothing() -> None:
    """Such frames are those of the parent; known ones are not, the first phone among them."""
    torch.manual_seed(0)
    prior = PhoneIndexPrior(*SIZES).eval()
    parent = TextContentPrior(*SIZES).eval()
    parent.load_state_dict(prior.state_dict(), strict=False)
    quantized, phones, speaker = torch.randn(B, D, F), torch.randint(11, (B, P)), torch.randn(B, G, 1)

    def mean(index: int | None) -> torch.Tensor:
        known = None if index is None else torch.full((B, F), index)
        with torch.no_grad():
            return prior(quantized, None, phones, None, Conditioning(speaker, phone_index=known)).mean

    with torch.no_grad():
        plain = parent(quantized, None, phones, None, Conditioning(speaker)).mean
    assert torch.equal(mean(None), plain) and torch.equal(mean(-1), plain)
    for known in range(P):
        assert not torch.allclose(mean(known), plain)


@pytest.mark.parametrize(("share", "unknown"), [(0.0, 0), (1.0, 2)])
def test_training_hides_phones_as_unknown_ones(share: float, unknown: int) -> None:
    task = SoVITSTask(build(tiny.SOVITS), phone_index_dropout=share)
    batch = swapping.sovits_batch(task)
    found = task.train().phone_index(batch)
    known = task.eval().phone_index(batch)
    assert found is not None and known is not None and (known >= 0).all()
    assert int((found == -1).all(1).sum()) == unknown
    assert torch.equal(found[unknown:], known[unknown:])


def test_batches_keep_unknown_phones_unknown() -> None:
    """Frames that are padded, frames without a phone, and codes that follow a prompt."""
    windows = []
    for frames in (4, 2):
        positions = torch.tensor([-1, *range(frames - 1)])
        window = {"wave": torch.zeros(frames), "codes": torch.zeros(frames // 2), "positions": positions}
        windows.append({**window, "phones": torch.zeros(2), "reference": torch.ones(4)})
    assert pad_windows(windows, 1).positions.tolist() == [[-1, 0, 1, 2], [-1, 0, -1, -1]]
    codes = {"codes": torch.zeros(2), "positions": torch.tensor([-1, 1])}
    clip = {**codes, "phones": torch.zeros(3), "context": torch.zeros(3, 1)}
    assert join(clip, clip)["positions"].tolist() == [-1, 1, -1, 4]


def test_a_window_of_a_store_keeps_them(tmp_path: Path) -> None:
    store = tiny.make_store(tmp_path / "store", clips=3)
    frames = [row.samples // 320 for row in store.rows]
    unknown = [np.resize([-1, 0, 1], count).astype(np.int16) for count in frames]
    store.add_track("codes-book1-made", (np.zeros(count // 2, np.int16) for count in frames))
    store.add_track("symbols", (np.arange(3, dtype=np.int16) for _ in frames))
    store.add_track("positions", unknown)
    store.add_track("fit", (np.zeros(1, np.float32) for _ in frames))
    data = build(tiny.spec("corpora.sovits_data.SoVITSData", store=str(store.folder), windows=2, window_seconds=9.0))
    data.setup()
    assert data.draw(0).positions[0, :6].tolist() == [-1, 0, 1, -1, 0, 1]
