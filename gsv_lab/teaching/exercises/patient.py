"""The patient of notebook 08: a small SemanticGPT whose attention alone has to find the place in the text.

Nano's SemanticGPT is given its place by a monotonic alignment, so that little depends on its heads. This network has
none; it was trained on the synthetic corpus (`configs/synthetic/gpt_plain.yaml`), where phones and times are true.

    patient = load_patient()
    clips = patient.clips(12)
    with probe(patient, edits=[zero("semantic_gpt.layers.1.attention.mix", head=0)]):
        nats = patient.measure(clips)()["nats"]                 # one mean a clip

The files in `gsv_lab/assets/plain_gpt` are made by `python -m gsv_lab.teaching.exercises.patient RUNS`.
Letters: T samples, P phones, C context features, N codes at 25 Hz, K codes of the book.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.audio import Mark
from gsv_lab.audio.alignment import phone_errors
from gsv_lab.checkpoint import load_component, save_component
from gsv_lab.corpora.synthetic import PHONES, SAMPLE_RATE, Speaker, SyntheticClip, SyntheticCorpus
from gsv_lab.corpora.synthetic_sound import FRAME_RATE, Frames, frames_of, smooth, wave_of
from gsv_lab.evaluation.ablation import SpokenMeasure
from gsv_lab.nn.decoding import Inputs, generate
from gsv_lab.nn.interfaces import ContentEncoder
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.semantic_gpt import SemanticGPT
from gsv_lab.system.files import read_file, save_bytes
from gsv_lab.system.folders import make_folder
from gsv_lab.system.seeds import seeded
from gsv_lab.teaching.exercises.sounds import Sound

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "plain_gpt"
RUNS = ("synthetic-content", "synthetic-gpt-plain")
CODE_RATE = 25
FRAMES = int(FRAME_RATE) // CODE_RATE
"""Frames of the corpus in a code."""
VOICES, HELD_BACK, CLIPS, SEED = 36, 4, 1440, 1
"""The corpus of `configs/synthetic`; the last voices, and with them their scripts, were never trained on."""
LONGEST = 120
"""Codes of a free run; the longest clip of the corpus has fewer."""


class PatientClip(NamedTuple):
    """A clip of a voice that the patient never met, with everything that is true of it.

    `name`; `wave` (T,) at `SAMPLE_RATE`; `speaker` with its factors; `phones` (P,) names, `ids` (P,) for the network;
    `context` (C, P); `codes` (N,); `phone_index` (N,) which phone each code speaks, -1 in silence.
    """

    name: str
    wave: Tensor
    speaker: Speaker
    phones: tuple[str, ...]
    ids: Tensor
    context: Tensor
    codes: Tensor
    phone_index: Tensor

    @property
    def sample_rate(self) -> int:
        """Hz, of `wave`."""
        return SAMPLE_RATE

    @property
    def mark(self) -> Mark:
        """That the wave was made by formula."""
        return made_by_formula(self.speaker)


def made_by_formula(speaker: Speaker) -> Mark:
    """The mark of a sound of the synthetic corpus."""
    return Mark(model="synthetic corpus", voice=speaker.name)


class Patient:
    """A SemanticGPT without a monotonic alignment, with the content encoder and the codebook that made its codes.

    Args:
        semantic_gpt: the network that notebook 08 breaks.
        content_encoder: of the synthetic corpus.
        quantizer: the codebook.
        sound_of_code: (K, 4, 7) what the four frames of each code are made of on average: ln Hz of three formants,
            strength of voice and of noise, ln Hz of the noise's centre and width (`corpora.synthetic_sound.Frames`).
    """

    def __init__(
        self,
        semantic_gpt: SemanticGPT,
        content_encoder: ContentEncoder,
        quantizer: VectorQuantizer,
        sound_of_code: NDArray[np.float64],
    ) -> None:
        self.semantic_gpt, self.content_encoder, self.quantizer = semantic_gpt, content_encoder, quantizer
        self.sound_of_code = sound_of_code

    def components(self) -> dict[str, nn.Module]:
        """Every part under its own name, as probes address them."""
        return {
            "semantic_gpt": self.semantic_gpt,
            "content_encoder": self.content_encoder,
            "quantizer": self.quantizer,
        }

    @cached_property
    def corpus(self) -> SyntheticCorpus:
        """Where clips come from."""
        return SyntheticCorpus(VOICES, CLIPS, SEED)

    def clips(self, most: int = 16) -> list[PatientClip]:
        """The first clips of the voices that were held back, with their codes."""
        unheard = [n for n in range(CLIPS) if n % VOICES >= VOICES - HELD_BACK]
        return [self.encoded(self.corpus[number]) for number in unheard[:most]]

    @torch.no_grad()
    def encoded(self, clip: SyntheticClip) -> PatientClip:
        """A clip of the corpus with the codes that the patient is to write."""
        wave = torch.from_numpy(clip.wave)
        codes = self.quantizer.encode(self.content_encoder(wave[None, None]).content)[0]
        return PatientClip(
            clip.name,
            wave,
            clip.speaker,
            clip.phones,
            torch.tensor(clip.ids),
            torch.from_numpy(clip.context().T).float(),
            codes,
            torch.from_numpy(clip.owners(CODE_RATE, len(codes))),
        )

    @torch.no_grad()
    def logits(self, clip: PatientClip) -> Tensor:
        """All steps in one pass: (N + 1, K + 1); row n has seen the phones and the true codes before n."""
        scores: Tensor = self.semantic_gpt(clip.ids[None], clip.context[None], clip.codes[None])
        return scores[0]

    def measure(self, clips: Sequence[PatientClip]) -> SpokenMeasure:
        """`nats` of the true codes under teacher forcing, one mean a clip: intervals are over its voices."""

        def nats() -> dict[str, list[float]]:
            means = [float(functional.cross_entropy(self.logits(clip)[:-1], clip.codes)) for clip in clips]
            return {"nats": means}

        return SpokenMeasure(nats, tuple(clip.speaker.name for clip in clips))

    def write(self, clips: Sequence[PatientClip], seed: int = 0, temperature: float = 0.7) -> list[Tensor]:
        """A free run: phones of some clips, each code from the patient's own codes before it -> (N,) codes of each."""
        sampling = Sampling(top_k=8, temperature=temperature, repetition_penalty=1.0, min_new=5, max_new=LONGEST)
        inputs = Inputs([clip.ids for clip in clips], [clip.context for clip in clips])
        return list(generate(self.semantic_gpt, inputs, sampling, seeded(seed)).codes)

    def speak(self, codes: Tensor, speaker: Speaker) -> Sound:
        """Codes (N,) as sound, in any voice of the corpus, with an evenly falling pitch, for codes hold none.

        Each code sounds as its frames did on average; the corpus' own formula makes the wave. Nothing is trained here.
        """
        rows = self.sound_of_code[codes.numpy()].reshape(-1, 7)
        rows[:, :5] = smooth(rows[:, :5], 3)
        frames = Frames(np.exp(rows[:, :3]), rows[:, 3], rows[:, 4], np.exp(rows[:, 5]), np.exp(rows[:, 6]))
        pitch = speaker.pitch * 2.0 ** (np.linspace(1.5, -1.5, len(rows)) / 12)
        wave = wave_of(frames, pitch, speaker, np.random.default_rng(0))
        return Sound(torch.from_numpy(wave), SAMPLE_RATE, made_by_formula(speaker))

    @torch.no_grad()
    def phones_in(self, wave: Tensor) -> list[str]:
        """What the content encoder recognises in a wave (T,)."""
        scores = self.content_encoder(wave[None, None]).log_probs
        assert scores is not None, "an encoder of the synthetic corpus scores phones"
        best = torch.unique_consecutive(scores[0].argmax(-1))
        return [PHONES[label - 1] for label in best.tolist() if label]

    def phone_error(self, codes: Tensor, clip: PatientClip) -> float:
        """Phones of a clip that are not recognised in its codes (N,), spoken, over their number; above 1 if many are
        added.
        """
        heard = self.phones_in(self.speak(codes, clip.speaker).wave)
        return phone_errors(clip.phones, heard) / len(clip.phones)


