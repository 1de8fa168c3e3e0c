"""Texts as lists of what is counted: English words, Mandarin characters, Mandarin syllables without tone.

What is expected and what was recognised go through the same function, so that neither spelling of a number nor
capitals, accents, full width or traditional characters count as errors. Numbers and signs are read by the text front
end. A recogniser may write down anything, so no text is an error here.
"""

from __future__ import annotations

import re
import unicodedata

from gsv_lab.errors import TextError
from gsv_lab.text.characters import HAN
from gsv_lab.text.numbers_en import cardinal

_ABBREVIATIONS = {"mr": "mister", "mrs": "missus", "dr": "doctor", "ok": "okay"}
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "`": "'"})
_NUMBERS = frozenset(word for number in range(100) for word in re.split("[ -]", cardinal(str(number))))
_RUNS = re.compile(f"[{HAN}]+|[^{HAN}]+")


def english_words(text: str) -> list[str]:
    """English text -> words for scoring: lower case, no punctuation or accents, numbers and Mr. spelled out.

    Hyphens separate words; apostrophes inside words stay; "hundred and" before a number is "hundred".

    >>> english_words("Mr. O\u2019Neill\u2019s well-known caf\u00e9, 'twas 105 \uff24ogs.")
    ['mister', "o'neill's", 'well', 'known', 'cafe', 'twas', 'one', 'hundred', 'five', 'dogs']
    """
    lowered = _read_aloud(text, "en").translate(_APOSTROPHES).lower()
    decomposed = unicodedata.normalize("NFKD", lowered)
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    parts = [part.strip("'") for part in re.sub(r"[^a-z0-9']+", " ", plain).split()]
    words: list[str] = []
    for number, word in enumerate(parts):
        inner = words[-1:] in (["hundred"], ["thousand"]) and _NUMBERS.issuperset(parts[number + 1 : number + 2])
        if word and not (word == "and" and inner):
            words.append(_ABBREVIATIONS.get(word, word))
    return words


def mandarin_characters(text: str) -> list[str]:
    """Mandarin text -> simplified characters for scoring, numbers in characters; Latin words are one entry each.

    >>> mandarin_characters("\u6c23\u6eab\uff13\u5ea6\uff0cOK\uff01")
    ['\u6c14', '\u6e29', '\u4e09', '\u5ea6', 'okay']
    """
    return [entry for run in _runs(text) for entry in (run if _is_han(run) else english_words(run))]


def mandarin_syllables(text: str) -> list[str]:
    """Mandarin text -> pinyin without tones for scoring, as the front end reads the characters in their words.

    >>> mandarin_syllables("\u94f6\u884c\u884c\u957f")
    ['yin', 'hang', 'hang', 'zhang']
    """
    from gsv_lab.text.hanzi import segment  # loads jieba

    found = []
    for run in _runs(text):
        if _is_han(run):
            found += [syllable.rstrip("12345") for _, _, read in segment(run) for syllable in read]
        else:
            found += english_words(run)
    return found


def _runs(text: str) -> list[str]:
    """The runs of Chinese characters of a text and what stands between them."""
    return _RUNS.findall(_read_aloud(text, "zh"))


def _is_han(run: str) -> bool:
    return bool(re.match(f"[{HAN}]", run))


def _read_aloud(text: str, language: str) -> str:
    """A text with its numbers and signs in words; what the front end refuses stays as it is."""
    from gsv_lab.text import normalise

    # Not all that a recogniser writes ends a sentence, and an empty text is one that heard nothing.
    wide = unicodedata.normalize("NFKC", text).strip()
    try:
        return normalise(wide, language) if wide else ""
    except TextError:
        return wide
