"""Small tensor functions, by hand."""

from __future__ import annotations

import torch

from gsv_lab.nn.ops import (
    crossfade_head,
    fit_frames,
    resize_frames,
    segment_starts,
    sequence_mask,
    standard_normal,
    take_segments,
)


def test_sequence_mask() -> None:
    """True where frames are valid."""
    assert sequence_mask(torch.tensor([2, 3])).tolist() == [[[True, True, False]], [[True, True, True]]]
    assert sequence_mask(torch.tensor([1]), 3).tolist() == [[[True, False, False]]]


def test_starts_are_uniform_and_in_range() -> None:
    """Every possible start is drawn, none beyond; items shorter than the segment start at 0; a seed repeats."""
    lengths = torch.full((4000,), 8)
    starts = segment_starts(lengths, 5, generator=torch.Generator().manual_seed(0))
    assert starts.unique().tolist() == [0, 1, 2, 3] and starts.bincount().min() > 900
    assert torch.equal(starts, segment_starts(lengths, 5, generator=torch.Generator().manual_seed(0)))
    assert segment_starts(torch.tensor([3]), 5, torch.tensor([0.99])).tolist() == [0]


def test_segments_of_latents_and_wave_agree() -> None:
    """A wave cut with the hop as its factor holds the samples of the latent frames; behind the end are zeros."""
    frames, wave = torch.arange(10.0).view(1, 1, 10), torch.arange(40.0).view(1, 1, 40)
    starts = torch.tensor([7])
    assert take_segments(frames, starts, 3).flatten().tolist() == [7, 8, 9]
    assert take_segments(wave, starts, 3, 4).flatten().tolist() == list(range(28, 40))
    assert take_segments(frames, torch.tensor([8]), 4).flatten().tolist() == [8, 9, 0, 0]


def test_fit_and_resize() -> None:
    """The last frame is repeated; masks stay masks."""
    x = torch.tensor([[[1.0, 2.0, 3.0]]])
    assert fit_frames(x, 5).flatten().tolist() == [1, 2, 3, 3, 3] and fit_frames(x, 2).flatten().tolist() == [1, 2]
    assert torch.equal(fit_frames(x, 3), x)
    mask = resize_frames(torch.tensor([[[True, True, False, False]]]), 8, "nearest")
    assert mask.dtype == torch.bool and mask.flatten().tolist() == [True] * 4 + [False] * 4


def test_crossfade() -> None:
    """From the old frames to the new; squares of the weights add up to one; nothing is written in place."""
    new, old = torch.zeros(1, 1, 6), torch.ones(1, 1, 4)
    out = crossfade_head(new, old)
    assert out[0, 0, 0] == 1 and bool((out[0, 0, :4].diff() < 0).all()) and out[0, 0, 4:].tolist() == [0, 0]
    weights_new = crossfade_head(torch.ones(1, 1, 6), torch.zeros(1, 1, 4))[0, 0, :4]
    torch.testing.assert_close(weights_new.square() + out[0, 0, :4].square(), torch.ones(4))
    assert new.abs().sum() == 0


def test_noise_is_the_same_for_a_seed() -> None:
    """Also in another type than single precision."""
    like = torch.zeros(2, 3, dtype=torch.bfloat16)
    a, b = (standard_normal(like, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(a, b) and a.dtype == torch.bfloat16
