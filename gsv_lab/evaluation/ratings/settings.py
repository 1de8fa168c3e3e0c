"""What is decided before names of systems are seen: the design, columns, filters, screening, tests.

`decisions` says it in plain values. They are written into the report, and by `gsv-lab ratings --decide` into a file of
their own before there are any votes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gsv_lab.errors import ConfigError

SCREENS = ("hidden-reference", "same-button", "panel-correlation", "bt500", "outlying-votes")
"""Rules of `gsv_lab.evaluation.statistics.screening` that are asked for by name."""
NAMES = ("rater", "item", "system", "score", "winner", "loser", "tie", "block", "answer", "right", "order")
"""What columns may be about; each is also the name of the column by default."""
DUPLICATES = ("keep", "drop", "refuse")


class Design(NamedTuple):
    """A kind of listening test.

    Args:
        kind: `ratings`, `choices`, `answers` or `matrix`: how its votes are read and analysed.
        about: in plain words.
        scale: least and largest vote; None without one.
        screens: rules that apply unless others are asked for.
        duplicates: what is done with a second vote of a rater on one item of one system.
    """

    kind: str
    about: str
    scale: tuple[float, float] | None
    screens: tuple[str, ...] = ()
    duplicates: str = "keep"


DESIGNS = {
    "acr": Design("ratings", "absolute category rating (ITU-T P.800)", (1, 5)),
    "smos": Design("ratings", "similarity to a reference recording", (1, 5)),
    "ccr": Design("ratings", "comparison category rating (ITU-T P.800)", (-3, 3)),
    "mushra": Design("ratings", "MUSHRA (ITU-R BS.1534-3)", (0, 100), ("hidden-reference",), "refuse"),
    "pairs": Design("choices", "preference between two", None),
    "abx": Design("answers", "identification (ABX, 2AFC)", (0, 1)),
    "matrix": Design("matrix", "a table of items by raters", None, (), "refuse"),
}

INTERVAL = "two-way clustered over raters and items, t of min(raters, items) - 1 degrees, 95 %"
TESTS = {
    "ratings": "Wilcoxon's signed-rank test of rater means, sign test beside it; Friedman's test over all systems",
    "choices": "exact binomial test of each pair, two-sided; strengths by Bradley and Terry",
    "answers": "exact binomial test against one half, two-sided and for more than one half",
    "matrix": "none",
}
MANY = "Holm for which pairs differ, Benjamini-Hochberg for exploration, over all pairs"


@dataclass(frozen=True)
class Settings:
    """Everything that is asked of an analysis.

    Args:
        design: a name in `DESIGNS`.
        columns: what a column is about (`NAMES`) -> its name in the file, or several joined by `+`.
        where: filters `COLUMN=PATTERN` and `COLUMN!=PATTERN`.
        reference: systems that are references; the hidden one for MUSHRA.
        anchor: systems that are anchors.
        rows: of a matrix: `items` or `raters`.
        scale: least and largest vote; those of the design if None.
        same_from: least vote that says "same speaker"; no such share if None.
        screen: rules; those of the design if None, none if empty.
        gold: column with the right answer of items that must be met within 1; "" for none.
        trap: column with the right answer of items that must be met exactly.
        duplicates: one of `DUPLICATES`; that of the design if empty.
        margin: for the test of equivalence; None for none.
        primary: the two systems of the one difference that was decided to count.
        anytime: p values that may be looked at while the test is running.
        draws: resamples of bootstraps.
        seed: of resamples.

    Raises:
        ConfigError: `USAGE`, `PARAM_RANGE`.
    """

    design: str
    columns: Mapping[str, str] = field(default_factory=dict)
    where: tuple[str, ...] = ()
    reference: tuple[str, ...] = ()
    anchor: tuple[str, ...] = ()
    rows: str = "items"
    scale: tuple[float, float] | None = None
    same_from: float | None = None
    screen: tuple[str, ...] | None = None
    gold: str = ""
    trap: str = ""
    duplicates: str = ""
    margin: float | None = None
    primary: tuple[str, str] | None = None
    anytime: bool = False
    draws: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        self._check_names()
        kind = DESIGNS[self.design].kind
        if self.scale is not None and not (all(map(math.isfinite, self.scale)) and self.scale[0] < self.scale[1]):
            raise ConfigError("PARAM_RANGE", f"The scale is {self.scale}", "two numbers, the lower one first")
        if self.margin is not None and not (math.isfinite(self.margin) and self.margin > 0):
            raise ConfigError("PARAM_RANGE", f"The margin is {self.margin}", "a number above 0")
        if self.draws < 1:
            raise ConfigError("PARAM_RANGE", f"There are {self.draws} draws", "at least 1")
        if kind == "matrix" and (self.where or self.columns or self.gold or self.trap):
            raise ConfigError("USAGE", "A matrix has no columns to name or to filter by", "--rows items or raters")
        if kind in ("choices", "answers") and self.scale:
            raise ConfigError("USAGE", f"{self.design} has no scale", "", "Leave out --scale")
        if kind in ("choices", "answers") and (self.screen or self.gold or self.trap):
            raise ConfigError("USAGE", f"Screening is for ratings, not for {self.design}", "", "Leave it out")
        if self.design == "mushra" and len(self.reference) > 1:
            raise ConfigError("USAGE", f"There are {len(self.reference)} references", "the one hidden reference")
        both = set(self.reference) & set(self.anchor)
        if both:
            raise ConfigError("USAGE", f"{min(both)!r} is both reference and anchor", "one of the two")

    def _check_names(self) -> None:
        for what, value, known in (
            ("The design", [self.design], DESIGNS),
            ("A column", self.columns, NAMES),
            ("--rows", [self.rows], ("items", "raters")),
            ("A screening rule", self.screen or (), SCREENS),
            ("--duplicates", [self.duplicates] if self.duplicates else [], DUPLICATES),
        ):
            for name in value:
                if name not in known:
                    raise ConfigError("USAGE", f"{what} is {name!r}", f"one of {', '.join(known)}")

    @property
    def plan(self) -> Design:
        """The design."""
        return DESIGNS[self.design]

    @property
    def limits(self) -> tuple[float, float] | None:
        """Least and largest vote."""
        return self.scale or self.plan.scale

    @property
    def screens(self) -> tuple[str, ...]:
        """Rules that apply."""
        return self.plan.screens if self.screen is None else self.screen

    @property
    def repeats(self) -> str:
        """What is done with second votes, one of `DUPLICATES`."""
        return self.duplicates or self.plan.duplicates


def decisions(settings: Settings) -> dict[str, Any]:
    """What was decided, in plain values for JSON: nothing in it depends on a vote."""
    plan = settings.plan
    rules = [*settings.screens, *(name for name in ("gold", "trap") if getattr(settings, name))]
    made = {
        "design": settings.design,
        "scale": settings.limits and list(settings.limits),
        "columns": dict(settings.columns),
        "where": list(settings.where),
        "reference": list(settings.reference),
        "anchor": list(settings.anchor),
        "rows": settings.rows if plan.kind == "matrix" else None,
        "screening": rules,
        "gold": settings.gold or None,
        "trap": settings.trap or None,
        "duplicates": settings.repeats,
        "same_from": settings.same_from,
        "interval": INTERVAL if plan.kind in ("ratings", "matrix") else "exact (Clopper-Pearson), 95 %",
        "tests": TESTS[plan.kind],
        "multiplicity": MANY if plan.kind in ("ratings", "choices") else None,
        "primary": settings.primary and list(settings.primary),
        "margin": settings.margin,
        "anytime": settings.anytime,
        "draws": settings.draws,
        "seed": settings.seed,
    }
    return json.loads(json.dumps(made))
