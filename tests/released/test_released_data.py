"""Batches for the released families: whole clips at 32 kHz with what belongs to them; and stores that do not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab import audio
from gsv_lab.checkpoint import save_component
from gsv_lab.cli import main
from gsv_lab.corpora.gpt_data import GPTBatch
from gsv_lab.corpora.readers import read
from gsv_lab.corpora.released_store import make_store
from gsv_lab.corpora.sovits_data import SoVITSBatch
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.tracks import identity
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.released.loading import imported_file
from gsv_lab.system.config import build, load_experiment
from gsv_lab.text import phonemize
from gsv_lab.training.fit import fit
from released_files import gpt_spec, place
from released_stores import FAMILIES, family_spec, write_clips
from tiny import GPT, experiment, spec
from tiny import make_store as make_nano_store

pytest.importorskip("transformers", reason="transformers is in the extra [released]")
CONFIGS = Path(__file__).resolve().parents[2] / "configs"
EQ = spec("corpora.augmentation.SpeedAndEQAugmentation", speed=0.15, eq_db=3.0, share=1.0)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, six_clips: Path, weights: Path) -> dict[str, ClipStore]:
    """One of each family."""
    root = tmp_path_factory.mktemp("stores")
    return {name: ClipStore(make_store(six_clips, name, root / name, weights).folder) for name in FAMILIES}


def sovits_task(family: str, **more: Any) -> dict[str, Any]:
    found = [spec("nn.discriminators.PeriodDiscriminator", period=period, channels=[4, 4]) for period in (2, 3)]
    arguments: dict[str, Any] = {
        "sovits": family_spec(family),
        "discriminators": spec("nn.discriminators.CombinedDiscriminator", discriminators=found),
        "schedule": spec("training.schedules.EpochDecay"),
        **more,
    }
    return spec("training.released_tasks.ReleasedSoVITSTask", **arguments)


def gpt_task(family: str = "v2", **more: Any) -> dict[str, Any]:
    made = gpt_spec(512 if family == "v1" else 732)
    made["init_args"] |= more
    schedule = spec("training.schedules.FirstThenConstant")
    return spec("training.released_tasks.ReleasedGPTTask", semantic_gpt=made, schedule=schedule, accumulate=1)


def data_of(configuration: str, stage: str, store: Path, **more: Any) -> dict[str, Any]:
    """The data block of a shipped configuration on a store."""
    data = load_experiment([CONFIGS / configuration / f"{stage}.yaml"], [f"sizes.store={store}"])["data"]
    data["init_args"] |= {"batch_seconds": 8.0, **more}
    return dict(data)


def opened(data: dict[str, Any], task: dict[str, Any] | None, batches: int = 0) -> Any:
    """Data as `fit` sets them up for a task."""
    module = build(data)
    if task is not None:
        module.attach(build(task), SimpleNamespace(batches=batches), 0)
    module.setup()
    return module


@pytest.mark.parametrize("family", FAMILIES)
def test_whole_clips_with_all_that_belongs_to_them(family: str, stores: dict[str, ClipStore], six_clips: Path) -> None:
    store = stores[family]
    data = opened(data_of(family, "sovits", store.folder), sovits_task(family))
    chosen = data.chosen["train"] + data.chosen["valid"]
    assert sorted(chosen) == list(range(6)) and len(data.chosen["valid"]) == 1
    batch: SoVITSBatch = data.collate(chosen, None)
    assert batch.positions is None and batch.log_f0 is None and batch.reference_voicing is None
    assert (batch.verification is not None) == family.startswith("v2Pro")
    texts = {clip.id: clip for clip in read(six_clips)}
    for number, index in enumerate(chosen):
        row = store.rows[index]
        frames = row.samples // 640 // 2 * 2
        assert batch.frames[number] == frames and len(store.track("codes", index)) * 2 == frames
        wave = audio.read(texts[row.id].path, 32000).samples[: frames * 640]
        torch.testing.assert_close(batch.wave[number, 0, : len(wave)], wave, atol=1 / 32000, rtol=0)
        assert not batch.wave[number, 0, len(wave) :].any()
        assert batch.phones[number, : batch.phone_lengths[number]].tolist() == phonemize(row.text, row.language).ids
        assert batch.codes[number, : frames // 2].tolist() == store.track("codes", index).tolist()
        own = int(batch.reference_frames[number])
        assert own == frames
        assert torch.equal(batch.reference[number, 0, : own * 640], batch.wave[number, 0, : own * 640])
        if batch.verification is not None:
            vector = store.track("verification", index)[0].astype(np.float32)
            assert torch.equal(batch.verification[number], torch.from_numpy(vector))


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_of_both_stages(family: str, stores: dict[str, ClipStore]) -> None:
    """One training batch forward and backward: every weight but the frozen codebook's gets a finite gradient."""
    folder = stores[family].folder
    made = sovits_task(family)
    sovits: Any = build(made)
    terms = sovits.generate(next(iter(opened(data_of(family, "sovits", folder), made).train_dataloader()))).terms
    assert set(terms) == {"mel", "kl"}
    (terms["mel"] + terms["kl"]).backward()
    for name, parameter in sovits.sovits.named_parameters():
        frozen = name.startswith("quantizer.")
        assert (parameter.grad is None) == frozen and (frozen or parameter.grad.isfinite().all()), name
    made = gpt_task(family)
    gpt: Any = build(made)
    gpt.losses(next(iter(opened(data_of(family, "gpt", folder), made).train_dataloader()))).terms["code"].backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in gpt.semantic_gpt.parameters())


