"""On what claims are measured: recordings, the voice that is tuned on some of them, and what a model says of the rest.

A corpus that was given is cut by its protocol (`gsv_lab.evaluation.protocols`). Without one the shipped sample stands
in, which no person speaks: what is measured on it shows that the measurement works, and decides nothing about a corpus.
Everything is made once and kept in the folder `work`, so that a run that was stopped goes on. Letters: T samples.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gsv_lab import audio
from gsv_lab.corpora.clip_lists import clip_hash
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.evaluation.claims.recordings import Recorded, lj_speech, shipped_recordings, vctk_speech
from gsv_lab.evaluation.identity import identity_of
from gsv_lab.evaluation.items import SAMPLE_RATE, TestList
from gsv_lab.evaluation.overlap import refuse_overlap, refuse_tuning_overlap
from gsv_lab.evaluation.systems import System, natural_system
from gsv_lab.system.files import make_folder, read_file, save_bytes
from gsv_lab.system.machine import peak_memory, pick_device

if TYPE_CHECKING:
    from gsv_lab.evaluation.claims.clock import Request
    from gsv_lab.inference.lab import Lab
    from gsv_lab.inference.voice import Voice

LJSPEECH, VCTK, SAMPLE = "ljspeech", "vctk", "sample"
READERS = {LJSPEECH: lj_speech, VCTK: vctk_speech}
CONSENT = "a public corpus, for measurement alone"
TUNED = "fine_tuned"
"""Name of the condition; voices of further draws are called `fine_tuned_1` and so on."""


class Scale(NamedTuple):
    """How much is measured.

    Args:
        name: for results.
        items: of LJ Speech that are spoken; VCTK has those of its protocol.
        steps: of a fine-tuning; 0 for those of its configuration.
        draws: voices that are tuned, each on another minute.
        seeds: of the synthesis.
        runs: timed repetitions.
        warmups: repetitions before.
    """

    name: str
    items: int
    steps: int
    draws: int
    seeds: int
    runs: int
    warmups: int


SCALES = {
    "small": Scale("small", 12, 60, 1, 1, 3, 1),
    "full": Scale("full", 80, 0, 3, 3, 20, 3),
}
"""`small` takes minutes on two cores."""


class Cost(NamedTuple):
    """What a fine-tuning took: seconds, and the most bytes that the process, or torch on the card, had held by then."""

    seconds: float
    peak: float


@dataclass(frozen=True)
class Spoken:
    """What a model said of a list, measured.

    Args:
        recorded: the recordings.
        systems: natural speech and the conditions, with the waves of each.
        results: what `gsv_lab.evaluation.evaluate` found.
        voices: those that were tuned.
        costs: what each of these took.
    """

    recorded: Recorded
    systems: Sequence[System]
    results: Mapping[str, Any]
    voices: Sequence[Voice]
    costs: Sequence[Cost] = ()

    @property
    def tuned(self) -> list[str]:
        """Names of the conditions in which a tuned voice speaks."""
        return [system.name for system in self.systems if system.name.startswith(TUNED)]


@dataclass
class Material:
    """What all measures of a run share.

    Args:
        folder: of the run.
        corpora: name -> folder, of those that were given.
        scale: how much is measured.
        seed: of everything that is drawn.
        model: as `gsv_lab.load` takes it.
        device: likewise.
        precision: likewise.
        systems: name -> folder of waves of another system, called as the items, for listening tests.
    """

    folder: Path
    corpora: Mapping[str, Path] = field(default_factory=dict)
    scale: Scale = SCALES["small"]
    seed: int = 0
    model: str = ""
    device: str = "auto"
    precision: str = "32"
    systems: Mapping[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.corpora:
            if name not in READERS:
                raise ConfigError("USAGE", f"There is no protocol for the corpus {name!r:.60}", ", ".join(READERS))
        self.all_recorded: dict[str, Recorded] = {}
        self.all_spoken: dict[str, Spoken] = {}
        self.requests: list[Request] = []
        """Timed requests, once they were made."""

    @cached_property
    def lab(self) -> Lab:
        """The model."""
        from gsv_lab.inference.lab import load

        return load(self.model, self.device, self.precision)

    @cached_property
    def card(self) -> str:
        """Name of the graphics card that the model works on; empty where it is none."""
        import torch

        device = pick_device(self.device)
        return torch.cuda.get_device_name(device) if device.type == "cuda" else ""

    @property
    def weights(self) -> dict[str, str]:
        """Hashes of the weights by component; nothing where no measure needed the model."""
        return dict(self.lab.recordings.fingerprints) if "lab" in self.__dict__ else {}

    @property
    def released(self) -> bool:
        """Whether the weights are of a released family; False where no measure needed any."""
        return bool(self.weights) and self.lab.family.released

    def corpus(self, name: str) -> str:
        """A corpus if it was given, else the sample."""
        return name if name in self.corpora else SAMPLE

    def recorded(self, name: str) -> Recorded:
        """The recordings of a corpus, or of the sample, cut into what is spoken and what is tuned on.

        Raises:
            DataError: `DATA_LEAK`, they trained the model; `DATA_MISSING`, the folder is no such corpus; those of the
                protocols. LabError: `SAVE_FAILED`.
        """
        if name not in self.all_recorded:
            place = make_folder(self.folder / "work" / name)
            if name == SAMPLE:
                made = shipped_recordings(place, self.seed)
            else:
                made = READERS[name](self.corpora[name], place, self.seed, self.scale.items)
            if self.lab.family.training_lists:
                refuse_overlap(made.listed, self.lab.family.training_lists)
            self.all_recorded[name] = made
        return self.all_recorded[name]

    def spoken(self, name: str) -> Spoken:
        """What the model says of the recordings of a corpus: zero-shot and, where there is a minute to tune on, as a
        copy and tuned. Measured is the similarity of voices.

        Raises:
            DataError: those of `recorded`. LabError: `SAVE_FAILED`, `IN_USE`, those of fine-tuning.
        """
        if name not in self.all_spoken:
            self.all_spoken[name] = self._speak(self.recorded(name), name)
        return self.all_spoken[name]

    def _speak(self, recorded: Recorded, name: str) -> Spoken:
        from gsv_lab.evaluation.evaluate import evaluate
        from gsv_lab.evaluation.evaluators import measures_for

        place, items = self.folder / "work" / name, recorded.listed.items
        tuned = [self._tuned(recorded, place, number) for number in range(len(recorded.draws[: self.scale.draws]))]
        voices = [voice for voice, _ in tuned]
        systems = self._conditions(recorded.listed, voices, place / "waves")
        measures, absent = measures_for(items, lab=self.lab, only=["similarity"])
        results = evaluate(
            systems, recorded.listed, place, measures=measures, absent=absent, compare=["similarity"],
            settings={"model": self.lab.version, "seeds": self._seeds, "steps": self.scale.steps or None},
        )  # fmt: skip
        costs = [cost for _, cost in tuned]
        return Spoken(recorded, [natural_system(items), *systems], results, voices, costs)

    @property
    def _seeds(self) -> list[int]:
        return [self.seed + number for number in range(self.scale.seeds)]

    def _conditions(self, listed: TestList, voices: Sequence[Voice], folder: Path) -> list[System]:
        """What is compared with natural speech."""
        from gsv_lab.evaluation.conditions import LabConditions
        from gsv_lab.evaluation.systems import condition_system

        names = ["copy_synthesis", "zero_shot"] if voices else ["zero_shot"]
        made = LabConditions(self.lab, listed.items).conditions(names)
        for number, voice in enumerate(voices):
            speaker = listed.items[0].speaker
            refuse_tuning_overlap(listed, {speaker: voice.tuned_on})
            (condition,) = LabConditions(self.lab, listed.items, {speaker: voice}).conditions([TUNED])
            made.append(replace(condition, name=f"{TUNED}_{number}" if number else TUNED))
        return [condition_system(one, listed.items, self._seeds, folder, self.lab.version) for one in made]

    def _tuned(self, recorded: Recorded, place: Path, number: int) -> tuple[Voice, Cost]:
        """The voice of a draw; one that an earlier call tuned in the same way is taken again, with what it took."""
        from gsv_lab.inference.voice import Voice

        clips = recorded.draws[number]
        hashes = [clip_hash(path) for path in sorted(clips.glob("*.*")) if path.suffix in (".wav", ".flac")]
        settings = {"steps": self.scale.steps, "seed": self.seed + number}
        key = identity_of([settings, hashes, dict(self.lab.recordings.fingerprints), self.lab.version])
        path, costs = place / f"tuned_{key}.safetensors", place / f"tuned_{key}.json"
        if not (path.is_file() and costs.is_file()):
            start = time.perf_counter()
            voice = self.lab.finetune(
                clips, consent=CONSENT, run=place / f"tuned_{key}", verdict=False, progress_bar=False, **settings
            )
            voice.save(path)
            spent = Cost(round(time.perf_counter() - start, 2), peak_memory(bool(self.card)))
            save_bytes(costs, json.dumps(spent).encode())
        return Voice.load(path), _cost(costs)

    def waves(self) -> list[np.ndarray]:
        """Natural recordings for what is shown of measures: (T,) each, at 16 kHz."""
        paths = self.recorded(self._any).natural[: self.scale.items]
        return [audio.read(path, sample_rate=SAMPLE_RATE).samples.numpy() for path in paths]

    @property
    def waves_are(self) -> str:
        """What `waves` are."""
        return self.recorded(self._any).subject

    @property
    def waves_show(self) -> str:
        """Why they are no recordings of a corpus; empty where they are."""
        return self.recorded(self._any).demonstration

    @property
    def _any(self) -> str:
        """A corpus that was given, else the sample."""
        return next(iter(sorted(self.corpora)), SAMPLE)


def _cost(path: Path) -> Cost:
    """What an earlier fine-tuning took."""
    try:
        return Cost(*map(float, json.loads(read_file(path))))
    except (OSError, ValueError, TypeError) as error:
        problem = f"{path.name!r} cannot be read"
        raise DataError("DATA_ROW", problem, "what an earlier run wrote", "Remove it") from error
