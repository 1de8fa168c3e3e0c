"""What a training shows: a fixed list of tags for every task, through every logger of the trainer.

Idea: views are a callback. Tasks compute losses and know nothing of pictures; this file knows which view belongs to
which task, and `TAGS` says what a reader of TensorBoard will find. `docs/tensorboard.md` is made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from gsv_lab.hooks.tap import Component
from gsv_lab.training import views_small, views_speech
from gsv_lab.training.log_writer import Board
from gsv_lab.training.task import Task


class Tag(NamedTuple):
    """A name in TensorBoard (`*`: one of several), what is there (scalar, image, audio, points, settings), and what it
    means.
    """

    name: str
    kind: str
    meaning: str


COMMON = (
    Tag("train/*", "scalar", "each loss of the task, unweighted, every few batches"),
    Tag("valid/*", "scalar", "losses and error rates on the validation clips, averaged weights"),
    Tag("grad_norm/*", "scalar", "norm of the gradient of each component, and of each optimizer before clipping"),
    Tag("hparams", "settings", "the task's class and arguments"),
)
_CODES = (
    Tag("codes/usage", "image", "how often each code is spoken in the validation clips"),
    Tag("codes/perplexity", "scalar", "exp(entropy) of the codes: as many would be in use if all were used alike"),
    Tag("codes/dead", "scalar", "share of the codebook that no validation clip uses"),
)


def _aligned(name: str, what: str) -> tuple[Tag, Tag]:
    score = Tag(f"align/{name}/diagonality", "scalar", "share of it near a monotone path, 0 to 1; near 1 once it reads")
    return Tag(f"align/{name}", "image", what), score


TAGS: dict[str, tuple[Tag, ...]] = {
    "ContentTask": (
        Tag("mel/input", "image", "the log-mel that the encoder reads, pulled about as in training"),
        *_aligned("content_encoder", "probability of each phone of the text in each frame (CTC)"),
        Tag("content_encoder/blank", "scalar", "share of frames that say nothing; near 1 in the first minutes of CTC"),
    ),
    "SoVITSTask": (
        Tag("audio/reference", "audio", "the recording that the voice is taken from"),
        Tag("audio/target", "audio", "the recording whose codes are spoken"),
        Tag("audio/resynthesis", "audio", "the target through posterior and vocoder: what the vocoder can do"),
        Tag("audio/generated", "audio", "the target's codes and phones through prior, flow and vocoder"),
        Tag("mel/compare", "image", "target, generated, and their difference"),
        Tag("f0/overlay", "image", "pitch of the target and of what was generated (vocoders with a source)"),
        *_aligned("prior", "most diagonal head of the attention from frames to phones"),
        *_CODES,
        Tag("latent/kl", "scalar", "divergence of posterior and prior, nat per frame"),
        Tag("latent/active", "scalar", "share of latent dimensions that move more than their noise"),
        Tag("latent/spread", "image", "the posterior's means, and their spread against the noise"),
        Tag("latent/flow", "image", "the latent in units of the prior, before and after each coupling"),
        Tag("speaker/projector", "points", "speaker vectors of the validation batch"),
        Tag("judge/natural", "scalar", "mean score that the discriminators give recordings (with discriminators)"),
        Tag("judge/made", "scalar", "the same for what the vocoder made; both alike: nobody can tell"),
        Tag("judge/distance", "scalar", "distance of the judges' last features between the two, relative"),
    ),
    "GPTTask": (
        Tag("semantic_gpt/accuracy", "scalar", "how often the likeliest code is the one that was spoken"),
        Tag("semantic_gpt/entropy", "scalar", "uncertainty about the next code, nat"),
        Tag("semantic_gpt/stop", "scalar", "probability of the stop token where the codes end"),
        Tag("semantic_gpt/early_stop", "scalar", "the same before the end; should stay near 0"),
        Tag(
            "semantic_gpt/pace",
            "scalar",
            "phones per second that the pointer would walk (with a pointer); speech has 10 to 15",
        ),
        Tag("semantic_gpt/ladder", "image", "entropy, and the likeliest codes of each step with the one spoken"),
        *_aligned("semantic_gpt", "most diagonal of all heads, from codes to phones"),
        *_CODES,
    ),
    "VerifierTask": (
        Tag("speaker/projector", "points", "embeddings of the validation batch, with the speaker's number"),
        Tag("speaker/space", "image", "the same on two axes, and how alike speakers are"),
        Tag("verifier/attention", "image", "weight of each frame of one clip in the pooling"),
    ),
    "RecogniserTask": (
        Tag("valid/phone_error", "scalar", "phones heard wrongly, missed or added, over phones said"),
        Tag("recogniser/heard", "scalar", "phones heard over phones said: below 1 it misses some, above it adds some"),
        Tag("recogniser/blank", "scalar", "share of steps that say nothing; near 1 where CTC has not taken hold"),
        Tag("recogniser/input", "image", "the ERB bands that it reads, normalised by clip"),
        *_aligned("recogniser", "probability of each phone of the text in each step (CTC)"),
    ),
    "G2PTask": _aligned("letter_to_sound", "probability of each phone of a word at each of its steps"),
}
"""What every task shows beside `COMMON`. A task of another class has `COMMON` only."""

_VIEWS: dict[str, Callable[[Any, Any, Board], None]] = {
    "ContentTask": views_small.content, "SoVITSTask": views_speech.sovits, "GPTTask": views_speech.semantic_gpt,
    "VerifierTask": views_small.verifier, "RecogniserTask": views_small.recogniser,
    "G2PTask": views_small.letter_to_sound,
}  # fmt: skip


_WHOLE = ("VerifierTask", "G2PTask")
"""Tasks whose batches cannot be cut: pairs of clips, and readings one after the other."""


class Views(Callback):
    """Writes the tags of `TAGS`: at every validation, from its first batch; gradients every few batches.

    Views draw no random numbers that the training would have drawn, and leave no tap watched.

    Args:
        items: clips of the batch that are looked at (all of them where a batch cannot be cut).
        strict: a view that fails is an error (tests); otherwise a logged warning.
    """

    def __init__(self, items: int = 4, strict: bool = False) -> None:
        self.items, self.strict = items, strict
        self._codes: list[Tensor] = []

    def on_fit_start(self, trainer: pl.Trainer, task: Task) -> None:
        """Settings, once."""
        board = self._board(trainer, task)
        with board.attempt("hparams"):
            board.settings(dict(flat(getattr(task, "spec", {"class_path": type(task).__name__}))))

    def on_before_optimizer_step(self, trainer: pl.Trainer, task: Task, optimizer: Any) -> None:
        """Norm of the gradient of each component that this optimizer moves."""
        if task.batches % max(1, trainer.log_every_n_steps):
            return
        board = self._board(trainer, task)
        owned = {id(p) for group in optimizer.param_groups for p in group["params"]}
        for name, module in parts(task).items():
            gradients = [p.grad for p in module.parameters() if id(p) in owned and p.grad is not None]
            # An optimizer that is stepped by hand has been logged under this name by `Task.clip`.
            if gradients and (task.automatic_optimization or name not in task.components()):
                board.scalar(f"grad_norm/{name}", float(nn.utils.get_total_norm(gradients)))

    def on_validation_batch_end(self, trainer: pl.Trainer, task: Task, outputs: Any, batch: Any, batch_idx: int,
                                dataloader_idx: int = 0) -> None:  # fmt: skip
        """The views of the first batch; codes of all."""
        if hasattr(batch, "codes"):
            lengths = getattr(batch, "code_lengths", None)
            lengths = (batch.frames + 1) // 2 if lengths is None else lengths
            self._codes += [row[: int(n)].cpu() for row, n in zip(batch.codes, lengths, strict=True)]
        view = _VIEWS.get(type(task).__name__)
        if batch_idx or view is None:
            return
        board = self._board(trainer, task)
        some = batch if type(task).__name__ in _WHOLE else views_speech.first(batch, self.items)
        with board.attempt(f"views of {type(task).__name__}"), torch.random.fork_rng(), torch.no_grad():
            view(task, some, board)

    def on_validation_epoch_end(self, trainer: pl.Trainer, task: Task) -> None:
        """Health of the codebook over all validation clips."""
        spoken, self._codes = self._codes, []
        if spoken:
            board = self._board(trainer, task)
            with board.attempt("codes"):
                _codes(board, torch.cat(spoken), codebook_size(task))

    def _board(self, trainer: pl.Trainer, task: Task) -> Board:
        return Board(trainer.loggers, task.batches, self.strict)


def parts(task: Task) -> dict[str, nn.Module]:
    """The components of a task, a composition taken apart: SoVITS into prior, posterior and so on."""
    found: dict[str, nn.Module] = {}
    for name, module in task.components().items():
        found |= {name: module} if isinstance(module, Component) else dict(module.named_children())
    return found


def codebook_size(task: Any) -> int:
    """Number of codes that the task's networks know."""
    return int(task.semantic_gpt.n_codes if hasattr(task, "semantic_gpt") else task.sovits.quantizer.n_codes)


def flat(spec: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """A specification as `(dotted name, value)`; what is neither number nor word is written as text."""
    if isinstance(spec, dict):
        for key, value in spec.items():
            skipped = key == "init_args"
            yield from flat(value, name if skipped else f"{name}.{key}".lstrip("."))
    else:
        yield name, spec if isinstance(spec, str | int | float | bool) else str(spec)


def _codes(board: Board, codes: Tensor, size: int) -> None:
    from gsv_lab import figures

    counts = torch.bincount(codes, minlength=size)
    board.scalar("codes/perplexity", figures.perplexity(counts.numpy()))
    board.scalar("codes/dead", float((counts == 0).float().mean()))
    board.figure("codes/usage", figures.codebook_usage(codes.numpy(), size))
