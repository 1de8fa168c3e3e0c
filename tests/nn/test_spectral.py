"""Spectrograms: bands against librosa, frames in time, perfect reconstruction."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.istft_vocoder import ShortTimeFourier
from gsv_lab.nn.spectral import LinearSpectrogram, LogMel, MelSpectrogram, StackedLogMel, mel_filters


@pytest.mark.parametrize(
    ("rate", "n_fft", "n_mels", "low", "high"),
    [(32000, 2048, 128, 0.0, None), (16000, 1024, 80, 0.0, None), (22050, 512, 40, 60.0, 7600.0)],
)
def test_bands_are_librosas(rate: int, n_fft: int, n_mels: int, low: float, high: float | None) -> None:
    """Slaney's scale and area, written with torch alone."""
    librosa = pytest.importorskip("librosa")
    expected = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=low, fmax=high)
    np.testing.assert_allclose(mel_filters(rate, n_fft, n_mels, low, high).numpy(), expected, atol=1e-7)


def test_magnitudes_are_librosas() -> None:
    """The transform itself, on a wave that was mirrored by hand."""
    librosa = pytest.importorskip("librosa")
    wave = torch.randn(1, 4000)
    pad = (512 - 128) // 2
    mirrored = np.pad(wave[0].numpy(), (pad, pad), mode="reflect")
    expected = np.abs(librosa.stft(mirrored, n_fft=512, hop_length=128, center=False))
    ours = LinearSpectrogram(512, 128)(wave)[0].numpy()
    np.testing.assert_allclose(ours, expected[:, : ours.shape[1]], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("n_samples", [3200, 3199, 3201, 3360, 16000, 16319])
def test_frames_of_nano(n_samples: int) -> None:
    """Exactly one stacked frame for 320 samples, from waves of either shape."""
    stacked = StackedLogMel()
    wave = torch.randn(2, 1, n_samples) * 0.1
    out = stacked(wave)
    assert out.shape == (2, 160, n_samples // 320) and stacked.frame_rate == 50.0 and stacked.channels == 160
    assert torch.equal(out, stacked(wave[:, 0]))
    mel = stacked.log_mel(wave)
    assert torch.equal(out[:, :80], mel[..., 0 : 2 * out.shape[-1] : 2]) and torch.equal(
        out[:, 80:], mel[..., 1 : 2 * out.shape[-1] : 2]
    )


def test_a_click_lands_in_its_frame() -> None:
    """Frame k is centred on the middle of hop k: a click there is strongest in frame k."""
    mel = LogMel(16000, 1024, 160, 80)
    for k in (10, 33, 60):
        wave = torch.zeros(1, 16000)
        wave[0, k * 160 + 80] = 1.0
        assert int(mel(wave).sum(1).argmax()) == k


def test_a_tone_lands_in_its_bin() -> None:
    """A tone of 1 kHz is strongest in the bin of 1 kHz, with half of the window's sum as its magnitude."""
    wave = torch.sin(2 * math.pi * 1000 * torch.arange(16000) / 16000)[None]
    spec = LinearSpectrogram(1024, 160)(wave)[0, :, 50]
    assert int(spec.argmax()) == 1000 * 1024 // 16000
    assert float(spec.max()) == pytest.approx(0.5 * float(torch.hann_window(1024).sum()), rel=1e-3)


def test_silence_has_finite_gradient() -> None:
    """The floor under the root: exact zeros give zeros, not NaN."""
    wave = torch.zeros(1, 2000, requires_grad=True)
    MelSpectrogram(16000, 512, 128, 40)(wave).sum().backward()
    assert wave.grad.isfinite().all()


@pytest.mark.parametrize(("n_fft", "hop"), [(512, 160), (64, 40), (256, 64)])
def test_inverse_gives_the_wave_back(n_fft: int, hop: int) -> None:
    """Forward and back is the identity up to the very ends, whose mirrored margins the windows do not cover evenly."""
    fourier, wave = ShortTimeFourier(n_fft, hop), torch.randn(2, hop * 40)
    back = fourier.inverse(fourier(wave))
    assert back.shape == wave.shape
    torch.testing.assert_close(back, wave, rtol=1e-4, atol=1e-4)


def test_a_hop_beyond_the_frame_is_refused() -> None:
    """The error names both numbers."""
    with pytest.raises(ConfigError, match="300.*256"):
        LinearSpectrogram(256, 300)
