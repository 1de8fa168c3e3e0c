"""Clips of several speakers with everything that is true of them, for notebook 07.

In this order: `GSV_LAB_SPEECH`, if it is a corpus with texts and speakers (a `metadata.csv`, a list file or a layout
that `gsv_lab.corpora.readers` knows), the synthetic corpus. `ClipsFound.source` says which.
Letters: N frames, D width.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.errors import DataError
from gsv_lab.evaluation.probes import Examples
from gsv_lab.evaluation.probes_material import SpokenClip, recorded_clips, synthetic_clips
from gsv_lab.inference.lab import Lab
from gsv_lab.system.environment import speech_dir

SPEAKERS, CLIPS = 4, 4


class ClipsFound(NamedTuple):
    """The clips, and one sentence on where they come from."""

    clips: list[SpokenClip]
    source: str


def course_clips(lab: Lab) -> ClipsFound:
    """Some clips of each of some speakers; the reader's own if their folder is a corpus, else synthetic ones.

    Args:
        lab: aligns recordings with their texts.

    Raises:
        ConfigError: SPEECH_DIR.
    """
    folder, why = speech_dir(), ""
    if folder:
        try:
            found = recorded_clips(lab, folder, SPEAKERS, CLIPS, 6.0)
            return ClipsFound(found, f"{len(found)} recordings of {_speakers(found)} speakers in GSV_LAB_SPEECH.")
        except DataError as error:
            why = f"GSV_LAB_SPEECH does not serve here ({error.code}). "
    made = synthetic_clips(SyntheticCorpus(SPEAKERS, SPEAKERS * CLIPS, seed=0))
    source = f"{len(made)} clips of {_speakers(made)} voices of the synthetic corpus: made by formula, not by people."
    return ClipsFound(made, why + source)


def _speakers(clips: list[SpokenClip]) -> int:
    return len({clip.speaker for clip in clips})


def centred(examples: Examples) -> Examples:
    """Each speaker's own mean taken off: (N, D) -> (N, D)."""
    x = examples.x.copy()
    for who in np.unique(examples.speaker):
        x[examples.speaker == who] -= x[examples.speaker == who].mean(axis=0)
    return replace(examples, x=x)
