"""The silence slicer against the released one: starts and ends in samples must be equal, for each parameter set."""

from __future__ import annotations

import torch

from gsv_lab.recording import cut_at_silences


def test_silence_slicer(parity):
    data = parity.arrays("slicer")
    wave, rate = data["wave_int16"].float() / 32768, int(data["sr"])
    for index, options in enumerate(parity.json("slicer_params")):
        want = data[f"segments{index}"]
        spans = cut_at_silences(wave, rate, **options)
        got = torch.tensor([(start, end, end - start) for start, end in spans])
        same = sum(tuple(row) in {tuple(w) for w in want.tolist()} for row in got.tolist())
        parity.equal(f"slicer {index}: {same} of {len(want)} slices equal", got, want)
