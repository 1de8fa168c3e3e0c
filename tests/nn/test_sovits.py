"""SoVITS as a whole, of the published parts: sizes, gradients, codes or content, speed, several references."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.frontend import LogMelF0Frontend
from gsv_lab.extensions.source_filter_vocoder import SourceFilterVocoder
from gsv_lab.nn.flow import CouplingFlow
from gsv_lab.nn.frontend import LinearFrontend
from gsv_lab.nn.hifigan import HiFiGAN
from gsv_lab.nn.interfaces import Features
from gsv_lab.nn.losses import kl_loss, log_mel_loss
from gsv_lab.nn.ops import sequence_mask, take_segments
from gsv_lab.nn.posterior import WaveNetPosterior
from gsv_lab.nn.prior import TextContentPrior
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.nn.speaker_encoder import StyleEncoder
from gsv_lab.nn.spectral import LogMel

B, D, C, G, P = 2, 10, 8, 12, 6
HOP, BINS = 40, 33


def hifigan(latent_dim: int = C, speaker_dim: int = G) -> HiFiGAN:
    return HiFiGAN(latent_dim, speaker_dim, 16, (5, 4, 2), (9, 8, 4), (3,), (1,))


def parts(**changes: Any) -> dict[str, Any]:
    made = {
        "frontend": LinearFrontend(64, HOP),
        "quantizer": VectorQuantizer(D, 16, projection="mean", kmeans_steps=0),
        "speaker_encoder": StyleEncoder(BINS, G, width=16),
        "prior": TextContentPrior(D, C, G, 11, 16, 32, 2, (1, 1, 1), 3, 12, 2, 0.0),
        "posterior": WaveNetPosterior(BINS, C, G, 16, 2),
        "flow": CouplingFlow(C, G, 16, 1, 3, 2),
        "vocoder": hifigan(),
        "segment_frames": 8,
    }
    return {**made, **changes}


def batch(n_frames: int = 20) -> dict[str, Any]:
    """Two whispers that swell, one bright and one dark, and what the frontend measures of them."""
    noise = torch.randn(B, n_frames * HOP + 1)
    swell = 0.3 * torch.sin(torch.arange(n_frames * HOP) * torch.pi / (10 * HOP)) ** 4 + 1e-3
    wave = (torch.stack((noise[0].diff(), noise[1, 1:] + noise[1, :-1])) * swell)[:, None]
    return {
        "wave": wave,
        "features": LinearFrontend(64, HOP)(wave),
        "phones": torch.randint(11, (B, P)),
        "mask": sequence_mask(torch.tensor([n_frames, n_frames - 5])),
        "codes": torch.randint(16, (B, n_frames // 2)),
    }


def row(features: Features, number: int) -> Features:
    """The features of one recording of a batch."""
    return Features(features.spec[number : number + 1])


def test_training_pass_reaches_every_part() -> None:
    """Shapes, and a gradient in every parameter that should have one; none in the frozen codebook's projection."""
    model = SoVITS(**parts(quantizer=VectorQuantizer(D, 16, projection="conv", kmeans_steps=0)))
    b = batch()
    out = model(b["features"], b["phones"], b["mask"], content=torch.randn(B, D, 19))
    assert out.vocoded.wave.shape == (B, 1, 8 * HOP) and out.z.shape == out.z_p.shape == out.m_p.shape == (B, C, 20)
    assert int(out.starts.max()) <= 20 - 8 and int(out.starts[1]) <= 15 - 8
    assert out.from_prior == 0 and out.pitch is None
    loss = out.vocoded.wave.square().mean() + kl_loss(out.z_p, out.logs_q, out.m_p, out.logs_p, out.mask)
    loss.backward()
    empty = {name for name, value in model.named_parameters() if value.grad is None}
    assert empty == {"quantizer.project_in.weight", "quantizer.project_in.bias"} and float(out.commitment) == 0
    assert model.flow.steps[0].out_proj.weight.grad.abs().sum() > 0


def test_codebook_learns_when_it_is_not_frozen() -> None:
    """Then the commitment counts, the projection gets a gradient, and the table moves."""
    model = SoVITS(**parts(quantizer=VectorQuantizer(D, 16, projection="conv"), freeze_quantizer=False)).train()
    b, before = batch(), model.quantizer.books[0].table.clone()
    out = model(b["features"], b["phones"], b["mask"], content=torch.randn(B, D, 20))
    out.commitment.backward()
    assert out.commitment > 0 and model.quantizer.project_in.weight.grad.abs().sum() > 0
    assert not torch.equal(model.quantizer.books[0].table, before)


