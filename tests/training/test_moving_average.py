"""The moving average of weights, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gsv_lab.training.moving_average import MovingAverage


class Counted(nn.Module):
    """One weight, and a number that is no weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("steps", torch.tensor(0))


def averaged(average: MovingAverage, module: Counted, values: list[float]) -> list[float]:
    """The average after each of some values of the weight."""
    found = []
    for value in values:
        nn.init.constant_(module.weight, value)
        module.steps += 1
        average.update(module)
        found.append(average.tensors["weight"].item())
    return found


def test_a_step_keeps_its_share() -> None:
    module = Counted()
    found = averaged(MovingAverage(0.75, warm_up=False), module, [4.0, 8.0, 0.0])
    assert found == pytest.approx([4.0, 5.0, 3.75])


def test_the_first_steps_are_followed_closely() -> None:
    """Shares (1 + n) / (10 + n), until the given one is smaller."""
    found = averaged(MovingAverage(0.26), Counted(), [4.0, 8.0, 0.0, 0.0])
    second = 4.0 * 3 / 12 + 8.0 * 9 / 12
    assert found == pytest.approx([4.0, second, second * 0.26, second * 0.26**2])
    assert averaged(MovingAverage(), Counted(), [4.0, 8.0]) == pytest.approx([4.0, second])


def test_it_is_applied_for_a_while() -> None:
    module, average = Counted(), MovingAverage(0.75, warm_up=False)
    with average.applied(module):  # nothing is known yet
        assert module.weight.item() == 0
    averaged(average, module, [4.0, 8.0])
    with pytest.raises(RuntimeError, match="inside"), average.applied(module):
        assert module.weight.item() == 5 and module.steps == 2  # what is no weight is that of the last step
        raise RuntimeError("inside")
    assert module.weight.item() == 8


def test_it_goes_on_from_its_state() -> None:
    straight, first, second = MovingAverage(0.9), MovingAverage(0.9), MovingAverage(0.9)
    module = Counted()
    expected = averaged(straight, module, [1.0, 2.0, 3.0, 4.0])
    averaged(first, module, [1.0, 2.0])
    second.load_state_dict(first.state_dict())
    assert averaged(second, module, [3.0, 4.0]) == pytest.approx(expected[2:])
