"""A speaker vector whose last channels are measured: the long-term average spectrum, and how high the voice speaks.

Letters: B batch, F frames at 50 Hz, G speaker width, K cosines of the long-term average spectrum (LTAS).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.f0 import TYPICAL_F0
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import Conditioning, Features, SpeakerEncoder
from gsv_lab.system.ranges import NonNegativeInt


class MeasuredSpeakerEncoder(SpeakerEncoder):
    """A speaker encoder with measured channels behind its learned ones.

    features with `ltas`, `log_f0` and `voicing` -> (B, G, 1): learned channels, K of the LTAS, `median_log_f0`

    Why: left to a learned vector, pitch and mean spectrum of unheard voices fall back to those of the training voices,
    and with them much of what makes them known.

    Args:
        base: the speaker encoder that gives the other channels; G is its width and K.
        ltas_dim: K.
    """

    speaker = Tap("batch dim one", meaning="speaker vector; its last channels are the LTAS and the median log-F0")
    gives = frozenset({"ltas", "median_log_f0"})
    reads = frozenset({"ltas", "log_f0", "voicing"})

    def __init__(self, base: SpeakerEncoder, ltas_dim: NonNegativeInt = 0) -> None:
        super().__init__()
        self.base = base
        self.ltas_dim = ltas_dim
        self.speaker_dim = base.speaker_dim + ltas_dim
        self.spec_channels = base.spec_channels
        self.verification_dim = base.verification_dim
        if not ltas_dim:
            self.gives = frozenset({"median_log_f0"})
            self.reads = frozenset({"log_f0", "voicing"})

    def forward(self, features: Features, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """See the class; masked frames must be unvoiced, as padding with zeros is.

        Raises:
            ConfigError: the frontend measures no pitch, or no LTAS where K is above 0.
        """
        learned = self.base(features, mask, verification)[:, :-1]
        channels = [learned]
        if self.ltas_dim:
            channels.append(_measured(features.ltas, "ltas"))
        channels.append(median_log_f0(features))
        return self.speaker(torch.cat([x.to(learned.dtype) for x in channels], dim=1))

    def conditioning(self, speaker: Tensor, ltas: Tensor | None = None) -> Conditioning:
        """The vector and what is measured in it; a recording's own `ltas` takes the place of the vector's."""
        k = self.ltas_dim
        learned, own, median = speaker[:, : -1 - k], speaker[:, -1 - k : -1], speaker[:, -1:]
        if ltas is None or not k:
            return Conditioning(speaker, own if k else None, median)
        return Conditioning(torch.cat((learned, ltas.to(speaker.dtype), median), dim=1), ltas, median)


def median_log_f0(features: Features) -> Tensor:
    """How high a voice speaks: median log-F0 over the voiced frames, counted from `TYPICAL_F0`, in nat: (B, 1, 1).

    0 for a whisper.
    """
    log_f0, voicing = _measured(features.log_f0, "log_f0"), _measured(features.voicing, "voicing")
    voiced = log_f0.where(voicing > 0.5, torch.nan)
    level = voiced.flatten(1).nanmedian(-1).values - math.log(TYPICAL_F0)
    return level.nan_to_num(0.0)[:, None, None]


def _measured(value: Tensor | None, name: str) -> Tensor:
    if value is None:
        raise ConfigError(
            "CONFIG_INCONSISTENT",
            f"The speaker encoder needs {name} of its reference, and the frontend does not measure it",
            "a frontend that does, for example gsv_lab.extensions.frontend.LogMelF0Frontend",
        )
    return value
