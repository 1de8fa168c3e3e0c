"""What a grid compares: ablations with their levels, seeds, budgets, and which measure counts.

A grid file is YAML:

    ablations:
      - no_flow                                  # configs/ablations/no_flow.yaml
      - mine: overlays/mine.yaml                 # a file, relative to this one
      - wide: {sizes: {hidden: 96}}              # or what a file would say
      - codebook: {levels: {small: codebook_64, large: {sizes: {n_codes: 1024}}}}
      - base_again                               # the base with other seeds, against which nothing can differ
    seeds: [0, 1, 2]
    batches: 300                                 # or {content: 600, sovits: 300}
    primary: {no_flow: sovits/kl}                # a measure other than that of the stage
    items: 24                                    # clips that are measured; all that are held back if left out
    evaluator: runs/synthetic-evaluator/weights/content_encoder.safetensors
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.system.config import LARGEST
from gsv_lab.system.files import check_folder_name, read_file, why_unreadable
from gsv_lab.system.ranges import NonNegativeInt, PositiveInt
from gsv_lab.system.schema import misfit
from gsv_lab.system.shipped import shipped, shipped_folder
from gsv_lab.system.yaml_text import check_text, read_text

AGAIN = "base_again"
"""The ablation that changes nothing but the seeds."""
BASE = "base"
"""What the arms without an ablation are called."""
ONLY = "on"
"""Level of an ablation that has one."""

Overlay = Path | Mapping[str, Any] | type | None
"""A file that lies over the base, its content, a class in the place of the part of its role, or the base again."""


@dataclass(frozen=True)
class Level:
    """An ablation at one of its levels.

    Args:
        ablation: its name.
        name: of the level.
        overlay: what it does.
    """

    ablation: str
    name: str
    overlay: Overlay


@dataclass(frozen=True)
class Grid:
    """What a grid compares with its base.

    Args:
        levels: of all ablations; none for the base alone.
        seeds: of each.
        batches: of every training, or by stage; 0 for what the base says.
        primary: ablation -> its measure, where that is not the one of the stage.
        items: clips that are measured; 0 for all that are held back.
        evaluator: weights of a recogniser of the synthetic corpus that counts phone errors; empty for none.
    """

    levels: tuple[Level, ...] = ()
    seeds: tuple[int, ...] = (0,)
    batches: int | Mapping[str, int] = 0
    primary: Mapping[str, str] = field(default_factory=dict)
    items: int = 0
    evaluator: str = ""

    def __post_init__(self) -> None:
        """Refuse two arms of one name.

        Raises:
            ConfigError: GRID_EQUAL.
        """
        named = [f"{level.ablation}, {level.name}" for level in self.levels]
        for what, found in (("ablation", named), ("seed", self.seeds)):
            doubled = [each for each in found if list(found).count(each) > 1]
            if doubled:
                raise ConfigError("GRID_EQUAL", f"The grid has the {what} {doubled[0]} twice", "each once")

    def batches_of(self, stage: str) -> int:
        """Batches of a stage; 0 for what the base says."""
        return self.batches if isinstance(self.batches, int) else self.batches.get(stage, 0)


@dataclass(frozen=True)
class _File:
    """Entries of a grid file and their types."""

    ablations: list[Any] | dict[str, Any]
    seeds: list[NonNegativeInt] = field(default_factory=lambda: [0])
    batches: NonNegativeInt | dict[str, PositiveInt] = 0
    primary: dict[str, str] = field(default_factory=dict)
    items: NonNegativeInt = 0
    evaluator: str = ""


def read_grid(words: Sequence[str | Path]) -> Grid:
    """A grid file, or a grid of overlays: files, or names of those in `configs/ablations`.

    Raises:
        ConfigError: CONFIG_MISSING, there is no such file or name; CONFIG_UNKNOWN_KEY, CONFIG_TYPE, CONFIG_UNSAFE, of
            a grid file; GRID_EQUAL, an ablation or a seed twice; CONFIG_PATH, a name that is none.
    """
    if len(words) == 1 and (path := shipped(Path(words[0]))).suffix in (".yaml", ".yml") and path.is_file():
        tables = tables_of(path)
        if "ablations" in tables:
            return _read(tables, path)
    return grid_of({Path(word).stem: None if str(word) == AGAIN else str(word) for word in words})


def grid_of(ablations: Mapping[str, Any], near: Path | None = None, **more: Any) -> Grid:
    """A grid of ablations by name.

    Args:
        ablations: name -> a file, the name of one in `configs/ablations`, the content of one, a class, a table with
            `levels`, or None for the file of that name.
        near: folder from which relative files are looked for first.
        more: other entries of `Grid`.

    Raises:
        ConfigError: those of `read_grid`.
    """
    levels = [level for name, what in ablations.items() for level in _levels(str(name), what, near)]
    return Grid(tuple(levels), **more)


def _read(tables: Mapping[str, Any], path: Path) -> Grid:
    """A grid file's content."""
    known = [each.name for each in fields(_File)]
    for key in tables:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1, 0.3) or known
            raise ConfigError("CONFIG_UNKNOWN_KEY", f"{path.name} has the key '{key}'", f"'{near[0]}' perhaps")
    problem = misfit(dict(tables), _File, path.name)
    if problem:
        raise ConfigError("CONFIG_TYPE", problem, "a grid as docs/ablations.md has it")
    named = dict(_named(tables["ablations"], path))
    more = {key: value for key, value in tables.items() if key not in ("ablations", "seeds")}
    return grid_of(named, path.parent, seeds=tuple(tables.get("seeds", [0])), **more)


