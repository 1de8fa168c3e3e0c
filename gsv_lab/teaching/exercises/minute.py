"""What notebook 09 tunes a voice on: slices of the shipped sample, of which three are spoiled.

Letters: T samples.
"""

from __future__ import annotations

import atexit
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

from torch import Tensor

from gsv_lab import audio
from gsv_lab.corpora.earlier import LIST
from gsv_lab.corpora.listfile import Row, read_list, write_list
from gsv_lab.corpora.prepare import Prepared
from gsv_lab.hooks import Table
from gsv_lab.inference.lab import Lab
from gsv_lab.system import examples
from gsv_lab.system.files import make_folder
from gsv_lab.system.folders import private_folder
from gsv_lab.teaching.exercises.material import shipped_sample
from gsv_lab.teaching.exercises.metrics import changed
from gsv_lab.teaching.exercises.sounds import Sound

RATE = 16000
CLIPS: Sequence[tuple[int, str]] = (
    (0, ""), (1, ""), (3, "noise"), (2, ""), (0, "clipped"), (4, "quiet"), (3, ""), (1, "text"),
)  # fmt: skip
"""The slices clip_1, clip_2 ...: which sentence of the sample, and what was done to it."""
NOISE_DB, GAIN_DB, QUIET_DB = 8.0, 5.0, -14.0
"""Signal over noise of the noisy slice, gain of the clipped one, and that of the quiet one, which is as good as any."""
WRONG_TEXT = 2
"""Sentence whose text the slice `text` is given."""


def workplace() -> Path:
    """A folder for recordings and runs that nobody else may look into; it vanishes with this process."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(private_folder())


def slices(lab: Lab, folder: Path) -> Prepared:
    """The eight slices of the notebook as `gsv-lab prepare` makes them, of the shipped sample, three of them spoiled.

    Args:
        lab: aligns texts.
        folder: a new one is made in it.
    """
    sample, sentences = shipped_sample(), examples.sample_card()["sentences"]
    raw = make_folder(folder / "raw")
    rows = []
    for number, (place, fault) in enumerate(CLIPS, 1):
        edges = (round(sentences[place][end] * RATE) for end in ("start", "end"))
        path = audio.write(raw / f"clip_{number}.flac", _spoiled(sample.wave[slice(*edges)], fault), RATE, sample.mark)
        text = sentences[WRONG_TEXT if fault == "text" else place]["text"]
        rows.append(Row(Path(path.name), "speaker", "en", text))
    write_list(raw / LIST, rows)
    return lab.prepare([raw], folder / "slices", list_file=raw / LIST, sample_rate=RATE)


def _spoiled(wave: Tensor, fault: str) -> Tensor:
    if fault == "noise":
        return changed(wave, noise=NOISE_DB)
    if fault == "clipped":
        return changed(wave, gain=GAIN_DB)
    # That of the wrong text is a little quieter, for `prepare` refuses the same samples twice.
    return wave * 10 ** ({"quiet": QUIET_DB, "text": -1.0}.get(fault, 0.0) / 20)


def reported(prepared: Prepared) -> Table:
    """What the report of `prepare` says of each slice, and how well its text fits, in nats for each phone."""
    rows = []
    for piece in prepared.slices:
        found = piece.quality
        fit = "–" if piece.score is None else f"{piece.score:.2f}"
        rows.append(
            {
                "slice": name_of(piece.path),
                "s": f"{piece.end - piece.start:.1f}",
                "signal over noise (dB)": f"{found.snr_db:.0f}",
                "level (dBFS)": f"{found.level:.0f}",
                "clipped": f"{found.clipping:.2%}",
                "fit of the text": fit,
                "text": piece.text[:36] + "…",
            }
        )
    return Table(rows)


def name_of(path: str) -> str:
    """`clip_3` of `slices/clip_3_0001.flac`."""
    return Path(path).stem.rpartition("_")[0]


def heard_slices(prepared: Prepared, names: Collection[str]) -> dict[str, Sound]:
    """Some slices, for players."""
    chosen = {name_of(piece.path): prepared.folder / piece.path for piece in prepared.slices}
    waves = {name: audio.read(chosen[name], RATE) for name in names}
    return {name: Sound(found.samples, RATE, audio.read_mark(chosen[name])) for name, found in waves.items()}


def leave_out(prepared: Prepared, names: Collection[str]) -> Path:
    """Take slices out of the list of a prepared folder, as one does by hand in `list.txt`; gives the folder."""
    path = prepared.folder / LIST
    kept = [row for row in read_list(path) if name_of(row.path.name) not in names]
    write_list(path, [row._replace(path=row.path.relative_to(prepared.folder)) for row in kept])
    return prepared.folder
