"""A second voice to compare the reader's with, wherever one can be had.

In this order: another recording in `GSV_LAB_SPEECH`, the shipped sample if the notebook is about another one, a voice
of the synthetic corpus. `source` says which. Letters: T samples.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.evaluation.measures.prosody import tracked_pitch
from gsv_lab.teaching.exercises.material import FoundSpeech, find_speech, recordings_of_reader, shipped_sample

SECONDS = 6.0
"""Of a voice; the speaker encoder gains little from more."""


class OtherVoice(NamedTuple):
    """`wave` (T,) at 16 kHz, and one sentence on its `source`."""

    wave: Tensor
    source: str


def recordings_beside(recording: FoundSpeech, most: int = 8) -> list[FoundSpeech]:
    """The other recordings in `GSV_LAB_SPEECH`, at most so many; none where it is not set.

    Raises:
        ConfigError: SPEECH_DIR.
    """
    others = [path for path in recordings_of_reader() if path.resolve() != recording.path.resolve()][:most]
    return [replace(find_speech(path), source=f"The recording {path.name} in GSV_LAB_SPEECH.") for path in others]


def second_voice(recording: FoundSpeech) -> OtherVoice:
    """Somebody else than in the recording, some seconds of them.

    File names do not say who speaks, so of the recordings beside it the one is chosen whose pitch differs the most.

    Raises:
        ConfigError: SPEECH_DIR.
    """
    others = [_from(speech) for speech in recordings_beside(recording)]
    if others:
        own = _median_pitch(_from(recording).wave)
        return max(others, key=lambda other: abs(math.log(_median_pitch(other.wave) / own)))
    sample = shipped_sample()
    return _from(sample) if recording.path.resolve() != sample.path.resolve() else synthetic_voice()


def _from(speech: FoundSpeech) -> OtherVoice:
    return OtherVoice(speech.wave[: round(SECONDS * speech.sample_rate)], speech.source)


def _median_pitch(wave: Tensor) -> float:
    curve = tracked_pitch(wave.numpy())
    return float(np.median(curve[curve > 0])) if (curve > 0).any() else 1.0


def synthetic_voice(seed: int = 0) -> OtherVoice:
    """The voice of the synthetic corpus with the highest pitch: pulses and noise through a tract, no person."""
    corpus = SyntheticCorpus(n_speakers=8, n_clips=8, seed=seed)
    high = max(range(8), key=lambda number: corpus.speakers[number].pitch)
    clips = [torch.from_numpy(corpus.render(number, high).wave) for number in range(4)]
    wave = torch.cat(clips)[: round(SECONDS * corpus.sample_rate)]
    pitch = corpus.speakers[high].pitch
    return OtherVoice(wave, f"A voice of the synthetic corpus, made by formula and not by a person: {pitch:.0f} Hz.")
