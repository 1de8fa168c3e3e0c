"""Readers of the English normaliser: what a kind of `kinds_en.py` calls by name to say a part of what it found.

`READERS` take the text of a group, `MATCH_READERS` the whole match, where one part decides how another is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gsv_lab.text import numbers_en as num
from gsv_lab.text import tables_en as words
from gsv_lab.text.stops_en import sentence_stop

Match = re.Match[str]
Reader = Callable[[str], str]
_PRONOUN = re.compile(
    r"\s(?!(?:was|were|is|of|and|or|to|in|had|ruled|reigned|died|became|by|came|ended|began|on|the|at)\b)[a-z']"
)
"""What goes on like this after I has no numeral: "the part I like"."""
_SEQUEL = re.compile("II|IV|VI|IX|(?!X{3}$)[IVX]{3,}|.{5,}")
"""Numerals after any other name, as of a sequel; shorter ones may be letters."""


def _number_of(digits: str) -> str:
    return num.cardinal(str(int(digits)))


def _ordinal_of(digits: str) -> str:
    return num.ordinal(str(int(digits)))


def _comma_year(digits: str) -> str:
    return f", {num.year(digits)}" if digits else ""


def _month_day(text: str) -> str:
    name, space, rest = text.partition(" ")
    return READERS["month"](name) + space + rest


def _decade(text: str) -> str:
    return num.decade(re.sub(r"\D", "", text))


def _inches(number: str) -> str:
    return f"{num.number(number)} {'inch' if number == '1' else 'inches'}"


def _telephone(text: str) -> str:
    groups = re.findall(r"\d+", text)
    plus = "plus " if text.startswith("+") else ""
    return plus + ", ".join(num.spell_digits(group, zero="oh" if len(group) > 1 else "zero") for group in groups)


def _address(text: str) -> str:
    address = text.rstrip(".,")
    said = re.sub("^https?://", "", address).rstrip("/")
    said = re.sub(r"\bwww\b", "w w w", said).translate(words.ADDRESS_SIGNS)
    return " ".join(said.split()) + text[len(address) :]


def _unit(symbol: str) -> str:
    return words.UNITS[re.sub(r"\.?\s", " ", symbol)]


def plural(name: str) -> str:
    """The plural of a unit; what it is of or for stays: "mile per hour" -> "miles per hour"."""
    counted = r"[^ ]+(?= (?:per|of|Celsius|Fahrenheit|Kelvin)\b|$)"
    return words.PLURALS.get(name) or re.sub(counted, lambda word: _plural(word[0]), name, count=1)


def _plural(word: str) -> str:
    return words.PLURALS.get(word, word + "s")


def _looked_up(table: dict[str, str]) -> Reader:
    """A reader that knows its words as they stand or in small letters, with or without a dot; others stay."""

    def reader(text: str) -> str:
        word = text.strip(" .")
        return table.get(word) or table.get(word.lower()) or text.strip()

    return reader


def _joined(sign: str, word: str, reader: Reader = num.number) -> Reader:
    """A reader of numbers with a sign between them: 16:9 -> sixteen to nine."""
    return lambda text: f" {word} ".join(map(reader, text.split(sign)))


def _after(lead: str, reader: Reader, trail: str = "") -> Reader:
    """A reader of an optional group."""
    return lambda text: f"{lead}{reader(text)}{trail}" if text else ""


READERS: dict[str, Reader] = {
    "number": num.number,
    "cardinal": _number_of,
    "ordinal": lambda text: num.ordinal(text.replace(",", "")),
    "digits": num.spell_digits,
    "decade": _decade,
    "plural": _decade,
    "comma_year": _comma_year,
    "roman": lambda text: _number_of(text) if text.isdigit() else num.cardinal(str(num.roman(text))),
    "letters": lambda text: " ".join(filter(str.isalpha, text.upper())),
    "month_day": _month_day,
    "and": lambda text: ", " if text == "/" else text.replace("&", "and"),
    "month_number": lambda text: words.MONTHS[int(text) - 1],
    "ordinal_day": _ordinal_of,
    "short_year": lambda text: f"oh {_number_of(text)}" if text[0] == "0" else _number_of(text),
    "units": lambda text: plural(_unit(text)),
    "the": lambda text: text.strip() or "the",
    "half": lambda text: text.strip()[0].upper() + " M",
    "to": _after(" to ", _number_of),
    "seconds": _after(" ", num.number, " seconds"),
    "minor": _after(" minor", lambda _: ""),
    "inches": _inches,
    "coins": lambda sign: words.MONEY[sign][1],
    "telephone": _telephone,
    "address": _address,
    "hashtag": lambda text: re.sub(r"(?<=[a-z])(?=[A-Z\d])|_", " ", text),
    "ratio": _joined(":", "to"),
    "rating": _joined("/", "out of"),
    "points": _joined(".", "point", num.cardinal),
    "month": _looked_up(words.MONTH_SHORT),
    "day": _looked_up(words.DAYS),
    "scale": _after(" ", _looked_up(words.MAGNITUDE)),
    "degree": _looked_up({"Ph": "P H", "Sc": "S C"}),
    "file": _looked_up(words.FILE_ENDINGS),
    "programming": _looked_up(words.PROGRAMMING),
    "slashed": _looked_up(words.SLASHED),
    "numbered": _looked_up(words.NUMBERED),
    "numbered_dot": _looked_up(words.NUMBERED_WITH_DOT),
    "street": _looked_up(words.STREETS),
    "title": _looked_up(words.TITLES | words.TITLES_WITHOUT_DOT),
    "short": _looked_up(words.SHORT_FORMS),
    "short_word": _looked_up(words.SHORT_WORDS),
    "per": _looked_up(words.PER),
    "unit": _looked_up(words.UNITS),
    "currency": _looked_up(words.CURRENCY_CODES),
    "greek": _looked_up(words.GREEK),
    "symbol": _looked_up(words.SYMBOLS),
}


def _arithmetic(match: Match) -> str:
    """Operators in words; without one that only arithmetic has, it is a range or a fraction and stays."""
    text = match[0]
    if not re.search(r"[+*×÷=<>≤≥≈≠]", text):
        return text
    # A stroke between terms is that of a fraction, which a later kind reads.
    terms = re.search(r"[+*×÷]|(?<=[\w%)])\s?-", text)
    signs = "-+*×÷=<>≤≥≈≠" + ("" if terms else "/")
    text = re.sub(r"(?<=\d)\s?x\s?(?=\d)", " times ", text)
    return re.sub(rf"(?<=[\w%)])\s?([{signs}])\s?", lambda sign: f" {words.OPERATORS[sign[1]]} ", text)


def _shares(match: Match) -> str:
    shares = match[0].split("/")
    return " ".join(map(num.cardinal, shares)) if sum(map(int, shares)) == 100 else match[0]


def _date(match: Match) -> str:
    """A date in numbers, the year first or last; the month comes before the day, unless it cannot be a month."""
    first, month, day = match[1], match[3], match[4]
    year = first
    if len(first) < 4:
        year, month, day = day, first, month
        if int(month) > 12:
            month, day = day, month
    if len(year) == 2:
        year = ("19" if int(year) > 50 else "20") + year
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return match[0]
    return f"{words.MONTHS[int(month) - 1]} {_ordinal_of(day)}{_comma_year(year)}"


def _time(match: Match) -> str:
    hour, minute, second, half = match.groups()
    if int(hour) > 24 or int(minute) > 59:
        return f"{_number_of(hour)} to {_number_of(minute)}"
    spoken = _number_of(hour)
    if int(minute):
        spoken += f" {READERS['short_year'](minute)}"
    elif not half and not second:
        spoken += " o'clock" if 1 <= int(hour) <= 12 else " hundred"
    if second:
        spoken += f" and {_number_of(second)} seconds"
    return f"{spoken} {READERS['half'](half)}{_stop(match)}" if half else spoken


def _stop(match: Match) -> str:
    """The full stop of an abbreviation at the end, if it also ends a sentence."""
    return sentence_stop(match.string, match.end(), "halt") if match[0].endswith(".") else ""


def _money(match: Match) -> str:
    sign, country, symbol, amount, scale = match.groups()
    one, many, one_part, many_part = words.MONEY[symbol]
    lead = ("minus " if sign else "") + words.MONEY_PREFIXES.get(country, "")
    if scale:
        return f"{lead}{num.number(amount)}{READERS['scale'](scale)} {many}"
    whole, _, part = amount.replace(",", "").partition(".")
    part = part if whole else part.ljust(2, "0")
    if len(part) != 2 or not many_part:
        return f"{lead}{num.number(amount)} {one if amount == '1' else many}"
    spoken = [_counted(whole or "0", one, many), _counted(part, one_part, many_part)]
    return lead + (" and ".join(filter(None, spoken)) or f"zero {many}")


def _counted(digits: str, one: str, many: str) -> str:
    """A number with what it counts; nothing for none."""
    if not int(digits):
        return ""
    return f"{_number_of(digits)} {one if int(digits) == 1 else many}"


def _powered(symbol: str, power: str | None) -> str:
    unit = _unit(symbol)
    if not power:
        return unit
    square = power[-1] == "2"
    if unit == "second":
        return "second squared" if square else "second cubed"
    return f"{'square' if square else 'cubic'} {unit}"


def _measure(match: Match) -> str:
    sign, amount, symbol, power, per, per_power = match.groups()
    if symbol == "in" and not power:
        return match[0]  # "3 in a row" is no length
    unit = _powered(symbol, power)
    spoken = f"{num.number(sign + amount)} {unit if amount == '1' else plural(unit)}"
    if per:
        spoken += f" per {_powered(per, per_power)}"
    return spoken + _stop(match)


def _mixed_fraction(match: Match) -> str:
    if not int(match[3]):
        return match[0]
    part = re.sub("^one ", "a ", num.fraction(match[2], match[3]))
    return f"{num.cardinal(match[1])} and {part}"


def _range(match: Match) -> str:
    first, second = match[1], match[2]
    if not re.fullmatch(r"(?:1[789]|20)\d\d", first) or len(second) not in (2, 4):
        return f"{num.number(first)} to {num.number(second)}"
    return f"{num.year(first)} to {num.year(second) if len(second) == 4 else _number_of(second)}"


def _roman_list(match: Match) -> str:
    lead, numerals = match[0][: len(match[1])], match[0][len(match[1]) :]
    listed = re.sub(r"\s?[-—~]\s?", " to ", numerals)
    return lead + re.sub("[IVXL]+", lambda numeral: _cardinal_of(numeral[0]), listed)


def _cardinal_of(numeral: str) -> str:
    value = num.roman(numeral)
    return num.cardinal(str(value)) if value else numeral


def _roman_numeral(match: Match) -> str:
    """A cardinal after what is counted and in a sequel, an ordinal after a name that is passed on."""
    lead, numeral = match[1], match[2]
    value = num.roman(numeral)
    first, last = lead.split()[0], lead.split()[-1]
    if not value or (numeral == "I" and _PRONOUN.match(match.string, match.end())):
        return match[0]
    if last.lower() in words.COUNTED:
        return f"{lead} {num.cardinal(str(value))}"
    passed_on = first in words.RULERS and first != last and numeral in ("II", "III", "IV")
    if passed_on or last in words.RULERS or first in words.CROWNS:
        return f"{lead} the {num.ordinal(str(value))}"
    return f"{lead} {num.cardinal(str(value))}" if _SEQUEL.fullmatch(numeral) else match[0]


def _plain_number(match: Match) -> str:
    digits = match[1]
    before = match.string[max(match.start() - 12, 0) : match.start()]
    year = "number" not in before and bool(re.fullmatch(r"1[1-9]\d\d|20\d\d", digits))
    if re.fullmatch(r"10(?!00)\d\d", digits):
        year = bool(re.search(r"(?i)\b(?:in|since|until|till|before|after|around|year|by|ad|of) $", before))
    return f" {num.year(digits) if year else num.number(digits)} "


MATCH_READERS: dict[str, Callable[[Match], str]] = {
    "arithmetic": _arithmetic,
    "shares": _shares,
    "date": _date,
    "time": _time,
    "money": _money,
    "measure": _measure,
    "mixed_fraction": _mixed_fraction,
    "fraction": lambda match: num.fraction(match[1], match[2]),
    "range": _range,
    "roman_list": _roman_list,
    "roman": _roman_numeral,
    "plain_number": _plain_number,
}
