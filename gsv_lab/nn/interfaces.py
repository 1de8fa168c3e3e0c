"""The roles of the pipeline; the tensors that pass between them are defined in `tensors.py` and named here too.

A part can be swapped for any other class of the same role: it may rely on this page and on nothing else, and so may
whoever calls it. A part declares its sizes as attributes, set in its constructor (those with a value here may be
left out), the quantities it `needs`, and those it `gives`; whoever composes parts checks all of it once.

Letters: B batch, T samples, F frames (F50: 50 a second, F25: 25 a second), P phones, D content width, G speaker width,
C latent width, K cosines of a long-term average spectrum (LTAS). Masks are (B, 1, F), bool or float, true where a frame
is valid; None means that all are. Everything is channel-first. Whatever draws at random takes the drawn tensor
(`noise`) or a `generator`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gsv_lab.hooks.tap import BoundTap, Component
from gsv_lab.nn.tensors import (
    Conditioning,
    Decoded,
    Discriminated,
    Encoded,
    Features,
    Latent,
    Quantized,
    Sampled,
    StreamChunk,
    VITSOutput,
    Vocoded,
)

__all__ = [
    "Conditioning", "ContentEncoder", "ContextEncoder", "Decoded", "DecodingCache", "Discriminated", "Discriminator",
    "Encoded", "Features", "Flow", "Frontend", "Latent", "Posterior", "Prior", "Quantized", "Quantizer", "Role",
    "Sampled", "SemanticGPTRole", "SpeakerEncoder", "StreamChunk", "VITSOutput", "Vocoded", "Vocoder",
]  # fmt: skip

ChooseAdvance = Callable[[Tensor, int, Tensor], Tensor]
"""Scores of going on by 0, 1, 2 ... phones (A, M), codes and phones (A,) since the start -> advances (A,)."""


class Role(Component, ABC):
    """A part of the pipeline with a declared contract.

    Declares: `needs`, the quantities without which it cannot work, and `gives`, those that it adds for others. Both
    hold names of fields of `Conditioning`, or `hidden` of `Latent`; what a frontend gives are fields of `Features`.
    `reads` holds the fields of `Features` that it reads beside `spec`, its losses included. All three may depend on the
    arguments.
    """

    needs: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()


class Frontend(Role):
    """What posterior, speaker encoder and vocoder are shown of a recording: wave (B, 1, T) -> Features.

    Declares: `sample_rate` in Hz, `hop_length` samples for one frame, `spec_channels`, `ltas_dim` K (0: not measured),
    `f0_frames` pitch frames for one frame of the spectrogram (0: pitch is not measured).
    """

    sample_rate: int
    hop_length: int
    spec_channels: int
    ltas_dim: int = 0
    f0_frames: int = 0

    @abstractmethod
    def forward(self, wave: Tensor, log_f0: Tensor | None = None, voicing: Tensor | None = None) -> Features:
        """Wave (B, 1, T) -> Features; `log_f0` and `voicing` (B, 1, F * f0_frames) are tracked here if not given."""

    def reference(self, wave: Tensor, log_f0: Tensor | None = None, voicing: Tensor | None = None) -> Features:
        """What the speaker encoder is shown; the same, unless a frontend treats references in another way."""
        found: Features = self(wave, log_f0, voicing)
        return found


class ContentEncoder(Role):
    """What is said, without who says it: (B, 1, T) -> Encoded(content (B, D, F50), ...).

    Declares: `dim` D, `sample_rate` in Hz, `frame_rate` 50.0 Hz, `n_phones` V, the classes of its phone scores, the
    blank included (0: it scores no phones).
    """

    dim: int
    sample_rate: int
    frame_rate: float
    n_phones: int = 0

    @abstractmethod
    def forward(self, wave: Tensor, mask: Tensor | None = None) -> Encoded:
        """(B, 1, T), mask (B, 1, T) -> Encoded."""


class Quantizer(Role):
    """Continuous content to the alphabet of codes and back.

    Declares: `dim` D of the code vectors, `n_codes`, `n_books` (with several, codes are (B, n_books, F25)), `hop`
    content frames for one code, `frame_rate` of the codes in Hz.
    """

    dim: int
    n_codes: int
    n_books: int = 1
    hop: int
    frame_rate: float

    @abstractmethod
    def forward(self, content: Tensor) -> Quantized:
        """(B, D_content, F50) -> Quantized(x (B, D, F25), codes (B, F25), commitment ())."""

    @abstractmethod
    def encode(self, content: Tensor) -> Tensor:
        """(B, D_content, F50) -> codes (B, F25) int64."""

    @abstractmethod
    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, F25) -> code vectors (B, D, F25)."""


