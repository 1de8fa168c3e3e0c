"""A grid that is trained: two cells of a few batches by the command, again without work, and a class from a cell."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor

import gsv_lab
from gsv_lab.cli import main
from gsv_lab.evaluation.grids.cell import folder_of, measured, read_cell
from gsv_lab.evaluation.grids.run import planned
from gsv_lab.nn.flow import CouplingFlow
from gsv_lab.nn.interfaces import Conditioning


class Halved(CouplingFlow):
    """A coupling flow of half the latent."""

    def forward(self, z: Tensor, mask: Tensor | None, conditioning: Conditioning, inverse: bool = False) -> Tensor:
        return super().forward(z if inverse else z / 2, mask, conditioning, inverse) * (2 if inverse else 1)


class Broken(Halved):
    """A flow whose training diverges at once."""

    def forward(self, z: Tensor, mask: Tensor | None, conditioning: Conditioning, inverse: bool = False) -> Tensor:
        return super().forward(z, mask, conditioning, inverse) * float("nan")


def contents(root: Path) -> dict[str, bytes]:
    """What must not change when nothing is missing."""
    names = ("cells.csv", "table.md", "variance.csv")
    found = {name: (root / name).read_bytes() for name in names}
    return found | {path.parent.name: path.read_bytes() for path in root.glob("cells/*/items.csv")}


def test_two_cells_are_trained_measured_and_compared(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "grid"
    command = ["ablate", "--base", str(base), "--grid", "no_flow", "--seeds", "0", "--output", str(root)]
    assert main(command) == 0, capsys.readouterr().err
    assert "done in" in capsys.readouterr().out
    before = contents(root)
    began = time.monotonic()
    assert main(command) == 0
    assert contents(root) == before and time.monotonic() - began < 15 and "begun" not in capsys.readouterr().out
    made = planned(base, {"no_flow": None}, [0])
    keys = [arm.cells["sovits"] for arm in made.arms]
    for key in keys:
        rows = measured(root, key)
        assert {row.measure for row in rows} >= {"mel", "kl", "guide", "f0", "voicing", "resynthesis_mel"}
        assert len({row.item for row in rows}) == 6 and len({row.speaker for row in rows}) == 2
        weights = folder_of(root, key) / "run/weights/sovits.safetensors"
        assert weights.is_file() and not (folder_of(root, key) / "run/state.ckpt").exists()
    assert read_cell(root, keys[0])["made_of"]["torch"] == torch.__version__
    # In this process, where classes of cells are trained: the base is the same cell and gives the same numbers.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = gsv_lab.ablate(base, {"halved": Halved, "broken": Broken}, [0], output=tmp_path / "here")
    assert {row.ablation for row in found.differences} == {"halved"}
    assert (folder_of(found.folder, keys[0]) / "items.csv").read_bytes() == before[keys[0]]
    # A training that diverges is reported, and the others are there.
    assert [outcome.code for outcome in found.failed.values()] == ["TRAIN_NONFINITE"]
    assert "TRAIN_NONFINITE" in (tmp_path / "here/table.md").read_text(encoding="utf-8")
