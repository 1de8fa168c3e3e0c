"""Which language a stretch of text is in, and where long text is cut into sentences.

Letters decide: hanzi are Mandarin, Latin letters English. Digits and symbols take the language of the letters on both
sides; where those differ, or in a text that is asked to be Mandarin, they are read in Mandarin, as bilingual speakers
of Mandarin do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gsv_lab.errors import TextError
from gsv_lab.text.clean import HAN, LIMIT, clean
from gsv_lab.text.marks import EMPHASIS_OFF, EMPHASIS_ON, PAUSES, written
from gsv_lab.text.normalise_zh import UNIT_PATTERN
from gsv_lab.text.numbers_en import check_digits
from gsv_lab.text.stops_en import ends_sentence
from gsv_lab.text.user_dictionary import GIVEN_EN, GIVEN_ZH, Lexicon, user_dictionary

LATIN = "A-Za-zÀ-ÖØ-öø-ÿ"
"""Latin letters, as the inside of a character class of a regular expression."""
LANGUAGES = ("auto", "en", "zh")
_TOKENS = re.compile(
    rf"(?P<zh>[{HAN}{GIVEN_ZH}]+)|(?P<quantity>\d[\d.,]*(?:\s?(?:{UNIT_PATTERN})(?![A-Za-z]))?)"
    rf"|(?P<en>[{LATIN}{GIVEN_EN}]+(?:'[{LATIN}]+)*)|(?P<other>\s+|.)",
    re.DOTALL,
)
_SCRIPTS = re.compile(
    rf"(?P<zh>[{HAN}{GIVEN_ZH}]+)|(?P<en>[{LATIN}{GIVEN_EN}]+)|(?P<other>[^{LATIN}{HAN}{GIVEN_ZH}{GIVEN_EN}]+)"
)
_CODE = re.compile(
    rf"(?<![{LATIN}\d@/._\-])(?<![{LATIN}] )(?![A-Z]2[A-Z](?![A-Za-z\d]))(?=[\d.\-]*[A-Za-z])(?=[A-Za-z.\-]*\d)"
    rf"(?:[A-Za-z\d]|[.\-](?=\d))+(?![{LATIN}\d@/_]|\.[A-Za-z]| [{LATIN}])"
)
"""Letters and digits without a blank, as in T2 or 16GB, that stand in no stretch of English and in no address."""
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


def language_runs(text: str, language: str = "auto") -> list[tuple[str, str]]:
    """Stretches of a clean text with the language that reads their numbers and symbols.

    Single English words inside Mandarin stay in the Mandarin stretch; `script_runs` separates them afterwards.

    >>> language_runs("我用iPhone 15 Pro拍了3张。")
    [('zh', '我用'), ('en', 'iPhone 15 Pro'), ('zh', '拍了3张。')]
    """
    kinds, pieces = [], []
    for match in _TOKENS.finditer(text):
        kinds.append("" if match.lastgroup in ("other", "quantity") else str(match.lastgroup))
        pieces.append(match.group())
    if language == "auto" and "zh" not in kinds:
        return [("en", text)] if text else []
    if language == "en" and "zh" not in kinds:
        return [("en", text)] if text else []
    resolved = _resolve(kinds, pieces, language)
    codes = {at for match in _CODE.finditer(text) for at in range(*match.span())} if language == "auto" else set()
    at = 0
    for i, piece in enumerate(pieces):
        if at in codes and piece[0].isdigit():
            resolved[i] = "zh"
        at += len(piece)
    runs: list[tuple[str, str]] = []
    for kind, piece in zip(resolved, pieces, strict=True):
        if runs and runs[-1][0] == kind:
            runs[-1] = (kind, runs[-1][1] + piece)
        else:
            runs.append((kind, piece))
    return _embed_single_words(runs)


def _resolve(kinds: list[str], pieces: list[str], language: str) -> list[str]:
    """A language for every token: its own, or that of the letters around it."""
    following: list[str] = [""] * len(kinds)
    nearest = ""
    for i in range(len(kinds) - 1, -1, -1):
        nearest = kinds[i] or nearest
        following[i] = nearest
    resolved, before = [], ""
    for kind, piece, after in zip(kinds, pieces, following, strict=True):
        before = kind or before
        if kind:
            resolved.append(kind)
        elif language != "auto" and (any(c.isdigit() for c in piece) or (language == "zh" and piece in "¥$€£%+-=/")):
            resolved.append(language)
        elif not before:
            resolved.append(after or "zh")
        else:
            resolved.append(before if before == after else "zh")
    return resolved


def _embed_single_words(runs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    merged: list[tuple[str, str]] = []
    for kind, piece in runs:
        single = kind == "en" and re.fullmatch(rf"[{LATIN}]+(?:'[{LATIN}]+)*,?", piece) and len(runs) > 1
        kind = "zh" if single else kind
        if merged and merged[-1][0] == kind == "zh":
            merged[-1] = ("zh", merged[-1][1] + piece)
        else:
            merged.append((kind, piece))
    return merged


def script_runs(text: str) -> list[tuple[str, str]]:
    """Stretches of one script each, marks and spaces with the stretch before them.

    >>> script_runs("说hello吗?")
    [('zh', '说'), ('en', 'hello'), ('zh', '吗?')]
    """
    runs: list[tuple[str, str]] = []
    for match in _SCRIPTS.finditer(text):
        kind, piece = str(match.lastgroup), match.group()
        if runs and kind in (runs[-1][0], "other"):
            runs[-1] = (runs[-1][0], runs[-1][1] + piece)
        elif runs and runs[-1][0] == "other":
            runs[-1] = (kind, runs[-1][1] + piece)
        else:
            runs.append((kind, piece))
    return [("en" if kind == "other" else kind, piece) for kind, piece in runs]


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
    check_language(language)
    dictionary = user_dictionary(lexicon)
    cleaned = clean(text, limit=limit, unsupported=unsupported, lexicon=dictionary)
    require_speech(cleaned.text, cleaned.warnings)
    return [dictionary.written(written(piece)) for piece in cut(cleaned.text, most, least)]


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
            f"A word that begins with '{longest.group()[:12]}' has {len(longest.group())} letters",
            f"words of at most {_LONGEST_WORD} letters",
        )
    for number in re.finditer(r"\d{1,3}(?:,\d{3})+|\d+", cleaned):
        check_digits(number.group())
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
    return sum(3 if ord(c) > 0x2E00 else 1 for c in text if not _SILENT.match(c))


def _sentences(text: str) -> list[str]:
    sentences, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        if match.group().startswith(".") and not ends_sentence(text, start, match.start()):
            continue
        if _PAUSE.match(match.group()) and not _SPEAKABLE.search(text[start : match.start()]):
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
    joined: list[str] = []
    for piece in pieces:
        short = weight(piece.strip()) < least or not _SPEAKABLE.search(piece)
        previous_short = bool(joined) and (weight(joined[-1].strip()) < least or not _SPEAKABLE.search(joined[-1]))
        room = bool(joined) and weight(joined[-1]) + weight(piece) <= most + least
        paused = bool(joined) and (_PAUSE.match(joined[-1].rstrip()[-1:]) or _PAUSE.match(piece.lstrip()[:1]))
        apart = paused and all(_SPEAKABLE.search(side) for side in (joined[-1], piece))
        if joined and not apart and (short or previous_short) and (room or not _SPEAKABLE.search(piece)):
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
