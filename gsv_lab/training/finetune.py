"""A few minutes of training on one person's recordings: the simple recipe behind `gsv-lab finetune` and the demo.

Speaker vector, flow and vocoder move; with transcripts the joint stack of the prior moves too. Everything else, above
all the posterior, stays, so that the latent keeps its meaning. Half of the waves are made as in synthesis, and the
discriminators of the base, where it came with them, go on. Held-out windows decide when to stop, and the best state is
kept.
Letters: G speaker width, P phones.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from pytorch_lightning.utilities import move_data_to_device
from torch import Tensor, nn
from tqdm.auto import tqdm

from gsv_lab import audio
from gsv_lab.checkpoint import load_component
from gsv_lab.corpora.sovits_data import SoVITSData
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.tracks import add_codes, add_content, add_pitch
from gsv_lab.corpora.voice_clips import AGAIN, read_clips
from gsv_lab.errors import ConfigError
from gsv_lab.extensions.sovits import ExtendedSoVITS
from gsv_lab.inference.family import Family
from gsv_lab.inference.recordings import Recordings
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice, as_stored, tuned_synthesizer
from gsv_lab.nn.interfaces import Conditioning, Discriminator, Features, SpeakerEncoder
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.system.folders import private_folder
from gsv_lab.system.machine import arithmetic
from gsv_lab.system.seeds import check_seed
from gsv_lab.text import Phones, phonemize
from gsv_lab.training.finite import check_gradient, check_losses
from gsv_lab.training.moving_average import MovingAverage
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

NOT_TUNED = frozenset({"guide", "commitment"})
"""Losses of the base training alone: what a few recordings say about text and codebook would only wear these out."""

AVERAGE_DECAY = 0.97
"""Of the moving average of the weights: a minute of speech makes single steps noisy."""

VALIDATE_EVERY = 30
"""Steps."""


class FixedSpeaker(SpeakerEncoder):
    """A speaker encoder in training's place: always the same, trainable vector.

    features -> (B, G, 1)

    Args:
        encoder: the one whose place it takes.
        vector: (1, G, 1), where it starts.
    """

    def __init__(self, encoder: SpeakerEncoder, vector: Tensor) -> None:
        super().__init__()
        self.speaker_dim = encoder.speaker_dim
        self.ltas_dim = encoder.ltas_dim
        self.gives = encoder.gives
        self.vector = nn.Parameter(vector.clone())
        # In a tuple, so that the encoder's tensors are not among this module's.
        self._encoder = (encoder,)

    def forward(self, features: Features, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """The vector, once for each item."""
        return self.vector.expand(features.spec.shape[0], -1, -1)

    def conditioning(self, speaker: Tensor, ltas: Tensor | None = None) -> Conditioning:
        """As the encoder has it."""
        return self._encoder[0].conditioning(speaker, ltas)


def finetune(
    family: Family,
    recordings: Recordings,
    folder: str | Path,
    *,
    consent: str = "",
    name: str = "",
    max_seconds: float = 60.0,
    steps: int = 240,
    learning_rate: float = 2e-4,
    patience: int = 3,
    seed: int = 1234,
) -> Voice:
    """Tune a voice on a prepared folder.

    Args:
        family: base model.
        recordings: what its networks find in recordings.
        folder: made by `gsv-lab prepare`: `list.txt` and `slices/`.
        consent: note on who agreed, kept in the voice.
        name: of the voice; the folder's name if empty.
        max_seconds: of speech to use, in list order.
        steps: at most.
        learning_rate: of AdamW.
        patience: evaluations (one every 30 steps and one at the end) without a better held-out loss before it stops.
        seed: of windows and noise.

    Raises:
        ConfigError: PARAM_RANGE. DataError: those of `read_clips`. LabError: SAVE_FAILED.
    """
    _check_ranges(steps, max_seconds, learning_rate)
    folder = Path(folder)
    seed = check_seed(seed)
    torch.manual_seed(seed)
    with private_folder() as private:
        store, transcribed = pack(family, folder, private, max_seconds)
        task = tuned_task(family, store, transcribed)
        data = SoVITSData(str(store.folder), windows=4, window_seconds=2.0, worst_fit=-90.0, other_clip=0.0, seed=seed)
        data.setup()
        history = train(task, data, steps, learning_rate, patience, family.synthesizer.precision)
        clips = [recording(family, store, i, transcribed) for i in range(len(store)) if store.rows[i].id != AGAIN]
        prompt = reference_prompt(recordings, store, transcribed)
        speaker = as_stored(voice_of(task.sovits, store).cpu())
        seconds = sum(row.samples for row in store.rows if row.id != AGAIN) / store.sample_rate
    changed = changed_tensors(family, task.sovits)
    voice = Voice(
        name=name or folder.name,
        parent=family.version,
        parents=recordings.fingerprints,
        speaker=speaker,
        prompt=prompt,
        changed=changed,
        consent=consent,
        settings={
            "source": folder.name,
            "seconds": round(seconds, 1),
            "transcribed": transcribed,
            "steps": history["steps"],
            "held_out_loss": history["loss"],
        },
    )
    return replace(
        voice, residuals=recordings.residuals(clips, speaker, tuned_synthesizer(family.synthesizer, changed))
    )


def _check_ranges(steps: int, max_seconds: float, learning_rate: float) -> None:
    if not 0 <= steps < math.inf or steps != int(steps):
        raise ConfigError("PARAM_RANGE", f"steps is {steps}", "a whole number from 0 on", "Choose another steps")
    for option, value in (("max_seconds", max_seconds), ("learning_rate", learning_rate)):
        if not 0 < value < math.inf:
            raise ConfigError("PARAM_RANGE", f"{option} is {value}", "a number above 0", f"Choose another {option}")


def changed_tensors(family: Family, sovits: nn.Module) -> dict[str, Tensor]:
    """The tuned tensors that differ from the base's, in the precision of a voice file."""
    base = family.synthesizer.sovits.state_dict()
    changed = {}
    for key, value in sovits.state_dict().items():
        if key in base and not torch.equal(value, base[key]):
            changed[f"sovits.{key}"] = as_stored(value.cpu())
    return changed


