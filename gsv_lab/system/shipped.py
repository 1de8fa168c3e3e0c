"""Notebooks, configurations and clip lists that come with the package: beside it in a checkout, inside of it once it is
installed.

They are read where they are and never written; who wants to change one gets a copy (`gsv-lab course copy`).
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def is_checkout() -> bool:
    """Whether the package is used from its repository, where notebooks and configurations are one's own to change."""
    return not (PACKAGE / "shipped").is_dir()


def shipped_folder(name: str) -> Path:
    """Where `configs`, `notebooks` or the clip lists of `data` lie."""
    return (PACKAGE.parent if is_checkout() else PACKAGE / "shipped") / name


def shipped(path: str | Path) -> Path:
    """A path that somebody names; where there is nothing, and it begins with `configs` or `data`, the shipped file of
    that name, so that `configs/nano/gpt.yaml` means the same in every folder.
    """
    path = Path(path)
    if path.exists() or path.parts[:1] not in (("configs",), ("data",)) or ".." in path.parts:
        return path
    found = shipped_folder(path.parts[0]).joinpath(*path.parts[1:])
    return found if found.exists() else path
