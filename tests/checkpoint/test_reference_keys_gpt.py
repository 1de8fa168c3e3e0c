"""Released names of the SemanticGPT's tensors, there and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from gsv_lab.errors import CheckpointError
from gsv_lab.nn.semantic_gpt import SemanticGPT
from gsv_lab.released.reference_keys_gpt import from_reference, sizes_from_reference, to_reference, to_reference_key

SIZES = {"n_phones": 9, "n_codes": 5, "context_dim": 7, "dim": 8, "n_layers": 3, "ffn_dim": 12}


@pytest.fixture
def model() -> SemanticGPT:
    return SemanticGPT(**SIZES, n_heads=2)


@pytest.mark.parametrize("prefix", ["", "model."])
def test_there_and_back(model: SemanticGPT, prefix: str) -> None:
    state = model.state_dict()
    released = to_reference(state, prefix)
    assert all(key.startswith(prefix) for key in released) and len(released) == 7 + 12 * 3
    back = from_reference(released)
    assert list(back) == list(state) and all(back[key] is released[to_reference_key(key, prefix)] for key in state)
    model.load_state_dict(back, strict=True)


def test_sizes_come_from_shapes(model: SemanticGPT) -> None:
    assert sizes_from_reference(to_reference(model.state_dict(), "model.")) == SIZES


def test_names_and_shapes_are_the_released_ones(shared: Path) -> None:
    """The table of a full-size file: every key and shape, none more."""
    table = json.loads((shared / "parity" / "state_dict_shapes.json").read_text(encoding="utf-8"))
    state = {key: torch.empty(1).expand(shape) for key, (shape, _) in table["s1_v2"].items()}
    sizes = sizes_from_reference(state)
    assert sizes["n_layers"] == 24
    small = SemanticGPT(**{**sizes, "n_layers": 1}, n_heads=16)
    ours = {key: tuple(value.shape) for key, value in to_reference(small.state_dict()).items()}
    for key, (shape, _) in table["s1_v2"].items():
        parts = key.split(".")
        one = ".".join(["h", "layers", "0", *parts[3:]]) if parts[0] == "h" else key
        assert ours[one] == tuple(shape), key
    assert len(table["s1_v2"]) == len(from_reference(state)) == 295


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("h.layers.1.norm1.bias"), "1 keys are missing: h.layers.1.norm1.bias"),
        (lambda s: s.update({"h.layers.0.extra": torch.zeros(1)}), "1 keys are unknown: h.layers.0.extra"),
        (lambda s: s.update({"model.bert_proj.bias": torch.zeros(8)}), "with and without"),
        (lambda s: s.clear(), "19 keys are missing: .* and 16 more"),
    ],
    ids=["missing", "unknown", "twice", "empty"],
)
def test_keys_are_strict(model: SemanticGPT, change: object, message: str) -> None:
    released = to_reference(model.state_dict())
    change(released)
    with pytest.raises(CheckpointError, match=message) as caught:
        from_reference(released)
    assert caught.value.code == "CKPT_KEYS"


def test_what_the_released_layout_cannot_hold() -> None:
    ours = SemanticGPT(**SIZES, n_heads=2, speaker_dim=3).state_dict()
    with pytest.raises(CheckpointError, match="without a place.*speaker_projection"):
        to_reference(ours)
