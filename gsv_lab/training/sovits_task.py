"""Training of SoVITS: reconstruction, KL, pitch and attention guidance from the first step, discriminators later.

GAN training is manual optimization in Lightning, which has four traps, met here: the generator runs once a batch and is
detached for the discriminator; gradients are clipped by hand; learning rates are set by the `Budget` callback;
Lightning's `global_step` counts both optimizers, so everything here counts batches.
Letters: B batch, T samples, F frames at 50 Hz, P phones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from gsv_lab.checkpoint.native import load_into, load_tensors
from gsv_lab.corpora.sovits_data import SoVITSBatch
from gsv_lab.extensions.monotonic_alignment import steady
from gsv_lab.nn import losses
from gsv_lab.nn.discriminators import Discriminators
from gsv_lab.nn.ops import sequence_mask, take_segments
from gsv_lab.nn.sovits import SoVITS, VITSOutput, analysis_for
from gsv_lab.nn.spectral import LogMel
from gsv_lab.training.guided_attention import Watch, guide_loss
from gsv_lab.training.task import Task, start_from

RESOLUTIONS = ((256, 64, 40), (512, 128, 80), (1024, 256, 80), (2048, 512, 80))
"""FFT points, hop, mel bands of the reconstruction loss: 16 ms, where pulses show, to 128 ms, where harmonics do."""


class SoVITSTask(Task):
    """Losses by name: `mel` (nat) and `expected_mel`, that of waves made from the prior (see `SoVITS`), whose level and
    shape are compared apart, `kl` (nat per frame), `f0` (nat), `voicing`, `guide`, `adversarial`, `features`,
    `discriminator`; and only where they are given a weight, `convergence` and `melody` (nat).

    Source: VITS, arXiv:2106.06103, eqs. 1-9. Differs from it: mel loss at four resolutions; a pitch loss where pitch is
    predicted, by a part of its own or by the vocoder; a guide that tells one head of the cross attention which phone
    each frame belongs to.

    Args:
        sovits: the networks.
        discriminators: judges, or None to train without.
        quantizer_file: weights of the frozen codebook, or of a SoVITS that holds it.
        weights, learning_rate, warm_up, weight_decay, gradient_clip: see `Task`.
        adversarial_from: share of the budget after which the discriminators join.
        judged_frames: latent frames of each made segment that the discriminators see, drawn anew each batch; they cost
            more than everything else. 0 for all.
        guide_until: share of the budget after which attention is no longer guided.
        unplaced: share of clips in which the prior is not told which phone each code speaks, so that it can do without.
        start_file: weights of an earlier SoVITS to start from; parts of other shape keep their own start.
    """

    def __init__(
        self,
        sovits: SoVITS,
        discriminators: Discriminators | None = None,
        quantizer_file: str = "",
        weights: Mapping[str, float] | None = None,
        learning_rate: float = 6e-4,
        warm_up: int = 200,
        weight_decay: float = 0.01,
        gradient_clip: float = 20.0,
        adversarial_from: float = 0.6,
        judged_frames: int = 0,
        guide_until: float = 0.8,
        unplaced: float = 0.1,
        start_file: str = "",
    ) -> None:
        super().__init__(weights, learning_rate, warm_up, weight_decay, gradient_clip)
        self.sovits, self.discriminators = sovits, discriminators
        self.quantizer_file, self.start_file = quantizer_file, start_file
        self.adversarial_from, self.judged_frames = adversarial_from, judged_frames
        self.guide_until, self.unplaced = guide_until, unplaced
        rate = int(sovits.vocoder.sample_rate)
        self.analysis = analysis_for(sovits)
        self.mels = nn.ModuleList(LogMel(rate, n_fft, hop, bands) for n_fft, hop, bands in RESOLUTIONS)
        self.automatic_optimization = False

    def setup(self, stage: str) -> None:
        """The frozen codebook, and a start from earlier weights."""
        if self.quantizer_file:
            found = load_tensors(self.quantizer_file)
            inside = {k.removeprefix("quantizer."): v for k, v in found.items() if k.startswith("quantizer.")}
            load_into(self.sovits.quantizer, inside or found, self.quantizer_file)
        if self.start_file:
            start_from(self.sovits, self.start_file, own_part="quantizer")

    def components(self) -> dict[str, nn.Module]:
        """SoVITS and its judges."""
        found: dict[str, nn.Module] = {"sovits": self.sovits}
        return found if self.discriminators is None else {**found, "discriminators": self.discriminators}

    def configure_optimizers(self) -> Any:
        """One AdamW for the generator, one for the judges."""
        made = [self.optimizer_for(self.sovits, betas=(0.8, 0.99))]
        if self.discriminators is not None:
            made.append(self.optimizer_for(self.discriminators, betas=(0.8, 0.99)))
        return made

    def generate(self, batch: SoVITSBatch) -> tuple[VITSOutput, Tensor, dict[str, Tensor]]:
        """One pass: what was made, the natural segment (B, 1, S), and the losses that need no judge."""
        spec = self.analysis(batch.wave, batch.log_f0, batch.voicing)
        reference = self.analysis.voice(batch.reference, batch.reference_log_f0, batch.reference_voicing)
        mask = sequence_mask(batch.frames, spec.shape[-1]).to(spec.dtype)
        phone_mask = sequence_mask(batch.phone_lengths, batch.phones.shape[1]).to(spec.dtype)
        reference_mask = sequence_mask(batch.reference_frames, reference.shape[-1]).to(spec.dtype)
        pitch = None if batch.log_f0 is None else (batch.log_f0, batch.voicing)
        with Watch(self.sovits.prior.cross_attention.pattern) as watch:
            out = self.sovits(
                spec, batch.phones, mask, phone_mask, codes=batch.codes, reference=reference,
                reference_mask=reference_mask, pitch=pitch, places=self.places(batch),
            )  # fmt: skip
        size, vocoder = self.sovits.segment_frames, self.sovits.vocoder
        real = take_segments(batch.wave, out.starts, size, vocoder.hop_length)
        terms = {
            "kl": losses.kl_loss(out.z_p.float(), out.logs_q.float(), out.m_p.float(), out.logs_p.float(), mask),
            "guide": guide_loss(watch.seen[0][:, 0], batch.positions),
        }
        made, n = out.vocoded.wave.float(), out.from_prior
        pairs = [(mel(real), mel(made)) for mel in self.mels]
        if n:
            terms["expected_mel"] = losses.shape_loss([(x[:n], y[:n]) for x, y in pairs])
        if n < len(made):
            terms["mel"] = losses.log_mel_loss([(x[n:], y[n:]) for x, y in pairs])
        if "convergence" in self.weights:
            terms["convergence"] = losses.convergence_loss(pairs)
        if out.pitch is not None:
            terms["f0"] = losses.f0_loss(out.pitch.log_f0, batch.log_f0, batch.voicing)
            if "melody" in self.weights:
                terms["melody"] = losses.melody_loss(out.pitch.log_f0, batch.log_f0, batch.voicing)
            terms["voicing"] = losses.voicing_loss(out.pitch.voicing, batch.voicing)
        elif out.vocoded.log_f0 is not None:
            f0, voicing = (
                take_segments(x, out.starts, size, vocoder.pitch_frames) for x in (batch.log_f0, batch.voicing)
            )
            terms["f0"] = losses.f0_loss(out.vocoded.log_f0, f0, voicing)
            terms["voicing"] = losses.voicing_loss(out.vocoded.voicing, voicing)
        return out, real, terms

    def places(self, batch: SoVITSBatch) -> Tensor:
        """Which phone each code speaks (B, F25), as a pointer would walk; in some clips of training left unknown."""
        places = steady(batch.positions[:, 1::2], batch.positions.shape[1])
        if not self.training:
            return places
        known = torch.rand(len(places), 1, device=places.device) >= self.unplaced
        return torch.where(known, places, -1)

    def training_step(self, batch: SoVITSBatch, batch_idx: int) -> None:
        """Generator once; then, late enough, first the judges on its detached waves, then the generator's own step."""
        optimizers = self.optimizers()
        optimizers = optimizers if isinstance(optimizers, list) else [optimizers]
        out, real, terms = self.generate(batch)
        if self.progress >= self.guide_until:
            terms.pop("guide")
        real, fake = self.judged(real, out.vocoded.wave)
        if self.discriminators is not None and self.progress >= self.adversarial_from:
            self.step(optimizers[1], self.total({"discriminator": self.judge_loss(real, fake)}), "discriminators")
            terms |= self.adversarial_terms(real, fake)
        self.step(optimizers[0], self.total(terms), "sovits")

    def judge_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminators should do better on two waves (B, 1, S); the made one is detached."""
        judges = cast(Discriminators, self.discriminators)
        return losses.discriminator_loss(judges(real).scores, judges(fake.detach()).scores)

    def adversarial_terms(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """What the discriminators teach the generator on the same waves."""
        judges = cast(Discriminators, self.discriminators)
        judged, made = judges(real), judges(fake)
        features = losses.feature_loss(judged.features, made.features)
        return {"adversarial": losses.adversarial_loss(made.scores), "features": features}

    def judged(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """The same stretch of both waves (B, 1, S), for the discriminators."""
        hop = int(self.sovits.vocoder.hop_length)
        size = min(self.judged_frames * hop or fake.shape[-1], fake.shape[-1])
        start = int(torch.randint((fake.shape[-1] - size) // hop + 1, ())) * hop
        return real[..., start : start + size], fake[..., start : start + size]

    def step(self, optimizer: Any, loss: Tensor, name: str) -> None:
        """Backward, clip, step."""
        optimizer.zero_grad()
        self.manual_backward(loss)
        self.clip(optimizer.optimizer, name)
        optimizer.step()

    def validation_step(self, batch: SoVITSBatch, batch_idx: int) -> None:
        """The training losses, and `prior_mel`."""
        _, _, terms = self.generate(batch)
        terms["prior_mel"] = self.prior_mel(batch)
        self.total(terms, "valid")

    def prior_mel(self, batch: SoVITSBatch) -> Tensor:
        """How far waves from true codes, with the pitch that is expected, are from the recordings (nat)."""
        mask = sequence_mask(batch.frames, batch.codes.shape[1] * 2).to(batch.wave.dtype)
        phone_mask = sequence_mask(batch.phone_lengths, batch.phones.shape[1]).to(batch.wave.dtype)
        reference = self.analysis.voice(batch.reference, batch.reference_log_f0, batch.reference_voicing)
        speaker = self.sovits.voice([reference])
        made = self.sovits.decode(
            batch.codes, batch.phones, speaker, 0.3, mask=mask, phone_mask=phone_mask, places=self.places(batch)
        )
        wave = made.vocoded.wave * mask.repeat_interleave(self.sovits.vocoder.hop_length, -1)
        return losses.log_mel_loss([(self.mels[2](batch.wave), self.mels[2](wave))])
