"""Training of the content encoder: phones by CTC, then phones by frame as well, labels from its own alignment.

CTC is peaky: between two spikes its frames say "blank", and a bottleneck that says nothing between spikes makes poor
codes. So, once CTC has settled, every batch is aligned by the network itself and each frame learns the phone it
belongs to.
Letters: B batch, M mel bands, F frames at 50 Hz, V phone classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.audio.alignment import align_batch, phone_errors
from gsv_lab.checkpoint import load_component
from gsv_lab.corpora.content_data import ContentBatch
from gsv_lab.errors import LabError
from gsv_lab.extensions.phone_content_encoder import PhoneContentEncoder
from gsv_lab.extensions.teacher_head import TeacherHead
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat
from gsv_lab.training import small_views
from gsv_lab.training.log_writer import LogWriter
from gsv_lab.training.task import Task


class ContentTask(Task):
    """CTC and frame labels for a phone-recognising content encoder.

    Losses: `ctc` (nat per label; Graves et al. 2006, eq. 12), `label` (cross entropy per frame, smoothed by 0.05).
    With a teacher its frame labels take the place of the network's own, and there are `taught` (nat, divergence of a
    frame's phones from the teacher's; Hinton et al. 2015, arXiv:1503.02531, 2) and `taught_content` (squared error of
    the content over the variance of the teacher's).

    Args:
        content_encoder: the network.
        weights, learning_rate, warm_up, weight_decay, gradient_clip: see `Task`.
        labels_from: share of the budget after which frame labels start; CTC must have settled by then.
        teacher_file: weights of a `TeacherHead` with content of the same width; empty for none.
    """

    tags = small_views.CONTENT_TAGS
    places = frozenset({"teacher_file"})

    def __init__(
        self,
        content_encoder: PhoneContentEncoder,
        weights: Mapping[str, NonNegativeFloat] | None = None,
        learning_rate: PositiveFloat = 1.5e-3,
        warm_up: NonNegativeInt = 300,
        weight_decay: NonNegativeFloat = 0.01,
        gradient_clip: NonNegativeFloat = 5.0,
        labels_from: NonNegativeFloat = 0.6,
        teacher_file: str = "",
    ) -> None:
        super().__init__(weights, learning_rate, warm_up, weight_decay, gradient_clip)
        self.content_encoder = content_encoder
        self.labels_from = labels_from
        self.teacher: TeacherHead | None = None
        if teacher_file:
            self.teacher = load_component(teacher_file, TeacherHead).eval().requires_grad_(False)
            self.batch_needs = frozenset({"teacher"})

    def components(self) -> dict[str, nn.Module]:
        """The content encoder."""
        return {"content_encoder": self.content_encoder}

    def sample_rates(self) -> dict[str, float]:
        """Hz at which the network reads waves."""
        return {"content_encoder": self.content_encoder.sample_rate}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return self.optimizer_for(self.content_encoder)

    def losses(self, batch: ContentBatch) -> tuple[dict[str, Tensor], Tensor]:
        """Unweighted losses and the CTC log-probabilities (B, V, F)."""
        content = self.content_encoder.encode(self.heard(batch))
        scores = self.content_encoder.phone_scores(content).float()
        frames = batch.frames // 2
        ctc = functional.ctc_loss(
            scores.permute(2, 0, 1),
            batch.labels,
            frames,
            batch.label_lengths,
            zero_infinity=True,
            reduction="none",
        )
        losses = {"ctc": (ctc / batch.label_lengths).mean()}
        if self.teacher is not None:
            losses |= self.taught(content, batch)
        elif self.progress >= self.labels_from:
            targets = frame_targets(scores.detach(), batch)
            labels = self.content_encoder.label_scores(content).float()
            losses["label"] = functional.cross_entropy(labels, targets, ignore_index=-1, label_smoothing=0.05)
        return losses, scores

    def heard(self, batch: ContentBatch) -> Tensor:
        """What the network reads."""
        return batch.mel

    def taught(self, content: Tensor, batch: ContentBatch) -> dict[str, Tensor]:
        """How far content (B, D, F) and phones of each frame are from the teacher's."""
        assert self.teacher is not None and batch.teacher is not None
        with torch.no_grad():
            goal = self.teacher.encode(batch.teacher)
            phones = self.teacher.label_scores(goal).float()
        mask = sequence_mask(batch.frames // 2, goal.shape[-1])[:, None]
        scores = self.content_encoder.label_scores(content).float()
        divergence = functional.kl_div(scores, phones, reduction="none", log_target=True).sum(1, keepdim=True)
        goal = goal.float()
        count = mask.sum()
        mean = (goal * mask).sum((0, 2), keepdim=True) / count
        spread = ((goal - mean) ** 2 * mask).mean(1).sum() / count
        error = ((content.float() - goal) ** 2 * mask).mean(1).sum() / count
        return {"taught": (divergence * mask).sum() / count, "taught_content": error / spread}

    def training_step(self, batch: ContentBatch, batch_idx: int) -> Tensor:
        """One batch."""
        losses, _ = self.losses(batch)
        return self.total(losses)

    def validation_step(self, batch: ContentBatch, batch_idx: int) -> None:
        """Losses and phone error rate (greedy) by language."""
        losses, scores = self.losses(batch)
        self.total(losses, "valid")
        for row, language in enumerate(batch.languages):
            n_frames = int(batch.frames[row]) // 2
            n_labels = int(batch.label_lengths[row])
            labels = batch.labels[row, :n_labels]
            recognised = torch.unique_consecutive(scores[row, :, :n_frames].argmax(0))
            errors = phone_errors(labels.tolist(), recognised[recognised > 0].tolist())
            self.log(
                f"valid/phone_error_{language}",
                errors / n_labels,
                on_epoch=True,
                batch_size=n_labels,
            )

    def log_views(self, batch: ContentBatch, log: LogWriter) -> None:
        """See `tags`."""
        small_views.content(self, batch, log)


class TeacherTask(ContentTask):
    """The same losses for a phone head on what Whisper hears.

    Args:
        teacher: the head.
        weights, learning_rate, warm_up, weight_decay, gradient_clip, labels_from: see `ContentTask`.
    """

    batch_needs = frozenset({"teacher"})

    def __init__(
        self,
        teacher: TeacherHead,
        weights: Mapping[str, NonNegativeFloat] | None = None,
        learning_rate: PositiveFloat = 1e-3,
        warm_up: NonNegativeInt = 100,
        weight_decay: NonNegativeFloat = 0.01,
        gradient_clip: NonNegativeFloat = 5.0,
        labels_from: NonNegativeFloat = 0.4,
    ) -> None:
        super().__init__(teacher, weights, learning_rate, warm_up, weight_decay, gradient_clip, labels_from)

    def components(self) -> dict[str, nn.Module]:
        """The head."""
        return {"teacher": self.content_encoder}

    def sample_rates(self) -> dict[str, float]:
        """None: the head reads frames."""
        return {}

    def heard(self, batch: ContentBatch) -> Tensor:
        """Whisper's frames."""
        assert batch.teacher is not None
        return batch.teacher


def frame_targets(scores: Tensor, batch: ContentBatch) -> Tensor:
    """The phone in each frame by the network's own alignment: (B, V, F) -> (B, F); 0 silence, -1 unknown."""
    frames = (batch.frames // 2).tolist()
    lengths = batch.label_lengths.tolist()
    phones = [row[:n].tolist() for row, n in zip(batch.labels, lengths, strict=True)]
    # One unit of a normalised log-mel is about 20 dB; the aligner needs levels only to tell pauses from long phones.
    mean = batch.mel.mean(1, keepdim=True)
    level = 20 * functional.avg_pool1d(mean, 2)[:, 0]
    levels = [row[:n].cpu().numpy() for row, n in zip(level, frames, strict=True)]
    targets = torch.full((scores.shape[0], scores.shape[2]), -1)
    aligned = align_batch(scores.transpose(1, 2), phones, frames, levels=levels)
    for row, found in enumerate(aligned):
        if isinstance(found, LabError):
            continue
        n_frames = frames[row]
        targets[row, :n_frames] = torch.from_numpy(found.labels(n_frames))
    return targets.to(scores.device)
