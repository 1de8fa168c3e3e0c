"""From text to wave: the four networks and the context features, composed for inference.

    codes = synthesizer.encode(wave)                     # content encoder, quantizer
    codes = predict_codes(synthesizer, [phones], prompt)  # SemanticGPT, see gsv_lab.inference.batching
    wave = synthesizer.speak(codes, phones, speaker)     # prior, flow, vocoder

Batches of one. The networks may lie on a GPU: waves, codes and vectors come from the CPU and go back there.
Letters: T samples, P phones, F25 codes, G speaker width.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.residual_correction import ResidualCorrection, Residuals
from gsv_lab.nn.interfaces import ContentEncoder, ContextEncoder, Encoded, SemanticGPTRole
from gsv_lab.nn.ops import fit_frames
from gsv_lab.nn.sovits import Correction, SoVITS
from gsv_lab.system.machine import arithmetic
from gsv_lab.text import Phones


class Prompt(NamedTuple):
    """What SemanticGPT is given of the reference.

    `codes` (F25,); `phones`, None without a transcript; `phone_index` (F25,), which of the phones each code speaks, for
    networks with `max_advance`.
    """

    codes: Tensor
    phones: Phones | None
    phone_index: Tensor | None = None

    @property
    def codes_per_phone(self) -> float | None:
        """How many codes the speaker takes for a phone on average; None without phones."""
        if self.phones is None or not len(self.phones):
            return None
        return self.codes.numel() / len(self.phones)


class Predicted(NamedTuple):
    """New `codes` (1, F25), why the decoding ended, and which phone each code speaks (1, F25), where that is known."""

    codes: Tensor
    reason: str
    phone_index: Tensor | None = None


class Synthesizer(nn.Module):
    """The networks of one family, ready to speak.

    Args:
        content_encoder: wave to content.
        semantic_gpt: phones to codes.
        sovits: codes to wave (holds frontend, quantizer, speaker encoder, prior, posterior, flow, vocoder).
        context_encoder: features of each phone's surroundings.
        residual_correction: learns how a recording's sounds differ from the expected ones; None for families without.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, two parts disagree on a size.
    """

    sample_rate: int
    precision: str = "32"
    """Number format in which the networks multiply: `32` or `bf16`."""

    def __init__(
        self,
        content_encoder: ContentEncoder,
        semantic_gpt: SemanticGPTRole,
        sovits: SoVITS,
        context_encoder: ContextEncoder,
        residual_correction: ResidualCorrection | None = None,
    ) -> None:
        super().__init__()
        self.content_encoder = content_encoder
        self.semantic_gpt = semantic_gpt
        self.sovits = sovits
        self.context_encoder = context_encoder
        self.residual_correction = residual_correction
        self.sample_rate = int(sovits.vocoder.sample_rate)
        agree("content_encoder.dim", content_encoder.dim, "quantizer.dim", sovits.quantizer.dim)
        if semantic_gpt.context_dim:
            agree("context_encoder.dim", context_encoder.dim, "semantic_gpt.context_dim", semantic_gpt.context_dim)
        if sovits.quantizer.n_codes:
            n_codes = sovits.quantizer.n_codes
            agree("quantizer.n_codes", n_codes, "semantic_gpt.n_codes", semantic_gpt.n_codes)
            agree("quantizer.n_books", sovits.quantizer.n_books, "books that SemanticGPT speaks", 1)
            codes, steps = sovits.quantizer.frame_rate, semantic_gpt.frame_rate
            agree("quantizer.frame_rate", codes, "semantic_gpt.frame_rate", steps)

    def components(self) -> dict[str, nn.Module]:
        """Every part under its own name, as probes address them."""
        found: dict[str, nn.Module] = {
            "content_encoder": self.content_encoder,
            "semantic_gpt": self.semantic_gpt,
            **self.sovits.components(),
        }
        if self.residual_correction is not None:
            found["residual_correction"] = self.residual_correction
        return found

    @property
    def device(self) -> torch.device:
        """Where the networks lie."""
        return next(self.parameters()).device

    def arithmetic(self) -> AbstractContextManager[object]:
        """Context in which the networks are called: see `precision`."""
        return arithmetic(self.precision, self.device)

    @torch.no_grad()
    def extract_content(self, wave: Tensor) -> Encoded:
        """Content and phone scores: (T,) -> Encoded(content (1, D, F50), log_probs (1, F50, V)), on the device."""
        with self.arithmetic():
            return self.content_encoder(wave.reshape(1, 1, -1).to(self.device))

    def phone_scores(self, wave: Tensor) -> Tensor:
        """CTC log-probabilities of a wave: (T,) -> (F50, V).

        Raises:
            ConfigError: the content encoder was not trained on phones.
        """
        scores = self.extract_content(wave).log_probs
        if scores is None:
            raise ConfigError("CONFIG_INCONSISTENT", "This content encoder was not trained on phones", "one that was")
        return to_cpu(scores[0])

    @torch.no_grad()
    def encode(self, wave: Tensor) -> Tensor:
        """The codes of a wave: (T,) -> (1, F25)."""
        content = to_cpu(self.extract_content(wave).content)
        return self.sovits.quantizer.encode(content.to(self.device)).cpu()

    @torch.no_grad()
    def voice(self, waves: list[Tensor], verifications: list[Tensor] | None = None) -> Tensor:
        """The voice of one or more recordings (T,) -> (1, G, 1).

        `verifications` are vectors of a verification network, for families that read them.
        """
        if verifications is not None and not self.sovits.speaker_encoder.verification_dim:
            raise ConfigError("CONFIG_INCONSISTENT", "This family reads no verification vector", "none")
        vectors = verifications and [vector.to(self.device) for vector in verifications]
        references = [self.sovits.frontend.reference(wave.reshape(1, 1, -1).to(self.device)) for wave in waves]
        with self.arithmetic():
            return to_cpu(self.sovits.voice(references, vectors))

    @torch.no_grad()
    def residuals(
        self,
        wave: Tensor,
        ids: Tensor,
        phone_index: Tensor,
        speaker: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """How far a recording's latents are from the expected ones.

        Args:
            wave: (T,).
            ids: its phones (1, P).
            phone_index: which of them each code speaks (1, F25).
            speaker: (1, G, 1).

        Returns:
            the prior's hidden frames (1, H, F), and the differences (1, C, F).
        """
        device = self.device
        codes, ids, phone_index, speaker = (x.to(device) for x in (self.encode(wave), ids, phone_index, speaker))
        with self.arithmetic():
            expected = self.sovits.decode(codes, ids, speaker, 0.0, phone_index=phone_index)
            features = self.sovits.frontend(wave.reshape(1, 1, -1).to(device))
            features = features._replace(spec=fit_frames(features.spec, expected.z.shape[-1]))
            mean = self.sovits.posterior_mean(features, speaker)
        assert expected.prior.hidden is not None, "a family with residual correction has hidden frames"
        return to_cpu(expected.prior.hidden), to_cpu(mean - expected.z)

    def correction(self, residuals: Residuals | None) -> Correction | None:
        """What `SoVITS.decode` adds to latents for a voice; None where nothing is known."""
        if residuals is None or self.residual_correction is None:
            return None
        known = Residuals(residuals.hidden.to(self.device), residuals.weights.to(self.device))
        return partial(self.residual_correction, residuals=known)

    @torch.no_grad()
    def speak(
        self,
        codes: Tensor,
        phones: Phones,
        speaker: Tensor,
        noise_scale: float = 0.4,
        speed: float = 1.0,
        generator: torch.Generator | None = None,
        phone_index: Tensor | None = None,
        residuals: Residuals | None = None,
    ) -> Tensor:
        """A wave from codes (1, F25), phones and a voice (1, G, 1): -> (T,).

        `phone_index` (1, F25) says which phone each code speaks, where that is known; `residuals` are the voice's.
        """
        device = self.device
        with self.arithmetic():
            made = self.sovits.decode(
                codes.to(device),
                torch.tensor([phones.ids], device=device),
                speaker.to(device),
                noise_scale,
                speed,
                generator=generator,
                phone_index=None if phone_index is None else phone_index.to(device),
                correction=self.correction(residuals),
            )
        return to_cpu(made.vocoded.wave[0, 0])

    @torch.no_grad()
    def resynthesize_content(
        self,
        wave: Tensor,
        phones: Phones,
        speaker: Tensor,
        noise_scale: float = 0.4,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """A wave (T,) from its own content, for networks without codes: -> (T,)."""
        content = self.extract_content(wave).content
        ids = torch.tensor([phones.ids], device=self.device)
        speaker = speaker.to(self.device)
        with self.arithmetic():
            made = self.sovits.decode(None, ids, speaker, noise_scale, generator=generator, content=content)
        return to_cpu(made.vocoded.wave[0, 0])

    @torch.no_grad()
    def copy(self, wave: Tensor, speaker: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Copy synthesis, the posterior's latent spoken again: (T,) -> (T,)."""
        features = self.sovits.frontend(wave.reshape(1, 1, -1).to(self.device))
        with self.arithmetic():
            return to_cpu(self.sovits.reconstruct(features, speaker.to(self.device), generator).wave[0, 0])


def to_cpu(value: Tensor) -> Tensor:
    """A result on the CPU, in single precision where it was in half of it."""
    return (value.float() if value.dtype == torch.bfloat16 else value).cpu()


def agree(name: str, value: float, other: str, size: float) -> None:
    """Refuse two sizes that differ.

    Raises:
        ConfigError: CONFIG_INCONSISTENT with both.
    """
    if value != size:
        problem = f"{name} is {value} but {other} is {size}"
        raise ConfigError("CONFIG_INCONSISTENT", problem, "parts that belong together")
