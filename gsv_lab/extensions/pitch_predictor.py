"""Pitch as a stream of its own: F0 and voicing expected for what is said by a voice, beside the latent.

Letters: B batch, H width of the prior's frames, F frames at 50 Hz, G speaker width.
It does not know codes, phones or latents, only the frames in which the prior has joined them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor, nn

from gsv_lab.extensions.f0 import TYPICAL_F0
from gsv_lab.extensions.istft_vocoder import FrameNet
from gsv_lab.hooks.tap import Component, Tap


class Pitch(NamedTuple):
    """`log_f0` (B, 1, F100) in ln Hz and `voicing` (B, 1, F100) as a logit."""

    log_f0: Tensor
    voicing: Tensor


class PitchPredictor(Component):
    """The prior's frames (B, H, F), speaker (B, G, 1) -> Pitch at 100 Hz.

    Why: a latent must pay for every frame of a precise F0 as if frames knew nothing of each other, so it carries a
    blurred one, and a voice drawn from it trembles. A predictor gives one smooth curve.
    Source: the variance predictor of FastSpeech 2, Ren et al. 2020, arXiv:2006.04558, 2.3, here per frame. F0 is
    counted from the speaker's own level, the last channel of the vector of `PitchedSpeakerEncoder`.

    Args:
        hidden_dim: H.
        speaker_dim: G.
        width, layers, kernel, expansion: of the ConvNeXt blocks.
        rate: pitch frames for one frame of the prior.
    """

    f0 = Tap("batch channel frame", rate="pitch_rate", unit="Hz", meaning="expected fundamental frequency")
    voicing = Tap("batch channel frame", rate="pitch_rate", unit="logit", meaning="vocal folds move where above 0")

    def __init__(
        self,
        hidden_dim: int,
        speaker_dim: int,
        width: int = 96,
        layers: int = 4,
        kernel: int = 9,
        expansion: int = 2,
        rate: int = 2,
    ) -> None:
        super().__init__()
        self.hidden_dim, self.speaker_dim, self.rate, self.pitch_rate = hidden_dim, speaker_dim, rate, 50.0 * rate
        self.net = FrameNet(hidden_dim, speaker_dim, width, layers, kernel, expansion, rate)
        self.leave = nn.Conv1d(width, 2, 1)

    def forward(self, hidden: Tensor, speaker: Tensor) -> Pitch:
        """See the class."""
        log_f0, voicing = self.leave(self.net(hidden, speaker)).float().chunk(2, dim=1)
        # Through Hz and back, so that an edit of the tap is one of the melody.
        f0 = self.f0((log_f0 + math.log(TYPICAL_F0) + speaker[:, -1:].float()).exp())
        return Pitch(f0.log(), self.voicing(voicing))
