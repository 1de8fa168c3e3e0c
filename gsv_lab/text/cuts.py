"""The six ways of cutting a text that the released program offers, and its small helpers, with the same results.

They are kept for comparison with released voices; the kit's own splitter is `gsv_lab.text.split.split_sentences`. A cut
text is one string with line breaks between the pieces, as the released program passes it on. Some habits are
surprising: `cut1` and `cut2` cut inside "2024.05", `cut3` and `cut4` drop the full stop they cut at. Released voices
were prompted that way, so the habits stay (facts from `text_cuts.json` of the golden data).

This file does not know languages or phones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_ENDS = "，。？！,.?!~:：—…"
"""Where `cut1`, `cut2`, `split_long` and `first_clause` may cut."""
_CUT5_ENDS = ",.;?!、，。？！：…"
_MARKS = "!?…,.-"
"""The punctuation of the phone inventory; a piece of nothing else is dropped."""


def cut0(text: str) -> str:
    """No cut; a text of marks alone becomes an empty line."""
    return "\n" if set(text) <= set(_MARKS) else text


def cut1(text: str) -> str:
    """Four pieces a line; what would be an incomplete last line joins the one before."""
    text = text.strip("\n")
    pieces = _pieces(text)
    lines = max(-(-len(pieces) // 4) - 1, 1)
    if len(pieces) <= 4:
        return _lines([text])
    starts = [4 * i for i in range(lines)]
    return _lines("".join(pieces[a:b]) for a, b in zip(starts, [*starts[1:], None], strict=True))


def cut2(text: str) -> str:
    """Lines of a little over 50 characters; a last line of less than 50 joins the one before."""
    text = text.strip("\n")
    pieces = _pieces(text)
    if len(pieces) < 2:
        return text
    lines = [""]
    for piece in pieces:
        if len(lines[-1]) > 50:
            lines.append("")
        lines[-1] += piece
    if len(lines) > 1 and len(lines[-1]) < 50:
        lines[-2:] = ["".join(lines[-2:])]
    return _lines(lines)


def cut3(text: str) -> str:
    """A line for each Chinese full stop, which disappears."""
    return _lines(text.strip("\n").strip("。").split("。"))


def cut4(text: str) -> str:
    """A line for each English full stop that is not between digits; it disappears."""
    return _lines(re.split(r"(?<!\d)\.(?!\d)", text.strip("\n").strip(".")))


def cut5(text: str) -> str:
    """A line for each punctuation mark, which stays; a dot between digits is none."""
    text = text.strip("\n")
    pieces = re.findall(rf"(?:(?<=\d)\.(?=\d)|[^{_CUT5_ENDS}])*[{_CUT5_ENDS}]?", text)
    return _lines((p for p in pieces if p), _CUT5_ENDS)


CUTS = {"cut0": cut0, "cut1": cut1, "cut2": cut2, "cut3": cut3, "cut4": cut4, "cut5": cut5}
"""The cut methods under the names that the released program's options use."""


def collapse_marks(text: str) -> str:
    """Of neighbouring punctuation marks only the first stays."""
    return re.sub(rf"([{re.escape(_MARKS)}])[{re.escape(_MARKS)}]+", r"\1", text)


def first_clause(text: str) -> str:
    """What stands before the first mark."""
    return re.split(f"[{_ENDS}]", text, maxsplit=1)[0].strip()


def split_long(text: str, most: int = 510) -> list[str]:
    """Pieces of at most `most` characters, cut at marks; a mark that does not fit any more begins the next piece."""
    pieces = [""]
    for part in re.split(f"([{_ENDS}])", text):
        if len(pieces[-1]) + len(part) > most:
            pieces.append("")
        pieces[-1] += part
    return [piece for piece in pieces if piece]


def merge_short(pieces: list[str], least: int = 5) -> list[str]:
    """Pieces of fewer than `least` characters join the next one, the last one the one before."""
    if len(pieces) < 2:
        return pieces
    merged, open_piece = [], ""
    for piece in pieces:
        open_piece += piece
        if len(open_piece) >= least:
            merged.append(open_piece)
            open_piece = ""
    if open_piece:
        merged[-1:] = [(merged[-1] if merged else "") + open_piece]
    return merged


def _pieces(text: str) -> list[str]:
    """The text cut after every mark of `_ENDS`, with double ellipses and dashes read as full stop and comma."""
    text = text.replace("……", "。").replace("——", "，")
    if text[-1:] not in tuple(_ENDS):
        text += "。"
    return re.findall(f"[^{_ENDS}]*[{_ENDS}]", text)


def _lines(pieces: Iterable[str], only: str = _MARKS) -> str:
    return "\n".join(piece for piece in pieces if not set(piece) <= set(only))
