"""SoVITS: codes, phones and a voice to a wave. Composition only; every part can be swapped for another of its role.

Letters of the VITS paper: z latent of the recording, z_p the same on the prior's side of the flow, (m_q, logs_q) mean
and log standard deviation of the posterior, (m_p, logs_p) of the prior. B batch, T samples, F frames at 50 Hz, P
phones, C latent width, G speaker width. This file does not know losses, discriminators, optimizers or files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.f0 import PitchedLogMel
from gsv_lab.extensions.pitch_predictor import Pitch, PitchPredictor
from gsv_lab.nn.interfaces import Chunk, Flow, Latent, Posterior, Prior, Quantizer, SpeakerEncoder, Vocoded, Vocoder
from gsv_lab.nn.ops import fit_frames, full_mask, resize_frames, segment_starts, standard_normal, take_segments
from gsv_lab.nn.speaker_encoder import mean_speaker


class VITSOutput(NamedTuple):
    """What the losses need: a segment of the made wave, its first frame (B,), the latents of both sides, their mask,
    the expected pitch of all frames, where pitch is a stream of its own, and how many of the first waves were made from
    the prior's latent.
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
    pitch: Pitch | None = None
    from_prior: int = 0


class Decoded(NamedTuple):
    """A made wave, its latent before the postfilter, and the prior, whose `hidden` frames a stream needs next."""

    vocoded: Vocoded
    z: Tensor
    prior: Latent


