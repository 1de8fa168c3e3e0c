"""A corpus that is made, not recorded: speech-like sound whose every factor is known.

Real speech never tells how much of a vowel is the phone and how much the person. Here it is known, because each clip is
built from three factors that were drawn independently of each other:

- content: phones with durations, so their true times are known;
- speaker: pitch (Hz) x length of the vocal tract (1 = 17.5 cm; formants move by its inverse) x breathiness (0 to 1);
- prosody: a curve in semitones around the speaker's pitch.

`render(script, speaker)` says any script in any voice, which gives parallel clips that differ in one factor only.
The sound is source and filter (Fant 1960, "Acoustic theory of speech production"): pulses at F0 and noise, shaped by
the resonances of the tract, all frames at once in the STFT domain. Vowels sit near the formants of average adult men;
consonants are caricatures: nasals are vowels with a low first formant, fricatives bands of noise, stops a gap and a
burst.

Letters: T samples, F frames (FRAME_RATE a second), P phones, S segments, K frequencies. Times are seconds.
The file knows no network and no file format, and is no substitute for real speech where the point is about speech.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAMPLE_RATE = 16000
FRAME_RATE = 100.0
HOP = 160
N_FFT = 640


class Sound(NamedTuple):
    """How a phone is made: resonances in Hz, strength of the voice, and a band of noise (strength; Hz; Hz)."""

    formants: tuple[float, float, float]
    voice: float
    noise: float = 0.0
    centre: float = 2500.0
    width: float = 1000.0


_VOWELS = {
    "IY": Sound((280, 2250, 2950), 1.0), "EH": Sound((540, 1840, 2480), 1.0), "AE": Sound((680, 1700, 2400), 1.0),
    "AA": Sound((730, 1100, 2450), 1.0), "AO": Sound((560, 830, 2400), 1.0), "UW": Sound((310, 880, 2250), 1.0),
    "ER": Sound((490, 1350, 1690), 1.0), "AH": Sound((630, 1200, 2400), 1.0),
}  # fmt: skip
_SONORANTS = {
    "M": Sound((250, 1000, 2200), 0.35), "N": Sound((250, 1550, 2500), 0.35), "L": Sound((360, 1050, 2700), 0.5),
    "R": Sound((330, 1060, 1400), 0.5), "W": Sound((300, 650, 2200), 0.5), "Y": Sound((260, 2300, 3000), 0.5),
}  # fmt: skip
_FRICATIVES = {
    "S": Sound((300, 1750, 2650), 0.0, 0.5, 6000, 900), "SH": Sound((300, 1900, 2500), 0.0, 0.5, 3200, 800),
    "F": Sound((300, 950, 2300), 0.0, 0.15, 5500, 3000), "HH": Sound((500, 1500, 2500), 0.0, 0.15, 1500, 900),
    "Z": Sound((300, 1750, 2650), 0.3, 0.3, 6000, 900), "V": Sound((300, 950, 2300), 0.4, 0.1, 5500, 3000),
}  # fmt: skip
_BURSTS = {
    "P": Sound((300, 900, 2300), 0.0, 0.5, 900, 500), "T": Sound((300, 1750, 2650), 0.0, 0.5, 4800, 900),
    "K": Sound((300, 2000, 2300), 0.0, 0.5, 2200, 500), "B": Sound((300, 900, 2300), 0.3, 0.3, 900, 500),
    "D": Sound((300, 1750, 2650), 0.3, 0.3, 4800, 900), "G": Sound((300, 2000, 2300), 0.3, 0.3, 2200, 500),
}  # fmt: skip
_SOUNDS = {**_VOWELS, **_SONORANTS, **_FRICATIVES, **_BURSTS}
PHONES: tuple[str, ...] = tuple(_SOUNDS)
"""The inventory, with ARPAbet names; in a CTC model label i + 1 is PHONES[i] and 0 the blank."""


class Speaker(NamedTuple):
    """The factors of a voice: mean pitch in Hz, tract length (1 = 17.5 cm), share of breath from 0 to 1."""

    name: str
    pitch: float
    tract: float
    breath: float


@dataclass(frozen=True)
class Script:
    """What is said and how, without by whom: phones with times in seconds, and the melody in semitones (F,)."""

    phones: tuple[str, ...]
    start: Floats
    end: Floats
    duration: float
    prosody: Floats


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

    def labels(self, rate: float, frames: int | None = None) -> NDArray[np.int64]:
        """() -> (F,): the CTC label at the middle of each frame at `rate`, 0 in silence."""
        frames = int(len(self.wave) * rate // self.sample_rate) if frames is None else frames
        middle = (np.arange(frames) + 0.5) / rate
        owner = np.clip(np.searchsorted(self.start, middle, side="right") - 1, 0, None)
        inside = (self.start[owner] <= middle) & (middle < self.end[owner])
        return np.where(inside, np.array(self.ids)[owner], 0).astype(np.int64)


class SyntheticCorpus:
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
        self, n_speakers: int = 8, n_clips: int = 32, seed: int = 0, n_syllables: tuple[int, int] = (6, 11)
    ) -> None:
        if min(n_speakers, n_clips, *n_syllables) < 1 or n_syllables[0] > n_syllables[1]:
            raise ValueError(f"need speakers, clips and syllables, got {n_speakers}, {n_clips}, {n_syllables}")
        self.n_clips, self.seed, self.n_syllables = n_clips, seed, n_syllables
        rng = np.random.default_rng([seed, 0])
        # One value from each of n equal parts of the range, shuffled for each factor on its own.
        spread = np.stack([rng.permutation(n_speakers) + rng.random(n_speakers) for _ in range(3)], axis=1) / n_speakers
        self.speakers = tuple(
            Speaker(f"synthetic_{i:02d}", 95.0 * (230.0 / 95.0) ** a, 0.82 + 0.3 * b, 0.7 * c)
            for i, (a, b, c) in enumerate(spread.tolist())
        )

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
        start, end, now = [], [], 0.12 + 0.15 * rng.random()
        tempo = np.exp(0.12 * rng.standard_normal())
        for _ in range(rng.integers(self.n_syllables[0], self.n_syllables[1] + 1)):
            if phones and rng.random() < 0.15:
                now += 0.2 + 0.2 * rng.random()
            for phone in _syllable(rng, phones[-1] if phones else ""):
                length = (0.14 if phone in _VOWELS else 0.09) * np.exp(0.2 * rng.standard_normal()) / tempo
                phones.append(phone)
                start.append(now)
                end.append(now + max(length, 0.05))
                now = end[-1]
        duration = now + 0.12 + 0.15 * rng.random()
        return Script(tuple(phones), np.array(start), np.array(end), duration, _melody(rng, duration))

    def render(self, script: int, speaker: int | Speaker) -> SyntheticClip:
        """Say a script (by number) in the voice of a speaker (by number, or any `Speaker`)."""
        number = speaker if isinstance(speaker, int) else -1
        voice = self.speakers[speaker] if isinstance(speaker, int) else speaker
        plan = self.script(script)
        rng = np.random.default_rng([self.seed, 2, script])
        wave, f0 = _synthesize(plan, voice, rng)
        name = f"{voice.name}_{script:04d}"
        return SyntheticClip(
            name, wave, SAMPLE_RATE, plan.phones, plan.start, plan.end, voice, number, f0, plan.prosody
        )


def _syllable(rng: np.random.Generator, previous: str) -> list[str]:
    consonants = [*_SONORANTS, *_FRICATIVES, *_BURSTS]
    onset = str(rng.choice([c for c in consonants if c != previous]))
    vowel = str(rng.choice(list(_VOWELS)))
    coda = str(rng.choice(["M", "N", "L", "S", "Z", "T", "K"]))
    return [onset, vowel, coda] if rng.random() < 0.3 else [onset, vowel]


def _melody(rng: np.random.Generator, duration: float) -> Floats:
    time = (np.arange(int(duration * FRAME_RATE), dtype=np.float64) + 0.5) / FRAME_RATE
    curve: Floats = 1.5 - 3.0 * time / duration
    for _ in range(rng.integers(2, 5)):
        curve += rng.uniform(-2, 5) * np.exp(-0.5 * ((time - rng.uniform(0, duration)) / 0.12) ** 2)
    return curve


class _Frames(NamedTuple):
    formants: Floats  # (F, 3) Hz of a tract of length 1
    voice: Floats  # (F,)
    noise: Floats  # (F,)
    centre: Floats  # (F,) Hz
    width: Floats  # (F,) Hz


def _frames(plan: Script) -> _Frames:
    """Cut phones into steady segments, look up each frame's, and let the values glide from one to the next."""
    ends: list[float] = []
    sounds: list[Sound] = []
    for phone, start, end in zip(plan.phones, plan.start, plan.end, strict=True):
        sound = _SOUNDS[phone]
        mute = sound._replace(noise=0.0, voice=0.15 if phone in ("B", "D", "G") else 0.0)
        ends += [float(start), float(end)]
        sounds += [sounds[-1]._replace(voice=0.0, noise=0.0) if sounds else mute._replace(voice=0.0), sound]
        if phone in _BURSTS:
            ends.insert(-1, float(end - min(0.025, (end - start) / 2)))
            sounds.insert(-1, mute)
    ends.append(plan.duration)
    sounds.append(sounds[-1]._replace(voice=0.0, noise=0.0))
    middle = (np.arange(len(plan.prosody)) + 0.5) / FRAME_RATE
    which = np.clip(np.searchsorted(ends, middle, side="right"), 0, len(sounds) - 1)
    steady = np.array([[*s.formants, s.voice, s.noise, s.centre, s.width] for s in sounds])[which]
    # The tract moves within 60 ms; the voice and the noise start and stop within 20.
    formants = np.exp(_smooth(np.log(steady[:, :3]), 6))
    loudness = _smooth(steady[:, 3:5], 2)
    return _Frames(formants, loudness[:, 0], loudness[:, 1], steady[:, 5], steady[:, 6])


