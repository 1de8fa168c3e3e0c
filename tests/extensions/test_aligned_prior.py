"""The prior with aligned phones: places in phones, codes that are silenced and exchanged in training."""

from __future__ import annotations

import math

import pytest
import torch

from gsv_lab.extensions.aligned_prior import AlignedPrior, place_in_phone
from gsv_lab.hooks import probe, zero
from gsv_lab.nn.interfaces import Conditioning, StreamChunk

B, D, C, G, P, F = 4, 6, 5, 3, 7, 24


def prior(**options: float) -> AlignedPrior:
    torch.manual_seed(0)
    return AlignedPrior(D, C, G, 11, width=8, layers=(1, 2), kernel=5, **options).eval()


def given(phone_index: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor, Conditioning]:
    """Content, phones and conditioning of a batch whose phones last four frames each, if not said otherwise."""
    torch.manual_seed(1)
    if phone_index is None:
        phone_index = (torch.arange(F) // 4).expand(B, -1)
    speaker = torch.randn(B, G, 1)
    return torch.randn(B, D, F), torch.randint(11, (B, P)), Conditioning(speaker, phone_index=phone_index)


def test_place_in_phone() -> None:
    share, length, since = place_in_phone(torch.tensor([[0, 0, 0, 0, 2, 3, 3, *[4] * 12]]))[0]
    assert share[:7].tolist() == [0.125, 0.375, 0.625, 0.875, 0.5, 0.25, 0.75]
    torch.testing.assert_close(length[[0, 4, 5, 8]], torch.tensor([4.0, 1.0, 2.0, 12.0]).log() / 2)
    torch.testing.assert_close(since[:7], torch.tensor([1, 2, 3, 4, 1, 1, 2]) / 10)
    assert since[-1] == 1 and since[7] == pytest.approx(0.1)
    assert place_in_phone(torch.tensor([[3]])).flatten().tolist() == pytest.approx([0.5, 0.0, 0.1])


def test_every_frame_gets_its_own_phone() -> None:
    """Another phone at the end of the text changes frames near it, and none that are out of reach."""
    net = prior()
    quantized, phones, conditioning = given()
    other = phones.clone()
    other[:, 5] = (other[:, 5] + 1) % 11
    with torch.no_grad():
        before = net(quantized, None, phones, None, conditioning).mean
        after = net(quantized, None, other, None, conditioning).mean
    changed = (before != after).any(1)
    assert changed[:, 20:24].all()
    assert not changed[:, :8].any()


def test_which_phone_a_frame_gets_can_be_seen_and_changed() -> None:
    net = prior()
    quantized, phones, conditioning = given(torch.tensor([*[0] * 8, -1, -1, *[5] * 8, *[6] * 6]).repeat(B, 1))
    with torch.no_grad(), probe(net, "phone_alignment", "own_phone") as records:
        net(quantized, None, phones, None, conditioning)
    alignment, own = records["phone_alignment"].value, records["own_phone"].value
    assert alignment.shape == (B, F, P) and set(alignment.unique().tolist()) == {0.0, 1.0}
    known = conditioning.phone_index >= 0
    assert torch.equal(alignment.argmax(-1)[known], conditioning.phone_index[known])
    assert not alignment[~known].any() and not own.transpose(1, 2)[~known].any()
    with torch.no_grad(), probe(net, "own_phone", edits=[zero("phone_alignment", phone=5)]) as edited:
        net(quantized, None, phones, None, conditioning)
    changed = (edited["own_phone"].value != own).any(1)
    assert torch.equal(changed, conditioning.phone_index == 5)


def test_unknown_phones_say_nothing() -> None:
    net = prior()
    quantized, phones, conditioning = given(torch.full((B, F), -1))
    with torch.no_grad():
        found = net(quantized, None, phones, None, conditioning).mean
        unlike = net(quantized, None, (phones + 1) % 11, None, conditioning).mean
        none = net(quantized, None, phones, None, conditioning._replace(phone_index=None)).mean
    assert torch.equal(found, unlike) and torch.equal(found, none)


@pytest.mark.parametrize(("dropout", "swap"), [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1.0, 1.0)])
def test_codes_are_silenced_and_exchanged_in_training_only(dropout: float, swap: float) -> None:
    net = prior(content_dropout=dropout, content_swap=swap)
    quantized, phones, conditioning = given()
    seen = {}
    for training in (True, False):
        net.train(training)
        with torch.no_grad(), probe(net, "content") as records:
            net(quantized, None, phones, None, conditioning)
        seen[training] = records["content"].value
    true = seen[False]
    expected = torch.zeros_like(true) if dropout else true.roll(1, 0) if swap else true
    torch.testing.assert_close(seen[True], expected)
    assert true.abs().sum() > 0


def test_a_prior_that_reads_no_codes() -> None:
    quantized, phones, conditioning = given()
    for reads in (True, False):
        net = prior(reads_codes=reads)
        with torch.no_grad():
            one, two = (net(x, None, phones, None, conditioning).mean for x in (quantized, -quantized))
        assert torch.equal(one, two) != reads


def test_shares_are_of_whole_clips() -> None:
    net = AlignedPrior(D, C, G, 11, width=8, layers=(0, 0), content_dropout=0.5, content_swap=0.0).train()
    quantized = torch.randn(400, D, 4)
    silent = (net._content(quantized) == 0).flatten(1)
    assert (silent.all(1) == silent.any(1)).all()
    assert 0.4 < silent.all(1).float().mean() < 0.6


def test_padding_changes_nothing() -> None:
    net = prior()
    quantized, phones, conditioning = given()
    mask = (torch.arange(F) < 16).float().expand(B, 1, -1)
    phone_mask = (torch.arange(P) < 4).float().expand(B, 1, -1)
    with torch.no_grad():
        padded = net(quantized, mask, phones, phone_mask, conditioning)
        short = conditioning._replace(phone_index=conditioning.phone_index[:, :16])
        alone = net(quantized[..., :16], None, phones[:, :4], None, short)
    torch.testing.assert_close(padded.mean[..., :16], alone.mean)
    assert padded.mean[..., 16:].abs().sum() == 0


def test_speed_and_stream() -> None:
    net = prior()
    quantized, phones, conditioning = given()
    with torch.no_grad():
        whole = net(quantized, None, phones, None, conditioning)
        fast = net(quantized, None, phones, None, conditioning, 1.5)
        last = net(quantized, None, phones, None, conditioning, chunk=StreamChunk(keep_last=6))
        cut = net(quantized, None, phones, None, conditioning, chunk=StreamChunk(drop_last=5, keep_last=6))
    assert fast.mean.shape[-1] == math.floor(F / 1.5) + 1 == fast.mask.shape[-1]
    torch.testing.assert_close(last.mean, whole.mean[..., -6:])
    assert cut.hidden.shape == (B, net.hidden_dim, 6)
    assert not torch.allclose(cut.mean, whole.mean[..., -11:-5])
