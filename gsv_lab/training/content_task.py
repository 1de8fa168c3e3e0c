"""Training of the content encoder and of its teacher: phones by CTC, then phones by frame as well.

CTC is peaky: between two spikes its frames say "blank", and a bottleneck that says nothing between spikes makes poor
codes. So, once CTC has settled, every batch is aligned by the network itself and each frame learns the phone it
belongs to; or a teacher says it, whose content the network learns besides.
Letters: B batch, D content width, F frames at 50 Hz, N valid frames of a whole batch, V phone classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.audio.alignment import align_batch, phone_errors
from gsv_lab.checkpoint import load_component
from gsv_lab.corpora.content_data import UNKNOWN, ContentBatch, stretched
from gsv_lab.errors import ConfigError, LabError
from gsv_lab.extensions.phone_content_encoder import PhoneContentEncoder
from gsv_lab.extensions.teacher_head import TeacherHead
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.system.environment import in_cache
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat
from gsv_lab.training import small_views
from gsv_lab.training.log_writer import LogWriter, Points
from gsv_lab.training.task import Task


class PhoneNetwork(Protocol):
    """What `PhoneTask` trains: content that phones can be read from."""

    def encode(self, features: Tensor, /) -> Tensor:
        """What it reads -> content (B, D, F)."""

    def phone_scores(self, content: Tensor, /) -> Tensor:
        """CTC log-probabilities: (B, D, F) -> (B, V, F)."""

    def label_scores(self, content: Tensor, /) -> Tensor:
        """Log-probabilities of each frame's phone, 0 is silence: (B, D, F) -> (B, V, F)."""


class PhoneTask(Task):
    """CTC and frame labels for a network that writes phones.

    Losses: `ctc` (nat per label; Graves et al. 2006, eq. 12), `label` (cross entropy per frame, smoothed by 0.05).

    Args:
        weights, learning_rate, warm_up, weight_decay, gradient_clip: see `Task`.
        labels_from: share of the budget after which frame labels start; CTC must have settled by then.
    """

    later_losses = frozenset({"label"})

    def __init__(
        self,
        weights: Mapping[str, NonNegativeFloat] | None,
        learning_rate: PositiveFloat,
        warm_up: NonNegativeInt,
        weight_decay: NonNegativeFloat,
        gradient_clip: NonNegativeFloat,
        labels_from: NonNegativeFloat,
    ) -> None:
        super().__init__(weights, learning_rate, warm_up, weight_decay, gradient_clip)
        self.labels_from = labels_from
        self.teacher: TeacherHead | None = None
        """Trained already; it also chooses clips whose text fits."""

    def network(self) -> PhoneNetwork:
        """The network that learns."""
        raise NotImplementedError

    def heard(self, batch: ContentBatch) -> Tensor:
        """What the network reads of a batch."""
        raise NotImplementedError

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return self.optimizer_for(*self.components().values())

    def losses(self, batch: ContentBatch) -> tuple[dict[str, Tensor], Tensor]:
        """Unweighted losses and the CTC log-probabilities (B, V, F)."""
        content = self.network().encode(self.heard(batch))
        scores = self.network().phone_scores(content).float()
        ctc = functional.ctc_loss(
            scores.permute(2, 0, 1),
            batch.labels,
            batch.frames,
            batch.label_lengths,
            zero_infinity=True,
            reduction="none",
        )
        return {"ctc": (ctc / batch.label_lengths).mean(), **self.frame_losses(content, scores, batch)}, scores

    def frame_losses(self, content: Tensor, scores: Tensor, batch: ContentBatch) -> dict[str, Tensor]:
        """What is learnt of each frame of the content (B, D, F), whose CTC log-probabilities are (B, V, F)."""
        targets = self.frame_labels(scores, batch)
        if targets is None or (targets == UNKNOWN).all():
            return {}
        labels = self.network().label_scores(content).float()
        return {"label": functional.cross_entropy(labels, targets, ignore_index=UNKNOWN, label_smoothing=0.05)}

    def frame_labels(self, scores: Tensor, batch: ContentBatch) -> Tensor | None:
        """Class of each frame (B, F) by the network's own alignment, see `frame_targets`; None before `labels_from`."""
        return None if self.progress < self.labels_from else frame_targets(scores.detach(), batch)

    def training_loss(self, batch: ContentBatch) -> Tensor:
        """One batch."""
        losses, _ = self.losses(batch)
        return self.total(losses)

    def validation_step(self, batch: ContentBatch, batch_idx: int) -> None:
        """Losses and phone error rate (greedy) by language."""
        losses, scores = self.losses(batch)
        self.total(losses, "valid")
        for row, language in enumerate(batch.languages):
            n_frames = int(batch.frames[row])
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

    def view_points(self, batch: ContentBatch) -> dict[str, Points]:
        """Its content in all frames."""
        return small_views.content_points(self, batch)


