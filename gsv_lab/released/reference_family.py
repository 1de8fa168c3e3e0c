"""Which network a released file holds, and its spec: tensors first, the stored configuration for what they hide.

No name of a version decides anything; the family that is reported is a description of the shapes. No file is opened
here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from gsv_lab.checkpoint.archive import CODES
from gsv_lab.errors import CheckpointError
from gsv_lab.released.reference_keys import to_our_key
from gsv_lab.released.reference_keys_gpt import sizes_from_reference
from gsv_lab.released.reference_spec import dilated_layers, sovits_spec
from gsv_lab.released.stored_config import setting, share, whole, wholes

RATES = (10, 8, 2, 2, 2)
"""Upsampling of every released vocoder; used where the configuration does not say."""

PERIODS = (2, 3, 5, 7, 11, 17, 23)
"""Of the released period discriminators: tensors show how many there are, not which."""

OLD_PHONES, OLD_GPT_PHONES = 322, 512
"""Rows of the first family's phone tables: acoustic model, SemanticGPT."""

WIDE, WIDE_KERNEL = 768, 20
"""Width and first upsampling kernel of the widest vocoder; one of them tells v2ProPlus from v2Pro."""


class Resolved(NamedTuple):
    """Role, family, spec for `gsv_lab.system.config.build`, sound settings, and sentences about disagreements."""

    role: str
    family: str
    spec: dict[str, Any]
    audio: dict[str, int]
    notes: tuple[str, ...]


def resolve_file(state: Mapping[str, Tensor], config: Any, code: str, source: str) -> Resolved:
    """Decide what the tensors of a released file are.

    Args:
        state: tensors under the released names, weight norm in its older form.
        config: the stored configuration, or None.
        code: first two bytes of the file.
        source: name of the file, for messages.

    Raises:
        CheckpointError: CKPT_KEYS, the keys are those of no known network; CKPT_FORMAT, the configuration is unusable
            or the family is one that the kit does not run.
    """
    if any(key.startswith("cfm.") for key in state) or any("lora" in key for key in state):
        raise CheckpointError("CKPT_FORMAT", f"{source} is of the families v3 or v4", "v1, v2, v2Pro or v2ProPlus")
    try:
        if any(key.removeprefix("model.").startswith("ar_text_embedding.") for key in state):
            return _semantic_gpt(state, config)
        if any(key.startswith("enc_p.") for key in state):
            return _sovits(state, config, code)
        if any(key.startswith("discriminators.") for key in state):
            return _discriminators(state)
    except (KeyError, IndexError, ZeroDivisionError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            "CKPT_KEYS", f"{source} lacks a tensor, or one has too few axes: {str(error)[:100]}", "a whole network"
        ) from error
    shown = ", ".join(list(state)[:3])[:120] or "none"
    raise CheckpointError("CKPT_KEYS", f"{source} holds tensors of no known network: {shown}", "a GPT-SoVITS network")


def _semantic_gpt(state: Mapping[str, Tensor], config: Any) -> Resolved:
    sizes = sizes_from_reference(state)
    heads = whole(config, "model.head", 16)
    spec = {
        "class_path": "gsv_lab.nn.semantic_gpt.SemanticGPT",
        # The stored model.dropout is zero in all released files while their layers were trained with 0.1.
        "init_args": {**sizes, "n_heads": heads, "dropout": 0.1},
    }
    found = {
        "model.vocab_size": sizes["n_codes"] + 1,
        "model.phoneme_vocab_size": sizes["n_phones"],
        "model.embedding_dim": sizes["dim"],
        "model.hidden_dim": sizes["dim"],
        "model.linear_units": sizes["ffn_dim"],
        "model.n_layer": sizes["n_layers"],
        "model.EOS": sizes["n_codes"],
    }
    notes = _disagreements(config, found)
    if setting(config, "model.head") is None:
        notes.append("the configuration names no number of heads; 16 is assumed")
    return Resolved("semantic_gpt", "v1" if sizes["n_phones"] == OLD_GPT_PHONES else "v2", spec, {}, tuple(notes))


