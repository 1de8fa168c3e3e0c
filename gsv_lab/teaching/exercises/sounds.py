"""What frames keep, made audible: magnitudes without their phases, one frame held, mel bands turned back into sound.

Letters: T samples, F frames, K frequency bins, M mel bands, P phones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchaudio.functional import griffinlim

from gsv_lab.audio import Mark
from gsv_lab.audio.alignment import greedy, phone_errors
from gsv_lab.evaluation.measures.prosody import tracked_pitch
from gsv_lab.inference.lab import Lab
from gsv_lab.system import examples
from gsv_lab.system.seeds import seeded
from gsv_lab.teaching.exercises.material import FoundSpeech
from gsv_lab.text import Phones

GROSS = 0.2
"""Deviation of F0 from which a frame is a gross pitch error."""


class Sound(NamedTuple):
    """For a player: `wave` (T,), its `sample_rate` in Hz, and the `mark` of speech that is synthetic, else None."""

    wave: Tensor
    sample_rate: int
    mark: Mark | None


def magnitudes_only(wave: Tensor, window: float, sample_rate: int = 16000, seed: int = 0) -> Tensor:
    """The sound that is left of a wave when only the magnitudes of its frames are kept: (T,) -> (T,).

    The phase of every value is drawn at random, so what happens inside a window is lost: its order in time.

    Args:
        wave: samples.
        window: seconds of a Hann window; the hop is a quarter of it.
        sample_rate: Hz.
        seed: of the phases.
    """
    size = 4 * max(2, round(window * sample_rate / 4))
    hann = torch.hann_window(size)
    frames = torch.stft(wave, size, size // 4, window=hann, return_complex=True)
    phases = 2 * math.pi * torch.rand(frames.shape, generator=seeded(seed))
    return torch.istft(torch.polar(frames.abs(), phases), size, size // 4, window=hann, length=wave.numel())


def held(wave: Tensor, at: float, seconds: float = 1.0, window: float = 0.04, sample_rate: int = 16000) -> Tensor:
    """The magnitudes of one frame, sounding for a while: (T,) -> samples.

    Source of the phases: Griffin and Lim 1984, doi:10.1109/TASSP.1984.1164317, as torchaudio computes it.

    Args:
        wave: samples.
        at: seconds, the middle of the frame.
        seconds: how long it is held.
        window: seconds of the frame.
        sample_rate: Hz.
    """
    size = 4 * round(window * sample_rate / 4)
    hann = torch.hann_window(size)
    start = min(max(0, round(at * sample_rate) - size // 2), max(0, wave.numel() - size))
    piece = torch.nn.functional.pad(wave[start : start + size], (0, max(0, size - wave.numel())))
    magnitude = torch.fft.rfft(piece * hann).abs()
    length = round(seconds * sample_rate)
    repeated = magnitude[:, None].repeat(1, 1 + length // (size // 4))
    return _sound(repeated, hann, size // 4, length)


def through_bands(wave: Tensor, filters: Tensor, hop: int = 160) -> Tensor:
    """A wave as its mel bands hold it: (T,) and filters (M, K) -> (T,).

    Bands to bins by the pseudo-inverse of the filters, bins to a wave by Griffin and Lim's phases; see `held`.
    """
    size = 2 * (filters.shape[1] - 1)
    hann = torch.hann_window(size)
    bins = torch.stft(wave, size, hop, window=hann, return_complex=True).abs()
    filters = filters.to(bins)
    back = (torch.linalg.pinv(filters) @ (filters @ bins)).clamp(min=0)
    return _sound(back, hann, hop, wave.numel())


def _sound(magnitude: Tensor, window: Tensor, hop: int, length: int) -> Tensor:
    size = window.numel()
    return griffinlim(magnitude, window, size, hop, size, 1.0, 32, 0.99, length, rand_init=False)


def loud_and_bright(wave: Tensor, sample_rate: int = 16000) -> tuple[float, float]:
    """Two moments of a recording (T,) in seconds: its loudest frame, most often a vowel, and among the frames that are
    not quiet the one with most of its energy up high, most often an S.
    """
    size, hop = 640, 160
    power = torch.stft(wave, size, hop, window=torch.hann_window(size), return_complex=True).abs() ** 2
    level = power.sum(0)
    centre = (power * torch.arange(len(power))[:, None]).sum(0) / level.clamp(min=1e-9)
    centre[level < 1e-3 * level.max()] = 0
    return int(level.argmax()) * hop / sample_rate, int(centre.argmax()) * hop / sample_rate


class Kept(NamedTuple):
    """What is left of a sentence: the share of its voiced frames whose `pitch` is right within 20 %, and of its
    `phones` the share that the lab's recogniser gets wrong (edit distance over length).
    """

    pitch: float
    phones: float

    def __str__(self) -> str:
        return f"pitch right in {self.pitch:4.0%} of the voiced frames, phones wrong {self.phones:4.0%}"


def kept(lab: Lab, before: Tensor, after: Tensor, phones: Phones) -> Kept:
    """Compare a sound (T,) with what it was made from, (T,).

    Args:
        lab: whose content encoder recognises phones.
        before: the sentence.
        after: what was made of it, as long.
        phones: of the sentence.
    """
    wanted, found = tracked_pitch(before.numpy()), tracked_pitch(after.numpy())
    voiced = wanted > 0
    right = abs(found - wanted) < GROSS * wanted
    said = phones.folded()[0]
    heard = greedy(lab.family.synthesizer.phone_scores(after)).ids.tolist()
    return Kept(float(right[voiced].mean()) if voiced.any() else 0.0, phone_errors(said, heard) / max(1, len(said)))


def apart(wave: Tensor, start: Sequence[float], end: Sequence[float], gap: float = 0.15, rate: int = 16000) -> Tensor:
    """Stretches of a wave (T,), one after the other with silence between: from `start` to `end` (P,) seconds."""
    silence = torch.zeros(round(gap * rate))
    pieces = []
    for first, last in zip(start, end, strict=True):
        piece = wave[round(float(first) * rate) : round(float(last) * rate)].clone()
        fade = min(32, piece.numel() // 2)
        if fade:  # a cut through the middle of a wave would click
            ramp = torch.linspace(0, 1, fade)
            piece[:fade] *= ramp
            piece[-fade:] *= ramp.flip(0)
            pieces += [piece, silence]
    return torch.cat(pieces) if pieces else silence


def true_ends(recording: FoundSpeech) -> NDArray[np.float64] | None:
    """(P,) seconds at which the sounding phones of the shipped sample end, as its synthesizer made them; None for any
    other recording, of which nobody knows the truth.
    """
    if recording.path.resolve() != examples.shipped_sample():
        return None
    card = examples.sample_card()
    ends = [(part["start"] + end, name) for part in card["sentences"] for name, end in part["phone_ends"]]
    return np.array([end for end, name in ends if name != "pau"])
