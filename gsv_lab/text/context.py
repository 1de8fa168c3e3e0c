"""Context features: what a phone cannot know by itself, its word, its phrase, its sentence, what is emphasised.

The released models give their GPT the context through BERT's hidden states; this provider does the same job with
features that anyone can name, without weights or network. Both have the role `ContextEncoder`.

Places for pauses (`gsv_lab.text.pauses`) change nothing for the other phones; their own features are all 0.
Sentences are kept apart: the features of `a + b` are those of `a` and of `b` side by side, so that prompt and target
can be computed once and joined. Letters: B batch, C channels, P phones. All values lie in [0, 1].
"""

from __future__ import annotations

from bisect import bisect, bisect_left
from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import ContextEncoder
from gsv_lab.text.pauses import is_pause
from gsv_lab.text.phones import Phones, Word
from gsv_lab.text.pos import PARTS_OF_SPEECH
from gsv_lab.text.symbols import EN_STRESSED_VOWELS, ZH_FINALS

__all__ = ["CHANNELS", "PARTS_OF_SPEECH", "LexicalContext", "per_phone"]

Column = dict[str, float]
"""Values of the channels of one phone; what is not named is 0."""
_POS_CHANNELS = PARTS_OF_SPEECH[:12]
CHANNELS: tuple[str, ...] = (
    *("english", "mandarin", "mark"),
    *("word_begin", "word_end", "word_position", "word_length"),
    *("phrase_begin", "phrase_end", "from_last_mark", "to_next_mark"),
    *("sentence_position", "sentence_length", "sentence_end", "question", "exclamation"),
    *("emphasis", "stress_primary", "stress_secondary"),
    *(f"tone_{tone}" for tone in range(1, 6)),
    *(f"pos_{name}" for name in _POS_CHANNELS),
)
"""Name of every channel, in order."""
_INDEX = {name: index for index, name in enumerate(CHANNELS)}
_STRESS = {"1": "stress_primary", "2": "stress_secondary"}
_LONG_WORD, _FAR, _LONG_SENTENCE = 12, 20, 120  # phones at which the length channels reach 1


class LexicalContext(ContextEncoder):
    """Words, boundaries, parts of speech and emphasis as features of each phone.

    Phones -> (C, P); a list of them -> (B, C, P), padded with zeros

    Why: prosody follows words and phrases, which single phones do not show. With and without it is an experiment of the
    course. Parts of speech are jieba's for Mandarin, closed-class words and suffix rules for English.

    The constructor takes no argument: the channels are `CHANNELS`, so `dim` is their number.
    """

    features = Tap("channel phone", meaning="context features; channel names in gsv_lab.text.context.CHANNELS")
    emphasis = Tap("channel phone", meaning="their channel of emphasis, which [emph] in a text sets: 0 or 1")

    def __init__(self) -> None:
        super().__init__()
        self.dim = len(CHANNELS)

    def forward(self, phones: object) -> Tensor:
        """See the class."""
        if isinstance(phones, Phones):
            return self.features(self._emphasised(self._one(phones)))
        if not isinstance(phones, Sequence) or not phones or not all(isinstance(item, Phones) for item in phones):
            raise TypeError(f"context features are made of Phones or a list of them, not of {type(phones).__name__}")
        single = [self.features(self._emphasised(self._one(item))) for item in phones]
        longest = max(item.shape[1] for item in single)
        return torch.stack([torch.nn.functional.pad(item, (0, longest - item.shape[1])) for item in single])

    def _emphasised(self, x: Tensor) -> Tensor:
        row = _INDEX["emphasis"]
        return torch.cat([x[:row], self.emphasis(x[row : row + 1]), x[row + 1 :]])

    def _one(self, phones: Phones) -> Tensor:
        if not phones.words:
            raise ValueError("these phones have no words; context features need the Phones that phonemize returns")
        places = _places_of_words(phones)
        spoken = [word for word in phones.words if not is_pause(word)]
        columns: list[dict[str, float]] = []
        for sentence in _sentences(spoken):
            start = len(columns)
            end = start + sum(word.phones for word in sentence)
            columns += _sentence_columns(sentence, tuple(phones.symbols[i] for i in places[start:end]))
        x = torch.zeros(self.dim, len(phones))
        for place, values in zip(places, columns, strict=True):
            for name, value in values.items():
                x[_INDEX[name], place] = value
        return x