class ContextEncoder(Role):
    """What a phone cannot know by itself (its word, phrase, emphasis): one sentence -> (C, P), one column a phone.

    Declares: `dim` C. The argument is the `Phones` of `gsv_lab.text`.
    """

    dim: int

    @abstractmethod
    def forward(self, phones: object) -> Tensor:
        """One sentence -> features (C, P)."""


class DecodingCache(ABC):
    """The state of a decode of A running rows.

    Declares: `columns` (A,), the column of the phone that each row's newest code speaks, and `may_stop` (A,), true
    where the end of the text has been reached; both None where the network does not know. `choose` is the rule by which
    such a network goes on, and `longest` (A, P) are the most new codes on each phone, both set before the decode
    starts; None takes the likeliest, and as many as it likes.
    """

    columns: Tensor | None = None
    may_stop: Tensor | None = None
    choose: ChooseAdvance | None = None
    longest: Tensor | None = None

    @abstractmethod
    def select(self, rows: Tensor) -> None:
        """Keep only these rows of the batch."""


class SemanticGPTRole(Role):
    """Phones and context to codes, one code after the other.

    Declares: `n_codes`, `eos` (the class that ends a sequence, `n_codes`), `n_phones`, `context_dim`, `speaker_dim` (0:
    it gets none), `frame_rate` of the codes in Hz, and `max_advance`, the most phones that one code may
    pass, for networks that get the `phone_index` of each code (0: they do not).
    """

    n_codes: int
    eos: int
    n_phones: int
    context_dim: int
    speaker_dim: int = 0
    max_advance: int = 0
    frame_rate: float

    @abstractmethod
    def forward(
        self,
        phones: Tensor,
        context: Tensor | None,
        codes: Tensor,
        phone_mask: Tensor | None = None,
        code_mask: Tensor | None = None,
        *,
        phone_index: Tensor | None = None,
        speaker: Tensor | None = None,
        cache: DecodingCache | None = None,
    ) -> Tensor:
        """Logits of every next code, given the codes before it; with an empty `cache` also the start of a decode.

        phones (B, P), context (B, C, P), codes (B, F25), phone_index (B, F25), speaker (B, G, 1)
            -> (B, F25 + 1, n_codes + 1)
        """

    @abstractmethod
    def new_cache(self) -> DecodingCache:
        """An empty cache for one decode."""

    @abstractmethod
    def step(self, codes: Tensor, cache: DecodingCache) -> Tensor:
        """One more code: (A,) and the cache of all before -> logits of the next one (A, n_codes + 1)."""

    def text_attention(self, layer: int) -> BoundTap | None:
        """The tap of a layer's attention (B, H, S, S) over phones, then codes; None where there is none."""
        return None

    def advance_scores(self) -> BoundTap | None:
        """The tap of the scores (B, F25 + 1, max_advance + 1) of going on in the text; None where there are none."""
        return None


