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
_PRONOUN = re.compile(
    r"\s(?!(?:was|were|is|of|and|or|to|in|had|ruled|reigned|died|became|by|came|ended|began|on|the|at)\b)[a-z']"
)
"""What goes on like this after I has no numeral: "the part I like"."""


def _number_of(digits: str) -> str:
    return num.cardinal(str(int(digits)))


def _comma_year(digits: str) -> str:
    return f", {num.year(digits)}" if digits else ""


def _letters(text: str) -> str:
    return " ".join(c.upper() for c in text if c.isalpha())


def _month(name: str) -> str:
    return words.MONTH_SHORT.get(name.rstrip("."), name)


def _month_day(text: str) -> str:
    name, space, rest = text.partition(" ")
    return _month(name) + space + rest


def _day(name: str) -> str:
    return words.DAYS.get(name.rstrip("."), name)


def _decade(text: str) -> str:
    return num.decade("".join(c for c in text if c.isdigit()))


def _roman(text: str) -> str:
    return num.cardinal(text if text.isdigit() else str(num.roman(text)))


def _scale(name: str) -> str:
    name = name.strip()
    return f" {words.MAGNITUDE.get(name, name)}" if name else ""


def _inches(number: str) -> str:
    return f"{num.number(number)} {'inch' if number == '1' else 'inches'}"


def _telephone(text: str) -> str:
    groups = re.findall(r"\d+", text)
    plus = "plus " if text.startswith("+") else ""
    return plus + ", ".join(num.spell_digits(group, zero="oh" if len(group) > 1 else "zero") for group in groups)


def _address(text: str) -> str:
    address = text.rstrip(".,")
    tail = text[len(address) :]
    address = re.sub(r"^https?://", "", address).rstrip("/")
    address = re.sub(r"\bwww\b", "w w w", address)
    address = re.sub(r"\d+", lambda m: f" {num.spell_digits(m.group())} ", address)
    return (
        " ".join("".join(f" {words.ADDRESS_SIGNS[c]} " if c in words.ADDRESS_SIGNS else c for c in address).split())
        + tail
    )


def _hash_tag(text: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z\d])|_", " ", text)


def plural(name: str) -> str:
    """The plural of a unit; what it is of or for stays: "mile per hour" -> "miles per hour"."""
    head, rest = re.fullmatch(r"(.*?)((?: (?:per|of|Celsius|Fahrenheit|Kelvin)\b.*)?)", name).groups()  # type: ignore[union-attr]
    before, space, last = head.rpartition(" ")
    return (
        words.PLURALS.get(name)
        or before + space + (last if last.endswith("hertz") else words.PLURALS.get(last, last + "s")) + rest
    )


def _looked_up(table: dict[str, str]) -> Callable[[str], str]:
    """A reader that knows its words as they stand or in small letters; others stay as they are."""
    return lambda text: table.get(text) or table.get(text.lower()) or text


def _joined(sign: str, word: str, reader: Callable[[str], str] = num.number) -> Callable[[str], str]:
    """A reader of numbers with a sign between them: 16:9 -> sixteen to nine."""
    return lambda text: f" {word} ".join(map(reader, text.split(sign)))


def _after(lead: str, reader: Callable[[str], str], trail: str = "") -> Callable[[str], str]:
    """A reader of an optional group."""
    return lambda text: f"{lead}{reader(text)}{trail}" if text else ""


