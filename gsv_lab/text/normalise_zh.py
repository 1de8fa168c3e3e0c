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

Match = re.Match[str]
UNIT_PATTERN = kinds_zh.UNIT_PATTERN


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
def _steps() -> list[tuple[re.Pattern[str], Callable[[Match], str]]]:
    steps: list[tuple[re.Pattern[str], Callable[[Match], str]]] = []
    for row in kinds_zh.KINDS.strip().splitlines():
        if row.startswith("#"):
            continue
        _, pattern, reading = (column.strip() for column in row.split(" | "))
        for short, long in kinds_zh.SHORTHAND.items():
            pattern = pattern.replace(f"<{short}>", long)
        steps.append((re.compile(pattern), _FUNCTIONS.get(reading) or _template("" if reading == "-" else reading)))
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


def _template(reading: str) -> Callable[[Match], str]:
    def read(match: Match) -> str:
        groups = (_Group(group or "") for group in (match.group(), *match.groups()))
        return reading.format(*groups)

    return read


def _spoken_clock(hour: str, minute: str, second: str | None = None) -> str:
    spoken = f"{num.number(str(int(hour)), pair=True)}点"
    minutes = num.number(str(int(minute)))
    zero = "零" if 0 < int(minute) < 10 else ""
    if second:
        return f"{spoken}{zero}{minutes}分{num.number(str(int(second)))}秒"
    if int(minute) == 30:
        return spoken + "半"
    if int(minute) == 0:
        return spoken + "整"
    return f"{spoken}{zero}{minutes}分"


def _clock(match: Match) -> str:
    score = "比" in match.string[max(match.start() - 6, 0) : match.start()]
    if score or int(match.group(1)) > 24 or int(match.group(2)) > 59:
        return f"{num.number(match.group(1))}比{num.number(str(int(match.group(2))))}"
    return _spoken_clock(*match.group(1, 2, 3))


def _clock_range(match: Match) -> str:
    return f"{_spoken_clock(*match.group(1, 2))}至{_spoken_clock(*match.group(3, 4))}"


def _phone(match: Match) -> str:
    groups = [num.spell_digits(group, one="幺") for group in re.findall(r"\d+", match.group())]
    return ("加" if match.group().startswith("+") else "") + ",".join(groups)


def _version(match: Match) -> str:
    return "点".join(num.number(part) for part in match.group().split("."))


_NAMES = {**kinds_zh.UNITS, **kinds_zh.MONEY, **kinds_zh.GREEK, **kinds_zh.SYMBOLS}
_FUNCTIONS: dict[str, Callable[[Match], str]] = {
    "clock": _clock,
    "clock_range": _clock_range,
    "phone": _phone,
    "version": _version,
}
