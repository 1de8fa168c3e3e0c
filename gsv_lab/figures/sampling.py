"""The picture of sampling: how sure the model was at each step, and which code was chosen.

Letters: S decode steps, C codes. Arrays, tensors and lists are welcome.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gsv_lab.figures.style import INK, PALETTE, RED, SHARE, canvas, flat, heat, matrix, picture


@picture
def sampling_candidates(
    logits: Any,
    chosen: Any,
    *,
    rate: float | None = None,
    depth: int = 8,
    temperature: float = 1.0,
    stop: int | None = None,
    title: str = "",
) -> Figure:
    """How free each decode step was: entropy above, and the probabilities of the `depth` likeliest codes below.

    The chosen code is outlined; a choice that is not among them is marked at the bottom.

    Args:
        logits: (S, C) scores in nats.
        chosen: (S,) codes that were chosen.
        rate: steps per second, for an axis in seconds.
        depth: candidates shown for each step.
        temperature: divides the logits first.
        stop: index of the stop token; its probability becomes a line in the upper part.
        title: above the picture.
    """
    scores = matrix(logits, "logits") / temperature
    codes = flat(chosen).astype(np.int64)
    steps = len(scores)
    if len(codes) != steps:
        raise ValueError(f"{steps} steps of logits, {len(codes)} chosen codes")
    log_probs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    entropies = -(np.exp(log_probs) * np.where(np.isfinite(log_probs), log_probs, 0.0)).sum(axis=1)
    scale = 1.0 / rate if rate else 1.0
    time = (np.arange(steps) + 0.5) * scale
    figure, axes = canvas(2, 1, 4.4, title=title, heights=[1.1, 1.6], share_time=True)
    axes[0, 0].plot(time, entropies / np.log(2), color=PALETTE[0], label="entropy", drawstyle="steps-mid")
    axes[0, 0].set_ylabel("entropy in bit")
    axes[0, 0].set_ylim(bottom=0)
    axes[0, 0].grid(axis="y")
    if stop is not None:
        other = axes[0, 0].twinx()
        other.plot(time, np.exp(log_probs[:, stop]), color=RED, label="P(stop)", drawstyle="steps-mid")
        other.set_ylim(0, 1.02)
        other.set_ylabel("P(stop)", color=RED)
    order = np.argsort(-log_probs, axis=1, kind="stable")
    likeliest = np.exp(np.take_along_axis(log_probs, order[:, :depth], axis=1))
    image = heat(axes[1, 0], likeliest.T, (0.0, steps * scale, 0.5, likeliest.shape[1] + 0.5), SHARE, vmin=0, vmax=1)
    rank = (order == codes[:, None]).argmax(axis=1) + 1
    inside = rank <= depth
    axes[1, 0].plot(time[inside], rank[inside], "o", color="white", markeredgecolor=INK, markersize=4, label="chosen")
    if (~inside).any():
        below = np.full(int((~inside).sum()), likeliest.shape[1] + 0.35)
        label = f"chosen, beyond {depth}"
        axes[1, 0].plot(time[~inside], below, "v", color=RED, markersize=6, clip_on=False, label=label)
    axes[1, 0].set_ylim(likeliest.shape[1] + 0.5, 0.5)
    axes[1, 0].set_ylabel("rank of the code")
    axes[1, 0].set_xlabel("time in s" if rate else "decode step")
    axes[1, 0].legend(loc="lower right", facecolor="white", frameon=True, framealpha=0.8)
    figure.colorbar(image, ax=axes[1, 0], label="probability", pad=0.01)
    return figure


__all__ = ["sampling_candidates"]
