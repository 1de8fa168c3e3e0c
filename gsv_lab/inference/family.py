"""Base weights with the defaults that go with them, and where shipped ones lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import functional

from gsv_lab.audio.reference import Reference, reference
from gsv_lab.checkpoint import file_fingerprint, fingerprint
from gsv_lab.checkpoint.legacy import OLD_FILES
from gsv_lab.extensions.residual_correction import ResidualCorrection
from gsv_lab.inference.synthesizer import Synthesizer
from gsv_lab.nn.sampling import Sampling
from gsv_lab.system.shipped import shipped_folder
from gsv_lab.text import Phones
from gsv_lab.text.pauses import with_pauses

ASSETS = Path(__file__).resolve().parent.parent / "assets"
PARTS = ("content_encoder", "semantic_gpt", "sovits")
EXTRAS = ("speaker_verifier", "recogniser_en", "recogniser_zh", "discriminators")
"""Networks that may ship with a family and take no part in the synthesis: discriminators go on teaching it when a voice
is tuned, the speaker verifier helps to choose among tuned voices, recognisers evaluate and do nothing else.
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
        max_codes_per_phone: most codes that a phone may take on average before decoding is stopped.
        card: the whole of `model.json`.
        select_reference: a sound file and a sample rate -> the clip that a voice is made of.
        prompt_silence: seconds of silence put behind the clip before its codes are taken.
        min_codes_per_phone: decoding may not end before so many codes for every phone.
        pause: seconds of silence between sentences.
        released: whether it is one of the released families, which have stores and batches of their own.
        candidates: how often each sentence is spoken, for a reranker to choose.
        files: weight files by component, for their identity.
        pauses: whether the networks learned from texts with places for pauses (`gsv_lab.text.pauses`).
    """

    version: str
    folder: Path
    synthesizer: Synthesizer
    sampling: Sampling
    noise_scale: float
    max_codes_per_phone: float
    card: dict[str, Any] = field(default_factory=dict)
    select_reference: Callable[[Path, int], Reference] = field(default=reference, repr=False)
    prompt_silence: float = 0.0
    min_codes_per_phone: float = 1.0
    pause: float = 0.25
    released: bool = False
    candidates: int = 1
    files: Mapping[str, Path] = field(default_factory=dict)
    pauses: bool = False

    @property
    def training_lists(self) -> list[Path]:
        """Lists of the clips that trained it and by which it was chosen: files beside it, or that come with the kit."""
        names = [Path(name).name for name in self.card.get("training_lists", [])]
        own = self.folder
        return [own / name if (own / name).is_file() else shipped_folder("data") / name for name in names]

    def phones(self, phones: Phones) -> Phones:
        """A text as the networks read it, with places for pauses where they know them."""
        return with_pauses(phones) if self.pauses else phones

    def reference(self, path: str | Path) -> Reference:
        """The clip of a recording that a voice is made of, at the rate of the networks; see `select_reference`."""
        return self.select_reference(Path(path), self.synthesizer.sample_rate)

    def encode_reference(self, wave: Tensor) -> Tensor:
        """Codes of such a clip, for the prompt: (T,) -> (F25,)."""
        silence = round(self.prompt_silence * self.synthesizer.sample_rate)
        return self.synthesizer.encode(functional.pad(wave.reshape(-1), (0, silence)))[0]

    def extra(self, name: str) -> Path | None:
        """File of one of the `EXTRAS`, or None where the family has none."""
        if name in self.files:
            return self.files[name]
        for stem in (name, OLD_FILES.get(name, name)):
            path = self.folder / f"{stem}.safetensors"
            if path.is_file():
                return path
        return None

    def fingerprints(self) -> dict[str, str]:
        """Identity of the weights of each part: that of its file, else that of its tensors.

        A residual correction has no weights. What it learnt of a voice means something only to one with the same
        settings, so they are its identity, where they are not the class's own.
        """
        networks = {
            "content_encoder": self.synthesizer.content_encoder,
            "semantic_gpt": self.synthesizer.semantic_gpt,
            "sovits": self.synthesizer.sovits,
        }
        found = {}
        for name, network in networks.items():
            if name in self.files:
                found[name] = file_fingerprint(self.files[name])
            else:
                found[name] = fingerprint(network.state_dict())
        correction = self.synthesizer.residual_correction
        if correction is not None and correction.settings() != ResidualCorrection().settings():
            found["residual_correction"] = correction.settings()
        return found


def known_families() -> dict[str, Path]:
    """Shipped families by version, newest last."""
    found = {path.parent.name: path.parent for path in ASSETS.glob("*/model.json")}
    return dict(sorted(found.items(), key=lambda item: (len(item[0]), item[0])))


def shipped_network(name: str) -> Path | None:
    """File of one of the `EXTRAS` in the newest shipped family that has one."""
    files = [folder / f"{name}.safetensors" for folder in known_families().values()]
    return next((file for file in reversed(files) if file.is_file()), None)
