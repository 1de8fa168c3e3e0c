"""Weights that were trained here, in the released layout: every key, type and setting, and back without a change."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gsv_lab.checkpoint import load_component, save_component
from gsv_lab.checkpoint.native import load_tensors
from gsv_lab.checkpoint.restricted import HParams, read_released
from gsv_lab.cli import main
from gsv_lab.errors import CheckpointError
from gsv_lab.released.exporter import export_reference
from gsv_lab.released.importer import import_reference
from gsv_lab.released.loading import by_path
from gsv_lab.released.stored_config import setting, to_json
from gsv_lab.system.config import build, load_experiment
from reduced import CONFIGS, FAMILIES, reduced
from released_files import N_CODES

GOLDEN = {"v1": ("s1_v1", "s2_s2v1", "mpd_v2"), "v2": ("s1_v2", "s2_s2v2", "mpd_v2")}
GOLDEN |= {name: ("s1_v2", f"s2_s2{name}", "mpd_v2Pro") for name in ("v2Pro", "v2ProPlus")}
NAMES = ("semantic_gpt", "sovits", "discriminators")
CODE = {"v1": "PK", "v2": "PK", "v2Pro": "05", "v2ProPlus": "06"}


def stage_of(name: str) -> str:
    return "gpt" if name == "semantic_gpt" else "sovits"


def trained(path: Path, spec: dict[str, Any], **info: Any) -> tuple[Path, dict[str, Tensor]]:
    """Weights of a spec as `fit` writes them, and their tensors."""
    network = build(spec)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(torch.randn_like(value), alpha=0.01)
    return save_component(network, path, {"batches": 20, "epochs": 3, **info}), network.state_dict()


def reduced_spec(family: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = reduced(family, stage_of(name))["task"]["init_args"][name]
    return found


def pattern(key: str) -> str:
    return re.sub(r"\d+", "#", key)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("family", FAMILIES)
def test_layout_and_way_back(family: str, name: str, shared: Path, tmp_path: Path) -> None:
    """The reference's keys in half precision; imported again, the same network and the same halves."""
    path, tensors = trained(tmp_path / "own.safetensors", reduced_spec(family, name))
    exported = export_reference(path, tmp_path / "out.pth")
    released = read_released(exported)
    assert released.code == (CODE[family] if name == "sovits" else "PK")
    assert list(released.content) == ["weight", "config", "info"]
    assert isinstance(released.weight, OrderedDict)
    assert {value.dtype for value in released.weight.values()} == {torch.float16}
    table = json.loads((shared / "parity" / "state_dict_shapes.json").read_text(encoding="utf-8"))
    golden = table[GOLDEN[family][NAMES.index(name)]]
    prefix = "model." if name == "semantic_gpt" else ""
    assert {pattern(key) for key in released.weight} == {prefix + pattern(key) for key in golden}
    assert all(key.startswith(prefix) for key in released.weight)
    (made,) = import_reference([exported], tmp_path / "again.safetensors")
    assert made.role == name and not made.notes
    again = load_component(made.output).state_dict()
    assert again.keys() == tensors.keys()
    assert all(torch.equal(again[key], value.half().float()) for key, value in tensors.items())
    if name != "discriminators":
        assert made.family == ("v2" if name == "semantic_gpt" and family != "v1" else family)
    twice = read_released(export_reference(made.output, tmp_path / "twice.pth"))
    assert to_json(twice.content["config"]) == to_json(released.content["config"])
    assert all(torch.equal(twice.weight[key], value) for key, value in released.weight.items())