def _smooth(values: Floats, width: int) -> Floats:
    kernel = np.hanning(width + 2)[1:-1]
    padded = np.pad(values, ((width // 2, (width - 1) // 2), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
    return windows @ (kernel / kernel.sum())


def _synthesize(plan: Script, voice: Speaker, rng: np.random.Generator) -> tuple[NDArray[np.float32], Floats]:
    frames = _frames(plan)
    pitch = voice.pitch * 2.0 ** (plan.prosody / 12.0)
    samples = len(pitch) * HOP
    sources = np.stack([_pulses(pitch, samples), rng.standard_normal(samples)])
    wave = _filtered(sources, _filters(frames, voice))
    wave = 0.08 * wave / np.sqrt(np.mean(wave**2) + 1e-12) + 3e-4 * rng.standard_normal(samples)
    wave *= min(1.0, 0.95 / float(np.abs(wave).max()))
    return wave.astype(np.float32), np.where(frames.voice > 0.1, pitch, 0.0)


def _filters(frames: _Frames, voice: Speaker) -> NDArray[np.complex64]:
    """-> (2, F, K): what each frame does to the pulses and to the noise."""
    k = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1, dtype=np.float32)
    tract = _resonances(frames.formants / voice.tract, k, voice.tract)
    # A breathy voice loses its upper harmonics and gains noise in their place.
    tilt = (1.0 / (1.0 + 1j * k / (500.0 * (1.0 - 0.8 * voice.breath)))).astype(np.complex64)
    _, strength, noise, centre, width = (np.asarray(values, dtype=np.float32) for values in frames)
    band = np.exp(-0.5 * ((k - centre[:, None] / voice.tract) / width[:, None]) ** 2)
    voiced = tract * strength[:, None]
    return np.stack([voiced * tilt, voiced * (0.2 * voice.breath) + band * noise[:, None]]).astype(np.complex64)


def _pulses(pitch: Floats, samples: int) -> Floats:
    """(F,) Hz -> (T,): an impulse a period, its place between two samples kept by splitting it."""
    time = np.arange(samples)
    phase = np.cumsum(np.interp(time, (np.arange(len(pitch)) + 0.5) * HOP, pitch)) / SAMPLE_RATE
    at = np.interp(np.arange(1, int(phase[-1]) + 1), phase, time)
    left = np.minimum(at.astype(np.int64), samples - 2)
    height = np.sqrt(SAMPLE_RATE / pitch[np.minimum(left // HOP, len(pitch) - 1)])
    wave = np.zeros(samples)
    np.add.at(wave, left, height * (1.0 - (at - left)))
    np.add.at(wave, left + 1, height * (at - left))
    return wave


def _resonances(formants: Floats, k: NDArray[np.float32], tract: float) -> NDArray[np.complex64]:
    """(F, 3) Hz -> (F, K): product of second-order resonances, with two fixed ones above the three given."""
    fixed = np.array([[3500.0, 4500.0, 5500.0]]) / tract
    response = np.ones((1, len(k)), dtype=np.complex64)
    for group in (fixed, formants):
        for centre in np.asarray(group, dtype=np.float32).T:
            square, width = (centre**2)[:, None], (50.0 + 0.04 * centre)[:, None]
            response = response * (square / (square - k**2 + 1j * (k * width)).astype(np.complex64))
    return response


def _filtered(sources: Floats, filters: NDArray[np.complex64]) -> Floats:
    """(2, T), (2, F, K) -> (T,): each frame's own filter, by overlapping and adding Hann windows of two hops."""
    frames = filters.shape[1]
    padded = np.pad(sources, ((0, 0), (HOP // 2, HOP // 2))).astype(np.float32)
    window = np.hanning(2 * HOP + 1)[:-1].astype(np.float32)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, 2 * HOP, axis=1)[:, ::HOP] * window
    shaped = np.fft.irfft((np.fft.rfft(pieces, N_FFT) * filters).sum(axis=0), N_FFT).reshape(frames, -1, HOP)
    blocks = shaped.shape[1]
    wave = np.zeros((frames + blocks, HOP))
    for block in range(blocks):
        wave[block : block + frames] += shaped[:, block]
    return wave.reshape(-1)[HOP // 2 : HOP // 2 + frames * HOP]
