"""Tests of differences between systems that the same raters judged; the unit is the rater.

Votes of one rater are alike, so a test over single votes overstates what is known. Each rater's votes on a system are
averaged first, then differences of a rater's means are tested.
Letters: n raters with both systems, k systems.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, ndtr, stdtr, stdtrit
from scipy.stats import binomtest, rankdata

from gsv_lab.evaluation.statistics.votes import Floats, Ints

EXACT = 50
"""Most differences, without zeros and ties, for which the exact distribution of W is used."""
EXACT_TIED = 13
"""Most differences for which it is used although there are zeros or ties."""


class Wilcoxon(NamedTuple):
    """Signed-rank test: the smaller rank sum, two-sided p, differences without and with the zeros' count, and how.

    `zeros` differences of nothing are dropped; `ties` is how many of the others share their size with another one;
    `method` is "exact" or "normal".
    """

    W: float
    p: float
    zeros: int
    ties: int
    method: str


class Sign(NamedTuple):
    """Sign test: how many differences are above and below 0, and the exact two-sided p."""

    plus: int
    minus: int
    p: float


class PairedT(NamedTuple):
    """t test of the mean difference: standard error, t, two-sided p, interval, and the mean in deviations (d_z)."""

    mean: float
    se: float
    t: float
    p: float
    low: float
    high: float
    effect: float


class Equivalence(NamedTuple):
    """Two one-sided tests: the margin, and the larger of the two p values. p below 0.05: within the margin."""

    margin: float
    p: float


class Friedman(NamedTuple):
    """Friedman's test: chi squared, p, raters, systems, and Kendall's W (0: no agreement on ranks, 1: full)."""

    chi2: float
    p: float
    raters: int
    systems: int
    W: float


def wilcoxon(differences: Floats) -> Wilcoxon:
    """Signed-rank test of differences (n,); zeros are dropped, tied sizes get their mean rank.

    p is exact for at most 50 differences without zeros and ties, and for at most 13 with them: over all signs of the
    ranks that there are. Otherwise it is that of the normal approximation with the variance corrected for ties and
    without a correction for continuity. Both are SciPy's choices. Sizes are compared as
    the numbers of double precision that they are: 13/3 - 4 and 14/3 - 13/3 differ in the last digit and count as
    two sizes, in SciPy and R as here.

    Source: Wilcoxon 1945; Hollander, Wolfe and Chicken 2014, Nonparametric Statistical Methods, section 3.1.
    """
    given = np.asarray(differences, dtype=np.float64)
    kept = given[given != 0]
    zeros = len(given) - len(kept)
    if not len(kept):
        return Wilcoxon(0.0, 1.0, zeros, 0, "exact")
    ranks = rankdata(np.abs(kept))
    above = float(ranks[kept > 0].sum())
    n = len(kept)
    smaller = min(above, n * (n + 1) / 2 - above)
    _, sizes = np.unique(np.abs(kept), return_counts=True)
    ties = int(sizes[sizes > 1].sum())
    if len(given) <= (EXACT_TIED if zeros or ties else EXACT):
        below = _rank_sums(np.round(2 * ranks).astype(np.int64))[: round(2 * smaller) + 1]
        return Wilcoxon(smaller, min(1.0, 2 * float(below.sum())), zeros, ties, "exact")
    variance = n * (n + 1) * (2 * n + 1) / 24 - float((sizes**3 - sizes).sum()) / 48
    p = 2 * float(ndtr((smaller - n * (n + 1) / 4) / np.sqrt(variance)))
    return Wilcoxon(smaller, min(1.0, p), zeros, ties, "normal")


def _rank_sums(doubled: Ints) -> Floats:
    """Probability of each sum of the ranks whose sign is +, by fair coins; ranks are doubled, since some are halves."""
    shares = np.zeros(int(doubled.sum()) + 1)
    shares[0] = 1.0
    for rank in doubled.tolist():
        moved = shares.copy()
        moved[rank:] += shares[:-rank]
        shares = moved / 2
    return shares


def sign_test(differences: Floats) -> Sign:
    """Exact binomial test of how many differences are above 0; those of 0 are dropped."""
    plus, minus = int((differences > 0).sum()), int((differences < 0).sum())
    return Sign(plus, minus, float(binomtest(plus, plus + minus).pvalue) if plus + minus else 1.0)


def paired_t(differences: Floats, level: float = 0.95) -> PairedT:
    """T test of the mean of differences against 0, for the size of the effect; NaN with fewer than two.

    Differences that are all alike have no t: then p is that of the exact sign test, 2 ** (1 - n), or 1 without any.
    """
    n = len(differences)
    if n < 2:
        return PairedT(float(differences.mean()) if n else float("nan"), *[float("nan")] * 6)
    mean, sd = float(differences.mean()), float(differences.std(ddof=1))
    se = sd / np.sqrt(n)
    if sd <= 1e-12 * max(1.0, float(np.abs(differences).max())):
        p = sign_test(np.where(np.abs(differences) > 1e-12, differences, 0.0)).p
        return PairedT(mean, 0.0, float("nan"), p, mean, mean, float("nan"))
    half = float(se * stdtrit(n - 1, (1 + level) / 2))
    p = float(2 * stdtr(n - 1, -abs(mean / se)))
    return PairedT(mean, float(se), float(mean / se), p, mean - half, mean + half, mean / sd)


def equivalence(differences: Floats, margin: float) -> Equivalence:
    """Whether the mean difference lies within +- `margin`: two one-sided t tests (TOST).

    "As good as" needs this test; a large p of another test only says that little was measured.

    Source: Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15.

    Raises:
        ValueError: the margin is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"the margin is {margin}, expected a number above 0")
    found = paired_t(differences)
    if np.isnan(found.se):
        return Equivalence(margin, float("nan"))
    if found.se == 0:
        return Equivalence(margin, 0.0 if abs(found.mean) < margin else 1.0)
    df = len(differences) - 1
    p = max(float(stdtr(df, -(found.mean + margin) / found.se)), float(stdtr(df, (found.mean - margin) / found.se)))
    return Equivalence(margin, p)


def friedman(means: Floats) -> Friedman:
    """Whether any of k systems is ranked otherwise than the others.

    Args:
        means: (n, k) of raters who judged all systems; equal values share their mean rank.

    Source: Friedman 1937; with ties as in Conover 1999, Practical Nonparametric Statistics, section 5.8.

    Raises:
        ValueError: fewer than two raters or three systems, or a value is missing.
    """
    n, k = means.shape
    if n < 2 or k < 3 or not np.isfinite(means).all():
        raise ValueError(f"got {n} raters and {k} systems, expected at least 2 and 3 and no missing value")
    ranks = rankdata(means, axis=1)
    spread = float(((ranks - (k + 1) / 2) ** 2).sum())
    if not spread:
        return Friedman(0.0, 1.0, n, k, 0.0)
    between = float(((ranks.mean(axis=0) - (k + 1) / 2) ** 2).sum())
    chi2 = (k - 1) * n * n * between / spread
    return Friedman(chi2, float(chdtrc(k - 1, chi2)), n, k, chi2 / (n * (k - 1)))
