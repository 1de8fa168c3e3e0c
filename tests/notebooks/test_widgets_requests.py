"""Controls that are moved faster than a result is made: one request at a time, the last wins, labels are true."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import ipywidgets
import pytest
import torch

from gsv_lab.errors import ConfigError, DataError
from gsv_lab.hooks import Edit, Records, probe
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.utterance import Speech
from gsv_lab.inference.voice import Voice
from gsv_lab.teaching.exercises.excerpt import Excerpt, excerpt
from gsv_lab.teaching.exercises.material import shipped_sample
from gsv_lab.teaching.widgets.blend import BlendExplorer
from gsv_lab.teaching.widgets.busy import BUSY
from gsv_lab.teaching.widgets.explorer import Explorer, State
from gsv_lab.teaching.widgets.layout import TRACK
from gsv_lab.teaching.widgets.voice import VoiceExplorer


class Slow(Explorer):
    """Shows the state that it was given, after a while; the controls have moved on by then."""

    def __init__(self, seconds: float = 0.1) -> None:
        self.seconds = seconds
        self.answered: list[dict[str, int]] = []
        self.notes: list[str] = []
        self.at_work = 0
        self.most_at_work = 0
        super().__init__({name: ipywidgets.IntSlider(0, description=name) for name in ("a", "b")})
        self.note.observe(lambda change: self.notes.append(change["new"]), "value")

    def render(self, state: State) -> str:
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        time.sleep(self.seconds)
        self.answered.append(dict(state))
        self.at_work -= 1
        if state["a"] == 13:
            raise DataError("UNLUCKY", "13 was chosen", "another number")
        if state["a"] == 99:
            raise ZeroDivisionError("a fault of ours")
        return f"a={state['a']} b={state['b']}"


def in_a_kernel(moves: Callable[[], None], explorer: Explorer) -> None:
    """Move controls inside a running event loop, as a kernel does, and wait for the result."""

    async def run() -> None:
        moves()
        await asyncio.to_thread(explorer.requests.wait)

    asyncio.run(run())
    assert not explorer.requests.busy and not explorer.note.value


def test_of_many_quick_changes_the_first_and_the_last_are_answered() -> None:
    explorer = Slow()

    def moves() -> None:
        explorer.controls["a"].value = 1
        while not explorer.at_work:
            time.sleep(0.001)
        for value in range(2, 8):
            explorer.controls["a"].value = value
            explorer.controls["b"].value = 10 * value
        assert explorer.note.value == BUSY and explorer.requests.busy

    in_a_kernel(moves, explorer)
    assert explorer.answered == [{"a": 1, "b": 0}, {"a": 7, "b": 70}]
    assert explorer.output.value == "a=7 b=70" and explorer.most_at_work == 1
    assert explorer.notes[0] == BUSY and explorer.notes[-1] == ""


def test_changes_from_several_threads_never_meet() -> None:
    explorer = Slow(0.02)

    def move(name: str) -> None:
        for value in range(1, 6):
            explorer.controls[name].value = value
            time.sleep(0.005)

    threads = [threading.Thread(target=move, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert explorer.requests.wait(5)
    assert explorer.most_at_work == 1 and explorer.answered[-1] == {"a": 5, "b": 5}
    assert explorer.output.value == "a=5 b=5" and not explorer.note.value


def test_two_explorers_of_one_process_take_turns() -> None:
    first, second = Slow(), Slow()
    both: list[int] = []
    for one, other in ((first, second), (second, first)):
        plain = one.render
        one.render = lambda state, plain=plain, other=other: both.append(other.at_work) or plain(state)  # type: ignore[method-assign]
    threads = [threading.Thread(target=explorer.set, kwargs={"a": 1}) for explorer in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert both == [0, 0] and first.output.value == second.output.value == "a=1 b=0"


def test_an_error_in_the_middle_is_shown_and_the_next_change_is_answered() -> None:
    explorer = Slow(0.02)
    explorer.controls["a"].value = 13
    assert "13 was chosen" in explorer.output.value
    explorer.controls["a"].value = 99
    assert "ZeroDivisionError: a fault of ours" in explorer.output.value and not explorer.requests.busy
    in_a_kernel(lambda: setattr(explorer.controls["a"], "value", 13), explorer)
    assert "13 was chosen" in explorer.output.value
    explorer.set(a=2)
    assert explorer.output.value == "a=2 b=0" and not explorer.note.value
    with pytest.raises(ZeroDivisionError):
        explorer.set(a=99)  # here somebody waits for it
    explorer.set(a=3)
    assert explorer.output.value == "a=3 b=0"


def test_an_interrupt_does_not_wedge_the_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = Slow(0.0)

    def interrupted(state: State) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(explorer, "render", interrupted)
    with pytest.raises(KeyboardInterrupt):
        explorer.controls["a"].value = 1
    monkeypatch.undo()
    explorer.controls["a"].value = 2
    assert explorer.output.value == "a=2 b=0" and not explorer.requests.busy


def test_nothing_is_sent_when_the_process_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that is restarted while something is made: its last message would be cut in two."""
    explorer = Slow(0.0)
    explorer.set(a=1)
    ending = threading.Event()
    monkeypatch.setattr("gsv_lab.teaching.widgets.explorer.ENDING", ending)
    ending.set()
    explorer.controls["a"].value = 2
    assert explorer.answered[-1]["a"] == 2 and explorer.output.value == "a=1 b=0" and not explorer.note.value


