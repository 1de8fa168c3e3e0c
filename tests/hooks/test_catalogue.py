"""The catalogue is generated from the declarations."""

from __future__ import annotations

from gsv_lab.hooks import catalogue, taps_page

from . import small


def test_rows_fold_layers_and_collect_rates() -> None:
    lab = small.Lab(layers=3)
    lab.prior.layers[2].frame_rate = 100.0
    rows = {row["name"]: row for row in catalogue(lab)}
    assert [*rows] == [
        "prior.mean", "prior.code", "prior.aside",
        "prior.layers.N.residual", "prior.layers.N.attention.pattern", "prior.layers.N.attention.mixed",
        "flow.residual", "flow.attention.pattern", "flow.attention.mixed", "posterior.nothing",
    ]  # fmt: skip
    assert rows["prior.mean"] == {
        "name": "prior.mean", "axes": "batch dim frame", "rate": "50", "unit": "nat", "meaning": "what comes out"
    }  # fmt: skip
    assert rows["prior.layers.N.residual"]["rate"] == "50 100" and rows["flow.attention.pattern"]["rate"] == ""


def test_it_prints_as_a_table() -> None:
    lines = str(catalogue(small.Lab())).splitlines()
    assert lines[0] == "| name | axes | rate | unit | meaning |" and lines[1].count("---") == 5
    assert "| prior.mean | batch dim frame | 50 | nat | what comes out |" in lines and len(lines) == 2 + 10


def test_the_page_names_the_notebooks_that_use_a_tap() -> None:
    notebooks = {
        "04 The GPT stage": 'with probe(lab, "prior.layers.*.attention.pattern") as r:\n    pass',
        "08 Break it": "edits = [zero('prior.layers.1.attention.pattern'), zero('prior.mean')]",
        "09 Nothing": "# prior.code is only mentioned here",
    }
    page = taps_page(small.Lab(), notebooks)
    rows = {line.split(" | ")[0].strip("| "): line for line in page.splitlines() if line.startswith("| `")}
    assert page.startswith("# Taps\n") and len(rows) == 10
    assert rows["`prior.layers.N.attention.pattern`"].endswith("| 04 The GPT stage, 08 Break it |")
    assert rows["`prior.mean`"].endswith("| 08 Break it |") and rows["`prior.code`"].endswith("|  |")
