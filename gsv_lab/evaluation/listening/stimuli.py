"""From clips to stimuli: one sample rate, one bandwidth, one level, the same silence at the edges.

What makes clips differ besides the systems is taken away, or refused:

- the sample rate is the lowest of all files;
- the bandwidth is the lowest of all: of a system the widest of its clips, since a sentence without a fricative has
  less, and of a clip its own where it ends below 8 kHz as abruptly as only a format does;
- the speech is at -26 dB of full scale (RMS), or as near to it as the highest peak lets all of them be;
- before and behind the speech there are 0.2 s.

Letters: T samples.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gsv_lab import audio
from gsv_lab.audio.measures import band_limit, quiet_share, spoken
from gsv_lab.audio.voice_activity import Span, speech_spans
from gsv_lab.errors import AudioError, ConfigError
from gsv_lab.evaluation.listening.anchors import faded, low_anchor, low_pass, noisy_anchor, with_tones
from gsv_lab.evaluation.listening.clips import Clips
from gsv_lab.evaluation.listening.design import ANCHORS, TONES, Source

LEVEL_DBFS, PEAK_DBFS = -26.0, -1.0
"""Level of the speech (RMS; ITU-T P.56 calls it -26 dBov) and the highest peak."""
EDGE_SECONDS = 0.2
LONGEST_SECONDS = 60.0
"""Of a clip: nobody rates more at once."""
_SPEECH_BAND = 8200.0
"""Hz; the spectrum of a voice does not fall by 60 dB below 8 kHz (see `band_limit`), so an edge here is a format's."""
_NEAR = 0.9
"""Bands that differ by less are one band."""
_MOST_SHORT = 6.0
"""dB that one peak may bring all clips down."""
BANDWIDTHS = ("lowest", "refuse")


@dataclass(frozen=True)
class Sound:
    """A clip as it is heard: `samples` (T,), and where in them somebody speaks, (T,) bool."""

    samples: Tensor
    where: Tensor


@dataclass(frozen=True)
class Measured:
    """What a file holds: `samples` (T,) at `rate` Hz, where the speech is, and the highest frequency in Hz with any."""

    samples: Tensor
    rate: int
    spans: list[Span]
    band: float


