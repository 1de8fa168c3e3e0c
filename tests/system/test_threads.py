"""How many threads torch gets: one for small networks, all for large ones, and what somebody decided stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import nn

import gsv_lab
from gsv_lab.system import threads as module
from gsv_lab.system.threads import given_threads, settle_threads, threads
from gsv_lab.training.fit import fit
from small_runs import tracked_store, trainings
from tiny import make_family

CORES = 3


class Sized(nn.Module):
    """A network that has a number of parameters and no memory for them."""

    def __init__(self, parameters: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(parameters, device="meta"))


SMALL, LARGE = Sized(13_900_000), Sized(52_900_000)


@pytest.fixture(autouse=True)
def undecided(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process of three threads in which nobody has decided."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    torch.set_num_threads(CORES)
    given_threads.cache_clear()
    yield
    torch.set_num_threads(1)
    given_threads.cache_clear()


def test_small_networks_get_one_and_large_ones_all() -> None:
    for network, expected in ((SMALL, 1), (LARGE, CORES), (SMALL, 1), (SMALL, 1), (LARGE, CORES)):
        settle_threads(network)
        assert torch.get_num_threads() == expected
    settle_threads(SMALL, Sized(module.LARGE))
    assert torch.get_num_threads() == CORES


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_a_number_of_the_environment_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, str(CORES))
    settle_threads(SMALL)
    assert torch.get_num_threads() == CORES


def test_a_number_set_by_hand_stays() -> None:
    settle_threads(SMALL)
    torch.set_num_threads(2)
    for network in (SMALL, LARGE):
        settle_threads(network)
        assert torch.get_num_threads() == 2


def test_a_number_for_a_while_ends_with_it_after_an_error_too() -> None:
    with pytest.raises(ZeroDivisionError), threads(2):
        settle_threads(SMALL)
        assert torch.get_num_threads() == 2
        raise ZeroDivisionError
    assert torch.get_num_threads() == CORES
    settle_threads(SMALL)
    assert torch.get_num_threads() == 1


def test_other_libraries_keep_what_the_process_began_with() -> None:
    settle_threads(SMALL)
    assert given_threads() == CORES


def test_a_lab_and_a_training_settle_it(tmp_path: Path) -> None:
    gsv_lab.load(str(make_family(tmp_path / "family")))
    assert torch.get_num_threads() == 1
    torch.set_num_threads(CORES)
    made = trainings(tracked_store(tmp_path / "store"), "automatic")
    seen = []
    for folder, count in (("settled", 0), ("held", 2)):
        with threads(count) if count else nullcontext():
            fit(made, tmp_path / folder, progress_bar=False, after=lambda *_: seen.append(torch.get_num_threads()))
    assert seen == [1, 2]
