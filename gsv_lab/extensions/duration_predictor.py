"""How long each phone lasts, asked of the whole sentence at once, and a SemanticGPT that keeps to it.

A network that draws code after code decides about every phone anew, and its slips add up: phones that are too long,
pauses that are none. A regressor over the whole text is steadier; SemanticGPT then only says how it sounds.
Letters: B batch, A rows still running, P phones (as columns, padding on the left), T codes, C context features.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.extensions.convnext import ConvNeXtBlock
from gsv_lab.extensions.monotonic_alignment import SURE, AlignedCache, AlignedSemanticGPT, MonotonicAlignment
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.nn.interfaces import ChooseAdvance
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeInt, PositiveInt

SLOWEST = 1.5
"""Most by which a prompt slows its continuation down, or speeds it up."""
EVIDENCE = 20.0
"""Codes spoken as expected that are counted beside those of a prompt: a short one says little about tempo."""
LONGER = 2.0
"""Most by which pauses of a sentence become longer for those that are left out."""
SILENT = (0, 1, 2, 3, 4, 77, 321)
"""Numbers of the phones that make no sound of their own in the phone table of `gsv_lab.text`: marks and pauses."""


class Durations(NamedTuple):
    """Of each phone (B, P): the logarithm of its length in codes, if it is there, and the logit that it is."""

    log_codes: Tensor
    there: Tensor


class DurationPredictor(Component):
    """Phones (B, P), context (B, C, P) -> Durations.

    Why: most places for pauses stay empty, and a mean of nothing and half a second is neither; so whether a phone is
    there at all is asked apart from how long it lasts.
    Source: the duration predictor of FastSpeech, Ren et al. 2019, arXiv:1905.09263, 3.3; ConvNeXt blocks as in Siuzdak
    2023, arXiv:2306.00814, 3.2.

    Args:
        n_phones: rows of the phone table.
        context_dim: C; 0 for none.
        width, layers, kernel, expansion, dropout: of the blocks.
    """

    log_codes = Tap("batch phone", unit="nat", meaning="logarithm of the expected length in codes")
    there = Tap("batch phone", unit="logit", meaning="whether the phone takes any time, above 0 if so")

    def __init__(
        self,
        n_phones: PositiveInt,
        context_dim: NonNegativeInt = 0,
        width: PositiveInt = 160,
        layers: PositiveInt = 4,
        kernel: PositiveInt = 7,
        expansion: PositiveInt = 2,
        dropout: ClosedUnitInterval = 0.1,
    ) -> None:
        super().__init__()
        self.phone_in = nn.Embedding(n_phones, width)
        self.context_in = nn.Conv1d(context_dim, width, 1) if context_dim else None
        self.blocks = nn.ModuleList()
        for _ in range(layers):
            self.blocks.append(ConvNeXtBlock(width, kernel, expansion, dropout))
        self.out_proj = nn.Conv1d(width, 2, 1)

    def forward(self, phones: Tensor, context: Tensor | None = None, mask: Tensor | None = None) -> Durations:
        """See the class; `mask` (B, 1, P) is true where a phone is, None for all."""
        x = self.phone_in(phones).transpose(1, 2)
        if self.context_in is not None and context is not None:
            x = x + self.context_in(context)
        valid = x.new_ones(len(x), 1, x.shape[-1]) if mask is None else mask.to(x.dtype)
        x = x * valid
        for block in self.blocks:
            x = block(x) * valid
        log_codes, there = self.out_proj(x).float().unbind(1)
        return Durations(self.log_codes(log_codes), self.there(there))


def spoken_durations(positions: Tensor, code_mask: Tensor, n_phones: int) -> Tensor:
    """How many codes each phone took: positions (B, T), code_mask (B, 1, T) -> (B, P).

    A position of -1 belongs to the phone before it.
    """
    columns = positions.clamp(min=0).cummax(1).values
    counts = torch.zeros(len(positions), n_phones, device=positions.device)
    return counts.scatter_add(1, columns, code_mask[:, 0].to(counts.dtype))


def duration_losses(found: Durations, spoken: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Losses on durations spoken (B, P) in codes, mask (B, 1, P).

    `duration` is the deviance of an exponential distribution, of phones that are there: it is least at the mean, and so
    sentences keep their length, which they do not at the median. `there` is the cross entropy of being there.
    """
    valid = mask[:, 0].bool()
    there = (spoken > 0) & valid
    ratio = spoken * (-found.log_codes).exp()
    deviance = ratio - 1 - ratio.clamp(min=1e-6).log()
    presence = functional.binary_cross_entropy_with_logits(found.there[valid], (spoken > 0).float()[valid])
    return {"duration": deviance[there].mean(), "there": presence}


