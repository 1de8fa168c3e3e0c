"""What fine-tuning adds: paired differences by hand, targets of one condition only left out."""

from __future__ import annotations

from typing import Any

import pytest

from gsv_lab.evaluation.gains import condition_gain
from gsv_lab.evaluation.report import gains_markdown


def clip(condition: str, speaker: str, target: int, seed: int | None = 0, **values: float) -> dict[str, Any]:
    return {"condition": condition, "speaker": speaker, "target": f"{speaker}{target}", "seed": seed, "values": values}


def test_gain_by_hand() -> None:
    clips = []
    for target, hard in enumerate((0.1, 0.3, 0.5, 0.6)):
        before = {"similarity": hard, "normalised": hard, "phones.errors": 3.0, "phones.count": 10.0}
        after = {"similarity": hard + 0.2, "normalised": hard + 0.4, "phones.errors": 4.0, "phones.count": 10.0}
        clips += [clip("zero_shot", "ann", target, **before), clip("fine_tuned", "ann", target, **after)]
    clips += [clip("zero_shot", "bob", 0, similarity=0.5), clip("copy_synthesis", "ann", 0, similarity=0.9)]
    gains = condition_gain({"clips": clips})
    assert list(gains) == ["ann"]
    assert gains["ann"]["targets"] == 4
    # Targets differ by far more than the gain, yet the paired interval has no width.
    assert gains["ann"]["similarity"] == {"value": 0.2, "low": 0.2, "high": 0.2}
    assert gains["ann"]["normalised"]["value"] == pytest.approx(0.4)
    assert gains["ann"]["phone_error_points"] == pytest.approx(10)
    text = gains_markdown(gains)
    assert "| ann | +0.200 (+0.200 to +0.200) | +0.40 (+0.40 to +0.40) | +10.0 |" in text


def test_seeds_are_averaged_first_and_loss_is_negative() -> None:
    clips = [clip("zero_shot", "ann", 0, seed, similarity=value) for seed, value in enumerate((0.6, 0.8))]
    clips += [clip("fine_tuned", "ann", 0, seed, similarity=value) for seed, value in enumerate((0.5, 0.5))]
    gains = condition_gain({"clips": clips})
    assert gains["ann"]["similarity"]["value"] == pytest.approx(-0.2)
    assert "phone_error_points" not in gains["ann"]
    assert condition_gain({"clips": clips}, "fine_tuned", "zero_shot")["ann"]["similarity"]["value"] == pytest.approx(
        0.2
    )
