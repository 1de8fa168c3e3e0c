"""Codes of several codebooks and content encoders in one store: side by side, and each found again by its codebook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoint.layouts import sovits_state
from torch import Tensor, nn

from gsv_lab.checkpoint import load_component, save_component
from gsv_lab.corpora.content_data import add_phones
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.texts import labels
from gsv_lab.corpora.tracks import add_codes, add_content, codebook_identity, codes_track
from gsv_lab.errors import CheckpointError, DataError
from gsv_lab.nn.interfaces import Encoded
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.released.reference_spec import sovits_spec
from gsv_lab.system.config import build
from gsv_lab.text.symbols import CTC_SYMBOLS, SYMBOL_ID
from tiny import make_store, spec

DIM = 6


def made_quantizer(seed: int, n_books: int = 1) -> VectorQuantizer:
    torch.manual_seed(seed)
    quantizer = build(
        spec("nn.quantizer.VectorQuantizer", dim=DIM, n_codes=16, projection="mean", hop=2, n_books=n_books)
    )
    return quantizer.eval()


def add_random_content(store: ClipStore, seed: int, **settings: str) -> None:
    random = np.random.default_rng(seed)
    store.add_track("content", (random.standard_normal((9, DIM)).astype(np.float16) for _ in store.rows), **settings)


@pytest.fixture
def store(tmp_path: Path) -> ClipStore:
    made = make_store(tmp_path / "store", clips=4)
    add_random_content(made, 0, source="one", content_encoder="0123abcd")
    return made


def read(store: ClipStore, name: str) -> list[list[int]]:
    again = ClipStore(store.folder)
    return [again.track(name, i).tolist() for i in range(len(again))]


def nearest(store: ClipStore, quantizer: VectorQuantizer) -> list[list[int]]:
    """The code whose vector is nearest, by its definition."""
    table = quantizer.books[0].table
    contents = (torch.from_numpy(store.track("content", i).astype(np.float32)) for i in range(len(store)))
    return [torch.cdist(content, table).argmin(1).tolist() for content in contents]


def test_two_codebooks_live_side_by_side(store: ClipStore, tmp_path: Path) -> None:
    files, wanted = {}, {}
    for seed in (1, 2):
        quantizer = made_quantizer(seed)
        files[seed] = save_component(quantizer, tmp_path / f"q{seed}.safetensors")
        name = add_codes(store, quantizer, "test")
        assert name == f"codes-{codebook_identity(quantizer)}-0123abcd"
        wanted[seed] = nearest(store, quantizer)
    assert wanted[1] != wanted[2]
    for seed in (1, 2):
        assert read(store, codes_track(store, files[seed])) == wanted[seed]
    with pytest.raises(DataError, match="2 tracks 'codes'.*codes-.*Name the codebook"):
        codes_track(store)
    with pytest.raises(DataError, match="2 tracks 'codes'"):
        store.track("codes", 0)


def test_one_codebook_needs_no_name(store: ClipStore) -> None:
    quantizer = made_quantizer(1)
    name = add_codes(store, quantizer, "test")
    assert codes_track(store) == name and store.has_track("codes")
    assert read(store, "codes") == read(store, name) == nearest(store, quantizer)
    assert store.track_info("codes")["settings"]["codebook"] == codebook_identity(quantizer)


def test_codes_made_again_take_the_place_of_the_old_ones(store: ClipStore) -> None:
    quantizer = made_quantizer(1)
    name, before = add_codes(store, quantizer, "test"), read(store, "codes")
    add_random_content(store, 5, source="one", content_encoder="0123abcd")
    assert add_codes(store, quantizer, "test") == name
    assert store.track("codes", 0).tolist() != before[0] and read(store, "codes") == nearest(store, quantizer)


def test_another_content_encoder_is_another_track(store: ClipStore, tmp_path: Path) -> None:
    """With and without a note of the encoder: of an older track of content, the source alone counts."""
    quantizer = made_quantizer(1)
    names = [add_codes(store, quantizer, "test")]
    for seed, settings in ((1, {"content_encoder": "ffff0000"}), (2, {}), (3, {"source": "another"})):
        add_random_content(store, seed, **settings)
        names.append(add_codes(store, quantizer, "test"))
    assert len(set(names)) == 4 and store.variants("codes") == sorted(names)
    file = save_component(quantizer, tmp_path / "q.safetensors")
    with pytest.raises(DataError, match="4 tracks"):
        codes_track(store, file)
    assert all(read(store, name) for name in names)


def test_the_older_track_goes_on_being_read(store: ClipStore, tmp_path: Path) -> None:
    older = [np.full(4, 7, np.int16)] * len(store)
    store.add_track("codes", iter(older), rate=25, source="before")
    file = save_component(made_quantizer(1), tmp_path / "q1.safetensors")
    assert codes_track(store) == codes_track(store, file) == "codes"
    second = made_quantizer(2)
    add_codes(store, second, "test")
    assert read(store, codes_track(store, file)) == [row.tolist() for row in older]
    assert read(store, codes_track(store, save_component(second, tmp_path / "q2.safetensors"))) == nearest(
        store, second
    )
    with pytest.raises(DataError, match="2 tracks 'codes'"):
        codes_track(store)


def test_the_codebook_inside_a_sovits(store: ClipStore, tmp_path: Path) -> None:
    sovits = build(sovits_spec(sovits_state("v2"), [3, 2], dilations=[1]))
    name = add_codes(store, sovits.quantizer, "test")
    add_codes(store, made_quantizer(1), "test")
    assert codes_track(store, save_component(sovits, tmp_path / "sovits.safetensors")) == name


def test_no_codes_of_this_codebook(store: ClipStore, tmp_path: Path) -> None:
    add_codes(store, made_quantizer(1), "test")
    file = save_component(made_quantizer(2), tmp_path / "q2.safetensors")
    with pytest.raises(DataError, match="no tracks 'codes-.*Run the stage that makes the codes"):
        codes_track(store, file)
    with pytest.raises(CheckpointError) as caught:
        codes_track(store, tmp_path / "none.safetensors")
    assert caught.value.code == "CKPT_MISSING"


def test_identity_is_that_of_the_code_vectors(tmp_path: Path) -> None:
    """Of half-precision weights too; of one vector changed by more than their rounding, another one."""
    quantizer = made_quantizer(1)
    before = codebook_identity(quantizer)
    halved = save_component(quantizer, tmp_path / "half.safetensors", dtype=torch.float16)
    assert codebook_identity(load_component(halved)) == before != codebook_identity(made_quantizer(2))
    quantizer.books[0].counts += 1
    assert codebook_identity(quantizer) == before
    quantizer.books[0].table[3, 2] += 0.1
    assert codebook_identity(quantizer) != before


def test_identity_of_several_books() -> None:
    assert len({codebook_identity(made_quantizer(seed, n_books=2)) for seed in range(3)}) == 3


def test_variants_are_whole_tracks_of_that_name(store: ClipStore) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield np.zeros(3, np.int16)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.add_track("codes-aa", broken())
    assert store.variants("codes") == [] and not store.has_track("codes")
    for name in ("codes-bb", "codes", "codesx"):
        store.add_track(name, [np.zeros(1, np.int16)] * len(store))
    assert store.variants("codes") == ["codes", "codes-bb"] and store.variants("code") == []


class HearsSilence(nn.Module):
    """A content encoder that is sure of silence, and of nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.content = nn.Parameter(torch.zeros(DIM))

    def forward(self, wave: Tensor) -> Encoded:
        """(1, 1, T) -> one frame for 320 samples."""
        silent = wave[0, 0].unfold(0, 320, 320).abs().amax(-1) == 0
        scores = torch.zeros(1, len(silent), len(CTC_SYMBOLS))
        scores[0, :, 0] = torch.where(silent, 30.0, -5.0)
        content = self.content[None, :, None].expand(1, -1, len(silent))
        return Encoded(content, scores.log_softmax(-1))


