"""The frontend of nano: stacked log-mels without their long-term average spectrum, and the pitch.

Letters: B batch, T samples, F frames at 50 Hz, M mel bands, K cosines of the long-term average spectrum (LTAS).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gsv_lab.extensions.f0 import track_pitch
from gsv_lab.extensions.ltas import band_positions, cosines, measure_ltas
from gsv_lab.nn.interfaces import Features, Frontend
from gsv_lab.nn.spectral import LogMel
from gsv_lab.system.ranges import NonNegativeInt, PositiveInt


class StackedLogMel(nn.Module):
    """Log-mels at 100 Hz, the two frames of each 20 ms stacked: what nano's posterior and speaker encoder read.

    (B, T) or (B, 1, T) -> (B, 2 * n_mels, T // (2 * hop_length)); the first half of the channels is the earlier frame.

    Frame k of the mel is centred on the middle of its hop, at (k + 1/2) * hop_length samples; its neighbours overlap
    with it.

    Args:
        sample_rate: Hz.
        n_fft: points of the transform.
        hop_length: samples of a mel frame; an output frame covers `stack` of them.
        n_mels: number of bands.
        stack: mel frames put on top of each other.
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        n_fft: int = 1024,
        hop_length: int = 160,
        n_mels: int = 80,
        stack: int = 2,
    ) -> None:
        super().__init__()
        self.log_mel = LogMel(sample_rate, n_fft, hop_length, n_mels)
        self.stack = stack
        self.channels = n_mels * stack
        self.hop_length = hop_length * stack

    def forward(self, wave: Tensor) -> Tensor:
        """See the class; left-over frames at the end are dropped."""
        mel = self.log_mel(wave)
        n_frames = mel.shape[-1] // self.stack
        whole = mel[..., : n_frames * self.stack]
        frames = whole.unflatten(-1, (n_frames, self.stack))
        return frames.permute(0, 3, 1, 2).flatten(1, 2)


class LogMelF0Frontend(Frontend):
    """Log-mels of both 10 ms frames, their log-F0 and their voicing.

    wave (B, 1, T) -> Features(spec (B, 2 M + 4, F), ltas (B, K, 1), log_f0 and voicing (B, 1, 2 F))

    Why pitch: 64 ms frames show a low voice's harmonics poorly; with the pitch, the latent can carry it exactly.
    Why the LTAS apart: see `gsv_lab.extensions.ltas`.

    Args:
        sample_rate: Hz.
        n_mels: mel bands M.
        ltas_dim: K; 0 leaves the long-term average spectrum where it is.
    """

    curves: Tensor
    gives = frozenset({"ltas", "log_f0", "voicing"})

    def __init__(
        self,
        sample_rate: PositiveInt = 16000,
        n_mels: PositiveInt = 80,
        ltas_dim: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.ltas_dim = ltas_dim
        if not ltas_dim:
            self.gives = frozenset({"log_f0", "voicing"})
        self.f0_frames = 2
        self.log_mel = StackedLogMel(sample_rate, n_mels=n_mels)
        self.hop_length = self.log_mel.hop_length
        self.spec_channels = self.log_mel.channels + 4
        curves = cosines(band_positions(n_mels), ltas_dim)
        self.register_buffer("curves", curves, persistent=False)

    def forward(
        self,
        wave: Tensor,
        log_f0: Tensor | None = None,
        voicing: Tensor | None = None,
    ) -> Features:
        """`log_f0` and `voicing` (B, 1, 2 F) are tracked here if not given."""
        mel = self.log_mel(wave)
        n_frames = mel.shape[-1]
        if log_f0 is None or voicing is None:
            log_f0, voicing = track_pitch(wave[:, 0], self.sample_rate)
            log_f0, voicing = log_f0[:, None], voicing[:, None]
        log_f0 = log_f0[..., : 2 * n_frames]
        voicing = voicing[..., : 2 * n_frames]
        voicing_pairs = _pairs(voicing)
        ltas = measure_ltas(mel, voicing_pairs, self.curves)
        smooth = self.curves.T @ ltas
        flat = mel - smooth.repeat(1, 2, 1)
        # All channels about of unit size.
        parts = [
            (flat + 5) / 3,
            _pairs(2 * (log_f0 - 5)),
            voicing_pairs,
        ]
        spec = torch.cat(parts, dim=1)
        return Features(
            spec,
            ltas if self.ltas_dim else None,
            log_f0,
            voicing,
        )


def _pairs(curve: Tensor) -> Tensor:
    """The two values of each frame as channels: (B, 1, 2 F) -> (B, 2, F)."""
    return curve[:, 0].unflatten(-1, (-1, 2)).transpose(1, 2)