def load_patient(folder: str | Path = FOLDER) -> Patient:
    """The shipped patient, or one that `make_patient` wrote.

    Raises:
        CheckpointError: CKPT_MISSING, or a file is damaged.
    """
    place = Path(folder)
    card = json.loads(read_file(place / "card.json"))
    return Patient(
        load_component(place / "semantic_gpt.safetensors", SemanticGPT),
        load_component(place / "content_encoder.safetensors", ContentEncoder),
        load_component(place / "quantizer.safetensors", VectorQuantizer),
        np.array(card["sound_of_code"]),
    )


def make_patient(runs: Path, store: Path, folder: Path = FOLDER) -> Path:
    """Write the patient's files from trained runs: weights in half precision, and the phone of each code.

    Args:
        runs: the folder that holds the runs of `RUNS`.
        store: the packed corpus, beside whose tracks the codebook lies.
        folder: to write into.
    """
    content, gpt = (runs / name / "weights" for name in RUNS)
    make_folder(folder)
    book = next(store.glob(f"quantizer-*-{load_component(gpt / 'semantic_gpt.safetensors').n_codes}.safetensors"))
    weights = {
        "semantic_gpt": gpt / "semantic_gpt.safetensors",
        "content_encoder": content / "content_encoder.safetensors",
        "quantizer": book,
    }
    for name, path in weights.items():
        save_component(load_component(path), folder / f"{name}.safetensors", dtype=torch.float16)
    sounds = np.round(_sounds_of_codes(folder), 3).tolist()
    text = json.dumps({"runs": list(RUNS), "sound_of_code": sounds})
    save_bytes(folder / "card.json", (text + "\n").encode())
    return folder


