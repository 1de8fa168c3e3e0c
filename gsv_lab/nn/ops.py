"""Small functions on tensors that several networks share: masks, slices, padding, resizing in time.

Nothing here has parameters, and nothing is written in place.
Letters: B batch, C channels, F frames.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def sequence_mask(lengths: Tensor, n_frames: int | None = None) -> Tensor:
    """True for the first `lengths[b]` frames of every item.

    (B,) int64 -> (B, 1, F) bool; F is `n_frames`, or the greatest length.
    """
    if n_frames is None:
        n_frames = int(lengths.max())
    frames = torch.arange(n_frames, device=lengths.device)
    mask = frames < lengths[:, None]
    return mask[:, None]


def full_mask(x: Tensor) -> Tensor:
    """A mask that lets every frame of `x` pass: (B, C, F) -> (B, 1, F) of ones, in the type of `x`."""
    return x.new_ones(x.shape[0], 1, x.shape[-1])


def segment_starts(
    lengths: Tensor,
    size: int,
    rand: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Random first frames of a segment of `size` frames, one for each item.

    (B,) -> (B,) int64, uniform over 0 .. length - size. An item shorter than `size` starts at 0; the slice is then
    zero-padded.

    Args:
        lengths: valid frames of each item.
        size: frames of the segment.
        rand: uniform numbers in [0, 1) to use instead of drawing, (B,).
        generator: source of randomness where `rand` is not given.
    """
    if rand is None:
        device = drawing_device(lengths, generator)
        rand = torch.rand(lengths.shape, generator=generator, device=device)
        rand = rand.to(lengths.device)
    choices = (lengths - size + 1).clamp(min=1)
    return (rand * choices).long()


def take_segments(
    x: Tensor,
    starts: Tensor,
    size: int,
    factor: int = 1,
) -> Tensor:
    """Cut one segment out of every item.

    (B, C, F * factor) -> (B, C, size * factor); `factor` is the number of frames of `x` for one frame that `starts`
    counts, for example the hop length when a wave is cut at latent frames. What lies behind the end of `x` is zero.
    """
    offsets = torch.arange(size * factor, device=x.device)
    index = starts[:, None] * factor + offsets
    missing = int(index.max()) + 1 - x.shape[-1]
    if missing > 0:
        x = functional.pad(x, (0, missing))
    index = index[:, None].expand(-1, x.shape[1], -1)
    return x.gather(-1, index)


def fit_frames(x: Tensor, n_frames: int) -> Tensor:
    """Cut, or repeat the last frame, until `x` has `n_frames` frames: (B, C, F) -> (B, C, n_frames).

    Content encoders with unpadded convolutions give a frame less than the spectrogram of the same wave.
    """
    missing = n_frames - x.shape[-1]
    if missing <= 0:
        return x[..., :n_frames]
    last = x[..., -1:]
    repeated = last.expand(*x.shape[:-1], missing)
    return torch.cat((x, repeated), dim=-1)


def resize_frames(x: Tensor, n_frames: int, mode: str = "linear") -> Tensor:
    """Stretch in time to `n_frames`: (B, C, F) -> (B, C, n_frames). `mode` is "linear" or "nearest" (masks)."""
    if x.dtype == torch.bool:
        resized = functional.interpolate(x.float(), size=n_frames, mode=mode)
        return resized.bool()
    return functional.interpolate(x, size=n_frames, mode=mode)


def crossfade_head(x: Tensor, previous: Tensor) -> Tensor:
    """Blend the first frames of `x` with the frames that stood there before, so that two chunks join smoothly.

    x (B, C, F), previous (B, C, N) with N <= F -> (B, C, F). The weights are the rising and the falling half of a sine
    window of 2 N points, as the released models use them; their squares, not they themselves, add up to one.
    """
    n = previous.shape[-1]
    points = torch.arange(2 * n, device=x.device, dtype=x.dtype)
    window = torch.sin(points * (torch.pi / (2 * n)))
    head = window[:n] * x[..., :n] + window[n:] * previous
    return torch.cat((head, x[..., n:]), dim=-1)


def standard_normal(like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Standard normal numbers in the shape, type and place of `like`, drawn on the generator's own device."""
    drawn = torch.randn(
        like.shape,
        generator=generator,
        device=drawing_device(like, generator),
        dtype=torch.float32,
    )
    return drawn.to(like)


def drawing_device(like: Tensor, generator: torch.Generator | None) -> torch.device:
    """The generator's own device, so that a seed draws the same everywhere; that of `like` without a generator."""
    return like.device if generator is None else generator.device
