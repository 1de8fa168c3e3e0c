"""Prior: which latent to expect, given what is said (codes), how it is spelt (phones) and who speaks.

It gives a normal distribution for each frame; whoever composes the parts draws from it.
Letters: B batch, D content width, F frames at 50 Hz, P phones, C latent width, G speaker width.
"""

from __future__ import annotations

from torch import Tensor, nn

from gsv_lab.hooks.tap import BoundTap, Tap
from gsv_lab.nn.interfaces import Conditioning, Flow, Latent, Prior, StreamChunk
from gsv_lab.nn.ops import crossfade_head, full_mask, resize_frames
from gsv_lab.nn.transformer import AttentionCore, EncoderStack
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeInt, PositiveInt


class TextContentAttention(AttentionCore):
    """Attention from frames of content to phones; content and speaker are added to what comes back.

    content (B, W, F), text (B, W, P), conditioning -> (B, W, F)

    Why: codes say what was articulated, at a low rate and with errors; the text corrects and sharpens them.
    Source: the three-way mix of GPT-SoVITS (MIT licence), after the multi-reference timbre encoder of Mega-TTS 2,
    Jiang et al. 2023, arXiv:2307.07218, 3.2.

    Args:
        width: channels W at the border.
        attention_width: channels of the attention.
        heads: attention heads.
        speaker_dim: G; a projection is added where it is not `attention_width`.
    """

    content = Tap("batch dim frame", rate=50.0, meaning="content as it queries the phones")
    answer = Tap("batch dim frame", rate=50.0, meaning="phones mixed by the attention")
    pattern = Tap("batch head frame phone", rate=50.0, meaning="weight of each phone in each frame")

    def __init__(self, width: int, attention_width: int, heads: int, speaker_dim: int) -> None:
        super().__init__(attention_width, heads)
        self.content_in = nn.Conv1d(width, attention_width, 1)
        self.text_in = nn.Conv1d(width, attention_width, 1)
        self.out_proj = nn.Conv1d(attention_width, width, 1)
        self.speaker_in: nn.Module = nn.Identity()
        if speaker_dim != attention_width:
            self.speaker_in = nn.Conv1d(speaker_dim, attention_width, 1)

    def forward(
        self,
        content: Tensor,
        mask: Tensor,
        text: Tensor,
        text_mask: Tensor,
        conditioning: Conditioning,
    ) -> Tensor:
        """See the class; masks (B, 1, F) and (B, 1, P)."""
        content = self.content(self.content_in(content * mask))
        text = self.text_in(text * text_mask)
        mixed = self.attend(content * mask, text * text_mask, text_mask)
        mixed = self.answer(self.with_phone(mixed, text, conditioning))
        total = mixed + content + self.speaker_in(conditioning.speaker)
        return self.out_proj(total * mask)

    def with_phone(self, mixed: Tensor, text: Tensor, conditioning: Conditioning) -> Tensor:
        """Attentions that know which phone each frame speaks override this; here `mixed` stays as it is."""
        return mixed


