"""Tiny networks with random weights in the layouts in which released and user-trained files are found."""

from __future__ import annotations

import json
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gsv_lab.checkpoint.restricted import HParams, Released, released_bytes
from gsv_lab.nn.semantic_gpt import SemanticGPT
from gsv_lab.released import reference_keys, reference_keys_gpt
from gsv_lab.released.stored_config import to_json
from gsv_lab.system.config import build
from tiny import spec

SIZES = {"v1": (322, 20, False, 16), "v2": (40, 12, False, 16), "v2Pro": (40, 12, True, 16),
         "v2ProPlus": (40, 12, True, 768)}  # fmt: skip
"""Of each family: rows of the phone table, bins of the style input, verified speaker, width of the vocoder."""

DATA = {"sampling_rate": 300, "filter_length": 38, "hop_length": 6}
MODEL = {"n_heads": 2, "upsample_rates": [3, 2], "resblock_dilation_sizes": [[1], [1]], "p_dropout": 0.0}


def write(path: Path, content: Any, code: str = "PK") -> Path:
    """A file as the project that made the released ones would write it."""
    path.write_bytes(released_bytes(Released(code, content)))
    return path


def small_gpt(dtype: torch.dtype = torch.float16, heads: int = 2, n_phones: int = 7) -> dict[str, Any]:
    """The whole content of a tiny user-trained text model."""
    torch.manual_seed(0)
    model = SemanticGPT(n_phones=n_phones, n_codes=5, context_dim=4, dim=8, n_heads=2, n_layers=1, ffn_dim=16)
    weight = reference_keys_gpt.to_reference(model.state_dict(), "model.")
    weight = {key: value.to(dtype).clone() for key, value in weight.items()}
    return {"weight": weight, "config": {"model": {"head": heads, "n_layer": 24}}, "info": "GPT-e1"}


def sovits_state(family: str, posterior: bool = True, dilations: Any = (1,), bins: int = 20) -> dict[str, Tensor]:
    """Tensors of a tiny acoustic model under the released names."""
    n_phones, style_bins, verified, width = SIZES[family]
    both = {"latent_dim": 4, "speaker_dim": 8}
    speaker = spec("nn.speaker_encoder.StyleEncoder", spec_channels=style_bins, speaker_dim=8, width=8, dropout=0.0)
    if verified:
        speaker = spec("nn.speaker_encoder.VerifiedSpeakerEncoder", base=speaker, verification_dim=6)
    made = spec(
        "nn.sovits.SoVITS",
        frontend=spec("nn.frontend.LinearFrontend", n_fft=2 * (bins - 1), hop_length=6),
        quantizer=spec("nn.quantizer.VectorQuantizer", dim=6, n_codes=9, projection="conv", hop=2),
        speaker_encoder=speaker,
        prior=spec(
            "nn.prior.TextContentPrior", content_dim=6, n_phones=n_phones, width=8, filter_width=8, layers=[1, 2, 1],
            attention_width=8, attention_heads=4, **both,
        ),
        posterior=spec("nn.posterior.WaveNetPosterior", spec_channels=bins, width=8, layers=2, **both)
        if posterior else None,
        flow=spec("nn.flow.CouplingFlow", width=8, layers=1, couplings=2, **both),
        vocoder=spec(
            "nn.hifigan.HiFiGAN", width=width, upsample_rates=[3, 2], upsample_kernels=[7, 4], block_kernels=[3, 5],
            dilations=list(dilations), **both,
        ),
    )  # fmt: skip
    torch.manual_seed(1)
    return reference_keys.to_reference(build(made).state_dict())


def discriminators_state(count: int) -> dict[str, Tensor]:
    """Tensors of narrow discriminators under the released names: one of the scale, the others of periods."""
    narrow = {"channels": [2, 4, 4, 8, 8, 8], "groups": [1, 1, 2, 4, 4, 1]}
    parts = [spec("nn.discriminators.ScaleDiscriminator", **narrow)]
    for number in range(count - 1):
        parts.append(spec("nn.discriminators.PeriodDiscriminator", period=number + 2, channels=[2, 4, 4, 4, 4]))
    made = build(spec("nn.discriminators.CombinedDiscriminator", discriminators=parts))
    return reference_keys.to_reference(made.state_dict())


def export_of(state: Mapping[str, Tensor], config: Any = None, info: str = "8epoch_200iteration") -> dict[str, Any]:
    """What surrounds tensors in an export or a base file: half precision, the configuration object, a note."""
    weight = OrderedDict((key, value.half() if value.is_floating_point() else value) for key, value in state.items())
    return {"weight": weight, "config": hparams({"data": DATA, "model": MODEL}) if config is None else config,
            "info": info}  # fmt: skip


def hparams(tree: Mapping[str, Any]) -> HParams:
    """A configuration object, tables below it included."""
    made = HParams()
    made.__setstate__({key: hparams(item) if isinstance(item, Mapping) else item for key, item in tree.items()})
    return made


def rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The same file of the kit's own, with another JSON table in front."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + length])
    change(table)
    header = json.dumps(table).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data[8 + length :])
    return path


def same(a: Released, b: Released) -> None:
    """Code, order and bits of every tensor, everything beside the tensors."""
    assert a.code == b.code and list(a.content) == list(b.content) and a.key == b.key
    assert list(a.weight) == list(b.weight) and type(a.weight) is type(b.weight)
    for key, value in a.weight.items():
        assert value.dtype == b.weight[key].dtype and torch.equal(value, b.weight[key]), key
    for key in a.content.keys() - {a.key}:
        assert to_json(a.content[key]) == to_json(b.content[key])
