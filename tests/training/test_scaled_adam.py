"""ScaledAdam by closed forms of single steps, by invariances, and on a small problem."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gsv_lab.training.scaled_adam import ScaledAdam


def walk(start: Tensor, grads: list[Tensor], **options: object) -> list[Tensor]:
    p = nn.Parameter(start.clone())
    optimizer = ScaledAdam([p], **{"lr": 0.01, "betas": (0.9, 0.95), **options})
    path = []
    for grad in grads:
        p.grad = grad.clone()
        optimizer.step()
        path.append(p.detach().clone())
    return path


def test_first_step_is_a_tenth_of_lr_times_the_size() -> None:
    """At step 0 g / sqrt(v) is the sign of g, so each value moves by lr (1 - b1) rms(p)."""
    start, grad = torch.tensor([3.0, -4.0, 0.0, 5.0]), torch.tensor([1e-3, -2.0, 40.0, -0.5])
    rms = start.square().mean().sqrt()
    after = walk(start, [grad])[0]
    torch.testing.assert_close(after, (start - 0.01 * 0.1 * rms * grad.sign()).clamp(-10, 10), rtol=1e-4, atol=1e-6)


def test_momentum_is_kept_in_the_step() -> None:
    """Equal gradients: step n moves 1 - b1^(n+1) times as far as the settled step (before sizes move at step 3)."""
    start, grad = torch.tensor([1.0, -1.0, 1.0, -1.0]), torch.tensor([0.5, 0.5, -0.5, -0.5])
    path = [start, *walk(start, [grad] * 3)]
    moves = [(after - before).abs().mean() for before, after in zip(path, path[1:], strict=False)]
    for n, move in enumerate(moves):
        torch.testing.assert_close(move, torch.tensor(0.01 * (1 - 0.9 ** (n + 1))), rtol=1e-4, atol=1e-8)


def test_relative_steps_do_not_depend_on_size_or_gradient_scale() -> None:
    torch.manual_seed(0)
    start, grads = torch.randn(4, 3), [torch.randn(4, 3) for _ in range(12)]
    plain = walk(start, grads, max_rms=1e9)
    # Values twenty times as large see gradients a twentieth as large: the same function of log-size.
    large = walk(20 * start, [g / 20 for g in grads], max_rms=1e9)
    louder = walk(start, [1000 * g for g in grads], max_rms=1e9)
    torch.testing.assert_close(large[-1] / 20, plain[-1], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(louder[-1], plain[-1], rtol=1e-4, atol=1e-6)


def test_size_is_learned_and_bounded() -> None:
    """A gradient along -p grows the tensor, one along p shrinks it; sizes stop at the bounds."""
    start = torch.tensor([0.5, -0.5, 0.5, 0.5])
    outward = walk(start, [-start] * 40, lr=0.05, scalar_rate=1.0)[-1]
    inward = walk(start, [start] * 40, lr=0.05, scalar_rate=1.0)[-1]
    assert outward.norm() > start.norm() > inward.norm()
    # Without learning of sizes the same gradient moves less.
    assert outward.norm() > walk(start, [-start] * 40, lr=0.05, scalar_rate=0.0)[-1].norm()
    # The bound holds sizes back; what the plain steps add comes on top.
    held = walk(start, [-start] * 40, lr=0.05, scalar_rate=1.0, max_rms=0.6)[-1]
    assert held.norm() < outward.norm()


def test_one_element_takes_plain_adam_steps() -> None:
    path = walk(torch.tensor([2.0]), [torch.tensor([3.0])] * 2)
    torch.testing.assert_close(path[0], torch.tensor([2.0 - 0.001 * 0.1]))
    torch.testing.assert_close(path[1], path[0] - 0.001 * 0.19)
    assert walk(torch.tensor([50.0]), [torch.zeros(1)], scalar_max=10.0)[0].item() == 10.0


@pytest.mark.parametrize("sizes_only", [False, True])
def test_clipping_holds_an_outlier_to_the_median(sizes_only: bool) -> None:
    """Step 12 moves no size, so that clipping which reaches sizes only lets it pass in full."""
    torch.manual_seed(0)
    start, grads = torch.randn(6), [torch.randn(6) for _ in range(12)]
    options = {"clipping_scale": 2.0, "clipping_period": 4, "clip_sizes_only": sizes_only}
    calm = walk(start, [*grads, grads[3]], **options)
    clipped, free = (walk(start, [*grads, 100 * grads[3]], **o) for o in (options, {}))
    moves = [(path[12] - path[11]).norm() for path in (calm, clipped, free)]
    if sizes_only:
        torch.testing.assert_close(moves[1], moves[2], rtol=0.02, atol=1e-4)
    else:
        assert moves[0] < moves[1] < 0.85 * moves[2]


def test_nothing_is_clipped_before_the_first_period() -> None:
    torch.manual_seed(0)
    start, grads = torch.randn(6), [torch.randn(6) for _ in range(4)]
    grads[2] *= 100
    clipped = walk(start, grads, clipping_scale=2.0, clipping_period=4)
    assert torch.equal(clipped[-1], walk(start, grads)[-1])


def test_resume_is_the_straight_run() -> None:
    torch.manual_seed(1)
    grads = [[torch.randn(3, 2), torch.randn(1)] for _ in range(14)]

    def run(break_at: int | None) -> list[Tensor]:
        torch.manual_seed(2)
        params = [nn.Parameter(torch.randn(3, 2)), nn.Parameter(torch.randn(1))]
        optimizer = ScaledAdam(params, lr=0.02, clipping_scale=2.0, clipping_period=5)
        for n, step in enumerate(grads):
            if n == break_at:
                state = optimizer.state_dict()
                params = [nn.Parameter(p.detach().clone()) for p in params]
                optimizer = ScaledAdam(params, lr=0.5, clipping_scale=2.0, clipping_period=5)
                optimizer.load_state_dict(state)
            for p, grad in zip(params, step, strict=True):
                p.grad = grad.clone()
            optimizer.step()
        return [p.detach() for p in params]

    for straight, resumed in zip(run(None), run(8), strict=True):
        assert torch.equal(straight, resumed)


def test_parameters_without_gradient_stay() -> None:
    p, q = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    p.grad = torch.ones(3)
    optimizer = ScaledAdam([p, q], clipping_scale=2.0)
    optimizer.step()
    assert torch.equal(q.detach(), torch.ones(3)) and not torch.equal(p.detach(), torch.ones(3))


def test_fits_a_line() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 4)
    y = x @ torch.tensor([[1.0], [-2.0], [0.5], [0.0]]) + 0.3
    model = nn.Linear(4, 1)
    optimizer = ScaledAdam(model.parameters(), lr=0.05, betas=(0.9, 0.95))
    losses = []
    for _ in range(400):
        optimizer.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        losses.append(float(loss.detach()))
        optimizer.step()
    assert losses[-1] < 0.01 * losses[0]


@pytest.mark.parametrize(
    "bad", [{"lr": -1}, {"betas": (0.9, 1.0)}, {"clipping_period": 0}, {"size_period": 0}], ids=str
)
def test_bad_options(bad: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        ScaledAdam([nn.Parameter(torch.ones(1))], **bad)
