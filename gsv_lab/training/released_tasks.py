"""The released families' losses, optimizers and schedules, as tasks beside nano's.

Habits of the released trainers that are mistakes stand behind named options, off by default; the configurations of the
released families switch them on. Their data are those of `gsv_lab.corpora.released_data`, from stores that
`gsv-lab store` makes.
Letters: B batch, P phones, T codes, V classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
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

    ScaledAdam, gradients of several batches added up, manual optimization because the batches between two steps differ
    in number with `released_boundary`.

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
        super().__init__(semantic_gpt, weights, learning_rate=1.0, gradient_clip=0.0, guided_layer=-1)
        self.schedule, self.accumulate, self.released_boundary = schedule, accumulate, released_boundary
        self.count_padding, self.dpo = count_padding, dpo
        self.optimizer_options: dict[str, Any] = {
            "betas": (betas[0], betas[1]), "clipping_scale": clipping_scale, "clipping_period": clipping_period,
            "clip_sizes_only": clip_sizes_only,
        }  # fmt: skip
        self.automatic_optimization = False
        self.updates = 0
        self._waiting: dict[str, Tensor] = {}

    def rate(self) -> float:
        """Learning rate of the coming step."""
        return self.schedule.rate(self.updates, self.batches_per_epoch // self.accumulate)

    def configure_optimizers(self) -> optim.Optimizer:
        """ScaledAdam over everything that is trainable."""
        free = [p for p in self.semantic_gpt.parameters() if p.requires_grad]
        return ScaledAdam(free, lr=self.rate(), **self.optimizer_options)

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        """The optimizer clips by itself; this logs the norm, and stops where it is not finite."""
        self.clip(optimizer, "semantic_gpt")

    def on_validation_model_zero_grad(self) -> None:
        """Gradients that wait for the next step stay: by itself Lightning drops them before each validation."""

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

    def training_step(self, batch: GPTBatch, batch_idx: int) -> None:  # type: ignore[override]
        """One batch; a step where it is due."""
        scored = self.losses(batch)
        self.manual_backward(self.total(scored.terms))
        if self.batches % 20 == 0:
            self.log("train/accuracy", self.accuracy(scored), batch_size=1)
        # Counted over all resumptions, which `batch_idx` is not.
        if self.due(self.batches):
            optimizer: Any = self.optimizers()
            optimizer.step()
            optimizer.zero_grad()
            self.updates += 1

    def due(self, batch: int) -> bool:
        """Whether a step follows this batch of the training, counted from 0."""
        if self.released_boundary:
            return batch > 0 and batch % self.accumulate == 0
        return (batch + 1) % self.accumulate == 0

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Steps so far, for the schedule, and the gradients that wait for the next step."""
        checkpoint["updates"] = self.updates
        waiting = {}
        for name, parameter in self.named_parameters():
            if parameter.grad is not None:
                waiting[name] = parameter.grad
        checkpoint["gradients"] = waiting

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting, and keep the gradients until the training starts: until then Lightning takes them away."""
        self.updates = checkpoint["updates"]
        self._waiting = checkpoint.get("gradients", {})

    def on_train_start(self) -> None:
        """Go on adding."""
        for name, parameter in self.named_parameters():
            if name in self._waiting:
                parameter.grad = self._waiting[name].to(parameter.device)
        self._waiting = {}


class ReleasedSoVITSTask(SoVITSTask):
    """Losses by name as in `SoVITSTask`: `mel` at one resolution, `kl`, `adversarial`, `features`, `discriminator`.

    AdamW with decay on everything, discriminators from the first step, no clipping, text parts at a lower rate.

    Args:
        sovits: the networks.
        discriminators: tell natural from made waves; None to train without.
        schedule: learning rate by batch.
        weights: see `Task`.
        text_rate: factor on the rate of the parts that read the text.
        n_fft: points of the mel loss.
        n_mels: bands of the mel loss.
        weight_decay: of AdamW.
        quantizer_file: see `SoVITSTask`.
    """

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
            weight_decay=weight_decay,
            gradient_clip=0.0,
            adversarial_from=0.0,
            guide_until=0.0,
        )
        self.schedule = schedule
        self.text_rate = text_rate
        rate, hop = int(sovits.vocoder.sample_rate), sovits.vocoder.hop_length
        self.mels = nn.ModuleList([LogMel(rate, n_fft, hop, n_mels)])

    def rate(self) -> float:
        """Learning rate of the coming step."""
        return self.schedule.rate(self.batches, self.batches_per_epoch)

    def configure_optimizers(self) -> Any:
        """AdamW for the generator in two groups, and for the discriminators."""
        reading = {id(p) for module in self.sovits.prior.text_modules() for p in module.parameters()}
        free = [p for p in self.sovits.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in free if id(p) not in reading]},
            {"params": [p for p in free if id(p) in reading], "scale": self.text_rate},
        ]
        made = [self._adam(groups)]
        if self.discriminators is not None:
            made.append(self._adam(self.discriminators.parameters()))
        return made

    def _adam(self, parameters: Any) -> optim.Optimizer:
        return torch.optim.AdamW(
            parameters, lr=self.rate(), betas=(0.8, 0.99), eps=1e-9, weight_decay=self.weight_decay
        )
