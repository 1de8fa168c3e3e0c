"""Mandarin text with digits and symbols to Mandarin text in characters.

Traditional characters become simplified ones, because the dictionaries know those best. What is read how stands in
`kinds_zh.py`; here are the engine and the readings that a template cannot say. Latin words are left as they are: they
belong to the English front end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from gsv_lab.text import kinds_zh
from gsv_lab.text import numbers_zh as num
from gsv_lab.text.rows import kinds

Match = re.Match[str]
Reader = Callable[[Match], str]


@cache
def _converter() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


def simplify(text: str) -> str:
    """Traditional to simplified characters; one character stays one character."""
    if not re.search("[\u3400-\u9fff]", text):
        return text
    return "".join(_simple(c) for c in text)


@cache
def _simple(character: str) -> str:
    converted = _converter().convert(character) if ord(character) > 0x3000 else character
    return converted if len(converted) == 1 else character


def normalise(text: str) -> str:
    """Mandarin text in which every number and symbol is written in characters.

    >>> normalise("今天是2024年5月1日，气温-3.5°C。")
    '今天是二零二四年五月一日，气温零下三点五度。'
    """
    text = simplify(text)
    for pattern, reading in _steps():
        text = pattern.sub(reading, text)
    return text


@cache
def _steps() -> list[tuple[re.Pattern[str], Reader]]:
    steps = []
    for _, pattern, reading in kinds(kinds_zh.KINDS, kinds_zh.SHORTHAND):
        steps.append((pattern, _FUNCTIONS.get(reading) or _template(reading)))
    return steps


class _Group(str):
    """A part of a match that a template can ask to be read in one of the ways of `kinds_zh.py`."""

    def __format__(self, how: str) -> str:
        if not how or not self:
            return str(self)
        if how in "-~":
            return "负" if how == "-" else "零下"
        if how == "u":
            return _NAMES.get(self) or _NAMES[self.lower()]
        if how in "dy":
            return _digits(self, "一" if how == "d" else "幺")
        if how in "iz":
            below_ten = how == "z" and int(self) < 10
            return ("零" if below_ten else "") + num.number(str(int(self)))
        return num.number(self, pair=how == "p")


def _digits(code: str, one: str) -> str:
    """A code with its digits by name; letters stay."""
    return "".join(num.spell_digits(c, one) if c.isdigit() else c for c in code)


def _template(reading: str) -> Reader:
    reading = "" if reading == "-" else reading

    def read(match: Match) -> str:
        groups = map(_Group, (match[0], *match.groups("")))
        return reading.format(*groups)

    return read


def _spoken_clock(hour: str, minute: str, second: str | None = None) -> str:
    hours = num.number(str(int(hour)), pair=True) + "点"
    if second:
        return hours + format(_Group(minute), "z" if int(minute) else "i") + f"分{_Group(second):i}秒"
    ends = {0: "整", 30: "半"}
    return hours + (ends.get(int(minute)) or f"{_Group(minute):z}分")


def _clock(match: Match) -> str:
    score = "比" in match.string[max(match.start() - 6, 0) : match.start()]
    if score or int(match[1]) > 24 or int(match[2]) > 59:
        return f"{num.number(match[1])}比{_Group(match[2]):i}"
    return _spoken_clock(*match.group(1, 2, 3))


def _clock_range(match: Match) -> str:
    return f"{_spoken_clock(*match.group(1, 2))}至{_spoken_clock(*match.group(3, 4))}"


def _phone(match: Match) -> str:
    groups = [num.spell_digits(group, one="幺") for group in re.findall(r"\d+", match[0])]
    return ("加" if match[0].startswith("+") else "") + ",".join(groups)


_NAMES = {**kinds_zh.UNITS, **kinds_zh.MONEY, **kinds_zh.GREEK, **kinds_zh.SYMBOLS}
_FUNCTIONS: dict[str, Reader] = {
    "clock": _clock,
    "clock_range": _clock_range,
    "phone": _phone,
    "version": lambda match: "点".join(map(num.number, match[0].split("."))),
}
