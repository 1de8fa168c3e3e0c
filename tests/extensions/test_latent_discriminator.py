"""The discriminator of latents: it tells a blurred latent, it listens to the voice, and it teaches the prior alone."""

from __future__ import annotations

import torch

from gsv_lab.extensions.latent_discriminator import LatentDiscriminator
from gsv_lab.extensions.latent_loss import Latents, scaled

B, C, G, F = 4, 6, 3, 30


def discriminator() -> LatentDiscriminator:
    torch.manual_seed(0)
    return LatentDiscriminator(C, G, width=16, dilations=(1, 2))


def latents(blur: float = 0.0) -> Latents:
    """Two draws of noise; `blur` 1 makes the expected one flat."""
    torch.manual_seed(1)
    expected, recorded = torch.randn(B, C, F) * (1 - blur), torch.randn(B, C, F)
    return Latents(expected.requires_grad_(), recorded, torch.ones(B, 1, F), torch.randn(B, G, 1))


def test_one_score_a_frame_and_the_outputs_of_all_layers() -> None:
    found = discriminator()(torch.randn(B, C, F), torch.randn(B, G, 1))
    assert [x.shape for x in found.scores] == [(B, F)]
    assert [x.shape[1] for x in found.features[0]] == [16, 16, 1]
    assert torch.equal(found.features[0][-1][:, 0], found.scores[0])


def test_the_voice_counts() -> None:
    net, latent = discriminator(), torch.randn(B, C, F)
    one, two = (net(latent, torch.full((B, G, 1), value)).scores[0] for value in (0.0, 1.0))
    assert not torch.equal(one, two)


def test_it_learns_to_tell_a_blurred_latent() -> None:
    net, pair = discriminator(), latents(blur=0.8)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    values = []
    for _ in range(30):
        loss = net.loss(pair)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < 0.2 * values[0]
    assert pair.expected.grad is None
    taught = net.terms(pair)
    sharp = net.terms(Latents(pair.recorded, pair.recorded, pair.mask, pair.speaker))
    assert sharp["latent_adversarial"] < 0.3 * taught["latent_adversarial"]
    assert sharp["latent_features"] == 0 < taught["latent_features"]


def test_only_the_expected_latent_is_taught() -> None:
    pair = latents()
    pair.recorded.requires_grad_()
    pair.speaker.requires_grad_()
    sum(discriminator().terms(pair).values()).backward()
    assert pair.expected.grad.abs().sum() > 0
    assert pair.recorded.grad is None and pair.speaker.grad is None


def test_scaled_by_the_recorded_one() -> None:
    """Mean 0 and deviation 1 of each of its channels over what is no padding, and zeros there."""
    recorded = torch.randn(B, C, F) * 7 + 3
    mask = (torch.arange(F) < 20).float().expand(B, 1, -1)
    one, other = scaled(recorded + 1, recorded, mask)
    inside = other[..., :20]
    torch.testing.assert_close(inside.mean((0, 2)), torch.zeros(C), atol=1e-5, rtol=0)
    torch.testing.assert_close(inside.std((0, 2), correction=0), torch.ones(C))
    assert other[..., 20:].abs().sum() == one[..., 20:].abs().sum() == 0
    deviation = recorded[..., :20].std((0, 2), correction=0)
    torch.testing.assert_close((one - other)[0, :, 0], 1 / deviation)
