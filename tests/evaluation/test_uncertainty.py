"""What codes alone say of phone, speaker and F0, on codes that say all or nothing of it."""

from __future__ import annotations

import numpy as np
import pytest

from gsv_lab.evaluation.probes.uncertainty import Uncertainty, uncertainty_coefficients

PHONES = np.array(["a", "b", "c", "d", "e"])


def codes_of_clips() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(40, size=30) for _ in range(12)]


def test_uncertainty_of_codes() -> None:
    rng = np.random.default_rng(1)
    codes = [rng.integers(40, size=30) for _ in range(12)]
    same = [np.array([f"P{c % 5}" for c in clip]) for clip in codes]
    apart = [rng.choice(PHONES, size=30) for _ in codes]
    level = [np.where(clip < 20, 4.0, np.nan) + 0.01 * clip for clip in codes]
    known, none, pitch = uncertainty_coefficients(codes, {"known": same, "none": apart, "pitch": level})
    assert known.value == pytest.approx(1.0) and known.above == pytest.approx(1.0)
    assert none.value > 0.1 and abs(none.above) < 0.05  # few frames give much by chance, the moved labels say how much
    assert pitch.value > 0.95 and pitch.factor == "pitch"


def test_frames_without_a_label_are_left_out() -> None:
    """A code that says all of the others says all, whatever stands beside the gaps."""
    codes = codes_of_clips()
    phones = [np.array(["" if c < 20 else f"P{c % 5}" for c in clip]) for clip in codes]
    level = [np.where(clip < 20, np.nan, clip // 5 * 1.0) for clip in codes]
    swapped = [np.where(clip < 20, np.arange(len(clip)) % 20, clip) for clip in codes]
    for given in (codes, swapped):
        named, measured = uncertainty_coefficients(given, {"phones": phones, "level": level}, shuffles=2)
        assert named.value == pytest.approx(1.0) and measured.value == pytest.approx(1.0)


def test_numbers_are_cut_into_eight_equal_shares() -> None:
    """A code for each eighth says all; a code for every second one leaves one bit of three."""
    level = [np.arange(0.0, 400.0), np.arange(400.0, 800.0)]
    for size, expected in ((100, 1.0), (200, 2 / 3), (400, 1 / 3)):
        codes = [(clip // size).astype(int) for clip in level]
        assert uncertainty_coefficients(codes, {"f0": level}, shuffles=1)[0].value == pytest.approx(expected)


def test_the_baseline_moves_labels_and_keeps_their_order() -> None:
    """Runs of a label stay together: long ones give much by chance, and the same seed gives the same."""
    codes = [np.arange(60) // 10 % 6 for _ in range(2)]
    labels = [np.array(["left"] * 20 + ["right"] * 40), np.array(["left"] * 25 + ["right"] * 35)]
    one, two = (uncertainty_coefficients(codes, {"side": labels}, seed=3)[0] for _ in range(2))
    other = uncertainty_coefficients(codes, {"side": labels}, seed=4)[0]
    assert one == two and one.value == other.value and one.shuffled != other.shuffled
    few = uncertainty_coefficients(codes, {"side": labels, "again": labels}, shuffles=1, seed=3)
    assert few[0].shuffled == few[1].shuffled  # each factor is moved alike
    scattered = [clip[np.random.default_rng(0).permutation(60)] for clip in labels]
    assert one.shuffled > 3 * uncertainty_coefficients(codes, {"side": scattered}, seed=3)[0].shuffled


def test_what_is_above_chance() -> None:
    assert Uncertainty("", 0.6, 0.2).above == pytest.approx(0.5)
    assert Uncertainty("", 0.1, 0.2).above == pytest.approx(-0.125)
    assert Uncertainty("", 1.0, 1.0).above == 0
