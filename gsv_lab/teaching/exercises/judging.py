"""What notebook 10 judges: copies of a sentence, clips of several voices, a sentence beside its clone, systems.

Letters: T samples at 16 kHz, N clips.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gsv_lab import audio
from gsv_lab.audio import Mark
from gsv_lab.corpora.readers import read
from gsv_lab.errors import DataError, LabError
from gsv_lab.evaluation.measures.own import speaker_verifier
from gsv_lab.evaluation.measures.similarity import SpeakerEmbedder
from gsv_lab.evaluation.statistics.verification import equal_error
from gsv_lab.hooks import Table
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.utterance import Speech
from gsv_lab.inference.voice import Voice
from gsv_lab.system.environment import speech_dir
from gsv_lab.system.folders import private_folder
from gsv_lab.teaching.exercises.excerpt import excerpt
from gsv_lab.teaching.exercises.material import FoundSpeech, shipped_sample
from gsv_lab.teaching.exercises.metrics import COPIES, RATE, cepstra, changed, distortion, measured, t_quantile
from gsv_lab.teaching.exercises.sounds import Sound, magnitudes_only

LENGTHS = (1.6, 3.0, 6.0)
"""Seconds of the clips whose cosines are compared."""
SPEEDS = (0.8, 0.9, 1.0, 1.12, 1.25)
"""At which the shipped sample stands in for several voices."""
REAL_VOICES, CLIPS = 8, 4
SYSTEMS = {"A": 0.030, "B": 0.018, "C": 0.040}
"""Systems that copy speech: magnitudes of frames of so many seconds, phases drawn at random."""


class VoiceClip(NamedTuple):
    """Who speaks, the `wave` (T,), and the recording it is from, None where it was changed."""

    speaker: str
    wave: np.ndarray
    path: Path | None = None


class VoiceClips(NamedTuple):
    """Clips of several voices, and one sentence on where they come from."""

    clips: list[VoiceClip]
    source: str


class Cosines(NamedTuple):
    """Cosines of all pairs of clips of one voice, and of two voices; threshold and rate of equal error."""

    same: list[float]
    different: list[float]
    threshold: float
    rate: float


class Beside(NamedTuple):
    """A sentence of a recording, and the same sentence made in its voice.

    `natural` (T,); the `voice` that `made` it once more; the `reference` (T,) that this was cloned from, without that
    sentence; the recording's `path` and `mark`; one sentence on its `source`.
    """

    natural: Tensor
    voice: Voice
    made: Speech
    reference: Tensor
    path: Path
    mark: Mark | None
    source: str


class Copied(NamedTuple):
    """MCD in dB of every clip (N,) by system, and the `speaker` of each clip."""

    values: dict[str, np.ndarray]
    speaker: np.ndarray


def judge(lab: Lab) -> SpeakerEmbedder:
    """The kit's speaker verifier on the first 6 s: that of the lab, else that of the newest shipped family.

    Raises:
        DataError: DATA_MISSING, no shipped family has one.
    """
    found = speaker_verifier(lab) or speaker_verifier()
    if found is None:
        raise DataError(
            "DATA_MISSING", "No speaker verifier is shipped", "speaker_verifier.safetensors in gsv_lab/assets"
        )
    return found


def voice_clips() -> VoiceClips:
    """Clips of 6 s of several voices: of the reader's corpus in `GSV_LAB_SPEECH`, else the sample at several speeds.

    Raises:
        ConfigError: SPEECH_DIR.
    """
    folder, why = speech_dir(), ""
    if folder:
        try:
            found = _recorded(folder)
            why = "GSV_LAB_SPEECH has no two speakers with two clips of 6 s each. "
        except LabError as error:
            found, why = [], f"GSV_LAB_SPEECH does not serve here ({error.code}). "
        names = {clip.speaker for clip in found}
        if len(names) > 1:
            return VoiceClips(found, f"{len(found)} recordings of {len(names)} speakers in GSV_LAB_SPEECH.")
    sample = shipped_sample()
    size = round(LENGTHS[-1] * RATE)
    clips = []
    for speed in SPEEDS:
        wave = audio.resample(sample.wave, round(RATE * speed), RATE).numpy()
        path = sample.path if speed == 1 else None
        starts = range(0, min(len(wave) // size, CLIPS) * size, size)
        clips += [VoiceClip(f"speed {speed:g}", wave[start : start + size], path) for start in starts]
    source = "The shipped sample at five speeds: pitch and formants move, as from a larger to a smaller speaker."
    return VoiceClips(clips, why + source)


def _recorded(folder: Path) -> list[VoiceClip]:
    by_speaker: dict[str, list[VoiceClip]] = {}
    for row in read(folder):
        own = by_speaker.get(row.speaker, [])
        if len(own) < CLIPS and (own or len(by_speaker) < REAL_VOICES):
            wave = audio.read(row.path, RATE).samples.numpy()
            if len(wave) >= LENGTHS[-1] * RATE:
                by_speaker.setdefault(row.speaker, []).append(VoiceClip(row.speaker, wave, row.path))
    return [clip for own in by_speaker.values() if len(own) > 1 for clip in own]


def cosines(embedder: SpeakerEmbedder, clips: Sequence[VoiceClip], seconds: float) -> Cosines:
    """All pairs of clips by the cosine of their vectors, each clip cut to its first seconds."""
    vectors = [embedder.embed(clip.wave[: round(seconds * RATE)]) for clip in clips]
    same: list[float] = []
    different: list[float] = []
    for (one, a), (other, b) in combinations(zip(clips, vectors, strict=True), 2):
        (same if one.speaker == other.speaker else different).append(float(a @ b))
    return Cosines(same, different, *equal_error(same, different))


def by_length(embedder: SpeakerEmbedder, clips: Sequence[VoiceClip]) -> dict[str, Cosines]:
    """Cosines for each of `LENGTHS`, under the length's name."""
    return {f"{seconds:g} s": cosines(embedder, clips, seconds) for seconds in LENGTHS}


