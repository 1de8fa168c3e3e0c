"""Claims that are settled by counting, for real: the released size is counted from its configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gsv_lab.cli import main
from gsv_lab.evaluation.claims.measured import MEASURES, Measured

GPT, SOVITS, KEPT = 77_606_402, 51_310_080, 1_573_889
"""Parameters, and numbers that SoVITS keeps beside them (codebook and what counts its use)."""
LOW_RANK = 2_698_760
"""Numbers of updates of rank 8, as tests/training/finetuning/test_released_voices.py counts them with peft."""
READING, VECTOR = 4_569_792, 512


def counted(name: str) -> Measured:
    measured = MEASURES[name].run(None)  # type: ignore[arg-type]
    assert measured.exact and not measured.instead and "configs/v2" in measured.subject
    return measured


@pytest.mark.parametrize(
    "name, value",
    [
        ("gpt_parameters", GPT),
        ("phone_count", 732),
        ("sample_rate", 32000),
        ("speaker_width", 512),
        ("hop_length", 640),
    ],
)
def test_counts(name: str, value: int) -> None:
    assert counted(name).value == value


def test_bytes_of_the_pair() -> None:
    found = counted("pair_megabytes")
    assert found.value == pytest.approx(2 * (GPT + SOVITS + KEPT) / 1e6, abs=1e-9)
    assert found.details["SemanticGPT"] == 2 * GPT / 1e6


def test_bytes_of_what_an_update_changed() -> None:
    found, saved = counted("delta_megabytes"), counted("delta_saving")
    assert found.details["numbers"] == LOW_RANK
    assert 2 * LOW_RANK < found.value * 1e6 < 2 * LOW_RANK + 100_000  # and a header
    assert saved.value == pytest.approx(100 * (1 - found.value / counted("pair_megabytes").value))


def test_share_of_what_learns() -> None:
    """The vector and ten layers that read it; with the speaker encoder it would just miss the ten per cent."""
    found = counted("speaker_share")
    assert found.value == pytest.approx(100 * (READING + VECTOR) / SOVITS)
    assert found.details["with the speaker encoder"] == pytest.approx(100 * (READING + 567_040) / SOVITS)
    assert found.value < 10 < found.details["with the speaker encoder"]
    assert found.details["of both networks"] == pytest.approx(100 * (READING + VECTOR) / (SOVITS + GPT))


def test_the_command_on_the_cheap_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three that are counted: nothing is loaded, nothing is spoken, twice the same bytes."""
    ids, written = ["gpt-below-100m", "model-below-100-mb", "share-5-to-10-percent"], []
    for place in ("one", "two"):
        assert main(["reproduce", *ids, "--output", str(tmp_path / place), "--device", "cpu"]) == 0
        written.append((tmp_path / place / "results.json").read_bytes())
    assert written[0] == written[1]
    said = capsys.readouterr().out
    assert "supported: gpt-below-100m: 77,606,402 parameters" in said
    assert "contradicted: model-below-100-mb: 261 MB" in said
    results = json.loads(written[0])
    assert list(results["claims"]) == sorted(ids) and results["weights"] == {} and results["recordings"] == {}
    share = results["claims"]["share-5-to-10-percent"]
    assert share["verdict"] == "not measurable as stated" and share["nearest"]["verdict"] == "supported"
    assert share["value"] is None and share["threshold"] == [5, 10]
    assert not (tmp_path / "one" / "work").exists() and not (tmp_path / "one" / "listening").exists()
