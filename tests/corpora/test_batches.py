"""Batches as tasks need them: optional fields, codes of the right codebook, one sample rate, a resumed order."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import tiny
from gsv_lab.checkpoint import save_component
from gsv_lab.corpora.augmentation import Alteration
from gsv_lab.corpora.gpt_data import GPTBatch
from gsv_lab.corpora.sovits_data import SoVITSBatch
from gsv_lab.corpora.store import ClipStore
from gsv_lab.errors import CheckpointError, ConfigError, DataError
from gsv_lab.system.config import build
from gsv_lab.training.fit import fit

DIM = 12


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    """Clips of three speakers with every track that training reads; content and codes say which clip and frame."""
    store = tiny.make_store(tmp_path_factory.mktemp("store"), clips=12)
    random = np.random.default_rng(0)
    frames = [row.samples // 320 for row in store.rows]
    content = [np.full((count // 2, DIM), number, np.float16) for number, count in enumerate(frames)]
    for number, array in enumerate(content):
        array[:, 1] = np.arange(len(array))
        array[:, 2] = number
    store.add_track("content", content, rate=25, source="made", content_encoder="made")
    store.add_track("codes-book1-made", (array[:, 1].astype(np.int16) % 20 for array in content))
    store.add_track("symbols", (random.integers(1, 700, 6).astype(np.int16) for _ in frames))
    store.add_track("spelling", (random.integers(1, 700, 6).astype(np.int16) for _ in frames))
    store.add_track("context", (random.normal(0, 1, (6, 36)).astype(np.float16) for _ in frames))
    store.add_track("positions", (np.sort(random.integers(-1, 6, count)).astype(np.int16) for count in frames))
    store.add_track("fit", (np.zeros(1, np.float32) for _ in frames))
    store.add_track("pitch", (random.normal(5, 0.3, (2 * count, 2)).astype(np.float16) for count in frames))
    return store


def opened(data: dict[str, Any], task: dict[str, Any] | None, batches: int = 0) -> Any:
    """Data as `fit` sets them up for a task."""
    module = build(data)
    if task is not None:
        module.attach(build(task), SimpleNamespace(batches=batches), 0)
    module.setup()
    return module


def sovits_data(store: ClipStore, **more: Any) -> dict[str, Any]:
    settings = {"store": str(store.folder), "windows": 3, "window_seconds": 1.0, "worst_fit": -90.0, **more}
    return tiny.spec("corpora.sovits_data.SoVITSData", **settings)


def gpt_data(store: ClipStore, **more: Any) -> dict[str, Any]:
    settings = {"store": str(store.folder), "batch_seconds": 8.0, "worst_fit": -90.0, **more}
    return tiny.spec("corpora.gpt_data.GPTData", **settings)


def sovits_task(**parts: Any) -> dict[str, Any]:
    sovits = {**tiny.SOVITS, "init_args": {**tiny.SOVITS["init_args"], **parts}}
    return tiny.spec("training.sovits_task.SoVITSTask", sovits=sovits)


def gpt_task(**arguments: Any) -> dict[str, Any]:
    gpt = {**tiny.GPT, "init_args": {**tiny.GPT["init_args"], **arguments}}
    return tiny.spec("training.gpt_task.GPTTask", semantic_gpt=gpt, guided_layer=-1)


CONTINUOUS = tiny.spec("extensions.continuous_content.ContinuousContent", dim=DIM, hop=2)
EQ = tiny.spec("corpora.augmentation.SpeedAndEQAugmentation", speed=0.15, eq_db=3.0, share=1.0)


def test_optional_fields_are_there_only_where_they_are_needed(store: ClipStore) -> None:
    batch = opened(sovits_data(store), sovits_task()).draw(0)
    assert batch.content is None and batch.verification is None
    assert opened(sovits_data(store), None).draw(0).content is None
    assert next(iter(opened(gpt_data(store), gpt_task()).train_dataloader())).speaker is None


def test_content_goes_with_its_codes(store: ClipStore) -> None:
    """Every frame twice; on the altered time axis, too, content and codes are of the same moment of the recording."""
    data = opened(sovits_data(store, augmentation=EQ), sovits_task(quantizer=CONTINUOUS))
    for number in range(4):
        batch: SoVITSBatch = data.draw(number)
        assert batch.content is not None and batch.content.shape == (3, DIM, 2 * batch.codes.shape[1])
        for content, codes, frames in zip(batch.content, batch.codes, batch.frames.tolist(), strict=True):
            assert torch.equal(content[:, 0::2], content[:, 1::2])
            spoken = content[1, :frames:2].long() % 20
            assert torch.equal(spoken, codes[: frames // 2])
    altered = data.window(0, np.random.default_rng(0), Alteration(1.15))
    assert len(altered["content"]) == 2 * len(altered["codes"])


@pytest.fixture(scope="module")
def speaker_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return save_component(build(tiny.SOVITS), tmp_path_factory.mktemp("weights") / "sovits.safetensors")


def test_speaker_vectors_are_those_of_another_clip(store: ClipStore, speaker_file: Path) -> None:
    data = opened(gpt_data(store, speaker_file=str(speaker_file)), gpt_task(speaker_dim=16))
    vectors = [torch.from_numpy(store.track(data.speaker_track, index).copy()).T for index in range(len(store))]
    chosen = data.chosen["train"]
    for number in range(3):
        batch: GPTBatch = data.collate(chosen, number)
        assert batch.speaker is not None and batch.speaker.shape == (len(chosen), 16, 1)
        for index, vector in zip(chosen, batch.speaker, strict=True):
            (source,) = [k for k, known in enumerate(vectors) if torch.equal(known, vector)]
            assert source != index and store.rows[source].speaker == store.rows[index].speaker
            assert store.rows[source].split == "train"
    valid = data.chosen["valid"]
    assert torch.equal(data.collate(valid, None).speaker, data.collate(valid, None).speaker)
    again = opened(gpt_data(store, speaker_file=str(speaker_file)), gpt_task(speaker_dim=16))
    assert again.speaker_track == data.speaker_track and len(store.variants("speaker")) == 1


def test_speaker_vectors_are_what_the_lab_finds(store: ClipStore, speaker_file: Path) -> None:
    """The track holds what the speaker encoder says of the clip with its stored pitch."""
    data = opened(gpt_data(store, speaker_file=str(speaker_file)), gpt_task(speaker_dim=16))
    torch.manual_seed(0)
    sovits = build(tiny.SOVITS).eval()
    pitch = torch.from_numpy(store.track("pitch", 4).astype(np.float32))
    wave = torch.from_numpy(store.wave(4))[None, None]
    with torch.no_grad():
        features = sovits.frontend.reference(wave, pitch[None, None, :, 0], pitch[None, None, :, 1])
        expected = sovits.embed(features)[0, :, 0]
    torch.testing.assert_close(torch.from_numpy(store.track(data.speaker_track, 4)[0].copy()), expected)


def test_one_error_says_what_is_missing(store: ClipStore) -> None:
    with pytest.raises(ConfigError, match="needs 'speaker' .*Expected speaker_file of the data"):
        opened(gpt_data(store), gpt_task(speaker_dim=16))
    with pytest.raises(CheckpointError, match="No file"):
        opened(gpt_data(store, speaker_file="nothing.safetensors"), gpt_task(speaker_dim=16))
    with pytest.raises(ConfigError, match="needs 'content' .*and GPTData does not give it"):
        opened(gpt_data(store), sovits_task(quantizer=CONTINUOUS))
    base = tiny.SOVITS["init_args"]["speaker_encoder"]
    verified = tiny.spec("nn.speaker_encoder.VerifiedSpeakerEncoder", base=base, verification_dim=5)
    with pytest.raises(ConfigError, match="needs 'verification'"):
        opened(sovits_data(store), sovits_task(speaker_encoder=verified))


def test_trainings_with_optional_fields(store: ClipStore, speaker_file: Path, tmp_path: Path) -> None:
    """Through `fit`: SoVITS without a quantizer, SemanticGPT with a speaker, one batch and one validation each."""
    tasks = {
        "continuous": (sovits_task(quantizer=CONTINUOUS), sovits_data(store, valid_batches=1)),
        "speaker": (gpt_task(speaker_dim=16), gpt_data(store, speaker_file=str(speaker_file), valid_batches=1)),
    }
    for name, (task, data) in tasks.items():
        made = fit(tiny.experiment(task, data, 1, validate_every=1), tmp_path / name, progress_bar=False)
        assert made.done and len(made.weights) == 1


def test_another_rate_is_refused(store: ClipStore) -> None:
    frontend = tiny.spec("nn.frontend.LinearFrontend", n_fft=1024, hop_length=640)
    vocoder = tiny.spec(
        "extensions.istft_vocoder.InverseSTFTVocoder", latent_dim=8, speaker_dim=16, hop_length=640, width=8, layers=1
    )
    style = tiny.SOVITS["init_args"]["speaker_encoder"]["init_args"]["base"]
    parts = {"frontend": frontend, "vocoder": vocoder, "speaker_encoder": style, "pitch_predictor": None}
    with pytest.raises(ConfigError, match="frontend works at 32000 Hz and the store .* holds 16000 Hz"):
        opened(sovits_data(store), sovits_task(**parts))


def test_codes_of_the_codebook_that_is_named(tmp_path: Path) -> None:
    """With several codebooks in a store the task's own is read; none named is an error that lists them."""
    from gsv_lab.corpora.tracks import add_codes

    store = tiny.make_store(tmp_path / "store", clips=6)
    frames = [row.samples // 320 for row in store.rows]
    random = np.random.default_rng(0)
    store.add_track("content", (random.normal(0, 1, (count // 2, DIM)).astype(np.float16) for count in frames))
    for name, dtype, width in (("symbols", np.int16, 0), ("positions", np.int16, 0), ("pitch", np.float16, 2)):
        shape = (lambda count: (2 * count, 2)) if width else (lambda count: (count,))
        store.add_track(name, (np.zeros(shape(count), dtype) for count in frames))
    store.add_track("fit", (np.zeros(1, np.float32) for _ in frames))
    files, names = [], []
    for seed in range(2):
        torch.manual_seed(seed)
        quantizer = build(tiny.QUANTIZER).eval()
        torch.nn.init.normal_(quantizer.books[0].table)
        names.append(add_codes(store, quantizer, "made"))
        files.append(save_component(quantizer, tmp_path / f"{seed}.safetensors"))
    for file, name in zip(files, names, strict=True):
        task = sovits_task()
        task["init_args"]["quantizer_file"] = str(file)
        assert opened(sovits_data(store), task).codes_name == name
        assert opened(sovits_data(store, codebook=str(file)), None).codes_name == name
    with pytest.raises(DataError, match="2 tracks 'codes'"):
        opened(sovits_data(store), sovits_task())


def test_batches_follow_from_their_number(store: ClipStore) -> None:
    """A training that goes on at batch 2 sees what it would have seen."""
    first = iter(opened(sovits_data(store, augmentation=EQ), sovits_task()).train_dataloader())
    third = [next(first) for _ in range(3)][2]
    resumed = next(iter(opened(sovits_data(store, augmentation=EQ), sovits_task(), batches=2).train_dataloader()))
    assert torch.equal(third.wave, resumed.wave) and torch.equal(third.codes, resumed.codes)
