"""Phones: what the front ends hand to the networks, a text as phone names with the words they came from.

Letters: P phones. Plain, frozen data without tensors, so that it can be stored, compared and sent as JSON.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from gsv_lab.text.symbols import CTC_ID, PUNCTUATION, SYMBOL_ID, fold


@dataclass(frozen=True)
class Word:
    """One word or one punctuation mark of a normalised text.

    Args:
        text: the word as spoken, after normalisation.
        language: `en` or `zh`; empty for punctuation.
        pos: part of speech, one of `gsv_lab.text.context.PARTS_OF_SPEECH`; `punctuation` for marks.
        units: how many entries of `word2phones` it covers (characters in Mandarin, 1 in English).
        phones: how many phone names it covers.
        emphasis: stood between `[emph]` and `[/emph]`.
        boundary: what follows it (for a mark: what it is): 0 next word, 1 a pause in the sentence, 2 its end.
        source: where its phones come from: `dictionary`, `derived` (known stem and ending), `network`, `letters`
            (spelled for want of the network), `spelled`, `user` (a user's dictionary), `unknown` (a character without a
            known reading), or `mark` for punctuation.
    """

    text: str
    language: str
    pos: str = ""
    units: int = 1
    phones: int = 0
    emphasis: bool = False
    boundary: int = 0
    source: str = "dictionary"


class Spoken(NamedTuple):
    """A word with its phone names, and where it stands in the text that a language's front end was given."""

    word: Word
    phones: tuple[str, ...]
    start: int
    end: int


def mark(match: re.Match[str]) -> Spoken:
    """A punctuation mark that was found in a text; it is its own phone."""
    return Spoken(Word(match[0], "", "punctuation", phones=1, source="mark"), (match[0],), *match.span())


@dataclass(frozen=True)
class Phones:
    """A normalised text with its phone names, P of them.

    Two of them add up: `prompt + target` is the text input of the semantic GPT.

    Args:
        text: the normalised text.
        language: `en`, `zh` or `mixed`.
        symbols: P phone names of `gsv_lab.text.symbols.SYMBOLS`.
        word2phones: phones per unit (Mandarin character, English word, punctuation mark); sums to P.
        words: the words in order.
        warnings: what was left out or guessed, in sentences for people.
    """

    text: str
    language: str
    symbols: tuple[str, ...]
    word2phones: tuple[int, ...]
    words: tuple[Word, ...] = ()
    warnings: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if sum(self.word2phones) != len(self.symbols):
            raise ValueError(f"word2phones sums to {sum(self.word2phones)} but there are {len(self.symbols)} phones")
        if self.words and (
            sum(w.phones for w in self.words) != len(self.symbols)
            or sum(w.units for w in self.words) != len(self.word2phones)
        ):
            raise ValueError("the words do not cover the phones and units exactly")

    def __len__(self) -> int:
        return len(self.symbols)

    def __add__(self, other: Phones) -> Phones:
        glue = " " if self.text and other.text and "en" in (self.language, other.language) else ""
        return Phones(
            text=self.text + glue + other.text,
            language=self.language if self.language == other.language else "mixed",
            symbols=self.symbols + other.symbols,
            word2phones=self.word2phones + other.word2phones,
            words=self.words + other.words,
            warnings=self.warnings + other.warnings,
        )

    @property
    def ids(self) -> list[int]:
        """Numbers of the phones in the v2 inventory (nano and v2 families)."""
        return [SYMBOL_ID[name] for name in self.symbols]

    def folded(self) -> tuple[list[int], list[int]]:
        """Recogniser labels: numbers in `CTC_SYMBOLS`, and for each the position of its phone in `symbols`.

        Phones without a sound of their own (punctuation, silent Mandarin initials) have no label.
        """
        pairs = [(fold(name), position) for position, name in enumerate(self.symbols)]
        return [CTC_ID[name] for name, _ in pairs if name], [position for name, position in pairs if name]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and strings, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Phones:
        """The inverse of `to_dict`, also after a round trip through JSON.

        Raises:
            ValueError: a symbol that is none, a negative number of phones, words that do not cover the phones.
        """
        words = data.get("words", ())
        unknown = [name for name in data["symbols"] if name not in SYMBOL_ID]
        if unknown:
            raise ValueError(f"'{unknown[0]}' is no phone")
        if min((*data["word2phones"], *(word.get("phones", 1) for word in words)), default=0) < 0:
            raise ValueError("a unit has less than no phones")
        return cls(
            text=data["text"],
            language=data["language"],
            symbols=tuple(data["symbols"]),
            word2phones=tuple(data["word2phones"]),
            words=tuple(Word(**word) for word in words),
            warnings=tuple(data.get("warnings", ())),
        )


def closed(phones: Phones, sign: str = ".") -> Phones:
    """The same text with a closing mark, one phone more where it has none: networks end at a mark and fade there.

    >>> closed(Phones("I", "en", ("AY1",), (1,), (Word("I", "en", phones=1),))).symbols
    ('AY1', '.')
    """
    if phones.symbols[-1] in PUNCTUATION:
        return phones
    word = Word(sign, "", "punctuation", phones=1, boundary=2, source="mark")
    symbols, counts = (*phones.symbols, sign), (*phones.word2phones, 1)
    return Phones(phones.text + sign, phones.language, symbols, counts, (*phones.words, word), phones.warnings)
