"""Parts of speech, coarse and the same for both languages.

Mandarin tags come from jieba's dictionary. English ones come from lists of closed-class words, endings and the words
around; so they are called here closed-class words and suffix rules, not a tagger. They are right often enough to choose
between two readings of a word and to serve as context features.
"""

from __future__ import annotations

from gsv_lab.text import lists_en as lists

PARTS_OF_SPEECH = (
    *("noun", "name", "verb", "adjective", "adverb", "pronoun", "determiner", "preposition"),
    *("conjunction", "auxiliary", "particle", "numeral", "interjection", "other", "punctuation"),
)

_CLOSED_CLASS = {word: kind for kind, words in lists.CLOSED.items() for word in words.split()}
_SUFFIXES = (
    ("ly", "adverb"),
    *((s, "noun") for s in "tion sion ness ment ity ship hood ance ence ism ist dom".split()),
    *((s, "adjective") for s in ("ous", "ful", "less", "able", "ible", "ical", "ish", "ive", "ic", "al")),
    *((s, "verb") for s in ("ize", "ise", "ify", "ed", "ing")),
)
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
    object_follows = _CLOSED_CLASS.get(after) == "determiner" or after in lists.OBJECTS
    if word in _CLOSED_CLASS:
        kind = _CLOSED_CLASS[word]
        return "pronoun" if word in ("that", "this", "his", "her") and tag_before == "preposition" else kind
    if tokens[index][0].isupper() and not tokens[index].isupper() and not begins:
        return "name"
    if word in lists.ADJECTIVES:
        return "adjective"
    if before == "to" or (tag_before == "auxiliary" and before not in lists.NO_VERB_AFTER):
        return "verb"
    if object_follows and (
        begins or before in lists.LEADS_TO_VERB or (before in lists.OBJECTS and earlier in lists.LETTING)
    ):
        return "verb"  # a command, as in "please close the door", or "let me close the door"
    if word in lists.NOUNS:
        return "noun"
    if word in lists.COMMON_VERBS and tag_before not in ("determiner", "adjective"):
        return "verb"
    if before in lists.SUBJECTS or (before in ("not", "never", "always") and earlier in lists.SUBJECTS | lists.DOING):
        return "verb"
    if object_follows and tag_before in ("noun", "name", "pronoun") and (word.endswith("s") != before.endswith("s")):
        return "verb"  # "the plan presents a problem", "critics contest the claim"
    if tag_before == "noun" and tags[-2:-1] == ["determiner"] and _governs(word, after, tokens[index + 2 : index + 3]):
        return "verb"  # "the company projects growth."
    return _by_suffix(word, tag_before)


def _governs(word: str, after: str, further: list[str]) -> bool:
    """Whether a word in -s looks like a verb whose object ends the clause."""
    another = after in _CLOSED_CLASS or after in lists.COMMON_VERBS or not after.isalpha() or after.endswith("ed")
    return word.endswith("s") and not another and (not further or not further[0][-1].isalpha())


def _by_suffix(word: str, tag_before: str) -> str:
    for ending, kind in _SUFFIXES:
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return "adjective" if kind == "verb" and tag_before == "determiner" else kind
    return "noun"
