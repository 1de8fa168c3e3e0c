"""A speaker vector that is mixed of learned vectors: a reference encoder says how much of each a recording has.

Letters: B batch, F frames at 50 Hz, G speaker width, H heads, N entries of the table.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import Conditioning, Features, SpeakerEncoder
from gsv_lab.system.ranges import PositiveInt

SHARPNESS = 4.0
"""Factor on the cosines of the attention: an entry that fits by 0.25 more has e times the weight. With 10, training
gave every recording the same entry.
"""


class SpeakerTable(SpeakerEncoder):
    """A table of learned vectors, read by the attention of another speaker encoder's vector.

    what the base reads -> (B, G, 1)

    Why: the vector of an unheard voice is mixed of what the training voices had, and the weights say of what. Entries
    have no speaker's name and no index, so any recording can be looked up. An edit of `weights` makes voices without
    a recording.
    Source: "Style Tokens", Wang et al. 2018, arXiv:1803.09017, 3.2: N entries of width G / H, through tanh, shared by
    the heads, whose results are joined. Differs from the paper: the reference encoder is the base, and reads a voice;
    scores are cosines (query-key normalisation, Henry et al. 2020, arXiv:2010.04245), here by a fixed factor. With
    plain products the vectors of the base grew in training until every recording had the same single entry.

    Args:
        base: the reference encoder; it decides G. What it measures (`gives`) is expected in its last channels, as
            `MeasuredSpeakerEncoder` has it; these pass as they are and take no part in the attention.
        entries: N.
        heads: H, each with weights of its own; G without measured channels has to be a multiple of it.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, G without measured channels is not a multiple of `heads`.
    """

    weights = Tap("batch head entry", meaning="how much of each entry the recording has; the sum over entries is one")
    speaker = Tap("batch dim one", meaning="speaker vector read from the table")

    def __init__(self, base: SpeakerEncoder, entries: PositiveInt = 32, heads: PositiveInt = 4) -> None:
        super().__init__()
        self.base = base
        self.speaker_dim = base.speaker_dim
        self.spec_channels = base.spec_channels
        self.verification_dim = base.verification_dim
        self.ltas_dim = base.ltas_dim
        self.gives = base.gives
        self.reads = base.reads
        self.learned_dim = base.speaker_dim - base.ltas_dim - ("median_log_f0" in base.gives)
        if self.learned_dim % heads:
            problem = f"the speaker encoder learns {self.learned_dim} channels and heads is {heads}"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "channels that are a multiple of heads")
        self.heads = heads
        width = self.learned_dim // heads
        self.table = nn.Parameter(0.5 * torch.randn(entries, width))
        # Without biases the vector holds nothing but what stands in the table.
        self.query = nn.Linear(self.learned_dim, self.learned_dim, bias=False)
        self.key = nn.Linear(width, self.learned_dim, bias=False)
        self.value = nn.Linear(width, self.learned_dim, bias=False)

    def forward(self, features: Features, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """See the class."""
        vector = self.base(features, mask, verification)[..., 0]
        learned, measured = vector[:, : self.learned_dim], vector[:, self.learned_dim :]
        joined = torch.cat((self._read(learned), measured), dim=1)
        return self.speaker(joined[..., None])

    def conditioning(self, speaker: Tensor, ltas: Tensor | None = None) -> Conditioning:
        """As the base has it."""
        return self.base.conditioning(speaker, ltas)

    def _split(self, x: Tensor) -> Tensor:
        # (B, G) -> (B, H, G / H)
        return x.unflatten(1, (self.heads, -1))

    def _read(self, learned: Tensor) -> Tensor:
        # (B, G) -> (B, G)
        entries = self.table.tanh()
        query = functional.normalize(self._split(self.query(learned)), dim=-1)
        key = functional.normalize(self._split(self.key(entries)), dim=-1)
        cosines = torch.einsum("bhw,nhw->bhn", query, key)
        weights = self.weights((SHARPNESS * cosines).softmax(-1))
        value = self._split(self.value(entries))
        return torch.einsum("bhn,nhw->bhw", weights, value).flatten(1)
