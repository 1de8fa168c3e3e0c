"""Linear probes: planted factors are found, memory is not mistaken for knowledge, clips never cross a split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from gsv_lab.errors import DataError
from gsv_lab.evaluation.probes.linear import (
    Examples,
    linear_probe,
    logistic,
    random_labels,
    ridge,
    split,
)

PHONES = np.array([f"P{i}" for i in range(6)])


def examples(speakers: int = 4, clips: int = 4, frames: int = 60, seed: int = 0) -> tuple[Examples, dict[str, NDArray]]:
    """Frames with planted factors; the second value holds their one-hot codes, to build features from."""
    rng = np.random.default_rng(seed)
    count = speakers * clips * frames
    clip = np.repeat(np.arange(speakers * clips), frames)
    voice = clip % speakers
    phone, before = rng.integers(6, size=count), rng.integers(6, size=count)
    pitch = 4.5 + 0.2 * voice + 0.1 * rng.standard_normal(count)
    log_f0 = np.where(rng.random(count) < 0.8, pitch, np.nan)
    kind = np.char.add(np.char.add(PHONES[before], " "), PHONES[phone])
    coded = {
        "phone": np.eye(6)[phone], "speaker": np.eye(speakers)[voice], "f0": pitch[:, None],
        "clip": np.eye(speakers * clips)[clip], "kind": np.eye(36)[6 * before + phone],
        "noise": rng.standard_normal((count, 5)),
    }  # fmt: skip
    speaker = np.array([f"s{v}" for v in voice])
    return Examples("tap", np.zeros((count, 1)), PHONES[phone], speaker, log_f0, kind, clip), coded


def reading(features: list[str], factor: str) -> tuple[float, float, float]:
    """Score, control and chance of a factor where the tap carries some codes."""
    given, coded = examples()
    x = np.concatenate([coded[name] for name in [*features, "noise"]], axis=1)
    found = linear_probe(replace(given, x=x), factor, draws=50)
    assert found.score.low <= found.score.value <= found.score.high
    return found.score.value, found.control, found.chance


@pytest.mark.parametrize("factor", ["phone", "speaker", "f0"])
def test_a_planted_factor_is_read_and_an_absent_one_is_not(factor: str) -> None:
    score, control, chance = reading([factor], factor)
    assert score > 0.95 and control < 0.5
    absent, _, chance = reading(["phone" if factor != "phone" else "speaker"], factor)
    assert abs(absent - chance) < 0.12


def test_what_is_learned_by_heart_does_not_count() -> None:
    """A tap that only knows which clip it is: no clip is on both sides, so it reads nothing."""
    score, _, chance = reading(["clip"], "speaker")
    assert score < chance + 0.12
    assert reading(["speaker"], "f0")[0] < 0.1  # the speaker's own pitch helps nobody else


def test_control_task_shows_what_a_probe_could_memorise() -> None:
    score, control, chance = reading(["kind"], "phone")
    assert score > 0.95 and control > 0.95  # such a tap would read any label of the type
    _, control, chance = reading(["phone"], "phone")
    assert control < chance + 0.25


def test_control_labels_belong_to_types() -> None:
    given, _ = examples()
    labels = random_labels(given.kind, given.phone, seed=3)
    assert all(len(set(labels[given.kind == kind])) == 1 for kind in set(given.kind))
    assert set(labels) <= set(given.phone) and (labels != given.phone).mean() > 0.5
    np.testing.assert_array_equal(labels, random_labels(given.kind, given.phone, seed=3))


def test_folds_keep_groups_whole_and_speakers_present() -> None:
    given, _ = examples()
    fold = split(given.clip, 4, within=given.speaker)
    assert all(len(set(fold[given.clip == clip])) == 1 for clip in set(given.clip))
    assert all(set(fold[given.speaker == name]) == {0, 1, 2, 3} for name in set(given.speaker))
    assert set(split(given.speaker, 9)) == {0, 1, 2, 3}
    with pytest.raises(DataError, match="PROBE_GROUPS|cannot be divided"):
        split(np.zeros(5), 3)


def test_unknown_factor_is_named() -> None:
    with pytest.raises(DataError, match="There is no factor 'age'") as caught:
        linear_probe(examples()[0], "age")
    assert caught.value.code == "PROBE_FACTOR"


def test_solvers_agree_with_independent_ones() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 4))
    y = x @ np.array([1.0, -2.0, 0.0, 0.5]) + 0.1 * rng.standard_normal(400)
    stacked = np.vstack([x, np.sqrt(0.01 * 400) * np.eye(4)])
    expected = np.linalg.lstsq(stacked, np.append(y, np.zeros(4)), rcond=None)[0]
    np.testing.assert_allclose(ridge(x, y, 0.01), expected, rtol=1e-8)
    linear = pytest.importorskip("sklearn.linear_model")
    labels = (x[:, 0] > 0).astype(np.int64) + (x[:, 1] > 0.5)
    weights, bias = logistic(x, labels, 3, 1e-2)
    # There the squares count half and the losses are summed.
    other = linear.LogisticRegression(C=1 / (2 * 1e-2 * 400), max_iter=500).fit(x, labels)
    np.testing.assert_allclose((x @ weights + bias).argmax(1) == labels, other.predict(x) == labels)
    np.testing.assert_allclose(weights.T, other.coef_, atol=0.02)
