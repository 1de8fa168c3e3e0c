"""Phones to codes: the autoregressive stage of the pipeline.

phones (B, P), context (B, C, P), codes (B, T) -> logits (B, T + 1, V)

One transformer reads the joint sequence `[phones, codes]`. Phones see all phones and no code; a code sees all phones
and the codes up to itself. Logits are read from the last phone onward, so that the text alone predicts the first
code. They are step-major, unlike the channel-first signals elsewhere, because sampling and losses read rows.

Letters: B batch, P phones, T codes, S = P + T steps, C context features, D width, G speaker width,
V = n_codes + 1 classes, the last of which, `eos`, ends the sequence.
Does not know texts, waves, losses, optimizers, or how a code is chosen (`sampling.py`, `decoding.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.extensions.monotonic_alignment import TextPointer, stays, to_columns
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn import decoding
from gsv_lab.nn.gpt_layer import Cache, GPTLayer, SinePosition
from gsv_lab.nn.interfaces import SemanticGPTRole
from gsv_lab.nn.sampling import Sampling

TextPadding = Literal["align", "reference"]
"""What becomes of shorter texts. "align" moves their padding to the left, hides it, and counts positions from the first
phone. "reference" takes the columns as they come, counts positions from column 0 and hides the first P - length of
them: for texts padded on the right that hides phones and shows padding, as the released trainer does.
"""


class Hidden(NamedTuple):
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
        moves: most phones that one code may pass, for a network that is told where in the text it is (`TextPointer`);
            0 for none, as in the released models, whose attention finds out by itself.

    Raises:
        ValueError: `n_heads` does not divide `dim`, or an input's width is not the declared one (both are named), or a
            cache that is not empty.

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
        n_phones: int = 732,
        n_codes: int = 1024,
        context_dim: int = 1024,
        dim: int = 512,
        n_heads: int = 16,
        n_layers: int = 24,
        ffn_dim: int = 2048,
        dropout: float = 0.1,
        attention_dropout: float | None = None,
        speaker_dim: int = 0,
        moves: int = 0,
    ) -> None:
        super().__init__()
        self.n_phones, self.n_codes, self.context_dim, self.speaker_dim = n_phones, n_codes, context_dim, speaker_dim
        self.eos, self.dropout = n_codes, dropout
        attention_dropout = dropout if attention_dropout is None else attention_dropout
        self.phone_embedding = nn.Embedding(n_phones, dim)
        self.phone_position = SinePosition(dim)
        self.code_embedding = nn.Embedding(n_codes + 1, dim)
        self.code_position = SinePosition(dim)
        self.context_projection = nn.Linear(context_dim, dim) if context_dim else None
        self.speaker_projection = nn.Linear(speaker_dim, dim) if speaker_dim else None
        self.layers = nn.ModuleList(
            GPTLayer(dim, n_heads, ffn_dim, dropout, attention_dropout) for _ in range(n_layers)
        )
        self.pointer = TextPointer(dim, moves) if moves else None
        self.predict = nn.Linear(dim, n_codes + 1, bias=False)

    def forward(
        self,
        phones: Tensor,
        context: Tensor | None,
        codes: Tensor,
        phone_mask: Tensor | None = None,
        code_mask: Tensor | None = None,
        *,
        places: Tensor | None = None,
        speaker: Tensor | None = None,
        text_padding: TextPadding = "align",
        cache: Cache | None = None,
    ) -> Tensor:
        """Teacher forcing over whole sequences; with a `cache` also the start of a decode.

        (B, P), (B, C, P), (B, T) -> logits (B, T + 1, V): row t scores code t from the phones and the codes before it.

        Args:
            phones: phone ids.
            context: features of each phone; None stands for zeros, as where a language has none.
            codes: codes told so far, T may be 0.
            phone_mask: (B, 1, P), true at phones; padding on either side.
            code_mask: (B, 1, T), true at codes; padding on the right, or, to start a decode, on the left.
            places: (B, T) which phone each code speaks, never falling; needed by a network with a pointer if T > 0.
            speaker: (B, G, 1), or None to add nothing.
            text_padding: see `TextPadding`.
            cache: an empty one, to be filled for `step`.
        """
        code_valid = _flat(code_mask)
        phones, context, phone_valid, skip = _padded(phones, context, _flat(phone_mask), text_padding)
        code_skip = None if code_valid is None else (code_valid.cumsum(1) == 0).sum(1)
        voice = self._voice(speaker)
        text = self._embed_text(phones, context, voice, skip)
        told = self._embed_codes(codes, voice, 0, code_skip)
        columns = None if self.pointer is None else to_columns(places, codes, skip)
        if self.pointer is not None and columns is not None:
            told = told + self.pointer.told(text, columns, stays(columns, code_valid))
        x = torch.cat([text, told], dim=1)
        hidden = _hidden(phones, codes, phone_valid, code_valid, x.dtype)
        if cache is not None:
            cache.begin(codes.shape[1], voice, hidden.columns, code_skip)
        x = self._run(x, hidden.scores, cache)
        read, x = x[:, : phones.shape[1]], x[:, phones.shape[1] - 1 :]
        if self.pointer is not None and columns is not None and cache is None:
            x = self.pointer.follow(x, read, columns)
        elif self.pointer is not None and columns is not None and cache is not None:
            cache.walk, newest = self.pointer.set_out(x, text, read, columns, skip, code_valid, cache.choose)
            x = self.pointer.go_on(newest, cache.walk)
        return self._score(x)

    def step(self, codes: Tensor, cache: Cache) -> Tensor:
        """One more code: (B,) and the cache of all before -> logits of the next one (B, V)."""
        x = self._embed_codes(codes[:, None], cache.speaker, cache.n_codes, cache.skip)
        if self.pointer is not None and cache.walk is not None:
            x = x + self.pointer.told(cache.walk.embedded, cache.walk.column[:, None], cache.walk.stay[:, None])
        x = self._run(x, cache.mask(x.dtype), cache)
        cache.n_codes += 1
        if self.pointer is not None and cache.walk is not None:
            x = self.pointer.go_on(x, cache.walk)
        return self._score(x)[:, 0]

    def generate(
        self, phones: Tensor, context: Tensor | None = None, prompt: Tensor | None = None, *,
        places: Tensor | None = None, speaker: Tensor | None = None, sampling: Sampling | None = None,
        generator: torch.Generator | None = None, on_step: Callable[[decoding.Step], None] | None = None,
    ) -> Tensor:  # fmt: skip
        """New codes for one text: phones (1, P), context (1, C, P), prompt (1, N) -> (1, T), prompt and stop left out.

        Several texts at once, the reason for stopping, chunks as they come: `decoding.generate`, `decoding.stream`.
        """
        if len(phones) != 1:
            raise ValueError(f"generate takes one text, got {len(phones)}; decoding.generate takes several")
        made = decoding.generate(
            self, phones, context, prompt, places=places, speaker=speaker, sampling=sampling, generator=generator,
            on_step=on_step,
        )  # fmt: skip
        return made.codes[0][None]

    def _voice(self, speaker: Tensor | None) -> Tensor | None:
        if speaker is None:
            return None
        if self.speaker_projection is None:
            raise ValueError("a speaker vector was given, but the model was built with speaker_dim 0")
        if speaker.shape[1] != self.speaker_dim:
            raise ValueError(f"the speaker vector has width {speaker.shape[1]}, speaker_dim is {self.speaker_dim}")
        return self.speaker(self.speaker_projection(speaker.transpose(1, 2)))

    def _embed_text(self, phones: Tensor, context: Tensor | None, voice: Tensor | None, skip: Tensor | None) -> Tensor:
        x = self.phone_embedding(phones)
        if self.context_projection is not None:
            if context is None:
                context = x.new_zeros(1, self.context_dim, 1)
            if context.shape[1] != self.context_dim:
                raise ValueError(f"context features have width {context.shape[1]}, context_dim is {self.context_dim}")
            projected = self.context_projection(context.transpose(1, 2))
            x = x + self.context(projected.expand(x.shape[0], x.shape[1], -1))
        x = self.phone_position(x if voice is None else x + voice, 0, skip)
        return functional.dropout(x, self.dropout, self.training)

    def _embed_codes(self, codes: Tensor, voice: Tensor | None, start: int, skip: Tensor | None) -> Tensor:
        x = self.code_embedding(codes)
        x = self.code_position(x if voice is None else x + voice, start, skip)
        return functional.dropout(x, self.dropout, self.training)

    def _run(self, x: Tensor, mask: Tensor | None, cache: Cache | None) -> Tensor:
        for index, layer in enumerate(self.layers):
            x = layer(x, mask, None if cache is None else cache.layer(index))
        return x

    def _score(self, x: Tensor) -> Tensor:
        logits = self.predict(x)
        if self.stop.live is not None:
            others = logits[..., : self.eos].logsumexp(-1)
            odds = logits[..., self.eos] - others
            edited = self.stop(odds)
            if edited is not odds:
                logits = torch.cat([logits[..., : self.eos], (edited + others)[..., None]], dim=-1)
        logits = self.logits(logits)
        if self.entropy.live is not None:
            log_p = logits.log_softmax(-1)
            self.entropy(-(log_p.exp() * log_p.clamp(min=-1e4)).sum(-1))
        return logits


def _flat(mask: Tensor | None) -> Tensor | None:
    """(B, 1, F) bool or float -> (B, F) bool."""
    return None if mask is None else mask.squeeze(1).bool()


def _padded(
    phones: Tensor, context: Tensor | None, valid: Tensor | None, text_padding: TextPadding
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """Texts with their padding where `text_padding` wants it, which phones are seen, and how many columns to skip."""
    if valid is None:
        return phones, context, None, None
    if text_padding == "align":
        phones, context, valid = _padding_left(phones, context, valid)
        return phones, context, valid, (~valid).sum(1)
    n_hidden = (~valid).sum(1, keepdim=True)
    return phones, context, torch.arange(phones.shape[1], device=phones.device) >= n_hidden, None


def _padding_left(phones: Tensor, context: Tensor | None, valid: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
    """Moves every row's padding to the left, so that the last column is a phone in all rows."""
    order = valid.long().argsort(dim=1, stable=True)
    if context is not None:
        context = context.gather(2, order[:, None].expand(-1, context.shape[1], -1))
    return phones.gather(1, order), context, valid.gather(1, order)


def _hidden(
    phones: Tensor, codes: Tensor, phone_valid: Tensor | None, code_valid: Tensor | None, dtype: torch.dtype
) -> Hidden:
    """Scores to add: -inf where a step may not look."""
    n_phones, steps = phones.shape[1], phones.shape[1] + codes.shape[1]
    at = torch.arange(steps, device=phones.device)
    seen = (at < n_phones) | ((at[:, None] >= n_phones) & (at <= at[:, None]))
    never = torch.zeros((), dtype=dtype, device=phones.device)
    if phone_valid is None and code_valid is None:
        return Hidden(never.masked_fill(~seen, float("-inf"))[None, None], None)
    pairs = (phones, phone_valid), (codes, code_valid)
    columns = torch.cat([torch.ones_like(x, dtype=torch.bool) if valid is None else valid for x, valid in pairs], dim=1)
    scores = never.masked_fill(~(seen & columns[:, None]), float("-inf"))[:, None]
    return Hidden(scores, never.masked_fill(~columns, float("-inf")))
