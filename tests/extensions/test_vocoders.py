"""Vocoders on a Fourier transform: harmonics are right, a given pitch is kept, envelopes filter, sizes are checked."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.f0 import TYPICAL_F0, track_pitch
from gsv_lab.extensions.istft_vocoder import InverseSTFTVocoder, ShortTimeFourier
from gsv_lab.extensions.source_filter_vocoder import SourceFilterVocoder, pulse_train
from gsv_lab.hooks import probe
from gsv_lab.nn.interfaces import Conditioning


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def pitched(hz: float, voicing: float = 1.0, frames: int = 100) -> Conditioning:
    """A constant pitch for 100 spectral frames, which are 50 latent ones."""
    shape = (1, 1, frames)
    return Conditioning(log_f0=torch.full(shape, math.log(hz)), voicing=torch.full(shape, voicing))


def vocoder_of_envelopes(harmonic: torch.Tensor, noise: torch.Tensor) -> SourceFilterVocoder:
    """A vocoder that gives every frame the same log-envelopes, (257,) each."""
    vocoder = SourceFilterVocoder(4, 0, layers=1, width=8).eval()
    with torch.no_grad():
        vocoder.envelope_head.weight.zero_()
        vocoder.envelope_head.bias.copy_(torch.cat([harmonic, noise]))
    return vocoder


@pytest.mark.parametrize(("n_fft", "hop"), [(512, 160), (64, 40), (256, 64)])
def test_inverse_gives_the_wave_back(n_fft: int, hop: int) -> None:
    """Forward and back is the identity up to the very ends, whose mirrored margins the windows do not cover evenly."""
    fourier, wave = ShortTimeFourier(n_fft, hop), torch.randn(2, hop * 40)
    back = fourier.inverse(fourier(wave))
    assert back.shape == wave.shape
    torch.testing.assert_close(back, wave, rtol=1e-4, atol=1e-4)


def test_pulses_are_the_sum_of_cosines() -> None:
    """The closed form against a loop over harmonics, for a gliding pitch."""
    rate, n = 8000, 4000
    f0 = torch.linspace(110, 190, n, dtype=torch.float64)[None]
    phase = 2 * math.pi * (f0 / rate).cumsum(-1)
    count = torch.ceil(rate / 2 / f0) - 1
    expected = torch.zeros_like(f0)
    for k in range(1, int(count.max()) + 1):
        expected += torch.cos(k * phase) * (k <= count)
    expected = (expected * (2 / count).sqrt()).float()
    torch.testing.assert_close(pulse_train(f0.float(), rate), expected, rtol=1e-3, atol=2e-2)


def test_pulses_have_unit_power_and_no_alias() -> None:
    """Every harmonic below half the rate is there, nothing stands between, at low and high pitch alike."""
    rate = 16000
    for f0 in (80.0, 200.0, 400.0):
        wave = pulse_train(torch.full((1, rate), f0), rate)[0]
        assert float(wave.square().mean()) == pytest.approx(1.0, rel=0.02)
        spectrum = torch.fft.rfft(wave).abs()
        harmonics = torch.arange(int(f0), rate // 2, int(f0))
        assert spectrum[harmonics].min() > 0.9 * spectrum.max()
        spectrum[harmonics] = 0
        assert spectrum.max() < 0.01 * wave.numel()


@torch.no_grad()
def test_a_given_pitch_is_kept() -> None:
    """150 Hz given are 150 Hz made, whatever the vocoder would predict; unvoiced frames have no pulses."""
    vocoder = vocoder_of_envelopes(torch.full((257,), -4.0), torch.full((257,), -9.0))
    z = torch.randn(1, 4, 50)
    made = vocoder(z, pitched(150.0), seeded())
    silent = vocoder(z, pitched(150.0, voicing=0.0), seeded())
    log_f0, voiced = track_pitch(made.wave[:, 0])
    assert voiced.mean() > 0.8
    assert float(log_f0[voiced > 0].exp().median()) == pytest.approx(150.0, rel=0.01)
    assert silent.wave.std() < 0.05 * made.wave.std()
    assert torch.equal(made.log_f0, silent.log_f0)


def test_without_an_own_pitch_it_must_be_given() -> None:
    """The envelopes see a given pitch; without one there is a clear error."""
    vocoder = SourceFilterVocoder(4, 0, layers=1, width=8, own_pitch=False).eval()
    assert vocoder.needs == {"log_f0", "voicing"} and not SourceFilterVocoder(4, 0, layers=1, width=8).needs
    z = torch.randn(1, 4, 50)
    with pytest.raises(ConfigError, match="predicts no pitch"):
        vocoder(z, Conditioning())
    made = vocoder(z, pitched(150.0))
    assert made.log_f0 is None and made.voicing is None
    made.wave.square().mean().backward()
    assert float(vocoder.pitch_in.weight.grad.abs().sum()) > 0


def test_ltas_is_put_into_both_envelopes() -> None:
    """A tilt of 0.5 nat raises the foot of both envelopes and lowers their end; the wave has it too."""
    torch.manual_seed(0)
    vocoder = SourceFilterVocoder(4, 9, layers=1, width=8, ltas_dim=3).eval()
    assert vocoder.needs == {"ltas"}
    z, speaker = torch.randn(1, 4, 20), torch.zeros(1, 9, 1)
    tilt = torch.tensor([0.5, 0.0, 0.0])[None, :, None]
    with probe(vocoder, "envelopes") as records:
        vocoder(z, Conditioning(speaker, torch.zeros_like(tilt)), seeded())
        vocoder(z, Conditioning(speaker, tilt), seeded())
        vocoder(z, Conditioning(speaker), seeded())
    before, after, without = (records["envelopes"][k : k + 1].value for k in range(3))
    assert torch.equal(before, without)
    change = (after - before)[0].unflatten(0, (2, -1))
    assert torch.allclose(change, change[:1, :, :1].expand_as(change), atol=1e-5)
    curve = change[0, :, 0]
    assert float(curve[0]) == pytest.approx(0.5, abs=0.01) and float(curve[-1]) == pytest.approx(-0.5, abs=0.01)
    assert (curve.diff() <= 1e-6).all()


@torch.no_grad()
def test_envelopes_filter() -> None:
    """Noise with an envelope that is closed below 4 kHz has its energy above 4 kHz."""
    noise = torch.full((257,), -12.0)
    noise[128:] = 0.0
    vocoder = vocoder_of_envelopes(torch.full((257,), -12.0), noise)
    wave = vocoder(torch.randn(1, 4, 100), pitched(150.0, 0.0, 200)).wave[0, 0]
    power = torch.fft.rfft(wave).abs().square()
    half = len(power) // 2
    assert power[: half - 300].sum() < 0.01 * power[half + 300 :].sum()


@torch.no_grad()
def test_a_postfilter_changes_the_envelopes() -> None:
    """It is given both log-envelopes of every frame, harmonic ones first, and what it gives back is used."""
    vocoder = vocoder_of_envelopes(torch.full((257,), -4.0), torch.full((257,), -9.0))
    z, seen = torch.randn(1, 4, 50), []

    class Louder(torch.nn.Module):
        def forward(self, envelopes: torch.Tensor) -> torch.Tensor:
            seen.append(envelopes)
            return envelopes + math.log(2.0)

    plain = vocoder(z, pitched(150.0), seeded()).wave
    vocoder.postfilter = Louder()
    torch.testing.assert_close(vocoder(z, pitched(150.0), seeded()).wave, 2 * plain, rtol=1e-4, atol=1e-6)
    assert seen[0].shape == (1, 2, 257, 100)
    assert (seen[0][:, 0] == -4).all() and (seen[0][:, 1] == -9).all()


def test_pitch_is_learned_from_its_own_loss_only() -> None:
    """The wave's gradient does not reach the pitch head; the predicted log-F0's does."""
    vocoder = SourceFilterVocoder(4, 0, layers=1, width=8)
    made = vocoder(torch.randn(1, 4, 10), Conditioning())
    made.wave.square().mean().backward(retain_graph=True)
    assert vocoder.pitch_head.weight.grad is None and vocoder.envelope_head.weight.grad is not None
    made.log_f0.sum().backward()
    assert vocoder.pitch_head.weight.grad.abs().sum() > 0
    assert float(made.log_f0.detach().mean().exp()) == pytest.approx(TYPICAL_F0, rel=0.5)


def test_a_new_vocoder_starts_without_rotation() -> None:
    """The phase head starts at zero, so that with and without it the first wave is the same."""
    waves = []
    for phase in (False, True):
        torch.manual_seed(0)
        vocoder = SourceFilterVocoder(4, 0, layers=1, width=8, phase=phase).eval()
        waves.append(vocoder(torch.ones(1, 4, 10), pitched(150.0, frames=20), seeded()).wave)
    torch.testing.assert_close(*waves)


@pytest.mark.parametrize(
    "make",
    [
        lambda: InverseSTFTVocoder(4, 3, 320, frame_hop=150),
        lambda: SourceFilterVocoder(4, 3, hop_length=320, frame_hop=150),
    ],
    ids=["InverseSTFTVocoder", "SourceFilterVocoder"],
)
def test_wrong_sizes_name_both_numbers(make: Callable[[], object]) -> None:
    """Found when the part is made, not when it is used."""
    with pytest.raises(ConfigError, match="320.*150"):
        make()
