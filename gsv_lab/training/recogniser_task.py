"""Training of an evaluation recogniser: phones of one language by frame, then by CTC.

CTC from nothing first learns to say "blank" everywhere and leaves that state late. The first batches therefore learn
which phone sounds in each frame, by an alignment that needed no network (`gsv_lab.corpora.first_alignment`); CTC then
starts from a network that knows the phones and only has to learn where one ends.
Letters: B batch, M bands, F frames at 100 Hz, V phone classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.audio.alignment import phone_errors
from gsv_lab.corpora.recogniser_data import RecogniserBatch
from gsv_lab.extensions.phone_recogniser import DelayRecogniser
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat
from gsv_lab.training import small_views
from gsv_lab.training.log_writer import LogWriter
from gsv_lab.training.task import Task


class RecogniserTask(Task):
    """Losses by name: `sounding` (nat per frame) in the first batches, then `ctc` (nat per label; Graves et al. 2006,
    eq. 12). Validation: `valid/phone_error`, greedy.

    Args:
        recogniser: the network.
        flat_start: batches that learn from the first alignment; 0 starts with CTC.
        weights, learning_rate, warm_up, weight_decay, gradient_clip: see `Task`.
    """

    tags = small_views.RECOGNISER_TAGS

    def __init__(
        self,
        recogniser: DelayRecogniser,
        flat_start: NonNegativeInt = 400,
        weights: Mapping[str, NonNegativeFloat] | None = None,
        learning_rate: PositiveFloat = 2e-3,
        warm_up: NonNegativeInt = 100,
        weight_decay: NonNegativeFloat = 0.01,
        gradient_clip: NonNegativeFloat = 2.0,
    ) -> None:
        super().__init__(weights, learning_rate, warm_up, weight_decay, gradient_clip)
        self.recogniser, self.flat_start = recogniser, flat_start

    def components(self) -> dict[str, nn.Module]:
        """The recogniser, under the name of its language."""
        return {f"recogniser_{self.recogniser.language}": self.recogniser}

    def sample_rates(self) -> dict[str, float]:
        """Hz at which the network reads waves."""
        return {"recogniser": self.recogniser.sample_rate}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return self.optimizer_for(self.recogniser)

    def losses(self, batch: RecogniserBatch, by_frame: bool = False) -> tuple[dict[str, Tensor], Tensor]:
        """Unweighted losses and the log-probabilities (B, F / stride, V)."""
        scores = self.recogniser.score(batch.levels, batch.frames)
        if by_frame:
            return {"sounding": functional.nll_loss(scores.transpose(1, 2), batch.sounding, ignore_index=-1)}, scores
        steps = self.recogniser.steps(batch.frames)
        ctc = functional.ctc_loss(
            scores.transpose(0, 1), batch.labels, steps, batch.label_lengths, zero_infinity=True, reduction="none"
        )
        return {"ctc": (ctc / batch.label_lengths).mean()}, scores

    def training_loss(self, batch: RecogniserBatch) -> Tensor:
        """One batch."""
        return self.total(self.losses(batch, by_frame=self.batches < self.flat_start)[0])

    def validation_step(self, batch: RecogniserBatch, batch_idx: int) -> None:
        """CTC loss and phone error rate, pooled over clips."""
        losses, scores = self.losses(batch)
        self.total(losses, "valid")
        lengths = batch.label_lengths.tolist()
        for row, steps in enumerate(self.recogniser.steps(batch.frames).tolist()):
            recognised = torch.unique_consecutive(scores[row, :steps].argmax(-1))
            labels = batch.labels[row, : lengths[row]]
            errors = phone_errors(labels.tolist(), recognised[recognised > 0].tolist())
            self.log("valid/phone_error", errors / lengths[row], on_epoch=True, batch_size=lengths[row])

    def log_views(self, batch: RecogniserBatch, log: LogWriter) -> None:
        """See `tags`."""
        small_views.recogniser(self, batch, log)
