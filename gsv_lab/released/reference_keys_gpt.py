"""Names of the SemanticGPT's tensors: the released checkpoints' and ours, both ways, and the sizes that shapes show.

Released files put `model.` before every key; both forms are read. Values pass through untouched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict

from torch import Tensor

from gsv_lab.errors import CheckpointError

OUTER = {
    "ar_text_embedding.word_embeddings.weight": "phone_embedding.weight",
    "ar_text_position.alpha": "phone_position.scale",
    "ar_audio_embedding.word_embeddings.weight": "code_embedding.weight",
    "ar_audio_position.alpha": "code_position.scale",
    "bert_proj.weight": "context_projection.weight",
    "bert_proj.bias": "context_projection.bias",
    "ar_predict_layer.weight": "predict.weight",
}
"""Released key -> our key, outside the layers."""

INNER = {
    "self_attn.in_proj_weight": "attention.qkv.weight",
    "self_attn.in_proj_bias": "attention.qkv.bias",
    "self_attn.out_proj.weight": "attention.output.weight",
    "self_attn.out_proj.bias": "attention.output.bias",
    "linear1.weight": "expand.weight",
    "linear1.bias": "expand.bias",
    "linear2.weight": "contract.weight",
    "linear2.bias": "contract.bias",
    "norm1.weight": "attention_norm.weight",
    "norm1.bias": "attention_norm.bias",
    "norm2.weight": "mlp_norm.weight",
    "norm2.bias": "mlp_norm.bias",
}
"""Released key -> our key, behind `h.layers.N.` and `layers.N.`."""

PREFIX = "model."


class Sizes(TypedDict):
    """Arguments of `SemanticGPT` that shapes show. The number of heads is not one: it stands in the configuration."""

    n_phones: int
    n_codes: int
    context_dim: int
    dim: int
    n_layers: int
    ffn_dim: int


def _translate(key: str, outer: Mapping[str, str], inner: Mapping[str, str], old: str, new: str) -> str | None:
    if key in outer:
        return outer[key]
    if key.startswith(old):
        number, _, rest = key[len(old) :].partition(".")
        if number.isdecimal() and rest in inner:
            return f"{new}{number}.{inner[rest]}"
    return None


def to_our_key(key: str) -> str | None:
    """Our name of a released key, with or without its prefix; None if it is not a SemanticGPT key."""
    return _translate(key.removeprefix(PREFIX), OUTER, INNER, "h.layers.", "layers.")


def to_reference_key(key: str, prefix: str = "") -> str | None:
    """The released name of our key; None where the released model has no such tensor (a speaker projection)."""
    outer, inner = {v: k for k, v in OUTER.items()}, {v: k for k, v in INNER.items()}
    found = _translate(key, outer, inner, "layers.", "h.layers.")
    return None if found is None else prefix + found


def from_reference(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Released state dict -> ours, in the same order.

    Raises:
        CheckpointError: CKPT_KEYS, a key is unknown, missing or there twice.
    """
    named = {key: to_our_key(key) for key in state}
    _refuse("unknown", [key for key, ours in named.items() if ours is None])
    ours = {name: state[key] for key, name in named.items() if name is not None}
    if len(ours) < len(state):
        raise CheckpointError("CKPT_KEYS", "some keys stand in the file with and without 'model.'", "each once")
    numbers = {int(name.split(".")[1]) for name in ours if name.startswith("layers.")}
    wanted = [*OUTER, *(f"h.layers.{n}.{key}" for n in range(max(numbers, default=0) + 1) for key in INNER)]
    _refuse("missing", [key for key in wanted if to_our_key(key) not in ours])
    return ours


def to_reference(state: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """Our state dict -> the released names, in the same order; `prefix` is "model." in checkpoint files.

    Raises:
        CheckpointError: CKPT_KEYS, a tensor has no place in the released layout.
    """
    named = {key: to_reference_key(key, prefix) for key in state}
    _refuse("without a place in the released layout", [key for key, name in named.items() if name is None])
    return {name: state[key] for key, name in named.items() if name is not None}


def _refuse(what: str, keys: Iterable[str]) -> None:
    names = list(keys)
    if names:
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        raise CheckpointError("CKPT_KEYS", f"{len(names)} keys are {what}: {shown}", "the tensors of a SemanticGPT")


def sizes_from_reference(state: Mapping[str, Tensor]) -> Sizes:
    """Sizes of the network a released state dict holds.

    Raises:
        CheckpointError: CKPT_KEYS, as `from_reference`.
    """
    ours = from_reference(state)
    n_phones, dim = ours["phone_embedding.weight"].shape
    return Sizes(
        n_phones=n_phones,
        n_codes=ours["code_embedding.weight"].shape[0] - 1,
        context_dim=ours["context_projection.weight"].shape[1],
        dim=dim,
        n_layers=1 + max(int(key.split(".")[1]) for key in ours if key.startswith("layers.")),
        ffn_dim=ours["layers.0.expand.weight"].shape[0],
    )