class SoVITS(nn.Module):
    """The acoustic half of the pipeline.

    training: spec, codes or content, phones -> VITSOutput;  synthesis: codes, phones, speaker -> Decoded
    `postfilter`, None at first, changes the latent (B, C, F) that is spoken in synthesis; nobody trains through it.

    Source: VITS, Kim et al. 2021, arXiv:2106.06103, with content codes and a speaker vector as in GPT-SoVITS (MIT
    licence).

    Args:
        quantizer: gives the code vectors; trained with the rest only if `freeze_quantizer` is false.
        speaker_encoder: hears the voice.
        prior: expects a latent.
        posterior: hears a latent; None for weights that were exported without it, which can speak but not train.
        flow: joins posterior and prior.
        vocoder: latents to wave.
        pitch_predictor: expects F0 and voicing for a vocoder that must be given them; None for all others.
        segment_frames: latent frames that the vocoder sees in a training step.
        freeze_quantizer: read codes without gradient and never move the codebook.
        detach_speaker: keep the posterior's gradient out of the speaker encoder, as the released models were trained.
        from_prior: share of a batch in training whose waves are made as in synthesis, with 0.3 of the prior's
            deviation, so that whoever judges the wave teaches prior, flow and speaker encoder too. Idea: bidirectional
            prior and posterior of NaturalSpeech, Tan et al. 2022, arXiv:2205.04421, 3.3.

    Raises:
        ConfigError: two parts disagree on a size.
    """

    def __init__(
        self,
        quantizer: Quantizer,
        speaker_encoder: SpeakerEncoder,
        prior: Prior,
        posterior: Posterior | None,
        flow: Flow,
        vocoder: Vocoder,
        pitch_predictor: PitchPredictor | None = None,
        segment_frames: int = 32,
        freeze_quantizer: bool = True,
        detach_speaker: bool = True,
        from_prior: float = 0.0,
    ) -> None:
        super().__init__()
        parts = {"posterior": posterior, "flow": flow, "vocoder": vocoder, "pitch_predictor": pitch_predictor}
        _check_sizes(quantizer, speaker_encoder, prior, {k: v for k, v in parts.items() if v is not None})
        self.quantizer, self.speaker_encoder = quantizer, speaker_encoder
        self.prior, self.posterior, self.flow, self.vocoder = prior, posterior, flow, vocoder
        self.pitch_predictor = pitch_predictor
        self.segment_frames, self.from_prior = segment_frames, from_prior
        self.postfilter: nn.Module | None = None
        self.freeze_quantizer, self.detach_speaker = freeze_quantizer, detach_speaker

    def forward(
        self,
        spec: Tensor,
        phones: Tensor,
        mask: Tensor | None = None,
        phone_mask: Tensor | None = None,
        *,
        codes: Tensor | None = None,
        content: Tensor | None = None,
        reference: Tensor | None = None,
        reference_mask: Tensor | None = None,
        verification: Tensor | None = None,
        pitch: tuple[Tensor, Tensor] | None = None,
        places: Tensor | None = None,
        noise: Tensor | None = None,
        starts: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> VITSOutput:
        """One training pass over a batch.

        Args:
            spec: what the posterior reads (B, spec_channels, F).
            phones: ids (B, P).
            mask: valid frames (B, 1, F); all if None.
            phone_mask: valid phones (B, 1, P); all if None.
            codes: (B, F25); either these
            content: or this (B, D, F50), to be quantized here.
            reference: recording of the speaker (B, C, F'); the target itself if None.
            reference_mask: valid frames of it (B, 1, F').
            verification: vector of a verification network (B, V), if the speaker encoder reads one.
            pitch: log-F0 and share of voice of the recording, each (B, 1, F * vocoder.pitch_frames), for vocoders that
                use them.
            places: (B, F25) which phone each code speaks, -1 unknown; None where nobody knows.
            noise: standard normal (B, C, F) for the posterior's draw; drawn if None.
            starts: first frame (B,) of each segment; drawn if None.
            generator: source of randomness for whatever is drawn.
        """
        mask = full_mask(spec) if mask is None else mask
        reference, reference_mask = (spec, mask) if reference is None else (reference, reference_mask)
        speaker = self.speaker_encoder(reference, reference_mask, verification)
        vectors, commitment = self._vectors(codes, content)
        quantized = self.to_frames(vectors, spec.shape[-1])
        places = None if places is None else _frame_places(places, self.quantizer.hop, spec.shape[-1])
        prior = self.prior(quantized, mask, phones, phone_mask, speaker, places=places)
        melody = None if self.pitch_predictor is None else self.pitch_predictor(prior.hidden, speaker)
        heard = self._posterior()(spec, mask, speaker.detach() if self.detach_speaker else speaker, noise, generator)
        z_p = self.flow(heard.z, mask, speaker)
        size, rate = self.segment_frames, self.vocoder.pitch_frames
        starts = segment_starts(mask.sum(-1)[:, 0].long(), size, generator=generator) if starts is None else starts
        z, n = heard.z, round(self.from_prior * len(spec)) if self.training else 0
        if n:
            noise = standard_normal(prior.mean[:n], generator)
            z = torch.cat((_drawn(prior, 0.3, noise, self.flow, speaker), z[n:]))
        segment = take_segments(z, starts, size)
        log_f0, voicing = (None, None) if pitch is None else (take_segments(x, starts, size, rate) for x in pitch)
        vocoded = self.vocoder(segment, _coloured(self.vocoder, speaker, spec), log_f0, voicing, generator)
        return VITSOutput(
            vocoded, starts, mask, heard.z, z_p, prior.mean, prior.log_scale, heard.mean, heard.log_scale, commitment,
            melody, n,
        )  # fmt: skip

    def _vectors(self, codes: Tensor | None, content: Tensor | None) -> tuple[Tensor, Tensor]:
        if content is not None and codes is None and not self.freeze_quantizer:
            found = self.quantizer(content)
            return found.x, found.commitment
        with torch.no_grad():
            if content is not None and codes is None:
                codes = self.quantizer.encode(content)
            elif codes is None or content is not None:
                raise ConfigError("CONFIG_INCONSISTENT", "codes and content were both given, or neither", "one of them")
            vectors = self.quantizer.decode(codes)
        return vectors, vectors.new_zeros(())

    def to_frames(self, vectors: Tensor, n_frames: int | None = None) -> Tensor:
        """Code vectors repeated to the rate of latents: (B, D, F25) -> (B, D, F50), cut or filled to `n_frames`."""
        frames = vectors.repeat_interleave(self.quantizer.hop, dim=-1)
        return frames if n_frames is None else fit_frames(frames, n_frames)

    def voice(self, references: list[Tensor], verifications: list[Tensor] | None = None) -> Tensor:
        """Speaker vector (B, G, 1) from one or more recordings' spectrograms, each (B, C, F); several are averaged."""
        vectors: Sequence[Tensor | None] = verifications or [None] * len(references)
        return mean_speaker([self.speaker_encoder(r, None, v) for r, v in zip(references, vectors, strict=True)])

    def decode(
        self,
        codes: Tensor,
        phones: Tensor,
        speaker: Tensor,
        noise_scale: float = 0.5,
        speed: float = 1.0,
        mask: Tensor | None = None,
        phone_mask: Tensor | None = None,
        chunk: Chunk | None = None,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
        places: Tensor | None = None,
        recall: Callable[[Tensor], Tensor] | None = None,
    ) -> Decoded:
        """Make a wave from codes.

        Args:
            codes: (B, F25).
            phones: ids (B, P).
            speaker: (B, G, 1), see `voice`.
            noise_scale: factor on the prior's deviation; 0 takes the mean.
            speed: 1.3 is 1.3 times as fast.
            mask: valid latent frames (B, 1, F50); all if None.
            phone_mask: valid phones (B, 1, P); all if None.
            chunk: part of a stream, in latent frames.
            noise: standard normal in the shape of the latent; drawn if None.
            generator: source of randomness for whatever is drawn.
            places: (B, F25) which phone each code speaks, -1 unknown; None where nobody knows.
            recall: the prior's hidden frames (B, H, F) -> what is added to the latent (B, C, F); see `nn.memory`.
        """
        quantized = self.to_frames(self.quantizer.decode(codes))
        places = None if places is None else _frame_places(places, self.quantizer.hop, quantized.shape[-1])
        prior = self.prior(quantized, mask, phones, phone_mask, speaker, speed, chunk, places)
        noise = standard_normal(prior.mean, generator) if noise is None else noise
        z = _drawn(prior, noise_scale, noise, self.flow, speaker)
        if recall is not None and prior.hidden is not None:
            z = z + resize_frames(recall(prior.hidden), z.shape[-1])
        sharp = z if self.postfilter is None else self.postfilter(z)
        if self.pitch_predictor is None:
            return Decoded(self.vocoder(sharp, speaker, generator=generator), z, prior)
        size = z.shape[-1] * self.pitch_predictor.rate
        log_f0, voicing = (resize_frames(x, size) for x in self.pitch_predictor(prior.hidden, speaker))
        vocoded = self.vocoder(sharp, speaker, log_f0, (voicing > 0).to(z.dtype), generator)
        return Decoded(Vocoded(vocoded.wave, log_f0, voicing), z, prior)

    def reconstruct(
        self,
        spec: Tensor,
        speaker: Tensor,
        generator: torch.Generator | None = None,
        pitch: tuple[Tensor, Tensor] | None = None,
    ) -> Vocoded:
        """Copy synthesis: the posterior's mean latent, spoken by the vocoder; prior and flow cannot surpass it.

        `pitch`, as in `forward`, is needed where pitch is a stream of its own.
        """
        mean = self._posterior()(spec, None, speaker, generator=generator).mean
        return self.vocoder(mean, _coloured(self.vocoder, speaker, spec), *(pitch or (None, None)), generator=generator)

    def _posterior(self) -> Posterior:
        if self.posterior is None:
            problem = "these weights came without a posterior"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "weights with one", "Use the base ones")
        return self.posterior


