"""The spec of a released SoVITS, read from the shapes of its tensors.

Shapes show nearly everything: which parts are there and how wide they are. What they do not show (heads, upsampling
rates, dilations, dropout) is handed in. So no version name is needed, and networks of any size load. No
file is opened here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor

NN = "gsv_lab.nn."

Dilations = Sequence[int] | Sequence[Sequence[int]]
"""Dilations of every residual block of the vocoder, or a list for each of its kernels."""


def _part(path: str, **arguments: Any) -> dict[str, Any]:
    return {"class_path": NN + path, "init_args": arguments}


def _count(keys: Iterable[str], prefix: str) -> int:
    """How many different numbers follow a prefix."""
    return len({key[len(prefix) :].split(".")[0] for key in keys if key.startswith(prefix)})


def sovits_spec(
    state: Mapping[str, Tensor],
    upsample_rates: Sequence[int] = (10, 8, 2, 2, 2),
    segment_frames: int = 32,
    heads: int = 2,
    attention_heads: int = 4,
    dropout: float = 0.1,
    dilations: Dilations = (1, 3, 5),
    n_fft: int = 2048,
) -> dict[str, Any]:
    """A `class_path`/`init_args` spec for `gsv_lab.system.config.build` that takes these weights.

    Args:
        state: tensors under the released names; the posterior may be missing.
        upsample_rates: of the vocoder's stages.
        segment_frames: latent frames of a training segment.
        heads: attention heads of the prior's stacks; the speaker encoder has two in all released models.
        attention_heads: heads of the attention between content and text.
        dropout: of the prior.
        dilations: of the vocoder's residual blocks.
        n_fft: points of the transform; the posterior's bins stand over it.
    """
    shape = {key: tuple(value.shape) for key, value in state.items()}
    latent = shape["enc_p.proj.weight"][0] // 2
    width, content_dim, _ = shape["enc_p.ssl_proj.weight"]
    speaker_dim = shape["ref_enc.fc.fc.weight"][0]
    if "enc_q.pre.weight" in shape:
        n_fft = 2 * (shape["enc_q.pre.weight"][1] - 1)
    hop = math.prod(upsample_rates)
    parts = {
        "frontend": _part("frontend.LinearFrontend", n_fft=n_fft, hop_length=hop, sample_rate=50 * hop),
        "quantizer": _quantizer(shape),
        "speaker_encoder": _speaker_encoder(shape),
        "prior": _part(
            "prior.TextContentPrior",
            content_dim=content_dim,
            latent_dim=latent,
            speaker_dim=speaker_dim,
            n_phones=shape["enc_p.text_embedding.weight"][0],
            width=width,
            filter_width=shape["enc_p.encoder2.ffn_layers.0.conv_1.weight"][0],
            heads=heads,
            layers=[_count(state, f"enc_p.{s}.attn_layers.") for s in ("encoder_ssl", "encoder_text", "encoder2")],
            kernel=shape["enc_p.encoder2.ffn_layers.0.conv_1.weight"][2],
            attention_width=shape["enc_p.mrte.c_pre.weight"][0],
            attention_heads=attention_heads,
            dropout=dropout,
        ),
        "posterior": _posterior(shape, latent, speaker_dim),
        "flow": _part(
            "flow.CouplingFlow",
            latent_dim=latent,
            speaker_dim=speaker_dim,
            width=shape["flow.flows.0.pre.weight"][0],
            layers=_count(state, "flow.flows.0.enc.in_layers."),
            kernel=shape["flow.flows.0.enc.in_layers.0.weight_v"][2],
            couplings=_count(state, "flow.flows."),
        ),
        "vocoder": _vocoder(shape, latent, speaker_dim, upsample_rates, dilations),
    }
    return {"class_path": "gsv_lab.nn.sovits.SoVITS", "init_args": {**parts, "segment_frames": segment_frames}}


def _posterior(shape: Mapping[str, tuple[int, ...]], latent: int, speaker_dim: int) -> dict[str, Any] | None:
    if "enc_q.pre.weight" not in shape:
        return None
    return _part(
        "posterior.WaveNetPosterior",
        spec_channels=shape["enc_q.pre.weight"][1],
        latent_dim=latent,
        speaker_dim=speaker_dim,
        width=shape["enc_q.pre.weight"][0],
        layers=_count(shape, "enc_q.enc.in_layers."),
        kernel=shape["enc_q.enc.in_layers.0.weight_v"][2],
    )


def _quantizer(shape: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    n_codes, dim = shape["quantizer.vq.layers.0._codebook.embed"]
    books = _count(shape, "quantizer.vq.layers.")
    hop = shape["ssl_proj.weight"][2]
    return _part("quantizer.VectorQuantizer", dim=dim, n_codes=n_codes, projection="conv", hop=hop, n_books=books)


def _speaker_encoder(shape: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    width, channels = shape["ref_enc.spectral.0.fc.weight"]
    base = _part(
        "speaker_encoder.StyleEncoder",
        spec_channels=channels,
        speaker_dim=shape["ref_enc.fc.fc.weight"][0],
        width=width,
        kernel=shape["ref_enc.temporal.0.conv1.conv.weight"][2],
        heads=2,
        scale_by_width=True,
        mask_convolutions=False,
    )
    if "sv_emb.weight" not in shape:
        return base
    return _part("speaker_encoder.VerifiedSpeakerEncoder", base=base, verification_dim=shape["sv_emb.weight"][1])


def _vocoder(
    shape: Mapping[str, tuple[int, ...]],
    latent: int,
    speaker_dim: int,
    upsample_rates: Sequence[int],
    dilations: Dilations,
) -> dict[str, Any]:
    stages = _count(shape, "dec.ups.")
    blocks = _count(shape, "dec.resblocks.") // stages
    return _part(
        "hifigan.HiFiGAN",
        latent_dim=latent,
        speaker_dim=speaker_dim,
        width=shape["dec.conv_pre.weight"][0],
        upsample_rates=list(upsample_rates),
        upsample_kernels=[shape[f"dec.ups.{i}.weight_v"][2] for i in range(stages)],
        block_kernels=[shape[f"dec.resblocks.{i}.convs1.0.weight_v"][2] for i in range(blocks)],
        dilations=_shortest(dilations),
        final_slope=0.01,
    )


def _shortest(dilations: Dilations) -> list[int] | list[list[int]]:
    """One list for all kernels where their lists are equal."""
    lists = [list(item) for item in dilations if isinstance(item, Sequence)]
    if not lists:
        return [item for item in dilations if isinstance(item, int)]
    return lists[0] if all(item == lists[0] for item in lists) else lists


def dilated_layers(shape: Iterable[str]) -> list[int]:
    """How many dilated convolutions each residual block of a vocoder stage has, from the released names."""
    keys = list(shape)
    blocks = _count(keys, "dec.resblocks.") // max(_count(keys, "dec.ups."), 1)
    return [_count(keys, f"dec.resblocks.{i}.convs1.") for i in range(blocks)]
