"""Clips of which phones, speaker and pitch are known, for probes and swaps.

They come from the synthetic corpus, where everything is true by construction, or from recordings with transcripts,
where phones and pitch are measured.
Letters: T samples, P phones, F frames (rate in the name).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsv_lab import audio
from gsv_lab.corpora.readers import Clip, read
from gsv_lab.corpora.synthetic import SyntheticClip, SyntheticCorpus
from gsv_lab.errors import DataError
from gsv_lab.evaluation.lists import LANGUAGES, PAIR_COLUMNS, read_list
from gsv_lab.extensions.f0 import track_pitch
from gsv_lab.system.files import read_file
from gsv_lab.text import CTC_SYMBOLS, Phones, phonemize

PITCH_RATE = 100
"""Frames a second of `SpokenClip.f0`."""
_SHORTEST = 1.0  # seconds
_FEWEST_PHONES = 3
_MOST_PHONES = 40  # a second; more cannot be aligned


@dataclass(frozen=True)
class SpokenClip:
    """A clip with everything that a probe may ask about it.

    Args:
        name: of the clip.
        speaker: who speaks.
        wave: (T,) float32.
        sample_rate: Hz.
        ids: phone ids that the prior reads.
        labels: labels that a recogniser should write.
        phones: (P,) names of the phones that sound.
        positions: (P,) position of each in `ids`.
        start: (P,) seconds.
        end: (P,) seconds.
        f0: (F100,) Hz, 0 where there is no voice.
        tract: length of the vocal tract (1 = 17.5 cm), None where it is not known.
        text: the phonemized text, None where the clip was made without one.
        language: `en` or `zh`; empty where `phones` are of no language.
    """

    name: str
    speaker: str
    wave: Tensor
    sample_rate: int
    ids: tuple[int, ...]
    labels: tuple[int, ...]
    phones: tuple[str, ...]
    positions: np.ndarray
    start: np.ndarray
    end: np.ndarray
    f0: np.ndarray
    tract: float | None = None
    text: Phones | None = None
    language: str = ""

    @property
    def seconds(self) -> float:
        """Length of the clip."""
        return len(self.wave) / self.sample_rate

    def owners(self, times: np.ndarray) -> np.ndarray:
        """Which of `phones` sounds at each time, -1 in silence: (F,) seconds -> (F,)."""
        owner = self._latest(times)
        sounds = (self.start[owner] <= times) & (times < self.end[owner])
        return np.where(sounds, owner, -1)

    def names(self, times: np.ndarray) -> np.ndarray:
        """Name of the phone at each time, "" in silence: (F,) seconds -> (F,)."""
        return np.array([*self.phones, ""])[self.owners(times)]

    def log_f0(self, times: np.ndarray) -> np.ndarray:
        """Log-F0 in ln Hz at each time, NaN where there is no voice: (F,) seconds -> (F,)."""
        frames = (times * PITCH_RATE).astype(np.int64)
        found = self.f0[np.clip(frames, 0, len(self.f0) - 1)]
        return np.where(found > 0, np.log(np.maximum(found, 1.0)), np.nan)

    def phone_index(self, n_codes: int, rate: float = 25.0) -> np.ndarray:
        """Position in `ids` of the phone that each code speaks: (F25,).

        In silence it is the mark or place for a pause that stands there, else the phone before.
        """
        middles = (np.arange(n_codes) + 0.5) / rate
        spoken = self.positions[self._latest(middles)]
        behind = np.where(middles < self.start[0], 0, spoken + 1)
        soundless = ~np.isin(behind, self.positions) & (behind < len(self.ids))
        return np.where((self.owners(middles) < 0) & soundless, behind, spoken).astype(np.int64)

    def _latest(self, times: np.ndarray) -> np.ndarray:
        """Which of `phones` began last at each time; the first before any began."""
        begun = np.searchsorted(self.start, times, side="right")
        return np.clip(begun - 1, 0, None)


def spoken(clip: SyntheticClip) -> SpokenClip:
    """A synthetic clip as a `SpokenClip`; its phone ids are the labels of the corpus."""
    ids = tuple(clip.ids)
    return SpokenClip(
        name=clip.name,
        speaker=clip.speaker.name,
        wave=torch.from_numpy(clip.wave),
        sample_rate=clip.sample_rate,
        ids=ids,
        labels=ids,
        phones=clip.phones,
        positions=np.arange(len(ids)),
        start=clip.start,
        end=clip.end,
        f0=clip.f0,
        tract=clip.speaker.tract,
    )


def synthetic_clips(corpus: SyntheticCorpus, indices: Iterable[int] | None = None) -> list[SpokenClip]:
    """Clips of a synthetic corpus; all of them if no indices are given."""
    if indices is None:
        indices = range(len(corpus))
    return [spoken(corpus[index]) for index in indices]


def recorded_clips(
    lab: Any,
    source: str | Path,
    speakers: int = 8,
    clips: int = 6,
    longest: float = 9.0,
    language: str = "",
) -> list[SpokenClip]:
    """Recordings with transcripts, aligned by the lab and pitch tracked: the first clips of the first speakers.

    Args:
        lab: a `Lab`, which aligns with its own recogniser.
        source: a corpus or a list file, see `gsv_lab.corpora.readers.read`; or a test list, see `evaluation.lists`.
        speakers: most speakers; those with fewer than two usable clips do not count.
        clips: most clips of each.
        longest: seconds; longer recordings are left out.
        language: `en` or `zh`; both if empty.

    Raises:
        DataError: DATA_TOO_SHORT, fewer than two speakers with two clips; those of `read`.
    """
    languages = (language,) if language else LANGUAGES
    by_speaker: dict[str, list[Clip]] = defaultdict(list)
    for row in _rows(Path(source)):
        if row.text and row.language in languages:
            by_speaker[row.speaker].append(row)
    chosen: list[list[SpokenClip]] = []
    for rows in by_speaker.values():
        if len(chosen) == speakers:
            break
        if len(rows) > 1:
            made = _usable(lab, rows[: 2 * clips], longest)[:clips]
            if len(made) > 1:
                chosen.append(made)
    if len(chosen) < 2:
        problem = f"{Path(source).name} has fewer than two speakers with two clips each"
        raise DataError("DATA_TOO_SHORT", problem, f"transcribed clips of at most {longest:g} s")
    return [clip for made in chosen for clip in made]


def _rows(source: Path) -> list[Clip]:
    """Clips of a corpus, a list file or a test list."""
    header = "|".join(PAIR_COLUMNS).encode()
    if not source.is_file() or not read_file(source).startswith(header):
        return read(source)
    listed: dict[str, Clip] = {}
    for item in read_list(source).items:
        for clip in (item.target, item.reference):
            if clip.key not in listed or not listed[clip.key].text:
                listed[clip.key] = Clip(clip.key, clip.path, clip.speaker, clip.language, clip.text)
    return list(listed.values())


def _usable(lab: Any, rows: Sequence[Clip], longest: float) -> list[SpokenClip]:
    found = []
    for row in rows:
        clip = _recorded(lab, row, longest)
        if clip is not None:
            found.append(clip)
    return found


def _recorded(lab: Any, row: Clip, longest: float) -> SpokenClip | None:
    """A recording, aligned and pitch tracked; None where it is too short, too long, or its text cannot be its own."""
    wave = audio.read(row.path, lab.sample_rate).samples
    seconds = len(wave) / lab.sample_rate
    if not _SHORTEST <= seconds <= longest:
        return None
    phones = lab.family.phones(phonemize(row.text, row.language))
    labels, _ = phones.folded()
    if not _FEWEST_PHONES <= len(labels) <= _MOST_PHONES * seconds:
        return None
    times = lab.recordings.align(wave, phones)
    return aligned_clip(row.id, row.speaker, wave, lab.sample_rate, phones, times.start, times.end, row.language)


def aligned_clip(
    name: str,
    speaker: str,
    wave: Tensor,
    sample_rate: int,
    phones: Phones,
    start: np.ndarray,
    end: np.ndarray,
    language: str,
) -> SpokenClip:
    """A recording whose text and times are known, as a clip; its pitch is tracked here.

    Args:
        name: of the clip.
        speaker: who speaks.
        wave: (T,) samples.
        sample_rate: Hz.
        phones: (P,) of the text.
        start: (P,) seconds, of all phones.
        end: (P,) seconds.
        language: of the text.
    """
    labels, positions = phones.folded()
    log_f0, voicing = track_pitch(wave[None], sample_rate, sample_rate // PITCH_RATE)
    return SpokenClip(
        name=name,
        speaker=speaker,
        wave=wave,
        sample_rate=sample_rate,
        ids=tuple(phones.ids),
        labels=tuple(labels),
        phones=tuple(CTC_SYMBOLS[label] for label in labels),
        positions=np.array(positions),
        start=start[positions],
        end=end[positions],
        f0=torch.where(voicing[0] > 0, log_f0[0].exp(), 0.0).numpy(),
        text=phones,
        language=language,
    )
