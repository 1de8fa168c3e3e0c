"""A run over all claims with pretended measures: what is written, twice the same, and what is refused."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gsv_lab.cli import main
from gsv_lab.errors import ConfigError, DataError, LabError
from gsv_lab.evaluation.claims.file import read_claims
from gsv_lab.evaluation.claims.measured import MEASURES, Measure, Measured
from gsv_lab.evaluation.claims.run import PAGE, RESULTS, TABLE, TIMING, reproduce

from .samples import lj, material, pretend, vctk

KEYS = {"verdict", "value", "low", "high", "n", "threshold", "reason", "command"}
CLOCK = [0.0]


def invented(name: str) -> Measured:
    """A count, a number with an interval, or one of a clock, which changes with every call."""
    if MEASURES[name].clock:
        CLOCK[0] += 1.2345
        return Measured(CLOCK[0], CLOCK[0] - 1, CLOCK[0] + 1, 3, "runs", "a machine")
    if name.endswith(("parameters", "megabytes", "count", "rate", "width", "length", "saving")):
        return Measured(7.0, subject="<b>counted</b>", exact=True)
    return Measured(0.9, 0.86, 0.94, 5, "speakers", "5 speakers", details={"ceiling": 0.95})


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No measure is made for real, and no listening test."""
    pretend(monkeypatch, invented)
    monkeypatch.setattr("gsv_lab.evaluation.claims.run.make_pack", lambda *_: None)


