"""The states of a fine-tuning that could become the voice: the untuned one, and each checkpoint.

Letters: T samples, P phones, G speaker width.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.voice_clips import AGAIN
from gsv_lab.corpora.voice_store import held_out_clips
from gsv_lab.extensions.residual_correction import Residuals
from gsv_lab.extensions.sovits import ExtendedSoVITS
from gsv_lab.inference.family import Family
from gsv_lab.inference.recordings import Recordings
from gsv_lab.inference.synthesizer import Prompt, Synthesizer
from gsv_lab.inference.voice import as_stored, tuned_synthesizer
from gsv_lab.nn.interfaces import SemanticGPTRole
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.text import Phones, phonemize
from gsv_lab.training.finetuning.tasks import FixedSpeaker, read_moved
from gsv_lab.training.gpt_task import GPTTask
from gsv_lab.training.sovits_task import SoVITSTask

PROMPT_SECONDS = 6.0
"""The clip nearest to this length becomes the prompt."""


@dataclass(frozen=True)
class Candidate:
    """What one state would put into a voice.

    Args:
        step: batches until then; 0 for the untuned voice.
        speaker: (1, G, 1).
        changed, adapters: see `Voice`.
        held_out: see `held_out_loss`, once it is measured.
    """

    step: int
    speaker: Tensor
    changed: Mapping[str, Tensor] = field(default_factory=dict)
    adapters: Mapping[str, Tensor] = field(default_factory=dict)
    held_out: float | None = None


@dataclass(frozen=True)
class Recorded:
    """The recordings of a fine-tuning, and what the base networks find in them.

    Args:
        family: base model.
        recordings: its networks at work.
        store: the clips.
        transcribed: whether they have transcripts.
    """

    family: Family
    recordings: Recordings
    store: ClipStore
    transcribed: bool

    @cached_property
    def rows(self) -> list[int]:
        """Numbers of the clips, each once."""
        return [index for index, row in enumerate(self.store.rows) if row.id != AGAIN]

    @cached_property
    def seconds(self) -> float:
        """Of all clips together."""
        return sum(self.store.rows[index].samples for index in self.rows) / self.store.sample_rate

    @cached_property
    def speaker(self) -> Tensor:
        """The untuned voice (1, G, 1): the middle of all clips."""
        waves = [torch.from_numpy(self.store.wave(index)) for index in self.rows]
        return as_stored(self.family.synthesizer.voice(waves))

    @cached_property
    def prompt(self) -> Prompt:
        """The clip nearest to six seconds as the prompt of SemanticGPT."""
        distances = {i: abs(self.store.rows[i].samples / self.store.sample_rate - PROMPT_SECONDS) for i in self.rows}
        return self.recordings.prompt(*self.clip(min(distances, key=lambda index: distances[index])))

    def clip(self, index: int) -> tuple[Tensor, Phones | None]:
        """A clip (T,) and its phones as the networks read them, None without transcripts."""
        row = self.store.rows[index]
        phones = self.family.phones(phonemize(row.text, row.language)) if self.transcribed else None
        return torch.from_numpy(self.store.wave(index)), phones

    def synthesizer(self, candidate: Candidate) -> Synthesizer:
        """The networks of a candidate."""
        return tuned_synthesizer(self.family.synthesizer, candidate.changed, candidate.adapters)

    def residuals(self, candidate: Candidate) -> Residuals | None:
        """What the residual correction learns of the clips for a candidate."""
        clips = [self.clip(index) for index in self.rows]
        return self.recordings.residuals(clips, candidate.speaker, self.synthesizer(candidate))


def candidates(recorded: Recorded, checkpoints: Mapping[str, Sequence[Path]]) -> list[Candidate]:
    """The untuned state and those of a run.

    Args:
        recorded: the recordings.
        checkpoints: stage -> folders called by their batches. Where there are several stages, those of equal place
            make one state.

    Raises:
        CheckpointError: those of `read_moved`.
    """
    base = recorded.family.synthesizer.state_dict()
    found = [Candidate(0, recorded.speaker)]
    for folders in zip(*checkpoints.values(), strict=False):
        changed: dict[str, Tensor] = {}
        adapters: dict[str, Tensor] = {}
        vector = recorded.speaker
        for file in (file for folder in folders for file in sorted(folder.glob("*.safetensors"))):
            moved, speaker = read_moved(file)
            # What no loss reached, for example predicted durations, is as it was and is not kept.
            changed |= {name: value for name, value in moved.changed.items() if moves(value, base[name])}
            adapters |= moved.adapters
            if speaker is not None:
                # What is measured of the recordings stays behind it.
                vector = torch.cat([speaker, recorded.speaker[:, speaker.shape[1] :]], dim=1)
        found.append(Candidate(int(folders[0].name), vector, changed, adapters))
    return found


def moves(value: Tensor, base: Tensor) -> bool:
    """Whether a tensor differs from that of the base in the precision of a voice file."""
    return not torch.equal(value, as_stored(base.cpu()))


def best_by_held_out(recorded: Recorded, found: Sequence[Candidate], stages: Sequence[str]) -> Candidate:
    """The candidate that foretells the held-out clips best; a warning where that is the untuned one."""
    measured = [replace(one, held_out=held_out_loss(recorded, one, stages)) for one in found]
    best = min(measured, key=lambda one: float(one.held_out or 0.0))
    if not best.step and len(measured) > 1:
        problem = f"none of {measured[-1].step} steps made the held-out recordings better"
        warnings.warn(f"FINETUNE_UNCHANGED: {problem}, so the networks are those of the base", stacklevel=3)
    return best


def held_out_loss(recorded: Recorded, candidate: Candidate, stages: Sequence[str]) -> float:
    """How badly a candidate foretells the held-out clips (nat), lower is better: the mean of `held_out_losses`."""
    return round(float(held_out_losses(recorded, candidate, stages).mean()), 4)


@torch.no_grad()
def held_out_losses(recorded: Recorded, candidate: Candidate, stages: Sequence[str]) -> np.ndarray:
    """How badly a candidate foretells each second of the held-out clips: (S,), nat, always in the same order.

    Of SoVITS it is the log-mel distance of speech from true codes, of SemanticGPT the cross entropy of the codes; of
    both one after the other.
    """
    synthesizer = recorded.synthesizer(candidate).cpu()
    losses: list[Tensor] = []
    if "sovits" in stages:
        losses += _mel_distances(recorded.store, synthesizer.sovits, candidate.speaker)
    if "gpt" in stages:
        losses += _code_losses(recorded.store, synthesizer.semantic_gpt)
    return torch.cat(losses).numpy()


def _mel_distances(store: ClipStore, sovits: SoVITS, voice: Tensor) -> list[Tensor]:
    tuned = cast(ExtendedSoVITS, sovits)
    tuned.speaker_encoder = FixedSpeaker(sovits.speaker_encoder, voice[:, : sovits.speaker_encoder.speaker_dim])
    tuned.postfilter = tuned.vocoder.postfilter = None
    task = SoVITSTask(tuned, guide_until=0.0, phone_index_dropout=0.0).eval()
    losses = []
    data = held_out_clips(store, "sovits")
    for clip in data.chosen["valid"]:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            losses.append(by_second(task.resynthesis_mel(data.collate([clip], None))[0], data.seconds(clip)))
    return losses


def _code_losses(store: ClipStore, semantic_gpt: SemanticGPTRole) -> list[Tensor]:
    task = GPTTask(semantic_gpt, guided_layer=-1).eval()
    losses = []
    data = held_out_clips(store, "gpt")
    for clip in data.chosen["valid"]:
        scored = task.losses(data.collate([clip], None), guided=False)
        each = functional.cross_entropy(scored.logits[0].float(), scored.targets[0], reduction="none")
        losses.append(by_second(each, data.seconds(clip)))
    return losses


def by_second(values: Tensor, seconds: float) -> Tensor:
    """Means over stretches of about a second: values (F,) of so many seconds -> (S,)."""
    pieces = torch.tensor_split(values, max(1, round(seconds)))
    return torch.stack([piece.mean() for piece in pieces])
