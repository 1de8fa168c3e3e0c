"""The pictures of `ratings.html`, as PNG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

LARGEST = 40
"""Most systems or items of one picture."""


def means(systems: Mapping[str, Any]) -> bytes:
    """Mean of each system, the best first, with the primary interval and the one that is too narrow."""
    from gsv_lab import figures

    rows = {}
    for name in sorted(systems, key=lambda name: -systems[name]["mean"])[: 2 * LARGEST]:
        found = systems[name]["intervals"]
        kinds = {"raters and items (two-way)": "twoway", "votes as if independent (t)": "t"}
        rows[name] = (systems[name]["mean"], {label: _ends(found[kind]) for label, kind in kinds.items()})
    return _png(figures.opinion_scores(rows))


def shares(systems: Mapping[str, Any]) -> bytes:
    """How often each vote was given to each system, the best first; nothing where votes are of too many kinds."""
    from gsv_lab import figures

    names = sorted(systems, key=lambda name: -systems[name]["mean"])[: 2 * LARGEST]
    if not all("votes" in systems[name] for name in names):
        return b""
    levels = sorted({level for name in names for level in systems[name]["votes"]}, key=float)
    table = [[systems[name]["votes"].get(level, 0) for level in levels] for name in names]
    return _png(figures.vote_shares(table, names, levels))


def differences(results: Mapping[str, Any]) -> bytes:
    """All pairs of up to `LARGEST` systems, sure where p after Holm is below 0.05; nothing for more or for two."""
    from gsv_lab import figures

    names = sorted(results["systems"], key=lambda name: -results["systems"][name]["mean"])
    if not 2 < len(names) <= LARGEST:
        return b""
    place = {name: number for number, name in enumerate(names)}
    values = np.full((len(names), len(names)), np.nan)
    sure = np.zeros(values.shape, dtype=bool)
    for pair in results["pairs"]:
        a, b = place[pair["a"]], place[pair["b"]]
        if pair["diff"] is not None:
            values[a, b], values[b, a] = pair["diff"], -pair["diff"]
            sure[a, b] = sure[b, a] = pair["p_holm"] < 0.05
    if not np.isfinite(values).any():
        return b""
    return _png(figures.pair_matrix(values, names, sure, "hatched: p after Holm is 0.05 or more"))


def raters(subjects: Mapping[str, Any]) -> bytes:
    """Bias and inconsistency of each rater."""
    from gsv_lab import figures

    bias, spread = ([one[key] for one in subjects.values()] for key in ("bias", "inconsistency"))
    return _png(figures.rater_scatter(bias, spread, list(subjects)))


def strengths(found: Mapping[str, Any]) -> bytes:
    """Strengths with their intervals, group by group, of the first `LARGEST` items."""
    from gsv_lab import figures

    names = sorted(found, key=lambda name: (found[name]["group"], -found[name]["centred"]))[:LARGEST]
    rows = {name: (found[name]["centred"], *_ends(found[name])) for name in names}
    sure = [name for name, (_, low, high) in rows.items() if low > 0 or high < 0]
    return _png(figures.forest(rows, "strength, nat from the mean of its group", sure=sure, better=1))


def _ends(entry: Mapping[str, Any]) -> tuple[float, float]:
    low, high = entry["low"], entry["high"]
    return (float("nan"), float("nan")) if low is None else (low, high)


def _png(figure: Any) -> bytes:
    from gsv_lab import figures

    return figures.png(figure, dpi=80, colours=64)
