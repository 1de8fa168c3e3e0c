"""SoVITS: codes, phones and a voice to a wave. Composition only; every part can be swapped for another of its role.

Letters of the VITS paper: z latent of the recording, z_p the same on the prior's side of the flow, (m_q, logs_q) mean
and log standard deviation of the posterior, (m_p, logs_p) of the prior. B batch, T samples, F frames at 50 Hz, P
phones, C latent width, G speaker width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Component
from gsv_lab.nn.composition import check_needs, check_sizes
from gsv_lab.nn.interfaces import (
    Conditioning,
    Decoded,
    Features,
    Flow,
    Frontend,
    Latent,
    Posterior,
    Prior,
    Quantizer,
    Role,
    Sampled,
    SpeakerEncoder,
    StreamChunk,
    VITSOutput,
    Vocoded,
    Vocoder,
)
from gsv_lab.nn.ops import fit_frames, full_mask, resize_frames, segment_starts, standard_normal, take_segments
from gsv_lab.nn.prior import draw_from_prior
from gsv_lab.nn.quantizer import code_vectors
from gsv_lab.nn.speaker_encoder import mean_speaker
from gsv_lab.system.ranges import PositiveInt

Correction = Callable[[Tensor], Tensor]
"""The prior's hidden frames (B, H, F) -> what is added to the latent (B, C, F)."""


