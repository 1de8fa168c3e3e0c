"""A few minutes of training on one person's recordings: the simple recipe behind `gsv-lab finetune` and the demo.

Speaker vector, flow and vocoder move; with transcripts the joint stack of the prior moves too. Everything else, above
all the posterior, stays, so that the latent keeps its meaning. Half of the waves are made as in synthesis, and the
discriminators of the base, where it came with them, go on judging. Held-out windows decide when to stop, and the best
state is kept.
Letters: G speaker width, P phones.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from gsv_lab import audio
from gsv_lab.checkpoint import load_component
from gsv_lab.corpora.listfile import read_list
from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.sovits_data import SoVITSData
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.tracks import add_codes, add_heard, add_pitch
from gsv_lab.errors import DataError
from gsv_lab.extensions.source_filter_vocoder import SourceFilterVocoder
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.nn.discriminators import Discriminators
from gsv_lab.nn.interfaces import SpeakerEncoder
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.text import Phones, phonemize
from gsv_lab.training.sovits_task import SoVITSTask

if TYPE_CHECKING:
    from gsv_lab.inference.lab import Lab

LEAST_SECONDS = 5.0
WITH_TEXT = ("speaker_encoder.", "flow.", "vocoder.", "pitch_predictor.", "prior.fused_stack.", "prior.leave.")
WITHOUT_TEXT = ("speaker_encoder.", "flow.", "vocoder.")
WEIGHTS = {
    "mel": 45.0, "expected_mel": 45.0, "convergence": 15.0, "kl": 1.0, "f0": 5.0, "melody": 2.5, "voicing": 1.0,
    "adversarial": 2.0, "features": 2.0,
}  # fmt: skip

AGAIN = "(again)"
"""Name of a single clip where it stands a second time, to be held out: nothing else is there."""

AVERAGE = 0.03
"""Share of a step's weights in their moving average: a minute of speech makes single steps noisy."""


