"""What several test modules of the released families stand on, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

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
