"""A folder in the form of the golden one, of other sizes, lengths and seeds, computed by the kit's own networks.

It proves nothing about their numbers; it shows that the comparison takes sizes from the folder and from nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.nn import losses, losses_gpt
from gsv_lab.nn.flow import CouplingFlow
from gsv_lab.nn.gpt_layer import SinePosition
from gsv_lab.nn.hifigan import HiFiGAN
from gsv_lab.nn.interfaces import Conditioning, Features, StreamChunk
from gsv_lab.nn.ops import segment_starts, sequence_mask, take_segments
from gsv_lab.nn.semantic_gpt import SemanticGPT
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.nn.spectral import LinearSpectrogram, LogMel
from gsv_lab.released import reference_keys, reference_keys_gpt
from gsv_lab.system.config import build

SIZES = {"upsample_rates": [3, 2], "segment_frames": 7, "n_heads": 4, "mrte_heads": 2, "p_dropout": 0.0}
DILATIONS = [[2], [1, 3]]
STREAM = {"result_length": 5, "padding_length": 1, "overlap": 3}


def other_folder(folder: Path, seed: int = 5) -> Path:
    """Write it; items that are left out are skipped by the suite."""
    torch.manual_seed(seed)
    meta: dict[str, Any] = {}
    for make in (small_parts, flow_and_generator, text_model, acoustic_model):
        make(folder, meta)
    cases = [{"text": "面積為7平方米", "sentences": ["something else"]}, {"text": "你好", "sentences": ["你好"]}]
    front = {"zh_normalise": cases}
    (folder / "text_front.json").write_text(json.dumps(front), encoding="utf-8")
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    return folder


def store(folder: Path, name: str, arrays: Mapping[str, Any]) -> None:
    np.savez(folder / f"{name}.npz", **{key: torch.as_tensor(value).detach().numpy() for key, value in arrays.items()})


def store_part(folder: Path, name: str, module: nn.Module, ours: str, released: str) -> None:
    state = reference_keys.to_reference({ours + key: value for key, value in module.state_dict().items()})
    save_file(
        {k.removeprefix(released): v.contiguous().clone() for k, v in state.items()}, folder / f"{name}.safetensors"
    )


def small_parts(folder: Path, meta: dict[str, Any]) -> None:
    """Segments, losses in three groups, a shorter transform, positions."""
    x, lengths, rand = torch.randn(3, 4, 31), torch.tensor([31, 20, 11]), torch.rand(3)
    starts = segment_starts(lengths, 9, rand)
    store(folder, "segments", {"x": x, "lengths": lengths, "rand": rand, "segment": 9, "ids": starts,
          "slices": take_segments(x, starts, 9), "mask": sequence_mask(lengths, 31)[:, 0]})  # fmt: skip
    real, fake = ([torch.randn(2, 3 + i, 5) for i in range(5)] for _ in range(2))
    groups = [[0, 1], [2, 3], [4]]
    z = {name: torch.randn(2, 3, 8) for name in ("z_p", "logs_q", "m_p", "logs_p")}
    mask = sequence_mask(torch.tensor([8, 6]), 8).float()
    made = {"disc": losses.discriminator_loss(real, fake), "gen": losses.adversarial_loss(fake), "z_mask": mask,
            "gen_each": torch.stack([losses.adversarial_loss([f]) for f in fake]),
            "kl": losses.kl_loss(*z.values(), mask),
            "feat": losses.feature_loss(*([[w[i] for i in g] for g in groups] for w in (real, fake)))}  # fmt: skip
    waves = {f"{kind}{i}": w for kind, ws in (("real", real), ("fake", fake)) for i, w in enumerate(ws)}
    store(folder, "losses", {**z, **made, **waves})
    meta["losses"] = {"feature_loss_grouping": json.dumps(groups)}
    sound = {"n_fft": 512, "hop": 160, "win": 512, "sr": 16000, "mels": 40, "fmin": 30.0, "fmax": 7000.0}
    wave = torch.randn(2, 1, 3200) * 0.1
    spec = LinearSpectrogram(512, 160, 512)(wave)
    mel = LogMel(16000, 512, 160, 40, 512, 30.0, 7000.0)
    store(folder, "spectrogram", {"wave": wave, "spec": spec, "mel_basis": mel.filters, "mel": mel(wave),
          "spec_to_mel": mel.from_spec(spec)})  # fmt: skip
    meta["spectrogram"] = sound
    position = SinePosition(10, size=4)
    nn.init.constant_(position.scale, 0.7)
    y = torch.randn(2, 9, 10)
    store(folder, "sine_position", {"x": y, "alpha": position.scale, "out": position(y)})


def flow_and_generator(folder: Path, meta: dict[str, Any]) -> None:
    size = {"ch": 6, "hidden": 8, "layers": 2, "gin": 5, "kernel": 3, "n_flows": 3}
    flow = CouplingFlow(6, 5, 8, 2, 3, 3).eval()
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=0.2)
    x, mask, g = torch.randn(2, 6, 13), sequence_mask(torch.tensor([13, 9]), 13).float(), torch.randn(2, 5, 1)
    forward = flow(x, mask, Conditioning(g))
    store(folder, "part_flow", {"x": x, "mask": mask, "g": g, "forward": forward,
          "reverse_of_forward": flow(forward, mask, Conditioning(g), inverse=True),
          "reverse": flow(x, mask, Conditioning(g), inverse=True)})  # fmt: skip
    store_part(folder, "part_flow", flow, "flow.", "flow.")
    meta["part_flow"] = size
    vocoder = HiFiGAN(7, 5, 16, [3, 2], [7, 4], [3, 5], [1, 2], final_slope=0.01).eval()
    x, g = torch.randn(1, 7, 6), torch.randn(1, 5, 1)
    out = vocoder(x, Conditioning(g)).wave
    store(folder, "part_generator", {"x": x, "g": g, "out": out, "out_no_g": vocoder(x, Conditioning()).wave,
          "out_after_removing_weight_norm": out})  # fmt: skip
    store_part(folder, "part_generator", vocoder, "vocoder.", "dec.")
    meta["part_generator"] = {"in": 7, "gin": 5, "uc": 16, "ur": [3, 2], "uk": [7, 4], "rk": [3, 5], "rd": [[1, 2]] * 2}


def text_model(folder: Path, meta: dict[str, Any]) -> None:
    """Training in all paddings, the preference loss, gradients."""
    gpt = SemanticGPT(n_phones=11, n_codes=14, context_dim=6, dim=12, n_heads=3, n_layers=2, ffn_dim=20).eval()
    names = {key: reference_keys_gpt.to_our_key(key) for key in reference_keys_gpt.to_reference(gpt.state_dict())}
    save_file(
        {k: v.clone() for k, v in reference_keys_gpt.to_reference(gpt.state_dict()).items()}, folder / "s1.safetensors"
    )
    meta["s1"] = {"hyper": {"head": 3}, "grad_names": list(names)}
    y_lens, x_lens = torch.tensor([9, 6]), torch.tensor([5, 3])
    y = torch.randint(14, (2, 9)).masked_fill(~sequence_mask(y_lens, 9)[:, 0].bool(), 14)
    g: dict[str, Any] = {"eq_y": y, "eq_y_lens": y_lens, "eq_x_lens": torch.tensor([5, 5]), "lpad_x_lens": x_lens}
    mask = sequence_mask(y_lens, 9).bool()
    good = losses_gpt.code_targets(y, gpt.eos, mask)
    for case, padding in (("eq", "align"), ("lpad", "reference"), ("rpad", "reference")):
        x, bert = torch.randint(11, (2, 5)), torch.randn(2, 6, 5)
        right = sequence_mask(g["eq_x_lens"] if case == "eq" else x_lens, 5).bool()
        logits = gpt(x, bert, good.inputs, right.flip(-1) if case == "lpad" else right, mask, text_padding=padding)
        g |= {f"{case}_x": x, f"{case}_bert": bert, f"{case}_logits": logits,
              f"{case}_loss": losses_gpt.code_loss(logits, good.targets, reduction="sum"),
              f"{case}_top3_acc": losses_gpt.top_k_accuracy(logits, good.targets, 3, ignore=gpt.eos)}  # fmt: skip
    g["eq_loss"].backward()
    grads = {name: value.grad for name, value in gpt.named_parameters()}
    g["grad_norms"] = torch.stack([grads[name].norm() for name in names.values()])
    g |= {"grad_ar_predict": grads["predict.weight"], "grad_alpha_text": grads["phone_position.scale"],
          "grad_alpha_audio": grads["code_position.scale"],
          "grad_l0_in_proj_weight": grads["layers.0.attention.qkv.weight"]}  # fmt: skip
    bad_lens = torch.tensor([12, 4])
    bad_y = torch.randint(14, (2, 12)).masked_fill(~sequence_mask(bad_lens, 12)[:, 0].bool(), 14)
    bad = losses_gpt.code_targets(bad_y, gpt.eos, sequence_mask(bad_lens, 12).bool())
    good_logits = g["eq_logits"]
    bad_logits = gpt(g["eq_x"], g["eq_bert"], bad.inputs, None, sequence_mask(bad_lens, 12).bool())
    preference = losses_gpt.dpo_loss(losses_gpt.sequence_log_prob(good_logits, good.targets),
                                     losses_gpt.sequence_log_prob(bad_logits, bad.targets))  # fmt: skip
    g |= {"dpo_reject_y": bad_y, "dpo_reject_y_lens": bad_lens, "dpo_logits": good_logits,
          "dpo_loss": g["eq_loss"] + preference,
          "dpo_reject_logits": bad_logits, "dpo_top3_acc": g["eq_top3_acc"]}  # fmt: skip
    store(folder, "s1_train", g)


def acoustic_model(folder: Path, meta: dict[str, Any]) -> None:
    """The whole of a reduced Pro model: parts, training, gradients, decoding, streams."""
    from checkpoint.layouts import sovits_state  # tiny tensors under the released names

    from gsv_lab.released.reference_spec import sovits_spec

    state = sovits_state("v2Pro", dilations=DILATIONS)
    model: SoVITS = build(sovits_spec(state, *SIZES.values(), dilations=DILATIONS)).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    state = {k: v.contiguous().clone() for k, v in reference_keys.to_reference(model.state_dict()).items()}
    save_file(state, folder / "s2v2pro.safetensors")
    names = [reference_keys.to_reference_key(key) for key, _ in model.named_parameters()]
    hyper = {**SIZES, "resblock_dilation_sizes": DILATIONS}
    meta["s2v2pro"] = {"hyper": hyper, "grad_names": names, "stream": STREAM}
    frames, bins, latent = 22, 20, model.prior.latent_dim
    g: dict[str, Any] = {
        "ssl": torch.randn(2, 6, frames), "spec": torch.randn(2, bins, frames).abs(),
        "spec_lengths": torch.tensor([22, 15]),
        "text": torch.randint(40, (2, 9)), "text_lengths": torch.tensor([9, 4]), "sv": torch.randn(2, 6),
        "enc_q_noise": torch.randn(2, latent, frames), "flow_rev_in": torch.randn(2, latent, frames),
        "fwd_noise": torch.randn(2, latent, frames), "fwd_rand": torch.rand(2),
        "dec_codes": torch.randint(9, (1, 1, 8)),
        "dec_text": torch.randint(40, (1, 5)), "dec_refer": torch.randn(1, bins, 13).abs(),
        "dec_refer2": torch.randn(1, bins, 17).abs(), "dec_sv0": torch.randn(1, 6), "dec_sv1": torch.randn(1, 6),
    }  # fmt: skip
    mask, phone_mask = sequence_mask(g["spec_lengths"], frames), sequence_mask(g["text_lengths"], 9)
    with torch.no_grad():
        parts_of(model, g, mask, phone_mask)
        decodings(model, g)
    trained(model, g, mask, phone_mask, names)
    store(folder, "s2v2pro", g)


def parts_of(model: Any, g: dict[str, Any], mask: Tensor, phone_mask: Tensor) -> None:
    codes = model.quantizer.encode(g["ssl"])
    features = Features(g["spec"])
    speaker = model.embed(features, mask, g["sv"])
    conditioning = Conditioning(speaker)
    frames = model.to_frames(model.quantizer.decode(codes), g["spec"].shape[-1])
    prior = model.prior(frames, mask, g["text"], phone_mask, conditioning)
    sampled = model.posterior(features, mask, conditioning, g["enc_q_noise"])
    g |= {"codes": codes[:, None], "ref_enc_ge": model.speaker_encoder.base(features, mask), "ge_prelu": speaker,
          "ge_to512": model.prior.cross_attention.speaker_in(speaker), "quantized_upsampled": frames,
          "enc_p_x": prior.hidden, "enc_p_m": prior.mean, "enc_p_logs": prior.log_scale, "y_mask": prior.mask,
          "enc_q_z": sampled.z, "enc_q_m": sampled.mean, "enc_q_logs": sampled.log_scale,
          "flow_fwd": model.flow(sampled.z, mask, conditioning),
          "flow_rev_out": model.flow(g["flow_rev_in"], mask, conditioning, inverse=True)}  # fmt: skip


def decodings(model: Any, g: dict[str, Any]) -> None:
    codes, phones = g["dec_codes"][0], g["dec_text"]
    one = model.voice([Features(g["dec_refer"])], [g["dec_sv0"]])
    both = model.voice([Features(g["dec_refer"]), Features(g["dec_refer2"])], [g["dec_sv0"], g["dec_sv1"]])
    for name, speaker, scale, speed in (("ns0", one, 0.0, 1.0), ("ns05", one, 0.5, 1.0), ("mix", both, 0.5, 1.0),
                                        ("fast", one, 0.5, 1.3), ("slow", one, 0.5, 0.75)):  # fmt: skip
        shape = model.decode(codes, phones, speaker, 0.0, speed).prior.mean
        g[f"dec_{name}_noise"] = torch.randn_like(shape)
        g[f"dec_{name}_o"] = model.decode(
            codes, phones, speaker, scale, speed, noise=g[f"dec_{name}_noise"]
        ).vocoded.wave
    keep = STREAM["result_length"] * 2
    g["stream1_overlap"] = torch.randn(1, g["enc_p_x"].shape[1], STREAM["overlap"])
    for name, chunk in (("stream0", StreamChunk(drop_last=STREAM["padding_length"] * 2, keep_last=keep)),
                        ("stream1", StreamChunk(keep_last=keep, previous=g["stream1_overlap"]))):  # fmt: skip
        noise = torch.randn(1, model.prior.latent_dim, keep)
        made = model.decode(codes, phones, one, 0.5, chunk=chunk, noise=noise)
        g |= {f"{name}_noise": noise, f"{name}_latent": made.prior.hidden, f"{name}_o": made.vocoded.wave}


def trained(model: Any, g: dict[str, Any], mask: Tensor, phone_mask: Tensor, names: list[str]) -> None:
    starts = segment_starts(g["spec_lengths"], model.segment_frames, g["fwd_rand"])
    out = model(
        Features(g["spec"]),
        g["text"],
        mask,
        phone_mask,
        content=g["ssl"],
        verification=g["sv"],
        noise=g["fwd_noise"],
        starts=starts,
    )
    kl = losses.kl_loss(out.z_p, out.logs_q, out.m_p, out.logs_p, out.mask)
    target = torch.randn_like(out.vocoded.wave)
    loss = 45 * functional.l1_loss(out.vocoded.wave, target) + kl
    loss.backward()
    norms = [torch.tensor(-1.0) if p.grad is None else p.grad.norm() for p in model.parameters()]
    g |= {"fwd_ids_slice": starts, "fwd_o": out.vocoded.wave, "fwd_kl": kl, "fwd_loss": loss, "fwd_target": target}
    g |= {f"fwd_{name}": getattr(out, name) for name in ("z", "z_p", "m_p", "logs_p", "m_q", "logs_q")}
    g["grad_norms"] = torch.stack(norms)
