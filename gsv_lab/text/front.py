"""From a raw text to `Phones`: clean-up, language split, normalisation, pronunciation, in this order.

The stages are functions of their own modules; this one only lines them up and keeps track of what was emphasised, what
was guessed and what was left out.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from gsv_lab.errors import printable
from gsv_lab.text import en, normalise_en, normalise_zh, zh
from gsv_lab.text.clean import LIMIT, Cleaned, clean
from gsv_lab.text.lexicon import plural
from gsv_lab.text.marks import EMPHASIS_OFF, EMPHASIS_ON, PAUSES, cut_pauses
from gsv_lab.text.phones import Phones, Spoken, Word
from gsv_lab.text.split import Run, check_language, cut, language_runs, require_speech, script_runs, speakable
from gsv_lab.text.user_dictionary import GIVEN_EN, Lexicon, UserDictionary

# What becomes a pause when it is no longer part of a number, an address or a name. One character stays one character.
_PAUSES = str.maketrans({":": ",", ";": ",", "(": ",", ")": ",", "[": ",", "]": ",", "—": "-", "\n": " ", "~": "…"})
_GIVEN = re.compile(f"([{GIVEN_EN}])('s|)(?![a-z])")
_STRENGTH = "?!….-,"
_SENTENCE_ENDS = "?!…."


class Sentence(NamedTuple):
    """A sentence to be spoken: its phones, and the seconds of the pauses given before and after it, None for none."""

    phones: Phones
    pause_before: float | None
    pause_after: float | None


def normalise(text: str, language: str = "auto") -> str:
    """A raw text as it will be read aloud: cleaned, numbers and abbreviations written out, without emphasis marks.

    >>> normalise("Room 12 costs $3.")
    'Room twelve costs three dollars.'
    """
    check_language(language)
    runs = _normalised_runs(clean(text).text, language)
    return re.sub(f"[{EMPHASIS_ON}{EMPHASIS_OFF}]", "", "".join(run for _, run in runs)).strip()


def phonemize(
    text: str, language: str = "auto", unsupported: str = "warn", limit: int = LIMIT, lexicon: Lexicon = None
) -> Phones:
    """Phones of a text, with its words and with warnings about whatever was guessed or left out.

    Args:
        text: English, Mandarin, or both mixed; `[emph]...[/emph]` marks words to be stressed, `[pause 0.5s]` is read as
            a comma.
        language: `en`, `zh` or `auto`. It decides how digits and symbols are read; letters speak for themselves.
        unsupported: `warn` leaves unknown symbols out and reports them in `Phones.warnings`; `error` refuses them.
        limit: most characters accepted.
        lexicon: a user's dictionary, word -> reading or a file; its readings win over everything.

    Raises:
        TextError: LANG_UNKNOWN, TEXT_EMPTY, TEXT_TOO_LONG, TEXT_INVALID_UNICODE, TEXT_UNSUPPORTED, TEXT_DEGENERATE,
            NORMALISE_LIMIT, MARKUP_SYNTAX, DICTIONARY.

    >>> phonemize("Hello, 世界!").symbols
    ('HH', 'AH0', 'L', 'OW1', ',', 'sh', 'ir4', 'j', 'ie4', '!')
    >>> phonemize("行长", lexicon={"行长": "xing2 chang2"}).symbols
    ('x', 'ing2', 'ch', 'ang2')
    """
    cleaned, dictionary = speakable(text, language, unsupported, limit, lexicon)
    return _spoken(cleaned, language, dictionary)


def phonemize_sentences(text: str, language: str = "auto", lexicon: Lexicon = None) -> list[Sentence]:
    """The sentences of a text as `split_sentences` cuts them, phonemized.

    What was left out of the text is named once, with its place in the whole text, by the first sentence. Arguments and
    errors as in `phonemize`.
    """
    cleaned, dictionary = speakable(text, language, lexicon=lexicon)
    known = list(cleaned.warnings)
    found: list[Sentence] = []
    for piece in cut(cleaned.text):
        before, inner, after = cut_pauses(piece)
        phones = _spoken(Cleaned(inner, (), 0), language, dictionary)
        new = [warning for warning in phones.warnings if warning not in known]
        known += new
        phones = replace(phones, warnings=tuple(new if found else known))
        follows = bool(found) and (before > 0 or found[-1].pause_after is not None)
        if follows:
            # Both edges at a pause are cut to silence; its seconds count once, before it.
            found[-1] = found[-1]._replace(pause_after=(found[-1].pause_after or 0.0) + before)
        found.append(Sentence(phones, 0.0 if follows else before or None, after or None))
    return found


def _spoken(cleaned: Cleaned, language: str, dictionary: UserDictionary) -> Phones:
    """Phones of a cleaned text; its warnings come first."""
    spoken = []
    leftovers = []
    emphasised = False
    for script, run in _normalised_runs(cleaned.text, language):
        plain, flags, emphasised = _take_emphasis(run, emphasised)
        found = zh.g2p(plain, dictionary) if script == "zh" else _english(plain, dictionary)
        leftovers += _unspoken(plain, found)
        spoken += [_emphasise(item, flags) for item in found]
    spoken = _settle_marks(spoken)
    warnings = (*cleaned.warnings, *_warnings(spoken, leftovers))
    if not any(item.word.language for item in spoken):
        require_speech("", warnings)
    return _assemble(spoken, warnings)


def _english(plain: str, dictionary: UserDictionary) -> list[Spoken]:
    """An English text in words, in which private characters stand for words of a user's dictionary."""
    found: list[Spoken] = []
    start = 0
    for match in _GIVEN.finditer(plain):
        found += _shifted(en.g2p(plain[start : match.start()]), start)
        entry = dictionary.entry(match[1])
        phones = plural(entry.reading) if match[2] else entry.reading
        word = Word(entry.word + match[2], "en", "noun", phones=len(phones), source="user")
        found.append(Spoken(word, phones, *match.span()))
        start = match.end()
    return found + _shifted(en.g2p(plain[start:]), start)


