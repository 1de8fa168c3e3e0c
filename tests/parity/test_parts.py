"""The stand-alone parts of the acoustic model against golden numbers: transforms, losses, every component by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from gsv_lab.nn import losses
from gsv_lab.nn.discriminators import CombinedDiscriminator, PeriodDiscriminator, ScaleDiscriminator
from gsv_lab.nn.flow import CouplingFlow
from gsv_lab.nn.hifigan import HiFiGAN
from gsv_lab.nn.interfaces import Conditioning, Features
from gsv_lab.nn.ops import segment_starts, sequence_mask, take_segments
from gsv_lab.nn.posterior import WaveNetPosterior
from gsv_lab.nn.prior import TextContentAttention
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.nn.speaker_encoder import StyleEncoder
from gsv_lab.nn.spectral import LinearSpectrogram, LogMel
from gsv_lab.nn.transformer import EncoderStack
from gsv_lab.nn.wavenet import WaveNet
from gsv_lab.released.reference_keys import from_reference, to_reference


def loaded(parity: Any, name: str, module: nn.Module, released: str, ours: str) -> nn.Module:
    """Load a part's weights under the prefixes it has in the whole model; proves the way back too."""
    stored = {released + key: value for key, value in parity.state(name).items()}
    state = from_reference(stored)
    back = to_reference(state)
    assert back.keys() == stored.keys() and all(torch.equal(back[key], stored[key]) for key in stored)
    module.load_state_dict({key.removeprefix(ours): value for key, value in state.items()}, strict=True)
    return module.eval()


def test_linear_spectrogram_and_mel(parity: Any) -> None:
    """Spectrogram with mirrored ends, mel bands, and the mel straight from the wave."""
    meta, g = parity.meta["spectrogram"], parity.arrays("spectrogram")
    spec = LinearSpectrogram(meta["n_fft"], meta["hop"], meta["win"])(g["wave"])
    parity.close("spectrogram.spec", spec, g["spec"])
    mel = LogMel(meta["sr"], meta["n_fft"], meta["hop"], meta["mels"], meta["win"], meta["fmin"], meta["fmax"])
    parity.close("spectrogram.mel_basis", mel.filters, g["mel_basis"])
    parity.close("spectrogram.spec_to_mel", mel.from_spec(g["spec"]), g["spec_to_mel"])
    parity.close("spectrogram.mel", mel(g["wave"]), g["mel"])


@pytest.mark.parametrize("name", ["mel_v3", "mel_v4"])
def test_mel_of_diffusion_models(parity: Any, name: str) -> None:
    """Log-mels of the diffusion families, raw and scaled to -1 .. 1."""
    meta, g = parity.meta[name], parity.arrays(name)
    wave = parity.arrays("spectrogram")["wave"]
    log_mel = LogMel(
        meta["sr"], meta["n_fft"], meta["hop"], meta["mels"], meta["win"], meta["fmin"], meta["fmax"], 1e-9
    )
    mel = log_mel(wave)
    parity.close(f"{name}.mel", mel, g["mel"])
    parity.close(f"{name}.mel_normalised", (mel + 12) / 14 * 2 - 1, g["mel_normalised"])


def test_segments(parity: Any) -> None:
    """Random segments and the length mask."""
    g = parity.arrays("segments")
    size = int(g["segment"])
    starts = segment_starts(g["lengths"], size, g["rand"])
    parity.equal("segments.ids", starts, g["ids"])
    parity.close("segments.slices", take_segments(g["x"], starts, size), g["slices"])
    parity.equal("segments.mask", sequence_mask(g["lengths"], g["x"].shape[-1])[:, 0], g["mask"])


def test_losses(parity: Any) -> None:
    """Adversarial, feature-matching and KL terms."""
    g = parity.arrays("losses")
    groups = json.loads(parity.meta["losses"]["feature_loss_grouping"])
    real, fake = ([g[f"{kind}{i}"] for i in range(len(g["gen_each"]))] for kind in ("real", "fake"))
    parity.close("losses.disc", losses.discriminator_loss(real, fake), g["disc"])
    parity.close("losses.gen", losses.adversarial_loss(fake), g["gen"])
    for i in range(len(fake)):
        parity.close(f"losses.gen_each.{i}", losses.adversarial_loss(fake[i : i + 1]), g["gen_each"][i])
    feature = losses.feature_loss(*([[waves[i] for i in group] for group in groups] for waves in (real, fake)))
    parity.close("losses.feat", feature, g["feat"])
    kl = losses.kl_loss(g["z_p"], g["logs_q"], g["m_p"], g["logs_p"], g["z_mask"])
    parity.close("losses.kl", kl, g["kl"])


