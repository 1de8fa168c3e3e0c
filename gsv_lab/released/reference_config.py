"""The configuration that a released file carries, made from a spec, and what the released layout cannot say.

The released program builds its networks from this configuration. Where the weights were started from a released file,
the configuration of that file lies under the one made here, so that what no tensor shows is carried along.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

from gsv_lab.checkpoint.restricted import HParams
from gsv_lab.system.registry import PARTS, resolve

TRAINING_ONLY = {"dropout", "attention_dropout", "freeze_quantizer", "detach_speaker"}
"""Arguments that change a training and no trained network; a file need not say them."""


def complete(spec: Any) -> Any:
    """A spec with every default of every constructor filled in, and lists in place of tuples."""
    if isinstance(spec, (list, tuple)):
        return [complete(item) for item in spec]
    if not isinstance(spec, Mapping) or "class_path" not in spec:
        return spec
    arguments = {}
    for name, parameter in inspect.signature(resolve(spec["class_path"], PARTS)).parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            arguments[name] = complete(parameter.default)
    for name, value in (spec.get("init_args") or {}).items():
        arguments[name] = complete(value)
    return {"class_path": spec["class_path"], "init_args": arguments}


def differences(wanted: Any, told: Any, place: str = "") -> list[str]:
    """Settings that differ between two complete specs, as `part.argument is X, not Y`; training settings apart."""
    if isinstance(wanted, Mapping) and isinstance(told, Mapping):
        found = []
        for name in sorted(wanted.keys() | told.keys()):
            if name in TRAINING_ONLY:
                continue
            inner = place if name == "init_args" else f"{place}.{name}".lstrip(".")
            found += differences(wanted.get(name), told.get(name), inner)
        return found
    if isinstance(wanted, list) and isinstance(told, list) and len(wanted) == len(told):
        pairs = enumerate(zip(wanted, told, strict=True))
        return [line for n, (one, two) in pairs for line in differences(one, two, f"{place}.{n}")]
    if wanted == told:
        return []
    return [f"{place} is {str(wanted)[:60]}, not {str(told)[:60]}"]


def gpt_config(spec: Mapping[str, Any], carried: Any = None) -> dict[str, Any]:
    """The configuration of a SemanticGPT, in the groups of the released YAML file.

    Args:
        spec: complete.
        carried: configuration of the released file from which the training started.
    """
    sizes = spec["init_args"]
    made = {
        "data": {"max_eval_sample": 8, "max_sec": 54, "num_workers": 4, "pad_val": sizes["n_codes"]},
        "inference": {"top_k": 15},
    }
    model = {
        "vocab_size": sizes["n_codes"] + 1,
        "phoneme_vocab_size": sizes["n_phones"],
        "embedding_dim": sizes["dim"],
        "hidden_dim": sizes["dim"],
        "head": sizes["n_heads"],
        "linear_units": sizes["ffn_dim"],
        "n_layer": sizes["n_layers"],
        "EOS": sizes["n_codes"],
    }
    # The released files say no dropout here, whatever their layers were trained with.
    below: dict[str, Any] = {**made, "model": {"dropout": 0, "random_bert": 0}}
    return _over(_over(below, carried), {"model": model})


def sovits_config(spec: Mapping[str, Any], family: str, carried: Any = None) -> HParams:
    """The configuration of a SoVITS, as the object that the released program reads.

    Args:
        spec: complete.
        family: v1, v2, v2Pro or v2ProPlus.
        carried: configuration of the released file from which the training started.
    """
    parts = {name: part["init_args"] for name, part in spec["init_args"].items() if isinstance(part, Mapping)}
    prior, vocoder, frontend = parts["prior"], parts["vocoder"], parts["frontend"]
    below = {
        "train": {},
        "data": {
            "max_wav_value": 32768.0,
            "n_mel_channels": 128,
            "mel_fmin": 0.0,
            "mel_fmax": None,
            "add_blank": True,
            "n_speakers": 300,
            "cleaned_text": True,
        },
        "model": {"resblock": "1", "n_layers_q": 3, "use_spectral_norm": False},
        "content_module": "cnhubert",
    }
    data = {
        "sampling_rate": int(frontend["sample_rate"]),
        "filter_length": frontend["n_fft"],
        "hop_length": frontend["hop_length"],
        "win_length": frontend["n_fft"],
    }
    dilations = vocoder["dilations"]
    if not isinstance(dilations[0], list):
        dilations = [list(dilations) for _ in vocoder["block_kernels"]]
    model = {
        "inter_channels": prior["latent_dim"],
        "hidden_channels": prior["width"],
        "filter_channels": prior["filter_width"],
        "n_heads": prior["heads"],
        "n_layers": prior["layers"][1],
        "kernel_size": prior["kernel"],
        "p_dropout": prior["dropout"],
        "resblock_kernel_sizes": vocoder["block_kernels"],
        "resblock_dilation_sizes": dilations,
        "upsample_rates": vocoder["upsample_rates"],
        "upsample_initial_channel": vocoder["width"],
        "upsample_kernel_sizes": vocoder["upsample_kernels"],
        "gin_channels": prior["speaker_dim"],
        "semantic_frame_rate": "25hz" if parts["quantizer"]["hop"] == 2 else "50hz",
        "freeze_quantizer": spec["init_args"]["freeze_quantizer"],
        "version": family,
    }
    train = {"segment_size": spec["init_args"]["segment_frames"] * math.prod(vocoder["upsample_rates"])}
    known = {"data": data, "model": model, "train": train, "version": family}
    return _object(_over(_over(below, carried), known))


def _over(below: Mapping[str, Any], above: Any) -> dict[str, Any]:
    """Two trees as one: entries of the upper one win, groups are joined."""
    merged = dict(below)
    for name, value in _entries(above).items():
        own = merged.get(name)
        joined = isinstance(own, Mapping) and isinstance(value, (Mapping, HParams))
        merged[name] = _over(own, value) if joined and isinstance(own, Mapping) else value
    return merged


def _entries(group: Any) -> Mapping[str, Any]:
    """The entries of a group of settings, whichever kind of container holds them."""
    if isinstance(group, HParams):
        return group.__dict__
    return group if isinstance(group, Mapping) else {}


def _object(tree: Mapping[str, Any]) -> HParams:
    """A tree of dictionaries as the released object, groups too."""
    made = HParams()
    made.__setstate__({name: _object(value) if isinstance(value, Mapping) else value for name, value in tree.items()})
    return made
