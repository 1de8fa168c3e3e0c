"""A corpus that is made, not recorded: speech-like sound whose every factor is known.

In real speech nobody knows how much of a vowel is the phone and how much the person. Here it is known, because each
clip is built from three factors that were drawn independently of each other:

- content: phones with durations, so their true times are known;
- speaker: pitch (Hz) x length of the vocal tract (1 = 17.5 cm; formants move by its inverse) x breathiness (0 to 1);
- prosody: a curve in semitones around the speaker's pitch.

`render(script, speaker)` says any script in any voice, which gives parallel clips that differ in one factor only. It is
no substitute for real speech where the point is about speech.
Letters: T samples, F frames (FRAME_RATE a second), P phones, C context features. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsv_lab.corpora.synthetic_sound import (
    BURSTS,
    FRAME_RATE,
    FRICATIVES,
    SAMPLE_RATE,
    SONORANTS,
    SOUNDS,
    VOWELS,
    Floats,
    Script,
    Speaker,
    synthesize,
)
from gsv_lab.system.ranges import NonNegativeInt, PositiveInt
from gsv_lab.system.registry import Configurable
from gsv_lab.system.seeds import check_seed

__all__ = ["CONTEXT", "FRAME_RATE", "PHONES", "SAMPLE_RATE", "Script", "Speaker", "SyntheticClip", "SyntheticCorpus"]

PHONES: tuple[str, ...] = tuple(SOUNDS)
"""The inventory, with ARPAbet names; in a CTC model label i + 1 is PHONES[i] and 0 the blank."""
CONTEXT = (
    *("onset", "nucleus", "coda"),
    *("phrase_begin", "phrase_end", "phrase_position"),
    *("clip_position", "clip_length"),
)
"""Names of the context features of a phone. A phrase is what stands between two pauses."""
LONGEST_CLIP = 40
"""Phones at which the feature `clip_length` reaches 1."""


@dataclass(frozen=True)
class SyntheticClip:
    """One clip with everything that is true about it.

    `wave` (T,) float32 at `sample_rate`; `phones` with `start` and `end` in seconds (silence lies between them);
    `f0` (F,) in Hz, 0 where unvoiced, and `prosody` (F,) in semitones, both at `frame_rate`.
    """

    name: str
    wave: NDArray[np.float32]
    sample_rate: int
    phones: tuple[str, ...]
    start: Floats
    end: Floats
    speaker: Speaker
    speaker_index: int
    f0: Floats
    prosody: Floats
    frame_rate: float = FRAME_RATE

    @property
    def ids(self) -> list[int]:
        """(P,) CTC labels: 1 + position in PHONES."""
        return [PHONES.index(phone) + 1 for phone in self.phones]

    def owners(self, rate: float, frames: int | None = None) -> NDArray[np.int64]:
        """Number of the phone at the middle of each frame at `rate` (Hz), -1 in silence: (F,)."""
        if frames is None:
            frames = int(len(self.wave) * rate // self.sample_rate)
        middle = (np.arange(frames) + 0.5) / rate
        latest = np.searchsorted(self.start, middle, side="right") - 1
        owner = np.clip(latest, 0, None)
        inside = (self.start[owner] <= middle) & (middle < self.end[owner])
        return np.where(inside, owner, -1)

    def labels(self, rate: float, frames: int | None = None) -> NDArray[np.int64]:
        """The CTC label at the middle of each frame at `rate` (Hz), 0 in silence: (F,)."""
        owner = self.owners(rate, frames)
        return np.where(owner < 0, 0, np.array(self.ids)[owner])

    def context(self) -> Floats:
        """What a phone cannot know by itself, but a reader of the script does: (P, C), see `CONTEXT`; all in [0, 1]."""
        count = len(self.phones)
        vowel = np.array([phone in VOWELS for phone in self.phones])
        onset = ~vowel & np.append(vowel[1:], False)
        pause_before = np.append(True, self.start[1:] > self.end[:-1] + 1e-6)
        phrase = np.cumsum(pause_before) - 1
        first = np.flatnonzero(pause_before)
        length = np.bincount(phrase)
        features = [
            onset,
            vowel,
            ~vowel & ~onset,
            pause_before,
            np.append(pause_before[1:], True),
            (np.arange(count) - first[phrase]) / length[phrase],
            np.arange(count) / count,
            np.full(count, min(1.0, count / LONGEST_CLIP)),
        ]
        return np.stack(features, axis=1).astype(np.float64)


class SyntheticCorpus(Configurable):
    """Clips of made-up speakers, each clip computed when asked for and always the same.

    corpus[i] -> SyntheticClip: script i in the voice of speaker i modulo n_speakers.

    Args:
        n_speakers: voices; pitch, tract length and breath are spread evenly and independently of each other.
        n_clips: scripts.
        seed: same seed, same corpus, whatever is asked for in which order.
        n_syllables: fewest and most syllables of a script; a syllable lasts about 0.3 s.

    Raises:
        ValueError: a number below 1.
    """

    sample_rate = SAMPLE_RATE

    def __init__(
        self,
        n_speakers: PositiveInt = 8,
        n_clips: PositiveInt = 32,
        seed: NonNegativeInt = 0,
        n_syllables: tuple[PositiveInt, PositiveInt] = (6, 11),
    ) -> None:
        if min(n_speakers, n_clips, *n_syllables) < 1 or n_syllables[0] > n_syllables[1]:
            raise ValueError(f"need speakers, clips and syllables, got {n_speakers}, {n_clips}, {n_syllables}")
        self.n_clips = n_clips
        self.seed = check_seed(seed)
        self.n_syllables = n_syllables
        self.speakers = _speakers(n_speakers, np.random.default_rng([self.seed, 0]))

    def __len__(self) -> int:
        return self.n_clips

    def __getitem__(self, index: int) -> SyntheticClip:
        if not 0 <= index < self.n_clips:
            raise IndexError(f"clip {index} of {self.n_clips}")
        return self.render(index, index % len(self.speakers))

    def __iter__(self) -> Iterator[SyntheticClip]:
        return (self[i] for i in range(len(self)))

    def script(self, index: int) -> Script:
        """Content and prosody of clip `index`, the same for every speaker."""
        rng = np.random.default_rng([self.seed, 1, index])
        phones: list[str] = []
        start: list[float] = []
        end: list[float] = []
        now = 0.12 + 0.15 * rng.random()
        tempo = np.exp(0.12 * rng.standard_normal())
        for _ in range(rng.integers(self.n_syllables[0], self.n_syllables[1] + 1)):
            if phones and rng.random() < 0.15:
                now += 0.2 + 0.2 * rng.random()
            for phone in _syllable(rng, phones[-1] if phones else ""):
                typical = 0.14 if phone in VOWELS else 0.09
                length = typical * np.exp(0.2 * rng.standard_normal()) / tempo
                phones.append(phone)
                start.append(now)
                now += max(length, 0.05)
                end.append(now)
        duration = now + 0.12 + 0.15 * rng.random()
        return Script(tuple(phones), np.array(start), np.array(end), duration, _prosody(rng, duration))

    def render(self, script: int, speaker: int | Speaker) -> SyntheticClip:
        """Synthesize a script (by number) in the voice of a speaker (by number, or any `Speaker`)."""
        number = speaker if isinstance(speaker, int) else -1
        voice = self.speakers[speaker] if isinstance(speaker, int) else speaker
        plan = self.script(script)
        rng = np.random.default_rng([self.seed, 2, script])
        wave, f0 = synthesize(plan, voice, rng)
        return SyntheticClip(
            f"{voice.name}_{script:04d}",
            wave,
            SAMPLE_RATE,
            plan.phones,
            plan.start,
            plan.end,
            voice,
            number,
            f0,
            plan.prosody,
        )


def _speakers(count: int, rng: np.random.Generator) -> tuple[Speaker, ...]:
    """Voices whose factors are spread evenly and independently of each other."""
    # One value from each of `count` equal parts of the range, shuffled for each factor on its own.
    columns = [rng.permutation(count) + rng.random(count) for _ in range(3)]
    spread = np.stack(columns, axis=1) / count
    speakers = []
    for number, (pitch, tract, breath) in enumerate(spread.tolist()):
        hz = 95.0 * (230.0 / 95.0) ** pitch
        speakers.append(Speaker(f"synthetic_{number:02d}", hz, 0.82 + 0.3 * tract, 0.7 * breath))
    return tuple(speakers)


def _syllable(rng: np.random.Generator, previous: str) -> list[str]:
    consonants = [*SONORANTS, *FRICATIVES, *BURSTS]
    onset = str(rng.choice([c for c in consonants if c != previous]))
    vowel = str(rng.choice(list(VOWELS)))
    coda = str(rng.choice(["M", "N", "L", "S", "Z", "T", "K"]))
    return [onset, vowel, coda] if rng.random() < 0.3 else [onset, vowel]


def _prosody(rng: np.random.Generator, duration: float) -> Floats:
    """A falling line with a few accents: semitones (F,)."""
    frames = np.arange(int(duration * FRAME_RATE), dtype=np.float64)
    time = (frames + 0.5) / FRAME_RATE
    curve: Floats = 1.5 - 3.0 * time / duration
    for _ in range(rng.integers(2, 5)):
        height = rng.uniform(-2, 5)
        distance = time - rng.uniform(0, duration)
        curve += height * np.exp(-0.5 * (distance / 0.12) ** 2)
    return curve
