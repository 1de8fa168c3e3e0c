"""Which networks a fine-tuning moves: found by their roles, so that a part of one's own is tuned by every method."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import gsv_lab
from gsv_lab import audio
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.voice import Voice, as_stored
from gsv_lab.nn.interfaces import Conditioning, Latent, Prior, StreamChunk
from small_voices import tuned
from tiny import SOVITS, make_family

pytestmark = pytest.mark.usefixtures("quick")


@gsv_lab.register
class StackedPrior(Prior):
    """Codes, the mean of the phones and the speaker through a stack of two convolutions; it declares nothing more."""

    gives = frozenset({"hidden"})

    def __init__(self, content_dim: int, latent_dim: int, speaker_dim: int, n_phones: int, width: int = 16) -> None:
        super().__init__()
        self.content_dim, self.latent_dim, self.speaker_dim = content_dim, latent_dim, speaker_dim
        self.n_phones, self.hidden_dim = n_phones, width
        self.phones = nn.Embedding(n_phones, width)
        self.codes = nn.Conv1d(content_dim, width, 1)
        self.voice = nn.Conv1d(speaker_dim, width, 1)
        self.blocks = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1) for _ in range(2))
        self.latent = nn.Conv1d(width, 2 * latent_dim, 1)

    def forward(
        self,
        quantized: Tensor,
        mask: Tensor | None,
        phones: Tensor,
        phone_mask: Tensor | None,
        conditioning: Conditioning,
        speed: float = 1.0,
        chunk: StreamChunk | None = None,
    ) -> Latent:
        mask = torch.ones_like(quantized[:, :1]) if mask is None else mask
        hidden = self.codes(quantized) + self.phones(phones).mean(1)[:, :, None] + self.voice(conditioning.speaker)
        for block in self.blocks:
            hidden = hidden + block(hidden).relu()
        mean, log_scale = (self.latent(hidden) * mask).chunk(2, dim=1)
        return Latent(mean, log_scale, mask, hidden)


PRIOR = {
    "class_path": f"{__name__}.StackedPrior",
    "init_args": {"content_dim": 12, "latent_dim": 8, "speaker_dim": 16, "n_phones": 732},
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A family with that prior."""
    sovits = {**SOVITS, "init_args": {**SOVITS["init_args"], "prior": PRIOR}}
    return load(str(make_family(tmp_path_factory.mktemp("family"), sovits=sovits)))


def moved(lab: Lab, voice: Voice) -> set[str]:
    """Layers of which a voice has other numbers than its base."""
    base = lab.family.synthesizer.state_dict()
    changed = {name for name, value in voice.changed.items() if not torch.equal(value, base[name].half().float())}
    updated = {name for name, value in voice.adapters.items() if name.endswith(".lora_B") and value.any()}
    return {name.rpartition(".")[0] for name in changed | updated}


OWN = {
    "full": {"phones", "codes", "voice", "blocks.0", "blocks.1", "latent"},
    "lora": {"codes", "voice", "blocks.0", "blocks.1", "latent"},
    "speaker": {"voice", "blocks.0", "blocks.1", "latent"},  # all that read as many channels as the vector has
    "last:1": {"blocks.1"},
}


@pytest.mark.parametrize("method", OWN)
def test_a_prior_of_ones_own_is_tuned_by_each_method(
    method: str, lab: Lab, clips: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It has no attention to the phones; nothing is said of a loss that no fine-tuning has."""
    with caplog.at_level(logging.INFO, logger="gsv_lab"):
        voice = tuned(lab, clips, tmp_path / "run", method=method, steps=2, learning_rate=0.01)
    assert not caplog.records
    found = {name.removeprefix("sovits.prior.") for name in moved(lab, voice) if name.startswith("sovits.prior.")}
    assert found == OWN[method]
    assert len(lab.speak("Hello world.", voice).codes) > 3


@pytest.mark.parametrize("stage", ["gpt", "both"])
def test_semantic_gpt_is_tuned_where_it_is_asked_for(stage: str, lab: Lab, clips: Path, tmp_path: Path) -> None:
    """Alone it leaves SoVITS and the speaker vector as they are; together both learn."""
    voice = tuned(lab, clips, tmp_path / "run", stage=stage, steps=2, learning_rate=0.01)
    networks = {name.partition(".")[0] for name in moved(lab, voice)}
    assert networks == ({"semantic_gpt"} if stage == "gpt" else {"semantic_gpt", "sovits"})
    assert {path.name for path in (tmp_path / "run").iterdir() if path.is_dir()} == (
        {"gpt"} if stage == "gpt" else {"gpt", "sovits"}
    )
    untuned = as_stored(
        lab.family.synthesizer.voice([audio.read(path).samples for path in sorted(clips.glob("*.wav"))])
    )
    assert torch.allclose(voice.speaker, untuned, atol=1e-3) == (stage == "gpt")
    plain = replace(voice, changed={}, adapters={})
    base, made = (lab.speak("Hello world.", one, temperature=0.0, candidates=1).codes for one in (plain, voice))
    assert base.shape != made.shape or not torch.equal(base, made)
