"""Does the melody fit: fundamental frequency after time alignment, voicing, duration.

The synthesis says the same text as the natural target at another pace, so frames are matched by dynamic time warping
of their spectra before pitch is compared.
Letters: T samples at 16 kHz, F frames at 100 Hz, K matched pairs of frames.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measure import Job, Row, is_silent

FRAME_RATE = 100
"""Frames per second of F0 and of the spectra that are aligned."""
_HOP = SAMPLE_RATE // FRAME_RATE
_QUIET_DB = -40.0  # below the loudest frame: edge silence


class PitchError(NamedTuple):
    """Pitch compared along matched frames.

    `cents`: root mean square difference where both are voiced; `offset_cents`: median difference (synthesis higher is
    positive); `voicing`: share of pairs where only one is voiced; `voiced_pairs`: how many pairs `cents` rests on.
    """

    cents: float
    offset_cents: float
    voicing: float
    voiced_pairs: int


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
        i = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        j = diagonal - i
        before = np.minimum(np.minimum(total[i - 1, j], total[i, j - 1]), total[i - 1, j - 1])
        total[i, j] = cost[i - 1, j - 1] + before
    i, j = rows, columns
    path = []
    while i and j:
        path.append((i - 1, j - 1))
        steps = (total[i - 1, j - 1], total[i - 1, j], total[i, j - 1])  # at a tie the diagonal
        choice = int(np.argmin(steps))
        i, j = i - (choice != 2), j - (choice != 1)
    return np.array(path[::-1])


def pitch_error(natural: np.ndarray, synthesis: np.ndarray, path: np.ndarray) -> PitchError:
    """Difference of two F0 curves along a path.

    Args:
        natural: (F,) Hz, 0 where unvoiced.
        synthesis: the same of the other wave.
        path: (K, 2) pairs of frame indices, natural first; indices beyond a curve mean its last frame.
    """
    a = natural[np.minimum(path[:, 0], len(natural) - 1)]
    b = synthesis[np.minimum(path[:, 1], len(synthesis) - 1)]
    both = (a > 0) & (b > 0)
    voicing = float(np.mean((a > 0) != (b > 0)))
    if not both.any():
        return PitchError(float("nan"), float("nan"), voicing, 0)
    cents = 1200 * np.log2(b[both] / a[both])
    return PitchError(float(np.sqrt(np.mean(cents**2))), float(np.median(cents)), voicing, int(both.sum()))


def spoken_span(wave: np.ndarray) -> tuple[int, int]:
    """First and last sample (T,) -> (start, end) without the quiet edges: frames 40 dB below the loudest one."""
    frames = len(wave) // _HOP
    if is_silent(wave) or not frames:
        return 0, 0
    power = np.square(wave[: frames * _HOP].reshape(frames, _HOP), dtype=np.float64).mean(1)
    loud = np.flatnonzero(power > power.max() * 10 ** (_QUIET_DB / 10))
    return int(loud[0]) * _HOP, int(loud[-1] + 1) * _HOP


def spectral_frames(wave: np.ndarray, bands: int = 40) -> np.ndarray:
    """Log-mel frames (T,) -> (F, bands) for alignment, each band with its mean removed, so that timbre counts less."""
    import torch

    from gsv_lab.nn.spectral import LogMel

    with torch.inference_mode():
        mel = LogMel(SAMPLE_RATE, n_fft=512, hop_length=_HOP, n_mels=bands)(torch.from_numpy(np.array(wave))[None])
    frames = mel[0].numpy().T
    # Without this floor, digital silence would weigh more than any difference between two sounds.
    frames = np.maximum(frames, frames.max() - 9.0)
    return frames - frames.mean(0)


def frame_costs(natural: np.ndarray, synthesis: np.ndarray) -> np.ndarray:
    """Euclidean distances of all pairs of frames: (A, D) and (B, D) -> (A, B)."""
    squares = (natural**2).sum(1)[:, None] + (synthesis**2).sum(1)[None] - 2 * natural @ synthesis.T
    return np.sqrt(np.maximum(squares, 0.0))


def tracked_pitch(wave: np.ndarray) -> np.ndarray:
    """F0 by the kit's own tracker: (T,) -> (F,) Hz, 0 where unvoiced."""
    import torch

    from gsv_lab.extensions.f0 import track_pitch

    with torch.inference_mode():
        log_f0, voicing = track_pitch(torch.from_numpy(np.array(wave))[None], SAMPLE_RATE, _HOP)
    return (log_f0.exp() * voicing)[0].numpy()


class Prosody:
    """F0 error, voicing error and duration ratio of a clip against its natural target.

    Args:
        f0: wave (T,) -> (F,) Hz at 100 Hz, 0 where unvoiced.
        identity: name of that tracker.
    """

    name = "prosody"
    _shortest = 512  # samples; less cannot be framed

    def __init__(self, f0: Callable[[np.ndarray], np.ndarray] = tracked_pitch, identity: str = "own tracker 2") -> None:
        self.f0, self.identity = f0, f"F0 by {identity}, DTW on log-mels"

    def __call__(self, wave: np.ndarray, job: Job) -> Row | None:
        """Values of one clip; only the duration ratio for silence; None where there is no natural target."""
        if job.natural is None:
            return None
        a, b = (signal[slice(*spoken_span(signal))] for signal in (job.natural, wave))
        if a.size < self._shortest:
            return None
        ratio = {"duration_ratio": b.size / a.size}
        if b.size < self._shortest:
            return ratio
        path = dtw(frame_costs(spectral_frames(a), spectral_frames(b)))
        error = pitch_error(self.f0(a), self.f0(b), path)
        found = {"f0_cents": error.cents, "f0_offset_cents": error.offset_cents} if error.voiced_pairs else {}
        return ratio | found | {"voicing_error": error.voicing, "voiced_pairs": error.voiced_pairs}
