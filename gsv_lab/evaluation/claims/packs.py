"""Claims that need ears: a listening test that can be sent, how its votes are analysed, and what they say.

A test has natural speech, copy synthesis, zero-shot and tuned speech of the same sentences, both anchors, gold items
and traps; `gsv_lab.evaluation.listening` levels and blinds them. Where a claim is about another system, its waves join
in, for scores of different tests cannot be compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gsv_lab.corpora.clip_lists import clip_hash
from gsv_lab.errors import DataError
from gsv_lab.evaluation import listening
from gsv_lab.evaluation.claims.file import Claim, Listening
from gsv_lab.evaluation.claims.measured import Measured
from gsv_lab.evaluation.identity import identity_of
from gsv_lab.evaluation.items import NATURAL
from gsv_lab.evaluation.listening.clips import Clips, clips_of, names_of
from gsv_lab.evaluation.listening.design import ANCHORS
from gsv_lab.evaluation.ratings.run import SCHEMA
from gsv_lab.evaluation.statistics.power import plan
from gsv_lab.evaluation.systems import folder_system
from gsv_lab.system.files import make_folder, read_file, why_unreadable

if TYPE_CHECKING:
    from gsv_lab.evaluation.claims.material import Material

FOLDER, DESIGN = "listening", "acr"
PER_RATER = 20
"""Sentences of each system that one rater judges, where there are so many."""
GOLD, TRAPS = 2, 1


class Pack(NamedTuple):
    """A listening test that was made.

    Args:
        folder: from the folder of the run.
        clips: hash of what is heard.
        items: sentences.
        systems: whose speech is judged.
        demonstration: why votes on it would decide nothing; empty where they would decide.
    """

    folder: str
    clips: str
    items: int
    systems: tuple[str, ...]
    demonstration: str


def make_pack(material: Material, claim: Claim, test: Listening) -> Pack | None:
    """The listening test of a claim; one that is there already is left as it is, for it may have votes.

    None where the claim is about another system of which no waves were given.

    Raises:
        DataError, AudioError, LabError: those of `listening.make`; `DATA_MISSING`, a wave of the other system.
    """
    if test.against and test.against not in material.systems:
        return None
    name = material.corpus(claim.corpus)
    clips = _clips(material, name, test, claim.needs.sentences)
    items, systems = names_of(clips)
    key = identity_of(
        [[*map(list, clips)], [clip_hash(path) for path in clips.values()], material.seed, claim.needs.raters]
    )
    folder = Path(FOLDER) / f"{name}-{key}"
    if not (material.folder / folder).is_dir():
        make_folder(material.folder / FOLDER)
        rounds = min(len(systems) + len(ANCHORS), -(-PER_RATER * (len(systems) + len(ANCHORS)) // len(items)))
        options = listening.Options(
            anchors=tuple(ANCHORS), blocks=rounds, gold=min(GOLD, len(items)), traps=min(TRAPS, len(items))
        )
        decisions = listening.Decisions(primary_contrast=(test.system, test.against or NATURAL))
        listening.make(clips, material.folder / folder, DESIGN, claim.needs.raters, material.seed, options, decisions)
    return Pack(folder.as_posix(), key, len(items), systems, material.recorded(name).demonstration)


def _clips(material: Material, name: str, test: Listening, most: int) -> Clips:
    """What is heard: sentences that every system says."""
    spoken = material.spoken(name)
    listed = spoken.recorded.listed.items
    systems = [one for one in spoken.systems if one.name not in spoken.tuned[1:]]
    if test.against:
        systems.append(folder_system(material.systems[test.against], listed, test.against))
    found = clips_of(systems)
    names = [one.name for one in systems]
    whole = [item.name for item in listed if all((item.name, system) in found for system in names)][:most]
    if test.system not in names or not whole:
        problem = f"No sentence of {name!r} is said by all of {', '.join(names)}"
        raise DataError("DATA_MISSING", problem, f"waves of {test.system} and of every other system")
    return {(item, system): found[item, system] for system in names for item in whole}


def analysis(claim: Claim, test: Listening, run: str) -> list[str]:
    """The commands that make a listening test, read its votes and hand them back, line by line.

    Args:
        claim: that is judged.
        test: its test.
        run: the command that measures the claim.
    """
    anchors = " ".join(f"--anchor {name}" for name in ANCHORS)
    rival = f" --system {test.against}=WAVES" if test.against else ""
    return [
        f"{run}{rival} --output DIR",
        "gsv-lab listening export results_*.json --key DIR/listening/TEST/key.json --output votes.csv",
        f"gsv-lab ratings votes.csv --design {DESIGN} --where 'role!=repeat' --gold gold --trap trap "
        f"--reference {NATURAL} {anchors} --primary {test.system} {test.against or NATURAL} --output votes",
        f"{run}{rival} --ratings {claim.id}=votes/ratings.json --output DIR",
    ]


def power(claim: Claim) -> str:
    """What a test of the size that a claim asks for can prove, in words; empty where nobody listens."""
    raters, sentences = claim.needs.raters, claim.needs.sentences
    if not raters or not sentences:
        return ""
    found = plan(raters, sentences, min(PER_RATER, sentences))
    return (
        f"{raters} raters on {sentences} sentences know one MOS to ±{found.half_width:.2f}: {found.to_claim:.2f} must "
        f"be seen to claim 4.0, and differences from {found.difference:.2f} on are found in four of five tests."
    )


def read_ratings(path: Path, test: Listening) -> Measured:
    """What raters said, from the `ratings.json` of `gsv-lab ratings`: the mean of a system, or how much better it is
    than another, with the interval over raters and sentences.

    Raises:
        DataError: `RATINGS_UNFIT`, it is no such file, of another design, or lacks a system that the claim needs.
    """
    try:
        raw = read_file(path)
        found = json.loads(raw)
    except (OSError, ValueError) as error:
        why = why_unreadable(error) if isinstance(error, OSError) else "it is no JSON"
        raise _unfit(path, why) from error
    if not isinstance(found, dict) or (found.get("schema"), found.get("design")) != (SCHEMA, DESIGN):
        raise _unfit(path, f"it is no analysis of the design {DESIGN}")
    systems = found.get("systems", {})
    for name in filter(None, (test.system, NATURAL, test.against)):
        if name not in systems:
            raise _unfit(path, f"it has no votes on {name!r}")
    try:
        return _measured(found, test, hashlib.sha256(raw).hexdigest()[:16])
    except (KeyError, TypeError) as error:
        raise _unfit(path, f"it lacks {error}") from error


def _measured(found: Mapping[str, Any], test: Listening, sha256: str) -> Measured:
    own = found["systems"][test.system]
    value, ends = own["mean"], own["intervals"]["twoway"]
    if test.against:
        pair = next(one for one in found["pairs"] if {one["a"], one["b"]} == {test.system, test.against})
        sign = 1 if pair["a"] == test.system else -1
        value = sign * pair["twoway"]["diff"]
        low, high = (pair["twoway"][name] for name in ("low", "high"))
        ends = {"low": low, "high": high} if sign > 0 or low is None else {"low": -high, "high": -low}
    subject = f"{own['raters']} raters, {own['items']} sentences (ratings.json {sha256})"
    means = {f"MOS of {name}": float(one["mean"]) for name, one in found["systems"].items()}
    return Measured(value, ends["low"], ends["high"], own["n"], "votes", subject, details=means)


def _unfit(path: Path, why: str) -> DataError:
    expected = f"ratings.json of `gsv-lab ratings --design {DESIGN}` with natural speech among the systems"
    return DataError("RATINGS_UNFIT", f"{path.name!r} does not fit the claim: {why}", expected)
