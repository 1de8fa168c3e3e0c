"""Mandarin number words: whole numbers, decimals, digits one by one.

`normalise_zh.py` decides which reading a number takes.
"""

from __future__ import annotations

from gsv_lab.text.numbers_en import check_digits

DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")


def spell_digits(digits: str, one: str = "一") -> str:
    """Each digit by its name; `one="幺"` for telephone and room numbers."""
    check_digits(digits)
    return "".join(one if c == "1" else DIGITS[int(c)] for c in digits if c.isdigit())


def _below_ten_thousand(number: int, leading: bool) -> str:
    """Four digits; inner zeros are read once, `leading` drops the one of 一十."""
    out, pending_zero = "", False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit == 0:
            pending_zero = bool(out)
            continue
        out += ("零" if pending_zero else "") + DIGITS[digit] + _PLACES[place]
        pending_zero = False
    return out[1:] if leading and out.startswith("一十") else out


def cardinal(digits: str) -> str:
    """A whole number; beyond 16 digits, or with leading zeros, digit by digit.

    >>> cardinal("10001"), cardinal("123456789"), cardinal("15"), cardinal("2000")
    ('一万零一', '一亿二千三百四十五万六千七百八十九', '十五', '二千')
    """
    check_digits(digits)
    if len(digits) > 16 or (len(digits) > 1 and digits[0] == "0"):
        return spell_digits(digits)
    number = int(digits)
    if number == 0:
        return DIGITS[0]
    groups = []
    while number:
        groups.append(number % 10000)
        number //= 10000
    out = ""
    for index in range(len(groups) - 1, -1, -1):
        group = groups[index]
        if not group:
            continue
        gap = bool(out) and (group < 1000 or groups[index + 1] == 0)
        out += ("零" if gap else "") + _below_ten_thousand(group, leading=not out) + _GROUPS[index]
    return out


def number(text: str, pair: bool = False) -> str:
    """A number with an optional sign, thousands separators and decimals.

    Args:
        text: for example `-1,200.5`.
        pair: read a lone 2, and a leading 2 of thousands and more, as 两 (before measure words).

    >>> number("-3.5"), number("2", pair=True), number("2000", pair=True)
    ('负三点五', '两', '两千')
    """
    sign = "负" if text.startswith("-") else ""
    whole, _, decimals = text.lstrip("+-").replace(",", "").partition(".")
    words = cardinal(whole) if whole else DIGITS[0]
    if pair and not decimals and (words == "二" or words[:2] in ("二千", "二万", "二亿")):
        words = "两" + words[1:]
    return sign + words + (f"点{spell_digits(decimals)}" if decimals else "")