def analysis_for(sovits: SoVITS) -> PitchedLogMel:
    """What posterior and speaker encoder of these networks read of a wave."""
    return PitchedLogMel(int(sovits.vocoder.sample_rate), colours=getattr(sovits.vocoder, "colours", 0))


def _frame_places(places: Tensor, hop: int, n_frames: int) -> Tensor:
    """Places of codes (B, F25) at the rate of latents (B, F50)."""
    return fit_frames(places.repeat_interleave(hop, dim=-1)[:, None], n_frames)[:, 0]


def _drawn(prior: Latent, noise_scale: float, noise: Tensor, flow: Flow, speaker: Tensor) -> Tensor:
    """Latents (B, C, F) that the prior expects; of the first clips only, if there is noise for no more."""
    n = len(noise)
    z_p = prior.mean[:n] + noise * prior.log_scale[:n].exp() * noise_scale
    return flow(z_p, prior.mask[:n], speaker[:n], inverse=True) * prior.mask[:n]


def _coloured(vocoder: Vocoder, speaker: Tensor, spec: Tensor) -> Tensor:
    # In training and copies the vocoder is told the recording's own colour, which the latent does not carry.
    k = getattr(vocoder, "colours", 0)
    return torch.cat((speaker[:, : -1 - k], spec[:, -k:, :1], speaker[:, -1:]), dim=1) if k else speaker


def _check_sizes(
    quantizer: Quantizer, speaker_encoder: SpeakerEncoder, prior: Prior, parts: Mapping[str, nn.Module]
) -> None:
    _agree("quantizer.dim", quantizer.dim, "prior.content_dim", prior.content_dim)
    colours = [getattr(part, "colours", 0) for part in (speaker_encoder, parts["vocoder"])]
    _agree("speaker_encoder.colours", colours[0], "vocoder.colours", colours[1])
    shared = {"latent_dim": prior.latent_dim, "speaker_dim": speaker_encoder.speaker_dim}
    shared |= {"hidden_dim": prior.hidden_dim, "rate": getattr(parts["vocoder"], "pitch_frames", 0)}
    owner = {"speaker_dim": "speaker_encoder.speaker_dim", "rate": "vocoder.pitch_frames"}
    for name, part in {"prior": prior, **parts}.items():
        for size, value in shared.items():
            # A speaker width of 0: this part takes none.
            if getattr(part, size, 0):
                _agree(owner.get(size, f"prior.{size}"), value, f"{name}.{size}", getattr(part, size))


def _agree(name: str, value: int, other: str, size: int) -> None:
    if value != size:
        problem = f"{name} is {value} but {other} is {size}"
        raise ConfigError("CONFIG_INCONSISTENT", problem, "the same number", "Change one of the two in the YAML")
