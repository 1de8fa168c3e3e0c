"""Reports as web pages: one self-contained file, readable on a phone, on paper and without scripts.

Every part is a function that gives `Html`. What is no `Html` is escaped on its way in, so that names, texts and
messages from outside are shown and never obeyed. Nothing is loaded from elsewhere: pictures and sounds stand in the
page, or are files beside it.

    document("Report", heading("Sounds"), player(address, "the recording"), table(("name", "dB"), rows))
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from urllib.parse import quote

from gsv_lab.errors import on_page, printable

INK, SOFT, LINE, FAINT, WARM, ACCENT = "#1a1a1a", "#555555", "#d0d0d0", "#f6f6f4", "#a3300b", "#0b5c99"
"""Colours: text, what is said aside, lines, backgrounds, warnings, what can be opened."""

FONT = 'system-ui,-apple-system,"Segoe UI","Noto Sans","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif'

STYLE = f"""
:root{{color-scheme:light}}
*{{box-sizing:border-box}}
body{{margin:0;background:#fff;color:{INK};font:16px/1.5 {FONT};overflow-wrap:break-word}}
main{{max-width:62rem;margin:0 auto;padding:1rem 1rem 3rem}}
main.wide{{max-width:96rem}} main.wide>p,main.wide>ul{{max-width:62rem}}
h1,h2,h3,h4{{line-height:1.25;margin:1.6em 0 .5em}} h1{{font-size:1.7rem;margin-top:.6em}} h2{{font-size:1.3rem}}
h3{{font-size:1.08rem}} h4{{font-size:.95rem;margin:1.1em 0 .2em}}
p,ul{{margin:.5em 0}} ul{{padding-left:1.3em}}
.note{{color:{SOFT};font-size:.92rem}} .warning{{color:{WARM}}}
figure{{margin:.6em 0}} figcaption{{font-weight:600;margin-bottom:.2em}}
figcaption small{{color:{SOFT};font-weight:400}}
img{{display:block;max-width:100%;height:auto}}
audio{{display:block;width:100%;min-width:13rem;height:2.6rem}}
.beside{{display:grid;gap:.8rem 1.2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr))}}
.flow{{display:flex;flex-wrap:wrap;gap:0 2.5rem}} .flow>div{{min-width:min(100%,20rem);max-width:100%}}
.flow .note{{width:0;min-width:100%}}
.flow td:first-child{{max-width:12rem}} .flow :is(th,td):first-child{{position:sticky;left:0;background:#fff}}
.cards{{display:grid;gap:0 1.2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,34rem),1fr));align-items:start}}
.cards>*{{min-width:0}}
.card{{border:1px solid {LINE};border-radius:.5rem;padding:.2rem 1rem .8rem;margin:1.2rem 0}}
.card>h3:first-child{{margin-top:.7em}}
.scroll{{overflow-x:auto;margin:.8em 0}}
table{{border-collapse:collapse;font-size:.92rem}}
th,td{{border-bottom:1px solid {LINE};padding:.3rem .7rem .3rem 0;text-align:left;vertical-align:top}}
th{{font-weight:600}} td.number,.value{{font-variant-numeric:tabular-nums;white-space:nowrap}}
th small,.value small{{display:block;color:{SOFT};font-weight:400}} .value small{{font-size:.85em}}
mark{{background:#fde3d6;color:inherit;font-weight:600;text-decoration:underline;padding:0 .1em}}
nav ul{{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;list-style:none;padding:0}}
pre{{background:{FAINT};padding:.6rem .8rem;overflow-x:auto;font-size:.86rem}}
details{{margin:.6em 0}} summary{{cursor:pointer;color:{ACCENT}}} details[open]>summary{{margin-bottom:.3em}}
a{{color:{ACCENT}}} :focus-visible{{outline:2px solid {ACCENT};outline-offset:2px}}
@media (max-width:44rem){{
.flow td:first-child{{max-width:7rem}}
.stack thead{{display:block;position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}}
.stack,.stack tbody,.stack tr,.stack td{{display:block}}
.stack tr{{border-bottom:1px solid {LINE};padding:.6rem 0}}
.stack td{{border:0;padding:.1rem 0}} .stack td:empty{{display:none}}
.stack td[data-head]::before{{content:attr(data-head) ": ";color:{SOFT}}}
.stack td:first-child{{font-weight:600}} .stack td:first-child::before{{font-weight:400}}
}}
@media print{{
body{{font-size:10.5pt}} main,main.wide{{max-width:none;padding:0}}
audio,nav{{display:none}} .scroll,pre{{overflow:visible}} pre{{white-space:pre-wrap}}
.flow table,.flow .note{{font-size:8pt}} .flow td:first-child{{max-width:7rem}}
.card,figure,tr{{break-inside:avoid}} h2,h3,h4{{break-after:avoid}}
}}
"""

_NUMBER = re.compile(r"[+−-]?[\d.,]+\s?(%|[a-zA-Z]{1,5})?")


class Html(str):
    """Text that is HTML already, and is not escaped again."""


def html(value: object) -> Html:
    """Anything as HTML: what is none yet is escaped, None is a dash, a float has four digits.

    Breaks become blanks and blanks become one, also at the ends of a text, so that parts can be put together.
    """
    if isinstance(value, Html):
        return value
    if value is None:
        return Html("–")
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    first, last = (" " if end.isspace() else "" for end in (text[:1], text[-1:]))
    return Html(first + on_page(text) + last if text.strip() else first)


def joined(*parts: object) -> Html:
    """Parts one after the other."""
    return Html("".join(map(html, parts)))


def document(title: str, *parts: object, wide: bool = False) -> str:
    """The whole page as text, for a file.

    Args:
        title: in plain words; also its first heading.
        parts: below the heading.
        wide: for tables with many columns.
    """
    return "\n".join([
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
        f"<main{_kind('wide' if wide else '')}>\n{heading(title, 1)}",
        *map(html, parts),
        "</main>\n</body>\n</html>\n",
    ])  # fmt: skip


def heading(text: object, level: int = 2, anchor: str = "") -> Html:
    """A heading; the title of the page is the only one of level 1. `contents` points to its anchor."""
    place = f' id="{html(anchor)}"' if anchor else ""
    return Html(f"<h{level}{place}>{html(text)}</h{level}>")


def contents(parts: Mapping[str, object]) -> Html:
    """Where to go in a long page: anchor of a heading -> what stands there; left out on paper."""
    links = [Html(f'<a href="#{html(anchor)}">{html(text)}</a>') for anchor, text in parts.items()]
    return Html(f"<nav>{listing(links)}</nav>")


def paragraph(*parts: object, kind: str = "") -> Html:
    """A paragraph; `kind` is empty, `note` for what is said aside, or `warning`."""
    return Html(f"<p{_kind(kind)}>{joined(*parts)}</p>")


def strong(text: object) -> Html:
    """What should be seen first."""
    return Html(f"<strong>{html(text)}</strong>")


def warning(text: object) -> Html:
    """What needs a look, within other text; nothing where there is none."""
    return Html(f'<span class="warning">{html(text)}</span>') if text else Html()


def aside(text: object) -> Html:
    """What is said smaller, behind or under other text."""
    return Html(f"<small>{html(text)}</small>")


def value(number: object, *below: object) -> Html:
    """A number in a cell, with what belongs to it (its interval, its unit) smaller below."""
    more = "".join(f" {aside(text)}" for text in below if text)
    return Html(f'<span class="value">{html(number)}{more}</span>')


def marked(text: object) -> Html:
    """Words that differ from what was expected; seen in grey, too."""
    return Html(f"<mark>{html(text)}</mark>") if text else Html()


def foreign(text: object, language: str) -> Html:
    """Text in another language than the page's, by its code (`zh`), so that it gets the right letters and voice."""
    return html(text) if language == "en" else Html(f'<span lang="{html(language)}">{html(text)}</span>')


def listing(items: Iterable[object], kind: str = "") -> Html:
    """A list; nothing where there are no items."""
    rows = "".join(f"<li>{html(item)}</li>" for item in items)
    return Html(f"<ul{_kind(kind)}>{rows}</ul>") if rows else Html()


def link(path: str, text: object = "") -> Html:
    """A file beside the page, by its path from there."""
    return Html(f'<a href="{address(path)}">{html(text or path)}</a>')


def code(text: str) -> Html:
    """Lines that are kept as they are."""
    lines = (escape(printable(line)) for line in text.strip("\n").split("\n"))
    return Html("<pre>" + "\n".join(lines) + "</pre>")


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, stack: bool = False) -> Html:
    """A table that scrolls by itself where it is too wide.

    Args:
        head: of the columns.
        rows: cells, as many as there are columns.
        stack: on a phone every row is a block, each cell behind its heading; for cells that hold pictures or prose.
    """
    titles = "".join(f'<th scope="col">{html(title)}</th>' for title in head)
    lines = []
    for row in rows:
        cells = [_cell(title, value, stack) for title, value in zip(head, row, strict=True)]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    body = f"<thead><tr>{titles}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return Html(f'<div class="scroll" tabindex="0"><table{_kind("stack" if stack else "")}>{body}</table></div>')


def _cell(title: str, value: object, stack: bool) -> str:
    text = html(value)
    alone = not stack or "<figure" in text or "<details" in text  # speaks for itself
    head = "" if alone else f' data-head="{_plain(title)}"'
    return f"<td{_kind('number' if _NUMBER.fullmatch(text) else '')}{head}>{text}</td>"


def _plain(text: object) -> str:
    """The words of a part without its tags, for an attribute."""
    return re.sub(r"<[^>]*>", "", html(text))


def _kind(name: str) -> str:
    return f' class="{html(name)}"' if name else ""


def records(rows: Sequence[Mapping[str, object]]) -> Html:
    """Rows of equal keys, such as a `gsv_lab.hooks.Table`, as a table; nothing where there are none."""
    return table(list(rows[0]), [list(row.values()) for row in rows]) if rows else Html()


def player(source: str, label: object, aside: object = "", *, preload: str = "metadata") -> Html:
    """A sound with its name above it.

    Args:
        source: a file beside the page, or an address made by `gsv_lab.audio.data_url`.
        label: what is heard.
        aside: behind the label, smaller.
        preload: `none` where a page has hundreds of players.
    """
    more = f" <small>{html(aside)}</small>" if aside else ""
    sound = f'<audio controls preload="{preload}" aria-label="{_plain(label)}" src="{address(source)}"></audio>'
    return Html(f"<figure><figcaption>{html(label)}{more}</figcaption>{sound}</figure>")


def picture(source: bytes | str, alt: str, width: int = 0, height: int = 0) -> Html:
    """A picture: the bytes of a PNG, which then stand in the page, or a file beside it; `alt` says what it shows."""
    if isinstance(source, bytes):
        source = "data:image/png;base64," + base64.b64encode(source).decode("ascii")
    size = f' width="{width}" height="{height}"' if width else ""
    return Html(f'<img alt="{html(alt)}"{size} src="{address(source)}">')


def address(source: str) -> str:
    """A path, with what an address may not hold in it written out; a data address, which we made, as it is."""
    return source if source.startswith("data:") else escape(quote(source))


def fold(summary: object, *parts: object) -> Html:
    """What is opened by a click; closed at first, and on paper."""
    return Html(f"<details><summary>{html(summary)}</summary>{joined(*parts)}</details>")


def beside(*columns: object) -> Html:
    """Columns side by side, under each other where there is no room."""
    return Html(f'<div class="beside">{"".join(f"<div>{html(column)}</div>" for column in columns)}</div>')


def flow(*parts: object) -> Html:
    """Parts of any width in lines, as many in each as there is room for, such as small tables."""
    return Html(f'<div class="flow">{"".join(f"<div>{html(part)}</div>" for part in parts if part)}</div>')


def cards(parts: Iterable[object]) -> Html:
    """Cards, two in a line where there is room."""
    return Html(f'<div class="cards">{joined(*parts)}</div>')


def card(*parts: object) -> Html:
    """What belongs together, in a frame; on paper it stays on one page."""
    return Html(f'<section class="card">{joined(*parts)}</section>')
