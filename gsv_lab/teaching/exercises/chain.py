"""The chain from a recording to a cloned voice, with one link of the kit after the other in nature's place.

    voice = voice_of(lab, parts[0], speaker)
    made = exchanged(lab, parts[1:], voice)      # by condition: one speech to hear, and how many phones were lost

The conditions are those of the evaluation (`gsv_lab.evaluation.conditions`), on a few sentences and with the kit's own
recogniser of phones: its own slips count, too, so only large differences mean anything.
Letters: T samples, P phones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gsv_lab.audio import Mark, resample
from gsv_lab.audio.alignment import phone_errors
from gsv_lab.evaluation.conditions import SILENCED
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import as_wave, is_silent
from gsv_lab.evaluation.measures.own import recognisers
from gsv_lab.evaluation.measures.text import folded_words
from gsv_lab.evaluation.true_timing import has_timing, speak_with_true_timing
from gsv_lab.hooks import probe, zero
from gsv_lab.hooks.catalogue import points
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.utterance import Speech
from gsv_lab.inference.voice import Voice
from gsv_lab.teaching.exercises.excerpt import Excerpt
from gsv_lab.text import Phones


class Exchanged(NamedTuple):
    """What one condition made of some sentences.

    `speech` is the first of them, to be heard; of `phones` in all, `wrong` were recognised otherwise.
    """

    speech: Speech
    wrong: int
    phones: int

    @property
    def lost(self) -> float:
        """Share of the phones that were lost; above 1 where much is inserted."""
        return self.wrong / max(1, self.phones)


def exchanged(lab: Lab, parts: Sequence[Excerpt], voice: Voice) -> dict[str, Exchanged]:
    """Each condition by name, in the order in which nature is left.

    Args:
        lab: whose links are tried.
        parts: sentences with their text, in languages that the kit has a recogniser for.
        voice: made of another sentence, best of the same person; what is counted is words, not likeness.
    """
    made = {}
    for name, speak in _conditions(lab, voice).items():
        speeches = [speak(part) for part in parts]
        counts = [_errors(lab, speech, part.phones) for speech, part in zip(speeches, parts, strict=True)]
        made[name] = Exchanged(speeches[0], sum(wrong for wrong, _ in counts), sum(n for _, n in counts))
    return made


def _conditions(lab: Lab, voice: Voice) -> dict[str, Callable[[Excerpt], Speech]]:
    known = points(lab)

    def recording(part: Excerpt) -> Speech:
        return _speech(lab, part.wave, part.phones, "recording")

    def copy(part: Excerpt) -> Speech:
        return lab.copy_synthesis(part.wave)

    def true_codes(part: Excerpt) -> Speech:
        return lab.resynthesize(part.wave, part.phones, voice.speaker, residuals=voice.residuals)

    def silenced(part: Excerpt, condition: str) -> Speech:
        tap = next(tap for tap in SILENCED[condition] if tap in known)
        with probe(lab, edits=[zero(tap)]):
            return true_codes(part)

    def true_timing(part: Excerpt) -> Speech:
        wave = speak_with_true_timing(lab, part.wave, part.phones, voice, 0)
        return _speech(lab, wave, part.phones, "predicted codes")

    def zero_shot(part: Excerpt) -> Speech:
        return lab.speak(part.phones.text, voice, language_of(part.phones))

    made: dict[str, Callable[[Excerpt], Speech]] = {
        "recording": recording,
        "copy synthesis": copy,
        "true codes and phones": true_codes,
        "no codes": lambda part: silenced(part, "phones_without_codes"),
        "no phones": lambda part: silenced(part, "codes_without_phones"),
    }
    if has_timing(lab):
        made["predicted codes"] = true_timing
    return made | {"zero-shot": zero_shot}


def language_of(phones: Phones) -> str:
    """The language that most words of a text are in."""
    languages = [word.language for word in phones.words if word.language]
    return max(set(languages), key=languages.count)


def _speech(lab: Lab, wave: Tensor, phones: Phones, condition: str) -> Speech:
    mark = Mark(lab.version, condition)
    return Speech(wave, lab.sample_rate, torch.zeros(0, dtype=torch.int64), phones, mark)


def _errors(lab: Lab, speech: Speech, phones: Phones) -> tuple[int, int]:
    """Wrong phones by the evaluation recogniser, and how many there are; none where it does not know the language."""
    language = language_of(phones)
    recognise = recognisers(lab)[0].get(language)
    if recognise is None:
        return 0, 0
    expected = [name for word in folded_words(phones.text, language) for name in word]
    wave = as_wave(resample(speech.wave, speech.sample_rate, SAMPLE_RATE))
    found = [] if is_silent(wave) else list(recognise(wave))
    return phone_errors(expected, found), len(expected)
