"""The roles of the pipeline: what each part takes, what it gives, which sizes it declares.

A part can be swapped for any other class of the same role, because the parts around it rely on nothing but this page.

Letters: B batch, T samples, F frames (F50: 50 a second, F25: 25 a second), P phones, D content width, G speaker width,
C latent width. Masks are (B, 1, F), bool or float, true where a frame is valid; None means that all are. Everything is
channel-first. Whatever draws at random takes the drawn tensor (`noise`) or a `generator`.

This page does not know sizes, sampling rates, files or training.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from gsv_lab.hooks.tap import Component


class Encoded(NamedTuple):
    """What a content encoder hears: `content` (B, D, F50) and, if it was trained on phones, `log_probs` (B, F50, V)."""

    content: Tensor
    log_probs: Tensor | None = None


class Quantized(NamedTuple):
    """Code vectors `x` (B, D, F25), their indices `codes` (B, F25) int64, and the `commitment` loss ()."""

    x: Tensor
    codes: Tensor
    commitment: Tensor


class Latent(NamedTuple):
    """A diagonal normal per frame: `mean` and `log_scale` (B, C, F), with their `mask` (B, 1, F).

    `hidden` (B, H, F') are the frames before the last projection and before a change of speed.
    """

    mean: Tensor
    log_scale: Tensor
    mask: Tensor
    hidden: Tensor | None = None


class Chunk(NamedTuple):
    """Which part of a stream the prior is asked for.

    `drop_last` padding frames are cut before its last stack, `keep_last` new frames are kept after it, and the first of
    them are blended with `previous` (B, H, N), the `hidden` frames that stood there before.
    """

    drop_last: int = 0
    keep_last: int | None = None
    previous: Tensor | None = None


class Sampled(NamedTuple):
    """A drawn latent `z` with the normal it came from, all (B, C, F), and the `mask` (B, 1, F)."""

    z: Tensor
    mean: Tensor
    log_scale: Tensor
    mask: Tensor


class Vocoded(NamedTuple):
    """A `wave` (B, 1, T) in [-1, 1].

    Vocoders with a pitched source also give their prediction of `log_f0` (logarithm of Hz) and `voicing` (logit), both
    (B, 1, F * pitch_frames).
    """

    wave: Tensor
    log_f0: Tensor | None = None
    voicing: Tensor | None = None


class Judged(NamedTuple):
    """One entry for each sub-discriminator: `scores` (B, N), and the list of its layers' outputs in `features`."""

    scores: list[Tensor]
    features: list[list[Tensor]]


class Role(Component, ABC):
    """A part of the pipeline with a declared contract."""


class ContentEncoder(Role):
    """What is said, without who says it: (B, 1, T) -> Encoded(content (B, D, F50), ...).

    Declares: `dim` D, `sample_rate` in Hz, `frame_rate` 50.0 Hz.
    """

    dim: int
    sample_rate: int
    frame_rate: float

    @abstractmethod
    def forward(self, wave: Tensor, mask: Tensor | None = None) -> Encoded:
        """(B, 1, T), mask (B, 1, T) -> Encoded."""


class Quantizer(Role):
    """Continuous content to the alphabet of codes and back.

    Declares: `dim` D of the code vectors, `n_codes`, `hop` content frames for one code, `frame_rate` of the codes in
    Hz.
    """

    dim: int
    n_codes: int
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


class SemanticGPTRole(Role):
    """Phones and context to codes, one code after the other.

    Declares: `n_codes` (the stop token has the index `n_codes`), `n_phones`, `context_dim`, `frame_rate` of the codes
    in Hz.
    """

    n_codes: int
    n_phones: int
    context_dim: int
    frame_rate: float

    @abstractmethod
    def forward(
        self,
        phones: Tensor,
        context: Tensor | None,
        codes: Tensor,
        phone_mask: Tensor | None = None,
        code_mask: Tensor | None = None,
    ) -> Tensor:
        """Phones (B, P), context (B, C, P), codes (B, F25) -> logits (B, F25 + 1, n_codes + 1), each told the past."""

    @abstractmethod
    def generate(self, phones: Tensor, context: Tensor | None, prompt: Tensor | None = None) -> Tensor:
        """Phones (1, P), context (1, C, P), prompt (1, F25) -> new codes (1, F25'); options are keyword arguments."""


class SpeakerEncoder(Role):
    """Who speaks: (B, C, F) -> (B, G, 1).

    Declares: `speaker_dim` G, `verification_dim` (width of an additional verification vector, 0 if it takes none).
    """

    speaker_dim: int
    verification_dim: int = 0

    @abstractmethod
    def forward(self, spec: Tensor, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """Spec (B, C, F), verification (B, V) -> speaker (B, G, 1)."""


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
        speaker: Tensor,
        speed: float = 1.0,
        chunk: Chunk | None = None,
        places: Tensor | None = None,
    ) -> Latent:
        """Quantized (B, D, F50), phones (B, P) int64, speaker (B, G, 1) -> Latent with about F50 / speed frames.

        `places` (B, F50) say which phone each frame speaks, where that is known; a prior may leave them unused.
        """


class Posterior(Role):
    """The latent of a heard recording.

    Declares: `spec_channels`, `latent_dim` C, `speaker_dim` G.
    """

    spec_channels: int
    latent_dim: int
    speaker_dim: int

    @abstractmethod
    def forward(
        self,
        spec: Tensor,
        mask: Tensor | None,
        speaker: Tensor,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Sampled:
        """Spec (B, spec_channels, F50) -> Sampled; `noise` (B, C, F50) is standard normal."""


class Flow(Role):
    """An invertible map between the posterior's and the prior's space, the same width on both sides.

    Declares: `latent_dim` C, `speaker_dim` G.
    """

    latent_dim: int
    speaker_dim: int

    @abstractmethod
    def forward(self, z: Tensor, mask: Tensor | None, speaker: Tensor, inverse: bool = False) -> Tensor:
        """Posterior z (B, C, F50) -> prior z_p; `inverse=True` goes back."""


class Vocoder(Role):
    """Latents to sound.

    Declares: `latent_dim` C, `speaker_dim` G, `hop_length` samples for one latent frame, `pitch_frames` pitch frames
    for one latent frame (0: pitch is not used and may be left out).
    """

    latent_dim: int
    speaker_dim: int
    hop_length: int
    sample_rate: float
    pitch_frames: int = 0

    @abstractmethod
    def forward(
        self,
        z: Tensor,
        speaker: Tensor | None = None,
        log_f0: Tensor | None = None,
        voicing: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Vocoded:
        """Z (B, C, F50) -> Vocoded with F50 * hop_length samples.

        `log_f0` and `voicing` (in [0, 1]), both (B, 1, F50 * pitch_frames), replace the own prediction.
        """


class Discriminator(Role):
    """Natural or made: (B, 1, T) -> Judged."""

    @abstractmethod
    def forward(self, wave: Tensor) -> Judged:
        """Wave (B, 1, T) -> Judged(scores, features), one entry for each sub-discriminator."""


class Recogniser(Role):
    """Which phones were said, for judging only: (B, 1, T) -> log-probabilities (B, F, V), row 0 of V the CTC blank.

    Declares: `phone_names` of the classes after the blank, `language`, `sample_rate` in Hz, `frame_rate` in Hz.
    """

    phone_names: tuple[str, ...]
    language: str
    sample_rate: int
    frame_rate: float

    @abstractmethod
    def forward(self, wave: Tensor) -> Tensor:
        """(B, 1, T) -> log-probabilities (B, F, V)."""


R = TypeVar("R", bound=Role)


def available(role: type[R]) -> dict[str, type[R]]:
    """Every class of a role that can be built: dotted path (as in a `class_path`) -> class, sorted.

    Classes typed in a notebook are found too, under `__main__`.
    """
    package = importlib.import_module("gsv_lab.nn")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"gsv_lab.nn.{module.name}")
    found: dict[str, type[R]] = {}
    queue: list[type[R]] = [role]
    while queue:
        cls = queue.pop()
        queue += cls.__subclasses__()
        if not inspect.isabstract(cls):
            found[f"{cls.__module__}.{cls.__qualname__}"] = cls
    return dict(sorted(found.items()))
