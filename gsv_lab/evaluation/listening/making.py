"""From clips to a folder that one listens with: the test, its key, the stimuli, the page, and a word to who runs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from gsv_lab import __version__
from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.items import NATURAL
from gsv_lab.evaluation.listening.design import ANCHORS, REFERENCE, Page, Request, Source, check, plan
from gsv_lab.evaluation.listening.files import (
    KEY,
    KEY_FORMAT,
    STIMULI,
    TEST,
    TEST_FORMAT,
    Test,
    sealed,
    to_bytes,
)
from gsv_lab.evaluation.listening.guide import guide
from gsv_lab.evaluation.listening.methods import ALL, method_of
from gsv_lab.evaluation.listening.page import MOST_EMBEDDED, panel_page
from gsv_lab.evaluation.listening.texts import TEXTS, checked
from gsv_lab.system.files import save_bytes
from gsv_lab.system.folders import check_output_folder, new_folder
from gsv_lab.system.seeds import check_seed

if TYPE_CHECKING:
    from gsv_lab.evaluation.listening.stimuli import Stimuli

PAGE, GUIDE = "panel.html", "README.md"
SUFFIXES = ("flac", "wav")
SCREENING = {
    "gold": "who misses a gold item by more than 1",
    "trap": "who misses a trap",
    "same-button": "whose votes have a variance below 0.1",
    "panel-correlation": "whose votes correlate with the means of all others by less than 0.7",
    "hidden-reference": "who puts the hidden reference below 90 on more than 15 % of the items",
    "bt500": "who lies far off too often and on both sides (ITU-R BT.500)",
    "outlying-votes": "single votes more than 3.29 standard deviations from the mean of their system",
}
"""Rules that can be decided on beforehand, by the names that the analysis knows: who, or what, is left out."""


@dataclass(frozen=True)
class Options:
    """How a test is made.

    Attributes:
        reference: system that is the reference; if none is named, the one called `reference`, else `natural`.
        natural: systems that are recordings of people; all others are synthetic, and the panel says so.
        anchors: of `gsv_lab.evaluation.listening.design.ANCHORS`; None for both in MUSHRA and none elsewhere.
        against: the system that all others are compared with in ccr, ab and abx; empty for all pairs.
        blocks: that a rater hears, each with every item once; 0 for all, which is everything.
        gold: pages of each rater whose answer is known within a step.
        traps: pages of each rater that end in tones to be counted.
        repeats: pages of each rater that come again.
        no_preference: AB has a third answer.
        bandwidth: `lowest`, or `refuse` clips that differ.
        suffix: `flac` or `wav`.
        texts: that replace those of `gsv_lab.evaluation.listening.texts`.
        embedded: bytes of sound that the page holds; more lie beside it.
    """

    reference: str = ""
    natural: tuple[str, ...] = (NATURAL, REFERENCE)
    anchors: tuple[str, ...] | None = None
    against: str = ""
    blocks: int = 0
    gold: int = 0
    traps: int = 0
    repeats: int = 0
    no_preference: bool = False
    bandwidth: str = "lowest"
    suffix: str = "flac"
    texts: Mapping[str, str] = field(default_factory=dict)
    embedded: int = MOST_EMBEDDED


@dataclass(frozen=True)
class Decisions:
    """What is decided before any vote, and stands in the test from then on.

    Attributes:
        screening: rules of `SCREENING`; None for those that the test was given something for: gold items, traps, a
            hidden reference.
        primary_contrast: the two systems whose difference is the claim, the first minus the second; None for none.
        primary_interval: name of the interval that counts.
    """

    screening: tuple[str, ...] | None = None
    primary_contrast: tuple[str, str] | None = None
    primary_interval: str = "two-way"


def make(
    clips: str | Path | Iterable[str | Path] | Mapping[tuple[str, str], Path],
    output: str | Path,
    design: str,
    raters: int = 20,
    seed: int = 0,
    options: Options | None = None,
    decisions: Decisions | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Path:
    """A listening test from clips: `test.json`, `key.json`, `stimuli/`, `panel.html`, `README.md`.

    Args:
        clips: a list `item|system|path`, a folder with one folder for each system, `SYSTEM=FOLDER`, several of
            these, or files by item and system; see `gsv_lab.evaluation.listening.clips`.
        output: new folder.
        design: `acr`, `smos`, `ccr`, `mushra`, `mushra-nmr`, `ab` or `abx`.
        raters: places; more raters than places begin again with the first.
        seed: of everything that is drawn; who knows it and the clips can make the key.
        options: see `Options`.
        decisions: see `Decisions`.
        progress: called with (done, of how many, what comes now) while clips are read.

    Returns:
        `output`.

    Raises:
        ConfigError: `LISTEN_DESIGN`, `LISTEN_SYSTEMS`, `LISTEN_TEXTS`, `PARAM_RANGE`.
        DataError: those of `gsv_lab.evaluation.listening.clips.read_clips`.
        AudioError: those of `gsv_lab.evaluation.listening.stimuli.Stimuli`.
        LabError: `OUTPUT_EXISTS`, `SAVE_FAILED`; nothing is left half-made.
    """
    from gsv_lab.evaluation.listening.clips import names_of, read_clips
    from gsv_lab.evaluation.listening.stimuli import Stimuli

    options, decisions = options or Options(), decisions or Decisions()
    check_output_folder(output)
    if options.suffix not in SUFFIXES:
        raise ConfigError("PARAM_RANGE", f"suffix is {options.suffix!r:.40}", " or ".join(SUFFIXES))
    method_of(design)
    texts = checked(options.texts)
    found = read_clips(clips)
    request = _request(design, *names_of(found), raters, check_seed(seed), options)
    check(request)
    _check_decisions(decisions, request)
    places = plan(request)
    sounds = Stimuli(found, request.base, options.natural, options.bandwidth, progress)
    with new_folder(output) as folder:
        _write(folder, request, places, sounds, options, _said(request, places, texts, options), decisions)
    return Path(output)


def _request(
    design: str, items: tuple[str, ...], systems: tuple[str, ...], raters: int, seed: int, options: Options
) -> Request:
    """The request, with what was left open filled in."""
    page = method_of(design).page
    usual = [name for name in (REFERENCE, NATURAL) if name in systems]
    reference = options.reference or (usual[0] if usual else "")
    anchors = (tuple(ANCHORS) if page == ALL else ()) if options.anchors is None else options.anchors
    return Request(
        design, items, systems, reference, tuple(dict.fromkeys(anchors)), options.against, raters, seed, options.blocks,
        options.gold, options.traps, options.repeats, options.no_preference,
    )  # fmt: skip


def _check_decisions(decisions: Decisions, request: Request) -> None:
    for name in decisions.screening or ():
        if name not in SCREENING:
            raise ConfigError("LISTEN_DESIGN", f"There is no rule {name!r:.60} of screening", ", ".join(SCREENING))
    known = (*request.systems, *request.anchors)
    contrast = decisions.primary_contrast
    if contrast is not None and (len(contrast) != 2 or contrast[0] == contrast[1] or not {*contrast} <= {*known}):
        problem = f"The primary contrast is {' and '.join(map(repr, contrast)):.100}"
        raise ConfigError("LISTEN_SYSTEMS", problem, f"two of {', '.join(known)}")
    if not re.fullmatch(r"[a-z0-9_-]{1,40}", decisions.primary_interval):
        raise ConfigError("PARAM_RANGE", f"The primary interval is {decisions.primary_interval!r:.60}", "a name")


def _screening(decisions: Decisions, request: Request) -> list[str]:
    """The rules that were chosen, or that follow from what is in the test."""
    if decisions.screening is not None:
        return list(decisions.screening)
    there = {"gold": request.gold, "trap": request.traps, "hidden-reference": request.method.page == ALL}
    return [name for name, has in there.items() if has]


def _said(request: Request, places: list[list[Page]], texts: Mapping[str, str], options: Options) -> dict[str, str]:
    """All words of the panel; those of what is not in the test are empty."""
    systems = {source.system for source in _sources(places)}
    heard = {request.base if name in ANCHORS else name for name in systems}
    labels = [label for _, label in request.choices] or list(request.method.bands)
    said = TEXTS | {"question": request.method.question, "scale": "|".join(labels)} | texts
    if len(said["scale"].split("|")) != len(labels):
        problem = f"The text 'scale' is {said['scale']!r:.100}"
        raise ConfigError("LISTEN_TEXTS", problem, f"{len(labels)} labels with | between")
    if heard <= {*options.natural}:
        said["synthetic"] = ""
    if not request.traps:
        said["tones"] = ""
    return said


def _sources(places: list[list[Page]]) -> list[Source]:
    return sorted({source for pages in places for page in pages for _, source in page.clips})


def _write(
    folder: Path,
    request: Request,
    places: list[list[Page]],
    sounds: Stimuli,
    options: Options,
    texts: Mapping[str, str],
    decisions: Decisions,
) -> None:
    """Everything into a folder."""
    stimuli = _numbered("s", _sources(places), request.seed)
    numbers = iter(_numbered("p", list(range(sum(map(len, places)))), request.seed).values())
    named = [[(next(numbers), page) for page in pages] for pages in places]
    codes = _numbered("c", sorted({*request.systems, *request.anchors}), request.seed)
    (folder / STIMULI).mkdir()
    contents: dict[str, bytes] = {}
    files: dict[str, Any] = {}
    for source, name in stimuli.items():
        contents[name], seconds, digest = sounds.encoded(source, f".{options.suffix}")
        files[name] = {"file": f"{name}.{options.suffix}", "seconds": round(seconds, 4), "sha256": digest}
        save_bytes(folder / STIMULI / f"{name}.{options.suffix}", contents[name])
    test = _test(request, named, stimuli, files, texts, decisions, codes)
    save_bytes(folder / TEST, to_bytes(test))
    save_bytes(folder / KEY, to_bytes(_key(request, named, stimuli, test, options, codes)))
    save_bytes(folder / PAGE, panel_page(Test(test), contents, options.embedded).encode())
    beside = sum(map(len, contents.values())) > options.embedded
    seconds_of = {source: files[name]["seconds"] for source, name in stimuli.items()}
    about = guide(
        request, places, _screening(decisions, request), decisions.primary_contrast, sounds, seconds_of, beside
    )
    save_bytes(folder / GUIDE, about.encode())


def _test(
    request: Request,
    named: list[list[tuple[str, Page]]],
    stimuli: Mapping[Source, str],
    files: Mapping[str, Any],
    texts: Mapping[str, str],
    decisions: Decisions,
    codes: Mapping[str, str],
) -> dict[str, Any]:
    """The content of the test."""
    contrast = decisions.primary_contrast
    labels = texts["scale"].split("|")
    return sealed({
        "format": TEST_FORMAT,
        "design": request.design,
        "kit": __version__,
        "texts": texts,
        "scale": {
            "choices": [
                {"value": value, "label": label} for (value, _), label in zip(request.choices, labels, strict=False)
            ],
            "bands": [] if request.choices else labels,
        },
        "decisions": {
            "screening": _screening(decisions, request),
            "primary_contrast": None if contrast is None else [codes[name] for name in contrast],
            "primary_interval": decisions.primary_interval,
        },
        "stimuli": dict(sorted(files.items())),
        "places": [[_shown(page, name, stimuli, texts, request) for name, page in pages] for pages in named],
    })  # fmt: skip


def _key(
    request: Request,
    named: list[list[tuple[str, Page]]],
    stimuli: Mapping[Source, str],
    test: Mapping[str, Any],
    options: Options,
    codes: Mapping[str, str],
) -> dict[str, Any]:
    """The content of the key."""
    return sealed({
        "format": KEY_FORMAT,
        "test": test,
        "seed": request.seed,
        "systems": {code: name for name, code in codes.items()},
        "order": list(request.systems),
        "reference": request.reference,
        "anchors": list(request.anchors),
        "synthetic": [name for name in request.systems if name not in options.natural],
        "stimuli": {name: source._asdict() for source, name in stimuli.items()},
        "pages": {name: {"role": page.role, "right": list(page.right)} for pages in named for name, page in pages},
    })  # fmt: skip


def _numbered(letter: str, things: list[Any], seed: int) -> dict[Any, str]:
    """A number for each thing, in an order that was drawn."""
    drawn = Random(f"{seed} numbers {letter}").sample(things, len(things))
    width = len(str(len(things)))
    return {thing: f"{letter}{number:0{width}d}" for number, thing in enumerate(drawn, 1)}


def _shown(
    page: Page, name: str, stimuli: Mapping[Source, str], texts: Mapping[str, str], request: Request
) -> dict[str, Any]:
    """A page as panels know it."""
    clips = [
        {"stimulus": stimuli[source], "label": texts.get(label) or texts["clip"].replace("{label}", label)}
        for label, source in page.clips
    ]
    every = [clip["stimulus"] for clip in clips]
    questions = [{"name": "answer", "label": "", "needs": every}]
    if request.method.page == ALL:
        mentioned = [stimuli[source] for _, source in page.clips if source.form == REFERENCE]
        rated = [clip for clip in clips if clip["stimulus"] not in mentioned]
        questions = [
            {"name": clip["stimulus"], "label": clip["label"], "needs": [*mentioned, clip["stimulus"]]}
            for clip in rated
        ]
    return {"id": name, "block": page.block, "clips": clips, "questions": questions}
