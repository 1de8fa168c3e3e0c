"""The file of claims: what documents say of this system in numbers, how it could be settled, and where they disagree.

    sources:        key -> title of a document
    claims:         what one or several of them say
    contradictions: what they say differently

Everything is compared with the dataclasses of this file when it is read, and texts may not be empty.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.claims import clock, sizes, tools, voices
from gsv_lab.evaluation.claims.measured import MEASURES
from gsv_lab.evaluation.claims.rule import Direction, Threshold, accepted
from gsv_lab.system.config import LARGEST
from gsv_lab.system.files import check_folder_name, read_file, why_unreadable
from gsv_lab.system.ranges import NonNegativeInt
from gsv_lab.system.schema import misfit
from gsv_lab.system.shipped import shipped
from gsv_lab.system.yaml_text import check_text, read_text

CLAIMS = Path("configs/claims.yaml")
MEASURING = (clock, sizes, tools, voices)
"""Modules whose measures are registered once they are imported."""
Corpus = Literal["", "ljspeech", "vctk"]


@dataclass(frozen=True)
class Bound:
    """A number that something is said to reach: `direction` and `threshold` as in `rule`, and the unit."""

    direction: Direction
    threshold: Threshold
    unit: str


@dataclass(frozen=True)
class Nearest:
    """The nearest claim that can be measured: its text, what it asks for, and the name of the measure."""

    text: str
    bound: Bound
    measure: str


@dataclass(frozen=True)
class Needs:
    """What it takes to settle a claim.

    Args:
        data: recordings, weights or records.
        raters: people who listen; 0 where none are needed.
        sentences: that they judge of every system.
        machine: part of a graphics card's name, `GPU` for any; empty where it does not matter.
        model: a released family, where other weights would not do.
        steps: of a fine-tuning, where those of the scale would not do.
    """

    data: str
    raters: NonNegativeInt = 0
    sentences: NonNegativeInt = 0
    machine: str = ""
    model: str = ""
    steps: NonNegativeInt = 0


@dataclass(frozen=True)
class Listening:
    """The test of a claim that needs ears: which condition is judged by ACR, and against which system it is claimed to
    be better; empty where its mean alone counts.
    """

    system: Literal["zero_shot", "fine_tuned"]
    against: str = ""


@dataclass(frozen=True)
class Claim:
    """One thing that is said in numbers.

    Args:
        id: its name on the command line and in results.
        text: what is said.
        sources: keys of the documents that say it.
        protocol: how it is measured.
        settles: what would settle it, either way.
        needs: what that takes.
        bound: the number that is said; None where the documents name none.
        measure: name of the measure that decides it; empty where there is none.
        corpus: that it is about; empty where any recording will do.
        unmeasurable: why it cannot be measured as it is stated; empty where it can.
        nearest: what can be measured in its place.
        listening: the test by ears.
    """

    id: str
    text: str
    sources: list[str]
    protocol: str
    settles: str
    needs: Needs
    bound: Bound | None = None
    measure: str = ""
    corpus: Corpus = ""
    unmeasurable: str = ""
    nearest: Nearest | None = None
    listening: Listening | None = None

    @property
    def measured_by(self) -> str:
        """The measure that this claim asks for, its own or that of the nearest claim; empty where there is none."""
        return self.measure or (self.nearest.measure if self.nearest else "")


@dataclass(frozen=True)
class Said:
    """What one document says of a topic."""

    source: str
    text: str


@dataclass(frozen=True)
class Contradiction:
    """What the documents say differently.

    Args:
        id: its name in results.
        topic: what it is about.
        says: who says what.
        settles: what would settle it.
        kit: what this kit does.
        claims: ids of claims that are about it.
        measures: counts that say something of it.
    """

    id: str
    topic: str
    says: list[Said]
    settles: str
    kit: str
    claims: list[str] = field(default_factory=list)
    measures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ClaimFile:
    """All of the file, and its hash."""

    sources: dict[str, str]
    claims: tuple[Claim, ...]
    contradictions: tuple[Contradiction, ...]
    sha256: str

    def chosen(self, ids: Sequence[str]) -> ClaimFile:
        """The claims of some ids, in the order of the file, and the contradictions that are about them; all if empty.

        Raises:
            ConfigError: `CLAIM_UNKNOWN`, with the nearest id.
        """
        known = [claim.id for claim in self.claims]
        for name in ids:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1, 0.4)
                expected = f"'{near[0]}' perhaps" if near else ", ".join(known)
                raise ConfigError("CLAIM_UNKNOWN", f"There is no claim {name!r:.60}", expected)
        wanted = set(ids or known)
        claims = tuple(claim for claim in self.claims if claim.id in wanted)
        about = tuple(one for one in self.contradictions if not ids or wanted & set(one.claims))
        return ClaimFile(self.sources, claims, about, self.sha256)

    def titles(self, keys: Iterable[str]) -> list[str]:
        """Titles of documents."""
        return [self.sources[key] for key in keys]


def read_claims(path: str | Path = CLAIMS) -> ClaimFile:
    """Read and check a file of claims.

    Raises:
        ConfigError: `CONFIG_MISSING`; `CONFIG_TYPE`, an entry lacks something, has something of another kind, or names
            a document, claim or measure that there is not; `CONFIG_UNKNOWN_KEY`, an id twice; those of `check_text`.
    """
    path = shipped(path)
    try:
        raw = read_file(path, LARGEST)
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"Cannot read {path.name!r}: {why_unreadable(error)}"
        raise ConfigError("CONFIG_MISSING", problem, "a YAML file in UTF-8") from error
    check_text(text, path.name)
    content = read_text(text, path.name)
    parts: dict[str, Any] = {
        "sources": dict[str, str],
        "claims": list[Claim],
        "contradictions": list[Contradiction],
    }
    if not isinstance(content, dict) or set(content) != set(parts):
        raise ConfigError("CONFIG_TYPE", f"{path.name!r} has other entries", ", ".join(parts))
    for name, hint in parts.items():
        _refuse(misfit(content[name], hint, name))
    sources = content["sources"]
    claims = tuple(_claim(row) for row in content["claims"])
    contradictions = tuple(
        Contradiction(**{**row, "says": [Said(**one) for one in row["says"]]}) for row in content["contradictions"]
    )
    made = ClaimFile(sources, claims, contradictions, hashlib.sha256(raw).hexdigest())
    _check(made)
    return made


def _claim(row: dict[str, Any]) -> Claim:
    """A claim of a row whose types are right."""
    nearest, listening = row.get("nearest"), row.get("listening")
    made = dict(row)
    made["needs"] = Needs(**row["needs"])
    made["bound"] = None if row.get("bound") is None else Bound(**row["bound"])
    made["nearest"] = None if nearest is None else Nearest(**{**nearest, "bound": Bound(**nearest["bound"])})
    made["listening"] = None if listening is None else Listening(**listening)
    return Claim(**made)


def _check(made: ClaimFile) -> None:
    """Refuse empty texts, ids that are no names or stand twice, and names of what there is not."""
    seen: set[str] = set()
    entries: list[Claim | Contradiction] = [*made.claims, *made.contradictions]
    for entry in entries:
        check_folder_name(entry.id, "An id of the claims")
        if entry.id in seen:
            raise ConfigError("CONFIG_UNKNOWN_KEY", f"There are two entries {entry.id!r}", "each id once")
        seen.add(entry.id)
        for name in _texts(entry):
            _refuse(f"{entry.id} has an empty '{name}'")
    ids = {claim.id for claim in made.claims}
    for claim in made.claims:
        _check_claim(claim, made.sources)
    for one in made.contradictions:
        if len(one.says) < 2:
            _refuse(f"{one.id} does not say what contradicts what")
        _known(one.id, [said.source for said in one.says], made.sources, "document")
        _known(one.id, one.claims, ids, "claim")
        _known(one.id, one.measures, MEASURES, "measure")


def _check_claim(claim: Claim, sources: Collection[str]) -> None:
    if not claim.sources:
        _refuse(f"{claim.id} has no document that says it")
    _known(claim.id, claim.sources, sources, "document")
    _known(claim.id, [claim.measured_by] if claim.measured_by else [], MEASURES, "measure")
    if claim.measure and (claim.nearest or claim.unmeasurable or claim.bound is None):
        _refuse(f"{claim.id} has a measure, and so it needs a bound, and nothing in its place")
    if claim.listening and (claim.bound is None or not claim.needs.raters or not claim.needs.sentences):
        _refuse(f"{claim.id} has a listening test without a bound, raters or sentences")
    for bound in (claim.bound, claim.nearest.bound if claim.nearest else None):
        try:
            if bound is not None:
                accepted(bound.direction, bound.threshold)
        except ValueError as error:
            _refuse(f"{claim.id}: {error}")


def _texts(entry: Claim | Contradiction) -> Iterator[str]:
    """Names of the texts of an entry that are empty and must not be."""
    optional = {"measure", "corpus", "unmeasurable"}
    for one in fields(entry):
        value = getattr(entry, one.name)
        if isinstance(value, str) and one.name not in optional and not value.strip():
            yield one.name
    if isinstance(entry, Claim) and not entry.needs.data.strip():
        yield "needs.data"


def _known(where: str, names: Iterable[str], known: Collection[str], what: str) -> None:
    for name in names:
        if name not in known:
            _refuse(f"{where} names the {what} {name!r:.60}, which is none of {', '.join(known)}")


def _refuse(problem: str) -> None:
    """Raise if something is wrong."""
    if problem:
        raise ConfigError(
            "CONFIG_TYPE", f"The claims are not usable: {problem}", "what docs/claims.md shows", "Correct the file"
        )
