"""No quantizer: content goes to the prior as it is. For the ablation that asks what the codebook costs.

Letters: B batch, D content width, F50 content frames, F25 tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import Quantized, Quantizer
from gsv_lab.system.ranges import PositiveFloat, PositiveInt


class ContinuousContent(Quantizer):
    """The mean of `hop` content frames in place of a code vector: (B, D, F50) -> (B, D, F25).

    There are no codes, so nothing can be spoken from text; resynthesis of recordings shows what the prior can do.

    Args:
        dim: D.
        hop: content frames for one vector.
        content_rate: frames of content a second, Hz.
    """

    projected = Tap("batch dim token", rate="frame_rate", meaning="content at the rate of codes")

    def __init__(self, dim: PositiveInt, hop: PositiveInt = 2, content_rate: PositiveFloat = 50.0) -> None:
        super().__init__()
        self.dim = dim
        self.hop = hop
        self.n_codes = 0
        self.frame_rate = content_rate / hop

    def forward(self, content: Tensor) -> Quantized:
        """See the class; the codes are all 0, the commitment is 0."""
        x = self.projected(functional.avg_pool1d(content, self.hop))
        codes = torch.zeros(len(x), x.shape[-1], dtype=torch.int64, device=x.device)
        return Quantized(x, codes, x.new_zeros(()))

    def encode(self, content: Tensor) -> Tensor:
        """There are no codes.

        Raises:
            ConfigError: always.
        """
        raise no_codes()

    def decode(self, codes: Tensor) -> Tensor:
        """There are no codes.

        Raises:
            ConfigError: always.
        """
        raise no_codes()


def no_codes() -> ConfigError:
    """Why a network without a codebook cannot speak text."""
    return ConfigError(
        "CONFIG_INCONSISTENT",
        "These networks were trained without a quantizer, so there are no codes to speak from",
        "a SoVITS with a quantizer",
        "With this one, recordings can be made again: lab.resynthesize",
    )
