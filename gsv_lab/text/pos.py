"""Parts of speech, coarse and the same for both languages.

Mandarin tags come from jieba's dictionary. English ones come from lists of closed-class words, endings and the words
around; so they are called here closed-class words and suffix rules, not a tagger. They are right often enough to choose
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
_LEADS_TO_VERB = frozenset(
    "please kindly just then now and or but always never not don't first next finally also again simply quickly "
    "carefully let's so instead immediately later can't".split()
)
_LETTING = frozenset("let lets make makes made help helps helped have had see saw watch watched hear heard".split())
_DOING = frozenset("do does did can could will would should must may might shall".split())

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


def tag_english(tokens: list[str]) -> list[str]:
    """A coarse part of speech for each word and mark, by closed-class words, suffix rules and neighbours."""
    tags: list[str] = []
    for index in range(len(tokens)):
        tags.append(_tag(tokens, tags, index) if tokens[index][-1].isalpha() else "punctuation")
    return tags


def _tag(tokens: list[str], tags: list[str], index: int) -> str:
    word = tokens[index].lower()
    before, earlier = (tokens[index - back].lower() if index >= back else "" for back in (1, 2))
    after = tokens[index + 1].lower() if index + 1 < len(tokens) else ""
    tag_before = tags[-1] if tags else "punctuation"
    begins = tag_before == "punctuation"
    object_follows = _CLOSED_CLASS.get(after) == "determiner" or after in _OBJECTS
    if word in _CLOSED_CLASS:
        kind = _CLOSED_CLASS[word]
        return "pronoun" if word in ("that", "this", "his", "her") and tag_before == "preposition" else kind
    if tokens[index][0].isupper() and not tokens[index].isupper() and not begins:
        return "name"
    if word in _ADJECTIVES:
        return "adjective"
    if before == "to" or (tag_before == "auxiliary" and before not in _NO_VERB_AFTER):
        return "verb"
    if object_follows and (begins or before in _LEADS_TO_VERB or (before in _OBJECTS and earlier in _LETTING)):
        return "verb"  # a command, as in "please close the door", or "let me close the door"
    if word in _NOUNS:
        return "noun"
    if word in _COMMON_VERBS and tag_before not in ("determiner", "adjective"):
        return "verb"
    if before in _SUBJECTS or (before in ("not", "never", "always") and earlier in _SUBJECTS | _DOING):
        return "verb"
    if object_follows and tag_before in ("noun", "name", "pronoun") and (word.endswith("s") != before.endswith("s")):
        return "verb"  # "the plan presents a problem", "critics contest the claim"
    if tag_before == "noun" and tags[-2:-1] == ["determiner"] and _governs(word, after, tokens[index + 2 : index + 3]):
        return "verb"  # "the company projects growth."
    return _by_suffix(word, tag_before)


def _governs(word: str, after: str, further: list[str]) -> bool:
    """Whether a word in -s looks like a verb whose object ends the clause."""
    another = after in _CLOSED_CLASS or after in _COMMON_VERBS or not after.isalpha() or after.endswith("ed")
    return word.endswith("s") and not another and (not further or not further[0][-1].isalpha())


def _by_suffix(word: str, tag_before: str) -> str:
    for ending, kind in _SUFFIXES:
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return "adjective" if kind == "verb" and tag_before == "determiner" else kind
    return "noun"