def _shifted(spoken: list[Spoken], by: int) -> list[Spoken]:
    return [item._replace(start=item.start + by, end=item.end + by) for item in spoken]


def _normalised_runs(cleaned: str, language: str) -> list[Run]:
    """Stretches of one script each, in words."""
    runs = []
    cleaned = re.sub(rf"\s*[{PAUSES}]+\s*", ", ", cleaned)
    for run_language, run in language_runs(cleaned, language):
        if run_language == "zh":
            runs += script_runs(normalise_zh.normalise(run).translate(_PAUSES))
        else:
            run = normalise_en.normalise(_outward(run.replace("·", " ")))
            runs.append(("en", run.translate(_PAUSES)))
    return runs


def _outward(run: str) -> str:
    """Emphasis marks moved to the borders of the token they stand in, so that `$[emph]5[/emph]` stays a price."""
    if EMPHASIS_ON not in run and EMPHASIS_OFF not in run:
        return run
    token = r"[\w$£€¥%°.,:/'+\-]"
    run = re.sub(rf"({token}+){EMPHASIS_ON}", rf"{EMPHASIS_ON}\1", run)
    return re.sub(rf"{EMPHASIS_OFF}((?:(?![.,:]+(?:\s|$)){token})+)", rf"\1{EMPHASIS_OFF}", run)


def _take_emphasis(run: str, emphasised: bool) -> tuple[str, list[bool], bool]:
    """The run without marks, for each of its characters whether it was marked, and the state at its end."""
    plain = ""
    flags = []
    for piece in re.split(f"([{EMPHASIS_ON}{EMPHASIS_OFF}])", run):
        if piece in (EMPHASIS_ON, EMPHASIS_OFF):
            emphasised = piece == EMPHASIS_ON
        else:
            plain += piece
            flags += [emphasised] * len(piece)
    return plain, flags, emphasised


def _emphasise(item: Spoken, flags: list[bool]) -> Spoken:
    marked = bool(item.word.language) and any(flags[item.start : item.end])
    return item._replace(word=replace(item.word, emphasis=True)) if marked else item


def _unspoken(plain: str, found: list[Spoken]) -> list[str]:
    """Characters that neither became phones nor are silent by nature, with what stands around them."""
    covered: set[int] = set()
    covered.update(*(range(item.start, item.end) for item in found))
    lost = []
    for i, character in enumerate(plain):
        if i not in covered and not character.isspace() and character not in "'\"":
            around = " ".join(plain[max(0, i - 12) : i + 13].split())
            lost.append(printable(f"'{character}' in '{around}'"))
    return lost


def _settle_marks(spoken: list[Spoken]) -> list[Spoken]:
    """Of neighbouring punctuation marks the strongest stays, and none at the beginning."""
    out: list[Spoken] = []
    for item in spoken:
        if item.word.language or (out and out[-1].word.language):
            out.append(item)
        elif out and _STRENGTH.index(item.word.text) < _STRENGTH.index(out[-1].word.text):
            out[-1] = item
    return out


def _warnings(spoken: list[Spoken], leftovers: list[str]) -> list[str]:
    sentences = []
    if leftovers:
        sentences.append(f"Left out {_some(leftovers)}: no reading is known for it here.")
    for source, how in (("network", "guessed by the letter-to-sound network"), ("letters", "spelled letter by letter")):
        if words := [item.word.text for item in spoken if item.word.source == source]:
            sentences.append(f"In no dictionary, {how}: {_some(words)}.")
    if unknown := [printable(item.word.text) for item in spoken if item.word.source == "unknown"]:
        sentences.append(f"No reading is known for {' '.join(unknown[:8])}; it stays silent.")
    return sentences


def _some(names: list[str]) -> str:
    """The first eight names, each once, and how many there are beyond."""
    once = list(dict.fromkeys(names))
    more = f" and {len(once) - 8} more" if len(once) > 8 else ""
    return ", ".join(once[:8]) + more


def _assemble(spoken: list[Spoken], warnings: tuple[str, ...]) -> Phones:
    words = []
    counts = []
    text = ""
    for item, following in zip(spoken, [*spoken[1:], None], strict=True):
        word = replace(item.word, boundary=_boundary(item.word, following))
        words.append(word)
        counts += [len(item.phones) // word.units] * word.units
        text += (" " if text and word.language == "en" and text[-1].isascii() else "") + word.text
    languages = {word.language for word in words if word.language}
    return Phones(
        text=text,
        language=languages.pop() if len(languages) == 1 else "mixed",
        symbols=tuple(name for item in spoken for name in item.phones),
        word2phones=tuple(counts),
        words=tuple(words),
        warnings=warnings,
    )


def _boundary(word: Word, following: Spoken | None) -> int:
    """What follows a word, or what a mark is; the end of a text ends a sentence."""
    closing = following.word if following and word.language else word
    if following and closing.language:
        return 0
    ends = not following or closing.text in _SENTENCE_ENDS
    return 2 if ends else 1
