"""Linear probes: how well a linear map reads a factor from a representation, and what makes the score mean something.

A probe that reads a phone at 90 % says little by itself: it may have learned the voices of its training clips, the
labels by heart, or that one phone is frequent. So clips never stand on both sides of a split (nor, for phones and F0,
speakers), a control task with random labels shows what the probe could learn by heart, and chance is printed.
Letters: N examples (one a frame), D width, K classes.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from gsv_lab.errors import DataError
from gsv_lab.evaluation.statistics.resampling import Estimate, bootstrap, ratio_of_sums
from gsv_lab.system.seeds import check_seed

FACTORS = ("phone", "speaker", "f0")
"""What is looked for: the phone of a frame, who speaks, and log-F0 where there is voice."""
_SMALLEST_DEVIATION = 1e-6


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
        return Examples(
            self.tap,
            self.x[rows],
            self.phone[rows],
            self.speaker[rows],
            self.log_f0[rows],
            self.kind[rows],
            self.clip[rows],
        )

    def factor(self, name: str) -> np.ndarray:
        """The values (N,) of one of `FACTORS`."""
        return {"phone": self.phone, "speaker": self.speaker, "f0": self.log_f0}[name]


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
    examples: Examples,
    factor: str,
    folds: int = 4,
    seed: int = 0,
    penalty: float = 1e-3,
    draws: int = 500,
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
    if factor == "speaker":
        fold = split(examples.clip, folds, seed, within=examples.speaker)
    else:
        fold = split(examples.speaker, folds, seed)
    target = examples.factor(factor)
    found = _crossed(examples.x, target, fold, penalty)
    control = _crossed(examples.x, random_labels(examples.kind, target, seed), fold, penalty)
    return Probed(
        examples.tap,
        factor,
        _by_clip(found, examples, draws, seed),
        max(0.0, float(control.gain.sum() / control.whole.sum())),
        0.0 if factor == "f0" else float(found.guess.sum() / found.whole.sum()),
        *examples.x.shape,
    )


class _Score(NamedTuple):
    """What a probe got of each example (N,).

    `gain`: 1 where it is right, or the variance that it takes away; `whole`: 1, or the variance; `guess`: 1 where the
    commonest training label is right.
    """

    gain: np.ndarray
    whole: np.ndarray
    guess: np.ndarray


def _by_clip(score: _Score, examples: Examples, draws: int, seed: int) -> Estimate:
    """The score with its interval; summed clip by clip first, since the frames of a clip are not independent."""
    clips, first, number = np.unique(examples.clip, return_index=True, return_inverse=True)
    gain = np.bincount(number, score.gain, len(clips))
    whole = np.bincount(number, score.whole, len(clips))
    speakers = [str(name) for name in examples.speaker[first]]
    found = bootstrap(ratio_of_sums(gain, whole), speakers, draws, seed)
    return found._replace(
        value=max(0.0, found.value),
        low=max(0.0, found.low),
        high=max(0.0, found.high),
    )


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
    if within is None:
        within = np.zeros(len(groups), dtype="U1")
    rng = np.random.default_rng(check_seed(seed))
    fold = np.zeros(len(groups), dtype=np.int64)
    for name in np.unique(within):
        rows = np.flatnonzero(within == name)
        known, number = np.unique(groups[rows], return_inverse=True)
        if len(known) < 2:
            whose = f" of {name}" if name else ""
            problem = f"{len(known)} group{whose} cannot be divided into training and test"
            raise DataError("PROBE_GROUPS", problem, "two clips of each speaker, and two speakers, at least")
        dealt = rng.permutation(len(known)) % min(folds, len(known))
        fold[rows] = dealt[number]
    return fold


def random_labels(kind: np.ndarray, target: np.ndarray, seed: int = 0) -> np.ndarray:
    """The control task: every type gets the label of an example drawn at random, all its examples the same: (N,)."""
    drawn = {}
    for name in set(kind):
        rng = np.random.default_rng([check_seed(seed), zlib.crc32(str(name).encode())])
        drawn[name] = rng.integers(len(target))
    return target[np.array([drawn[name] for name in kind])]


def _crossed(x: np.ndarray, target: np.ndarray, fold: np.ndarray, penalty: float) -> _Score:
    """Each fold tested with a probe of the others."""
    numeric = np.issubdtype(target.dtype, np.floating)
    score = _Score(np.zeros(len(x)), np.ones(len(x)), np.zeros(len(x)))
    for number in np.unique(fold):
        test = fold == number
        train = ~test
        mean = x[train].mean(0)
        deviation = np.maximum(x[train].std(0), _SMALLEST_DEVIATION)
        known = (x[train] - mean) / deviation
        unseen = (x[test] - mean) / deviation
        if numeric:
            middle = target[train].mean()
            coefficients = ridge(known, target[train] - middle, penalty)
            variance = (target[test] - middle) ** 2
            error = (target[test] - middle - unseen @ coefficients) ** 2
            score.whole[test] = variance
            score.gain[test] = variance - error
        else:
            classes, index = np.unique(target[train], return_inverse=True)
            weights, bias = logistic(known, index, len(classes), penalty)
            predicted = classes[(unseen @ weights + bias).argmax(1)]
            commonest = classes[np.bincount(index).argmax()]
            score.gain[test] = predicted == target[test]
            score.guess[test] = commonest == target[test]
    return score


def ridge(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """Coefficients (D,) that least miss y (N,) on average, plus `penalty` times their squares."""
    covariance = x.T @ x + penalty * len(x) * np.eye(x.shape[1])
    return np.linalg.solve(covariance, x.T @ y)


def logistic(
    x: np.ndarray,
    y: np.ndarray,
    n_classes: int,
    penalty: float,
    steps: int = 60,
) -> tuple[np.ndarray, np.ndarray]:
    """Multinomial logistic regression by L-BFGS: (N, D), labels (N,) -> weights (D, K), bias (K,)."""
    inputs = torch.from_numpy(x).float()
    labels = torch.from_numpy(y)
    weights = torch.zeros(x.shape[1], n_classes, requires_grad=True)
    bias = torch.zeros(n_classes, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weights, bias],
        max_iter=steps,
        history_size=10,
        line_search_fn="strong_wolfe",
    )

    def loss() -> torch.Tensor:
        solver.zero_grad()
        scores = inputs @ weights + bias
        value = functional.cross_entropy(scores, labels) + penalty * weights.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        solver.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach().numpy(), bias.detach().numpy()