class ContentTask(PhoneTask):
    """A content encoder, with or without a teacher.

    With a teacher, `taught` (nat, divergence of a frame's phones from the teacher's; Hinton et al. 2015,
    arXiv:1503.02531, 2) and `taught_content` (squared error over the variance of the teacher's content, both over the
    frames of the batch; what errs is a linear map of the network's content, learnt along and thrown away, as between
    layers of different width in Romero et al. 2015, arXiv:1412.6550, 2.2) stand in the place of `label`.

    Args:
        content_encoder: the network.
        weights, learning_rate, warm_up, weight_decay, gradient_clip, labels_from: see `PhoneTask`.
        teacher_file: weights of a `TeacherHead` with the same phones; a relative path lies below the cache folder.
            Empty for none.

    Raises:
        CheckpointError: there is no such file, or it holds no `TeacherHead`; see `load_component`.
        ConfigError: CONFIG_INCONSISTENT, the teacher has another number of phones.
    """

    tags = small_views.CONTENT_TAGS
    batch_needs = frozenset({"mel"})
    later_losses = frozenset({"label", "taught", "taught_content"})  # either the one or the others
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
        super().__init__(weights, learning_rate, warm_up, weight_decay, gradient_clip, labels_from)
        self.content_encoder = content_encoder
        if teacher_file:
            self.teacher = load_component(in_cache(teacher_file), TeacherHead).train().requires_grad_(False)
            self.batch_needs = frozenset({"mel", "teacher"})
            # Asked for the teacher's very numbers, the network forgets its phones.
            self.project = nn.Conv1d(content_encoder.dim, self.teacher.dim, 1)
            if content_encoder.n_phones != self.teacher.n_phones:
                problem = f"The content encoder knows {content_encoder.n_phones} phones"
                raise ConfigError("CONFIG_INCONSISTENT", problem, f"those of the teacher, {self.teacher.n_phones}")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW, over the projection too."""
        thrown_away = [] if self.teacher is None else [self.project]
        return self.optimizer_for(*self.components().values(), *thrown_away)

    def components(self) -> dict[str, nn.Module]:
        """The content encoder."""
        return {"content_encoder": self.content_encoder}

    def sample_rates(self) -> dict[str, float]:
        """Hz at which the network reads waves."""
        return {"content_encoder": self.content_encoder.sample_rate}

    def network(self) -> PhoneNetwork:
        """The content encoder."""
        return self.content_encoder

    def heard(self, batch: ContentBatch) -> Tensor:
        """Normalised log-mels."""
        assert batch.mel is not None
        return batch.mel

    def frame_losses(self, content: Tensor, scores: Tensor, batch: ContentBatch) -> dict[str, Tensor]:
        """How far content (B, D, F) and phones of each frame are from the teacher's, where there is one."""
        if self.teacher is None:
            return super().frame_losses(content, scores, batch)
        valid = sequence_mask(batch.frames, content.shape[-1])[:, 0].bool()
        goal, phones = self.lesson(batch)
        labels, projected = (
            rows.float().transpose(0, 1)[:, valid]
            for rows in (self.content_encoder.label_scores(content), self.project(content))
        )
        divergence = functional.kl_div(labels, phones, reduction="none", log_target=True).sum(0)
        variance = goal.var(1, correction=0).mean()
        return {"taught": divergence.mean(), "taught_content": (projected - goal).square().mean() / variance}

    @torch.no_grad()
    def lesson(self, batch: ContentBatch) -> tuple[Tensor, Tensor]:
        """The teacher's content (D, N) and log-probabilities of phones (V, N), clip by clip, in the tempo of the mels.

        It is the content that is stretched: what Whisper hears would be destroyed.
        """
        assert self.teacher is not None and batch.teacher is not None and batch.teacher_frames is not None
        teacher = self.teacher.eval()  # whatever mode the trainer set: no dropout, no new statistics
        goals = []
        # One by one: the head's norm is over all frames that it is given, padding included.
        for clip, n_heard, n_frames in zip(batch.teacher, batch.teacher_frames, batch.frames, strict=True):
            content = teacher.encode(clip[None, :, : int(n_heard)])[0].float()
            goals.append(stretched(content, int(n_frames)))
        goal = torch.cat(goals, 1)
        return goal, teacher.label_scores(goal[None])[0].float()


class TeacherTask(PhoneTask):
    """A phone head on what Whisper hears, which then teaches a content encoder.

    Until `labels_from` the frame labels are those of the store's alignment, where it has one: CTC alone takes hundreds
    of batches to say anything but blanks. Later they are the head's own, as in `PhoneTask`.

    Args:
        teacher: the head.
        weights, learning_rate, warm_up, weight_decay, gradient_clip, labels_from: see `PhoneTask`.
    """

    tags = small_views.TEACHER_TAGS
    batch_needs = frozenset({"teacher", "aligned"})

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
        super().__init__(weights, learning_rate, warm_up, weight_decay, gradient_clip, labels_from)
        self.head = teacher

    def components(self) -> dict[str, nn.Module]:
        """The head."""
        return {"teacher": self.head}

    def network(self) -> PhoneNetwork:
        """The head."""
        return self.head

    def heard(self, batch: ContentBatch) -> Tensor:
        """Whisper's frames."""
        assert batch.teacher is not None
        return batch.teacher

    def frame_labels(self, scores: Tensor, batch: ContentBatch) -> Tensor | None:
        """By the store's alignment at first, see the class."""
        return batch.aligned if self.progress < self.labels_from else super().frame_labels(scores, batch)


def frame_targets(scores: Tensor, batch: ContentBatch) -> Tensor:
    """The phone in each frame by the network's own alignment: (B, V, F) -> (B, F); 0 silence, or `UNKNOWN`."""
    frames = batch.frames.tolist()
    lengths = batch.label_lengths.tolist()
    phones = [row[:n].tolist() for row, n in zip(batch.labels, lengths, strict=True)]
    levels = [row[:n].cpu().numpy() for row, n in zip(batch.level, frames, strict=True)]
    targets = torch.full((scores.shape[0], scores.shape[2]), UNKNOWN)
    aligned = align_batch(scores.transpose(1, 2), phones, frames, levels=levels)
    for row, found in enumerate(aligned):
        if isinstance(found, LabError):
            continue
        n_frames = frames[row]
        targets[row, :n_frames] = torch.from_numpy(found.labels(n_frames))
    return targets.to(scores.device)
