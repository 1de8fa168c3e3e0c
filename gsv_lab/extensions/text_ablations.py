"""Priors that read less of the text than the published one, for the ablations that ask what the text is good for.

Letters: B batch, C latent width, D content width, F frames at 50 Hz, P phones, W attention width.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.extensions.phone_index_prior import PhoneIndexAttention, PhoneIndexPrior
from gsv_lab.hooks.tap import BoundTap
from gsv_lab.nn.interfaces import Conditioning, Latent, StreamChunk
from gsv_lab.nn.prior import TextContentPrior


class TextlessPrior(TextContentPrior):
    """A prior of codes and speaker alone: every text is the same one, phone 0.

    quantized (B, D, F), phones (B, P), conditioning -> Latent(mean, log_scale (B, C, F'), mask, hidden)

    Its arguments, and so its size, are those of `TextContentPrior`.
    """

    def alignment(self) -> BoundTap | None:
        """None: there is nothing to follow in a text of one phone."""
        return None

    def text_modules(self) -> list[nn.Module]:
        """None of its modules reads the text."""
        return []

    def forward(
        self,
        quantized: Tensor,
        mask: Tensor | None,
        phones: Tensor,
        phone_mask: Tensor | None,
        conditioning: Conditioning,
        speed: float = 1.0,
        chunk: StreamChunk | None = None,
    ) -> Latent:
        """See the class and `TextContentPrior.forward`."""
        nothing = phones.new_zeros(len(phones), 1)
        made: Latent = super().forward(quantized, mask, nothing, None, conditioning, speed, chunk)
        return made


class OwnPhone(PhoneIndexAttention):
    """`PhoneIndexAttention` without attention: every frame gets its own phone, where it is known, and no other."""

    def __init__(self, width: int, attention_width: int, heads: int, speaker_dim: int) -> None:
        super().__init__(width, attention_width, heads, speaker_dim)
        for layer in (self.query, self.key, self.value, self.out):
            layer.requires_grad_(False)

    def attend(self, query: Tensor, context: Tensor, mask: Tensor | None) -> Tensor:
        """No phone has a weight in the tap `pattern`, and so nothing comes back: (B, W, F) of zeros."""
        weights = self.pattern(query.new_zeros(len(query), self.heads, query.shape[2], context.shape[2]))
        values = self.value(context).unflatten(1, (self.heads, -1))
        mixed = (values @ weights.transpose(2, 3)).flatten(1, 2)
        return functional.conv1d(mixed, self.out.weight)


class OwnPhonePrior(PhoneIndexPrior):
    """`PhoneIndexPrior` with `OwnPhone`; same arguments. Frames whose `phone_index` is not known get no phone."""

    attention_class = OwnPhone

    def alignment(self) -> BoundTap | None:
        """None: there is no attention."""
        return None
