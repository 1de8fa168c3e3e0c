"""Speaker encoder: who speaks, from one recording of any length.

Letters: B batch, C spectrogram channels, F frames at 50 Hz, G speaker width, V verification width.
It does not know which spectrogram it reads, nor how several recordings are combined (see `models.sovits`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.f0 import pitch_level
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import SpeakerEncoder
from gsv_lab.nn.ops import full_mask
from gsv_lab.nn.transformer import MultiHeadAttention


class StyleEncoder(SpeakerEncoder):
    """Frame-wise layers, gated convolutions, self-attention, mean over time.

    (B, C, F), mask (B, 1, F) -> (B, G, 1)

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
        spec_channels: int,
        speaker_dim: int,
        width: int = 128,
        kernel: int = 5,
        heads: int = 2,
        dropout: float = 0.1,
        scale_by_width: bool = False,
        mask_convolutions: bool = True,
    ) -> None:
        super().__init__()
        self.spec_channels, self.speaker_dim = spec_channels, speaker_dim
        self.mask_convolutions = mask_convolutions
        self.spectral = nn.ModuleList((nn.Conv1d(spec_channels, width, 1), nn.Conv1d(width, width, 1)))
        self.temporal = nn.ModuleList(nn.Conv1d(width, 2 * width, kernel, padding=kernel // 2) for _ in range(2))
        self.attention = MultiHeadAttention(
            width, heads, dropout=dropout, scale=width**-0.5 if scale_by_width else None
        )
        self.leave = nn.Conv1d(width, speaker_dim, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, spec: Tensor, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """See the class; `verification` is not used."""
        mask = full_mask(spec) if mask is None else mask.to(spec.dtype)
        x = spec[:, : self.spec_channels] * mask
        for layer in self.spectral:
            x = self.dropout(functional.mish(layer(x)))
        for layer in self.temporal:
            inner = layer(x * mask if self.mask_convolutions else x)
            x = x + self.dropout(functional.glu(inner, dim=1))
        x = x * mask
        x = x + self.dropout(self.attention(x, x, mask))
        x = self.frames(self.leave(x))
        return self.speaker((x * mask).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True).clamp(min=1))


class PitchedSpeakerEncoder(SpeakerEncoder):
    """A speaker encoder whose last channels are measured, not learned: the colour, and how high the voice speaks.

    features of `PitchedLogMel` (B, C, F) -> (B, G, 1): learned channels, K of the colour, `pitch_level` (nat)

    Why: left to a learned vector, pitch and mean spectrum of unheard voices fall back to those of the training voices,
    and with them much of what makes them known. `PitchPredictor` starts from the last channel, `SourceFilterVocoder`
    puts the colour back.

    Args:
        base: the speaker encoder that gives the other channels, from log-mels; G is its width and K.
        colours: K of the features.
    """

    speaker = Tap("batch dim one", meaning="speaker vector; its last channels are the colour and the pitch level")

    def __init__(self, base: SpeakerEncoder, colours: int = 0) -> None:
        super().__init__()
        self.base, self.colours = base, colours
        self.speaker_dim = base.speaker_dim + colours

    def forward(self, spec: Tensor, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """See the class; masked frames must be unvoiced, as padding with zeros is."""
        learned = self.base(spec, mask, verification)[:, :-1]
        _, pitch, colour = spec.split([spec.shape[1] - 4 - self.colours, 4, self.colours], dim=1)
        measured = (colour[..., :1], pitch_level(pitch))
        return self.speaker(torch.cat([learned, *(x.to(learned.dtype) for x in measured)], dim=1))


class VerifiedSpeakerEncoder(SpeakerEncoder):
    """A speaker encoder joined by the vector of a speaker-verification network: PReLU(base + linear(vector)).

    (B, C, F), verification (B, V) -> (B, G, 1)

    Why: a verification network has heard many more voices than a synthesizer's training set holds.

    Args:
        base: the speaker encoder that reads the spectrogram; it decides G.
        verification_dim: V.
    """

    speaker = Tap("batch dim one", meaning="speaker vector, verification vector included")

    def __init__(self, base: SpeakerEncoder, verification_dim: int) -> None:
        super().__init__()
        self.base = base
        self.speaker_dim, self.verification_dim = base.speaker_dim, verification_dim
        self.enter = nn.Conv1d(verification_dim, base.speaker_dim, 1)
        self.gate = nn.PReLU(base.speaker_dim)

    def forward(self, spec: Tensor, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """See the class.

        Raises:
            ConfigError: `verification` is missing or has another width than V.
        """
        width = None if verification is None else verification.shape[-1]
        if verification is None or width != self.verification_dim:
            problem = f"the verification vector has width {width} and the speaker encoder reads {self.verification_dim}"
            raise ConfigError("CONFIG_INCONSISTENT", problem)
        return self.speaker(self.gate(self.base(spec, mask) + self.enter(verification[..., None])))


def mean_speaker(speakers: list[Tensor]) -> Tensor:
    """One voice out of several recordings: the mean of their speaker vectors, each (B, G, 1)."""
    return torch.stack(speakers).mean(0)
