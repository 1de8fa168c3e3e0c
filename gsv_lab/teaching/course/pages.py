"""Pages of the book: an executed notebook as one HTML file that needs nothing else, no kernel, script or network.

Sounds and pictures lie inside the file, formulas are MathML, and a content policy forbids the browser to load anything.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from gsv_lab.errors import on_page
from gsv_lab.system.page import picture
from gsv_lab.teaching.course.chapters import Chapter, ChapterExercise
from gsv_lab.teaching.course.maths import mathml
from gsv_lab.teaching.exercises.notebook import answers, starter

CONTENTS = "index.html"
Link = tuple[str, str]
"""File and title of a page."""
POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
STYLE = """
:root{color-scheme:light}
body{font:17px/1.6 system-ui,"Noto Sans",sans-serif;color:#1c1c1c;background:#fff;margin:0 auto;max-width:54rem;
padding:0 1rem 3rem;overflow-wrap:break-word}
h1,h2,h3{line-height:1.25;margin:1.6em 0 .5em}h1{font-size:1.8rem}h2{font-size:1.35rem}
a{color:#00598a}nav{display:grid;grid-template-columns:1fr auto 1fr;gap:1rem;align-items:center;padding:.8rem 0;
border-bottom:1px solid #ddd}nav :last-child{text-align:right}
footer nav{border-bottom:0;border-top:1px solid #ddd;margin-top:2.5rem}
pre{background:#f6f7f8;border:1px solid #e3e5e8;border-radius:4px;padding:.6rem .8rem;overflow-x:auto;
font:14px/1.45 ui-monospace,"DejaVu Sans Mono",monospace;margin:.7em 0}
code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.9em}
pre code{font-size:1em}
pre.out{background:#fff;border-style:none none none solid;border-width:0 0 0 3px;border-color:#c9cdd2;
white-space:pre-wrap}
.out{margin:.7em 0;overflow-x:auto}img,svg{max-width:100%;height:auto}audio{max-width:100%}
table{border-collapse:collapse;margin:.8em 0;display:block;overflow-x:auto}
th,td{border-bottom:1px solid #ddd;padding:.3rem .7rem;text-align:left;vertical-align:top}
math{font-size:1.08em;font-family:"STIX Two Math","Cambria Math","Latin Modern Math",math}
math[display=block]{margin:.5em 0;padding:.4em 0;overflow-x:auto;overflow-y:hidden;max-width:100%}
mtd[columnalign=left]{text-align:left}mtd[columnalign=right]{text-align:right}
details{margin:.7em 0;border-left:3px solid #0072b2;padding:.1rem .8rem}summary{cursor:pointer;color:#00598a}
.gsv-check details{border:0;padding:0;margin:.3em 0}.note{color:#555;font-size:.92em}
li .note p{margin:0 0 .6em}
@media(max-width:30rem){body{font-size:16px}pre{font-size:12.5px}audio{width:100%;min-width:17rem}
.out img{max-width:none;width:38rem}}
@media print{nav,audio{display:none}body{max-width:none;font-size:11pt}pre{white-space:pre-wrap;font-size:8.5pt}
pre,img,svg,table,.gsv-check{break-inside:avoid}h1,h2,h3{break-after:avoid}a{color:inherit;text-decoration:none}}
"""
_PRINTED = ("text/html", "image/svg+xml", "image/png", "text/markdown", "text/plain")
"""Kinds of output, best first."""
_WARNING = re.compile(r".+:\d+: \w+: (.+)")
_WIDGET = "application/vnd.jupyter.widget-view+json"


def frame(title: str, body: str, key: str, back: Link | None = None, on: Link | None = None) -> bytes:
    """A whole page with the way to its neighbours.

    Args:
        title: of the page, plain text.
        body: HTML.
        key: what it was made from, see `key_of`.
        back: the page before.
        on: the page after; with no page on either side, there is no way at all.
    """
    ways = [
        f'<a rel="prev" href="{back[0]}">← {on_page(back[1])}</a>' if back else "<span></span>",
        f'<a href="{CONTENTS}">Contents</a>',
        f'<a rel="next" href="{on[0]}">{on_page(on[1])} →</a>' if on else "<span></span>",
    ]
    nav = f"<nav>{''.join(ways)}</nav>" if back or on else ""
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="gsv-lab-page" content="{key}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{on_page(title)}</title><style>{STYLE}{_code_style()}</style></head>"
    )
    return f"{head}<body>{nav}<main>{body}</main><footer>{nav}</footer></body></html>\n".encode()


def key_of(page: bytes) -> str | None:
    """The key of a page that `frame` made; None for anything else."""
    found = re.search(rb'<meta name="gsv-lab-page" content="(\w+)">', page[:2000])
    return found[1].decode() if found else None


def chapter_body(chapter: Chapter, executed: Any, with_solutions: bool) -> str:
    """The cells of an executed notebook as HTML; answers of exercises are folded.

    Args:
        chapter: of the notebook.
        executed: its cells are those of the chapter, one by one.
        with_solutions: whether the teachers' form was run.

    Raises:
        DataError: BOOK_FORMULA.
    """
    exercises = {exercise.cell: exercise for exercise in chapter.exercises}
    parts = []
    for number, (cell, done) in enumerate(zip(chapter.cells, executed.cells, strict=True)):
        if cell.kind == "markdown":
            parts.append(prose(cell.source))
        elif number in exercises and with_solutions:
            parts.append(_solved(cell.source, done.outputs, exercises[number]))
        else:
            parts.append(code(starter(cell.source, chapter.stem)) + outputs(done.outputs))
    return "\n".join(parts)


def _solved(source: str, shown: Sequence[Any], exercise: ChapterExercise) -> str:
    """What the student finds, and below it, folded, a solution with what it shows."""
    title = f"Solution of exercise {exercise.number}"
    folded = code(answers(source)) + outputs(shown)
    return f"{code(starter(source))}<details><summary>{title}</summary>{folded}</details>"


def prose(markdown: str) -> str:
    """A text cell as HTML, its formulas as MathML, and links to notebooks as links to pages."""
    html = _markdown().render(markdown)
    return re.sub(r'href="(?:\./)?(\d\d_\w+)\.ipynb"', r'href="\1.html"', html)


@cache
def _markdown() -> Any:
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class _Renderer(IPythonRenderer):
        def block_math(self, body: str) -> str:
            return mathml(body, block=True)

        def multiline_math(self, text: str) -> str:
            return mathml(text, block=True)

        def latex_environment(self, name: str, body: str) -> str:
            return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", block=True)

        def inline_math(self, body: str) -> str:
            return mathml(body)

    return MarkdownWithMath(renderer=_Renderer(escape=False, exclude_anchor_links=True))


def code(source: str) -> str:
    """Python, coloured."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return str(highlight(source.rstrip(), PythonLexer(), HtmlFormatter(nowrap=False, cssclass="code")))


@cache
def _code_style() -> str:
    from pygments.formatters import HtmlFormatter

    rules = HtmlFormatter(style="xcode").get_style_defs(".code pre").splitlines()
    return "".join(rule for rule in rules if rule.startswith(".code pre ."))


def outputs(shown: Sequence[Any]) -> str:
    """What a cell showed."""
    from nbconvert.filters import ansi2html

    parts = []
    for output in shown:
        if output.output_type == "stream" and output.name == "stderr":
            parts += [f'<p class="note">{on_page(line)}</p>' for line in notes(output.text)]
        elif output.output_type == "stream":
            parts.append(f'<pre class="out">{ansi2html(output.text)}</pre>')
        elif output.output_type in ("display_data", "execute_result"):
            parts.append(f'<div class="out">{_display(output.data)}</div>')
    return "".join(parts)


def notes(stderr: str) -> list[str]:
    """What warnings say, without the paths and lines of code that Python prints around it."""
    lines = stderr.splitlines()
    told = [_WARNING.fullmatch(line) for line in lines]
    if not any(told):
        return [line for line in lines if line.strip()]
    return [found[1] for found in told if found]


def _display(data: dict[str, Any]) -> str:
    """One displayed thing in the best of its kinds."""
    from nbconvert.filters import ansi2html

    if _WIDGET in data:
        return '<p class="note">Here the notebook has a widget, which needs a kernel.</p>'
    kind = next(kind for kind in _PRINTED if kind in data)
    content = "".join(data[kind])
    match kind:
        case "text/html" | "image/svg+xml":
            return content
        case "image/png":
            return picture(base64.b64decode(content), "what the cell above draws")
        case "text/markdown":
            return prose(content)
    return f'<pre class="out">{ansi2html(content)}</pre>'
