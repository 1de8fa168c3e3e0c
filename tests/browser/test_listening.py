"""Listening tests in a real Chromium: the page from its file, and the panel under JupyterLab.

Raters hear every clip to its end (sixteen times as fast), answer by mouse or by keys, stop, and come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gsv_lab.evaluation import listening
from gsv_lab.evaluation.listening.files import TestPage, read_key, read_test
from gsv_lab.evaluation.listening.methods import ALL, METHODS
from gsv_lab.teaching.exercises.notebook import Cell, build, to_bytes
from listening_clips import folder_of_clips

from .listening_rater import FAST, BrowserRater, saved, watched
from .pages import LabPage, Server

RATERS = 5


@pytest.fixture(scope="module")
def tests(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a test by its design: two items, two systems, and gold, trap and repeat where they belong."""
    place = tmp_path_factory.mktemp("tests")
    clips = folder_of_clips(place / "clips", items=2, systems=("natural", "ours"), seconds=0.4)

    def make(design: str) -> Path:
        more: dict[str, int] = {} if METHODS[design].page == ALL else {"gold": 1, "traps": 1}
        if design == "acr":
            more["embedded"] = 0  # its sounds lie beside the page
        options = listening.Options(repeats=1, no_preference=design == "ab", **more)
        folder = place / design
        return folder if folder.exists() else listening.make(clips, folder, design, RATERS, 1, options)

    return make


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page with fast sound that must not have made an error, nor a request that leaves the machine."""
    context = browser.new_context(viewport={"width": 900, "height": 900}, accept_downloads=True)
    made, wrong = watched(context)
    yield made
    context.close()
    assert not wrong


class Noted:
    """Answers that were drawn, and what the votes must be then: (page, question) -> value of the choice."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.test, self.rng = read_test(folder), Random(seed)
        self.given: dict[tuple[str, str], Any] = {}

    def __call__(self, page: TestPage, name: str) -> int:
        scale = self.test.scale
        number = self.rng.randrange(len(scale) or 100) + (0 if scale else 1)
        self.given[page.id, name] = scale[number] if scale else number
        return number


def check(rows: list[listening.votes.Row], noted: list[Noted], folder: Path) -> None:
    """Every answer that was given is a vote, and nothing else is."""
    key = read_key(folder / "key.json")
    system = {name: entry.system for name, entry in key.stimuli.items()}
    found = [(row["page"], row["system"] if not key.test.scale else "answer", row["answer"]) for row in rows]
    wanted = [
        (page, "answer" if name == "answer" else system[name], value)
        for one in noted
        for (page, name), value in one.given.items()
    ]
    assert sorted(map(str, found)) == sorted(map(str, wanted)) and len(found) > 4


def answer_page(page: Any, folder: Path, place: int, keys: bool, downloads: Path) -> tuple[Noted, Path]:
    """One rater at the page of a test; the file that is sent back."""
    noted = Noted(folder, place)
    page.goto((folder / "panel.html").as_uri())
    rater = BrowserRater(page.locator("#panel"), noted.test.places[place], noted, keys)
    rater.begin(place)
    rater.answer_all()
    return noted, saved(page, downloads)


