"""Parts of speech, coarse and the same for both languages.

Mandarin tags come from jieba's dictionary. English ones come from lists of closed-class words, endings and the words
around; so they are called here closed-class words and suffix rules, not a tagger. They are right often enough to choose
between two readings of a word and to serve as context features.
"""

from __future__ import annotations

from gsv_lab.text import lists_en as lists
from gsv_lab.text.polyphones import JIEBA_FLAGS

PARTS_OF_SPEECH = tuple(lists.PARTS_OF_SPEECH.split())
_CLOSED_CLASS = {word: kind for kind, words in lists.CLOSED.items() for word in words.split()}
_SUFFIXES = {ending: kind for kind, endings in lists.SUFFIXES.items() for ending in endings.split()}


def from_jieba(flag: str) -> str:
    """The coarse part of speech of a jieba flag; idioms and unknown flags are `other`."""
    return JIEBA_FLAGS.get(flag[:2]) or JIEBA_FLAGS.get(flag[:1], "other")


def tag_english(tokens: list[str]) -> list[str]:
    """A coarse part of speech for each word and mark, by closed-class words, suffix rules and neighbours."""
    small = ["", "", *(token.lower() for token in tokens), "", ""]
    tags = ["", "punctuation"]
    for index, token in enumerate(tokens):
        word = token[-1].isalpha()
        tags.append(_tag(token, small[index : index + 5], tags[-2:]) if word else "punctuation")
    return tags[2:]


def _tag(token: str, words: list[str], tags: list[str]) -> str:
    """The part of speech of the third of five words by these and the tags of those before."""
    earlier, before, word, after, further = words
    tag_before = tags[-1]
    begins = tag_before == "punctuation"
    if word in _CLOSED_CLASS:
        pronoun = tag_before == "preposition" and word in ("that", "this", "his", "her")
        return "pronoun" if pronoun else _CLOSED_CLASS[word]
    if token[0].isupper() and not token.isupper() and not begins:
        return "name"
    if word in lists.ADJECTIVES:
        return "adjective"
    if before == "to" or (tag_before == "auxiliary" and before not in lists.NO_VERB_AFTER):
        return "verb"
    object_follows = _CLOSED_CLASS.get(after) == "determiner" or after in lists.OBJECTS
    let = before in lists.OBJECTS and earlier in lists.LETTING
    if object_follows and (begins or let or before in lists.LEADS_TO_VERB):
        return "verb"  # a command, as in "please close the door", or "let me close the door"
    if word in lists.NOUNS:
        return "noun"
    if word in lists.COMMON_VERBS and tag_before not in ("determiner", "adjective"):
        return "verb"
    adverb = before in ("not", "never", "always") and earlier in lists.SUBJECTS | lists.DOING
    if adverb or before in lists.SUBJECTS:
        return "verb"
    agrees = word.endswith("s") != before.endswith("s")
    if object_follows and agrees and tag_before in ("noun", "name", "pronoun"):
        return "verb"  # "the plan presents a problem", "critics contest the claim"
    if tags == ["determiner", "noun"] and _governs(word, after, further):
        return "verb"  # "the company projects growth."
    return _by_suffix(word, tag_before)


def _governs(word: str, after: str, further: str) -> bool:
    """Whether a word in -s looks like a verb whose object ends the clause."""
    another = after in _CLOSED_CLASS or after in lists.COMMON_VERBS or not after.isalpha() or after.endswith("ed")
    return word.endswith("s") and not another and not further[-1:].isalpha()


def _by_suffix(word: str, tag_before: str) -> str:
    for ending, kind in _SUFFIXES.items():
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return "adjective" if kind == "verb" and tag_before == "determiner" else kind
    return "noun"
