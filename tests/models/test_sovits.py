"""SoVITS as a whole: sizes, gradients, codes or content, speed, several references, learning one batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.pitch_predictor import PitchPredictor
from gsv_lab.extensions.source_filter_vocoder import SourceFilterVocoder
from gsv_lab.nn.flow import CouplingFlow
from gsv_lab.nn.losses import kl_loss, log_mel_loss
from gsv_lab.nn.ops import sequence_mask, take_segments
from gsv_lab.nn.posterior import WaveNetPosterior
from gsv_lab.nn.prior import TextContentPrior
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.nn.speaker_encoder import PitchedSpeakerEncoder, StyleEncoder
from gsv_lab.nn.spectral import LogMel, StackedLogMel

B, D, C, G, P = 2, 10, 8, 12, 6


def parts(**changes: Any) -> dict[str, Any]:
    made = {
        "quantizer": VectorQuantizer(D, 16, projection="mean", kmeans_steps=0),
        "speaker_encoder": StyleEncoder(40, G, width=16),
        "prior": TextContentPrior(D, C, G, 11, 16, 32, 2, (1, 1, 1), 3, 12, 2, 0.0),
        "posterior": WaveNetPosterior(44, C, G, 16, 2),
        "flow": CouplingFlow(C, G, 16, 1, 3, 2),
        "vocoder": SourceFilterVocoder(C, G, 16000, 320, 32, 2, 5, 2, 128, 40),
        "segment_frames": 8,
    }
    return {**made, **changes}


def batch(n_frames: int = 20) -> dict[str, torch.Tensor]:
    """Two whispers that swell, one bright and one dark: their spectrogram with four pitch channels put at its end."""
    noise = torch.randn(B, n_frames * 320 + 1)
    swell = 0.3 * torch.sin(torch.arange(n_frames * 320) * torch.pi / 3200) ** 4 + 1e-3
    wave = (torch.stack((noise[0].diff(), noise[1, 1:] + noise[1, :-1])) * swell)[:, None]
    spec = StackedLogMel(16000, 256, 160, 20)(wave)
    return {
        "wave": wave,
        "spec": torch.cat((spec, torch.zeros(B, 4, n_frames)), dim=1),
        "phones": torch.randint(11, (B, P)),
        "mask": sequence_mask(torch.tensor([n_frames, n_frames - 5])),
        "codes": torch.randint(16, (B, n_frames // 2)),
    }


def test_training_pass_reaches_every_part() -> None:
    """Shapes, and a gradient in every parameter that should have one; none in the frozen codebook's projection."""
    model = SoVITS(**parts(quantizer=VectorQuantizer(D, 16, projection="conv", kmeans_steps=0)))
    b = batch()
    pitch = (B, 1, 20 * model.vocoder.pitch_frames)
    out = model(
        b["spec"],
        b["phones"],
        b["mask"],
        content=torch.randn(B, D, 19),
        pitch=(torch.full(pitch, 5.0), torch.ones(pitch)),
    )
    assert out.vocoded.wave.shape == (B, 1, 8 * 320) and out.z.shape == out.z_p.shape == out.m_p.shape == (B, C, 20)
    assert int(out.starts.max()) <= 20 - 8 and int(out.starts[1]) <= 15 - 8
    loss = out.vocoded.wave.square().mean() + kl_loss(out.z_p, out.logs_q, out.m_p, out.logs_p, out.mask)
    (loss + out.vocoded.log_f0.mean() + out.vocoded.voicing.mean()).backward()
    empty = {name for name, value in model.named_parameters() if value.grad is None}
    assert empty == {"quantizer.project_in.weight", "quantizer.project_in.bias"} and float(out.commitment) == 0
    assert model.flow.steps[0].leave.weight.grad.abs().sum() > 0


def test_codebook_learns_when_it_is_not_frozen() -> None:
    """Then the commitment counts, the projection gets a gradient, and the table moves."""
    model = SoVITS(**parts(quantizer=VectorQuantizer(D, 16, projection="conv"), freeze_quantizer=False)).train()
    b, before = batch(), model.quantizer.books[0].table.clone()
    out = model(b["spec"], b["phones"], b["mask"], content=torch.randn(B, D, 20))
    out.commitment.backward()
    assert out.commitment > 0 and model.quantizer.project_in.weight.grad.abs().sum() > 0
    assert not torch.equal(model.quantizer.books[0].table, before)


