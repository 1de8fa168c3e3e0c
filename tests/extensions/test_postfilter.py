"""The postfilters: what moves quickly or stands out becomes larger, and nothing else changes."""

from __future__ import annotations

import pytest
import torch

from gsv_lab.extensions.postfilter import FormantPostfilter, LatentPostfilter
from gsv_lab.hooks import probe


@pytest.mark.parametrize(("made", "shape"), [(LatentPostfilter, (2, 4, 20)), (FormantPostfilter, (2, 2, 65, 20))])
def test_a_gain_of_one_changes_nothing(
    made: type[LatentPostfilter | FormantPostfilter], shape: tuple[int, ...]
) -> None:
    x = torch.randn(shape)
    torch.testing.assert_close(made(gain=1.0)(x), x)
    assert not torch.allclose(made()(x), x)


def test_quick_movement_grows_and_slow_movement_stays() -> None:
    time, sharpen = torch.arange(400) / 50.0, LatentPostfilter(gain=1.3, reach=3)
    for hertz, expected in ((0.3, 1.0), (12.0, 1.3)):
        wave = torch.sin(2 * torch.pi * hertz * time)[None, None]
        assert float(sharpen(wave).std() / wave.std()) == pytest.approx(expected, abs=0.06)


def test_a_level_is_kept_up_to_both_ends() -> None:
    level = torch.full((1, 3, 9), 2.5)
    torch.testing.assert_close(LatentPostfilter()(level), level)


def test_peaks_rise_over_valleys_at_the_same_power() -> None:
    bins = torch.arange(257.0)
    envelopes = (2 * torch.cos(2 * torch.pi * bins / 40))[None, None, :, None] + torch.tensor([-3.0, 0.0])
    sharper = FormantPostfilter(gain=1.2, reach=16)(envelopes)
    before, after = (x.amax(2) - x.amin(2) for x in (envelopes, sharper))
    assert torch.all(after > 1.15 * before)
    power = [(2 * x).logsumexp(2) for x in (envelopes, sharper)]
    torch.testing.assert_close(*power)


def test_what_is_added_can_be_watched() -> None:
    z, envelopes = torch.randn(1, 4, 20), torch.randn(1, 2, 65, 20)
    latent, formants = LatentPostfilter(), FormantPostfilter()
    with probe(latent, "sharpened", "slow") as record:
        made = latent(z)
    torch.testing.assert_close(record["sharpened"].value, made)
    torch.testing.assert_close(record["slow"].value + 1.3 * (z - record["slow"].value), made)
    with probe(formants, "contrast") as record:
        made = formants(envelopes)
    moved = made - envelopes - record["contrast"].value.unflatten(1, (2, 65))
    torch.testing.assert_close(moved, moved[:, :, :1].expand_as(moved), atol=1e-5, rtol=1e-5)