def _named(ablations: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """Name and content of the entries of `ablations`."""
    seen = set()
    for entry in ablations.items() if isinstance(ablations, Mapping) else ablations:
        pairs: Iterable[tuple[Any, Any]]
        if isinstance(entry, Mapping):
            pairs = entry.items()
        else:
            pairs = [entry] if isinstance(entry, tuple) else [(entry, None)]
        for name, what in pairs:
            if not isinstance(name, str) or not isinstance(what, (str, Mapping, type(None))):
                problem = f"{path.name} has the ablation {name!r:.60}: {what!r:.60}"
                raise ConfigError("CONFIG_TYPE", problem, "a name, or a name with a file or a table")
            if name in seen:
                raise ConfigError("GRID_EQUAL", f"The grid has the ablation {name} twice", "each once")
            seen.add(name)
            yield name, what


def _levels(name: str, what: Any, near: Path | None) -> Iterator[Level]:
    """The levels of an ablation."""
    check_folder_name(name, "An ablation")
    if name == BASE:
        raise ConfigError("CONFIG_PATH", f"An ablation is called '{BASE}', as what it is compared with", "another name")
    if not (isinstance(what, Mapping) and set(what) == {"levels"}):
        yield Level(name, ONLY, None if name == AGAIN and what is None else _overlay(name, what, near))
        return
    if not isinstance(what["levels"], Mapping) or not what["levels"]:
        raise ConfigError(
            "CONFIG_TYPE", f"levels of {name} are {what['levels']!r:.60}", "a table of names and overlays"
        )
    for level, overlay in what["levels"].items():
        check_folder_name(str(level), f"A level of {name}")
        yield Level(name, str(level), _overlay(str(level), overlay, near))


def _overlay(name: str, what: Any, near: Path | None) -> Overlay:
    """What an ablation does: tables, a class, or the file of a word."""
    if isinstance(what, (Mapping, type)):
        return what
    if what is not None and not isinstance(what, (str, Path)):
        raise ConfigError("CONFIG_TYPE", f"The ablation '{name}' is {what!r:.60}", "a file, a table or a class")
    word = Path(what or name)
    places = [] if near is None else [near / word]
    places += [shipped(word), shipped_folder("configs") / "ablations" / f"{word}.yaml"]
    for place in places:
        if place.is_file():
            return place
    there = [path.stem for path in (shipped_folder("configs") / "ablations").glob("*.yaml")]
    close = difflib.get_close_matches(word.stem, there, 1, 0.5)
    expected = f"'{close[0]}' perhaps" if close else "a YAML file, or the name of one in configs/ablations"
    raise ConfigError("CONFIG_MISSING", f"There is no overlay '{word}'", expected)


def tables_of(path: Path) -> dict[str, Any]:
    """The plain tables of a YAML file.

    Raises:
        ConfigError: CONFIG_MISSING, CONFIG_UNSAFE, CONFIG_TYPE.
    """
    try:
        text = read_file(path, LARGEST).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("CONFIG_MISSING", f"Cannot read {path}", "a YAML file", why_unreadable(error)) from error
    check_text(text, path.name)
    found = read_text(text, path.name)
    if not isinstance(found, dict):
        raise ConfigError("CONFIG_TYPE", f"{path.name} holds no table", "a grid, or an overlay")
    return found