def _places_of_words(phones: Phones) -> list[int]:
    """Which phones belong to words and marks of the text, and not to pauses."""
    places: list[int] = []
    position = 0
    for word in phones.words:
        if not is_pause(word):
            places += range(position, position + word.phones)
        position += word.phones
    return places


def per_phone(hidden: Tensor, phones: Phones) -> Tensor:
    """Hidden states of units repeated for their phones: (C, units) -> (C, P).

    This is how the released families align BERT with phones (two phones a character, one a mark).

    Raises:
        ValueError: the number of columns is not the number of units.
    """
    if hidden.shape[-1] != len(phones.word2phones):
        raise ValueError(f"{hidden.shape[-1]} hidden states for {len(phones.word2phones)} units")
    return hidden.repeat_interleave(torch.tensor(phones.word2phones, device=hidden.device), dim=-1)


def _sentences(words: Sequence[Word]) -> list[Sequence[Word]]:
    """Words up to and with the mark that ends the sentence."""
    sentences = []
    start = 0
    for end, word in enumerate(words, 1):
        if end == len(words) or (word.boundary == 2 and words[end].language):
            sentences.append(words[start:end])
            start = end
    return sentences


def _sentence_columns(words: Sequence[Word], symbols: tuple[str, ...]) -> list[Column]:
    """The channel values of each phone of a sentence."""
    count = len(symbols)
    starts = list(accumulate((word.phones for word in words), initial=0))
    marks = [-1, *(start for start, word in zip(starts, words, strict=False) if not word.language), count]
    closing = "" if words[-1].language else words[-1].text
    last = max((index for index, word in enumerate(words) if word.language), default=-1)
    columns = []
    for index, word in enumerate(words):
        edges = _edges(words, index) | {"sentence_end": float(index == last)} if word.language else {}
        for k in range(word.phones):
            position = starts[index] + k
            columns.append(
                {
                    "sentence_length": min(count / _LONG_SENTENCE, 1.0),
                    "question": float("?" in closing),
                    "exclamation": float("!" in closing),
                    "sentence_position": position / max(count - 1, 1),
                    "from_last_mark": min((position - marks[bisect(marks, position) - 1]) / _FAR, 1.0),
                    "to_next_mark": min((marks[bisect_left(marks, position)] - position) / _FAR, 1.0),
                    **edges,
                    **_word_values(word, k),
                    **_sound_values(symbols[position]),
                }
            )
    return columns


def _edges(words: Sequence[Word], index: int) -> Column:
    """Whether a word begins and ends a phrase."""
    begins = index == 0 or not words[index - 1].language
    return {"phrase_begin": float(begins), "phrase_end": float(words[index].boundary > 0)}


def _word_values(word: Word, k: int) -> Column:
    if not word.language:
        return {"mark": 1.0}
    values = {
        "english" if word.language == "en" else "mandarin": 1.0,
        "word_begin": float(k == 0),
        "word_end": float(k == word.phones - 1),
        "word_position": k / max(word.phones - 1, 1),
        "word_length": min(word.phones / _LONG_WORD, 1.0),
        "emphasis": float(word.emphasis),
    }
    if word.pos in _POS_CHANNELS:
        values[f"pos_{word.pos}"] = 1.0
    return values


def _sound_values(symbol: str) -> Column:
    """Stress of an English vowel, tone of a Mandarin final."""
    if symbol[:-1] in ZH_FINALS and symbol[-1].isdigit():
        return {f"tone_{symbol[-1]}": 1.0}
    stress = _STRESS.get(symbol[-1]) if symbol in EN_STRESSED_VOWELS else None
    return {stress: 1.0} if stress else {}
