"""The phone inventories: order, numbers, the fold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gsv_lab.text import CTC_SYMBOLS, SYMBOLS, fold
from gsv_lab.text import symbols as s


def test_sizes_and_uniqueness() -> None:
    assert (len(s.SYMBOLS_V1), len(SYMBOLS), len(CTC_SYMBOLS)) == (322, 732, 102)
    assert len(set(SYMBOLS)) == 732 and len(set(CTC_SYMBOLS)) == 102
    assert SYMBOLS[:322] == s.SYMBOLS_V1
    assert list(s.SYMBOLS_V1) == sorted(s.SYMBOLS_V1)


def test_names_and_order_are_those_of_the_released_models(shared: Path) -> None:
    golden = json.loads((shared / "parity" / "symbols.json").read_text(encoding="utf-8"))
    assert list(s.SYMBOLS_V1) == golden["v1"]
    assert list(SYMBOLS) == golden["v2"]


def test_ids() -> None:
    assert s.SYMBOL_ID["!"] == 0
    assert SYMBOLS[s.SYMBOL_ID["ang4"]] == "ang4"
    assert s.SYMBOL_ID["Yyut6"] >= 322


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("AH0", "AH"), ("AA2", "AA"), ("NG", "NG"), ("ang4", "ang"), ("zh", "zh"), ("i05", "i0"), ("E1", "E"),
        ("En4", "En"), ("i1", "i"), ("AA", None), ("EE", None), ("OO", None), (",", None), ("…", None), ("SP2", None),
        ("UNK", None), ("_", None), ("ㄱ", None), ("Yaa1", None), ("[", None), ("N", "N"), ("n", "n"), ("ky", None),
    ],
)  # fmt: skip
def test_fold(name: str, folded: str | None) -> None:
    assert fold(name) == folded


def test_fold_reaches_every_recogniser_class_and_nothing_else() -> None:
    reached = {fold(name) for name in SYMBOLS} - {None}
    assert reached == set(CTC_SYMBOLS[1:])
    assert CTC_SYMBOLS[0] == s.BLANK


def test_the_two_languages_stay_apart() -> None:
    english = {fold(v + "1") for v in s.EN_VOWELS} | {fold(c) for c in s.EN_CONSONANTS}
    mandarin = {fold(f + "1") for f in s.ZH_FINALS} | {fold(i) for i in s.ZH_INITIALS}
    assert not english & mandarin
    assert len(english) == 39 and len(mandarin) == 62
