"""One example of every picture, for the gallery page: what to hand over, in the lines that a reader can copy.

The material is a clip of which everything is known (phones with times, pitch), such as one of the synthetic
corpus; what only a trained model could give is made up from it by formula and called so in the page. Nothing is
written here: `gallery` yields names, lines and pictures.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gsv_lab import figures


@dataclass(frozen=True)
class Material:
    """What the examples draw.

    Args:
        wave: (T,) samples.
        sample_rate: Hz.
        phones: (P,) labels.
        start: (P,) seconds.
        end: (P,) seconds.
        f0: (F,) Hz at 100 values a second, 0 where unvoiced.
    """

    wave: Any
    sample_rate: int
    phones: Sequence[str]
    start: Any
    end: Any
    f0: Any

    @cached_property
    def rng(self) -> np.random.Generator:
        """Random numbers that are the same in every run."""
        return np.random.default_rng(0)

    @cached_property
    def seconds(self) -> float:
        """Length of the clip."""
        return len(self.wave) / self.sample_rate

    @cached_property
    def filters(self) -> Any:
        """(40, K) triangles whose corners are evenly spaced on the mel scale, 1127 ln(1 + f / 700)."""
        top = self.sample_rate / 2
        edges = 700 * (np.exp(np.linspace(0, np.log(1 + top / 700), 42)) - 1)
        bins = np.linspace(0, top, 257)
        rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
        fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
        return np.clip(np.minimum(rise, fall), 0, None)

    @cached_property
    def mel(self) -> Any:
        """(40, F) log-mel at 100 frames a second."""
        hop = self.sample_rate // 100
        padded = np.pad(np.asarray(self.wave, dtype=np.float64), (176, 336))
        pieces = np.lib.stride_tricks.sliding_window_view(padded, 512)[::hop][: len(self.wave) // hop]
        return np.log(self.filters @ np.abs(np.fft.rfft(pieces * np.hanning(512))).T + 1e-3)

    @cached_property
    def codes(self) -> Any:
        """(N,) stand-ins for codes at 25 Hz: two for each phone, one for silence."""
        middle = (np.arange(int(self.seconds * 25)) + 0.5) / 25
        owner = np.clip(np.searchsorted(self.start, middle, side="right") - 1, 0, None)
        inside = (middle < np.asarray(self.end)[owner]) & (middle >= np.asarray(self.start)[0])
        kinds = {phone: number for number, phone in enumerate(sorted(set(self.phones)))}
        numbers = np.array([kinds[self.phones[i]] for i in owner])
        return np.where(inside, 7 + 17 * numbers + np.arange(len(middle)) % 2, 3)

    @cached_property
    def attention(self) -> Any:
        """(F, P) an alignment as a good model would have it, frames at 50 Hz."""
        middle = (np.arange(int(self.seconds * 50)) + 0.5)[:, None] / 50
        centre = (np.asarray(self.start) + np.asarray(self.end)) / 2
        weights = np.exp(-0.5 * ((middle - centre) / 0.06) ** 2) + 0.01
        return weights / weights.sum(axis=1, keepdims=True)

    @cached_property
    def latent(self) -> tuple[Any, Any, Any]:
        """(24, F) mean, log deviation and a draw, frames at 50 Hz."""
        frames = self.mel[:, ::2][:24]
        mean = (frames - frames.mean(axis=1, keepdims=True)) * np.linspace(1, 0.02, 24)[:, None]
        log_scale = np.full(mean.shape, -1.0)
        return mean, log_scale, mean + np.exp(log_scale) * self.rng.standard_normal(mean.shape)


def _waveform(m: Material) -> Figure:
    return figures.waveform(m.wave, m.sample_rate, m.phones, m.start, m.end)


def _spectrogram(m: Material) -> Figure:
    return figures.spectrogram(m.wave, m.sample_rate, window=0.025, hop=0.005, f0=m.f0, f0_rate=100)


def _phone_strip(m: Material) -> Figure:
    return figures.phone_strip(m.wave, m.sample_rate, m.phones, m.start, m.end)


def _pipeline_strip(m: Material) -> Figure:
    return figures.pipeline_strip(m.phones, m.start, m.end, m.codes, 25, m.mel, 100, m.wave, m.sample_rate)


def _code_ribbon(m: Material) -> Figure:
    return figures.code_ribbon(m.codes, 25, m.phones, m.start, m.end, others={"predicted": np.roll(m.codes, 1)})


def _f0_overlay(m: Material) -> Figure:
    return figures.f0_overlay({"reference": m.f0, "result": 1.3 * m.f0}, 100, semitones=False)


def _spectrogram_pair(m: Material) -> Figure:
    louder_hiss = m.wave + 0.005 * m.rng.standard_normal(len(m.wave))
    return figures.spectrogram_pair({"reference": m.wave, "result": louder_hiss}, m.sample_rate)


def _mel_compare(m: Material) -> Figure:
    smooth = (m.mel + np.roll(m.mel, 1, axis=1) + np.roll(m.mel, -1, axis=1)) / 3
    return figures.mel_compare(m.mel, smooth, 100)


def _feature_stack(m: Material) -> Figure:
    return figures.feature_stack(m.wave, m.sample_rate, {"mel": (m.mel, 100), "latent": (m.latent[0], 50)})


def _filter_bank(m: Material) -> Figure:
    return figures.filter_bank(m.filters, m.sample_rate, every=2)


def _codebook_usage(m: Material) -> Figure:
    return figures.codebook_usage(np.minimum(m.rng.geometric(0.02, 5000) - 1, 240), n_codes=256)


def _phone_code_matrix(m: Material) -> Figure:
    phones = sorted(set(m.phones))
    counts = np.kron(np.eye(len(phones)), np.ones(6)) * 90 + m.rng.integers(0, 6, (len(phones), 6 * len(phones)))
    return figures.phone_code_matrix(counts, phones)


def _training_curves(m: Material) -> Figure:
    steps = np.arange(0, 2000, 10)
    mel = 1.4 * np.exp(-steps / 500) + 0.45 + 0.04 * m.rng.standard_normal(len(steps))
    lines = {"train": (steps, mel), "valid": (steps[::20], mel[::20] + 0.05)}
    panels = {"mel": lines, "kl": {"train": (steps, 2 * mel)}}
    return figures.training_curves(panels, smooth=10, marks={"discriminators": 800})


def _moved_parameters(m: Material) -> Figure:
    whole = {"prior": 900_000, "flow": 1_100_000, "vocoder": 2_300_000}
    low_rank = {part: count // 8 for part, count in whole.items()}
    return figures.moved_parameters({"full": whole, "lora": low_rank, "last:1": {"prior": 250_000}})


def _slice_quality(m: Material) -> Figure:
    good = {"name": "me_001.flac", "seconds": 6.2, "snr_db": 38, "clipping": 0.0, "silence": 0.2, "band_hz": 7800}
    poor = {"name": "me_002.flac", "seconds": 1.4, "snr_db": 9, "clipping": 0.03, "silence": 0.6, "band_hz": 3900}
    return figures.slice_quality([good, poor])


def _triangle_attention(m: Material) -> Figure:
    steps = len(m.codes)
    seen = np.tril(np.ones((steps, steps)))
    recent = np.exp(-0.4 * np.abs(np.arange(steps)[:, None] - np.arange(steps))) * 0.3
    pattern = np.concatenate([m.attention[::2][:steps], np.where(seen > 0, recent, np.nan)], axis=1)
    return figures.triangle_attention(pattern, phones=m.phones, rate=25)


def _alignment(m: Material) -> Figure:
    return figures.alignment(m.attention, 50, m.phones, true_start=m.start, true_end=m.end)


def _alignments(m: Material) -> Figure:
    noise = m.rng.random(m.attention.shape)
    return figures.alignments({"clean": m.attention, "blurred": m.attention + 0.2, "noise": noise}, 50, m.phones)


def _completeness(m: Material) -> Figure:
    words = [(phone, number, number) for number, phone in enumerate(m.phones)]
    left_out = len(words) // 2
    belongs = [number for number in range(len(words)) if number != left_out]
    heard, times = [m.phones[number] for number in belongs], [m.start[number] for number in belongs]
    seen = {"heard": heard, "times": times, "belongs": belongs}
    return figures.completeness(m.attention, 50, words, **seen, skipped=[left_out])


def _sampling_candidates(m: Material) -> Figure:
    logits = 2.5 * m.rng.standard_normal((len(m.codes), 257))
    order = np.argsort(-logits, axis=1)
    chosen = np.where(np.arange(len(order)) % 7 == 3, order[:, 2], order[:, 0])
    return figures.sampling_candidates(logits, chosen, rate=25, stop=256)


def _flow_densities(m: Material) -> Figure:
    mean, log_scale, z = m.latent
    steps = {"posterior z": 2 * z + 1, "after step 1": 1.5 * z, "after step 4": z}
    return figures.flow_densities(steps, mean, log_scale)


def _latent_spread(m: Material) -> Figure:
    mean, log_scale, _ = m.latent
    return figures.latent_spread(mean, log_scale, 50)


def _vocoder_stages(m: Material) -> Figure:
    stages = {"latent": (m.latent[2], 50), "stage 0": (np.repeat(m.mel, 4, axis=1), 400)}
    return figures.vocoder_stages(stages, m.wave, m.sample_rate, start=0.3, length=0.2)


def _excitation(m: Material) -> Figure:
    noise = 0.02 * m.rng.standard_normal(len(m.wave))
    return figures.excitation(m.wave, noise, m.sample_rate, m.f0, 100, start=float(m.start[1]))


def _speaker_space(m: Material) -> Figure:
    voices = m.rng.standard_normal((6, 16)).repeat(5, axis=0) + 0.4 * m.rng.standard_normal((30, 16))
    between = {"half p0, half p5": voices[[0, 25]].mean(axis=0)}
    return figures.speaker_space(voices, [f"p{i // 5}" for i in range(30)], extra=between)


def _leakage_matrix(m: Material) -> Figure:
    scores = np.array([[0.80, 0.70, 0.75], [0.75, 0.25, 0.30], [0.05, 0.95, 0.40]])
    taps = ["content_encoder.mel", "quantizer.codes", "speaker_encoder.speaker"]
    factors = ["phone", "speaker", "F0"]
    return figures.leakage_matrix(scores, taps, factors, chance=[0.05, 0.1, 0.0], control=0.2 * scores)


def _head_costs(m: Material) -> Figure:
    change = np.where(m.rng.random((4, 8)) < 0.15, 0.4, 0.02) * m.rng.standard_normal((4, 8))
    return figures.head_costs(change, [f"layers.{i}" for i in range(4)], range(8), "nats")


def _cost_scatter(m: Material) -> Figure:
    along, cost = m.rng.random(24) ** 3, 0.02 * m.rng.standard_normal(24)
    cost[[5, 9]] = 0.3, 0.15
    return figures.cost_scatter(along, cost, cost - 0.06, cost + 0.06, [f"{i // 4}.{i % 4}" for i in range(24)])


def _shift_scatter(m: Material) -> Figure:
    way = m.rng.uniform(-0.3, 0.3, 40)
    moved = {"pitch": (way, 0.97 * way), "tract": (way, 0.7 * way + 0.02 * m.rng.standard_normal(40))}
    return figures.shift_scatter(moved, ["0.97 of the way", "0.70 of the way"])


def _forest(m: Material) -> Figure:
    rows = {"A − natural": (4.1, 1.2, 7.0), "B − natural": (1.0, -0.8, 2.8), "A − B": (3.1, 0.4, 5.8)}
    return figures.forest(rows, "word error, points", sure=["A − natural"], better=-1)


def _pair_scores(m: Material) -> Figure:
    short, long = m.rng.normal(0.75, 0.1, 60), m.rng.normal(0.9, 0.04, 60)
    strangers = m.rng.normal(0.5, 0.12, (2, 200))
    return figures.pair_scores({"1.6 s": (short, strangers[0], 0.63), "6 s": (long, strangers[1], 0.8)})


def _warping_path(m: Material) -> Figure:
    slower = m.mel.T[np.arange(0, m.mel.shape[1], 0.8).astype(int)]
    cost = np.linalg.norm(m.mel.T[:, None] - slower[None], axis=-1)
    path = [(int(0.8 * frame), frame) for frame in range(len(slower))]
    return figures.warping_path(cost, path, labels=("recording", "slower"))


def _opinion_scores(m: Material) -> Figure:
    rows = {
        "natural": (4.6, {"raters and sentences": (4.4, 4.8), "votes as if independent": (4.53, 4.67)}),
        "A": (4.2, {"raters and sentences": (4.0, 4.4), "votes as if independent": (4.12, 4.28)}),
    }
    return figures.opinion_scores(rows, "naturalness")


def _vote_shares(m: Material) -> Figure:
    votes = [[0, 2, 5, 40, 120], [4, 12, 40, 80, 30], [30, 60, 50, 20, 5]]
    return figures.vote_shares(votes, ["natural", "A", "B"], ["1", "2", "3", "4", "5"], "naturalness")


def _pair_matrix(m: Material) -> Figure:
    means = np.array([4.6, 4.2, 4.1, 3.0])
    apart = np.where(np.eye(4), np.nan, means[:, None] - means)
    return figures.pair_matrix(apart, ["natural", "A", "B", "C"], np.abs(apart) > 0.2)


def _rater_scatter(m: Material) -> Figure:
    spread = np.append(m.rng.gamma(20, 0.03, 19), 1.7)
    return figures.rater_scatter(m.rng.normal(0, 0.4, 20), spread, [f"r{i}" for i in range(20)], removed=["r19"])


def _interval_coverage(m: Material) -> Figure:
    means = 3.5 + 0.2 * m.rng.standard_normal(200)
    rows = {name: np.stack([means - half, means + half], 1) for name, half in (("votes", 0.1), ("two-way", 0.42))}
    return figures.interval_coverage(rows, 3.5)


def _verdict_table(m: Material) -> Figure:
    verdicts = ("supported", "contradicted", "inconclusive", "not measured")
    rows = {
        "below 100 M": ("supported", "77,606,402 parameters"),
        "148 symbols": ("contradicted", "732 symbols"),
        "as good as natural": ("inconclusive", "-0.1 points (-0.3 to 0.1), n = 40"),
        "MOS 4.0": ("not measured", ""),
    }
    return figures.verdict_table(rows, verdicts)


def _tensor_view(m: Material) -> Figure:
    return figures.tensor_view(m.mel, ("band", "frame"), rate=100, phones=m.phones, start=m.start, end=m.end)


def gallery(material: Material) -> Iterator[tuple[str, str, str, Figure]]:
    """Every picture of the catalogue: (name, what it shows, the lines that make it, the Figure)."""
    for name, says in figures.catalogue().items():
        make = globals()[f"_{name}"]
        lines = textwrap.dedent("".join(inspect.getsource(make).splitlines(keepends=True)[1:])).replace("return ", "")
        yield name, says, lines.strip(), make(material)


__all__ = ["Material", "gallery"]
