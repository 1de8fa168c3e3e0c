"""Made speech: a wave with what it was made from; plays, draws and saves itself.

Letters: T samples, F25 codes, P phones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gsv_lab import audio
from gsv_lab.audio.alignment import Alignment
from gsv_lab.errors import LabError, on_page
from gsv_lab.text import Phones


@dataclass(frozen=True)
class Speech:
    """Synthetic speech.

    Args:
        wave: samples (T,) in [-1, 1].
        sample_rate: Hz.
        codes: semantic codes (F25,) that were spoken; empty for copy synthesis.
        phones: what was to be said; None where no text was given.
        mark: statement that goes into every file.
        settings: sampling options, seed, reasons for ending.
        aligner: wave -> Alignment of `phones`, called when `timings` is first read.
        paused: whether the wave begins, and ends, with a pause that the text gave.
    """

    wave: Tensor
    sample_rate: int
    codes: Tensor
    phones: Phones | None
    mark: audio.Mark
    settings: Mapping[str, Any] = field(default_factory=dict)
    aligner: Callable[[Tensor, Phones], Alignment] | None = field(default=None, repr=False, compare=False)
    paused: tuple[bool, bool] = (False, False)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.wave.numel() / self.sample_rate

    @cached_property
    def timings(self) -> Alignment | None:
        """When each phone was spoken, by forced alignment; None without phones or enough sound."""
        if self.phones is None or self.aligner is None:
            return None
        try:
            return self.aligner(self.wave, self.phones)
        except LabError:
            return None

    def save(self, path: str | Path) -> Path:
        """Write wav or flac, marked as synthetic in its metadata; see `gsv_lab.audio.write`."""
        return audio.write(path, self.wave, self.sample_rate, self.mark)

    def show(self) -> Any:
        """Spectrogram with phones on a time axis in seconds, a matplotlib Figure."""
        from gsv_lab.figures import phone_strip

        timings = self.timings
        if timings is None or self.phones is None:
            return phone_strip(self.wave.numpy(), self.sample_rate)
        return phone_strip(self.wave.numpy(), self.sample_rate, self.phones.symbols, timings.start, timings.end)

    def _repr_html_(self) -> str:
        """A player, self-contained; what is saved from it carries the mark."""
        text = "" if self.phones is None else on_page(self.phones.text)
        source = audio.data_url(self.wave, self.sample_rate, self.mark)
        return f'<div>{text}</div><audio controls src="{source}"></audio>'


def joined(parts: list[Speech], pause: float = 0.25) -> Speech:
    """Sentences one after the other with a pause of so many seconds between them, but where the text gave one."""
    first = parts[0]
    silence = torch.zeros(round(pause * first.sample_rate))
    pieces = [first.wave]
    phones: Phones | None = first.phones
    for last, part in zip(parts, parts[1:], strict=False):
        if not (last.paused[1] or part.paused[0]):
            pieces.append(silence)
        pieces.append(part.wave)
        phones = None if phones is None or part.phones is None else phones + part.phones
    settings = {**first.settings, "sentences": len(parts)}
    if any(part.settings.get("ended") == "max_new" for part in parts):
        settings["ended"] = "max_new"
    codes = torch.cat([part.codes for part in parts])
    paused = (first.paused[0], parts[-1].paused[1])
    return Speech(torch.cat(pieces), first.sample_rate, codes, phones, first.mark, settings, first.aligner, paused)
