"""English words to phones: which reading, in which sentence.

A word is looked up in the dictionary, then derived from a stem that the dictionary has, then handed to the
letter-to-sound network if its weights are installed, then to letter rules. Capitals that are no word are spelled.

Numbers and abbreviations are written out before, by `normalise_en.py`.
"""

from __future__ import annotations

import re
from functools import cache

from gsv_lab.text import heteronyms, lexicon
from gsv_lab.text.phones import Spoken, Word
from gsv_lab.text.pos import tag_english
from gsv_lab.text.symbols import EN_VOWELS

_WORD = r"'?[A-Za-z]+(?:'[A-Za-z]+)*'?"
_TOKEN = re.compile(rf"{_WORD}|[!?…,.\-]")
_PAST = frozenset("yesterday ago last was were had did once then".split())
_WORDS_IN_CAPITALS = frozenset("HE SHE YOU WE MY ME YES NEW BIG".split())
_KEPT_CAPITALS = frozenset("A I OK".split())


def pronounce(word: str, network: bool = True) -> tuple[lexicon.Reading, str]:
    """Phones of one word by itself, and their source (`dictionary`, `derived`, `network`, `rules`, `spelled`).

    Args:
        word: letters and apostrophes.
        network: whether to use the letter-to-sound network where neither dictionary nor stems help.
    """
    return _pronounce(word.lower(), network)


@cache
def _pronounce(lower: str, network: bool) -> tuple[lexicon.Reading, str]:
    for candidate in (lower, lower.strip("'")):
        if listed := lexicon.readings(candidate):
            return listed[0], "dictionary"
    stem = lower.strip("'") + ("'" if lower.endswith("s'") else "")
    if found := lexicon.known(stem):
        return found, "derived"
    letters = lower.replace("'", "")
    if not lexicon.is_sayable(letters):
        return lexicon.spell(letters), "spelled"
    if network and (guessed := _by_network(letters)):
        return guessed, "network"
    return lexicon.by_rules(letters), "rules"


def _by_network(letters: str) -> lexicon.Reading:
    from gsv_lab.text import letters as letter_to_sound

    guessed = letter_to_sound.spoken(letters)
    return guessed if any(name[:-1] in EN_VOWELS for name in guessed) else ()


def g2p(text: str, network: bool = True) -> list[Spoken]:
    """Words and punctuation marks of an English text in words, with their phones and positions in the text."""
    matches = [m for m in _TOKEN.finditer(text)]
    tokens = [m.group() for m in matches]
    spoken_words = [i for i, token in enumerate(tokens) if token[-1].isalpha() or len(token) > 1]
    tags = dict(zip(spoken_words, tag_english([tokens[i].strip("'") for i in spoken_words]), strict=True))
    past = not _PAST.isdisjoint(token.lower() for token in tokens)
    shouting = len(spoken_words) > 2 and not any(c.islower() for c in text)
    out: list[Spoken] = []
    for i, match in enumerate(matches):
        token = tokens[i]
        if i not in tags:
            mark = Word(token, "", "punctuation", phones=1, source="mark")
            out.append(Spoken(mark, (token,), match.start(), match.end()))
            continue
        before = tokens[i - 1].lower() if i - 1 in tags else ""
        after = tokens[i + 1].lower() if i + 1 in tags else ""
        phones, source = _in_sentence(token, tags[i], before, after, shouting, past, network)
        word = Word(token, "en", "name" if source == "spelled" else tags[i], phones=len(phones), source=source)
        out.append(Spoken(word, phones, match.start(), match.end()))
    return _strong_the(out)


def _in_sentence(
    token: str, tag: str, before: str, after: str, shouting: bool, past: bool, network: bool
) -> tuple[lexicon.Reading, str]:
    lower = token.lower()
    # A capital A inside a sentence, or one that no word follows, is the letter.
    if (token == "A" and (before or len(after) == 1)) or (lower == "a" and not after):
        return lexicon.spell("a"), "spelled"
    if _is_acronym(token, tag) and not shouting:
        return lexicon.spell(lower), "spelled"
    if reading := heteronyms.choose(lower.strip("'"), tag, before, after, past):
        return reading, "dictionary"
    return pronounce(token, network)


def _is_acronym(token: str, tag: str) -> bool:
    """Capitals that are spelled: up to three letters unless a little word, or more that no dictionary has as a word."""
    if not (token.isalpha() and token.isupper()) or len(token) < 2 or token in _KEPT_CAPITALS:
        return False
    if len(token) <= 3:
        little = tag in ("determiner", "preposition", "conjunction", "auxiliary", "particle", "adverb", "interjection")
        return token == "IT" or not (little or token in _WORDS_IN_CAPITALS)
    return not lexicon.in_dictionary(token.lower()) and (len(token) == 4 or not lexicon.is_sayable(token))


def _strong_the(spoken: list[Spoken]) -> list[Spoken]:
    """Before a vowel, "the" ends in the vowel of "see"."""
    out = list(spoken)
    for i, (here, following) in enumerate(zip(spoken, spoken[1:], strict=False)):
        if here.word.text.lower() == "the" and following.phones[0][:-1] in EN_VOWELS:
            out[i] = here._replace(phones=("DH", "IY0"))
    return out
