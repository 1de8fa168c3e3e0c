"""`gsv-lab ratings` reads what panels wrote, and says what the simulated raters were made to think."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsv_lab.cli import main
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.evaluation.listening import Decisions, Options, make, read_results, write_votes
from gsv_lab.evaluation.listening.files import RESULT_FORMAT, Key, read_key, read_test
from gsv_lab.evaluation.listening.methods import ANALYSED
from gsv_lab.evaluation.listening.simulated import ANCHOR_MEANS, SimulatedPanel, answer_all, panel_events
from gsv_lab.evaluation.listening.store import Store
from gsv_lab.evaluation.ratings.run import analyse
from gsv_lab.evaluation.ratings.settings import Settings
from gsv_lab.evaluation.statistics.components import Components
from gsv_lab.evaluation.statistics.crossed import mean_opinion
from gsv_lab.evaluation.statistics.paired import wilcoxon
from gsv_lab.evaluation.statistics.preference import proportion
from gsv_lab.evaluation.statistics.votes import Votes, rater_means

from .robot import Truth

Made = Callable[..., Path]
OPTIONS: dict[str, dict[str, Any]] = {
    "acr": {"gold": 2, "traps": 1, "repeats": 2, "anchors": ("lp35",)},
    "mushra": {"repeats": 1},
    "ccr": {"gold": 2, "traps": 1, "repeats": 2},
    "ab": {"gold": 2, "traps": 1, "repeats": 2, "no_preference": True},
    "abx": {"gold": 2, "traps": 1, "repeats": 2},
}
RATERS, PANELS = 6, 40
"""Panels of each of the five designs: 200 in all."""


def answered(folder: Path, place: Path, answers: list[Any]) -> list[Path]:
    """Raters answer: the first half in a store, the others in files that pages save."""
    store = Store(place / "votes.sqlite", read_test(folder))
    answer_all(store, answers[:3])
    store.close()
    files = [store.path]
    for number, answer in enumerate(answers[3:], 3):
        rater = {"rater": f"page{number}", "place": number, "events": panel_events(store.test, number, answer)}
        content = {"format": RESULT_FORMAT, "test": store.test.sha256, "raters": [rater]}
        files.append(place / f"results_{number}.json")
        files[-1].write_text(json.dumps(content), encoding="utf-8")
    return files


def settings(design: str) -> Settings:
    return Settings(ANALYSED.get(design, design), screen=() if design == "mushra" else None, draws=50)


def check(design: str, folder: Path, place: Path, seed: int) -> None:
    """One panel: simulated, stored, exported, analysed, and compared with what is computed from the truths alone."""
    place.mkdir()
    key = read_key(folder / "key.json")
    truths = [Truth(key, 100 * seed + number) for number in range(RATERS)]
    files = answered(folder, place, [truth.answer for truth in truths])
    found = analyse(files, settings(design), folder / "key.json")
    exported = write_votes(read_results(files, folder / "key.json"), place / "votes.csv")
    again = analyse([exported], settings(design))
    same = found.keys() - {"files", "listening", "warnings"}  # names of files, and what only the key says
    assert {name: found[name] for name in same} == {name: again[name] for name in same}
    assert {*found["warnings"]} >= {*again["warnings"]}
    assert sum(file["rows"] for file in found["files"]) == again["files"][0]["rows"]
    {"acr": ratings, "mushra": ratings, "ccr": compared, "ab": preferred, "abx": identified}[design](key, truths, found)


def ratings(key: Key, truths: list[Truth], found: dict[str, Any]) -> None:
    rated = [*key.content["order"], *key.content["anchors"]]
    items = sorted({entry.item for entry in key.stimuli.values()})
    rows = [(f"r{number}", item, system, truth.opinion[item, system])
            for number, truth in enumerate(truths) for item in items for system in rated]  # fmt: skip
    same_means(Votes.of(*map(list, zip(*rows, strict=True))), found)
    assert set(found["anchor"]) == set(key.content["anchors"])
    assert found["reference"] == (["natural"] if key.test.design == "mushra" else [])


def same_means(votes: Votes, found: dict[str, Any]) -> None:
    """Means, intervals and tests of all pairs."""
    assert set(found["systems"]) == set(votes.systems) and found["counts"]["votes"] == len(votes)
    for name in votes.systems:
        own, entry = votes.of_system(name), found["systems"][name]
        assert entry["mean"] == pytest.approx(np.mean(own.score)) and entry["n"] == len(own)
        direct = mean_opinion(own, 0).intervals
        for kind, interval in direct.items():
            assert entry["intervals"][kind]["half"] == pytest.approx(interval.half)
    means = rater_means(votes)
    for pair in found["pairs"]:
        apart = means[:, votes.systems.index(pair["a"])] - means[:, votes.systems.index(pair["b"])]
        assert (pair["W"], pair["p"]) == pytest.approx(wilcoxon(apart)[:2])
        assert pair["diff"] == pytest.approx(apart.mean())


def pairs_of(key: Key) -> list[tuple[str, str]]:
    """Later and earlier system of every pair."""
    order = key.content["order"]
    return [(late, early) for place, late in enumerate(order) for early in order[:place]]


def compared(key: Key, truths: list[Truth], found: dict[str, Any]) -> None:
    items = sorted({entry.item for entry in key.stimuli.values()})
    rows = [(f"r{number}", item, f"{late}|{early}", truth.above(item, late, early))
            for number, truth in enumerate(truths) for item in items for late, early in pairs_of(key)]  # fmt: skip
    same_means(Votes.of(*map(list, zip(*rows, strict=True))), found)


def preferred(key: Key, truths: list[Truth], found: dict[str, Any]) -> None:
    items = sorted({entry.item for entry in key.stimuli.values()})
    entries = {(pair["a"], pair["b"]): pair for pair in found["pairs"]}
    assert len(entries) == len(pairs_of(key))
    for late, early in pairs_of(key):
        first, second = sorted((late, early))
        above = [truth.above(item, first, second) for truth in truths for item in items]
        won, lost, tied = (sum(sign(x) == which for x in above) for which in (1, -1, 0))
        entry = entries[first, second]
        assert (entry["wins"], entry["losses"], entry["ties"]) == (won, lost, tied)
        assert entry["p"] == pytest.approx(proportion(won, won + lost).p)


def sign(value: int) -> int:
    return (value > 0) - (value < 0)


def identified(key: Key, truths: list[Truth], found: dict[str, Any]) -> None:
    for late, early in pairs_of(key):
        right = 0
        for place, truth in enumerate(truths):
            for page in key.test.places[place]:
                systems = {key.stimuli[clip.stimulus].system for clip in page.clips}
                if key.pages[page.id].role == "test" and systems == {late, early}:
                    right += truth.answer(page, "answer") in key.pages[page.id].right
        entry, n = found["systems"][f"{late}|{early}"], found["systems"][f"{late}|{early}"]["n"]
        assert entry["right"] == right and n == found["counts"]["votes"] / len(pairs_of(key))
        assert entry["p_greater"] == pytest.approx(proportion(right, n).p_greater)


@pytest.mark.parametrize("design", OPTIONS)
def test_ratings_are_what_raters_thought(design: str, made: Made, tmp_path: Path) -> None:
    check(design, made(design, **OPTIONS[design]), tmp_path / "panel", 1)


@pytest.mark.slow
@pytest.mark.parametrize("design", OPTIONS)
def test_ratings_of_forty_panels(design: str, made: Made, tmp_path: Path) -> None:
    for seed in range(PANELS):
        check(design, made(design, **OPTIONS[design]), tmp_path / f"panel {seed}", seed)


def test_rows_of_checks_are_no_votes_and_screen_raters(made: Made, tmp_path: Path) -> None:
    folder = made("acr", **OPTIONS["acr"])
    key = read_key(folder / "key.json")
    panel = SimulatedPanel(key, {"natural": 4.4, "ours": 3.6, "theirs": 2.6}, careless=[4], seed=2)
    files = answered(folder, tmp_path, [panel.rater(number) for number in range(RATERS)])
    plain = analyse(files, Settings("acr", draws=50), folder / "key.json")
    assert plain["listening"]["left_out"] == {"gold": 12, "trap": 6, "repeat": 12}
    assert plain["counts"]["votes"] == 6 * 3 * 4 and plain["counts"]["repeated"] == 0
    assert "The test decided on screening by gold, trap; here it is by nothing." in plain["warnings"]
    screened = analyse(files, Settings("acr", gold="gold", trap="trap", draws=50), folder / "key.json")
    assert "page4" in screened["screening"]["removed"] and screened["counts"]["checks"] == 18
    assert screened["listening"]["left_out"] == {"gold": 0, "trap": 0, "repeat": 12}
    assert not [words for words in screened["warnings"] if "decided" in words]
    repeats = analyse(files, Settings("acr", where=("role=repeat",), draws=50), folder / "key.json")
    assert repeats["counts"]["votes"] == 12 and repeats["listening"]["left_out"]["repeat"] == 0
    named = Settings("acr", reference=("lp35",), draws=50)
    assert (analyse(files, named, folder / "key.json")["reference"], plain["anchor"]) == (["lp35"], ["lp35"])


def test_simulated_raters_think_what_they_were_made_to_think(made: Made, tmp_path: Path) -> None:
    """Their means are those that were given; who is asked besides changes nothing."""
    folder = made("mushra", raters=12)
    key, means = read_key(folder / "key.json"), {"natural": 4.8, "ours": 3.6, "theirs": 2.6}
    small = Components(system=0.0, rater=0.1, rater_system=0.1, stimulus=0.05, residual=0.2)
    panel = SimulatedPanel(key, means, small, seed=5)
    store = Store(tmp_path / "votes.sqlite", read_test(folder))
    answer_all(store, [panel.rater(number) for number in range(12)])
    found = analyse([store.path], Settings("mushra", draws=50), folder / "key.json")
    store.close()
    assert found["reference"] == ["natural"] and set(found["anchor"]) == {"lp35", "mnru"}
    given = {name: 25 * (mean - 1) for name, mean in {**means, **ANCHOR_MEANS}.items()}
    heard = {name: entry["mean"] for name, entry in found["systems"].items()}
    assert heard.pop("natural") > 97 and heard == pytest.approx({name: given[name] for name in heard}, abs=4)
    page = key.test.places[0][0]
    alone = SimulatedPanel(key, means, small, seed=5).rater(7)(page, page.questions[0].name)
    assert alone == panel.rater(7)(page, page.questions[0].name)
    with pytest.raises(ValueError, match="expected natural, theirs as well"):
        SimulatedPanel(key, {"ours": 3.0})


@pytest.mark.parametrize(("design", "asked"), [("ab", "acr"), ("mushra", "acr"), ("ccr", "pairs"), ("acr", "abx")])
def test_another_design_is_one_error(design: str, asked: str, made: Made, tmp_path: Path) -> None:
    folder = made(design, **OPTIONS[design])
    panel = SimulatedPanel(read_key(folder / "key.json"), {"natural": 4.6, "ours": 3.6, "theirs": 2.6})
    files = answered(folder, tmp_path, [panel.rater(number) for number in range(RATERS)])
    with pytest.raises(ConfigError, match=rf"test is {design}, and --design is {asked}. Expected"):
        analyse(files, Settings(asked), folder / "key.json")


def test_decisions_of_the_test_stand_in_the_report(clips: Path, tmp_path: Path) -> None:
    decided = Decisions(primary_contrast=("ours", "theirs"), screening=("hidden-reference", "same-button"))
    folder = make(clips, tmp_path / "test", "mushra-nmr", RATERS, 1, Options(), decided)
    panel = SimulatedPanel(read_key(folder / "key.json"), {"natural": 4.6, "ours": 3.6, "theirs": 2.6})
    files = list(map(str, answered(folder, tmp_path, [panel.rater(number) for number in range(RATERS)])))
    options = ["--key", str(folder / "key.json"), "--design", "mushra", "--draws", "50"]
    assert main(["ratings", *files, *options, "--output", str(tmp_path / "other")]) == 0
    found = json.loads((tmp_path / "other" / "ratings.json").read_text(encoding="utf-8"))
    assert found["listening"]["decisions"]["primary_contrast"] == ["ours", "theirs"]
    assert found["listening"]["test"] == read_test(folder).sha256 and found["listening"]["design"] == "mushra-nmr"
    assert len([words for words in found["warnings"] if words.startswith("The test decided")]) == 2
    page = (tmp_path / "other" / "ratings.html").read_text(encoding="utf-8")
    assert "decided before any vote" in page and "<td>ours minus theirs</td>" in page
    assert "<td>hidden-reference, same-button</td>" in page
    same = ["--primary", "ours", "theirs", "--screen", "hidden-reference", "same-button"]
    assert main(["ratings", *files, *options, *same, "--output", str(tmp_path / "same")]) == 0
    found = json.loads((tmp_path / "same" / "ratings.json").read_text(encoding="utf-8"))
    assert not [words for words in found["warnings"] if words.startswith("The test decided")]


def test_files_that_are_no_results_and_keys_that_are_missing(made: Made, tmp_path: Path) -> None:
    folder = made("acr", **OPTIONS["acr"])
    key = folder / "key.json"
    store = Store(tmp_path / "votes.sqlite", read_test(folder))
    with pytest.raises(DataError, match="There are no results"):
        analyse([store.path], Settings("acr"), key)
    store.close()
    with pytest.raises(ConfigError, match=r"'votes.sqlite' is blind. Expected the key"):
        analyse([store.path], Settings("acr"))
    with pytest.raises(DataError, match="is no results of a listening test"):
        analyse([folder / "test.json"], Settings("acr"), key)
    (tmp_path / "other.json").write_text('{"votes": []}', encoding="utf-8")
    with pytest.raises(DataError, match="of no format that is known"):
        analyse([tmp_path / "other.json"], Settings("acr"), key)
    (tmp_path / "plain.csv").write_text("rater,item,system,score\nr,i,s,3\n", encoding="utf-8")
    with pytest.raises(DataError, match="The files are listening test and table"):
        analyse([store.path, tmp_path / "plain.csv"], Settings("acr"), key)


def test_a_store_is_known_by_what_it_holds(made: Made, tmp_path: Path) -> None:
    """An open store, whose last votes lie beside it, and its copy with all in one file have one hash."""
    folder = made("mushra")
    panel = SimulatedPanel(read_key(folder / "key.json"), {"natural": 4.6, "ours": 3.6, "theirs": 2.6})
    store = Store(tmp_path / "votes.sqlite", read_test(folder))
    answer_all(store, [panel.rater(number) for number in range(4)])
    first = analyse([store.path], Settings("mushra", draws=50), folder / "key.json")
    store.close()
    assert analyse([store.path], Settings("mushra", draws=50), folder / "key.json") == first
