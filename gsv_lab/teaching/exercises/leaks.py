"""Checks of notebook 07, "Who is in the codes?".

Letters: N frames, D width, K classes, C codes. Each check takes the answer and gives a card.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gsv_lab.evaluation.probes.leakage import Leakage
from gsv_lab.teaching.exercises.answers import named
from gsv_lab.teaching.exercises.card import ask, exercise, expect, expect_shape, number


@exercise(
    "What the probe must not have seen",
    "A whole clip is either for training or for the test. Each speaker has several clips: one of each is enough.",
    "For each name: rows where speaker == name, of these the largest clip number; True where clip equals it.",
)
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
    expect(0.125 <= share <= 0.5, f"{share:.0%} of the frames are in the test; an eighth to a half was asked for.")
    return "To ask for phones, hold out whole *speakers*: a new voice should not matter."


@exercise(
    "A probe is one matrix",
    "Two sides: on the left X transposed times X with the penalty on its diagonal, on the right X transposed times Y.",
    "Y = np.eye(n_classes)[labels]; then np.linalg.solve(left, right).",
)
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


@exercise(
    "The control task",
    "First draw one label for each different kind (np.unique), and only then give every frame that of its kind.",
    "A dictionary kind -> random.choice(labels), and an array that looks up each of kinds in it.",
)
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


@exercise(
    "Close a leak",
    "One mean for each speaker, a row of D numbers, taken over that speaker's frames.",
    "closed = x.copy(); for each name: closed[speaker == name] -= x[speaker == name].mean(axis=0).",
)
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


@exercise(
    "How much the code tells",
    "Make shares of the counts first. H(X) needs the sums of the rows; I(X;Y) needs the whole table.",
    "p = counts / counts.sum(); I is the sum of p * log(p / (row sums * column sums)) where p > 0; divide by H(X).",
)
def told(answer: Callable[[Any], Any]) -> str:
    """`told(counts)`: (K, C) how often each label stood beside each code -> U = I(label; code) / H(label)."""
    from gsv_lab.figures import uncertainty

    tables = ([[6, 0], [0, 2]], [[3, 3], [1, 1]], [[4, 1, 0], [0, 1, 2]], [[5, 0, 2, 1], [1, 4, 0, 0], [0, 2, 2, 3]])
    given = [number(ask(answer, np.array(table, dtype=np.float64)), "One number is asked for.") for table in tables]

    def is_like(rule: Callable[[float, float, float], float]) -> bool:
        wanted = [rule(*_entropies(np.array(table, dtype=np.float64))) for table in tables]
        return all(math.isclose(g, w, abs_tol=1e-5) for g, w in zip(given, wanted, strict=True))

    zeros = "An empty cell adds nothing, and the logarithm of 0 is no number: leave such cells out."
    expect(all(math.isfinite(value) for value in given), zeros)
    expect(not is_like(lambda label, code, both: label + code - both), "That is I(X;Y) in nats. Which share of H(X)?")
    bits = "That is I(X;Y) in bits. Divided by H(X) the unit falls away."
    expect(not is_like(lambda label, code, both: (label + code - both) / math.log(2)), bits)
    codes = "Divided by the entropy of the codes. The question is which share of the *label's* entropy goes."
    expect(not is_like(lambda label, code, both: (label + code - both) / code), codes)
    left = "That is what is still unknown, H(X given Y) / H(X). What is known is the rest."
    expect(not is_like(lambda label, code, both: (both - code) / label), left)
    joint = "Divided by the entropy of both together. Only that of the label was meant."
    expect(not is_like(lambda label, code, both: (label + code - both) / both), joint)
    sure, chance = given[0], given[1]
    expect(math.isclose(sure, 1, abs_tol=1e-5), f"Where each code has one label U is 1, and yours is {sure:.2f}.")
    expect(math.isclose(chance, 0, abs_tol=1e-5), f"Where labels ignore the code U is 0, and yours is {chance:.2f}.")
    right = is_like(lambda label, code, both: (label + code - both) / label)
    expect(right, f"For the counts {tables[2]} U is {uncertainty(tables[2]):.4f}, and yours is {given[2]:.4f}.")
    return "0: the code says nothing of it. 1: whoever knows the code knows the label."


def _entropies(counts: np.ndarray) -> tuple[float, float, float]:
    """Entropies of the labels, of the codes, and of both together, in nats."""
    shares = counts / counts.sum()
    parts = (shares.sum(1), shares.sum(0), shares.ravel())
    label, code, both = (float(-(p[p > 0] * np.log(p[p > 0])).sum()) for p in parts)
    return label, code, both


@exercise(
    "The way of the pitch",
    "Read the column f0 from the top: first the row where it goes dark, then the next one that is bright again.",
    "What has no time axis can still say how high a voice is.",
)
def route(lost: str, back: str, leaks: Leakage) -> str:
    """Names of two taps of a matrix: where F0 can no longer be read, and the next one where it can."""
    rows = {found.tap: found for found in leaks.probes if found.factor == "f0"}
    taps = list(rows)
    readable = [rows[tap].score.low > 0.05 for tap in taps]
    names = [_full_name(name, taps) for name in (lost, back)]
    gone = next((number for number, found in enumerate(readable) if not found), None)
    expect(gone is not None, "In this matrix F0 can be read everywhere, so there is nothing to find: take nano.")
    assert gone is not None
    again = next((number for number in range(gone, len(taps)) if readable[number]), None)
    expect(again is not None, "In this matrix F0 does not come back, so there is nothing to find: take nano.")
    assert again is not None
    first, second = (taps.index(name) for name in names)
    still = f"At {names[0]} a probe still explains {rows[names[0]].score.value:.0%} of the variance of F0."
    expect(not readable[first], still)
    later = f"At {names[0]} F0 is gone, but so it was before. Which is the *first* row without it?"
    expect(first == gone, later)
    expect(second > gone, f"{names[1]} comes before the loss. Back means: after it.")
    expect(readable[second], f"At {names[1]} the interval reaches down to {rows[names[1]].score.low:.2f}: not there.")
    earlier = f"There it can be read, and also one or more rows above: {names[1]} is not the first place."
    expect(second == again, earlier)
    return "The codes drop it, the speaker vector brings its level back; what varies in time must come from elsewhere."


def _full_name(name: object, taps: list[str]) -> str:
    """The tap of the matrix that a name means: all of it, or its end."""
    known = [tap for tap in taps if tap == str(name).strip() or tap.rsplit(".", 1)[-1] == str(name).strip()]
    expect(len(known) == 1, f"{name!r} is no row of the matrix. Its rows are {', '.join(taps)}.")
    return known[0]


@exercise(
    "Whose pitch?",
    "The matrix has a row for the codes and one for the speaker vector. In which of the two could F0 be read?",
    "Pitch comes from where F0 can be read. The codes are not it.",
)
def swapped(prediction: str, own: float, other: float, measured: float) -> str:
    """The prediction, `own` or `other`; median F0 in Hz of both voices, and of the first one's codes with the other's
    vector.
    """
    said = named(prediction, {"own": (), "other": (), "between": ()})
    expect(all(value > 0 for value in (own, other, measured)), "No voice was found in one of the sounds.")
    share = math.log(measured / own) / math.log(other / own) if other != own else 0.0
    right = "own" if share < 0.25 else "other" if share > 0.75 else "between"
    way = f"It went {share:.0%} of the way from {own:.0f} to {other:.0f} Hz"
    held = "The codes would have to hold F0 for that, and the matrix says that they do not."
    expect(not (said == "own" and right != "own"), f"{way}. {held}")
    halves = "Half of it from the codes? The matrix finds none of it there."
    expect(not (said == "between" and right != "between"), f"{way}. {halves}")
    expect(said == right, f"{way}, which is nearer to: {right}.")
    return f"{way}. What could be read at the speaker vector is also what is used."


@exercise(
    "Stretch: take a direction out",
    "Only what lies in the space spanned by the columns of W may go; what is at right angles to it must stay as it is.",
    "Q, _ = np.linalg.qr(W) has columns of length 1 at right angles; then x - x @ Q @ Q.T.",
)
def erase(answer: Callable[[Any, Any], Any]) -> str:
    """`erase(x, weights)`: (N, D), (D, K) -> (N, D) without its part in the space of the columns of the weights."""
    random = np.random.default_rng(4)
    x, weights = random.normal(size=(30, 6)), random.normal(size=(6, 2)) * [3.0, 0.2] + 0.5
    handed = x.copy()
    found = np.asarray(ask(answer, handed, weights.copy()), dtype=np.float64)
    expect(np.array_equal(handed, x), "The frames that you were handed are changed themselves: work on a copy.")
    expect_shape(found, (30, 6), "The frames")
    kept = x @ weights @ np.linalg.pinv(weights)
    expect(not np.allclose(found, x), "Nothing was taken out.")
    expect(not np.allclose(found, kept), "You kept what was to go: that is the part that the probe reads.")
    loose = "Those columns are neither of length 1 nor at right angles, so W times its transpose is no projection."
    expect(not np.allclose(found, x - x @ weights @ weights.T), loose)
    scaled = weights / np.linalg.norm(weights, axis=0)
    near = "Length 1 is not enough: the columns are not at right angles, and what they share goes twice."
    expect(not np.allclose(found, x - x @ scaled @ scaled.T), near)
    seen = float(np.abs(found @ weights).max())
    expect(seen < 1e-5, f"A probe with these weights still reads up to {seen:.2g}; it should read 0 everywhere.")
    expect(np.allclose(found, x - kept, atol=1e-5), "The probe is blind now, but more was lost than its directions.")
    return (
        "For this probe nothing is left. Another one, fitted anew, may find other directions: repeat until none does."
    )
