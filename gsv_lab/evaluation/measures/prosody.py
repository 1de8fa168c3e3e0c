"""Prosody against the natural target: fundamental frequency after time alignment, its spread, voicing, duration.

The synthesis says the same text as the natural target at another tempo, so frames are matched by dynamic time warping
of their spectra before pitch is compared.
Letters: T samples at 16 kHz, F frames at 100 Hz, K matched pairs of frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np
import torch

from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import Found, Job, is_silent
from gsv_lab.extensions.f0 import track_pitch
from gsv_lab.nn.spectral import LogMel

FRAME_RATE = 100
"""Frames per second of F0 and of the spectra that are aligned."""
_HOP = SAMPLE_RATE // FRAME_RATE
_QUIET_DB = -40.0  # below the loudest frame: silence at the edges
_SHORTEST = 512  # samples; less cannot be framed
LONGEST = 60 * SAMPLE_RATE
"""Samples; pairs of clips longer than this (geometric mean) are not aligned: the costs of all pairs of frames, which
grow with the square, would take gigabytes."""
_STILL = 1e-6  # octaves; a curve that moves less is constant up to rounding
_DYNAMIC_RANGE = 9.0  # nat below the loudest band


class PitchError(NamedTuple):
    """Pitch compared along matched frames.

    `cents`: root mean square difference where both are voiced; `offset_cents`: median difference (synthesis higher is
    positive); `voicing`: share of pairs where only one is voiced; `voiced_pairs`: how many pairs `cents` rests on;
    `correlation`: of the logarithms where both are voiced, NaN where one of them does not move.
    """

    cents: float
    offset_cents: float
    voicing: float
    voiced_pairs: int
    correlation: float = float("nan")


def dtw(cost: np.ndarray) -> np.ndarray:
    """Cheapest monotone path through a cost matrix, from its first to its last corner.

    (A, B) -> pairs (K, 2), rows of indices; steps are down, right and diagonal, each with the cost of its cell.

    Source: Sakoe and Chiba 1978, eq. 18 with symmetric steps; without slope weights. Works along anti-diagonals, whose
    cells do not depend on each other.

    >>> dtw(np.array([[0.0, 1.0, 9.0], [9.0, 0.0, 0.0]])).tolist()
    [[0, 0], [1, 1], [1, 2]]
    """
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    for diagonal in range(2, rows + columns + 1):
        first = max(1, diagonal - columns)
        last = min(rows, diagonal - 1)
        i = np.arange(first, last + 1)
        j = diagonal - i
        down = total[i - 1, j]
        right = total[i, j - 1]
        both = total[i - 1, j - 1]
        cheapest = np.minimum(np.minimum(down, right), both)
        total[i, j] = cost[i - 1, j - 1] + cheapest
    return _backwards(total)


def _backwards(total: np.ndarray) -> np.ndarray:
    """The path (K, 2) that led to the last cell of summed costs (A + 1, B + 1)."""
    i, j = total.shape[0] - 1, total.shape[1] - 1
    path = []
    while i and j:
        path.append((i - 1, j - 1))
        # At a tie the diagonal is taken, for it comes first.
        before = [(i - 1, j - 1), (i - 1, j), (i, j - 1)]
        i, j = min(before, key=lambda cell: total[cell])
    path.reverse()
    return np.array(path)


def pitch_error(natural: np.ndarray, synthesis: np.ndarray, path: np.ndarray) -> PitchError:
    """Difference of two F0 curves along a path.

    Args:
        natural: (F,) Hz, 0 where unvoiced.
        synthesis: the same of the other wave.
        path: (K, 2) pairs of frame indices, natural first; indices beyond a curve mean its last frame.
    """
    first = natural[np.minimum(path[:, 0], len(natural) - 1)]
    second = synthesis[np.minimum(path[:, 1], len(synthesis) - 1)]
    both = (first > 0) & (second > 0)
    only_one = (first > 0) != (second > 0)
    voicing = float(np.mean(only_one))
    if not both.any():
        return PitchError(float("nan"), float("nan"), voicing, 0)
    cents = 1200 * np.log2(second[both] / first[both])
    rms = float(np.sqrt(np.mean(cents**2)))
    offset = float(np.median(cents))
    logs = np.log2([first[both], second[both]])
    correlation = float(np.corrcoef(logs)[0, 1]) if logs.std(1).min() > _STILL else float("nan")
    return PitchError(rms, offset, voicing, int(both.sum()), correlation)


def pitch_spread(f0: np.ndarray) -> float:
    """Standard deviation in cents of F0 (F,) in Hz where it is voiced; 0 where it never is."""
    voiced = f0[f0 > 0]
    return float(1200 * np.log2(voiced).std()) if voiced.size else 0.0


def spoken_span(wave: np.ndarray) -> tuple[int, int]:
    """First and last sample (T,) -> (start, end) without the quiet edges: frames 40 dB below the loudest one."""
    n_frames = len(wave) // _HOP
    if is_silent(wave) or not n_frames:
        return 0, 0
    frames = wave[: n_frames * _HOP].reshape(n_frames, _HOP)
    power = np.square(frames, dtype=np.float64).mean(1)
    threshold = power.max() * 10 ** (_QUIET_DB / 10)
    loud = np.flatnonzero(power > threshold)
    return int(loud[0]) * _HOP, int(loud[-1] + 1) * _HOP


def spectral_frames(wave: np.ndarray, bands: int = 40) -> np.ndarray:
    """Log-mel frames (T,) -> (F, bands) for alignment, each band with its mean removed, so that timbre counts less."""
    log_mel = LogMel(SAMPLE_RATE, n_fft=512, hop_length=_HOP, n_mels=bands)
    samples = torch.from_numpy(np.array(wave))
    with torch.inference_mode():
        mel = log_mel(samples[None])
    frames = mel[0].numpy().T
    # Without this floor, digital silence would weigh more than any difference between two sounds.
    frames = np.maximum(frames, frames.max() - _DYNAMIC_RANGE)
    return frames - frames.mean(0)


def frame_costs(natural: np.ndarray, synthesis: np.ndarray) -> np.ndarray:
    """Euclidean distances of all pairs of frames: (A, D) and (B, D) -> (A, B)."""
    first = (natural**2).sum(1)
    second = (synthesis**2).sum(1)
    squares = first[:, None] + second[None] - 2 * natural @ synthesis.T
    return np.sqrt(np.maximum(squares, 0.0))


def tracked_pitch(wave: np.ndarray) -> np.ndarray:
    """F0 by the kit's own tracker: (T,) -> (F,) Hz, 0 where unvoiced."""
    samples = torch.from_numpy(np.array(wave))
    with torch.inference_mode():
        log_f0, voicing = track_pitch(samples[None], SAMPLE_RATE, _HOP)
    f0 = log_f0.exp() * voicing
    return f0[0].numpy()


