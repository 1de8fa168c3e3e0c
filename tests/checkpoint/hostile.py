"""What tests of hostile files share."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import save_file

from gsv_lab.checkpoint.native import FORMAT
from gsv_lab.errors import LabError
from gsv_lab.system.config import build, load_experiment
from tiny import VERIFIER

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
CONTENT = CONFIGS / "nano" / "content.yaml"


def weights(path: Path, class_path: Any, **init_args: Any) -> Path:
    """A weight file of a verifier's tensors whose spec names a class."""
    header = {"format": FORMAT, "spec": {"class_path": class_path, "init_args": init_args}}
    save_file(build(VERIFIER).state_dict(), path, {"gsv_lab": json.dumps(header)})
    return path


def code_of(read_it: Any) -> str:
    """Code of the one error, whose text is one printable line."""
    with pytest.raises(LabError) as caught:
        read_it()
    assert str(caught.value).isprintable() and len(str(caught.value)) < 700
    return caught.value.code


def load_experiment_with(tables: Any, *overrides: str, folder: Path | None = None) -> dict[str, Any]:
    """Nano's content encoder with a file over it."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "over.yaml"
        path.write_text(tables if isinstance(tables, str) else yaml.safe_dump(tables), encoding="utf-8")
        return load_experiment([CONTENT, path], overrides)
