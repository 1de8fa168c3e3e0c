"""SoVITS with what nano adds: measured values in a voice, waves from the prior in training, a pitch predictor."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.frontend import LogMelF0Frontend
from gsv_lab.extensions.measured_speaker_encoder import MeasuredSpeakerEncoder
from gsv_lab.extensions.pitch_predictor import PitchPredictor
from gsv_lab.extensions.postfilter import LatentPostfilter
from gsv_lab.extensions.source_filter_vocoder import SourceFilterVocoder
from gsv_lab.extensions.sovits import ExtendedSoVITS
from gsv_lab.nn.flow import CouplingFlow
from gsv_lab.nn.interfaces import Conditioning, Features
from gsv_lab.nn.ops import sequence_mask, take_segments
from gsv_lab.nn.posterior import WaveNetPosterior
from gsv_lab.nn.prior import TextContentPrior
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.nn.speaker_encoder import StyleEncoder

B, D, C, G, K, P, F = 2, 10, 8, 12, 3, 6, 20


def vocoder(**options: Any) -> SourceFilterVocoder:
    return SourceFilterVocoder(C, G, width=16, layers=1, kernel=3, expansion=2, **options)


def style(speaker_dim: int = G) -> StyleEncoder:
    return StyleEncoder(40, speaker_dim, width=16, dropout=0.0)


def parts(**changes: Any) -> dict[str, Any]:
    made = {
        "frontend": LogMelF0Frontend(n_mels=20),
        "quantizer": VectorQuantizer(D, 16, projection="mean", kmeans_steps=0),
        "speaker_encoder": style(),
        "prior": TextContentPrior(D, C, G, 11, 16, 32, 2, (1, 1, 1), 3, 12, 2, 0.0),
        "posterior": WaveNetPosterior(44, C, G, 16, 2),
        "flow": CouplingFlow(C, G, 16, 1, 3, 2),
        "vocoder": vocoder(),
        "segment_frames": 8,
    }
    return {**made, **changes}


def measuring(**changes: Any) -> dict[str, Any]:
    """Parts that need long-term spectrum, pitch and median F0, and a speaker encoder that carries none of them."""
    needing = {
        "frontend": LogMelF0Frontend(n_mels=20, ltas_dim=K),
        "vocoder": vocoder(own_pitch=False, ltas_dim=K),
        "pitch_predictor": PitchPredictor(16, G, 8, 1),
    }
    return parts(**{**needing, **changes})


def features(n_frames: int = F, ltas_dim: int = K) -> Features:
    """Of two recordings, the second an octave above the first."""
    octaves = torch.arange(B)[:, None, None] * torch.log(torch.tensor(2.0))
    log_f0 = torch.full((B, 1, 2 * n_frames), 4.7) + octaves
    return Features(
        torch.randn(B, 44, n_frames),
        torch.randn(B, ltas_dim, 1) if ltas_dim else None,
        log_f0,
        torch.ones_like(log_f0),
    )


def inputs() -> dict[str, Tensor]:
    return {
        "phones": torch.randint(11, (B, P)),
        "mask": sequence_mask(torch.tensor([F, F - 5])),
        "codes": torch.randint(16, (B, F // 2)),
    }


def with_open_flow(model: ExtendedSoVITS) -> ExtendedSoVITS:
    """A flow starts as the identity; this one reads its condition."""
    torch.nn.init.normal_(model.flow.steps[0].out_proj.weight)
    return model


class TestMeasuredValues:
    def test_they_stand_behind_the_speaker_vector_where_the_encoder_has_none(self) -> None:
        model, measured = ExtendedSoVITS(**measuring()).eval(), features()
        with torch.no_grad():
            voice = model.embed(measured)
            speaker = model.speaker_encoder(measured)
        assert voice.shape == (B, G + K + 1, 1)
        known = model.conditioning(voice)
        assert known.speaker is not None and torch.equal(known.speaker, speaker)
        assert known.ltas is not None and torch.equal(known.ltas, measured.ltas)
        assert known.median_log_f0 is not None and known.median_log_f0.shape == (B, 1, 1)
        high = known.median_log_f0[1] - known.median_log_f0[0]
        torch.testing.assert_close(high.exp().item(), 2.0, rtol=1e-4, atol=0)
        own = torch.randn(B, K, 1)
        of_recording = model.conditioning(voice, ltas=own)
        assert torch.equal(of_recording.ltas, own) and torch.equal(of_recording.median_log_f0, known.median_log_f0)

    def test_nothing_stands_behind_the_vector_of_an_encoder_that_carries_them(self) -> None:
        encoder = MeasuredSpeakerEncoder(style(G - K), K)
        model = ExtendedSoVITS(**measuring(speaker_encoder=encoder)).eval()
        assert model.measured == frozenset() and model.embed(features()).shape == (B, G, 1)

    def test_only_what_is_needed_is_kept(self) -> None:
        model = ExtendedSoVITS(**parts(frontend=LogMelF0Frontend(n_mels=20, ltas_dim=K)))
        assert model.measured == frozenset() and model.embed(features()).shape == (B, G, 1)
        only_ltas = ExtendedSoVITS(
            **parts(frontend=LogMelF0Frontend(n_mels=20, ltas_dim=K), vocoder=vocoder(ltas_dim=K))
        )
        assert only_ltas.measured == {"ltas"} and only_ltas.embed(features()).shape == (B, G + K, 1)

    @torch.no_grad()
    def test_they_are_spoken_with(self) -> None:
        """A decode runs, and follows the measured spectrum and the measured pitch."""
        model, given = ExtendedSoVITS(**measuring()).eval(), inputs()
        voice = model.embed(features())[:1]
        codes, phones = given["codes"][:1], given["phones"][:1]

        def spoken(who: Tensor) -> Any:
            random = torch.Generator().manual_seed(0)
            return model.decode(codes, phones, who, 0.0, generator=random).vocoded

        plain, brighter, higher = spoken(voice), voice.clone(), voice.clone()
        brighter[:, G : G + K] += 1.0
        higher[:, -1] += 0.5
        assert plain.wave.shape == (1, 1, F * 320) and plain.wave.isfinite().all()
        assert not torch.allclose(spoken(brighter).wave, plain.wave)
        torch.testing.assert_close(spoken(brighter).log_f0, plain.log_f0)
        torch.testing.assert_close(spoken(higher).log_f0, plain.log_f0 + 0.5)

    def test_a_training_pass_with_them_has_all_losses(self) -> None:
        model, given, measured = ExtendedSoVITS(**measuring()).train(), inputs(), features()
        out = model(measured, given["phones"], given["mask"], codes=given["codes"])
        terms = model.losses(out, measured)
        assert set(terms) == {"f0", "f0_variance", "voicing"}
        sum(terms.values()).backward()
        assert model.pitch_predictor is not None and model.pitch_predictor.out_proj.weight.grad.abs().sum() > 0
        assert model.prior.content_in.weight.grad.abs().sum() > 0

    def test_voices_of_several_recordings_are_averaged_with_them(self) -> None:
        model, measured = ExtendedSoVITS(**measuring()).eval(), features()
        rows = [Features(*(value[i : i + 1] for value in measured if value is not None)) for i in range(B)]
        with torch.no_grad():
            one, two = (model.embed(row) for row in rows)
            torch.testing.assert_close(model.voice(rows), (one + two) / 2)


def test_sizes_of_the_long_term_spectrum_must_agree() -> None:
    with pytest.raises(ConfigError, match=r"frontend\.ltas_dim is 2 but vocoder\.ltas_dim is 3"):
        ExtendedSoVITS(**parts(frontend=LogMelF0Frontend(n_mels=20, ltas_dim=2), vocoder=vocoder(ltas_dim=3)))
    with pytest.raises(
        ConfigError, match=r"vocoder \(SourceFilterVocoder\) needs ltas, and no part gives it"
    ) as caught:
        ExtendedSoVITS(**parts(vocoder=vocoder(ltas_dim=3)))
    assert "gsv_lab.extensions.measured_speaker_encoder.MeasuredSpeakerEncoder" in str(caught.value)


@pytest.mark.parametrize(
    ("predictor", "words"),
    [
        (PitchPredictor(16, G, 8, 1, f0_frames=4), r"frontend\.f0_frames is 2 but pitch_predictor\.f0_frames is 4"),
        (PitchPredictor(9, G, 8, 1), r"prior\.hidden_dim is 16 but pitch_predictor\.hidden_dim is 9"),
        (PitchPredictor(16, 5, 8, 1), r"12.*pitch_predictor\.speaker_dim is 5"),
    ],
)
def test_sizes_of_a_pitch_predictor_must_agree(predictor: PitchPredictor, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ExtendedSoVITS(**measuring(pitch_predictor=predictor))


def test_a_vocoder_that_must_be_given_the_pitch_needs_a_predictor() -> None:
    with pytest.raises(ConfigError, match="vocoder .* needs log_f0.*PitchPredictor"):
        ExtendedSoVITS(**measuring(pitch_predictor=None))


def test_waves_from_the_prior_teach_prior_flow_and_vocoder() -> None:
    """The first clip's wave comes from the prior's latent: it moves the prior, and the posterior only the second."""
    model, given, measured = with_open_flow(ExtendedSoVITS(**parts()).train()), inputs(), features(ltas_dim=0)

    def gradients(clip: int, share: float) -> dict[str, float]:
        model.zero_grad()
        model.from_prior = share
        out = model(measured, given["phones"], given["mask"], codes=given["codes"])
        assert out.from_prior == share * B
        out.vocoded.wave[clip].square().mean().backward()
        sums = {}
        for name in ("prior", "flow", "posterior", "vocoder"):
            found = [p.grad.abs().sum() for p in model.parts()[name].parameters() if p.grad is not None]
            sums[name] = float(sum(found))
        return sums

    from_prior, recorded = gradients(0, 0.5), gradients(1, 0.5)
    assert min(from_prior[name] for name in ("prior", "flow", "vocoder")) > 0 and from_prior["posterior"] == 0
    assert min(recorded[name] for name in ("posterior", "vocoder")) > 0 and recorded["prior"] == recorded["flow"] == 0
    assert gradients(0, 0.0)["prior"] == 0


def heard(model: ExtendedSoVITS) -> list[tuple[Any, ...]]:
    """What the vocoder is called with from now on."""
    calls: list[tuple[Any, ...]] = []

    def note(_: torch.nn.Module, given: tuple[Any, ...]) -> None:
        calls.append(given)

    model.vocoder.register_forward_pre_hook(note)
    return calls


def test_in_evaluation_no_wave_comes_from_the_prior() -> None:
    model, given, measured = ExtendedSoVITS(**parts(from_prior=1.0)).eval(), inputs(), features(ltas_dim=0)
    calls, starts = heard(model), torch.zeros(B, dtype=torch.int64)
    with torch.no_grad():
        out = model(measured, given["phones"], given["mask"], codes=given["codes"], starts=starts)
    assert out.from_prior == 0
    torch.testing.assert_close(calls[0][0], take_segments(out.z, starts, 8))


def test_waves_from_the_prior_vary_less_than_the_prior_says() -> None:
    """A prior of mean 0 and deviation 1, and a flow that changes nothing."""
    model, given, measured = ExtendedSoVITS(**parts(from_prior=1.0)).train(), inputs(), features(ltas_dim=0)
    for parameter in model.prior.out_proj.parameters():
        torch.nn.init.zeros_(parameter)
    calls = heard(model)
    with torch.no_grad():
        model(measured, given["phones"], codes=given["codes"])
    assert 0.1 < float(calls[0][0].std()) < 1.0


@torch.no_grad()
@pytest.mark.parametrize(("voicing", "voiced"), [(0.2, 1.0), (-0.2, 0.0)])
def test_frames_are_spoken_as_voiced_where_that_is_likelier(voicing: float, voiced: float) -> None:
    """The predictor says logits: above 0 is voiced."""
    model, given = ExtendedSoVITS(**measuring()).eval(), inputs()
    assert model.pitch_predictor is not None
    model.pitch_predictor.out_proj.weight.zero_()
    model.pitch_predictor.out_proj.bias.copy_(torch.tensor([0.0, voicing]))
    calls = heard(model)
    model.decode(given["codes"], given["phones"], model.embed(features()), 0.0)
    assert (calls[0][1].voicing == voiced).all()


@pytest.mark.parametrize("n", [1, B])
def test_a_wave_from_the_prior_is_the_one_that_is_spoken(n: int) -> None:
    """In training and in synthesis the same latent, here without its noise, of the first n clips."""
    model = with_open_flow(ExtendedSoVITS(**parts(from_prior=n / B)))
    given, measured = inputs(), features(ltas_dim=0)
    model.prior.out_proj.bias.data[C:] = -30.0
    starts = torch.zeros(B, dtype=torch.int64)
    codes, phones, mask = given["codes"], given["phones"], given["mask"]
    with torch.no_grad():
        out = model(measured, phones, mask, codes=codes, starts=starts)
        speaker = model.embed(measured, mask)
        spoken = model.decode(codes, phones, speaker, 0.0, mask=mask)
        direct = model.vocoder(take_segments(spoken.z, starts, 8), Conditioning(speaker))
    torch.testing.assert_close(out.vocoded.log_f0[:n], direct.log_f0[:n])


@torch.no_grad()
def test_copies_have_the_recordings_own_spectrum() -> None:
    """Not the reference's: the same copy whatever the speaker vector holds of it; in synthesis it matters."""
    encoder = MeasuredSpeakerEncoder(style(G - K), K)
    frontend = LogMelF0Frontend(n_mels=20, ltas_dim=K)
    model = ExtendedSoVITS(**parts(frontend=frontend, speaker_encoder=encoder, vocoder=vocoder(ltas_dim=K))).eval()
    model.posterior.stack.condition = model.vocoder.net.condition = None
    given, measured, voice = inputs(), features(), torch.randn(B, G, 1)
    other = voice.clone()
    other[:, -4:-1] += 0.7

    def copied(who: Tensor) -> Tensor:
        return model.reconstruct(measured, who, torch.Generator().manual_seed(0)).wave

    def spoken(who: Tensor) -> Tensor:
        random = torch.Generator().manual_seed(0)
        return model.decode(given["codes"], given["phones"], who, 0.0, generator=random).vocoded.wave

    torch.testing.assert_close(copied(voice), copied(other))
    assert not torch.allclose(spoken(voice), spoken(other))


