"""A prior in which aligned phones lead and codes only refine.

A prior that may look at codes believes them, and codes of a small content encoder are wrong for voices that it never
met. Here every frame is given its own phone, how far that phone has come and how long it lasts; codes are added, but
in training they are silenced in some windows, and those of another utterance stand in for them in others.
Letters: B batch, D content width, F frames at 50 Hz, P phones, W width, C latent width, G speaker width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gsv_lab.extensions.convnext import ConvNeXtBlock
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import Conditioning, Latent, Prior, StreamChunk
from gsv_lab.nn.ops import crossfade_head, full_mask, resize_frames
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeInt, PositiveInt

LONGEST_PASSED = 10
"""Frames; the network does not see how much longer ago a phone began."""
PLACE_CHANNELS = 3


class AlignedPrior(Prior):
    """Each frame's own phone and its place in it, codes that may be wrong, speaker -> latent.

    quantized (B, D, F), phones (B, P), conditioning -> Latent(mean, log_scale (B, C, F'), mask, hidden)

    Frames whose `phone_index` is -1 get no phone, so that only codes and speaker speak there; without a `phone_index`
    these are all frames.

    Source: phones spread over frames by known durations are FastSpeech's length regulator, Ren et al. 2019,
    arXiv:1905.09263, 3.3; ConvNeXt blocks as in Siuzdak 2023, arXiv:2306.00814, 3.2.

    Args:
        content_dim: D.
        latent_dim: C.
        speaker_dim: G.
        n_phones: rows of the phone table.
        width: channels W.
        layers: number of blocks over phones, over frames.
        kernel: frames seen by a block's convolution, odd; over phones two less.
        expansion: inner width of the blocks in multiples of W.
        content_dropout: share of clips in training without codes.
        content_swap: share of the other clips in training that get the codes of the next clip of the batch.
        reads_codes: false for a prior that is never given codes, neither in training nor in synthesis.
        dropout: share of residual values dropped in training.
    """

    content = Tap("batch dim frame", rate=50.0, meaning="what the codes add; zeros are a clip without codes")
    text = Tap("batch dim phone", meaning="phones after their own blocks")
    phone_alignment = Tap(
        "batch frame phone", rate=50.0, meaning="which phone each frame is given: 1 at that phone, else 0"
    )
    own_phone = Tap("batch dim frame", rate=50.0, meaning="what each frame gets of its own phone")
    fused = Tap("batch dim frame", rate=50.0, meaning="phones, codes and speaker joined, after the last block")
    mean = Tap("batch dim frame", rate=50.0, meaning="mean of the expected latent")
    scale = Tap(
        "batch dim frame",
        rate=50.0,
        unit="nat",
        meaning="logarithm of the expected latent's standard deviation",
    )

    gives = frozenset({"hidden"})

    def __init__(
        self,
        content_dim: PositiveInt,
        latent_dim: PositiveInt,
        speaker_dim: PositiveInt,
        n_phones: PositiveInt,
        width: PositiveInt = 256,
        layers: tuple[NonNegativeInt, NonNegativeInt] = (2, 6),
        kernel: PositiveInt = 7,
        expansion: PositiveInt = 3,
        content_dropout: ClosedUnitInterval = 0.5,
        content_swap: ClosedUnitInterval = 0.3,
        reads_codes: bool = True,
        dropout: ClosedUnitInterval = 0.0,
    ) -> None:
        super().__init__()
        self.content_dim = content_dim
        self.latent_dim = latent_dim
        self.speaker_dim = speaker_dim
        self.n_phones = n_phones
        self.hidden_dim = width
        self.content_dropout = content_dropout
        self.content_swap = content_swap
        self.reads_codes = reads_codes
        self.content_in = nn.Conv1d(content_dim, width, 1)
        self.text_in = nn.Embedding(n_phones, width)
        self.place_in = nn.Conv1d(PLACE_CHANNELS, width, 1)
        self.speaker_in = nn.Conv1d(speaker_dim, width, 1)
        self.text_blocks = nn.ModuleList()
        for _ in range(layers[0]):
            self.text_blocks.append(ConvNeXtBlock(width, max(1, kernel - 2), expansion, dropout))
        self.fused_blocks = nn.ModuleList()
        for _ in range(layers[1]):
            self.fused_blocks.append(ConvNeXtBlock(width, kernel, expansion, dropout))
        self.out_proj = nn.Conv1d(width, 2 * latent_dim, 1)

    def text_modules(self) -> list[nn.Module]:
        """The phone table and the blocks over phones."""
        return [self.text_in, self.text_blocks]

    def joint_modules(self) -> list[nn.Module]:
        """The blocks over frames and the last projection."""
        return [self.fused_blocks, self.out_proj]

    def tuned_modules(self) -> list[nn.Module]:
        """Nothing: losses on waves unteach what a discriminator of latents taught (docs/training.md)."""
        return []

    def forward(
        self,
        quantized: Tensor,
        mask: Tensor | None,
        phones: Tensor,
        phone_mask: Tensor | None,
        conditioning: Conditioning,
        speed: float = 1.0,
        chunk: StreamChunk | None = None,
    ) -> Latent:
        """See the class and `TextContentPrior.forward`."""
        mask = full_mask(quantized) if mask is None else mask.to(quantized.dtype)
        if phone_mask is None:
            phone_mask = quantized.new_ones(len(phones), 1, phones.shape[1])
        text = self.text(_run(self.text_blocks, self.text_in(phones).transpose(1, 2), phone_mask))
        phone_index = conditioning.phone_index
        if phone_index is None:
            phone_index = phones.new_full((len(phones), quantized.shape[-1]), -1)
        own = self.own_phone(self._own_phone(text, phone_index))
        content = self.content(self._content(quantized))
        x = own + content + self.speaker_in(conditioning.speaker)
        hidden, mask = self._fuse(x, mask, chunk or StreamChunk())
        x = hidden
        if speed != 1:
            n_frames = int(hidden.shape[-1] / speed) + 1
            x = resize_frames(hidden, n_frames)
            mask = resize_frames(mask, n_frames, "nearest")
        mean, log_scale = (self.out_proj(x) * mask).chunk(2, dim=1)
        return Latent(self.mean(mean), self.scale(log_scale), mask, hidden)

    def _own_phone(self, text: Tensor, phone_index: Tensor) -> Tensor:
        """Phones (B, W, P), phone of each frame (B, F) -> (B, W, F), zero where the phone is not known."""
        numbers = torch.arange(text.shape[2], device=phone_index.device)
        alignment = self.phone_alignment((phone_index[..., None] == numbers).to(text.dtype))
        place = self.place_in(place_in_phone(phone_index).to(text.dtype)) * (phone_index >= 0)[:, None]
        return text @ alignment.transpose(1, 2) + place

    def _content(self, quantized: Tensor) -> Tensor:
        """What the codes add (B, W, F); in training some clips get none, others those of their neighbour."""
        if not self.reads_codes:
            return torch.zeros_like(self.content_in(quantized))
        if not self.training:
            return self.content_in(quantized)
        shape = (len(quantized), 1, 1)
        swapped = torch.rand(shape, device=quantized.device) < self.content_swap
        kept = torch.rand(shape, device=quantized.device) >= self.content_dropout
        found = torch.where(swapped, quantized.roll(1, 0), quantized)
        return self.content_in(found) * kept

    def _fuse(self, x: Tensor, mask: Tensor, chunk: StreamChunk) -> tuple[Tensor, Tensor]:
        """The blocks over the frames of a chunk, and their mask."""
        if chunk.drop_last:
            x, mask = (frames[..., : -chunk.drop_last] for frames in (x, mask))
        x = self.fused(_run(self.fused_blocks, x, mask))
        if chunk.keep_last is not None:
            x, mask = (frames[..., -chunk.keep_last :] for frames in (x, mask))
        if chunk.previous is not None:
            x = crossfade_head(x, chunk.previous)
        return x, mask


def place_in_phone(phone_index: Tensor) -> Tensor:
    """Where each frame stands in its phone: (B, F) -> (B, 3, F).

    The share of the phone that has passed, half the logarithm of its length in frames, and frames since it began over
    `LONGEST_PASSED`, at most 1. Two phones of a kind that follow each other have different indices, so they are apart.
    """
    frames = torch.arange(phone_index.shape[1], device=phone_index.device).expand_as(phone_index)
    changes = phone_index[:, 1:] != phone_index[:, :-1]
    edge = changes.new_ones(len(phone_index), 1)
    begins = torch.cat([edge, changes], dim=1)
    ends = torch.cat([changes, edge], dim=1)
    first = torch.where(begins, frames, 0).cummax(1).values
    last = torch.where(ends, frames, frames.shape[1]).flip(1).cummin(1).values.flip(1)
    length, passed = last - first + 1, frames - first
    share = (passed + 0.5) / length
    since = (passed + 1).clamp(max=LONGEST_PASSED) / LONGEST_PASSED
    return torch.stack([share, length.log() / 2, since], dim=1)


def _run(blocks: nn.ModuleList, x: Tensor, mask: Tensor) -> Tensor:
    """Blocks one after the other, padding kept at zero: x (B, W, F), mask (B, 1, F) -> (B, W, F)."""
    x = x * mask
    for block in blocks:
        x = block(x) * mask
    return x
