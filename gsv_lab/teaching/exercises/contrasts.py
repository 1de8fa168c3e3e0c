"""Checks of notebook 12, "Reproduce and ablate": an overlay, a contrast that is registered, Holm, two kinds of units.

Letters: M tests, P speakers, S seeds. Each check takes the answer and gives a card.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.grids.base import Base, changed_stages, told
from gsv_lab.evaluation.grids.grid_file import BASE
from gsv_lab.evaluation.grids.packing import Packed
from gsv_lab.evaluation.statistics.intervals import benjamini_hochberg, holm
from gsv_lab.system.overlay import nested, overlay
from gsv_lab.system.yaml_text import check_text, read_text
from gsv_lab.teaching.exercises import grid_views
from gsv_lab.teaching.exercises.answers import numbers
from gsv_lab.teaching.exercises.card import Hint, ask, exercise, expect, number
from gsv_lab.teaching.exercises.measuring import ONE_NUMBER, Rule, refuse
from gsv_lab.training.run_state import differences

_LEFT_ALONE = {
    "name": "A name moves no weight. Change something that is trained.",
    "seed": "Another seed is no ablation: every run gets the same seeds, so that only the change differs.",
    "trainer": "Budget, device and logging are alike for all, else the budget would be compared.",
    "data": "That changes what both learn from. Here change the network or a loss, below `task`.",
}


@exercise(
    "An overlay of your own",
    "Look for a number or a class in `configs/synthetic/sovits.yaml`, and write the keys that lead there.",
    "`task.init_args.weights.kl: 1.0`, say, as one line: dots stand for tables inside of tables.",
)
def own_overlay(answer: str | Mapping[str, Any], base: Base) -> str:
    """YAML text (or the tables that it says) that changes one thing of the base; the base."""
    expect(isinstance(answer, str | Mapping), "Text, as a YAML file would have it: `keys.that.lead.there: value`.")
    tables = _tables(answer)
    for key in tables:
        expect(key not in _LEFT_ALONE, _LEFT_ALONE.get(key, ""))
    count = _things(tables)
    expect(count <= 1, f"{count} things at once: whose effect would it be? One ablation changes one thing.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            changed = changed_stages(base, tables, "mine")
    except ConfigError as error:
        idle = "It changes nothing: the base has that value already. A run of it would find chance, and nothing else."
        expect(error.code != "GRID_IDLE", idle)
        raise Hint(f"A run would stop with: {error}"[:280]) from error
    stage, resolved = next(iter(changed.items()))
    before = next(each.resolved for each in base.stages if each.name == stage)
    key, old, new = next(iter(differences(told(before), told(resolved))))
    return f"{key}: {old[:40]} → {new[:60]}. With it in mine.yaml, `gsv-lab ablate --grid mine.yaml` trains both."


def _tables(answer: str | Mapping[str, Any]) -> dict[str, Any]:
    """The tables of an overlay, dots written out."""
    try:
        if isinstance(answer, str):
            expect(answer.strip(), "Empty text changes nothing. Which number, or which class, should be another one?")
            check_text(answer, "your overlay")
            answer = read_text(answer, "your overlay")
    except ConfigError as error:
        raise Hint(f"That is no YAML that can be read: {error}"[:280]) from error
    expect(isinstance(answer, Mapping), "That is a word or a list. It takes a key, a colon, a space and a value.")
    tables: Any = {}
    for key, value in answer.items():
        tables = overlay(tables, nested(str(key), value))
    return dict(tables)


def _things(tables: Any) -> int:
    """How many values an overlay sets; a class with its arguments is one."""
    if not isinstance(tables, Mapping) or "class_path" in tables:
        return 1
    return sum(_things(value) for value in tables.values())


@exercise(
    "One contrast, beforehand",
    "Which ablation, by which single measure, and will that number be higher or lower than the base's?",
    "`{'ablation': ..., 'measure': ..., 'expect': 'higher'}`, with names of the table; a worse loss is higher.",
)
def registered(answer: Mapping[str, Any], grid: Packed) -> str:
    """`{"ablation": name, "measure": "STAGE/NAME", "expect": "higher" or "lower"}`; the grid."""
    form = "A dictionary: {'ablation': ..., 'measure': ..., 'expect': 'higher' or 'lower'}."
    expect(isinstance(answer, Mapping) and set(answer) == {"ablation", "measure", "expect"}, form)
    empty = [name for name in answer if answer[name] is None or answer[name] is ...]
    expect(not empty, f"'{(empty or [''])[0]}' is still open. All three have to be said before anything is looked at.")
    several = [name for name in answer if not isinstance(answer[name], str)]
    expect(not several, f"One {(several or [''])[0]}, as text. Who registers several can choose afterwards.")
    arms = {arm.name: arm for arm in grid.arms}
    expect(answer["ablation"] != BASE, "The base is what is compared with. Name an ablation.")
    names = ", ".join([*arms][:6])
    expect(answer["ablation"] in arms, f"There is no ablation {answer['ablation']!r:.40}. There are {names}.")
    known = grid_views.measured_of(grid, arms[answer["ablation"]])
    measure = f"It is not measured by {answer['measure']!r:.40}. With its stage, as `{known[0]}`."
    expect(answer["measure"] in known, measure)
    side = "'better' and 'worse' are judgements. Which way does the *number* go: 'higher' or 'lower'?"
    expect(answer["expect"] not in ("better", "worse"), side)
    both = "A direction, 'higher' or 'lower'. What would fit any outcome predicts nothing."
    expect(answer["expect"] in (grid_views.HIGHER, grid_views.LOWER), both)
    return "Nobody can say now that this number was picked because it came out well. The others explore."


@exercise(
    "Holm",
    "Sort. Multiply the smallest p by M, the next by M - 1, and so on; none may be smaller than the one before it.",
    "order = np.argsort(p); np.minimum(1, np.maximum.accumulate(p[order] * np.arange(M, 0, -1))), back in its places.",
)
def corrected(answer: Callable[[Any], Any]) -> str:
    """`holm(p)`: (M,) p values -> (M,) corrected ones, in the same order."""
    cases = [[0.04, 0.001, 0.03, 0.012], [0.7, 0.02, 0.6], [0.01, 0.011, 0.2, 0.03, 0.9]]
    given = [numbers(ask(answer, np.array(case))).double().numpy() for case in cases]
    for case, found in zip(cases, given, strict=True):
        expect(
            found.shape == (len(case),), f"{len(case)} p values, {len(case)} corrected ones; yours are {found.shape}."
        )

    def by(rule: Callable[[np.ndarray], Any]) -> bool:
        return all(
            np.allclose(found, rule(np.array(case)), atol=1e-6) for case, found in zip(cases, given, strict=True)
        )

    def stepped(p: np.ndarray, cap: bool = True, monotone: bool = True, back: bool = True, turned: bool = False) -> Any:
        order, count = np.argsort(p), len(p)
        factors = np.arange(1, count + 1) if turned else np.arange(count, 0, -1)
        steps = p[order] * factors
        steps = np.maximum.accumulate(steps) if monotone else steps
        steps = np.minimum(1, steps) if cap else steps
        found = np.empty(count)
        found[order if back else np.arange(count)] = steps
        return found

    expect(not by(lambda p: p), "Nothing is corrected: of 20 tests of nothing one is below 0.05.")
    expect(
        not by(lambda p: np.minimum(1, len(p) * p)), "That is Bonferroni: all times M. Right, but it gives away power."
    )
    expect(not by(lambda p: len(p) * p), "All times M, and above 1: a probability ends at 1.")
    expect(
        not by(lambda p: benjamini_hochberg(p.tolist())),
        "That is Benjamini and Hochberg, for exploring: some finds may be chance.",
    )
    expect(
        not by(lambda p: stepped(p, back=False)), "Right numbers in sorted order. Put each back to the test it is of."
    )
    expect(
        not by(lambda p: stepped(p, monotone=False)),
        "A larger p comes out smaller: take the running maximum.",
    )
    expect(not by(lambda p: stepped(p, turned=True)), "Turned round: the *smallest* p is multiplied by M.")
    expect(not by(lambda p: stepped(p, cap=False)), "A probability ends at 1.")
    right = holm(cases[0])
    expect(by(lambda p: holm(p.tolist())), f"{cases[0]} should give {_told(right)}; yours is {_told(given[0][:4])}.")
    return "Now all that is called sure holds together with 95 %, and not each by itself."


def _told(values: Any) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


@exercise(
    "Stretch: speakers and seeds",
    "Three mean squares of a two-way table: of the rows' means, of the columns' means, of what is left over.",
    "rows = S * off.mean(1).var(ddof=1); seeds = P * off.mean(0).var(ddof=1); rest = off - both means + the mean, "
    "squared, summed, over (P - 1)(S - 1); max(rows + seeds - rest, rows, seeds) over P S, its root.",
)
def crossed(answer: Callable[[Any], Any]) -> str:
    """`crossed(off)`: (P, S) differences -> standard error of their mean."""
    random = np.random.default_rng(12)
    tables = [
        random.normal(0, 0.3, (5, 1)) + random.normal(0, 0.5, 3) + random.normal(0, 0.1, (5, 3)),
        random.normal(0, 0.6, (6, 1)) + random.normal(0, 0.2, 4) + random.normal(0, 0.2, (6, 4)),
        np.array([[0.9, -0.8, 0.1], [-0.7, 0.8, 0.2], [0.1, 0.2, 0.3], [0.3, 0.0, -0.2]]),
    ]
    cases = [(table,) for table in tables]
    given = [number(ask(answer, table.copy()), ONE_NUMBER) for table in tables]

    def rule(combine: Callable[[float, float, float], float], ddof: int = 1) -> Rule:
        def found(off: np.ndarray) -> float:
            speakers, seeds = off.shape
            rows, columns = off.mean(1), off.mean(0)
            rest = off - rows[:, None] - columns + off.mean()
            left = float((rest**2).sum()) / ((speakers - 1) * (seeds - 1))
            squares = seeds * float(rows.var(ddof=ddof)), speakers * float(columns.var(ddof=ddof)), left
            return float(np.sqrt(max(0.0, combine(*squares)) / off.size))

        return found

    def plain(off: np.ndarray) -> float:
        return float(off.std(ddof=1) / np.sqrt(off.size))

    mistakes: list[tuple[Rule, str]] = [
        (plain, "All differences as if drawn one by one: a speaker who is far off is so with every seed."),
        (rule(lambda p, s, r: p), "Over speakers alone. Two more seeds would move all speakers together."),
        (rule(lambda p, s, r: s), "Over seeds alone. Other speakers would be affected otherwise."),
        (
            rule(lambda p, s, r: max(p, s)),
            "The larger of both alone: where both vary, the error is larger than either.",
        ),
        (
            rule(lambda p, s, r: p + s),
            "What is left over is in both mean squares, so counted twice: take it off once.",
        ),
        (
            rule(lambda p, s, r: p + s - r),
            "Nearly. Where chance makes it small, it must not fall below the larger of both.",
        ),
        (rule(lambda p, s, r: r), "That is what is left over when speakers and seeds are taken away."),
        (rule(lambda p, s, r: max(p + s - r, p, s), ddof=0), "Variances around their own mean: ddof=1."),
        (lambda off: grid_views.crossed_error(off) ** 2, "That is the square of the error."),
        (lambda off: grid_views.crossed_error(off) * np.sqrt(off.size), "Divide by P S under the root."),
    ]
    refuse(given, cases, mistakes)
    right = grid_views.crossed_error(tables[0])
    expect(np.allclose(given, [grid_views.crossed_error(table) for table in tables], rtol=1e-4),
           f"The first table should give {right:.4f}; yours is {given[0]:.4g}.")  # fmt: skip
    return "That is the error behind every interval of the table above."