@torch.no_grad()
def test_a_correction_is_added_before_the_postfilter() -> None:
    model, given = ExtendedSoVITS(**parts()).eval(), inputs()
    voice = torch.randn(B, G, 1)

    def decoded(correction: Any = None) -> Any:
        random = torch.Generator().manual_seed(0)
        return model.decode(given["codes"], given["phones"], voice, 0.0, generator=random, correction=correction)

    plain = decoded()
    shifted = decoded(lambda hidden: torch.full((B, C, hidden.shape[-1]), 0.5))
    torch.testing.assert_close(shifted.z, plain.z + 0.5)
    assert not torch.equal(shifted.vocoded.wave, plain.vocoded.wave)
    model.postfilter = LatentPostfilter(gain=2.0)
    filtered = decoded()
    assert torch.equal(filtered.z, plain.z) and not torch.equal(filtered.vocoded.wave, plain.vocoded.wave)
    assert "postfilter" in model.components()


def test_what_fine_tuning_moves() -> None:
    """The parts that carry the voice; where phones are known the prior's joint stack too."""
    model = ExtendedSoVITS(**measuring())
    silent, transcribed = (model.tuned_modules(transcript) for transcript in (False, True))
    assert silent == [model.speaker_encoder, model.flow, model.vocoder]
    assert transcribed == [*silent, *model.prior.joint_modules()]
