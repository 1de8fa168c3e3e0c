"""English text with numbers, abbreviations and symbols to English text in words.

Each step is one pattern with one reading; the order matters, because a date looks like a fraction and a fraction like a
range. Single steps are small functions, so that a reader can try them alone. American readings are used where English
has two ("one hundred five", month before day).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from gsv_lab.text import numbers_en as num
from gsv_lab.text.tables_en import (
    COUNTED,
    DAYS,
    GREEK,
    MAGNITUDE,
    MAY_END,
    MONEY,
    MONTH_SHORT,
    MONTHS,
    RULERS,
    SHORT_FORMS,
    SYMBOLS,
    TITLES,
    UNITS,
)

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
Match = re.Match[str]


def normalise(text: str) -> str:
    """English text in which every number, abbreviation and symbol is written out.

    >>> normalise("Dr. Smith paid $4.50 at 10:30 on the 21st.")
    'doctor Smith paid four dollars and fifty cents at ten thirty on the twenty first.'
    """
    for pattern, reading in _steps():
        text = pattern.sub(reading, text)
    text = re.sub(r"(?<=[A-Za-z])-(?=[A-Za-z])", " ", text)
    text = re.sub(r"\s+([,.!?…])", r"\1", text)
    return re.sub(r" {2,}", " ", text).strip()


def _words_of_address(match: Match) -> str:
    names = {".": " dot ", "@": " at ", "/": " slash ", "-": " dash ", "_": " underscore ", ":": " colon "}
    names |= {"?": " question mark ", "=": " equals ", "&": " and ", "#": " hash ", "%": " percent ", "+": " plus "}
    address = re.sub(r"^https?://", "", match.group().rstrip(".,"))
    tail = match.group()[len(match.group().rstrip(".,")) :]
    address = re.sub(r"\bwww\b", "w w w", address.rstrip("/"))
    address = re.sub(r"\d+", lambda m: f" {num.spell_digits(m.group())} ", address)
    return " ".join("".join(names.get(c, c) for c in address).split()) + tail


def _abbreviation(match: Match) -> str:
    word, following = match.group(1), match.group(2)
    full = TITLES.get(word) or SHORT_FORMS.get(word) or SHORT_FORMS.get(word.lower(), word)
    ends = not following or (word in MAY_END and re.match(r"\s+[A-Z]", following))
    return full + ("." if ends else "")


def _street(match: Match) -> str:
    name, following = match.group(1), match.group(2)
    if name in ("In", "At", "To", "From", "The", "And", "Of", "By", "Near", "For"):
        return match.group()
    return f"{name} street" + ("" if following[-1:].islower() else ".")


def _initials(match: Match) -> str:
    letters = match.group(1).replace(".", " ").strip().upper()
    return letters + ("." if match.end() == len(match.string) else "")


def _date(year: str, month: str, day: str) -> str:
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return ""
    spoken = f"{MONTHS[int(month) - 1]} {num.ordinal(str(int(day)))}"
    return f"{spoken}, {num.year(year)}" if year else spoken


def _iso_date(match: Match) -> str:
    return _date(match.group(1), match.group(3), match.group(4)) or match.group()


def _slash_date(match: Match) -> str:
    first, second, year = match.group(1), match.group(3), match.group(4)
    if int(first) > 12 >= int(second):
        first, second = second, first
    if len(year) == 2:
        year = ("19" if int(year) > 50 else "20") + year
    return _date(year, first, second) or match.group()


def _month(name: str) -> str:
    return MONTH_SHORT.get(name.rstrip("."), name)


def _month_day(match: Match) -> str:
    year = match.group(3)
    return f"{_month(match.group(1))} {num.ordinal(match.group(2))}" + (f", {num.year(year)}" if year else "")


def _day_month(match: Match) -> str:
    year = match.group(3)
    return f"the {num.ordinal(match.group(1))} of {_month(match.group(2))}" + (f", {num.year(year)}" if year else "")


def _time(match: Match) -> str:
    hour, minute, second, half = match.group(1), match.group(2), match.group(3), match.group(4)
    if int(hour) > 24 or int(minute) > 59:
        return f"{num.cardinal(str(int(hour)))} to {num.cardinal(str(int(minute)))}"
    spoken = num.cardinal(str(int(hour)))
    if int(minute):
        spoken += f" {'oh ' if int(minute) < 10 else ''}{num.cardinal(str(int(minute)))}"
    elif not half and not second:
        spoken += " o'clock" if 1 <= int(hour) <= 12 else " hundred"
    if second:
        spoken += f" and {num.cardinal(str(int(second)))} seconds"
    return spoken + _half(half, match)


def _half(half: str | None, match: Match) -> str:
    if not half:
        return ""
    # The dot of p.m. is also the full stop of the sentence where the sentence ends.
    stop = match.group().endswith(".") and re.match(r"\s*$|\s+[A-Z]", match.string[match.end() :])
    return f" {half[0].upper()} M" + ("." if stop else "")


def _hour(match: Match) -> str:
    return num.cardinal(match.group(1)) + _half(match.group(2), match)


def _money(match: Match) -> str:
    sign, country, symbol, amount, scale = match.groups()
    one, many, one_part, many_part = MONEY[symbol]
    countries = {"US": "U S ", "A": "Australian ", "C": "Canadian ", "HK": "Hong Kong "}
    lead = ("minus " if sign else "") + countries.get(country, "")
    whole, _, part = amount.replace(",", "").partition(".")
    whole = whole or "0"  # $.50
    if scale:
        return f"{lead}{num.number(amount)} {MAGNITUDE.get(scale.strip(), scale.strip())} {many}"
    if len(part) == 2 and many_part:
        spoken = [f"{num.cardinal(whole)} {one if int(whole) == 1 else many}"] if int(whole) else []
        if int(part):
            spoken.append(f"{num.cardinal(str(int(part)))} {one_part if int(part) == 1 else many_part}")
        return lead + (" and ".join(spoken) or f"zero {many}")
    return f"{lead}{num.number(amount)} {one if amount == '1' else many}"


def _phone(match: Match) -> str:
    groups = re.findall(r"\d+", match.group())
    plus = "plus " if match.group().startswith("+") else ""
    return plus + ", ".join(num.spell_digits(group, zero="oh" if len(group) > 1 else "zero") for group in groups)


def _unit(match: Match) -> str:
    sign, amount, name = match.group(1), match.group(2), match.group(3)
    one, many = UNITS[name]
    if name == "in" and re.match(r"\s+[A-Za-z\d]", match.string[match.end() :]):
        return match.group()  # "3 in a row" is no length
    return f"{num.number((sign or '') + amount)} {one if amount == '1' else many}"


def _mixed_fraction(match: Match) -> str:
    spoken = num.fraction(match.group(2), match.group(3))
    return f"{num.cardinal(match.group(1))} and {'a ' + spoken[4:] if spoken.startswith('one ') else spoken}"


def _fraction(match: Match) -> str:
    above, below = match.group(1), match.group(2)
    return num.fraction(above, below) if int(below) else f"{num.cardinal(above)} over zero"


def _range(match: Match) -> str:
    first, second = match.group(1), match.group(2)
    years = len(first) == 4 and len(second) in (2, 4) and first[:2] in ("17", "18", "19", "20")
    if years:
        return f"{num.year(first)} to {num.year(second) if len(second) == 4 else num.cardinal(str(int(second)))}"
    return f"{num.number(first)} to {num.number(second)}"


def _decade(match: Match) -> str:
    return num.decade(match.group(1) or match.group(2))


def _plain_number(match: Match) -> str:
    digits = match.group(1)
    before = match.string[max(match.start() - 12, 0) : match.start()]
    is_year = len(digits) == 4 and digits.isdigit() and 1100 <= int(digits) <= 2099 and "number" not in before
    dated = re.search(r"(?i)\b(?:in|since|until|till|before|after|around|year|by|ad|of) $", before)
    if is_year or (len(digits) == 4 and digits.isdigit() and dated and 1000 < int(digits) < 1100):
        return num.year(digits)
    return num.number(digits)


def _roman(match: Match) -> str:
    lead, numeral = match.group(1), match.group(2)
    value = num.roman(numeral)
    if not value or (numeral == "I" and not re.search(r"[A-Z][a-z]+$", lead)):
        return match.group()
    if lead.split(" ")[-1].lower() in COUNTED:
        return f"{lead} {num.cardinal(str(value))}"
    if numeral in ("I", "V", "X", "C", "L") and lead.split(" ")[-1] not in RULERS:
        return match.group()
    return f"{lead} the {num.ordinal(str(value))}"


_MONTH_NAME = "(" + "|".join([*MONTHS, *(rf"{short}\.?" for short in MONTH_SHORT if short != "May")]) + ")"


@cache
def _steps() -> list[tuple[re.Pattern[str], str | Callable[[Match], str]]]:
    halves = r"\s?([ap])\.?\s?m\b\.?(?!\w)"
    units = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
    short = "|".join((*TITLES, *SHORT_FORMS))
    scales = r"\s(?:thousand|million|billion|trillion)\b|\s?(?:" + "|".join(MAGNITUDE) + r")\b"
    path = r"[^\s,;!()\"<>]"
    table: list[tuple[str, str | Callable[[Match], str]]] = [
        (r"\b[\w.+\-]{1,64}@[A-Za-z\d\-]+(?:\.[A-Za-z\d\-]+)+\b", _words_of_address),
        (rf"\b(?:https?://|www\.){path}+", _words_of_address),
        (rf"\b[a-z\d\-]{{1,63}}\.(?:com|org|net|edu|gov|io)(?:/{path}*)?\b", _words_of_address),
        (r"(?i)\be\.g\.,?", "for example,"),
        (r"(?i)\bi\.e\.,?", "that is,"),
        (r"\bNos?\.\s?(?=\d)", "number "),
        (r"\b([A-Z][a-z]+|\d+(?:st|nd|rd|th))\s+St\.(?=(\s+\w|))", _street),
        (rf"\b({short})\.(?=(\s+\S|[,;:)]|$))", _abbreviation),
        (r"\b(" + "|".join([*DAYS]) + r")\.(?=\s|,|$)", lambda m: DAYS[m.group(1)]),
        (rf"(?<![\d:.])(\d{{1,2}}):(\d\d)(?::(\d\d))?(?:{halves})?(?![\d:])", _time),
        (rf"(?<![\d:.])(\d{{1,2}}){halves}", _hour),
        (r"\b((?:[A-Za-z]\.){2,})(?![A-Za-z])", _initials),
        (r"(?<![\d\-/.])(\d{4})([\-/.])(\d{1,2})\2(\d{1,2})(?![\d\-/])(?!\.\d)", _iso_date),
        (r"(?<![\d\-/.])(\d{1,2})([\-/.])(\d{1,2})\2(\d{4}|\d\d)(?![\d\-/])(?!\.\d)", _slash_date),
        (rf"\b{_MONTH_NAME}\s+(\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(\d{{4}}))?(?![\d:])", _month_day),
        (rf"\b(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+{_MONTH_NAME}(?:,?\s+(\d{{4}}))?\b", _day_month),
        (r"\b(Jan|Feb|Aug|Sept|Oct|Nov|Dec)\.", lambda m: _month(m.group(1))),
        (r"(?<![\w$£€¥'])(\d{3}0)'?s\b|(?<!\w)'(\d0)s\b", _decade),
        (r"(?<![\d.])(\d+(?:\.\d+){2,})", lambda m: f" {' point '.join(map(num.cardinal, m.group(1).split('.')))} "),
        (rf"(?<![A-Za-z])(-?)(US|HK|A|C)?([$£€¥₹₩₽])\s?({_NUMBER})({scales})?", _money),
        (rf"(?<![\w.])(-?(?:{_NUMBER}))([€£])", lambda m: f"{num.number(m.group(1))} {MONEY[m.group(2)][1]}"),
        (r"(?:\+?\d{1,3}[ \-])?\(\d{3}\) ?\d{3}-\d{4}\b|\+\d[\d \-]{6,20}\d\b", _phone),
        (r"\b(?:1-)?\d{3}-\d{3}-\d{4}\b|\b\d{3}-\d{4}\b", _phone),
        (rf"(?<![\w.\-])(-?)({_NUMBER})\s?({units})(?![\w°/])", _unit),
        (rf"(?<=[A-Za-z] )(-)({_NUMBER})\s?({units})(?![\w°/])", _unit),
        (r"\b(\d+)\s(\d+)/(\d+)\b", _mixed_fraction),
        (r"\b(\d+)/(\d+)\b(?!/)", _fraction),
        (rf"(?<![\w.])({_NUMBER})\s?[\-~]\s?({_NUMBER})(?![\w\-])(?=\s|[.,;:!?)]|$)(?<!\d-)", _range_or_minus),
        (r"\b(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", lambda m: num.ordinal(m.group(1).replace(",", ""))),
        (r"((?:\b[A-Z][a-z]+|\b(?:chapter|part|act|scene|war|section|volume|book))) ([IVXLC]+)\b(?!')", _roman),
        (r"(?<=\d)\s*\*\s*(?=\d)", " times "),
        (r"(?<=\d)\s?x\s?(?=\d)", " by "),
        (r"(?<=\w)/(?=\w)", " "),
        ("/", " slash "),
        (r"(?<=\d)\s*\^2\b", " squared"),
        (r"(?<=[A-Za-z])\^2\b", " squared"),
        (r"(?<=[A-Za-z\d])\^3\b", " cubed"),
        (r"(?<=[A-Za-z\d])\s?\^\s?(?=\d)", " to the power of "),
        (r"(?<=\d)\s+-\s+(?=\d)", " minus "),
        (r"#(?=\d)", " number "),
        (r"~\s?(?=\d)", " about "),
        (rf"(?<![\w.])([+\-](?:{_NUMBER}))", lambda m: num.number(m.group(1))),
        (rf"((?:{_NUMBER}))", lambda m: f" {_plain_number(m)} "),
        ("[" + "".join(GREEK) + "]", lambda m: f" {GREEK[m.group()]} "),
        ("[" + "".join(GREEK).upper() + "]", lambda m: f" {GREEK[m.group().lower()]} "),
        ("[" + re.escape("".join(SYMBOLS)) + "]", lambda m: f" {SYMBOLS[m.group()]} "),
    ]
    return [(re.compile(pattern), reading) for pattern, reading in table]


def _range_or_minus(match: Match) -> str:
    if " - " in match.group():
        return f"{num.number(match.group(1))} minus {num.number(match.group(2))}"
    return _range(match)
