"""Checks on the chain of links, of notebook 06: which one loses the words?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gsv_lab.teaching.exercises.answers import named
from gsv_lab.teaching.exercises.card import OPEN, exercise, expect

NAMES = {
    "recogniser": ("recognisers", "recognizer", "recording", "recordings", "natural", "none", "no link", "measure"),
    "vocoder": ("posterior", "posterior and vocoder", "vocoder and posterior", "copy synthesis"),
    "prior": ("flow", "prior and flow", "flow and prior"),
    "gpt": ("semantic gpt", "the gpt", "timing", "semantic_gpt"),
}
"""Each link with what else it may be called."""


class Chain(NamedTuple):
    """Share of words lost, in percent, by four conditions, each with one more link of the kit in place of nature."""

    natural: float
    copy_synthesis: float
    true_codes: float
    zero_shot: float


SYSTEMS = {
    "A": (Chain(6, 8.3, 36.5, 39.3), "prior"),
    "B": (Chain(5, 43, 47, 49), "vocoder"),
    "C": (Chain(6, 9, 13, 52), "gpt"),
    "D": (Chain(39, 41, 42, 44), "recogniser"),
}
"""Name -> what was measured, and the link that it points to. A is nano-5, English by Whisper base (docs/results.md,
docs/nano_method.md); the others are made up for the exercise."""
_BEFORE = {"vocoder": "natural", "prior": "copy_synthesis", "gpt": "true_codes"}
_AFTER = {"vocoder": "copy_synthesis", "prior": "true_codes", "gpt": "zero_shot"}


def table() -> str:
    """The numbers of all systems as text."""
    head = f"{'':3}{'natural':>9}{'copy synthesis':>16}{'true codes':>12}{'zero-shot':>11}"
    rows = [
        f"{name:3}{chain.natural:>9g}{chain.copy_synthesis:>16g}{chain.true_codes:>12g}{chain.zero_shot:>11g}"
        for name, (chain, _) in SYSTEMS.items()
    ]
    return "\n".join([head, *rows])


@exercise(
    "Name the broken link",
    "Go from left to right, and subtract each number from the next. The links are cut open between two numbers.",
    "Natural to copy synthesis: posterior and vocoder. Copy to true codes: prior and flow. True codes to zero-shot: "
    "SemanticGPT. If natural speech itself is badly understood, suspect the one who listens.",
)
def name_links(answer: Mapping[str, Any]) -> str:
    """`{"A": ..., ...}`: for each system `"recogniser"`, `"vocoder"`, `"prior"` or `"gpt"`."""
    expect(isinstance(answer, Mapping), "A dictionary: `{'A': 'vocoder', ...}`.")
    expect(any(value is not None and value is not ... for value in answer.values()), OPEN)
    missing = [name for name in SYSTEMS if answer.get(name) is None or answer[name] is ...]
    expect(not missing, f"{', '.join(missing)} is still without an answer.")
    given = {name: named(answer[name], NAMES) for name in SYSTEMS}
    expect(len(set(given.values())) > 1, "All the same? The last number is large in each, but it is the sum of a way.")
    right = {name: link for name, (_, link) in SYSTEMS.items()}
    absolute = "You named the step with the largest number, and that is always the last one. Whose step up is largest?"
    ends = {name: "gpt" if name != "D" else given[name] for name in SYSTEMS}
    expect(given != ends, absolute)
    for name, link in given.items():
        expect(link == right[name], _reading(name, link))
    return "Each condition takes one more thing away from nature, so the largest step shows where it is lost."


def _reading(name: str, link: str) -> str:
    """What is said against one wrong link."""
    chain, right = SYSTEMS[name]
    if right == "recogniser":
        return f"{name}: a recording itself loses {chain.natural:g} %. No link was at work yet. Who is left?"
    rise = getattr(chain, _AFTER[right]) - getattr(chain, _BEFORE[right])
    if link == "recogniser":
        return (
            f"{name}: of natural speech {chain.natural:g} % is lost, so whoever listens can hear. Go on to the right."
        )
    own = getattr(chain, _AFTER[link]) - getattr(chain, _BEFORE[link])
    order = list(_AFTER)
    if order.index(link) < order.index(right):
        return (
            f"{name}: up to there only {own:.1f} points were lost. Nothing is broken yet; the large step comes later."
        )
    return f"{name}: {own:.1f} points are lost there, but {rise:.1f} before it. What comes in broken cannot be mended."


@exercise(
    "Before you listen: what can the voice not do without?",
    "In training half of the windows had no codes. No window was without phones.",
    "What was sometimes missing in training may be missing now. What was always there may not.",
)
def needed(answer: str) -> str:
    """Which exchange costs the most phones: `"copy"`, `"no codes"`, `"no phones"` or `"predicted codes"`."""
    names = {
        "copy": ("copy synthesis", "vocoder"),
        "no codes": ("phones only", "phones without codes", "codes"),
        "no phones": ("codes only", "codes without phones", "phones", "text", "no text"),
        "predicted codes": ("zero-shot", "gpt", "predicted"),
    }
    hints = {
        "copy": "A copy has the recording's own latent: only posterior and vocoder are at work. What could be lost?",
        "no codes": "Then each frame still knows its phone. Half of the training was like that.",
        "predicted codes": "Wrong codes would be bad if the prior believed them. Does it, after that training?",
    }
    given = named(answer, names)
    expect(given not in hints, hints.get(given, ""))
    return "Codes alone come from a small content encoder. They are what nano-5's prior believed, against the text."
