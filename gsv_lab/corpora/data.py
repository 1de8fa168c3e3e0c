"""What all training data share: a packed store, a choice of clips, weights for rare voices, numbered batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_lightning as pl
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from gsv_lab.corpora.identity import store_identity
from gsv_lab.corpora.packing import packed_store
from gsv_lab.corpora.store import ClipStore, Row
from gsv_lab.corpora.store_files import TABLE
from gsv_lab.corpora.stream import BatchPlan, BatchStream, fixed_batches
from gsv_lab.corpora.tracks import codes_track
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.system.environment import in_cache
from gsv_lab.system.folders import locked
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from gsv_lab.system.registry import Configurable
from gsv_lab.system.seeds import check_seed

if TYPE_CHECKING:
    from gsv_lab.training.task import Task

Splits = Sequence[str] | dict[str, PositiveFloat]
"""Splits of a store, or seconds of each."""
FIRST = "Train the content encoder first, with data.init_args.corpora=[FOLDER]; see data/README.md"


class NumberedData(Configurable, pl.LightningDataModule):
    """Batches by their number, so that a training goes on at the one at which it was stopped."""

    places: frozenset[str] = frozenset()
    """Arguments that say where files lie. They may change while a training goes on; what lies there may not."""

    def __init__(self) -> None:
        super().__init__()
        self._start: Callable[[], int] = lambda: 0
        self._workers = 0
        self._task: Task | None = None

    def attach(self, task: Task, budget: Any, workers: int) -> None:
        """Learn from `fit` where to start, and from the task which optional fields its batches must have."""
        self._start = lambda: budget.batches
        self._workers = workers
        self._task = task

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """What the task takes of a batch: all, where it does not share it."""
        return batch if self._task is None else self._task.own_rows(batch)

    def identity(self) -> dict[str, str]:
        """What tells these data, once they are set up, from others: identities by what they are of."""
        return {}

    @property
    def needs(self) -> frozenset[str]:
        """Optional fields that the batches must have."""
        return frozenset() if self._task is None else self._task.batch_needs

    def stream(self, make: Callable[[int], Any]) -> DataLoader:
        """Endless batches `make(n)`, from the number at which the training stands."""
        return BatchStream(make, self._start()).loader(self._workers)


class SpeechData(NumberedData):
    """Batches from a clip store. Subclasses say what a batch holds (`collate`) and which tracks they need
    (`make_tracks`).

    Args:
        store: folder of a `ClipStore`; a relative path that holds no store lies below the cache folder.
        corpora: corpus folders or list files from which the store is packed if it is not there yet.
        train: splits to train on; a table says of how many seconds of each, in clips that the seed draws.
        valid: splits to validate on.
        batch_seconds: audio in a batch.
        longest, shortest: seconds; clips outside are left out.
        exclude: corpora that must stay out (they belong to protocols that test the model).
        boost: `"zh F"` -> factor: how much oftener clips of a language and gender come.
        valid_batches: number of validation batches, always the same ones.
        seed: of the order and of every augmentation.
    """

    places = frozenset({"store", "corpora", "codebook"})

    def __init__(
        self,
        store: str,
        corpora: Sequence[str] = (),
        train: Splits = ("train",),
        valid: Sequence[str] = ("valid",),
        batch_seconds: PositiveFloat = 96.0,
        longest: PositiveFloat = 17.0,
        shortest: PositiveFloat = 1.0,
        exclude: Sequence[str] = (),
        boost: Mapping[str, NonNegativeFloat] | None = None,
        valid_batches: PositiveInt = 8,
        seed: NonNegativeInt = 1234,
    ) -> None:
        super().__init__()
        self.store_folder = Path(store) if os.path.isfile(Path(store) / TABLE) else in_cache(store)
        self.corpora = tuple(corpora)
        self.splits = {"train": tuple(train), "valid": tuple(valid)}
        self.batch_seconds = batch_seconds
        self.longest = longest
        self.shortest = shortest
        self.exclude = tuple(exclude)
        self.boost = dict(boost or {})
        self.valid_batches = valid_batches
        self.seed = check_seed(seed)
        self.family = ""
        """Released family that the store must have been made for; empty for any store."""
        self.codes_name = ""
        """Track that `codes` reads, once it is chosen."""
        self.worst_fit: float | None = None
        """Mean alignment score (nats) below which a transcript is not trusted; None asks for no alignment."""
        self.fit_name = "fit"
        """Track with that score."""
        self.train_seconds = dict(train) if isinstance(train, Mapping) else {}
        """Split to train on -> seconds of it; of those that are not named, all."""

    def setup(self, stage: str = "fit") -> None:
        """Open the store, make missing tracks, choose the clips.

        Another process that makes a store or tracks in the same folder is waited for.

        Raises:
            ConfigError: those of `check_needs`, `check_family` and `check_rate`. DataError: no clip is usable; those of
                `open_store`. LabError: SAVE_FAILED.
        """
        self.check_needs()
        with locked(self.store_folder, "written", wait=True):
            self.store = self.open_store()
            self.check_family()
            self.check_rate()
            self.make_tracks()
        self.chosen = {name: self.choose(splits) for name, splits in self.splits.items()}
        for split, limit in self.train_seconds.items():
            own = [index for index in self.chosen["train"] if self.store.rows[index].split == split]
            kept = self.drawn(own, limit)
            self.chosen["train"] = sorted({*self.chosen["train"]} - {*own} | {*kept})
        for name, indices in self.chosen.items():
            if not indices:
                problem = f"No clip of {self.store_folder} is usable for '{name}'"
                advice = "With valid=[train] it validates on what it trains on" if name == "valid" else ""
                raise DataError("DATA_TOO_SHORT", problem, "at least one", advice)
        weights = [self.weight(self.store.rows[i]) for i in self.chosen["train"]]
        seconds = [self.seconds(i) for i in self.chosen["train"]]
        valid_seconds = [self.seconds(i) for i in self.chosen["valid"]]
        self._plan = BatchPlan(seconds, self.batch_seconds, weights, self.seed)
        self._valid_plan = BatchPlan(valid_seconds, self.batch_seconds, None, 0)
        if self._task is not None:
            self._task.batches_per_epoch = self.batches_per_epoch()

    def batches_per_epoch(self) -> int:
        """Batches of one pass over the training clips."""
        return len(self._plan.epoch(0))

    def missing(self, field: str) -> str:
        """What would have to be there for an optional field of the batches; empty where they can have it."""
        return f"data whose batches have '{field}'"

    def check_needs(self) -> None:
        """Refuse a task whose batches need a field that these data cannot give.

        Raises:
            ConfigError: CONFIG_INCONSISTENT, with the field and what is missing.
        """
        for field in sorted(self.needs):
            missing = self.missing(field)
            if missing:
                problem = f"The task needs '{field}' in its batches, and {type(self).__name__} does not give it"
                raise ConfigError("CONFIG_INCONSISTENT", problem, missing)

    def open_store(self) -> ClipStore:
        """The packed store, see `gsv_lab.corpora.packing.packed_store`."""
        advice = self.command() or FIRST
        return packed_store(self.store_folder, self.corpora, self.exclude, self._packed_rate, advice)

    def _packed_rate(self) -> int:
        """Hz at which the task's networks read waves.

        Raises:
            ConfigError: CONFIG_INCONSISTENT, there is no task, or it names none or several.
        """
        rates = set() if self._task is None else set(self._task.sample_rates().values())
        if len(rates) != 1:
            raise ConfigError("CONFIG_INCONSISTENT", f"The task reads waves at {len(rates)} rates", "one to pack")
        return int(rates.pop())

    def check_family(self) -> None:
        """Refuse a store that was made for another family than the configuration's, if it names one.

        Raises:
            ConfigError: CONFIG_INCONSISTENT, with both families and the command that makes a store.
        """
        if self.family and self.store.family != self.family:
            made_for = self.store.family or "no released family"
            problem = f"The store {self.store_folder} was made for {made_for}"
            raise ConfigError("CONFIG_INCONSISTENT", problem, f"one for {self.family}", self.command())

    def command(self) -> str:
        """The command that makes a store of the configuration's family; empty where it names none."""
        return f"Run: gsv-lab store LIST --family {self.family} --output DIR" if self.family else ""

    def check_rate(self) -> None:
        """Compare the store's rate and the samples of its frames with those of the task's networks.

        Raises:
            ConfigError: CONFIG_INCONSISTENT, both numbers named.
        """
        if self._task is None:
            return
        held = f"and the store {self.store_folder} holds"
        advice = self.command() or "Choose another store, or change the task"
        for name, rate in self._task.sample_rates().items():
            if rate != self.store.sample_rate:
                problem = f"{name} works at {rate:g} Hz {held} {self.store.sample_rate} Hz"
                raise ConfigError("CONFIG_INCONSISTENT", problem, "the same rate", advice)
        for name, hop in self._task.hop_lengths().items():
            if hop != self.store.hop:
                problem = f"{name} has frames of {hop} samples {held} frames of {self.store.hop}"
                raise ConfigError("CONFIG_INCONSISTENT", problem, "the same hop", advice)

    def identity(self) -> dict[str, str]:
        """Of the store, and which codes of it are read."""
        return {**store_identity(self.store), "the codebook": self.codes_name}

    def seconds(self, index: int) -> float:
        """Length of a clip."""
        return self.store.rows[index].samples / self.store.sample_rate

    def find_codes(self, codebook: str) -> None:
        """Choose the track that `codes` reads.

        Args:
            codebook: see `gsv_lab.corpora.tracks.codes_track`; a relative path lies below the cache folder. Empty for
                that of the task.
        """
        file = str(in_cache(codebook)) if codebook else ""
        if not file and self._task is not None:
            file = self._task.codebook_file()
        self.codes_name = codes_track(self.store, file)

    def codes(self, index: int) -> np.ndarray:
        """The codes of a clip (F25,)."""
        codes: np.ndarray = self.store.track(self.codes_name, index)
        return codes.astype(np.int64)

    def check_ids(self) -> None:
        """Refuse phones and codes that the task's networks do not have.

        Raises:
            DataError: DATA_TOKEN_RANGE, with the one that is out of range and the number that there are.
        """
        if self._task is None:
            return
        # A network that reads content knows no codes.
        n_codes = 0 if "content" in self.needs else self._task.codebook_size()
        known = {"phone": ("symbols", self._task.n_phones()), "code": (self.codes_name, n_codes)}
        chosen = self.chosen["train"] + self.chosen["valid"]
        for name, (track, count) in known.items():
            for index in chosen if count else ():
                ids = self.store.track(track, index)
                wrong = ids[(ids < 0) | (ids >= count)]
                if wrong.size:
                    problem = (
                        f"The store {self.store_folder} holds the {name} {wrong[0]}, and the networks know {count}"
                    )
                    advice = self.command() or "Choose another store, or change the task"
                    raise DataError("DATA_TOKEN_RANGE", problem, f"{name}s from 0 to {count - 1}", advice)

    def choose(self, splits: Sequence[str]) -> list[int]:
        """Indices of the usable clips of some splits."""
        chosen = []
        for index, row in enumerate(self.store.rows):
            if row.split in splits and row.corpus not in self.exclude and self.usable(index, row):
                chosen.append(index)
        return chosen

    def drawn(self, indices: Sequence[int], seconds: float) -> list[int]:
        """As many clips, in an order drawn by the seed, as so many seconds hold; one at least."""
        order = np.random.default_rng((self.seed, 9)).permutation(np.asarray(indices, np.int64))
        ends = np.cumsum([self.seconds(index) for index in order])
        return order[: max(1, int(np.searchsorted(ends, seconds, side="right")))].tolist()

    def usable(self, index: int, row: Row) -> bool:
        """Whether a clip can be used at all: its length, and its transcript where `worst_fit` is set.

        A store of a released family has no alignment that would doubt a transcript.
        """
        if not self.shortest <= self.seconds(index) <= self.longest:
            return False
        if self.worst_fit is None or self.store.family:
            return True
        fit = self.store.track(self.fit_name, index)
        return float(fit[0]) > self.worst_fit

    def by_speaker(self, indices: Iterable[int]) -> dict[str, list[int]]:
        """Clips of each speaker, speakers in alphabetical order, clips in the order given."""
        found: dict[str, list[int]] = {}
        for index in indices:
            found.setdefault(self.store.rows[index].speaker, []).append(index)
        return dict(sorted(found.items()))

    def weight(self, row: Row) -> float:
        """How often a clip comes in an epoch."""
        return self.boost.get(f"{row.language} {row.gender}".strip(), 1.0)

    def make_tracks(self) -> None:
        """Compute what the store lacks; does nothing here."""

    def collate(self, indices: Sequence[int], n: int | None) -> Any:
        """A batch of clips; `n` is its number in training, None in validation (then nothing may be random)."""
        raise NotImplementedError

    def train_dataloader(self) -> DataLoader:
        """Endless, from the batch at which the training stands."""
        chosen = self.chosen["train"]
        return self.stream(lambda n: self.collate([chosen[k] for k in self._plan[n]], n))

    def val_dataloader(self) -> DataLoader:
        """The same few batches every time."""
        chosen = self.chosen["valid"]
        plan = self._valid_plan.epoch(0)[: self.valid_batches]
        batches = [self.collate([chosen[k] for k in numbers], None) for numbers in plan]
        return fixed_batches(batches)


def padded(rows: Sequence[Mapping[str, Tensor]], name: str, fill: float = 0) -> Tensor:
    """One entry of several clips, padded on the right: (F_i, ...) each -> (B, F, ...)."""
    return pad_sequence([row[name] for row in rows], batch_first=True, padding_value=fill)
