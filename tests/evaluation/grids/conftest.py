"""What tests of grids share: a small base, and its plan."""

from __future__ import annotations

from pathlib import Path

import pytest

import small_grids
from gsv_lab.evaluation.grids.grid_file import Grid, grid_of
from gsv_lab.evaluation.grids.plan import Plan
from gsv_lab.evaluation.grids.run import planned


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration of SoVITS that trains in seconds."""
    return small_grids.sovits_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def grid() -> Grid:
    """Two ablations, one of them at two levels, with two seeds."""
    return grid_of(
        {"no_flow": None, "books": {"levels": {"b64": "codebook_64", "b8": {"sizes": {"n_codes": 8}}}}}, seeds=(0, 1)
    )


@pytest.fixture(scope="session")
def plan(base: Path, grid: Grid) -> Plan:
    """The cells of that grid."""
    return planned(base, grid)
