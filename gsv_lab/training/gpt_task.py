"""Training of SemanticGPT: next-code prediction, with the phone of each code given by forced alignment.

Letters: B batch, P phones, T codes, V classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.corpora.gpt_data import GPTBatch
from gsv_lab.extensions.monotonic_alignment import monotonic_path
from gsv_lab.nn.interfaces import SemanticGPTRole
from gsv_lab.nn.losses_gpt import code_loss, code_targets, top_k_accuracy
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeFloat, NonNegativeInt, PositiveFloat
from gsv_lab.training import gpt_views
from gsv_lab.training.guided_attention import Watch, guided_attention_loss
from gsv_lab.training.log_writer import LogWriter
from gsv_lab.training.task import Task


class Scored(NamedTuple):
    """Unweighted `terms`, `logits` (B, T + 1, V), `targets` (B, T + 1)."""

    terms: dict[str, Tensor]
    logits: Tensor
    targets: Tensor


class GPTTask(Task):
    """Losses by name: `code` (cross entropy, nat per code), `advance` (the same for going on in the text, where the
    network says so), `guide` (nat, what one attention head pays to the phone that is spoken).

    Args:
        semantic_gpt: the network.
        weights, learning_rate, warm_up, weight_decay, gradient_clip: see `Task`.
        guided_layer: which layer's first head is shown the alignment; -1 for none, as for a network with monotonic
            alignment.
        guide_until: share of the budget after which it is on its own.
        label_smoothing: of the cross entropy.
        corrupted: share of the codes so far that are replaced by random ones in training, so that the network leans on
            the text and forgives its own slips. Source: scheduled sampling, Bengio et al. 2015, arXiv:1506.03099, with
            uniform draws in place of the network's own.
    """

    tags = gpt_views.TAGS
    is_shared = True

    def __init__(
        self,
        semantic_gpt: SemanticGPTRole,
        weights: Mapping[str, NonNegativeFloat] | None = None,
        learning_rate: PositiveFloat = 1e-3,
        warm_up: NonNegativeInt = 300,
        weight_decay: NonNegativeFloat = 0.05,
        gradient_clip: NonNegativeFloat = 1.0,
        guided_layer: int = 2,
        guide_until: NonNegativeFloat = 0.9,
        label_smoothing: ClosedUnitInterval = 0.05,
        corrupted: ClosedUnitInterval = 0.0,
    ) -> None:
        super().__init__(weights, learning_rate, warm_up, weight_decay, gradient_clip)
        self.semantic_gpt = semantic_gpt
        self.guided_layer = guided_layer
        self.guide_until = guide_until
        self.label_smoothing = label_smoothing
        self.corrupted = corrupted
        if semantic_gpt.speaker_dim:
            self.batch_needs |= {"speaker"}
        if semantic_gpt.max_advance or guided_layer >= 0:
            self.batch_needs |= {"positions"}

    def components(self) -> dict[str, nn.Module]:
        """SemanticGPT."""
        return {"semantic_gpt": self.semantic_gpt}

    def context_dim(self) -> int:
        """That of SemanticGPT."""
        return int(self.semantic_gpt.context_dim)

    def n_phones(self) -> int:
        """Those of SemanticGPT."""
        return int(self.semantic_gpt.n_phones)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return self.optimizer_for(self.semantic_gpt)

    def losses(self, batch: GPTBatch, guided: bool) -> Scored:
        """One pass over a batch; `guided` also compares an attention head with the alignment."""
        gpt = self.semantic_gpt
        code_mask = sequence_mask(batch.code_lengths, batch.codes.shape[1])
        targets = code_targets(batch.codes, gpt.eos, code_mask)
        with Watch(gpt.text_attention(self.guided_layer) if guided else None) as attention:
            with Watch(gpt.advance_scores()) as advance:
                logits = self.predict(batch, self.inputs(targets.inputs), code_mask)
        terms = {"code": code_loss(logits, targets.targets, targets.mask, label_smoothing=self.label_smoothing)}
        if attention.seen:
            terms["guide"] = self.guide(attention.seen[0], batch)
        if advance.seen:
            # The last row scores the stop token and goes on nowhere.
            advances = functional.pad(self.phone_index(batch), (1, 0)).diff(dim=1)
            terms["advance"] = code_loss(advance.seen[0][:, :-1], advances, code_mask)
        return Scored(terms, logits, targets.targets)

    def predict(self, batch: GPTBatch, codes: Tensor, code_mask: Tensor) -> Tensor:
        """Logits (B, F25 + 1, n_codes + 1) after the codes (B, F25), with all that the network wants of a batch."""
        gpt = self.semantic_gpt
        logits: Tensor = gpt(
            batch.phones,
            batch.context if gpt.context_dim else None,
            codes,
            sequence_mask(batch.phone_lengths, batch.phones.shape[1]),
            code_mask,
            phone_index=self.phone_index(batch) if gpt.max_advance else None,
            speaker=batch.speaker if gpt.speaker_dim else None,
        )
        return logits

    def phone_index(self, batch: GPTBatch) -> Tensor:
        """Which phone each code speaks (B, F25), in steps that the network can take."""
        return monotonic_path(batch.positions, self.semantic_gpt.max_advance)

    def inputs(self, codes: Tensor) -> Tensor:
        """The codes so far (B, T) as the network gets them: in training, some of them are wrong."""
        if not self.training or not self.corrupted:
            return codes
        wrong = torch.rand(codes.shape, device=codes.device) < self.corrupted
        return torch.where(wrong, torch.randint_like(codes, self.semantic_gpt.n_codes), codes)

    def guide(self, pattern: Tensor, batch: GPTBatch) -> Tensor:
        """The step that predicts code t (the last phone for t = 0) should look at the phone that code t speaks.

        Texts were moved to the right edge of the phone columns (`text_padding="align"`), so the phone index moves
        along.
        """
        columns, codes = batch.phones.shape[1], batch.codes.shape[1]
        rows = pattern[:, 0, columns - 1 : columns - 1 + codes, :columns]
        moved = batch.positions + (columns - batch.phone_lengths)[:, None]
        return guided_attention_loss(rows, torch.where(batch.positions >= 0, moved, -1))

    def accuracy(self, scored: Scored) -> Tensor:
        """How often the spoken code is among the three likeliest."""
        return top_k_accuracy(scored.logits.detach(), scored.targets, 3, self.semantic_gpt.eos)

    def training_loss(self, batch: GPTBatch) -> Tensor:
        """One batch."""
        guided = self.guided_layer >= 0 and self.progress < self.guide_until
        scored = self.losses(batch, guided)
        counts = self.counts(batch)
        if self.batches % 20 == 0:
            accuracy = {"accuracy": self.accuracy(scored)}
            if self.ranks is not None:
                accuracy, _ = self.ranks.share(accuracy, {"accuracy": counts["advance"]})
            self.log("train/accuracy", accuracy["accuracy"], batch_size=1)
        return self.total(scored.terms, counts=counts)

    def counts(self, batch: GPTBatch) -> dict[str, float]:
        """What the losses are means over: codes and one stop a clip, codes, codes that speak a phone; where several
        processes share the batch.
        """
        if self.ranks is None:
            return {}
        codes = float(batch.code_lengths.sum())
        aligned = float((batch.positions >= 0).sum())
        return {"code": codes + len(batch.code_lengths), "advance": codes, "guide": aligned}

    def validation_step(self, batch: GPTBatch, batch_idx: int) -> None:
        """Losses and top-3 accuracy."""
        scored = self.losses(batch, self.guided_layer >= 0)
        self.total(scored.terms, "valid")
        self.log("valid/accuracy", self.accuracy(scored), batch_size=1, on_epoch=True)

    def spoken_codes(self, batch: GPTBatch) -> list[Tensor]:
        """The codes (T,) of each item."""
        return [row[: int(length)] for row, length in zip(batch.codes, batch.code_lengths, strict=True)]

    def codebook_size(self) -> int:
        """Codes that the network predicts."""
        return int(self.semantic_gpt.n_codes)

    def log_views(self, batch: GPTBatch, log: LogWriter) -> None:
        """See `tags`."""
        gpt_views.log_views(self, batch, log)
