"""Fundamental frequency of speech, by normalised autocorrelation and a smooth best path; losses on predictions of it.

wave (B, T) -> log-F0 (B, F) and voicing (B, F) at 100 Hz

The tracker is batched, and a few hundred times faster than real time on a CPU.
Letters: B batch, T samples, F frames, L lags, K candidates of a frame.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.nn.interfaces import Features

TYPICAL_F0 = 160.0
"""Hz, between low and high voices: what a pitch level is counted from, and where a prediction starts."""
FLOOR_HZ = 60.0
"""Lowest F0 that is searched, that of a deep male voice."""
CEILING_HZ = 500.0
"""Highest F0 that is searched, that of an excited woman; children above it fold down an octave."""
OCTAVE_COST = 0.03
"""Of a candidate, for every octave below `CEILING_HZ`: every multiple of a period correlates as well as the period."""
JUMP_COST = 0.35
"""For an octave between two frames."""
SWITCH_COST = 0.14
"""For a change between voiced and unvoiced."""


class Correlation(NamedTuple):
    """Normalised autocorrelation of frames: `values` (B, F, L) at the `lags` (L,), samples; `energy` (B, F)."""

    values: Tensor
    lags: Tensor
    energy: Tensor


class Candidates(NamedTuple):
    """Periods that a frame may have: their `log_f0` and `strength`, both (B, F, K)."""

    log_f0: Tensor
    strength: Tensor


def track_pitch(
    wave: Tensor,
    sample_rate: int = 16000,
    hop: int = 160,
    candidates: int = 6,
) -> tuple[Tensor, Tensor]:
    """Log-F0 and voicing of speech.

    (B, T) -> log-F0 (B, F) in ln Hz, straight lines through unvoiced stretches; voicing (B, F) in {0, 1}; F = T // hop

    Source: Boersma 1993, "Accurate short-term analysis of the fundamental frequency ...", IFA Proceedings 17: eq. 9
    (correlation), eq. 26 (strength), eqs. 27-28 (path costs). Differs from it: lags are refined by a parabola, the
    window is 50 ms, octave costs are those above, and a second pass searches only around the first one's median, since
    octave errors and pitch in noise lie far from it (idea: De Looze and Hirst 2008, Speech Prosody, 135-138).

    Args:
        wave: samples in [-1, 1].
        sample_rate: Hz.
        hop: samples between frames.
        candidates: periods kept per frame beside "unvoiced".
    """
    found = _correlate(wave, sample_rate, hop, int(0.05 * sample_rate))
    log_f0, voicing = _search(found, sample_rate, candidates, None)
    voiced = log_f0.where(voicing > 0, torch.nan)
    level = voiced.nanmedian(-1, keepdim=True).values
    level = level.nan_to_num(math.log(TYPICAL_F0))
    inner_lags = found.lags[1:-1]
    above = torch.log(sample_rate / inner_lags) - level
    is_low = above <= math.log(0.55)
    is_high = above >= math.log(1.9)
    allowed = ~(is_low | is_high)
    log_f0, voicing = _search(found, sample_rate, candidates, allowed[:, None])
    return _fill(log_f0, voicing), voicing


def _correlate(wave: Tensor, sample_rate: int, hop: int, window: int) -> Correlation:
    """Autocorrelation of every frame, corrected for the window: (B, T) -> Correlation."""
    shortest = int(sample_rate / CEILING_HZ)
    longest = int(sample_rate / FLOOR_HZ)
    n_frames = wave.shape[-1] // hop
    # Frame k is centred on the middle of hop k, as the log-mels are.
    left = (window - hop) // 2
    right = window // 2
    padded = functional.pad(wave, (left, right))
    frames = padded.unfold(-1, window, hop)[:, :n_frames]
    frames = frames - frames.mean(-1, keepdim=True)
    taper = torch.hann_window(window, device=wave.device, dtype=wave.dtype)
    size = 1 << (window + longest).bit_length()
    raw = _autocorrelation(frames * taper, size)
    own = _autocorrelation(taper, size)
    # Boersma 1993, eq. 9: dividing by the window's own autocorrelation undoes its decay with the lag.
    energy = raw[..., :1]
    decay = own / own[0]
    normalised = raw / (energy + 1e-7)
    corrected = normalised / decay
    lags = torch.arange(shortest, longest + 1)
    lags = lags.to(wave.device)
    return Correlation(corrected[..., lags], lags, energy.squeeze(-1))


def _autocorrelation(x: Tensor, size: int) -> Tensor:
    spectrum = torch.fft.rfft(x, size)
    power = spectrum.abs().square()
    return torch.fft.irfft(power, size)


def _search(
    found: Correlation,
    sample_rate: int,
    count: int,
    allowed: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Best path through the `count` best peaks, of the `allowed` ones (B, 1, L - 2) -> log-F0 and voicing (B, F)."""
    candidates = _candidates(found, sample_rate, count, allowed)
    loudest = found.energy.amax(-1, keepdim=True)
    loudness = found.energy / loudest.clamp(min=1e-9)
    silence = torch.exp(-loudness / 2e-4)
    unvoiced = 0.45 + 0.6 * silence
    # Index 0 of a frame stands for "unvoiced".
    score = torch.cat([unvoiced[..., None], candidates.strength], dim=-1)
    any_pitch = candidates.log_f0[..., :1]
    pitch = torch.cat([any_pitch, candidates.log_f0], dim=-1)
    voiced = torch.ones_like(pitch)
    voiced[..., 0] = 0
    path = _best_path(score, _path_costs(pitch, voiced))
    log_f0 = pitch.gather(-1, path[..., None])
    voicing = path > 0
    return log_f0.squeeze(-1), voicing.to(pitch.dtype)


