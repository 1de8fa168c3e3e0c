"""Vocoders and flow: pulses have the right harmonics, given pitch is obeyed, weight norm folds, sizes are checked."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.utils import parametrize

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.f0 import track_pitch
from gsv_lab.extensions.istft_vocoder import InverseSTFTVocoder
from gsv_lab.extensions.source_filter_vocoder import SourceFilterVocoder, pulse_train
from gsv_lab.hooks import probe
from gsv_lab.nn.hifigan import HiFiGAN
from gsv_lab.nn.wavenet import WaveNet


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


def test_given_pitch_is_heard() -> None:
    """A vocoder told 150 Hz sounds at 150 Hz, whatever it would predict; unvoiced frames have no pulses."""
    vocoder = SourceFilterVocoder(4, 0, layers=1, width=8).eval()
    with torch.no_grad():
        vocoder.envelope_head.weight.zero_()
        vocoder.envelope_head.bias[257:] = -9.0
        z, shape = torch.randn(1, 4, 50), (1, 1, 100)
        made = vocoder(z, None, torch.full(shape, math.log(150.0)), torch.ones(shape), torch.Generator().manual_seed(0))
        log_f0, voiced = track_pitch(made.wave[:, 0])
        silent = vocoder(z, None, torch.full(shape, 5.0), torch.zeros(shape), torch.Generator().manual_seed(0))
    assert voiced.mean() > 0.8
    assert float(log_f0[voiced > 0].exp().median()) == pytest.approx(150.0, rel=0.01)
    assert silent.wave.std() < 0.05 * made.wave.std()
    assert torch.equal(made.log_f0, silent.log_f0)


def test_without_an_own_pitch_it_must_be_given() -> None:
    """The envelopes know a given pitch; without one there is a clear error."""
    vocoder = SourceFilterVocoder(4, 0, layers=1, width=8, own_pitch=False).eval()
    z, shape = torch.randn(1, 4, 50), (1, 1, 100)
    with pytest.raises(ConfigError, match="predicts no pitch"):
        vocoder(z)
    made = vocoder(z, None, torch.full(shape, 5.0), torch.ones(shape))
    assert made.log_f0 is None and made.voicing is None
    made.wave.square().mean().backward()
    assert float(vocoder.pitch_in.weight.grad.abs().sum()) > 0


def test_the_speakers_colour_is_put_into_both_envelopes() -> None:
    """Just before the last channel of the speaker vector: a tilt of 0.5 nat raises the foot and lowers the end."""
    torch.manual_seed(0)
    vocoder = SourceFilterVocoder(4, 9, layers=1, width=8, colours=3).eval()
    torch.nn.init.zeros_(vocoder.net.condition.weight)
    z, plain = torch.randn(1, 4, 20), torch.zeros(1, 9, 1)
    tilted = plain.clone()
    tilted[0, 5] = 0.5
    with probe(vocoder, "envelopes") as rec:
        vocoder(z, plain, generator=torch.Generator().manual_seed(0))
        vocoder(z, tilted, generator=torch.Generator().manual_seed(0))
    before, after = (rec["envelopes"][k : k + 1].value for k in range(2))
    change = (after - before)[0].unflatten(0, (2, -1))
    assert torch.allclose(change, change[:1, :, :1].expand_as(change), atol=1e-5)
    curve = change[0, :, 0]
    assert float(curve[0]) == pytest.approx(0.5, abs=0.01) and float(curve[-1]) == pytest.approx(-0.5, abs=0.01)
    assert (curve.diff() <= 1e-6).all()


def test_envelope_filters() -> None:
    """Noise with an envelope that is closed below 4 kHz has its energy above 4 kHz."""
    vocoder = SourceFilterVocoder(4, 0, layers=1, width=8).eval()
    with torch.no_grad():
        vocoder.envelope_head.weight.zero_()
        bias = torch.full((514,), -12.0)
        bias[257 + 128 :] = 0.0
        vocoder.envelope_head.bias.copy_(bias)
        shape = (1, 1, 200)
        wave = vocoder(torch.randn(1, 4, 100), None, torch.full(shape, 5.0), torch.zeros(shape)).wave[0, 0]
    power = torch.fft.rfft(wave).abs().square()
    half = len(power) // 2
    assert power[: half - 300].sum() < 0.01 * power[half + 300 :].sum()


def test_pitch_is_learned_from_its_own_loss_only() -> None:
    """The wave's gradient does not reach the pitch head; the predicted log-F0's does."""
    vocoder = SourceFilterVocoder(4, 0, layers=1, width=8)
    made = vocoder(torch.randn(1, 4, 10))
    made.wave.square().mean().backward(retain_graph=True)
    assert vocoder.pitch_head.weight.grad is None and vocoder.envelope_head.weight.grad is not None
    made.log_f0.sum().backward()
    assert vocoder.pitch_head.weight.grad.abs().sum() > 0
    assert float(made.log_f0.detach().mean().exp()) == pytest.approx(160, rel=0.5)


def test_weight_norm_folds() -> None:
    """Folding weight norm into plain weights changes nothing that is heard."""
    for module, inputs in (
        (HiFiGAN(4, 3, 16, (4, 2), (8, 4)), (torch.randn(1, 4, 6), torch.randn(1, 3, 1))),
        (WaveNet(6, 3, condition=3), (torch.randn(1, 6, 9), torch.ones(1, 1, 9), torch.randn(1, 3, 1))),
    ):
        module.eval()
        before = module(*inputs)
        names = [name for name, _ in module.named_parameters() if "parametrizations" in name]
        for part in list(module.modules()):
            if parametrize.is_parametrized(part, "weight"):
                parametrize.remove_parametrizations(part, "weight")
        assert names and not any("parametrizations" in name for name, _ in module.named_parameters())
        after = module(*inputs)
        pair = (before, after) if isinstance(before, torch.Tensor) else (before.wave, after.wave)
        torch.testing.assert_close(*pair, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "numbers"),
    [
        (lambda: HiFiGAN(4, 3, 16, (5,), (8,)), "8.*5"),
        (lambda: HiFiGAN(4, 3, 16, (4, 2), (8,)), "2.*1"),
        (lambda: InverseSTFTVocoder(4, 3, 320, frame_hop=150), "320.*150"),
        (lambda: SourceFilterVocoder(4, 3, hop_length=320, frame_hop=150), "320.*150"),
    ],
)
def test_wrong_sizes_name_both_numbers(make: object, numbers: str) -> None:
    """Found when the part is made, not when it is used."""
    with pytest.raises(ConfigError, match=numbers):
        make()
