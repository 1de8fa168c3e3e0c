"""A prior that gets the phone of each frame, where it is known.

Attention has to find out by itself which phone a frame belongs to. Forced alignment (in training) and the monotonic
alignment of SemanticGPT (in synthesis) know it.
Letters: B batch, F frames at 50 Hz, P phones, W attention width.
"""

from __future__ import annotations

from torch import Tensor, nn

from gsv_lab.nn.interfaces import Conditioning
from gsv_lab.nn.prior import TextContentAttention, TextContentPrior


class PhoneIndexAttention(TextContentAttention):
    """`TextContentAttention` that also hands every frame its own phone; a `phone_index` of -1 is unknown."""

    def __init__(self, width: int, attention_width: int, heads: int, speaker_dim: int) -> None:
        super().__init__(width, attention_width, heads, speaker_dim)
        self.phone_in = nn.Conv1d(attention_width, attention_width, 1)

    def with_phone(self, mixed: Tensor, text: Tensor, conditioning: Conditioning) -> Tensor:
        """Phones mixed by the attention (B, W, F), text (B, W, P) -> (B, W, F) with each frame's own phone added."""
        phone_index = conditioning.phone_index
        if phone_index is None:
            return mixed
        columns = phone_index.clamp(min=0)[:, None].expand(-1, text.shape[1], -1)
        own = self.phone_in(text.gather(2, columns))
        return mixed + own * (phone_index >= 0)[:, None]


class PhoneIndexPrior(TextContentPrior):
    """`TextContentPrior` with `PhoneIndexAttention`; same arguments. Without a `phone_index` it does as its parent."""

    attention_class = PhoneIndexAttention
