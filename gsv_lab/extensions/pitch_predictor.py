"""Pitch as a stream of its own: F0 and voicing expected for what is said by a voice, beside the latent.

Letters: B batch, H width of the prior's frames, F frames at 50 Hz, G speaker width.
"""

from __future__ import annotations

import math
from abc import abstractmethod

from torch import Tensor, nn

from gsv_lab.extensions.convnext import ConvNeXtStack
from gsv_lab.extensions.f0 import TYPICAL_F0, f0_loss, f0_variance_loss, recorded_pitch, voicing_loss
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import Conditioning, Features, Role
from gsv_lab.system.ranges import NonNegativeInt, PositiveInt


class Pitch(Role):
    """Role: the prior's frames (B, H, F), conditioning -> log-F0 in ln Hz, voicing as a logit, (B, 1, f0_frames * F).

    Declares: `hidden_dim` H, `speaker_dim` G, `f0_frames` pitch frames for one latent frame.
    """

    hidden_dim: int
    speaker_dim: int
    f0_frames: int
    gives = frozenset({"log_f0", "voicing"})

    @abstractmethod
    def forward(self, hidden: Tensor, conditioning: Conditioning) -> tuple[Tensor, Tensor]:
        """See the class."""

    def losses(self, log_f0: Tensor, voicing: Tensor, target: Features) -> dict[str, Tensor]:
        """Unweighted terms of its own, from its prediction and the recording's features."""
        return {}


class PitchPredictor(Pitch):
    """The prior's frames (B, H, F), conditioning -> log-F0 and voicing at 100 Hz.

    Why: a latent must pay for every frame of a precise F0 as if frames knew nothing of each other, so it carries a
    blurred one, and a voice drawn from it trembles. A predictor gives one smooth curve.
    Source: the variance predictor of FastSpeech 2, Ren et al. 2020, arXiv:2006.04558, 2.3, here per frame. F0 is
    counted from the voice's own median.

    Args:
        hidden_dim: H.
        speaker_dim: G.
        width, layers, kernel, expansion: of the ConvNeXt blocks.
        f0_frames: pitch frames for one frame of the prior.
    """

    f0 = Tap("batch channel frame", rate="pitch_rate", unit="Hz", meaning="expected fundamental frequency")
    voicing = Tap("batch channel frame", rate="pitch_rate", unit="logit", meaning="vocal folds move where above 0")
    needs = frozenset({"hidden", "median_log_f0"})
    reads = frozenset({"log_f0", "voicing"})
    gives = frozenset({"log_f0", "voicing"})

    def __init__(
        self,
        hidden_dim: PositiveInt,
        speaker_dim: NonNegativeInt,
        width: PositiveInt = 96,
        layers: PositiveInt = 4,
        kernel: PositiveInt = 9,
        expansion: PositiveInt = 2,
        f0_frames: PositiveInt = 2,
    ) -> None:
        super().__init__()
        self.hidden_dim = hidden_dim
        self.speaker_dim = speaker_dim
        self.f0_frames = f0_frames
        self.pitch_rate = 50.0 * f0_frames
        self.net = ConvNeXtStack(hidden_dim, speaker_dim, width, layers, kernel, expansion, f0_frames)
        self.out_proj = nn.Conv1d(width, 2, 1)

    def forward(self, hidden: Tensor, conditioning: Conditioning) -> tuple[Tensor, Tensor]:
        """See the class."""
        x = self.net(hidden, conditioning.speaker)
        log_f0, voicing = self.out_proj(x).float().chunk(2, dim=1)
        # Through Hz and back, so that an edit of the tap is one of the fundamental frequency.
        f0 = self.f0((log_f0 + math.log(TYPICAL_F0) + conditioning.median_log_f0.float()).exp())
        return f0.log(), self.voicing(voicing)

    def losses(self, log_f0: Tensor, voicing: Tensor, target: Features) -> dict[str, Tensor]:
        """`f0` and `f0_variance` (nat), `voicing`."""
        true_f0, is_voiced = recorded_pitch(target)
        return {
            "f0": f0_loss(log_f0, true_f0, is_voiced),
            "f0_variance": f0_variance_loss(log_f0, true_f0, is_voiced),
            "voicing": voicing_loss(voicing, is_voiced),
        }
