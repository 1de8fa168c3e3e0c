"""Claims about time and memory: numbers of this machine, which stand in `timing.json` and decide on a named card only.

A time is the median of repeated runs with the range from the fifth to the 95th percentile; the claim holds where this
whole range does.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gsv_lab.evaluation.claims.measured import Measured, measure
from gsv_lab.system.examples import shipped_sample
from gsv_lab.system.machine import peak_memory

if TYPE_CHECKING:
    from gsv_lab.evaluation.claims.material import Material
    from gsv_lab.inference.voice import Voice

FIFTY = "今天早上下了一场大雨，街上的行人都撑着伞慢慢走。我坐在窗前喝着茶，看见一只猫从墙上跳下来，躲进门口的旧木箱里。"
"""Fifty Chinese characters beside the marks."""


class Request(NamedTuple):
    """A timed request: seconds to the first audio and to the last, and seconds of speech that came."""

    first: float
    last: float
    speech: float


@measure("first_audio_ms", clock=True)
def first_audio_ms(material: Material) -> Measured:
    """Milliseconds until the first sentence of fifty characters can be heard."""
    return _of_runs(material, [1000 * request.first for request in _requests(material)])


@measure("request_ms", clock=True)
def request_ms(material: Material) -> Measured:
    """Milliseconds until all of fifty characters is spoken."""
    requests = _requests(material)
    factor = statistics.median(request.last / request.speech for request in requests)
    speech = statistics.median(request.speech for request in requests)
    details = {"seconds of speech": speech, "real-time factor": factor}
    return _of_runs(material, [1000 * request.last for request in requests], details)


@measure("tuning_minutes", clock=True)
def tuning_minutes(material: Material) -> Measured:
    """Minutes of a fine-tuning, packing and the choice among checkpoints with it."""
    spoken = material.spoken(material.corpus("ljspeech"))
    steps = material.scale.steps
    seconds = [cost.seconds for cost in spoken.costs]
    details = {"steps": float(steps), "seconds for a step, all in all": seconds[0] / steps} if steps else {}
    made = _of_runs(material, [one / 60 for one in seconds], details)
    return replace(made, subject=f"{made.subject}, {spoken.recorded.subject}")


@measure("peak_gigabytes", clock=True)
def peak_gigabytes(material: Material) -> Measured:
    """GB of memory that speaking, and tuning where there was some, took at most: of the card where there is one, else
    of the whole process with all it had done before, which is an upper bound.
    """
    _requests(material)
    tuned = [cost.peak for spoken in material.all_spoken.values() for cost in spoken.costs]
    note = "" if material.card else "The whole process, with whatever it measured before: an upper bound."
    peak = max(peak_memory(bool(material.card)), *tuned, 0.0)
    return Measured(peak / 1e9, n=1, over="processes", subject=_subject(material), note=note)


def _requests(material: Material) -> list[Request]:
    """Timed requests, made once."""
    if not material.requests:
        voice = material.lab.clone(str(shipped_sample()))
        made = [_request(material, voice, number) for number in range(material.scale.warmups + material.scale.runs)]
        material.requests += made[material.scale.warmups :]
    return material.requests


def _request(material: Material, voice: Voice, seed: int) -> Request:
    start = time.perf_counter()
    first = speech = 0.0
    sentences: Any = material.lab.stream(FIFTY, voice, "zh", seed)
    with closing(sentences):
        for sentence in sentences:
            first = first or time.perf_counter() - start
            speech += sentence.seconds
    return Request(first, time.perf_counter() - start, speech)


def _of_runs(material: Material, values: Sequence[float], details: dict[str, float] | None = None) -> Measured:
    low, high = np.quantile(values, [0.05, 0.95]).tolist() if len(values) > 1 else (None, None)
    return Measured(
        statistics.median(values), low, high, len(values), "runs", _subject(material), details=details or {}
    )


def _subject(material: Material) -> str:
    return f"{material.lab.version} on {material.card or 'the processor'}"
