"""Which language a stretch of text is in, and where long text is cut into sentences.

Letters decide: hanzi are Mandarin, Latin letters English. Digits and symbols take the language of the letters on both
sides; where those differ, or in a text that is asked to be Mandarin, they are read in Mandarin, as bilingual speakers
of Mandarin do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate, groupby
from operator import itemgetter

from gsv_lab.errors import TextError
from gsv_lab.text.characters import HAN
from gsv_lab.text.clean import LIMIT, Cleaned, clean
from gsv_lab.text.kinds_zh import UNIT_PATTERN
from gsv_lab.text.marks import EMPHASIS_OFF, EMPHASIS_ON, PAUSES, written
from gsv_lab.text.numbers_en import check_digits
from gsv_lab.text.stops_en import ends_sentence
from gsv_lab.text.user_dictionary import GIVEN_EN, GIVEN_ZH, Lexicon, UserDictionary, user_dictionary

LATIN = "A-Za-zÀ-ÖØ-öø-ÿ"
"""Latin letters, as the inside of a character class of a regular expression."""
Run = tuple[str, str]
"""A language and a stretch of text in it."""
LANGUAGES = ("auto", "en", "zh")
_TOKENS = re.compile(
    rf"(?P<zh>[{HAN}{GIVEN_ZH}]+)|\d[\d.,]*(?:\s?(?:{UNIT_PATTERN})(?![A-Za-z]))?"
    rf"|(?P<en>[{LATIN}{GIVEN_EN}]+(?:'[{LATIN}]+)*)|\s+|.",
    re.DOTALL,
)
_OTHER = f"[^{LATIN}{HAN}{GIVEN_ZH}{GIVEN_EN}]*"
_SCRIPTS = re.compile(rf"{_OTHER}(?:(?P<zh>[{HAN}{GIVEN_ZH}]+)|(?P<en>[{LATIN}{GIVEN_EN}]+)|\Z){_OTHER}")
_CODE = re.compile(
    rf"(?<![{LATIN}\d@/._\-])(?<![{LATIN}] )(?![A-Z]2[A-Z](?![A-Za-z\d]))(?=[\d.\-]*[A-Za-z])(?=[A-Za-z.\-]*\d)"
    rf"(?:[A-Za-z\d]|[.\-](?=\d)|(?<=\d)[\-—~/](?=[A-Z]{{1,3}}\d))+(?![{LATIN}\d@/_]|\.[A-Za-z]| [{LATIN}])"
)
"""Letters and digits without a blank, as in T2 or 16GB, that stand in no stretch of English and in no address."""
_SINGLE_WORD = re.compile(rf"[{LATIN}]+(?:'[{LATIN}]+)*,?")
_SENTENCE_END = re.compile(rf"(?:[!?…]+|\.(?![A-Za-z\d]))[{EMPHASIS_OFF})\]'!?….]*\s*|\n+|(?:[{PAUSES}]\s*)+")
_PAUSE = re.compile(f"[{PAUSES}]")
_SILENT = re.compile(f"[{EMPHASIS_ON}{EMPHASIS_OFF}{PAUSES}]")
_CUTS = (r"(?<=[,;:—…])(?!\d)", r"(?<=\s)", f"(?<=[{HAN}])", "")
"""Where a long sentence is cut, in the order of trial: at clause marks, at spaces, after hanzi, anywhere."""
_LONGEST_WORD = 100
_SPEAKABLE = re.compile(rf"[A-Za-z\d{HAN}{GIVEN_ZH}{GIVEN_EN}α-ωΑ-Ω%&+=@$£€¥]")


def check_language(language: str) -> str:
    """The language name itself.

    Raises:
        TextError: LANG_UNKNOWN for anything but auto, en, zh.
    """
    if language not in LANGUAGES:
        raise TextError("LANG_UNKNOWN", f"The language {language!r:.40} is not known", " or ".join(LANGUAGES))
    return language


def language_runs(text: str, language: str = "auto") -> list[Run]:
    """Stretches of a clean text with the language that reads their numbers and symbols.

    Single English words inside Mandarin stay in the Mandarin stretch; `script_runs` separates them afterwards.

    >>> language_runs("我用iPhone 15 Pro拍了3张。")
    [('zh', '我用'), ('en', 'iPhone 15 Pro'), ('zh', '拍了3张。')]
    """
    tokens = list(_TOKENS.finditer(text))
    kinds = [token.lastgroup or "" for token in tokens]
    if language != "zh" and "zh" not in kinds:
        return [("en", text)] if text else []
    codes: set[int] = set()
    if language == "auto":
        codes.update(*(range(*code.span()) for code in _CODE.finditer(text)))
    before = accumulate(kinds, _nearest)
    after = list(accumulate(reversed(kinds), _nearest))[::-1]
    runs = []
    for kind, token, left, right in zip(kinds, tokens, before, after, strict=True):
        coded = token.start() in codes and not token[0][0].isalpha()
        runs.append(("zh" if coded else kind or _resolve(token[0], left, right, language), token[0]))
    return _embed_single_words(_joined(runs))


def _nearest(before: str, kind: str) -> str:
    return kind or before


def _resolve(piece: str, before: str, after: str, language: str) -> str:
    """The language of digits and signs: the one asked for, or that of the letters around them."""
    if language != "auto" and any(map(str.isdigit, piece)):
        return language
    if language == "zh" and piece in "¥$€£%+-=/":
        return language
    return after if after and before in ("", after) else "zh"


def _joined(runs: Iterable[Run]) -> list[Run]:
    """Neighbours of one language as one run."""
    grouped = groupby(runs, itemgetter(0))
    return [(kind, "".join(piece for _, piece in group)) for kind, group in grouped]


def _embed_single_words(runs: list[Run]) -> list[Run]:
    if len(runs) == 1:
        return runs
    return _joined(("zh" if _SINGLE_WORD.fullmatch(piece) else kind, piece) for kind, piece in runs)


def script_runs(text: str) -> list[Run]:
    """Stretches of one script each, marks and spaces with the stretch before them.

    >>> script_runs("说hello吗?")
    [('zh', '说'), ('en', 'hello'), ('zh', '吗?')]
    """
    return _joined((match.lastgroup or "en", match[0]) for match in _SCRIPTS.finditer(text) if match[0])


def split_sentences(
    text: str,
    language: str = "auto",
    most: int = 160,
    least: int = 12,
    limit: int = LIMIT,
    unsupported: str = "warn",
    lexicon: Lexicon = None,
) -> list[str]:
    """Sentences to be spoken one after another, each of a length that the model knows from training.

    Cut at sentence ends, line breaks and given pauses; a sentence of more than `most` is cut again at clause marks,
    then at spaces, then anywhere. Pieces shorter than `least` join their neighbour. Emphasis that spans a cut is closed
    and opened again. A hanzi counts as three Latin characters, about what it takes to say. Nothing is lost: the pieces
    together are the cleaned text.

    Args:
        text: raw text, with [emph]...[/emph] where wanted.
        language: `auto`, `en` or `zh`.
        most: longest piece, in Latin characters.
        least: shortest piece, in Latin characters.
        limit: most characters accepted.
        unsupported: as in `clean`.
        lexicon: a user's dictionary, whose words are not cut.

    Raises:
        TextError: as `clean`, and TEXT_EMPTY or TEXT_UNSUPPORTED when nothing speakable is left.
    """
    cleaned, dictionary = speakable(text, language, unsupported, limit, lexicon)
    return [dictionary.written(written(piece)) for piece in cut(cleaned.text, most, least)]


def speakable(
    text: str, language: str, unsupported: str = "warn", limit: int = LIMIT, lexicon: Lexicon = None
) -> tuple[Cleaned, UserDictionary]:
    """The cleaned text, in which there is something to say, and the dictionary that was meant.

    Arguments and errors as in `split_sentences`.
    """
    check_language(language)
    dictionary = user_dictionary(lexicon)
    cleaned = clean(text, limit=limit, unsupported=unsupported, lexicon=dictionary)
    require_speech(cleaned.text, cleaned.warnings)
    return cleaned, dictionary


def cut(cleaned: str, most: int = 160, least: int = 12) -> list[str]:
    """Sentences of a cleaned text, with its private characters; arguments as in `split_sentences`."""
    pieces = [part for sentence in _sentences(cleaned) for part in _shorten(sentence, most)]
    return _balance([p for p in _join_short(pieces, least, most) if p.strip()])


def require_speech(cleaned: str, left_out: Sequence[str] = ()) -> None:
    """Refuses a cleaned text in which there is nothing to say; `left_out` says what was left out of it.

    Raises:
        TextError: TEXT_UNSUPPORTED if all was left out, else TEXT_EMPTY; TEXT_DEGENERATE for an endless word;
            NORMALISE_LIMIT for an endless number.
    """
    if longest := re.search(rf"[A-Za-z]{{{_LONGEST_WORD + 1},}}", cleaned):
        raise TextError(
            "TEXT_DEGENERATE",
            f"A word that begins with '{longest[0][:12]}' has {len(longest[0])} letters",
            f"words of at most {_LONGEST_WORD} letters",
        )
    for number in re.finditer(r"\d{1,3}(?:,\d{3})+|\d+", cleaned):
        check_digits(number[0])
    if _SPEAKABLE.search(cleaned):
        return
    if left_out or re.search(rf"[^\s.,!?…\-—;:()\[\]'/~{EMPHASIS_ON}{EMPHASIS_OFF}{PAUSES}]", cleaned):
        why = left_out[0] if left_out else "It has only symbols."
        raise TextError(
            "TEXT_UNSUPPORTED", f"The text has nothing that can be spoken. {why}", "English or Mandarin text"
        )
    raise TextError("TEXT_EMPTY", "The text is empty or has only punctuation", "at least one word")


def weight(text: str) -> int:
    """Length in Latin characters; a hanzi counts three, emphasis marks nothing."""
    return sum(3 if c > "\u2e00" else 1 for c in _SILENT.sub("", text))


def _sentences(text: str) -> list[str]:
    sentences, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        if match[0].startswith(".") and not ends_sentence(text, start, match.start()):
            continue
        if _PAUSE.match(match[0]) and not _SPEAKABLE.search(text[start : match.start()]):
            continue  # a pause before the first word belongs to what follows
        sentences.append(text[start : match.end()].replace("\n", " "))
        start = match.end()
    return [*sentences, text[start:]]


def _shorten(sentence: str, most: int) -> list[str]:
    for pattern in _CUTS:
        if weight(sentence) <= most:
            break
        pieces = [""]
        for part in filter(None, re.split(pattern, sentence)):
            if pieces[-1] and weight(pieces[-1] + part) > most:
                pieces.append("")
            pieces[-1] += part
        if len(pieces) > 1:
            return [short for piece in pieces for short in _shorten(piece, most)]
    return [sentence]


def _join_short(pieces: list[str], least: int, most: int) -> list[str]:
    joined = pieces[:1]
    for piece in pieces[1:]:
        last = joined[-1]
        speech = bool(_SPEAKABLE.search(piece))
        both = speech and bool(_SPEAKABLE.search(last))
        short = min(weight(last.strip()), weight(piece.strip())) < least
        room = weight(last + piece) <= most + least
        paused = _PAUSE.match(last.rstrip()[-1:]) or _PAUSE.match(piece.lstrip()[:1])
        if (short or not both) and (room or not speech) and not (paused and both):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def _balance(pieces: list[str]) -> list[str]:
    """Emphasis closed at the end of a piece and opened at the beginning of the next."""
    balanced, opened = [], False
    for piece in pieces:
        text = (EMPHASIS_ON if opened else "") + piece.strip()
        opened = piece.count(EMPHASIS_ON) + opened > piece.count(EMPHASIS_OFF)
        balanced.append(text + (EMPHASIS_OFF if opened else ""))
    return [re.sub(rf"{EMPHASIS_ON}\s*{EMPHASIS_OFF}", "", piece) for piece in balanced]
