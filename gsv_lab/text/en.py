"""English words to phones: which reading, in which sentence.

A word is looked up in the dictionary, then derived from a stem that the dictionary has, then handed to the
letter-to-sound network. Capitals that are no word are spelled, and words with capitals inside are said part by part.

Numbers and abbreviations are written out before, by `normalise_en.py`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise

from gsv_lab.text import heteronyms, lexicon
from gsv_lab.text.capitals_en import is_acronym, is_shouted, parts
from gsv_lab.text.heteronyms import Place
from gsv_lab.text.phones import Spoken, Word, mark
from gsv_lab.text.pos import tag_english
from gsv_lab.text.symbols import EN_VOWELS
from gsv_lab.text.words_en import ACCENTED, EXTRA

Source = tuple[lexicon.Reading, str]
"""Phones and where they come from."""
_LETTER = "A-Za-zÀ-ÖØ-öø-ÿ"
_TOKEN = re.compile(rf"'?[{_LETTER}]+(?:'[{_LETTER}]+)*'?|[!?…,.\-]")
_PAST = frozenset("yesterday ago last was were had did once then".split())
_LETTERED = frozenset("vitamin plan grade type group class section option team hepatitis series level part an".split())


def pronounce(word: str) -> Source:
    """Phones of one word by itself, and their source (`dictionary`, `derived`, `network`, `letters`, `spelled`).

    Args:
        word: letters and apostrophes.
    """
    return _pronounce(word.lower())


@cache
def _pronounce(lower: str) -> Source:
    for table in (ACCENTED, EXTRA):
        if lower in table:
            return tuple(table[lower].split()), "dictionary"
    lower = "".join(c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c))
    for candidate in (lower, lower.strip("'")):
        if listed := lexicon.readings(candidate):
            return listed[0], "dictionary"
    stem = lower.strip("'") + ("'" if lower.endswith("s'") else "")
    if found := lexicon.known(stem):
        return found, "derived"
    letters = lower.replace("'", "")
    if not lexicon.is_sayable(letters):
        return lexicon.spell(letters), "spelled"
    if guessed := _by_network(letters):
        return guessed, "network"
    return lexicon.spell(letters), "letters"


def _by_network(letters: str) -> lexicon.Reading:
    from gsv_lab.text import letters as letter_to_sound

    guessed = letter_to_sound.spoken(letters)
    return guessed if any(name[:-1] in EN_VOWELS for name in guessed) else ()


def g2p(text: str) -> list[Spoken]:
    """Words and punctuation marks of an English text in words, with their phones and positions in the text."""
    matches = list(_TOKEN.finditer(text))
    tokens = [match[0].strip("'") or match[0] for match in matches]
    places = _places(tokens)
    shouting = is_shouted(tokens)
    out = []
    for token, place, match in zip(tokens, places, matches, strict=True):
        if place.tag == "punctuation":
            out.append(mark(match))
            continue
        phones, source = _in_sentence(token, match[0], place, shouting)
        tag = "name" if source == "spelled" else place.tag
        out.append(Spoken(Word(match[0], "en", tag, phones=len(phones), source=source), phones, *match.span()))
    for i, (here, following) in enumerate(pairwise(out)):
        if here.word.text.lower() == "the" and following.phones[0][:-1] in EN_VOWELS:
            out[i] = here._replace(phones=("DH", "IY0"))  # as in "see"
    return out


def _places(tokens: list[str]) -> list[Place]:
    """What the reading of each token may depend on."""
    tags = tag_english(tokens)
    small = ["" if tag == "punctuation" else token.lower() for token, tag in zip(tokens, tags, strict=True)]
    past = not _PAST.isdisjoint(small)
    places = []
    for token, tag, word, before, after, around in zip(
        tokens, tags, small, ["", *small], [*small[1:], ""], _sentences(small, tokens), strict=False
    ):
        capital = bool(before) and token[0].isupper() and (token == "A" or not token.isupper())
        places.append(Place(word, tag, before, after, around, capital, past))
    for i, (before, token, after) in enumerate(zip(tokens, tokens[1:], tokens[2:], strict=False), 1):
        if token == "A" and before.istitle() and after.istitle():
            places[i] = places[i]._replace(capital=False)  # an article in a title: "This Is A Test"
    return places


def _sentences(small: list[str], tokens: list[str]) -> list[frozenset[str]]:
    """For each token the words of its sentence."""
    around = []
    start = 0
    for end, token in enumerate(tokens, 1):
        if token in ".!?…" or end == len(tokens):
            around += [frozenset(small[start:end])] * (end - start)
            start = end
    return around


def _in_sentence(token: str, written: str, place: Place, shouting: bool) -> Source:
    if place.word == "a" and _is_the_letter(token, place, shouting):
        return lexicon.spell("a"), "spelled"
    if is_acronym(token, shouting):
        return lexicon.spell(token), "spelled"
    if place.word in ACCENTED or place.word in EXTRA:
        return pronounce(place.word)
    if reading := heteronyms.choose(place):
        return reading, "dictionary"
    if pieces := parts(token):
        return _of_parts(pieces)
    return pronounce(written)


def _is_the_letter(token: str, place: Place, shouting: bool) -> bool:
    """A capital A inside a sentence, or one that no word follows, is the letter and not the article."""
    if not place.after or len(place.after) == 1 or place.before in _LETTERED:
        return token == "A" or not place.after
    return place.capital and not shouting


def _of_parts(pieces: list[str]) -> Source:
    phones: lexicon.Reading = ()
    source = "derived"
    for part in pieces:
        if part == "s" and phones:
            phones = lexicon.plural(phones)
        elif len(part) == 1 or is_acronym(part, shouting=False):
            phones += lexicon.spell(part)
        else:
            said, how = pronounce(part)
            phones += said
            source = "network" if how == "network" else source
    return phones, source
