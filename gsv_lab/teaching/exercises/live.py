"""A codebook trained before the reader's eyes: a hundred steps at most, a second or two on one core.

What trains is the kit's own quantizer between a convolution in front and one behind, as in a VQ-VAE (van den Oord et
al. 2017, arXiv:1711.00937): the codes are good when content can be made from them again.
Letters: B batch, D width, F50 and F25 frames at 50 and 25 Hz, K codes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.system.seeds import check_seed

MOST_STEPS = 100
WINDOW = 256
"""Codes in a training step; more would take longer and teach little more."""


class Trained(NamedTuple):
    """What a training left: the `quantizer`, share of variance lost `error` and `perplexity` of every step, and the
    `codes` (F25,) of all the content at the end.
    """

    quantizer: VectorQuantizer
    error: list[float]
    perplexity: list[float]
    codes: Tensor


def train_codebook(
    content: Tensor, n_codes: int, steps: int = 60, *, commitment: float = 0.25, revive: bool = True, seed: int = 0
) -> Trained:
    """Train a codebook on content, from a random table.

    (1, D, F50) -> Trained

    Args:
        content: of real speech; each dimension is scaled to variance 1 first.
        n_codes: K.
        steps: at most `MOST_STEPS`.
        commitment: weight of the commitment loss.
        revive: give codes that nothing uses a new place.
        seed: of everything random; the process's own random numbers are left as they were.

    Raises:
        ValueError: too many steps.
    """
    if not 0 < steps <= MOST_STEPS:
        raise ValueError(f"steps is {steps}, at most {MOST_STEPS} are trained in a notebook")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(check_seed(seed))
        return _train(scaled(content), n_codes, steps, commitment, revive)


def scaled(content: Tensor) -> Tensor:
    """Each dimension with mean 0 and variance 1 over time, an even number of frames: (1, D, F50) -> (1, D, F50)."""
    content = content.detach()[..., : content.shape[-1] // 2 * 2]
    return (content - content.mean(-1, keepdim=True)) / content.std(-1, keepdim=True).clamp(min=1e-3)


def _train(content: Tensor, n_codes: int, steps: int, commitment: float, revive: bool) -> Trained:
    from gsv_lab.figures import perplexity

    width = content.shape[1]
    quantizer = VectorQuantizer(width, n_codes, "conv", decay=0.9, dead_below=0.5 if revive else 0.0, kmeans_steps=0)
    back = nn.ConvTranspose1d(width, width, 2, stride=2)
    optimizer = torch.optim.Adam([*quantizer.parameters(), *back.parameters()], 2e-3)
    errors, perplexities = [], []
    for _ in range(steps):
        part = _window(content)
        x, codes, committed = quantizer(part)
        lost = functional.mse_loss(back(x), part) / part.var()
        optimizer.zero_grad()
        (lost + commitment * committed).backward()
        optimizer.step()
        errors.append(float(lost.detach()))
        perplexities.append(perplexity(torch.bincount(codes.flatten())))
    quantizer.eval()
    with torch.no_grad():
        return Trained(quantizer, errors, perplexities, quantizer.encode(content)[0])


def _window(content: Tensor) -> Tensor:
    frames = 2 * WINDOW
    if content.shape[-1] <= frames:
        return content
    first = 2 * int(torch.randint((content.shape[-1] - frames) // 2 + 1, ()))
    return content[..., first : first + frames]


def nearest(vectors: Tensor, table: Tensor) -> Tensor:
    """The number of the nearest row of a table (K, D) for each of the vectors (N, D): (N,)."""
    return torch.cdist(vectors, table).argmin(1)


def follow(counts: Tensor, sums: Tensor, vectors: Tensor, codes: Tensor, decay: float) -> tuple[Tensor, Tensor]:
    """One step of the moving averages: how often each code is chosen (K,), and the sum of what chose it (K, D).

    Source: van den Oord et al. 2017, arXiv:1711.00937, appendix A.1, eqs. 6-7.
    """
    chosen = functional.one_hot(codes, len(counts)).to(vectors.dtype)
    return decay * counts + (1 - decay) * chosen.sum(0), decay * sums + (1 - decay) * chosen.T @ vectors


def residual(vectors: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Two books, the second for what the first leaves over: (N, D), (K1, D), (K2, D) -> codes (N,), (N,), sum (N, D).

    Source: Zeghidour et al. 2021, arXiv:2107.03312, algorithm 1.
    """
    one = nearest(vectors, first)
    two = nearest(vectors - first[one], second)
    return one, two, first[one] + second[two]


