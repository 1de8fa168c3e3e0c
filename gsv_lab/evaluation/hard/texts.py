"""The list of hard texts, and the words of a text that a recogniser of phones can judge.

`item<TAB>class<TAB>language<TAB>text` a line, no header. The list that ships with the kit has 126 lines, English and
Mandarin, in seven classes; a list of one's own may leave the class out.
Letters: P phones.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from gsv_lab.errors import DataError
from gsv_lab.evaluation.lists import LANGUAGES
from gsv_lab.inference.reading import both, read
from gsv_lab.inference.voice import Voice
from gsv_lab.system.files import LONGEST_NAME, read_file, why_unreadable
from gsv_lab.system.shipped import PACKAGE
from gsv_lab.text import Phones, fold

CLASSES = (
    "very_short",
    "numbers",
    "repeated_words",
    "long_unpunctuated",
    "lists",
    "mixed_language",
    "tongue_twisters",
)
"""Classes of the shipped list."""
OWN = "own"
"""Class of the lines of a list that names none."""
SHIPPED = PACKAGE / "assets" / "hard" / "hard_texts.tsv"
_COLUMNS = "item<TAB>class<TAB>language<TAB>text, or without the class"


class HardText(NamedTuple):
    """A line of the list; `kind` is its class."""

    item: str
    kind: str
    language: str
    text: str


class HardList(NamedTuple):
    """A list of hard texts; `sha256` is the hash of its file."""

    name: str
    sha256: str
    texts: tuple[HardText, ...]

    def only(self, items: Sequence[str]) -> HardList:
        """Some of its lines, under the name of the whole.

        Raises:
            DataError: `DATA_MISSING`, there is no such item.
        """
        unknown = sorted(set(items) - {text.item for text in self.texts})
        if unknown:
            problem = f"{self.name!r} has no item {', '.join(unknown[:10])}"
            raise DataError("DATA_MISSING", problem, "items of the list", "Check the names")
        return self._replace(texts=tuple(text for text in self.texts if text.item in items))


class Word(NamedTuple):
    """A word, or a Mandarin character, that can be judged.

    `label` as it is written; `phones` in the recognisers' alphabet; `first` and `last` are its places among the P
    phones of the whole text.
    """

    label: str
    phones: tuple[str, ...]
    first: int
    last: int


def read_hard(path: str | Path | None = None) -> HardList:
    """Reads a list of hard texts; the shipped one if no path is given.

    Raises:
        DataError: `DATA_MISSING`, no such file; `DATA_ROW` with the number of the line; `DATA_DUPLICATE`, an item
            twice; `LANG_UNKNOWN`.
    """
    path = SHIPPED if path is None else Path(path)
    try:
        raw = read_file(path)
        lines = raw.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problem = f"The list {path.name!r} cannot be read: {why_unreadable(error)}"
        raise DataError("DATA_MISSING", problem, "a file of lines in UTF-8", "Check the path") from error
    texts = [_line(line, number) for number, line in enumerate(lines, start=1) if line.strip()]
    if not texts:
        _bad_line(1, "is missing: the list is empty")
    doubled = [item for item, count in Counter(text.item for text in texts).items() if count > 1]
    if doubled:
        problem = f"{len(doubled)} items stand in more than one line, first {doubled[0]!r}"
        raise DataError("DATA_DUPLICATE", problem, "each item once", "Give every line a name of its own")
    return HardList(path.name, hashlib.sha256(raw).hexdigest(), tuple(texts))


def _line(line: str, number: int) -> HardText:
    fields = [field.strip() for field in line.split("\t")]
    if len(fields) == 3:
        fields.insert(1, OWN)
    if len(fields) != 4:
        _bad_line(number, f"has {len(fields)} fields")
    item, kind, language, text = fields
    if not re.fullmatch(r"[\w-][\w.-]*", item) or len(item.encode()) > LONGEST_NAME // 2:
        _bad_line(number, f"has the item {item[:60]!r}", "a short name of letters, digits, dots, - and _")
    if not kind or not text:
        _bad_line(number, "has an empty class or text")
    if language not in LANGUAGES:
        raise DataError("LANG_UNKNOWN", f"Line {number}: language {language!r}", " or ".join(LANGUAGES))
    return HardText(item, kind, language, text)


def _bad_line(number: int, problem: str, expected: str = _COLUMNS) -> NoReturn:
    raise DataError("DATA_ROW", f"Line {number} {problem}", expected, "Correct the list")


def sentences(lab: Any, text: HardText, voice: Voice) -> list[Phones]:
    """The phones of each sentence as the networks of a lab read them, with the dictionary of the voice.

    Raises:
        TextError: nothing can be said of the text.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `Lab.speak` reads the same text, and may warn of it
        found = read(text.text, text.language, both(None, voice.lexicon))
    return [lab.family.phones(sentence.phones) for sentence in found]


def judged_words(texts: Sequence[Phones], language: str) -> list[Word]:
    """The words in one language of sentences that follow each other.

    A recogniser knows the phones of one language, so words of another one within the text are not judged.
    """
    words = []
    position = 0
    for phones in texts:
        unit = 0
        for word in phones.words:
            labels = list(word.text) if len(word.text) == word.units else [word.text] * word.units
            for label, count in zip(labels, phones.word2phones[unit : unit + word.units], strict=True):
                place = position + sum(phones.word2phones[:unit])
                symbols = phones.symbols[place - position :][:count]
                names = tuple(name for name in map(fold, symbols) if name)
                if names and word.language == language:
                    words.append(Word(label, names, place, place + count - 1))
                unit += 1
        position += len(phones)
    return words
