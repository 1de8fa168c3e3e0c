"""Files in the released layout: what they compute once imported, and that they are written back as they were.

`checkpoints/` of the golden folder holds half-precision files made by the reference's own saving code; what each holds
is read from its tensors. The same networks in full precision are written here from the golden weights.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gsv_lab.checkpoint import load_component, read_header, save_component
from gsv_lab.checkpoint.restricted import HParams, Released, read_released, released_bytes
from gsv_lab.nn.interfaces import Conditioning, Features
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.released import reference_keys, reference_keys_gpt
from gsv_lab.released.exporter import export_reference
from gsv_lab.released.importer import Imported, import_reference
from gsv_lab.released.reference_spec import sovits_spec
from gsv_lab.released.stored_config import to_json
from gsv_lab.system.config import build

ROUNDED = 0.02
"""Share of the largest sample, and absolute on logits, by which half-precision weights may move the golden outputs."""

FULL = ["s1", "s2v2", "s2v2pro", "s2v1_50hz"]


def golden_files(parity: Any) -> list[Path]:
    files = sorted((parity.folder / "checkpoints").glob("*.*"))
    if not files:
        pytest.skip(f"no checkpoints in {parity.folder}")
    return files


def item_of(parity: Any, made: Imported) -> str:
    """The golden item whose weights a file holds in half precision, found by a tensor that they share."""
    ours = load_component(made.output).state_dict()
    for name in FULL:
        if not (parity.folder / f"{name}.safetensors").is_file():
            continue
        keys = reference_keys_gpt if name == "s1" else reference_keys
        state = keys.from_reference(parity.state(name))
        if all(k in state and state[k].shape == v.shape and torch.equal(state[k].half().float(), v)
               for k, v in ours.items()):  # fmt: skip
            return name
    raise AssertionError(f"{made.source.name} holds the weights of no golden item")


def built(parity: Any, item: str, state: Mapping[str, Tensor]) -> Any:
    """The golden network, made from what meta.json says instead of from a stored configuration."""
    hyper = parity.meta[item]["hyper"]
    if item == "s1":
        sizes = {**reference_keys_gpt.sizes_from_reference(state), "n_heads": hyper["head"]}
        model: Any = build({"class_path": "gsv_lab.nn.semantic_gpt.SemanticGPT", "init_args": sizes})
        model.load_state_dict(reference_keys_gpt.from_reference(state))
    else:
        dilations = hyper.get("resblock_dilation_sizes", (1, 3, 5))
        model = build(sovits_spec(state, hyper["upsample_rates"], heads=hyper["n_heads"], dilations=dilations))
        model.load_state_dict(reference_keys.from_reference(state))
    return model.eval()


@torch.no_grad()
def outputs(parity: Any, item: str, model: Any) -> dict[str, tuple[Tensor, Tensor]]:
    """What the model computes, beside what the reference computed with its weights in full precision."""
    g = parity.arrays("s1_infer" if item == "s1" else item)
    if item == "s1":
        logits = model(g["g_x"], g["g_bert"], g["g_prompt"])[0, -1]
        return {"logits": (logits, g["g_rp135_step_logits"][0].flatten())}
    speaker = model.voice([Features(g["dec_refer"])], [g.get("dec_sv0")])
    made = model.decode(g["dec_codes"][0], g["dec_text"], speaker, 0.5, noise=g["dec_ns05_noise"])
    found = {"wave": (made.vocoded.wave, g["dec_ns05_o"])}
    if model.posterior is not None:
        mask = sequence_mask(g["spec_lengths"], g["spec"].shape[-1])
        conditioning = Conditioning(g.get("ge_prelu", g["ref_enc_ge"]))
        found["z"] = model.posterior(Features(g["spec"]), mask, conditioning, g["enc_q_noise"]).z, g["enc_q_z"]
    return found


def test_files_of_the_reference(parity: Any, tmp_path: Path) -> None:
    """Each as its golden weights rounded through half; near the golden outputs; and back with the same bits."""
    for path in golden_files(parity):
        (made,) = import_reference([path], tmp_path / "made.safetensors")
        item = item_of(parity, made)
        model = load_component(made.output)
        half = {key: value.half().float() for key, value in parity.state(item).items()}
        wanted = outputs(parity, item, built(parity, item, half))
        for name, (value, stored) in outputs(parity, item, model).items():
            parity.close(f"checkpoint {path.name}: {name}", value, wanted[name][0])
            scale = 1.0 if name == "logits" else float(stored.abs().max())
            parity.close(f"checkpoint {path.name}: {name}, unrounded", value, stored, rtol=0, atol=ROUNDED * scale)
        assert (getattr(model, "posterior", None) is not None) == ("enc_q" in " ".join(read_released(path).weight))
        back = export_reference(made.output, tmp_path / "back")
        assert back.read_bytes()[:2] == path.read_bytes()[:2] and "utils" not in sys.modules
        equal_files(parity, f"checkpoint {path.name}", read_released(path), read_released(back))


def equal_files(parity: Any, name: str, one: Released, two: Released) -> None:
    assert (one.code, list(one.weight), list(one.content)) == (two.code, list(two.weight), list(two.content))
    pairs = [(value, two.weight[key]) for key, value in one.weight.items()]
    same = torch.tensor([a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs])
    parity.equal(f"{name}: {int(same.sum())} of {len(same)} tensors back", same, torch.ones(len(same)))
    for key in one.content.keys() - {one.key}:
        assert to_json(one.content[key]) == to_json(two.content[key]), key


@pytest.mark.parametrize("item", FULL)
def test_full_precision_files(parity: Any, item: str, tmp_path: Path) -> None:
    """The golden weights in a file of the released layout give the golden outputs."""
    state, hyper = parity.state(item), parity.meta[item]["hyper"]
    parity.arrays("s1_infer" if item == "s1" else item)
    config = HParams()
    config.__setstate__({"model": {key: value for key, value in hyper.items() if key != "reduced"}})
    prefix, stored = ("model.", {"model": hyper}) if item == "s1" else ("", config)
    weight = OrderedDict((prefix + key, value) for key, value in state.items())
    path = tmp_path / "full.pth"
    path.write_bytes(released_bytes(Released("PK", {"weight": weight, "config": stored, "info": "golden"})))
    (made,) = import_reference([path], tmp_path / "full.safetensors")
    assert made.precision == "float32" and read_header(made.output)["info"]["note"] == "golden"
    for name, (value, wanted) in outputs(parity, item, load_component(made.output)).items():
        parity.close(f"full precision {item}: {name}", value, wanted)
    back = read_released(export_reference(made.output, tmp_path / "back.pth"))
    equal_files(parity, f"full precision {item}", read_released(path), back)


@pytest.mark.parametrize("item", FULL)
def test_weights_without_their_origin(parity: Any, item: str, tmp_path: Path) -> None:
    """The golden weights as `fit` writes them, exported by their spec alone, hold and compute the same."""
    state, hyper = parity.state(item), parity.meta[item]["hyper"]
    parity.arrays("s1_infer" if item == "s1" else item)
    network = built(parity, item, state)
    own = save_component(network, tmp_path / "own.safetensors", {"batches": 200, "epochs": 8})
    released = read_released(export_reference(own, tmp_path / "out.pth"))
    prefix = "model." if item == "s1" else ""
    assert set(released.weight) == {prefix + key for key in state}
    pairs = [(released.weight[prefix + key], value) for key, value in state.items()]
    same = torch.tensor([one.dtype == torch.float16 and torch.equal(one, two.half()) for one, two in pairs])
    parity.equal(f"exported {item}: {int(same.sum())} of {len(same)} tensors", same, torch.ones(len(same)))
    model = (
        released.content["config"]["model"] if item == "s1" else released.content["config"].__dict__["model"].__dict__
    )
    for name, value in hyper.items():
        if name in model and "dropout" not in name:  # which `built` leaves at its default
            assert model[name] == value, name
    (made,) = import_reference([tmp_path / "out.pth"], tmp_path / "again.safetensors")
    assert not made.notes
    half = {key: value.half().float() for key, value in state.items()}
    wanted = outputs(parity, item, built(parity, item, half))
    for name, (value, _) in outputs(parity, item, load_component(made.output)).items():
        parity.close(f"exported {item}: {name}", value, wanted[name][0])
