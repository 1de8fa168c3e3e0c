"""What notebook 07 does with its reader's functions, and the kit's own in their place while they are open.

Letters: N frames, D width, K classes, C codes, T samples, F frames at 100 Hz.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from torch import Tensor

from gsv_lab.evaluation.acoustic import acoustic
from gsv_lab.evaluation.measures.prosody import tracked_pitch
from gsv_lab.evaluation.probes.leakage import CODES, frames_of
from gsv_lab.evaluation.probes.linear import Examples
from gsv_lab.evaluation.probes.material import SpokenClip
from gsv_lab.hooks import Records
from gsv_lab.hooks.catalogue import points
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.utterance import Speech
from gsv_lab.inference.voice import Voice
from gsv_lab.text import Phones, phonemize

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PENALTY = 10.0
PITCH_RATE = 100.0
TONES = ("妈妈骑马,马慢,妈妈骂马。", "骂骂七妈,妈满,骂骂妈骂。")
"""The same consonants and vowels twice, with other tones."""

HeldOut = Callable[[np.ndarray, np.ndarray], Any]
Fit = Callable[[np.ndarray, np.ndarray, int, float], Any]


class Melody(NamedTuple):
    """`speech` as it sounds, and its pitch curve `f0` (F,) in Hz, 0 where there is no voice."""

    speech: Speech
    f0: np.ndarray

    @property
    def median(self) -> float:
        """Median F0 in Hz, NaN without voice."""
        return median_hertz(self.f0)


def known_taps(lab: Lab, taps: Sequence[str]) -> tuple[str, ...]:
    """Those of some taps that a lab's acoustic half has."""
    known = points(acoustic(lab))
    return tuple(tap for tap in taps if tap in known)


def last_clips(clip: np.ndarray, speaker: np.ndarray) -> np.ndarray:
    """The last clip of every speaker is the test: (N,) clips and names -> (N,) True or False."""
    last = {name: clip[speaker == name].max() for name in np.unique(speaker)}
    return np.array([number == last[name] for number, name in zip(clip, speaker, strict=True)])


def least_squares(x: np.ndarray, labels: np.ndarray, n_classes: int, penalty: float) -> np.ndarray:
    """Ridge regression onto one-hot labels: (N, D), (N,) -> (D, K)."""
    return np.asarray(np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ np.eye(n_classes)[labels]))


def right_answers(examples: Examples, held_out: HeldOut, fit: Fit, penalty: float = PENALTY) -> tuple[float, float]:
    """Who speaks, by one matrix: share right on the frames it learned from, and on those held out.

    Args:
        examples: frames at a tap; each number is standardised by the training side, and a 1 stands beside them.
        held_out: which frames are the test.
        fit: makes the matrix.
        penalty: of the fit.
    """
    test = np.asarray(held_out(examples.clip, examples.speaker), dtype=bool)
    _, labels = np.unique(examples.speaker, return_inverse=True)
    mean, spread = examples.x[~test].mean(0), examples.x[~test].std(0) + 1e-6
    x = np.concatenate([(examples.x - mean) / spread, np.ones((len(test), 1))], axis=1)
    weights = np.asarray(fit(x[~test], labels[~test], int(labels.max()) + 1, penalty))
    hits = (x @ weights).argmax(1) == labels
    return float(hits[~test].mean()), float(hits[test].mean())


def phones_by_code(records: Sequence[Records], clips: Sequence[SpokenClip]) -> np.ndarray:
    """(K, C) how often each phone stood beside each code, where a phone sounds; codes that never came are left out."""
    phones, codes = [], []
    for record, clip in zip(records, clips, strict=True):
        x, times = frames_of(record[CODES])
        names = clip.names(times)
        phones.append(names[names != ""])
        codes.append(x[names != "", 0])
    _, rows = np.unique(np.concatenate(phones), return_inverse=True)
    _, columns = np.unique(np.concatenate(codes), return_inverse=True)
    counts = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(counts, (rows, columns), 1)
    return counts


