"""A phone recogniser on what Whisper's encoder hears: the teacher of the content encoder.

features (B, C, 50 Hz) -> content (B, D, 50 Hz) -> phone scores (B, V, 50 Hz)

It takes part in training only. Its content has the width of the content encoder's, so that the one can be taught to
the other.
Letters: B batch, C channels of Whisper's encoder, D content width, F frames at 50 Hz, V phone classes (0 is the blank).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeInt, PositiveInt


class TeacherHead(Component):
    """Whisper's frames -> content and phones.

    Why: ten hours of text are too little to learn hearing from waves and enough to learn phones from a recogniser that
    hears already.
    Source: CTC on frozen features of a large encoder, as in Baevski et al. 2020, arXiv:2006.11477, 3.3; that encoder:
    Radford et al. 2022, arXiv:2212.04356, 2.2.

    Args:
        n_phones: classes V, the blank included.
        teacher_dim: C.
        width: channels of the layers.
        layers: residual convolutions.
        kernel: frames that each sees, odd.
        dim: content width D.
        dropout: share of values dropped in training.
    """

    content = Tap("batch dim frame", rate=50.0, meaning="bottleneck: what is said")
    phones = Tap("batch phone frame", rate=50.0, unit="log probability", meaning="phone scores (CTC)")

    frame_rate = 50.0

    def __init__(
        self,
        n_phones: PositiveInt,
        teacher_dim: PositiveInt = 512,
        width: PositiveInt = 256,
        layers: NonNegativeInt = 3,
        kernel: PositiveInt = 5,
        dim: PositiveInt = 192,
        dropout: ClosedUnitInterval = 0.1,
    ) -> None:
        super().__init__()
        self.n_phones = n_phones
        self.teacher_dim = teacher_dim
        self.dim = dim
        self.norm = nn.BatchNorm1d(teacher_dim, affine=False)
        self.dropout = nn.Dropout(dropout)
        self.in_proj = nn.Conv1d(teacher_dim, width, 1)
        self.layers = nn.ModuleList()
        for _ in range(layers):
            self.layers.append(nn.Conv1d(width, width, kernel, padding=kernel // 2))
        self.bottleneck = nn.Sequential(nn.GroupNorm(1, width), nn.Conv1d(width, dim, 1))
        self.classify = nn.Conv1d(dim, n_phones, 1)
        self.label = nn.Conv1d(dim, n_phones, 1)

    def encode(self, features: Tensor) -> Tensor:
        """(B, C, F) -> content (B, D, F)."""
        x = self.in_proj(self.dropout(self.norm(features)))
        for layer in self.layers:
            x = x + self.dropout(functional.gelu(layer(x)))
        return self.content(self.bottleneck(x))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, F) -> content (B, D, F)."""
        return self.encode(features)

    def phone_scores(self, content: Tensor) -> Tensor:
        """CTC log-probabilities: (B, D, F) -> (B, V, F)."""
        return self.phones(self.classify(functional.gelu(content)).log_softmax(1))

    def label_scores(self, content: Tensor) -> Tensor:
        """Log-probabilities of the phone that sounds in each frame, 0 is silence: (B, D, F) -> (B, V, F)."""
        return self.label(functional.gelu(content)).log_softmax(1)
