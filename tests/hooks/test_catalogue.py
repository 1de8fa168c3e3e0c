"""The catalogue is generated from the declarations."""

from __future__ import annotations

from gsv_lab.hooks import catalogue

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
