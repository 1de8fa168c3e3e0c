"""ECAPA-TDNN and the speaker table: what padding, single frames and single recordings do, and what is attended to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.ecapa_tdnn import ECAPATDNN, AttentiveStatisticsPooling, Res2Convolution
from gsv_lab.extensions.measured_speaker_encoder import MeasuredSpeakerEncoder
from gsv_lab.extensions.speaker_table import SHARPNESS, SpeakerTable
from gsv_lab.hooks import probe
from gsv_lab.nn.frontend import LinearFrontend
from gsv_lab.nn.interfaces import Features, SpeakerEncoder
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.nn.speaker_encoder import StyleEncoder

M, G, F = 20, 12, 40
LENGTHS = (F, 23, 1)


def ecapa(**options: int) -> ECAPATDNN:
    return ECAPATDNN(M, G, **{"width": 16, "bottleneck": 8, **options})


def table(base: SpeakerEncoder | None = None, **options: int) -> SpeakerTable:
    return SpeakerTable(base or StyleEncoder(M, G, width=16, dropout=0.0), **{"entries": 7, **options})


def padded(spec: Tensor) -> tuple[Features, Tensor]:
    """Features of a batch whose padding is no zeros, as that of log-mels, and its mask."""
    mask = sequence_mask(torch.tensor(LENGTHS))
    return Features(torch.where(mask, spec, 50 * torch.randn_like(spec))), mask


def check_each_alone(encoder: SpeakerEncoder, spec: Tensor) -> None:
    """A recording has the same vector in a padded batch and alone, in training too."""
    features, mask = padded(spec)
    together = encoder(features, mask)
    for index, length in enumerate(LENGTHS):
        alone = encoder(Features(features.spec[index : index + 1, :, :length]))
        torch.testing.assert_close(together[index : index + 1], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("make", [ecapa, table])
@pytest.mark.parametrize("training", [True, False])
def test_padding_and_the_rest_of_the_batch_change_nothing(make: type[SpeakerEncoder], training: bool) -> None:
    check_each_alone(make().train(training), torch.randn(len(LENGTHS), M, F))


def test_padding_changes_nothing_for_spectra_of_a_steady_tone() -> None:
    """Channels that hardly move have a small deviation, which is where rounding would show."""
    time = torch.arange(F * 160) / 16000
    tone = torch.sin(2 * torch.pi * 220 * time).expand(len(LENGTHS), 1, -1)
    check_each_alone(ecapa(width=32), LinearFrontend(256, 160)(0.3 * tone).spec[:, :M, :F])


def test_groups_of_channels_see_further_one_after_the_other() -> None:
    """A change at one frame reaches multiples of the dilation, and in group i no more than i of them."""
    layer, middle = Res2Convolution(16, scale=4, dilation=3), F // 2
    x, mask = torch.randn(1, 16, F), torch.ones(1, 1, F)
    other = x.clone()
    other[..., middle] += 1
    with torch.no_grad():
        moved = (layer(x, mask) - layer(other, mask)).abs().unflatten(1, (4, 4)).amax(2)[0] > 0
    for number, frames in enumerate(moved):
        assert (frames.nonzero()[:, 0] - middle).tolist() == [3 * step for step in range(-number, number + 1)]


def test_pooling_with_equal_scores_is_mean_and_deviation_of_the_valid_frames() -> None:
    pooling, x = AttentiveStatisticsPooling(6, 4), torch.randn(3, 6, F)
    mask = sequence_mask(torch.tensor(LENGTHS)).float()
    nn.init.zeros_(pooling.score.weight)
    found = pooling(x, mask).detach().numpy()
    for item, values, length in zip(found, x.numpy(), LENGTHS, strict=True):
        np.testing.assert_allclose(item[:6], values[:, :length].mean(-1), atol=1e-5)
        np.testing.assert_allclose(item[6:], np.maximum(values[:, :length].std(-1), 1e-3), atol=1e-4)


def test_attention_is_zero_on_padding_and_sees_the_whole_recording() -> None:
    features, mask = padded(torch.randn(len(LENGTHS), M, F))
    encoder = ecapa()
    with torch.no_grad(), probe(encoder, "pooling.attention") as records:
        encoder(features, mask)
    weights = records["pooling.attention"].value
    assert (weights[~mask.expand_as(weights)] == 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:2]))
    x = torch.randn(1, 48, F)
    other = x.clone()
    other[..., -1] += 5
    with torch.no_grad(), probe(encoder.pooling, "attention") as records:
        for given in (x, other):
            encoder.pooling(given, torch.ones(1, 1, F))
    one, two = (step[0, :, 0] / step[0, :, 1] for step in records["attention"].steps)
    assert not torch.allclose(one, two, rtol=1e-3), "ratios of two frames depend on a third one by the context alone"


@pytest.mark.parametrize("make", [ecapa, table])
def test_gradients_reach_every_tensor(make: type[SpeakerEncoder]) -> None:
    """From a batch of one, as a single recording is. The softmax takes away what a bias of keys adds to all scores."""
    encoder = make()
    (encoder(Features(torch.randn(1, M, F))) * torch.randn(1, G, 1)).sum().backward()
    unreached = [name for name, value in encoder.named_parameters() if not value.grad.abs().max() > 1e-7]
    assert unreached == (["base.attention.key.bias"] if make is table else [])


@pytest.mark.parametrize(("width", "scale"), [(16, 3), (16, 1)])
def test_groups_that_do_not_fit_are_refused(width: int, scale: int) -> None:
    with pytest.raises(ConfigError, match=f"width is {width} and scale is {scale}.*multiple") as caught:
        ecapa(width=width, scale=scale)
    assert caught.value.code == "CONFIG_INCONSISTENT"


def test_heads_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="learns 12 channels and heads is 5.*multiple"):
        table(heads=5)
    with pytest.raises(ConfigError, match="learns 11 channels and heads is 4"):
        table(MeasuredSpeakerEncoder(StyleEncoder(M, G, width=16)))


def test_the_table_is_read_as_attention_reads() -> None:
    """Torch's own attention, given projections of length one, says the same."""
    encoder, features = table(heads=3), Features(torch.randn(2, M, F))
    entries = encoder.table.tanh().expand(2, -1, -1)
    with torch.no_grad(), probe(encoder, "weights") as records:
        found = encoder(features)
        given = (encoder.query(encoder.base(features).mT), encoder.key(entries), encoder.value(entries))
        query, key, value = (x.unflatten(2, (3, -1)).transpose(1, 2) for x in given)
        query, key = functional.normalize(query, dim=-1), functional.normalize(key, dim=-1)
        expected = functional.scaled_dot_product_attention(query, key, value, scale=SHARPNESS)
    torch.testing.assert_close(found, expected.transpose(1, 2).flatten(2).mT)
    torch.testing.assert_close(records["weights"].value.sum(-1), torch.ones(2, 3))