def test_codes_and_content_are_the_same_way() -> None:
    """Codes computed beforehand give what content gives; both or neither is refused."""
    model, b = SoVITS(**parts()).eval(), batch()
    content, noise, starts = torch.randn(B, D, 20), torch.randn(B, C, 20), torch.tensor([0, 3])
    codes = model.quantizer.encode(content)
    made = [
        model(b["features"], b["phones"], noise=noise, starts=starts, **given)
        for given in ({"content": content}, {"codes": codes})
    ]
    assert torch.equal(made[0].m_p, made[1].m_p)
    for wrong in ({}, {"content": content, "codes": codes}):
        with pytest.raises(ConfigError, match="codes and content"):
            model(b["features"], b["phones"], **wrong)


def test_the_posterior_leaves_the_speaker_alone_if_asked() -> None:
    """Detached, the posterior's mean gives the speaker encoder no gradient."""
    for detach in (True, False):
        model, b = SoVITS(**parts(detach_speaker=detach)), batch()
        out = model(b["features"], b["phones"], codes=b["codes"])
        out.m_q.sum().backward()
        assert (model.speaker_encoder.out_proj.weight.grad is None) == detach


def test_the_reference_decides_the_voice() -> None:
    """The speaker is taken from the reference where there is one, and masked frames of it do not count."""
    model, b = SoVITS(**parts()).eval(), batch()
    given = {"codes": b["codes"], "noise": torch.zeros(B, C, 20), "starts": torch.zeros(B, dtype=torch.long)}
    other = Features(torch.rand(B, BINS, 30))
    with torch.no_grad():
        own, changed = (model(b["features"], b["phones"], reference=r, **given).m_p for r in (None, other))
        assert not torch.allclose(own, changed)
        mask = sequence_mask(torch.tensor([30, 30]), 40)
        padded = Features(torch.cat([other.spec, torch.rand(B, BINS, 10)], dim=-1))
        same = model(b["features"], b["phones"], reference=padded, reference_mask=mask, **given).m_p
    torch.testing.assert_close(same, changed)


def test_the_prior_gets_the_phone_of_each_frame() -> None:
    """One index a code, -1 unknown, becomes one index a frame."""
    model = SoVITS(**parts())
    known = model.conditioning(torch.zeros(1, G, 1), torch.tensor([[0, 2, -1]]), n_frames=5)
    assert known.phone_index is not None and known.phone_index.tolist() == [[0, 0, 2, 2, -1]]
    assert model.conditioning(torch.zeros(1, G, 1)).phone_index is None


def test_decoding() -> None:
    """A seed repeats, noise scale 0 needs none, speed changes the length, two references are averaged."""
    model, b = SoVITS(**parts()).eval(), batch()
    codes, phones = b["codes"][:1], b["phones"][:1]
    with torch.no_grad():
        one, two = (model.voice([row(b["features"], i)]) for i in (0, 1))
        both = model.voice([row(b["features"], 0), row(b["features"], 1)])
        torch.testing.assert_close(both, (one + two) / 2)

        def say(seed: int, scale: float = 0.5, speed: float = 1.0) -> Any:
            return model.decode(codes, phones, one, scale, speed, generator=torch.Generator().manual_seed(seed))

        assert torch.equal(say(1).vocoded.wave, say(1).vocoded.wave) and not torch.equal(say(1).z, say(2).z)
        assert torch.equal(say(1, 0.0).z, say(2, 0.0).z)
        assert say(1).vocoded.wave.shape[-1] == 20 * HOP and say(1, 0.5, 2.0).vocoded.wave.shape[-1] == 11 * HOP
        copy = model.reconstruct(row(b["features"], 0), one)
        assert copy.wave.shape[-1] == 20 * HOP


def test_without_posterior_it_speaks_but_does_not_train() -> None:
    """As fine-tuned exports of the released family come."""
    model, b = SoVITS(**parts(posterior=None)).eval(), batch()
    assert "posterior" not in model.components()
    assert model.decode(b["codes"], b["phones"], model.voice([b["features"]])).vocoded.wave.isfinite().all()
    for call in (
        lambda: model(b["features"], b["phones"], codes=b["codes"]),
        lambda: model.reconstruct(b["features"], torch.zeros(B, G, 1)),
    ):
        with pytest.raises(ConfigError, match="posterior"):
            call()


