"""The recordings that a command takes where none is given."""

from __future__ import annotations

from pathlib import Path

from gsv_lab.errors import AudioError

SAMPLE = Path(__file__).resolve().parent.parent / "assets" / "sample"


def example(download: bool) -> tuple[list[Path], str]:
    """A recording to show the kit with, and what it is.

    Raises:
        AudioError: AUDIO_MISSING, `download` was asked for and failed.
    """
    import librosa
    import pooch

    cached = Path(pooch.os_cache("librosa"))
    if download or any(cached.glob("*5703-47212-0000*")):
        try:
            return [Path(librosa.example("libri1"))], "librosa's example libri1, a public-domain LibriVox reading"
        except Exception as error:  # pooch raises whatever its transport raises
            if download:
                problem = "The example could not be fetched"
                raise AudioError("AUDIO_MISSING", problem, "a network", str(error)) from error
    return [shipped_sample()], "the shipped sample, made by a synthesizer (see gsv_lab/assets/sample)"


def shipped_sample() -> Path:
    """The recording that comes with the package: made by a synthesizer, not by a person."""
    return next(path for path in sorted(SAMPLE.iterdir()) if path.suffix in {".flac", ".wav", ".ogg"})
