"""Base weights by name or place, ready to speak.

A folder with `model.json` and one weight file a component (nano and its like), or a released family, whose files
`gsv_lab.released.loading` finds.
"""

from __future__ import annotations

import inspect
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gsv_lab.checkpoint import load_component
from gsv_lab.checkpoint.legacy import upgrade_card
from gsv_lab.errors import CheckpointError, ConfigError, printable
from gsv_lab.extensions.postfilter import FormantPostfilter, LatentPostfilter
from gsv_lab.extensions.residual_correction import ResidualCorrection
from gsv_lab.inference.family import PARTS, Family, known_families
from gsv_lab.inference.synthesizer import Synthesizer
from gsv_lab.nn.interfaces import ContentEncoder, SemanticGPTRole
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.released.catalogue import MODELS
from gsv_lab.system.ranges import NonNegativeFloat, PositiveFloat, PositiveInt
from gsv_lab.system.schema import misfit, misfit_arguments
from gsv_lab.text.context import LexicalContext

ROLES = {"content_encoder": ContentEncoder, "semantic_gpt": SemanticGPTRole, "sovits": SoVITS}
"""Of which class the networks in a family's files are."""

POSTFILTERS = {"latent": LatentPostfilter, "formants": FormantPostfilter}

LARGEST_CARD = 2**20


@dataclass(frozen=True)
class Card:
    """Entries of a `model.json`; see `Family` and `gsv_lab.training.release.release`."""

    version: str
    sampling: Sampling
    noise_scale: NonNegativeFloat
    max_codes_per_phone: PositiveFloat
    candidates: PositiveInt = 1
    pauses: bool = False
    residual_correction: dict[str, Any] = field(default_factory=dict)
    postfilters: dict[str, dict[str, Any]] = field(default_factory=dict)
    licence: str = ""
    credits: list[str] = field(default_factory=list)
    training_lists: list[str] = field(default_factory=list)
    components: dict[str, dict[str, Any]] = field(default_factory=dict)


def locate(name: str) -> Path:
    """Folder of a family: `nano` is the newest nano, `nano-1` this one, anything else a folder with a `model.json`.

    Raises:
        CheckpointError: CKPT_MISSING with the names that are known.
    """
    known = known_families()
    if name in known:
        return known[name]
    newest = [path for version, path in known.items() if version.rsplit("-", 1)[0] == name]
    if newest:
        return newest[-1]
    if os.path.isfile(Path(name) / "model.json"):
        return Path(name)
    raise CheckpointError(
        "CKPT_MISSING",
        f"There is no model '{name}'",
        "one of " + ", ".join(["nano", *known, *MODELS]) + ", a folder with a model.json, or imported released files",
    )


def load_family(name: str = "nano") -> Family:
    """Load base weights; offline, a second or so for nano.

    Args:
        name: `nano`, an exact version, `v1`, `v2`, `v2Pro`, `v2ProPlus`, a folder with a `model.json`, a folder with
            imported released files, or one of these files.

    Raises:
        CheckpointError: CKPT_MISSING, with what is known or what is absent; files that are damaged, see `read_card` and
            `gsv_lab.checkpoint.load_component`. ConfigError: CONFIG_INCONSISTENT, parts that do not fit together.
        LabError: EXTRA_MISSING, a released family without the package that runs its companions.
    """
    if name in MODELS or (os.path.exists(name) and not os.path.isfile(Path(name) / "model.json")):
        from gsv_lab.released.loading import load_released

        return load_released(name)
    return _load_folder(locate(name))


def read_card(folder: Path) -> dict[str, Any]:
    """The `model.json` of a family, in today's words.

    Raises:
        CheckpointError: CKPT_MISSING; CKPT_CORRUPT, it is no JSON, or an entry is unknown, absent or of another kind.
    """
    path = folder / "model.json"
    try:
        text = path.read_bytes()[: LARGEST_CARD + 1]
        if len(text) > LARGEST_CARD:
            raise ValueError(f"more than {LARGEST_CARD} bytes")
        card = json.loads(text)
        problem = "" if isinstance(card, dict) else "it is no table"
    except OSError as error:
        raise CheckpointError("CKPT_MISSING", f"Cannot read {path}: {error.strerror}", "a readable file") from error
    except (ValueError, RecursionError) as error:
        problem = f"it is no JSON ({error})"
    if not problem:
        card = upgrade_card(card)
        problem = _problem(card)
    if problem:
        raise CheckpointError("CKPT_CORRUPT", f"{path} describes no family: {problem}", "one written by `gsv-lab fit`")
    return card


def _problem(card: dict[str, Any]) -> str:
    """What is wrong with a card, in words; empty if nothing is."""
    problem = misfit(card, Card, "model.json")
    if problem:
        return problem
    if "postfilters" in card and card["postfilters"].keys() != POSTFILTERS.keys():
        return f"model.json.postfilters has not exactly the entries {' and '.join(POSTFILTERS)}"
    given: list[tuple[type, dict[str, Any]]] = [(ResidualCorrection, card.get("residual_correction", {}))]
    given += [(POSTFILTERS[name], arguments) for name, arguments in card.get("postfilters", {}).items()]
    for cls, arguments in given:
        unknown = arguments.keys() - inspect.signature(cls).parameters
        if unknown:
            return f"{cls.__name__} has no argument '{printable(min(unknown))[:40]}'"
        problem = misfit_arguments(cls, arguments)
        if problem:
            return problem
    try:
        Sampling(**card["sampling"])
    except ConfigError as error:
        return str(error)
    return ""


def _load_folder(folder: Path) -> Family:
    card = read_card(folder)
    files = {part: folder / f"{part}.safetensors" for part in PARTS}
    parts: dict[str, Any] = {part: load_component(path, ROLES[part]) for part, path in files.items()}
    correction = None
    if "residual_correction" in card:
        correction = ResidualCorrection(**card["residual_correction"])
    if "postfilters" in card:
        parts["sovits"].postfilter = LatentPostfilter(**card["postfilters"]["latent"])
        parts["sovits"].vocoder.postfilter = FormantPostfilter(**card["postfilters"]["formants"])
    synthesizer = Synthesizer(**parts, context_encoder=LexicalContext(), residual_correction=correction)
    return Family(
        version=card["version"],
        folder=folder,
        synthesizer=synthesizer.eval(),
        sampling=Sampling(**card["sampling"]),
        noise_scale=card["noise_scale"],
        max_codes_per_phone=card["max_codes_per_phone"],
        card=card,
        candidates=card.get("candidates", 1),
        files=files,
        pauses=card.get("pauses", False),
    )