class TextContentPrior(Prior):
    """Three transformer stacks: one over content, one over phones, one over the two joined by `TextContentAttention`.

    quantized (B, D, F), phones (B, P), conditioning -> Latent(mean, log_scale (B, C, F'), mask, hidden)

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
    """

    content = Tap("batch dim frame", rate=50.0, meaning="content after its own stack")
    text = Tap("batch dim phone", meaning="phones after their own stack")
    fused = Tap(
        "batch dim frame",
        rate=50.0,
        meaning="content, text and speaker joined, after the last stack",
    )
    mean = Tap("batch dim frame", rate=50.0, meaning="mean of the expected latent")
    scale = Tap(
        "batch dim frame",
        rate=50.0,
        unit="nat",
        meaning="logarithm of the expected latent's standard deviation",
    )

    gives = frozenset({"hidden"})
    attention_class: type[TextContentAttention] = TextContentAttention

    def __init__(
        self,
        content_dim: PositiveInt,
        latent_dim: PositiveInt,
        speaker_dim: PositiveInt,
        n_phones: PositiveInt,
        width: PositiveInt = 192,
        filter_width: PositiveInt = 768,
        heads: PositiveInt = 2,
        layers: tuple[NonNegativeInt, NonNegativeInt, NonNegativeInt] = (3, 6, 3),
        kernel: PositiveInt = 3,
        attention_width: PositiveInt = 512,
        attention_heads: PositiveInt = 4,
        dropout: ClosedUnitInterval = 0.1,
    ) -> None:
        super().__init__()
        self.content_dim = content_dim
        self.latent_dim = latent_dim
        self.speaker_dim = speaker_dim
        self.n_phones = n_phones
        self.hidden_dim = width
        self.content_in = nn.Conv1d(content_dim, width, 1)
        self.text_in = nn.Embedding(n_phones, width)
        sizes = (width, filter_width, heads, kernel, dropout)
        self.content_stack = EncoderStack(layers[0], *sizes)
        self.text_stack = EncoderStack(layers[1], *sizes)
        self.fused_stack = EncoderStack(layers[2], *sizes)
        self.cross_attention = self.attention_class(width, attention_width, attention_heads, speaker_dim)
        self.out_proj = nn.Conv1d(width, 2 * latent_dim, 1)

    def alignment(self) -> BoundTap | None:
        """The tap of the attention (B, H, F, P) from frames to phones."""
        return self.cross_attention.pattern

    def text_modules(self) -> list[nn.Module]:
        """The phone table, its stack, and the attention to it."""
        return [self.text_in, self.text_stack, self.cross_attention]

    def joint_modules(self) -> list[nn.Module]:
        """The last stack and the last projection."""
        return [self.fused_stack, self.out_proj]

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
        """See the class. `hidden` is the input of the last projection before the change of speed.

        Args:
            quantized: code vectors at 50 Hz.
            mask: valid frames (B, 1, F), all if None.
            phones: ids, int64.
            phone_mask: valid phones (B, 1, P), all if None.
            conditioning: `speaker` is read.
            speed: 1.3 makes F / 1.3 frames; 1 leaves the frames alone.
            chunk: which part of a stream is asked for; None for all of it.
        """
        mask = full_mask(quantized) if mask is None else mask
        phone_mask = full_mask(phones[:, None]) if phone_mask is None else phone_mask
        content = self.content_in(quantized * mask)
        content = self.content(self.content_stack(content * mask, mask))
        text = self.text_in(phones).transpose(1, 2)
        text = self.text(self.text_stack(text * phone_mask, phone_mask))
        x = self.cross_attention(content, mask, text, phone_mask, conditioning)
        hidden, mask = self._fuse(x, mask, chunk or StreamChunk())
        x = hidden
        if speed != 1:
            n_frames = int(hidden.shape[-1] / speed) + 1
            x = resize_frames(hidden, n_frames)
            mask = resize_frames(mask, n_frames, "nearest")
        mean, log_scale = (self.out_proj(x) * mask).chunk(2, dim=1)
        return Latent(self.mean(mean), self.scale(log_scale), mask, hidden)

    def _fuse(self, x: Tensor, mask: Tensor, chunk: StreamChunk) -> tuple[Tensor, Tensor]:
        """The last stack over the frames of a chunk, and their mask."""
        if chunk.drop_last:
            x, mask = (frames[..., : -chunk.drop_last] for frames in (x, mask))
        x = self.fused(self.fused_stack(x, mask))
        if chunk.keep_last is not None:
            x, mask = (frames[..., -chunk.keep_last :] for frames in (x, mask))
        if chunk.previous is not None:
            x = crossfade_head(x, chunk.previous)
        return x, mask


def draw_from_prior(prior: Latent, flow: Flow, conditioning: Conditioning, noise_scale: float, noise: Tensor) -> Tensor:
    """A draw from the prior, through the inverse flow: noise (B, C, F) -> z (B, C, F)."""
    z_p = prior.mean + noise * prior.log_scale.exp() * noise_scale
    return flow(z_p, prior.mask, conditioning, inverse=True) * prior.mask
