"""Pictures of a codebook: how evenly it is used, and what its codes stand for.

Letters: N tokens, C codes, P phones. Arrays, tensors and lists are welcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gsv_lab.figures.measures import entropy, perplexity, uncertainty
from gsv_lab.figures.style import BLUE, ORANGE, RED, SHARE, canvas, flat, heat, matrix, picture


@picture
def codebook_usage(codes: Any, n_codes: int, *, title: str = "") -> Figure:
    """How often each code occurs, most frequent first, with perplexity and the number of codes that never occur.

    (N,) codes -> left: share of each code on a log scale against the even share; right: share of all tokens that the
    first so many codes cover.

    Raises:
        ValueError: no code, or one outside 0 to n_codes - 1.
    """
    values = flat(codes).astype(np.int64)
    if not len(values) or values.min() < 0 or values.max() >= n_codes:
        raise ValueError(f"codes must lie in 0 to {n_codes - 1} and be at least one")
    share = np.sort(np.bincount(values, minlength=n_codes))[::-1] / len(values)
    dead = int((share == 0).sum())
    head = f"{len(values)} tokens: perplexity {perplexity(share):.0f} of {n_codes} codes, {dead} never used"
    figure, axes = canvas(1, 2, 2.9, title=f"{title}\n{head}" if title else head, widths=[1.7, 1])
    rank = np.arange(1, n_codes + 1)
    used = share > 0
    axes[0, 0].fill_between(rank[used], share[used], share[used].min() / 2, step="mid", color=BLUE, linewidth=0)
    axes[0, 0].axhline(1 / n_codes, color=ORANGE, label="if all were used alike")
    if dead:
        axes[0, 0].axvspan(n_codes - dead + 0.5, n_codes + 0.5, color=RED, alpha=0.15, label=f"{dead} dead codes")
    axes[0, 0].set_yscale("log")
    axes[0, 0].set_xlim(0.5, n_codes + 0.5)
    axes[0, 0].set_ylim(share[used].min() / 2, share[0] * (share[0] / share[used].min() + 2) ** 0.35)  # legend above
    axes[0, 0].set_xlabel("codes, most frequent first")
    axes[0, 0].set_ylabel("share of tokens")
    axes[0, 0].legend(loc="upper right", ncols=2)
    axes[0, 1].plot(np.append(0, rank), np.append(0, np.cumsum(share)), color=BLUE)
    axes[0, 1].plot([0, n_codes], [0, 1], color=ORANGE, linestyle="--")
    axes[0, 1].set_xlabel("number of codes")
    axes[0, 1].set_ylabel("tokens covered")
    axes[0, 1].set_xlim(0, n_codes)
    axes[0, 1].set_ylim(0, 1.02)
    axes[0, 1].grid()
    return figure


@picture
def phone_code_matrix(counts: Any, phones: Sequence[str], *, most: int = 120, title: str = "") -> Figure:
    """(P, C) how often phone and code meet -> share of each code's tokens that fall on each phone.

    Codes are sorted by the phone they meet most; a clean staircase means that a code knows its phone. U(phone|code) is
    the share of the phones' entropy that the code takes away (0 nothing, 1 all).

    Args:
        counts: joint counts.
        phones: labels of the rows.
        most: draw at most so many codes, the most frequent ones.
        title: above the picture.

    Raises:
        ValueError: rows and labels differ in number, or nothing was counted.
    """
    table = matrix(counts, "counts")
    if len(table) != len(phones) or table.sum() <= 0:
        raise ValueError(f"counts has {len(table)} rows for {len(phones)} phones, and {table.sum():g} tokens")
    used = np.flatnonzero(table.sum(axis=0))
    chosen = used[np.argsort(-table[:, used].sum(axis=0), kind="stable")[:most]]
    share = table[:, chosen] / table[:, chosen].sum(axis=0)
    order = np.lexsort((-share.max(axis=0), share.argmax(axis=0)))
    head = f"U(phone|code) = {uncertainty(table):.2f}, H(phone) = {entropy(table.sum(axis=1)) / np.log(2):.1f} bit"
    head += f"; {len(chosen)} of {len(used)} used codes" if len(chosen) < len(used) else f"; {len(used)} used codes"
    height = 1.4 + 0.16 * len(phones)
    figure, axes = canvas(1, 1, height, title=f"{title}\n{head}" if title else head)
    axis = axes[0, 0]
    extent = (-0.5, len(chosen) - 0.5, len(phones) - 0.5, -0.5)
    image = heat(axis, share[::-1, order], extent, SHARE, vmin=0, vmax=1)
    axis.set_yticks(range(len(phones)), phones, fontsize=min(9.0, 180 / max(len(phones), 1) + 5))
    axis.set_ylim(len(phones) - 0.5, -0.5)
    if len(chosen) <= 48:
        axis.set_xticks(range(len(chosen)), [str(code) for code in chosen[order]], rotation=90, fontsize=7)
        axis.set_xlabel("code")
    else:
        axis.set_xticks([])
        axis.set_xlabel("codes, sorted by their phone")
    figure.colorbar(image, ax=axis, label="share of the code's tokens", pad=0.01)
    return figure


__all__ = ["codebook_usage", "phone_code_matrix"]
