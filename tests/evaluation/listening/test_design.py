"""Plans: what everybody hears is complete and balanced, and what does not go together is refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations, pairwise

import pytest

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.listening.design import (
    CLIP,
    GOLD,
    REPEAT,
    TEST,
    TONES,
    TRAP,
    Page,
    Request,
    check,
    latin_square,
    plan,
)
from gsv_lab.evaluation.listening.methods import METHODS

ITEMS, SYSTEMS = tuple("abcdef"), ("natural", "p", "q", "r")


def request(design: str, **more: object) -> Request:
    base = Request(design, ITEMS, SYSTEMS, reference="natural", raters=24, seed=5)
    return replace(base, **more)


def cells(pages: list[Page]) -> list[tuple[str, tuple[str, ...]]]:
    """Item and the systems that are compared, in a fixed order."""
    found = []
    for page in pages:
        rated = [source for _, source in page.clips if source.form == CLIP]
        found.append((rated[0].item, tuple(sorted(source.system for source in rated))))
    return found


@pytest.mark.parametrize("size", range(1, 10))
def test_a_latin_square_is_balanced(size: int) -> None:
    rows = latin_square(size)
    times = len(rows) // size
    for column in zip(*rows, strict=True):
        assert Counter(column) == dict.fromkeys(range(size), times)
    follows = Counter(pair for row in rows for pair in pairwise(row))
    assert not follows or (len(follows) == size * (size - 1) and set(follows.values()) == {times})


@pytest.mark.parametrize("design", METHODS)
def test_all_blocks_together_hold_everything_once(design: str) -> None:
    asked = request(design)
    compared = {
        "acr": [(name,) for name in SYSTEMS],
        "smos": [(name,) for name in SYSTEMS[1:]],
        **dict.fromkeys(("mushra", "mushra-nmr"), [SYSTEMS]),
        **dict.fromkeys(("ccr", "ab", "abx"), list(combinations(SYSTEMS, 2))),
    }[design]
    everything = sorted((item, tuple(sorted(names))) for item in ITEMS for names in compared)
    for pages in plan(asked):
        assert sorted(cells(pages)) == everything
        for block in range(len(compared)):
            inside = [cell for cell, page in zip(cells(pages), pages, strict=True) if page.block == block]
            assert sorted(item for item, _ in inside) == list(ITEMS)


@pytest.mark.parametrize("design", ["acr", "ccr"])
def test_one_block_shares_everything_out_among_raters(design: str) -> None:
    asked = request(design, blocks=1)
    heard = Counter(cell for pages in plan(asked) for cell in cells(pages))
    conditions = len(asked.conditions)
    assert len(heard) == len(ITEMS) * conditions and set(heard.values()) == {24 // conditions}
    places = plan(replace(asked, raters=conditions))
    assert all(sorted(item for item, _ in cells(pages)) == list(ITEMS) for pages in places)


def test_each_condition_comes_equally_often_in_a_block() -> None:
    (pages, *_) = plan(Request("acr", tuple("abcdefgh"), SYSTEMS, raters=1))
    for block in range(4):
        assert set(Counter(names for (_, names), page in zip(cells(pages), pages, strict=True)
                           if page.block == block).values()) == {2}  # fmt: skip


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_sides_are_balanced_over_raters_and_nearly_within_one(blocks: int) -> None:
    places = plan(request("ccr", blocks=blocks))
    sides: Counter[tuple[str, ...]] = Counter()
    for pages in places:
        own = Counter()
        for page in pages:
            first, second = (source.system for _, source in page.clips)
            sides[page.clips[0][1].item, first, second] += 1
            own[SYSTEMS.index(first) < SYSTEMS.index(second)] += 1
        assert abs(own[True] - own[False]) <= len(pages) / 3
    for (item, first, second), count in sides.items():
        assert sides[item, second, first] == count


def test_x_is_either_clip_equally_often() -> None:
    answers = Counter()
    for pages in plan(request("abx")):
        for page in pages:
            a, b, x = (source.system for _, source in page.clips)
            assert page.right == (("first",) if x == a else ("second",)) and x in (a, b)
            answers[page.clips[0][1].item, a, b, x] += 1
    assert len(set(answers.values())) == 1 and len(answers) == len(ITEMS) * 6 * 4


@pytest.mark.parametrize("design", ["acr", "smos", "ccr", "ab", "abx"])
def test_gold_traps_and_repeats_are_strewn(design: str) -> None:
    asked = request(design, gold=2, traps=1, repeats=3)
    plain = plan(request(design))
    positions = []
    for pages, without in zip(plan(asked), plain, strict=True):
        roles = Counter(page.role for page in pages)
        assert (roles[GOLD], roles[TRAP], roles[REPEAT], roles[TEST]) == (2, 1, 3, len(without))
        assert pages[0].role == TEST
        positions += [number for number, page in enumerate(pages) if page.role in (GOLD, TRAP)]
        for number, page in enumerate(pages):
            if page.role == REPEAT:
                before = [n for n, other in enumerate(pages) if other.role == TEST and other.clips == page.clips]
                assert len(before) == 1 and before[0] < number - 1
            if page.role == TRAP:
                tones = int(page.clips[-1][1].form.removeprefix(TONES))
                assert page.right == (asked.choices[tones - 1][0],)
            if page.role == GOLD:
                assert page.right
    assert len(set(positions)) > 5


def test_gold_answers_are_those_of_the_better_clip() -> None:
    for design, forms in (("ccr", {(-3, -2), (2, 3)}), ("ab", {("first",), ("second",)})):
        found = {page.right: [source.system for _, source in page.clips]
                 for page in plan(request(design, gold=6))[0] if page.role == GOLD}  # fmt: skip
        assert set(found) == forms
        for right, systems in found.items():
            better = 0 if right in ((-3, -2), ("first",)) else 1
            assert systems[better] == "natural" and systems[1 - better] == "mnru"
    rated = {page.clips[0][1].system: page.right for page in plan(request("acr", gold=2))[0] if page.role == GOLD}
    assert rated == {"natural": (4, 5), "mnru": (1, 2)}


def test_the_plan_follows_its_seed() -> None:
    asked = request("mushra", anchors=("lp35", "mnru"), repeats=1)
    assert plan(asked) == plan(asked) != plan(replace(asked, seed=6))
    orders = {tuple(source.system for _, source in page.clips[1:]) for pages in plan(asked) for page in pages}
    assert len(orders) > 50  # of 720


def test_an_item_does_not_follow_itself_from_block_to_block() -> None:
    for pages in plan(request("acr", raters=200)):
        assert all(first[0] != second[0] for first, second in pairwise(cells(pages)))


@pytest.mark.parametrize(
    ("design", "more", "code", "words"),
    [
        ("mos", {}, "LISTEN_DESIGN", "no design 'mos'"),
        ("smos", {"reference": ""}, "LISTEN_SYSTEMS", "needs a reference"),
        ("mushra", {"reference": "x"}, "LISTEN_SYSTEMS", "'x', which has no clips"),
        ("ccr", {"systems": ("p",), "reference": ""}, "LISTEN_SYSTEMS", "at least 2"),
        ("acr", {"systems": ("p",), "items": ("a",), "reference": ""}, "LISTEN_SYSTEMS", "one clip only"),
        ("acr", {"systems": ("p", "mnru"), "reference": ""}, "LISTEN_SYSTEMS", "as an anchor"),
        ("mushra", {"systems": ("natural", *map(str, range(10))), "anchors": ("lp35", "mnru")}, "LISTEN_SYSTEMS", "13"),
        ("mushra", {"gold": 1}, "LISTEN_DESIGN", "no place in mushra"),
        ("mushra-nmr", {"traps": 1}, "LISTEN_DESIGN", "no place in mushra-nmr"),
        ("ab", {"anchors": ("lp35",)}, "LISTEN_DESIGN", "Anchors have no place"),
        ("acr", {"anchors": ("lp70",)}, "LISTEN_DESIGN", "no anchor 'lp70'"),
        ("acr", {"against": "p"}, "LISTEN_DESIGN", "compares no pairs"),
        ("ccr", {"against": "z"}, "LISTEN_SYSTEMS", "'z'"),
        ("ccr", {"no_preference": True}, "LISTEN_DESIGN", "no answer 'no preference'"),
        ("acr", {"raters": 0}, "PARAM_RANGE", "raters is 0"),
        ("acr", {"blocks": 5}, "PARAM_RANGE", "blocks is 5"),
        ("acr", {"repeats": 13}, "PARAM_RANGE", "from 0 to 12"),
        ("acr", {"gold": 7}, "PARAM_RANGE", "gold is 7"),
    ],
)
def test_what_does_not_go_together_is_refused(design: str, more: dict, code: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        check(request(design, **more))
    assert caught.value.code == code


def test_one_system_can_be_compared_with_all_others() -> None:
    for pages in plan(request("ccr", against="q")):
        assert {names for _, names in cells(pages)} == {("natural", "q"), ("p", "q"), ("q", "r")}
