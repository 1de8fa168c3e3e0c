"""What notebook 11 finds in votes, and what its reader is to write, for exercises that are still open.

Letters: N votes, R raters, P simulated tests, n raters with both systems.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from gsv_lab.evaluation import listening
from gsv_lab.evaluation.listening.files import KEY, STORE
from gsv_lab.evaluation.statistics.components import Components
from gsv_lab.evaluation.statistics.crossed import clustered
from gsv_lab.evaluation.statistics.paired import equivalence, paired_t
from gsv_lab.evaluation.statistics.panel_coverage import EFFECTS, TRUTH
from gsv_lab.evaluation.statistics.panels import Panel
from gsv_lab.evaluation.statistics.panels import opinions as simulated
from gsv_lab.evaluation.statistics.power import raters_needed
from gsv_lab.evaluation.statistics.preference import proportion
from gsv_lab.evaluation.statistics.screening import hidden_reference
from gsv_lab.evaluation.statistics.votes import Votes, rater_means
from gsv_lab.hooks import Table
from gsv_lab.system.shipped import PACKAGE
from gsv_lab.teaching.exercises.asking import MEANS

VOTES = PACKAGE / "assets" / "mushra_votes" / "ratings.csv"
CREDIT = (
    "1,512 votes of a MUSHRA test of speech codecs: B. Stahl, S. Windtner, A. Sontacchi, IEEE Access 12 (2024) "
    "159239-159251. CC BY 4.0."
)
REFERENCE, ANCHOR = "Reference", "Anchor"
MARGIN = 5.0
"""Points of a MUSHRA scale within which two systems are called equal here."""
COMPARED = (
    ("Proposed 1.38", "Lyra 3"),
    ("Proposed 5.51 16kHz", "Lyra 6"),
    ("Proposed 5.51 16kHz", "Proposed 1.38 16kHz"),
)
"""Pairs of codecs: one that differs, one of which nothing is known, one that is equal."""
Rule = Callable[..., Any]


def two_way_error(score: np.ndarray, rater: np.ndarray, item: np.ndarray) -> float:
    """Standard error of a mean vote over raters and items; NaN where chance makes its square negative.

    Source: Cameron, Gelbach and Miller 2011; see `gsv_lab.evaluation.statistics.crossed`.
    """
    return clustered((score - score.mean()) / len(score), rater, item).twoway


def left_out(rater: np.ndarray, system: np.ndarray, score: np.ndarray) -> list[str]:
    """Raters who rate the hidden reference below 90 in more than 15 % of its items (ITU-R BS.1534-3)."""
    votes = Votes.of(rater.tolist(), ["item"] * len(score), system.tolist(), score)
    return list(hidden_reference(votes, REFERENCE).removed)


def needed(difference: float, sentences: int, c: Components) -> float:
    """Fewest raters who find a difference of two MOS in 80 % of all tests; infinite where sentences are too few."""
    found = raters_needed(difference, sentences, sentences, c)
    return math.inf if found is None else found


def by_chance(right: int, n: int) -> float:
    """Chance to answer so many of n ABX pages rightly, or more, by guessing."""
    return proportion(right, n).p_greater


def tail(t: float, degrees: float) -> float:
    """Chance that a Student t of so many degrees of freedom is larger."""
    return float(stdtr(degrees, -t))


def equal(off: np.ndarray, margin: float, tail: Callable[[float, float], float] = tail) -> float:
    """The larger p of two one-sided tests (TOST) that a mean difference (n,) lies within +- `margin`."""
    return equivalence(off, margin).p


def matched(first: Mapping[tuple[str, str], float], second: Mapping[tuple[str, str], float]) -> tuple[float, float]:
    """Second minus first over the votes that both have, by rater and item, and its two-way error."""
    both = [key for key in first if key in second]
    off = np.array([second[key] - first[key] for key in both])
    rater, item = (np.array([key[place] for key in both]) for place in (0, 1))
    return float(off.mean()), two_way_error(off, rater, item)


def real_votes() -> Votes:
    """The shipped votes of people, see `CREDIT`; those whom their authors left out are among them."""
    rows = list(csv.DictReader(io.StringIO(VOTES.read_text(encoding="utf-8"))))
    raters, items, systems = ([row[column] for row in rows] for column in ("participant", "signal", "condition"))
    return Votes.of(raters, items, systems, [float(row["score"]) for row in rows])


def columns(votes: Votes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rater and system of each vote by name, and the votes: (N,) each."""
    return np.array(votes.raters)[votes.rater], np.array(votes.systems)[votes.system], votes.score.copy()


class Held(NamedTuple):
    """Intervals (P, 2) of `TRUTH` in simulated tests by their kind, and the `truth`."""

    ends: dict[str, np.ndarray]
    truth: float