def _sounds_of_codes(folder: Path) -> NDArray[np.float64]:
    """Means over the training clips, see `Patient`; formants weighted by the strength of the sound, the noise's centre
    and width by that of the noise.
    """
    quantizer = load_component(folder / "quantizer.safetensors", VectorQuantizer)
    encoder = load_component(folder / "content_encoder.safetensors", ContentEncoder)
    reader = Patient(SemanticGPT(27, 1, 0, 8, 1, 1, 8), encoder, quantizer, np.zeros((0, FRAMES, 7)))
    sums, weights = np.zeros((2, quantizer.n_codes, FRAMES, 7))
    for number in range(CLIPS):
        if number % VOICES < VOICES - HELD_BACK:
            codes = reader.encoded(reader.corpus[number]).codes.numpy()
            frames = frames_of(reader.corpus.script(number))
            logs = [np.log(frames.formants), np.log(frames.centre)[:, None], np.log(frames.width)[:, None]]
            rows = np.concatenate([logs[0], frames.voice[:, None], frames.noise[:, None], *logs[1:]], axis=1)
            row = np.arange(len(rows))
            owner = codes[(row // FRAMES).clip(max=len(codes) - 1)]
            weight = np.ones_like(rows)
            weight[:, :3] = (frames.voice + frames.noise)[:, None] + 1e-2
            weight[:, 5:] = frames.noise[:, None] + 1e-3
            np.add.at(sums, (owner, row % FRAMES), rows * weight)
            np.add.at(weights, (owner, row % FRAMES), weight)
    unused = weights == 0
    return np.where(unused, sums.sum(0) / weights.sum(0), sums / np.maximum(weights, 1e-9))


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m gsv_lab.teaching.exercises.patient RUNS STORE [--output DIR]`."""
    parser = argparse.ArgumentParser(
        prog="python -m gsv_lab.teaching.exercises.patient", description="Write the network of notebook 08."
    )
    parser.add_argument("runs", type=Path, help="the cache's folder runs")
    parser.add_argument("store", type=Path, help="the cache's folder stores/synthetic")
    parser.add_argument("--output", type=Path, default=FOLDER, metavar="DIR")
    options = parser.parse_args(arguments)
    sys.stdout.write(f"{make_patient(options.runs, options.store, options.output)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