class Prosody:
    """F0, voicing and duration of a clip against the natural recording of its text.

    Values, the first five along frames matched by dynamic time warping: `f0_rmse` in cents and `f0_offset`, the median
    difference in cents, where both are voiced (absent where no pair is); `f0_correlation` of the logarithms (absent
    where one curve does not move); `voicing_error`, share of pairs where only one is voiced. `f0_spread`: standard
    deviation of F0 over the natural one, below 1 where the voice moves less (absent where the natural one does not
    move). `duration_ratio`: time from the first to the last speech over the natural one.

    Args:
        f0: wave (T,) -> (F,) Hz at 100 Hz, 0 where unvoiced.
        identity: name of that tracker.
    """

    name = "f0_rmse"
    evaluator = "signal"
    needs: Collection[str] = ("natural",)

    def __init__(self, f0: Callable[[np.ndarray], np.ndarray] = tracked_pitch, identity: str = "own tracker 2") -> None:
        self.f0 = f0
        self.identity = f"F0 by {identity}, DTW on log-mels, correlation and spread"

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """See the class; the duration ratio alone for silence and beyond `LONGEST`, None where nature is silent."""
        if job.natural is None:
            return None
        natural = job.natural[slice(*spoken_span(job.natural))]
        made = wave[slice(*spoken_span(wave))]
        if natural.size < _SHORTEST:
            return None
        found = {"duration_ratio": made.size / natural.size}
        if made.size < _SHORTEST or natural.size * made.size > LONGEST**2:
            return found
        path = dtw(frame_costs(spectral_frames(natural), spectral_frames(made)))
        first = self.f0(natural)
        second = self.f0(made)
        error = pitch_error(first, second, path)
        found["voicing_error"] = error.voicing
        if error.voiced_pairs:
            found["f0_rmse"] = error.cents
            found["f0_offset"] = error.offset_cents
        if not math.isnan(error.correlation):
            found["f0_correlation"] = error.correlation
        spread = pitch_spread(first)
        if spread > 1200 * _STILL:
            found["f0_spread"] = pitch_spread(second) / spread
        return found
