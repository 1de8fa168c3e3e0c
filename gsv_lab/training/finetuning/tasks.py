"""The tasks of fine-tuning: those of the base training, on a copy of the base networks in which few tensors learn.

Half of the waves are made as in synthesis, and the discriminators of the base, where it came with them, go on. The
posterior stays as it is, so that the latent keeps its meaning.
Letters: B batch, G speaker width, P phones.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from gsv_lab.checkpoint import load_component
from gsv_lab.checkpoint.native import load_tensors, save_tensors
from gsv_lab.corpora.sovits_data import SoVITSBatch
from gsv_lab.errors import ConfigError
from gsv_lab.extensions.sovits import ExtendedSoVITS
from gsv_lab.inference.family import Family
from gsv_lab.inference.loading import load_family
from gsv_lab.inference.voice import STORED, beginning
from gsv_lab.inference.voice_checks import ADAPTERS, CHANGED
from gsv_lab.nn.interfaces import Conditioning, Discriminator, Features, SpeakerEncoder
from gsv_lab.system.files import make_folder
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeFloat, NonNegativeInt, PositiveFloat
from gsv_lab.training.finetuning.methods import Method, Moved, tunable_gpt, tunable_sovits
from gsv_lab.training.gpt_task import GPTTask
from gsv_lab.training.schedules import Constant
from gsv_lab.training.sovits_task import SoVITSTask

WEIGHTS = {
    "mel": 45.0,
    "prior_mel": 45.0,
    "convergence": 15.0,
    "kl": 1.0,
    "f0": 5.0,
    "f0_variance": 2.5,
    "voicing": 1.0,
    "adversarial": 2.0,
    "features": 2.0,
}
"""Of the losses of SoVITS where a configuration names none."""

RECORDED = ("audio/reference", "audio/target", "audio/copy_synthesis", "latent/projector", "speaker/projector")
"""Views that hold a recording, or what it can be made again from."""

SPEAKER = "speaker"
"""Name of the speaker vector in a checkpoint."""


class FixedSpeaker(SpeakerEncoder):
    """A speaker encoder in training's place: always the same, trainable vector.

    features -> (B, G, 1)

    Args:
        encoder: the one whose place it takes.
        vector: (1, G, 1), where it starts; zeros, to be filled from a checkpoint, if None.
    """

    def __init__(self, encoder: SpeakerEncoder, vector: Tensor | None = None) -> None:
        super().__init__()
        self.speaker_dim = encoder.speaker_dim
        self.ltas_dim = encoder.ltas_dim
        self.gives = encoder.gives
        self.vector = nn.Parameter(torch.zeros(1, encoder.speaker_dim, 1) if vector is None else vector.clone())
        # In a tuple, so that the encoder's tensors are not among this module's.
        self._encoder = (encoder,)

    def forward(self, features: Features, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """The vector, once for each item."""
        return self.vector.expand(features.spec.shape[0], -1, -1)

    def conditioning(self, speaker: Tensor, ltas: Tensor | None = None) -> Conditioning:
        """As the encoder has it."""
        return self._encoder[0].conditioning(speaker, ltas)


def base_family(base: object) -> Family:
    """The base model: one that is at hand already, or the one of a name.

    Raises:
        CheckpointError: there is no such model, or its files are damaged.
    """
    return base if isinstance(base, Family) else load_family(str(base))


def own_sovits(family: Family) -> ExtendedSoVITS:
    """A copy of a base model's SoVITS to be tuned, with a vector in place of its speaker encoder.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, it has no posterior.
    """
    # A plain SoVITS does not read what only the extended one has.
    sovits = cast(ExtendedSoVITS, copy.deepcopy(family.synthesizer.sovits).cpu())
    if sovits.posterior is None:
        problem = f"SoVITS of {family.version} came without a posterior, as exports of the released program do"
        raise ConfigError(
            "CONFIG_INCONSISTENT", problem, "base weights, from which one can go on", "Take the stage gpt"
        )
    sovits.speaker_encoder = FixedSpeaker(sovits.speaker_encoder)
    # What comes after the networks must not teach them to undo it.
    sovits.postfilter = sovits.vocoder.postfilter = None
    return sovits


class TunedSoVITSTask(SoVITSTask):
    """`SoVITSTask` on a copy of a base model's SoVITS, in which the tensors learn that a method chooses.

    Losses by name as there; codebook and guided attention are left to the base training. Checkpoints and weights hold
    what learns alone (`read_moved`). The learning rate is constant after its warm-up. No view holds a recording.

    Args:
        base: name of the base model, as `gsv_lab.load` takes it; in Python also its `Family`.
        method: what learns.
        transcribed: whether the clips have transcripts; without them what joins content and text stays as it is.
        weights: see `Task`; those of `WEIGHTS` if None.
        learning_rate, warm_up, weight_decay, gradient_clip: see `Task`.
        from_prior: share of each batch whose waves are made as in synthesis.
    """

    tags = tuple(tag for tag in SoVITSTask.tags if tag.name not in RECORDED)

    def __init__(
        self,
        base: str,
        method: Method,
        transcribed: bool = True,
        weights: Mapping[str, NonNegativeFloat] | None = None,
        learning_rate: PositiveFloat = 2e-4,
        warm_up: NonNegativeInt = 10,
        weight_decay: NonNegativeFloat = 0.01,
        gradient_clip: NonNegativeFloat = 20.0,
        from_prior: ClosedUnitInterval = 0.5,
    ) -> None:
        family = base_family(base)
        sovits = own_sovits(family)
        sovits.from_prior = from_prior
        method.apply(tunable_sovits(sovits, transcribed))
        path = family.extra("discriminators")
        super().__init__(
            sovits, None if path is None else load_component(path, Discriminator), "", WEIGHTS | dict(weights or {}),
            learning_rate, warm_up, weight_decay, gradient_clip, adversarial_from=0.0, guide_until=0.0,
            phone_index_dropout=0.0,
        )  # fmt: skip
        # Shipped networks come ready to speak, and a trainer leaves that as it is.
        self.train()
        self.method = method
        self.schedule = Constant()
        self.voice_of = family.synthesizer.voice

    def setup(self, stage: str) -> None:
        """The speaker vector starts as that of all recordings; a state that is gone on with replaces it."""
        store = self.trainer.datamodule.store  # type: ignore[attr-defined]
        waves = [torch.from_numpy(store.wave(index)) for index in range(len(store))]
        self.speaker.data.copy_(self.voice_of(waves)[:, : self.speaker.shape[1]])

    @property
    def speaker(self) -> nn.Parameter:
        """The speaker vector (1, G, 1)."""
        return cast(FixedSpeaker, self.sovits.speaker_encoder).vector

    def validation_step(self, batch: SoVITSBatch, batch_idx: int) -> None:
        """As in the base training, with the same draws every time."""
        with torch.random.fork_rng():
            torch.manual_seed(batch_idx)
            super().validation_step(batch, batch_idx)

    def write(self, folder: Path, info: Mapping[str, Any]) -> dict[str, Path]:
        """Write what learns, and the speaker vector."""
        moved = self.method.moved(self.sovits)
        moved.changed.pop("speaker_encoder.vector")
        return {"sovits": write_moved(folder, "sovits", moved, info, {SPEAKER: self.speaker.detach()})}


class TunedGPTTask(GPTTask):
    """`GPTTask` on a copy of a base model's SemanticGPT, in which the tensors learn that a method chooses.

    Checkpoints and weights hold what learns alone (`read_moved`). The learning rate is constant after its warm-up.

    Args:
        base: see `TunedSoVITSTask`.
        method: what learns.
        weights: see `Task`.
        learning_rate, warm_up, weight_decay, gradient_clip: see `Task`.
        label_smoothing, corrupted: see `GPTTask`.
    """

    def __init__(
        self,
        base: str,
        method: Method,
        weights: Mapping[str, NonNegativeFloat] | None = None,
        learning_rate: PositiveFloat = 1e-4,
        warm_up: NonNegativeInt = 10,
        weight_decay: NonNegativeFloat = 0.05,
        gradient_clip: NonNegativeFloat = 1.0,
        label_smoothing: ClosedUnitInterval = 0.05,
        corrupted: ClosedUnitInterval = 0.1,
    ) -> None:
        family = base_family(base)
        semantic_gpt = copy.deepcopy(family.synthesizer.semantic_gpt).cpu()
        method.apply(tunable_gpt(semantic_gpt))
        super().__init__(
            semantic_gpt, weights, learning_rate, warm_up, weight_decay, gradient_clip, guided_layer=-1,
            label_smoothing=label_smoothing, corrupted=corrupted,
        )  # fmt: skip
        self.train()
        self.method = method
        self.schedule = Constant()

    def write(self, folder: Path, info: Mapping[str, Any]) -> dict[str, Path]:
        """Write what learns."""
        moved = self.method.moved(self.semantic_gpt)
        return {"semantic_gpt": write_moved(folder, "semantic_gpt", moved, info)}


def write_moved(
    folder: Path, network: str, moved: Moved, info: Mapping[str, Any], more: Mapping[str, Tensor] | None = None
) -> Path:
    """Write what fine-tuning has moved of a network: `FOLDER/NETWORK.safetensors`, in the precision of a voice file.

    Raises:
        LabError: SAVE_FAILED. CheckpointError: CKPT_NONFINITE.
    """
    tensors = {f"{CHANGED}{network}.{name}": value for name, value in moved.changed.items()}
    tensors |= {f"{ADAPTERS}{network}.{name}": value for name, value in moved.adapters.items()}
    path = make_folder(folder) / f"{network}.safetensors"
    return save_tensors(tensors | dict(more or {}), path, {"kind": "moved", "info": dict(info)}, STORED)


def read_moved(path: Path) -> tuple[Moved, Tensor | None]:
    """What `write_moved` wrote, under names in the synthesizer; the speaker vector (1, G, 1), where it holds one.

    Raises:
        CheckpointError: those of `gsv_lab.checkpoint.native.load_tensors`.
    """
    tensors = load_tensors(path)
    speaker = tensors.pop(SPEAKER, None)
    return Moved(beginning(CHANGED, tensors), beginning(ADAPTERS, tensors)), speaker
