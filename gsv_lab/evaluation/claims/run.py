"""A run over claims: what can be measured is, each claim gets a verdict, and all of it is written down.

    results = reproduce("claims", ["gpt-below-100m"])

Written into the folder: `results.json` (byte-identical for the same seed on one kind of machine), `timing.json` (all
that comes from a clock or a machine), `report.html`, `claims.md`, listening tests in `listening`, and in `work` what
was spoken and tuned. A run that was stopped goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gsv_lab.corpora.clip_lists import clip_hash
from gsv_lab.errors import ConfigError, LabError
from gsv_lab.evaluation.claims.entries import Outcome, Place, contradiction, entry
from gsv_lab.evaluation.claims.file import Claim, ClaimFile, read_claims
from gsv_lab.evaluation.claims.markdown import markdown
from gsv_lab.evaluation.claims.material import Material
from gsv_lab.evaluation.claims.measured import MEASURES, Measured
from gsv_lab.evaluation.claims.packs import make_pack, read_ratings
from gsv_lab.evaluation.claims.report import report_page
from gsv_lab.evaluation.items import TestList
from gsv_lab.evaluation.ratings.plain import as_json
from gsv_lab.system.environment import clock
from gsv_lab.system.files import make_folder, save_bytes
from gsv_lab.system.folders import locked
from gsv_lab.system.provenance import provenance

SCHEMA = 1
RESULTS, TIMING, PAGE, TABLE = "results.json", "timing.json", "report.html", "claims.md"
ABSENT = ("EXTRA_MISSING", "WEIGHTS_MISSING", "PROTOCOL_INCOMPLETE")
"""Codes of what an installation or a corpus lacks: the claim is then not measured, and says why."""

Progress = Callable[[int, int, str], None]
"""Called before each measure: how many are done, of how many, and which is next."""


def reproduce(
    material: Material,
    ids: Sequence[str] = (),
    *,
    ratings: Mapping[str, Path] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure what can be measured of the claims, and write results, timing, report and table.

    Args:
        material: corpora, model, seed and scale, and the folder of the run.
        ids: claims; all if empty.
        ratings: claim -> `ratings.json` of its listening test.
        progress: called before each measure.

    Returns:
        what `results.json` holds.

    Raises:
        ConfigError: `CLAIM_UNKNOWN`; `USAGE`, a corpus, a system or ratings that no chosen claim has a use for.
        DataError: `DATA_LEAK`, material trained the model or tuned the voice; `RATINGS_UNFIT`; those of corpora.
        LabError: `SAVE_FAILED`; `IN_USE`, another run writes into the folder.
    """
    file, given = read_claims().chosen(ids), dict(ratings or {})
    _check_use(file, material, given)
    rated = {claim.id: _rated(claim, given[claim.id]) for claim in file.claims if claim.id in given}
    with locked(make_folder(material.folder), "reproduced in"):
        start = time.perf_counter()
        for name in material.corpora:
            material.recorded(name)  # refused before anything is measured
        names = _measures(file)
        found, absent, seconds = _measured(names, material, progress)
        outcomes = {}
        for claim in file.claims:
            outcomes[claim.id] = _outcome(claim, rated.get(claim.id), found, absent, material)
        results, timed = _results(file, outcomes, found, material)
        timing = _timing(material, timed, seconds, time.perf_counter() - start)
        save_bytes(material.folder / RESULTS, as_json(results))
        save_bytes(material.folder / TIMING, as_json(timing))
        save_bytes(material.folder / TABLE, markdown(results, timing).encode())
        save_bytes(material.folder / PAGE, report_page(results, timing).encode())
    return results


def _check_use(file: ClaimFile, material: Material, ratings: Mapping[str, Path]) -> None:
    """Refuse what no chosen claim has a use for."""
    corpora = {claim.corpus for claim in file.claims if claim.corpus}
    rivals = {claim.listening.against for claim in file.claims if claim.listening and claim.listening.against}
    judged = {claim.id for claim in file.claims if claim.listening}
    for option, names, known in (
        ("--corpus", material.corpora, corpora),
        ("--system", material.systems, rivals),
        ("--ratings", ratings, judged),
    ):
        for name in names:
            if name not in known:
                expected = " or ".join(sorted(known)) or "none with these claims"
                raise ConfigError("USAGE", f"{option} names {name!r:.60}, which no chosen claim is about", expected)