READERS: dict[str, Callable[[str], str]] = {
    "number": num.number,
    "cardinal": _number_of,
    "ordinal": lambda text: num.ordinal(text.replace(",", "")),
    "digits": num.spell_digits,
    "decade": _decade,
    "plural": _decade,
    "comma_year": _comma_year,
    "roman": _roman,
    "letters": _letters,
    "month": _month,
    "month_day": _month_day,
    "day": _day,
    "and": lambda text: ", " if text == "/" else text.replace("&", "and"),
    "month_number": lambda text: words.MONTHS[int(text) - 1],
    "ordinal_day": lambda text: num.ordinal(str(int(text))),
    "short_year": lambda text: f"oh {_number_of(text)}" if text[0] == "0" else _number_of(text),
    "units": lambda text: plural(words.UNITS[re.sub(r"\.?\s", " ", text)]),
    "the": lambda text: text.strip() or "the",
    "half": lambda text: text.strip()[0].upper() + " M",
    "to": _after(" to ", _number_of),
    "seconds": _after(" ", num.number, " seconds"),
    "minor": _after(" minor", lambda _: ""),
    "inches": _inches,
    "scale": _scale,
    "coins": lambda sign: words.MONEY[sign][1],
    "telephone": _telephone,
    "address": _address,
    "hashtag": _hash_tag,
    "ratio": _joined(":", "to"),
    "rating": _joined("/", "out of"),
    "points": _joined(".", "point", num.cardinal),
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
    fraction = re.search(r"[+*×÷]|(?<=[\w%)])\s?-", text)
    text = re.sub(r"(?<=\d)\s?x\s?(?=\d)", " times ", text)

    def operator(sign: Match) -> str:
        stays = sign[0] == "/" and fraction
        return sign[0] if stays else f" {words.OPERATORS[sign[1]]} "

    return re.sub(r"(?<=[\w%)])\s?([-+*×÷/=<>≤≥≈≠])\s?", operator, text)


def _shares(match: Match) -> str:
    first, second = match[0].split("/")
    return f"{num.cardinal(first)} {num.cardinal(second)}" if int(first) + int(second) == 100 else match[0]


def _date(year: str, month: str, day: str) -> str:
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return ""
    return f"{words.MONTHS[int(month) - 1]} {num.ordinal(str(int(day)))}{_comma_year(year)}"


def _iso_date(match: Match) -> str:
    return _date(match[1], match[3], match[4]) or match[0]


def _slash_date(match: Match) -> str:
    first, second, year = match[1], match[3], match[4]
    if int(first) > 12 >= int(second):
        first, second = second, first
    if len(year) == 2:
        year = ("19" if int(year) > 50 else "20") + year
    return _date(year, first, second) or match[0]


def _time(match: Match) -> str:
    hour, minute, second, half = match.groups()
    if int(hour) > 24 or int(minute) > 59:
        return f"{_number_of(hour)} to {_number_of(minute)}"
    spoken = _number_of(hour)
    if int(minute):
        spoken += f" {'oh ' if int(minute) < 10 else ''}{_number_of(minute)}"
    elif not half and not second:
        spoken += " o'clock" if 1 <= int(hour) <= 12 else " hundred"
    if second:
        spoken += f" and {_number_of(second)} seconds"
    if not half:
        return spoken
    stop = sentence_stop(match.string, match.end(), "halt") if half.endswith(".") else ""
    return f"{spoken} {READERS['half'](half)}{stop}"


def _money(match: Match) -> str:
    sign, country, symbol, amount, scale = match.groups()
    one, many, one_part, many_part = words.MONEY[symbol]
    lead = ("minus " if sign else "") + words.MONEY_PREFIXES.get(country, "")
    if scale:
        return f"{lead}{num.number(amount)}{_scale(scale)} {many}"
    whole, _, part = amount.replace(",", "").partition(".")
    part = part if whole else part.ljust(2, "0")
    if len(part) != 2 or not many_part:
        return f"{lead}{num.number(amount)} {one if amount == '1' else many}"
    spoken = []
    if int(whole or "0"):
        spoken.append(f"{num.cardinal(whole)} {one if int(whole) == 1 else many}")
    if int(part):
        spoken.append(f"{_number_of(part)} {one_part if int(part) == 1 else many_part}")
    return lead + (" and ".join(spoken) or f"zero {many}")


def _powered(unit: str, power: str | None) -> str:
    if not power:
        return unit
    if unit == "second":
        return "second squared" if power[-1] == "2" else "second cubed"
    return f"{'square' if power[-1] == '2' else 'cubic'} {unit}"


def _measure(match: Match) -> str:
    sign, amount, symbol, power, per, per_power = match.groups()
    if symbol == "in" and not power:
        return match[0]  # "3 in a row" is no length
    name = _powered(words.UNITS[re.sub(r"\.?\s", " ", symbol)], power)
    spoken = f"{num.number(sign + amount)} {name if amount == '1' else plural(name)}"
    if per:
        spoken += f" per {_powered(words.UNITS[per], per_power)}"
    return spoken + (sentence_stop(match.string, match.end(), "halt") if match[0].endswith(".") else "")


def _mixed_fraction(match: Match) -> str:
    if not int(match[3]):
        return match[0]
    spoken = num.fraction(match[2], match[3])
    return f"{num.cardinal(match[1])} and {'a ' + spoken[4:] if spoken.startswith('one ') else spoken}"


def _fraction(match: Match) -> str:
    return num.fraction(match[1], match[2])


def _range(match: Match) -> str:
    first, second = match[1], match[2]
    if len(first) == 4 and len(second) in (2, 4) and first[:2] in ("17", "18", "19", "20"):
        return f"{num.year(first)} to {num.year(second) if len(second) == 4 else _number_of(second)}"
    return f"{num.number(first)} to {num.number(second)}"


def _roman_list(match: Match) -> str:
    def cardinal(numeral: Match) -> str:
        value = num.roman(numeral[0])
        return num.cardinal(str(value)) if value else numeral[0]

    start = match.end(1) - match.start()
    listed = re.sub(r"\s?[-—~]\s?", " to ", match[0][start:])
    return match[0][:start] + re.sub(r"\b[IVXL]+\b", cardinal, listed)


def _roman_numeral(match: Match) -> str:
    """A cardinal after what is counted and in a sequel, an ordinal after a name that is passed on."""
    lead, numeral = match[1], match[2]
    value = num.roman(numeral)
    first, last = lead.split()[0], lead.split()[-1]
    if not value or (numeral == "I" and _PRONOUN.match(match.string, match.end())):
        return match[0]
    if last.lower() in words.COUNTED:
        return f"{lead} {num.cardinal(str(value))}"
    ruler = last in words.RULERS or first in words.CROWNS
    if ruler or (first in words.RULERS and first != last and numeral in ("II", "III", "IV")):
        return f"{lead} the {num.ordinal(str(value))}"
    sequel = (
        numeral in ("II", "IV", "VI", "IX") or (len(numeral) > 2 and set(numeral) <= set("IVX")) or len(numeral) > 4
    )
    return f"{lead} {num.cardinal(str(value))}" if sequel and numeral != "XXX" else match[0]


def _plain_number(match: Match) -> str:
    digits = match[1]
    before = match.string[max(match.start() - 12, 0) : match.start()]
    four = len(digits) == 4 and digits.isdigit()
    dated = re.search(r"(?i)\b(?:in|since|until|till|before|after|around|year|by|ad|of) $", before)
    year = four and "number" not in before and 1100 <= int(digits) <= 2099
    year = year or bool(four and dated and 1000 < int(digits) < 1100)
    return f" {num.year(digits) if year else num.number(digits)} "


MATCH_READERS: dict[str, Callable[[Match], str]] = {
    "arithmetic": _arithmetic,
    "shares": _shares,
    "iso_date": _iso_date,
    "slash_date": _slash_date,
    "time": _time,
    "money": _money,
    "measure": _measure,
    "mixed_fraction": _mixed_fraction,
    "fraction": _fraction,
    "range": _range,
    "roman_list": _roman_list,
    "roman": _roman_numeral,
    "plain_number": _plain_number,
}
