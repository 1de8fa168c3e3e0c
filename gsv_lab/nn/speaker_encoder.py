"""Speaker encoder: who speaks, from one recording of any length.

It reads any spectrogram.
Letters: B batch, C spectrogram channels, F frames at 50 Hz, G speaker width, V verification width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import Conditioning, Features, SpeakerEncoder
from gsv_lab.nn.ops import full_mask
from gsv_lab.nn.transformer import MultiHeadAttention
from gsv_lab.system.ranges import ClosedUnitInterval, PositiveInt


class StyleEncoder(SpeakerEncoder):
    """Frame-wise layers, gated convolutions, self-attention, mean over time.

    features.spec (B, C, F), mask (B, 1, F) -> (B, G, 1)

    Source: mel-style encoder of Meta-StyleSpeech, Min et al. 2021, arXiv:2106.03153, 3.1.

    Args:
        spec_channels: channels that are read; if the spectrogram has more, the first ones.
        speaker_dim: G.
        width: inner channels.
        kernel: frames seen by each of the two convolutions, odd.
        heads: attention heads.
        dropout: share dropped in training.
        scale_by_width: divide attention scores by the root of `width` instead of a head's width, as the released
            weights expect.
        mask_convolutions: keep padding out of the convolutions. The released weights were trained without, so that in
            a padded batch the last frames of short items see the padding.
    """

    frames = Tap("batch dim frame", rate=50.0, meaning="voice of each frame, before the mean over time")
    speaker = Tap("batch dim one", meaning="speaker vector")

    def __init__(
        self,
        spec_channels: PositiveInt,
        speaker_dim: PositiveInt,
        width: PositiveInt = 128,
        kernel: PositiveInt = 5,
        heads: PositiveInt = 2,
        dropout: ClosedUnitInterval = 0.1,
        scale_by_width: bool = False,
        mask_convolutions: bool = True,
    ) -> None:
        super().__init__()
        self.spec_channels = spec_channels
        self.speaker_dim = speaker_dim
        self.mask_convolutions = mask_convolutions
        self.spectral = nn.ModuleList()
        for channels in (spec_channels, width):
            self.spectral.append(nn.Conv1d(channels, width, 1))
        self.temporal = nn.ModuleList()
        for _ in range(2):
            self.temporal.append(nn.Conv1d(width, 2 * width, kernel, padding=kernel // 2))
        scale = width**-0.5 if scale_by_width else None
        self.attention = MultiHeadAttention(width, heads, dropout=dropout, scale=scale)
        self.out_proj = nn.Conv1d(width, speaker_dim, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Features, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """See the class; `verification` is not used."""
        spec = features.spec[:, : self.spec_channels]
        mask = full_mask(spec) if mask is None else mask.to(spec.dtype)
        x = spec * mask
        for layer in self.spectral:
            x = self.dropout(functional.mish(layer(x)))
        for layer in self.temporal:
            inner = layer(x * mask if self.mask_convolutions else x)
            x = x + self.dropout(functional.glu(inner, dim=1))
        x = x * mask
        x = x + self.dropout(self.attention(x, x, mask))
        x = self.frames(self.out_proj(x))
        total = (x * mask).sum(-1, keepdim=True)
        return self.speaker(total / mask.sum(-1, keepdim=True).clamp(min=1))


class VerifiedSpeakerEncoder(SpeakerEncoder):
    """A speaker encoder joined by the vector of a speaker-verification network: PReLU(base + linear(vector)).

    features.spec (B, C, F), verification (B, V) -> (B, G, 1)

    Why: a verification network was trained on many more voices than a synthesizer's training set holds.

    Args:
        base: the speaker encoder that reads the spectrogram; it decides G.
        verification_dim: V.
    """

    speaker = Tap("batch dim one", meaning="speaker vector, verification vector included")

    def __init__(self, base: SpeakerEncoder, verification_dim: PositiveInt) -> None:
        super().__init__()
        self.base = base
        self.speaker_dim = base.speaker_dim
        self.spec_channels = base.spec_channels
        self.verification_dim = verification_dim
        self.ltas_dim = base.ltas_dim
        self.gives = base.gives
        self.reads = base.reads
        self.in_proj = nn.Conv1d(verification_dim, base.speaker_dim, 1)
        self.gate = nn.PReLU(base.speaker_dim)

    def forward(self, features: Features, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """See the class.

        Raises:
            ConfigError: `verification` is missing or has another width than V.
        """
        width = None if verification is None else verification.shape[-1]
        if verification is None or width != self.verification_dim:
            problem = f"the verification vector has width {width} and the speaker encoder reads {self.verification_dim}"
            raise ConfigError("CONFIG_INCONSISTENT", problem)
        joined = self.base(features, mask) + self.in_proj(verification[..., None])
        return self.speaker(self.gate(joined))

    def conditioning(self, speaker: Tensor, ltas: Tensor | None = None) -> Conditioning:
        """As the base has it."""
        return self.base.conditioning(speaker, ltas)


def mean_speaker(speakers: list[Tensor]) -> Tensor:
    """One voice out of several recordings: the mean of their speaker vectors, each (B, G, 1)."""
    return torch.stack(speakers).mean(0)
