"""Measures of notebook 10, written to be read, and copies of a wave that differ from it in a known way.

What the notebook's reader is to write stands here, too, for exercises that are still open.
Letters: T samples at 16 kHz, F frames at 100 Hz, A and B frames of two waves, D coefficients, M mel bands, K pairs,
N clips.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.special import stdtrit
from torch import Tensor
from torch.nn import functional

from gsv_lab.evaluation.measures.cepstral import BANDS, HOP, WINDOW, mel_cepstra
from gsv_lab.evaluation.measures.prosody import frame_costs
from gsv_lab.evaluation.measures.signal import si_snr
from gsv_lab.evaluation.measures.similarity import SpeakerEmbedder
from gsv_lab.nn.spectral import LogMel
from gsv_lab.system.seeds import seeded

RATE = 16000
WHOLE_KHZ = RATE / 2000
"""Upper edge of the band of a wave that lacks nothing."""
NO_NOISE = 60.0
"""Signal-to-noise ratio in dB from which on no noise is added."""
DECIBEL = 10 * math.sqrt(2) / math.log(10)
"""What a difference of 1 in one cepstral coefficient is in dB, root mean square over frequency."""

COPIES: Mapping[str, Mapping[str, float]] = {
    "delayed": {"delay": 20.0},
    "quieter": {"gain": -12.0},
    "noisy": {"noise": 10.0},
    "muffled": {"band": 1.5},
}
"""What is done to the copies that a reader listens to first, see `changed`."""

Steps = Sequence[tuple[int, int]] | np.ndarray
"""A path (K, 2) of pairs of frames."""


def changed(
    wave: Tensor,
    delay: float = 0.0,
    gain: float = 0.0,
    noise: float = NO_NOISE,
    band: float = WHOLE_KHZ,
    seconds: float = math.inf,
) -> Tensor:
    """A copy of a wave (T,) that differs from it in a known way, equally long unless it is cut.

    Args:
        wave: samples.
        delay: ms of silence before it; the end is cut off.
        gain: dB.
        noise: dB of signal over white noise; none from `NO_NOISE` on.
        band: kHz above which nothing is left.
        seconds: of its beginning that are kept.
    """
    copy = wave[: round(seconds * RATE)] if math.isfinite(seconds) else wave
    if band < WHOLE_KHZ:
        spectrum = torch.fft.rfft(copy)
        spectrum[torch.fft.rfftfreq(copy.numel(), 1 / RATE) > 1000 * band] = 0
        copy = torch.fft.irfft(spectrum, copy.numel())
    if noise < NO_NOISE:
        level = copy.square().mean().sqrt() * 10 ** (-noise / 20)
        copy = copy + level * torch.randn(copy.shape, generator=seeded(0))
    shift = round(delay * RATE / 1000)
    copy = functional.pad(copy, (shift, 0))[: copy.numel()]
    return (copy * 10 ** (gain / 20)).clamp(-1, 1)


def mel_image(wave: Tensor) -> Tensor:
    """Log-mel image in dB (T,) -> (80, F), nothing of it below -80 dB."""
    mel = LogMel(RATE, n_fft=1024, hop_length=160, n_mels=80)(wave[None])[0]
    return (20 / math.log(10) * mel).clamp(min=-80)


def ssim(one: Tensor, other: Tensor, reach: float = 80.0) -> float:
    """Structural similarity of two images (M, F), cut to the shorter: 1 for equal ones, about 0 for unrelated ones.

    Source: Wang et al. 2004, doi:10.1109/TIP.2003.819861, eq. 13, with a uniform window of 7 by 7.

    Args:
        one: image.
        other: image.
        reach: distance of the lowest and the highest possible value.
    """
    size = min(one.shape[1], other.shape[1])
    x, y = (image[None, None, :, :size].double() for image in (one, other))
    small, large = (0.01 * reach) ** 2, (0.03 * reach) ** 2
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = (
        functional.avg_pool2d(image, 7, 1) for image in (x, y, x * x, y * y, x * y)
    )
    spread = mean_xx - mean_x**2 + mean_yy - mean_y**2
    above = (2 * mean_x * mean_y + small) * (2 * (mean_xy - mean_x * mean_y) + large)
    below = (mean_x**2 + mean_y**2 + small) * (spread + large)
    return float((above / below).mean())


def cepstra(wave: Tensor | np.ndarray) -> np.ndarray:
    """Mel cepstra (T,) -> (F, 14): c0, the level, before the coefficients 1 to 13 of `measures.cepstral`."""
    log_mel = LogMel(RATE, n_fft=WINDOW, hop_length=HOP, n_mels=BANDS)
    samples = torch.as_tensor(wave)
    with torch.inference_mode():
        level = log_mel(samples[None])[0].T.double().numpy().mean(axis=1)
    return np.concatenate([2 * level[:, None], mel_cepstra(samples.numpy())], axis=1)


def costs(one: Tensor, other: Tensor) -> np.ndarray:
    """How far apart the cepstra of two waves (T,) lie at each pair of frames, c0 left out: (A, B)."""
    return frame_costs(cepstra(one)[:, 1:], cepstra(other)[:, 1:])


def summed(cost: np.ndarray) -> np.ndarray:
    """Cost of the cheapest path from the first corner to each cell: (A, B) -> (A, B).

    Source: Sakoe and Chiba 1978, doi:10.1109/TASSP.1978.1163055, symmetric steps without slope weights.
    """
    total = np.full((cost.shape[0] + 1, cost.shape[1] + 1), np.inf)
    total[0, 0] = 0.0
    for i, row in enumerate(cost.tolist(), 1):
        above, here = total[i - 1].tolist(), [math.inf]
        for j, value in enumerate(row, 1):
            here.append(value + min(above[j - 1], above[j], here[j - 1]))
        total[i] = here
    return total[1:, 1:]


def cheapest_path(total: np.ndarray) -> list[tuple[int, int]]:
    """The path that led to the last cell of summed costs (A, B): K pairs of frames, the first corner first."""
    cell = (total.shape[0] - 1, total.shape[1] - 1)
    path = [cell]
    while cell != (0, 0):
        i, j = cell
        before = [(a, b) for a, b in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if min(a, b) >= 0]
        cell = min(before, key=lambda place: float(total[place]))
        path.append(cell)
    return path[::-1]


def distortion(one: np.ndarray, other: np.ndarray, path: Steps) -> float:
    """Mel-cepstral distortion in dB of cepstra (A, D) and (B, D) along a path (K, 2), c0 left out.

    Source: Kubichek 1993, doi:10.1109/PACRIM.1993.407206.
    """
    steps = np.asarray(path)
    off = one[steps[:, 0], 1:] - other[steps[:, 1], 1:]
    return float(DECIBEL * np.sqrt((off**2).sum(axis=1)).mean())


def mcd(
    one: Tensor,
    other: Tensor,
    rule: Callable[..., Any] = distortion,
    path: Callable[..., Any] = cheapest_path,
) -> float:
    """Mel-cepstral distortion in dB of two waves (T,).

    Args:
        one: wave.
        other: wave.
        rule: two cepstra and a path -> dB, see `distortion`.
        path: summed costs -> path, see `cheapest_path`.
    """
    return float(rule(cepstra(one), cepstra(other), path(summed(costs(one, other)))))


def measured(copy: Tensor, original: Tensor, reference: Tensor, embedder: SpeakerEmbedder) -> dict[str, float]:
    """A copy (T,) by four measures: SSIM, SI-SNR and MCD in dB, cosine.

    Args:
        copy: is compared with as much of the original as it is long; of a longer one SSIM and SI-SNR leave out the end.
        original: what it was made from.
        reference: other speech of the same voice, for the cosine.
        embedder: gives voice vectors.
    """
    beginning = original[: copy.numel()]
    vectors = [embedder.embed(wave.numpy()) for wave in (copy, reference)]
    return {
        "SSIM": ssim(mel_image(copy), mel_image(beginning)),
        "SI-SNR": si_snr(beginning.numpy(), copy[: beginning.numel()].numpy()),
        "MCD": mcd(beginning, copy),
        "cosine": float(vectors[0] @ vectors[1]),
    }


def place(score: float, floor: float, ceiling: float) -> float:
    """Where a score lies between other speakers, 0, and the speaker's own natural speech, 1."""
    return (score - floor) / (ceiling - floor)


