"""The frontend of nano: stacked log-mels without their long-term average spectrum, and the pitch.

Letters: B batch, T samples, F frames at 50 Hz, M mel bands, K cosines of the long-term average spectrum (LTAS).
"""

from __future__ import annotations

import torch
from torch import Tensor

from gsv_lab.extensions.f0 import track_pitch
from gsv_lab.extensions.ltas import band_positions, cosines, measure_ltas
from gsv_lab.nn.interfaces import Features, Frontend
from gsv_lab.nn.spectral import StackedLogMel


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

    def __init__(self, sample_rate: int = 16000, n_mels: int = 80, ltas_dim: int = 0) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.log_mel = StackedLogMel(sample_rate, n_mels=n_mels)
        self.spec_channels = self.log_mel.channels + 4
        self.ltas_dim = ltas_dim
        self.f0_frames = 2
        self.register_buffer("curves", cosines(band_positions(n_mels), ltas_dim), persistent=False)

    def forward(self, wave: Tensor, log_f0: Tensor | None = None, voicing: Tensor | None = None) -> Features:
        """`log_f0` and `voicing` (B, 1, 2 F) are tracked here if not given."""
        mel = self.log_mel(wave)
        if log_f0 is None or voicing is None:
            log_f0, voicing = (x[:, None] for x in track_pitch(wave[:, 0], self.sample_rate))
        n_frames = mel.shape[-1]
        log_f0, voicing = log_f0[..., : 2 * n_frames], voicing[..., : 2 * n_frames]
        pairs = [x[:, 0].unflatten(-1, (n_frames, 2)).transpose(1, 2) for x in (2 * (log_f0 - 5), voicing)]
        ltas = measure_ltas(mel, pairs[1], self.curves)
        flat = mel - (self.curves.T @ ltas).repeat(1, 2, 1)
        spec = torch.cat([(flat + 5) / 3, *pairs], dim=1)  # about unit size
        return Features(spec, ltas if self.ltas_dim else None, log_f0, voicing)
