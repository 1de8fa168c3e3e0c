"""Small bases for grids: a SoVITS of the synthetic corpus at reduced widths on few clips; cells that train nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from gsv_lab.checkpoint import save_component
from gsv_lab.evaluation.grids.cell import DONE, ITEMS, Cell, Outcome, folder_of, read_cell, write_outcome
from gsv_lab.evaluation.grids.items import Item, items_csv
from gsv_lab.system.config import build
from gsv_lab.system.yaml_text import write_text
from swapping import reduced, reduced_file

CORPUS = {"n_speakers": 6, "n_clips": 18, "seed": 1, "n_syllables": [3, 4]}
SPEAKERS = ("ann", "bob", "cid", "dot")
CLIPS = 3


def sovits_base(folder: Path, batches: int = 3, **data: Any) -> Path:
    """A configuration of SoVITS that trains in seconds, with the content encoder that it reads; `data` lies over it."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    content = save_component(build(reduced("synthetic", "content")).content_encoder, folder / "content.safetensors")
    small = {"corpus": {"init_args": CORPUS}, "content_file": str(content), "valid_speakers": 2, "windows": 2}
    over = {
        "data": {"init_args": {**small, "window_seconds": 1.0, **data}},
        "task": {"init_args": {"warm_up": 2}},
        "trainer": {"max_batches": batches, "device": "cpu"},
    }
    return joined(folder / "sovits.yaml", reduced_file("synthetic", "sovits"), over)


def joined(path: Path, base: Path, over: Mapping[str, Any]) -> Path:
    """A configuration with tables over it, as one file."""
    from gsv_lab.evaluation.grids.grid_file import tables_of
    from gsv_lab.system.overlay import overlay

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(write_text(overlay(tables_of(base), over)), encoding="utf-8")
    return path


def chance(*words: object) -> float:
    """A number from -1 to 1 that some words always give."""
    return int(hashlib.sha256(repr(words).encode()).hexdigest()[:8], 16) / 2**31 - 1


def pretended_items(made_of: Mapping[str, Any], effect: float = 0.0) -> list[Item]:
    """Measurements as a training might give: clips, seeds, and what the configuration adds."""
    seed = made_of["seed"]
    found = []
    for speaker in SPEAKERS:
        for number in range(CLIPS):
            name = f"{speaker}_{number}"
            value = (
                1.0 + 0.3 * chance(speaker, number) + 0.02 * chance(seed) + 0.01 * chance(name, seed, effect) + effect
            )
            found += [Item(name, speaker, "resynthesis_mel", value), Item(name, speaker, "kl", 2 * value)]
    return found


def pretend(root: Path, key: str, effect: float = 0.0) -> Outcome:
    """End a cell without a training: numbers that depend on its key's content alone."""
    items = pretended_items(read_cell(root, key)["made_of"], effect)
    (folder_of(root, key) / ITEMS).write_bytes(items_csv(items))
    outcome = Outcome(DONE, seconds=2.0, batches=3)
    write_outcome(root, key, outcome)
    return outcome


class Pretended:
    """An executor that trains nothing.

    Args:
        root: folder of the grid.
        ends: key -> how that cell ends instead, one after the other.
        effects: key -> what is added to its measurements.
    """

    def __init__(self, root: Path, ends: Mapping[str, list[Outcome]] | None = None, **effects: float) -> None:
        self.root, self.effects = root, effects
        self.ends = {key: list(found) for key, found in (ends or {}).items()}
        self.begun: list[str] = []
        self.next: list[Cell] = []
        self.closed = False

    def has_room(self) -> bool:
        return len(self.next) < 2

    def start(self, cell: Cell) -> None:
        self.begun.append(cell.key)
        self.next.append(cell)

    def wait(self) -> tuple[Cell, Outcome]:
        cell = self.next.pop()
        waiting = self.ends.get(cell.key)
        if waiting:
            outcome = waiting.pop(0)
            if outcome.end == "failed":
                write_outcome(self.root, cell.key, outcome)
            return cell, outcome
        return cell, pretend(self.root, cell.key, self.effects.get(cell.key, 0.0))

    def close(self) -> None:
        self.closed = True
