"""Clips with everything that is true of them, for notebook 07.

Two kinds. Clips of the synthetic corpus, where phones, speaker and pitch are known because they were written down. And
recordings: of the reader's own corpus in `GSV_LAB_SPEECH`, if it has texts and speakers (a `metadata.csv`, a list file
or a layout that `gsv_lab.corpora.readers` knows), else the sentences of the shipped sample, where phones and pitch are
measured. `ClipsFound.source` says which, and what they can answer.
Letters: N frames, D width.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from gsv_lab.audio import Mark
from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.errors import DataError
from gsv_lab.evaluation.probes.linear import FACTORS, Examples
from gsv_lab.evaluation.probes.material import SpokenClip, aligned_clip, recorded_clips, synthetic_clips
from gsv_lab.inference.lab import Lab
from gsv_lab.system.environment import speech_dir
from gsv_lab.teaching.exercises.excerpt import excerpts
from gsv_lab.teaching.exercises.material import shipped_sample
from gsv_lab.teaching.exercises.sounds import Sound

SPEAKERS, CLIPS = 12, 3
"""Voices of the synthetic corpus, and clips of each: with fewer voices F0 and phone have no answer, see notebook 07."""
SYLLABLES = (3, 6)
"""Fewest and most of a clip: many short clips teach a probe more than a few long ones."""
REAL_SPEAKERS, REAL_CLIPS = 8, 4


class ClipsFound(NamedTuple):
    """The clips, one sentence on where they come from, and the factors that they can answer for."""

    clips: list[SpokenClip]
    source: str
    factors: tuple[str, ...] = FACTORS


def known_corpus() -> SyntheticCorpus:
    """The synthetic corpus of notebook 07: 12 voices, 3 short clips each."""
    return SyntheticCorpus(SPEAKERS, SPEAKERS * CLIPS, 0, SYLLABLES)


def known_clips() -> ClipsFound:
    """Clips of which everything is known: those of `known_corpus`."""
    made = synthetic_clips(known_corpus())
    source = f"{len(made)} clips of {_speakers(made)} voices of the synthetic corpus: made by formula, not by people."
    return ClipsFound(made, source)


def two_voices(script: int = 0) -> dict[str, Sound]:
    """One script in the lowest and in the highest voice of `known_corpus`: label with the voice's factors -> sound."""
    corpus = known_corpus()
    by_pitch = sorted(range(SPEAKERS), key=lambda number: corpus.speakers[number].pitch)
    found = {}
    for number in (by_pitch[0], by_pitch[-1]):
        clip, voice = corpus.render(script, number), corpus.speakers[number]
        label = f"{voice.name}: {voice.pitch:.0f} Hz, tract {17.5 * voice.tract:.1f} cm"
        found[label] = Sound(torch.from_numpy(clip.wave), clip.sample_rate, Mark("synthetic corpus", voice.name))
    return found


def real_clips(lab: Lab) -> ClipsFound:
    """Recordings with their phones and pitch: some clips of each of some speakers of the reader's corpus, else the
    sentences of the shipped sample, which has one voice, so that they can say nothing of speakers.

    Args:
        lab: aligns recordings with their texts.

    Raises:
        ConfigError: SPEECH_DIR.
    """
    folder, why = speech_dir(), ""
    if folder:
        try:
            found = recorded_clips(lab, folder, REAL_SPEAKERS, REAL_CLIPS, 6.0)
            return ClipsFound(found, f"{len(found)} recordings of {_speakers(found)} speakers in GSV_LAB_SPEECH.")
        except DataError as error:
            why = f"GSV_LAB_SPEECH does not serve here ({error.code}). "
    parts = excerpts(lab, shipped_sample())
    source = f"{len(parts)} sentences of one voice: the sample shipped with gsv_lab, made by a synthesizer."
    # Probes for phones and F0 hold out whole speakers; so that whole sentences are held out, each counts as one.
    names = [f"sentence {number}" for number in range(1, len(parts) + 1)]
    clips = [
        aligned_clip(name, name, part.wave, lab.sample_rate, part.phones, part.start, part.end, "en")
        for name, part in zip(names, parts, strict=True)
    ]
    return ClipsFound(clips, why + source, ("phone", "f0"))


def _speakers(clips: list[SpokenClip]) -> int:
    return len({clip.speaker for clip in clips})


def centred(examples: Examples) -> Examples:
    """Each speaker's own mean taken off: (N, D) -> (N, D)."""
    x = examples.x.copy()
    for who in np.unique(examples.speaker):
        x[examples.speaker == who] -= x[examples.speaker == who].mean(axis=0)
    return replace(examples, x=x)