class Grown(NamedTuple):
    """A codebook grown step by step: `table` (K, D), the `codes` (N,) of all vectors at the end, and the share of their
    variance that is `lost`.
    """

    table: Tensor
    codes: Tensor
    lost: float


def grow(
    vectors: Tensor,
    n_codes: int,
    nearest: Callable[[Tensor, Tensor], Tensor] = nearest,
    follow: Callable[[Tensor, Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]] = follow,
    revive: Callable[[Tensor, Tensor, Tensor, float], Tensor] | None = None,
    steps: int = 40,
    seed: int = 0,
) -> Grown:
    """A codebook from a random table, by functions that may be the reader's own.

    Args:
        vectors: (N, D); the table begins as noise around their mean.
        n_codes: K, at most N.
        nearest: see the function of this name.
        follow: see the function of this name.
        revive: (table, counts, vectors, below) -> a new table, asked after every step but the last ones; None: dead
            codes stay dead.
        steps: of the averages, all vectors in each.
        seed: of the random table, and of whatever `revive` draws; the process's own random numbers stay as they were.
    """
    decay, below = 0.8, 0.5
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(check_seed(seed))
        table = vectors.mean(0) + vectors.std(0) * torch.randn(n_codes, vectors.shape[1])
        counts, sums = torch.ones(n_codes), table.clone()
        for step in range(steps):
            codes = torch.as_tensor(nearest(vectors, table)).long()
            counts, sums = (torch.as_tensor(x) for x in follow(counts, sums, vectors, codes, decay))
            table = sums / counts.clamp(min=1e-5)[:, None]
            if revive is not None and step < steps - 5:
                renewed = torch.as_tensor(revive(table, counts, vectors, below))
                moved = (renewed != table).any(1)
                counts = torch.where(moved, 1.0, counts)
                sums, table = torch.where(moved[:, None], renewed, sums), renewed
        codes = torch.as_tensor(nearest(vectors, table)).long()
    lost = (vectors - table[codes]).square().sum() / (vectors - vectors.mean(0)).square().sum()
    return Grown(table, codes, float(lost))


def revived(table: Tensor, counts: Tensor, vectors: Tensor, below: float) -> Tensor:
    """A new table (K, D) in which codes that are chosen less than `below` times are vectors (N, D), all different."""
    dead = counts < below
    table = table.clone()
    table[dead] = vectors[torch.randperm(len(vectors))[: int(dead.sum())]]
    return table


def joint_counts(labels: Any, codes: Any, n_codes: int) -> tuple[list[int], NDArray[np.int64]]:
    """How often each label meets each code: two (N,) -> the labels that occur, sorted, and counts (labels, K).

    Raises:
        ValueError: not equally many labels and codes.
    """
    rows, columns = (np.asarray(values).reshape(-1).astype(np.int64) for values in (labels, codes))
    if len(rows) != len(columns):
        raise ValueError(f"{len(rows)} labels and {len(columns)} codes must be equally many")
    names, index = np.unique(rows, return_inverse=True)
    counts = np.zeros((len(names), n_codes), dtype=np.int64)
    np.add.at(counts, (index, columns), 1)
    return names.tolist(), counts


def common_codes(names: list[int], counts: NDArray[np.int64], most: int = 3) -> dict[int, int]:
    """Codes that occur often, of different labels: code -> the label that it meets most, label 0 aside.

    Args:
        names: labels of the rows, as `joint_counts` gives them.
        counts: (labels, K).
        most: codes at most.
    """
    label = counts.argmax(axis=0)
    found: dict[int, int] = {}
    for code in np.argsort(-counts.sum(axis=0), kind="stable").tolist():
        name = names[int(label[code])]
        if len(found) < most and name and counts[:, code].any() and name not in found.values():
            found[code] = name
    return found