def pack(family: Family, folder: Path, private: Path, max_seconds: float) -> tuple[ClipStore, bool]:
    """The folder's clips as a store with all tracks; whether they have transcripts.

    Every fifth clip, and at least one, is held out for stopping.
    """
    clips = read_clips(folder, max_seconds)
    transcribed = all(clip.text for clip in clips)
    synthesizer = family.synthesizer
    rate = synthesizer.sample_rate
    store = ClipStore.pack(private / "store", clips, lambda path: audio.read(path, rate).samples.numpy(), rate)
    add_pitch(store)
    add_content(store, synthesizer.content_encoder, family.version, family.pauses)
    # Codes are looked up on the CPU, where the store is.
    add_codes(store, copy.deepcopy(synthesizer.sovits.quantizer).cpu(), family.version)
    return store, transcribed


def tuned_task(family: Family, store: ClipStore, transcribed: bool) -> SoVITSTask:
    """A SoVITS task on a copy of the base with only the chosen parts free, and a speaker vector of its own."""
    sovits = cast(ExtendedSoVITS, copy.deepcopy(family.synthesizer.sovits))
    speaker = voice_of(sovits, store)[:, : sovits.speaker_encoder.speaker_dim]
    sovits.speaker_encoder = FixedSpeaker(sovits.speaker_encoder, speaker)
    sovits.from_prior = 0.5
    # What comes after the networks must not teach them to undo it.
    sovits.postfilter = None
    sovits.vocoder.postfilter = None
    sovits.requires_grad_(False)
    for module in sovits.tuned_modules(transcribed):
        module.requires_grad_(True)
    path = family.extra("discriminators")
    discriminators = None if path is None else load_component(path, Discriminator)
    return SoVITSTask(sovits, discriminators, weights=WEIGHTS).to(family.synthesizer.device)


@torch.no_grad()
def voice_of(sovits: SoVITS, store: ClipStore) -> Tensor:
    """The voice (1, G, 1) of all recordings of a store."""
    device = next(sovits.parameters()).device
    waves = [torch.from_numpy(store.wave(i)).reshape(1, 1, -1).to(device) for i in range(len(store))]
    return sovits.eval().voice([sovits.frontend.reference(wave) for wave in waves])


