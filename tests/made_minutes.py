"""Recordings of a person as they go wrong: a minute with noise, too short, with the texts mixed up, of two people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import soundfile
import torch
from torch import Tensor

from gsv_lab.audio.voice_activity import speech_spans

RATE = 16_000
NOISE_DB = 5.0
"""Speech over noise."""
SHORT = 8.0
"""Seconds."""


@dataclass(frozen=True)
class Spoken:
    """A clip (T,) at 16 kHz with what is said in it."""

    wave: Tensor
    text: str
    language: str


def with_noise(clips: Sequence[Spoken], noise: Tensor | None = None, decibels: float = NOISE_DB) -> list[Spoken]:
    """Clips with noise (T,) of a random place under them, white noise if None; the level is that to the speech."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for clip in clips:
        length = len(clip.wave)
        under = torch.randn(length, generator=generator)
        if noise is not None:
            start = int(torch.randint(len(noise), (), generator=generator))
            under = noise[(torch.arange(length) + start) % len(noise)]
        spoken = torch.cat([clip.wave[start:end] for start, end in speech_spans(clip.wave, RATE)])
        mixed = clip.wave + under * spoken.std() / under.std() * 10 ** (-decibels / 20)
        found.append(replace(clip, wave=mixed / max(1.0, float(mixed.abs().max()))))
    return found


def babble(people: Sequence[Sequence[Spoken]]) -> Tensor:
    """Several people speaking at once, each as loud as the others: (T,)."""
    waves = [torch.cat([clip.wave for clip in clips]) for clips in people]
    length = min(map(len, waves))
    return torch.stack([wave[:length] / wave[:length].std() for wave in waves]).sum(0)


def too_short(clips: Sequence[Spoken]) -> list[Spoken]:
    """The first seconds of the clips, the last one cut with its text."""
    found: list[Spoken] = []
    left = round(SHORT * RATE)
    for clip in clips:
        taken = clip.wave[:left]
        letters = round(len(clip.text) * len(taken) / len(clip.wave))
        if len(taken) >= RATE:
            found.append(replace(clip, wave=taken, text=clip.text[:letters]))
        left -= len(taken)
    return found


def mixed_up(clips: Sequence[Spoken]) -> list[Spoken]:
    """Each clip with the text of another one."""
    turn = len(clips) // 2
    return [replace(clip, text=clips[(number + turn) % len(clips)].text) for number, clip in enumerate(clips)]


def of_two(one: Sequence[Spoken], other: Sequence[Spoken]) -> list[Spoken]:
    """Half of the clips of each, by turns."""
    each = min(len(one) // 2, len(other))
    return [clip for pair in zip(one[:each], other[:each], strict=True) for clip in pair]


def write(folder: Path, clips: Sequence[Spoken]) -> Path:
    """A folder that `finetune` takes, with all clips under one name."""
    folder.mkdir(parents=True)
    for number, clip in enumerate(clips):
        soundfile.write(folder / f"{number:02}.wav", clip.wave.numpy(), RATE, subtype="PCM_16")
    rows = [f"{number:02}.wav|one|{clip.language}|{clip.text}\n" for number, clip in enumerate(clips)]
    (folder / "list.txt").write_text("".join(rows), encoding="utf-8")
    return folder
