"""A user's own readings: a file of words, each with its pinyin or ARPAbet, which win over everything else.

    # comments begin with a number sign
    行长<TAB>hang2 zhang3
    GIF<TAB>JH IH1 F

Words are found in the text as it was written, before numbers and signs are written out: English words in any
capitalisation and only as whole words, Chinese ones anywhere, the longest first. Inside the front end each travels as
one private-use character, in the planes that are reserved for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

from gsv_lab.errors import TextError
from gsv_lab.text.marks import Mark
from gsv_lab.text.normalise_zh import simplify
from gsv_lab.text.pinyin import is_syllable
from gsv_lab.text.symbols import EN_CONSONANTS, EN_STRESSED_VOWELS

MOST = 60_000
"""Entries that a dictionary may have."""
_FIRST_ZH, _FIRST_EN = 0xF0000, 0x100000
GIVEN_ZH = f"{chr(_FIRST_ZH)}-{chr(_FIRST_ZH + MOST)}"
GIVEN_EN = f"{chr(_FIRST_EN)}-{chr(_FIRST_EN + MOST)}"
"""The characters of words with pinyin and with ARPAbet, as the inside of a character class."""
_LONGEST = 60
_HAN = re.compile("[\u3400-\u9fff]")
_ARPABET = frozenset((*EN_CONSONANTS, *EN_STRESSED_VOWELS))


class Entry(NamedTuple):
    """A word as it was written down, its language by its reading, and the reading: syllables or phones."""

    word: str
    language: str
    reading: tuple[str, ...]


class UserDictionary:
    """Words with readings.

    Args:
        readings: word -> reading, as in a file.
        name: of the file, for errors.

    Raises:
        TextError: DICTIONARY, with the number of the line or of the word.
    """

    def __init__(self, readings: Mapping[str, str] | None = None, name: str = "the dictionary") -> None:
        self.entries: list[Entry] = []
        self._places: dict[str, int] = {}
        self._lines: dict[str, int] = {}
        for number, (word, reading) in enumerate((readings or {}).items(), 1):
            self._add(word, reading, f"{name}, word {number}", number)

    @classmethod
    def load(cls, path: str | Path) -> UserDictionary:
        """Read a file: UTF-8, one `word<TAB>reading` a line, `#` before comments.

        Raises:
            TextError: DICTIONARY, with file and line.
        """
        path = Path(path)
        try:
            rows = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            raise _wrong(f"Cannot read {path.name!r}", "a text file in UTF-8") from error
        made = cls()
        for number, row in enumerate(rows, 1):
            word, tab, reading = row.partition("\t")
            place = f"{path.name}, line {number}"
            if not row.strip() or row.lstrip().startswith("#"):
                continue
            if not tab:
                raise _wrong(f"{place}: {row!r:.60} has no tab", "word<TAB>reading")
            made._add(word, reading.partition("#")[0], place, number)
        return made

    def _add(self, word: str, reading: str, place: str, number: int) -> None:
        word = unicodedata.normalize("NFC", word.strip())
        key = _folded(word)
        if not 0 < len(key) <= _LONGEST or not word.isprintable():
            raise _wrong(f"{place}: {word!r:.40} is no word", f"1 to {_LONGEST} printable characters")
        if key in self._places:
            raise _wrong(f"{place}: {word!r} stands in line {self._lines[key]} already", "each word once")
        if len(self.entries) >= MOST:
            raise _wrong(f"{place}: there are too many words", f"at most {MOST:,}")
        self._places[key] = len(self.entries)
        self._lines[key] = number
        self.entries.append(_checked(word, reading.split(), place))

    def __bool__(self) -> bool:
        return bool(self.entries)

    @property
    def readings(self) -> dict[str, str]:
        """Word -> reading, as the constructor takes it."""
        return {entry.word: " ".join(entry.reading) for entry in self.entries}

    def over(self, other: UserDictionary) -> UserDictionary:
        """Both dictionaries in one; where a word is in both, the reading of this one counts."""
        kept = {word: reading for word, reading in other.readings.items() if _folded(word) not in self._places}
        return UserDictionary({**self.readings, **kept})

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        keys = "|".join(map(re.escape, sorted(self._places, key=len, reverse=True)))
        # A word is a whole word where it begins or ends with a Latin letter or a digit.
        return re.compile(rf"(?:(?<![A-Za-z\d])|(?![A-Za-z\d]))(?:{keys})(?:(?<![A-Za-z\d])|(?![A-Za-z\d]))")

    def marks(self, text: str) -> list[Mark]:
        """Where words of the dictionary begin and end in a text, and the private character of each."""
        found = []
        for match in self._pattern.finditer(_folded(text)) if self.entries else ():
            number = self._places[match[0]]
            first = _FIRST_ZH if self.entries[number].language == "zh" else _FIRST_EN
            found.append((*match.span(), chr(first + number)))
        return found

    def entry(self, character: str) -> Entry:
        """The entry of a private character."""
        code = ord(character)
        return self.entries[code - (_FIRST_EN if code >= _FIRST_EN else _FIRST_ZH)]

    def written(self, text: str) -> str:
        """The text with its private characters as words again."""
        return re.sub(f"[{GIVEN_ZH}{GIVEN_EN}]", lambda match: self.entry(match[0]).word, text)


NONE = UserDictionary()
"""A dictionary without words."""

Lexicon = UserDictionary | Mapping[str, str] | str | Path | None
"""What functions take for a dictionary: one, word -> reading, or a file."""


def user_dictionary(source: Lexicon) -> UserDictionary:
    """The dictionary that was meant.

    Raises:
        TextError: DICTIONARY.
    """
    if source is None:
        return NONE
    if isinstance(source, UserDictionary):
        return source
    return UserDictionary(source) if isinstance(source, Mapping) else UserDictionary.load(source)


def _wrong(problem: str, expected: str) -> TextError:
    return TextError("DICTIONARY", problem, expected)


def _checked(word: str, reading: list[str], place: str) -> Entry:
    if not reading:
        raise _wrong(f"{place}: {word!r:.40} has no reading", "pinyin with tones, or ARPAbet")
    if reading[0][:1].isupper():
        for phone in reading:
            if phone not in _ARPABET:
                expected = "ARPAbet in capitals, vowels with 0, 1 or 2: HH AH0 L OW1"
                raise _wrong(f"{place}: {phone!r:.20} is no phone", expected)
        return Entry(word, "en", tuple(reading))
    syllables = tuple(syllable.lower().replace("ü", "v").replace("u:", "v") for syllable in reading)
    for given, syllable in zip(reading, syllables, strict=True):
        if not is_syllable(syllable):
            raise _wrong(f"{place}: {given!r:.20} is no syllable", "pinyin with a tone from 1 to 5: hang2 zhang3")
    if _HAN.search(word) and len(word) != len(syllables):
        counts = f"{len(word)} characters and {len(syllables)} syllables"
        raise _wrong(f"{place}: {word!r:.40} has {counts}", "a syllable for each character")
    return Entry(word, "zh", syllables)


def _folded(text: str) -> str:
    """A text in which words are looked for: small letters, half width, simplified; of the same length."""
    return simplify("".join(_small(character) for character in text))


@cache
def _small(character: str) -> str:
    half = unicodedata.normalize("NFKC", character)
    small = (half if len(half) == 1 else character).lower()
    return small if len(small) == 1 else character
