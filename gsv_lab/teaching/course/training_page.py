"""The page of the book on what a training shows: small trainings are run, and their TensorBoard events are drawn.

Nothing is made up for the page: the numbers, pictures and sounds are read from the event files, as TensorBoard does.
"""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from gsv_lab.errors import LabError, on_page
from gsv_lab.system.environment import surroundings
from gsv_lab.system.page import picture
from gsv_lab.system.shipped import shipped_folder

TRAINING = "training.html"
BATCHES = {"content": 240, "sovits": 120}
"""Of each training: enough for curves that move."""
_PANELS = 9
_INTRO = """<h1>What a training shows</h1>
<p>Every training writes what TensorBoard shows: <code>tensorboard --logdir runs</code>. This page has the same without
a server. The content encoder and SoVITS of the synthetic corpus were trained for {content} and {sovits} batches while
this book was made. That is far too little: the curves have just begun to move, and what is heard is hardly a voice.
All tags are explained in <code>docs/tensorboard.md</code>.</p>"""


def training_body(work: Path, progress: Callable[[float, str], None]) -> str:
    """Train, read the events, and give the page's body as HTML.

    Args:
        work: a folder for the runs.
        progress: called with the share that is done, and what is at hand.
    """
    runs = _train(work / "runs", progress)
    parts = [_INTRO.format(**BATCHES)]
    for name, folder in runs.items():
        parts.append(f"<h2>{on_page(name[0].upper() + name[1:])}</h2>{events_body(folder)}")
    return "".join(parts)


def _train(folder: Path, progress: Callable[[float, str], None]) -> dict[str, Path]:
    """Name -> folder with the event files of a content encoder and of SoVITS on its codes."""
    small = ["data.init_args.corpus.init_args.n_clips=60", f"data.init_args.store={folder / 'store'}"]
    content, sovits = folder / "content", folder / "sovits"
    progress(0, "a small training of a content encoder")
    _fit("content", content, [*small, "data.init_args.batch_seconds=8"])
    progress(0.4, "a small training of SoVITS")
    weights = content / "weights" / "content_encoder.safetensors"
    _fit("sovits", sovits, [*small, f"data.init_args.content_file={weights}"])
    return {"content encoder": content / "events", "SoVITS": sovits / "events"}


def _fit(config: str, folder: Path, settings: Sequence[str]) -> None:
    """Train in a process of its own, whose bars and remarks are not for the reader of this one's.

    Raises:
        LabError: BOOK_TRAINING.
    """
    file, batches = shipped_folder("configs") / "synthetic" / f"{config}.yaml", BATCHES[config]
    steps = [f"trainer.max_batches={batches}", f"trainer.validate_every={batches // 6}", "trainer.log_every=2"]
    command = [sys.executable, "-m", "gsv_lab", "fit", "--config", str(file), "--output", str(folder)]
    done = subprocess.run([*command, *steps, *settings], env=surroundings(), capture_output=True, text=True)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise LabError("BOOK_TRAINING", f"The training of {config} stopped: {why}", "", "Finished pages are kept")


def events_body(folder: Path) -> str:
    """Curves, last pictures and last sounds of a folder of TensorBoard events, as HTML."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "audio": 0, "histograms": 0})
    events.Reload()
    tags: Mapping[str, Any] = events.Tags()
    curves = {tag: [(row.step, row.value) for row in events.Scalars(tag)] for tag in tags["scalars"]}
    parts = [_curves({tag: rows for tag, rows in curves.items() if len(rows) > 1 and tag != "epoch"})]
    sounds = [_sound(tag, events.Audio(tag)[-1]) for tag in tags["audio"]]
    parts.append(f'<div style="display:flex;flex-wrap:wrap;gap:.6rem 1.2rem">{"".join(sounds)}</div>')
    for tag in tags["images"]:
        last = events.Images(tag)[-1]
        shown = picture(last.encoded_image_string, f"the view {tag} at step {last.step}")
        parts.append(f"<h3><code>{on_page(tag)}</code>, step {last.step}</h3><p>{shown}</p>")
    if tags["histograms"]:
        parts.append(_histograms({tag: events.Histograms(tag) for tag in tags["histograms"]}))
    parts += [_points(name, place) for name, place in _last_points(folder).items()]
    return "".join(parts)


def _sound(tag: str, event: Any) -> str:
    source = f"data:{event.content_type};base64,{base64.b64encode(event.encoded_audio_string).decode('ascii')}"
    return f'<div><code>{on_page(tag)}</code><br><audio controls src="{source}"></audio></div>'


def _last_points(folder: Path) -> dict[str, Path]:
    """Name of a view of the embedding projector -> folder of its last points (names of steps sort as numbers)."""
    return {unquote(path.parent.name): path.parent for path in sorted(folder.glob("[0-9]*/*/tensors.tsv"))}


def _points(name: str, place: Path) -> str:
    """Points of the embedding projector on two axes, with what they are called."""
    from gsv_lab.figures import png, speaker_space

    vectors = np.loadtxt(place / "tensors.tsv", delimiter="\t", ndmin=2)
    rows = (place / "metadata.tsv").read_text(encoding="utf-8").splitlines()[-len(vectors) :]
    labels = [row.split("\t")[0] for row in rows]
    shown = picture(png(speaker_space(vectors, labels)), f"the points of {name} on two axes")
    return f"<h3><code>{on_page(name)}</code></h3><p>{shown}</p>"


def _curves(curves: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Scalars, those of training and validation with one name in one panel."""
    panels: dict[str, dict[str, Any]] = {}
    for tag, rows in sorted(curves.items(), key=lambda item: not item[0].startswith(("train/", "valid/"))):
        split, _, name = tag.partition("/")
        known = split in ("train", "valid")
        steps, values = zip(*rows, strict=True)
        panels.setdefault(name if known else tag, {})[split if known else "value"] = (steps, values)
    return _pictures(panels, "batch")


def _histograms(found: Mapping[str, Sequence[Any]]) -> str:
    """First and last histogram of each tag as densities."""
    panels = {}
    for tag, rows in found.items():
        chosen = {f"step {row.step}": row.histogram_value for row in (rows[0], rows[-1])}
        panels[f"{tag}, density"] = {step: _density(value) for step, value in chosen.items()}
    return _pictures(panels, "value")


def _density(histogram: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middles of the buckets, and their share of the values for each unit of width: near 0 buckets are narrow."""
    limits, counts = np.asarray(histogram.bucket_limit), np.asarray(histogram.bucket)
    widths = np.diff(limits, prepend=2 * limits[0] - limits[1]) if len(limits) > 1 else np.ones(1)
    return limits - widths / 2, counts / widths / max(counts.sum(), 1)


def _pictures(panels: Mapping[str, Mapping[str, Any]], unit: str) -> str:
    """Pictures of at most `_PANELS` panels each."""
    from gsv_lab.figures import png, training_curves

    parts = []
    for first in range(0, len(panels), _PANELS):
        names = list(panels)[first : first + _PANELS]
        drawn = png(training_curves({name: panels[name] for name in names}, unit=unit))
        parts.append(f"<p>{picture(drawn, ', '.join(names))}</p>")
    return "".join(parts)
