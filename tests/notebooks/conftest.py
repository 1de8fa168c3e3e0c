"""A lab of untrained tiny networks and a voice in it, made once for all tests of widgets and exercises."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.voice import Voice
from tiny import make_family, make_planning_family


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(make_family(tmp_path_factory.mktemp("family"))))


@pytest.fixture(scope="session")
def planning(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lab whose prior is given the phone of each frame, whose durations are planned, and whose texts have pauses."""
    return load(str(make_planning_family(tmp_path_factory.mktemp("planning"))))


@pytest.fixture(scope="session")
def voice(lab: Lab, sample: Path) -> Voice:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lab.clone(sample)
