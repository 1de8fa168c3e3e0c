r"""Markup in a text: tags and entities of HTML, marks of Markdown. It is not read, and what it marks is.

Every row is `name | pattern | source`. What a pattern matches is blanked, but for its group `kept`. The text keeps its
length, so that messages about a character still name its place.
"""
# ruff: noqa: E501

from __future__ import annotations

import html
import re
from functools import cache, partial

from gsv_lab.text.rows import Kind, kinds

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
code        | (?<!`)(?P<mark>`{1,3})(?=[^`])<any>(?<=[^`])(?P=mark)(?!`)                                           | CommonMark
strong      | (?<![A-Za-z\d*])(?P<mark>\*{2,3})(?=[^\s*])<any>(?<=[^\s*])(?P=mark)(?![A-Za-z\d*])        | CommonMark
strong      | (?<![A-Za-z\d_])(?P<mark>_{2,3})(?=[^\s_])<any>(?<=[^\s_])(?P=mark)(?![A-Za-z\d_])         | CommonMark
struck out  | (?P<mark>~~)(?=\S)<any>(?<=\S)(?P=mark)                                                    | GitHub
emphasis    | (?<![A-Za-z\d*])(?P<mark>\*)(?=[^\s*])<any>(?<=[^\s*])(?P=mark)(?![A-Za-z\d*])            | CommonMark
emphasis    | (?<![A-Za-z\d_])(?P<mark>_)(?=[^\s_])<any>(?<=[^\s_])(?P=mark)(?![A-Za-z\d_])             | CommonMark
"""
_SHORTHAND = {
    "any": r"(?P<kept>[^\n]{1,300}?)",
    "attributes": r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=]+))*\s*/?>""",
}
_QUOTED = re.compile(r'((?<![\d¹²³①-⑨])"[^"]*"?)|"')
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[\da-fA-F]{1,6}|[A-Za-z]{2,8});")
_SILENT = "\u200b"
"""Has no width: the clean-up takes it out, and the letters on both sides meet again."""


@cache
def _kinds() -> list[Kind]:
    return kinds(MARKUP, _SHORTHAND)


def blank_markup(text: str) -> str:
    """The text without its markup and in the same length; inches (`24"`) get their own sign.

    >>> blank_markup("# On <b>tea</b> & `milk`").replace("\u200b", "")
    'On tea & milk'
    """
    for name, pattern, _ in _kinds():
        filler = "\n" if name == "block tag" else _SILENT
        text = pattern.sub(partial(_blanked, filler), text)
    text = _ENTITY.sub(lambda match: html.unescape(match[0])[:1].ljust(len(match[0]), _SILENT), text)
    # A quotation mark after a digit that closes no quotation is the sign of inches.
    return _QUOTED.sub(lambda match: match[1] or "″", text)


def _blanked(filler: str, match: re.Match[str]) -> str:
    kept = match.groupdict().get("kept")
    if kept is None:
        return filler + _SILENT * (len(match[0]) - 1)
    start, end = match.start("kept") - match.start(), match.end() - match.end("kept")
    return _SILENT * start + kept + _SILENT * end
