"""The methods of listening tests: what stands on a page, what is asked, and which answers there are."""

from __future__ import annotations

from dataclasses import dataclass

from gsv_lab.errors import ConfigError

Value = int | str
"""An answer among choices: a number, or `first`, `second`, `none` of a pair."""

ONE, BESIDE, PAIR, ALL = "one clip", "a clip beside its reference", "two clips", "all clips of an item"


@dataclass(frozen=True)
class Method:
    """One method.

    Attributes:
        name: as it is chosen.
        about: what it is, with its source.
        page: what stands on a page: `ONE`, `BESIDE`, `PAIR` or `ALL`.
        question: what is asked, in words.
        choices: answers with their labels, from the lowest to the highest; empty where there are sliders.
        bands: labels of a slider from 0 to 100, from the lowest to the highest.
        mentioned: the reference is played and called so.
    """

    name: str
    about: str
    page: str
    question: str
    choices: tuple[tuple[Value, str], ...] = ()
    bands: tuple[str, ...] = ()
    mentioned: bool = False


QUALITY = ("Bad", "Poor", "Fair", "Good", "Excellent")
_LIKENESS = ("Not at all similar", "Slightly similar", "Moderately similar", "Very similar", "Extremely similar")
_COMPARED = ("Much worse", "Worse", "Slightly worse", "About the same", "Slightly better", "Better", "Much better")
NO_PREFERENCE = ("none", "No preference")
"""The third choice of AB, where it is asked for."""

_ALL = (
    Method(
        "acr", "absolute category rating, whose mean is the MOS (ITU-T P.800, annex B)", ONE,
        "How natural does the speech sound?", tuple(enumerate(QUALITY, 1)),
    ),
    Method(
        "smos", "likeness of two voices, whose mean is the SMOS", BESIDE,
        "How similar is the voice of the clip to the voice of the reference? Judge the voice alone, not what is said "
        "and not how well it was recorded.", tuple(enumerate(_LIKENESS, 1)), mentioned=True,
    ),
    Method(
        "ccr", "comparison category rating, whose mean is the CMOS (ITU-T P.800, annex E)", PAIR,
        "How does the second clip sound compared with the first?", tuple(enumerate(_COMPARED, -3)),
    ),
    Method(
        "mushra", "multiple stimuli with hidden reference and anchors (ITU-R BS.1534-3)", ALL,
        "How good is each clip, compared with the reference? One of the clips is the reference itself.",
        bands=QUALITY, mentioned=True,
    ),
    Method(
        "mushra-nmr", "MUSHRA whose reference is among the clips and not mentioned (arXiv:2411.12719)", ALL,
        "How natural does each clip sound?", bands=QUALITY,
    ),
    Method(
        "ab", "preference between two clips", PAIR, "Which of the two clips sounds more natural?",
        (("first", "A"), ("second", "B")),
    ),
    Method(
        "abx", "which of two clips a third one is", PAIR, "X is one of the two clips A and B. Which one is it?",
        (("first", "X is A"), ("second", "X is B")),
    ),
)  # fmt: skip
METHODS = {method.name: method for method in _ALL}
ANALYSED = {"mushra-nmr": "mushra", "ab": "pairs"}
"""Methods whose votes `gsv-lab ratings` analyses by a design of another name."""


def method_of(name: str) -> Method:
    """A method by its name.

    Raises:
        ConfigError: `LISTEN_DESIGN`.
    """
    if name not in METHODS:
        raise ConfigError("LISTEN_DESIGN", f"There is no design {name!r:.60}", ", ".join(METHODS))
    return METHODS[name]
