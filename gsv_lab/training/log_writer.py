"""Where the views of a training go: numbers, pictures, sounds and points in space, to every logger that takes them.

A logger is used as far as it has the methods of TensorBoard's writer or of Lightning's picture loggers. A picture that
fails is an error in tests and a logged warning in a training, which must not die of it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from torch import Tensor

from gsv_lab.errors import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOG = logging.getLogger(__name__)


@runtime_checkable
class _SummaryWriter(Protocol):
    def add_figure(self, *args: Any, **kwargs: Any) -> None:
        """A picture of matplotlib under a tag, at a step."""

    def add_audio(self, *args: Any, **kwargs: Any) -> None:
        """A sound under a tag, at a step."""

    def add_embedding(self, *args: Any, **kwargs: Any) -> None:
        """Points with labels, at a step."""


@runtime_checkable
class _ImageLogger(Protocol):
    def log_image(self, *args: Any, **kwargs: Any) -> None:
        """Pictures under a key, at a step."""


@runtime_checkable
class _AudioLogger(Protocol):
    def log_audio(self, *args: Any, **kwargs: Any) -> None:
        """Sounds under a key, at a step."""


class LogWriter:
    """All loggers of a trainer at one step; a logger that cannot take a kind of view is passed over.

    Args:
        loggers: `trainer.loggers`.
        step: batches so far.
        strict: what fails is an error (tests); otherwise a logged warning.
    """

    def __init__(self, loggers: Sequence[Any], step: int, strict: bool = False) -> None:
        self.loggers = loggers
        self.step = step
        self.strict = strict

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """A block whose failure is reported and, unless strict, survived."""
        try:
            yield
        except Exception as error:  # whatever a drawing or a logger raises
            if self.strict:
                raise
            LOG.warning("No picture of %s: %s", what, error)

    def scalar(self, tag: str, value: float) -> None:
        """One number."""
        for logger in self.loggers:
            logger.log_metrics({tag: float(value)}, self.step)

    def figure(self, tag: str, figure: Figure) -> None:
        """One picture, which is closed afterwards."""
        try:
            for logger in self.loggers:
                if isinstance(logger.experiment, _SummaryWriter):
                    logger.experiment.add_figure(tag, figure, self.step, close=False)
                elif isinstance(logger, _ImageLogger):
                    logger.log_image(tag, [figure], self.step)
        finally:
            if "matplotlib.pyplot" in sys.modules:
                sys.modules["matplotlib.pyplot"].close(figure)
            figure.clear()

    def audio(self, tag: str, wave: Tensor, sample_rate: int) -> None:
        """One sound: (..., T) in [-1, 1], louder parts are cut."""
        samples = wave.detach().float().cpu().clamp(-1, 1).reshape(1, -1)
        for logger in self.loggers:
            if isinstance(logger.experiment, _SummaryWriter):
                logger.experiment.add_audio(tag, samples, self.step, sample_rate)
            elif isinstance(logger, _AudioLogger):
                logger.log_audio(tag, [samples[0].numpy()], self.step, sample_rate=[sample_rate])

    def points(self, tag: str, vectors: Tensor, labels: Sequence[str]) -> None:
        """Vectors (N, D) with a label each, for an embedding projector."""
        stored = vectors.detach().float().cpu()
        for logger in self.loggers:
            if isinstance(logger.experiment, _SummaryWriter):
                logger.experiment.add_embedding(
                    stored, [one_line(label) for label in labels], tag=tag, global_step=self.step
                )

    def settings(self, values: Mapping[str, Any]) -> None:
        """What the run was started with."""
        for logger in self.loggers:
            logger.log_hyperparams({name: one_line(v) if isinstance(v, str) else v for name, v in values.items()})
