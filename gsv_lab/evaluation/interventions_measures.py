"""What an edit changed in the sound: two speeches of one text, clean and edited -> numbers.

Letters: T samples, F frames, P phones. The file does not know what was edited, nor how.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gsv_lab.evaluation.own import verifier
from gsv_lab.evaluation.probes_material import LabJudge, SpokenClip
from gsv_lab.evaluation.prosody import dtw, frame_costs, spectral_frames
from gsv_lab.evaluation.swap_measures import pitch_shift, tract_shift, voiceprint
from gsv_lab.inference.utterance import Speech
from gsv_lab.text import CTC_SYMBOLS

MEASURES = ("codes", "mel", "pitch", "tract", "phones", "speaker")
"""What can be measured; each gives one or more columns, see `Measures`."""

Row = dict[str, float | None]


class Measures:
    """Two speeches of one text -> a row of numbers; None where a speech gives nothing to measure.

    | measure | columns |
    | --- | --- |
    | (always) | `seconds`: length of the edited speech over that of the clean one |
    | `codes` | `codes_equal`: share of places with the same code |
    | `mel` | `mel_change`: mean distance of log-mels along the best path, nat |
    | `pitch` | `pitch_semitones`: how much higher the edited speech is |
    | `tract` | `tract_percent`: how much longer its vocal tract sounds |
    | `phones` | `phone_error`, `phone_error_clean`: share of phones heard otherwise, see `own.recognisers` |
    | `speaker` | `likeness`: cosine of the own verifier's vectors of both |

    Args:
        lab: recogniser and verifier.
        names: out of `MEASURES`.
    """

    def __init__(self, lab: Any, names: Sequence[str] = MEASURES) -> None:
        self.lab, self.names = lab, tuple(names)

    def __call__(self, clean: Speech, edited: Speech) -> Row:
        """See the class."""
        kinds: dict[str, Callable[[Speech, Speech], Row]] = {
            "codes": _codes, "mel": _mel, "pitch": self._pitch, "tract": self._tract, "phones": self._phones,
            "speaker": self._speaker,
        }  # fmt: skip
        row: Row = {"seconds": edited.seconds / max(1e-9, clean.seconds)}
        for name in self.names:
            row |= kinds[name](clean, edited)
        return row

    def _pitch(self, clean: Speech, edited: Speech) -> Row:
        shift = pitch_shift(*(voiceprint([(s.wave, _clip(s))]) for s in (clean, edited)))
        return {"pitch_semitones": 12 * shift / float(np.log(2)) if np.isfinite(shift) else None}

    def _tract(self, clean: Speech, edited: Speech) -> Row:
        shift = tract_shift(*(voiceprint([(s.wave, _clip(s))]) for s in (clean, edited)))
        return {"tract_percent": 100 * float(np.expm1(shift)) if np.isfinite(shift) else None}

    def _phones(self, clean: Speech, edited: Speech) -> Row:
        return {"phone_error": self._errors(edited), "phone_error_clean": self._errors(clean)}

    def _errors(self, speech: Speech) -> float | None:
        clip = _clip(speech)
        return LabJudge(self.lab).errors(speech.wave, clip) / len(clip.phones) if clip.language else None

    def _speaker(self, clean: Speech, edited: Speech) -> Row:
        if not (self.lab.family.folder / "verifier.safetensors").is_file():
            return {"likeness": None}
        first, second = (verifier(self.lab).embed(speech.wave.numpy()) for speech in (clean, edited))
        return {"likeness": float(np.dot(first, second))}


def _codes(clean: Speech, edited: Speech) -> Row:
    a, b = clean.codes.reshape(-1), edited.codes.reshape(-1)
    size = min(len(a), len(b))
    return {"codes_equal": float((a[:size] == b[:size]).sum()) / max(1, len(a), len(b))}


def _mel(clean: Speech, edited: Speech) -> Row:
    if min(clean.wave.numel(), edited.wave.numel()) < 1024:
        return {"mel_change": None}
    a, b = (spectral_frames(speech.wave.numpy()) for speech in (clean, edited))
    if len(a) == len(b):
        return {"mel_change": float(np.abs(a - b).mean())}
    path = dtw(frame_costs(a, b))
    return {"mel_change": float(np.abs(a[path[:, 0]] - b[path[:, 1]]).mean())}


def _clip(speech: Speech) -> SpokenClip:
    # The speech as a clip with timed phones, for the measures of voices; without phones where it cannot be aligned.
    times = speech.timings
    if speech.phones is None or times is None:
        none = np.zeros(1)
        return SpokenClip("", "", speech.wave, speech.sample_rate, (), (), ("",), none, none - 1, none - 1, none)
    labels, at = speech.phones.folded()
    names = tuple(CTC_SYMBOLS[label] for label in labels)
    places = np.array(at, dtype=np.int64)
    return SpokenClip(
        "", "", speech.wave, speech.sample_rate, tuple(speech.phones.ids), tuple(labels), names, places,
        times.start[places], times.end[places], np.zeros(1), language=_language(speech),
    )  # fmt: skip


def _language(speech: Speech) -> str:
    # That of most words, which decides who judges the phones.
    spoken = Counter(word.language for word in speech.phones.words if word.language) if speech.phones else Counter()
    return spoken.most_common(1)[0][0] if spoken else ""
