"""A voice: everything that makes the base model sound like one person, in one file.

It holds a speaker vector, a prompt, what the residual correction learnt of its recordings, and, if it was fine-tuned,
only the tensors that changed, or low-rank updates of them; of the base model it holds the version and a fingerprint of
each component, so that it is never joined to weights that it was not made for.
Letters: G speaker width, F25 codes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gsv_lab.checkpoint.native import check_seal, load_tensors, read_header, save_tensors
from gsv_lab.errors import CheckpointError
from gsv_lab.extensions.residual_correction import Residuals
from gsv_lab.inference.adapters import check_adapters, merge
from gsv_lab.inference.synthesizer import Prompt, Synthesizer
from gsv_lab.inference.voice_checks import ADAPTERS, CHANGED, TunedClip, check_fit, check_header, check_tensors
from gsv_lab.system.environment import clock
from gsv_lab.text import Phones

STORED = torch.float16
"""Number format of floating-point tensors in a voice file."""


@dataclass(frozen=True)
class Voice:
    """One person's voice for one version of the base model.

    Args:
        name: for people; the mark of made files carries it.
        parent: version of the base model, for example `nano-1`.
        parents: component name -> fingerprint of the weights that it was made for.
        speaker: speaker vector (1, G, 1).
        prompt: codes and phones of the reference.
        changed: fine-tuned tensors by their name in SoVITS (`sovits.`) or SemanticGPT (`semantic_gpt.`).
        adapters: low-rank updates of layers by the same names (`gsv_lab.inference.adapters`).
        consent: the note given with `--consent`.
        settings: how it was made: reference, options, losses.
        created: ISO date and time in UTC.
        residuals: how the sounds of the recordings differ from what the base, or the tuned parts, expect of the voice.
        lexicon: the user's dictionary given with `--lexicon`, word -> reading.
        tuned_on: the clips that it was tuned on; nothing where that was not noted, or where it was not tuned.
    """

    name: str
    parent: str
    parents: Mapping[str, str]
    speaker: Tensor
    prompt: Prompt
    changed: Mapping[str, Tensor] = field(default_factory=dict)
    adapters: Mapping[str, Tensor] = field(default_factory=dict)
    consent: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    created: str = field(default_factory=lambda: clock().isoformat())
    residuals: Residuals | None = None
    lexicon: dict[str, str] = field(default_factory=dict)
    tuned_on: Sequence[TunedClip] = ()

    def __post_init__(self) -> None:
        """Takes all numbers in the precision of a voice file, so that a voice sounds the same before and after it was
        saved.
        """
        rounded: dict[str, Any] = {"speaker": as_stored(self.speaker)}
        rounded["changed"] = {name: as_stored(value) for name, value in self.changed.items()}
        rounded["adapters"] = {name: as_stored(value) for name, value in self.adapters.items()}
        if self.residuals is not None:
            rounded["residuals"] = Residuals(*map(as_stored, self.residuals))
        for name, value in rounded.items():
            object.__setattr__(self, name, value)

    @property
    def tuned(self) -> bool:
        """Whether it speaks with other networks than those of the base."""
        return bool(self.changed or self.adapters)

    @property
    def networks(self) -> dict[str, Any]:
        """What makes them its own: those fields of a voice, for another one that speaks with the same networks."""
        return {"changed": self.changed, "adapters": self.adapters, "tuned_on": self.tuned_on}

    def save(self, path: str | Path) -> Path:
        """Write one `.safetensors` file in half precision, with a checksum over all that is in it.

        Raises:
            CheckpointError: CKPT_NONFINITE. LabError: SAVE_FAILED; an older file is then intact.
        """
        tensors = {"voice.speaker": self.speaker, "voice.codes": self.prompt.codes}
        if self.prompt.phone_index is not None:
            tensors["voice.phone_index"] = self.prompt.phone_index
        if self.residuals is not None:
            tensors["residuals.hidden"] = self.residuals.hidden
            tensors["residuals.weights"] = self.residuals.weights
        for name, value in self.changed.items():
            tensors[f"{CHANGED}{name}"] = value
        for name, value in self.adapters.items():
            tensors[f"{ADAPTERS}{name}"] = value
        header = {
            "kind": "voice",
            "name": self.name,
            "parent": self.parent,
            "parents": dict(self.parents),
            "phones": None if self.prompt.phones is None else self.prompt.phones.to_dict(),
            "consent": self.consent,
            "settings": dict(self.settings),
            "created": self.created,
            "lexicon": self.lexicon,
            "tuned_on": [asdict(clip) for clip in self.tuned_on],
        }
        return save_tensors(tensors, path, header, STORED, sealed=True)

    @classmethod
    def load(cls, path: str | Path) -> Voice:
        """Read a voice file.

        Raises:
            CheckpointError: CKPT_FORMAT, no voice; CKPT_TAMPERED, changed since it was written; CKPT_CORRUPT, an entry
                that is absent or of another kind; CKPT_KEYS, CKPT_SHAPE, CKPT_RANGE, tensors of no voice; those of
                `gsv_lab.checkpoint.native.load_tensors`.
        """
        header = read_header(path)
        name = Path(path).name
        if header.get("kind") != "voice":
            expected = "a file made by `gsv-lab clone` or `finetune`"
            raise CheckpointError("CKPT_FORMAT", f"{name} holds weights, not a voice", expected)
        check_seal(path, header)
        check_header({key: value for key, value in header.items() if key != "tensors"}, name)
        tensors = load_tensors(path)
        check_tensors(tensors, name)
        return cls._from(header, tensors)

    @classmethod
    def _from(cls, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Voice:
        phones = None
        if header["phones"] is not None:
            phones = Phones.from_dict(header["phones"])
        residuals = None
        if "residuals.hidden" in tensors:
            residuals = Residuals(tensors["residuals.hidden"], tensors["residuals.weights"])
        return cls(
            name=header["name"],
            parent=header["parent"],
            parents=dict(header["parents"]),
            speaker=tensors["voice.speaker"],
            prompt=Prompt(tensors["voice.codes"], phones, tensors.get("voice.phone_index")),
            changed=beginning(CHANGED, tensors),
            adapters=beginning(ADAPTERS, tensors),
            consent=header["consent"],
            settings=dict(header["settings"]),
            created=header["created"],
            residuals=residuals,
            lexicon=dict(header.get("lexicon", {})),
            tuned_on=tuple(TunedClip(**clip) for clip in header.get("tuned_on", ())),
        )

    def check_parent(self, version: str, fingerprints: Mapping[str, str]) -> None:
        """Refuse other base weights.

        Raises:
            CheckpointError: CKPT_PARENT_MISMATCH, with the command that makes the voice anew.
        """
        names = self.parents.keys() | fingerprints.keys()
        wrong = sorted(name for name in names if fingerprints.get(name) != self.parents.get(name))
        if self.parent == version and not wrong:
            return
        differing = f" ({', '.join(wrong)} differ)" if wrong else ""
        verb = "finetune" if self.tuned else "clone"
        raise CheckpointError(
            "CKPT_PARENT_MISMATCH",
            f"The voice '{self.name}' was made for {self.parent}, loaded is {version}{differing}",
            "the weights that it was made for",
            f"Make it anew of its recordings: gsv-lab {verb} RECORDING --output VOICE.safetensors",
        )

    def check_fit(self, base: Synthesizer) -> None:
        """Refuse what the base networks cannot take; see `gsv_lab.inference.voice_checks.check_fit`."""
        name = f"The voice '{self.name[:60]}'"
        check_fit(base, self.speaker, self.prompt, self.residuals, self.changed, name)
        check_adapters(base, self.adapters, name)


def as_stored(value: Tensor) -> Tensor:
    """A tensor as it comes back from a voice file."""
    return value.to(STORED).float() if value.is_floating_point() else value


def tuned_synthesizer(
    base: Synthesizer, changed: Mapping[str, Tensor], adapters: Mapping[str, Tensor] | None = None
) -> Synthesizer:
    """A copy of the base networks with the tensors and the updates of a tuned voice put in."""
    made = copy.deepcopy(base)
    made.load_state_dict({**made.state_dict(), **changed})
    merge(made, adapters or {})
    return made.eval()


def beginning(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, without that beginning."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
