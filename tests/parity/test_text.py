"""The text front ends against the reference's recorded outputs.

Inventories must be equal. Normalisation and tone sandhi record what the reference returns, mistakes
included; there the two may differ, but only where a reason is written down here, and all of it is listed at the end of
the run. A difference without a reason fails, and so does a reason that is no longer needed; the sentences of another
folder are listed only.
"""

from __future__ import annotations

import itertools
import re
from typing import Any, NamedTuple

import torch

from gsv_lab.text import hanzi, normalise_en, normalise_zh
from gsv_lab.text import symbols as inventory
from gsv_lab.text.clean import clean
from gsv_lab.text.sandhi import apply_sandhi

MANDARIN_REASONS = {
    "电话是13812345678，座机010-12345678。": "the reference reads the hyphen of an area code as minus",
    "比赛比分是3:2，时间是12:30。": "the reference leaves the colon of a score",
    "速度为100km/h，重量5kg。": "the reference reads km of km/h and leaves h",
    "5+3=8，7-2=5，2×3=6，8÷4=2。": "the reference says 除 for the sign that is read 除以",
    "下午3:05:20开始，08:30~10:15结束。": "the reference repeats the half hour of the first time in the second",
    "面積為12平方米，價格是￥100。": "the reference leaves the yen sign and reads the amount digit by digit",
    "编号A-001，房号302。": "the reference reads the hyphen of a code as minus",
    "我有1000000元和0.05元。": "the reference reads long amounts digit by digit",
    "x^2+y^3": "the reference drops the power",
    "负数-5和-3.2。": "the reference says 三零点二 for -3.2",
    "400-820-8820请拨打": "the reference reads the hyphens of a service number as minus",
    "10月1日-10月7日放假": "the reference reads the hyphen between two dates as minus",
}
ENGLISH_REASONS = {
    "At 10:30 p.m. on 5/12": "the reference says a.m. and p.m.",
    "The temperature is -5 degrees, 3.14 radians.": "minus here, negative there, glued to the word before it",
    "1/2 cup, 3/4 mile": "three quarters here, three fourths there",
    "Dr. Smith vs. Mr. Jones": "the reference leaves abbreviations to its dictionary",
    "5kg and 10km": "the reference glues the number to kg and leaves the unit",
    "He ran 26.2mi in 2h": "the reference leaves mi and h",
    "No. 7 is 100%": "the reference leaves No.",
    "the 2nd and 103rd": "American reading here, with and there",
}
# Character and what the rule here says that the reference does not.
SANDHI_REASONS = {
    ("展览馆里有很多小老鼠", 3): "里 after a noun is light here",
    ("展览馆里有很多小老鼠", 4): "有 before 很多: third tones meet; the reference has joined 里 and 有 instead",
    ("好好学习天天向上", 0): "好好 here is an adverb with two full tones; the reference makes every doubled noun light",
    ("好好学习天天向上", 1): "the same",
    ("好好学习天天向上", 7): "上 of 向上 is no locative",
}


def bare_mandarin(text: str) -> str:
    return re.sub(r"[，。、！？,.!?\s]", "", text)


def bare_english(text: str) -> str:
    return " ".join(re.findall("[a-z]+", text.lower()))


class Compared(NamedTuple):
    """One sentence or tone: what is said here, what there."""

    key: Any
    ours: str
    theirs: str


def settle(parity: Any, item: str, rows: list[Compared], reasons: dict[Any, str]) -> None:
    """Enter the share that differs and list every difference with its reason.

    In the default folder each difference needs a reason, and each reason a difference; another folder's are listed.
    """
    different = [row for row in rows if row.ours != row.theirs]
    for row in different:
        parity.differ(item, str(row.key), row.ours, row.theirs, reasons.get(row.key, "no reason written down yet"))
    agreeing = {row.key for row in rows} - {row.key for row in different}
    needless = [key for key in reasons if key in agreeing]
    unexplained = [row.key for row in different if row.key not in reasons]
    assert not needless, needless
    assert not (parity.default and unexplained), unexplained
    share = torch.tensor(len(different) / len(rows), dtype=torch.float64)
    parity.close(f"{item}: share that differs", share, torch.tensor(0.0), rtol=0, atol=float(share) + 1e-9)


def test_inventories(parity: Any) -> None:
    golden = parity.json("symbols")
    for version, names in (("v1", inventory.SYMBOLS_V1), ("v2", inventory.SYMBOLS)):
        ids = torch.tensor([names.index(name) if name in names else -1 for name in golden[version]])
        parity.equal(f"symbols {version}", ids, torch.arange(len(names)))


def test_mandarin_normaliser(parity: Any) -> None:
    rows = []
    for case in parity.json("text_front", "zh_normalise"):
        ours = bare_mandarin(normalise_zh.normalise(clean(case["text"]).text))
        rows.append(Compared(case["text"], ours, bare_mandarin("".join(case["sentences"]))))
    settle(parity, "text_front zh_normalise", rows, MANDARIN_REASONS)


def test_english_normaliser(parity: Any) -> None:
    rows = []
    for case in parity.json("text_front", "en_normalise"):
        ours = bare_english(normalise_en.normalise(clean(case["text"]).text))
        rows.append(Compared(case["text"], ours, bare_english(case["out"])))
    settle(parity, "text_front en_normalise", rows, ENGLISH_REASONS)


def test_tone_sandhi(parity: Any) -> None:
    rows = []
    for case in parity.json("text_front", "tone_sandhi"):
        chunks = re.findall("[一-龥]+", case["text"])
        ours = [s[-1] for chunk in chunks for _, _, read in apply_sandhi(hanzi.segment(chunk)) for s in read]
        theirs = [final[-1] for word in case["words"] for final in word["finals_out"] if final[-1].isdigit()]
        pairs = enumerate(itertools.zip_longest(ours, theirs, fillvalue=""))
        rows += [Compared((case["text"], index), mine, reference) for index, (mine, reference) in pairs]
    settle(parity, "text_front tone_sandhi, tones", rows, SANDHI_REASONS)