class SoVITS(Component):
    """The acoustic half of the pipeline.

    training: features, codes or content, phones -> VITSOutput;  synthesis: codes, phones, speaker -> Decoded

    Source: VITS, Kim et al. 2021, arXiv:2106.06103, with content codes and a speaker vector as in GPT-SoVITS (MIT
    licence).

    Args:
        frontend: measures spectrogram and, for parts that need them, pitch and long-term spectrum of recordings.
        quantizer: gives the code vectors; trained with the rest only if `freeze_quantizer` is false.
        speaker_encoder: says who speaks.
        prior: expects a latent.
        posterior: the latent of a recording; None for weights that were exported without it, which can speak but not
            train.
        flow: joins posterior and prior.
        vocoder: latents to wave.
        segment_frames: latent frames that the vocoder sees in a training step.
        freeze_quantizer: read codes without gradient and never move the codebook.
        detach_speaker: keep the posterior's gradient out of the speaker encoder, as the released models were trained.

    Raises:
        ConfigError: two parts disagree on a size, or a part needs what no other gives.
    """

    def __init__(
        self,
        frontend: Frontend,
        quantizer: Quantizer,
        speaker_encoder: SpeakerEncoder,
        prior: Prior,
        posterior: Posterior | None,
        flow: Flow,
        vocoder: Vocoder,
        segment_frames: PositiveInt = 32,
        freeze_quantizer: bool = True,
        detach_speaker: bool = True,
    ) -> None:
        super().__init__()
        self.segment_frames = segment_frames
        self.freeze_quantizer = freeze_quantizer
        self.detach_speaker = detach_speaker
        self._compose(frontend, quantizer, speaker_encoder, prior, posterior, flow, vocoder)

    def _compose(
        self,
        frontend: Frontend,
        quantizer: Quantizer,
        speaker_encoder: SpeakerEncoder,
        prior: Prior,
        posterior: Posterior | None,
        flow: Flow,
        vocoder: Vocoder,
    ) -> None:
        self.frontend = frontend
        self.quantizer = quantizer
        self.speaker_encoder = speaker_encoder
        self.prior = prior
        self.posterior = posterior
        self.flow = flow
        self.vocoder = vocoder
        check_sizes(self.parts())
        check_needs(self.parts(), self.gives())

    def parts(self) -> dict[str, Role]:
        """The parts that are there, by name."""
        parts: dict[str, Role | None] = {
            "frontend": self.frontend,
            "quantizer": self.quantizer,
            "speaker_encoder": self.speaker_encoder,
            "prior": self.prior,
            "posterior": self.posterior,
            "flow": self.flow,
            "vocoder": self.vocoder,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def gives(self) -> frozenset[str]:
        """Quantities that a part may need and that are known in training and in synthesis alike."""
        return self.speaker_encoder.gives | self.prior.gives | {"speaker", "phone_index"}

    def forward(
        self,
        features: Features,
        phones: Tensor,
        mask: Tensor | None = None,
        phone_mask: Tensor | None = None,
        *,
        codes: Tensor | None = None,
        content: Tensor | None = None,
        reference: Features | None = None,
        reference_mask: Tensor | None = None,
        verification: Tensor | None = None,
        phone_index: Tensor | None = None,
        noise: Tensor | None = None,
        starts: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> VITSOutput:
        """One training pass over a batch.

        Args:
            features: of the recordings, F frames.
            phones: ids (B, P).
            mask: valid frames (B, 1, F); all if None.
            phone_mask: valid phones (B, 1, P); all if None.
            codes: (B, F25); either these
            content: or this (B, D, F50), to be quantized here.
            reference: features of recordings of the speakers, F' frames; the targets themselves if None.
            reference_mask: valid frames of them (B, 1, F').
            verification: vectors of a verification network (B, V), if the speaker encoder reads them.
            phone_index: (B, F25) which phone each code speaks, -1 unknown; None where it is not known.
            noise: standard normal (B, C, F) for the posterior's draw; drawn if None.
            starts: first frame (B,) of each segment; drawn if None.
            generator: source of randomness for whatever is drawn.
        """
        mask = full_mask(features.spec) if mask is None else mask
        n_frames = features.spec.shape[-1]
        if reference is None:
            reference, reference_mask = features, mask
        voice = self.embed(reference, reference_mask, verification)
        conditioning = self.conditioning(voice, phone_index, n_frames)
        vectors, commitment = code_vectors(self.quantizer, codes, content, self.freeze_quantizer)
        prior = self.prior(self.to_frames(vectors, n_frames), mask, phones, phone_mask, conditioning)
        posterior = self._run_posterior(features, mask, conditioning, noise, generator)
        z_p = self.flow(posterior.z, mask, conditioning)
        if starts is None:
            lengths = mask.sum(-1)[:, 0].long()
            starts = segment_starts(lengths, self.segment_frames, generator=generator)
        z, from_prior = self._spoken_latent(posterior, prior, conditioning, generator)
        segment = take_segments(z, starts, self.segment_frames)
        recorded = self._recorded(voice, self.segments(features, starts), pitch=self.vocoder.f0_frames > 0)
        return VITSOutput(
            self.vocoder(segment, recorded, generator),
            starts,
            mask,
            posterior.z,
            z_p,
            prior.mean,
            prior.log_scale,
            posterior.mean,
            posterior.log_scale,
            commitment,
            from_prior,
            self._predicted_pitch(prior, conditioning),
        )

    def losses(self, out: VITSOutput, features: Features) -> dict[str, Tensor]:
        """Unweighted terms that the parts declare for what they predict beside the wave."""
        return self.vocoder.losses(out.vocoded, self.segments(features, out.starts))

    def embed(self, reference: Features, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """The voice of a reference: features of F frames, mask (B, 1, F), verification (B, V) -> (B, G, 1)."""
        return self.speaker_encoder(reference, mask, verification)

    def voice(self, references: list[Features], verifications: Sequence[Tensor | None] | None = None) -> Tensor:
        """One voice (B, G, 1) from the features of several references; their vectors are averaged."""
        vectors = verifications or [None] * len(references)
        pairs = zip(references, vectors, strict=True)
        return mean_speaker([self.embed(reference, None, vector) for reference, vector in pairs])

    def conditioning(
        self,
        voice: Tensor,
        phone_index: Tensor | None = None,
        n_frames: int = 0,
        ltas: Tensor | None = None,
    ) -> Conditioning:
        """What the parts get of a voice (B, G, 1), and of the phones that codes speak (B, F25), for F frames.

        `ltas` (B, K, 1), of a recording that is at hand, stands in for the voice's own.
        """
        conditioning = self.speaker_encoder.conditioning(voice, ltas)
        if phone_index is None:
            return conditioning
        by_frame = self.to_frames(phone_index[:, None], n_frames)
        return conditioning._replace(phone_index=by_frame[:, 0])

    def to_frames(self, vectors: Tensor, n_frames: int | None = None) -> Tensor:
        """Code vectors repeated to the rate of latents: (B, D, F25) -> (B, D, F50), cut or filled to `n_frames`."""
        frames = vectors.repeat_interleave(self.quantizer.hop, dim=-1)
        return frames if n_frames is None else fit_frames(frames, n_frames)

    def segments(self, features: Features, starts: Tensor) -> Features:
        """The features of each training segment, from its first frame (B,) on."""
        size, f0_frames = self.segment_frames, self.frontend.f0_frames
        spec = take_segments(features.spec, starts, size)
        if features.log_f0 is None or features.voicing is None:
            return features._replace(spec=spec)
        log_f0 = take_segments(features.log_f0, starts, size, f0_frames)
        voicing = take_segments(features.voicing, starts, size, f0_frames)
        return Features(spec, features.ltas, log_f0, voicing)

    def decode(
        self,
        codes: Tensor | None,
        phones: Tensor,
        voice: Tensor,
        noise_scale: float = 0.5,
        speed: float = 1.0,
        mask: Tensor | None = None,
        phone_mask: Tensor | None = None,
        chunk: StreamChunk | None = None,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
        phone_index: Tensor | None = None,
        correction: Correction | None = None,
        content: Tensor | None = None,
    ) -> Decoded:
        """Make a wave from codes.

        Args:
            codes: (B, F25); None where `content` is given.
            phones: ids (B, P).
            voice: (B, G, 1), see `voice`.
            noise_scale: factor on the prior's deviation; 0 takes the mean.
            speed: 1.3 is 1.3 times as fast.
            mask: valid latent frames (B, 1, F50); all if None.
            phone_mask: valid phones (B, 1, P); all if None.
            chunk: part of a stream, in latent frames.
            noise: standard normal in the shape of the latent; drawn if None.
            generator: source of randomness for whatever is drawn.
            phone_index: (B, F25) which phone each code speaks, -1 unknown; None where it is not known.
            correction: what is added to the latent, from the prior's hidden frames.
            content: (B, D, F50), to be spoken in place of codes.
        """
        quantized = self.to_frames(code_vectors(self.quantizer, codes, content, frozen=True)[0])
        conditioning = self.conditioning(voice, phone_index, quantized.shape[-1])
        prior = self.prior(quantized, mask, phones, phone_mask, conditioning, speed, chunk)
        noise = standard_normal(prior.mean, generator) if noise is None else noise
        z = draw_from_prior(prior, self.flow, conditioning, noise_scale, noise)
        if correction is not None and prior.hidden is not None:
            z = z + resize_frames(correction(prior.hidden), z.shape[-1])
        return self._speak(z, prior, conditioning, generator)

    def reconstruct(self, features: Features, voice: Tensor, generator: torch.Generator | None = None) -> Vocoded:
        """Copy synthesis: the posterior's mean latent, spoken by the vocoder; prior and flow cannot surpass it."""
        recorded = self._recorded(voice, features, pitch="log_f0" in self.vocoder.needs)
        return self.vocoder(self.posterior_mean(features, voice, generator), recorded, generator)

    def posterior_mean(
        self,
        features: Features,
        voice: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The latent of a recording: features of F frames, voice (B, G, 1) -> (B, C, F)."""
        return self._run_posterior(features, None, self.conditioning(voice), None, generator).mean

    def tuned_modules(self, transcribed: bool) -> list[nn.Module]:
        """What fine-tuning moves: the parts that carry the voice; with transcripts also what joins content and text."""
        modules: list[nn.Module] = [self.speaker_encoder, self.flow, self.vocoder]
        return modules + self.prior.tuned_modules() if transcribed else modules

    def components(self) -> dict[str, Component]:
        """The parts that are there, under the names by which probes address them."""
        return dict(self.parts())

    def _speak(
        self,
        z: Tensor,
        prior: Latent,
        conditioning: Conditioning,
        generator: torch.Generator | None,
    ) -> Decoded:
        """The wave of an expected latent."""
        return Decoded(self.vocoder(z, conditioning, generator), z, prior)

    def _spoken_latent(
        self,
        posterior: Sampled,
        prior: Latent,
        conditioning: Conditioning,
        generator: torch.Generator | None,
    ) -> tuple[Tensor, int]:
        """The latents that the vocoder speaks in training, and how many of the first ones come from the prior."""
        return posterior.z, 0

    def _predicted_pitch(self, prior: Latent, conditioning: Conditioning) -> tuple[Tensor, Tensor] | None:
        """Log-F0 and voicing of all frames, from parts that predict them."""
        return None

    def _recorded(self, voice: Tensor, features: Features, pitch: bool) -> Conditioning:
        """What the vocoder gets where the recording is at hand: its long-term spectrum and, if `pitch`, its pitch."""
        conditioning = self.conditioning(voice, ltas=features.ltas)
        if not pitch:
            return conditioning
        return conditioning._replace(log_f0=features.log_f0, voicing=features.voicing)

    def _run_posterior(
        self,
        features: Features,
        mask: Tensor | None,
        conditioning: Conditioning,
        noise: Tensor | None,
        generator: torch.Generator | None,
    ) -> Sampled:
        if self.posterior is None:
            raise ConfigError("CONFIG_INCONSISTENT", "these weights came without a posterior", "the base weights")
        if self.detach_speaker and conditioning.speaker is not None:
            conditioning = conditioning._replace(speaker=conditioning.speaker.detach())
        return self.posterior(features, mask, conditioning, noise, generator)
