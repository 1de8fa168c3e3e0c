"""What codes sound like with nothing beside them: no phones, no voice, no network.

    sounds = CodeSounds(wave, codes, table)     # learns how each code sounds on average
    sounds.speak(others)                        # any codes of the same book, heard
    pieces(recording, codes, 17)                # where code 17 was heard, end to end

Letters: T samples at 16 kHz, N codes at 25 Hz, K codes of the book, D width, B frequency bins, S spectra in a code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsv_lab.audio import Mark
from gsv_lab.teaching.exercises.sounds import Sound

SAMPLE_RATE = 16000
SAMPLES = 640
"""Of a code."""
HOP = 160
"""Samples between two spectra, of which a code has four."""
QUIETEST = 1e-4
"""Magnitude below which nothing is heard; keeps silence from a logarithm of 0."""
PEAK = 0.9


class CodeSounds:
    """The mean log-magnitude spectra of every code, and a way to hear codes by them.

    The phase that spectra leave open is found by Griffin-Lim (Griffin and Lim 1984), as librosa has it. What differs
    between two frames of one code, their pitch above all, is blurred by the mean: what is left is what the code says.

    Args:
        wave: (T,) that the codes were made of.
        codes: (N,) of it.
        table: (K, D), the book; a code that the wave does not have sounds as the nearest one that it has.
    """

    def __init__(self, wave: Tensor, codes: Tensor, table: Tensor) -> None:
        spectra = _log_spectra(wave, len(codes))
        codes = codes[: len(spectra)]
        counts = torch.bincount(codes, minlength=len(table))
        sums = torch.zeros(len(table), spectra.shape[1]).index_add_(0, codes, spectra)
        self.means = sums / counts.clamp(min=1)[:, None]
        distance = torch.cdist(table.detach().float(), table.detach().float())
        self.nearest = distance.masked_fill(counts == 0, torch.inf).argmin(1)

    def speak(self, codes: Tensor) -> Sound:
        """Codes (N,), one after another; the loudest sample is `PEAK`."""
        import librosa

        spectra = self.means[self.nearest[codes]].exp().unflatten(1, (-1, SAMPLES // HOP))
        magnitude = spectra.transpose(0, 1).flatten(1).numpy()
        wave = librosa.griffinlim(magnitude, n_iter=32, hop_length=HOP, n_fft=SAMPLES, random_state=0)
        found = torch.from_numpy(np.asarray(wave, dtype=np.float32))
        found = found * (PEAK / max(float(found.abs().max()), QUIETEST))
        return Sound(found, SAMPLE_RATE, Mark("mean spectra of codes", "none"))


def _log_spectra(wave: Tensor, n_codes: int) -> Tensor:
    """(T,) -> (N, B * S), at most `n_codes` of them."""
    frames = torch.stft(wave, SAMPLES, HOP, window=torch.hann_window(SAMPLES), return_complex=True).abs()
    per_code = SAMPLES // HOP
    whole = min(n_codes, frames.shape[1] // per_code)
    found = frames[:, : whole * per_code].clamp(min=QUIETEST).log()
    return found.unflatten(1, (whole, per_code)).transpose(0, 1).flatten(1)


def pieces(speech: Any, codes: Tensor, code: int, seconds: float = 2.0) -> Sound:
    """Where one code was heard, end to end, with short ramps between.

    Args:
        speech: anything with a `wave` (T,) at 16 kHz, and perhaps a `mark`.
        codes: (N,) of it.
        code: number of the code; a moment of silence if it does not occur.
        seconds: at most.
    """
    ramp = torch.hann_window(HOP)[: HOP // 2]
    fade = torch.cat([ramp, torch.ones(SAMPLES - HOP), ramp.flip(0)])
    places = (codes == code).nonzero().flatten().tolist()
    found = [speech.wave[SAMPLES * place : SAMPLES * (place + 1)] for place in places]
    found = [piece * fade for piece in found if len(piece) == SAMPLES][: round(seconds * 25)]
    wave = torch.cat(found) if found else torch.zeros(SAMPLES)
    return Sound(wave, SAMPLE_RATE, getattr(speech, "mark", None))


def quiet_place(wave: Tensor, share: float = 0.8) -> int:
    """The quietest code (its number) of a wave (T,) within one second of a share of its length: a place to cut."""
    whole = wave[: wave.numel() // SAMPLES * SAMPLES].reshape(-1, SAMPLES)
    level = whole.square().mean(1)
    middle = round(share * len(level))
    first = max(1, middle - 25)
    near = level[first : middle + 25]
    return first + int(near.argmin()) if len(near) else middle
