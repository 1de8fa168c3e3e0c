"""A probe belongs to its thread: what another thread calculates is neither edited nor recorded nor slowed down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import pytest
import torch

from gsv_lab.errors import HookError
from gsv_lab.hooks import probe, scale, watched
from gsv_lab.hooks.tap import ALL_TAPS
from gsv_lab.nn.gpt_layer import SelfAttention

from . import small

T = TypeVar("T")


def elsewhere(call: Callable[[], T]) -> T:
    """What a call gives in a thread of its own."""
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join()
    return found[0]


def test_an_edit_changes_its_own_thread_only() -> None:
    lab, x = small.Lab(), small.sound()
    plain = lab.speak(x)
    with probe(lab, "prior.mean", edits=[scale("prior.mean", 0.0)]) as records:
        assert torch.equal(elsewhere(lambda: lab.speak(x)), plain)
        assert elsewhere(watched) == [] and watched() == ["prior.mean"] and not records
        assert not torch.equal(lab.speak(x), plain)
    assert len(records["prior.mean"]) == 1


def test_an_edit_that_only_another_thread_passes_is_no_error() -> None:
    lab, x = small.Lab(), small.sound()
    plain = lab.speak(x)
    with probe(lab, edits=[scale("prior.mean", 0.0)]):
        assert torch.equal(elsewhere(lambda: lab.speak(x)), plain)
    with pytest.raises(HookError) as caught, probe(lab, edits=[scale("prior.mean", 0.0)]):
        pass
    assert caught.value.code == "EDIT_UNUSED"
    assert not any(point.observers or point.claims for point in ALL_TAPS)


def test_two_threads_probe_one_model_at_once() -> None:
    lab, x = small.Lab(), small.sound()

    def halved() -> torch.Tensor:
        with probe(lab, "prior.mean", edits=[scale("prior.mean", 0.5)]) as records:
            lab.speak(x)
            with pytest.raises(HookError, match="in this thread"), probe(lab, "prior.mean"):
                pass
        return records["prior.mean"].value

    with probe(lab, "prior.mean") as own:
        half = elsewhere(halved)
        lab.speak(x)
        assert watched() == ["prior.mean"], "the other thread took out its own observer only"
    torch.testing.assert_close(half, 0.5 * own["prior.mean"].value)
    assert not any(point.observers or point.claims for point in ALL_TAPS)


def test_another_thread_keeps_its_fast_path() -> None:
    """Code that asks whether it is watched is told no elsewhere: watched attention rounds in another way."""
    torch.manual_seed(0)
    attention, x = SelfAttention(16, 2).eval(), torch.randn(1, 40, 16)
    plain = attention(x)
    with probe(attention, "pattern"):
        assert attention.pattern.live() is not None and elsewhere(attention.pattern.live) is None
        assert torch.equal(elsewhere(lambda: attention(x)), plain)
        attention(x)


def test_many_threads_edit_at_random_and_none_notices_another() -> None:
    lab, x = small.Lab(), small.sound()
    wanted = {}
    for factor in (0.0, 0.5, 1.0, 2.0):
        with probe(lab, edits=[scale("prior.mean", factor)]):
            wanted[factor] = lab.speak(x)
    wrong: list[float] = []

    def work(factor: float) -> None:
        for _ in range(20):
            with probe(lab, edits=[scale("prior.mean", factor)]):
                if not torch.equal(lab.speak(x), wanted[factor]):
                    wrong.append(factor)

    threads = [threading.Thread(target=work, args=(factor,)) for factor in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
