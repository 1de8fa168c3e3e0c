"""Phones to codes: the autoregressive stage of the pipeline.

phones (B, P), context (B, C, P), codes (B, T) -> logits (B, T + 1, V)

One transformer reads the joint sequence `[phones, codes]`. Phones see all phones and no code; a code sees all phones
and the codes up to itself. Logits are read from the last phone onward, so that the text alone predicts the first
code. They are step-major, unlike the channel-first signals elsewhere, because sampling and losses read rows.

How a code is chosen is in `sampling.py`, the loop over codes in `decoding.py`.
Letters: B batch, P phones, T codes, S = P + T steps, C context features, D width, G speaker width, V = n_codes + 1
classes, the last of which, `eos`, ends the sequence.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import BoundTap, Tap
from gsv_lab.nn.gpt_layer import GPTLayer, SinePosition
from gsv_lab.nn.interfaces import SemanticGPTRole
from gsv_lab.nn.kv_cache import KVCache
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeInt, PositiveInt

TextPadding = Literal["align", "reference"]
"""What becomes of shorter texts. "align" moves their padding to the left, hides it, and counts positions from the first
phone. "reference" takes the columns as they come, counts positions from column 0 and hides the first P - length of
them: for texts padded on the right that hides phones and shows padding, as the released trainer does.
"""


class PaddedText(NamedTuple):
    """A batch of texts with its padding in place.

    `phones` (B, P); `context` (B, C, P) or None; `valid` (B, P), false at hidden columns, None where all are seen;
    `skip` (B,) columns before the first phone, which take no position, or None.
    """

    phones: Tensor
    context: Tensor | None
    valid: Tensor | None
    skip: Tensor | None


class Codes(NamedTuple):
    """The codes so far (B, T), and whatever goes with them.

    `phone_index` (B, T), which phone each code speaks, or None; `valid` (B, T), false at padding, or None; `skip` (B,)
    columns of padding before the first code, or None.
    """

    codes: Tensor
    phone_index: Tensor | None
    valid: Tensor | None
    skip: Tensor | None


class AttentionBias(NamedTuple):
    """What is added to attention scores: 0 where a step may look, -inf where it may not.

    `scores` (B or 1, 1, S, S) is all of it, `columns` (B, S) the part that hides padding, None where nothing is padded.
    """

    scores: Tensor
    columns: Tensor | None


class SemanticGPT(SemanticGPTRole):
    """Decoder-only transformer from phones to semantic codes, with cached decoding through the same layers.

    phones (B, P), context (B, C, P), codes (B, T) -> logits (B, T + 1, V)

    Source: the design of VALL-E's autoregressive stage, arXiv:2301.02111, section 4.2, with one codebook and full
    attention among the phones, as in the released GPT-SoVITS; blocks after arXiv:1706.03762.
    Differs from the released trainer: padding is hidden and gets no position (see `TextPadding`).

    Args:
        n_phones: rows of the phone table.
        n_codes: alphabet of codes; the stop token is one more.
        context_dim: context features C for every phone; 0 for none.
        dim: width D.
        n_heads: attention heads.
        n_layers: blocks.
        ffn_dim: inner width of the perceptrons.
        dropout: share dropped in training, at the embeddings and in the blocks.
        attention_dropout: the same for attention weights; None: as `dropout`. On a CPU 0 is far cheaper, for dropping
            weights rules out the fused kernel.
        speaker_dim: width G of a speaker vector that is added to every embedding; 0 for none.

    Raises:
        ConfigError: `n_heads` does not divide `dim`, or an input's width is not the declared one (both are named).
        ValueError: a cache that is not empty.

    >>> SemanticGPT(n_phones=9, n_codes=5, context_dim=0, dim=8, n_heads=2, n_layers=1, ffn_dim=16)(
    ...     torch.zeros(2, 4, dtype=torch.long), None, torch.zeros(2, 3, dtype=torch.long)).shape
    torch.Size([2, 4, 6])
    """

    context = Tap("batch phone dim", meaning="what the context features add to each phone")
    speaker = Tap("batch step dim", meaning="what the speaker vector adds to each embedding")
    logits = Tap("batch token code", rate="frame_rate", unit="nat", meaning="scores of the next code, the last is stop")
    stop = Tap("batch token", rate="frame_rate", unit="nat", meaning="log-odds of the stop token against all codes")
    entropy = Tap(
        "batch token", rate="frame_rate", unit="nat", meaning="uncertainty about the next code", read_only=True
    )

    frame_rate = 25.0

    def __init__(
        self,
        n_phones: PositiveInt = 732,
        n_codes: PositiveInt = 1024,
        context_dim: NonNegativeInt = 1024,
        dim: PositiveInt = 512,
        n_heads: PositiveInt = 16,
        n_layers: PositiveInt = 24,
        ffn_dim: PositiveInt = 2048,
        dropout: ClosedUnitInterval = 0.1,
        attention_dropout: ClosedUnitInterval | None = None,
        speaker_dim: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        self.n_phones = n_phones
        self.n_codes = n_codes
        self.eos = n_codes
        self.context_dim = context_dim
        self.speaker_dim = speaker_dim
        self.dropout = dropout
        if attention_dropout is None:
            attention_dropout = dropout
        self.phone_embedding = nn.Embedding(n_phones, dim)
        self.phone_position = SinePosition(dim)
        self.code_embedding = nn.Embedding(n_codes + 1, dim)
        self.code_position = SinePosition(dim)
        self.context_projection = nn.Linear(context_dim, dim) if context_dim else None
        self.speaker_projection = nn.Linear(speaker_dim, dim) if speaker_dim else None
        self.layers = nn.ModuleList()
        for _ in range(n_layers):
            self.layers.append(GPTLayer(dim, n_heads, ffn_dim, dropout, attention_dropout))
        self.predict = nn.Linear(dim, n_codes + 1, bias=False)

    def forward(  # type: ignore[override]
        self,
        phones: Tensor,
        context: Tensor | None,
        codes: Tensor,
        phone_mask: Tensor | None = None,
        code_mask: Tensor | None = None,
        *,
        phone_index: Tensor | None = None,
        speaker: Tensor | None = None,
        text_padding: TextPadding = "align",
        cache: KVCache | None = None,
    ) -> Tensor:
        """Teacher forcing over whole sequences; with a `cache` also the start of a decode.

        (B, P), (B, C, P), (B, T) -> logits (B, T + 1, V): row t scores code t from the phones and the codes before it.

        Args:
            phones: phone ids.
            context: features of each phone; None stands for zeros, as where a language has none.
            codes: codes so far, T may be 0.
            phone_mask: (B, 1, P), true at phones; padding on either side.
            code_mask: (B, 1, T), true at codes; padding on the right, or, to start a decode, on the left.
            phone_index: (B, T) which phone each code speaks, never falling; read by networks with `max_advance` only.
            speaker: (B, G, 1), or None to add nothing.
            text_padding: see `TextPadding`.
            cache: an empty one, to be filled for `step`.
        """
        text = _pad_text(phones, context, _flat(phone_mask), text_padding)
        past = _pad_codes(codes, phone_index, _flat(code_mask))
        voice = self._voice(speaker)
        embedded_text = self._embed_text(text, voice)
        embedded_codes = self._embed_past(past, embedded_text, text, voice)
        x = torch.cat([embedded_text, embedded_codes], dim=1)
        bias = _attention_bias(text, past, x.dtype)
        if cache is not None:
            cache.begin(codes.shape[1], voice, bias.columns, past.skip)
        x = self._run(x, bias.scores, cache)
        n_phones = phones.shape[1]
        steps = x[:, n_phones - 1 :]
        return self._score(self._before_scores(steps, x[:, :n_phones], embedded_text, text, past, cache))

    def new_cache(self) -> KVCache:
        """An empty cache for one decode."""
        return KVCache()

    def step(self, codes: Tensor, cache: KVCache) -> Tensor:  # type: ignore[override]
        """One more code: (A,) and the cache of all before -> logits of the next one (A, V)."""
        x = self._embed_codes(codes[:, None], cache.speaker, cache.n_codes, cache.skip)
        x = self._run(x, cache.mask(x.dtype), cache)
        cache.n_codes += 1
        return self._score(x)[:, 0]

    def text_attention(self, layer: int) -> BoundTap | None:
        """The tap of a layer's attention (B, H, S, S) over phones, then codes."""
        return self.layers[layer].attention.pattern  # type: ignore[return-value]

    def _embed_past(self, past: Codes, embedded_text: Tensor, text: PaddedText, voice: Tensor | None) -> Tensor:
        """Embeddings of the codes so far: (B, T, D). Networks that know the phone of each code add it here."""
        return self._embed_codes(past.codes, voice, 0, past.skip)

    def _before_scores(
        self,
        steps: Tensor,
        read: Tensor,
        embedded_text: Tensor,
        text: PaddedText,
        past: Codes,
        cache: KVCache | None,
    ) -> Tensor:
        """Steps (B, T + 1, D) as they are scored. `read` (B, P, D) are the phones as they left the last layer."""
        return steps

    def _voice(self, speaker: Tensor | None) -> Tensor | None:
        if speaker is None:
            return None
        if speaker.shape[1] != self.speaker_dim or self.speaker_projection is None:
            raise ConfigError(
                "CONFIG_INCONSISTENT",
                f"The speaker vector has width {speaker.shape[1]}, speaker_dim of SemanticGPT is {self.speaker_dim}",
                "the same number",
            )
        return self.speaker(self.speaker_projection(speaker.transpose(1, 2)))

    def _embed_text(self, text: PaddedText, voice: Tensor | None) -> Tensor:
        x = self.phone_embedding(text.phones)
        if self.context_projection is not None:
            x = x + self.context(self._projected_context(text.context, x))
        if voice is not None:
            x = x + voice
        x = self.phone_position(x, 0, text.skip)
        return functional.dropout(x, self.dropout, self.training)

    def _projected_context(self, context: Tensor | None, x: Tensor) -> Tensor:
        if context is None:
            context = x.new_zeros(1, self.context_dim, 1)
        if context.shape[1] != self.context_dim:
            raise ConfigError(
                "CONFIG_INCONSISTENT",
                f"Context features have width {context.shape[1]}, context_dim of SemanticGPT is {self.context_dim}",
                "the same number",
            )
        assert self.context_projection is not None, "asked of networks with context only"
        projected = self.context_projection(context.transpose(1, 2))
        return projected.expand(x.shape[0], x.shape[1], -1)

    def _embed_codes(self, codes: Tensor, voice: Tensor | None, start: int, skip: Tensor | None) -> Tensor:
        x = self.code_embedding(codes)
        if voice is not None:
            x = x + voice
        x = self.code_position(x, start, skip)
        return functional.dropout(x, self.dropout, self.training)

    def _run(self, x: Tensor, mask: Tensor | None, cache: KVCache | None) -> Tensor:
        for index, layer in enumerate(self.layers):
            layer_cache = None if cache is None else cache.layer(index)
            x = layer(x, mask, layer_cache)
        return x

    def _score(self, x: Tensor) -> Tensor:
        logits = self.predict(x)
        if self.stop.live():
            logits = self._with_watched_stop(logits)
        logits = self.logits(logits)
        if self.entropy.live():
            log_p = logits.log_softmax(-1)
            self.entropy(-(log_p.exp() * log_p.clamp(min=-1e4)).sum(-1))
        return logits

    def _with_watched_stop(self, logits: Tensor) -> Tensor:
        """Logits whose stop class follows an edit of the tap `stop`."""
        others = logits[..., : self.eos].logsumexp(-1)
        odds = logits[..., self.eos] - others
        edited = self.stop(odds)
        if edited is odds:
            return logits
        return torch.cat([logits[..., : self.eos], (edited + others)[..., None]], dim=-1)


