"""How often the intervals hold the truth, on simulated speakers whose true mean is known.

`python -m gsv_lab.evaluation.statistics.simulation` prints the table of `docs/evaluation.md`, section "Intervals" (a
minute or two). Every repeat draws new speakers and new clips of them, makes the intervals with the functions that
reports use, and asks whether each holds the true value; a 95 % interval should in 95 % of the repeats. Values of one
clip are the speaker's effect plus the clip's; two systems say the same clips, so they share both and add their own.
Shapes: S speakers, N = S x 8 clips.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from gsv_lab.evaluation.statistics.intervals import difference, interval
from gsv_lab.evaluation.statistics.resampling import bootstrap_difference, bootstrap_interval
from gsv_lab.system.seeds import check_seed

CLIPS = 8
"""Clips of every speaker."""
SPEAKERS = (4, 8, 30)
METHODS = ("t over speakers", "bootstrap", "t over clips")
_SAME_DRAWS = 100  # repeats that share their resamples: making resamples is most of the work


class Sample(NamedTuple):
    """Two systems on the same clips: values (2, N), weights (2, N) or None, and the true mean of each."""

    values: np.ndarray
    weights: np.ndarray | None
    truth: tuple[float, float]


Population = Callable[[np.random.Generator, int], Sample]
"""Generator, number of speakers -> a sample."""


class Coverage(NamedTuple):
    """Share of the repeats whose interval held the truth, of the first system's mean and of the difference."""

    population: str
    speakers: int
    method: str
    mean: float
    difference: float


def normal(rng: np.random.Generator, speakers: int) -> Sample:
    """Normal effects of speaker and clip, both with deviation 1, half of them shared by the two systems."""
    return _effects(rng, speakers, rng.normal(size=(2, speakers)))


def skewed(rng: np.random.Generator, speakers: int) -> Sample:
    """The same with exponential speaker effects, shared ones and the first system's own: skewness 1.4 of the mean.

    The second system adds next to nothing of its own, since the difference of two equal skewed effects is symmetric;
    thus the difference has skewness 2.
    """
    own = np.stack([rng.exponential(size=speakers) - 1, rng.normal(0, 0.1, speakers)])
    return _effects(rng, speakers, own, rng.exponential(size=speakers) - 1)


def heavy(rng: np.random.Generator, speakers: int) -> Sample:
    """As `skewed` with log-normal effects of log deviation 1: skewness 4.4 of the mean, 6.1 of the difference."""
    spread = np.sqrt((np.e - 1) * np.e)
    drawn = (rng.lognormal(size=(2, speakers)) - np.sqrt(np.e)) / spread
    return _effects(rng, speakers, np.stack([drawn[0], rng.normal(0, 0.1, speakers)]), drawn[1])


def rates(rng: np.random.Generator, speakers: int) -> Sample:
    """Word error rates: 3 to 20 words a clip, binomial errors, chances that differ by speaker and by clip.

    Chances of a speaker are beta distributed with mean 0.1 (deviation 0.065) for the first system; the second makes
    three quarters of these errors at the same clips.
    """
    words = np.repeat(rng.integers(3, 21, size=(1, speakers * CLIPS)), 2, axis=0)
    of_speaker = rng.beta(2, 18, size=speakers)
    of_clip = rng.beta(20 * of_speaker.repeat(CLIPS), 20 * (1 - of_speaker.repeat(CLIPS)))
    errors = rng.binomial(words, np.stack([of_clip, 0.75 * of_clip]))
    return Sample(errors / words, words.astype(np.float64), (0.1, 0.075))


POPULATIONS: dict[str, Population] = {
    "normal": normal,
    "exponential speakers": skewed,
    "log-normal speakers": heavy,
    "word error rates": rates,
}


def _effects(rng: np.random.Generator, speakers: int, own: np.ndarray, shared: np.ndarray | None = None) -> Sample:
    """Two systems with true mean 0 from the speakers' own effects (2, S) and shared ones (S,)."""
    together = rng.normal(size=speakers) if shared is None else shared
    clips = rng.normal(size=speakers * CLIPS) + rng.normal(size=(2, speakers * CLIPS))
    of_speaker = (together + own).repeat(CLIPS, axis=1)
    return Sample((of_speaker + clips) / np.sqrt(2), None, (0.0, 0.0))


def coverage(
    population: str,
    speakers: int,
    repeats: int = 2000,
    draws: int = 1000,
    methods: Iterable[str] = METHODS,
    seed: int = 0,
) -> list[Coverage]:
    """Coverage of each method for one kind of population and one number of speakers.

    Args:
        population: a name in `POPULATIONS`.
        speakers: how many speakers a sample has; 8 clips each.
        repeats: samples. The standard error of a coverage near 95 % is 0.5 points with 2,000 of them.
        draws: resamples of a bootstrap; the ends of an interval then lie at shares of 2.5 +- 0.5 %, and 100 repeats
            share their resamples.
        methods: of `METHODS`; "t over clips" takes no notice of speakers.
        seed: seed of the populations.
    """
    rng = np.random.default_rng(check_seed(seed))
    names = [f"speaker {index // CLIPS}" for index in range(speakers * CLIPS)]
    hits = {method: np.zeros(2) for method in methods}
    for repeat in range(repeats):
        sample = POPULATIONS[population](rng, speakers)
        truth = (sample.truth[0], sample.truth[0] - sample.truth[1])
        for method, held in hits.items():
            both = _ends(method, sample, names, draws, repeat // _SAME_DRAWS)
            held += [low <= true <= high for true, (low, high) in zip(truth, both, strict=True)]
    return [Coverage(population, speakers, method, *(held / repeats)) for method, held in hits.items()]


def _ends(
    method: str, sample: Sample, names: Sequence[str], draws: int, seed: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ends of the interval of the first system's mean and of the difference."""
    first, second = sample.values
    weights = None if sample.weights is None else sample.weights[0]
    if method == "bootstrap":
        drawn = bootstrap_interval(first, names, weights, draws, seed)
        changed = bootstrap_difference(first, second, names, sample.weights, draws, seed)
        return (drawn.low, drawn.high), (changed.low, changed.high)
    known = names if method == "t over speakers" else [""] * len(names)
    mean = interval(first, known, weights)
    gap = difference(first, second, known, sample.weights)
    return (mean.low, mean.high), (gap.low, gap.high)


def table(rows: Sequence[Coverage]) -> str:
    """Coverage in per cent as a Markdown table: a line for each population and figure, "mean / difference" in cells."""
    sizes = list(dict.fromkeys(row.speakers for row in rows))
    cells = {(row.population, row.method, row.speakers): f"{row.mean:.1%} / {row.difference:.1%}" for row in rows}
    heads = ["effects", "interval", *(f"{size} speakers" for size in sizes)]
    lines = [heads, ["---"] * len(heads)]
    for population, method in dict.fromkeys((row.population, row.method) for row in rows):
        lines.append([population, method, *(cells[population, method, size] for size in sizes)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> None:
    """Print the table of the full size: 2,000 repeats."""
    rows = [row for name in POPULATIONS for size in SPEAKERS for row in coverage(name, size)]
    sys.stdout.write(table(rows))


if __name__ == "__main__":
    main()
