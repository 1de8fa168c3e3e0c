"""Pictures of what measures say: scores of pairs, and one utterance warped onto another.

Letters: A and B frames, K pairs of frames. Arrays and lists in, a Figure out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gsv_lab.errors import printable
from gsv_lab.figures.style import BLUE, ENERGY, INK, ORANGE, SKY, canvas, flat, matrix, picture


@picture
def pair_scores(
    pairs: Mapping[str, tuple[Any, Any, float]], *, score: str = "cosine", bins: int = 30, title: str = ""
) -> Figure:
    """How scores of pairs of one speaker and of two speakers lie, a panel a condition, with the threshold between them.

    Args:
        pairs: condition -> (scores of pairs of one speaker, of two speakers, threshold).
        score: what the scores are.
        bins: of the histograms.
        title: above the picture.

    Raises:
        ValueError: no condition.
    """
    if not pairs:
        raise ValueError("no condition to draw")
    scores = [(flat(same), flat(different)) for same, different, _ in pairs.values()]
    every = np.concatenate([np.concatenate(both) for both in scores])
    edges = np.linspace(every.min(), every.max() + 1e-9, bins + 1)
    figure, axes = canvas(len(pairs), 1, 0.6 + 1.2 * len(pairs), title=title, share_time=True)
    for axis, (same, different), (name, (_, _, threshold)) in zip(axes[:, 0], scores, pairs.items(), strict=True):
        for values, colour, label in ((different, ORANGE, "two speakers"), (same, BLUE, "one speaker")):
            axis.hist(values, edges, density=True, color=colour, alpha=0.55, label=f"{label}, mean {values.mean():.2f}")
        refused, accepted = float((same <= threshold).mean()), float((different > threshold).mean())
        axis.axvline(threshold, color=INK, linestyle="--", linewidth=1)
        rate = (refused + accepted) / 2
        axis.set_title(f"{printable(name)}: threshold {threshold:.2f}, equal error {rate:.0%}")
        axis.set_yticks([])
        axis.legend(loc="upper left", fontsize=8)
    axes[-1, 0].set_xlabel(printable(score))
    return figure


@picture
def warping_path(
    cost: Any, path: Any, rate: float = 100.0, *, labels: tuple[str, str] = ("first", "second"), title: str = ""
) -> Figure:
    """(A, B) how far apart two utterances are at each pair of frames, and the path (K, 2) that matches them.

    Args:
        cost: of each pair; dark is alike.
        path: pairs of frames, those of the first utterance in front.
        rate: frames a second.
        labels: names of the two utterances.
        title: above the picture.

    Raises:
        ValueError: `path` is no list of pairs.
    """
    values, steps = matrix(cost, "cost"), matrix(path, "path")
    if steps.shape[1] != 2:
        raise ValueError(f"path has shape {steps.shape}, expected pairs (K, 2)")
    figure, axes = canvas(1, 1, 4.2, title=title)
    axis = axes[0, 0]
    extent = (0, values.shape[1] / rate, 0, values.shape[0] / rate)
    image = axis.imshow(values, cmap=ENERGY, aspect="auto", origin="lower", extent=extent)
    times = (steps + 0.5) / rate
    axis.plot(times[:, 1], times[:, 0], color=SKY, linewidth=2)
    axis.set_xlabel(f"{printable(labels[1])} (s)")
    axis.set_ylabel(f"{printable(labels[0])} (s)")
    figure.colorbar(image, ax=axis, label="distance of the frames", pad=0.01)
    return figure
