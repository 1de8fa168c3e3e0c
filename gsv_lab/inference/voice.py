"""A voice: everything that makes the base model sound like one person, in one file.

It holds a speaker vector, a prompt, a memory of its recordings, and, if it was fine-tuned, only the tensors that
changed; of the base model it holds the version and a fingerprint of each component, so that it is never joined to
weights that it was not made for.
Letters: G speaker width, F25 codes. Does not know how voices are made (`gsv_lab.inference.lab`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gsv_lab.checkpoint.native import load_tensors, read_header, save_tensors
from gsv_lab.errors import CheckpointError
from gsv_lab.extensions.residual_correction import Memory
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.system.environment import clock
from gsv_lab.text import Phones


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
        consent: the note given with `--consent`.
        settings: how it was made: reference, options, losses.
        created: ISO date and time in UTC.
        memory: how the sounds of the recordings differ from what the base, or the tuned parts, expect of such a voice.
    """

    name: str
    parent: str
    parents: Mapping[str, str]
    speaker: Tensor
    prompt: Prompt
    changed: Mapping[str, Tensor] = field(default_factory=dict)
    consent: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    created: str = field(default_factory=lambda: clock().isoformat())
    memory: Memory | None = None

    def save(self, path: str | Path) -> Path:
        """Write one `.safetensors` file: changed tensors in half precision, the rest as it is.

        Raises:
            LabError: SAVE_FAILED; an older file is then intact.
        """
        tensors = {"voice.speaker": self.speaker, "voice.codes": self.prompt.codes}
        if self.prompt.places is not None:
            tensors["voice.places"] = self.prompt.places
        if self.memory is not None:
            tensors |= {f"memory.{name}": value for name, value in self.memory._asdict().items()}
        tensors |= {f"changed.{name}": value.half() for name, value in self.changed.items()}
        header = {
            "kind": "voice", "name": self.name, "parent": self.parent, "parents": dict(self.parents),
            "phones": None if self.prompt.phones is None else self.prompt.phones.to_dict(),
            "consent": self.consent, "settings": dict(self.settings), "created": self.created,
        }  # fmt: skip
        return save_tensors(
            {k: v.float() if v.dtype == torch.float16 else v for k, v in tensors.items()}, path, header, torch.float16
        )

    @classmethod
    def load(cls, path: str | Path) -> Voice:
        """Read a voice file.

        Raises:
            CheckpointError: no voice (CKPT_FORMAT), damaged, not finite; see `gsv_lab.checkpoint.native.read_header`.
        """
        header = read_header(path)
        if header.get("kind") != "voice":
            expected = "a file made by `gsv-lab clone` or `finetune`"
            raise CheckpointError("CKPT_FORMAT", f"{Path(path).name} holds weights, not a voice", expected)
        tensors = load_tensors(path)
        changed = {k.removeprefix("changed."): v for k, v in tensors.items() if k.startswith("changed.")}
        try:
            phones = None if header["phones"] is None else Phones.from_dict(header["phones"])
            prompt = Prompt(tensors["voice.codes"], phones, tensors.get("voice.places"))
            known = "memory.hidden" in tensors
            memory = Memory(tensors["memory.hidden"], tensors["memory.lesson"]) if known else None
            return cls(
                header["name"], header["parent"], dict(header["parents"]), tensors["voice.speaker"], prompt, changed,
                header["consent"], dict(header["settings"]), header["created"], memory,
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem = f"{Path(path).name} lacks a part of a voice ({error})"
            raise CheckpointError("CKPT_CORRUPT", problem, "a whole file") from error

    def check_parent(self, version: str, fingerprints: Mapping[str, str]) -> None:
        """Refuse other base weights.

        Raises:
            CheckpointError: CKPT_PARENT_MISMATCH, with the command that makes the voice anew.
        """
        wrong = sorted(name for name, value in self.parents.items() if fingerprints.get(name) != value)
        if self.parent == version and not wrong:
            return
        source = self.settings.get("source", "RECORDING")
        differing = f" ({', '.join(wrong)} differ)" if wrong else ""
        verb = "finetune" if self.changed else "clone"
        raise CheckpointError(
            "CKPT_PARENT_MISMATCH",
            f"The voice '{self.name}' was made for {self.parent}, loaded is {version}{differing}",
            "the weights that it was made for",
            f"Make it anew: gsv-lab {verb} {source} --output VOICE",
        )
