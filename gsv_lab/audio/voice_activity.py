"""Where somebody speaks: probabilities of the silero network, turned into spans.

Letters: T samples, F windows of 512 samples at 16 kHz (31.25 per second).

Idea: the network bundled with the package `silero-vad` gives one probability a window. Two thresholds (a start needs
more than an end) and a shortest speech and silence make spans of it. The network file is opened directly, because
importing the package sets the number of threads of the whole process to one. Nothing is downloaded.
"""

from __future__ import annotations

import threading
import warnings
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from gsv_lab.audio import io as audio
from gsv_lab.errors import ConfigError

RATE = 16_000
WINDOW = 512
STARTS_AT, ENDS_AT = 0.5, 0.35
"""Probabilities at which a span of speech starts and ends."""
MIN_SPEECH = 0.2
"""Seconds; shorter spans are dropped (clicks, breaths)."""
MIN_SILENCE = 0.2
"""Seconds; shorter pauses do not end a span."""
_LANE, _WARM = 625, 62  # windows: 20 s and 2 s
_LOCK = threading.Lock()  # the network keeps its state inside


class Span(NamedTuple):
    """A stretch of a recording, `start` included, `end` excluded; both in samples."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Number of samples."""
        return self.end - self.start


def speech_probability(samples: Tensor) -> Tensor:
    """Probability of speech in every window, (T,) at 16 kHz -> (F,).

    Longer recordings go through side by side in lanes of 20 s; each lane begins with the 2 s before it, so that its
    state is that of a single pass.

    Source: the silero-vad network, https://github.com/snakers4/silero-vad (MIT licence); no paper.
    """
    windows = torch.nn.functional.pad(samples, (0, -samples.numel() % WINDOW)).view(-1, WINDOW)
    lanes = -(-windows.shape[0] // _LANE)
    warm = _WARM if lanes > 1 else 0
    length = min(_LANE, windows.shape[0])
    padded = torch.nn.functional.pad(windows, (0, 0, warm, lanes * length - windows.shape[0]))
    out = torch.empty(lanes, length)
    with _LOCK, torch.no_grad():
        network = _network()
        network.reset_states()
        for step in range(warm + length):
            values = network(padded[step::length][:lanes], RATE)[:, 0]
            if step >= warm:
                out[:, step - warm] = values
    return out.view(-1)[: windows.shape[0]]


def speech_spans(samples: Tensor, sample_rate: int) -> list[Span]:
    """Stretches of speech in a recording, (T,) -> spans in samples at `sample_rate`.

    A span begins where the probability reaches `STARTS_AT` and ends where it stays below `ENDS_AT` for `MIN_SILENCE`.

    Args:
        samples: (T,), any rate.
        sample_rate: Hz.
    """
    if samples.numel() == 0:
        return []
    # The network reacts to level: quiet recordings are lifted to a common peak for it.
    peak = samples.abs().max().clamp(min=1e-4)
    probability = speech_probability(audio.resample(samples * (0.5 / peak), sample_rate, RATE))
    spans = _hysteresis(probability.tolist(), STARTS_AT, ENDS_AT, round(MIN_SILENCE * RATE / WINDOW))
    scale, total = WINDOW * sample_rate / RATE, samples.numel()
    kept = (Span(round(a * scale), min(round(b * scale), total)) for a, b in spans)
    return [span for span in kept if span.length >= MIN_SPEECH * sample_rate]


def _hysteresis(values: list[float], high: float, low: float, patience: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start: int | None = None
    last = 0  # end of the newest window that still counts as speech
    for index, value in enumerate(values):
        if start is None and value >= high:
            start = index
        if start is not None and value >= low:
            last = index + 1
        if start is not None and index + 1 - last >= patience:
            spans.append((start, last))
            start = None
    if start is not None:
        spans.append((start, last))
    return spans


@lru_cache(maxsize=1)
def _network() -> torch.jit.ScriptModule:
    found = find_spec("silero_vad")
    path = Path(found.origin).parent / "data" / "silero_vad.jit" if found and found.origin else None
    if path is None or not path.is_file():
        raise ConfigError(
            "PACKAGE_MISSING", "The package silero-vad or its network file is missing", "silero-vad 5.1 or later",
            "Install it with: pip install silero-vad",
        )  # fmt: skip
    with warnings.catch_warnings():  # recent torch calls this file format deprecated; no other is bundled for torch
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.load(str(path), map_location="cpu").eval()