class Stimuli:
    """All sounds of a test.

    `rate` in Hz, `band` in Hz, `level` in dBFS of all of them.

    Args:
        clips: which file is which.
        base: system of which anchors are made.
        natural: systems that are recordings; all others are synthetic and keep a mark.
        bandwidth: bring all to the `lowest`, or `refuse` clips that differ.
        progress: called with (done, of how many, what comes now).

    Raises:
        AudioError: those of `audio.read`; `AUDIO_SILENT`; `LISTEN_BANDWIDTH`; `LISTEN_LEVEL`; `LISTEN_MARK`, a clip of
            a natural system says that it is synthetic.
        ConfigError: `PARAM_RANGE`.
    """

    def __init__(
        self,
        clips: Clips,
        base: str,
        natural: tuple[str, ...],
        bandwidth: str = "lowest",
        progress: Callable[[int, int, str], None] | None = None,
    ) -> None:
        if bandwidth not in BANDWIDTHS:
            raise ConfigError("PARAM_RANGE", f"bandwidth is {bandwidth!r:.40}", " or ".join(BANDWIDTHS))
        self.base, self.natural = base, natural
        found = {}
        for number, (key, path) in enumerate(clips.items()):
            if progress is not None:
                progress(number, len(clips), " of ".join(key))
            if key[1] in natural and audio.read_mark(path) is not None:
                problem = f"{path.name!r} of the natural system {key[1]!r} carries the mark of synthetic speech"
                raise AudioError("LISTEN_MARK", problem, "recordings", "Call its system otherwise")
            found[key] = measure(path)
        self.rate = min(clip.rate for clip in found.values())
        self.band = common_band({key: clip.band for key, clip in found.items()}, bandwidth)
        self._cut = self.band < _NEAR * min(self.rate / 2, max(clip.band for clip in found.values()))
        self._sounds = {key: self._trimmed(clip) for key, clip in found.items()}
        short = {key: audio.set_loudness(s.samples, s.where, LEVEL_DBFS, PEAK_DBFS).short_by
                 for key, s in self._sounds.items()}  # fmt: skip
        worst = max(short, key=lambda key: short[key])
        if short[worst] > _MOST_SHORT:
            problem = f"A peak keeps {' of '.join(worst)} {short[worst]:.0f} dB below the level of speech"
            raise AudioError("LISTEN_LEVEL", problem, f"at most {_MOST_SHORT:g} dB", "Mend the click in it")
        self.level = LEVEL_DBFS - short[worst]

    def sound(self, source: Source) -> Tensor:
        """A stimulus, (T,)."""
        item, system, form = source
        if system in ANCHORS:
            made = self._anchor(system, self._sounds[item, self.base], item)
        else:
            made = self._sounds[item, system]
        samples = audio.set_loudness(made.samples, made.where, self.level, 0.0).samples
        if form.startswith(TONES):
            samples = with_tones(samples, self.rate, int(form.removeprefix(TONES)))
        return samples

    def encoded(self, source: Source, suffix: str) -> tuple[bytes, float, str]:
        """A stimulus as the bytes of a file, its length in seconds, and the hash of the bytes."""
        samples = self.sound(source)
        content = audio.wave_file(samples, self.rate, self._mark(source), suffix)
        return content, samples.numel() / self.rate, hashlib.sha256(content).hexdigest()

    def _mark(self, source: Source) -> audio.Mark | None:
        """That a stimulus is synthetic; whose it is, only the key says."""
        system = self.base if source.system in ANCHORS else source.system
        return None if system in self.natural else audio.Mark("hidden in a listening test", "hidden")

    def _anchor(self, name: str, sound: Sound, item: str) -> Sound:
        if name == "lp35":
            return Sound(low_anchor(sound.samples, self.rate, self.band), sound.where)
        seed = int.from_bytes(hashlib.sha256(item.encode()).digest()[:6], "big")
        noisy = noisy_anchor(sound.samples, seed)
        return Sound(self._narrowed(noisy) if self._cut else noisy, sound.where)

    def _narrowed(self, samples: Tensor) -> Tensor:
        return low_pass(samples, self.rate, _NEAR * self.band, self.band)

    def _trimmed(self, clip: Measured) -> Sound:
        samples = audio.resample(clip.samples, clip.rate, self.rate)
        if self._cut:
            samples = self._narrowed(samples)
        scale = self.rate / clip.rate
        spans = [Span(math.floor(start * scale), math.ceil(end * scale)) for start, end in clip.spans]
        edge = round(EDGE_SECONDS * self.rate)
        begin, end = spans[0].start - edge, min(spans[-1].end, samples.numel()) + edge
        cut = faded(samples[max(0, begin) : end], edge // 8, edge // 8)
        whole = torch.nn.functional.pad(cut, (max(0, -begin), max(0, end - samples.numel())))
        shifted = [Span(max(0, start - begin), max(0, stop - begin)) for start, stop in spans]
        return Sound(whole, spoken(shifted, whole.numel()))


def measure(path: Path) -> Measured:
    """Read a clip; where nobody is heard speaking, all that is not silent counts as speech.

    Raises:
        AudioError: those of `audio.read`; `AUDIO_SILENT`.
    """
    recording = audio.read(path, max_seconds=LONGEST_SECONDS)
    samples, rate = recording.samples, recording.sample_rate
    if quiet_share(samples, rate) == 1:
        problem = f"There is nothing to hear in {path.name!r}"
        raise AudioError("AUDIO_SILENT", problem, "speech", "Leave the item out, or count its failure by other means")
    spans = speech_spans(samples, rate)
    if not spans:
        loud = (samples.abs() > 1e-3 * samples.abs().max()).nonzero()
        spans = [Span(int(loud[0]), int(loud[-1]) + 1)]
    return Measured(samples, rate, spans, band_limit(samples, rate, spoken(spans, samples.numel())))


def common_band(bands: Mapping[tuple[str, str], float], bandwidth: str) -> float:
    """The lowest bandwidth of all clips, (item, system) -> Hz; see the head of this file.

    Raises:
        AudioError: `LISTEN_BANDWIDTH`, they differ and are not to be brought to the lowest.
    """
    widest: dict[str, float] = {}
    for (_, system), band in bands.items():
        widest[system] = max(band, widest.get(system, 0.0))
    true = {key: band if band < _SPEECH_BAND else widest[key[1]] for key, band in bands.items()}
    low, high = min(true, key=lambda key: true[key]), max(true, key=lambda key: true[key])
    if true[low] < _NEAR * true[high]:
        ends = [f"{' of '.join(key)} reaches {true[key]:.0f} Hz" for key in (low, high)]
        if bandwidth == "refuse":
            raise AudioError(
                "LISTEN_BANDWIDTH", f"The clips differ in bandwidth: {' and '.join(ends)}", "one bandwidth",
                "Bring all to the lowest (--bandwidth lowest), or make them anew",
            )  # fmt: skip
        warnings.warn(f"{' and '.join(ends)}; all are brought to the lowest", stacklevel=3)
    return true[low]