def _rated(claim: Claim, path: Path) -> Measured:
    assert claim.listening is not None  # seen to by `_check_use`
    return read_ratings(path, claim.listening)


def _measures(file: ClaimFile) -> list[str]:
    """Names of the measures that are asked for, each once; those of a clock last, when everything is loaded."""
    names = [claim.measured_by for claim in file.claims]
    names += [name for one in file.contradictions for name in one.measures]
    return sorted(dict.fromkeys(filter(None, names)), key=lambda name: MEASURES[name].clock)


def _measured(
    names: Iterable[str], material: Material, progress: Progress | None
) -> tuple[dict[str, Measured], dict[str, str], dict[str, float]]:
    """What every measure found, why others found nothing, and how long each took."""
    found, absent, seconds = {}, {}, {}
    wanted = list(names)
    for done, name in enumerate(wanted):
        if progress is not None:
            progress(done, len(wanted), name)
        start = time.perf_counter()
        try:
            found[name] = MEASURES[name].run(material)
        except LabError as error:
            if error.code not in ABSENT:
                raise
            absent[name] = str(error)
        seconds[name] = round(time.perf_counter() - start, 2)
    return found, absent, seconds


def _outcome(
    claim: Claim,
    rated: Measured | None,
    found: Mapping[str, Measured],
    absent: Mapping[str, str],
    material: Material,
) -> Outcome:
    pack = make_pack(material, claim, claim.listening) if claim.listening and rated is None else None
    name = claim.measured_by
    return Outcome(rated or found.get(name), absent.get(name, ""), rated is not None, pack)


def _results(
    file: ClaimFile, outcomes: Mapping[str, Outcome], found: Mapping[str, Measured], material: Material
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `results.json` holds, and what `timing.json` says of claims."""
    claims, timed = {}, {}
    place = Place(material.card, material.released)
    for claim in file.claims:
        claims[claim.id], timing = entry(claim, outcomes[claim.id], file, place)
        if timing is not None:
            timed[claim.id] = timing
    return {
        "schema": SCHEMA,
        "file": file.sha256,
        "settings": {"scale": material.scale._asdict(), "seed": material.seed, "model": material.model},
        "weights": material.weights,
        "recordings": {name: _recordings(name, material) for name in sorted(material.all_recorded)},
        "claims": claims,
        "contradictions": {one.id: contradiction(one, file, found) for one in file.contradictions},
    }, timed


def _recordings(name: str, material: Material) -> dict[str, Any]:
    """What was measured on: hashes of every clip, recorded or spoken."""
    recorded, spoken = material.all_recorded[name], material.all_spoken.get(name)
    made = {}
    for system in spoken.systems[1:] if spoken else ():
        there = [sample.path for sample in system.samples if sample.path is not None and sample.path.is_file()]
        made[system.name] = {path.name: clip_hash(path) for path in there}
    return {
        "subject": recorded.subject,
        "list": recorded.listed.sha256,
        "missing": list(recorded.missing),
        "demonstration": recorded.demonstration,
        "clips": _clips(recorded.listed),
        "tuned_on": [[clip.hash for clip in voice.tuned_on] for voice in spoken.voices] if spoken else [],
        "spoken": made,
        "figures": spoken.results["figures"] if spoken else [],
    }


def _clips(listed: TestList) -> dict[str, str]:
    both = [clip for item in listed.items for clip in (item.reference, item.target) if clip is not None]
    return {clip.key: clip_hash(clip.path) for clip in both}


def _timing(material: Material, timed: Mapping[str, Any], seconds: Mapping[str, float], whole: float) -> dict[str, Any]:
    return {
        **provenance(),
        "date": clock().date().isoformat(),
        "device": material.card or "cpu",
        "precision": material.precision,
        "seconds": round(whole, 2),
        "measure_seconds": dict(seconds),
        "claims": dict(timed),
    }
