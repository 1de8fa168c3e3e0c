"""Training of the duration predictor of a SemanticGPT that plans: how long each phone lasts, by forced alignment.

Letters: B batch, P phones, T codes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gsv_lab.corpora.gpt_data import GPTBatch
from gsv_lab.extensions.duration_predictor import PlannedSemanticGPT, duration_losses, spoken_durations
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat
from gsv_lab.training.task import Task


class DurationTask(Task):
    """Losses by name: `duration` (nat, of the logarithm of lengths), `there` (nat, whether a phone takes time at all).

    Args:
        semantic_gpt: whose duration predictor learns; the rest of it stays as it is.
        weights, learning_rate, warm_up, weight_decay, gradient_clip: see `Task`.
    """

    def __init__(
        self,
        semantic_gpt: PlannedSemanticGPT,
        weights: Mapping[str, NonNegativeFloat] | None = None,
        learning_rate: PositiveFloat = 2e-3,
        warm_up: NonNegativeInt = 50,
        weight_decay: NonNegativeFloat = 0.05,
        gradient_clip: NonNegativeFloat = 1.0,
    ) -> None:
        super().__init__(weights, learning_rate, warm_up, weight_decay, gradient_clip)
        self.semantic_gpt = semantic_gpt
        semantic_gpt.requires_grad_(False)
        semantic_gpt.duration_predictor.requires_grad_(True)

    def components(self) -> dict[str, nn.Module]:
        """SemanticGPT with its predictor."""
        return {"semantic_gpt": self.semantic_gpt}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW over the predictor."""
        return self.optimizer_for(self.semantic_gpt)

    def losses(self, batch: GPTBatch) -> dict[str, Tensor]:
        """Unweighted losses of a batch."""
        phone_mask = sequence_mask(batch.phone_lengths, batch.phones.shape[1])
        code_mask = sequence_mask(batch.code_lengths, batch.codes.shape[1])
        found = self.semantic_gpt.duration_predictor(batch.phones, batch.context, phone_mask)
        spoken = spoken_durations(batch.positions, code_mask, batch.phones.shape[1])
        return duration_losses(found, spoken, phone_mask)

    def training_loss(self, batch: GPTBatch) -> Tensor:
        """One batch."""
        return self.total(self.losses(batch))

    def validation_step(self, batch: GPTBatch, batch_idx: int) -> None:
        """The same losses."""
        self.total(self.losses(batch), "valid")
