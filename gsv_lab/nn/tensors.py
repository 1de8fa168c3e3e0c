"""The named tuples of tensors that pass between the roles of `gsv_lab.nn.interfaces`.

Letters: B batch, T samples, F frames (F50: 50 a second, F25: 25 a second), D content width, G speaker width, C latent
width, K cosines of a long-term average spectrum (LTAS). Masks are (B, 1, F), true where a frame is valid.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Features(NamedTuple):
    """What a frontend measures of a wave; None is what it does not measure.

    `spec` (B, C, F50); `ltas` (B, K, 1), the recording's long-term average spectrum; `log_f0` (B, 1, F * f0_frames),
    logarithm of Hz, and `voicing`, the same shape, in [0, 1].
    """

    spec: Tensor
    ltas: Tensor | None = None
    log_f0: Tensor | None = None
    voicing: Tensor | None = None


class Conditioning(NamedTuple):
    """What prior, posterior, flow and vocoder get from speaker encoder, frontend and predictors; None is not known.

    `speaker` (B, G, 1); `ltas` (B, K, 1); `median_log_f0` (B, 1, 1), of the voice; `log_f0` and `voicing`
    (B, 1, F * f0_frames), as in `Features`; `phone_index` (B, F50), the phone that each frame speaks, -1 where unknown.
    """

    speaker: Tensor | None = None
    ltas: Tensor | None = None
    median_log_f0: Tensor | None = None
    log_f0: Tensor | None = None
    voicing: Tensor | None = None
    phone_index: Tensor | None = None


class Encoded(NamedTuple):
    """`content` (B, D, F50) and, from an encoder that was trained on phones, `log_probs` (B, F50, V), class 0
    the blank.
    """

    content: Tensor
    log_probs: Tensor | None = None


class Quantized(NamedTuple):
    """Code vectors `x` (B, D, F25), their indices `codes` (B, F25) int64, and the `commitment` loss ()."""

    x: Tensor
    codes: Tensor
    commitment: Tensor


class Latent(NamedTuple):
    """A diagonal normal for each frame: `mean` and `log_scale` (B, C, F), with their `mask` (B, 1, F).

    `hidden` (B, H, F') are the frames before the last projection and before a change of speed.
    """

    mean: Tensor
    log_scale: Tensor
    mask: Tensor
    hidden: Tensor | None = None


class StreamChunk(NamedTuple):
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
    """A `wave` (B, 1, T) in [-1, 1], and what the vocoder predicted on the way, if it predicts pitch.

    `log_f0` (logarithm of Hz) and `voicing` (logit), both (B, 1, F * f0_frames).
    """

    wave: Tensor
    log_f0: Tensor | None = None
    voicing: Tensor | None = None


class Discriminated(NamedTuple):
    """One entry for each sub-discriminator: `scores` (B, N), and the list of its layers' outputs in `features`."""

    scores: list[Tensor]
    features: list[list[Tensor]]


class VITSOutput(NamedTuple):
    """What the losses need of one training pass.

    `vocoded` segments of the wave with their first frames `starts` (B,); the latents of both sides, (B, C, F), and
    their `mask`; the first `from_prior` waves were made from the prior's latent; `pitch`, log-F0 and voicing of all
    frames, from parts that predict it.
    """

    vocoded: Vocoded
    starts: Tensor
    mask: Tensor
    z: Tensor
    z_p: Tensor
    m_p: Tensor
    logs_p: Tensor
    m_q: Tensor
    logs_q: Tensor
    commitment: Tensor
    from_prior: int = 0
    pitch: tuple[Tensor, Tensor] | None = None


class Decoded(NamedTuple):
    """A made wave, its latent, and the prior, whose `hidden` frames a stream needs next."""

    vocoded: Vocoded
    z: Tensor
    prior: Latent
