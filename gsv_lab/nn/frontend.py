"""The frontend of the published models: linear spectrograms.

Letters: B batch, T samples, F frames at 50 Hz.
"""

from __future__ import annotations

from torch import Tensor

from gsv_lab.nn.interfaces import Features, Frontend
from gsv_lab.nn.spectral import LinearSpectrogram
from gsv_lab.system.ranges import PositiveInt


class LinearFrontend(Frontend):
    """Magnitudes of the short-time Fourier transform.

    wave (B, 1, T) -> Features(spec (B, n_fft // 2 + 1, F))

    Args:
        n_fft: points of the transform.
        hop_length: samples of a frame.
        sample_rate: Hz; 50 frames a second if None.
    """

    def __init__(
        self,
        n_fft: PositiveInt = 2048,
        hop_length: PositiveInt = 640,
        sample_rate: PositiveInt | None = None,
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate or 50 * hop_length
        self.hop_length = hop_length
        self.spec_channels = n_fft // 2 + 1
        self.spectrogram = LinearSpectrogram(n_fft, hop_length)

    def forward(
        self,
        wave: Tensor,
        log_f0: Tensor | None = None,
        voicing: Tensor | None = None,
    ) -> Features:
        """See the class; the pitch is not read."""
        return Features(self.spectrogram(wave))

    def reference(
        self,
        wave: Tensor,
        log_f0: Tensor | None = None,
        voicing: Tensor | None = None,
    ) -> Features:
        """For the speaker encoder: samples beyond full scale are divided by their peak, by two at most."""
        peak = wave.abs().amax()
        return Features(self.spectrogram(wave / peak.clamp(1.0, 2.0)))