@pytest.mark.parametrize(
    ("change", "numbers"),
    [
        ({"quantizer": VectorQuantizer(9, 16)}, "quantizer.dim is 9.*10"),
        ({"speaker_encoder": StyleEncoder(BINS, 7)}, "speaker_dim is 7.*12"),
        ({"flow": CouplingFlow(6, G)}, "latent_dim is 8.*6"),
        ({"posterior": WaveNetPosterior(BINS, C, 5)}, "12.*posterior.speaker_dim is 5"),
        ({"vocoder": hifigan(4)}, "8.*vocoder.latent_dim is 4"),
        (
            {"posterior": WaveNetPosterior(BINS + 1, C, G)},
            "posterior.spec_channels is 34.*33",
        ),
        ({"speaker_encoder": StyleEncoder(40, G)}, "speaker_encoder.spec_channels is 40.*33"),
        ({"frontend": LinearFrontend(64, HOP, 1600)}, "frontend.sample_rate is 1600 but vocoder.sample_rate is 2000"),
        (
            {"frontend": LogMelF0Frontend(n_mels=20), "vocoder": SourceFilterVocoder(C, G, width=8, frame_hop=40)},
            "frontend.f0_frames is 2 but vocoder.f0_frames is 8",
        ),
    ],
)
def test_sizes_are_checked_where_parts_meet(change: dict[str, Any], numbers: str) -> None:
    """One error, with both names and both numbers."""
    with pytest.raises(ConfigError, match=numbers) as caught:
        SoVITS(**parts(**change))
    assert caught.value.code == "CONFIG_INCONSISTENT"


def test_a_part_that_declares_no_size_is_named() -> None:
    flow = CouplingFlow(C, G)
    del flow.speaker_dim
    with pytest.raises(ConfigError, match=r"flow \(CouplingFlow\) does not declare speaker_dim.*self\.speaker_dim"):
        SoVITS(**parts(flow=flow))


@pytest.mark.parametrize("need", ["speaker", "phone_index"])
def test_what_every_composition_gives_may_be_needed(need: str) -> None:
    vocoder = hifigan()
    vocoder.needs = frozenset({need})
    assert SoVITS(**parts(vocoder=vocoder)).vocoder is vocoder


def test_a_correction_is_added_to_the_latent() -> None:
    model, b = SoVITS(**parts()).eval(), batch()
    with torch.no_grad():
        voice = model.voice([b["features"]])
        one, other = (
            model.decode(b["codes"], b["phones"], voice, noise_scale=0.0, correction=correction).z
            for correction in (None, lambda hidden: torch.ones(len(hidden), C, hidden.shape[-1]))
        )
    torch.testing.assert_close(other, one + 1)


@pytest.mark.parametrize(
    ("vocoder", "need"), [({"own_pitch": False}, "log_f0.*PitchPredictor"), ({"ltas_dim": 3}, "ltas.*Measured")]
)
def test_needs_are_checked_where_parts_meet(vocoder: dict[str, Any], need: str) -> None:
    """The published composition knows neither pitch nor long-term spectrum; the error says which part gives it."""
    changes = {"frontend": LogMelF0Frontend(n_mels=20, ltas_dim=3), "vocoder": SourceFilterVocoder(C, G, **vocoder)}
    with pytest.raises(ConfigError, match=rf"vocoder \(SourceFilterVocoder\) needs {need}") as caught:
        SoVITS(**parts(**changes))
    assert caught.value.code == "CONFIG_INCONSISTENT"


def test_learns_one_batch() -> None:
    """Reconstruction and KL fall on a batch seen again and again."""
    torch.manual_seed(0)
    model, b = SoVITS(**parts()).train(), batch()
    mel = LogMel(2000, 128, 40, 20)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, betas=(0.8, 0.99))
    history = []
    for _ in range(110):
        out = model(b["features"], b["phones"], codes=b["codes"])
        real = take_segments(b["wave"], out.starts, 8, HOP)
        terms = (
            log_mel_loss([(mel(real), mel(out.vocoded.wave))]),
            kl_loss(out.z_p, out.logs_q, out.m_p, out.logs_p, out.mask),
        )
        optimizer.zero_grad()
        (45 * terms[0] + terms[1]).backward()
        optimizer.step()
        history.append([float(t.detach()) for t in terms])
    first, last = torch.tensor(history[:5]).mean(0), torch.tensor(history[-5:]).mean(0)
    assert last[0] < 0.6 * first[0] and last[1] < 0.8 * first[1], (first, last)
