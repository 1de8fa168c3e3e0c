"""What arrives from a panel, checked before it is kept.

What a rater may do next is decided in one place, `panel/logic.js`. Here it is only checked that what arrives could have
come from there: known kinds and numbers of the present page, values on the scale, clips that were heard whole where the
test says that a question needs them. The test itself says so for both, page by page (`needs`).

| kind | page | stimulus | value | when |
| --- | --- | --- | --- | --- |
| `agree` | - | - | - | the first event of all |
| `play`, `pause` | yes | yes | seconds | a clip begins, or is stopped, there |
| `seek` | yes | yes | seconds | to there, in a clip that was heard whole before |
| `heard` | yes | yes | - | a clip was heard whole |
| `slide` | yes | yes | 0 to 100 | a slider moves |
| `answer` | yes | yes with sliders | choice, or 0 to 100 | a choice, or a slider let go; the last one counts |
| `next` | yes | - | - | all questions of the page are answered, and it is left for good |
| `stop`, `resume` | - | - | - | the rater stops, and comes back |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from gsv_lab.errors import DataError
from gsv_lab.evaluation.listening.files import Question, Test, TestPage
from gsv_lab.system.schema import misfit

Kind = Literal["agree", "play", "pause", "seek", "heard", "slide", "answer", "next", "stop", "resume"]
_TIMED = ("play", "pause", "seek")
_ON_A_PAGE = (*_TIMED, "heard", "slide", "answer", "next")
MOST_EVENTS = 1_000_000
"""Of one rater; a week of dragging sliders."""
SLIDER = (0, 100)


@dataclass(frozen=True)
class Event:
    """Something that a rater did.

    Attributes:
        seq: number, from 0 without a gap.
        at: milliseconds since 1970, by the clock of the rater's machine.
        kind: see the head of this file.
        page: its number, None for what belongs to none.
        stimulus: its number, None for what belongs to none.
        value: seconds, or the answer.
    """

    seq: int
    at: int
    kind: Kind
    page: str | None = None
    stimulus: str | None = None
    value: int | float | str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def read_event(content: Any) -> Event:
    """An event from plain values.

    Raises:
        DataError: `LISTEN_EVENT`.
    """
    problem = misfit(content, Event, "event")
    if problem:
        raise refused(problem)
    event = Event(**content)
    if not 0 <= event.seq < MOST_EVENTS or not 0 <= event.at < 2**53:
        raise refused(f"event {event.seq} has the time {event.at}")
    return event


class Course:
    """How far a rater has come, by the events that were taken.

    Args:
        test: the test.
        place: number of the place, from 0.

    Raises:
        DataError: `LISTEN_EVENT`, there is no such place.
    """

    def __init__(self, test: Test, place: int) -> None:
        if not 0 <= place < len(test.places):
            raise refused(f"there is no place {place + 1}", f"1 to {len(test.places)}")
        self.test, self.place = test, place
        self.count = 0
        self.done: dict[str, dict[str, int | float | str]] = {}
        """Pages that were left, in order: page -> question -> answer."""
        self._stopped = False
        self._turn()

    @property
    def pages(self) -> list[TestPage]:
        """All pages of the place."""
        return self.test.places[self.place]

    @property
    def page(self) -> TestPage | None:
        """The present page; None behind the last."""
        return self.pages[len(self.done)] if len(self.done) < len(self.pages) else None

    @property
    def finished(self) -> bool:
        """Whether every page was answered."""
        return self.page is None

    def take(self, event: Event) -> None:
        """One more event.

        Raises:
            DataError: `LISTEN_EVENT`, with what is wrong with it; nothing has changed then.
        """
        if event.seq != self.count:
            raise refused(f"event {event.seq} came", f"event {self.count}")
        if (event.kind == "agree") != (event.seq == 0):
            raise refused(f"event {event.seq} is {event.kind!r}", "an agreement first, and once")
        if event.kind in _ON_A_PAGE:
            self._take_on_page(event)
        elif event.page is not None or event.stimulus is not None or event.value is not None:
            raise refused(f"{event.kind!r} belongs to a page")
        else:
            self._stopped = event.kind == "stop"
        self.count += 1

    def _turn(self) -> None:
        self._heard: set[str] = set()
        self._answers: dict[str, int | float | str] = {}

    def _take_on_page(self, event: Event) -> None:
        page = self.page
        if page is None or event.page != page.id:
            raise refused(f"{event.kind!r} is of the page {event.page!r:.40}", f"{page.id if page else 'no page more'}")
        if self._stopped:
            raise refused(f"{event.kind!r} came from a rater who had stopped", "'resume'")
        if event.kind == "next":
            missing = [question.name for question in page.questions if question.name not in self._answers]
            if missing or event.stimulus is not None or event.value is not None:
                raise refused(f"the page {page.id} was left without all answers")
            self.done[page.id] = self._answers
            self._turn()
        elif event.kind in ("answer", "slide"):
            self._take_answer(event, page)
        else:
            self._take_playing(event, page)

    def _take_playing(self, event: Event, page: TestPage) -> None:
        stimulus = event.stimulus
        if stimulus not in {clip.stimulus for clip in page.clips}:
            raise refused(f"{stimulus!r:.40} is not heard on the page {page.id}")
        if event.kind == "seek" and stimulus not in self._heard:
            raise refused(f"{stimulus} was moved in before it was heard whole")
        if event.kind in _TIMED:
            if isinstance(event.value, str) or event.value is None or not 0 <= event.value <= self._seconds(stimulus):
                raise refused(f"{event.kind!r} at {event.value!r:.40} s of {stimulus}")
        elif event.value is not None:
            raise refused(f"{event.kind!r} has a value")
        else:
            self._heard.add(stimulus)

    def _seconds(self, stimulus: str | None) -> float:
        # Browsers round lengths, each in its way.
        return self.test.seconds[str(stimulus)] + 1.0

    def _take_answer(self, event: Event, page: TestPage) -> None:
        question = _question(page, event.stimulus)
        if question is None:
            raise refused(f"the page {page.id} does not ask for {event.stimulus!r:.40}")
        if not {*question.needs} <= self._heard:
            raise refused(f"an answer on the page {page.id} came before its clips were heard whole")
        if not on_scale(self.test, event.value) or (event.kind == "slide" and self.test.scale):
            expected = ", ".join(map(str, self.test.scale)) or f"a number from {SLIDER[0]} to {SLIDER[1]}"
            raise refused(f"the answer {event.value!r:.40} on the page {page.id} is out of scale", expected)
        if event.kind == "answer" and event.value is not None:
            self._answers[question.name] = event.value


def on_scale(test: Test, value: Any) -> bool:
    """Whether a value is one of the choices of a test, or a number that a slider gives."""
    if test.scale:
        return any(type(value) is type(choice) and value == choice for choice in test.scale)
    return type(value) in (int, float) and SLIDER[0] <= value <= SLIDER[1]


def courses(test: Test, content: Mapping[str, Any]) -> Course:
    """The course of a rater in an export: `place` and `events`, all of them taken.

    Raises:
        DataError: `LISTEN_EVENT`.
    """
    course = Course(test, content["place"])
    for event in content["events"]:
        course.take(read_event(event))
    return course


def refused(problem: str, expected: str = "") -> DataError:
    """The error for an event that no panel of this test makes."""
    return DataError("LISTEN_EVENT", problem[0].upper() + problem[1:], expected)


def _question(page: TestPage, stimulus: str | None) -> Question | None:
    name = "answer" if stimulus is None else stimulus
    return next((question for question in page.questions if question.name == name), None)
