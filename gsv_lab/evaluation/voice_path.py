"""The path between two voices: how alike blends are to the person at each end.

Likeness is the cosine of a clip's vector and the mean vector of a person's recordings, by the kit's own speaker
verifier. What natural clips reach, each beside the others of its person, is the ceiling; what they reach beside the
other person is the floor.
Letters: T samples, N clips, E width of a vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from gsv_lab import audio
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.evaluation.lists import SUFFIXES
from gsv_lab.evaluation.measures.own import own_phone_errors, speaker_embedding
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.voice import Voice

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of the second voice."""


class Place(NamedTuple):
    """A blend on the path: `share` of the second voice, mean likeness to each end, and the share of `phone_errors`."""

    share: float
    first: float
    second: float
    phone_errors: float


class VoicePath(NamedTuple):
    """The places on a path, and for each end what natural clips of the person reach (`ceilings`), and beside the other
    person (`floors`).
    """

    places: tuple[Place, ...]
    ceilings: tuple[float, float]
    floors: tuple[float, float]

    def __str__(self) -> str:
        lines = ["share of second  like first  like second  phone errors"]
        for place in self.places:
            lines.append(
                f"{place.share:15.2f}  {place.first:10.3f}  {place.second:11.3f}  {100 * place.phone_errors:10.1f} %"
            )
        lines.append(f"{'natural':>15}  {self.ceilings[0]:10.3f}  {self.ceilings[1]:11.3f}")
        lines.append(f"{'of the other':>15}  {self.floors[0]:10.3f}  {self.floors[1]:11.3f}")
        return "\n".join(lines)


def voice_path(
    lab: Lab,
    voices: tuple[Voice, Voice],
    recordings: tuple[Sequence[Tensor], Sequence[Tensor]],
    texts: Sequence[str],
    language: str = "auto",
    shares: Sequence[float] = SHARES,
    seed: int = 0,
) -> VoicePath:
    """Speak some texts at places between two voices, and measure.

    Args:
        lab: with the base model of both.
        voices: the ends.
        recordings: of each person two or more clips (T,) at the lab's rate that no voice was made of.
        texts: what is said.
        language: of the texts.
        shares: of the second voice, 0 to 1.
        seed: of everything random.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, the base model has no speaker verifier; PARAM_RANGE. DataError:
            DATA_TOO_SHORT, a person has one recording or none. CheckpointError, TextError: those of `Lab.speak`.
    """
    embed = speaker_embedding(lab)
    if embed is None:
        raise ConfigError("CONFIG_INCONSISTENT", f"{lab.version} has no speaker verifier", "a family with one")
    if not all(0.0 <= share <= 1.0 for share in shares):
        raise ConfigError("PARAM_RANGE", f"The shares are {list(shares)}", "numbers from 0 to 1")
    ends = [_vectors(embed, clips, voice) for clips, voice in zip(recordings, voices, strict=True)]
    means = [normalize(vectors.mean(0), dim=0) for vectors in ends]
    places = []
    for share in shares:
        made = between(lab, voices, share)
        spoken = [lab.speak(text, made, language, seed) for text in texts]
        vectors = torch.stack([normalize(embed(speech.wave), dim=0) for speech in spoken])
        errors = sum(own_phone_errors(lab, speech) for speech in spoken) / len(spoken)
        places.append(Place(share, float((vectors @ means[0]).mean()), float((vectors @ means[1]).mean()), errors))
    floors = (float((ends[1] @ means[0]).mean()), float((ends[0] @ means[1]).mean()))
    return VoicePath(tuple(places), (_ceiling(ends[0]), _ceiling(ends[1])), floors)


def recordings_in(folder: Path, sample_rate: int) -> list[Tensor]:
    """The sound files of a folder (T,), by name.

    Raises:
        DataError: DATA_EMPTY. AudioError: those of `audio.read`.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError("DATA_EMPTY", f"{str(folder)!r} holds no sound files", " ".join(SUFFIXES))
    return [audio.read(path, sample_rate).samples for path in files]


def between(lab: Lab, voices: tuple[Voice, Voice], share: float) -> Voice:
    """The blend with a share of the second voice; at 0 and 1 the voices themselves."""
    if share in (0.0, 1.0):
        return voices[round(share)]
    return lab.blend(voices, [1.0 - share, share])


def _vectors(embed: Callable[[Tensor], Tensor], clips: Sequence[Tensor], voice: Voice) -> Tensor:
    """Vectors of unit length (N, E) of a person's recordings."""
    if len(clips) < 2:
        problem = f"There are {len(clips)} recordings of {voice.name!r}"
        raise DataError("DATA_TOO_SHORT", problem, "two or more that the voice was not made of")
    return torch.stack([normalize(embed(clip), dim=0) for clip in clips])


def _ceiling(vectors: Tensor) -> float:
    """How alike each natural clip is to the mean of the others of its person: (N, E) -> ()."""
    others = normalize(vectors.sum(0) - vectors, dim=1)
    return float((vectors * others).sum(1).mean())