def test_codes_and_content_are_the_same_way() -> None:
    """Codes computed beforehand give what content gives; both or neither is refused."""
    model, b = SoVITS(**parts()).eval(), batch()
    content, noise, starts = torch.randn(B, D, 20), torch.randn(B, C, 20), torch.tensor([0, 3])
    codes = model.quantizer.encode(content)
    made = [
        model(b["spec"], b["phones"], noise=noise, starts=starts, **kw)
        for kw in ({"content": content}, {"codes": codes})
    ]
    assert torch.equal(made[0].m_p, made[1].m_p)
    for wrong in ({}, {"content": content, "codes": codes}):
        with pytest.raises(ConfigError, match="codes and content"):
            model(b["spec"], b["phones"], **wrong)


def test_the_posterior_leaves_the_speaker_alone_if_asked() -> None:
    """Detached, the posterior's mean gives the speaker encoder no gradient."""
    for detach in (True, False):
        model, b = SoVITS(**parts(detach_speaker=detach)), batch()
        out = model(b["spec"], b["phones"], codes=b["codes"])
        out.m_q.sum().backward()
        assert (model.speaker_encoder.leave.weight.grad is None) == detach


def test_waves_from_the_prior_teach_prior_flow_and_vocoder() -> None:
    """The first clip's wave comes from the prior's latent: it moves the prior, and the posterior only the second."""
    model, b = SoVITS(**parts()).train(), batch()
    torch.nn.init.normal_(model.flow.steps[0].leave.weight)

    def grown(clip: int, share: float) -> dict[str, float]:
        model.zero_grad()
        model.from_prior = share
        out = model(b["spec"], b["phones"], b["mask"], codes=b["codes"])
        assert out.from_prior == share * B
        out.vocoded.wave[clip].square().mean().backward()
        return {
            name: sum(float(p.grad.abs().sum()) for p in getattr(model, name).parameters() if p.grad is not None)
            for name in ("prior", "flow", "posterior", "vocoder")
        }

    from_prior, heard = grown(0, 0.5), grown(1, 0.5)
    assert min(from_prior[name] for name in ("prior", "flow", "vocoder")) > 0 and from_prior["posterior"] == 0
    assert min(heard[name] for name in ("posterior", "vocoder")) > 0 and heard["prior"] == heard["flow"] == 0
    assert grown(0, 0.0)["prior"] == 0


def test_a_wave_from_the_prior_is_the_one_that_is_spoken() -> None:
    """In training and in synthesis the same latent, here without its noise."""
    model, b = SoVITS(**parts(speaker_encoder=StyleEncoder(40, G, width=16, dropout=0.0), from_prior=1.0)), batch()
    torch.nn.init.normal_(model.flow.steps[0].leave.weight)
    model.prior.leave.bias.data[C:] = -30.0
    starts = torch.zeros(B, dtype=torch.int64)
    with torch.no_grad():
        out = model(b["spec"], b["phones"], b["mask"], codes=b["codes"], starts=starts)
        speaker = model.speaker_encoder(b["spec"], b["mask"])
        spoken = model.decode(b["codes"], b["phones"], speaker, 0.0, mask=b["mask"])
        direct = model.vocoder(take_segments(spoken.z, starts, 8), speaker)
    torch.testing.assert_close(out.vocoded.log_f0, direct.log_f0)


def test_colours_must_agree() -> None:
    """A vocoder that puts back what nobody measured would take it from learned channels."""
    with pytest.raises(ConfigError, match=r"speaker_encoder\.colours is 0 but vocoder\.colours is 3"):
        SoVITS(**parts(vocoder=SourceFilterVocoder(C, G, layers=1, width=8, colours=3)))


def test_copies_wear_the_recordings_own_colour() -> None:
    """Not the reference's: the same copy whatever colour the speaker vector holds; in synthesis it matters."""
    changes = {"vocoder": SourceFilterVocoder(C, G, layers=1, width=8, colours=3)}
    encoder = PitchedSpeakerEncoder(StyleEncoder(40, G - 3, width=16), colours=3)
    model, b = SoVITS(**parts(speaker_encoder=encoder, **changes)).eval(), batch()
    model.posterior.stack.condition = model.vocoder.net.condition = None
    speaker = torch.randn(B, G, 1)
    other = speaker.clone()
    other[:, -4:-1] += 0.7
    spec = torch.cat((b["spec"], torch.full((B, 3, 20), 0.2)), dim=1)

    def copied(who: torch.Tensor) -> torch.Tensor:
        return model.reconstruct(spec, who, torch.Generator().manual_seed(0)).wave

    def spoken(who: torch.Tensor) -> torch.Tensor:
        made = model.decode(b["codes"], b["phones"], who, 0.0, generator=torch.Generator().manual_seed(0))
        return made.vocoded.wave

    with torch.no_grad():
        torch.testing.assert_close(copied(speaker), copied(other))
        assert not torch.allclose(spoken(speaker), spoken(other))


