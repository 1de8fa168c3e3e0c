"""Attention against torch's own, relative positions against loops, and masks against cutting."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.probe import probe
from gsv_lab.nn.interfaces import Conditioning, Features, StreamChunk
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.nn.posterior import WaveNetPosterior
from gsv_lab.nn.prior import TextContentPrior
from gsv_lab.nn.speaker_encoder import StyleEncoder
from gsv_lab.nn.transformer import EncoderStack, MultiHeadAttention


def test_agrees_with_torch() -> None:
    """The same weights in `torch.nn.MultiheadAttention` give the same output and pattern, watched or not."""
    ours, theirs = MultiHeadAttention(12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        parts = (ours.query, ours.key, ours.value)
        theirs.in_proj_weight.copy_(torch.cat([p.weight[..., 0] for p in parts]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in parts]))
        theirs.out_proj.weight.copy_(ours.out.weight[..., 0])
        theirs.out_proj.bias.copy_(ours.out.bias)
    query, context, mask = torch.randn(2, 12, 5), torch.randn(2, 12, 9), sequence_mask(torch.tensor([9, 6]))
    x, y = query.transpose(1, 2), context.transpose(1, 2)
    expected, pattern = theirs(x, y, y, key_padding_mask=~mask[:, 0], average_attn_weights=False)
    unwatched = ours(query, context, mask)
    torch.testing.assert_close(unwatched, expected.transpose(1, 2), rtol=1e-5, atol=1e-6)
    with probe(ours, "pattern") as records:
        watched = ours(query, context, mask)
    assert torch.equal(watched, unwatched)
    torch.testing.assert_close(records["pattern"].steps[0], pattern.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_frames", [1, 2, 4, 9])
def test_relative_positions_by_loops(n_frames: int) -> None:
    """Scores and outputs get the table's entry of the distance, and nothing beyond the window."""
    window, heads, size = 3, 2, 4
    attention = MultiHeadAttention(heads * size, heads, window)
    x = torch.randn(1, heads * size, n_frames)
    q, k, v = (f(x)[0].view(heads, size, n_frames) for f in (attention.query, attention.key, attention.value))
    mixed = torch.zeros(heads, size, n_frames)
    for h in range(heads):
        for i in range(n_frames):
            near = [j for j in range(n_frames) if abs(j - i) <= window]
            scores = torch.stack([q[h, :, i] @ k[h, :, j] for j in range(n_frames)])
            for j in near:
                scores[j] = scores[j] + q[h, :, i] @ attention.relative_keys[0, j - i + window]
            weights = (scores * size**-0.5).softmax(0)
            mixed[h, :, i] = sum(weights[j] * v[h, :, j] for j in range(n_frames))
            mixed[h, :, i] += sum(weights[j] * attention.relative_values[0, j - i + window] for j in near)
    expected = attention.out(mixed.reshape(1, -1, n_frames))
    torch.testing.assert_close(attention(x, x), expected, rtol=1e-4, atol=1e-5)


def test_nothing_to_look_at_gives_numbers() -> None:
    """An item whose keys are all masked must not poison a batch."""
    attention = MultiHeadAttention(8, 2)
    out = attention(torch.randn(2, 8, 3), torch.randn(2, 8, 4), sequence_mask(torch.tensor([4, 0])))
    assert out.isfinite().all()


def test_dropout_only_in_training() -> None:
    """Two training passes differ, two evaluations do not; with and without relative positions."""
    for window in (None, 2):
        attention, x = MultiHeadAttention(8, 2, window, dropout=0.5), torch.randn(1, 8, 6)
        assert not torch.equal(attention(x, x), attention(x, x))
        attention.eval()
        assert torch.equal(attention(x, x), attention(x, x))


def test_width_must_be_divisible() -> None:
    """The error names both numbers."""
    with pytest.raises(ConfigError, match="10.*3"):
        MultiHeadAttention(10, 3)


def prior() -> TextContentPrior:
    return TextContentPrior(6, 4, 4, 9, 8, 16, 2, (1, 1, 1), 3, 8, 2).eval()


def test_padding_does_not_reach_valid_frames() -> None:
    """Stack, posterior, speaker encoder and prior give an item alone what they give it in a padded batch."""
    short, total = 7, 12
    mask = sequence_mask(torch.tensor([total, short]))
    x, speaker = torch.randn(2, 6, total) * 3, torch.randn(2, 4, 1)
    phones, phone_mask = torch.randint(9, (2, 6)), sequence_mask(torch.tensor([6, 4]))
    stack = EncoderStack(2, 6, 12, 2).eval()
    posterior = WaveNetPosterior(6, 4, 4, 8, 3).eval()
    style = StyleEncoder(6, 5, width=8).eval()
    joined = prior()
    for f in (
        lambda v, m, c, n: stack(v, m),
        lambda v, m, c, n: posterior(Features(v), m, c, torch.zeros(len(v), 4, v.shape[-1])).log_scale,
        lambda v, m, c, n: style(Features(v), m),
        lambda v, m, c, n: joined(v, m, phones[n:], phone_mask[n:], c).mean,
    ):
        batch = f(x, mask, Conditioning(speaker), 0)
        alone = f(x[1:, :, :short], mask[1:, :, :short], Conditioning(speaker[1:]), 1)
        torch.testing.assert_close(batch[1:, :, : alone.shape[-1]], alone, rtol=1e-4, atol=1e-5)
    given = Conditioning(speaker[1:])
    alone = joined(x[1:], mask[1:], phones[1:, :4], None, given).mean
    batch = joined(x[1:], mask[1:], phones[1:], phone_mask[1:], given).mean
    torch.testing.assert_close(batch, alone, rtol=1e-4, atol=1e-5)


def test_released_speaker_encoder_leaks_padding() -> None:
    """The option that reproduces the released behaviour does what its name says: padding reaches valid frames."""
    x, mask = torch.randn(1, 6, 12), sequence_mask(torch.tensor([7]), 12)
    for masked, same in ((True, True), (False, False)):
        torch.manual_seed(1)
        style = StyleEncoder(6, 5, width=8, mask_convolutions=masked).eval()
        assert torch.allclose(style(Features(x), mask), style(Features(x[..., :7])), atol=1e-5) == same


def test_stream_of_the_prior() -> None:
    """Frames that are dropped are not seen by the last stack, and a cross-fade keeps identical frames' shape."""
    part, given = prior(), Conditioning(torch.randn(1, 4, 1))
    x, phones = torch.randn(1, 6, 12), torch.randint(9, (1, 5))
    whole = part(x, None, phones, None, given)
    chunk = part(x, None, phones, None, given, chunk=StreamChunk(drop_last=2, keep_last=6))
    assert chunk.mean.shape[-1] == chunk.mask.shape[-1] == 6
    with probe(part, "fused_stack.layers.0.residual") as records:
        part(x, None, phones, None, given, chunk=StreamChunk(drop_last=2))
    assert records["fused_stack.layers.0.residual"].value.shape[-1] == 10
    faded = part(x, None, phones, None, given, chunk=StreamChunk(keep_last=6, previous=whole.hidden[..., 6:9]))
    window = torch.sin(torch.arange(6) * torch.pi / 6)
    expected = whole.hidden[..., 6:9] * (window[:3] + window[3:])
    torch.testing.assert_close(faded.hidden[..., :3], expected)
    torch.testing.assert_close(faded.hidden[..., 3:], whole.hidden[..., 9:])
