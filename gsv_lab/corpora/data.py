"""What all training data share: a packed store, a choice of clips, weights for rare voices, numbered batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from gsv_lab import audio
from gsv_lab.corpora.readers import read as read_corpus
from gsv_lab.corpora.store import ClipStore, Row
from gsv_lab.corpora.stream import BatchPlan, BatchStream, fixed_batches
from gsv_lab.corpora.texts import FILE_NAME, add_texts
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.system.environment import cache_dir


class NumberedData(pl.LightningDataModule):
    """Batches by their number, so that a training goes on at the one at which it was stopped."""

    def __init__(self) -> None:
        super().__init__()
        self._start: Callable[[], int] = lambda: 0
        self._workers = 0
        self._task: Any = None

    def attach(self, task: Any, budget: Any, workers: int) -> None:
        """Learn from `fit` where to start, and from the task whatever the tracks need."""
        self._start, self._workers, self._task = (lambda: budget.batches), workers, task

    def stream(self, make: Callable[[int], Any]) -> DataLoader:
        """Endless batches `make(n)`, from the number at which the training stands."""
        return BatchStream(make, self._start()).loader(self._workers)


class SpeechData(NumberedData):
    """Batches from a clip store. Subclasses say what a batch holds (`collate`) and which tracks they need
    (`make_tracks`).

    Args:
        store: folder of a `ClipStore`; a relative path lies below the cache folder.
        corpora: corpus folders or list files from which the store is packed if it is not there yet.
        train: splits to train on.
        valid: splits to validate on.
        batch_seconds: audio in a batch.
        longest, shortest: seconds; clips outside are left out.
        exclude: corpora that must stay out (they belong to protocols that test the model).
        boost: `"zh F"` -> factor: how much oftener clips of a language and gender come.
        valid_batches: number of validation batches, always the same ones.
        seed: of the order and of every augmentation.
    """

    def __init__(
        self,
        store: str,
        corpora: Sequence[str] = (),
        train: Sequence[str] = ("train",),
        valid: Sequence[str] = ("valid",),
        batch_seconds: float = 96.0,
        longest: float = 17.0,
        shortest: float = 1.0,
        exclude: Sequence[str] = (),
        boost: Mapping[str, float] | None = None,
        valid_batches: int = 8,
        seed: int = 1234,
    ) -> None:
        super().__init__()
        self.store_folder = cache_dir() / store
        self.corpora = tuple(corpora)
        self.splits = {"train": tuple(train), "valid": tuple(valid)}
        self.batch_seconds, self.longest, self.shortest = batch_seconds, longest, shortest
        self.exclude, self.boost = tuple(exclude), dict(boost or {})
        self.valid_batches, self.seed = valid_batches, seed
        self.worst_fit: float | None = None
        """Mean alignment score (nats) below which a transcript is not trusted; None asks for no alignment."""

    def setup(self, stage: str = "fit") -> None:
        """Open the store, make missing tracks, choose the clips."""
        self.store = self.open_store()
        self.check_rate()
        self.make_tracks()
        self.chosen = {name: self.choose(splits) for name, splits in self.splits.items()}
        for name, indices in self.chosen.items():
            if not indices:
                raise DataError(
                    "DATA_TOO_SHORT", f"No clip of {self.store_folder} is usable for '{name}'", "at least one"
                )
        seconds = {name: [self._seconds(i) for i in indices] for name, indices in self.chosen.items()}
        weights = [self.weight(self.store.rows[i]) for i in self.chosen["train"]]
        self._plan = BatchPlan(seconds["train"], self.batch_seconds, weights, self.seed)
        self._valid_plan = BatchPlan(seconds["valid"], self.batch_seconds, None, 0)

    def open_store(self) -> ClipStore:
        """The packed store; packed now if it is not there.

        Raises:
            DataError: DATA_MISSING when there is neither a store nor a corpus.
        """
        if not (self.store_folder / "clips.json").is_file():
            if not self.corpora:
                raise DataError(
                    "DATA_MISSING", f"There is no store at {self.store_folder} and no corpus to pack it from", "",
                    "Give data.init_args.corpora=[FOLDER]; see data/README.md",
                )  # fmt: skip
            clips = [clip for corpus in self.corpora for clip in read_corpus(corpus) if clip.corpus not in self.exclude]
            decode = lambda path: audio.read(path, 16000).samples.numpy()  # noqa: E731
            store = ClipStore.pack(self.store_folder, clips, decode, 16000, lambda items: tqdm(items, "decoding"))
            texts = [Path(corpus) / FILE_NAME for corpus in self.corpora if (Path(corpus) / FILE_NAME).is_file()]
            if texts:
                add_texts(store, texts)
        return ClipStore(self.store_folder)

    def check_rate(self) -> None:
        """Compare the store's rate with that of every network and analysis of the task.

        Raises:
            ConfigError: CONFIG_INCONSISTENT, both rates named.
        """
        for name, module in self._task.named_modules() if self._task else ():
            rate = getattr(module, "sample_rate", self.store.sample_rate)
            if rate != self.store.sample_rate:
                raise ConfigError(
                    "CONFIG_INCONSISTENT",
                    f"{name} works at {rate:g} Hz and the store {self.store_folder} holds {self.store.sample_rate} Hz",
                    "the same rate", "Choose another store, or change the task",
                )  # fmt: skip

    def _seconds(self, index: int) -> float:
        return self.store.rows[index].samples / self.store.sample_rate

    def choose(self, splits: Sequence[str]) -> list[int]:
        """Indices of the usable clips of some splits."""
        return [
            i for i, row in enumerate(self.store.rows)
            if row.split in splits and row.corpus not in self.exclude and self.usable(i, row)
        ]  # fmt: skip

    def usable(self, index: int, row: Row) -> bool:
        """Whether a clip can be used at all: its length, and its transcript where `worst_fit` is set."""
        if not self.shortest <= self._seconds(index) <= self.longest:
            return False
        return self.worst_fit is None or float(self.store.track("fit", index)[0]) > self.worst_fit

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
        return fixed_batches([self.collate([chosen[k] for k in batch], None) for batch in plan])

    def describe(self) -> dict[str, Any]:
        """Clips and minutes by split and language, for model cards."""
        clips = Counter((n, self.store.rows[i].language) for n, indices in self.chosen.items() for i in indices)
        return {f"{split} {language}": count for (split, language), count in sorted(clips.items())}
