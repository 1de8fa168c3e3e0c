"""Where the views of a training go: numbers, pictures, sounds, histograms and points in space, to every logger that
takes them.

A logger is used as far as it has the methods of TensorBoard's writer or of Lightning's picture loggers. A picture that
fails is an error in tests and a logged warning in a training, which must not die of it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from gsv_lab import audio
from gsv_lab.errors import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOG = logging.getLogger(__name__)
MOST_POINTS = 500
"""Of one projector; all of them are written as text at every validation."""
MOST_VALUES = 100_000
"""Of one histogram."""


class Points(NamedTuple):
    """Vectors (N, D) for an embedding projector, and what is known of each, by the name of a column."""

    vectors: Tensor
    labels: Mapping[str, Sequence[str]]

    @classmethod
    def joined(cls, parts: Sequence[Points], most: int = MOST_POINTS) -> Points:
        """Several with the same columns as one, thinned out evenly to `most`."""
        vectors = torch.cat([part.vectors for part in parts])
        kept = torch.linspace(0, len(vectors) - 1, min(most, len(vectors))).round().long()
        labels = {}
        for name in parts[0].labels:
            column = [label for part in parts for label in part.labels[name]]
            labels[name] = [column[number] for number in kept.tolist()]
        return cls(vectors[kept], labels)


@runtime_checkable
class _SummaryWriter(Protocol):
    def add_figure(self, *args: Any, **kwargs: Any) -> None:
        """A picture of matplotlib under a tag, at a step."""

    def add_histogram(self, *args: Any, **kwargs: Any) -> None:
        """Values under a tag, at a step."""

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

    def audio(self, tag: str, wave: Tensor, sample_rate: int, mark: audio.Mark | None) -> None:
        """One sound: (..., T) in [-1, 1], louder parts are cut; `mark` that it is synthetic, None for recordings.

        TensorBoard keeps the mark in the sound, and says it beside the player.
        """
        samples = wave.detach().float().cpu().clamp(-1, 1).reshape(-1)
        for logger in self.loggers:
            if isinstance(logger.experiment, _SummaryWriter):
                _add(logger.experiment, _sound(tag, samples, sample_rate, mark), self.step)
            elif isinstance(logger, _AudioLogger):
                logger.log_audio(tag, [samples.numpy()], self.step, sample_rate=[sample_rate])

    def histogram(self, tag: str, values: Tensor) -> None:
        """How values of any shape are spread; of very many, every so many-th."""
        flat = values.detach().float().cpu().flatten()
        flat = flat[:: -(-len(flat) // MOST_VALUES) or 1]
        for logger in self.loggers:
            if isinstance(logger.experiment, _SummaryWriter):
                logger.experiment.add_histogram(tag, flat, self.step)

    def points(self, tag: str, points: Points) -> None:
        """Vectors with their labels, for an embedding projector."""
        # Four decimals: as text, more of them would only take room.
        vectors = points.vectors.detach().double().cpu().numpy().round(4)
        columns = {name: [one_line(label) for label in column] for name, column in points.labels.items()}
        rows: list[Any] = [list(row) for row in zip(*columns.values(), strict=True)]
        header: list[str] | None = list(columns)
        if len(columns) == 1:  # of which the projector wants no header
            rows, header = [row[0] for row in rows], None
        for logger in self.loggers:
            if isinstance(logger.experiment, _SummaryWriter):
                logger.experiment.add_embedding(vectors, rows, None, self.step, tag, header)

    def settings(self, values: Mapping[str, Any]) -> None:
        """What the run was started with."""
        for logger in self.loggers:
            logger.log_hyperparams(_plain(values))

    def compared(self, values: Mapping[str, Any], measures: Sequence[str]) -> None:
        """The same for TensorBoard's table of runs, which sets settings beside measures: scalars that are written."""
        from torch.utils.tensorboard.summary import hparams

        settings = _plain(values)
        words = {name: [value] for name, value in settings.items() if isinstance(value, str)}
        # The third summary would say that the run has ended.
        begun = hparams(settings, dict.fromkeys(measures, 0.0), words)[:2]
        for logger in self.loggers:
            if isinstance(logger.experiment, _SummaryWriter):
                for summary in begun:
                    _add(logger.experiment, summary)


def _add(writer: Any, summary: Any, step: int | None = None) -> None:
    """Hand a summary that we made to a writer of TensorBoard."""
    writer.file_writer.add_summary(summary, step)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one_line(value) if isinstance(value, str) else value for name, value in values.items()}


def _sound(tag: str, samples: Tensor, sample_rate: int, mark: audio.Mark | None) -> Any:
    """A sound (T,) as TensorBoard stores it: a wave file, its mark inside."""
    from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_BLOB_SEQUENCE, Summary
    from tensorboard.plugins.audio.metadata import Encoding, create_summary_metadata

    kept = Summary.Audio(
        sample_rate=sample_rate,
        num_channels=1,
        length_frames=samples.numel(),
        encoded_audio_string=audio.wave_file(samples, sample_rate, mark),
        content_type="audio/wav",
    )
    name, says = f"{tag} (recording)", ""
    if mark is not None:
        name, says = f"{tag} (synthetic)", f"Synthetic speech by {one_line(mark.model)}."
    about = create_summary_metadata(name, says, Encoding.Value("WAV"))
    about.data_class = DATA_CLASS_BLOB_SEQUENCE  # without it TensorBoard's faster reader drops name and description
    return Summary(value=[Summary.Value(tag=tag, audio=kept, metadata=about)])