def test_quantizer(parity: Any) -> None:
    """Two residual books: codes, decoding, and one training step of the moving averages."""
    meta, g = parity.meta["part_rvq"], parity.arrays("part_rvq")
    module = VectorQuantizer(
        meta["dim"], meta["bins"], projection="none", hop=1, n_books=meta["n_q"], decay=meta["decay"],
        dead_below=meta["threshold_ema_dead_code"],
    )  # fmt: skip
    quantizer = loaded(parity, "part_rvq", module, "quantizer.", "quantizer.")
    parity.equal("part_rvq.codes", quantizer.encode(g["x"]).transpose(0, 1), g["codes"])
    parity.close("part_rvq.decoded", quantizer.decode(g["codes"].transpose(0, 1)), g["decoded"])
    found = quantizer(g["x"])
    parity.close("part_rvq.eval_quantized", found.x, g["eval_quantized"])
    parity.equal("part_rvq.eval_codes", found.codes.transpose(0, 1), g["eval_codes"])
    parity.close("part_rvq.eval_commit", found.commitment, g["eval_commit"])
    for i, book in enumerate(quantizer.books):
        book.counts.copy_(g[f"pre_vq/layers/{i}/_codebook/cluster_size"])
    found = quantizer.train()(g["x"])
    parity.close("part_rvq.train_quantized", found.x, g["train_quantized"])
    parity.equal("part_rvq.train_codes", found.codes.transpose(0, 1), g["train_codes"])
    parity.close("part_rvq.train_commit", found.commitment, g["train_commit"])
    after = to_reference({f"quantizer.{key}": value for key, value in quantizer.state_dict().items()})
    for key, value in after.items():
        stored = g["post_" + key.removeprefix("quantizer.").replace(".", "/")]
        parity.close(f"part_rvq.post_{key.removeprefix('quantizer.vq.layers.')}", value, stored)


def test_cross_attention(parity: Any) -> None:
    """Content, text and speaker joined."""
    meta, g = parity.meta["part_mrte"], parity.arrays("part_mrte")
    module = TextContentAttention(meta["content"], meta["hidden"], meta["heads"], meta["hidden"])
    module = loaded(parity, "part_mrte", module, "enc_p.mrte.", "prior.cross_attention.")
    out = module(g["ssl"], g["ssl_mask"], g["text"], g["text_mask"], Conditioning(g["ge"]))
    parity.close("part_mrte.out", out, g["out"])


def test_style_encoder(parity: Any) -> None:
    """Speaker vector with and without a mask."""
    meta, g = parity.meta["part_mel_style"], parity.arrays("part_mel_style")
    module = StyleEncoder(
        meta["n_in"],
        meta["out"],
        meta["hidden"],
        meta["kernel"],
        meta["heads"],
        scale_by_width=True,
        mask_convolutions=False,
    )
    module = loaded(parity, "part_mel_style", module, "ref_enc.", "speaker_encoder.")
    parity.close("part_mel_style.out_masked", module(Features(g["x"]), g["mask"]), g["out_masked"])
    parity.close("part_mel_style.out_nomask", module(Features(g["x"])), g["out_nomask"])


def test_encoder_stack(parity: Any) -> None:
    """Relative positions at lengths below, at and above the window."""
    meta, g = parity.meta["part_attn_encoder"], parity.arrays("part_attn_encoder")
    module = EncoderStack(
        meta["layers"], meta["hidden"], meta["filter"], meta["heads"], meta["kernel"], window=meta["window_size"]
    )
    module = loaded(parity, "part_attn_encoder", module, "enc_p.encoder2.", "prior.fused_stack.")
    for i, length in enumerate(meta["Ts"]):
        parity.close(f"part_attn_encoder.{length}_frames", module(g[f"x{i}"], g[f"mask{i}"]), g[f"out{i}"])


def test_wavenet(parity: Any) -> None:
    """Gated stack with dilation, with and without condition."""
    meta, g = parity.meta["part_wn"], parity.arrays("part_wn")
    module = WaveNet(meta["hidden"], meta["layers"], meta["kernel"], meta["gin"], meta["dil"])
    module = loaded(parity, "part_wn", module, "enc_q.enc.", "posterior.stack.")
    parity.close("part_wn.out", module(g["x"], g["mask"], g["g"]), g["out"])
    parity.close("part_wn.out_no_g", module(g["x"], g["mask"]), g["out_no_g"])


def test_posterior(parity: Any) -> None:
    """Mean, deviation and draw."""
    meta, g = parity.meta["part_posterior"], parity.arrays("part_posterior")
    module = WaveNetPosterior(meta["in"], meta["out"], meta["gin"], meta["hidden"], meta["layers"], meta["kernel"])
    module = loaded(parity, "part_posterior", module, "enc_q.", "posterior.")
    mask = sequence_mask(g["lengths"], g["x"].shape[-1])
    found = module(Features(g["x"]), mask, Conditioning(g["g"]), g["noise"])
    for name, value in (("z", found.z), ("m", found.mean), ("logs", found.log_scale), ("mask", found.mask)):
        parity.close(f"part_posterior.{name}", value, g[name])