def projected(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(N, D) without its part in the space of the columns of the weights (D, K)."""
    return np.asarray(x - x @ weights @ np.linalg.pinv(weights))


def erased(examples: Examples, erase: Callable[[Any, Any], Any], rounds: int) -> list[tuple[float, float]]:
    """Share right for speaker and phone on unseen clips, at first and after each round of erasure.

    A round fits a matrix that reads the speaker from the training clips, and takes its directions out of all frames.
    Source: iterative null-space projection, Ravfogel et al. 2020, arXiv:2004.07667, section 4.

    Args:
        examples: frames at a tap.
        erase: frames (N, D), weights (D, K) -> frames without the space of the weights.
        rounds: of erasure.
    """
    test = last_clips(examples.clip, examples.speaker)
    x = (examples.x - examples.x[~test].mean(0)) / (examples.x[~test].std(0) + 1e-6)
    targets = [np.unique(names, return_inverse=True)[1] for names in (examples.speaker, examples.phone)]
    found = []
    for number in range(rounds + 1):
        weights = [least_squares(x[~test], labels[~test], int(labels.max()) + 1, PENALTY) for labels in targets]
        hits = [
            float(((x @ matrix).argmax(1) == labels)[test].mean())
            for matrix, labels in zip(weights, targets, strict=True)
        ]
        found.append((hits[0], hits[1]))
        if number < rounds:
            # A guess depends on differences of scores only, so K - 1 directions tell K classes apart.
            x = np.asarray(erase(x, weights[0][:, 1:] - weights[0][:, :1]))
    return found


def median_hertz(f0: np.ndarray) -> float:
    """Median of the voiced frames in Hz, NaN without any."""
    return float(np.median(f0[f0 > 0])) if (f0 > 0).any() else math.nan


def melody(speech: Speech) -> Melody:
    """Speech with its pitch curve."""
    return Melody(speech, tracked_pitch(speech.wave.numpy()))


def exchanged(lab: Lab, wave: Tensor, phones: Phones, voices: Mapping[str, Tensor]) -> dict[str, Melody]:
    """The codes of a wave (T,), spoken with the vector of each of some voices.

    Args:
        lab: encodes and speaks.
        wave: whose codes are kept.
        phones: what is said in it.
        voices: name -> a wave (T,) of the voice.
    """
    vectors = {name: lab.family.synthesizer.voice([voice]) for name, voice in voices.items()}
    return {name: melody(lab.resynthesize(wave, phones, vector)) for name, vector in vectors.items()}


def mandarin_melodies(lab: Lab, voice: Voice, other: Tensor) -> dict[str, Melody]:
    """A Mandarin sentence made by the lab, and its codes three times: in its own voice, in another one, and in its own
    with a text of other tones.

    Args:
        lab: speaks and encodes.
        voice: says the sentence first.
        other: (T,) whose vector is put in its place.
    """
    text, turned = (phonemize(sentence, "zh") for sentence in TONES)
    wave = lab.speak(TONES[0], voice, "zh", candidates=1).wave
    vector = lab.family.synthesizer.voice([other])
    return {
        "own voice": melody(lab.resynthesize(wave, text, voice.speaker)),
        "other voice": melody(lab.resynthesize(wave, text, vector)),
        "other tones in the text": melody(lab.resynthesize(wave, turned, voice.speaker)),
    }


def melodies_figure(melodies: Mapping[str, Melody], title: str = "") -> Figure:
    """Pitch curves over each other, each in semitones around its own median."""
    from gsv_lab import figures

    curves = {name: found.f0 for name, found in melodies.items()}
    return figures.f0_overlay(curves, PITCH_RATE, semitones=True, title=title)


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two pitch curves (F,) in logarithms, over the frames that are voiced in both; NaN without any."""
    size = min(len(one), len(other))
    both = (one[:size] > 0) & (other[:size] > 0)
    if both.sum() < 3:
        return math.nan
    return float(np.corrcoef(np.log(one[:size][both]), np.log(other[:size][both]))[0, 1])
