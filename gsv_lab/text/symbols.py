"""The phone names of the released models, their numbers, and the coarser alphabet that recognisers use.

A released checkpoint knows phones by position in a list, so the order below is part of its format. The lists are
built by rule: consonants, vowels x stress for English (ARPAbet); initials, finals x tone for Mandarin; the other
languages' names keep their places although this kit has no front end for them.
"""

from __future__ import annotations

PUNCTUATION = ("!", "?", "…", ",", ".", "-")
SPECIALS = ("SP", "SP2", "SP3", "UNK")
PAD, UNKNOWN = "_", "UNK"

EN_CONSONANTS = tuple("B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH".split())
EN_VOWELS = tuple("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())
EN_STRESSED_VOWELS = tuple(f"{vowel}{stress}" for vowel in EN_VOWELS for stress in range(3))

ZH_NULL_INITIALS = ("AA", "EE", "OO")
ZH_INITIALS = tuple("b c ch d f g h j k l m n p q r s sh t w x y z zh".split())
ZH_FINALS = tuple(
    "E En a ai an ang ao e ei en eng er i i0 ia ian iang iao ie in ing iong ir iu o ong ou "
    "u ua uai uan uang ui un uo v van ve vn".split()
)

_JA = "I N U a b by ch cl d dy e f g gy h hy i j k ky m my n ny o p py r ry s sh t ts u v w y z"
_KO = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅐㅓㅔㅗㅜㅡㅣ停空"
_YUE_INITIALS = "b c d f g gw h j k kw l m n ng p s t w z"
# The Cantonese list is irregular: syllabic nasals and some rhymes also exist without a tone, and so does every tone
# of three bare stops. Facts of the released inventory, not of the language.
_YUE_TONED = (
    "a aa aai aak aam aan aang aap aat aau ai ak am an ang ap at au e ei ek eng eoi eon eot g i ik im in ing ip it iu "
    "k m n o oe oek oeng oi ok on ong ot ou p t u ui uk un ung ut yu yun yut"
)
_YUE_BARE = "a aa ai ak au e g k m n o oi ok on ou p t uk"


def _v1() -> tuple[str, ...]:
    names = {PAD, *PUNCTUATION, *SPECIALS, *_JA.split(), *ZH_NULL_INITIALS, *ZH_INITIALS, *EN_CONSONANTS, "ER", "IH"}
    names |= {f"{final}{tone}" for final in ZH_FINALS for tone in range(1, 6)}
    return tuple(sorted({*names, *EN_STRESSED_VOWELS}))


def _v2_additions() -> tuple[str, ...]:
    yue = {f"Y{name}" for name in (*_YUE_INITIALS.split(), *_YUE_BARE.split())}
    yue |= {f"Y{name}{tone}" for name in _YUE_TONED.split() for tone in range(1, 7)}
    return ("[", "]", *sorted(_KO), *sorted(yue))


SYMBOLS_V1: tuple[str, ...] = _v1()
SYMBOLS: tuple[str, ...] = SYMBOLS_V1 + _v2_additions()
SYMBOL_ID: dict[str, int] = {name: index for index, name in enumerate(SYMBOLS)}

BLANK = "<blank>"
CTC_SYMBOLS: tuple[str, ...] = (BLANK, *sorted((*EN_CONSONANTS, *EN_VOWELS)), *ZH_INITIALS, *ZH_FINALS)
CTC_ID: dict[str, int] = {name: index for index, name in enumerate(CTC_SYMBOLS)}


def guessed_id(label: int) -> int:
    """Phone id for a recogniser's label, where there is no transcript.

    Stress and tone are unknown to it; vowels get the first of each, which is no worse a guess than another.
    """
    name = CTC_SYMBOLS[label]
    return SYMBOL_ID.get(f"{name}1", SYMBOL_ID.get(name, SYMBOL_ID[UNKNOWN]))


def fold(symbol: str) -> str | None:
    """A phone without stress or tone, as recognisers use it; None for what makes no sound of its own.

    English keeps upper case (`AH0` -> `AH`), Mandarin lower case (`ang4` -> `ang`; `E1` -> `E`, which is no ARPAbet
    name), so the two languages stay apart. Punctuation, pauses and the silent Mandarin initials AA, EE, OO give None,
    and so do names of languages without a recogniser.

    >>> fold("AA1"), fold("AA"), fold("ang4"), fold("zh"), fold(",")
    ('AA', None, 'ang', 'zh', None)
    """
    if symbol in ZH_NULL_INITIALS:
        return None
    if symbol in CTC_ID and symbol != BLANK and symbol not in ZH_FINALS:
        return symbol
    base = symbol[:-1]
    if symbol[-1:].isdigit() and base in CTC_ID and base not in EN_CONSONANTS and base not in ZH_INITIALS:
        return base
    return None
