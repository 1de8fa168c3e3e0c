"""A finished grid, packed: the same differences as its own table, and what it leaves out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import small_grids
from gsv_lab.errors import DataError
from gsv_lab.evaluation.grids import packing
from gsv_lab.evaluation.grids.base import read_base
from gsv_lab.evaluation.grids.comparing import Value, compare, values_of
from gsv_lab.evaluation.grids.grid_file import Grid
from gsv_lab.evaluation.grids.packing import Packed, pack, read_cells, read_packed
from gsv_lab.evaluation.grids.plan import Plan
from gsv_lab.evaluation.grids.report import CELLS, cells_csv
from gsv_lab.evaluation.grids.schedule import run_cells, states


@pytest.fixture(scope="module")
def values(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> list[Value]:
    """Of a finished grid."""
    root = tmp_path_factory.mktemp("grid")
    flowless = {key: 0.3 for arm in plan.arms for key in arm.cells.values() if arm.ablation == "no_flow"}
    run_cells(root, plan.cells, small_grids.Pretended(root, None, **flowless))
    return values_of(root, plan, states(root, plan.cells))


@pytest.fixture(scope="module")
def packed(values: list[Value], base: Path, grid: Grid) -> Packed:
    return pack(values, read_base(base), grid, "gsv-lab ablate")


def test_differences_are_those_of_the_grids_own_table(plan: Plan, values: list[Value], packed: Packed) -> None:
    whole, short = compare(plan, values), packed.differences()
    assert [(row.name, row.measure, row.primary) for row in whole] == [
        (row.name, row.measure, row.primary) for row in short
    ]
    for one, other in zip(whole, short, strict=True):
        assert (one.base, one.p_corrected) == pytest.approx((other.base, other.p_corrected))
        assert one.found[:4] == pytest.approx(other.found[:4]) and one.found.speakers == other.found.speakers
    assert packed.clips == len(small_grids.SPEAKERS) * small_grids.CLIPS and packed.seeds == [0, 1]


def test_settings_and_chosen_measures_are_noted(packed: Packed) -> None:
    arms = {arm.name: arm for arm in packed.arms}
    assert list(arms) == ["no_flow", "books b64", "books b8"]
    assert all(arm.primary == "sovits/resynthesis_mel" for arm in arms.values())
    key, before, after = arms["no_flow"].differs[0]
    assert key.endswith("flow.class_path") and "CouplingFlow" in before and "IdentityFlow" in after
    assert any(key.endswith("n_codes") and new == "8" for key, _, new in arms["books b8"].differs)


def test_what_was_written_is_read_again(values: list[Value], packed: Packed, tmp_path: Path) -> None:
    again = pack_files(values, packed, tmp_path)
    assert again.arms == packed.arms and again.command == packed.command and again.clips == packed.clips
    before, after = ({row[:-1]: row.value for row in grid.values} for grid in (packed, again))
    assert after == pytest.approx(before, rel=1e-6)


def pack_files(values: list[Value], packed: Packed, folder: Path) -> Packed:
    packing.write(packed, folder, dict.fromkeys(small_grids.SPEAKERS, small_grids.CLIPS))
    return read_packed(folder)


def test_shared_cells_and_clips_that_somebody_lacks_are_left_out(
    values: list[Value], base: Path, grid: Grid, packed: Packed
) -> None:
    shared = [
        row._replace(measure=row.measure.replace("sovits", "content")) for row in values if row.ablation == "base"
    ]
    others = [row._replace(ablation=arm.ablation, level=arm.level) for row in shared for arm in packed.arms]
    with_shared = pack([*values, *shared, *others], read_base(base), grid, "")
    kept = {row.measure for row in with_shared.values if row.ablation == "no_flow"}
    assert kept == {row.measure for row in values}
    # The other two are the base in every number, which is a finding.
    assert {row.measure for row in with_shared.values if row.ablation == "books"} > kept
    gone = values[0].item
    one = values[0]
    less = [row for row in values if (row.item, row.ablation, row.measure) != (gone, "no_flow", "sovits/kl")]
    mean = next(row.value for row in pack(less, read_base(base), grid, "").values
                if (row[:3], row.speaker, row.measure) == (one[:3], one.speaker, "sovits/kl"))  # fmt: skip
    byhand = [row.value for row in values
              if (row[:3], row.speaker, row.measure) == (one[:3], one.speaker, "sovits/kl")
              and row.item != gone]  # fmt: skip
    assert mean == pytest.approx(np.mean(byhand)) and len(byhand) == small_grids.CLIPS - 1


def test_cells_of_another_grid_and_damaged_files_are_refused(
    values: list[Value], base: Path, grid: Grid, tmp_path: Path
) -> None:
    for some in (
        [row for row in values if row.ablation != "no_flow"],
        [row for row in values if row.ablation != "base"],
    ):
        with pytest.raises(DataError, match="The cells are of"):
            pack(some, read_base(base), grid, "")
    (tmp_path / CELLS).write_bytes(cells_csv(values))
    assert [row[:-1] for row in read_cells(tmp_path / CELLS)] == [row[:-1] for row in values]
    for text in ("a,b\n", f"{','.join(Value._fields)}\na,b,one,c,d,e,2\n", f"{','.join(Value._fields)}\na,b\n"):
        (tmp_path / CELLS).write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match="does not begin|no measurement"):
            read_cells(tmp_path / CELLS)
    for card in ("{}", "not JSON"):
        (tmp_path / packing.CARD).write_text(card, encoding="utf-8")
        (tmp_path / packing.TABLE).write_text("ablation\n", encoding="utf-8")
        with pytest.raises(DataError, match="no packed grid"):
            read_packed(tmp_path)


def test_the_command_packs_a_folder(values: list[Value], base: Path, tmp_path: Path) -> None:
    kept = [row for row in values if row.ablation in ("base", "no_flow")]
    (tmp_path / CELLS).write_bytes(cells_csv(kept))
    options = ["--base", str(base), "--grid", "no_flow", "--batches", "3", "--output", str(tmp_path / "new")]
    assert packing.main([str(tmp_path), *options]) == 0
    found = read_packed(tmp_path / "new")
    assert [arm.name for arm in found.arms] == ["no_flow"] and found.command.endswith("--seeds 0 1 --batches 3")
    head = (tmp_path / "new" / packing.TABLE).read_text(encoding="utf-8").splitlines()
    assert head[0] == "ablation,level,seed,speaker,clips,sovits/kl,sovits/resynthesis_mel"
    assert head[1].split(",")[4] == str(small_grids.CLIPS)
