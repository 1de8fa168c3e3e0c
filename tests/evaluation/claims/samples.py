"""Claims, measures and models for the tests of claims: nothing is spoken and nothing is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from gsv_lab.corpora.clip_lists import clip_hash
from gsv_lab.evaluation.claims.file import Bound, Claim, ClaimFile, Listening, Nearest, Needs
from gsv_lab.evaluation.claims.material import Material
from gsv_lab.evaluation.claims.measured import MEASURES, Measure, Measured
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.inference.voice_checks import TunedClip

from ..makers import RATE, FakeLab, tone

FILE = ClaimFile({"guide": "部署指南 (guide)", "other": "Other"}, (), (), "0" * 64)


def claim(**changes: Any) -> Claim:
    """A claim that says `above 1 MB`."""
    given: dict[str, Any] = {
        "id": "a-claim",
        "text": "It is above 1 MB.",
        "sources": ["guide"],
        "protocol": "Weigh it.",
        "settles": "A pair of scales.",
        "needs": Needs("scales"),
        "bound": Bound("above", 1.0, "MB"),
        "measure": "gpt_parameters",
    }
    return Claim(**given | changes)


def nearest(measure: str = "gpt_parameters") -> Nearest:
    """Another claim, that says `at most 3 kg`."""
    return Nearest("It weighs at most 3 kg.", Bound("at_most", 3.0, "kg"), measure)


def by_ears(against: str = "") -> Claim:
    """A claim that people judge."""
    bound = Bound("above", 0.0, "points") if against else Bound("at_least", 4.0, "MOS")
    return claim(
        measure="", bound=bound, needs=Needs("LJ Speech", 40, 40), corpus="ljspeech",
        listening=Listening("fine_tuned", against),
    )  # fmt: skip


class TunableLab(FakeLab):
    """A pretended lab whose tuned voices know what tuned them."""

    def finetune(self, folder: Path, **options: Any) -> Voice:
        """A voice of the clips of a folder."""
        self.asked.append(("finetune", options["steps"], options["seed"]))
        clips = sorted(path for path in Path(folder).iterdir() if path.suffix in (".wav", ".flac"))
        origins = [TunedClip(path.stem, path.parent.name, clip_hash(path)) for path in clips]
        return Voice(
            "tuned", self.version, {"sovits": "1a2b"}, torch.ones(1, 4, 1), Prompt(torch.arange(3), None),
            settings={"steps": 40}, tuned_on=origins,
        )  # fmt: skip


def material(folder: Path, **options: Any) -> Material:
    """Material with a pretended lab."""
    made = Material(folder, device="cpu", **options)
    made.__dict__["lab"] = TunableLab()
    made.lab.family.released = False
    return made


def vctk(folder: Path, speakers: tuple[str, ...] = ("p225", "p226", "p227")) -> Path:
    """A part of VCTK: tones, a pitch for each speaker, sentences 005 to 007."""
    for number, speaker in enumerate(speakers):
        for sentence in (5, 6, 7):
            name = f"{speaker}_{sentence:03d}"
            path = folder / "wav48_silence_trimmed" / speaker / f"{name}_mic1.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, tone((220.0, 110.0, 180.0)[number], 0.5 + 0.1 * sentence), RATE)
            text = folder / "txt" / speaker / f"{name}.txt"
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text("one two three\n", encoding="utf-8")
    return folder


def lj(folder: Path) -> Path:
    """A part of LJ Speech: ten clips of LJ001 that make a minute and one that lends the voice, four of LJ002."""
    names = {f"LJ001-{number:04d}": 6.0 for number in range(1, 12)} | {"LJ001-0149": 4.0}
    names |= {f"LJ002-{number:04d}": 0.5 + 0.1 * number for number in range(1, 5)}
    (folder / "wavs").mkdir(parents=True)
    for number, (name, seconds) in enumerate(names.items()):
        soundfile.write(folder / "wavs" / f"{name}.wav", tone(220.0 + number / 10, seconds), RATE)
    rows = [f"{name}|Text {name}.|Text of {name}." for name in names]
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def pretend(monkeypatch: Any, make: Callable[[str], Measured]) -> None:
    """Every measure gives what `make` says of its name; which come from a clock stays."""
    for name, known in list(MEASURES.items()):
        monkeypatch.setitem(MEASURES, name, Measure(lambda _, name=name: make(name), known.clock))


def buzz(seed: int, seconds: float = 1.0) -> np.ndarray:
    """Noise in which the low part is strong, as in speech: (T,)."""
    white = np.random.default_rng(seed).normal(size=round(seconds * RATE))
    low = np.cumsum(white - white.mean())
    return (0.1 * (low / np.abs(low).max() + 0.05 * white / np.abs(white).max())).astype(np.float32)
