"""What a training shows: the views of its task at every validation, gradients, weights, the usage of the codebook.

A task says itself what it draws (`Task.log_views`) and under which tags (`Task.tags`); `docs/tensorboard.md` is made
from them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from gsv_lab.system.registry import Configurable
from gsv_lab.training.log_writer import LogWriter, Points
from gsv_lab.training.task import Tag, Task

LOG = logging.getLogger(__name__)

COMMON = (
    Tag("train/*", "scalar", "each loss of the task, unweighted, every few batches"),
    Tag("valid/*", "scalar", "losses and error rates on the validation clips, averaged weights"),
    Tag("grad_norm/*", "scalar", "norm of the gradient of each component, and of each optimizer before clipping"),
    Tag("loss_scale/*", "scalar", "with `fp16`: what the loss of each optimizer is multiplied by before its gradient"),
    Tag("weights/*", "histogram", "the averaged weights of each part that learns"),
    Tag("hparams", "settings", "the task's class and arguments, beside what the validations measure"),
)
"""Tags of every task."""


class LoggingCallback(Configurable, Callback):
    """Writes the views of a task at every validation, from its first batch; vectors and codes from all of its batches;
    gradients every few batches.

    Views draw no random numbers that the training would have drawn, and leave no tap watched.

    Args:
        items: clips of the batch that are shown (all of them where a batch cannot be cut).
        strict: a view that fails is an error (tests); otherwise a logged warning.
    """

    def __init__(self, items: int = 4, strict: bool = False) -> None:
        self.items = items
        self.strict = strict
        self._codes: list[Tensor] = []
        self._points: dict[str, list[Points]] = {}
        self._compared = False

    def on_fit_start(self, trainer: pl.Trainer, task: Task) -> None:
        """Settings, once."""
        log = self._log(trainer, task)
        self._compared = False
        with log.attempt("hparams"):
            log.settings(_settings(task))

    def on_train_batch_end(self, trainer: pl.Trainer, task: Task, outputs: Any, batch: Any, batch_idx: int) -> None:
        """After the first batch of all: the weights that stand at no loss, misspelt or of a part that is not there."""
        idle = sorted(task.idle_weights - task.later_losses)
        if not task.batches and idle:
            LOG.warning("This training has no loss %s: what `weights` says of it does nothing", " or ".join(idle))

    def on_before_optimizer_step(self, trainer: pl.Trainer, task: Task, optimizer: Any) -> None:
        """Norm of the gradient of each part that this optimizer moves."""
        # Once for the batches of a step, of which only the last one comes here.
        if task.batches % max(1, trainer.log_every_n_steps) >= task.accumulate:
            return
        log = self._log(trainer, task)
        owned = {id(p) for group in optimizer.param_groups for p in group["params"]}
        for name, module in task.parts().items():
            gradients = [p.grad for p in module.parameters() if id(p) in owned and p.grad is not None]
            # The norm of all that an optimizer moves is logged under its own name where it is clipped.
            if gradients and name != task.moving:
                log.scalar(f"grad_norm/{name}", float(nn.utils.get_total_norm(gradients)))

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        task: Task,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """The views of the first batch; codes and vectors of all."""
        self._codes += [codes.cpu() for codes in task.spoken_codes(batch)]
        log = self._log(trainer, task)
        wanted = {tag.name for tag in task.tags if tag.kind == "points"}
        if wanted:
            with log.attempt("points"), torch.random.fork_rng(), torch.no_grad():
                for tag, points in task.view_points(batch).items():
                    if tag in wanted:
                        # Thinned at once: the frames of many clips would fill the memory.
                        self._points.setdefault(tag, []).append(Points.joined([points]))
        if batch_idx:
            return
        shown = task.view_batch(batch, self.items)
        with log.attempt(f"views of {type(task).__qualname__}"), torch.random.fork_rng(), torch.no_grad():
            task.log_views(shown, log)

    def on_validation_epoch_end(self, trainer: pl.Trainer, task: Task) -> None:
        """Health of the codebook and vectors of all validation clips; the weights that were validated."""
        log = self._log(trainer, task)
        spoken, self._codes = self._codes, []
        if spoken:
            with log.attempt("codes"):
                _log_codes(log, torch.cat(spoken), task.codebook_size())
        found, self._points = self._points, {}
        for tag, parts in found.items():
            with log.attempt(tag):
                log.points(tag, Points.joined(parts))
        for name, module in task.parts().items():
            weights = [p.detach().flatten() for p in module.parameters() if p.requires_grad]
            if weights:
                with log.attempt(f"weights/{name}"):
                    log.histogram(f"weights/{name}", torch.cat(weights))

    def on_validation_end(self, trainer: pl.Trainer, task: Task) -> None:
        """Settings beside what is measured, once it is known what that is."""
        measures = [name for name in trainer.callback_metrics if name.startswith("valid/")]
        if measures and not self._compared:
            self._compared = True
            log = self._log(trainer, task)
            with log.attempt("hparams"):
                log.compared(_settings(task), measures)

    def _log(self, trainer: pl.Trainer, task: Task) -> LogWriter:
        return LogWriter(trainer.loggers, task.batches, self.strict)


def _settings(task: Task) -> dict[str, Any]:
    return dict(flat(task.spec or {"class_path": type(task).__qualname__}))


def flat(spec: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """A specification as `(dotted name, value)`; what is neither number nor word is written as text."""
    if isinstance(spec, dict):
        for key, value in spec.items():
            path = name if key == "init_args" else f"{name}.{key}".lstrip(".")
            yield from flat(value, path)
    else:
        yield name, spec if isinstance(spec, str | int | float | bool) else str(spec)


def _log_codes(log: LogWriter, codes: Tensor, size: int) -> None:
    from gsv_lab import figures

    counts = torch.bincount(codes, minlength=size)
    log.scalar("codes/perplexity", figures.perplexity(counts.numpy()))
    log.scalar("codes/dead", float((counts == 0).float().mean()))
    log.figure("codes/usage", figures.codebook_usage(codes.numpy(), size))
