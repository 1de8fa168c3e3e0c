"""English number words: cardinals, ordinals, years, decimals, digits one by one.

`normalise_en.py` decides which reading a number takes.
"""

from __future__ import annotations

import re

from gsv_lab.errors import TextError
from gsv_lab.text.tables_en import pairs

DIGIT_LIMIT = 200
"""Longest number that is read at all, in digits."""

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion")
_IRREGULAR = pairs("one: first; two: second; three: third; five: fifth; eight: eighth; nine: ninth; twelve: twelfth")


def check_digits(digits: str) -> None:
    """Refuses numbers that nobody would want read.

    Raises:
        TextError: NORMALISE_LIMIT above `DIGIT_LIMIT` digits.
    """
    count = sum(c.isdigit() for c in digits)
    if count > DIGIT_LIMIT:
        raise TextError(
            "NORMALISE_LIMIT", f"A number has {count:,} digits", f"at most {DIGIT_LIMIT}", "Cut it or write it in words"
        )


def spell_digits(digits: str, zero: str = "zero") -> str:
    """Each digit by its name; other characters are skipped."""
    check_digits(digits)
    return " ".join(zero if c == "0" else _ONES[int(c)] for c in digits if c.isdigit())


def _below_thousand(number: int) -> str:
    words = []
    hundreds, rest = divmod(number, 100)
    if hundreds:
        words = [_ONES[hundreds], "hundred"]
    if rest >= 20:
        ten, one = divmod(rest, 10)
        words.append(f"{_TENS[ten]}-{_ONES[one]}" if one else _TENS[ten])
    elif rest or not words:
        words.append(_ONES[rest])
    return " ".join(words)


def cardinal(digits: str) -> str:
    """A whole number in words; beyond quintillions, or with leading zeros, digit by digit.

    >>> cardinal("1234567")
    'one million two hundred thirty-four thousand five hundred sixty-seven'
    """
    check_digits(digits)
    if len(digits) > 21 or (len(digits) > 1 and digits[0] == "0"):
        return spell_digits(digits)
    number, words = int(digits), ""
    for scale in _SCALES:
        number, group = divmod(number, 1000)
        if group:
            words = f"{_below_thousand(group)} {scale} {words}"
    return " ".join(words.split()) or "zero"


def ordinal(digits: str) -> str:
    """A whole number as an ordinal.

    >>> ordinal("21"), ordinal("100"), ordinal("12")
    ('twenty-first', 'one hundredth', 'twelfth')
    """
    return ordinal_of(cardinal(digits))


def ordinal_of(words: str) -> str:
    """The ordinal of a cardinal in words."""
    head, hyphen, last = words.rpartition("-") if "-" in words.split(" ")[-1] else words.rpartition(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "th"
    return f"{head}{hyphen}{last}"


def year(digits: str) -> str:
    """A year of three or four digits as it is spoken.

    >>> year("1905"), year("2024"), year("2007"), year("1900")
    ('nineteen oh five', 'twenty twenty-four', 'two thousand seven', 'nineteen hundred')
    """
    number = int(digits)
    if number < 1000 or number % 1000 == 0 or 2000 <= number < 2010:
        return cardinal(str(number))
    century, rest = divmod(number, 100)
    if rest == 0:
        return f"{_below_thousand(century)} hundred"
    return f"{_below_thousand(century)} {'oh ' if rest < 10 else ''}{_below_thousand(rest)}"


def decade(digits: str) -> str:
    """A decade written with its last s, without that s: 1990 -> nineteen nineties."""
    words = year(digits) if len(digits) == 4 else cardinal(digits)
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def number(text: str) -> str:
    """A number with an optional sign, thousands separators and decimals.

    >>> number("-1,200.05")
    'minus one thousand two hundred point zero five'
    """
    sign = "minus " if text.startswith("-") else "plus " if text.startswith("+") else ""
    whole, _, decimals = text.lstrip("+-").replace(",", "").partition(".")
    words = cardinal(whole) if whole else "zero"
    return sign + words + (f" point {spell_digits(decimals)}" if decimals else "")


_DENOMINATORS = {"2": ("half", "halves"), "4": ("quarter", "quarters")}


def fraction(above: str, below: str) -> str:
    """A fraction: 1/2 -> one half, 3/4 -> three quarters, 7/120 -> seven over one hundred twenty."""
    improper = len(above) > 1 and int(above) > int(below)
    if improper or int(below) < 2 or (len(below) > 2 and below not in ("100", "1000")):
        return f"{cardinal(above)} over {cardinal(below)}"
    single = int(above) == 1
    if below in _DENOMINATORS:
        name = _DENOMINATORS[below][not single]
    else:
        name = ordinal(below) + ("" if single else "s")
    return f"{cardinal(above)} {name}"


_ROMAN = {"M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1}
_ROMAN_NUMERAL = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


def roman(numeral: str) -> int:
    """The value of a Roman numeral; 0 if it is not written the standard way."""
    if not _ROMAN_NUMERAL.fullmatch(numeral):
        return 0
    values = [_ROMAN[letter] for letter in numeral]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))
