"""The plan of a listening test: who hears what beside what, and in which order.

A condition is what a page is about besides its item: a system, a pair of systems, or nothing where a page holds all
systems. With C conditions there are C blocks. Block b has every item once, item i in condition (i + b) mod C: no item
comes twice in a block, each condition comes equally often (as far as the number of items allows), and all blocks
together hold everything. A rater hears the blocks in the order of a row of a balanced Latin square (Williams 1949), in
which every block stands equally often at each place and behind each other block; or the first of them only. The order
within a block is drawn, and the sides of a pair are balanced over raters.

Gold items have an answer that is known within a step, traps one that is known exactly (tones that are to be counted),
repeats are pages that come again. All of them look like any other page. Nothing here reads or writes a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from random import Random
from typing import NamedTuple

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.listening.methods import ALL, BESIDE, NO_PREFERENCE, ONE, PAIR, Method, Value, method_of

ANCHORS = {
    "lp35": "the reference behind a low pass of 3.5 kHz (ITU-R BS.1534-3, low anchor)",
    "mnru": "the reference with noise that follows the speech, 10 dB below it (MNRU, ITU-T P.810)",
}
"""Anchors that the kit makes; they are called so as systems."""
CLIP, REFERENCE, X, TONES = "clip", "reference", "x", "tones-"
"""Forms of a stimulus: as any other, played as the mentioned reference, as X, ending in a number of tones."""
TEST, GOLD, TRAP, REPEAT = "test", "gold", "trap", "repeat"
"""Roles of a page."""
MOST_AT_ONCE = 12
"""Clips to be rated on one page: hidden reference, anchors and nine systems (BS.1534-3, section 5.1)."""
MOST_RATERS = 1000

Condition = tuple[str, ...]


class Source(NamedTuple):
    """What is heard: an item as a system says it, in one of the forms."""

    item: str
    system: str
    form: str = CLIP


@dataclass(frozen=True)
class Page:
    """What a rater sees and hears at once.

    Attributes:
        block: number of the block, from 0.
        role: `TEST`, `GOLD`, `TRAP` or `REPEAT`.
        clips: what each is called (a name of `gsv_lab.evaluation.listening.texts`, or a number or letter) and what is
            heard, in the order of the page; a mentioned reference comes first.
        right: answers that are accepted; empty where none is known.
    """

    block: int
    role: str
    clips: tuple[tuple[str, Source], ...]
    right: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Request:
    """What a test is to be made of.

    Attributes:
        design: name of a method.
        items: names.
        systems: names, in the order in which a difference is taken: of a pair the later one minus the earlier.
        reference: the system that is the reference of `smos` and the hidden reference of `mushra`, and the better half
            of gold items; empty where there is none.
        anchors: names of `ANCHORS`.
        against: the system that all others are compared with; empty for all pairs.
        raters: places.
        seed: of everything that is drawn.
        blocks: that a rater hears; 0 for all.
        gold: gold items of each rater; traps, repeats: likewise.
        traps: traps of each rater.
        repeats: repeated pages of each rater.
        no_preference: AB has a third answer.
    """

    design: str
    items: tuple[str, ...]
    systems: tuple[str, ...]
    reference: str = ""
    anchors: tuple[str, ...] = ()
    against: str = ""
    raters: int = 20
    seed: int = 0
    blocks: int = 0
    gold: int = 0
    traps: int = 0
    repeats: int = 0
    no_preference: bool = False

    @property
    def method(self) -> Method:
        """The method of the design."""
        return method_of(self.design)

    @property
    def choices(self) -> tuple[tuple[Value, str], ...]:
        """Answers and labels."""
        return self.method.choices + ((NO_PREFERENCE,) if self.no_preference else ())

    @property
    def base(self) -> str:
        """The system whose clips anchors and gold items are made of."""
        return self.reference or self.systems[0]

    @property
    def conditions(self) -> list[Condition]:
        """What pages are about."""
        page = self.method.page
        if page == ALL:
            return [()]
        if page == PAIR:
            pairs = list(combinations(self.systems, 2))
            return [pair for pair in pairs if not self.against or self.against in pair]
        rated = [name for name in self.systems if page == ONE or name != self.reference]
        return [(name,) for name in (*rated, *self.anchors)]


def latin_square(size: int) -> list[list[int]]:
    """A balanced Latin square: `size` rows for an even size, twice as many for an odd one.

    Every number stands equally often in each column, and follows each other number equally often.

    Source: E. J. Williams, "Experimental designs balanced for the estimation of residual effects of treatments",
    Australian Journal of Scientific Research A 2, 1949.

    >>> latin_square(4)
    [[0, 1, 3, 2], [1, 2, 0, 3], [2, 3, 1, 0], [3, 0, 2, 1]]
    """
    first = [(step + 1) // 2 if step % 2 else (size - step // 2) % size for step in range(size)]
    rows = [[(number + shift) % size for number in first] for shift in range(size)]
    return rows + [row[::-1] for row in rows] if size % 2 and size > 1 else rows


def plan(request: Request) -> list[list[Page]]:
    """The pages of every place.

    Raises:
        ConfigError: `LISTEN_DESIGN`, `LISTEN_SYSTEMS`, `PARAM_RANGE`: what is asked for does not go together.
    """
    check(request)
    conditions = request.conditions
    items = list(request.items)
    Random(f"{request.seed} items").shuffle(items)
    rows = latin_square(len(conditions))
    sides = _Sides(request, items, conditions)
    special = [*_gold(request), *_traps(request)]
    places = []
    for place in range(request.raters):
        rng = Random(f"{request.seed} place {place}")
        pages: list[Page] = []
        for block in rows[place % len(rows)][: request.blocks or None]:
            cells = [(item, conditions[(n + block) % len(conditions)]) for n, item in enumerate(items)]
            rng.shuffle(cells)
            if pages and len(cells) > 1 and cells[0][0] == pages[-1].clips[-1][1].item:
                cells.append(cells.pop(0))
            pages += [_page(request, block, cell, sides.turn(cell), rng) for cell in cells]
        places.append(_with_repeats(_strewn(pages, special, rng), request.repeats, rng))
    return places


def check(request: Request) -> None:
    """Refuse what does not go together; see `plan`."""
    method, count = request.method, len(request.systems)
    unknown = [name for name in request.anchors if name not in ANCHORS]
    if unknown:
        raise ConfigError("LISTEN_DESIGN", f"There is no anchor {unknown[0]!r}", ", ".join(ANCHORS))
    taken = sorted(set(request.systems) & ANCHORS.keys())
    if taken:
        problem = f"A system is called {taken[0]!r}, as an anchor of the kit is"
        raise ConfigError("LISTEN_SYSTEMS", problem, "another name", "Rename the system")
    for name, what in ((request.reference, "The reference"), (request.against, "What is compared with")):
        if name and name not in request.systems:
            problem = f"{what} is {name!r:.80}, which has no clips"
            raise ConfigError("LISTEN_SYSTEMS", problem, ", ".join(request.systems))
    if method.page in (BESIDE, ALL) and not request.reference:
        problem = f"The design {request.design} needs a reference"
        raise ConfigError("LISTEN_SYSTEMS", problem, ", ".join(request.systems), "Name the one that is it")
    least = {ONE: 1, BESIDE: 2, PAIR: 2, ALL: 2}[method.page]
    if count < least:
        problem = f"The design {request.design} has {count} system"
        raise ConfigError("LISTEN_SYSTEMS", problem, f"at least {least}", "Add the clips of another system")
    if len(request.items) * count < 2:
        raise ConfigError("LISTEN_SYSTEMS", "There is one clip only", "at least two", "Add items or systems")
    if method.page == ALL and count + len(request.anchors) > MOST_AT_ONCE:
        problem = f"{count + len(request.anchors)} clips would stand on a page"
        raise ConfigError("LISTEN_SYSTEMS", problem, f"at most {MOST_AT_ONCE}", "Leave systems out")
    _check_options(request)
    _check_numbers(request)


def _check_options(request: Request) -> None:
    method = request.method
    if method.page == ALL and (request.gold or request.traps):
        problem = f"Gold items and traps have no place in {request.design}"
        raise ConfigError("LISTEN_DESIGN", problem, "its hidden reference and anchors as checks", "Leave them out")
    if method.page == PAIR and request.anchors:
        problem = f"Anchors have no place in {request.design}"
        raise ConfigError("LISTEN_DESIGN", problem, "designs in which a clip is rated by itself", "Leave them out")
    if request.against and method.page != PAIR:
        problem = f"{request.design} compares no pairs"
        raise ConfigError("LISTEN_DESIGN", problem, "ccr, ab or abx", "Leave out what is compared with")
    if request.no_preference and request.design != "ab":
        raise ConfigError("LISTEN_DESIGN", f"{request.design} has no answer 'no preference'", "the design ab")


def _check_numbers(request: Request) -> None:
    blocks = len(request.conditions)
    pages = len(request.items) * (request.blocks or blocks)
    for name, value, least, most in (
        ("raters", request.raters, 1, MOST_RATERS),
        ("blocks", request.blocks, 0, blocks),
        ("gold", request.gold, 0, len(request.items)),
        ("traps", request.traps, 0, len(request.items)),
        ("repeats", request.repeats, 0, pages // 2),
    ):
        if not least <= value <= most:
            raise ConfigError("PARAM_RANGE", f"{name} is {value}", f"a number from {least} to {most} with these clips")


class _Sides:
    """Which of its forms a pair has next: counted, so that all come equally often over raters, and within one."""

    def __init__(self, request: Request, items: Sequence[str], conditions: Sequence[Condition]) -> None:
        forms = 4 if request.design == "abx" else 2
        self.forms = forms
        self.next: dict[tuple[str, Condition], int] = {}
        rng = Random(f"{request.seed} sides")
        for number, condition in enumerate(conditions):
            for turn, item in enumerate(rng.sample(list(items), len(items))):
                self.next[item, condition] = (turn + number) % forms

    def turn(self, cell: tuple[str, Condition]) -> int:
        """The form of a cell now."""
        found = self.next[cell]
        self.next[cell] = (found + 1) % self.forms
        return found


def _page(request: Request, block: int, cell: tuple[str, Condition], side: int, rng: Random) -> Page:
    """The page of a cell."""
    item, condition = cell
    method = request.method
    mentioned = (("reference", Source(item, request.reference, REFERENCE)),) if method.mentioned else ()
    if method.page == ALL:
        heard = [*request.systems, *request.anchors]
        rng.shuffle(heard)
        rated = tuple((str(number), Source(item, name)) for number, name in enumerate(heard, 1))
        return Page(block, TEST, mentioned + rated)
    if method.page in (ONE, BESIDE):
        return Page(block, TEST, (*mentioned, ("only_clip", Source(item, condition[0]))))
    return _pair(request, block, item, condition, side)


def _pair(request: Request, block: int, item: str, pair: Condition, side: int) -> Page:
    """A pair; `side` 1 or 3 turns it round, and X is the second clip for 2 and 3."""
    first, second = pair[::-1] if side % 2 else pair
    labels = ("first_clip", "second_clip") if request.design == "ccr" else ("A", "B")
    clips = tuple(zip(labels, (Source(item, first), Source(item, second)), strict=True))
    if request.design != "abx":
        return Page(block, TEST, clips)
    x = ("X", Source(item, second if side >= 2 else first, X))
    return Page(block, TEST, (*clips, x), ("second" if side >= 2 else "first",))


def _gold(request: Request) -> Iterator[Page]:
    """Pages whose answer is known within a step: the reference itself, or a clip and the same behind noise."""
    rng = Random(f"{request.seed} gold")
    bad = "mnru"
    for number, item in enumerate(rng.sample(list(request.items), request.gold)):
        if request.method.page == ONE:
            high = request.reference and number % 2 == 0
            source = Source(item, request.reference if high else bad)
            yield Page(0, GOLD, (("only_clip", source),), (4, 5) if high else (1, 2))
        elif request.method.page == BESIDE:
            clips = (
                ("reference", Source(item, request.reference, REFERENCE)),
                ("only_clip", Source(item, request.reference)),
            )
            yield Page(0, GOLD, clips, (4, 5))
        else:
            page = _pair(request, 0, item, (request.base, bad), rng.randrange(4 if request.design == "abx" else 2))
            bad_last = page.clips[1][1].system == bad
            known: dict[str, tuple[Value, ...]] = {
                "ccr": (-3, -2) if bad_last else (2, 3),
                "ab": ("first" if bad_last else "second",),
                "abx": page.right,
            }
            yield replace(page, role=GOLD, right=known[request.design])


def _traps(request: Request) -> Iterator[Page]:
    """Pages whose last clip ends in tones; their number is the answer, counted from the left."""
    rng = Random(f"{request.seed} traps")
    for item in rng.sample(list(request.items), request.traps):
        condition = rng.choice(request.conditions)
        number = rng.randrange(len(request.choices))
        page = _page(request, 0, (item, condition), rng.randrange(2), rng)
        label, source = page.clips[-1]
        tones = (label, source._replace(form=f"{TONES}{number + 1}"))
        yield Page(0, TRAP, (*page.clips[:-1], tones), (request.choices[number][0],))


def _strewn(pages: Sequence[Page], special: Sequence[Page], rng: Random) -> list[Page]:
    """Pages with the special ones between them, evenly, and never first."""
    out = list(pages)
    drawn = rng.sample(list(special), len(special))
    width = max(0, len(pages) - 1) / max(1, len(drawn))
    for number, page in reversed(list(enumerate(drawn))):
        at = 1 + int((number + rng.random()) * width)
        out.insert(at, replace(page, block=out[at - 1].block))
    return out


def _with_repeats(pages: Sequence[Page], count: int, rng: Random) -> list[Page]:
    """Pages of which some of the first half come again in the second, never one behind itself."""
    out = list(pages)
    tested = [number for number, page in enumerate(pages) if page.role == TEST]
    chosen = rng.sample(tested[: (len(tested) + 1) // 2], count)
    least = len(pages) // 2
    places = sorted((rng.randrange(max(least, number + 2), len(pages) + 1), number) for number in chosen)
    for at, number in reversed(places):
        out.insert(at, replace(pages[number], role=REPEAT, block=out[at - 1].block))
    return out
