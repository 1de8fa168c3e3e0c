"""The recordings that a command takes where none is given, and what recordings are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gsv_lab.errors import AudioError
from gsv_lab.system.examples import LIBRI, cached_example, shipped_sample


class Source(NamedTuple):
    """What recordings are: their `name` in a few words, and in a sentence the `origin` of their sound."""

    name: str
    origin: str


def described(paths: Sequence[Path], slices: Sequence[Path]) -> Source:
    """What the recordings are from which slices were cut; a slice keeps the mark of speech that the kit made."""
    if all(path.resolve() == shipped_sample() for path in paths):
        return Source(
            "the shipped sample, made by a synthesizer",
            "No person speaks in it: the synthesizer CMU Flite made it with its voice rms, a model of one man's "
            "recordings. It shows how the kit works, and says nothing of how well the kit clones people.",
        )
    if all(LIBRI in path.name for path in paths):
        return Source("librosa's example", "A person reads: the example libri1, a public-domain recording of LibriVox.")
    from gsv_lab import audio

    marks = [audio.read_mark(path) for path in slices]
    made = sorted({f"{mark.model}, voice {mark.voice}" for mark in marks if mark})
    origin = "Nothing in it says that it is synthetic; whether a person speaks only you can know."
    if made:
        origin = f"{'It' if all(marks) else 'A part of it'} is synthetic speech, as its files say: {'; '.join(made)}."
    return Source("your recording", f"{', '.join(path.name for path in paths)}. {origin}")


def example(download: bool) -> Path:
    """A recording to show the kit with: librosa's example if it is cached or may be fetched, else the shipped sample.

    Raises:
        AudioError: AUDIO_MISSING, `download` was asked for and failed.
    """
    if not download:
        return cached_example() or shipped_sample()
    import librosa

    try:
        return Path(librosa.example("libri1"))
    except Exception as error:  # pooch raises whatever its transport raises
        problem = "The example could not be fetched"
        raise AudioError("AUDIO_MISSING", problem, "a network", str(error)) from error
