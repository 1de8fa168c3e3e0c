"""The content encoder and the speaker verifier: shapes and invariances."""

from __future__ import annotations

import pytest
import torch

from gsv_lab.extensions.speaker_verifier import weighted_statistics
from gsv_lab.system.config import build
from tiny import CONTENT, VERIFIER


def test_content_does_not_depend_on_the_level() -> None:
    encoder = build(CONTENT).eval()
    wave = 0.1 * torch.randn(1, 1, 16000)
    loud, soft = encoder(wave), encoder(0.1 * wave)
    assert loud.content.shape == (1, encoder.dim, 50)
    assert loud.log_probs.shape == (1, 50, encoder.n_phones) and encoder.n_phones == 102
    torch.testing.assert_close(loud.log_probs.exp().sum(-1), torch.ones(1, 50))
    assert (loud.content - soft.content).abs().mean() < 0.1 * loud.content.abs().mean()


def test_content_is_read_in_three_steps() -> None:
    """A wave gives the same content and scores as its frames do, and label scores are a distribution of their own."""
    encoder = build(CONTENT).eval()
    wave = 0.1 * torch.randn(1, 1, 16000)
    found = encoder(wave)
    content = encoder.encode(encoder.features(wave))
    torch.testing.assert_close(content, found.content)
    torch.testing.assert_close(encoder.phone_scores(content).transpose(1, 2), found.log_probs)
    labels = encoder.label_scores(content)
    torch.testing.assert_close(labels.exp().sum(1), torch.ones(1, 50))
    assert not torch.allclose(labels, encoder.phone_scores(content))


def test_what_the_mask_hides_is_silence() -> None:
    encoder = build(CONTENT).eval()
    wave, mask = 0.1 * torch.randn(1, 1, 16000), torch.ones(1, 1, 16000)
    mask[..., 8000:] = 0
    cut = wave.clone()
    cut[..., 8000:] = 0
    torch.testing.assert_close(encoder(wave, mask).content, encoder(cut).content)
    assert not torch.allclose(encoder(wave).content, encoder(cut).content)


def test_verifier_gives_points_on_the_sphere_for_any_length() -> None:
    network = build(VERIFIER)
    for samples in (4000, 16000, 50001):
        assert network(torch.randn(2, 1, samples) * 0.1).norm(dim=1).tolist() == pytest.approx([1.0, 1.0], abs=1e-5)


def test_verifier_does_not_depend_on_the_level() -> None:
    network, wave = build(VERIFIER).eval(), torch.randn(1, 1, 16000)
    torch.testing.assert_close(network(0.2 * wave), network(wave), rtol=1e-2, atol=1e-2)


def test_weighted_statistics_of_equal_weights_are_the_plain_ones() -> None:
    x = torch.randn(2, 3, 50)
    plain = torch.cat([x.mean(-1), x.std(-1, unbiased=False)], dim=1)
    torch.testing.assert_close(weighted_statistics(x, torch.full((2, 1, 50), 1 / 50)), plain, rtol=1e-4, atol=1e-5)
    one = torch.zeros(2, 1, 50)
    one[..., 7] = 1
    found = weighted_statistics(x, one)
    torch.testing.assert_close(found[:, :3], x[..., 7])
    assert found[:, 3:].max() < 2e-3
