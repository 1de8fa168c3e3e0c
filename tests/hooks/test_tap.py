"""Taps: free when idle, invisible in the model, never copied along."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import timeit

import pytest
import torch
from torch import nn

from gsv_lab.hooks import Component, Tap, probe, watched

from . import small


def cheapest(call: str, names: dict[str, object], repeats: int = 60, number: int = 500) -> float:
    """Seconds of one call: the fastest of many repeats, the figure that other work on the machine moves least."""
    return min(timeit.repeat(call, globals=names, repeat=repeats, number=number)) / number


def test_an_unwatched_tap_gives_its_argument_back() -> None:
    part, x = small.Attend(), torch.zeros(1, 1, 1, 1)
    assert part.pattern(x) is x and part.pattern.live() is None
    assert part.pattern(None) is None  # not even looked at


def test_an_idle_tap_costs_a_small_part_of_an_identity_module() -> None:
    part, identity, x = small.Attend(), nn.Sequential(nn.Identity()), torch.zeros(1)
    tap = cheapest("part.pattern(x)", {"part": part, "x": x})
    module = cheapest("part[0](x)", {"part": identity, "x": x})
    assert tap < module / 3, f"tap {tap * 1e9:.0f} ns, identity module {module * 1e9:.0f} ns"


def test_taps_do_not_show_in_the_model() -> None:
    part = small.Attend()
    assert list(part.state_dict()) == ["query.weight", "query.bias"]
    assert [name for name, _ in part.named_modules()] == ["", "query"]
    assert "pattern" not in repr(part) and "Tap" not in repr(part)
    assert not any(isinstance(tap, nn.Module) for tap in part.taps().values())


def test_a_class_has_its_own_taps_and_those_of_its_bases() -> None:
    class Wider(small.Attend):
        pattern = Tap("batch head frame phone", rate=50.0)
        extra = Tap("batch")

    part = Wider()
    assert list(part.taps()) == ["pattern", "mixed", "extra"]
    assert part.pattern.tap.axes == ("batch", "head", "frame", "phone") and part.pattern.path == "pattern"
    assert small.Attend().pattern.tap.axes[2:] == ("query", "key")
    assert part.taps()["pattern"] is part.pattern


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "save"])
def test_copies_are_not_watched(how: str) -> None:
    lab = small.Lab()

    def duplicate(model: nn.Module) -> nn.Module:
        if how == "deepcopy":
            return copy.deepcopy(model)
        if how == "pickle":
            return pickle.loads(pickle.dumps(model))
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        return torch.load(file, weights_only=False)

    with probe(lab, "flow.residual") as outer:
        twin = duplicate(lab.flow)
        assert twin.residual.live() is None and twin.residual is not lab.flow.residual
        assert twin.residual.tap.axes == ("batch", "dim", "frame")
        x = small.sound()
        assert torch.equal(twin(x), twin(x)) and not outer
        with probe(twin, "residual") as records:
            assert torch.equal(twin(x), lab.flow(x))
    assert len(records["residual"]) == len(outer["flow.residual"]) == 1


def test_watched_names_what_is_live_however_it_was_attached() -> None:
    lab, loose = small.Lab(), small.Attend()
    assert watched() == []
    with probe(lab, "prior.mean", "flow.*pattern"):
        assert watched() == ["flow.attention.pattern", "prior.mean"]
    loose.mixed.observe(lambda value: value)
    assert watched() == ["mixed"]
    loose.mixed.observe(None)
    assert watched() == []


def test_taps_do_not_keep_a_component_alive() -> None:
    import weakref

    part = small.Prior()
    with probe(part, "mean"):
        part(small.sound())
    gone = weakref.ref(part)
    del part
    gc.collect()
    assert gone() is None


def test_a_component_needs_no_constructor_call() -> None:
    class Forgetful(Component):
        x = Tap("batch")

    assert Forgetful().x(3) == 3
