"""Base weights by name or place, ready to speak.

A folder with `model.json` and one weight file a component (nano and its like), or a released family, whose files
`gsv_lab.released.loading` finds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import functional

from gsv_lab.audio.reference import Reference, reference
from gsv_lab.checkpoint import fingerprint, load_component
from gsv_lab.errors import CheckpointError
from gsv_lab.extensions.postfilter import FormantPostfilter, LatentPostfilter
from gsv_lab.extensions.residual_correction import ReferenceMemory
from gsv_lab.inference.synthesizer import Synthesizer
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.sovits import analysis_for
from gsv_lab.released.catalogue import MODELS
from gsv_lab.text.context import LexicalContext

ASSETS = Path(__file__).resolve().parent.parent / "assets"
PARTS = ("content_encoder", "semantic_gpt", "sovits")
EXTRAS = ("verifier", "judge_en", "judge_zh", "discriminators")
"""Networks that may ship with a family and take no part in the synthesis: discriminators go on teaching it when a voice
is tuned, the others measure it and do nothing else.
"""


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
        listen: a sound file and a sample rate -> the clip that a voice is made of.
        prompt_silence: seconds of silence put behind the clip before its codes are taken.
        fewest_codes_per_phone: decoding may not end before so many codes for every phone.
        pause: seconds of silence between sentences.
        tunable: whether `Lab.finetune` knows how to train these networks.
        takes: how often each sentence is spoken, for its aligner to choose.
    """

    version: str
    folder: Path
    synthesizer: Synthesizer
    sampling: Sampling
    noise_scale: float
    codes_per_phone: float
    card: dict[str, Any] = field(default_factory=dict)
    listen: Callable[[Path, int], Reference] = field(default=reference, repr=False)
    prompt_silence: float = 0.0
    fewest_codes_per_phone: float = 1.0
    pause: float = 0.25
    tunable: bool = True
    takes: int = 1

    def reference(self, path: str | Path) -> Reference:
        """The clip of a recording that a voice is made of, at the rate of the networks; see `listen`."""
        return self.listen(Path(path), self.synthesizer.sample_rate)

    def hear_reference(self, wave: Tensor) -> Tensor:
        """Codes of such a clip, for the prompt: (T,) -> (F25,)."""
        silence = round(self.prompt_silence * self.synthesizer.sample_rate)
        return self.synthesizer.hear(functional.pad(wave.reshape(-1), (0, silence)))[0]

    def extra(self, name: str) -> Path | None:
        """File of one of the `EXTRAS`, or None where the family has none."""
        path = self.folder / f"{name}.safetensors"
        return path if path.is_file() else None

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
    folder = locate(name)
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    parts: dict[str, Any] = {part: load_component(folder / f"{part}.safetensors") for part in PARTS}
    analysis = analysis_for(parts["sovits"])
    memory = ReferenceMemory(**card["memory"]) if "memory" in card else None
    if "postfilters" in card:
        parts["sovits"].postfilter = LatentPostfilter(**card["postfilters"]["latent"])
        parts["sovits"].vocoder.postfilter = FormantPostfilter(**card["postfilters"]["formants"])
    synthesizer = Synthesizer(**parts, context_encoder=LexicalContext(), analysis=analysis, memory=memory).eval()
    sampling, scale = Sampling(**card["sampling"]), card["noise_scale"]
    return Family(
        card["version"], folder, synthesizer, sampling, scale, card["codes_per_phone"], card, takes=card.get("takes", 1)
    )