def test_vectors_of_the_base_that_grow_do_not_sharpen_the_attention() -> None:
    """Plain products end with one entry for all recordings as soon as the base's vectors are long."""
    encoder, features = table(), Features(torch.randn(2, M, F))
    seen = []
    for scale in (1, 1000):
        with torch.no_grad(), probe(encoder, "weights") as records:
            encoder.base.out_proj.weight.mul_(scale)
            encoder.base.out_proj.bias.mul_(scale)
            encoder(features)
        seen.append(records["weights"].value)
    torch.testing.assert_close(*seen, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(seen[1][0], seen[1][1], atol=1e-3)


def test_what_the_base_measures_passes_and_is_not_attended_to() -> None:
    base = MeasuredSpeakerEncoder(StyleEncoder(M, G + 1, width=16, dropout=0.0), ltas_dim=3)
    encoder, voiced = table(base), torch.ones(1, 1, 2 * F)
    features = Features(torch.randn(1, M, F), torch.randn(1, 3, 1), torch.full((1, 1, 2 * F), 5.0), voiced)
    higher = features._replace(log_f0=features.log_f0 + 0.5)
    one, two = encoder(features), encoder(higher)
    assert torch.equal(one[:, :G], two[:, :G]) and torch.equal(one[:, G:], base(features)[:, G:])
    torch.testing.assert_close(two[:, -1] - one[:, -1], torch.full((1, 1), 0.5))
