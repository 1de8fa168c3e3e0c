"""A second voice to compare the reader's with, wherever one can be had.

In this order: another recording in `GSV_LAB_SPEECH`, the shipped sample if the lesson is about something else, a voice
of the synthetic corpus. `source` says which. Letters: T samples. The file knows no network.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.environment import speech_dir
from gsv_lab.exercises.material import SUFFIXES, FoundSpeech, find_speech, shipped_sample

SECONDS = 6.0
"""Of a voice; more tells the speaker encoder little."""


class OtherVoice(NamedTuple):
    """`wave` (T,) at 16 kHz, and one sentence on its `source`."""

    wave: Tensor
    source: str


def second_voice(recording: FoundSpeech) -> OtherVoice:
    """Somebody else than in the recording, some seconds of them.

    Raises:
        ConfigError: SPEECH_DIR.
    """
    folder = speech_dir()
    beside = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES) if folder else []
    others = [path for path in beside if path.resolve() != recording.path.resolve()]
    if others:
        return _from(find_speech(others[0]))
    sample = shipped_sample()
    if recording.path.resolve() != sample.path.resolve():
        return _from(sample)
    return synthetic_voice()


def _from(speech: FoundSpeech) -> OtherVoice:
    return OtherVoice(speech.wave[: round(SECONDS * speech.sample_rate)], speech.source)


def synthetic_voice(seed: int = 0) -> OtherVoice:
    """The voice of the synthetic corpus with the highest pitch: pulses and noise through a tract, no person."""
    corpus = SyntheticCorpus(n_speakers=8, n_clips=8, seed=seed)
    high = max(range(8), key=lambda number: corpus.speakers[number].pitch)
    clips = [torch.from_numpy(corpus.render(number, high).wave) for number in range(4)]
    wave = torch.cat(clips)[: round(SECONDS * corpus.sample_rate)]
    pitch = corpus.speakers[high].pitch
    return OtherVoice(wave, f"A voice of the synthetic corpus, made by formula and not by a person: {pitch:.0f} Hz.")