def train(
    task: SoVITSTask,
    data: SoVITSData,
    steps: int,
    learning_rate: float,
    patience: int,
    precision: str = "32",
) -> dict[str, Any]:
    """Steps with early stopping; leaves the best state of a moving average of the weights in the task.

    Batches come to where the task lies; its networks multiply in `precision`.

    Raises:
        LabError: TRAIN_NONFINITE.
    """
    device = next(task.sovits.parameters()).device
    optimizers = [adam(part, learning_rate) for part in task.components().values()]
    average = MovingAverage(AVERAGE_DECAY, warm_up=False)
    average.update(task.sovits)
    held_out = [move_data_to_device(data.collate(data.chosen["valid"], None), device)]
    best, state = held_out_loss(task, held_out), copy.deepcopy(task.sovits.state_dict())
    waited, done = 0, 0
    for step in tqdm(range(steps), "fine-tuning"):
        task.batches = step
        with arithmetic(precision, device):
            train_step(task, move_data_to_device(data.draw(step), device), optimizers)
        average.update(task.sovits)
        if (step + 1) % VALIDATE_EVERY and step + 1 < steps:
            continue
        with average.applied(task.sovits):
            value = held_out_loss(task, held_out)
            waited = 0 if value < best else waited + 1
            if value < best:
                best, state, done = value, copy.deepcopy(task.sovits.state_dict()), step + 1
        if waited >= patience:
            break
    task.sovits.load_state_dict(state)
    if steps and not done:
        problem = f"none of {step + 1} steps made the held-out recordings better"
        warnings.warn(f"FINETUNE_UNCHANGED: {problem}, so the networks are those of the base", stacklevel=3)
    return {"steps": done, "loss": round(best, 4)}


def train_step(task: SoVITSTask, batch: Any, optimizers: list[torch.optim.Optimizer]) -> None:
    """One batch: first the discriminators, then the networks that speak.

    Raises:
        LabError: TRAIN_NONFINITE.
    """
    # The networks alone: a task that trains would now and then hide from the prior which phone a code speaks.
    task.sovits.train()
    out, real, terms, _ = task.generate(batch)
    if task.discriminators is not None:
        made = out.vocoded.wave
        loss = task.discriminator_loss(task.discriminators, real, made)
        move(optimizers[1], {"discriminator": loss}, task.batches)
        terms |= task.adversarial_terms(task.discriminators, real, made)
    move(optimizers[0], {name: value for name, value in terms.items() if name not in NOT_TUNED}, task.batches)


def adam(part: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """AdamW over what is free in a network."""
    free = [p for p in part.parameters() if p.requires_grad]
    return torch.optim.AdamW(free, learning_rate, betas=(0.8, 0.99))


def move(optimizer: torch.optim.Optimizer, terms: Mapping[str, Tensor], batch: int) -> None:
    """Backward, clip, step.

    Raises:
        LabError: TRAIN_NONFINITE, a term or the gradient is not finite.
    """
    loss = torch.stack([WEIGHTS.get(name, 1.0) * value for name, value in terms.items()]).sum()
    check_losses(terms, loss, batch)
    optimizer.zero_grad()
    loss.backward()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    check_gradient(nn.utils.clip_grad_norm_(parameters, 20.0), ", ".join(terms), batch)
    optimizer.step()


@torch.no_grad()
def held_out_loss(task: SoVITSTask, batches: Iterable[Any]) -> float:
    """Log-mel distance of speech from true codes to the held-out recordings (nat): lower is better."""
    task.eval()
    torch.manual_seed(0)
    return float(np.mean([float(task.resynthesis_mel(batch)) for batch in batches]))


def reference_prompt(recordings: Recordings, store: ClipStore, transcribed: bool) -> Prompt:
    """The clip nearest to six seconds as the prompt of SemanticGPT."""
    distances = [abs(row.samples / store.sample_rate - 6.0) for row in store.rows]
    index = distances.index(min(distances))
    return recordings.prompt(*recording(recordings.family, store, index, transcribed))


def recording(family: Family, store: ClipStore, index: int, transcribed: bool) -> tuple[Tensor, Phones | None]:
    """A clip (T,) and its phones as the family's networks read them, None without transcripts."""
    row = store.rows[index]
    phones = family.phones(phonemize(row.text, row.language)) if transcribed else None
    return torch.from_numpy(store.wave(index)), phones
