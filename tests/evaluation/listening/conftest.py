"""A folder of clips and a test of each design, made once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gsv_lab.evaluation import listening
from listening_clips import folder_of_clips


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of_clips(tmp_path_factory.mktemp("listening") / "clips", items=3)


@pytest.fixture(scope="session")
def made(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a test: `made("acr", gold=1)`; nobody may write into it."""
    done: dict[str, Path] = {}

    def make(design: str, raters: int = 6, seed: int = 3, **options: object) -> Path:
        name = f"{design} {raters} {seed} {sorted(options.items())}"
        if name not in done:
            place = tmp_path_factory.mktemp("tests") / design
            done[name] = listening.make(clips, place, design, raters, seed, listening.Options(**options))
        return done[name]

    return make


@pytest.fixture
def copied(made: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """A copy of such a folder that may be written into."""

    def copy(design: str, **options: object) -> Path:
        return Path(shutil.copytree(made(design, **options), tmp_path / "copy", dirs_exist_ok=True))

    return copy
