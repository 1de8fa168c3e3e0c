"""What readers do: click twice, refuse the microphone, restart the kernel, open two notebooks, bring a long file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from chromium import OPTIONS
from gsv_lab.teaching.exercises.notebook import Cell, build, to_bytes

from . import excerpts
from .pages import LabPage, Server

SOURCES = Path(__file__).resolve().parents[2] / "notebooks" / "src"
RECORDER = "import gsv_lab\nfrom gsv_lab.teaching.widgets.record import RecordYourself\nlab = gsv_lab.load()"
WINDOW = (
    "from gsv_lab.corpora.synthetic import SyntheticCorpus\nimport torch\n"
    "from gsv_lab.teaching.widgets.window import WindowExplorer\n"
    "explorer = WindowExplorer(torch.from_numpy(SyntheticCorpus(1, 1)[0].wave), 16000)\nexplorer.view"
)


def notebook(server: Server, name: str, *cells: str) -> str:
    (server.folder / name).write_bytes(to_bytes(build([Cell("code", cell) for cell in cells])))
    return name


@pytest.fixture
def started(driver: Any, chromium: str) -> Iterator[Callable[..., Any]]:
    """A Chromium of its own, with further options."""
    running: list[Any] = []

    def start(*options: str) -> Any:
        running.append(driver.chromium.launch(executable_path=chromium, args=[*OPTIONS, *options]))
        return running[-1]

    yield start
    for browser in running:
        browser.close()


def test_two_quick_clicks_end_in_the_last_state(lab_page: LabPage, server: Server) -> None:
    lab_page.open(excerpts.write(SOURCES / "05_timbre.py", server.folder, ("setup", "widget")))
    lab_page.run_all()
    explorer = lab_page.explorer()
    first = explorer.shown()
    text, codes = (explorer.root.get_by_label(name, exact=True) for name in ("text", "codes"))
    text.click()
    codes.click()
    codes.click()
    explorer.changed(first)
    lab_page.run_code("explorer.requests.wait()")
    shown = explorer.shown()
    assert "zero prior.text" in shown and "zero prior.content" not in shown
    # Made anew for the present state, it is the same to the last byte: nothing was labelled with another state.
    lab_page.run_code("explorer.draw()")
    assert explorer.shown() == shown
    text.click()
    assert "zero prior.text" not in explorer.changed(shown)


def test_a_kernel_that_was_restarted_says_so_and_the_cell_runs_again(lab_page: LabPage, server: Server) -> None:
    lab_page.open(notebook(server, "restarted.ipynb", WINDOW))
    lab_page.run_all()
    lab_page.explorer().drag()
    lab_page.page.evaluate(
        """async () => {const context = jupyterapp.shell.currentWidget.sessionContext;
           await context.session.kernel.restart(); await context.ready;}"""
    )
    old = lab_page.page.locator(".gsv-explorer").first
    assert "gone" in old.evaluate("root => getComputedStyle(root, '::after').content")
    old.locator(".noUi-handle").first.press("ArrowRight")
    lab_page.run_all()
    explorer = lab_page.explorer()
    before = explorer.shown()
    explorer.drag()
    explorer.changed(before)


def test_two_notebooks_at_once(lab_page: LabPage, server: Server, browser: Any) -> None:
    other = LabPage(browser.new_context(viewport={"width": 1300, "height": 900}).new_page(), server.address)
    pages = (lab_page, other)
    for number, page in enumerate(pages):
        page.open(notebook(server, f"notebook{number}.ipynb", WINDOW))
        page.run_all()
    for page in pages:
        explorer = page.explorer()
        before = explorer.shown()
        explorer.drag()
        explorer.changed(before)
    other.shut_down()
    other.page.context.close()
    assert not other.errors and not other.left


def recorder(page: LabPage, server: Server) -> Any:
    page.open(notebook(server, "recorder.ipynb", RECORDER, "recorder = RecordYourself(lab)\nrecorder.view"))
    page.run_all()
    return page.explorer()


def said(page: LabPage, expression: str) -> str:
    """What an expression in the kernel is."""
    outputs = page.run_code(f"print({expression})")
    return "".join(out["text"] for out in outputs if "text" in out).strip()


def test_a_microphone_is_recorded_into_the_kernel(started: Callable[..., Any], server: Server) -> None:
    context = started("--use-fake-device-for-media-stream").new_context(permissions=["microphone"])
    page = LabPage(context.new_page(), server.address)
    explorer = recorder(page, server)
    before = explorer.shown()
    button = explorer.root.get_by_role("button", name="Record", exact=True)
    button.click()
    meter = explorer.root.locator(".gsv-record-meter")
    page.page.wait_for_function(
        "meter => Number(meter.getAttribute('aria-valuenow')) > -50", arg=meter.element_handle()
    )
    page.page.wait_for_timeout(1500)
    explorer.root.get_by_role("button", name="Stop").click()
    after = explorer.changed(before)
    # Chromium's device beeps once a second: sound, but no speech.
    assert float(said(page, "recorder.readings[next(iter(recorder.readings))].recording.seconds")) > 1
    assert (
        float(said(page, "recorder.readings[next(iter(recorder.readings))].recording.samples.abs().max().item()"))
        > 0.01
    )
    assert "<audio" in after
    page.shut_down()
    assert not page.errors and not page.left


@pytest.mark.parametrize(
    ("options", "permissions", "reason"),
    [
        (("--use-fake-device-for-media-stream",), [], "may not use the microphone"),
        ((), ["microphone"], "There is no microphone"),
    ],
    ids=["refused", "missing"],
)
def test_without_a_microphone_the_panel_says_why(
    options: tuple[str, ...], permissions: list[str], reason: str, started: Callable[..., Any], server: Server
) -> None:
    page = LabPage(started(*options).new_context(permissions=permissions).new_page(), server.address)
    explorer = recorder(page, server)
    before = explorer.shown()
    explorer.root.get_by_role("button", name="Record", exact=True).click()
    assert reason in explorer.changed(before)
    assert explorer.root.get_by_role("button", name="Record", exact=True).is_enabled()
    page.shut_down()
    assert not page.errors and not page.left


def test_an_upload_of_twenty_minutes_is_refused_and_a_short_one_taken(
    lab_page: LabPage, server: Server, sample: Path, tmp_path: Path
) -> None:
    long = tmp_path / "long.flac"
    soundfile.write(long, np.random.default_rng(0).normal(0, 0.001, 20 * 60 * 16000), 16000)
    lab_page.open(excerpts.write(SOURCES / "00_hear_it.py", server.folder, ("setup", "widget")))
    lab_page.run_all()
    explorer = lab_page.explorer(1)
    choice = explorer.root.locator("input[type=file]")
    choice.set_input_files(long)
    explorer.root.get_by_text("lasts more than 5 minutes").wait_for()
    choice.set_input_files(sample)
    explorer.root.get_by_text("is the voice").wait_for()
    assert "en_rms" in explorer.root.get_by_label("voice").inner_text()