def intervals(rule: Rule, tests: int = 200, raters: int = 50, items: int = 20, seed: int = 11) -> Held:
    """Four 95 % intervals of the mean opinion of one system, in each of P tests with new raters and new sentences.

    Args:
        rule: score, rater, item (N,) each -> two-way standard error.
        tests: P.
        raters: R, who judge every item.
        items: of the system.
        seed: of the tests.
    """
    rng = np.random.default_rng(seed)
    panel = Panel({"A": TRUTH}, raters, items, components=EFFECTS)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ("votes (t)", "raters", "items", "two-way")}
    for _ in range(tests):
        votes = simulated(rng, panel)
        n, mean = len(votes), float(votes.score.mean())
        one = clustered((votes.score - mean) / n, votes.rater, votes.item)
        with np.errstate(invalid="ignore"):
            both = float(rule(votes.score.copy(), votes.rater.copy(), votes.item.copy()))
        # Where chance makes the two-way error smaller than a single one, the single one counts.
        errors = (float(votes.score.std(ddof=1)) / n**0.5, one.rater, one.item, max(one.rater, one.item, both))
        degrees = (n - 1, raters - 1, items - 1, min(raters, items) - 1)
        for name, error, df in zip(found, errors, degrees, strict=True):
            half = float(stdtrit(df, 0.975)) * error
            found[name].append((mean - half, mean + half))
    return Held({name: np.array(ends) for name, ends in found.items()}, TRUTH)


def coverage_figure(rule: Rule, title: str = "") -> Any:
    """`intervals` as a Figure."""
    from gsv_lab import figures

    held = intervals(rule)
    return figures.interval_coverage(held.ends, held.truth, title)


def screened(votes: Votes, away: Sequence[str]) -> Table:
    """Means of every system by all raters, and without some; the highest first."""
    rest = votes.without(away)
    means = {name: (votes.of_system(name).score.mean(), rest.of_system(name).score.mean()) for name in votes.systems}
    names = sorted(means, key=lambda name: -means[name][1])
    title = f"without {', '.join(away) or 'nobody'}"
    return Table({"system": n, "all": f"{means[n][0]:.2f}", title: f"{means[n][1]:.2f}"} for n in names)


def agreement_figure(votes: Votes) -> Any:
    """How raters agree on the codecs: (R, R) correlations of their mean votes, raters who agree side by side."""
    from scipy.cluster.hierarchy import leaves_list, linkage

    from gsv_lab import figures

    alike = _alike(votes)
    order = leaves_list(linkage(1 - alike[np.triu_indices(len(alike), 1)], "average"))
    values = np.where(np.eye(len(order), dtype=bool), np.nan, alike[np.ix_(order, order)])
    names = [votes.raters[place] for place in order]
    title = "correlation of raters, by their mean votes on the seven codecs"
    return figures.pair_matrix(values, names, np.ones(values.shape, dtype=bool), title, label="correlation")


def _alike(votes: Votes) -> np.ndarray:
    codecs = [place for place, name in enumerate(votes.systems) if name not in (REFERENCE, ANCHOR)]
    return np.asarray(np.corrcoef(rater_means(votes)[:, codecs]))


def camps(votes: Votes, one: Sequence[str]) -> Table:
    """Mean votes on every codec by some raters, and by all others."""
    means = rater_means(votes)
    inside = np.array([name in one for name in votes.raters])
    places = [place for place, name in enumerate(votes.systems) if name not in (REFERENCE, ANCHOR)]
    titles = {f"raters {', '.join(one)}": inside, "all others": ~inside}
    return Table(
        {"codec (kbit/s)": votes.systems[place]}
        | {title: f"{means[who, place].mean():.1f}" for title, who in titles.items()}
        for place in places
    )


def raters_table(rule: Rule, components: Any) -> Table:
    """Raters who are needed to find differences of MOS, by the number of sentences.

    Args:
        rule: difference, sentences, components -> raters, or None.
        components: of the votes.
    """
    rows = []
    for sentences in (20, 40, 60, 100, 200):
        found = {f"to find {gap} MOS": rule(gap, sentences, components) for gap in (0.4, 0.3, 0.2)}
        rows.append(
            {"sentences": sentences} | {title: "nobody can" if math.isinf(n) else n for title, n in found.items()}
        )
    return Table(rows)


def told_apart(folder: Path, rule: Rule) -> Table:
    """The ABX test: how often each pair was told apart, and by chance.

    Args:
        folder: of the test, with its votes.
        rule: right answers, answers -> p.
    """
    rows = listening.read_results([folder / STORE], folder / KEY)
    found = []
    for system in list(MEANS)[1:]:
        right = [row["right"] for row in rows if row["role"] == "test" and system in (row["system"], row["other"])]
        share = f"{sum(right) / len(right):.0%}"
        p = f"{float(rule(sum(right), len(right))):.2g}"
        found.append({"recording and": system, "answers": len(right), "right": sum(right), "share": share, "p": p})
    return Table(found)


def rater_differences(votes: Votes, one: str, other: str) -> np.ndarray:
    """Mean vote on a system less that on another, of every rater who judged both: (n,)."""
    means = rater_means(votes)
    off = means[:, votes.systems.index(one)] - means[:, votes.systems.index(other)]
    return off[np.isfinite(off)]


def differences(votes: Votes, rule: Rule) -> Table:
    """The pairs of `COMPARED`: difference of rater means, p that there is none, p that it is not within `MARGIN`.

    Args:
        votes: of real people, screened.
        rule: differences, margin, tail -> p.
    """
    rows = []
    for one, other in COMPARED:
        off = rater_differences(votes, one, other)
        found, within = paired_t(off), float(rule(off.copy(), MARGIN, tail))
        row = {"first minus second": f"{one} − {other}", "difference": f"{found.mean:+.2f}"}
        rows.append(row | {"p of 'no difference'": f"{found.p:.2g}", f"p of 'not within {MARGIN:g}'": f"{within:.2g}"})
    return Table(rows)
