"""A predictor of quality from a file: an ONNX model that takes a wave and gives a number.

Letters: T samples.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from gsv_lab.audio import resample
from gsv_lab.errors import CheckpointError
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import Found, Job, is_silent
from gsv_lab.system.extras import require, version
from gsv_lab.system.files import read_file
from gsv_lab.system.threads import given_threads

_LARGEST = 2**30  # bytes


class PredictorFile:
    """A value of a clip by an ONNX model on this disk, on the CPU.

    The model has one input, float32 of the shape (T,) or (1, T) with a free T, and gives one number first.

    Args:
        path: the file.
        name: of the measure, the column `measure` of `clips.csv`.
        rate: Hz of the waves that the model takes.

    Raises:
        CheckpointError: `PREDICTOR_FORMAT`, no such model; when it is called also for an answer that is not one finite
            number.
        LabError: `EXTRA_MISSING`, onnxruntime is not installed.
    """

    needs: Collection[str] = ()

    def __init__(self, path: str | Path, name: str, rate: int = SAMPLE_RATE) -> None:
        path = Path(path)
        runtime = require("onnxruntime")
        try:
            content = read_file(path, _LARGEST)
        except OSError as error:
            raise _unfit(path.name, f"cannot be read: {error.strerror}") from error
        self.name = name
        self.evaluator = path.stem
        self.rate = rate
        digest = hashlib.sha256(content).hexdigest()
        self.identity = f"{path.name} {digest[:16]} at {rate} Hz, onnxruntime {version('onnxruntime')}"
        options = runtime.SessionOptions()
        options.intra_op_num_threads = given_threads()
        options.log_severity_level = 4  # what is wrong is raised
        try:
            self._model: Any = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has a class of its own for every kind of damage
            raise _unfit(self.evaluator, f"cannot be opened: {error}") from error
        inputs = self._model.get_inputs()
        shapes = [(entry.type, len(entry.shape)) for entry in inputs]
        if shapes not in ([("tensor(float)", 1)], [("tensor(float)", 2)]):
            kinds = ", ".join(f"{entry.name} {entry.type} {entry.shape}" for entry in inputs) or "nothing"
            raise _unfit(self.evaluator, f"takes {kinds}")
        self._input, self._axes = inputs[0].name, len(inputs[0].shape)

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """See the class; the wave goes in from the rate of its file; None for silence."""
        if is_silent(wave):
            return None
        samples = resample(job.recording.samples, job.recording.sample_rate, self.rate).numpy()
        batch = samples.reshape((1, -1) if self._axes == 2 else -1)
        try:
            answer = np.asarray(self._model.run(None, {self._input: batch})[0])
        except Exception as error:
            raise _unfit(self.evaluator, f"cannot take {batch.shape[-1]} samples: {error}") from error
        if answer.size != 1 or not math.isfinite(float(answer.reshape(-1)[0])):
            raise _unfit(self.evaluator, f"gives {answer.size} values, the first {answer.reshape(-1)[:1].tolist()}")
        return {self.name: float(answer.reshape(-1)[0])}


def _unfit(name: str, problem: str) -> CheckpointError:
    expected = "an ONNX model with one input, float32 (T,) or (1, T), and one finite number"
    return CheckpointError("PREDICTOR_FORMAT", f"The predictor {name!r} {problem}", expected, "Export it so")
