"""Training of the speaker verifier: tell the training speakers apart by angle, with a margin."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.corpora.verifier_data import VerifierBatch
from gsv_lab.evaluation.statistics import verification
from gsv_lab.extensions.speaker_verifier import SpeakerVerifier
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from gsv_lab.training import small_views
from gsv_lab.training.log_writer import LogWriter, Points
from gsv_lab.training.task import Task


class VerifierTask(Task):
    """Losses by name: `margin` (nat). Validation on unheard speakers: `valid/equal_error`, the rate at which as many
    pairs of one voice are refused as pairs of two are accepted.

    Source: additive margin softmax, Wang et al. 2018, arXiv:1801.05599, eq. 6.

    Args:
        verifier: the network.
        n_speakers: classes; at least as many as there are training speakers.
        margin: taken from the cosine of the right speaker.
        scale: on cosines.
        weights, learning_rate, warm_up, weight_decay, gradient_clip: see `Task`.
    """

    tags = small_views.VERIFIER_TAGS

    def __init__(
        self,
        verifier: SpeakerVerifier,
        n_speakers: PositiveInt = 600,
        margin: NonNegativeFloat = 0.2,
        scale: PositiveFloat = 24.0,
        weights: Mapping[str, NonNegativeFloat] | None = None,
        learning_rate: PositiveFloat = 2e-3,
        warm_up: NonNegativeInt = 200,
        weight_decay: NonNegativeFloat = 0.05,
        gradient_clip: NonNegativeFloat = 5.0,
    ) -> None:
        super().__init__(weights, learning_rate, warm_up, weight_decay, gradient_clip)
        self.verifier, self.margin, self.scale = verifier, margin, scale
        self.centres = nn.Parameter(torch.randn(n_speakers, verifier.dim, generator=torch.Generator().manual_seed(0)))

    def components(self) -> dict[str, nn.Module]:
        """The verifier; the training speakers' centres are not kept."""
        return {"speaker_verifier": self.verifier}

    def sample_rates(self) -> dict[str, float]:
        """Hz at which the network reads waves."""
        return {"verifier": self.verifier.sample_rate}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW over network and centres."""
        return self.optimizer_for(self)

    def training_loss(self, batch: VerifierBatch) -> Tensor:
        """One batch."""
        cosine = self.verifier(batch.wave) @ functional.normalize(self.centres, dim=1).T
        right = functional.one_hot(batch.speaker, len(self.centres)).to(cosine.dtype)
        # The margin grows with the first third of the budget: from the start it would stall the training.
        margin = self.margin * min(1.0, 3 * self.progress)
        loss = functional.cross_entropy(self.scale * (cosine - margin * right), batch.speaker)
        return self.total({"margin": loss})

    def validation_step(self, batch: VerifierBatch, batch_idx: int) -> None:
        """Equal error rate over all pairs of a batch."""
        embedding = self.verifier(batch.wave)
        self.log("valid/equal_error", equal_error(embedding @ embedding.T, batch.speaker), batch_size=1, on_epoch=True)

    def view_batch(self, batch: VerifierBatch, items: int) -> VerifierBatch:
        """All of it: its clips are pairs."""
        return batch

    def log_views(self, batch: VerifierBatch, log: LogWriter) -> None:
        """See `tags`."""
        small_views.verifier(self, batch, log)

    def view_points(self, batch: VerifierBatch) -> dict[str, Points]:
        """Embeddings of all clips."""
        return small_views.verifier_points(self, batch)


def equal_error(similarity: Tensor, speaker: Tensor) -> float:
    """Equal error rate of all pairs: similarity (B, B), speaker (B,); NaN without pairs of both kinds."""
    upper = torch.ones_like(similarity, dtype=torch.bool).triu(1)
    alike = speaker[:, None] == speaker[None]
    same = similarity[upper & alike].float().cpu().numpy()
    different = similarity[upper & ~alike].float().cpu().numpy()
    if not len(same) or not len(different):
        return float("nan")
    return verification.equal_error(same, different)[1]
