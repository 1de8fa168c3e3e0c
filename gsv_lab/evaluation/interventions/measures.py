"""What an edit changed in the sound: two speeches of one text, clean and edited -> numbers.

Letters: T samples, F frames, P phones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gsv_lab.evaluation.acoustic import LabEvaluator
from gsv_lab.evaluation.measures.own import speaker_verifier
from gsv_lab.evaluation.measures.prosody import dtw, frame_costs, spectral_frames
from gsv_lab.evaluation.probes.material import SpokenClip
from gsv_lab.evaluation.swaps.measures import Voiceprint, pitch_shift, tract_shift, voiceprint
from gsv_lab.inference.utterance import Speech
from gsv_lab.text import CTC_SYMBOLS

MEASURES = ("codes", "mel", "pitch", "tract", "phones", "speaker")
"""What can be measured; each gives one or more columns, see `Measures`."""

Row = dict[str, float | None]
_SEMITONES = 12 / float(np.log(2))  # in one unit of the natural logarithm
_SHORTEST = 1024  # samples; less has no spectrum to compare


class Measures:
    """Two speeches of one text -> a row of numbers; None where a speech gives nothing to measure.

    | measure | columns |
    | --- | --- |
    | (always) | `seconds`: length of the edited speech over that of the clean one |
    | `codes` | `codes_equal`: share of positions with the same code |
    | `mel` | `mel_change`: mean distance of log-mels along the best path, nat |
    | `pitch` | `pitch_semitones`: how much higher the edited speech is |
    | `tract` | `tract_percent`: how much longer its vocal tract sounds |
    | `phones` | `phone_error`, `phone_error_clean`: share of phones recognised otherwise, see `own.recognisers` |
    | `speaker` | `likeness`: cosine of the own speaker verifier's vectors of both |

    Args:
        lab: a `Lab`, with its recognisers and speaker verifier.
        names: out of `MEASURES`.
    """

    def __init__(self, lab: Any, names: Sequence[str] = MEASURES) -> None:
        self.names = tuple(names)
        self.evaluator = LabEvaluator(lab)
        self.verifier = speaker_verifier(lab)

    def __call__(self, clean: Speech, edited: Speech) -> Row:
        """See the class."""
        measures: dict[str, Callable[[Speech, Speech], Row]] = {
            "codes": _codes,
            "mel": _mel,
            "pitch": _pitch,
            "tract": _tract,
            "phones": self._phones,
            "speaker": self._speaker,
        }
        row: Row = {"seconds": edited.seconds / max(1e-9, clean.seconds)}
        for name in self.names:
            row |= measures[name](clean, edited)
        return row

    def _phones(self, clean: Speech, edited: Speech) -> Row:
        return {"phone_error": self._errors(edited), "phone_error_clean": self._errors(clean)}

    def _errors(self, speech: Speech) -> float | None:
        clip = clip_of(speech)
        if clip.language not in self.evaluator.recognisers:
            return None
        return self.evaluator.errors(speech.wave, clip) / len(clip.phones)

    def _speaker(self, clean: Speech, edited: Speech) -> Row:
        if self.verifier is None:
            return {"likeness": None}
        first = self.verifier.embed(clean.wave.numpy())
        second = self.verifier.embed(edited.wave.numpy())
        return {"likeness": float(np.dot(first, second))}


def _codes(clean: Speech, edited: Speech) -> Row:
    first = clean.codes.reshape(-1)
    second = edited.codes.reshape(-1)
    size = min(len(first), len(second))
    equal = int((first[:size] == second[:size]).sum())
    return {"codes_equal": equal / max(1, len(first), len(second))}


def _mel(clean: Speech, edited: Speech) -> Row:
    if min(clean.wave.numel(), edited.wave.numel()) < _SHORTEST:
        return {"mel_change": None}
    first = spectral_frames(clean.wave.numpy())
    second = spectral_frames(edited.wave.numpy())
    if len(first) != len(second):
        path = dtw(frame_costs(first, second))
        first = first[path[:, 0]]
        second = second[path[:, 1]]
    return {"mel_change": float(np.abs(first - second).mean())}


def _pitch(clean: Speech, edited: Speech) -> Row:
    shift = pitch_shift(_print(clean), _print(edited))
    return {"pitch_semitones": _SEMITONES * shift if np.isfinite(shift) else None}


def _tract(clean: Speech, edited: Speech) -> Row:
    shift = tract_shift(_print(clean), _print(edited))
    return {"tract_percent": 100 * float(np.expm1(shift)) if np.isfinite(shift) else None}


def _print(speech: Speech) -> Voiceprint:
    return voiceprint([(speech.wave, clip_of(speech))])


def clip_of(speech: Speech) -> SpokenClip:
    """The speech as a clip with timed phones, for the measures of voices; without phones if it cannot be aligned."""
    times = speech.timings
    if speech.phones is None or times is None:
        return _clip_without_phones(speech)
    labels, positions = speech.phones.folded()
    return SpokenClip(
        name="",
        speaker="",
        wave=speech.wave,
        sample_rate=speech.sample_rate,
        ids=tuple(speech.phones.ids),
        labels=tuple(labels),
        phones=tuple(CTC_SYMBOLS[label] for label in labels),
        positions=np.array(positions),
        start=times.start[positions],
        end=times.end[positions],
        f0=np.zeros(1),
        language=_language(speech),
    )


def _clip_without_phones(speech: Speech) -> SpokenClip:
    """A clip in which one phone without a name ends before the speech begins."""
    return SpokenClip(
        name="",
        speaker="",
        wave=speech.wave,
        sample_rate=speech.sample_rate,
        ids=(),
        labels=(),
        phones=("",),
        positions=np.zeros(1),
        start=np.full(1, -1.0),
        end=np.full(1, -1.0),
        f0=np.zeros(1),
    )


def _language(speech: Speech) -> str:
    """The language of most words, which decides which recogniser evaluates the phones."""
    assert speech.phones is not None
    spoken = Counter(word.language for word in speech.phones.words if word.language)
    return spoken.most_common(1)[0][0] if spoken else ""
