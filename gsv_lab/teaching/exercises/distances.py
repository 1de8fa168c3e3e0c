"""How far two waves are from each other: in what is said, and in their mels.

Letters: T samples, M mel bands, F frames.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gsv_lab.inference.lab import Lab
from gsv_lab.nn.spectral import LogMel


def log_mel(wave: Tensor, sample_rate: int) -> Tensor:
    """The log-mel of a wave at 100 frames a second, in nats: (T,) -> (80, F)."""
    measure = LogMel(sample_rate, n_fft=sample_rate // 25, hop_length=sample_rate // 100, n_mels=80)
    with torch.no_grad():
        return measure(wave.reshape(1, -1))[0]


@torch.no_grad()
def content_likeness(lab: Lab, one: Tensor, other: Tensor) -> float:
    """How alike two waves (T,) are in what is said: mean cosine of their content, its mean over time subtracted.

    1 is the same; different speech is near 0. It is measured by the content encoder, which also made the codes.
    """
    first = lab.family.synthesizer.extract_content(one).content[0]
    second = lab.family.synthesizer.extract_content(other).content[0]
    frames = min(first.shape[-1], second.shape[-1])
    first = first[:, :frames]
    second = second[:, :frames]
    first = first - first.mean(-1, keepdim=True)
    second = second - second.mean(-1, keepdim=True)
    return float(torch.cosine_similarity(first, second, dim=0).mean())


def mel_distance(lab: Lab, one: Tensor, other: Tensor) -> float:
    """Mean absolute difference of the log-mels of two waves (T,), over the shorter one, in nats."""
    first = log_mel(one, lab.sample_rate)
    second = log_mel(other, lab.sample_rate)
    frames = min(first.shape[-1], second.shape[-1])
    return float((first[:, :frames] - second[:, :frames]).abs().mean())
