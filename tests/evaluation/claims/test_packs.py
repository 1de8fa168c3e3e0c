"""Listening tests of claims, and the way back: votes, the printed command, a verdict."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gsv_lab.cli import main
from gsv_lab.errors import DataError
from gsv_lab.evaluation.claims.file import Listening
from gsv_lab.evaluation.claims.packs import analysis, make_pack, read_ratings
from gsv_lab.evaluation.claims.recordings import Recorded
from gsv_lab.evaluation.items import Item, TestList
from gsv_lab.evaluation.statistics.panels import Panel, simulate
from gsv_lab.evaluation.systems import folder_system
from listening_clips import folder_of_clips

from ..ratings.vote_files import rows_of, write
from .samples import by_ears, material

SYSTEMS = ("natural", "copy_synthesis", "zero_shot", "fine_tuned")


def spoken(place: Path, items: int = 3) -> Any:
    """What a model said of a list, as far as a listening test needs it."""
    folder = folder_of_clips(place, items, SYSTEMS)
    listed = tuple(Item(f"item{number}", "LJ", "en", "one two") for number in range(items))
    systems = [folder_system(folder / name, listed, name) for name in SYSTEMS]
    recorded = Recorded(TestList("list.csv", "0", listed), (), demonstration="no person speaks")
    return SimpleNamespace(recorded=recorded, systems=systems, tuned=["fine_tuned"])


def test_a_test_is_made_once(tmp_path: Path) -> None:
    made = material(tmp_path / "out")
    found = made.all_spoken["sample"] = spoken(tmp_path / "clips")
    made.all_recorded["sample"] = found.recorded
    one = by_ears()
    pack = make_pack(made, one, one.listening)
    assert pack is not None and pack.items == 3 and pack.systems == SYSTEMS and pack.demonstration == "no person speaks"
    folder = tmp_path / "out" / pack.folder
    assert (folder / "panel.html").is_file() and (folder / "README.md").is_file()
    test = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    key = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    assert len(test["places"]) == 40 and set(key["anchors"]) == {"lp35", "mnru"} and key["reference"] == "natural"
    contrast = [key["systems"][code] for code in test["decisions"]["primary_contrast"]]
    assert contrast == ["fine_tuned", "natural"] and test["decisions"]["screening"] == ["gold", "trap"]
    (folder / "votes.sqlite").write_bytes(b"a vote")
    assert make_pack(made, one, one.listening) == pack and (folder / "votes.sqlite").read_bytes() == b"a vote"


def test_a_rival_joins_the_same_test(tmp_path: Path) -> None:
    made = material(tmp_path / "out")
    found = made.all_spoken["sample"] = spoken(tmp_path / "clips")
    made.all_recorded["sample"] = found.recorded
    one = by_ears("tacotron2")
    assert make_pack(made, one, one.listening) is None
    waves = folder_of_clips(tmp_path / "rival", 2, ("tacotron2",), seconds=0.6) / "tacotron2"
    made.systems = {"tacotron2": waves}
    pack = make_pack(made, one, one.listening)
    assert pack is not None and pack.items == 2 and pack.systems == (*SYSTEMS, "tacotron2")


def test_from_votes_to_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is the one that is printed; repeated pages are no votes."""
    monkeypatch.chdir(tmp_path)
    truth = {"natural": 4.5, "fine_tuned": 4.2, "tacotron2": 3.2, "lp35": 2.5, "mnru": 1.5}
    votes = rows_of(simulate("acr", Panel(truth, raters=20, items=15), seed=1))
    head = ("rater", "item", "system", "score", "role", "gold", "trap")
    rows = [[*row, "test", "", ""] for row in votes]
    checks = [[row[0], "g", "natural", "5", "gold", "5", ""] for row in votes[::75]]
    repeats = [[*row[:3], "1", "repeat", "", ""] for row in votes if row[2] == "fine_tuned"]
    write(tmp_path / "votes.csv", head, [*rows, *checks, *repeats])
    test = Listening("fine_tuned", "tacotron2")
    command = shlex.split(analysis(by_ears("tacotron2"), test, "gsv-lab reproduce x")[2])
    assert main(command[1:]) == 0
    found = json.loads((tmp_path / "votes" / "ratings.json").read_text(encoding="utf-8"))
    mean = read_ratings(tmp_path / "votes" / "ratings.json", Listening("fine_tuned"))
    own = found["systems"]["fine_tuned"]
    assert (mean.value, mean.n) == (own["mean"], 300) and mean.low == own["intervals"]["twoway"]["low"]
    assert 3.7 < mean.value < 4.6 and mean.over == "votes" and "20 raters" in mean.subject
    better = read_ratings(tmp_path / "votes" / "ratings.json", test)
    assert better.value == pytest.approx(mean.value - found["systems"]["tacotron2"]["mean"])
    assert better.low is not None and better.high is not None and 0 < better.low < better.value < better.high


@pytest.mark.parametrize(
    "content, said",
    [
        ("{", "no JSON"),
        ("[]", "no analysis of the design acr"),
        ('{"schema": 1, "design": "mushra"}', "no analysis of the design acr"),
        ('{"schema": 1, "design": "acr", "systems": {"natural": {}}}', "no votes on 'fine_tuned'"),
        ('{"schema": 1, "design": "acr", "systems": {"fine_tuned": {}}}', "no votes on 'natural'"),
        ('{"schema": 1, "design": "acr", "systems": {"natural": {}, "fine_tuned": {}}}', "it lacks 'mean'"),
    ],
)
def test_ratings_that_do_not_fit(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "ratings.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said) as caught:
        read_ratings(tmp_path / "ratings.json", Listening("fine_tuned"))
    assert caught.value.code == "RATINGS_UNFIT"
    with pytest.raises(DataError, match="RATINGS|does not fit"):
        read_ratings(tmp_path / "absent.json", Listening("fine_tuned"))
