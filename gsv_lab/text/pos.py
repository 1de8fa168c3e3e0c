"""Parts of speech, coarse and the same for both languages.

Mandarin tags come from jieba's dictionary. English ones come from lists of closed-class words, endings and the word
before; so they are called here closed-class words and suffix rules, not a tagger. They are right often enough to choose
between two readings of a word and to serve as context features.
"""

from __future__ import annotations

PARTS_OF_SPEECH = (
    *("noun", "name", "verb", "adjective", "adverb", "pronoun", "determiner", "preposition"),
    *("conjunction", "auxiliary", "particle", "numeral", "interjection", "other", "punctuation"),
)

_CLOSED = {
    "determiner": "the a an this that these those my your his her its our their whose each every some any no all both "
    "another such either neither which what",
    "pronoun": "i you he she it we they me him us them myself yourself himself herself itself ourselves themselves who "
    "whom someone anyone everyone something anything everything nothing nobody somebody everybody anybody one mine "
    "yours "
    "hers ours theirs thou thee ye i'm i've i'll i'd you're you've you'll he's she's it's we're we've we'll they're "
    "they've",
    "preposition": "of in on at by for with from into onto upon about over under above below between among through "
    "during before after against toward towards across behind beyond without within along around beside near off out "
    "up "
    "down past since until till like than as per via",
    "conjunction": "and or but nor so yet because although though while if unless whether when where why how",
    "auxiliary": "am is are was were be been being have has had do does did will would shall should can could may "
    "might "
    "must ought isn't aren't wasn't weren't haven't hasn't hadn't don't doesn't didn't won't wouldn't shan't shouldn't "
    "can't cannot couldn't mightn't mustn't let's",
    "particle": "to not n't",
    "adverb": "very too also just only even still never ever always often sometimes here there now then again once "
    "twice "
    "perhaps maybe rather quite almost soon already away back well please however therefore indeed",
    "numeral": "zero two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million "
    "billion "
    "first second third fourth fifth half",
    "interjection": "oh ah hey hello hi yes yeah okay ok wow oops hmm goodbye bye alas hurrah",
}
_CLOSED_CLASS = {word: kind for kind, words in _CLOSED.items() for word in words.split()}
_COMMON_VERBS = frozenset(
    "go goes went gone come comes came say says said see sees saw seen get gets got make makes made know knows knew "
    "think thinks thought take takes took give gives gave find found tell told ask asked look looked seem seemed feel "
    "felt leave left put keep kept begin began turn show hear heard let run ran bring brought stand stood lose lost "
    "pay "
    "paid meet met sit sat speak spoke spoken write wrote written eat ate drink drank sleep slept buy bought sell sold "
    "want wants need needs try tries walk walked wait stop open help play love hate believe understand remember".split()
)
_SUFFIXES = (
    ("ly", "adverb"),
    *((s, "noun") for s in "tion sion ness ment ity ship hood ance ence ism ist dom".split()),
    *((s, "adjective") for s in ("ous", "ful", "less", "able", "ible", "ical", "ish", "ive", "ic", "al")),
    *((s, "verb") for s in ("ize", "ise", "ify", "ed", "ing")),
)
_NOUNS = frozenset(
    "music traffic topic public logic fabric magic animal hospital capital journal festival signal metal arrival goal "
    "family thing morning evening building meeting bed red hundred seed need feed speed king ring wing string "
    "spring".split()
)
_ADJECTIVES = frozenset(
    "good bad new old young big small large little long short high low great own other same last next few many much "
    "more "
    "most early late hard soft hot cold warm cool rich poor full empty happy sad strong weak dark bright deep wide "
    "thin "
    "thick heavy quick slow fast sweet dear sure true false right wrong ready quiet loud strange white black green "
    "blue "
    "brown grey gray yellow whole better best worse worst older younger".split()
)
_OBJECTS = frozenset("it them him her me us".split())
_NO_VERB_AFTER = frozenset("is are was were be been am have has".split())
_SUBJECTS = frozenset("i you he she it we they who".split())

_JIEBA_FLAGS = {
    **{"n": "noun", "nr": "name", "ns": "name", "nt": "name", "nz": "name", "vn": "noun", "v": "verb", "an": "noun"},
    **{"ad": "adverb", "a": "adjective", "b": "adjective", "z": "adjective", "d": "adverb", "r": "pronoun"},
    **{"m": "numeral", "q": "numeral", "p": "preposition", "c": "conjunction", "u": "particle", "y": "particle"},
    **{"k": "particle", "h": "particle", "e": "interjection", "o": "interjection", "f": "noun", "s": "noun"},
    **{"t": "noun"},
}


def from_jieba(flag: str) -> str:
    """The coarse part of speech of a jieba flag; idioms and unknown flags are `other`."""
    return _JIEBA_FLAGS.get(flag[:2]) or _JIEBA_FLAGS.get(flag[:1], "other")


def tag_english(words: list[str]) -> list[str]:
    """A coarse part of speech for each word of a sentence, by closed-class words and suffix rules."""
    tags: list[str] = []
    for index, word in enumerate(words):
        before = words[index - 1].lower() if index else ""
        after = words[index + 1].lower() if index + 1 < len(words) else ""
        tags.append(_tag(word, before, after, tags[-1] if tags else "", index))
    return tags


def _tag(word: str, before: str, after: str, tag_before: str, index: int) -> str:
    lower = word.lower()
    if lower in _CLOSED_CLASS:
        kind = _CLOSED_CLASS[lower]
        return "pronoun" if lower in ("that", "this", "his", "her") and tag_before == "preposition" else kind
    if index and word[0].isupper() and not word.isupper():
        return "name"
    if lower in _ADJECTIVES:
        return "adjective"
    if before == "to" or (tag_before == "auxiliary" and before not in _NO_VERB_AFTER):
        return "verb"
    if not index and (_CLOSED_CLASS.get(after) == "determiner" or after in _OBJECTS):
        return "verb"  # a command, as in "close the door"
    if lower in _NOUNS:
        return "noun"
    if lower in _COMMON_VERBS and tag_before not in ("determiner", "adjective"):
        return "verb"
    if before in _SUBJECTS:
        return "verb"
    for ending, kind in _SUFFIXES:
        if lower.endswith(ending) and len(lower) > len(ending) + 2:
            return "adjective" if kind == "verb" and tag_before == "determiner" else kind
    return "noun"
