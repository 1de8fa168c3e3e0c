"""Spectrograms: bands against librosa, frames in time, tones in their bins."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab.errors import ConfigError
from gsv_lab.nn import spectral
from gsv_lab.nn.spectral import LinearSpectrogram, LogMel, mel_filters


@pytest.mark.parametrize(
    ("rate", "n_fft", "n_mels", "low", "high"),
    [(32000, 2048, 128, 0.0, None), (16000, 1024, 80, 0.0, None), (22050, 512, 40, 60.0, 7600.0)],
)
def test_bands_are_librosas(rate: int, n_fft: int, n_mels: int, low: float, high: float | None) -> None:
    """Slaney's scale and area."""
    librosa = pytest.importorskip("librosa")
    expected = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=low, fmax=high)
    np.testing.assert_allclose(mel_filters(rate, n_fft, n_mels, low, high).numpy(), expected, rtol=0, atol=1e-6)


def test_magnitudes_are_librosas() -> None:
    """The transform itself, on a wave that was mirrored by hand."""
    librosa = pytest.importorskip("librosa")
    wave = torch.randn(1, 4000)
    pad = (512 - 128) // 2
    mirrored = np.pad(wave[0].numpy(), (pad, pad), mode="reflect")
    expected = np.abs(librosa.stft(mirrored, n_fft=512, hop_length=128, center=False))
    ours = LinearSpectrogram(512, 128)(wave)[0].numpy()
    np.testing.assert_allclose(ours, expected[:, : ours.shape[1]], rtol=1e-3, atol=1e-3)


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
    LinearSpectrogram(512, 128)(wave).sum().backward()
    assert wave.grad.isfinite().all()


def test_log_mels_end_at_a_floor() -> None:
    """Silence is log(1e-5) in every band, and a wave may come as (B, T) or (B, 1, T)."""
    log_mel = LogMel(16000, 512, 128, 40)
    torch.testing.assert_close(log_mel(torch.zeros(1, 2000)), torch.full((1, 40, 15), math.log(1e-5)))
    wave = torch.randn(2, 1, 2000)
    assert torch.equal(log_mel(wave), log_mel(wave[:, 0]))


def test_autocast_does_not_change_a_spectrogram() -> None:
    """Mixed precision in training leaves spectra in single precision."""
    log_mel, wave = LogMel(16000, 512, 128, 40), torch.randn(1, 2000)
    with torch.autocast("cpu", torch.bfloat16):
        mel = log_mel(wave)
    assert mel.dtype == torch.float32 and torch.equal(mel, log_mel(wave))


def test_a_hop_beyond_the_frame_is_refused() -> None:
    """The error names both numbers."""
    with pytest.raises(ConfigError, match="300.*256"):
        LinearSpectrogram(256, 300)


def test_filters_leave_the_precision_of_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    inner = spectral.melscale_fbanks

    def watched(*arguments: Any, **options: Any) -> torch.Tensor:
        with ThreadPoolExecutor(1) as other:  # where another measure may be making its network just now
            made = [other.submit(torch.nn.Linear, 1, 1).result().weight, other.submit(torch.linspace, 0, 1, 2).result()]
        seen.extend(tensor.dtype for tensor in made)
        filters = inner(*arguments, **options)
        assert filters.dtype == torch.float64
        return filters

    monkeypatch.setattr(spectral, "melscale_fbanks", watched)
    mel_filters(16000, 512, 40)
    assert seen == [torch.float32, torch.float32]
