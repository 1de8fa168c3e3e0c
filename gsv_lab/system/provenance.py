"""What made a result: the kit's commit, the versions of what it rests on, and the machine."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import gsv_lab
from gsv_lab.system.machine import machine

PACKAGES = (
    "torch", "torchaudio", "numpy", "scipy", "librosa", "soundfile", "jiwer", "faster-whisper", "ctranslate2",
    "pocketsphinx", "speechmos", "torchmetrics", "peft", "onnxruntime", "Resemblyzer", "pystoi", "pesq", "pypinyin",
    "jieba", "transformers",
)  # fmt: skip
"""Packages whose versions can move a result; those that are not installed are left out."""


def provenance() -> dict[str, Any]:
    """`version`, `commit`, `packages` and `machine`, plain values for JSON."""
    return {
        "version": gsv_lab.__version__,
        "commit": commit(Path(gsv_lab.__file__).parent.parent),
        "packages": versions(PACKAGES),
        "machine": machine(),
    }


def versions(names: tuple[str, ...]) -> dict[str, str]:
    """The installed ones of some distributions."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit(root: Path) -> str:
    """The commit of a checkout, with `+` where tracked files were changed since; empty for an installed package."""
    if not (root / ".git").exists():
        return ""
    try:
        head = _git(root, "rev-parse", "HEAD")
        return head + "+" if _git(root, "status", "--porcelain", "--untracked-files=no") else head
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(root: Path, *arguments: str) -> str:
    made = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=True)
    return made.stdout.strip()
