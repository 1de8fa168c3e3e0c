"""English words with two readings, chosen by part of speech and neighbours.

Most fall into three families, for which the dictionary lists both readings: noun and verb with different stress
(record), -ate (estimate), -se (close, use). The rest is a short list with one rule each. Where no rule speaks, the
dictionary's first reading stands.

One word to each side is looked at.
"""

from __future__ import annotations

from gsv_lab.text.lexicon import Reading, readings

_STRESS_PAIRS = frozenset(
    "record object project permit present conduct conflict contest contract convert decrease desert discount "
    "extract import increase insert insult perfect produce progress protest rebel refund reject subject survey suspect "
    "upset address attribute combine compound console content digest escort refuse torment "
    "transport compress contrast converse convict defect discharge exploit incline offset recall recount segment "
    "transfer".split()
)
_ATE = frozenset(
    "estimate separate graduate moderate duplicate advocate alternate associate delegate deliberate appropriate "
    "articulate elaborate subordinate coordinate approximate animate degenerate desolate precipitate predicate".split()
)
_VOICED_VERBS = frozenset("close use abuse excuse misuse diffuse".split())
_LINKING = frozenset("am is are was were be been feel feels felt seem seems seemed very quite so".split())
_PERFECT = frozenset("have has had having been was were is are be being i've you've we've they've he's she's".split())

# word: (phone that the first reading has, phone that the second has)
_SINGLE: dict[str, tuple[str, str]] = {
    "read": ("IY1", "EH1"),
    "lead": ("IY1", "EH1"),
    "live": ("IH1", "AY1"),
    "lives": ("AY1", "IH1"),
    "tear": ("EH1", "IH1"),
    "tears": ("IH1", "EH1"),
    "wind": ("IH1", "AY1"),
    "wound": ("UW1", "AW1"),
    "bow": ("OW1", "AW1"),
    "dove": ("AH1", "OW1"),
    "bass": ("EY1", "AE1"),
    "sow": ("OW1", "AW1"),
    "learned": ("ER1", "IH0"),
    "invalid": ("AE1", "IH1"),
    "minute": ("IH1", "UW1"),
}
_AFTER_NOUN = frozenset("was is had has who said and in on with sat lay looked would could".split())
# Neighbours that ask for the second reading of a word.
_SECOND_NEXT = {
    "lead": frozenset("pipe pipes pencil pencils poisoning paint acid weight metal".split()),
    "live": frozenset("music broadcast show audience concert performance wire wires animal animals stream".split()),
    "bass": frozenset("fish fishing".split()),
}


def choose(word: str, tag: str, before: str, after: str, past: bool = False) -> Reading | None:
    """The reading of a word with several; None if the word is no heteronym or nothing decides.

    Args:
        word: lower case.
        tag: part of speech of `gsv_lab.text.pos`.
        before: the word before, lower case; empty at the beginning.
        after: the word after.
        past: the sentence speaks of the past (yesterday, ago, last ...).
    """
    listed = readings(word)
    if word in _SINGLE:
        first, second = _SINGLE[word]
        wanted = second if _wants_second(word, tag, before, after, past) else first
        return next((r for r in listed if wanted in r), None)
    if len(listed) < 2:
        return None
    if word in _STRESS_PAIRS:
        late = tag == "verb" or (word in ("content", "upset") and before in _LINKING)
        return next((r for r in listed if _stressed_late(r) == late), None)
    if word in _ATE:
        return next((r for r in listed if (r[-2][:2] == "EY") == (tag == "verb")), None)
    if word in _VOICED_VERBS:
        verb = tag == "verb" and not (word == "close" and (after == "to" or before in ("very", "so", "too", "quite")))
        return next((r for r in listed if (r[-1] == "Z") == verb), None)
    return None


def _stressed_late(reading: Reading) -> bool:
    stresses = [name[-1] for name in reading if name[-1].isdigit()]
    return "1" in stresses[1:]


def _wants_second(word: str, tag: str, before: str, after: str, past: bool) -> bool:
    if after in _SECOND_NEXT.get(word, ()):
        return True
    if word == "read":
        third_person = before in ("he", "she", "it") and after not in ("", "to")  # else it would be "reads"
        return before in _PERFECT or (past and before != "to") or third_person
    if word in ("tear", "tears"):
        return (tag == "verb") == (word == "tears")
    if word == "lives":
        return tag == "verb"
    if word in ("wind", "bow"):
        return tag == "verb" or (word == "bow" and before == "a" and after in ("", "and", "to"))
    if word == "wound":
        return (tag == "verb" and before not in _PERFECT) or after in ("up", "around", "down", "through", "round")
    if word == "dove":
        return tag == "verb" or after in ("into", "in", "under", "down")
    if word == "learned":
        return before in ("a", "the", "very", "most") and after not in ("", "that", "to")
    if word == "invalid":
        return before in ("an", "the", "poor", "old") and (not after or after in _AFTER_NOUN)
    return False  # lead, live, bass: only their neighbours; minute: the time, not the adjective
