r"""Markup in a text: tags and entities of HTML, marks of Markdown. It is not read, and what it marks is.

Every row is `name | pattern | source`. What a pattern matches is blanked, but for its group `kept`. The text keeps its
length, so that messages about a character still name its place.
"""
# ruff: noqa: E501

from __future__ import annotations

import html
import re
from functools import cache

MARKUP = r"""
comment     | <!--[^\0]{0,2000}?-->|(?i:<(?P<mark>script|style)\b[^<>]*>[^\0]{0,2000}?</(?P=mark)>) | HTML
block tag   | (?i)</?(?:p|div|br|hr|h[1-6]|li|ul|ol|dl|dt|dd|tr|td|th|table|thead|tbody|section|article|blockquote|body|html|head|title|header|footer|main|nav|speak|break)<attributes> | HTML, SSML
inline tag  | (?i)</?(?:a|b|i|u|s|em|strong|span|font|code|small|big|sub|sup|mark|del|ins|strike|abbr|cite|q|kbd|var|samp|tt|pre|img|button|label|center|prosody|voice|emphasis|say-as|phoneme|audio)<attributes> | HTML, SSML
bracket tag | (?i)\[/?(?:b|i|u|s|url|img|quote|code|color|size)(?:=[^\]\n]{0,200})?\]                     | BBCode
code fence  | (?m)^[ \t]*(?:```|~~~)\w*[ \t]*$                                                            | CommonMark
rule        | (?m)^[ \t|:]*(?P<mark>[-=*_])(?:[ \t|:]*(?P=mark)){2,}[ \t|:\-]*$                            | CommonMark
heading     | (?m)^[ \t]*\#{1,6}[ \t]+(?P<kept>\S[^\n]*?)(?:[ \t]+\#+)?[ \t]*$                            | CommonMark
quotation   | (?m)^[ \t]*(?:>[ \t]?)+(?=\S)                                                               | CommonMark
bullet      | (?m)^[ \t]*[-*+][ \t]+(?:\[[ xX]\][ \t]+)?(?=[^\s\d])                                        | CommonMark
link, image | !?\[(?P<kept>[^\]\n]{0,300})\]\([^()\s]{0,500}(?:\s"[^"\n]{0,200}")?\)                       | CommonMark
footnote    | \[\^\w+\]:?                                                                                 | CommonMark
code        | (?P<mark>`+)(?=[^`])<any>(?<=[^`])(?P=mark)(?!`)                                           | CommonMark
strong      | (?<![A-Za-z\d*])(?P<mark>\*{2,3})(?=[^\s*])<any>(?<=[^\s*])(?P=mark)(?![A-Za-z\d*])        | CommonMark
strong      | (?<![A-Za-z\d_])(?P<mark>_{2,3})(?=[^\s_])<any>(?<=[^\s_])(?P=mark)(?![A-Za-z\d_])         | CommonMark
struck out  | (?P<mark>~~)(?=\S)<any>(?<=\S)(?P=mark)                                                    | GitHub
emphasis    | (?<![A-Za-z\d*])(?P<mark>\*)(?=[^\s*])<any>(?<=[^\s*])(?P=mark)(?![A-Za-z\d*])            | CommonMark
emphasis    | (?<![A-Za-z\d_])(?P<mark>_)(?=[^\s_])<any>(?<=[^\s_])(?P=mark)(?![A-Za-z\d_])             | CommonMark
"""
_SHORTHAND = {
    "<any>": r"(?P<kept>[^\n]{1,300}?)",
    "<attributes>": r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=]+))*\s*/?>""",
}
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[\da-fA-F]{1,6}|[A-Za-z]{2,8});")
_SILENT = "\u200b"
"""Has no width: the clean-up takes it out, and the letters on both sides meet again."""


@cache
def _rows() -> list[tuple[str, re.Pattern[str]]]:
    rows: list[tuple[str, re.Pattern[str]]] = []
    for row in MARKUP.strip().splitlines():
        name, pattern, _ = (column.strip() for column in row.split(" | "))
        for short, long in _SHORTHAND.items():
            pattern = pattern.replace(short, long)
        rows.append((name, re.compile(pattern)))
    return rows


def blank_markup(text: str) -> str:
    """The text without its markup and in the same length; inches (`24"`) get their own sign.

    >>> blank_markup("# On <b>tea</b> & `milk`").replace("\u200b", "")
    'On tea & milk'
    """
    for name, pattern in _rows():
        filler = "\n" if name == "block tag" else _SILENT
        text = pattern.sub(lambda match, filler=filler: _blanked(match, filler), text)  # type: ignore[misc]
    text = _ENTITY.sub(lambda match: html.unescape(match[0])[:1].ljust(len(match[0]), _SILENT), text)
    return _inches(text)


def _blanked(match: re.Match[str], filler: str) -> str:
    kept = match.groupdict().get("kept")
    if kept is None:
        return filler + _SILENT * (len(match[0]) - 1)
    start, end = match.start("kept") - match.start(), match.end() - match.end("kept")
    return _SILENT * start + kept + _SILENT * end


def _inches(text: str) -> str:
    """A quotation mark after a digit that closes no quotation is the sign of inches."""
    characters, quoted = list(text), False
    for mark in re.finditer('"', text):
        if not quoted and mark.start() and text[mark.start() - 1].isdigit():
            characters[mark.start()] = "″"
        else:
            quoted = not quoted
    return "".join(characters)
