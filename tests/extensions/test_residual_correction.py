"""Residual correction: errors come back where something alike is said, and nowhere else."""

from __future__ import annotations

import torch
from torch import Tensor

from gsv_lab.extensions.residual_correction import ResidualCorrection
from gsv_lab.hooks import probe


def recording(frames: int = 6, width: int = 8, latent: int = 3) -> tuple[Tensor, Tensor]:
    """Hidden frames of a reference, and how far its latents are from the expected ones."""
    generator = torch.Generator().manual_seed(0)
    hidden, residual = (torch.randn(1, size, frames, generator=generator) for size in (width, latent))
    return hidden, residual


def test_the_same_frames_get_their_own_errors_back() -> None:
    hidden, residual = recording()
    exact, doubtful = (ResidualCorrection(50.0, noise, common=0) for noise in (1e-6, 1.0))
    torch.testing.assert_close(exact(hidden, exact.learn(hidden, residual)), residual, atol=1e-3, rtol=1e-3)
    # As much noise as can be learnt: half of an error that nothing confirms is believed.
    torch.testing.assert_close(doubtful(hidden, doubtful.learn(hidden, residual)), residual / 2, atol=1e-3, rtol=1e-3)


def test_it_predicts_what_a_gaussian_process_would() -> None:
    hidden, residual = recording(frames=12)
    correct = ResidualCorrection(sharpness=3.0, noise=0.5, common=0.2)
    wanted = torch.randn(1, 8, 5)
    shared = hidden.mean(-1, keepdim=True)

    def covariance(one: Tensor, other: Tensor) -> Tensor:
        one, other = ((x - shared)[0].T / (x - shared)[0].T.norm(dim=1, keepdim=True) for x in (one, other))
        return 0.2 + torch.exp(-3.0 / 2 * torch.cdist(one, other).square())

    inverse = torch.linalg.inv(covariance(hidden, hidden) + 0.5 * torch.eye(12))
    expected = (covariance(wanted, hidden) @ inverse @ residual[0].T).T[None]
    torch.testing.assert_close(correct(wanted, correct.learn(hidden, residual)), expected, atol=1e-4, rtol=1e-4)


def test_what_is_unlike_everything_is_left_alone() -> None:
    hidden, residual = recording()
    correct = ResidualCorrection(sharpness=50.0, common=0)
    strange = 2 * hidden.mean(-1, keepdim=True) - hidden[..., :1]
    assert correct(strange, correct.learn(hidden, residual)).abs().max() < 1e-3


def test_what_all_frames_share_is_no_likeness() -> None:
    (hidden, residual), correct = recording(), ResidualCorrection()
    shift = torch.randn(1, 8, 1)
    moved = correct(hidden + shift, correct.learn(hidden + shift, residual))
    torch.testing.assert_close(moved, correct(hidden, correct.learn(hidden, residual)), atol=1e-5, rtol=1e-4)


def test_what_is_said_more_often_is_believed_more() -> None:
    (hidden, residual), correct = recording(), ResidualCorrection()
    once = correct(hidden, correct.learn(hidden, residual))
    often = correct(hidden, correct.learn(hidden.repeat(1, 1, 9), residual.repeat(1, 1, 9)))
    assert often.norm() > 1.3 * once.norm()


def test_of_a_long_recording_evenly_spaced_frames_are_kept() -> None:
    hidden, residual = recording(frames=101)
    kept = ResidualCorrection(max_frames=11).learn(hidden, residual)
    assert torch.equal(kept.hidden, hidden[..., ::10]) and kept.weights.shape == (1, 3, 11)


def test_covariance_and_correction_can_be_watched() -> None:
    (hidden, residual), correct = recording(), ResidualCorrection()
    with probe(correct, "covariance", "correction") as record:
        made = correct(hidden[..., :4], correct.learn(hidden, residual))
    covariance = record["covariance"].steps[0]
    assert covariance.shape[-2:] == (4, 6) and bool((covariance > 0).all()) and float(covariance.max()) <= 1.3 + 1e-5
    torch.testing.assert_close(record["correction"].value, made)
