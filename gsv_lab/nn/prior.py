"""Prior: which latent to expect, given what is said (codes), how it is spelt (phones) and who speaks.

Letters: B batch, D content width, F frames at 50 Hz, P phones, C latent width, G speaker width.
It does not know where codes come from, and does not draw: that is the business of whoever composes the parts.
"""

from __future__ import annotations

from torch import Tensor, nn

from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import Chunk, Latent, Prior
from gsv_lab.nn.ops import crossfade_head, full_mask, resize_frames
from gsv_lab.nn.transformer import AttentionCore, EncoderStack


class TextContentAttention(AttentionCore):
    """Frames of content ask the phones how they should sound; content and speaker are added to the answer.

    content (B, W, F), text (B, W, P), speaker (B, G, 1), places (B, F) or None -> (B, W, F)

    Why: codes say what was articulated, at a low rate and with errors; the text corrects and sharpens them.
    Source: the three-way mix of GPT-SoVITS (MIT licence), after the multi-reference timbre encoder of Mega-TTS 2,
    Jiang et al. 2023, arXiv:2307.07218, 3.2.

    Args:
        width: channels W at the border.
        attention_width: channels of the attention.
        heads: attention heads.
        speaker_dim: G; a projection is added where it is not `attention_width`.
        pointed: also hand every frame the phone that is spoken in it, where somebody knows it (`places`).
    """

    content = Tap("batch dim frame", rate=50.0, meaning="content as it asks the phones")
    answer = Tap("batch dim frame", rate=50.0, meaning="what the phones answer")
    pattern = Tap("batch head frame phone", rate=50.0, meaning="which phone each frame listens to")

    def __init__(self, width: int, attention_width: int, heads: int, speaker_dim: int, pointed: bool = False) -> None:
        super().__init__(attention_width, heads)
        self.content_in = nn.Conv1d(width, attention_width, 1)
        self.text_in = nn.Conv1d(width, attention_width, 1)
        self.leave = nn.Conv1d(attention_width, width, 1)
        self.speaker_in = (
            nn.Identity() if speaker_dim == attention_width else nn.Conv1d(speaker_dim, attention_width, 1)
        )
        self.here = nn.Conv1d(attention_width, attention_width, 1) if pointed else None

    def forward(
        self,
        content: Tensor,
        mask: Tensor,
        text: Tensor,
        text_mask: Tensor,
        speaker: Tensor,
        places: Tensor | None = None,
    ) -> Tensor:
        """See the class; places of -1 are unknown."""
        content, text = self.content(self.content_in(content * mask)), self.text_in(text * text_mask)
        mixed = self.attend(content * mask, text * text_mask, text_mask)
        if self.here is not None and places is not None:
            own = text.gather(2, places.clamp(min=0)[:, None].expand(-1, text.shape[1], -1))
            mixed = mixed + self.here(own) * (places >= 0)[:, None]
        mixed = self.answer(mixed)
        return self.leave((mixed + content + self.speaker_in(speaker)) * mask)


class TextContentPrior(Prior):
    """Three transformer stacks: one over content, one over phones, one over the two joined by `TextContentAttention`.

    quantized (B, D, F), phones (B, P), speaker (B, G, 1) -> Latent(mean, log_scale (B, C, F'), mask, hidden)

    Source: the prior of GPT-SoVITS (MIT licence), after VITS, Kim et al. 2021, arXiv:2106.06103, 2.1.

    Args:
        content_dim: D.
        latent_dim: C.
        speaker_dim: G.
        n_phones: rows of the phone table.
        width: channels of the stacks.
        filter_width: channels inside their layers.
        heads: attention heads of the stacks.
        layers: number of layers over content, over phones, over both.
        kernel: frames seen by a layer's convolutions, odd.
        attention_width, attention_heads: of the attention between content and text.
        dropout: share dropped in training.
        pointed: see `TextContentAttention`.
    """

    content = Tap("batch dim frame", rate=50.0, meaning="content after its own stack")
    text = Tap("batch dim phone", meaning="phones after their own stack")
    fused = Tap("batch dim frame", rate=50.0, meaning="content, text and speaker joined, after the last stack")
    mean = Tap("batch dim frame", rate=50.0, meaning="mean of the expected latent")
    scale = Tap(
        "batch dim frame", rate=50.0, unit="nat", meaning="logarithm of the expected latent's standard deviation"
    )

    def __init__(
        self,
        content_dim: int,
        latent_dim: int,
        speaker_dim: int,
        n_phones: int,
        width: int = 192,
        filter_width: int = 768,
        heads: int = 2,
        layers: tuple[int, int, int] = (3, 6, 3),
        kernel: int = 3,
        attention_width: int = 512,
        attention_heads: int = 4,
        dropout: float = 0.1,
        pointed: bool = False,
    ) -> None:
        super().__init__()
        self.content_dim, self.latent_dim = content_dim, latent_dim
        self.speaker_dim, self.n_phones, self.hidden_dim = speaker_dim, n_phones, width
        self.content_in = nn.Conv1d(content_dim, width, 1)
        self.text_in = nn.Embedding(n_phones, width)
        self.content_stack, self.text_stack, self.fused_stack = (
            EncoderStack(n, width, filter_width, heads, kernel, dropout) for n in layers
        )
        self.cross_attention = TextContentAttention(width, attention_width, attention_heads, speaker_dim, pointed)
        self.leave = nn.Conv1d(width, 2 * latent_dim, 1)

    def forward(
        self,
        quantized: Tensor,
        mask: Tensor | None,
        phones: Tensor,
        phone_mask: Tensor | None,
        speaker: Tensor,
        speed: float = 1.0,
        chunk: Chunk | None = None,
        places: Tensor | None = None,
    ) -> Latent:
        """See the class. `hidden` is the input of the last projection before the change of speed.

        Args:
            quantized: code vectors at 50 Hz.
            mask: valid frames (B, 1, F), all if None.
            phones: ids, int64.
            phone_mask: valid phones (B, 1, P), all if None.
            speaker: speaker vector.
            speed: 1.3 makes F / 1.3 frames; 1 leaves the frames alone.
            chunk: which part of a stream is asked for; None for all of it.
            places: (B, F) which phone each frame speaks, -1 where that is unknown; used only if `pointed`.
        """
        mask = full_mask(quantized) if mask is None else mask
        phone_mask = full_mask(phones[:, None]) if phone_mask is None else phone_mask
        content = self.content(self.content_stack(self.content_in(quantized * mask) * mask, mask))
        text = self.text(self.text_stack(self.text_in(phones).transpose(1, 2) * phone_mask, phone_mask))
        x = self.cross_attention(content, mask, text, phone_mask, speaker, places)
        chunk = chunk or Chunk()
        if chunk.drop_last:
            x, mask = x[..., : -chunk.drop_last], mask[..., : -chunk.drop_last]
        x = self.fused(self.fused_stack(x, mask))
        if chunk.keep_last is not None:
            x, mask = x[..., -chunk.keep_last :], mask[..., -chunk.keep_last :]
        if chunk.previous is not None:
            x = crossfade_head(x, chunk.previous)
        hidden = x
        if speed != 1:
            n_frames = int(x.shape[-1] / speed) + 1
            x, mask = resize_frames(x, n_frames), resize_frames(mask, n_frames, "nearest")
        mean, log_scale = (self.leave(x) * mask).chunk(2, dim=1)
        return Latent(self.mean(mean), self.scale(log_scale), mask, hidden)
