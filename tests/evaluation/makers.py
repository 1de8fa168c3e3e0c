"""Small lists and voices for the tests of evaluation: everything is made in a temporary folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import soundfile
import torch

from gsv_lab.audio import Recording
from gsv_lab.evaluation.lists import PAIR_COLUMNS, Item
from gsv_lab.evaluation.measures import Job
from gsv_lab.inference.synthesizer import Prompt

RATE = 16000
SPEAKERS = {"ann": ("en", 220.0), "bob": ("en", 110.0), "cai": ("zh", 180.0), "dan": ("zh", 140.0)}
TEXTS = {"en": ("one two three", "four five six"), "zh": ("今天天气很好", "我们去公园")}


def tone(hertz: float, seconds: float = 0.5, level: float = 0.3) -> np.ndarray:
    """A harmonic tone (T,) whose pitch stands for a speaker."""
    time = np.arange(int(seconds * RATE)) / RATE
    return (level * sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3))).astype(np.float32)


def write_list(folder: Path, rows: list[tuple[str, ...]], name: str = "list.csv") -> Path:
    """A list file in `folder/lists`, its clips relative to `folder`."""
    path = folder / "lists" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join("|".join(row) for row in (PAIR_COLUMNS, *rows)) + "\n", encoding="utf-8")
    return path


def toy_list(folder: Path) -> Path:
    """Four speakers, two languages, two targets each; clips are tones at the speaker's pitch."""
    (folder / "clips").mkdir()
    rows = []
    for speaker, (language, hertz) in SPEAKERS.items():
        for number in range(3):
            soundfile.write(folder / "clips" / f"{speaker}_{number}.wav", tone(hertz, 0.5 + 0.1 * number), RATE)
        for number, text in enumerate(TEXTS[language], start=1):
            reference, target = f"clips/{speaker}_0.wav", f"clips/{speaker}_{number}.wav"
            rows.append((speaker, language, reference, "a reference", target, text, f"{0.5 + 0.1 * number:.3f}"))
    return write_list(folder, rows)


def job(text: str = "", language: str = "en", natural: np.ndarray | None = None, item: Item | None = None) -> Job:
    """What a wave was meant to be; the item itself says nothing unless it is given."""
    nothing = Recording(torch.zeros(0), RATE, RATE)
    return Job(item or Item("x", "", language, text), text, language, natural, nothing)


class PitchEmbedder:
    """Embeds a tone by its strongest frequency: one direction for each known speaker, nearest pitch wins the weight."""

    name, identity, seconds = "pitch", "pitch of a tone", 6.0

    def embed(self, wave: np.ndarray) -> np.ndarray:
        """(T,) -> (4,)"""
        if wave.size == 0 or not np.abs(wave).max():
            return np.zeros(len(SPEAKERS), dtype=np.float32)
        spectrum = np.abs(np.fft.rfft(wave))
        hertz = np.fft.rfftfreq(wave.size, 1 / RATE)[int(spectrum.argmax())]
        vector = np.array([np.exp(-(abs(hertz - pitch) / 40)) for _, pitch in SPEAKERS.values()])
        return (vector / np.linalg.norm(vector)).astype(np.float32)


@dataclass
class FakeSpeech:
    wave: torch.Tensor
    sample_rate: int = 8000


@dataclass
class FakeVoice:
    path: str
    speaker: torch.Tensor
    residuals: None = None
    changed: dict[str, torch.Tensor] = field(default_factory=dict)
    prompt: Prompt = Prompt(torch.zeros(0, dtype=torch.int64), None)
    parents: dict[str, str] = field(default_factory=dict)
    lexicon: dict[str, str] = field(default_factory=dict)


class FakeLab:
    """Clones by taking the reference itself, at half the rate; remembers what it was asked for."""

    sample_rate = 8000
    version = "toy-1"

    def __init__(self, weights: str = "1a2b", noise_scale: float = 0.4) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.recordings = SimpleNamespace(fingerprints={"sovits": weights})
        networks = SimpleNamespace(device=torch.device("cpu"), precision="32")
        defaults = {"noise_scale": noise_scale, "files": {}, "select_reference": None}
        self.family = SimpleNamespace(card={}, synthesizer=networks, training_lists=[], **defaults)

    def clone(
        self, path: str, text: str | None = None, language: str = "auto", consent: str = "", tuned: Any = None
    ) -> FakeVoice:
        self.asked.append(("clone" if tuned is None else "clone tuned", Path(path).stem, text, language))
        return FakeVoice(path, torch.ones(1, 4, 1))

    def speak(
        self, text: str, voice: FakeVoice, language: str = "auto", seed: int = 0, candidates: int = 3
    ) -> FakeSpeech:
        self.asked.append(("speak", text, Path(voice.path).stem, language, seed))
        wave, _ = soundfile.read(voice.path, dtype="float32")
        return FakeSpeech(torch.from_numpy(wave[::2].copy()))

    def copy_synthesis(self, wave: torch.Tensor) -> FakeSpeech:
        self.asked.append(("copy synthesis", wave.shape))
        return FakeSpeech(wave)

    def resynthesize(self, wave: torch.Tensor, phones: Any, speaker: torch.Tensor, residuals: None) -> FakeSpeech:
        self.asked.append(("resynthesis", phones, tuple(speaker.shape)))
        return FakeSpeech(wave)