def planned_path(lengths: Tensor, longest: Tensor | None = None) -> Tensor:
    """Which phone each code speaks: lengths of phones in codes (P,) -> (T,), T at least 1.

    None exceeds its `longest` (P,). A code speaks the phone that sounds in its middle.
    """
    ends = (lengths if longest is None else torch.minimum(lengths, longest)).cumsum(0)
    n_codes = max(1, round(float(ends[-1])))
    middles = torch.arange(n_codes, device=lengths.device) + 0.5
    return torch.searchsorted(ends, middles, right=True).clamp(max=len(lengths) - 1)


class PlannedCache(AlignedCache):
    """The cache of a decode along plans: `plan` (A, T), how many phones each new code is past the start; `length` (A,)
    codes of each plan.
    """

    plan: Tensor | None = None
    length: Tensor | None = None

    @property
    def ended(self) -> Tensor | None:
        """(A,) whether all codes of the plan are made; None before the decode."""
        return None if self.state is None or self.length is None else self.state.made > self.length

    @property
    def may_stop(self) -> Tensor | None:  # type: ignore[override]
        """(A,) true behind the end of the plan."""
        return self.ended

    def select(self, rows: Tensor) -> None:
        """Keep only these rows of the batch."""
        super().select(rows)
        if self.plan is not None and self.length is not None:
            self.plan, self.length = self.plan[rows], self.length[rows]

    def follow(self, scores: Tensor, made: int, passed: Tensor, rule: ChooseAdvance | None) -> Tensor:
        """What a rule chooses where the planned advance is by far the likeliest; see `ChooseAdvance`."""
        assert self.plan is not None, "set where the decode begins"
        target = self.plan[:, min(made, self.plan.shape[1]) - 1]
        furthest = torch.isfinite(scores).sum(-1) - 1
        wanted = torch.minimum((target - passed).clamp(min=0), furthest)
        planned = scores.scatter_add(1, wanted[:, None], scores.new_full((len(scores), 1), SURE))
        return planned.argmax(-1) if rule is None else rule(planned, made, passed)


class PlannedAlignment(MonotonicAlignment):
    """A `MonotonicAlignment` whose own scores are learned and shown, and decide nothing."""

    advance = Tap(
        "batch token advance",
        rate=25.0,
        unit="nat",
        meaning="scores of going on by 0, 1, 2, ... phones, if nothing were planned",
        read_only=True,
    )


