"""What several test modules of the released families stand on, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import reduced
from released_files import write_companions
from released_stores import FAMILIES, write_clips, write_weights


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HuBERT, BERT, verification network and the SoVITS of every family, tiny and random."""
    pytest.importorskip("transformers", reason="transformers is in the extra [released]")
    return write_weights(tmp_path_factory.mktemp("weights"), *FAMILIES)


@pytest.fixture(scope="session")
def six_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of six clips that can be used."""
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """A folder with tiny companions, and short clips with their list in `clips`."""
    pytest.importorskip("transformers", reason="transformers is in the extra [released]")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("material")
    write_companions(folder)
    reduced.write_clips(folder / "clips", sample)
    return folder


@pytest.fixture(scope="session")
def pro_ground(material: Path, tmp_path_factory: pytest.TempPathFactory) -> reduced.Ground:
    """What v2Pro trains on at reduced width."""
    torch.manual_seed(1)
    return reduced.write_ground(tmp_path_factory.mktemp("ground"), "v2Pro", material)