def test_places_for_pauses_own_the_silence(tmp_path: Path) -> None:
    """With them, silence between words is a phone of its own, and the other phones keep their frames."""
    found = {}
    for pauses in (False, True):
        store = make_store(tmp_path / str(pauses), clips=4, seconds=3.0)
        samples = np.memmap(store.folder / "wave.i16", np.int16, "r+")
        for row in store.rows:
            samples[row.start : row.start + 8000] = 0
        samples.flush()
        add_content(store, HearsSilence(), "test", pauses=pauses)
        symbols = [store.track("symbols", i) for i in range(len(store))]
        positions = [store.track("positions", i) for i in range(len(store))]
        found[pauses] = list(zip(symbols, positions, strict=True))
    for (plain, plainly), (symbols, positions) in zip(found[False], found[True], strict=True):
        paused = symbols == SYMBOL_ID["SP"]
        assert symbols[~paused].tolist() == plain.tolist() and paused[0] and paused[-1]
        spoken = plainly >= 0
        assert (symbols[positions[spoken]] == plain[plainly[spoken]]).all()
        assert (plainly[:25] == -1).all() and (positions[:25] == 0).all()


def test_a_store_that_a_content_encoder_was_trained_on_has_places_for_pauses(tmp_path: Path) -> None:
    """They make no sound of their own, so the encoder learns the same phones; `make_codes` finds the texts read."""
    store = make_store(tmp_path / "store", clips=4, seconds=3.0)
    add_phones(store)
    add_content(store, HearsSilence(), "test", pauses=True)
    for i in range(len(store)):
        symbols = store.track("symbols", i)
        paused = symbols == SYMBOL_ID["SP"]
        assert paused[0] and paused[-1]
        assert store.track("phones", i).tolist() == labels(symbols[~paused]).tolist()
