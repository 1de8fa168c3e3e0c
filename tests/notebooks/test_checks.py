"""Every check: right answers pass, the unanswered form stays open, and each typical mistake gets a hint of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gsv_lab.hooks.record import Record
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.teaching.exercises import codebook, frames, hear, phones, timbre
from gsv_lab.teaching.exercises.card import OPEN, CheckFailed, Exercise, Hint, ask, exercise, expect
from gsv_lab.teaching.exercises.notebook import solution_of
from gsv_lab.text import lexicon

from . import cases_later


class Encoder(Component):
    """Stands for the speaker encoder: two taps, no weights."""

    frames = Tap("batch dim frame")
    speaker = Tap("batch dim one")


class Other(Component):
    """Some other part."""

    mean = Tap("batch dim frame")


class Lab:
    """Has components, as a loaded lab does."""

    def components(self) -> dict[str, nn.Module]:
        return {"speaker_encoder": Encoder(), "prior": Other()}


def f0(*values: float) -> Record:
    return Record("vocoder.f0", ("batch", "channel", "frame"), [torch.tensor([[values]])], rate=100.0)


def bank(edges: Any, bins: Any, height: Callable[[Any], Any], cut: bool = True, pick: Any = np.minimum) -> Any:
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    weights = pick((bins - low) / (middle - low), (high - bins) / (high - middle))
    return height(high - low) * (weights.clip(0) if cut else weights)


def shifted(edges: Any, bins: Any) -> Any:
    return bank(edges + 20, bins, lambda _: 1)


def entropy(codes: Tensor, base: float = np.e) -> float:
    share = torch.bincount(codes).double() / len(codes)
    return float(torch.special.entr(share).sum()) / np.log(base)


def replaced(rows: Callable[[Tensor, Tensor], Tensor], where: Callable[[Tensor, float], Tensor] | None = None) -> Any:
    def answer(table: Tensor, counts: Tensor, vectors: Tensor, below: float) -> Tensor:
        dead = counts < below if where is None else where(counts, below)
        out = table.clone()
        out[dead] = rows(vectors, dead)
        return out

    return answer


def in_place(table: Tensor, counts: Tensor, vectors: Tensor, below: float) -> Tensor:
    table[counts < below] = vectors[:3]
    return table


ROLES = ("speaker_encoder", "content_encoder", "semantic_gpt", "prior", "vocoder")
BEFORE = f0(100.0, 120.0, 90.0)
EVEN = lambda c: (2 * c, 2 * c + 1)  # noqa: E731

CASES: list[tuple[Exercise, tuple[Any, ...], list[tuple[Any, ...]]]] = [
    (hear.parts, ROLES, [
        ("content_encoder", "speaker_encoder", *ROLES[2:]), ("encoder", *ROLES[1:]),
        (*ROLES[:3], "posterior", "vocoder"), (*ROLES[:3], "prior", "flow"), (ROLES[0], "quantizer", *ROLES[2:]),
        (*ROLES[:2], "prior", "semantic_gpt", "vocoder"),
    ]),
    (hear.samples_per_code, (640,), [(320,), (25,), (40,), (50,), (400_000,), (641,), ("640",)]),
    (hear.speaker_tap, ("speaker_encoder.speaker", Lab()), [
        ("speaker_encoder.*", Lab()), ("speaker_encoder.frames", Lab()), ("prior.mean", Lab()), ("speeker", Lab()),
    ]),
    (hear.prediction, ("pitch",), [("words",), ("length",), ("loudness",), ("speed",)]),
    (hear.octave_lower, (BEFORE, f0(50.0, 60.0, 45.0)), [
        (BEFORE, BEFORE), (BEFORE, f0(200.0, 240.0, 180.0)), (BEFORE, f0(0.0, 0.0, 0.0)),
        (BEFORE, f0(50.0, 70.0, 40.0)), (BEFORE, f0(75.0, 90.0, 67.5)), (BEFORE, f0(50.0, 60.0)),
    ]),
    (frames.frame_at, (lambda s, h, r: int(s * r / h),), [
        (lambda s, h, r: s * r / h,), (lambda s, h, r: round(s * r / h),), (lambda s, h, r: int(s * r),),
        (lambda s, h, r: int(s * r / h) + 1,), (lambda s, h: 0,), (3,),
    ]),
    (frames.rates, (lambda f: f // 2, EVEN), [
        (lambda f: 2 * f, EVEN), (lambda f: f / 2, EVEN), (lambda f: round(f / 2), EVEN), (lambda f: f, EVEN),
        (lambda f: f // 2, lambda c: (2 * c - 1, 2 * c)), (lambda f: f // 2, lambda c: 2 * c),
        (lambda f: f // 2, lambda c: (2 * c + 1, 2 * c + 2)), (lambda f: f // 2, lambda c: (2 * c + 1, 2 * c)),
    ]),
    (frames.triangles, (lambda e, b: bank(e, b, lambda _: 1),), [
        (lambda e, b: bank(e, b, lambda _: 1).T,), (lambda e, b: bank(e, b, lambda _: 1, False),),
        (lambda e, b: bank(e, b, lambda _: 1, True, np.maximum),),
        (lambda e, b: bank(e, b, lambda width: 2 / width),), (shifted,), (lambda e, b: np.zeros((6, 101)),),
    ]),
    (frames.window, (0.04,), [(25,), (0.025,), (0.2,), (-1.0,)]),
    (phones.past, (lambda s: lexicon.past(s),), [
        (lambda s: (*s, "D"),), (lambda s: (*s, "T"),), (lambda s: (*s, "T" if s[-1] in "KPF" else "D"),),
        (lambda s: (*s, "IH0", "D") if s[-1] in "TD" else (*s, "T" if s[-1] in "PKF" else "D"),),
        (lambda s: lexicon.past(s)[len(s) :],), (lambda s: lexicon.past((*s[:-1], "K")),),
    ]),
    (phones.upsample, (lambda x, n: x.repeat_interleave(torch.tensor(n), 1),), [
        (lambda x, n: x.repeat_interleave(torch.tensor(n), 1).T,), (lambda x, n: x.repeat(1, sum(n)),),
        (lambda x, n: x.repeat_interleave(2, 1),), (lambda x, n: x.repeat(1, 2),), (lambda x, n: x,),
        (lambda x, n: x[:, [0, 1, 1, 2, 2, 2]],),
    ]),
    (phones.frame_counts, (lambda e, r: np.diff(np.round(e * r), prepend=0),), [
        (lambda e, r: np.round(np.diff(e, prepend=0) * r),), (lambda e, r: np.round(e * r),),
        (lambda e, r: np.diff(e, prepend=0) * r,), (lambda e, r: np.floor(np.diff(e, prepend=0) * r),),
        (lambda e, r: [1, 1, 1],), (lambda e, r: [9, 0, 1, 1, 1, 1, 1, 1, 1, 2],),
    ]),
    (codebook.nearest, (lambda x, t: torch.cdist(x, t).argmin(1),), [
        (lambda x, t: torch.cdist(x, t).argmin(0),), (lambda x, t: torch.cdist(x, t).argmax(1),),
        (lambda x, t: (x @ t.T).argmax(1),), (lambda x, t: torch.cdist(x, t).min(1).values,),
        (lambda x, t: t[torch.cdist(x, t).argmin(1)],), (lambda x, t: torch.cdist(x, t),),
        (lambda x, t: torch.zeros(40, dtype=torch.int64),),
    ]),
    (codebook.perplexity, (lambda c, n: np.exp(entropy(c)),), [
        (lambda c, n: entropy(c),), (lambda c, n: entropy(c, 2),), (lambda c, n: len(set(c.tolist())),),
        (lambda c, n: 2 ** entropy(c),), (lambda c, n: np.exp(-entropy(c)),), (lambda c, n: float("nan"),),
        (lambda c, n: n,),
    ]),
    (codebook.straight_through, (lambda x, r: x + (r - x).detach(),), [
        (lambda x, r: x,), (lambda x, r: r,), (lambda x, r: r.detach(),), (lambda x, r: x + (r - x),),
        (lambda x, r: 2 * x + (r - 2 * x).detach(),), (lambda x, r: r + 1,),
    ]),
    (codebook.revive, (replaced(lambda v, d: v[: int(d.sum())]),), [
        (in_place,), (lambda t, c, v, b: t,), (replaced(lambda v, d: v[: int(d.sum())], lambda c, b: c < 2),),
        (replaced(lambda v, d: v[: int(d.sum())], lambda c, b: c == 0),), (replaced(lambda v, d: v.mean(0)),),
        (replaced(lambda v, d: v[0]),), (replaced(lambda v, d: torch.randn(int(d.sum()), 4)),),
    ]),
    *cases_later.CASES,
]  # fmt: skip
NAMES = [f"{case[0].rule.__module__.rsplit('.', 1)[1]}.{case[0].rule.__name__}" for case in CASES]


def test_every_check_is_tried_here() -> None:
    modules = (hear, frames, phones, codebook, *cases_later.MODULES)
    existing = {id(x) for module in modules for x in vars(module).values() if isinstance(x, Exercise)}
    assert existing == {id(case[0]) for case in CASES}
    assert all(len(wrong) >= 3 for _, _, wrong in CASES)


@pytest.mark.parametrize(("check", "right", "wrong"), CASES, ids=NAMES)
def test_right_answers_pass_and_wrong_ones_get_hints_of_their_own(
    check: Exercise, right: tuple[Any, ...], wrong: list[tuple[Any, ...]]
) -> None:
    card = check.card(*right)
    assert card.passed and card.message, card
    given = [check.card(*answers) for answers in wrong]
    assert not [card for card in given if card.passed]
    hints = [card.message for card in given]
    assert len(set(hints)) == len(hints), hints
    assert OPEN not in hints and all(len(hint) < 300 for hint in hints)


@pytest.mark.parametrize(("check", "right", "wrong"), CASES, ids=NAMES)
def test_unanswered_exercises_stay_open(check: Exercise, right: tuple[Any, ...], wrong: list[Any]) -> None:
    if check in cases_later.WITHOUT_EDIT or check is hear.octave_lower:  # their starter form runs without an edit
        assert "Nothing is" in check.card(*wrong[0]).message and "yet" in check.card(*wrong[0]).message
        return
    empty = [(lambda *_: None) if callable(answer) else None for answer in right]
    card = check.card(*empty)
    assert not card.passed and card.message == OPEN


def test_a_function_that_stops_becomes_a_hint() -> None:
    card = frames.frame_at.card(lambda seconds, hop, rate: 1 / 0)
    assert not card.passed and "ZeroDivisionError" in card.message
    with pytest.raises(Hint, match="by its name"):
        ask(3)


def test_a_check_gives_its_card_and_raises_only_when_grading(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @exercise("Two & two", "Count <your> fingers.", "It is one less than five.")
    def four(answer: int) -> str:
        """Four."""
        expect(answer == 4, "Not <four>.")
        return "Yes."

    monkeypatch.delenv("GSV_LAB_GRADING", raising=False)
    assert repr(four(4)) == "passed | Two & two | Yes."
    assert repr(four(5)) == "not yet | Two & two | Not <four>." and not four(None).passed
    assert not capsys.readouterr().out
    page = four(5)._repr_html_()
    assert "Two &amp; two" in page and "Not &lt;four&gt;." in page
    assert page.index("Hint 2</summary>Count &lt;your&gt; fingers.") < page.index("Hint 3</summary>It is one less")
    assert "Hint" not in four(4)._repr_html_()
    assert four.__doc__ == "Four."
    monkeypatch.setenv("GSV_LAB_GRADING", "1")
    assert four(4).passed
    with pytest.raises(CheckFailed, match="Not <four>"):
        four(5)


def test_a_solution_is_shown_after_an_attempt() -> None:
    wrong = timbre.pool(lambda frames, mask: frames.mean(-1, keepdim=True))
    shown = wrong.solution()
    assert "def pool(frames, mask):" in shown.code and "mask.sum" in shown.code and "SOLUTION" not in shown.code
    assert "<br>" in shown._repr_html_() and repr(shown) == shown.code
    assert "First try" in timbre.pool(lambda frames, mask: None).solution().code
    assert (
        "def pool" in timbre.pool(lambda x, m: (x * m).sum(-1, keepdim=True) / m.sum(-1, keepdim=True)).solution().code
    )


def test_every_exercise_has_its_solution_and_three_steps_of_help() -> None:
    for check, *_ in CASES:
        assert solution_of(check.name).strip() and "SOLUTION" not in solution_of(check.name)
    assert not [check.name for check, *_ in CASES if len(set(check.hints)) != 2]


def test_the_cases_of_the_past_tense_are_those_of_the_dictionary() -> None:
    for word, (stem, ending) in phones.STEMS.items():
        past = "stopped" if word == "stop" else f"{word}ed"
        assert stem in lexicon.readings(word) and (*stem, *ending) in lexicon.readings(past)


def test_valleys_get_deeper_with_the_window() -> None:
    depths = [frames.valley(seconds, 100.0) for seconds in (0.01, 0.025, 0.04)]
    assert depths[0] < 3 and depths[0] < depths[1] < 10 < depths[2]
    # Twice the pitch needs half the window.
    assert frames.valley(0.0125, 200.0) < 10 < frames.valley(0.02, 200.0)