def _candidates(
    found: Correlation,
    sample_rate: int,
    count: int,
    allowed: Tensor | None,
) -> Candidates:
    """The best peaks of every frame, each put where a parabola through it and its neighbours is highest."""
    values = found.values
    periods = found.lags / sample_rate
    octaves = torch.log2(CEILING_HZ * periods.to(values.dtype))
    costs = OCTAVE_COST * octaves
    middle = values[..., 1:-1]
    rises = middle > values[..., :-2]
    falls = middle >= values[..., 2:]
    is_peak = rises & falls
    if allowed is not None:
        is_peak = is_peak & allowed
    ranked = torch.where(is_peak, middle - costs[1:-1], -9.0)
    index = ranked.topk(count, dim=-1).indices
    left = values.gather(-1, index)
    centre = values.gather(-1, index + 1)
    right = values.gather(-1, index + 2)
    slope = left - right
    bend = left - 2 * centre + right
    vertex = 0.5 * slope / bend
    is_bent = bend.abs() > 1e-6
    shift = torch.where(is_bent, vertex, 0.0)
    shift = shift.clamp(-0.5, 0.5)
    height = centre - 0.25 * slope * shift
    strength = torch.where(
        is_peak.gather(-1, index),
        height - costs[index + 1],
        -1.0,
    )
    spacing = periods[1] - periods[0]
    period = periods[index + 1] + shift * spacing
    return Candidates(-torch.log(period), strength)


def _path_costs(pitch: Tensor, voiced: Tensor) -> Tensor:
    """Costs of going from each candidate of a frame to each of the next: two (B, F, K) -> (B, F - 1, K, K)."""
    pitch_before = pitch[:, :-1].unsqueeze(3)
    pitch_after = pitch[:, 1:].unsqueeze(2)
    voiced_before = voiced[:, :-1].unsqueeze(3)
    voiced_after = voiced[:, 1:].unsqueeze(2)
    distance = (pitch_after - pitch_before).abs()
    jump = distance * (JUMP_COST / math.log(2))
    both = voiced_after * voiced_before
    switch = (voiced_after != voiced_before).to(pitch.dtype)
    return jump * both + SWITCH_COST * switch


