"""What notebook 12 does with claims: lists them, counts what can be counted, shows all verdicts, hashes the report.

The rest of the verdicts are those of a whole run (`gsv_lab/assets/claims`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from scipy.special import ndtri

from gsv_lab.evaluation.claims import excerpt
from gsv_lab.evaluation.claims.entries import shown
from gsv_lab.evaluation.claims.file import CLAIMS, read_claims
from gsv_lab.evaluation.claims.material import Material
from gsv_lab.evaluation.claims.rule import CONTRADICTED, INCONCLUSIVE, SUPPORTED, VERDICTS, accepted, asked
from gsv_lab.evaluation.claims.run import RESULTS, reproduce
from gsv_lab.evaluation.grids import packing
from gsv_lab.evaluation.statistics.components import PLANNING, Components
from gsv_lab.evaluation.statistics.power import SIZES, opinion_error
from gsv_lab.hooks import Table
from gsv_lab.system.files import read_file
from gsv_lab.system.folders import private_folder
from gsv_lab.system.shipped import shipped

COUNTED = (
    "gpt-below-100m", "symbols-148", "model-below-100-mb", "voice-100-to-300-mb", "delta-5-to-10-mb",
    "delta-saves-90-percent", "share-5-to-10-percent", "gate-si-snr",
)  # fmt: skip
"""Claims that are settled anew in a few seconds: all that can be counted, and a gate that is tried on the sample."""
LEAST = 4.0
"""The MOS that is claimed."""
Rule = Callable[..., Any]


def said() -> Table:
    """Every claim: its id, what is said, by how many documents, and what it asks for."""
    rows = []
    for claim in read_claims().claims:
        bound = claim.bound
        wanted = asked(bound.direction, bound.threshold, bound.unit) if bound else "no number"
        rows.append(
            {"claim": claim.id, "what is said": claim.text, "documents": len(claim.sources), "asked for": wanted}
        )
    return Table(rows)


def contradictions() -> Table:
    """Where documents contradict each other, and what this kit does."""
    file = read_claims()
    rows = []
    for one in file.contradictions:
        says = "; ".join(f"{words.source}: {words.text}" for words in one.says)
        rows.append({"topic": one.topic, "what they say": says, "this kit": one.kit})
    return Table(rows)


def verdict(low: float, high: float, least: float, most: float) -> str:
    """The verdict on a claim that accepts numbers from `least` to `most`, by the interval of what was measured.

    >>> verdict(0.74, 0.82, 0.85, math.inf)
    'contradicted'
    """
    sides = [-1 if end < least else int(end > most) for end in (low, high)]
    if sides[0] != sides[1]:
        return INCONCLUSIVE
    return CONTRADICTED if sides[0] else SUPPORTED


def to_claim(raters: int, sentences: int, each: int, c: Components = PLANNING) -> float:
    """The MOS that must be seen so that its lower bound, one-sided 95 %, is 4.0.

    Args:
        raters: who judge.
        sentences: of the system.
        each: of them, that one rater hears.
        c: deviations of the votes.
    """
    return LEAST + float(ndtri(0.95)) * opinion_error(raters, sentences, each, c)


class Live(NamedTuple):
    """What was measured just now: what `results.json` holds, and the folder of the run."""

    results: Mapping[str, Any]
    folder: Path


def live(place: str | Path) -> Live:
    """Settle `COUNTED` anew, by the function of `gsv-lab reproduce`.

    Raises:
        LabError: those of `reproduce`.
    """
    folder = Path(place)
    return Live(reproduce(Material(folder), COUNTED), folder)


def decided(found: Live, rule: Rule = verdict) -> Table:
    """What was measured just now, with verdicts by a rule.

    Args:
        found: just now.
        rule: low, high, least, most -> verdict.
    """
    rows = []
    for name, numbers in _measured(found).items():
        ends = [numbers["value"]] * 2 if numbers["exact"] else [numbers["low"], numbers["high"]]
        says = rule(*ends, *accepted(numbers["direction"], numbers["threshold"]))
        wanted = asked(numbers["direction"], numbers["threshold"], numbers["unit"])
        row = {"claim": name, "found": shown(numbers, numbers["unit"]), "asked for": wanted, "verdict": str(says)}
        rows.append(row | {"on": "the nearest claim" if numbers["text"] else "the claim"})
    return Table(rows)


def _measured(found: Live) -> dict[str, dict[str, Any]]:
    """Claim -> its number and bound, or those of the nearest claim, which has a `text`."""
    made = {}
    for name, one in found.results["claims"].items():
        own = one["value"] is not None
        made[name] = {**one, "text": ""} if own else dict(one["nearest"])
    return made


def verdicts(found: Live) -> dict[str, tuple[str, str]]:
    """Every claim with its verdict and what was found: of just now where there is one, else of the whole run.

    What was counted comes first, then by verdicts.
    """
    rows = {row.claim: (row.verdict, row.found) for row in excerpt.read_verdicts()}
    for name, one in found.results["claims"].items():
        numbers = one if one["value"] is not None else one["nearest"]
        near = "" if numbers is one else f"nearest ({numbers['verdict']}): "
        rows[name] = one["verdict"], f"now: {near}{shown(numbers, numbers['unit'])}"
    order = sorted(rows, key=lambda name: (name not in COUNTED, VERDICTS.index(rows[name][0]), name))
    return {name: rows[name] for name in order}


def counts(rows: Mapping[str, tuple[str, str]]) -> str:
    """How many claims have which verdict, in words."""
    number = Counter(found for found, _ in rows.values())
    return ", ".join(f"{number[name]} {name}" for name in VERDICTS)


def verdict_figure(rows: Mapping[str, tuple[str, str]]) -> Any:
    """`verdicts` as a Figure."""
    from gsv_lab import figures

    return figures.verdict_table(rows, VERDICTS)


def sizes(rule: Rule = to_claim, components: Components = PLANNING) -> Table:
    """The MOS that must be seen to claim 4.0, by the size of the test; a rater hears 20 sentences at most."""
    rows = []
    for raters, sentences in SIZES:
        needed = float(rule(raters, sentences, min(20, sentences), components))
        rows.append({"raters": raters, "sentences": sentences, "MOS to claim 4.0": f"{needed:.2f}"})
    return Table(rows)


def hashes(found: Live, registered: Mapping[str, Any] | None = None) -> Table:
    """SHA-256 of all that a report rests on, and whether a second run gives the same bytes.

    Args:
        found: of just now.
        registered: the contrast that was registered.
    """
    files = [shipped(CLAIMS), found.folder / RESULTS, packing.SHIPPED / packing.TABLE, packing.SHIPPED / packing.CARD]
    rows = [{"what": path.name, "sha256": hashlib.sha256(read_file(path)).hexdigest()[:16]} for path in files]
    if registered is not None:
        rows.insert(0, {"what": "the registered contrast", "sha256": fingerprint(registered)})
    with private_folder() as folder:
        again = live(folder / "again")
        equal = read_file(again.folder / RESULTS) == read_file(found.folder / RESULTS)
    rows.append({"what": f"{RESULTS} of a second run", "sha256": "the same bytes" if equal else "other bytes"})
    return Table(rows)


def fingerprint(registered: Mapping[str, Any]) -> str:
    """The first 16 digits of SHA-256 over names and values in order of the names."""
    text = "\n".join(f"{name}={registered[name]}" for name in sorted(registered))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