class SpeakerEncoder(Role):
    """Who speaks: Features of a reference -> speaker vector (B, G, 1).

    Declares: `speaker_dim` G, `spec_channels` that it reads, the first ones (0: any number), `verification_dim` (width
    of an additional verification vector, 0 if it takes none), `ltas_dim` K of a long-term spectrum in its vector (0:
    none).
    """

    speaker_dim: int
    spec_channels: int = 0
    verification_dim: int = 0
    ltas_dim: int = 0

    @abstractmethod
    def forward(self, features: Features, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """Features of F frames, mask (B, 1, F), verification (B, V) -> speaker (B, G, 1)."""

    def conditioning(self, speaker: Tensor, ltas: Tensor | None = None) -> Conditioning:
        """What the other parts get of a speaker vector (B, G, 1).

        Encoders that `give` a measured quantity keep it in their vector and take it out here; `ltas` (B, K, 1), of a
        recording that is at hand, then stands in for the vector's own.
        """
        return Conditioning(speaker, ltas)


class Prior(Role):
    """What latent to expect for given codes, phones and speaker.

    Declares: `content_dim` D, `latent_dim` C, `speaker_dim` G, `n_phones`, and `hidden_dim`, the width of
    `Latent.hidden` (0 if it gives none).
    """

    content_dim: int
    latent_dim: int
    speaker_dim: int
    n_phones: int
    hidden_dim: int = 0

    @abstractmethod
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
        """Quantized (B, D, F50), phones (B, P) int64 -> Latent with about F50 / speed frames."""

    def alignment(self) -> BoundTap | None:
        """The tap of an attention (B, H, F50, P) from frames to phones; None where there is no such attention."""
        return None

    def text_modules(self) -> list[nn.Module]:
        """Sub-modules that read the phones; the released recipe trains them more slowly."""
        return []

    def joint_modules(self) -> list[nn.Module]:
        """Modules after content and text are joined; the whole prior here."""
        return [self]

    def tuned_modules(self) -> list[nn.Module]:
        """What fine-tuning with transcripts moves."""
        return self.joint_modules()


class Posterior(Role):
    """The latent of a recording.

    Declares: `spec_channels` that it reads, the first ones, `latent_dim` C, `speaker_dim` G.
    """

    spec_channels: int
    latent_dim: int
    speaker_dim: int

    @abstractmethod
    def forward(
        self,
        features: Features,
        mask: Tensor | None,
        conditioning: Conditioning,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Sampled:
        """Features of F50 frames -> Sampled; `noise` (B, C, F50) is standard normal."""


class Flow(Role):
    """An invertible map between the posterior's and the prior's space, the same width on both sides.

    Declares: `latent_dim` C, `speaker_dim` G.
    """

    latent_dim: int
    speaker_dim: int

    @abstractmethod
    def forward(self, z: Tensor, mask: Tensor | None, conditioning: Conditioning, inverse: bool = False) -> Tensor:
        """Posterior z (B, C, F50) -> prior z_p; `inverse=True` goes back."""


class Vocoder(Role):
    """Latents to sound.

    Declares: `latent_dim` C, `speaker_dim` G (0: it takes no speaker), `hop_length` samples for one latent frame,
    `sample_rate` in Hz, `f0_frames` pitch frames for one latent frame (0: it does not use pitch), `ltas_dim` K. Without
    `losses` of its own it is trained by how it sounds, and the weights of such losses do nothing. A `postfilter`, None
    at first, changes what is spoken in synthesis; nobody trains through it.
    """

    latent_dim: int
    speaker_dim: int
    hop_length: int
    sample_rate: float
    f0_frames: int = 0
    ltas_dim: int = 0
    postfilter: nn.Module | None

    def __init__(self) -> None:
        super().__init__()
        self.postfilter = None

    @abstractmethod
    def forward(self, z: Tensor, conditioning: Conditioning, generator: torch.Generator | None = None) -> Vocoded:
        """Z (B, C, F50) -> Vocoded with F50 * hop_length samples."""

    def losses(self, made: Vocoded, target: Features) -> dict[str, Tensor]:
        """Unweighted terms of its own, from what it predicted and the recording's features of the same frames."""
        return {}


class Discriminator(Role):
    """Natural or made: (B, 1, T) -> Discriminated."""

    @abstractmethod
    def forward(self, wave: Tensor) -> Discriminated:
        """Wave (B, 1, T) -> Discriminated(scores, features), one entry for each sub-discriminator."""
