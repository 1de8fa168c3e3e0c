"""The evaluation recogniser: its bands, its padding, and how far it stands from the content encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from gsv_lab.extensions.phone_recogniser import BandLevels, BothWays, FactorisedDelay, erb_filters, normalise_bands
from gsv_lab.system.config import build
from gsv_lab.text import CTC_SYMBOLS
from tiny import RECOGNISER_PHONES, RECOGNISERS


def test_a_tone_is_loudest_in_the_band_of_its_pitch() -> None:
    filters = erb_filters(16000, 512, 40)
    torch.testing.assert_close(filters.sum(1), torch.ones(40))
    # ERB-rate of 1 kHz is 15.6 (Glasberg and Moore 1990); the bands run evenly from 2.8 (80 Hz) to 32.8 (7.6 kHz).
    wave = torch.sin(2 * torch.pi * 1000 * torch.arange(16000) / 16000)
    levels = BandLevels(16000, 40)(wave[None, None])
    assert levels.shape == (1, 40, 100)
    assert int(levels[0, :, 50].argmax()) == round((15.62 - 2.79) / (32.85 - 2.79) * 39)


def test_microphone_and_level_are_taken_away() -> None:
    levels = torch.randn(1, 8, 50)
    filtered = levels + torch.randn(1, 8, 1)
    torch.testing.assert_close(normalise_bands(levels), normalise_bands(filtered), rtol=1e-4, atol=1e-5)
    assert normalise_bands(torch.zeros(1, 8, 50)).abs().max() == 0


def test_delays_see_so_many_frames_to_each_side() -> None:
    layer = FactorisedDelay(4, 3, 2)
    x = torch.randn(1, 4, 21, requires_grad=True)
    ((layer(x)[0, :, 10] - x[0, :, 10]) * torch.randn(4)).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum((0, 1)).nonzero().flatten().tolist() == [8, 10, 12]


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    network = build(RECOGNISERS["en"]).eval()
    short, long = torch.randn(20, 61), torch.randn(20, 90)
    alone = network.score(short[None], torch.tensor([61]))
    padded = torch.stack([torch.nn.functional.pad(short, (0, 29)), long])
    both = network.score(padded, torch.tensor([61, 90]))
    assert alone.shape[1] == int(network.steps(torch.tensor(61))) == 21
    torch.testing.assert_close(both[:1, :21], alone, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(both[1:], network.score(long[None], torch.tensor([90])), rtol=1e-4, atol=1e-4)


def test_both_ways_reads_backwards_from_the_own_end() -> None:
    torch.manual_seed(0)
    layer = BothWays(3, 5)
    x = torch.randn(2, 7, 3)
    _, backwards = layer(x, torch.tensor([7, 4])).split(5, -1)
    for row, steps in enumerate((7, 4)):
        turned = layer.backwards(x[row : row + 1, :steps].flip(1))[0].flip(1)
        torch.testing.assert_close(backwards[row : row + 1, :steps], turned)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_shipped_configuration(language: str, root: Path) -> None:
    spec = yaml.safe_load((root / "configs" / "nano" / f"recogniser_{language}.yaml").read_text(encoding="utf-8"))
    network = build(spec["task"]["init_args"]["recogniser"])
    assert set(network.phone_names) == set(RECOGNISER_PHONES[language]) and network.language == language
    assert set(RECOGNISER_PHONES["en"]) | set(RECOGNISER_PHONES["zh"]) == set(CTC_SYMBOLS[1:])
    assert 700_000 < sum(p.numel() for p in network.parameters()) < 900_000
    content = yaml.safe_load((root / "configs" / "nano" / "content.yaml").read_text(encoding="utf-8"))
    assert spec["seed"] != content["seed"]
    assert spec["data"]["init_args"]["exclude"] == content["data"]["init_args"]["exclude"]
    speech = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    assert network(torch.from_numpy(speech)[None, None]).shape == (1, 34, len(network.phone_names) + 1)
