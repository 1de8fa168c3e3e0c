"""Every notebook in a real JupyterLab: cells run, a control moves by mouse and one by keys, picture and sound follow.

A later notebook adds a row. `pytest -m slow tests/browser` runs all cells instead of those that the widgets need.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gsv_lab.evaluation.listening.files import read_test
from gsv_lab.teaching.exercises.notebook import sources

from . import excerpts
from .listening_rater import FAST, BrowserRater
from .pages import Explorer, LabPage, Server

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


class Row(NamedTuple):
    """What is done in a widget of a notebook.

    `widget`, which one; `slider`, the one that the mouse moves (-1 for none); `keyboard`, what is focused, and the
    `keys` that it gets; `button`, what starts the work where that does not begin by itself; `sounds`, how many players
    there are at least; `listens`, the folder of the listening test whose panel then has a page answered by mouse and
    one by keys.
    """

    widget: int = 0
    slider: int = 0
    keyboard: str = ".noUi-handle"
    keys: str = "ArrowRight"
    button: str = ""
    sounds: int = 0
    listens: str = ""


ROWS = {
    "00_hear_it": Row(widget=1, button="Speak", sounds=1),
    "01_frames": Row(slider=2),
    "02_phones": Row(slider=-1, keyboard="textarea", keys="End z Tab"),
    "03_codebook": Row(),
    "04_gpt": Row(sounds=1),
    "05_timbre": Row(keyboard="select", keys="ArrowDown", sounds=1),
    "06_latents": Row(sounds=1),
    "07_leaks": Row(keyboard="select", keys="ArrowDown"),
    "08_break": Row(slider=-1, keyboard="select", keys="ArrowDown"),
    "09_minute": Row(keyboard="select", keys="ArrowDown"),
    "10_numbers": Row(sounds=1),
    "11_ask_people": Row(slider=-1, keyboard="select", keys="ArrowDown", listens="ask_people/mushra_*"),
    "12_reproduce": Row(slider=-1, keyboard="select", keys="ArrowDown"),
}


def test_every_notebook_has_a_row() -> None:
    assert {path.stem for path in sources(NOTEBOOKS)} == set(ROWS)


def failures(cells: list[dict[str, Any]]) -> list[str]:
    """What went wrong in cells: those that did not run, and every error."""
    missed = [cell["source"] for cell in cells if cell["count"] is None and cell["source"].strip()]
    wrong = [str(out) for cell in cells for out in cell["outputs"] if out["output_type"] == "error"]
    return missed + wrong


def sounds(page: str) -> list[str]:
    return re.findall(r'<audio[^>]* src="(data:audio[^"]+)"', page)


def pictures(page: str) -> list[str]:
    return re.findall(r'src="(data:image/png[^"]+)"', page)


def move(explorer: Explorer, row: Row) -> None:
    """One control by mouse and one by keyboard; the result follows each, and between them picture and sound change."""
    before = last = explorer.shown()
    if row.slider >= 0:
        explorer.drag(row.slider)
        last = answered(explorer, row, last)
    explorer.press(row.keyboard, row.keys)
    after = answered(explorer, row, last)
    assert not pictures(after) or not set(pictures(before)) & set(pictures(last)) & set(pictures(after))
    assert len(sounds(after)) >= row.sounds and not set(sounds(before)) & set(sounds(last)) & set(sounds(after))


def answered(explorer: Explorer, row: Row, before: str) -> str:
    """What is shown when a move was answered."""
    if row.button:
        explorer.root.get_by_role("button", name=row.button).click()
    return explorer.changed(before)


def fits(page: LabPage, explorer: Explorer, width: int) -> None:
    """Sliders are wide enough to be used, and labels are whole."""
    page.page.set_viewport_size({"width": width, "height": 900})
    page.page.wait_for_timeout(300)
    widths = explorer.sliders()
    assert all(found >= 150 for found in widths), f"at {width} px: {widths}"
    assert not explorer.labels_cut(), f"at {width} px"


def listen(explorer: Explorer, folder: Path) -> None:
    """Hear and answer a page of a listening panel by mouse and one by keys; what is counted beside it follows."""
    pages = read_test(folder).places[0]
    rater = BrowserRater(explorer.root.locator(".gsv-listening").first, pages, lambda page, name: 40)
    rater.begin(0)
    for rater.keys in (False, True):
        before = explorer.shown()
        rater.answer_page()
        explorer.changed(before)


def work_through(page: LabPage, name: str, row: Row, folder: Path) -> None:
    if row.listens:
        page.page.add_init_script(FAST)
    page.open(name)
    assert not failures(page.run_all())
    for width in (1000, 1300):
        for explorer in page.explorers():
            fits(page, explorer, width)
    move(page.explorer(row.widget), row)
    if row.listens:
        listen(page.explorer(row.widget), next(folder.glob(row.listens)))


@pytest.mark.parametrize("stem", ROWS)
def test_widgets_work(stem: str, lab_page: LabPage, server: Server) -> None:
    name = excerpts.write(NOTEBOOKS / "src" / f"{stem}.py", server.folder, ("setup", "widget"))
    work_through(lab_page, name, ROWS[stem], server.folder)


@pytest.mark.slow
@pytest.mark.parametrize("stem", ROWS)
def test_all_cells_run(stem: str, lab_page: LabPage, server: Server) -> None:
    name = excerpts.write(NOTEBOOKS / "src" / f"{stem}.py", server.folder)
    work_through(lab_page, name, ROWS[stem], server.folder)
