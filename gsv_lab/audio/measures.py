"""How good a recording is for cloning, in numbers that a person can act on.

Letters: T samples, F frames, N frequency bins.

Idea: a handful of plain measures, each with the fault it stands for: noise (SNR), distortion (clipping), emptiness
(silence), a telephone or an old codec (band), a bad microphone input (offset), and gaps in the material (phones). They
are estimates from the signal alone; docstrings say how.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from gsv_lab.audio import io as audio
from gsv_lab.audio.slices import speech_seconds
from gsv_lab.audio.voice_activity import Span
from gsv_lab.errors import AudioError

TOO_NOISY_DB, NOISY_DB, CLEAN_DB = 10.0, 20.0, 30.0
"""Refused, warned of, good. Under 30 dB a warning would name 12 to 24 % of the clips of LJSpeech, VCTK, ARCTIC and
LibriSpeech and all of AISHELL-1, for `signal_to_noise` judges dense speech too low; under 20 dB it names none of the
former and 8 % of AISHELL-1 (25 clips of each)."""
MOST_CLIPPED = 0.01
TELEPHONE_HZ = 4500.0
SILENT_DBFS = -60.0


@dataclass(frozen=True)
class Quality:
    """Measures of one recording or slice.

    Attributes:
        snr_db: speech to noise, dB; estimated, 100 at most.
        clipping: share of samples in flat tops, 0 to 1.
        silence: share of time without speech, 0 to 1.
        band_hz: highest frequency that holds speech, Hz.
        dc_offset: mean of the samples, full scale 1.
        level: RMS of the speech, dBFS.
        peak: largest sample, dBFS.
        phone_coverage: share of the inventory that occurs, 0 to 1; None without a transcript.
        warnings: `CODE: sentence` for each measure that is out of bounds.
    """

    snr_db: float
    clipping: float
    silence: float
    band_hz: float
    dc_offset: float
    level: float
    peak: float
    phone_coverage: float | None
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; levels of silence, which are minus infinity, become None."""
        return {key: None if value in (math.inf, -math.inf) else value for key, value in asdict(self).items()}


def quality(
    samples: Tensor,
    sample_rate: int,
    spans: Sequence[Span],
    phones: Iterable[str] | None = None,
    inventory: Collection[str] = (),
) -> Quality:
    """Measure a recording, (T,) -> `Quality`.

    Give it the samples at the rate of the file: resampling hides clipping and the true band.

    Args:
        samples: (T,).
        sample_rate: Hz.
        spans: where there is speech.
        phones: what is said, if known.
        inventory: the phones that there are.
    """
    where = spoken(spans, samples.numel())
    snr, clipping = signal_to_noise(samples, sample_rate), clipped_share(samples)
    band = band_limit(samples, sample_rate, where)
    covered = None if phones is None or not inventory else len(set(phones) & set(inventory)) / len(set(inventory))
    warnings = []
    if snr < NOISY_DB:
        warnings.append(f"AUDIO_NOISY: the noise is only {snr:.0f} dB below the speech; {CLEAN_DB:.0f} dB are good")
    if clipping > MOST_CLIPPED:
        warnings.append(f"AUDIO_CLIPPED: {clipping:.1%} of the samples are clipped; record with less gain")
    if 0 < band <= TELEPHONE_HZ:
        warnings.append(f"AUDIO_BANDLIMITED: nothing above {band:.0f} Hz, as on a telephone; the voice will sound dull")
    return Quality(
        snr, clipping, 1 - float(where.float().mean()) if where.numel() else 1.0, band,
        float(samples.double().mean()) if samples.numel() else 0.0, audio.rms_dbfs(samples, where),
        audio.peak_dbfs(samples), covered, tuple(warnings),
    )  # fmt: skip


def require_speech(name: str, samples: Tensor, sample_rate: int, spans: Sequence[Span], least: float = 3.0) -> None:
    """Refuse what no voice can be taken from.

    Raises:
        AudioError: `AUDIO_SILENT` (nothing, or almost only silence and under `least` seconds of speech),
            `AUDIO_CLIPPED` (over 1 % of the samples), `REF_LENGTH` (under `least` seconds of speech).
    """
    found = speech_seconds(spans, sample_rate)
    quiet = quiet_share(samples, sample_rate)
    if quiet == 1 or (quiet >= 0.95 and found < least):
        raise AudioError(
            "AUDIO_SILENT", f"{name!r} is silent for {quiet:.0%} of its time", f"at least {least:g} s of speech",
            "Check the microphone and record again",
        )  # fmt: skip
    clipping = clipped_share(samples)
    if clipping > MOST_CLIPPED:
        raise AudioError(
            "AUDIO_CLIPPED", f"{clipping:.1%} of the samples of {name!r} are clipped", f"at most {MOST_CLIPPED:.0%}",
            "Record again with less gain",
        )  # fmt: skip
    if found < least:
        raise AudioError(
            "REF_LENGTH", f"{name!r} holds {found:.1f} s of speech", f"at least {least:g} s", "Record a longer passage"
        )


