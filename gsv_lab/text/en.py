"""English words to phones: which reading, in which sentence.

A word is looked up in the dictionary, then derived from a stem that the dictionary has, then handed to the
letter-to-sound network. Capitals that are no word are spelled, and words with capitals inside are said part by part.

Numbers and abbreviations are written out before, by `normalise_en.py`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from gsv_lab.text import heteronyms, lexicon
from gsv_lab.text.heteronyms import Place
from gsv_lab.text.phones import Spoken, Word
from gsv_lab.text.pos import tag_english
from gsv_lab.text.symbols import EN_VOWELS
from gsv_lab.text.words_en import ACCENTED, EXTRA, SAID_AS_WORDS, SHORT_WORDS, SPELLED

_LETTER = "A-Za-zÀ-ÖØ-öø-ÿ"
_TOKEN = re.compile(rf"'?[{_LETTER}]+(?:'[{_LETTER}]+)*'?|[!?…,.\-]")
_PARTS = re.compile("[A-Z]+(?=[A-Z][a-z]{2}|[a-z]?$)|[A-Z]?[a-z]+|[A-Z]+")
_PAST = frozenset("yesterday ago last was were had did once then".split())
_LETTERED = frozenset("vitamin plan grade type group class section option team hepatitis series level part an".split())


def pronounce(word: str) -> tuple[lexicon.Reading, str]:
    """Phones of one word by itself, and their source (`dictionary`, `derived`, `network`, `letters`, `spelled`).

    Args:
        word: letters and apostrophes.
    """
    return _pronounce(word.lower())


@cache
def _pronounce(lower: str) -> tuple[lexicon.Reading, str]:
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
    tokens = [match.group().strip("'") or match.group() for match in matches]
    tags = tag_english(tokens)
    small = ["" if tag == "punctuation" else token.lower() for token, tag in zip(tokens, tags, strict=True)]
    around = _sentences(small, tokens)
    past = not _PAST.isdisjoint(small)
    shouting = _is_shouted(text, tokens, tags)
    out: list[Spoken] = []
    for i, match in enumerate(matches):
        if tags[i] == "punctuation":
            mark = Word(tokens[i], "", "punctuation", phones=1, source="mark")
            out.append(Spoken(mark, (tokens[i],), match.start(), match.end()))
            continue
        before, after = small[i - 1] if i else "", small[i + 1] if i + 1 < len(small) else ""
        capital = tokens[i][0].isupper() and bool(before) and (tokens[i] == "A" or not tokens[i].isupper())
        if small[i] == "a" and before and tokens[i - 1].istitle() and tokens[i + 1 : i + 2] == [after.title()]:
            capital = False  # an article in a title: "This Is A Test"
        place = Place(small[i], tags[i], before, after, around[i], capital, past)
        phones, source = _in_sentence(tokens[i], match.group(), place, shouting)
        word = Word(match.group(), "en", "name" if source == "spelled" else tags[i], phones=len(phones), source=source)
        out.append(Spoken(word, phones, match.start(), match.end()))
    return _strong_the(out)


def _sentences(small: list[str], tokens: list[str]) -> list[frozenset[str]]:
    """For each token the words of its sentence."""
    around: list[frozenset[str]] = []
    start = 0
    for i, token in enumerate(tokens):
        if token in ".!?…" or i + 1 == len(tokens):
            around += [frozenset(small[start : i + 1])] * (i + 1 - start)
            start = i + 1
    return around


def _is_shouted(text: str, tokens: list[str], tags: list[str]) -> bool:
    """Whether all is in capitals and there are words among them, not only abbreviations."""
    words = [token for token, tag in zip(tokens, tags, strict=True) if tag != "punctuation"]
    if len(words) < 3 or any(c.islower() for c in text):
        return False
    return any(len(word) > 4 or word.lower() in SHORT_WORDS for word in words if word not in SPELLED | {"A", "AND"})


def _in_sentence(token: str, written: str, place: Place, shouting: bool) -> tuple[lexicon.Reading, str]:
    if place.word == "a" and _is_the_letter(token, place, shouting):
        return lexicon.spell("a"), "spelled"
    if _is_acronym(token, shouting):
        return lexicon.spell(token), "spelled"
    if place.word in ACCENTED or place.word in EXTRA:
        return pronounce(place.word)
    if reading := heteronyms.choose(place):
        return reading, "dictionary"
    if parts := _parts(token):
        return _of_parts(parts)
    return pronounce(written)


def _is_the_letter(token: str, place: Place, shouting: bool) -> bool:
    """A capital A inside a sentence, or one that no word follows, is the letter and not the article."""
    if not place.after or len(place.after) == 1 or place.before in _LETTERED:
        return token == "A" or not place.after
    return place.capital and not shouting


def _is_acronym(token: str, shouting: bool) -> bool:
    """Capitals that are spelled: short ones that are no common word, longer ones that no dictionary has as a word."""
    if len(token) < 2 or not (token.isascii() and token.isalpha() and token.isupper()) or token in SAID_AS_WORDS:
        return False
    if token in SPELLED:
        return token not in ("IT", "US", "ACT", "SAT", "LED") or not shouting
    known = lexicon.in_dictionary(token.lower()) or token.lower() in EXTRA
    if len(token) <= 3:
        return token.lower() not in SHORT_WORDS and not (shouting and known)
    return not known and (len(token) == 4 or not lexicon.is_sayable(token))


def _parts(token: str) -> list[str]:
    """The parts of a word with capitals inside that no dictionary has: ChatGPT is Chat and GPT."""
    if not token.isascii() or not re.search(r"[a-z][A-Z]|[A-Z]{2}[a-z]|[A-Z]'s$|^[B-HJ-TV-Z]s$", token):
        return []
    several = re.fullmatch("[A-Z]+s", token)
    known = token.startswith(("Mc", "O'")) or lexicon.in_dictionary(token.lower())
    return [] if known and not several else _PARTS.findall(token)


def _of_parts(parts: list[str]) -> tuple[lexicon.Reading, str]:
    phones: lexicon.Reading = ()
    source = "derived"
    for part in parts:
        if part == "s" and phones:
            phones = lexicon.plural(phones)
        elif len(part) == 1 or _is_acronym(part, shouting=False):
            phones += lexicon.spell(part)
        else:
            said, how = pronounce(part)
            phones += said
            source = "network" if how == "network" else source
    return phones, source


def _strong_the(spoken: list[Spoken]) -> list[Spoken]:
    """Before a vowel, "the" ends in the vowel of "see"."""
    out = list(spoken)
    for i, (here, following) in enumerate(zip(spoken, spoken[1:], strict=False)):
        if here.word.text.lower() == "the" and following.phones[0][:-1] in EN_VOWELS:
            out[i] = here._replace(phones=("DH", "IY0"))
    return out
