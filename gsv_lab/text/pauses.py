"""Places for pauses in a text: a phone `SP` at its beginning and behind every word that no mark follows.

People pause where no mark stands, and recordings begin and end with silence. With a phone for it, an alignment can say
where silence is, and a network that walks through the text can stay there or go past it.
"""

from __future__ import annotations

from gsv_lab.text.phones import Phones, Word

PAUSE = "SP"
"""Name of the phone; it makes no sound of its own, so the aligner gives it the silence where it stands, if any."""
PAUSE_SOURCE = "pause"
"""What `Word.source` says of it."""


def is_pause(word: Word) -> bool:
    """Whether a word is a place for a pause and not one of the text."""
    return word.source == PAUSE_SOURCE


def with_pauses(phones: Phones) -> Phones:
    """The same text with its places for pauses, each a word of one phone; a text that has them stays as it is.

    P phones -> at most P + words + 1 phones

    Raises:
        ValueError: the phones have no words.
    """
    if not phones.words:
        raise ValueError("these phones have no words; pauses need the Phones that phonemize returns")
    if any(is_pause(word) for word in phones.words):
        return phones
    words, symbols, counts = [_pause(0)], [PAUSE], [1]
    phone = unit = 0
    for index, word in enumerate(phones.words):
        words.append(word)
        symbols += phones.symbols[phone : phone + word.phones]
        counts += phones.word2phones[unit : unit + word.units]
        phone += word.phones
        unit += word.units
        following = phones.words[index + 1 : index + 2]
        if word.language and all(other.language for other in following):
            words.append(_pause(word.boundary))
            symbols.append(PAUSE)
            counts.append(1)
    return Phones(phones.text, phones.language, tuple(symbols), tuple(counts), tuple(words), phones.warnings)


def _pause(boundary: int) -> Word:
    return Word("", "", pos="punctuation", units=1, phones=1, boundary=boundary, source=PAUSE_SOURCE)
