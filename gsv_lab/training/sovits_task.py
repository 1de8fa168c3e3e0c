"""Training of SoVITS: reconstruction, KL and guided attention from the first step, discriminators later.

The generator runs once a batch and is detached for the discriminators, which make their step first; its own gradients
pass through them and leave none there. How steps are made: `gsv_lab.training.stepping`.
Letters: B batch, T samples, F frames at 50 Hz, P phones, S samples of a segment.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gsv_lab.checkpoint.native import load_into, load_tensors
from gsv_lab.corpora.sovits_data import SoVITSBatch
from gsv_lab.extensions.latent_discriminator import LatentTraining
from gsv_lab.extensions.latent_loss import Latents, latent_loss
from gsv_lab.extensions.monotonic_alignment import monotonic_path
from gsv_lab.nn import losses
from gsv_lab.nn.interfaces import Discriminator, Features, VITSOutput
from gsv_lab.nn.ops import sequence_mask, take_segments
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.nn.spectral import LogMel
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeFloat, NonNegativeInt, PositiveFloat
from gsv_lab.training import sovits_views
from gsv_lab.training.guided_attention import Watch, guided_attention_loss
from gsv_lab.training.log_writer import LogWriter, Points
from gsv_lab.training.sovits_terms import term_counts, wave_terms
from gsv_lab.training.stepping import still
from gsv_lab.training.task import Tag, Task, freeze

LOG = logging.getLogger(__name__)
RESOLUTIONS = ((256, 64, 40), (512, 128, 80), (1024, 256, 80), (2048, 512, 80))
"""FFT points, hop, mel bands of the reconstruction loss: 16 ms, where pulses show, to 128 ms, where harmonics do."""


class Generated(NamedTuple):
    """One pass of the generator: `out`, the recording's segments `real` (B, 1, S), the `terms` that need no
    discriminator, both `latents` where they are compared, and what terms are means over (see `term_counts`) where
    several processes share the batch.
    """

    out: VITSOutput
    real: Tensor
    terms: dict[str, Tensor]
    latents: Latents | None = None
    counts: Mapping[str, float] = MappingProxyType({})


class SoVITSTask(Task):
    """Losses by name: `mel` (nat) and `prior_mel`, that of waves made from the prior, whose level and shape are
    compared apart, `kl` (nat per frame), `guide`, `adversarial`, `features`, `discriminator`, those that the parts
    declare (`f0`, `f0_variance` in nat, `voicing`), and, only where they are given a weight, `convergence` and
    `latent`, how far the latent that the prior expects is from the recording's; with a discriminator of latents also
    its own `latent_discriminator`, and what it teaches the prior, `latent_adversarial` and `latent_features`.

    A prior without an attention to the phones is trained without `guide`.

    Source: VITS, arXiv:2106.06103, eqs. 1-9. Differs from it: mel loss at four resolutions; guided attention, which
    shows one head of the cross attention which phone each frame belongs to.

    Args:
        sovits: the networks.
        discriminators: tell natural from made waves; None to train without.
        quantizer_file: weights of the frozen codebook, or of a SoVITS that holds it; empty for that of the start
            weights.
        weights, learning_rate, warm_up, weight_decay, gradient_clip: see `Task`.
        adversarial_from: share of the budget after which the discriminators join.
        discriminated_frames: latent frames of each made segment that the discriminators see, drawn anew each batch;
            they cost more than everything else. 0 for all.
        guide_until: share of the budget after which attention is no longer guided.
        phone_index_dropout: share of clips in which the prior is not given which phone each code speaks, so that it can
            do without.
        latent_training: which parts stay as they are while the prior learns, and who teaches it; None to train all.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, a part that is not there should stay as it is.
    """

    tags: tuple[Tag, ...] = sovits_views.TAGS
    places = frozenset({"quantizer_file"})

    def __init__(
        self,
        sovits: SoVITS,
        discriminators: Discriminator | None = None,
        quantizer_file: str = "",
        weights: Mapping[str, NonNegativeFloat] | None = None,
        learning_rate: PositiveFloat = 6e-4,
        warm_up: NonNegativeInt = 200,
        weight_decay: NonNegativeFloat = 0.01,
        gradient_clip: NonNegativeFloat = 20.0,
        adversarial_from: NonNegativeFloat = 0.6,
        discriminated_frames: NonNegativeInt = 0,
        guide_until: NonNegativeFloat = 0.8,
        phone_index_dropout: ClosedUnitInterval = 0.1,
        latent_training: LatentTraining | None = None,
    ) -> None:
        super().__init__(weights, learning_rate, warm_up, weight_decay, gradient_clip)
        self.sovits = sovits
        self.discriminators = discriminators
        self.latent_discriminator = None
        if latent_training is not None:
            freeze(sovits.parts(), latent_training.frozen)
            self.latent_discriminator = latent_training.discriminator
        # Latents are compared on the scale of all in a batch.
        self.is_shared = self.latent_discriminator is None and "latent" not in self.weights
        self.quantizer_file = quantizer_file
        self.adversarial_from = adversarial_from
        self.discriminated_frames = discriminated_frames
        self.guide_until = guide_until
        self.phone_index_dropout = phone_index_dropout
        rate = int(sovits.vocoder.sample_rate)
        self.mels = nn.ModuleList(LogMel(rate, n_fft, hop, bands) for n_fft, hop, bands in RESOLUTIONS)
        if discriminators is not None:
            self.later_losses |= {"adversarial", "features", "discriminator"}
        if self.latent_discriminator is not None:
            self.later_losses |= {"latent_adversarial", "latent_features"}
        if not sovits.quantizer.n_codes:
            self.batch_needs |= {"content"}
        if sovits.speaker_encoder.verification_dim:
            self.batch_needs |= {"verification"}
        if sovits.prior.alignment() is None:
            self.idle_weights.discard("guide")
            if guide_until:
                LOG.warning("The prior has no attention to the phones: trained without the loss 'guide'")

    def setup(self, stage: str) -> None:
        """The frozen codebook."""
        if self.quantizer_file and self.sovits.quantizer.n_codes:
            found = load_tensors(self.quantizer_file)
            inside = {}
            for name, value in found.items():
                if name.startswith("quantizer."):
                    inside[name.removeprefix("quantizer.")] = value
            load_into(self.sovits.quantizer, inside or found, self.quantizer_file)

    def components(self) -> dict[str, nn.Module]:
        """SoVITS and its discriminators."""
        found: dict[str, nn.Module] = {"sovits": self.sovits}
        if self.discriminators is not None:
            found["discriminators"] = self.discriminators
        if self.latent_discriminator is not None:
            found["latent_discriminator"] = self.latent_discriminator
        return found

    def parts(self) -> dict[str, nn.Module]:
        """The parts of SoVITS, and the discriminators."""
        found = self.components()
        found.pop("sovits")
        return {**self.sovits.components(), **found}

    def rated_modules(self) -> dict[str, Sequence[nn.Module]]:
        """The parts, and `text`: what reads the text in the prior."""
        return super().rated_modules() | {"text": self.sovits.prior.text_modules()}

    def sample_rates(self) -> dict[str, float]:
        """Hz of frontend and vocoder."""
        return {"frontend": self.sovits.frontend.sample_rate, "vocoder": self.sovits.vocoder.sample_rate}

    def hop_lengths(self) -> dict[str, int]:
        """Of frontend and vocoder."""
        return {"frontend": self.sovits.frontend.hop_length, "vocoder": self.sovits.vocoder.hop_length}

    def n_phones(self) -> int:
        """Those of the prior."""
        return int(self.sovits.prior.n_phones)

    def codebook_file(self) -> str:
        """See `quantizer_file`."""
        return self.quantizer_file or str(self.start_files.get("sovits", ""))

    def filled_later(self, component: str) -> str:
        """The quantizer, where it has a file of its own."""
        return "quantizer." if component == "sovits" and self.quantizer_file else ""

    def configure_optimizers(self) -> Any:
        """One AdamW for the generator, one for each kind of discriminators."""
        return [self.optimizer_for(network, betas=(0.8, 0.99)) for network in self.components().values()]

    def features(self, batch: SoVITSBatch) -> Features:
        """What the frontend measures of the recordings."""
        features: Features = self.sovits.frontend(batch.wave, batch.log_f0, batch.voicing)
        return features

    def reference(self, batch: SoVITSBatch) -> Features:
        """What the frontend measures of the references."""
        return self.sovits.frontend.reference(batch.reference, batch.reference_log_f0, batch.reference_voicing)

    def generate(self, batch: SoVITSBatch) -> Generated:
        """One pass over a batch."""
        features, reference = self.features(batch), self.reference(batch)
        dtype = features.spec.dtype
        mask = sequence_mask(batch.frames, features.spec.shape[-1]).to(dtype)
        phone_mask = sequence_mask(batch.phone_lengths, batch.phones.shape[1]).to(dtype)
        reference_mask = sequence_mask(batch.reference_frames, reference.spec.shape[-1]).to(dtype)
        with Watch(self.sovits.prior.alignment()) as attention:
            out = self.sovits(
                features,
                batch.phones,
                mask,
                phone_mask,
                codes=batch.codes if self.sovits.quantizer.n_codes else None,
                content=batch.content,
                reference=reference,
                reference_mask=reference_mask,
                verification=batch.verification,
                phone_index=self.phone_index(batch),
            )
        terms = {"kl": losses.kl_loss(out.z_p, out.logs_q, out.m_p, out.logs_p, mask)}
        if attention.seen and batch.positions is not None:
            terms["guide"] = guided_attention_loss(attention.seen[0][:, 0], batch.positions)
        hop = self.sovits.vocoder.hop_length
        real = take_segments(batch.wave, out.starts, self.sovits.segment_frames, hop)
        terms |= wave_terms(self.mels, real, out, "convergence" in self.weights)
        terms |= self.sovits.losses(out, features)
        latents = None
        if "latent" in self.weights or self.latent_discriminator is not None:
            voice = self.sovits.embed(reference, reference_mask, batch.verification)
            latents = self.compared_latents(out, voice)
            terms["latent"] = latent_loss(*latents[:3])
        counts = {}
        if self.ranks is not None:
            # The F0 of segments is compared where the vocoder has one of its own, else that of all frames.
            pitch = self.sovits.segments(features, out.starts) if out.pitch is None else features
            counts = term_counts(batch, pitch, out)
        return Generated(out, real, terms, latents, counts)

    def compared_latents(self, out: VITSOutput, voice: Tensor) -> Latents:
        """What the prior expects of a voice (B, G, 1), without noise and behind the flow, and what was recorded."""
        conditioning = self.sovits.conditioning(voice)
        assert conditioning.speaker is not None, "a voice holds a speaker vector"
        expected = self.sovits.flow(out.m_p, out.mask, conditioning, inverse=True)
        return Latents(expected, out.m_q, out.mask, conditioning.speaker)

    def phone_index(self, batch: SoVITSBatch) -> Tensor | None:
        """Which phone each code speaks (B, F25), as a monotonic path; in some clips of training left unknown. None
        where the recordings are not aligned.
        """
        if batch.positions is None:
            return None
        hop = self.sovits.quantizer.hop
        of_codes = batch.positions[:, hop - 1 :: hop]
        path = monotonic_path(of_codes, batch.positions.shape[1])
        if not self.training:
            return path
        known = torch.rand(len(path), 1, device=path.device) >= self.phone_index_dropout
        return torch.where(known, path, -1)

    def training_step(self, batch: SoVITSBatch, batch_idx: int) -> None:
        """Generator once; then, late enough, first the discriminators on its detached waves, then its own step."""
        out, real, terms, latents, counts = self.generate(batch)
        if self.progress >= self.guide_until:
            terms.pop("guide", None)
        if self.discriminators is not None and self.progress >= self.adversarial_from:
            real, fake = self.discriminated(real, out.vocoded.wave)
            loss = self.discriminator_loss(self.discriminators, real, fake)
            self.step(1, self.total({"discriminator": loss}), "discriminators")
            with still(self.discriminators):
                terms |= self.adversarial_terms(self.discriminators, real, fake)
        if self.latent_discriminator is not None and latents is not None:
            loss = self.latent_discriminator.loss(latents)
            self.step(-1, self.total({"latent_discriminator": loss}), "latent_discriminator")
            if self.progress >= self.adversarial_from:
                with still(self.latent_discriminator):
                    terms |= self.latent_discriminator.terms(latents)
        self.step(0, self.total(terms, counts=counts), "sovits")

    def discriminator_loss(self, discriminators: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminators should do better on two waves (B, 1, S); the made one is detached."""
        natural = discriminators(real)
        made = discriminators(fake.detach())
        return losses.discriminator_loss(natural.scores, made.scores)

    def adversarial_terms(self, discriminators: Discriminator, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """What the discriminators teach the generator on the same waves."""
        natural = discriminators(real)
        made = discriminators(fake)
        return {
            "adversarial": losses.adversarial_loss(made.scores),
            "features": losses.feature_loss(natural.features, made.features),
        }

    def discriminated(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """The same stretch of both waves (B, 1, S), for the discriminators."""
        hop = int(self.sovits.vocoder.hop_length)
        length = fake.shape[-1]
        size = min(self.discriminated_frames * hop or length, length)
        choices = (length - size) // hop + 1
        start = int(torch.randint(choices, ())) * hop
        return real[..., start : start + size], fake[..., start : start + size]

    def validation_step(self, batch: SoVITSBatch, batch_idx: int) -> None:
        """The training losses, and `resynthesis_mel`."""
        terms = self.generate(batch).terms
        terms["resynthesis_mel"] = self.resynthesis_mel(batch).mean()
        self.total(terms, "valid")

    def resynthesis_mel(self, batch: SoVITSBatch) -> Tensor:
        """How far resynthesised waves are from the recordings: (B, F), nat."""
        mel = self.mels[len(self.mels) // 2]
        return (mel(batch.wave) - mel(self.resynthesis(batch))).abs().mean(1)

    def resynthesis(self, batch: SoVITSBatch) -> Tensor:
        """Waves (B, 1, T) from true codes, with the pitch that is expected."""
        quantizer = self.sovits.quantizer
        dtype = batch.wave.dtype
        mask = sequence_mask(batch.frames, batch.codes.shape[-1] * quantizer.hop).to(dtype)
        phone_mask = sequence_mask(batch.phone_lengths, batch.phones.shape[1]).to(dtype)
        made = self.sovits.decode(
            batch.codes if quantizer.n_codes else None,
            batch.phones,
            self.sovits.voice([self.reference(batch)], [batch.verification]),
            sovits_views.NOISE_SCALE,
            mask=mask,
            phone_mask=phone_mask,
            phone_index=self.phone_index(batch),
            content=batch.content,
        )
        wave: Tensor = made.vocoded.wave * mask.repeat_interleave(self.sovits.vocoder.hop_length, -1)
        return wave

    def spoken_codes(self, batch: SoVITSBatch) -> list[Tensor]:
        """See `sovits_views.spoken_codes`."""
        return sovits_views.spoken_codes(self, batch)

    def view_points(self, batch: SoVITSBatch) -> dict[str, Points]:
        """See `sovits_views.points`."""
        return sovits_views.points(self, batch)

    def codebook_size(self) -> int:
        """Codes of the quantizer."""
        return max(1, int(self.sovits.quantizer.n_codes))

    def log_views(self, batch: SoVITSBatch, log: LogWriter) -> None:
        """See `tags`."""
        sovits_views.log_views(self, batch, log)
