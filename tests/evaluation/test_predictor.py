"""A predictor from a file: tiny ONNX models, written byte by byte, with known answers and every kind of misfit."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab.audio import Recording
from gsv_lab.errors import CheckpointError
from gsv_lab.evaluation.measures import Measure
from gsv_lab.evaluation.measures.predictor import PredictorFile
from source import ROOT

from .makers import RATE, job, tone

pytest.importorskip("onnxruntime")
FLOAT, INTEGER = 1, 7  # element types of ONNX


def field(number: int, value: int | str | bytes) -> bytes:
    """One field of a protocol buffer: a number as a varint, text and messages with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    parts = []
    while True:
        value, low = value >> 7, value & 127
        parts.append(low | (128 if value else 0))
        if not value:
            return bytes(parts)


def entry(name: str, kind: int, axes: list[int | str]) -> bytes:
    """ValueInfoProto: a name and the type of its tensor; axes are numbers or names."""
    dimensions = [field(1, field(1, axis) if isinstance(axis, int) else field(2, axis)) for axis in axes]
    tensor = field(1, kind) + field(2, b"".join(dimensions))
    return field(1, name) + field(2, field(1, tensor))


def model(
    operations: list[str], axes: list[int | str], kind: int = FLOAT, out: list[int | str] | None = None, inputs: int = 1
) -> bytes:
    """ModelProto of a chain of operations with one input each; `ReduceMean` takes the mean over everything."""
    names = ["in0", *(f"x{number}" for number in range(1, len(operations))), "out"]
    nodes = []
    for number, operation in enumerate(operations):
        keep = field(5, field(1, "keepdims") + field(3, 0) + field(20, 2)) if operation == "ReduceMean" else b""
        nodes.append(field(1, field(1, names[number]) + field(2, names[number + 1]) + field(4, operation) + keep))
    graph = b"".join(nodes) + field(2, "g")
    graph += b"".join(field(11, entry(f"in{number}", kind, axes)) for number in range(inputs))
    graph += field(12, entry("out", kind, [] if out is None else out))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13))


def written(folder: Path, content: bytes, name: str = "taste.onnx") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def about(wave: np.ndarray, rate: int = RATE) -> Any:
    return replace(job(), recording=Recording(torch.from_numpy(wave), rate, rate))


@pytest.mark.parametrize("axes", [["T"], [1, "T"]])
def test_a_model_with_a_known_answer(tmp_path: Path, axes: list[int | str]) -> None:
    measure = PredictorFile(written(tmp_path, model(["Abs", "ReduceMean"], axes)), "loudness")
    wave = tone(200.0)
    assert isinstance(measure, Measure) and not measure.needs
    assert measure.name == "loudness" and measure.evaluator == "taste"
    assert measure(wave, about(wave)) == {"loudness": pytest.approx(np.abs(wave).mean(), rel=1e-4)}
    assert measure(np.zeros(RATE, dtype=np.float32), about(wave)) is None


def test_it_gets_the_file_at_the_rate_it_asks_for(tmp_path: Path) -> None:
    """The mean of 1 and 0: the model sees as many samples as its rate gives."""
    path = written(tmp_path, model(["Shape"], ["T"], out=[1]))
    with pytest.raises(CheckpointError):  # an integer where a float was declared
        PredictorFile(path, "samples")
    path = written(tmp_path, model(["Abs"], [8000], out=[8000]))
    wave = tone(200.0)
    with pytest.raises(CheckpointError, match="gives 8000 values"):
        PredictorFile(path, "samples", RATE)(wave, about(wave))
    with pytest.raises(CheckpointError, match="cannot take 4000 samples"):
        PredictorFile(path, "samples", 8000)(wave, about(wave))
    with pytest.raises(CheckpointError, match="gives 8000 values"):
        PredictorFile(path, "samples", 8000)(wave, about(tone(200.0, 1.0)))


def test_other_weights_have_another_identity(tmp_path: Path) -> None:
    first = PredictorFile(written(tmp_path, model(["ReduceMean"], ["T"])), "x").identity
    again = PredictorFile(written(tmp_path, model(["ReduceMean"], ["T"])), "x").identity
    other = PredictorFile(written(tmp_path, model(["Abs", "ReduceMean"], ["T"])), "x").identity
    rate = PredictorFile(tmp_path / "taste.onnx", "x", 8000).identity
    assert first == again and len({first, other, rate}) == 3


@pytest.mark.parametrize(
    "content, problem",
    [
        (b"", "cannot be opened"),
        (b"RIFF\0\0\0\0WAVE", "cannot be opened"),
        (model(["Abs", "ReduceMean"], ["T"])[:40], "cannot be opened"),
        (model(["NoSuchThing"], ["T"]), "cannot be opened"),
        (model(["Abs", "ReduceMean"], ["B", "C", "T"]), r"takes in0 tensor\(float\) \['B', 'C', 'T'\]"),
        (model(["ReduceMean"], ["T"], kind=INTEGER), r"takes in0 tensor\(int64\)"),
        (model(["ReduceMean"], ["T"], inputs=2), "takes in0 .*, in1 "),
    ],
    ids=["empty", "a wave", "cut off", "unknown operation", "three axes", "integers", "two inputs"],
)
def test_files_that_are_no_such_model(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(CheckpointError, match=problem) as caught:
        PredictorFile(written(tmp_path, content), "x")
    assert caught.value.code == "PREDICTOR_FORMAT" and "Expected an ONNX model" in str(caught.value)


@pytest.mark.parametrize("name", ["missing.onnx", "."])
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        PredictorFile(tmp_path / name, "x")


def test_answers_that_are_no_number(tmp_path: Path) -> None:
    wave = tone(200.0)
    endless = PredictorFile(written(tmp_path, model(["Sign", "Sqrt", "ReduceMean"], ["T"])), "x")
    with pytest.raises(CheckpointError, match=r"gives 1 values, the first \[nan\]"):
        endless(wave, about(wave))


def test_the_class_of_the_documentation_is_a_measure() -> None:
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", page, re.S) if "class Peak" in block)
    names: dict[str, Any] = {}
    exec(compile(code, "evaluation.md", "exec"), names)
    measure = names["Peak"]()
    assert isinstance(measure, Measure)
    wave = np.array([0.1, -0.5], dtype=np.float32)
    assert measure(wave, job()) == {"peak": pytest.approx(-6.02, abs=0.01)}
    assert measure(0 * wave, job()) is None