class FixedSpeaker(SpeakerEncoder):
    """A speaker encoder that has heard enough: always the same, trainable vector.

    (B, C, F) -> (B, G, 1)

    Args:
        vector: (1, G, 1), where it starts.
    """

    def __init__(self, vector: Tensor) -> None:
        super().__init__()
        self.speaker_dim = vector.shape[1]
        self.vector = nn.Parameter(vector.clone())

    def forward(self, spec: Tensor, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """The vector, once for each item."""
        return self.vector.expand(spec.shape[0], -1, -1)


def finetune(
    lab: Lab,
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
        lab: base model.
        folder: made by `gsv-lab prepare`: `list.txt` and `slices/`.
        consent: note on who agreed, kept in the voice.
        name: of the voice; the folder's name if empty.
        max_seconds: of speech to use, in list order.
        steps: at most.
        learning_rate: of AdamW.
        patience: evaluations (one every 30 steps) without a better held-out loss before it stops.
        seed: of windows and noise.

    Raises:
        DataError: DATA_TOO_SHORT, DATA_MISSING and those of the list.
    """
    folder = Path(folder)
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as temporary:
        store, transcribed = pack(lab, folder, Path(temporary), max_seconds)
        task, speaker = tuned_task(lab, store, transcribed)
        data = SoVITSData(str(store.folder), windows=4, window_seconds=2.0, worst_fit=-90.0, other_clip=0.0, seed=seed)
        data.setup()
        history = train(task, data, steps, learning_rate, patience)
        prompt = reference_prompt(lab, store, transcribed)
        heard = [index for index in range(len(store)) if store.rows[index].id != AGAIN]
        clips = [recording(store, index, transcribed) for index in heard]
    base = lab.family.synthesizer.sovits.state_dict()
    changed = {
        f"sovits.{key}": value.half().float()
        for key, value in task.sovits.state_dict().items()
        if key in base and not torch.equal(value, base[key])
    }
    settings = {
        "source": folder.name,
        "seconds": round(sum(row.samples for row in store.rows) / store.sample_rate, 1),
        "transcribed": transcribed,
        "steps": history["steps"],
        "held_out_loss": history["loss"],
    }
    vector = speaker.vector.detach().half().float()
    voice = Voice(name or folder.name, lab.version, lab.fingerprints(), vector, prompt, changed, consent, settings)
    return replace(voice, memory=lab.memory(clips, vector, lab.synthesizer_for(voice)))


def pack(lab: Lab, folder: Path, temporary: Path, max_seconds: float) -> tuple[ClipStore, bool]:
    """The folder's clips as a store with all tracks; whether they have transcripts.

    Every fifth clip, and at least one, is held out for stopping.
    """
    clips: list[Clip] = []
    total = 0.0
    for row in read_list(folder / "list.txt"):
        seconds = audio.read(row.path).seconds
        if total and total + seconds > max_seconds:
            continue
        total += seconds
        split = "valid" if len(clips) % 5 == 1 else "train"
        clips.append(Clip(Path(row.path).stem, Path(row.path), "one", row.language, row.text, split))
    if total < LEAST_SECONDS:
        raise DataError(
            "DATA_TOO_SHORT", f"{folder} holds {total:.1f} s", f"at least {LEAST_SECONDS:g} s", "Record more"
        )
    if len(clips) == 1:
        clips = [*clips, Clip(AGAIN, clips[0].path, "one", clips[0].language, clips[0].text, "valid")]
    rate = lab.sample_rate
    transcribed = all(clip.text for clip in clips)
    if not transcribed:
        clips = [Clip(c.id, c.path, c.speaker, c.language, "", c.split) for c in clips]
    store = ClipStore.pack(temporary / "store", clips, lambda path: audio.read(path, rate).samples.numpy(), rate)
    synthesizer = lab.family.synthesizer
    add_pitch(store)
    add_heard(store, synthesizer.content_encoder, lab.version)
    add_codes(store, cast(VectorQuantizer, synthesizer.sovits.quantizer), lab.version)
    return store, transcribed


def tuned_task(lab: Lab, store: ClipStore, transcribed: bool) -> tuple[SoVITSTask, FixedSpeaker]:
    """A SoVITS task on a copy of the base with only the chosen parts free, and its speaker vector."""
    synthesizer = lab.family.synthesizer
    sovits: SoVITS = copy.deepcopy(synthesizer.sovits)
    waves = [torch.from_numpy(store.wave(i)) for i in range(len(store))]
    speaker = FixedSpeaker(synthesizer.voice(waves).detach())
    sovits.speaker_encoder, sovits.from_prior = speaker, 0.5
    # What comes after the networks must not teach them to undo it.
    sovits.postfilter = None
    if isinstance(sovits.vocoder, SourceFilterVocoder):
        sovits.vocoder.postfilter = None
    free = WITH_TEXT if transcribed else WITHOUT_TEXT
    for name, parameter in sovits.named_parameters():
        parameter.requires_grad_(name.startswith(free))
    path = lab.family.extra("discriminators")
    judges = None if path is None else cast(Discriminators, load_component(path))
    return SoVITSTask(sovits, judges, weights=WEIGHTS), speaker


def train(task: SoVITSTask, data: SoVITSData, steps: int, learning_rate: float, patience: int) -> dict[str, Any]:
    """Steps with early stopping; leaves the best state of a moving average of the weights in the task."""
    optimizers = [
        torch.optim.AdamW([p for p in part.parameters() if p.requires_grad], learning_rate, betas=(0.8, 0.99))
        for part in task.components().values()
    ]
    free = [p for p in task.sovits.parameters() if p.requires_grad]
    average = [p.detach().clone() for p in free]
    held_out = [data.collate(data.chosen["valid"], None)]
    best, state, waited, done = held_out_loss(task, held_out), copy.deepcopy(task.sovits.state_dict()), 0, 0
    for step in tqdm(range(steps), "fine-tuning"):
        # The networks alone: a task that trains would now and then hide from the prior which phone a code speaks.
        task.sovits.train()
        out, real, terms = task.generate(data.draw(step))
        if task.discriminators is not None:
            move(optimizers[1], task.judge_loss(real, out.vocoded.wave))
            terms |= task.adversarial_terms(real, out.vocoded.wave)
        weighted = [WEIGHTS[name] * value for name, value in terms.items() if name in WEIGHTS]
        move(optimizers[0], torch.stack(weighted).sum())
        for mean, parameter in zip(average, free, strict=True):
            mean.lerp_(parameter.detach(), AVERAGE)
        if (step + 1) % 30 == 0:
            exchange(free, average)
            value = held_out_loss(task, held_out)
            waited = 0 if value < best else waited + 1
            if value < best:
                best, state, done = value, copy.deepcopy(task.sovits.state_dict()), step + 1
            exchange(free, average)
            if waited >= patience:
                break
    task.sovits.load_state_dict(state)
    return {"steps": done, "loss": round(best, 4)}


def exchange(parameters: Iterable[Tensor], others: Iterable[Tensor]) -> None:
    """Parameters get the values of the others, and the others theirs."""
    for one, other in zip(parameters, others, strict=True):
        one.data, other.data = other.data, one.data


def move(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Backward, clip, step."""
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 20.0)
    optimizer.step()


@torch.no_grad()
def held_out_loss(task: SoVITSTask, batches: Iterable[Any]) -> float:
    """Log-mel distance of speech from true codes to the held-out recordings (nat): lower is better."""
    task.eval()
    torch.manual_seed(0)
    return float(np.mean([float(task.prior_mel(batch)) for batch in batches]))


def reference_prompt(lab: Lab, store: ClipStore, transcribed: bool) -> Prompt:
    """The clip nearest to six seconds as the prompt of SemanticGPT."""
    index = min(range(len(store)), key=lambda i: abs(store.rows[i].samples / store.sample_rate - 6.0))
    return lab.prompt(*recording(store, index, transcribed))


def recording(store: ClipStore, index: int, transcribed: bool) -> tuple[Tensor, Phones | None]:
    """A clip (T,) and its phones, None without transcripts."""
    row = store.rows[index]
    return torch.from_numpy(store.wave(index)), phonemize(row.text, row.language) if transcribed else None