@pytest.mark.parametrize("family", FAMILIES)
def test_configuration_that_the_released_program_reads(family: str, tmp_path: Path) -> None:
    """Every setting from which the released program builds its networks has the value of our configuration."""
    path, _ = trained(tmp_path / "g.safetensors", reduced_spec(family, "semantic_gpt"))
    gpt = read_released(export_reference(path, tmp_path / "g.ckpt")).content
    assert type(gpt["config"]) is dict and gpt["info"] == "GPT-e3"
    assert gpt["config"]["data"]["max_sec"] == 54 and gpt["config"]["inference"]["top_k"] == 15
    rows = 512 if family == "v1" else 732
    assert gpt["config"]["model"] == {
        "vocab_size": N_CODES + 1, "phoneme_vocab_size": rows, "embedding_dim": 16, "hidden_dim": 16, "head": 2,
        "linear_units": 32, "n_layer": 2, "dropout": 0, "EOS": N_CODES, "random_bert": 0,
    }  # fmt: skip
    path, _ = trained(tmp_path / "s.safetensors", reduced_spec(family, "sovits"))
    sovits = read_released(export_reference(path, tmp_path / "s.pth")).content
    config, pro, plus = sovits["config"], "Pro" in family, family == "v2ProPlus"
    assert isinstance(config, HParams) and sovits["info"] == "3epoch_20iteration"
    assert all(isinstance(setting(config, group), HParams) for group in ("data", "model", "train"))
    wanted = {
        "data.filter_length": 2048, "data.sampling_rate": 32000, "data.hop_length": 640, "data.win_length": 2048,
        "data.n_mel_channels": 128, "data.n_speakers": 300, "train.segment_size": 20480, "model.inter_channels": 8,
        "model.hidden_channels": 16, "model.filter_channels": 16, "model.n_heads": 2, "model.n_layers": 1,
        "model.kernel_size": 3, "model.p_dropout": 0.0 if pro else 0.1, "model.resblock": "1",
        "model.resblock_kernel_sizes": [3, 7, 11], "model.resblock_dilation_sizes": [[1, 3, 5]] * 3,
        "model.upsample_rates": [10, 8, 2, 2, 2], "model.upsample_initial_channel": 48 if plus else 32,
        "model.upsample_kernel_sizes": [20 if plus else 16, 16, 8, 2, 2], "model.gin_channels": 16,
        "model.semantic_frame_rate": "25hz", "model.freeze_quantizer": True, "model.version": family,
    }  # fmt: skip
    assert {key: setting(config, key) for key in wanted} == wanted


def test_released_settings_at_full_width() -> None:
    """From `configs/` alone come the settings of the released `s2.json` and `s1longer-v2.yaml`."""
    from gsv_lab.released.reference_config import complete, gpt_config, sovits_config

    def full(family: str, name: str) -> Any:
        return complete(load_experiment([CONFIGS / family / f"{stage_of(name)}.yaml"])["task"]["init_args"][name])

    model = gpt_config(full("v2", "semantic_gpt"))["model"]
    assert (model["vocab_size"], model["EOS"], model["head"], model["n_layer"]) == (1025, 1024, 16, 24)
    for family, gin, width, kernel in (
        ("v1", 512, 512, 16),
        ("v2", 512, 512, 16),
        ("v2Pro", 1024, 512, 16),
        ("v2ProPlus", 1024, 768, 20),
    ):
        made = sovits_config(full(family, "sovits"), family).__dict__["model"].__dict__
        assert (made["gin_channels"], made["upsample_initial_channel"]) == (gin, width)
        assert made["upsample_kernel_sizes"] == [kernel, 16, 8, 2, 2]
        assert (made["inter_channels"], made["filter_channels"], made["n_layers"]) == (192, 768, 6)


def test_what_no_tensor_shows_is_carried_along(tmp_path: Path) -> None:
    """The configuration of the start weights stays, and gives way where the networks say something else."""
    model = HParams()
    model.__setstate__({"n_heads": 7, "mark": "kept"})
    train = HParams()
    train.__setstate__({"batch_size": 11, "segment_size": 1})
    carried = HParams()
    carried.__setstate__({"model": model, "train": train, "name": "somebody"})
    spec = reduced_spec("v2", "sovits")
    path, _ = trained(tmp_path / "own.safetensors", spec, released_config=to_json(carried))
    config = read_released(export_reference(path, tmp_path / "out.pth")).content["config"]
    found = {key: setting(config, key) for key in ("model.n_heads", "model.mark", "train.batch_size", "name")}
    assert found == {"model.n_heads": 2, "model.mark": "kept", "train.batch_size": 11, "name": "somebody"}
    assert setting(config, "train.segment_size") == 20480


