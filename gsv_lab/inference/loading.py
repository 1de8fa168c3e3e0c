"""Base weights by name or place, ready to speak.

A folder with `model.json` and one weight file a component (nano and its like), or a released family, whose files
`gsv_lab.released.loading` finds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gsv_lab.checkpoint import load_component
from gsv_lab.checkpoint.legacy import upgrade_card
from gsv_lab.errors import CheckpointError
from gsv_lab.extensions.postfilter import FormantPostfilter, LatentPostfilter
from gsv_lab.extensions.residual_correction import ResidualCorrection
from gsv_lab.inference.family import PARTS, Family, known_families
from gsv_lab.inference.synthesizer import Synthesizer
from gsv_lab.nn.sampling import Sampling
from gsv_lab.released.catalogue import MODELS
from gsv_lab.text.context import LexicalContext


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
    if (Path(name) / "model.json").is_file():
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
        CheckpointError: CKPT_MISSING, with what is known or what is absent; files that are damaged.
        LabError: EXTRA_MISSING, a released family without the package that runs its companions.
    """
    if name in MODELS or (Path(name).exists() and not (Path(name) / "model.json").is_file()):
        from gsv_lab.released.loading import load_released

        return load_released(name)
    return _load_folder(locate(name))


def _load_folder(folder: Path) -> Family:
    card = upgrade_card(json.loads((folder / "model.json").read_text(encoding="utf-8")))
    files = {part: folder / f"{part}.safetensors" for part in PARTS}
    parts: dict[str, Any] = {part: load_component(path) for part, path in files.items()}
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
