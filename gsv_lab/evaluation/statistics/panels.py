"""Simulated panels: votes of a given design whose truth is known.

An opinion is the system's true mean plus effects of the rater, rater by system, the stimulus and a residual, all
normal, on the scale from 1 to 5 (`components.PLANNING` has the deviations). Designs make votes of opinions.
Letters: R raters, I items, S systems.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gsv_lab.evaluation.statistics.components import PLANNING, Components
from gsv_lab.evaluation.statistics.preference import Choices
from gsv_lab.evaluation.statistics.votes import Floats, Ints, Votes
from gsv_lab.system.seeds import check_seed

REFERENCE = "reference"
RECOGNISED = 0.95
"""Share of the trials in which a rater hears which one the hidden reference is, and gives it 100."""


@dataclass(frozen=True)
class Panel:
    """Who judges what.

    Args:
        means: system -> true mean opinion, from 1 to 5.
        raters: R.
        items: I.
        per_rater: items that each rater judges, of every system; all if 0.
        components: deviations; that of systems is not used, since `means` says it.
        careless: raters, the last ones, whose opinions are any number from 1 to 5.
        missing: share of votes that are lost.
    """

    means: Mapping[str, float] = field(default_factory=lambda: {"A": 4.0, "B": 3.5, "C": 2.5})
    raters: int = 20
    items: int = 20
    per_rater: int = 0
    components: Components = PLANNING
    careless: int = 0
    missing: float = 0.0


def simulate(design: str, panel: Panel, seed: int = 0) -> Votes:
    """Votes of a panel.

    Args:
        design: `acr`, `smos` (whole numbers from 1 to 5); `mushra` (0 to 100, with the hidden reference `reference`);
            `ccr` (-3 to 3, every system against the first); `abx` (1 where the system is told from the first, else 0).
        panel: who judges what.
        seed: of everything drawn.

    Raises:
        ValueError: another design.
    """
    rng = np.random.default_rng(check_seed(seed))
    if design in ("acr", "smos"):
        votes = opinions(rng, panel)
        made = _scored(votes, np.clip(np.round(votes.score), 1, 5))
    elif design == "mushra":
        votes = opinions(rng, panel)
        made = _with_reference(rng, _scored(votes, np.clip(np.round(25 * (votes.score - 1)), 0, 100)))
    elif design == "ccr":
        made = _compared(rng, panel)
    elif design == "abx":
        made = _identified(rng, panel)
    else:
        raise ValueError(f"design is {design!r}, expected acr, smos, mushra, ccr or abx")
    return made.where(rng.random(len(made)) >= panel.missing)


def simulate_pairs(panel: Panel, seed: int = 0, undecided: float = 0.0) -> Choices:
    """Forced choices between all pairs of systems on each item.

    Args:
        panel: who judges what.
        seed: of everything drawn.
        undecided: difference of two opinions below which the answer is a tie; 0 for forced choice.
    """
    rng = np.random.default_rng(check_seed(seed))
    votes = opinions(rng, panel)
    rows: dict[str, list[Ints]] = {name: [] for name in ("rater", "winner", "loser", "tie")}
    for first, second in combinations(range(len(votes.systems)), 2):
        a, b = (votes.where(votes.system == system) for system in (first, second))
        apart = a.score - b.score
        won = apart > 0
        found = (a.rater, np.where(won, first, second), np.where(won, second, first), np.abs(apart) < undecided)
        for column, values in zip(rows.values(), found, strict=True):
            column.append(values.astype(np.int64))
    columns = {name: np.concatenate(parts) for name, parts in rows.items()}
    kept = rng.random(len(columns["rater"])) >= panel.missing
    return Choices(votes.raters, votes.systems, **{name: values[kept] for name, values in columns.items()})


def opinions(rng: np.random.Generator, panel: Panel) -> Votes:
    """Opinions as they are, without rounding: sorted by system, rater, item."""
    return _voted(rng, panel, _heard(rng, panel), _judged(rng, panel))


def _heard(rng: np.random.Generator, panel: Panel) -> Floats:
    """Opinions without their residual (S, R, I)."""
    c, (n_raters, n_items, n_systems) = panel.components, (panel.raters, panel.items, len(panel.means))
    truth = np.array(list(panel.means.values()), dtype=np.float64)
    level = rng.normal(0, c.rater, n_raters)
    taste = rng.normal(0, c.rater_system, (n_systems, n_raters))
    stimulus = rng.normal(0, c.stimulus, (n_systems, n_items))
    return truth[:, None, None] + (level + taste)[:, :, None] + stimulus[:, None, :]


def _judged(rng: np.random.Generator, panel: Panel) -> NDArray[np.bool_]:
    """Which rater judges which item (R, I)."""
    if not panel.per_rater:
        return np.ones((panel.raters, panel.items), dtype=bool)
    return rng.random((panel.raters, panel.items)).argsort(axis=1).argsort(axis=1) < panel.per_rater


def _voted(rng: np.random.Generator, panel: Panel, heard: Floats, judged: NDArray[np.bool_]) -> Votes:
    """Votes on what was heard (S, R, I), with a residual each."""
    score = heard + rng.normal(0, panel.components.residual, heard.shape)
    if panel.careless:
        score[:, -panel.careless :] = rng.uniform(1, 5, score[:, -panel.careless :].shape)
    system, rater, item = np.nonzero(np.broadcast_to(judged, score.shape))
    names = (_numbered("r", panel.raters), _numbered("i", panel.items), tuple(panel.means))
    return Votes(*names, rater, item, system, score[system, rater, item])


def _numbered(letter: str, count: int) -> tuple[str, ...]:
    return tuple(f"{letter}{number + 1}" for number in range(count))


def _scored(votes: Votes, score: Floats) -> Votes:
    return Votes(votes.raters, votes.items, votes.systems, votes.rater, votes.item, votes.system, score)


def _with_reference(rng: np.random.Generator, votes: Votes) -> Votes:
    """The same votes, and one on the hidden reference in every trial; who misses it gives it the trial's best vote."""
    trial, place = np.unique(votes.rater * len(votes.items) + votes.item, return_inverse=True)
    best = np.zeros(len(trial))
    np.maximum.at(best, place, votes.score)
    score = np.where(rng.random(len(trial)) < RECOGNISED, 100.0, best)
    return Votes(
        votes.raters,
        votes.items,
        (*votes.systems, REFERENCE),
        np.concatenate([votes.rater, trial // len(votes.items)]),
        np.concatenate([votes.item, trial % len(votes.items)]),
        np.concatenate([votes.system, np.full(len(trial), len(votes.systems))]),
        np.concatenate([votes.score, score]),
    )


def _compared(rng: np.random.Generator, panel: Panel) -> Votes:
    """How much better a rater finds each other system than the first one, on the same item."""
    votes = opinions(rng, panel)
    others, first = votes.where(votes.system > 0), votes.score[votes.system == 0]
    apart = others.score - np.tile(first, len(votes.systems) - 1)
    return _scored(others, np.clip(np.round(apart), -3, 3))


def _identified(rng: np.random.Generator, panel: Panel) -> Votes:
    """ABX: three opinions of a rater, of the first system, of another, and of X, which is one of the two; the answer
    is the nearer one.
    """
    heard, judged = _heard(rng, panel), _judged(rng, panel)
    is_first = rng.random(heard.shape) < 0.5
    a = _voted(rng, panel, np.broadcast_to(heard[:1], heard.shape), judged)
    b = _voted(rng, panel, heard, judged)
    x = _voted(rng, panel, np.where(is_first, heard[:1], heard), judged)
    nearer_first = np.abs(x.score - a.score) < np.abs(x.score - b.score)
    right = nearer_first == is_first[x.system, x.rater, x.item]
    made = _scored(x, right.astype(np.float64))
    return made.where(made.system > 0)
