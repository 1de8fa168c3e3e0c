"""A family on disk: a folder with `model.json` and one weight file a component -> a Synthesizer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gsv_lab.checkpoint import fingerprint, load_component
from gsv_lab.errors import CheckpointError
from gsv_lab.models.synthesizer import Synthesizer
from gsv_lab.nn.pitch import PitchedLogMel
from gsv_lab.nn.sampling import Sampling
from gsv_lab.text.context import LexicalContext

ASSETS = Path(__file__).resolve().parent.parent / "assets"
PARTS = ("content_encoder", "semantic_gpt", "sovits")


@dataclass(frozen=True)
class Family:
    """Base weights with the defaults that go with them.

    Args:
        version: for example `nano-1`.
        folder: where the files lie.
        synthesizer: the networks.
        sampling: default sampling rule.
        noise_scale: default factor on the prior's deviation.
        codes_per_phone: most codes that a phone may take on average before decoding is stopped.
        card: the whole of `model.json`.
    """

    version: str
    folder: Path
    synthesizer: Synthesizer
    sampling: Sampling
    noise_scale: float
    codes_per_phone: float
    card: dict[str, Any] = field(default_factory=dict)

    def fingerprints(self) -> dict[str, str]:
        """Identity of the weights of each part."""
        return {name: fingerprint(getattr(self.synthesizer, name).state_dict()) for name in PARTS}


def known_families() -> dict[str, Path]:
    """Shipped families by version, newest last."""
    found = {path.parent.name: path.parent for path in ASSETS.glob("*/model.json")}
    return dict(sorted(found.items(), key=lambda item: (len(item[0]), item[0])))


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
        "one of " + ", ".join(["nano", *known]) + ", or a folder with a model.json",
    )


def load_family(name: str = "nano") -> Family:
    """Load base weights; offline, a second or so for nano."""
    folder = locate(name)
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    parts: dict[str, Any] = {part: load_component(folder / f"{part}.safetensors") for part in PARTS}
    rate = parts["sovits"].vocoder.sample_rate
    synthesizer = Synthesizer(**parts, context_encoder=LexicalContext(), analysis=PitchedLogMel(rate)).eval()
    return Family(
        card["version"],
        folder,
        synthesizer,
        Sampling(**card["sampling"]),
        card["noise_scale"],
        card["codes_per_phone"],
        card,
    )
