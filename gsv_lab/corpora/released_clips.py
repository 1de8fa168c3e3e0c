"""Which clips go into a store of a released family, with which phones, and which of them are held out.

The limits are those of the released trainers: 0.6 to 54 s, 3 to 25 phones a second. A clip that is
left out gets its reason in one sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gsv_lab import audio
from gsv_lab.audio.measures import SILENT_DBFS
from gsv_lab.corpora.store import Row, to_int16
from gsv_lab.errors import AudioError, DataError, LabError, TextError
from gsv_lab.text import Phones, phonemize

SHORTEST, LONGEST = 0.6, 54.0
"""Seconds of a clip."""

SLOWEST, FASTEST = 3.0, 25.0
"""Phones in a second; outside, text and sound do not belong together."""

EVERY = 20
"""One of so many clips of a speaker is held out where a corpus has no splits."""

LEFT_OUT = "left_out"
"""The split of a clip that was stored, and for which a network then failed."""


def read_phones(text: str, language: str, n_phones: int) -> Phones:
    """Phones of a text as a family with so many phones can read them.

    Raises:
        TextError: those of `phonemize`; TEXT_EMPTY; TEXT_UNSUPPORTED, a phone that the family does not have.
    """
    if not text:
        raise TextError("TEXT_EMPTY", "There is no text", "what is said in the recording")
    phones = phonemize(text, language)
    unknown = [name for name, number in zip(phones.symbols, phones.ids, strict=True) if number >= n_phones]
    if unknown:
        problem = f"The phone {unknown[0]!r} is not among the first {n_phones}"
        raise TextError("TEXT_UNSUPPORTED", problem, "phones that the family has")
    return phones


def decode(path: Path, sample_rate: int) -> np.ndarray | LabError:
    """Samples (T,) of a recording, or the error that it makes; an error must not end the decoding of others."""
    try:
        samples: np.ndarray = audio.read(path, sample_rate).samples.numpy()
    except LabError as error:
        return error
    return samples


def checked(samples: np.ndarray, sample_rate: int, n_phones: int) -> np.ndarray:
    """A recording (T,) as the store keeps it, 16-bit; of its level only what goes beyond full scale is turned down.

    Args:
        samples: of the recording.
        sample_rate: Hz.
        n_phones: phones of its text.

    Raises:
        AudioError: AUDIO_SILENT. DataError: DATA_TOO_SHORT, DATA_TOO_LONG,
            ALIGN_IMPLAUSIBLE.
    """
    seconds = len(samples) / sample_rate
    if seconds < SHORTEST:
        raise DataError("DATA_TOO_SHORT", f"It lasts {seconds:.2f} s", f"at least {SHORTEST:g} s")
    if seconds > LONGEST:
        raise DataError("DATA_TOO_LONG", f"It lasts {seconds:.1f} s", f"at most {LONGEST:g} s", "Cut it into sentences")
    peak = float(np.abs(samples).max())
    level = 20 * np.log10(max(float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))), 1e-9))
    if level < SILENT_DBFS:
        raise AudioError("AUDIO_SILENT", f"Its level is {level:.0f} dBFS", "speech")
    if not SLOWEST <= n_phones / seconds <= FASTEST:
        problem = f"Its text has {n_phones / seconds:.1f} phones for each second of sound"
        raise DataError("ALIGN_IMPLAUSIBLE", problem, f"{SLOWEST:g} to {FASTEST:g}", "Check that they belong together")
    return to_int16(samples / max(1.0, peak))


def hold_out(rows: Sequence[Row]) -> set[int]:
    """Numbers of the clips to validate on: every 20th of each speaker, and one in any case where there are two clips.

    A corpus that has a split `valid` keeps it.
    """
    if any(row.split == "valid" for row in rows):
        return set()
    speakers: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        if row.split == "train":
            speakers.setdefault(row.speaker, []).append(number)
    held = {number for numbers in speakers.values() for number in numbers[EVERY - 1 :: EVERY]}
    if held or sum(map(len, speakers.values())) < 2:
        return held
    most = max(speakers.values(), key=len)
    return {most[-1]}