def _sovits(state: Mapping[str, Tensor], config: Any, code: str) -> Resolved:
    rates, notes = _rates(state, config)
    hop = whole(config, "data.hop_length", math.prod(rates))
    bins = whole(config, "data.filter_length", 2048) // 2 + 1
    frames = max(1, whole(config, "train.segment_size", 32 * hop, 10**8) // hop)
    heads = whole(config, "model.n_heads", 2)
    sample_rate = whole(config, "data.sampling_rate", 50 * math.prod(rates))
    spec = sovits_spec(
        state,
        rates,
        frames,
        heads=heads,
        dropout=share(config, "model.p_dropout", 0.1),
        dilations=_dilations(state, config),
        n_fft=2 * (bins - 1),
    )
    parts = {name: part["init_args"] for name, part in spec["init_args"].items() if isinstance(part, dict)}
    bins = parts["frontend"]["n_fft"] // 2 + 1
    if config is None:
        notes.append("there is no configuration; what tensors do not show is assumed to be as in all released files")
    family = _family(state)
    found = {
        "model.inter_channels": parts["prior"]["latent_dim"],
        "model.hidden_channels": parts["prior"]["width"],
        "model.filter_channels": parts["prior"]["filter_width"],
        "model.n_layers": parts["prior"]["layers"][1],
        "model.kernel_size": parts["prior"]["kernel"],
        "model.gin_channels": parts["prior"]["speaker_dim"],
        "model.upsample_initial_channel": parts["vocoder"]["width"],
        "model.upsample_kernel_sizes": parts["vocoder"]["upsample_kernels"],
        "model.resblock_kernel_sizes": parts["vocoder"]["block_kernels"],
        "model.semantic_frame_rate": "25hz" if parts["quantizer"]["hop"] == 2 else "50hz",
        "model.version": family,
    }
    notes += _disagreements(config, found)
    stored = setting(config, "data.filter_length")
    if stored is not None and bins != stored // 2 + 1:
        notes.append(f"data.filter_length means {stored // 2 + 1} bins, not {bins}")
    if hop != math.prod(rates):
        notes.append(f"data.hop_length is {hop}, but the vocoder makes {math.prod(rates)} samples of a frame")
    if sample_rate != 50 * math.prod(rates):
        notes.append(f"data.sampling_rate is {sample_rate}, but 50 frames a second are {50 * math.prod(rates)} samples")
    if code in CODES and CODES[code] != family:
        notes.append(f"the first two bytes say {CODES[code]}, the tensors {family}")
    audio = {"sample_rate": sample_rate, "hop": hop, "bins": bins}
    return Resolved("sovits", family, spec, audio, tuple(notes))


def _rates(state: Mapping[str, Tensor], config: Any) -> tuple[list[int], list[str]]:
    """Upsampling of each stage, and what there is to say about it."""
    stages = len({key.split(".")[2] for key in state if key.startswith("dec.ups.")})
    rates = wholes(config, "model.upsample_rates", RATES)
    if not stages:
        raise KeyError("dec.ups.0")
    if len(rates) == stages:
        return rates, []
    if stages != len(RATES):
        raise CheckpointError(
            "CKPT_FORMAT", f"The configuration has {len(rates)} upsample_rates for {stages} stages", "one for each"
        )
    return list(RATES), [f"{len(rates)} upsample_rates are stored for {stages} stages; {list(RATES)} is assumed"]


def _discriminators(state: Mapping[str, Tensor]) -> Resolved:
    numbers = {int(key.split(".")[1]) for key in state}
    if not 2 <= len(numbers) <= 1 + len(PERIODS) or max(numbers) >= len(numbers):
        raise CheckpointError("CKPT_KEYS", f"There are {len(numbers)} discriminators", f"2 to {1 + len(PERIODS)}")
    channels, groups, kernels = zip(*_layers(state, 0), strict=True)
    scale = {"channels": list(channels), "groups": list(groups), "kernels": list(kernels)}
    found: list[tuple[str, dict[str, Any]]] = [("ScaleDiscriminator", scale)]
    for period, number in zip(PERIODS, range(1, len(numbers)), strict=False):
        channels, _, kernels = zip(*_layers(state, number), strict=True)
        found.append(("PeriodDiscriminator", {"period": period, "channels": list(channels), "kernel": kernels[0]}))
    parts = [{"class_path": f"gsv_lab.nn.discriminators.{name}", "init_args": sizes} for name, sizes in found]
    spec = {"class_path": "gsv_lab.nn.discriminators.CombinedDiscriminator", "init_args": {"discriminators": parts}}
    return Resolved("discriminators", "v2Pro" if len(numbers) == 1 + len(PERIODS) else "v2", spec, {}, ())


def _layers(state: Mapping[str, Tensor], number: int) -> list[tuple[int, int, int]]:
    """Channels, groups and kernel of each layer; strides leave no trace and are those of all released files."""
    found: list[tuple[int, int, int]] = []
    before = 1
    while (weight := state.get(f"discriminators.{number}.convs.{len(found)}.weight_v")) is not None:
        channels, inputs, kernel = weight.shape[:3]
        found.append((channels, before // inputs, kernel))
        before = channels
    if not found:
        raise KeyError(f"discriminators.{number}.convs.0.weight_v")
    return found


def _family(state: Mapping[str, Tensor]) -> str:
    return family_of({str(to_our_key(key)): tuple(value.shape) for key, value in state.items()})


def family_of(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The family of a network, from the shapes of its tensors under our names: v1, v2, v2Pro or v2ProPlus."""
    if "speaker_encoder.in_proj.weight" in shapes:
        kernel = shapes.get("vocoder.stages.0.up.parametrizations.weight.original1", (0,))[-1]
        wide = WIDE in shapes.get("vocoder.in_proj.weight", ())[:1]
        return "v2ProPlus" if wide or kernel == WIDE_KERNEL else "v2Pro"
    phones = shapes.get("prior.text_in.weight", shapes.get("phone_embedding.weight", ()))[:1]
    old = OLD_PHONES if "prior.text_in.weight" in shapes else OLD_GPT_PHONES
    return "v1" if old in phones else "v2"


def _dilations(state: Mapping[str, Tensor], config: Any) -> list[int] | list[list[int]]:
    """Dilations of the residual blocks: a list for each kernel, or one for all where the kernels have the same."""
    counts = dilated_layers(state)
    name = "model.resblock_dilation_sizes"
    stored = setting(config, name)
    if stored is None:
        stored = [[1, 3, 5]] * len(counts)
    if not isinstance(stored, (list, tuple)) or not stored:
        raise CheckpointError("CKPT_FORMAT", f"{name} is {str(stored)[:60]}", "a list of dilations for each kernel")
    lists = [wholes({"model": {"resblock_dilation_sizes": item}}, name, ()) for item in stored]
    if all(item == lists[0] for item in lists):
        lists = [lists[0]] * len(counts)
    if [len(item) for item in lists] != counts:
        wanted = " and ".join(map(str, counts))
        raise CheckpointError(
            "CKPT_FORMAT", f"{name} is {str(stored)[:60]}", f"{wanted} dilations, a list for each kernel"
        )
    return lists


def _disagreements(config: Any, truth: Mapping[str, Any]) -> list[str]:
    """One sentence for each setting that says something else than the tensors."""
    found = []
    for path, value in truth.items():
        stored = setting(config, path)
        if stored is not None and stored != value:
            found.append(f"{path} is {str(stored)[:60]}, the tensors say {value}")
    return found
