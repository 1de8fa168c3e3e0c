"""What a straight line can read off a representation: linear probes, and what makes their score mean something.

A probe that reads a phone at 90 % says little by itself: it may have learned the voices of its training clips, the
labels by heart, or that one phone is frequent. So clips never stand on both sides of a split (nor, for phones and F0,
speakers), a control task with labels at random shows what the probe could learn by heart, and chance is printed.
Letters: N examples (one a frame), D width, K classes. The file knows no network; records and arrays come in.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from gsv_lab.errors import DataError
from gsv_lab.evaluation.statistics import Estimate, bootstrap, ratio_of_sums

FACTORS = ("phone", "speaker", "f0")
"""What is looked for: the phone of a frame, who speaks, and log-F0 where there is voice."""


@dataclass(frozen=True)
class Examples:
    """Frames at one tap with what is true of them.

    Args:
        tap: name of the tap.
        x: (N, D) what passed it.
        phone: (N,) names.
        speaker: (N,) names.
        log_f0: (N,) ln Hz, NaN where there is no voice.
        kind: (N,) type of each frame for the control task: its phone and the one before.
        clip: (N,) number of the clip.
    """

    tap: str
    x: np.ndarray
    phone: np.ndarray
    speaker: np.ndarray
    log_f0: np.ndarray
    kind: np.ndarray
    clip: np.ndarray

    def only(self, rows: np.ndarray) -> Examples:
        """Some of the frames."""
        parts = (self.x, self.phone, self.speaker, self.log_f0, self.kind, self.clip)
        return Examples(self.tap, *(part[rows] for part in parts))


class Probed(NamedTuple):
    """How well a factor is read at a tap.

    `score` with its interval over speakers and clips: accuracy for phone and speaker, share of variance explained for
    F0, not below 0. `control`: the same probe on random labels. `chance`: the best guess without looking. `rows`
    frames of `width` numbers.
    """

    tap: str
    factor: str
    score: Estimate
    control: float
    chance: float
    rows: int
    width: int

    @property
    def selectivity(self) -> float:
        """What the probe knows beyond what it could learn by heart: score minus control."""
        return self.score.value - self.control


def linear_probe(
    examples: Examples, factor: str, folds: int = 4, seed: int = 0, penalty: float = 1e-3, draws: int = 500
) -> Probed:
    """How much of a factor a linear probe finds, tested on clips it has not seen (phone, F0: on voices neither).

    Multinomial logistic regression for phone and speaker, ridge regression for F0, features standardised on the
    training side.
    Source: control tasks and selectivity, Hewitt and Liang 2019, arXiv:1909.03368, section 2. Differs from it: types
    are not words but a phone with the one before it; each is given a label drawn from the labels of the task.

    Args:
        examples: frames at one tap.
        factor: one of `FACTORS`.
        folds: parts of the clips (or speakers), each tested once by a probe of all others.
        seed: of the split, of the control task and of the resamples.
        penalty: weight of the squared coefficients beside the mean loss.
        draws: resamples for the interval.

    Raises:
        DataError: PROBE_FACTOR, there is no such factor; PROBE_GROUPS, too few clips or speakers to split.
    """
    if factor not in FACTORS:
        raise DataError("PROBE_FACTOR", f"There is no factor '{factor}'", " or ".join(FACTORS))
    if factor == "f0":
        examples = examples.only(np.isfinite(examples.log_f0))
    held = examples.clip if factor == "speaker" else examples.speaker
    target = {"phone": examples.phone, "speaker": examples.speaker, "f0": examples.log_f0}[factor]
    fold = split(held, folds, seed, within=examples.speaker if factor == "speaker" else None)
    score, guess = _crossed(examples.x, target, fold, penalty)
    control, _ = _crossed(examples.x, random_labels(examples.kind, target, seed), fold, penalty)
    # Summed clip by clip, since the frames of a clip are no independent witnesses.
    clips, where = np.unique(examples.clip, return_inverse=True)
    right, whole, lazy, fooled = (
        np.bincount(where, column, len(clips)) for column in (score.gain, score.whole, guess, control.gain)
    )
    groups = [str(examples.speaker[np.flatnonzero(where == n)[0]]) for n in range(len(clips))]
    found = bootstrap(ratio_of_sums(right, whole), groups, draws, seed)
    found = found._replace(value=max(0.0, found.value), low=max(0.0, found.low), high=max(0.0, found.high))
    chance = 0.0 if factor == "f0" else float(lazy.sum() / whole.sum())
    by_heart = max(0.0, float(fooled.sum() / control.whole.sum()))
    return Probed(examples.tap, factor, found, by_heart, chance, *examples.x.shape)


def split(groups: np.ndarray, folds: int, seed: int = 0, within: np.ndarray | None = None) -> np.ndarray:
    """A fold for each example, the same for all of its group: (N,) names -> (N,) numbers 0 to folds - 1.

    Args:
        groups: what must not be divided, such as clips.
        folds: number of parts; fewer where there are fewer groups.
        seed: of the order in which groups are dealt out.
        within: names; the groups of each are dealt out in turn, so that every fold holds clips of every speaker.

    Raises:
        DataError: PROBE_GROUPS, fewer than two groups (in each of `within`).
    """
    rng, fold = np.random.default_rng(seed), np.zeros(len(groups), dtype=np.int64)
    for name in [None] if within is None else np.unique(within):
        rows = np.arange(len(groups)) if name is None else np.flatnonzero(within == name)
        known, where = np.unique(groups[rows], return_inverse=True)
        if len(known) < 2:
            whose = "" if name is None else f" of {name}"
            problem = f"{len(known)} group{whose} cannot be divided into training and test"
            raise DataError("PROBE_GROUPS", problem, "two clips of each speaker, and two speakers, at least")
        fold[rows] = rng.permutation(len(known))[where] % min(folds, len(known))
    return fold


def random_labels(kind: np.ndarray, target: np.ndarray, seed: int = 0) -> np.ndarray:
    """The control task: every type gets the label of an example drawn at random, all its examples the same: (N,)."""
    drawn = {k: np.random.default_rng([seed, zlib.crc32(str(k).encode())]).integers(len(target)) for k in set(kind)}
    return target[np.array([drawn[k] for k in kind])]


class _Score(NamedTuple):
    gain: np.ndarray  # (N,) right or not; variance taken away
    whole: np.ndarray  # (N,) one; variance


def _crossed(x: np.ndarray, target: np.ndarray, fold: np.ndarray, penalty: float) -> tuple[_Score, np.ndarray]:
    """Each fold judged by a probe of the others: its score, and whether the commonest training label is right."""
    gain, whole, guess = np.zeros(len(x)), np.ones(len(x)), np.zeros(len(x))
    for number in np.unique(fold):
        test = fold == number
        mean, deviation = x[~test].mean(0), x[~test].std(0)
        learn, judge = ((side - mean) / np.maximum(deviation, 1e-6) for side in (x[~test], x[test]))
        if np.issubdtype(target.dtype, np.floating):
            middle = target[~test].mean()
            told = ridge(learn, target[~test] - middle, penalty)
            whole[test] = (target[test] - middle) ** 2
            gain[test] = whole[test] - (target[test] - middle - judge @ told) ** 2
        else:
            classes, index = np.unique(target[~test], return_inverse=True)
            weights, bias = logistic(learn, index, len(classes), penalty)
            gain[test] = classes[(judge @ weights + bias).argmax(1)] == target[test]
            guess[test] = classes[np.bincount(index).argmax()] == target[test]
    return _Score(gain, whole), guess


def ridge(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """Coefficients (D,) that least miss y (N,) on average, plus `penalty` times their squares."""
    return np.linalg.solve(x.T @ x + penalty * len(x) * np.eye(x.shape[1]), x.T @ y)


def logistic(x: np.ndarray, y: np.ndarray, n_classes: int, penalty: float, steps: int = 60) -> tuple[Any, Any]:
    """Multinomial logistic regression by L-BFGS: (N, D), labels (N,) -> weights (D, K), bias (K,)."""
    inputs, labels = torch.from_numpy(x).float(), torch.from_numpy(y)
    weights = torch.zeros(x.shape[1], n_classes, requires_grad=True)
    bias = torch.zeros(n_classes, requires_grad=True)
    solver = torch.optim.LBFGS([weights, bias], max_iter=steps, history_size=10, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        solver.zero_grad()
        value = functional.cross_entropy(inputs @ weights + bias, labels) + penalty * weights.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        solver.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach().numpy(), bias.detach().numpy()


class Uncertainty(NamedTuple):
    """Uncertainty coefficient U(factor | code), its mean when labels are moved against codes, and the part above."""

    factor: str
    value: float
    shuffled: float

    @property
    def above(self) -> float:
        """0: no more than moved labels tell; 1: the code tells the factor."""
        return (self.value - self.shuffled) / max(1e-9, 1 - self.shuffled)


def uncertainty_coefficients(
    codes: Sequence[np.ndarray], factors: Mapping[str, Sequence[np.ndarray]], shuffles: int = 20, seed: int = 0
) -> list[Uncertainty]:
    """How much of each factor a code tells: U = I(factor; code) / H(factor), Theil 1970.

    The baseline keeps labels as they follow each other and only moves them: clips in another order, then all turned by
    a random number of frames. That takes away the relation, and leaves what few frames of few clips feign.

    Args:
        codes: one array of codes (F,) a clip.
        factors: name -> one array of labels (F,) a clip; numbers (floats) are cut into 8 equal shares; frames whose
            label is "" or NaN are left out.
        shuffles: how often labels are moved.
        seed: of the moves.
    """
    found = []
    for factor, labels in factors.items():
        rng = np.random.default_rng(seed)
        value = _uncertainty(np.concatenate(codes), np.concatenate(labels))
        moved = []
        for _ in range(shuffles):
            other = np.concatenate([labels[i] for i in rng.permutation(len(labels))])
            moved.append(_uncertainty(np.concatenate(codes), np.roll(other, int(rng.integers(1, len(other))))))
        found.append(Uncertainty(factor, value, float(np.mean(moved))))
    return found


def _uncertainty(codes: np.ndarray, labels: np.ndarray) -> float:
    from gsv_lab.figures.measures import uncertainty

    known = np.isfinite(labels) if np.issubdtype(labels.dtype, np.floating) else labels != ""
    codes, labels = codes[known], labels[known]
    if np.issubdtype(labels.dtype, np.floating):
        labels = np.searchsorted(np.quantile(labels, np.arange(1, 8) / 8), labels)
    rows, columns = (np.unique(values, return_inverse=True)[1] for values in (labels, codes))
    counts = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(counts, (rows, columns), 1)
    return uncertainty(counts)
