"""Speaker similarity: cosine of speaker embeddings, placed between its natural ceiling and floor.

A bare cosine is mostly a matter of the encoder and of the clip's length. So only the first 6 s of a clip count, and
each clip carries what natural speech of the same speaker reaches (ceiling) and what other speakers reach (floor),
measured alike. Of a shorter clip what is there is embedded; its cosines are lower (`similarity_seconds` says it).
Letters: T samples at 16 kHz, D width of the embedding. Results hold cosines only, never embeddings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch

from gsv_lab.errors import DataError
from gsv_lab.evaluation.identity import identity_of
from gsv_lab.evaluation.lists import SAMPLE_RATE, Clip, Item
from gsv_lab.evaluation.measures import Found, Job, is_silent
from gsv_lab.evaluation.measures.sharing import OnFirstUse, Remembered
from gsv_lab.evaluation.statistics.verification import equal_error
from gsv_lab.system.extras import check_installed, require, version

SECONDS = 6.0
"""How much of a clip counts; embeddings of other lengths are not comparable."""
_REMEMBERED = 1024  # embeddings of references


@runtime_checkable
class SpeakerEmbedder(Protocol):
    """A speaker encoder that evaluates: wave (T,) at 16 kHz -> unit vector (D,); zeros where there is no speech.

    Attributes:
        name: short name, the `evaluator` of what is measured with it.
        identity: its weights, version and settings.
        seconds: how much of a clip counts.
    """

    name: str
    identity: str
    seconds: float

    def embed(self, wave: np.ndarray) -> np.ndarray:
        """Embedding of one clip."""
        ...


class GE2E:
    """Resemblyzer's speaker encoder on the first seconds of a clip: (T,) at 16 kHz -> (256,) of length one.

    The clip is cut first; then Resemblyzer's own preparation raises the level and shortens long pauses. The network is
    loaded at the first clip.
    Source: Wan et al. 2018, arXiv:1710.10467 (the loss); weights of the Resemblyzer package.

    Args:
        seconds: how much of the clip counts.

    Raises:
        LabError: `EXTRA_MISSING`, Resemblyzer or webrtcvad-wheels is not installed.
    """

    name = "ge2e"

    def __init__(self, seconds: float = SECONDS) -> None:
        check_installed("resemblyzer", "webrtcvad", "librosa", extra="ge2e")
        self.seconds = seconds
        self.identity = f"GE2E, Resemblyzer {version('Resemblyzer')}, first {seconds:g} s"
        self._parts: OnFirstUse[tuple[Callable[..., Any], Any]] = OnFirstUse(_ge2e)

    def embed(self, wave: np.ndarray) -> np.ndarray:
        """See the class."""
        wave = wave[: int(self.seconds * SAMPLE_RATE)]
        if not is_silent(wave):
            prepare, encoder = self._parts()
            wave = prepare(np.clip(wave, -1, 1))
        if is_silent(wave):
            return np.zeros(256, dtype=np.float32)
        return unit(encoder.embed_utterance(wave))


def _ge2e() -> tuple[Callable[..., Any], Any]:
    """How Resemblyzer prepares a wave, and its encoder."""
    package = require("resemblyzer", "ge2e")
    return package.preprocess_wav, package.VoiceEncoder(device="cpu", verbose=False)


class NetworkEmbedder:
    """A speaker encoder of the kit behind the same interface, for installations without Resemblyzer.

    Args:
        load: gives the network, wave (1, 1, T) float tensor at 16 kHz -> embedding of any shape with D values; called
            at the first clip.
        name: short name.
        identity: which weights it has.
        seconds: how much of the clip counts.
    """

    def __init__(
        self,
        load: Callable[[], Callable[[torch.Tensor], torch.Tensor]],
        name: str,
        identity: str,
        seconds: float = SECONDS,
    ) -> None:
        self.name = name
        self.identity = f"{identity}, first {seconds:g} s"
        self.seconds = seconds
        self._network = OnFirstUse(load)
        # The network itself says how wide its embedding is: it is asked once, with a faint constant.
        self._width = OnFirstUse(lambda: self._run(np.full(SAMPLE_RATE, 1e-3, dtype=np.float32)).size)

    def embed(self, wave: np.ndarray) -> np.ndarray:
        """(T,) -> (D,) of length one."""
        if is_silent(wave):
            return np.zeros(self._width(), dtype=np.float32)
        return unit(self._run(wave[: int(self.seconds * SAMPLE_RATE)]))

    def _run(self, wave: np.ndarray) -> np.ndarray:
        samples = torch.from_numpy(np.array(wave, dtype=np.float32))
        with torch.inference_mode():
            value = self._network()(samples[None, None])
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


class SpeakerSimilarity:
    """Cosines of a clip to the reference of its voice and to those of all known speakers of its language.

    Values: `similarity`, the cosine to its own reference; `similarity_seconds`, how much of the clip was compared, so
    that tables can tell clips that are too short. Details: `own`, hash of its own reference, and `cosines` by speaker
    and hash of the reference; what follows from those of natural speech comes from `places`. The clip of a speaker
    without a name is compared with its own reference only.

    Args:
        embedder: the evaluator.
        items: rows of the list; their references are embedded once each, when first needed.

    Raises:
        DataError: `DATA_DUPLICATE`, one recording is the reference of two speakers.
    """

    name = "similarity"
    needs: Collection[str] = ("reference",)

    def __init__(self, embedder: SpeakerEmbedder, items: Sequence[Item]) -> None:
        self.embedder = embedder
        self.evaluator = embedder.name
        self._clips: dict[str, dict[str, Clip]] = defaultdict(dict)
        for item in items:
            if item.reference is not None and item.speaker:
                known_as = self._clips[item.language].get(_key(item.reference), item.reference)
                if known_as.speaker != item.reference.speaker:
                    problem = f"{known_as.key!r} and {item.reference.key!r} are one recording under two speakers"
                    raise DataError("DATA_DUPLICATE", problem, "one speaker a recording", "Correct the list")
                self._clips[item.language][_key(item.reference)] = item.reference
        known = []
        for language, clips in sorted(self._clips.items()):
            known += [(language, clip.speaker, key) for key, clip in sorted(clips.items())]
        self.identity = f"{embedder.identity}, {len(known)} references {identity_of(known)[:8]}"
        self._vectors: Remembered[np.ndarray] = Remembered(max(_REMEMBERED, len(known)))

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """See the class; None for an item without a reference."""
        own = job.item.reference
        if own is None:
            return None
        vector = self.embedder.embed(wave)
        clips = {_key(own): own} | (self._clips[job.item.language] if job.item.speaker else {})
        cosines: dict[str, dict[str, float]] = defaultdict(dict)
        for key, clip in clips.items():
            reference = self._vectors.get(key, partial(self._embedded, clip))
            cosines[clip.speaker][key] = float(np.dot(vector, reference))
        return {
            "similarity": cosines[own.speaker][_key(own)],
            "similarity_seconds": min(self.embedder.seconds, wave.size / SAMPLE_RATE),
            "own": _key(own),
            "cosines": dict(cosines),
        }

    def _embedded(self, clip: Clip) -> np.ndarray:
        return self.embedder.embed(clip.read())


def _key(clip: Clip) -> str:
    # Not its name: the same recording may be called otherwise, and another one the same.
    return clip.sha256[:16]


class Compared(NamedTuple):
    """Cosines of one clip to references.

    Args:
        item: name of the item.
        speaker: whose voice it shall be; empty where it is not known.
        language: of the voice, which is that of the references.
        natural: whether the clip is the natural recording of the item.
        own: which reference its voice was cloned from, as `SpeakerSimilarity` calls it.
        cosines: by speaker, then by reference.
    """

    item: str
    speaker: str
    language: str
    natural: bool
    own: str
    cosines: Mapping[str, Mapping[str, float]]


class Threshold(NamedTuple):
    """Where natural pairs of one speaker are refused as often as those of two are accepted, and how often that is."""

    threshold: float
    rate: float


class Places(NamedTuple):
    """Values of each clip by name, and the threshold of each language that has natural pairs of both kinds."""

    values: list[dict[str, float]]
    thresholds: dict[str, Threshold]


def places(clips: Sequence[Compared]) -> Places:
    """Where clips stand among natural speech, by their cosines with one evaluator.

    Values of a clip; what cannot be told is absent:

    - `ceiling`: cosine of the item's natural recording to the clip's own reference;
    - `floor`: mean cosine to it of the natural recordings of the other known speakers of the language, absent where
      the speaker is not known;
    - `similarity_normalised`: place of the clip's own cosine between floor (0) and ceiling (1);
    - `nearest`: 1 where its own reference is nearer than all those of other known speakers, else 0; absent where the
      speaker is not known, and where there is no other one;
    - `accepted`: 1 where its cosine is above the language's threshold, else 0.

    Args:
        clips: of all systems, those of natural speech among them; without natural speech there is `nearest` only.
    """
    natural = [clip for clip in clips if clip.natural]
    ceilings = {(clip.item, clip.own): _similarity(clip) for clip in natural}
    thresholds = {}
    for language in sorted({clip.language for clip in natural}):
        same, different = _pairs([clip for clip in natural if clip.language == language])
        if same and different:
            thresholds[language] = Threshold(*equal_error(same, different))
    floors: dict[tuple[str, str, str], float | None] = {}
    values = []
    for clip in clips:
        voice = (clip.language, clip.speaker, clip.own)
        if voice not in floors:
            floors[voice] = _floor(clip, natural)
        threshold = thresholds.get(clip.language)
        values.append(_place(clip, ceilings.get((clip.item, clip.own)), floors[voice], threshold))
    return Places(values, thresholds)


def _place(clip: Compared, ceiling: float | None, floor: float | None, threshold: Threshold | None) -> dict[str, float]:
    similarity = _similarity(clip)
    values = {}
    if ceiling is not None:
        values["ceiling"] = ceiling
    if floor is not None:
        values["floor"] = floor
    if ceiling is not None and floor is not None and ceiling != floor:
        values["similarity_normalised"] = normalised_similarity(similarity, ceiling, floor)
    rivals = [cosine for speaker, row in clip.cosines.items() if speaker != clip.speaker for cosine in row.values()]
    if clip.speaker and rivals:
        # A tie (an all-zero embedding of silence) is nobody's voice.
        values["nearest"] = float(similarity > max(rivals))
    if threshold is not None:
        values["accepted"] = float(similarity > threshold.threshold)
    return values


def _similarity(clip: Compared) -> float:
    return clip.cosines[clip.speaker][clip.own]


def _floor(clip: Compared, natural: Sequence[Compared]) -> float | None:
    """Mean cosine to a clip's own reference of what other known speakers of its language say."""
    if not clip.speaker:
        return None
    others = []
    for other in natural:
        if other.language == clip.language and other.speaker not in ("", clip.speaker):
            others.append(other.cosines[clip.speaker][clip.own])
    return float(np.mean(others)) if others else None


def _pairs(natural: Sequence[Compared]) -> tuple[list[float], list[float]]:
    """Cosines of natural recordings to references of their own speaker, and to those of others."""
    same: list[float] = []
    different: list[float] = []
    for clip in natural:
        for speaker, row in clip.cosines.items() if clip.speaker else ():
            pairs = same if speaker == clip.speaker else different
            pairs += row.values()
    return same, different
