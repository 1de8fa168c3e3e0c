"""What a file is: a voice, weights or a sound file, in a few lines for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from gsv_lab import audio
from gsv_lab.checkpoint import read_header
from gsv_lab.errors import CheckpointError, one_line
from gsv_lab.inference.adapters import UP
from gsv_lab.inference.voice_checks import ADAPTERS, CHANGED


def describe(path: str | Path) -> str:
    """Lines `key: value` about a voice (its base, consent, how it was tuned and on what), a weight file, or a sound and
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
        lines |= {"kind": "voice", "name": header["name"], "base": header["parent"], "made": header["created"]}
        lines["tuned"] = _tuned(tensors)
        lines["consent"] = header["consent"] or "none noted"
        lines |= {f"setting {name}": value for name, value in _flat(header["settings"])}
        lines |= _tuned_on(header.get("tuned_on", []))
    else:
        lines |= {"kind": "weights", "class": header["spec"]["class_path"]}
        lines |= {f"info {name}": value for name, value in header.get("info", {}).items()}
    lines["parameters"] = f"{sum(math.prod(shape) for _, shape in tensors.values()):,}"
    lines["bytes"] = f"{path.stat().st_size:,}"
    return lines


def _flat(settings: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    """Settings with those of the tables in them, under dotted names."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _tuned(tensors: Iterable[str]) -> str:
    """Which tensors of a voice file are its own networks."""
    changed = sum(name.startswith(CHANGED) for name in tensors)
    updated = sum(name.startswith(ADAPTERS) and name.endswith(UP) for name in tensors)
    said = [f"{changed} tensors"] * bool(changed) + [f"low-rank updates of {updated} layers"] * bool(updated)
    return ", ".join(said) or "no, zero-shot"


def _tuned_on(clips: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """A line for each clip that tuned a voice: its utterance, the folder it lay in, and its hashes."""
    lines = {"tuned on": f"{len(clips)} clips"} if clips else {}
    for number, clip in enumerate(clips, 1):
        said = [f"{clip['corpus']}/{clip['utterance']}", clip["hash"]]
        said += [f"cut from {clip['source']}"] if clip.get("source") else []
        lines[f"clip {number}"] = ", ".join(said)
    return lines
