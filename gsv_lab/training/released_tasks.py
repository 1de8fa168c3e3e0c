"""The released families' losses, optimizers and schedules, as tasks beside nano's.

Habits of the released trainers that are mistakes stand behind named options, off by default; the configurations of the
released families switch them on. Their data are those of `gsv_lab.corpora.released_data`, from stores that
`gsv-lab store` makes.
Letters: B batch, P phones, T codes, V classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn, optim

from gsv_lab.corpora.gpt_data import GPTBatch
from gsv_lab.nn.interfaces import Discriminator, SemanticGPTRole
from gsv_lab.nn.losses_gpt import code_loss, code_targets, corrupt_codes, dpo_loss, sequence_log_prob
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.nn.spectral import LogMel
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeFloat, PositiveFloat, PositiveInt
from gsv_lab.training.gpt_task import GPTTask, Scored
from gsv_lab.training.scaled_adam import ScaledAdam
from gsv_lab.training.schedules import Schedule
from gsv_lab.training.sovits_task import SoVITSTask


class ReleasedGPTTask(GPTTask):
    """Losses by name: `code` (summed cross entropy, nat), `preference` (with `dpo`).

    ScaledAdam, which clips by itself, and gradients of several batches added up.

    Args:
        semantic_gpt: the network.
        schedule: learning rate by optimizer step.
        weights: see `Task`.
        betas, clipping_scale, clipping_period: see `ScaledAdam`.
        accumulate: batches whose gradients a step adds up (it adds, it does not average).
        released_boundary: step at the first batch of every `accumulate` but the first one, so that the first step sees
            one batch more. The released trainer counts anew in each epoch, of which an endless stream of batches has
            none.
        count_padding: count the stop token at padding steps, too, so that the loss depends on the longest sequence.
        clip_sizes_only: see `ScaledAdam`.
        dpo: also prefer true codes to corrupted ones (`gsv_lab.nn.losses_gpt.dpo_loss`); halve the batch for it.
    """

    own_schedule = True
    averaged = False
    is_shared = False

    def __init__(
        self,
        semantic_gpt: SemanticGPTRole,
        schedule: Schedule,
        weights: Mapping[str, NonNegativeFloat] | None = None,
        betas: tuple[ClosedUnitInterval, ClosedUnitInterval] = (0.9, 0.95),
        clipping_scale: PositiveFloat = 2.0,
        clipping_period: PositiveInt = 1000,
        accumulate: PositiveInt = 4,
        released_boundary: bool = False,
        count_padding: bool = False,
        clip_sizes_only: bool = False,
        dpo: bool = False,
    ) -> None:
        super().__init__(semantic_gpt, weights, learning_rate=1.0, warm_up=0, gradient_clip=0.0, guided_layer=-1)
        self.schedule, self.accumulate, self.released_boundary = schedule, accumulate, released_boundary
        self.count_padding, self.dpo = count_padding, dpo
        self.optimizer_options: dict[str, Any] = {
            "betas": (betas[0], betas[1]), "clipping_scale": clipping_scale, "clipping_period": clipping_period,
            "clip_sizes_only": clip_sizes_only,
        }  # fmt: skip

    def configure_optimizers(self) -> optim.Optimizer:
        """ScaledAdam over everything that is trainable."""
        free = [p for p in self.semantic_gpt.parameters() if p.requires_grad]
        return ScaledAdam(free, lr=self.rate(), **self.optimizer_options)

    def losses(self, batch: GPTBatch, guided: bool = False) -> Scored:
        """One pass over a batch, or two with `dpo`."""
        code_mask = sequence_mask(batch.code_lengths, batch.codes.shape[1])
        logits, targets, counted = self._score(batch, batch.codes, code_mask)
        terms = {"code": code_loss(logits, targets, counted, "sum")}
        if self.dpo:
            bad = self._score(batch, *corrupt_codes(batch.codes, code_mask))
            good = sequence_log_prob(logits, targets, counted)
            terms["preference"] = dpo_loss(good, sequence_log_prob(*bad))
        return Scored(terms, logits, targets)

    def _score(self, batch: GPTBatch, codes: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Logits, targets and counted steps (None: all) of some codes."""
        targets = code_targets(codes, self.semantic_gpt.eos, mask)
        logits = self.predict(batch, targets.inputs, mask)
        return logits, targets.targets, None if self.count_padding else targets.mask

    def rated_modules(self) -> dict[str, Sequence[nn.Module]]:
        """None: ScaledAdam clips all of the network by one norm."""
        return {}

    def due(self, batch: int) -> bool:
        """Whether a step follows this batch of the training, counted from 0."""
        if self.released_boundary:
            return batch > 0 and batch % self.accumulate == 0
        return super().due(batch)

    @property
    def updates(self) -> int:
        """Steps before this batch."""
        return max(0, self.batches - 1) // self.accumulate if self.released_boundary else super().updates


class ReleasedSoVITSTask(SoVITSTask):
    """Losses by name as in `SoVITSTask`: `mel` at one resolution, `kl`, `adversarial`, `features`, `discriminator`.

    AdamW with decay on everything, discriminators from the first step, no clipping, text parts at a lower rate.

    Args:
        sovits: the networks.
        discriminators: tell natural from made waves; None to train without.
        schedule: learning rate by optimizer step.
        weights: see `Task`.
        text_rate: factor on the rate of the parts that read the text.
        n_fft: points of the mel loss.
        n_mels: bands of the mel loss.
        weight_decay: of AdamW.
        quantizer_file: see `SoVITSTask`.
    """

    own_schedule = True

    def __init__(
        self,
        sovits: SoVITS,
        discriminators: Discriminator | None,
        schedule: Schedule,
        weights: Mapping[str, NonNegativeFloat] | None = None,
        text_rate: ClosedUnitInterval = 0.4,
        n_fft: PositiveInt = 2048,
        n_mels: PositiveInt = 128,
        weight_decay: NonNegativeFloat = 0.01,
        quantizer_file: str = "",
    ) -> None:
        super().__init__(
            sovits,
            discriminators,
            quantizer_file,
            weights,
            learning_rate=1.0,
            warm_up=0,
            weight_decay=weight_decay,
            gradient_clip=0.0,
            adversarial_from=0.0,
            guide_until=0.0,
        )
        self.schedule = schedule
        self.rates = {"text": text_rate}
        rate, hop = int(sovits.vocoder.sample_rate), sovits.vocoder.hop_length
        self.mels = nn.ModuleList([LogMel(rate, n_fft, hop, n_mels)])

    def configure_optimizers(self) -> Any:
        """AdamW for the generator, text parts apart, and for the discriminators."""
        networks = self.components().values()
        return [self.optimizer_for(one, betas=(0.8, 0.99), eps=1e-9, decay_vectors=True) for one in networks]
