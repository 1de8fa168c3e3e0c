"""The state of a training on disk: a checked archive of torch, read without running anything that lies in it."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from gsv_lab.errors import CheckpointError


def read_training_state(path: str | Path) -> dict[str, Any]:
    """All of a state, on the CPU whatever device it was written on.

    Raises:
        CheckpointError: CKPT_CORRUPT, the file is no archive, or a checksum in it is wrong, or it holds no table.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            wrong = archive.testzip()
        found = torch.load(path, map_location="cpu", weights_only=True)
    # What a damaged archive makes of the readers of Python and torch.
    except (OSError, RuntimeError, ValueError, EOFError, LookupError, TypeError, AttributeError) as error:
        raise _corrupt(path, str(error)) from error
    except (zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise _corrupt(path, str(error)) from error
    if wrong is not None:
        raise _corrupt(path, f"the checksum of '{wrong}' is wrong")
    if not isinstance(found, dict):
        raise _corrupt(path, "it holds no table")
    return found


def _corrupt(path: str | Path, why: str) -> CheckpointError:
    short = (why.splitlines() or ["it is damaged"])[0][:120]
    return CheckpointError("CKPT_CORRUPT", f"The state {path} cannot be read ({short})", "a whole file")