def _best_path(score: Tensor, costs: Tensor) -> Tensor:
    """Viterbi over candidates: score (B, F, K), costs (B, F - 1, K, K) -> indices (B, F)."""
    total = score[:, 0]
    origins = []
    for cost, gain in zip(costs.unbind(1), score[:, 1:].unbind(1), strict=True):
        best, origin = (total[:, :, None] - cost).max(dim=1)
        total = best + gain
        origins.append(origin)
    index = total.argmax(-1, keepdim=True)
    path = [index]
    for origin in reversed(origins):
        index = origin.gather(1, index)
        path.append(index)
    return torch.cat(path[::-1], dim=1)


def _fill(log_f0: Tensor, voicing: Tensor) -> Tensor:
    """Straight lines through the unvoiced stretches of log-F0 curves (B, F); ends are held; all unvoiced: 120 Hz."""
    is_known = voicing > 0
    last = log_f0.shape[-1] - 1
    steps = torch.arange(last + 1, device=log_f0.device)
    steps = steps.expand_as(log_f0)
    before = steps.where(is_known, -1)
    before = before.cummax(-1).values
    after = steps.where(is_known, last + 1)
    after = after.flip(-1).cummin(-1).values.flip(-1)
    left = before.where(before >= 0, after)
    left = left.clamp(max=last)
    right = after.where(after <= last, left)
    width = (right - left).clamp(min=1)
    weight = (steps - left) / width
    from_left = log_f0.gather(-1, left) * (1 - weight)
    from_right = log_f0.gather(-1, right) * weight
    is_voiced = is_known.any(-1, keepdim=True)
    return (from_left + from_right).where(is_voiced, math.log(120.0))


def recorded_pitch(features: Features) -> tuple[Tensor, Tensor]:
    """Log-F0 and voicing of a recording, both (B, 1, F).

    Raises:
        ConfigError: the frontend measures no pitch.
    """
    if features.log_f0 is None or features.voicing is None:
        raise ConfigError(
            "CONFIG_INCONSISTENT",
            "A part learns from the pitch of recordings, and the frontend does not measure it",
            "a frontend that does, for example gsv_lab.extensions.frontend.LogMelF0Frontend",
        )
    return features.log_f0, features.voicing


def f0_loss(log_f0: Tensor, target: Tensor, voicing: Tensor) -> Tensor:
    """Mean absolute difference of log-F0 over voiced frames, in nats; all (B, 1, F), `voicing` in [0, 1]."""
    off = (log_f0 - target).abs() * voicing
    return off.sum() / voicing.sum().clamp(min=1)


def f0_variance_loss(log_f0: Tensor, target: Tensor, voicing: Tensor) -> Tensor:
    """How far the standard deviation of log-F0 over a clip's voiced frames is off, mean over clips, in nats.

    Same arguments as `f0_loss`. Why: a predictor that is only asked for the nearest F0 answers with the middle, and the
    voice gets monotonous. Source: global variance, Toda and Tokuda 2007, IEICE E90-D(5), here of F0 and as a loss.
    """
    off = _deviation(log_f0, voicing) - _deviation(target, voicing)
    return off.abs().mean()


def _deviation(curve: Tensor, voicing: Tensor) -> Tensor:
    count = voicing.sum(-1, keepdim=True).clamp(min=1)
    total = (curve * voicing).sum(-1, keepdim=True)
    mean = total / count
    squares = (curve - mean).square() * voicing
    variance = squares.sum(-1, keepdim=True) / count
    return (variance + 1e-4).sqrt()


def voicing_loss(logits: Tensor, voicing: Tensor) -> Tensor:
    """Binary cross entropy of the voicing decision; logits and target (B, 1, F), target in [0, 1]."""
    return functional.binary_cross_entropy_with_logits(logits.float(), voicing.float())
