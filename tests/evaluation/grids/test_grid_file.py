"""Grid files: what they may say, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.grids.grid_file import AGAIN, Grid, grid_of, read_grid
from gsv_lab.nn.flow import IdentityFlow
from gsv_lab.system.yaml_text import write_text

FILE = """
ablations:
  - no_flow
  - mine: mine.yaml
  - wide: {sizes: {hidden: 96}}
  - codebook: {levels: {small: codebook_64, large: {sizes: {n_codes: 1024}}}}
  - base_again
seeds: [0, 4]
batches: {sovits: 30}
primary: {no_flow: sovits/kl}
items: 5
"""


def test_a_file_says_all_that_a_grid_is(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("sizes: {hidden: 32}\n", encoding="utf-8")
    (tmp_path / "grid.yaml").write_text(FILE, encoding="utf-8")
    grid = read_grid([tmp_path / "grid.yaml"])
    named = [(level.ablation, level.name) for level in grid.levels]
    assert named == [
        ("no_flow", "on"), ("mine", "on"), ("wide", "on"), ("codebook", "small"), ("codebook", "large"), (AGAIN, "on"),
    ]  # fmt: skip
    overlays = [level.overlay for level in grid.levels]
    assert isinstance(overlays[0], Path) and overlays[0].stem == "no_flow" and overlays[1] == tmp_path / "mine.yaml"
    assert overlays[2] == {"sizes": {"hidden": 96}} and overlays[5] is None
    assert (grid.seeds, grid.batches_of("sovits"), grid.batches_of("gpt"), grid.items) == ((0, 4), 30, 0, 5)


def test_overlays_by_name_and_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("sizes: {hidden: 32}\n", encoding="utf-8")
    grid = read_grid(["no_flow", str(path), AGAIN])
    assert [level.ablation for level in grid.levels] == ["no_flow", "mine", AGAIN]
    assert [level.ablation for level in read_grid([path]).levels] == ["mine"]
    assert grid_of({"flow": IdentityFlow}).levels[0].overlay is IdentityFlow


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ({"ablations": ["no_flow"], "seed": [0]}, "CONFIG_UNKNOWN_KEY", "'seeds' perhaps"),
        ({"ablations": ["no_flow"], "seeds": "0"}, "CONFIG_TYPE", "seeds"),
        ({"ablations": ["no_flow"], "seeds": [-1]}, "CONFIG_TYPE", "from 0 on"),
        ({"ablations": ["no_flow"], "batches": {"sovits": 0}}, "CONFIG_TYPE", "batches"),
        ({"ablations": 3}, "CONFIG_TYPE", "ablations"),
        ({"ablations": [3]}, "CONFIG_TYPE", "a name"),
        ({"ablations": ["no_flwo"]}, "CONFIG_MISSING", "'no_flow' perhaps"),
        ({"ablations": [{"x": "nowhere.yaml"}]}, "CONFIG_MISSING", "nowhere"),
        ({"ablations": ["no_flow", "no_flow"]}, "GRID_EQUAL", "no_flow twice"),
        ({"ablations": ["no_flow"], "seeds": [1, 1]}, "GRID_EQUAL", "seed 1 twice"),
        ({"ablations": [{"a/b": {"seed": 3}}]}, "CONFIG_PATH", "a/b"),
        ({"ablations": [{"base": {"seed": 3}}]}, "CONFIG_PATH", "base"),
        ({"ablations": [{"x": {"levels": {}}}]}, "CONFIG_TYPE", "levels of x"),
    ],
)
def test_a_wrong_file_gets_one_clear_error(tmp_path: Path, content: dict[str, Any], code: str, words: str) -> None:
    (tmp_path / "grid.yaml").write_text(write_text(content), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_grid([tmp_path / "grid.yaml"])
    assert caught.value.code == code and words in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("ablations: [", encoding="utf-8")
    (tmp_path / "list.yaml").write_text("- 1\n", encoding="utf-8")
    for name, code in (("broken", "CONFIG_UNSAFE"), ("list", "CONFIG_TYPE"), ("absent", "CONFIG_MISSING")):
        with pytest.raises(ConfigError) as caught:
            read_grid([tmp_path / f"{name}.yaml"])
        assert caught.value.code == code
    with pytest.raises(ConfigError, match="a file, a table or a class"):
        grid_of({"x": 3})
    assert Grid().levels == ()
