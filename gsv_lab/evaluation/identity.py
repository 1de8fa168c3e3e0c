"""What makes a sound, as one short hash: two waves with the same one are the same wave.

A measurement that is kept and used again must never be that of another sound. So it is kept under the weights, the
settings, the kit's own code, the device and the format of numbers, besides seed, text and recordings.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch

import gsv_lab
from gsv_lab.checkpoint import fingerprint
from gsv_lab.inference.voice import Voice

DIGITS = 16
PACKAGES = ("audio", "checkpoint", "extensions", "inference", "nn", "released", "text")
"""Folders of the kit through which a text becomes a wave."""
TEXT_ASSETS = ("cmudict/cmudict.dict.gz", "*/letter_to_sound.safetensors")
DESCRIPTIONS = ("version", "licence", "credits", "training_lists", "components")
"""Entries of a `model.json` that describe the weights; the weights themselves stand beside them."""


def identity_of(parts: Any) -> str:
    """Hash of plain values; anything that JSON lacks counts as it is written out."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def lab_identity(lab: Any, options: Mapping[str, Any] | None = None) -> str:
    """Hash of a loaded `Lab`: weights, defaults, kit, torch, device and precision, and the options of `Lab.speak`."""
    family = lab.family
    defaults = {name: value for name, value in vars(family).items() if name not in ("version", "card", "folder")}
    for name in ("synthesizer", "files", "select_reference"):
        defaults.pop(name)
    card = {name: value for name, value in family.card.items() if name not in DESCRIPTIONS}
    where = [family.synthesizer.device.type, family.synthesizer.precision, torch.__version__]
    return identity_of([dict(lab.recordings.fingerprints), defaults, card, where, kit_identity(), dict(options or {})])


def voice_identity(voice: Voice) -> str:
    """Hash of a voice: its tensors, and what else of it is spoken with."""
    tensors = {f"changed.{name}": value for name, value in voice.changed.items()}
    tensors |= {f"adapters.{name}": value for name, value in voice.adapters.items()}
    tensors |= {"speaker": voice.speaker, "codes": voice.prompt.codes}
    if voice.prompt.phone_index is not None:
        tensors["phone_index"] = voice.prompt.phone_index
    if voice.residuals is not None:
        tensors |= {"hidden": voice.residuals.hidden, "weights": voice.residuals.weights}
    return identity_of([fingerprint(tensors), voice.prompt.phones, dict(voice.parents), voice.lexicon])


@cache
def kit_identity() -> str:
    """Hash of the kit's code from text to wave, without comments and docstrings, and of its dictionaries."""
    root = Path(gsv_lab.__file__).parent
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).glob("**/*.py")):
            digest.update(f"{path.relative_to(root).as_posix()}\n{plain_code(path.read_text('utf-8'))}\n".encode())
    for pattern in TEXT_ASSETS:
        for path in sorted((root / "assets").glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:DIGITS]


def plain_code(source: str) -> str:
    """A module's syntax without what does nothing: comments, and strings that stand alone."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_text(part)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
