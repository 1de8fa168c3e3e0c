"""Checks of notebook 07, "Who is in the codes?".

Letters: N frames, D width, K classes. Each check takes the answer, and draws a card; `.card(...)` gives the card
alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gsv_lab.teaching.exercises.card import ask, exercise, expect, expect_shape


@exercise("What the probe must not have seen")
def held_out(answer: Callable[[Any, Any], Any]) -> str:
    """`held_out(clip, speaker)`: (N,) number of the clip and name of the speaker of each frame -> (N,) test or not."""
    clip = np.repeat(np.arange(16), 5)
    speaker = np.array(["ann", "bob", "eve", "joe"])[clip % 4]
    found = np.asarray(ask(answer, clip.copy(), speaker.copy()))
    expect_shape(found, (80,), "The choice for 80 frames")
    expect(found.dtype == bool, "One True or False a frame, please: True for the test.")
    expect(found.any(), "Nothing is left for the test.")
    expect(not found.all(), "Everything is in the test: what is the probe to learn from?")
    torn = [number for number in range(16) if 0 < found[clip == number].sum() < 5]
    neighbours = (
        f"Clip {torn[:1]} stands on both sides. Neighbouring frames are almost copies: it could learn by heart."
    )
    expect(not torn, neighbours)
    for who in np.unique(speaker):
        inside = found[speaker == who]
        expect(not inside.all(), f"All of {who} is in the test: the probe cannot name somebody it has never met.")
        expect(inside.any(), f"Nothing of {who} is in the test: nobody knows whether {who} would be recognised.")
    share = float(found.mean())
    expect(0.125 <= share <= 0.5, f"{share:.0%} of the frames are in the test; a quarter or so was asked for.")
    return "To ask for phones, hold out whole *speakers*: a new voice should not matter."


@exercise("A probe is one matrix")
def fit(answer: Callable[[Any, Any, int, float], Any]) -> str:
    """`fit(x, labels, n_classes, penalty)`: (N, D), (N,) numbers below K -> weights (D, K)."""
    random = np.random.default_rng(0)
    centres = random.normal(0, 1.5, (3, 6))
    labels = random.integers(3, size=40)
    x = centres[labels] + random.normal(0, 1, (40, 6))
    x = np.concatenate([x, x[:, :1]], axis=1)  # the last column repeats the first: without a penalty no answer is best
    given = np.asarray(ask(answer, x.copy(), labels.copy(), 3, 2.0), dtype=np.float64)
    wanted = np.eye(3)[labels]
    right = np.linalg.solve(x.T @ x + 2.0 * np.eye(7), x.T @ wanted)
    flat = "One column for all classes: with labels as numbers, class 2 would be twice class 1. Make them one-hot."
    expect(given.ndim == 2, flat)
    expect(given.shape != (3, 7), "The other way round: one row a feature, one column a class.")
    expect_shape(given, (7, 3), "The weights for 7 features and 3 classes")
    loose = np.linalg.pinv(x) @ wanted
    expect(not np.allclose(given, loose, atol=1e-6), "The penalty has no effect. What if D is larger than N?")
    whole = np.linalg.solve(x.T @ x + 2.0, x.T @ wanted) if np.linalg.matrix_rank(x.T @ x + 2.0) == 7 else None
    filled = "The penalty belongs on the diagonal only: penalty times np.eye(D)."
    expect(whole is None or not np.allclose(given, whole, atol=1e-4), filled)
    expect(not np.allclose(given, x.T @ wanted), "That is XᵀY. Divide it by XᵀX, so to say: np.linalg.solve.")
    expect(np.isfinite(given).all(), "Some weights are no finite numbers.")
    off = float(np.abs(given - right).max())
    expect(off < 1e-4, f"Some weights are off by {off:.2g}: solve (XᵀX + penalty · I) W = XᵀY.")
    hits = float(((x @ given).argmax(axis=1) == labels).mean())
    return f"The largest of x @ W is the guess: {hits:.0%} right here, on what it has seen."


@exercise("The control task")
def control(answer: Callable[[Any, Any, Any], Any]) -> str:
    """`control(kinds, labels, random)`: (N,) kind and true label of each frame, a generator -> (N,) drawn labels."""
    random = np.random.default_rng(5)
    kinds = random.integers(60, size=900)
    labels = np.array(["aa", "iy", "s", "t"])[kinds % 4]
    found = np.asarray(ask(answer, kinds.copy(), labels.copy(), np.random.default_rng(1)))
    expect_shape(found, (900,), "The labels of 900 frames")
    strange = set(found.tolist()) - set(labels.tolist())
    expect(not strange, f"{sorted(map(str, strange))[:2]} are no labels of the task: draw from the true ones.")
    expect(not np.array_equal(found, labels), "Those are the true labels: nothing is random.")
    varied = [kind for kind in np.unique(kinds) if len(set(found[kinds == kind].tolist())) > 1]
    loose = "Frames of one kind got different labels. Nobody can learn that by heart: the control would always be low."
    expect(not varied, loose)
    expect(len(set(found.tolist())) > 1, "All frames got the same label, which is no task at all.")
    per_kind = {kind: str(found[kinds == kind][0]) for kind in np.unique(kinds).tolist()}
    same = np.mean([per_kind[kind] == str(np.array(["aa", "iy", "s", "t"])[kind % 4]) for kind in per_kind])
    expect(same < 0.6, f"{same:.0%} of the kinds kept their true label. Draw without looking at it.")
    expect(len(set(per_kind.values())) > 2, "Only two of the four labels are ever drawn.")
    return "What a probe reaches here it has learned by heart. Only what lies above it comes from the representation."


@exercise("Close a leak")
def close_leak(answer: Callable[[Any, Any], Any]) -> str:
    """`close_leak(x, speaker)`: (N, D), (N,) names -> (N, D) in which all speakers have the same mean."""
    random = np.random.default_rng(2)
    speaker = np.array(["ann", "bob", "eve"])[random.integers(3, size=60)]
    offset = {"ann": 4.0, "bob": -3.0, "eve": 0.5}
    x = random.normal(0, 1, (60, 3)) + np.array([offset[name] for name in speaker])[:, None]
    before = x.copy()
    handed = x.copy()
    found = np.asarray(ask(answer, handed, speaker.copy()), dtype=np.float64)
    expect(np.array_equal(handed, before), "The frames that you were handed are changed themselves: work on a copy.")
    expect_shape(found, (60, 3), "The frames")
    means = {name: found[speaker == name].mean(axis=0) for name in offset}
    expect(not np.allclose(found, before), "Nothing was taken off.")
    expect(
        not np.allclose(found, before - before.mean(axis=0)),
        "That is the mean of all. Each speaker has their own.",
    )
    row = np.allclose(found, before - before.mean(axis=1, keepdims=True))
    expect(not row, "You took off the mean of every frame. The mean over the *frames* of a speaker was meant.")
    expect(not np.allclose(found, 0), "Nothing is left at all: what is said must stay.")
    constant = all(np.allclose(found[speaker == name].std(axis=0), 0) for name in offset)
    expect(not constant, "Each speaker became one constant: what changes from frame to frame was to stay.")
    left = max(float(np.abs(mean).max()) for mean in means.values())
    expect(left < 1e-8, f"The mean of some speaker is still {left:.2f} away from 0.")
    kept = all(np.allclose(np.diff(found[speaker == n], axis=0), np.diff(before[speaker == n], axis=0)) for n in offset)
    expect(kept, "Within a speaker the frames should keep their distances: subtract, and nothing else.")
    return "Cheap, and it needs to know who speaks. A straight probe is blind now; a bent one may still see."
