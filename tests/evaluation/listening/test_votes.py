"""Votes under the key: right way round, the same from every kind of file, and nothing of another test."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gsv_lab.cli import main
from gsv_lab.errors import DataError
from gsv_lab.evaluation.listening import read_results, write_votes
from gsv_lab.evaluation.listening.files import RESULT_FORMAT, read_key, read_test, sealed, to_bytes
from gsv_lab.evaluation.listening.methods import METHODS
from gsv_lab.evaluation.listening.simulated import panel_events as events
from gsv_lab.evaluation.listening.votes import COLUMNS

from .robot import Truth, any_answer

Made = Callable[..., Path]


def results(folder: Path, *raters: dict[str, Any], test: str = "") -> dict[str, Any]:
    return {"format": RESULT_FORMAT, "test": test or read_test(folder).sha256, "raters": list(raters)}


def rater(folder: Path, name: str, place: int = 0, pages: int | None = None, seed: int = 1) -> dict[str, Any]:
    test = read_test(folder)
    return {"rater": name, "place": place, "events": events(test, place, any_answer(test, seed), pages)}


def save(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("design", METHODS)
def test_votes_say_what_raters_thought(design: str, made: Made, tmp_path: Path) -> None:
    """Truth -> answers by what is heard -> events -> votes: every vote is the truth of what it names."""
    options = {} if design.startswith("mushra") else {"gold": 2, "traps": 1}
    folder = made(design, repeats=1 if design.startswith("mushra") else 2, no_preference=design == "ab", **options)
    key = read_key(folder / "key.json")
    truths = [Truth(key, seed) for seed in range(6)]
    raters = [{"rater": f"r{n}", "place": n, "events": events(key.test, n, truth.answer)}
              for n, truth in enumerate(truths)]  # fmt: skip
    rows = read_results([save(tmp_path / "a.json", results(folder, *raters))], folder / "key.json")
    roles = Counter(row["role"] for row in rows)
    assert all(tuple(row) == COLUMNS for row in rows) and roles["test"] + roles["repeat"] > 30
    for row in rows:
        truth = truths[int(row["rater"][1:])]
        opinion = {name: truth.opinion[row["item"], name] for name in (row["system"], row["other"]) if name}
        if design in ("acr", "smos", "mushra", "mushra-nmr"):
            assert row["score"] == opinion[row["system"]] and row["other"] is None
        elif design in ("ccr", "ab"):
            above = truth.above(row["item"], row["system"], row["other"])
            assert row["score"] == (above if design == "ccr" else (above > 0) - (above < 0))
            assert row["tie"] == (above == 0)
            better = row["system"] if above >= 0 else row["other"]
            assert row["winner"] == better != row["loser"] and {row["winner"], row["loser"]} == set(opinion)
        elif row["role"] != "trap":
            heard = opinion[row["system"]] != opinion[row["other"]]
            assert row["score"] == row["right"] and (row["right"] or not heard)
        assert (row["gold"] is not None) == (row["role"] == "gold" and design not in ("ab", "abx"))
        assert (row["trap"] is not None) == (row["role"] == "trap" and design not in ("ab", "abx"))
        if row["gold"] is not None:
            assert row["right"] == (abs(row["score"] - row["gold"]) <= 1)
        if row["trap"] is not None:
            assert row["right"] == (row["score"] == row["trap"])
    expected = {
        "mushra": {"test", "reference", "anchor", "repeat"},
        "mushra-nmr": {"test", "reference", "anchor", "repeat"},
    }
    assert set(roles) == expected.get(design, {"test", "gold", "trap", "repeat"})
    assert {row["order"] for row in rows} == ({"first", "second"} if design in ("ccr", "ab", "abx") else {None})


def test_every_kind_of_file_gives_the_same_votes(copied: Made, tmp_path: Path) -> None:
    from gsv_lab.evaluation.listening.events import read_event
    from gsv_lab.evaluation.listening.store import Store

    folder = copied("mushra", repeats=1)
    key = folder / "key.json"
    store = Store(tmp_path / "votes.sqlite", read_test(folder))
    for place in range(2):
        name = store.begin(1, place)
        said = events(store.test, place, any_answer(store.test, place))[1:]
        store.append(name, [read_event(event) for event in said])
    from_store = read_results([store.path], key)
    saved = save(tmp_path / "saved.json", store.export())
    assert read_results([saved], key) == from_store and len(from_store) == 2 * 4 * 5
    table = write_votes(from_store, tmp_path / "votes.csv")
    assert read_results([table], key) == from_store
    assert main(["listening", "export", str(store.path), "--key", str(key), "--output", str(tmp_path / "v.csv")]) == 0
    assert (tmp_path / "v.csv").read_bytes() == table.read_bytes()
    half = save(tmp_path / "half.json", results(folder, store.export()["raters"][0]))
    with pytest.raises(DataError, match=r"comes twice, in 'half.json' and in 'votes.csv'") as caught:
        read_results([half, table], key)
    assert caught.value.code == "LISTEN_RATER_TWICE"
    store.close()


def test_a_page_that_was_not_left_is_no_vote(made: Made, tmp_path: Path) -> None:
    folder = made("acr")
    one = rater(folder, "r1", pages=3)
    path = save(
        tmp_path / "a.json", results(folder, one | {"events": one["events"][:-1]}, rater(folder, "r2", pages=0))
    )
    assert [row["rater"] for row in read_results([path], folder / "key.json")] == ["r1", "r1"]


def test_the_last_answer_counts(made: Made, tmp_path: Path) -> None:
    folder = made("acr")
    said = rater(folder, "r1", pages=1)
    answer = said["events"][-2]
    other = answer | {"seq": answer["seq"] + 1, "value": answer["value"] % 5 + 1}
    said["events"][-1:] = [other, said["events"][-1] | {"seq": answer["seq"] + 2}]
    (row,) = read_results([save(tmp_path / "a.json", results(folder, said))], folder / "key.json")
    assert row["score"] == other["value"] != answer["value"]


def test_results_of_another_test_and_a_changed_key_are_refused(made: Made, copied: Made, tmp_path: Path) -> None:
    folder, other = copied("acr"), made("acr", seed=4)
    path = save(tmp_path / "a.json", results(folder, rater(folder, "r1")))
    with pytest.raises(DataError) as caught:
        read_results([path], other / "key.json")
    assert caught.value.code == "LISTEN_OTHER_TEST"
    key = folder / "key.json"
    content = json.loads(key.read_bytes())
    first, second = list(content["stimuli"])[:2]
    swapped = content["stimuli"] | {first: content["stimuli"][second], second: content["stimuli"][first]}
    key.write_bytes(to_bytes(content | {"stimuli": swapped}))
    with pytest.raises(DataError, match="was changed") as caught:
        read_results([path], key)
    assert caught.value.code == "LISTEN_CHANGED"
    # A new hash over it does not help where the test in it was changed.
    content["test"]["places"][0].reverse()
    key.write_bytes(to_bytes(sealed(content)))
    with pytest.raises(DataError, match="was changed"):
        read_results([path], key)
    with pytest.raises(DataError, match="is no key"):
        read_results([path], folder / "test.json")
    content["test"] = sealed(content["test"])
    del content["stimuli"][first]
    key.write_bytes(to_bytes(sealed(content)))
    with pytest.raises(DataError, match="lacks some of the stimuli"):
        read_results([path], key)


CHANGES = {
    "out of scale": (lambda e: e[4].update(value=6), "out of scale. Expected 1, 2, 3, 4, 5"),
    "between two": (lambda e: e[4].update(value=2.5), "out of scale"),
    "a text": (lambda e: e[4].update(value="5"), "out of scale"),
    "before it was heard": (lambda e: e[3].update(kind="play", value=0.1), "before its clips were heard"),
    "another page": (lambda e: e[4].update(page="p999"), "is of the page 'p999'"),
    "another stimulus": (lambda e: e[1].update(stimulus="s999"), "'s999' is not heard on the page"),
    "a missing event": (lambda e: e.pop(3), "Event 4 came. Expected event 3"),
    "no agreement": (lambda e: e[0].update(kind="stop"), "an agreement first"),
    "no answer": (lambda e: e[4].update(kind="play", stimulus=e[1]["stimulus"], value=0), "left without all answers"),
    "an unknown kind": (lambda e: e[1].update(kind="cheat"), "Event.kind is 'cheat'"),
    "more": (lambda e: e[1].update(name="Anna"), "an entry 'name'"),
    "a place behind the clip": (lambda e: e[1].update(value=99.0), "'play' at 99.0 s"),
    "moved too early": (lambda e: e[1].update(kind="seek"), "moved in before it was heard"),
    "no number": (lambda e: e[1].update(seq="1"), "Event.seq is '1'"),
    "a slider": (lambda e: e[4].update(kind="slide"), "out of scale"),
    "after the end": (lambda e: e.append(e[1] | {"seq": len(e)}), "is of the page"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_answers_that_no_panel_gives_are_refused(case: str, made: Made, tmp_path: Path) -> None:
    folder = made("acr")
    said = rater(folder, "r1", pages=2)
    change, words = CHANGES[case]
    assert said["events"][3]["kind"] == "answer"
    said["events"].insert(2, said["events"][1] | {"seq": 2})  # the answer is number 4 now
    for number, event in enumerate(said["events"]):
        event["seq"] = number
    change(said["events"])
    with pytest.raises(DataError, match=words):
        read_results([save(tmp_path / "a.json", results(folder, said))], folder / "key.json")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"format": "x"}, "its format is 'x'"),
        ([], "no table"),
        ({"format": RESULT_FORMAT, "test": 3, "raters": []}, "results.test is 3"),
        ({"format": RESULT_FORMAT, "test": "a", "raters": [{"rater": "r"}]}, "lacks 'place'"),
    ],
)
def test_files_that_hold_no_results(content: Any, words: str, made: Made, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        read_results([save(tmp_path / "a.json", content)], made("acr") / "key.json")


def test_other_bad_files(made: Made, tmp_path: Path) -> None:
    key = made("acr") / "key.json"
    with pytest.raises(DataError, match="No such file"):
        read_results([tmp_path / "gone.json"], key)
    with pytest.raises(DataError, match="it is a folder"):
        read_results([tmp_path], key)
    (tmp_path / "a.json").write_bytes(b"\x00\x01")
    with pytest.raises(DataError, match="no JSON"):
        read_results([tmp_path / "a.json"], key)
    with pytest.raises(DataError, match="place 9"):
        folder = made("acr")
        read_results([save(tmp_path / "b.json", results(folder, rater(folder, "r1") | {"place": 8}))], key)


def test_a_rater_who_comes_twice_is_refused(made: Made, tmp_path: Path) -> None:
    folder = made("acr")
    paths = [save(tmp_path / f"{name}.json", results(folder, rater(folder, "r1", pages=pages)))
             for name, pages in (("first", 2), ("whole", None))]  # fmt: skip
    with pytest.raises(DataError, match="'r1' comes twice, in 'first.json' and in 'whole.json'.*the later one"):
        read_results(paths, folder / "key.json")
    one = save(tmp_path / "one.json", results(folder, rater(folder, "r1"), rater(folder, "r1", 2)))
    with pytest.raises(DataError, match="in 'one.json' and in 'one.json'"):
        read_results([one], folder / "key.json")


def edited(path: Path, number: int, column: str, value: str) -> Path:
    lines = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    lines[number][COLUMNS.index(column)] = value
    path.write_text("\n".join(",".join(line) for line in lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("system", "theirs", "LISTEN_ROW"),
        ("score", "4.5", "LISTEN_ROW"),
        ("answer", "9", "LISTEN_ROW"),
        ("page", "p99", "LISTEN_ROW"),
        ("role", "gold", "LISTEN_ROW"),
        ("rater", "", "LISTEN_ROW"),
        ("test", "0" * 64, "LISTEN_OTHER_TEST"),
    ],
)
def test_a_table_that_the_key_contradicts_is_refused(
    column: str, value: str, code: str, made: Made, tmp_path: Path
) -> None:
    folder = made("acr")
    saved = save(tmp_path / "a.json", results(folder, rater(folder, "r1")))
    rows = read_results([saved], folder / "key.json")
    number = next(n for n, row in enumerate(rows, 1) if row["system"] == "ours")
    path = edited(write_votes(rows, tmp_path / "v.csv"), number, column, value)
    with pytest.raises(DataError) as caught:
        read_results([path], folder / "key.json")
    assert caught.value.code == code and (code != "LISTEN_ROW" or f"Line {number + 1}" in str(caught.value))


def test_a_table_with_an_answer_twice_or_without_its_head_is_refused(made: Made, tmp_path: Path) -> None:
    folder = made("acr")
    saved = save(tmp_path / "a.json", results(folder, rater(folder, "r1")))
    path = write_votes(read_results([saved], folder / "key.json"), tmp_path / "v.csv")
    text = path.read_text(encoding="utf-8")
    path.write_text(text + text.splitlines()[-1] + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="answers the page .* again"):
        read_results([path], folder / "key.json")
    path.write_text(text.split("\n", 1)[1], encoding="utf-8")
    with pytest.raises(DataError, match="its first line is"):
        read_results([path], folder / "key.json")
    path.write_text(text.split("\n", 1)[0] + "\n", encoding="utf-8")
    assert read_results([path], folder / "key.json") == []
