"""A released family at tiny size with random weights, in the file layout of the real one, companions included."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gsv_lab.checkpoint.restricted import HParams, Released, released_bytes
from gsv_lab.released import reference_keys, reference_keys_gpt
from gsv_lab.released.catalogue import KNOWN
from gsv_lab.released.eres2net import ERes2NetV2
from gsv_lab.released.importer import import_reference
from gsv_lab.system.config import build
from tiny import spec

WIDTH, N_CODES, LATENT, SPEAKER = 8, 20, 8, 16
RATES, KERNELS = [10, 8, 2, 2, 2], [16, 16, 8, 2, 2]
VERIFIER = {"planes": 4, "blocks": (1, 1, 1, 1), "base_width": 32, "scale": 2, "expansion": 2, "dim": 6}
VERIFIED = 4 * 8 * 2 * 10
CHARACTERS = "今天气很好我们回家吧,.!?"
SOUND = {"sampling_rate": 32000, "filter_length": 2048, "hop_length": 640}


def gpt_spec(n_phones: int = 732) -> dict[str, Any]:
    """Of a tiny SemanticGPT."""
    sizes = {"dim": 16, "n_heads": 2, "n_layers": 2, "ffn_dim": 32, "dropout": 0.0}
    return spec("nn.semantic_gpt.SemanticGPT", n_phones=n_phones, n_codes=N_CODES, context_dim=WIDTH, **sizes)


def sovits_spec(pro: bool = True, n_phones: int = 732, bins: int = 704, posterior: bool = True) -> dict[str, Any]:
    """Of a tiny SoVITS with the released parts, rates and spectrogram."""
    style = spec("nn.speaker_encoder.StyleEncoder", spec_channels=bins, speaker_dim=SPEAKER, width=16, dropout=0.0)
    verified = spec("nn.speaker_encoder.VerifiedSpeakerEncoder", base=style, verification_dim=VERIFIED)
    both = {"latent_dim": LATENT, "speaker_dim": SPEAKER}
    prior = {"n_phones": n_phones, "width": 16, "filter_width": 16, "layers": [1, 1, 1], "attention_width": 12}
    own_posterior = spec("nn.posterior.WaveNetPosterior", spec_channels=1025, **both, width=16, layers=2)
    return spec(
        "nn.sovits.SoVITS",
        frontend=spec("nn.frontend.LinearFrontend", n_fft=2048, hop_length=640, sample_rate=32000),
        quantizer=spec("nn.quantizer.VectorQuantizer", dim=WIDTH, n_codes=N_CODES, projection="conv", hop=2),
        speaker_encoder=verified if pro else style,
        prior=spec("nn.prior.TextContentPrior", content_dim=WIDTH, **both, **prior, attention_heads=4, dropout=0.0),
        posterior=own_posterior if posterior else None,
        flow=spec("nn.flow.CouplingFlow", **both, width=16, layers=1, couplings=4),
        vocoder=spec("nn.hifigan.HiFiGAN", **both, width=32, upsample_rates=RATES, upsample_kernels=KERNELS),
    )


def write_gpt(path: Path, made: dict[str, Any]) -> Path:
    """A SemanticGPT of this spec as a `.ckpt` of the released layout, in half precision."""
    state = reference_keys_gpt.to_reference(build(made).state_dict(), "model.")
    config = {"model": {"head": made["init_args"]["n_heads"]}}
    return _write(path, state, config, "PK")


def write_sovits(path: Path, made: dict[str, Any], code: str = "PK") -> Path:
    """A SoVITS of this spec as a `.pth` of the released layout; the configuration is the released object."""
    state = reference_keys.to_reference(build(made).state_dict())
    model: dict[str, Any] = {"n_heads": 2, "upsample_rates": RATES}
    vocoder = made["init_args"]["vocoder"]["init_args"]
    if "dilations" in vocoder:
        model["resblock_dilation_sizes"] = [list(vocoder["dilations"])] * len(vocoder["block_kernels"])
    config = _hparams({"data": _hparams(SOUND), "model": _hparams(model)})
    return _write(path, state, config, code)


def write_discriminators(path: Path, made: dict[str, Any]) -> Path:
    """Discriminators of this spec as a `.pth` of the released layout."""
    return _write(path, reference_keys.to_reference(build(made).state_dict()), {}, "PK")


def _hparams(values: dict[str, Any]) -> HParams:
    made = HParams()
    made.__setstate__(values)
    return made


def _write(path: Path, state: dict[str, Tensor], config: Any, code: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    weight = OrderedDict((key, value.half() if value.is_floating_point() else value) for key, value in state.items())
    path.write_bytes(released_bytes(Released(code, {"weight": weight, "config": config, "info": "random"})))
    return path


def place(folder: Path, role: str, family: str = "v2Pro") -> Path:
    """Where a family's file of a role lies below the weights folder."""
    return folder / next(file.path for file in KNOWN if family in file.models and file.role == role)


def write_companions(folder: Path) -> None:
    """Tiny HuBERT, BERT with a vocabulary, and verification network, where the released ones would lie."""
    from transformers import BertConfig, BertModel, HubertConfig, HubertModel

    inner = {"hidden_size": WIDTH, "num_attention_heads": 2, "intermediate_size": 16}
    convolutions = {"conv_dim": (8,) * 7, "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
    hubert, bert = place(folder, "content_encoder"), place(folder, "context_encoder")
    HubertModel(HubertConfig(num_hidden_layers=1, **inner, **convolutions)).save_pretrained(hubert)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *CHARACTERS]
    BertModel(BertConfig(vocab_size=len(tokens), num_hidden_layers=4, **inner)).save_pretrained(bert)
    (bert / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    verifier = place(folder, "speaker_verification")
    verifier.parent.mkdir(parents=True, exist_ok=True)
    torch.save(ERes2NetV2(**VERIFIER).state_dict(), verifier)


def write_family(folder: Path, pro: bool = True, companions: bool = True, seed: int = 0) -> Path:
    """A folder with an imported pair and its companions, as `gsv_lab.load(folder)` takes it."""
    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    gpt = write_gpt(folder / "raw" / "g.ckpt", gpt_spec())
    sovits = write_sovits(folder / "raw" / "s.pth", sovits_spec(pro), "05" if pro else "PK")
    import_reference([gpt, sovits], folder / "mine.safetensors")
    if companions:
        write_companions(folder)
    return folder
