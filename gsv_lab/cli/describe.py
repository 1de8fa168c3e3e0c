"""What a file is: a voice, weights or a sound file, in a few lines for people."""

from __future__ import annotations

import math
from pathlib import Path

from gsv_lab import audio
from gsv_lab.checkpoint import read_header
from gsv_lab.errors import CheckpointError, one_line


def describe(path: str | Path) -> str:
    """Lines `key: value` about a voice (its base, whether it was tuned, consent), a weight file, or a sound file and
    its mark.

    Raises:
        CheckpointError, AudioError: the file is neither, or damaged.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        try:
            return "\n".join(_line(key, value) for key, value in _weights(path).items())
        except (KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(
                "CKPT_CORRUPT", f"{path.name} lacks a part of its header ({error})", "a whole file"
            ) from error
    recording = audio.read(path)
    lines = {"kind": "sound", "seconds": f"{recording.seconds:.2f}", "sample rate": f"{recording.source_rate} Hz"}
    mark = audio.read_mark(path)
    if mark is None:
        lines["mark"] = "none; not made by gsv_lab, or its metadata were removed"
    else:
        lines |= {"synthetic": "yes", "model": mark.model, "voice": mark.voice, "date": mark.date}
        lines |= {f"setting {name}": str(value) for name, value in mark.settings.items()}
    return "\n".join(_line(key, value) for key, value in lines.items())


def _line(key: str, value: object) -> str:
    """One line, whatever stands in a file."""
    return one_line(f"{key}: {value}")


def _weights(path: Path) -> dict[str, object]:
    header = read_header(path)
    tensors = header["tensors"]
    lines: dict[str, object] = {}
    if header.get("kind") == "voice":
        changed = [name for name in tensors if name.startswith("changed.")]
        lines |= {"kind": "voice", "name": header["name"], "base": header["parent"], "made": header["created"]}
        lines["tuned"] = f"{len(changed)} tensors" if changed else "no, zero-shot"
        lines["consent"] = header["consent"] or "none noted"
        lines |= {f"setting {name}": value for name, value in header["settings"].items()}
    else:
        lines |= {"kind": "weights", "class": header["spec"]["class_path"]}
        lines |= {f"info {name}": value for name, value in header.get("info", {}).items()}
    lines["parameters"] = f"{sum(math.prod(shape) for _, shape in tensors.values()):,}"
    lines["bytes"] = f"{path.stat().st_size:,}"
    return lines
