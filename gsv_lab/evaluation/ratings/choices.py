"""Preferences between two: reading and analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gsv_lab.errors import DataError
from gsv_lab.evaluation.ratings.columns import BETWEEN, Columns, filters, yes_or_no
from gsv_lab.evaluation.ratings.plain import plain
from gsv_lab.evaluation.ratings.repeats import check_repeats, without_copies
from gsv_lab.evaluation.ratings.selection import ALL
from gsv_lab.evaluation.ratings.settings import Settings
from gsv_lab.evaluation.ratings.tables import Table, is_nameless
from gsv_lab.evaluation.statistics.intervals import benjamini_hochberg, holm
from gsv_lab.evaluation.statistics.preference import (
    Choices,
    Strengths,
    bradley_terry,
    proportion,
    resampled,
    share_by_rater,
)
from gsv_lab.evaluation.statistics.sequential import anytime_mean

MOST_DRAWS = 200
"""Of the bootstrap of strengths, each of which is a fit."""
_CELLS = 1_000_000  # draws times squared items: what takes seconds


@dataclass(frozen=True)
class Preferences:
    """What of a file is analysed: choices, the block of each item, numbers of rows, raters as they came, warnings."""

    choices: Choices
    blocks: dict[str, str]
    counts: dict[str, int]
    arrival: list[str]
    warnings: list[str]


def select_choices(table: Table, settings: Settings) -> Preferences:
    """The choices of a table.

    An item that occurs in several blocks is another one in each, and is called `BLOCK|ITEM`.

    Raises:
        ConfigError: `USAGE`, a filter that is none.
        DataError: `COLUMN_UNKNOWN`; `DATA_ROW`, an item against itself; `VOTE_NUMBER`, a tie that is neither yes nor
            no; `VOTES_FEW`, no choice is left; `DATA_DUPLICATE`.
    """
    columns = Columns(table, settings)
    shown = np.ones(len(table.rows), dtype=bool)
    for passed in filters(columns, settings.where).values():
        shown &= passed
    winners, losers = columns.values("winner"), columns.values("loser")
    raters = columns.values("rater") if columns.has("rater") else [ALL] * len(winners)
    ties = columns.values("tie") if columns.has("tie") else ["0"] * len(winners)
    blocks = columns.values("block") if columns.has("block") else [""] * len(winners)
    kept, missing = [], 0
    for place in np.flatnonzero(shown).tolist():
        if is_nameless(winners[place]) or is_nameless(losers[place]):
            missing += 1
            continue
        if winners[place] == losers[place]:
            problem = f"{table.lines[place].capitalize()} compares {winners[place]!r} with itself"
            raise DataError("DATA_ROW", problem, "two items")
        kept.append(place)
    columns.check_names("rater", raters, kept)
    kept, copies = without_copies(table, kept, settings)
    repeated, warnings = check_repeats(table, kept, lambda place: table.rows[place], "a row", settings, copies)
    if not kept:
        raise DataError("VOTES_FEW", "No row with a choice passes the filters", "choices", "Check --where")
    home: dict[str, set[str]] = {}
    for place in kept:
        for name in (winners[place], losers[place]):
            home.setdefault(name, set()).add(blocks[place])
    item_blocks: dict[str, str] = {}

    def named(name: str, place: int) -> str:
        full = name if len(home[name]) == 1 else f"{blocks[place]}{BETWEEN}{name}"
        item_blocks[full] = blocks[place]
        return full

    choices = Choices.of(
        [raters[place] for place in kept],
        [named(winners[place], place) for place in kept],
        [named(losers[place], place) for place in kept],
        [yes_or_no(ties[place], table.lines[place]) == "1" for place in kept],
    )
    counts = {"rows": len(table.rows), "test": int(shown.sum()), "missing": missing, "votes": len(choices)}
    counts |= {"repeated": repeated, "copies": copies}
    return Preferences(choices, item_blocks, counts, list(dict.fromkeys(raters[place] for place in kept)), warnings)


def analyse_choices(found: Preferences, settings: Settings) -> dict[str, Any]:
    """Shares of every pair, strengths, and counts of every item, as `ratings.json` has them."""
    choices, warnings = found.choices, list(found.warnings)
    if len(choices.raters) < 2:
        warnings.append("One rater: nothing can be said about other raters.")
    wins, ties = choices.tables()
    pairs = _pairs(found, settings, wins, ties)
    systems: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(choices.names):
        won, lost, tied = (float(part.sum()) for part in (wins[place], wins[:, place], ties[place]))
        n = won + lost + tied
        systems[name] = {"n": int(n), "wins": int(won), "losses": int(lost), "ties": int(tied)}
        systems[name]["share"] = (won + tied / 2) / n
        systems[name]["block"] = found.blocks[name] or None
    results: dict[str, Any] = {"systems": systems, "pairs": pairs, "bradley_terry": {}, "strengths": {}, "tie": None}
    try:
        fit = bradley_terry(wins, ties)
    except ValueError as error:
        warnings.append(f"There are no strengths of Bradley and Terry: {error}.")
    else:
        results |= _strengths(choices, fit, settings, warnings)
    return {**plain(results), "counts": found.counts | _sizes(choices), "warnings": warnings}


def _sizes(choices: Choices) -> dict[str, int]:
    return {"raters": len(choices.raters), "systems": len(choices.names), "ties": int(choices.tie.sum())}


def _pairs(found: Preferences, settings: Settings, wins: Any, ties: Any) -> list[dict[str, Any]]:
    choices = found.choices
    entries: list[dict[str, Any]] = []
    low, high = np.minimum(choices.winner, choices.loser), np.maximum(choices.winner, choices.loser)
    pairs, pair = np.unique(low * len(choices.names) + high, return_inverse=True)
    rows = np.split(np.argsort(pair, kind="stable"), np.cumsum(np.bincount(pair))[:-1])
    for number, own in zip(pairs.tolist(), rows, strict=True):
        first, second = divmod(number, len(choices.names))
        won, lost, tied = int(wins[first, second]), int(wins[second, first]), int(ties[first, second])
        hits = np.where(choices.tie[own] == 1, 0.5, (choices.winner[own] == first).astype(np.float64))
        decided = proportion(won, won + lost) if won + lost else None
        entry = {
            "a": choices.names[first],
            "b": choices.names[second],
            "n": won + lost + tied,
            "wins": won,
            "losses": lost,
            "ties": tied,
            "share": float(hits.mean()),
            "low": decided.low if decided else None,
            "high": decided.high if decided else None,
            "p": decided.p if decided else 1.0,
            "by_rater": _by_rater(hits, choices.rater[own], settings),
        }
        if settings.anytime:
            entry["anytime"] = anytime_mean(_shares(found, hits, own), 0, 1, 0.5)._asdict()
        entries.append(entry)
    p = [entry["p"] for entry in entries]
    for entry, by_holm, by_bh in zip(entries, holm(p), benjamini_hochberg(p), strict=True):
        entry |= {"p_holm": by_holm, "p_bh": by_bh}
    return entries


def _by_rater(hits: Any, raters: Any, settings: Settings) -> dict[str, float]:
    low, high = share_by_rater(hits, raters, settings.draws, settings.seed)
    return {"low": low, "high": high}


def _shares(found: Preferences, hits: Any, own: Any) -> Any:
    """Share of the raters who judged a pair, in the order in which they came."""
    rater = found.choices.rater[own]
    order = [found.choices.raters.index(name) for name in found.arrival]
    return np.array([hits[rater == place].mean() for place in order if (rater == place).any()])


def _strengths(choices: Choices, fit: Strengths, settings: Settings, warnings: list[str]) -> dict[str, Any]:
    """Strengths, and how far they are from the mean of their group with bootstrap intervals."""
    centred = fit.log.copy()
    for group in np.unique(fit.group):
        centred[fit.group == group] -= centred[fit.group == group].mean()
    draws = min(settings.draws, MOST_DRAWS, _CELLS // len(choices.names) ** 2)
    ends = np.full((2, len(choices.names)), np.nan)
    if len(choices.raters) > 1 and draws >= 50 and np.isfinite(fit.tie):
        drawn = resampled(choices, fit, draws, settings.seed)
        for place in range(len(choices.names)):
            known = drawn[np.isfinite(drawn[:, place]), place]
            if len(known) >= draws / 2:
                ends[:, place] = np.quantile(known, [0.025, 0.975])
    else:
        warnings.append("Strengths have no intervals: there is one rater, nothing but ties, or too many items.")
    groups = len(set(fit.group.tolist()))
    if groups > 1:
        warnings.append(f"Items of {groups} groups were never compared with each other: ln p has no common level.")
    strengths = {
        name: {"group": group + 1, "centred": middle, "low": low, "high": high}
        for name, group, middle, low, high in zip(choices.names, fit.group.tolist(), centred, *ends, strict=True)
    }
    table = dict(zip(choices.names, fit.log.tolist(), strict=True))
    return {"bradley_terry": table, "strengths": strengths, "tie": fit.tie if choices.tie.any() else None}
