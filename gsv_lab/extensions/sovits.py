"""SoVITS with what nano adds to it: a pitch predictor, waves from the prior in training, a postfilter.

Letters: B batch, C latent width, F frames at 50 Hz, G speaker width, K cosines of the long-term average spectrum.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gsv_lab.extensions.measured_speaker_encoder import median_log_f0
from gsv_lab.extensions.pitch_predictor import Pitch
from gsv_lab.hooks.tap import Component
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
    VITSOutput,
    Vocoded,
    Vocoder,
)
from gsv_lab.nn.ops import resize_frames, standard_normal
from gsv_lab.nn.prior import draw_from_prior
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.system.ranges import ClosedUnitInterval, PositiveInt
from gsv_lab.system.rows import first_rows

TRAINING_NOISE = 0.3
"""Factor on the prior's deviation where waves are made from it in training."""


class ExtendedSoVITS(SoVITS):
    """A `SoVITS` whose vocoder may be given the pitch, and whose prior may learn from the waves it makes.

    Where the speaker encoder does not carry the long-term average spectrum or the median F0 that a part needs, they are
    measured of the reference and kept behind the speaker vector: a voice is then (B, G + K + 1, 1).
    `postfilter`, None at first, changes the latent (B, C, F) that is spoken in synthesis; nobody trains through it.

    Args:
        frontend, quantizer, speaker_encoder, prior, posterior, flow, vocoder: see `SoVITS`.
        pitch_predictor: expects F0 and voicing for a vocoder that must be given them; None for all others.
        segment_frames, freeze_quantizer, detach_speaker: see `SoVITS`.
        from_prior: share of a batch in training whose waves are made as in synthesis, so that the losses on the wave
            teach prior, flow and speaker encoder too. Idea: bidirectional prior and posterior of NaturalSpeech, Tan et
            al. 2022, arXiv:2205.04421, 3.3.
        posterior_noise: factor on the posterior's deviation in the latents that the vocoder learns from; 0 shows it the
            mean. The KL divergence has the whole deviation whatever it is.
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
        pitch_predictor: Pitch | None = None,
        segment_frames: PositiveInt = 32,
        freeze_quantizer: bool = True,
        detach_speaker: bool = True,
        from_prior: ClosedUnitInterval = 0.0,
        posterior_noise: ClosedUnitInterval = 1.0,
    ) -> None:
        super(SoVITS, self).__init__()
        self.pitch_predictor = pitch_predictor
        self.postfilter: Component | None = None
        self.from_prior = from_prior
        self.posterior_noise = posterior_noise
        self.segment_frames = segment_frames
        self.freeze_quantizer = freeze_quantizer
        self.detach_speaker = detach_speaker
        needed = frozenset().union(*(part.needs for part in (vocoder, prior, pitch_predictor) if part is not None))
        self.measured = (needed & frontend_gives(frontend)) - speaker_encoder.gives
        self._compose(frontend, quantizer, speaker_encoder, prior, posterior, flow, vocoder)

    def parts(self) -> dict[str, Role]:
        """The parts that are there, by name."""
        parts = super().parts()
        if self.pitch_predictor is not None:
            parts["pitch_predictor"] = self.pitch_predictor
        return parts

    def gives(self) -> frozenset[str]:
        """Quantities that a part may need and that are known in training and in synthesis alike."""
        given = super().gives() | self.measured
        return given if self.pitch_predictor is None else given | self.pitch_predictor.gives

    def embed(
        self,
        reference: Features,
        mask: Tensor | None = None,
        verification: Tensor | None = None,
    ) -> Tensor:
        """The voice of a reference, with what is measured of it behind the speaker vector: (B, G + ..., 1)."""
        speaker = super().embed(reference, mask, verification)
        behind = []
        if "ltas" in self.measured:
            behind.append(reference.ltas.to(speaker.dtype))
        if "median_log_f0" in self.measured:
            behind.append(median_log_f0(reference).to(speaker.dtype))
        return torch.cat([speaker, *behind], dim=1)

    def conditioning(
        self,
        voice: Tensor,
        phone_index: Tensor | None = None,
        n_frames: int = 0,
        ltas: Tensor | None = None,
    ) -> Conditioning:
        """What the parts get of a voice; see `SoVITS.conditioning`."""
        speaker_dim, ltas_dim = self.speaker_encoder.speaker_dim, self.frontend.ltas_dim
        known = super().conditioning(voice[:, :speaker_dim], phone_index, n_frames, ltas)
        behind = voice[:, speaker_dim:]
        if "ltas" in self.measured:
            own, behind = behind[:, :ltas_dim], behind[:, ltas_dim:]
            known = known._replace(ltas=own if ltas is None else ltas)
        if "median_log_f0" in self.measured:
            known = known._replace(median_log_f0=behind[:, :1])
        return known

    def components(self) -> dict[str, Component]:
        """The parts that are there, under the names by which probes address them."""
        found = super().components()
        if self.postfilter is not None:
            found["postfilter"] = self.postfilter
        return found

    def losses(self, out: VITSOutput, features: Features) -> dict[str, Tensor]:
        """Unweighted terms of the vocoder and of the pitch predictor."""
        terms = super().losses(out, features)
        if self.pitch_predictor is not None and out.pitch is not None:
            terms |= self.pitch_predictor.losses(*out.pitch, features)
        return terms

    def _predicted_pitch(self, prior: Latent, conditioning: Conditioning) -> tuple[Tensor, Tensor] | None:
        if self.pitch_predictor is None:
            return None
        log_f0, voicing = self.pitch_predictor(prior.hidden, conditioning)
        return log_f0, voicing

    def _spoken_latent(
        self,
        posterior: Sampled,
        prior: Latent,
        conditioning: Conditioning,
        generator: torch.Generator | None,
    ) -> tuple[Tensor, int]:
        recorded = posterior.z
        if self.posterior_noise < 1:
            recorded = posterior.mean * posterior.mask
            recorded = recorded + self.posterior_noise * (posterior.z - recorded)
        n = first_rows(self.from_prior, len(posterior.z)) if self.training else 0
        if not n:
            return recorded, 0
        first = Latent(prior.mean[:n], prior.log_scale[:n], prior.mask[:n])
        first_voices = Conditioning(*(None if value is None else value[:n] for value in conditioning))
        noise = standard_normal(first.mean, generator)
        expected = draw_from_prior(first, self.flow, first_voices, TRAINING_NOISE, noise)
        return torch.cat((expected, recorded[n:])), n

    def _speak(
        self,
        z: Tensor,
        prior: Latent,
        conditioning: Conditioning,
        generator: torch.Generator | None,
    ) -> Decoded:
        spoken = z if self.postfilter is None else self.postfilter(z)
        pitch = self._predicted_pitch(prior, conditioning)
        if pitch is None or "log_f0" not in self.vocoder.needs:
            return Decoded(self.vocoder(spoken, conditioning, generator), z, prior)
        log_f0, voicing = (resize_frames(x, z.shape[-1] * self.vocoder.f0_frames) for x in pitch)
        with_pitch = conditioning._replace(log_f0=log_f0, voicing=(voicing > 0).to(z.dtype))
        made = self.vocoder(spoken, with_pitch, generator)
        return Decoded(Vocoded(made.wave, log_f0, voicing), z, prior)


def frontend_gives(frontend: Frontend) -> frozenset[str]:
    """What can be measured of a reference."""
    found = set()
    if frontend.ltas_dim:
        found.add("ltas")
    if frontend.f0_frames:
        found.add("median_log_f0")
    return frozenset(found)
