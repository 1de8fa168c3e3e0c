"""Unicode clean-up: what comes in from anywhere becomes a small, known set of characters, and the rest is reported.

Rules, in this order. Refused (`TEXT_INVALID_UNICODE`): lone surrogates, NUL and control characters other than tab and
line breaks, direction overrides, non-characters. Removed in silence, because they make no sound and change no meaning:
zero-width characters, soft hyphens, variation selectors, quotation marks, brackets, name dots. Rewritten: full-width
forms, compatibility forms (NFKC), typographic dashes and apostrophes, accents on Latin letters, superscripts. Whatever
is left and has no pronunciation (emoji, signs, other scripts) is left out and reported by position, never dropped in
silence.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from gsv_lab.errors import TextError, printable
from gsv_lab.text.marks import EMPHASIS_OFF, EMPHASIS_ON, PAUSES, marks
from gsv_lab.text.markup import blank_markup
from gsv_lab.text.user_dictionary import NONE, UserDictionary
from gsv_lab.text.words_en import ACCENTED

LIMIT = 20_000
__all__ = ["EMPHASIS_OFF", "EMPHASIS_ON", "HAN", "LIMIT", "PAUSES", "Cleaned", "clean"]

HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
"""Chinese ideographs, as the inside of a character class of a regular expression."""
_HAN = re.compile(f"[{HAN}]")
_REMOVED = re.compile("[\u00ad\u0300-\u036f\u180e\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]")
_SILENT = frozenset('"“”„‟«»‹›「」『』《》〈〉【】〔〕｢｣·・•‧')
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")
_REWRITTEN = {
    **dict.fromkeys("‘’‚‛ʼ`´＇′", "'"),
    **dict.fromkeys("‐‑‒−﹣－", "-"),
    **dict.fromkeys("–—―⸺─", "—"),
    **dict.fromkeys("～〜∼", "~"),
    **dict.fromkeys("，、﹐﹑،", ","),
    **dict.fromkeys("；﹔", ";"),
    **dict.fromkeys("：﹕∶", ":"),
    **dict.fromkeys("۔।", "."),
    **{"؟": "?", "؛": ";", "㎡": "m^2", "㎥": "m^3", "㎠": "cm^2", "㎤": "cm^3", "㎢": "km^2"},
    **{"。": ".", "．": ".", "！": "!", "？": "?", "…": "…", "⋯": "…", "‥": "…", "¿": " ", "¡": " "},
    **{"²": "^2", "³": "^3", "¹": "^1", "×": "×", "÷": "÷", "±": "±", "√": "√", "≈": "≈", "≠": "≠", "≤": "≤", "≥": "≥"},
    **{
        "″": "″",
        "℃": "°C",
        "℉": "°F",
        "°": "°",
        "º": "°",
        "‰": "‰",
        "→": ",",
        "⇒": ",",
        "™": "",
        "®": "",
        "©": " copyright ",
    },
    **{"ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d"},
    **{"Đ": "D", "″": "″"},
    **{"ð": "th", "Ð": "Th", "þ": "th", "Þ": "Th", "ı": "i", "々": "々", "〇": "〇", "№": "No. "},
    **{"€": "€", "£": "£", "¥": "¥", "￥": "¥", "¢": "¢", "₹": "₹", "₩": "₩", "₽": "₽", "\u2044": "/"},
}
_ACCENTED = re.compile(rf"(?i)(?<![^\W\d_])(?:{'|'.join(ACCENTED)})(?![^\W\d_])")
"""Words that keep their accents, which decide how they are read."""
_FULL_WIDTH_COMMAS = frozenset("，、﹐﹑；")
_MIDDLE_DOTS = frozenset("·・•‧")
_ASCII_REPORTED = frozenset("\\_|`{}")


@dataclass(frozen=True)
class Cleaned:
    """A cleaned text and what had to be left out of it.

    Args:
        text: letters a to z with case, hanzi, Greek, digits, the marks `! ? … , . - — ; : ( ) / ~` and known symbols;
            emphasis, pauses and words of a user's dictionary as private characters.
        warnings: one sentence for each kind of thing that was left out.
        left_out: how many characters were left out.
    """

    text: str
    warnings: tuple[str, ...]
    left_out: int


def clean(text: str, limit: int = LIMIT, unsupported: str = "warn", lexicon: UserDictionary = NONE) -> Cleaned:
    """Checks and rewrites a text before anything else looks at it.

    Args:
        text: any string.
        limit: most characters accepted.
        unsupported: `warn` leaves unknown symbols out and reports them; `error` refuses the text.
        lexicon: whose words become private characters.

    Raises:
        TextError: TEXT_EMPTY, TEXT_TOO_LONG, TEXT_INVALID_UNICODE, MARKUP_SYNTAX, TEXT_UNSUPPORTED.
    """
    if not isinstance(text, str):
        raise TextError("TEXT_INVALID_UNICODE", f"The text is a {type(text).__name__}", "a string")
    if len(text) > limit:
        raise TextError(
            "TEXT_TOO_LONG",
            f"The text has {len(text):,} characters",
            f"at most {limit:,}",
            "Cut it, or raise the limit if that much speech is wanted",
        )
    text = blank_markup(text)
    parts: list[str] = []
    lost: list[tuple[int, str]] = []
    start = 0
    for mark_start, mark_end, marker in sorted([*marks(text), *lexicon.marks(text)]):
        if mark_start < start:
            continue  # a word of the dictionary inside a mark
        parts += [_segment(text, start, mark_start, lost), marker]
        start = mark_end
    parts.append(_segment(text, start, len(text), lost))
    if lost and unsupported == "error":
        position, character = lost[0]
        raise TextError(
            "TEXT_UNSUPPORTED",
            f"Character {position + 1}, {_describe(character)}, cannot be spoken",
            "English, Mandarin, digits and common symbols",
            "Remove it, or let it be left out with a warning",
        )
    return Cleaned(_tidy("".join(parts)), _report(lost), len(lost))


def _segment(text: str, start: int, end: int, lost: list[tuple[int, str]]) -> str:
    out: list[str] = []
    accented = {i for word in _ACCENTED.finditer(text, start, end) for i in range(*word.span())}
    for position in range(start, end):
        character = text[position]
        code = ord(character)
        if 0x20 <= code < 0x7F:
            if character in _ASCII_REPORTED and not _inside_address(text, position):
                lost.append((position, character))
                out.append(" ")
            else:
                out.append("" if character in _SILENT else character)
            continue
        _refuse_invalid(character, code, position)
        rewritten = character if position in accented else _between_digits(text, position) or _rewrite(character)
        if rewritten is None:
            lost.append((position, character))
            rewritten = " "
        out.append(rewritten)
    return "".join(out)


def _between_digits(text: str, position: int) -> str:
    """A full-width comma between numbers parts them, unless three zeros follow, and a middle dot is that of 9·11."""
    character, before, after = text[position], text[position - 1 : position], text[position + 1 : position + 4]
    if not (before.isdigit() and after[:1].isdigit()):
        return ""
    if character in _FULL_WIDTH_COMMAS:
        return "," if unicodedata.normalize("NFKC", after) == "000" else ", "
    return "·" if character in _MIDDLE_DOTS else ""


def _inside_address(text: str, position: int) -> bool:
    """Whether an underscore belongs to an e-mail or web address or a name like `my_file`."""
    around = text[max(position - 1, 0) : position + 2]
    return text[position] == "_" and len(around) == 3 and around[0].isalnum() and around[2].isalnum()


def _refuse_invalid(character: str, code: int, position: int) -> None:
    what = ""
    if 0xD800 <= code <= 0xDFFF:
        what = "half of a character pair (a lone surrogate)"
    elif character in _OVERRIDES:
        what = "a hidden mark that turns the reading direction"
    elif unicodedata.category(character) == "Cc" and character not in "\t\n\r\x0b\x0c\x85":
        what = "a control character"
    elif code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        what = "no character at all"
    if what:
        raise TextError(
            "TEXT_INVALID_UNICODE",
            f"Character {position + 1} (U+{code:04X}) is {what}",
            "plain text",
            "Remove it; it was probably copied along by accident",
        )


def _rewrite(character: str) -> str | None:
    """The known spelling of a character; None if it has no pronunciation here."""
    if _REMOVED.match(character):
        return ""
    if character in _SILENT:
        return " " if character in "【】〔〕" else ""
    if character in _REWRITTEN:
        return _REWRITTEN[character]
    if _HAN.match(character):
        return unicodedata.normalize("NFKC", character)
    if character.isspace() or unicodedata.category(character)[0] == "Z":
        return "\n" if character in "\n\r\x0b\x0c\x85\u2028\u2029" else " "
    if written := _number_sign(character):
        return written
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.digit(character))
    compatible = unicodedata.normalize("NFKC", character)
    if compatible != character and all(_known(c) for c in compatible):
        return "".join(_REWRITTEN.get(c, c) for c in compatible)
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    if plain and all(_known(c) for c in plain):
        return plain
    # Brackets, quotation marks and dashes of any script part what they stand between; other marks would be read.
    return " " if unicodedata.category(character) in ("Ps", "Pe", "Pi", "Pf", "Pd") else None


def _number_sign(character: str) -> str:
    """A digit that is raised or circled, or a fraction: the spaces keep 1½ from becoming 11/2, ①② from becoming 12."""
    compatible = unicodedata.normalize("NFKC", character).replace("\u2044", "/").strip("()")
    if unicodedata.decomposition(character).startswith("<super>") and compatible in "0123456789+−":
        return "^" + compatible.replace("−", "-")
    if unicodedata.category(character) != "No" or unicodedata.decomposition(character).startswith("<sub>"):
        return ""
    number = unicodedata.digit(character, None)
    return f" {compatible if number is None or compatible != character else number} "


def _known(character: str) -> bool:
    greek = "α" <= character <= "ω" or "Α" <= character <= "Ω"
    return " " <= character <= "~" or greek or character in _REWRITTEN or bool(_HAN.match(character))


def _tidy(text: str) -> str:
    text = re.sub(rf"(?<=\S)((?:[{PAUSES}]\s*)+)([.,!?…;:]+)", r"\2\1", text)  # a pause comes after the mark
    text = re.sub(r"\^[\d+\-^]*\d", lambda power: "^" + power[0].replace("^", ""), text)
    text = re.sub(r"\.{2,}", "…", text)
    text = re.sub(r"-{2,}", "—", text)
    text = re.sub(r"(?<=\d) ?[—] ?(?=\d)", "-", text)
    text = re.sub(r"[ \t]+", " ", text)
    return text.strip()


def _describe(run: str) -> str:
    """A run of characters in a way that any terminal shows, with the name of its script or of the single sign."""
    shown = printable(run)
    script = _script(run[0])
    if script:
        return f"'{shown}' ({script}, for which there is no front end; those that exist: English, Mandarin)"
    return f"'{shown}' ({unicodedata.name(run, f'U+{ord(run):04X}').lower()})" if len(run) == 1 else f"'{shown}'"


def _script(character: str) -> str:
    """The script of a letter, as its Unicode name says it; empty for signs."""
    if unicodedata.category(character)[0] not in "LM":
        return ""
    words = unicodedata.name(character, "").split(" ")
    return words[0].capitalize() if len(words) > 1 else ""


def _report(lost: list[tuple[int, str]]) -> tuple[str, ...]:
    """One sentence for each run of neighbours of one script, the same one once, at most eight of them."""
    runs: list[tuple[int, str]] = []
    for position, character in lost:
        last_start, last = runs[-1] if runs else (-1, "")
        if last and position == last_start + len(last) and _script(last[0]) == _script(character):
            runs[-1] = (last_start, last + character)
        else:
            runs.append((position, character))
    places: dict[str, list[int]] = {}
    for position, run in runs:
        places.setdefault(run, []).append(position + 1)
    sentences: list[str] = []
    for run, found in list(places.items())[:8]:
        more = f" and {len(found) - 1} more times" if len(found) > 1 else ""
        sentences.append(f"Left out {_describe(run)} at character {found[0]}{more}: it cannot be spoken.")
    if len(places) > 8:
        rest = sum(len(run) * len(found) for run, found in list(places.items())[8:])
        sentences.append(f"Left out {rest} more characters that cannot be spoken.")
    return tuple(sentences)