def _flat(mask: Tensor | None) -> Tensor | None:
    """(B, 1, F) bool or float -> (B, F) bool."""
    return None if mask is None else mask.squeeze(1).bool()


def _pad_text(
    phones: Tensor,
    context: Tensor | None,
    valid: Tensor | None,
    text_padding: TextPadding,
) -> PaddedText:
    """Texts with their padding where `text_padding` wants it."""
    if valid is None:
        return PaddedText(phones, context, None, None)
    if text_padding == "reference":
        n_hidden = (~valid).sum(1, keepdim=True)
        columns = torch.arange(phones.shape[1], device=phones.device)
        return PaddedText(phones, context, columns >= n_hidden, None)
    # A stable sort moves padding to the left, so that the last column is a phone in all rows.
    order = valid.long().argsort(dim=1, stable=True)
    if context is not None:
        context = context.gather(2, order[:, None].expand(-1, context.shape[1], -1))
    valid = valid.gather(1, order)
    return PaddedText(phones.gather(1, order), context, valid, (~valid).sum(1))


def _pad_codes(codes: Tensor, phone_index: Tensor | None, valid: Tensor | None) -> Codes:
    skip = None
    if valid is not None:
        skip = (valid.cumsum(1) == 0).sum(1)
    return Codes(codes, phone_index, valid, skip)


def _attention_bias(text: PaddedText, past: Codes, dtype: torch.dtype) -> AttentionBias:
    """Scores to add: -inf where a step may not look."""
    n_phones = text.phones.shape[1]
    steps = n_phones + past.codes.shape[1]
    at = torch.arange(steps, device=text.phones.device)
    is_code = at[:, None] >= n_phones
    seen = (at < n_phones) | (is_code & (at <= at[:, None]))
    zero = torch.zeros((), dtype=dtype, device=text.phones.device)
    if text.valid is None and past.valid is None:
        return AttentionBias(zero.masked_fill(~seen, float("-inf"))[None, None], None)
    columns = torch.cat([_all_valid(text.phones, text.valid), _all_valid(past.codes, past.valid)], dim=1)
    scores = zero.masked_fill(~(seen & columns[:, None]), float("-inf"))
    return AttentionBias(scores[:, None], zero.masked_fill(~columns, float("-inf")))


def _all_valid(x: Tensor, valid: Tensor | None) -> Tensor:
    return torch.ones_like(x, dtype=torch.bool) if valid is None else valid
