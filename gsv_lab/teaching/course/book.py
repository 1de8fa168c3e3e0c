"""The course as a book: every notebook run and made into a page, a page on what a training shows, and contents.

    make_book(Path("book"))        # book/index.html, book/00_hear_it.html ...

A page says what it was made from; one that was made from the same is kept, so that the same call goes on where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gsv_lab import __version__
from gsv_lab.errors import LabError, on_page
from gsv_lab.system.environment import default_model
from gsv_lab.system.extras import require
from gsv_lab.system.files import make_folder, save_bytes
from gsv_lab.system.folders import check_reachable, locked, private_folder
from gsv_lab.system.shipped import PACKAGE, shipped_folder
from gsv_lab.teaching.course.chapters import Chapter, chosen
from gsv_lab.teaching.course.pages import CONTENTS, Link, chapter_body, frame, key_of, prose
from gsv_lab.teaching.course.running import run_chapter
from gsv_lab.teaching.course.training_page import TRAINING, training_body

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Book:
    """What was made: the page of contents, and the names of the pages that were `made` or `kept`."""

    index: Path
    made: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class _Page:
    """A page that is to be: its `file` and title, what it is made from, and how its body is made."""

    link: Link
    key: str
    body: Callable[[Path, Progress], str]


def make_book(
    folder: Path, names: Sequence[str] = (), starter: bool = False, progress: Progress = lambda share, name: None
) -> Book:
    """Run notebooks and write their pages.

    Args:
        folder: is made if it is not there; other files in it are left alone.
        names: of the notebooks, by number or file name; all, and the page on trainings, if there is none.
        starter: run the students' form; else the solved one, with its solutions folded.
        progress: called with the share that is done and what is at hand.

    Raises:
        DataError: NOTEBOOK_UNKNOWN, NOTEBOOK_SOURCE, BOOK_FORMULA. LabError: EXTRA_MISSING; BOOK_CELL, a cell raised;
            OUTPUT_EXISTS, a page would overwrite a file that is none; SAVE_FAILED.
    """
    require("latex2mathml", "course")
    found = chosen(names)
    check_reachable(folder)
    pages = _pages(found, starter, with_training=not names)
    for page in pages:
        _refuse_foreign(folder / page.link[0])
    _refuse_foreign(folder / CONTENTS)
    make_folder(folder)
    made: list[str] = []
    with locked(folder, "written"), private_folder() as work:
        for number, page in enumerate(pages):
            file, title = page.link
            if _key(folder / file) == page.key:
                continue
            part = _part(progress, number, len(pages))
            part(0, file)
            body = page.body(work, part)
            back, on = (pages[at].link if 0 <= at < len(pages) else None for at in (number - 1, number + 1))
            save_bytes(folder / file, frame(title, body, page.key, back, on))
            made.append(file)
        index = save_bytes(folder / CONTENTS, frame("gsv_lab, the course", _contents(found, pages), "index"))
    progress(1, CONTENTS)
    kept = tuple(page.link[0] for page in pages if page.link[0] not in made)
    return Book(index, tuple(made), kept)


def _pages(found: Sequence[Chapter], starter: bool, with_training: bool) -> list[_Page]:
    """The pages in their order; each key also tells the neighbours, whose titles a page shows."""
    package = _package_digest()
    links = [(f"{chapter.stem}.html", f"{chapter.number} {chapter.title}") for chapter in found]
    links += [(TRAINING, "What a training shows")] if with_training else []
    pages = []
    for number, link in enumerate(links):
        chapter = found[number] if number < len(found) else None
        source = chapter.text if chapter else ""
        told = (source, starter, package, default_model(), links[max(0, number - 1) : number + 2])
        key = hashlib.sha256(repr(told).encode()).hexdigest()[:32]
        pages.append(_Page(link, key, _chapter(chapter, starter) if chapter else training_body))
    return pages


def _chapter(chapter: Chapter, starter: bool) -> Callable[[Path, Progress], str]:
    def body(work: Path, progress: Progress) -> str:
        executed = run_chapter(chapter, work, not starter, progress)
        return chapter_body(chapter, executed, not starter)

    return body


def _part(progress: Progress, number: int, pages: int) -> Progress:
    """The progress of one page as that of the book."""
    return lambda share, name: progress((number + share) / pages, name)


def _package_digest() -> str:
    """Of the code and the configurations that a book runs: after a change of them every page is made anew."""
    digest = hashlib.sha256()
    for path in sorted([*PACKAGE.rglob("*.py"), *shipped_folder("configs").rglob("*.yaml")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _key(path: Path) -> str | None:
    return key_of(path.read_bytes()) if path.is_file() else None


def _refuse_foreign(path: Path) -> None:
    if path.exists() and _key(path) is None:
        problem = f"{str(path)!r} exists and is no page of a book"
        raise LabError("OUTPUT_EXISTS", problem, "a folder for the book", "Choose another folder; nothing was written")


def _contents(found: Sequence[Chapter], pages: Sequence[_Page]) -> str:
    """The first page: what there is, how long it takes, what will be heard."""
    rows = []
    for chapter in found:
        told = [f"{chapter.minutes} minutes" if chapter.minutes else "", chapter.dots, chapter.hear]
        says = prose(" · ".join(part for part in told if part))
        link = f'<a href="{chapter.stem}.html">{on_page(chapter.title)}</a>'
        rows.append(f'<li value="{int(chapter.number)}">{link}<div class="note">{says}</div></li>')
    more = [f'<p><a href="{file}">{on_page(title)}</a></p>' for file, title in (p.link for p in pages[len(found) :])]
    intro = (
        "<h1>GPT-SoVITS, opened up</h1><p>The course of gsv_lab as a book: every notebook, executed, with its pictures "
        "and sounds. To change something and hear what happens, open the notebooks themselves: "
        "<code>gsv-lab open</code>.</p>"
    )
    note = (
        f"Made by gsv_lab {__version__} with the model {default_model()}. Voices in this book are made by machines, "
        "unless a page says otherwise. Nothing here is loaded from elsewhere."
    )
    return f'{intro}<ol>{"".join(rows)}</ol>{"".join(more)}<p class="note">{on_page(note)}</p>'
