"""What is remembered of a recording: errors come back where something alike is said, and nowhere else."""

from __future__ import annotations

import torch

from gsv_lab.hooks import probe
from gsv_lab.nn.memory import Memory, ReferenceMemory


def remembered(frames: int = 6, width: int = 8, latent: int = 3) -> Memory:
    generator = torch.Generator().manual_seed(0)
    hidden, surprise = (torch.randn(1, size, frames, generator=generator) for size in (width, latent))
    return Memory(hidden, surprise)


def test_the_same_frames_get_their_own_errors_back() -> None:
    known = remembered()
    recalled = ReferenceMemory(sharpness=50.0)(known.hidden, known)
    torch.testing.assert_close(recalled, known.surprise / 2, atol=1e-3, rtol=1e-3)  # half goes to the empty frame


def test_what_is_unlike_everything_is_left_alone() -> None:
    known = remembered()
    strange = 2 * known.hidden.mean(-1, keepdim=True) - known.hidden[..., :1]
    assert ReferenceMemory(sharpness=50.0)(strange, known).abs().max() < 1e-3


def test_what_all_frames_share_is_no_likeness() -> None:
    known, memory = remembered(), ReferenceMemory()
    shift = torch.randn(1, 8, 1)
    moved = Memory(known.hidden + shift, known.surprise)
    torch.testing.assert_close(memory(known.hidden + shift, moved), memory(known.hidden, known))


def test_more_of_the_same_counts_more_than_the_empty_frame() -> None:
    known, memory = remembered(), ReferenceMemory()
    often = Memory(known.hidden.repeat(1, 1, 9), known.surprise.repeat(1, 1, 9))
    assert memory(known.hidden, often).norm() > 1.3 * memory(known.hidden, known).norm()


def test_shares_are_seen_and_do_not_sum_to_more_than_one() -> None:
    known, memory = remembered(), ReferenceMemory()
    with probe(memory, "pattern", "recalled") as record:
        memory(known.hidden[..., :4], known)
    shares = record["pattern"].steps[0]
    assert shares.shape[-2:] == (4, 6) and bool((shares >= 0).all()) and bool((shares.sum(-1) < 1).all())
