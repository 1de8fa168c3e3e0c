"""Which measures this installation can make of a list, and for the others the reason why not.

Measures stand in groups, which `gsv-lab evaluate --measures` names. A group offers measures; what is offered is taken
where its packages and weights are there. Nothing is loaded before the first clip is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from gsv_lab.audio.whisper import HOW_TO_GET, is_multilingual, whisper_folders
from gsv_lab.errors import ConfigError, LabError
from gsv_lab.evaluation.lists import LANGUAGES, Item
from gsv_lab.evaluation.measures import Measure, own
from gsv_lab.evaluation.measures.cepstral import CepstralDistortion
from gsv_lab.evaluation.measures.completeness import Completed
from gsv_lab.evaluation.measures.level import Level, QuietShare
from gsv_lab.evaluation.measures.prosody import Prosody
from gsv_lab.evaluation.measures.quality import Dnsmos
from gsv_lab.evaluation.measures.recognisers import (
    PhoneTranscriber,
    PocketSphinx,
    TextRecogniser,
    Whisper,
    whisper_name,
)
from gsv_lab.evaluation.measures.sharing import OnFirstUse
from gsv_lab.evaluation.measures.signal import Pesq, SiSnr, Stoi
from gsv_lab.evaluation.measures.similarity import GE2E, SpeakerEmbedder, SpeakerSimilarity
from gsv_lab.evaluation.measures.tempo import PauseShare, SpeakingRate
from gsv_lab.evaluation.measures.text import UNITS, PhoneErrors, TextErrors
from gsv_lab.evaluation.measures.timing import Durations, SilenceShare

STANDARD_WHISPERS = {"whisper-base": LANGUAGES, "whisper-tiny.en": ("en",)}
"""Recognisers that a table is expected to have, and the languages that they judge; others are used where given."""
_ABSENT = ("EXTRA_MISSING", "WEIGHTS_MISSING")


class Absent(TypedDict):
    """A measure that cannot be made, by whom, and why."""

    measure: str
    evaluator: str
    reason: str


class Offer(NamedTuple):
    """A measure that can be made if its packages and weights are there; else `make` raises and says what is absent."""

    measure: str
    evaluator: str
    make: Callable[[], Measure]


class Setting(NamedTuple):
    """What measures are made for.

    Args:
        items: rows of the list.
        lab: a loaded `Lab` whose own evaluators come first, or None.
        whisper: folder of a Whisper model or of several, or None.
    """

    items: Sequence[Item]
    lab: Any
    whisper: Path | None

    @property
    def languages(self) -> list[str]:
        """Those of the list, in order."""
        return [language for language in LANGUAGES if any(item.language == language for item in self.items)]


def measures_for(
    items: Sequence[Item],
    *,
    lab: Any = None,
    whisper: str | Path | None = None,
    only: Iterable[str] | None = None,
) -> tuple[list[Measure], list[Absent]]:
    """All measures of a list that this installation can make, and those that it cannot.

    Args:
        items: rows of the list.
        lab: a loaded `Lab`; its own phone recognisers and speaker verifier stand before the shipped ones.
        whisper: folder of a Whisper model or of several, see `whisper_folders`.
        only: names out of `GROUPS`; all if None.

    Raises:
        ConfigError: `MEASURE_UNKNOWN`; `MEASURE_DUPLICATE`, two measures of one name and evaluator in a language.
        CheckpointError: the folder has no Whisper model, or an incomplete one.
    """
    wanted = list(GROUPS) if only is None else list(dict.fromkeys(only))
    unknown = [name for name in wanted if name not in GROUPS]
    if unknown:
        raise ConfigError("MEASURE_UNKNOWN", f"There is no measure {unknown[0]!r}", ", ".join(GROUPS))
    setting = Setting(items, lab, None if whisper is None else Path(whisper))
    measures: list[Measure] = []
    absent: list[Absent] = []
    for name in wanted:
        for offer in GROUPS[name](setting):
            try:
                measures.append(offer.make())
            except LabError as error:
                if error.code not in _ABSENT:
                    raise
                absent.append({"measure": offer.measure, "evaluator": offer.evaluator, "reason": str(error)})
    return measures, absent


def always(*kinds: type[Measure]) -> Callable[[Setting], list[Offer]]:
    """A group of measures that know every language; each class has `name` and `evaluator` and needs no arguments."""
    return lambda setting: [Offer(kind.name, kind.evaluator, kind) for kind in kinds]


def by_phones(kind: Any) -> Callable[[Setting], Iterator[Offer]]:
    """A group of one measure for each language: a class with a `name`, made of a language and its phone recogniser."""

    def offers(setting: Setting) -> Iterator[Offer]:
        found, _ = own.recognisers(setting.lab)
        for language in setting.languages:
            make = partial(_phone_measure, kind, language, found.get(language))
            yield Offer(kind.name, f"recogniser_{language}", make)

    return offers


def _phone_measure(kind: Any, language: str, recogniser: PhoneTranscriber | None) -> Measure:
    if recogniser is None:
        problem = f"Weights not supplied: no family has a phone recogniser of {language!r}"
        raise LabError("WEIGHTS_MISSING", problem, f"recogniser_{language}.safetensors in the family's folder")
    made: Measure = kind(language, recogniser)
    return made


def _text(setting: Setting) -> Iterator[Offer]:
    """Words, characters and syllables by the Whisper models of a folder; one of English alone judges English alone."""
    places = [] if setting.whisper is None else whisper_folders(setting.whisper)
    folders = {whisper_name(place): place for place in places}
    if len(folders) < len(places):
        problem = f"{setting.whisper} has two models of one name, out of {', '.join(folders)}"
        raise ConfigError("MEASURE_DUPLICATE", problem, "one folder a model", "Rename one, or give its folder alone")
    judged: dict[str, Sequence[str]] = dict(STANDARD_WHISPERS)
    judged |= {name: LANGUAGES if is_multilingual(place) else ("en",) for name, place in folders.items()}
    for name, languages in judged.items():
        model = OnFirstUse(partial(_whisper, name, folders.get(name)))
        for unit, (language, _) in UNITS.items():
            if language in languages and language in setting.languages:
                yield Offer(f"{unit}_error", name, partial(_text_errors, unit, model))


def _whisper(name: str, folder: Path | None) -> Whisper:
    if folder is None:
        problem = f"Weights not supplied: no folder of {name} was given"
        raise LabError("WEIGHTS_MISSING", problem, "it below --whisper or GSV_LAB_WHISPER", HOW_TO_GET)
    return Whisper(folder)


def _text_errors(unit: str, make: Callable[[], TextRecogniser]) -> Measure:
    return TextErrors(unit, make())


def _words(setting: Setting) -> list[Offer]:
    """English words by pocketsphinx."""
    if "en" not in setting.languages:
        return []
    return [Offer("word_error", PocketSphinx.name, partial(_text_errors, "word", PocketSphinx))]


def _similarity(setting: Setting) -> list[Offer]:
    """By Resemblyzer, and where that is absent by the kit's own verifier."""
    offers = [Offer("similarity", GE2E.name, lambda: SpeakerSimilarity(GE2E(), setting.items))]
    try:
        GE2E()
    except LabError:
        offers.append(
            Offer("similarity", own.VERIFIER, lambda: SpeakerSimilarity(_verifier(setting.lab), setting.items))
        )
    return offers