def test_without_the_posterior(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command leaves out exactly the keys that the released program leaves out; such a file speaks, no more."""
    path, tensors = trained(tmp_path / "own.safetensors", reduced_spec("v2Pro", "sovits"))
    whole = read_released(export_reference(path, tmp_path / "whole.pth")).weight
    arguments = ["weights", "export", str(path), "--output", str(tmp_path / "out.pth"), "--without-posterior"]
    assert main([*arguments, "--note", "8epoch_200iteration"]) == 0
    assert "out.pth" in capsys.readouterr().out
    released = read_released(tmp_path / "out.pth")
    assert list(released.weight) == [key for key in whole if "enc_q" not in key] and len(released.weight) < len(whole)
    assert released.content["info"] == "8epoch_200iteration"
    (made,) = import_reference([tmp_path / "out.pth"], tmp_path / "again.safetensors")
    model: Any = load_component(made.output)
    assert model.posterior is None and made.family == "v2Pro"
    kept = load_tensors(made.output)
    assert kept.keys() == {key for key in tensors if not key.startswith("posterior.")}


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        (("speaker_encoder", "scale_by_width"), False, "speaker_encoder.scale_by_width is False"),
        (("speaker_encoder", "mask_convolutions"), True, "speaker_encoder.mask_convolutions is True"),
        (("vocoder", "final_slope"), 0.1, "vocoder.final_slope is 0.1"),
        (("prior", "attention_heads"), 2, "prior.attention_heads is 2"),
        (("speaker_encoder", "heads"), 1, "speaker_encoder.heads is 1"),
    ],
)
def test_what_the_layout_cannot_say(place: tuple[str, str], value: Any, named: str, tmp_path: Path) -> None:
    """A network that the released program would build differently is refused, and nothing is written."""
    spec = reduced_spec("v2", "sovits")
    spec["init_args"][place[0]]["init_args"][place[1]] = value
    path, _ = trained(tmp_path / "own.safetensors", spec)
    with pytest.raises(CheckpointError, match=re.escape(named)) as caught:
        export_reference(path, tmp_path / "out.pth")
    assert caught.value.code == "CKPT_FORMAT" and not (tmp_path / "out.pth").exists()


def test_other_refusals(tmp_path: Path) -> None:
    """Strange periods, and numbers beyond half precision."""
    spec = reduced_spec("v2", "discriminators")
    spec["init_args"]["discriminators"][1]["init_args"]["period"] = 4
    path, _ = trained(tmp_path / "own.safetensors", spec)
    with pytest.raises(CheckpointError, match="period is 4, not 2"):
        export_reference(path, tmp_path / "out.pth")
    network = build(reduced_spec("v2", "semantic_gpt"))
    with torch.no_grad():
        network.predict.weight[0, 0] = 1e5
    save_component(network, path)
    with pytest.raises(CheckpointError, match="ar_predict_layer") as caught:
        export_reference(path, tmp_path / "out.pth")
    assert caught.value.code == "CKPT_NONFINITE"
    assert not (tmp_path / "out.pth").exists()


def test_a_trained_pair_is_found_with_its_family(tmp_path: Path) -> None:
    """Weights of `fit` lack the importer's notes; which companions they need follows from their tensors."""
    for name in ("semantic_gpt", "sovits"):
        trained(tmp_path / f"mine.{name}.safetensors", reduced_spec("v2ProPlus", name))
    files = by_path(tmp_path)
    assert files.family == "v2ProPlus"
    assert {file.role for file in files.absent} == {"content_encoder", "context_encoder", "speaker_verification"}


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_full_width(family: str, shared: Path, tmp_path: Path) -> None:
    """Exactly the keys, axes and types of the reference's own state dicts."""
    table = json.loads((shared / "parity" / "state_dict_shapes.json").read_text(encoding="utf-8"))
    for name, item in zip(NAMES, GOLDEN[family], strict=True):
        spec = load_experiment([CONFIGS / family / f"{stage_of(name)}.yaml"])["task"]["init_args"][name]
        path, tensors = trained(tmp_path / "own.safetensors", spec)
        released = read_released(export_reference(path, tmp_path / "out.pth"))
        prefix = "model." if name == "semantic_gpt" else ""
        found = {key: (tuple(value.shape), value.dtype) for key, value in released.weight.items()}
        assert found == {prefix + key: (tuple(entry[0]), torch.float16) for key, entry in table[item].items()}
        (made,) = import_reference([tmp_path / "out.pth"], tmp_path / "again.safetensors")
        again = load_tensors(made.output)
        assert all(torch.equal(again[key], value.half().float()) for key, value in tensors.items())
        if name == "sovits":
            assert made.family == family and released.code == CODE[family] and not made.notes
