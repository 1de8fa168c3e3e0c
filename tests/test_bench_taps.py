"""The rows of `gsv-lab bench` about taps: they measure what they say; how fast it is, only a quiet machine can tell."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from gsv_lab.errors import HookError
from gsv_lab.evaluation import bench_taps
from gsv_lab.evaluation.bench import GOALS, bench
from gsv_lab.evaluation.bench_taps import CAPTURE_MB, capture, decode, identities, idle_call, idle_decode
from gsv_lab.hooks import probe, watched
from gsv_lab.nn.semantic_gpt import SemanticGPT


@pytest.fixture
def gpt() -> SemanticGPT:
    torch.manual_seed(0)
    return SemanticGPT(9, 12, context_dim=3, dim=16, n_heads=4, n_layers=2, ffn_dim=16, speaker_dim=6).eval()


def test_a_call_takes_nanoseconds() -> None:
    (value,) = idle_call(repeats=20, number=200)
    assert 5 < value < 5000


def test_identities_replace_every_tap_and_are_taken_out_again(gpt: SemanticGPT) -> None:
    before = decode(gpt, 5, 8)
    taps = gpt.layers[0].taps()
    with identities(gpt) as count:
        assert count == 5 + 2 * 4 and torch.equal(decode(gpt, 5, 8), before)
    assert gpt.layers[0].taps() == taps
    with probe(gpt, "layers.0.mlp") as records, identities(gpt):
        decode(gpt, 5, 8)
    assert not records, "nothing is there to be watched"
    with pytest.raises(ZeroDivisionError), identities(gpt):
        raise ZeroDivisionError
    with probe(gpt, "layers.0.mlp") as records:
        assert torch.equal(decode(gpt, 5, 8), before)
    assert len(records["layers.0.mlp"]) == 8


def test_idle_taps_are_compared_in_pairs(gpt: SemanticGPT, monkeypatch: pytest.MonkeyPatch) -> None:
    # A pair to warm up; then the identity first, then the idle taps first.
    times = iter([9.0, 9.0, 1.00, 1.02, 1.03, 1.00])
    monkeypatch.setattr(bench_taps, "seconds", lambda call: next(times))
    assert idle_decode(gpt, runs=2, warmups=1, codes=3) == pytest.approx([2.0, 3.0])


def test_the_record_of_a_decode_is_counted_and_limited(gpt: SemanticGPT) -> None:
    slower, taken = capture(gpt, runs=2, phones=6, codes=5)
    keys = [6 + i for i in range(1, 5)]
    assert taken == pytest.approx(2 * 4 * 4 * (6 * 6 + sum(keys)) / 1e6) and len(slower) == 2 and min(slower) > 0
    with pytest.raises(HookError) as error:
        capture(gpt, runs=1, phones=6, codes=5, limit_mb=taken / 2)
    assert error.value.code == "MEMORY_LIMIT" and watched() == []


def test_v2_fits_its_limit() -> None:
    layers, heads, phones, codes = 24, 16, 100, 200
    needed = layers * heads * 4 * (phones**2 + sum(phones + i for i in range(1, codes))) / 1e6
    assert 0.7 * CAPTURE_MB < needed < CAPTURE_MB == GOALS["tap_capture_mb"].limit


def test_the_rows_stand_in_the_bench(gpt: SemanticGPT, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench_taps, "v2_size", lambda: gpt)
    keys = [key for key in GOALS if key.startswith("tap_")]
    lab = SimpleNamespace(components=lambda: {"semantic_gpt": gpt})
    result = bench(lambda: lab, "me.wav", only=keys, runs=2, warmups=0, pause=tmp_path / "pause", settle=0)
    for key in keys:
        assert result["figures"][key]["value"] is not None and result["figures"][key]["limit"] == GOALS[key].limit
    assert result["figures"]["tap_capture"]["runs"] == 2
