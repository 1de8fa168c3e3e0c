"""What every training task shares: named losses, weights by the same names, a schedule that follows the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gsv_lab.checkpoint import read_header, save_component
from gsv_lab.errors import ConfigError
from gsv_lab.released.stored_config import carried_config
from gsv_lab.system.files import make_folder
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat
from gsv_lab.system.registry import Configurable
from gsv_lab.system.settings import Recipe
from gsv_lab.training.finite import check_losses
from gsv_lab.training.log_writer import LogWriter, Points
from gsv_lab.training.stepping import Stepping


class Tag(NamedTuple):
    """A name in TensorBoard (`*`: one of several), what is there (scalar, image, audio, histogram, points, settings),
    and what it means.
    """

    name: str
    kind: str
    meaning: str


def alignment_tags(name: str, what: str) -> tuple[Tag, Tag]:
    """Tags of an alignment `align/NAME`: its picture and its diagonality."""
    score = Tag(f"align/{name}/diagonality", "scalar", "share of it near a monotone path, 0 to 1; near 1 once it reads")
    return Tag(f"align/{name}", "image", what), score


CODE_TAGS = (
    Tag("codes/usage", "image", "how often each code is spoken in the validation clips"),
    Tag("codes/perplexity", "scalar", "exp(entropy) of the codes: as many would be in use if all were used alike"),
    Tag("codes/dead", "scalar", "share of the codebook that no validation clip uses"),
)


def freeze(parts: Mapping[str, nn.Module], names: Sequence[str]) -> None:
    """Some parts stop learning.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, there is no such part.
    """
    for name in names:
        if name not in parts:
            raise ConfigError("CONFIG_INCONSISTENT", f"There is no part '{name}' to freeze", ", ".join(parts))
        parts[name].requires_grad_(False)


class Task(Configurable, Stepping):
    """A LightningModule that is handed its networks and creates none.

    Subclasses return a dictionary of unweighted scalar losses; its keys are the keys of `weights` and, behind
    `train/` and `valid/`, the names in TensorBoard. `progress` runs from 0 to 1 with the budget (set by the `Budget`
    callback), and the learning rate follows it: a warm-up counted in batches, then a cosine down to a twentieth, or
    what a recipe says (`Stepping.adopt`). Tasks with one optimizer say their loss in `training_loss`.

    `tags` are the names that `log_views` writes; `batch_needs` are the optional fields that a batch must have,
    `later_losses` those that the first batch may lack; `places` are the arguments that say where a file lies.

    Args:
        weights: loss name -> weight; losses without one count 1.
        learning_rate: peak, per step.
        warm_up: batches of linear warm-up.
        weight_decay: of AdamW, on tensors with more than one axis.
        gradient_clip: largest norm of the gradient; 0 for no limit.
    """

    tags: tuple[Tag, ...] = ()
    batch_needs: frozenset[str] = frozenset()
    later_losses: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    spec: Mapping[str, Any] = {}

    def __init__(
        self,
        weights: Mapping[str, NonNegativeFloat] | None = None,
        learning_rate: PositiveFloat = 1e-3,
        warm_up: NonNegativeInt = 200,
        weight_decay: NonNegativeFloat = 0.01,
        gradient_clip: NonNegativeFloat = 1.0,
    ) -> None:
        super().__init__(learning_rate, warm_up, weight_decay, gradient_clip)
        self.weights = dict(weights or {})
        self.idle_weights = set(self.weights)
        self.start_files: dict[str, Path] = {}
        """Component name -> weights that it started from; see `gsv_lab.training.start`."""

    def components(self) -> dict[str, nn.Module]:
        """The networks that this task trains, under the names of their files."""
        raise NotImplementedError

    def parts(self) -> dict[str, nn.Module]:
        """The components, compositions taken apart; gradients are logged for each."""
        return self.components()

    def rated_modules(self) -> dict[str, Sequence[nn.Module]]:
        """The parts."""
        return {name: [part] for name, part in self.parts().items()}

    def adopt(self, recipe: Recipe) -> None:
        """See `Stepping.adopt`."""
        super().adopt(recipe)
        self.idle_weights |= set(recipe.weight_warm_up)

    def sample_rates(self) -> dict[str, float]:
        """Hz at which the networks read waves, by name."""
        return {}

    def hop_lengths(self) -> dict[str, int]:
        """Samples of a latent frame, by network."""
        return {}

    def context_dim(self) -> int:
        """Width of the context features that the batches must have; 0 where none are read."""
        return 0

    def n_phones(self) -> int:
        """Phones that the networks know; 0 where they read none."""
        return 0

    def codebook_file(self) -> str:
        """Weights of the codebook whose codes the batches must have; empty where the task has none of its own."""
        return ""

    def filled_later(self, component: str) -> str:
        """Beginning of the names of a component's tensors that start weights do not fill; empty where they fill all."""
        return ""

    def write(self, folder: Path, info: Mapping[str, Any]) -> dict[str, Path]:
        """Write the weights of every component to a folder, in single precision: component name -> file.

        Where a component started from a released file, its file carries that one's configuration along.

        Args:
            folder: made if it is not there.
            info: kept in the files.

        Raises:
            LabError: SAVE_FAILED. CheckpointError: CKPT_NONFINITE, CKPT_SPEC.
        """
        make_folder(folder)
        written = {}
        for name, component in self.components().items():
            written[name] = folder / f"{name}.safetensors"
            start = self.start_files.get(name)
            config = carried_config(read_header(start)) if start is not None else None
            own = {"released_config": config} if config is not None else {}
            save_component(component, written[name], {**info, **own})
        return written

    def view_batch(self, batch: Any, items: int) -> Any:
        """The first items of a validation batch, for `log_views`; tasks whose batches cannot be cut give all."""
        return type(batch)(*(None if track is None else track[:items] for track in batch))

    def log_views(self, batch: Any, log: LogWriter) -> None:
        """Write pictures, sounds and numbers of a few validation clips under the names of `tags`."""

    def view_points(self, batch: Any) -> dict[str, Points]:
        """Vectors of a validation batch for the embedding projector, by tag; those of all batches are shown at once.

        What is not in `tags` is not shown.
        """
        return {}

    def spoken_codes(self, batch: Any) -> list[Tensor]:
        """The codes (F25,) of each clip of a batch, for the usage of the codebook."""
        return []

    def codebook_size(self) -> int:
        """Number of codes that the networks know."""
        return 0

    def training_loss(self, batch: Any) -> Tensor:
        """What the only optimizer of a task makes smaller: the `total` of its losses."""
        raise NotImplementedError

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One batch."""
        self.step(0, self.training_loss(batch), "all")

    def total(
        self, losses: Mapping[str, Tensor], stage: str = "train", counts: Mapping[str, float] | None = None
    ) -> Tensor:
        """Weighted sum; logs every term unweighted. In training it is the share in the mean over the batches of a step,
        and over the rows of all processes.

        Args:
            losses: unweighted terms.
            stage: `train` or `valid`.
            counts: what a term is a mean over in this batch, where that is not its rows.

        Raises:
            LabError: TRAIN_NONFINITE, in training, a term that is not finite.
        """
        training = stage == "train"
        shares: Mapping[str, float] = {}
        known = losses
        if training and self.ranks is not None and self.rows is not None:
            rows = float(len(self.rows.own()))
            counted = {name: (counts or {}).get(name, rows) if rows else 0.0 for name in losses}
            known, shares = self.ranks.share(losses, counted)
        for name, value in known.items():
            self.log(f"{stage}/{name}", value.detach(), on_step=training, on_epoch=not training, batch_size=1)
            self.idle_weights.discard(name)
        weights = {name: self.weights.get(name, 1.0) * self.rise(name) for name in known}
        terms = [weights[name] * shares.get(name, 1.0) * value for name, value in losses.items()]
        total = sum(terms[1:], start=terms[0])
        if not training:
            return total
        joint = total if known is losses else sum(weights[name] * value for name, value in known.items())
        check_losses(known, torch.as_tensor(joint), self.batches)
        return total / self.accumulate if self.averaged else total
