"""Raters who are simulated: what they think of each clip is known, and they answer as a panel would have them answer.

They serve lessons, examples, and a trial of the whole way from clips to results before anybody is asked.

    store = Store("my_test/votes.sqlite", read_test("my_test"))
    panel = SimulatedPanel(read_key("my_test/key.json"), {"natural": 4.5, "ours": 3.9}, seed=1)
    answer_all(store, [panel.rater(number) for number in range(20)])

An opinion is the system's true mean plus effects of the rater, rater by system, the stimulus, and a residual at each
hearing, all normal, on the scale from 1 to 5, as in `gsv_lab.evaluation.statistics.panels`. Who is not careless counts
tones and answers gold items rightly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from gsv_lab.evaluation.listening.design import GOLD, TONES
from gsv_lab.evaluation.listening.events import read_event
from gsv_lab.evaluation.listening.files import Key, KeyStimulus, Test, TestPage
from gsv_lab.evaluation.listening.methods import ALL, PAIR, method_of
from gsv_lab.evaluation.listening.store import Store
from gsv_lab.evaluation.statistics.components import PLANNING, Components
from gsv_lab.evaluation.statistics.panels import RECOGNISED
from gsv_lab.system.seeds import check_seed

Answer = Callable[[TestPage, str], Any]
"""A page and the name of a question on it -> the answer."""
ANCHOR_MEANS = {"lp35": 2.4, "mnru": 1.6}
"""True means of the anchors where none are given."""
UNDECIDED = 0.5
"""Difference of two opinions below which the answer of AB is "no preference", where the test has it."""
_START = 1_790_000_000_000  # milliseconds since 1970, of a clock that everybody shares


def panel_events(test: Test, place: int, answer: Answer, pages: int | None = None) -> list[dict[str, Any]]:
    """What a panel says while somebody answers the pages of a place, or the first of them, each clip heard once."""
    said = enumerate(_said(test, place, answer, pages))
    return [{"seq": seq, "at": _START + 100 * seq, **event} for seq, event in said]


def _said(test: Test, place: int, answer: Answer, pages: int | None) -> Iterator[dict[str, Any]]:
    yield {"kind": "agree"}
    for page in test.places[place][:pages]:
        for clip in page.clips:
            yield {"kind": "play", "page": page.id, "stimulus": clip.stimulus, "value": 0.0}
            yield {"kind": "heard", "page": page.id, "stimulus": clip.stimulus}
        for question in page.questions:
            stimulus = None if question.name == "answer" else question.name
            value = answer(page, question.name)
            if stimulus:
                yield {"kind": "slide", "page": page.id, "stimulus": stimulus, "value": value}
            yield {"kind": "answer", "page": page.id, "stimulus": stimulus, "value": value}
        yield {"kind": "next", "page": page.id}


def answer_all(store: Store, answers: Sequence[Answer]) -> list[str]:
    """Raters begin, answer every page of their places, and are kept; gives the numbers by which they are known.

    Raises:
        DataError, LabError: those of `Store`.
    """
    raters = []
    for answer in answers:
        rater = store.begin(_START)
        events = panel_events(store.test, store.course(rater).place, answer)[1:]
        store.append(rater, [read_event(event) for event in events])
        raters.append(rater)
    return raters


class SimulatedPanel:
    """Who answers a test, and what they think.

    Args:
        key: of the test, which says what is heard.
        means: system -> true mean opinion, from 1 to 5; those of anchors are `ANCHOR_MEANS` if they are not given.
        components: deviations; that of systems is not used, since `means` says it.
        careless: numbers of raters who give any answer.
        seed: of everything that is drawn; what a rater thinks does not depend on who else is asked.

    Raises:
        ValueError: a system of the test without a mean.
    """

    def __init__(
        self,
        key: Key,
        means: Mapping[str, float],
        components: Components = PLANNING,
        careless: Collection[int] = (),
        seed: int = 0,
    ) -> None:
        self.key, self.means = key, {**ANCHOR_MEANS, **means}
        missing = sorted({entry.system for entry in key.stimuli.values()} - self.means.keys())
        if missing:
            raise ValueError(f"means has {', '.join(means)}, expected {', '.join(missing)} as well")
        self.components, self.careless, self.seed = components, frozenset(careless), check_seed(seed)

    def rater(self, number: int) -> Answer:
        """The answers of one rater."""
        rng = Random(f"{self.seed} answers {number}")
        test = self.key.test
        choices = test.scale or range(101)
        if number in self.careless:
            return lambda page, name: rng.choice(choices)

        def hears(clip: KeyStimulus) -> float:
            return self._opinion(number, clip) + rng.gauss(0, self.components.residual)

        def answer(page: TestPage, name: str) -> Any:
            clips = [self.key.stimuli[clip.stimulus] for clip in page.clips]
            form = clips[-1].form
            if form.startswith(TONES):
                return test.scale[int(form.removeprefix(TONES)) - 1]
            known = self.key.pages[page.id]
            if known.role == GOLD:
                return rng.choice(known.right)
            kind = method_of(test.design).page
            if kind == ALL:
                return self._slid(self.key.stimuli[name], hears, rng)
            return self._chosen(clips, hears) if kind == PAIR else _within(hears(clips[-1]), 1, 5)

        return answer

    def _opinion(self, rater: int, clip: KeyStimulus) -> float:
        """What a rater thinks of a clip at every hearing alike."""
        sizes = self.components
        effects = {
            f"level {rater}": sizes.rater,
            f"taste {rater} {clip.system}": sizes.rater_system,
            f"stimulus {clip.item} {clip.system}": sizes.stimulus,
        }
        return self.means[clip.system] + sum(Random(f"{self.seed} {name}").gauss(0, sd) for name, sd in effects.items())

    def _slid(self, clip: KeyStimulus, hears: Callable[[KeyStimulus], float], rng: Random) -> int:
        """MUSHRA, 0 to 100; who recognises the hidden reference gives it 100."""
        if clip.system == self.key.content["reference"] and rng.random() < RECOGNISED:
            return 100
        return _within(25 * (hears(clip) - 1), 0, 100)

    def _chosen(self, clips: Sequence[KeyStimulus], hears: Callable[[KeyStimulus], float]) -> Any:
        """The answer on a pair."""
        test = self.key.test
        first, second, *more = map(hears, clips)
        if test.design == "abx":
            return "first" if abs(more[0] - first) < abs(more[0] - second) else "second"
        above = second - first
        if test.design == "ccr":
            return _within(above, -3, 3)
        if "none" in test.scale and abs(above) < UNDECIDED:
            return "none"
        return "second" if above > 0 else "first"


def _within(value: float, least: int, most: int) -> int:
    return min(most, max(least, round(value)))