def beside(lab: Lab, recording: FoundSpeech) -> Beside:
    """The first sentence of a recording, and the same made in a voice that was cloned from the rest of it."""
    part = excerpt(lab, recording)
    size = part.wave.numel()
    speech = recording if torch.equal(recording.wave[:size], part.wave) else shipped_sample()
    reference = speech.wave[size:] if speech.wave.numel() - size >= 4 * RATE else speech.wave
    with private_folder() as folder:
        voice = lab.clone(audio.write(folder / "reference.wav", reference, RATE, speech.mark))
    made = lab.speak(part.phones.text, voice, part.phones.language, candidates=1)
    return Beside(part.wave, voice, made, reference, speech.path, speech.mark, part.source)


def copies(wave: Tensor) -> dict[str, Tensor]:
    """The copies of `COPIES` of a wave (T,)."""
    return {name: changed(wave, **settings) for name, settings in COPIES.items()}


def copies_heard(pair: Beside) -> dict[str, Sound]:
    """The recorded sentence and its copies, for players."""
    waves = {"recording": pair.natural} | copies(pair.natural)
    return {name: Sound(wave, RATE, pair.mark) for name, wave in waves.items()}


def copies_measured(pair: Beside, embedder: SpeakerEmbedder) -> dict[str, dict[str, float]]:
    """What four measures say of a recorded sentence, of its copies, and of its clone."""
    waves = {"recording": pair.natural} | copies(pair.natural) | {"the clone": pair.made.wave}
    return {name: measured(wave, pair.natural, pair.reference, embedder) for name, wave in waves.items()}


def table(found: Mapping[str, Mapping[str, float]]) -> Table:
    """Measures by name as a table: a row a copy, a column a measure."""
    rows = ({"copy": name} | {key: f"{value:.2f}" for key, value in row.items()} for name, row in found.items())
    return Table(rows)


def standing(
    pair: Beside,
    clips: Sequence[VoiceClip],
    embedder: SpeakerEmbedder,
    rule: Callable[[float, float, float], Any],
) -> Table:
    """The clone's cosine with its reference, between those of other voices and of the recorded sentence.

    Args:
        pair: the sentence, its clone and the reference.
        clips: of other voices; those of the speaker of the sentence are left out.
        embedder: gives vectors.
        rule: score, floor, ceiling -> place.
    """
    size = min(round(LENGTHS[-1] * RATE), *(len(x) for x in (pair.natural, pair.made.wave, pair.reference)))
    own = embedder.embed(pair.reference[:size].numpy())
    themselves = {clip.speaker for clip in clips if clip.path == pair.path}
    others = [own @ embedder.embed(clip.wave[:size]) for clip in clips if clip.speaker not in themselves]
    ceiling, score = (float(own @ embedder.embed(wave[:size].numpy())) for wave in (pair.natural, pair.made.wave))
    floor = float(np.mean(others))
    scores = {"other voices: floor": floor, "the clone": score, "the recording: ceiling": ceiling}
    title = f"cosine with the reference, {size / RATE:.1f} s each"
    return Table({"of": name, title: x, "place": float(rule(x, floor, ceiling))} for name, x in scores.items())


def copied(clips: Sequence[VoiceClip], rule: Callable[..., Any] = distortion, seconds: float = 2.0) -> Copied:
    """All `SYSTEMS` copy every clip; what is lost is measured as MCD, frame against frame.

    Args:
        clips: of several speakers.
        rule: two cepstra and a path -> dB.
        seconds: of each clip.
    """
    found: dict[str, list[float]] = {name: [] for name in SYSTEMS}
    for number, clip in enumerate(clips):
        wave = torch.as_tensor(clip.wave[: round(seconds * RATE)])
        original = cepstra(wave)
        straight = np.repeat(np.arange(len(original))[:, None], 2, axis=1)
        for name, window in SYSTEMS.items():
            copy = cepstra(magnitudes_only(wave, window, seed=number))
            found[name].append(float(rule(original, copy, straight)))
    values = {name: np.array(errors) for name, errors in found.items()}
    return Copied(values, np.array([clip.speaker for clip in clips]))


def intervals(found: Copied, rule: Callable[..., Any]) -> dict[str, tuple[float, float, float]]:
    """Mean and interval of every system, and of its difference from A, by speakers and by clips.

    Args:
        found: of `copied`.
        rule: values, speakers and t -> low, high.
    """
    rows = dict(found.values)
    rows |= {f"{name} − A": values - rows["A"] for name, values in found.values.items() if name != "A"}
    each = np.arange(len(found.speaker)).astype(str)
    shown: dict[str, tuple[float, float, float]] = {}
    for name, values in rows.items():
        for unit, who in (("speakers", found.speaker), ("clips", each)):
            low, high = map(float, rule(values, who, t_quantile))
            shown[f"{name}, by {unit}"] = ((low + high) / 2, low, high)
    return shown


def intervals_figure(found: Copied, rule: Callable[..., Any], title: str = "") -> Any:
    """`intervals` as a Figure, with their numbers; filled where 0 lies outside."""
    from gsv_lab import figures

    rows = {
        f"{name}: {value:.2f} [{low:.2f}, {high:.2f}]": (value, low, high)
        for name, (value, low, high) in intervals(found, rule).items()
    }
    sure = [name for name, (_, low, high) in rows.items() if low > 0 or high < 0]
    return figures.forest(rows, title, sure=sure)
