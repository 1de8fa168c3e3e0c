"""The panel's own logic (`logic.js`) in the system's Chromium: what it allows, what it sends, and that votes come out
as they were meant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from gsv_lab.evaluation.listening import read_results, write_votes
from gsv_lab.evaluation.listening.desk import Desk
from gsv_lab.evaluation.listening.files import Key, read_key, read_test
from gsv_lab.evaluation.listening.methods import METHODS
from gsv_lab.evaluation.listening.page import FOLDER

from .robot import Truth

Made = Callable[..., Path]

ANSWERED = """async ([test, place, begun, answers]) => {
    // A rater who does everything in turn, and tries what is not allowed before.
    const kept = [...begun.events];
    const batches = [];
    const host = {
        keep: async (rater, events) => { batches.push(events); kept.push(...events); },
        read: async () => ({ events: kept }),
    };
    const session = new Session(test, host, { ...begun, place }, () => {});
    const must = (done, what) => { if (!done) throw new Error(`${what} at page ${session.course.done}`); };
    const said = async (...event) => {
        must(session.say(...event), `refused ${event[0]}`);
        while (session.queue.length) await null;
    };
    for (const page of test.places[place]) {
        must(!session.say("next"), "left too early");
        for (const { stimulus } of page.clips) {
            must(!session.say("seek", stimulus, 0.1), "moved too early");
            for (const { name, needs } of page.questions) {
                const early = needs.includes(stimulus);
                const named = name === "answer" ? null : name;
                if (early) must(!session.say("answer", named, answers[page.id][name]), "answered too early");
            }
            await said("play", stimulus, 0);
            await said("heard", stimulus);
            await said("seek", stimulus, 0.1);
        }
        for (const { name } of page.questions) {
            const named = name === "answer" ? null : name;
            must(!session.say("answer", named, 101), "out of scale");
            must(!session.say("answer", "s999", answers[page.id][name]), "no such question");
            const sliders = test.scale.choices.length === 0;
            must(session.say("slide", named, 50) === sliders, "slider");
            await said("answer", named, answers[page.id][name]);
        }
        await said("next");
    }
    must(session.course.stage === "done" && !session.say("stop"), "not at the end");
    return batches;
}"""


@pytest.fixture(scope="module")
def logic(browser: Any) -> Any:
    page = browser.new_page()
    page.add_script_tag(content=(FOLDER / "logic.js").read_text(encoding="utf-8"))
    yield page
    page.close()


def answered(logic: Any, desk: Desk, key: Key, place: int, truth: Truth) -> None:
    """A panel that a rater answers, whose every message the desk has to take."""
    begun, _ = desk.answer({"kind": "begin", "ask": 1, "at": 1, "place": place})
    answers = {page.id: {question.name: truth.answer(page, question.name) for question in page.questions}
               for page in desk.test.places[place]}  # fmt: skip
    for batch in logic.evaluate(ANSWERED, [desk.test.shown, place, begun, answers]):
        kept, _ = desk.answer({"kind": "keep", "ask": 2, "rater": begun["rater"], "events": batch})
        assert kept == {"ask": 2, "kept": batch[-1]["seq"] + 1}


def direct(key: Key, truths: Iterable[Truth]) -> dict[Any, float]:
    """The means that must come out, from the truths alone: of each system, or of each pair."""
    systems, design = key.content["order"], key.test.design
    found: dict[Any, list[float]] = defaultdict(list)
    for truth in truths:
        for item in sorted({item for item, _ in truth.opinion}):
            if design in ("acr", "smos", "mushra", "mushra-nmr"):
                rated = [name for name in systems if design != "smos" or name != "natural"]
                for name in (*rated, *key.content["anchors"]):
                    found[name].append(truth.opinion[item, name])
                continue
            for earlier, later in combinations(systems, 2):
                above = truth.above(item, later, earlier)
                found[later, earlier].append(above if design == "ccr" else (above > 0) - (above < 0))
    return {name: mean(values) for name, values in found.items()}


def panels(design: str, count: int, logic: Any, made: Made, tmp_path: Path) -> None:
    """So many panels of a design, and the same numbers from the store, its export and the table."""
    options = {} if design.startswith("mushra") else {"gold": 1, "traps": 1}
    folder = made(design, repeats=1, no_preference=design == "ab", **options)
    key = read_key(folder / "key.json")
    desk = Desk(folder, tmp_path / f"{design}.sqlite")
    truths = [Truth(key, seed) for seed in range(count)]
    for number, truth in enumerate(truths):
        answered(logic, desk, key, number % len(key.test.places), truth)
    rows = read_results([desk.store.path], folder / "key.json")
    desk.store.close()
    assert read_results([write_votes(rows, tmp_path / f"{design}.csv")], folder / "key.json") == rows
    rated = [row for row in rows if row["role"] in ("test", "reference", "anchor")]
    found: dict[Any, list[float]] = defaultdict(list)
    for row in rated:
        found[(row["system"], row["other"]) if row["other"] else row["system"]].append(row["score"])
    if design == "abx":
        heard = [row for row in rated if len({opinions(row, truths, rows)[name] for name in (0, 1)}) == 2]
        assert all(row["score"] == 1 for row in heard) and 0 < len(heard) < len(rated)
        same = [row["score"] for row in rated if row not in heard]
        assert mean(same) == pytest.approx(0.5, abs=0.35), "X is either"
        return
    assert {name: mean(values) for name, values in found.items()} == direct(key, truths)
    assert len({len(values) for values in found.values()}) == 1


def opinions(row: dict[str, Any], truths: list[Truth], rows: list[dict[str, Any]]) -> tuple[int, int]:
    """What the rater of a row thinks of both systems."""
    truth = truths[list(dict.fromkeys(row["rater"] for row in rows)).index(row["rater"])]
    return truth.opinion[row["item"], row["system"]], truth.opinion[row["item"], row["other"]]


@pytest.mark.parametrize("design", METHODS)
def test_panels_give_the_numbers_that_were_meant(design: str, logic: Any, made: Made, tmp_path: Path) -> None:
    panels(design, 3, logic, made, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("design", METHODS)
def test_two_hundred_panels(design: str, logic: Any, made: Made, tmp_path: Path) -> None:
    panels(design, 30, logic, made, tmp_path)  # of seven designs


TROUBLE = """async ([test, begun, refuses]) => {
    // The host fails once, with what came kept or not; then it works.
    const kept = [...begun.events];
    let fails = 1;
    const host = {
        keep: async (rater, events) => {
            if (fails-- > 0) {
                if (refuses === "kept") kept.push(...events);
                throw Object.assign(new Error("disk full"), { refused: refuses === "refused" });
            }
            kept.push(...events);
        },
        read: async () => ({ events: [...kept] }),
    };
    const session = new Session(test, host, { ...begun, place: 0 }, () => {});
    const stimulus = session.course.page.clips[0].stimulus;
    session.say("play", stimulus, 0);
    session.say("heard", stimulus);
    await new Promise((resolve) => setTimeout(resolve));
    const before = [session.course.heard.size, session.queue.length, session.trouble?.message];
    session.say("pause", stimulus, 0);
    await session.again();
    await new Promise((resolve) => setTimeout(resolve));
    return [before, [session.course.heard.size, session.queue.length, session.trouble],
            kept.map(({ seq, kind }) => `${seq} ${kind}`)];
}"""


@pytest.mark.parametrize(
    ("fails", "after"),
    [
        ("lost", ["0 agree", "1 play", "2 heard", "3 pause"]),
        ("kept", ["0 agree", "1 play", "2 heard", "3 pause"]),
        ("refused", ["0 agree"]),
    ],
)
def test_what_could_not_be_kept_is_not_taken_and_comes_again(
    fails: str, after: list[str], logic: Any, made: Made
) -> None:
    begun = {"rater": "r", "events": [{"seq": 0, "at": 1, "kind": "agree", "page": None, "stimulus": None,
                                       "value": None}]}  # fmt: skip
    before, now, kept = logic.evaluate(TROUBLE, [read_test(made("acr")).shown, begun, fails])
    assert before[0] == 0 and before[1] >= 1 and before[2] == "disk full"
    assert kept == after or (fails == "kept" and sorted(set(kept)) == sorted(after) and len(kept) == len(after))
    assert now == [0 if fails == "refused" else 1, 0, None]
