"""Whisper models from a folder on this disk, for whoever evaluates, transcribes or learns by them; no network.

Source: Radford et al. 2022, arXiv:2212.04356; run by faster-whisper, the extra [asr].
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from gsv_lab.errors import CheckpointError
from gsv_lab.system.environment import whisper_dir
from gsv_lab.system.extras import require
from gsv_lab.system.threads import given_threads

FILES = ("model.bin", "config.json", "tokenizer.json")
"""What a folder of a Whisper model in CTranslate2's layout has; its vocabulary lies beside in one of two formats."""
VOCABULARIES = ("vocabulary.txt", "vocabulary.json")
"""A list of its tokens, one a line or as JSON."""
MULTILINGUAL = 51865
"""Tokens of the smallest vocabulary of several languages; that of English alone has one less."""
HOW_TO_GET = "See docs/results.md on recognisers, which says how to get them"


def load_whisper(folder: str | Path, compute_type: str = "float32") -> Any:
    """A `faster_whisper.WhisperModel` on the processor, with as many threads as torch began with.

    Args:
        folder: one model in CTranslate2's layout.
        compute_type: precision of its matrices, for example `int8`.

    Raises:
        LabError: `EXTRA_MISSING`, faster-whisper is not installed.
        CheckpointError: `CKPT_MISSING`, a file is absent; `CKPT_CORRUPT`, the files cannot be read.
    """
    folder = Path(folder)
    check_folder(folder)
    package = require("faster_whisper", "asr")
    try:
        return package.WhisperModel(
            str(folder), device="cpu", compute_type=compute_type, cpu_threads=given_threads(), local_files_only=True
        )
    except (RuntimeError, ValueError, OSError) as error:
        problem = f"{folder} holds no Whisper model that can be read: {error}"
        raise CheckpointError("CKPT_CORRUPT", problem, "CTranslate2's layout", HOW_TO_GET) from error


def check_folder(folder: Path) -> None:
    """Refuse a folder that lacks a file of a model of Whisper.

    Raises:
        CheckpointError: `CKPT_MISSING`.
    """
    for name in FILES:
        if not (folder / name).is_file():  # faster-whisper would fetch a tokenizer that it lacks
            raise _lacks(folder, name)


def is_multilingual(folder: Path) -> bool:
    """Whether the model in a folder knows other languages than English, by the size of its vocabulary.

    Raises:
        CheckpointError: `CKPT_MISSING`, no vocabulary; `CKPT_CORRUPT`, it cannot be read.
    """
    path = next((folder / name for name in VOCABULARIES if (folder / name).is_file()), None)
    if path is None:
        raise _lacks(folder, " or ".join(VOCABULARIES))
    try:
        text = path.read_text("utf-8")
        tokens = json.loads(text) if path.suffix == ".json" else text.removesuffix("\n").split("\n")
        return len(tokens) >= MULTILINGUAL
    except (ValueError, TypeError, OSError) as error:
        problem = f"{path} cannot be read: {error}"
        raise CheckpointError("CKPT_CORRUPT", problem, "CTranslate2's layout", HOW_TO_GET) from error


def _lacks(folder: Path, name: str) -> CheckpointError:
    expected = f"a folder with {', '.join(FILES)} and a vocabulary"
    return CheckpointError("CKPT_MISSING", f"{folder} has no {name}", expected, HOW_TO_GET)


def whisper_folders(folder: str | Path) -> list[Path]:
    """The models in a folder: itself, or the folders in it that hold a `model.bin`.

    Raises:
        CheckpointError: `CKPT_MISSING`, there is none.
    """
    folder = Path(folder)
    own = [folder] if (folder / "model.bin").is_file() else sorted(path.parent for path in folder.glob("*/model.bin"))
    if not own:
        expected = "a model in CTranslate2's layout, or a folder of such"
        raise CheckpointError("CKPT_MISSING", f"There is no Whisper model in {folder}", expected, HOW_TO_GET)
    return own


def named_whisper(name: str | Path) -> Path:
    """The folder of a model by its name, `whisper-base` or `whisper-tiny.en`, or the local folder that is given.

    Names are looked for in the folder `GSV_LAB_WHISPER`, where `base`, `tiny_en` and `whisper-tiny.en` will do, too.

    Raises:
        CheckpointError: `CKPT_MISSING`, there is no such model.
    """
    if os.path.isdir(name):
        found = whisper_folders(name)
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise CheckpointError("CKPT_MISSING", f"{name} holds several models", f"one of {names}, with its folder")
        return found[0]
    root = whisper_dir()
    if root is None:
        problem = f"There is no folder {str(name)!r}, and GSV_LAB_WHISPER names none of Whisper models"
        raise CheckpointError("CKPT_MISSING", problem, "a folder with a model", HOW_TO_GET)
    known = {_plain(path.name): path for path in whisper_folders(root)}
    if _plain(str(name)) not in known:
        expected = f"{' or '.join(f'whisper-{plain}' for plain in sorted(known))}, or a folder with a model"
        raise CheckpointError("CKPT_MISSING", f"There is no Whisper model {str(name)!r}", expected, HOW_TO_GET)
    return known[_plain(str(name))]


def _plain(name: str) -> str:
    """`tiny.en` for `whisper-tiny.en`, `tiny_en` and itself."""
    return name.removeprefix("whisper-").replace("_", ".")
