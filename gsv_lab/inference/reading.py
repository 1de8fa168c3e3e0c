"""What is to be spoken, read: a text with a voice's dictionary, and given pauses put into the made wave."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from gsv_lab.inference.utterance import Speech, joined
from gsv_lab.text import Phones, phonemize
from gsv_lab.text.front import Sentence, phonemize_sentences
from gsv_lab.text.phones import closed
from gsv_lab.text.user_dictionary import Lexicon, UserDictionary, user_dictionary

_FRAME = 0.005
_QUIET = 40.0
"""dB below the loudest frame, from where an edge counts as silence."""
_MARGIN = 0.01
"""Seconds of an edge that stay, so that a soft consonant is not cut."""


def both(lexicon: Lexicon, own: dict[str, str]) -> UserDictionary:
    """A given dictionary over that of a voice."""
    return user_dictionary(lexicon).over(UserDictionary(own, "the voice's dictionary"))


def read_reference(text: str, language: str, lexicon: Lexicon) -> Phones:
    """The phones of what is said in a recording; what was left out or guessed is warned of."""
    phones = phonemize(text, language, lexicon=lexicon)
    _warn(phones.warnings)
    return phones


def read(text: str, language: str, lexicon: Lexicon) -> list[Sentence]:
    """The sentences of a text, each with a mark at its end; what was left out or guessed is warned of, once."""
    sentences = []
    for sentence in phonemize_sentences(text, language, lexicon):
        _warn(sentence.phones.warnings)
        sign = "." if sentence.pause_after is None else ","
        sentences.append(sentence._replace(phones=closed(sentence.phones, sign)))
    return sentences


def _warn(found: Iterable[str]) -> None:
    for warning in found:
        warnings.warn(warning, stacklevel=4)


def with_pauses(parts: Iterable[Speech], sentence: Sentence) -> Iterator[Speech]:
    """The parts of a spoken sentence; with a pause before or after it they come as one, so that its edges are known."""
    before, after = sentence.pause_before, sentence.pause_after
    if before is None and after is None:
        yield from parts
        return
    whole = joined(list(parts), 0.0)
    wave = whole.wave
    if before is not None:
        wave = _edge(wave.flip(0), whole.sample_rate, before).flip(0)
    if after is not None:
        wave = _edge(wave, whole.sample_rate, after)
    yield replace(whole, wave=wave, paused=(before is not None, after is not None))


def _edge(wave: Tensor, sample_rate: int, seconds: float) -> Tensor:
    """A wave (T,) whose end is silent for so many seconds: its own silence is taken away and new silence put there."""
    size = round(_FRAME * sample_rate)
    count = wave.numel() // size
    if not count:
        return torch.cat([wave, wave.new_zeros(round(seconds * sample_rate))])
    frames = wave[wave.numel() - count * size :].reshape(count, size)
    level = 10 * torch.log10(frames.double().square().mean(1) + 1e-12)
    loud = int((level > level.max() - _QUIET).nonzero()[-1]) + 1
    margin = round(min(_MARGIN, seconds) * sample_rate)
    quiet = (count - loud) * size
    kept = wave[: wave.numel() - max(0, quiet - margin)]
    return torch.cat([kept, wave.new_zeros(max(0, round(seconds * sample_rate) - min(quiet, margin)))])