def require_quiet(name: str, measured: Quality) -> None:
    """Refuse a reference with too much noise.

    Raises:
        AudioError: `AUDIO_NOISY`, with the estimate.
    """
    if measured.snr_db < TOO_NOISY_DB:
        raise AudioError(
            "AUDIO_NOISY", f"The noise of {name!r} is only {measured.snr_db:.0f} dB below the speech",
            f"at least {TOO_NOISY_DB:.0f} dB; {CLEAN_DB:.0f} dB are good",
            "Record again in a quieter place, or ask for it with 'anyway'",
        )  # fmt: skip


def spoken(spans: Sequence[Span], total: int) -> Tensor:
    """Mask of the samples inside spans, -> (T,) bool."""
    where = torch.zeros(total, dtype=torch.bool)
    for start, end in spans:
        where[start:end] = True
    return where


def quiet_share(samples: Tensor, sample_rate: int) -> float:
    """Share of 20 ms frames under -60 dBFS."""
    power = _frame_power(samples, sample_rate)
    return float((power < 10 ** (SILENT_DBFS / 10)).float().mean()) if power.numel() else 1.0


def clipped_share(samples: Tensor) -> float:
    """Share of samples in flat tops: runs of three or more at full scale or exactly at the peak of the file.

    The second condition finds recordings that were clipped first and turned down later. Clipping that went through a
    lossy codec is only found where it still reaches full scale.
    """
    size = samples.abs()
    if size.numel() < 3:
        return 0.0
    peak = float(size.max())
    top = (size >= 0.999) | ((size >= peak - 6e-5) & (peak > 0.05))
    same_side = top[1:] & top[:-1] & (samples[1:].sign() == samples[:-1].sign())
    middle = same_side[1:] & same_side[:-1]  # a sample with both neighbours at the top
    runs = torch.zeros_like(top)
    for shift in range(3):
        runs[shift : shift + middle.numel()] |= middle
    return float(runs.float().mean())


def signal_to_noise(samples: Tensor, sample_rate: int) -> float:
    """Estimated speech-to-noise ratio in dB, from the spread of frame levels.

    The quietest tenth of the 20 ms frames is taken for noise, the loudest half (less that noise) for speech. Frames of
    digital zero say nothing about the room and are left out. Dense speech without a pause is judged too noisy by a few
    dB. Capped to [-10, 100].
    """
    power = _frame_power(samples - samples.mean() if samples.numel() else samples, sample_rate)
    # Digital zero is what does not change at all; an offset may have lifted it.
    change = torch.nn.functional.pad(samples.diff(), (1, 0))
    still = _frame_power(change, sample_rate) <= 1e-14
    empty = torch.nn.functional.max_pool1d(still.float()[None], 5, 1, 2)[0] > 0  # and frames that touch one
    power = power[~empty].sort().values
    if power.numel() < 10:
        return 100.0 if power.numel() else -10.0
    noise = float(power[: max(1, power.numel() // 10)].mean())
    speech = float(power[power.numel() // 2 :].mean()) - noise
    if speech <= 0:
        return -10.0
    return min(100.0, max(-10.0, 10 * math.log10(speech / max(noise, 1e-12))))


def band_limit(samples: Tensor, sample_rate: int, where: Tensor | None = None) -> float:
    """Highest frequency in Hz where speech stands out; the Nyquist frequency if there is no edge.

    The mean spectrum of the spoken frames is smoothed over 200 Hz. The edge is the lowest frequency above which
    everything stays 60 dB below the strongest part; a codec's or telephone's low-pass falls by that much at once, a
    voice does not fall so deep below 8 kHz.

    Args:
        samples: (T,).
        sample_rate: Hz.
        where: (T,) bool, the spoken samples.
    """
    size = 2 ** math.ceil(math.log2(sample_rate * 0.03))
    if samples.numel() < size:
        return sample_rate / 2
    frames = samples.unfold(0, size, size // 2)
    if where is not None:
        inside = where.unfold(0, size, size // 2).float().mean(dim=1) > 0.5
        frames = frames[inside] if inside.any() else frames
    window = torch.hann_window(size, dtype=samples.dtype)
    power = torch.zeros(size // 2 + 1)
    for block in frames.split(2048):
        power += torch.fft.rfft(block * window).abs().square().sum(dim=0)
    width = max(1, round(200 * size / sample_rate)) | 1
    smooth = torch.nn.functional.avg_pool1d(power.view(1, 1, -1), width, 1, width // 2, count_include_pad=False).view(
        -1
    )
    above = (smooth > smooth.max() * 10**-6).nonzero()
    return float(above[-1] * sample_rate / size) if above.numel() else sample_rate / 2


def _frame_power(samples: Tensor, sample_rate: int) -> Tensor:
    size = max(1, round(0.02 * sample_rate))
    if samples.numel() < size:
        return samples.square().mean().view(1) if samples.numel() else torch.zeros(0)
    return samples.square().unfold(0, size, size // 2).mean(dim=1)
