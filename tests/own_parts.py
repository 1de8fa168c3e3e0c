"""A prior, a vocoder and a speaker encoder of a user's own, written against `gsv_lab.nn.interfaces` alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

import gsv_lab
from gsv_lab.nn.interfaces import (
    Conditioning,
    Features,
    Latent,
    Prior,
    SpeakerEncoder,
    StreamChunk,
    Vocoded,
    Vocoder,
)


@gsv_lab.register
class RecurrentPrior(Prior):
    """Codes through a recurrent net, with the mean of the phones beside them."""

    gives = frozenset({"hidden"})

    def __init__(self, content_dim: int, latent_dim: int, speaker_dim: int, n_phones: int, width: int = 16) -> None:
        super().__init__()
        self.content_dim = content_dim
        self.latent_dim = latent_dim
        self.speaker_dim = speaker_dim
        self.n_phones = n_phones
        self.hidden_dim = width
        self.phones = nn.Embedding(n_phones, width)
        self.rnn = nn.GRU(content_dim + width, width, batch_first=True)
        self.speaker = nn.Conv1d(speaker_dim, width, 1)
        self.latent = nn.Conv1d(width, 2 * latent_dim, 1)

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
        if mask is None:
            mask = torch.ones_like(quantized[:, :1])
        text = self.phones(phones).mean(1, keepdim=True)
        x = quantized.transpose(1, 2)
        x, _ = self.rnn(torch.cat([x, text.expand(-1, x.shape[1], -1)], dim=-1))
        hidden = x.transpose(1, 2) + self.speaker(conditioning.speaker)
        x = hidden
        if speed != 1:
            n_frames = int(x.shape[-1] / speed) + 1
            x = functional.interpolate(x, n_frames)
            mask = functional.interpolate(mask, n_frames)
        if chunk is not None and chunk.keep_last is not None:
            x, mask = x[..., -chunk.keep_last :], mask[..., -chunk.keep_last :]
        mean, log_scale = (self.latent(x) * mask).chunk(2, dim=1)
        return Latent(mean, log_scale, mask, hidden)


@gsv_lab.register
class TransposedVocoder(Vocoder):
    """One transposed convolution from latent frames to samples."""

    def __init__(self, latent_dim: int, speaker_dim: int, hop_length: int = 320) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.speaker_dim = speaker_dim
        self.hop_length = hop_length
        self.sample_rate = 50.0 * hop_length
        self.speaker = nn.Conv1d(speaker_dim, latent_dim, 1)
        self.up = nn.ConvTranspose1d(latent_dim, 1, hop_length, hop_length)

    def forward(self, z: Tensor, conditioning: Conditioning, generator: torch.Generator | None = None) -> Vocoded:
        return Vocoded(self.up(z + self.speaker(conditioning.speaker)).tanh())


@gsv_lab.register
class MeanSpeakerEncoder(SpeakerEncoder):
    """A projection of the mean spectrum."""

    def __init__(self, spec_channels: int, speaker_dim: int) -> None:
        super().__init__()
        self.spec_channels = spec_channels
        self.speaker_dim = speaker_dim
        self.out_proj = nn.Conv1d(spec_channels, speaker_dim, 1)

    def forward(self, features: Features, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        spec = features.spec[:, : self.spec_channels]
        if mask is None:
            mask = torch.ones_like(spec[:, :1])
        mean = (spec * mask).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)
        return self.out_proj(mean)
