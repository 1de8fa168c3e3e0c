"""Names of tensors of the released SoVITS families and discriminators: the released names and ours, both ways.

One table for all families: which keys are there decides, not a version. Values keep their numbers; where the released
network has a linear layer and ours a convolution of one frame, a last axis of length one is added or taken away. No
file is opened here and no type converted. SemanticGPT has its own page, `reference_keys_gpt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from gsv_lab.errors import CheckpointError


def _stack(released: str, ours: str) -> list[tuple[str, str]]:
    """One transformer stack."""
    old, new = f"{released}.", f"{ours}.layers.#."
    return [
        *((f"{old}attn_layers.#.conv_{a}.*", f"{new}attention.{b}.*") for a, b in _QKVO.items()),
        (f"{old}attn_layers.#.emb_rel_k", f"{new}attention.relative_keys"),
        (f"{old}attn_layers.#.emb_rel_v", f"{new}attention.relative_values"),
        (f"{old}norm_layers_1.#.gamma", f"{new}norm_attention.weight"),
        (f"{old}norm_layers_1.#.beta", f"{new}norm_attention.bias"),
        (f"{old}norm_layers_2.#.gamma", f"{new}norm_filter.weight"),
        (f"{old}norm_layers_2.#.beta", f"{new}norm_filter.bias"),
        (f"{old}ffn_layers.#.conv_1.*", f"{new}expand.*"),
        (f"{old}ffn_layers.#.conv_2.*", f"{new}contract.*"),
    ]


def _wavenet(released: str, ours: str) -> list[tuple[str, str]]:
    """One gated convolution stack."""
    return [
        (f"{released}.in_layers.#.*", f"{ours}.gates.#.*"),
        (f"{released}.res_skip_layers.#.*", f"{ours}.outs.#.*"),
        (f"{released}.cond_layer.*", f"{ours}.condition.*"),
    ]


_QKVO = {"q": "query", "k": "key", "v": "value", "o": "out"}

PAIRS: list[tuple[str, str]] = [
    ("ssl_proj.*", "quantizer.project_in.*"),
    ("quantizer.vq.layers.#._codebook.inited", "quantizer.books.#.started"),
    ("quantizer.vq.layers.#._codebook.cluster_size", "quantizer.books.#.counts"),
    ("quantizer.vq.layers.#._codebook.embed", "quantizer.books.#.table"),
    ("quantizer.vq.layers.#._codebook.embed_avg", "quantizer.books.#.sums"),
    ("ref_enc.spectral.#.fc.*", "speaker_encoder.spectral.#.*"),
    ("ref_enc.temporal.#.conv1.conv.*", "speaker_encoder.temporal.#.*"),
    ("ref_enc.slf_attn.w_qs.*", "speaker_encoder.attention.query.*"),
    ("ref_enc.slf_attn.w_ks.*", "speaker_encoder.attention.key.*"),
    ("ref_enc.slf_attn.w_vs.*", "speaker_encoder.attention.value.*"),
    ("ref_enc.slf_attn.fc.*", "speaker_encoder.attention.out.*"),
    ("ref_enc.fc.fc.*", "speaker_encoder.out_proj.*"),
    ("sv_emb.*", "speaker_encoder.in_proj.*"),
    ("prelu.weight", "speaker_encoder.gate.weight"),
    ("ge_to512.*", "prior.cross_attention.speaker_in.*"),
    ("enc_p.ssl_proj.*", "prior.content_in.*"),
    ("enc_p.text_embedding.weight", "prior.text_in.weight"),
    *_stack("enc_p.encoder_ssl", "prior.content_stack"),
    *_stack("enc_p.encoder_text", "prior.text_stack"),
    *_stack("enc_p.encoder2", "prior.fused_stack"),
    *((f"enc_p.mrte.cross_attention.conv_{a}.*", f"prior.cross_attention.{b}.*") for a, b in _QKVO.items()),
    ("enc_p.mrte.c_pre.*", "prior.cross_attention.content_in.*"),
    ("enc_p.mrte.text_pre.*", "prior.cross_attention.text_in.*"),
    ("enc_p.mrte.c_post.*", "prior.cross_attention.out_proj.*"),
    ("enc_p.proj.*", "prior.out_proj.*"),
    ("enc_q.pre.*", "posterior.in_proj.*"),
    *_wavenet("enc_q.enc", "posterior.stack"),
    ("enc_q.proj.*", "posterior.out_proj.*"),
    ("flow.flows.#.pre.*", "flow.steps.#.in_proj.*"),
    *_wavenet("flow.flows.#.enc", "flow.steps.#.stack"),
    ("flow.flows.#.post.*", "flow.steps.#.out_proj.*"),
    ("dec.conv_pre.*", "vocoder.in_proj.*"),
    ("dec.cond.*", "vocoder.condition.*"),
    ("dec.ups.#.*", "vocoder.stages.#.up.*"),
    ("dec.resblocks.#.#.convs1.#.*", "vocoder.stages.#.blocks.#.dilated.#.*"),
    ("dec.resblocks.#.#.convs2.#.*", "vocoder.stages.#.blocks.#.plain.#.*"),
    ("dec.conv_post.*", "vocoder.out_proj.*"),
    ("discriminators.#.convs.#.*", "discriminators.#.layers.#.*"),
    ("discriminators.#.conv_post.*", "discriminators.#.last.*"),
]
"""Released pattern, our pattern: `#` is a number, `*` the rest of the key."""

_SUFFIXES = {
    "weight_g": "parametrizations.weight.original0",
    "weight_v": "parametrizations.weight.original1",
}
_LINEAR = re.compile(
    r"speaker_encoder\.(base\.)?(spectral|attention|out_proj|in_proj)\b.*weight$|.*\.speaker_in\.weight$"
)
_BASE = re.compile(r"speaker_encoder\.(?=spectral|temporal|attention|out_proj)")


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\#", r"(\d+)").replace(r"\*", "(.+)"))


def _template(pattern: str) -> str:
    return re.sub(r"[#*]", "{}", pattern)


_TO_OURS = [(_compiled(released), _template(ours)) for released, ours in PAIRS]
_TO_RELEASED = [(_compiled(ours), _template(released)) for released, ours in PAIRS]


def _lookup(key: str, table: list[tuple[re.Pattern[str], str]]) -> str | None:
    for pattern, template in table:
        found = pattern.fullmatch(key)
        if found:
            return template.format(*found.groups())
    return None


def _renumbered(key: str, pattern: str, change: tuple[int, int]) -> str:
    """Multiply and divide the number in a key: flows are counted with the channel flips between them, ours without."""
    times, by = change
    return re.sub(pattern, lambda m: f"{m[1]}{int(m[2]) * times // by}", key)


def to_our_key(key: str, blocks: int = 3, verified: bool = False) -> str | None:
    """Our name of a released key; None if it belongs to no family.

    Args:
        key: released name, in the old (`weight_g`, `weight_v`) form of weight norm.
        blocks: residual blocks of each vocoder stage.
        verified: whether the speaker encoder also takes a verification vector.
    """
    for old, new in _SUFFIXES.items():
        key = re.sub(rf"\b{old}$", new, key)
    key = _renumbered(key, r"(flow\.flows\.)(\d+)", (1, 2))
    key = _renumbered(key, r"(ref_enc\.spectral\.)(\d+)", (1, 3))
    key = re.sub(r"(resblocks\.)(\d+)", lambda m: f"{m[1]}{int(m[2]) // blocks}.{int(m[2]) % blocks}", key)
    found = _lookup(key, _TO_OURS)
    return _BASE.sub("speaker_encoder.base.", found) if found and verified else found


def to_reference_key(key: str, blocks: int = 3) -> str | None:
    """The released name of our key; None where the released networks have no such tensor."""
    for old, new in _SUFFIXES.items():
        key = re.sub(rf"\b{re.escape(new)}$", old, key)
    found = _lookup(key.replace("speaker_encoder.base.", "speaker_encoder."), _TO_RELEASED)
    if found is None:
        return None
    found = _renumbered(found, r"(flow\.flows\.)(\d+)", (2, 1))
    found = _renumbered(found, r"(ref_enc\.spectral\.)(\d+)", (3, 1))
    return re.sub(r"(resblocks\.)(\d+)\.(\d+)", lambda m: f"{m[1]}{int(m[2]) * blocks + int(m[3])}", found)


def from_reference(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Released state dict -> ours, in the same order.

    Raises:
        CheckpointError: CKPT_KEYS, a key is unknown.
    """
    verified = "sv_emb.weight" in state
    blocks = _count(state, "dec.resblocks.") // max(_count(state, "dec.ups."), 1) or 3
    named = {key: to_our_key(key, blocks, verified) for key in state}
    _refuse("unknown", (key for key, name in named.items() if name is None))
    return {
        name: state[key][..., None] if _LINEAR.match(name) and state[key].dim() == 2 else state[key]
        for key, name in named.items()
        if name is not None
    }


def to_reference(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict -> the released names and shapes, in the same order.

    Raises:
        CheckpointError: CKPT_KEYS, a tensor has no place in the released layout.
    """
    blocks = _count(state, "vocoder.stages.0.blocks.") or 3
    named = {key: to_reference_key(key, blocks) for key in state}
    _refuse("without a place in the released layout", (key for key, name in named.items() if name is None))
    return {
        name: state[key][..., 0] if _LINEAR.match(key) else state[key]
        for key, name in named.items()
        if name is not None
    }


def _count(state: Iterable[str], prefix: str) -> int:
    return len({key[len(prefix) :].split(".")[0] for key in state if key.startswith(prefix)})


def _refuse(what: str, keys: Iterable[str]) -> None:
    names = list(keys)
    if names:
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        raise CheckpointError("CKPT_KEYS", f"{len(names)} keys are {what}: {shown}", "the tensors of a SoVITS")