def test_decoding() -> None:
    """A seed repeats, noise scale 0 needs none, speed changes the length, two references are averaged."""
    model, b = SoVITS(**parts()).eval(), batch()
    codes, phones = b["codes"][:1], b["phones"][:1]
    with torch.no_grad():
        one, two = (model.voice([b["spec"][i : i + 1]]) for i in (0, 1))
        both = model.voice([b["spec"][:1], b["spec"][1:]])
        torch.testing.assert_close(both, (one + two) / 2)

        def say(seed: int, scale: float = 0.5, speed: float = 1.0) -> Any:
            return model.decode(codes, phones, one, scale, speed, generator=torch.Generator().manual_seed(seed))

        assert torch.equal(say(1).vocoded.wave, say(1).vocoded.wave) and not torch.equal(say(1).z, say(2).z)
        assert torch.equal(say(1, 0.0).z, say(2, 0.0).z)
        assert say(1).vocoded.wave.shape[-1] == 20 * 320 and say(1, 0.5, 2.0).vocoded.wave.shape[-1] == 11 * 320
        copy = model.reconstruct(b["spec"][:1], one)
        assert copy.wave.shape[-1] == 20 * 320


def test_without_posterior_it_speaks_but_does_not_train() -> None:
    """As fine-tuned exports of the released family come."""
    model, b = SoVITS(**parts(posterior=None)).eval(), batch()
    assert model.decode(b["codes"], b["phones"], model.voice([b["spec"]])).vocoded.wave.isfinite().all()
    for call in (
        lambda: model(b["spec"], b["phones"], codes=b["codes"]),
        lambda: model.reconstruct(b["spec"], torch.zeros(B, G, 1)),
    ):
        with pytest.raises(ConfigError, match="posterior"):
            call()


@pytest.mark.parametrize(
    ("change", "numbers"),
    [
        ({"quantizer": VectorQuantizer(9, 16)}, "quantizer.dim is 9.*10"),
        ({"speaker_encoder": StyleEncoder(40, 7)}, "speaker_dim is 7.*12"),
        ({"flow": CouplingFlow(6, G)}, "latent_dim is 8.*6"),
        ({"posterior": WaveNetPosterior(44, C, 5)}, "12.*posterior.speaker_dim is 5"),
        ({"vocoder": SourceFilterVocoder(4, G)}, "8.*vocoder.latent_dim is 4"),
        ({"pitch_predictor": PitchPredictor(16, G, 8, 1)}, "pitch_frames is 8.*pitch_predictor.rate is 2"),
        ({"pitch_predictor": PitchPredictor(9, G, 8, 1, rate=8)}, "hidden_dim is 16.*9"),
        ({"pitch_predictor": PitchPredictor(16, 5, 8, 1, rate=8)}, "12.*pitch_predictor.speaker_dim is 5"),
    ],
)
def test_sizes_are_checked_where_parts_meet(change: dict[str, Any], numbers: str) -> None:
    """One error, with both names and both numbers."""
    with pytest.raises(ConfigError, match=numbers):
        SoVITS(**parts(**change))


@pytest.mark.slow
def test_learns_one_batch() -> None:
    """Reconstruction and KL fall on a batch seen again and again."""
    torch.manual_seed(0)
    model, b = SoVITS(**parts()).train(), batch()
    mel = LogMel(16000, 512, 160, 40)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, betas=(0.8, 0.99))
    pitch = (B, 1, 20 * model.vocoder.pitch_frames)
    f0, voicing = torch.full(pitch, 5.0), torch.ones(pitch)
    history = []
    for _ in range(110):
        out = model(b["spec"], b["phones"], codes=b["codes"], pitch=(f0, voicing))
        real = take_segments(b["wave"], out.starts, 8, 320)
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