class PlannedSemanticGPT(AlignedSemanticGPT):
    """An `AlignedSemanticGPT` whose advance through the text was planned before the first code.

    The plan takes the tempo of the prompt's sounds, where there is one. Pauses keep their expected time: those that are
    likely share that of the others, which are left out. The rule by which a decode goes on is asked as ever; it finds
    the planned advance far likelier than the others.

    Args:
        duration_predictor: expects how long each phone lasts; one of the default size if None.
        likely: probability from which a phone takes time; below one half, so that pauses are not lost, which are
            seldom sure.
        n_phones, n_codes, context_dim, dim, n_heads, n_layers, ffn_dim, dropout, attention_dropout, speaker_dim,
            max_advance: see `AlignedSemanticGPT`.
    """

    def __init__(
        self,
        duration_predictor: DurationPredictor | None = None,
        likely: ClosedUnitInterval = 0.4,
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
        max_advance: PositiveInt = 4,
    ) -> None:
        super().__init__(
            n_phones,
            n_codes,
            context_dim,
            dim,
            n_heads,
            n_layers,
            ffn_dim,
            dropout,
            attention_dropout,
            speaker_dim,
            max_advance,
        )
        self.monotonic_alignment = PlannedAlignment(dim, max_advance)
        self.duration_predictor = duration_predictor or DurationPredictor(n_phones, context_dim)
        self.likely = likely

    def new_cache(self) -> PlannedCache:
        """An empty cache for one decode."""
        return PlannedCache()

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
        cache: PlannedCache | None = None,
    ) -> Tensor:
        """See `AlignedSemanticGPT`; with a cache the plan is made first."""
        if cache is not None:
            plans = self.plans(phones, context, phone_mask, phone_index, code_mask, cache.longest)
            cache.length = torch.tensor([len(plan) for plan in plans], device=phones.device)
            cache.plan = nn.utils.rnn.pad_sequence(plans, batch_first=True)
            cache.choose = partial(cache.follow, rule=cache.choose)
        logits: Tensor = super().forward(
            phones,
            context,
            codes,
            phone_mask,
            code_mask,
            phone_index=phone_index,
            speaker=speaker,
            cache=cache,
        )
        return logits

    def step(self, codes: Tensor, cache: PlannedCache) -> Tensor:  # type: ignore[override]
        """One more code; behind the end of a plan the stop class is by far the likeliest."""
        logits = super().step(codes, cache)
        assert cache.ended is not None, "a decode begins with forward"
        return self.stopping(logits, cache.ended)

    def plans(
        self,
        phones: Tensor,
        context: Tensor | None,
        phone_mask: Tensor | None,
        phone_index: Tensor | None,
        code_mask: Tensor | None,
        longest: Tensor | None = None,
    ) -> list[Tensor]:
        """For each row how many phones each new code is past the last phone of the prompt, or past the first phone.

        Arguments as in `forward`, phones padded on the left, `longest` as in `DecodingCache` -> B times (T,)
        """
        found = self.duration_predictor(phones, context, phone_mask)
        likelihood, codes = found.there.sigmoid(), found.log_codes.exp()
        kept = torch.where(likelihood >= self.likely, codes, 0.0)
        silent = torch.isin(phones, phones.new_tensor(SILENT))
        plans = []
        for row in range(len(phones)):
            real = slice(None) if phone_mask is None else phone_mask[row, 0].bool()
            spoken = None
            if phone_index is not None:
                spoken = phone_index[row] if code_mask is None else phone_index[row][code_mask[row, 0].bool()]
            pauses, pace, following = silent[row][real], 1.0, 0
            prompted = spoken is not None and len(spoken) > 0
            if spoken is not None and prompted:
                said = int(spoken[-1]) + 1
                sounds = ~pauses[:said]
                counts = torch.bincount(spoken, minlength=said)[:said]
                pace = tempo(kept[row][real][:said][sounds], counts[sounds])
                following = min(said, len(pauses) - 1)
            own, pauses = kept[row][real][following:], pauses[following:]
            longer = longer_pauses((likelihood * codes)[row][real][following:][pauses], own[pauses])
            most = None if longest is None else longest[row][real][following:]
            path = planned_path(torch.where(pauses, own * longer, own * pace), most)
            plans.append(path + int(prompted))
        return plans


def tempo(expected: Tensor, spoken: Tensor) -> float:
    """How much slower than expected the sounds of a prompt were spoken.

    Why without pauses: how long a reader pauses says little about how fast the reader speaks, and one long pause
    would outweigh a whole prompt.

    Expected codes of each of its phones (P,), codes that they took (P,) -> a factor between 1 / `SLOWEST` and `SLOWEST`
    """
    ratio = (float(spoken.sum()) + EVIDENCE) / (float(expected.sum()) + EVIDENCE)
    return min(SLOWEST, max(1 / SLOWEST, ratio))


def longer_pauses(expected: Tensor, kept: Tensor) -> float:
    """Factor by which the pauses of a text take the time that all its places for pauses take on average.

    Expected codes of each place, the chance of being there counted (N,), and of those that are spoken (N,), 0 for the
    others -> a factor between 1 and `LONGER`
    """
    spoken = float(kept.sum())
    return min(LONGER, max(1.0, float(expected.sum()) / spoken)) if spoken else 1.0
