"""What is remembered of a recording: errors come back where something alike is said, and nowhere else."""

from __future__ import annotations

import torch
from torch import Tensor

from gsv_lab.extensions.residual_correction import ReferenceMemory
from gsv_lab.hooks import probe


def recording(frames: int = 6, width: int = 8, latent: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    hidden, surprise = (torch.randn(1, size, frames, generator=generator) for size in (width, latent))
    return hidden, surprise


def test_the_same_frames_get_their_own_errors_back() -> None:
    hidden, surprise = recording()
    exact, doubtful = (ReferenceMemory(50.0, noise, common=0) for noise in (1e-6, 1.0))
    torch.testing.assert_close(exact(hidden, exact.learn(hidden, surprise)), surprise, atol=1e-3, rtol=1e-3)
    # As much noise as can be learnt: half of an error that nothing confirms is believed.
    torch.testing.assert_close(doubtful(hidden, doubtful.learn(hidden, surprise)), surprise / 2, atol=1e-3, rtol=1e-3)


def test_it_predicts_what_a_gaussian_process_would() -> None:
    hidden, surprise = recording(frames=12)
    memory = ReferenceMemory(sharpness=3.0, noise=0.5, common=0.2)
    wanted = torch.randn(1, 8, 5)
    shared = hidden.mean(-1, keepdim=True)

    def covariance(one: Tensor, other: Tensor) -> Tensor:
        one, other = ((x - shared)[0].T / (x - shared)[0].T.norm(dim=1, keepdim=True) for x in (one, other))
        return 0.2 + torch.exp(-3.0 / 2 * torch.cdist(one, other).square())

    inverse = torch.linalg.inv(covariance(hidden, hidden) + 0.5 * torch.eye(12))
    expected = (covariance(wanted, hidden) @ inverse @ surprise[0].T).T[None]
    torch.testing.assert_close(memory(wanted, memory.learn(hidden, surprise)), expected, atol=1e-4, rtol=1e-4)


def test_what_is_unlike_everything_is_left_alone() -> None:
    hidden, surprise = recording()
    memory = ReferenceMemory(sharpness=50.0, common=0)
    strange = 2 * hidden.mean(-1, keepdim=True) - hidden[..., :1]
    assert memory(strange, memory.learn(hidden, surprise)).abs().max() < 1e-3


def test_what_all_frames_share_is_no_likeness() -> None:
    (hidden, surprise), memory = recording(), ReferenceMemory()
    shift = torch.randn(1, 8, 1)
    moved = memory(hidden + shift, memory.learn(hidden + shift, surprise))
    torch.testing.assert_close(moved, memory(hidden, memory.learn(hidden, surprise)), atol=1e-5, rtol=1e-4)


def test_what_is_heard_more_often_is_believed_more() -> None:
    (hidden, surprise), memory = recording(), ReferenceMemory()
    once = memory(hidden, memory.learn(hidden, surprise))
    often = memory(hidden, memory.learn(hidden.repeat(1, 1, 9), surprise.repeat(1, 1, 9)))
    assert often.norm() > 1.3 * once.norm()


def test_of_a_long_recording_evenly_spaced_frames_are_remembered() -> None:
    hidden, surprise = recording(frames=101)
    known = ReferenceMemory(most=11).learn(hidden, surprise)
    assert torch.equal(known.hidden, hidden[..., ::10]) and known.lesson.shape == (1, 3, 11)


def test_likeness_is_seen() -> None:
    (hidden, surprise), memory = recording(), ReferenceMemory()
    with probe(memory, "pattern", "recalled") as record:
        memory(hidden[..., :4], memory.learn(hidden, surprise))
    pattern = record["pattern"].steps[0]
    assert pattern.shape[-2:] == (4, 6) and bool((pattern > 0).all()) and float(pattern.max()) <= 1.3 + 1e-5
