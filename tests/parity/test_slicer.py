"""The silence slicer against the released one: starts and ends in samples, for each parameter set.

In the default folder they are equal; of another folder the share is entered, and what differs is listed.
"""

from __future__ import annotations

from typing import Any

import torch

from gsv_lab.audio.slices import cut_at_silences


def test_silence_slicer(parity: Any) -> None:
    data = parity.arrays("slicer")
    wave, rate = data["wave_int16"].float() / 32768, int(data["sr"])
    for index, options in enumerate(parity.json("slicer_params")):
        want = {tuple(row) for row in data[f"segments{index}"].tolist()}
        got = {(start, end, end - start) for start, end in cut_at_silences(wave, rate, **options)}
        for row in want - got:
            parity.differ(f"slicer {index}", str(row), "no such slice", "a slice", "no reason written down yet")
        share = torch.tensor(len(want ^ got) / max(1, len(want | got)), dtype=torch.float64)
        allowed = 0.0 if parity.default else float(share)
        item = f"slicer {index}: {len(want & got)} of {len(want)} slices equal"
        parity.close(item, share, torch.tensor(0.0), rtol=0, atol=allowed + 1e-9)
