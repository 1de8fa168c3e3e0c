"""Names of tensors of all SoVITS families and discriminators, both ways, from the full-size tables of shapes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gsv_lab.errors import CheckpointError
from gsv_lab.released.reference_keys import from_reference, to_our_key, to_reference, to_reference_key
from gsv_lab.released.reference_spec import sovits_spec
from gsv_lab.system.config import build

FAMILIES = ["s2_s2v1", "s2_s2v2", "s2_s2v2Pro", "s2_s2v2ProPlus", "mpd_v2", "mpd_v2Pro"]


def hollow(parity: Any, name: str) -> dict[str, torch.Tensor]:
    """Tensors with shapes and without memory."""
    return {
        key: torch.empty(shape, device="meta") for key, (shape, _) in parity.json("state_dict_shapes")[name].items()
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_every_key_there_and_back(parity: Any, name: str) -> None:
    """Every released key has one name of ours, and that name leads back to the same key and shape."""
    state = hollow(parity, name)
    ours = from_reference(state)
    assert len(ours) == len(state)
    back = to_reference(ours)
    assert {key: value.shape for key, value in back.items()} == {key: value.shape for key, value in state.items()}


@pytest.mark.parametrize("name", [name for name in FAMILIES if name.startswith("s2")])
def test_spec_from_shapes_fits(parity: Any, name: str) -> None:
    """A model built from the shapes has exactly these tensors; without the posterior's keys it has no posterior."""
    state = hollow(parity, name)
    with torch.device("meta"):
        model = build(sovits_spec(state))
        export = build(sovits_spec({key: value for key, value in state.items() if not key.startswith("enc_q.")}))
    shapes = {key: value.shape for key, value in from_reference(state).items()}
    assert {key: value.shape for key, value in model.state_dict().items()} == shapes
    assert export.posterior is None and model.posterior is not None


def test_unknown_keys_are_refused() -> None:
    """Silence would hide a network that is not the one meant."""
    assert to_our_key("dec.noise_convs.0.weight") is None and to_reference_key("vocoder.pitch_head.weight") is None
    with pytest.raises(CheckpointError, match="cfm.estimator.x"):
        from_reference({"cfm.estimator.x": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="vocoder.pitch_head.weight"):
        to_reference({"vocoder.pitch_head.weight": torch.zeros(1)})