def written(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    return found


def test_every_claim_has_a_verdict(tmp_path: Path) -> None:
    results = reproduce(material(tmp_path))
    assert written(tmp_path) == results
    assert results["claims"].keys() == {claim.id for claim in read_claims().claims}
    assert len(results["contradictions"]) == 16
    for one in results["claims"].values():
        assert one.keys() >= KEYS and one["verdict"] and one["reason"] and one["sources"]
        if one["verdict"] == "supported":
            assert one["exact"] or (one["low"] is not None and one["high"] is not None and one["n"] > 1)
        if one["nearest"] and one["nearest"]["verdict"] == "supported":
            assert one["nearest"]["exact"] or one["nearest"]["n"] > 1
    assert {one["verdict"] for one in results["claims"].values()} >= {
        "supported", "contradicted", "not measured", "not measurable as stated",
    }  # fmt: skip
    assert results["claims"]["mos-one-minute"]["needs"]["raters"] == 40


def test_twice_the_same_bytes_and_clocks_apart(tmp_path: Path) -> None:
    for place in ("one", "two"):
        reproduce(material(tmp_path / place))
    one, two = ((tmp_path / place / RESULTS).read_bytes() for place in ("one", "two"))
    assert one == two
    timing = json.loads((tmp_path / "two" / TIMING).read_text(encoding="utf-8"))
    assert timing["machine"]["processor"] and timing["packages"]["torch"] and "commit" in timing
    assert timing["claims"]["characters-400-ms"]["value"] > 1 and timing["claims"]["latency-300-ms"]["verdict"]
    first = json.loads((tmp_path / "one" / TIMING).read_text(encoding="utf-8"))
    assert first["claims"] != timing["claims"]
    for name, value in timing["claims"].items():
        assert str(value["value"]) not in json.dumps(written(tmp_path / "two")["claims"][name])
    reproduce(material(tmp_path / "three", seed=1))
    assert (tmp_path / "three" / RESULTS).read_bytes() != one


def test_the_pages(tmp_path: Path) -> None:
    reproduce(material(tmp_path))
    page, table = ((tmp_path / name).read_text(encoding="utf-8") for name in (PAGE, TABLE))
    for claim in read_claims().claims:
        assert claim.id in page and f"### {claim.id}" in table
    assert "<script" not in page and "src=" not in page and "http" not in page
    assert "<b>counted</b>" not in page and "&lt;b&gt;counted" in page
    assert "声音数字主权宣言" in page and "声音数字主权宣言" in table and "\n    gsv-lab reproduce" in table


def test_measures_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package is a reason; anything else that is wrong ends the run before a file is written."""

    def absent(code: str) -> Measure:
        def run(_: Any) -> Measured:
            raise LabError(code, "The package 'peft' is not installed")

        return Measure(run, False)

    monkeypatch.setitem(MEASURES, "gpt_parameters", absent("EXTRA_MISSING"))
    one = reproduce(material(tmp_path / "a"), ["gpt-below-100m"])["claims"]["gpt-below-100m"]
    assert one["verdict"] == "not measured" and "'peft' is not installed" in one["reason"]
    monkeypatch.setitem(MEASURES, "gpt_parameters", absent("CKPT_CORRUPT"))
    with pytest.raises(LabError):
        reproduce(material(tmp_path / "b"), ["gpt-below-100m"])
    assert not (tmp_path / "b" / RESULTS).exists()


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reproduce(material(tmp_path), ["gpt-below-100m"])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("gsv_lab.system.files._write_synced", full)
    with pytest.raises(LabError) as caught:
        reproduce(material(tmp_path), ["symbols-148"])
    assert caught.value.code == "SAVE_FAILED"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_no_claim_has_a_use_for(tmp_path: Path) -> None:
    for options, ratings, said in (
        ({"corpora": {"vctk": vctk(tmp_path / "vctk")}}, {}, "--corpus names 'vctk'"),
        ({"systems": {"tacotron2": tmp_path}}, {}, "--system names 'tacotron2'"),
        ({}, {"gpt-below-100m": tmp_path}, "--ratings names 'gpt-below-100m'"),
    ):
        with pytest.raises(ConfigError, match=said):
            reproduce(material(tmp_path / "out", **options), ["gpt-below-100m", "tuning-30-minutes"], ratings=ratings)
    assert not (tmp_path / "out").exists()


def test_corpora_are_looked_at_first(tmp_path: Path) -> None:
    """Before anything is measured; what was measured on stands in the result, clip by clip."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="layout of no known corpus"):
        reproduce(material(tmp_path / "out", corpora={"ljspeech": tmp_path / "empty"}), ["sixty-seconds"])
    made = material(tmp_path / "out", corpora={"ljspeech": lj(tmp_path / "lj")})
    results = reproduce(made, ["sixty-seconds"])
    clips = results["recordings"]["ljspeech"]["clips"]
    assert len(clips) == 5 and all(value.startswith("pcm:") for value in clips.values())
    assert results["recordings"]["ljspeech"]["missing"]


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["no-such-claim"], "CLAIM_UNKNOWN"),
        (["sixty-seconds", "--corpus", "ljspeech"], "USAGE"),
        (["sixty-seconds", "--corpus", "libri=x"], "USAGE"),
        (["sixty-seconds", "--corpus", "ljspeech=a", "--corpus", "ljspeech=b"], "USAGE"),
        (["mos-one-minute", "--ratings", "mos-one-minute=absent.json"], "RATINGS_UNFIT"),
        (["sixty-seconds", "--corpus", "ljspeech=absent"], "DATA_MISSING"),
    ],
)
def test_one_error_on_the_command_line(
    arguments: list[str], code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *arguments, "--output", "out", "--device", "cpu"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ") and f"[{code}]" in said
    assert not (tmp_path / "out" / RESULTS).exists()


def test_votes_settle_a_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    votes = Measured(4.3, 4.1, 4.5, 800, "votes", "40 raters")
    monkeypatch.setattr("gsv_lab.evaluation.claims.run.read_ratings", lambda *_: votes)
    results = reproduce(material(tmp_path), ["mos-one-minute"], ratings={"mos-one-minute": tmp_path})
    one = results["claims"]["mos-one-minute"]
    assert (one["verdict"], one["low"], one["n"]) == ("supported", 4.1, 800)