def _verifier(lab: Any) -> SpeakerEmbedder:
    found = (None if lab is None else own.speaker_verifier(lab)) or own.speaker_verifier()
    if found is None:
        problem = "Weights not supplied: no family has a speaker verifier"
        raise LabError("WEIGHTS_MISSING", problem, "speaker_verifier.safetensors in the family's folder")
    return found


def _timing(setting: Setting) -> Iterator[Offer]:
    """Silence and durations by forced alignment."""
    yield from by_phones(SilenceShare)(setting)
    yield from by_phones(Durations)(setting)


GROUPS: dict[str, Callable[[Setting], Iterable[Offer]]] = {
    "text": _text,
    "words": _words,
    "phones": by_phones(PhoneErrors),
    "similarity": _similarity,
    "quality": always(Dnsmos),
    "prosody": always(Prosody),
    "timing": _timing,
    "completeness": by_phones(Completed),
    "tempo": always(SpeakingRate, PauseShare),
    "signal": always(CepstralDistortion, Stoi, Pesq, SiSnr),
    "level": always(Level, QuietShare),
}
"""What can be measured, by the names of `--measures`; `always` and `by_phones` make a group of a class of measures."""


def register_measure(kind: type[Measure]) -> type[Measure]:
    """A class of measures of your own joins the groups, under its name; it is made without arguments.

    A file that `gsv-lab evaluate --parts FILE.py` names may use it as a decorator.

    Raises:
        ConfigError: `MEASURE_DUPLICATE`, another group has that name.
    """
    if kind.name in GROUPS and kind.name not in _REGISTERED:
        problem = f"The measure {kind.name!r} is called as a group of the kit is"
        raise ConfigError("MEASURE_DUPLICATE", problem, f"none of {', '.join(GROUPS)}", "Choose another name")
    _REGISTERED.add(kind.name)
    GROUPS[kind.name] = always(kind)
    return kind


_REGISTERED: set[str] = set()
