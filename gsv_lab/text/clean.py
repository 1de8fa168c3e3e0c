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
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from gsv_lab.errors import TextError, printable
from gsv_lab.text.characters import HAN, OVERRIDES, REMOVED, REWRITTEN, SILENT
from gsv_lab.text.marks import PAUSES, marks
from gsv_lab.text.markup import blank_markup
from gsv_lab.text.user_dictionary import NONE, UserDictionary
from gsv_lab.text.words_en import ACCENTED

LIMIT = 20_000

Lost = tuple[int, str]
"""A place in the text and the character that was left out there."""
_HAN = re.compile(f"[{HAN}]")
_REMOVED = re.compile(f"[{REMOVED}]")
_KNOWN = re.compile(f"[ -~α-ωΑ-Ω{HAN}]")
_KEPT = re.compile(rf"(?i)(?<![^\W\d_])(?:{'|'.join(ACCENTED)})(?![^\W\d_])|(?<=[^\W_])_(?=[^\W_])")
"""Words whose accents decide how they are read, and the underscore of addresses and names such as `my_file`."""


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
    parts = []
    lost: list[Lost] = []
    start = 0
    for mark_start, mark_end, marker in sorted([*marks(text), *lexicon.marks(text)]):
        if mark_start >= start:  # else it is a word of the dictionary inside a mark
            parts += [*_segment(text, start, mark_start, lost), marker]
            start = mark_end
    parts += _segment(text, start, len(text), lost)
    if lost and unsupported == "error":
        position, character = lost[0]
        raise TextError(
            "TEXT_UNSUPPORTED",
            f"Character {position + 1}, {_describe(character)}, cannot be spoken",
            "English, Mandarin, digits and common symbols",
            "Remove it, or let it be left out with a warning",
        )
    return Cleaned(_tidy("".join(parts)), _report(lost), len(lost))


def _segment(text: str, start: int, end: int, lost: list[Lost]) -> Iterator[str]:
    kept = {i for word in _KEPT.finditer(text, start, end) for i in range(*word.span())}
    for position in range(start, end):
        character = text[position]
        if not " " <= character <= "~":
            _refuse_invalid(character, position)
        known = character if position in kept else _between_digits(text, position) or _rewrite(character)
        if known is None:
            lost.append((position, character))
        yield " " if known is None else known


def _between_digits(text: str, position: int) -> str:
    """A full-width comma between numbers parts them, unless three zeros follow, and a middle dot is that of 9·11."""
    character, after = text[position], text[position + 1 : position + 4]
    if character.isascii() or not (text[position - 1 : position].isdigit() and after[:1].isdigit()):
        return ""
    if character in "，、﹐﹑；":
        return "," if unicodedata.normalize("NFKC", after) == "000" else ", "
    return "·" if character in "·・•‧" else ""


def _refuse_invalid(character: str, position: int) -> None:
    code = ord(character)
    what = ""
    if 0xD800 <= code <= 0xDFFF:
        what = "half of a character pair (a lone surrogate)"
    elif character in OVERRIDES:
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
    if character in "\\_|`{}":
        return None
    if _REMOVED.match(character) or character in SILENT:
        return " " if character in "【】〔〕" else ""
    if " " <= character <= "~":
        return character
    if character in REWRITTEN:
        return REWRITTEN[character]
    compatible = unicodedata.normalize("NFKC", character)
    if _HAN.match(character):
        return compatible
    kind = unicodedata.category(character)
    if character.isspace() or kind[0] == "Z":
        return "\n" if character in "\n\r\x0b\x0c\x85\u2028\u2029" else " "
    if written := _number_sign(character, kind, compatible):
        return written
    if kind == "Nd":
        return str(unicodedata.digit(character))
    letters = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    for plain in (compatible, letters):
        if plain and all(map(_known, plain)):
            return "".join(REWRITTEN.get(c, c) for c in plain)
    # Brackets, quotation marks and dashes of any script part what they stand between; other marks would be read.
    return " " if kind in ("Ps", "Pe", "Pi", "Pf", "Pd") else None


def _number_sign(character: str, kind: str, compatible: str) -> str:
    """A digit that is raised or circled, or a fraction: the spaces keep 1½ from becoming 11/2, ①② from becoming 12."""
    compatible = compatible.replace("\u2044", "/").strip("()")
    form = unicodedata.decomposition(character)
    if form.startswith("<super>") and compatible in "0123456789+−":
        return "^" + compatible.replace("−", "-")
    if kind != "No" or form.startswith("<sub>"):
        return ""
    return f" {unicodedata.digit(character, compatible) if compatible == character else compatible} "


def _known(character: str) -> bool:
    return character in REWRITTEN or bool(_KNOWN.match(character))


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
    shown = f"'{printable(run)}'"
    if script := _script(run[0]):
        return f"{shown} ({script}, for which there is no front end; those that exist: English, Mandarin)"
    return f"{shown} ({unicodedata.name(run, f'U+{ord(run):04X}').lower()})" if len(run) == 1 else shown


def _script(character: str) -> str:
    """The script of a letter, as its Unicode name says it; empty for signs."""
    script, _, letter = unicodedata.name(character, "").partition(" ")
    return script.capitalize() if letter and unicodedata.category(character)[0] in "LM" else ""


def _report(lost: list[Lost]) -> tuple[str, ...]:
    """One sentence for each run of neighbours of one script, the same one once, at most eight of them."""
    places: dict[str, list[int]] = {}
    # Neighbours differ from their number in the list by the same amount.
    for _, group in groupby(enumerate(lost), lambda item: (item[1][0] - item[0], _script(item[1][1]))):
        starts, characters = zip(*(place for _, place in group), strict=True)
        places.setdefault("".join(characters), []).append(starts[0] + 1)
    named = list(places.items())
    sentences = []
    for run, found in named[:8]:
        more = f" and {len(found) - 1} more times" if len(found) > 1 else ""
        sentences.append(f"Left out {_describe(run)} at character {found[0]}{more}: it cannot be spoken.")
    if rest := sum(len(run) * len(found) for run, found in named[8:]):
        sentences.append(f"Left out {rest} more characters that cannot be spoken.")
    return tuple(sentences)
