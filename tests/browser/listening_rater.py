"""Somebody who answers a listening test in a real browser, by mouse or by keys, and remembers the answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import offline
from gsv_lab.evaluation.listening.files import TestPage

FAST = """{const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () { this.playbackRate = 16; return play.call(this); };}"""
"""Sound that is played sixteen times as fast; everything else is as it is."""
PATIENCE = 30_000
Answers = dict[str, dict[str, Any]]
"""Page -> question -> answer."""


def watched(context: Any) -> tuple[Any, list[str]]:
    """A page of a browser with fast sound, and a list that fills with its errors and with requests that leave."""
    page = context.new_page()
    page.add_init_script(FAST)
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:", "blob:")) or local(request.url)
            else wrong.append(request.url))  # fmt: skip
    return page, wrong


def local(url: str) -> bool:
    return offline.is_local(url.split("/")[2].rsplit(":", 1)[0]) if "://" in url else False


class BrowserRater:
    """One rater in front of a panel.

    Args:
        root: the panel's element.
        pages: of the place, in order.
        choose: (page, question) -> answer: the number of a choice from 0, or of a slider.
        keys: answer with the keyboard alone.
    """

    def __init__(
        self, root: Any, pages: list[TestPage], choose: Callable[[TestPage, str], int], keys: bool = False
    ) -> None:
        self.root, self.page, self.pages, self.choose, self.keys = root, root.page, pages, choose, keys
        self.number = 0

    def begin(self, place: int) -> None:
        """Agree, and take a place (from 0)."""
        self.wait("welcome")
        assert self.root.get_by_role("button", name="Begin").is_disabled()
        self.root.get_by_role("checkbox").check()
        self.root.get_by_role("spinbutton").fill(str(place + 1))
        self.root.get_by_role("button", name="Begin").click()

    def wait(self, stage: str) -> None:
        """Until the panel is there."""
        self.page.wait_for_function(
            "([root, stage]) => root.dataset.stage === stage", arg=[self.root.element_handle(), stage]
        )

    def answer_all(self) -> None:
        """Every page that is left."""
        while self.number < len(self.pages):
            self.answer_page()
        self.wait("done")

    def answer_page(self) -> None:
        """One page: hear, answer, go on."""
        page = self.pages[self.number]
        self.root.get_by_text(f"Page {self.number + 1} of {len(self.pages)}", exact=True).wait_for()
        for index in range(len(page.clips)):
            self.hear(index)
        for question in page.questions:
            self.answer(question.name, self.choose(page, question.name))
        if self.keys:
            self.page.keyboard.press("Enter")
        else:
            self.root.get_by_role("button", name="Next").click()
        self.number += 1

    def hear(self, index: int) -> None:
        """Play a clip to its end."""
        clip = self.root.locator(".gsv-listening-clip").nth(index)
        until = time.monotonic() + PATIENCE / 1000
        while clip.locator(".gsv-listening-play").is_disabled():
            assert time.monotonic() < until, "the clip does not load"
            self.page.wait_for_timeout(20)
        if self.keys:
            self.page.keyboard.press(" ")
        else:
            clip.locator(".gsv-listening-play").click()
        clip.locator("xpath=self::*[contains(@class, 'gsv-listening-whole')]").wait_for()

    def answer(self, name: str, value: int) -> None:
        """Give an answer, and wait until it is shown as taken."""
        if name == "answer":
            choice = self.root.locator(".gsv-listening-choice").nth(value)
            if self.keys:
                self.page.keyboard.press(str(value + 1))
            else:
                choice.click()
            choice.locator("xpath=self::*[@aria-pressed='true']").wait_for()
            return
        page = self.pages[self.number]
        row = self.root.locator(".gsv-listening-clip").nth([clip.stimulus for clip in page.clips].index(name))
        slider = row.locator(".gsv-listening-slider")
        slider.focus()
        if self.keys:
            for key in ("Home", *["PageUp"] * (value // 10), *["ArrowRight"] * (value % 10)):
                self.page.keyboard.press(key)
        else:
            slider.fill(str(value))  # moves it, and lets it go
        row.locator("output").get_by_text(str(value), exact=True).wait_for()


def saved(page: Any, folder: Path) -> Path:
    """Press `Save the results`; the file that the browser wrote."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save the results").first.click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path