def test_flow(parity: Any) -> None:
    """Forward, inverse of forward, inverse."""
    meta, g = parity.meta["part_flow"], parity.arrays("part_flow")
    module = CouplingFlow(meta["ch"], meta["gin"], meta["hidden"], meta["layers"], meta["kernel"], meta["n_flows"])
    module = loaded(parity, "part_flow", module, "flow.", "flow.")
    conditioning = Conditioning(g["g"])
    forward = module(g["x"], g["mask"], conditioning)
    parity.close("part_flow.forward", forward, g["forward"])
    back = module(forward, g["mask"], conditioning, inverse=True)
    parity.close("part_flow.reverse_of_forward", back, g["reverse_of_forward"])
    parity.close("part_flow.reverse", module(g["x"], g["mask"], conditioning, inverse=True), g["reverse"])


def test_generator(parity: Any) -> None:
    """HiFi-GAN with and without condition, and after folding weight norm."""
    meta, g = parity.meta["part_generator"], parity.arrays("part_generator")
    module = HiFiGAN(
        meta["in"], meta["gin"], meta["uc"], meta["ur"], meta["uk"], meta["rk"], meta["rd"], final_slope=0.01
    )
    module = loaded(parity, "part_generator", module, "dec.", "vocoder.")
    conditioning = Conditioning(g["g"])
    parity.close("part_generator.out", module(g["x"], conditioning).wave, g["out"])
    parity.close("part_generator.out_no_g", module(g["x"], Conditioning()).wave, g["out_no_g"])
    for part in list(module.modules()):
        if parametrize.is_parametrized(part, "weight"):
            parametrize.remove_parametrizations(part, "weight")
    folded = module(g["x"], conditioning).wave
    parity.close("part_generator.out_after_removing_weight_norm", folded, g["out_after_removing_weight_norm"])


def discriminator(specs: list[list[Any]], periods: tuple[int, ...]) -> CombinedDiscriminator:
    """The discriminator of a layer list of `meta.json`; the last layer of each part has kernel 3."""
    ends = [i for i, spec in enumerate(specs) if spec[2] == 1 and spec[3] in (3, [3, 1])]
    groups = [specs[begin + 1 : end] for begin, end in zip([-1, *ends], ends, strict=False)]
    _, _, channels, kernels, strides, parts, _ = zip(*groups[0], strict=True)
    folded = []
    for period, layers in zip(periods, groups[1:], strict=True):
        _, _, _, kernel, stride, _, _ = layers[0]
        folded.append(PeriodDiscriminator(period, [layer[2] for layer in layers], kernel[0], stride[0]))
    return CombinedDiscriminator([ScaleDiscriminator(channels, parts, kernels, strides), *folded])


@pytest.mark.parametrize(
    ("name", "periods"), [("part_mpd_v2", (2, 3, 5, 7, 11)), ("part_mpd_v2Pro", (2, 3, 5, 7, 11, 17, 23))]
)
def test_discriminators(parity: Any, name: str, periods: tuple[int, ...]) -> None:
    """Scores, layer outputs and the losses made of them."""
    meta, g = parity.meta[name], parity.arrays(name)
    module = loaded(parity, name, discriminator(meta["layer_specs"], periods), "", "")
    real, fake = module(g["y"]), module(g["y_hat"])
    for i in range(len(module.discriminators)):
        parity.close(f"{name}.real{i}", real.scores[i], g[f"real{i}"])
        parity.close(f"{name}.fake{i}", fake.scores[i], g[f"fake{i}"])
        for kind, found in (("real", real), ("fake", fake)):
            means = torch.stack([x.abs().mean() for x in found.features[i]])
            parity.close(f"{name}.fmap_{kind}_absmean{i}", means, g[f"fmap_{kind}_absmean{i}"])
        parity.close(f"{name}.fmap_real_last{i}", real.features[i][-2], g[f"fmap_real_last{i}"])
        parity.close(
            f"{name}.loss_gen_each.{i}", losses.adversarial_loss(fake.scores[i : i + 1]), g["loss_gen_each"][i]
        )
    parity.close(f"{name}.loss_feature", losses.feature_loss(real.features, fake.features), g["loss_feature"])
    parity.close(f"{name}.loss_disc", losses.discriminator_loss(real.scores, fake.scores), g["loss_disc"])
    parity.close(f"{name}.loss_gen", losses.adversarial_loss(fake.scores), g["loss_gen"])


def test_rule_of_the_table(parity: Any) -> None:
    """The helper itself: a number that is off, or a wrong shape, fails and is entered as failed."""
    rows = len(parity.rows)
    for wrong in (torch.tensor([1.0, 2.001]), torch.ones(3)):
        with pytest.raises(AssertionError):
            parity.close("-", wrong, torch.tensor([1.0, 2.0]))
    with pytest.raises(AssertionError):
        parity.equal("-", torch.tensor([1]), torch.tensor([2]))
    assert not any(row.passed for row in parity.rows[rows:])
    del parity.rows[rows:]