@pytest.mark.slow
def test_a_training_with_its_views(
    stores: dict[str, ClipStore], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Through `fit`; no view of the validation fails for a pitch or an alignment that nobody measured."""
    for stage, task in (("sovits", sovits_task("v2Pro")), ("gpt", gpt_task())):
        data = data_of("v2Pro", stage, stores["v2Pro"].folder, valid_batches=1)
        made = fit(experiment(task, data, 1, validate_every=1), tmp_path / stage, progress_bar=False)
        assert made.done and all(path.is_file() for path in made.weights.values())
    assert not [record.message for record in caplog.records if "gsv_lab" in record.name]


def test_context_and_codes_of_a_gpt_batch(stores: dict[str, ClipStore]) -> None:
    store = stores["v2"]
    data = opened(data_of("v2", "gpt", store.folder), gpt_task())
    batch: GPTBatch = data.collate(range(6), 0)
    for index, row in enumerate(store.rows):
        phones = int(batch.phone_lengths[index])
        assert phones == len(phonemize(row.text, row.language).ids)
        context = torch.from_numpy(store.track("context", index).astype(np.float32))
        assert torch.equal(batch.context[index, :, :phones].t(), context)
        assert batch.codes[index, : batch.code_lengths[index]].tolist() == store.track("codes", index).tolist()
    assert (batch.positions == -1).all() and batch.languages == [row.language for row in store.rows]


def test_batches_follow_from_their_number(stores: dict[str, ClipStore]) -> None:
    """A training that goes on at batch 2 sees what it would have seen, augmented or not."""
    for stage, task, more in (
        ("sovits", sovits_task("v2Pro"), {"augmentation": EQ}),
        ("gpt", gpt_task(), {"prompted": 0.5}),
    ):
        family = "v2Pro" if stage == "sovits" else "v2"
        settings = data_of(family, stage, stores[family].folder, batch_seconds=4.0, **more)
        first = iter(opened(settings, task).train_dataloader())
        third = [next(first) for _ in range(3)][2]
        resumed = next(iter(opened(settings, task, batches=2).train_dataloader()))
        for one, other in zip(third, resumed, strict=True):
            assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def test_references_of_other_clips_bring_their_own_vectors(stores: dict[str, ClipStore]) -> None:
    store = stores["v2Pro"]
    data = opened(data_of("v2Pro", "sovits", store.folder, other_clip=1.0), sovits_task("v2Pro"))
    batch: SoVITSBatch = data.collate(range(6), 0)
    assert batch.verification is not None
    for index, row in enumerate(store.rows):
        vectors = [torch.from_numpy(store.track("verification", k)[0].astype(np.float32)) for k in range(6)]
        (source,) = [k for k, vector in enumerate(vectors) if torch.equal(vector, batch.verification[index])]
        wave = torch.from_numpy(store.wave(source, 0, int(batch.reference_frames[index]) * 640))
        assert source != index and store.rows[source].speaker == row.speaker
        assert torch.equal(batch.reference[index, 0, : len(wave)], wave)


def test_content_for_a_network_without_codes(stores: dict[str, ClipStore]) -> None:
    sovits = family_spec("v2")
    sovits["init_args"]["quantizer"] = spec("extensions.continuous_content.ContinuousContent", dim=8, hop=2)
    task = sovits_task("v2", sovits=sovits)
    store = stores["v2"]
    batch: SoVITSBatch = opened(data_of("v2", "sovits", store.folder), task).collate([3], None)
    assert batch.content is not None
    stored = torch.from_numpy(store.track("hubert", 3).astype(np.float32))
    assert torch.equal(batch.content[0].t(), stored[: int(batch.frames[0])])


def refused(data: dict[str, Any], task: dict[str, Any] | None, words: str) -> None:
    with pytest.raises((ConfigError, DataError), match=words):
        opened(data, task)


def test_a_store_of_another_family_or_of_other_settings(
    stores: dict[str, ClipStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One error each, with both sides and the command."""
    command = "gsv-lab store LIST --family v2Pro --output DIR"
    refused(data_of("v2Pro", "gpt", stores["v2"].folder), None, f"was made for v2.*one for v2Pro.*{command}")
    refused(data_of("v2Pro", "sovits", stores["v2"].folder), None, f"was made for v2.*one for v2Pro.*{command}")
    nano = make_nano_store(tmp_path / "nano").folder
    refused(data_of("v2Pro", "gpt", nano), None, f"was made for no released family.*{command}")
    refused(data_of("v2Pro", "sovits", tmp_path / "none"), None, f"no store at.*{command}")
    any_family = data_of("v2", "sovits", stores["v2"].folder, family="")
    refused(any_family, sovits_task("v2Pro"), "needs 'verification'.*has none")
    table = json.loads((stores["v2"].folder / "clips.json").read_text(encoding="utf-8"))
    changes = {"rate": {"sample_rate": 16000}, "hop": {"frame_rate": 100}, "open": {"unfinished": True}}
    for name, change in changes.items():
        copy = tmp_path / name
        copy.mkdir()
        for path in stores["v2"].folder.iterdir():
            (copy / path.name).write_bytes(path.read_bytes())
        (copy / "clips.json").write_text(json.dumps({**table, **change}), encoding="utf-8")
    task = sovits_task("v2")
    refused(
        data_of("v2", "sovits", tmp_path / "rate"),
        task,
        "works at 32000 .* holds 16000 Hz.*--family v2",
    )
    refused(data_of("v2", "sovits", tmp_path / "hop"), task, "has frames of 640 samples .* frames of 320.*--family v2")
    refused(data_of("v2", "sovits", tmp_path / "open"), task, "is not finished.*same gsv-lab store command")


def test_ids_that_the_networks_do_not_have(stores: dict[str, ClipStore], tmp_path: Path) -> None:
    for path in stores["v2"].folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    store = ClipStore(tmp_path)
    phones, codes = ([store.track(name, i).copy() for i in range(6)] for name in ("symbols", "codes"))
    phones[2][3] = 600
    store.add_track("symbols", phones)
    v1 = sovits_task("v1")
    refused(data_of("v2", "sovits", tmp_path), v1, "holds the phone 600, and the networks know 322")
    opened(data_of("v2", "sovits", tmp_path), sovits_task("v2"))
    refused(data_of("v2", "gpt", tmp_path), gpt_task("v1"), "holds the phone 600, and the networks know 512")
    codes[1][0] = 20
    store.add_track(store.variants("codes")[0], codes)
    for stage, task in (("sovits", sovits_task("v2")), ("gpt", gpt_task())):
        refused(data_of("v2", stage, tmp_path), task, "holds the code 20, and the networks know 20")


def test_context_of_another_width(stores: dict[str, ClipStore]) -> None:
    refused(data_of("v2", "gpt", stores["v2"].folder), gpt_task(context_dim=36), "reads 36 .* has context-.* of 8")
    opened(data_of("v2", "gpt", stores["v2"].folder), gpt_task(context_dim=0))


def test_trainings_that_need_an_alignment_say_so(stores: dict[str, ClipStore]) -> None:
    folder = str(stores["v2"].folder)
    gpt = {**GPT, "init_args": {**GPT["init_args"], "context_dim": 8}}
    aligned = spec("training.gpt_task.GPTTask", semantic_gpt=gpt, guided_layer=-1)
    refused(spec("corpora.gpt_data.GPTData", store=folder), aligned, "needs the phone of each code.*is not aligned")
    refused(spec("corpora.sovits_data.SoVITSData", store=folder), sovits_task("v2"), "is not aligned, which windows")


def test_codes_are_those_of_the_task_s_codebook(stores: dict[str, ClipStore], weights: Path, tmp_path: Path) -> None:
    own = str(imported_file(place(weights, "sovits", "v2")))
    store = stores["v2"]
    data = opened(data_of("v2", "sovits", store.folder), sovits_task("v2", quantizer_file=own))
    assert [data.codes_name] == store.variants("codes")
    torch.manual_seed(9)
    other = save_component(build(family_spec("v2")), tmp_path / "other.safetensors")
    refused(data_of("v2", "sovits", store.folder), sovits_task("v2", quantizer_file=str(other)), "no tracks 'codes-")


def test_two_projections_before_one_codebook_are_two_codebooks(weights: Path) -> None:
    from gsv_lab.checkpoint import load_component
    from gsv_lab.corpora.tracks import codebook_identity

    quantizer: Any = load_component(imported_file(place(weights, "sovits", "v2"))).quantizer
    before = codebook_identity(quantizer)
    with torch.no_grad():
        quantizer.project_in.weight[0, 0, 0] += 1
    assert codebook_identity(quantizer) != before
    assert identity({"a": torch.ones(2)}) == identity({"a": torch.ones(2).double()})


def test_one_clip_has_nothing_to_hold_out(weights: Path, tmp_path: Path) -> None:
    made = make_store(write_clips(tmp_path / "clips", 1), "v2", tmp_path / "store", weights)
    assert made.held_out == 0
    refused(data_of("v2", "gpt", made.folder), gpt_task(), r"usable for 'valid'.*valid=\[train\]")
    opened(data_of("v2", "gpt", made.folder, valid=["train"]), gpt_task())


def test_limits_are_those_of_the_released_trainers(stores: dict[str, ClipStore]) -> None:
    """Clips of 0.6 to 54 s, in both stages."""
    for stage in ("sovits", "gpt"):
        data = opened(data_of("v2", stage, stores["v2"].folder), None)
        lengths = (0.55, 0.65, 1.6, 53.9, 54.1)
        data.store.rows = [replace(data.store.rows[0], samples=round(seconds * 32000)) for seconds in lengths]
        assert [data.usable(index, row) for index, row in enumerate(data.store.rows)] == [
            False,
            True,
            True,
            True,
            False,
        ]


def test_a_store_in_the_working_folder_is_found(
    stores: dict[str, ClipStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--output NAME` and `sizes.store=NAME` mean the same place; the command line reports a wrong one in one line."""
    monkeypatch.chdir(stores["v2"].folder.parent)
    assert opened(data_of("v2", "gpt", Path("v2")), gpt_task()).store_folder == Path("v2")
    monkeypatch.setenv("GSV_LAB_CACHE", str(stores["v2"].folder.parent))
    monkeypatch.chdir(tmp_path)
    assert opened(data_of("v2", "gpt", Path("v2")), gpt_task()).store_folder == stores["v2"].folder
    config = str(CONFIGS / "v2" / "gpt.yaml")
    sizes = ("n_layers=1", "dim=16", "ffn_dim=16", "n_heads=2")
    reduced = [f"task.init_args.semantic_gpt.init_args.{name}" for name in sizes]
    arguments = ["fit", "--config", config, "--output", str(tmp_path / "run"), "sizes.store=v1", *reduced]
    assert main(arguments) == 2
    assert "was made for v1" in capsys.readouterr().err.splitlines()[-1]
