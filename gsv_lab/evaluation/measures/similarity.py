"""Speaker similarity: cosine of speaker embeddings, placed between its natural ceiling and floor.

A bare cosine is mostly a matter of the encoder and of the clip's length. So each target carries what natural speech of
the same speaker reaches (ceiling) and what other speakers reach (floor), measured alike.
Letters: T samples at 16 kHz, D width of the embedding. Results hold cosines only, never embeddings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch

from gsv_lab.evaluation.identity import identity_of
from gsv_lab.evaluation.lists import SAMPLE_RATE, Clip, Item
from gsv_lab.evaluation.measures import Job, Row, is_silent
from gsv_lab.system.extras import require, version


@runtime_checkable
class SpeakerEmbedder(Protocol):
    """A speaker encoder that evaluates: wave (T,) at 16 kHz -> unit vector (D,); zeros where there is no speech."""

    name: str

    def embed(self, wave: np.ndarray) -> np.ndarray:
        """Embedding of one clip."""
        ...


class GE2E:
    """Resemblyzer's speaker encoder on the first seconds of a clip: (T,) at 16 kHz -> (256,) of length one.

    The clip is cut first; then Resemblyzer's own preparation raises the level and shortens long pauses.
    Source: Wan et al. 2018, arXiv:1710.10467 (the loss); weights of the Resemblyzer package.

    Args:
        seconds: how much of the clip counts; embeddings of other lengths are not comparable.

    Raises:
        LabError: `EXTRA_MISSING`, Resemblyzer or webrtcvad-wheels is not installed.
    """

    def __init__(self, seconds: float = 6.0) -> None:
        package = require("resemblyzer", "ge2e")
        self.seconds = seconds
        self.name = f"GE2E, Resemblyzer {version('Resemblyzer')}, first {seconds:g} s"
        self._prepare = package.preprocess_wav
        self._encoder = package.VoiceEncoder(device="cpu", verbose=False)

    def embed(self, wave: np.ndarray) -> np.ndarray:
        """See the class."""
        wave = wave[: int(self.seconds * SAMPLE_RATE)]
        if not is_silent(wave):
            wave = self._prepare(np.clip(wave, -1, 1))
        if is_silent(wave):
            return np.zeros(256, dtype=np.float32)
        return unit(self._encoder.embed_utterance(wave))


class NetworkEmbedder:
    """A speaker encoder of the kit behind the same interface, for installations without Resemblyzer.

    Args:
        network: wave (1, 1, T) float tensor at 16 kHz -> embedding of any shape with D values.
        name: name and version of its weights.
        seconds: how much of the clip counts.
    """

    def __init__(self, network: Callable[[torch.Tensor], torch.Tensor], name: str, seconds: float = 6.0) -> None:
        self.network = network
        self.seconds = seconds
        self.name = f"{name}, first {seconds:g} s"
        self._width = 0

    def embed(self, wave: np.ndarray) -> np.ndarray:
        """(T,) -> (D,) of length one."""
        if is_silent(wave):
            if not self._width:
                # The network itself says how wide its embedding is: it is asked once, with a faint constant.
                faint = np.full(SAMPLE_RATE, 1e-3, dtype=np.float32)
                self._width = self._run(faint).size
            return np.zeros(self._width, dtype=np.float32)
        vector = self._run(wave[: int(self.seconds * SAMPLE_RATE)])
        self._width = vector.size
        return unit(vector)

    def _run(self, wave: np.ndarray) -> np.ndarray:
        samples = torch.from_numpy(np.array(wave, dtype=np.float32))
        with torch.inference_mode():
            value = self.network(samples[None, None])
        return value.detach().cpu().float().numpy().reshape(-1)


def unit(vector: np.ndarray) -> np.ndarray:
    """A vector scaled to length one; zeros stay zeros."""
    length = float(np.linalg.norm(vector))
    if length > 0:
        vector = vector / length
    return vector.astype(np.float32)


def normalised_similarity(similarity: float, ceiling: float, floor: float) -> float:
    """Place between floor (other speakers, 0) and ceiling (the speaker's own natural speech, 1); NaN if they coincide.

    >>> normalised_similarity(0.75, ceiling=1.0, floor=0.5)
    0.5
    """
    if ceiling == floor:
        return float("nan")
    return (similarity - floor) / (ceiling - floor)


class Standing(NamedTuple):
    """Place of a wave among the references: similarity to its own, ceiling, floor, normalised, nearest to its own."""

    similarity: float
    ceiling: float
    floor: float
    normalised: float
    nearest: bool


def standing(
    cosines: Mapping[str, float],
    own: str,
    rivals: Iterable[str],
    ceiling: float,
    others: Sequence[Mapping[str, float]],
) -> Standing:
    """Places one wave.

    Args:
        cosines: cosine of the wave to every reference of its language, by reference key.
        own: key of the reference that the voice was cloned from.
        rivals: keys of the references of other speakers.
        ceiling: cosine of the natural target to that reference.
        others: cosines of the natural targets of the other speakers of that language; floor is their mean to `own`.
    """
    similarity = cosines[own]
    floor = float("nan")
    if others:
        floor = float(np.mean([row[own] for row in others]))
    # A tie (an all-zero embedding of silence) is nobody's voice.
    nearest = all(similarity > cosines[key] for key in rivals)
    return Standing(similarity, ceiling, floor, normalised_similarity(similarity, ceiling, floor), nearest)


class SpeakerSimilarity:
    """Cosines of a clip to all references of a list in the language of its voice.

    Args:
        embedder: the evaluator.
        items: rows of the list; their references are embedded once each, when first needed.
    """

    name = "similarity"

    def __init__(self, embedder: SpeakerEmbedder, items: Sequence[Item]) -> None:
        self.embedder = embedder
        self._clips: dict[str, dict[str, Clip]] = {}
        for item in items:
            clips = self._clips.setdefault(item.language, {})
            clips[item.reference.key] = item.reference
        hashes = sorted(clip.sha256 for clips in self._clips.values() for clip in clips.values())
        self.identity = f"{embedder.name}, {len(hashes)} references {identity_of(hashes)[:8]}"
        self._vectors: dict[str, np.ndarray] = {}

    def __call__(self, wave: np.ndarray, job: Job) -> Row | None:
        """Key of the own reference, and the cosine to every reference by key."""
        vector = self.embedder.embed(wave)
        cosines = {}
        for key, clip in self._clips[job.item.language].items():
            if key not in self._vectors:
                self._vectors[key] = self.embedder.embed(clip.read())
            cosines[key] = float(np.dot(vector, self._vectors[key]))
        return {"own": job.item.reference.key, "cosines": cosines}