def retained(errors: np.ndarray, words: np.ndarray, natural_errors: np.ndarray, natural_words: np.ndarray) -> float:
    """Accuracy of made speech as a share of that of natural speech; errors and words of each clip (N,), pooled."""
    accuracy = max(0.0, 1 - float(np.sum(errors)) / float(np.sum(words)))
    return accuracy / (1 - float(np.sum(natural_errors)) / float(np.sum(natural_words)))


def t_quantile(degrees: float) -> float:
    """The value that a Student t of so many degrees of freedom exceeds in 2.5 % of all cases."""
    return float(stdtrit(degrees, 0.975))


def interval(values: np.ndarray, speaker: np.ndarray, t: Callable[[float], float] = t_quantile) -> tuple[float, float]:
    """Both ends of the t interval of a mean over speakers: values (N,) and names (N,) of clips -> low, high."""
    means = np.array([values[speaker == name].mean() for name in np.unique(speaker)])
    half = t(len(means) - 1) * means.std(ddof=1) / math.sqrt(len(means))
    return float(means.mean() - half), float(means.mean() + half)


def advantage(
    first: Mapping[str, float], second: Mapping[str, float], speaker: Mapping[str, str]
) -> tuple[float, float, float]:
    """By how much the second system exceeds the first on the clips that both have: mean over speakers, low, high."""
    clips = [name for name in first if name in second]
    off = np.array([second[name] - first[name] for name in clips])
    who = np.array([speaker[name] for name in clips])
    means = [off[who == name].mean() for name in np.unique(who)]
    return (float(np.mean(means)), *interval(off, who))
