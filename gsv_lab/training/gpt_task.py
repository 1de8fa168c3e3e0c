"""Training of SemanticGPT: next-code prediction, with the place in the text told by forced alignment.

Letters: B batch, P phones, T codes, V classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.corpora.gpt_data import GPTBatch
from gsv_lab.extensions.monotonic_alignment import steady
from gsv_lab.nn.losses_gpt import code_loss, code_targets, top_k_accuracy
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.nn.semantic_gpt import SemanticGPT
from gsv_lab.training.guided_attention import Watch, guide_loss
from gsv_lab.training.task import Task, start_from


class GPTTask(Task):
    """Losses by name: `code` (cross entropy, nat per code), `move` (the same for the pointer's moves, if there is one),
    `guide` (nat, what one attention head pays to the phone that is spoken).

    Args:
        semantic_gpt: the network.
        weights, learning_rate, warm_up, weight_decay, gradient_clip: see `Task`.
        guided_layer: which layer's first head is shown the alignment; -1 for none, as for a network with a pointer.
        guide_until: share of the budget after which it is on its own.
        label_smoothing: of the cross entropy.
        corrupted: share of the codes so far that are replaced by random ones in training, so that the network leans on
            the text and forgives its own slips. Source: scheduled sampling, Bengio et al. 2015, arXiv:1506.03099, with
            uniform draws in place of the network's own.
        start_file: weights of an earlier SemanticGPT to start from.
    """

    def __init__(
        self,
        semantic_gpt: SemanticGPT,
        weights: Mapping[str, float] | None = None,
        learning_rate: float = 1e-3,
        warm_up: int = 300,
        weight_decay: float = 0.05,
        gradient_clip: float = 1.0,
        guided_layer: int = 2,
        guide_until: float = 0.9,
        label_smoothing: float = 0.05,
        corrupted: float = 0.0,
        start_file: str = "",
    ) -> None:
        super().__init__(weights, learning_rate, warm_up, weight_decay, gradient_clip)
        self.semantic_gpt = semantic_gpt
        self.guided_layer, self.guide_until, self.label_smoothing = guided_layer, guide_until, label_smoothing
        self.corrupted, self.start_file = corrupted, start_file

    def setup(self, stage: str) -> None:
        """A start from earlier weights."""
        if self.start_file:
            start_from(self.semantic_gpt, self.start_file)

    def components(self) -> dict[str, nn.Module]:
        """SemanticGPT."""
        return {"semantic_gpt": self.semantic_gpt}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return self.optimizer_for(self.semantic_gpt)

    def losses(self, batch: GPTBatch, guided: bool) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Unweighted losses, logits (B, T + 1, V), targets (B, T + 1)."""
        gpt = self.semantic_gpt
        code_mask = sequence_mask(batch.code_lengths, batch.codes.shape[1])
        phone_mask = sequence_mask(batch.phone_lengths, batch.phones.shape[1])
        targets = code_targets(batch.codes, gpt.eos, code_mask)
        heard = self._heard(targets.inputs)
        places = None if gpt.pointer is None else steady(batch.positions, gpt.pointer.moves)
        with ExitStack() as stack:
            pattern = gpt.layers[self.guided_layer].attention.pattern
            guide = stack.enter_context(Watch(pattern)) if guided else None
            move = None if gpt.pointer is None else stack.enter_context(Watch(gpt.pointer.move))
            logits = gpt(batch.phones, batch.context, heard, phone_mask, code_mask, places=places)
        terms = {"code": code_loss(logits, targets.targets, targets.mask, label_smoothing=self.label_smoothing)}
        if guide is not None:
            terms["guide"] = self._guide(guide.seen[0], batch)
        if move is not None and places is not None:
            # The last row scores the stop token and moves nowhere.
            moved = functional.pad(places, (1, 0)).diff(dim=1)
            terms["move"] = code_loss(move.seen[0][:, :-1], moved, code_mask)
        return terms, logits, targets.targets

    def _heard(self, codes: Tensor) -> Tensor:
        """What the network is told of the codes so far (B, T): in training, some of them are wrong."""
        if not self.training or not self.corrupted:
            return codes
        wrong = torch.rand(codes.shape, device=codes.device) < self.corrupted
        return torch.where(wrong, torch.randint_like(codes, self.semantic_gpt.n_codes), codes)

    def _guide(self, pattern: Tensor, batch: GPTBatch) -> Tensor:
        """The step that predicts code t (the last phone for t = 0) should look at the phone that code t speaks.

        Texts were moved to the right edge of the phone columns (`text_padding="align"`), so the phone index moves
        along.
        """
        columns, codes = batch.phones.shape[1], batch.codes.shape[1]
        rows = pattern[:, 0, columns - 1 : columns - 1 + codes, :columns]
        moved = batch.positions + (columns - batch.phone_lengths)[:, None]
        return guide_loss(rows, torch.where(batch.positions >= 0, moved, -1))

    def training_step(self, batch: GPTBatch, batch_idx: int) -> Tensor:
        """One batch."""
        guided = self.guided_layer >= 0 and self.progress < self.guide_until
        terms, logits, targets = self.losses(batch, guided)
        if self.batches % 20 == 0:
            self.log("train/accuracy", top_k_accuracy(logits.detach(), targets, 3, self.semantic_gpt.eos), batch_size=1)
        return self.total(terms)

    def validation_step(self, batch: GPTBatch, batch_idx: int) -> None:
        """Losses and top-3 accuracy."""
        terms, logits, targets = self.losses(batch, self.guided_layer >= 0)
        self.total(terms, "valid")
        self.log(
            "valid/accuracy", top_k_accuracy(logits, targets, 3, self.semantic_gpt.eos), batch_size=1, on_epoch=True
        )