def test_set_waits_for_what_is_at_work_and_wins() -> None:
    explorer = Slow()

    def moves() -> None:
        explorer.controls["a"].value = 1
        while not explorer.at_work:
            time.sleep(0.001)
        explorer.set(a=5, b=6)
        assert explorer.output.value == "a=5 b=6"

    in_a_kernel(moves, explorer)
    assert explorer.answered[-1] == {"a": 5, "b": 6} and len(explorer.answered) == 2


def test_a_control_that_is_not_there_changes_nothing() -> None:
    explorer = Slow(0.0)
    with pytest.raises(ConfigError, match="no control 'c'.*a, b"):
        explorer.set(a=3, c=1)
    assert explorer.state == {"a": 0, "b": 0} and not explorer.answered


def test_controls_wrap_with_room_for_label_and_track() -> None:
    explorer = Slow(0.0)
    view = explorer.view
    assert "gsv-explorer" in view._dom_classes and "gsv-output" in explorer.output._dom_classes
    assert explorer.note in view.children and ".jupyter-widgets-disconnected::after" in explorer.note._css
    (row,) = [child for child in view.children if isinstance(child, ipywidgets.Box)]
    assert row.layout.flex_flow == "row wrap"
    for control in row.children:
        assert control.style.description_width == "initial"
        assert int(control.layout.min_width.removesuffix("px")) >= TRACK + 7 * len(control.description) + 80


@pytest.fixture(scope="module")
def part(lab: Lab) -> Excerpt:
    whole = excerpt(lab, shipped_sample())
    return whole._replace(wave=whole.wave[: 38 * 640], codes=whole.codes[:38], phone_index=whole.phone_index[:38])


def test_two_quick_clicks_are_labelled_as_they_were_made(
    lab: Lab, part: Excerpt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The label names the edits that the probe was given, though the second click comes before it opens."""
    explorer = BlendExplorer(lab, part, torch.randn(1, 16, 1), torch.randn(1, 16, 1))
    carried_out: list[str] = []
    seen: list[tuple[list[str], list[str]]] = []
    started, clicked = threading.Event(), threading.Event()

    def given(root: object, *globs: str, edits: Sequence[Edit]) -> AbstractContextManager[Records]:
        carried_out[:] = [edit.target for edit in edits]
        return probe(root, *globs, edits=edits)

    def slowly(state: State) -> Speech:
        started.set()
        assert clicked.wait(5)
        return make(state)

    def labelled(change: dict[str, str]) -> None:
        seen.append(([*carried_out], re.findall(r"zero (prior\.\w+)", change["new"])))

    make = explorer.make
    monkeypatch.setattr(explorer, "make", slowly)
    monkeypatch.setattr("gsv_lab.teaching.widgets.blend.probe", given)
    explorer.output.observe(labelled, "value")

    def moves() -> None:
        explorer.controls["text"].value = False
        started.wait(5)
        other = threading.Thread(target=setattr, args=(explorer.controls["codes"], "value", False))
        other.start()
        other.join()
        clicked.set()

    in_a_kernel(moves, explorer)
    both = ["prior.text", "prior.content"]
    assert seen == [(["prior.text"], ["prior.text"]), (both, both)]


def test_a_second_press_of_speak_waits_and_is_not_done_twice(
    lab: Lab, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer = VoiceExplorer(lab, {"first": voice}, "Hello there.")
    spoken: list[float] = []
    started = threading.Event()
    speak = lab.speak

    def slowly(text: str, *rest: object, **options: float) -> object:
        spoken.append(options["speed"])
        started.set()
        time.sleep(0.05)
        return speak(text, *rest, **options)

    monkeypatch.setattr(lab, "speak", slowly)

    def moves() -> None:
        explorer.button.click()
        started.wait(5)
        for speed in (1.5, 2.0):
            explorer.controls["speed"].value = speed
            explorer.button.click()

    in_a_kernel(moves, explorer)
    assert spoken == [1.0, 2.0] and "speed 2, seed" in explorer.output.value
    explorer.controls["speed"].value = 0.5
    explorer.draw()
    assert "speed 2, seed" in explorer.output.value  # what is heard, not what the slider says