@pytest.mark.parametrize("design", ["mushra", "abx"])
def test_the_page_is_answered_from_its_file(
    design: str, page: Any, tests: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tests(design)
    noted, path = answer_page(page, folder, 0, design == "abx", tmp_path)
    check(listening.read_results([path], folder / "key.json"), [noted], folder)


@pytest.mark.slow
@pytest.mark.parametrize("design", METHODS)
def test_five_raters_answer_every_page(design: str, page: Any, tests: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tests(design)
    done = [answer_page(page, folder, place, place % 2 == 1, tmp_path) for place in range(RATERS)]
    check(listening.read_results([path for _, path in done], folder / "key.json"), [one for one, _ in done], folder)


def test_a_page_that_was_stopped_goes_on(page: Any, tests: Callable[[str], Path], tmp_path: Path) -> None:
    """Controls are locked until a clip was heard; the page is closed, stopped, gone on with; answers are deleted."""
    folder = tests("acr")
    address = (folder / "panel.html").as_uri()
    noted = Noted(folder, 1)
    root = page.locator("#panel")
    page.goto(f"{address}#place=2")
    rater = BrowserRater(root, noted.test.places[1], noted)
    rater.wait("welcome")
    assert root.get_by_role("spinbutton").input_value() == "2"
    assert "synthetic" in root.inner_text() and "No name is asked" in root.inner_text()
    rater.begin(1)
    root.locator(".gsv-listening-play:enabled").wait_for()
    assert root.locator(".gsv-listening-choice:enabled, .gsv-listening-position:enabled").count() == 0
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    assert root.get_by_text("Page 1 of").is_visible()
    rater.answer_page()
    rater.hear(0)
    page.goto("about:blank")  # the browser is closed
    page.goto(address)
    root.get_by_role("button", name="(page 2 of").click()
    root.locator(".gsv-listening-position:enabled").wait_for()  # what was heard was kept
    root.locator(".gsv-listening-position").press("End")
    root.get_by_role("button", name="Stop").click()
    root.get_by_role("button", name="Go on").click()
    rater.answer_all()
    path = saved(page, tmp_path)
    check(listening.read_results([path], folder / "key.json"), [noted], folder)
    kinds = [event["kind"] for event in listening.votes.read_json(path, "results")["raters"][0]["events"]]
    assert kinds[0] == "agree" and {"play", "heard", "seek", "answer", "stop", "resume"} <= {*kinds}
    root.get_by_role("button", name="Another rater").click()
    root.get_by_text("has finished").wait_for()
    rater.begin(0)
    root.get_by_role("button", name="Stop").click()
    root.get_by_role("button", name="Delete my answers").click()
    root.get_by_text("Your answers were deleted").wait_for()
    assert root.get_by_role("button", name="Go on").count() == 0


def panel_cell(folder: Path) -> Cell:
    return Cell("code", f"ListeningPanel({str(folder)!r})")


def opened(page: LabPage, server: Server, name: str, *cells: Cell) -> None:
    page.page.add_init_script(FAST)
    first = Cell("code", "from gsv_lab.teaching.widgets.listening import ListeningPanel")
    (server.folder / name).write_bytes(to_bytes(build([first, *cells])))
    page.open(name)
    page.run_all()


def answer_panel(page: LabPage, folder: Path, place: int, keys: bool) -> Noted:
    """One rater at a panel, which then offers the next."""
    noted = Noted(folder, place)
    root = page.page.locator(".gsv-listening")
    root.scroll_into_view_if_needed()
    rater = BrowserRater(root, noted.test.places[place], noted, keys)
    rater.begin(place)
    rater.answer_all()
    root.get_by_role("button", name="Another rater").click()
    return noted


def test_a_panel_outlives_its_kernel(lab_page: LabPage, server: Server, tests: Callable[[str], Path]) -> None:
    """Answered in part, the kernel is killed; the cell offers to go on, and every event is there."""
    folder = tests("mushra")
    opened(lab_page, server, "listening.ipynb", panel_cell(folder))
    noted = Noted(folder, 2)
    root = lab_page.page.locator(".gsv-listening")
    rater = BrowserRater(root, noted.test.places[2], noted, keys=True)
    rater.begin(2)
    rater.answer_page()
    root.get_by_text("Page 2 of").wait_for()
    lab_page.page.evaluate(
        """async () => {const context = jupyterapp.shell.currentWidget.sessionContext;
           await context.session.kernel.restart(); await context.ready;}"""
    )
    lab_page.page.locator(".gsv-listening-gone").wait_for()
    assert "gone" in root.first.evaluate("root => getComputedStyle(root, '::after').content")
    lab_page.run_all()
    root = lab_page.page.locator(".gsv-listening")
    rater.root = root
    root.get_by_role("button", name="(page 2 of").click()
    rater.answer_all()
    check(listening.read_results([folder / "votes.sqlite"], folder / "key.json"), [noted], folder)


@pytest.mark.slow
@pytest.mark.parametrize("design", METHODS)
def test_five_raters_answer_every_panel(
    design: str, lab_page: LabPage, server: Server, tests: Callable[[str], Path]
) -> None:
    folder = tests(design)
    for path in folder.glob("votes.sqlite*"):
        path.unlink()
    opened(lab_page, server, f"{design}.ipynb", panel_cell(folder))
    noted = [answer_panel(lab_page, folder, place, place % 2 == 1) for place in range(RATERS)]
    check(listening.read_results([folder / "votes.sqlite"], folder / "key.json"), noted, folder)
