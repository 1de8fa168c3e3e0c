"""The contract of every role, asked of every class that has it; and the names of taps."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gsv_lab.extensions.istft_vocoder import InverseSTFTVocoder
from gsv_lab.extensions.phone_recogniser import DelayRecogniser
from gsv_lab.extensions.source_filter_vocoder import SourceFilterVocoder
from gsv_lab.nn import interfaces as roles
from gsv_lab.nn.discriminators import Discriminators, PeriodJudge, ScaleJudge, SpectrumJudge
from gsv_lab.nn.flow import CouplingFlow, IdentityFlow
from gsv_lab.nn.hifigan import HiFiGAN
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.nn.posterior import WaveNetPosterior
from gsv_lab.nn.prior import TextContentPrior
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.nn.speaker_encoder import PitchedSpeakerEncoder, StyleEncoder, VerifiedSpeakerEncoder

B, D, C, G, F, P = 2, 10, 8, 6, 12, 7
SPEC = 20
LENGTHS = torch.tensor([F, F - 4])

SMALL: dict[str, Callable[[], Any]] = {
    "PhoneContentEncoder": lambda: roles_class("ContentEncoder", "PhoneContentEncoder")(
        n_phones=9, width=16, layers=1, kernel=3, dim=D, n_mels=20
    ),
    "VectorQuantizer": lambda: VectorQuantizer(D, 16, projection="mean"),
    "SemanticGPT": lambda: roles_class("SemanticGPTRole", "SemanticGPT")(
        n_phones=11, n_codes=16, context_dim=4, dim=16, n_heads=2, n_layers=1, ffn_dim=32
    ),
    "StyleEncoder": lambda: StyleEncoder(SPEC, G, width=8),
    "PitchedSpeakerEncoder": lambda: PitchedSpeakerEncoder(StyleEncoder(SPEC - 4, G, width=8)),
    "VerifiedSpeakerEncoder": lambda: VerifiedSpeakerEncoder(StyleEncoder(SPEC - 3, G, width=8), 5),
    "TextContentPrior": lambda: TextContentPrior(D, C, G, 11, 8, 16, 2, (1, 1, 1), 3, 8, 2),
    "WaveNetPosterior": lambda: WaveNetPosterior(SPEC, C, G, 8, 2),
    "CouplingFlow": lambda: CouplingFlow(C, G, 8, 1, 3, 2),
    "IdentityFlow": lambda: IdentityFlow(C, G),
    "HiFiGAN": lambda: HiFiGAN(C, G, 8, (4, 2), (8, 4), (3,), (1, 3)),
    "InverseSTFTVocoder": lambda: InverseSTFTVocoder(C, G, 80, 8, 1, 3, 2, 64, 40),
    "SourceFilterVocoder": lambda: SourceFilterVocoder(C, G, 4000, 80, 8, 1, 3, 2, 64, 40, phase=True),
    "Discriminators": lambda: Discriminators(
        [ScaleJudge((4, 8), (1, 2), (5, 5), (1, 2)), PeriodJudge(3, (4, 8)), SpectrumJudge(64, 4, 3)]
    ),
    "DelayRecogniser": lambda: DelayRecogniser(["a", "b", "c"], "en", 16, 8, (1, 2), 6, bands=8),
    "ReleasedDiscriminators": lambda: roles_class("Discriminator", "ReleasedDiscriminators")((2,)),
}
"""One small instance of every class of a role. A new class needs a line here."""


def roles_class(role: str, name: str) -> Any:
    return next(cls for cls in roles.available(getattr(roles, role)).values() if cls.__name__ == name)


def spec() -> Tensor:
    return torch.randn(B, SPEC, F)


def check_content_encoder(part: Any) -> None:
    wave = torch.randn(B, 1, 3200 + 160) * 0.1
    found = part(wave)
    assert found.content.shape == (B, part.dim, int(part.frame_rate * 3200 / part.sample_rate))
    if found.log_probs is not None:
        torch.testing.assert_close(
            found.log_probs.exp().sum(-1), torch.ones(found.content.shape[0], found.content.shape[2])
        )


def check_quantizer(part: Any) -> None:
    content = torch.randn(B, D, F)
    found = part(content)
    assert found.x.shape == (B, part.dim, F // part.hop) and found.commitment.shape == ()
    assert found.codes.shape == (B, F // part.hop) and found.codes.dtype == torch.int64
    assert torch.equal(part.encode(content), found.codes)
    torch.testing.assert_close(part.decode(found.codes), found.x)
    assert part.frame_rate == 50.0 / part.hop and int(found.codes.max()) < part.n_codes


def check_semantic_gpt(part: Any) -> None:
    phones, context = torch.randint(part.n_phones, (B, P)), torch.randn(B, part.context_dim, P)
    codes = torch.randint(part.n_codes, (B, F))
    assert part(phones, context, codes).shape == (B, F + 1, part.n_codes + 1)


def check_speaker_encoder(part: Any) -> None:
    verification = torch.randn(B, part.verification_dim) if part.verification_dim else None
    speaker = part(spec(), sequence_mask(LENGTHS), verification)
    assert speaker.shape == (B, part.speaker_dim, 1)


def check_prior(part: Any) -> None:
    phones, speaker = torch.randint(part.n_phones, (B, P)), torch.randn(B, part.speaker_dim, 1)
    quantized = torch.randn(B, part.content_dim, F)
    for mask in (None, sequence_mask(LENGTHS)):
        latent = part(quantized, mask, phones, None, speaker)
        assert latent.mean.shape == latent.log_scale.shape == (B, part.latent_dim, F) and latent.mask.shape == (B, 1, F)
    fast = part(quantized, sequence_mask(LENGTHS), phones, None, speaker, speed=1.5)
    assert fast.mean.shape[-1] == fast.mask.shape[-1] == int(F / 1.5) + 1
    last = part(quantized, None, phones, None, speaker, chunk=roles.Chunk(keep_last=5))
    torch.testing.assert_close(last.mean, part(quantized, None, phones, None, speaker).mean[..., -5:])


def check_posterior(part: Any) -> None:
    x, speaker = torch.randn(B, part.spec_channels, F), torch.randn(B, part.speaker_dim, 1)
    noise = torch.randn(B, part.latent_dim, F)
    heard = part(x, None, speaker, noise)
    torch.testing.assert_close(heard.z, heard.mean + noise * heard.log_scale.exp())
    drawn = [part(x, None, speaker, generator=torch.Generator().manual_seed(1)).z for _ in range(2)]
    assert torch.equal(*drawn) and heard.z.shape == (B, part.latent_dim, F)


def check_flow(part: Any) -> None:
    for value in part.parameters():
        torch.nn.init.normal_(value, 0.0, 0.3)
    z, speaker, mask = torch.randn(B, part.latent_dim, F), torch.randn(B, part.speaker_dim, 1), sequence_mask(LENGTHS)
    z_p = part(z * mask, mask, speaker)
    torch.testing.assert_close(part(z_p, mask, speaker, inverse=True), z * mask, rtol=1e-4, atol=1e-4)
    assert z_p.shape == z.shape
    if not isinstance(part, IdentityFlow):
        assert not torch.allclose(z_p, z * mask, atol=0.1)


def check_vocoder(part: Any) -> None:
    z, speaker = torch.randn(B, part.latent_dim, F), torch.randn(B, part.speaker_dim, 1)
    made = [part(z, speaker, generator=torch.Generator().manual_seed(3)) for _ in range(2)]
    assert made[0].wave.shape == (B, 1, F * part.hop_length) and torch.equal(made[0].wave, made[1].wave)
    pitch = (B, 1, F * part.pitch_frames)
    assert (made[0].log_f0 is None) == (made[0].voicing is None) == (part.pitch_frames == 0)
    if part.pitch_frames:
        assert made[0].log_f0.shape == made[0].voicing.shape == pitch
    given = part(z, speaker, torch.full(pitch, 5.0), torch.ones(pitch), torch.Generator().manual_seed(3))
    assert given.wave.shape == made[0].wave.shape
    given.wave.square().sum().backward()
    assert all(value.grad is not None for name, value in part.named_parameters() if "pitch_head" not in name)


def check_discriminator(part: Any) -> None:
    wave = torch.randn(B, 1, 400)
    judged = part(wave)
    assert len(judged.scores) == len(judged.features) > 0
    for scores, features in zip(judged.scores, judged.features, strict=True):
        assert scores.dim() == 2 and len(scores) == B
        torch.testing.assert_close(features[-1].flatten(1), scores)


def check_recogniser(part: Any) -> None:
    scores = part(torch.randn(B, 1, part.sample_rate) * 0.1)
    assert scores.shape == (B, math.ceil(part.frame_rate), len(part.phone_names) + 1)
    torch.testing.assert_close(scores.exp().sum(-1), torch.ones(scores.shape[:2]))


CHECKS = {
    "ContentEncoder": check_content_encoder,
    "Quantizer": check_quantizer,
    "SemanticGPTRole": check_semantic_gpt,
    "SpeakerEncoder": check_speaker_encoder,
    "Prior": check_prior,
    "Posterior": check_posterior,
    "Flow": check_flow,
    "Vocoder": check_vocoder,
    "Discriminator": check_discriminator,
    "Recogniser": check_recogniser,
}

FOUND = [
    pytest.param(role, cls, id=f"{role}-{cls.__name__}")
    for role in CHECKS
    for path, cls in roles.available(getattr(roles, role)).items()
    if path.startswith("gsv_lab.nn.")
]


@pytest.mark.parametrize(("role", "cls"), FOUND)
def test_contract(role: str, cls: type) -> None:
    """Shapes and declared sizes of the role."""
    part = SMALL[cls.__name__]().eval()
    base = getattr(roles, role)
    assert isinstance(part, base)
    for name in base.__annotations__:
        assert isinstance(getattr(part, name), int | float | str | tuple), f"{cls.__name__} does not declare {name}"
    CHECKS[role](part)


def test_every_role_has_a_check() -> None:
    """A new role gets a contract test, and every class of the package was found. Context encoders live with texts."""
    known = {
        n for n, c in vars(roles).items() if inspect.isclass(c) and issubclass(c, roles.Role) and c is not roles.Role
    }
    assert known == {*CHECKS, "ContextEncoder"}
    assert {param.values[1].__name__ for param in FOUND} == set(SMALL)


def test_a_class_typed_in_a_notebook_is_available() -> None:
    """`available` walks subclasses, so that new parts appear by themselves; abstract ones do not."""

    class Loud(IdentityFlow):
        pass

    Loud.__module__ = "__main__"
    assert any(path.endswith("Loud") and path.startswith("__main__.") for path in roles.available(roles.Flow))
    assert not any(cls is roles.Flow for cls in roles.available(roles.Flow).values())


@pytest.mark.parametrize(
    ("name", "taps"),
    [
        ("TextContentPrior", ["content", "text", "cross_attention.pattern", "fused", "mean", "scale"]),
        ("StyleEncoder", ["frames", "speaker"]),
        ("WaveNetPosterior", ["mean", "scale", "z"]),
        ("CouplingFlow", ["steps.0.z", "steps.1.z", "z"]),
        ("HiFiGAN", ["stages.0.output", "stages.1.output", "wave"]),
        ("SourceFilterVocoder", ["f0", "envelopes", "harmonic", "noise", "wave"]),
        ("VectorQuantizer", ["projected", "distance", "codes"]),
        ("Discriminators", ["judges.0.scores", "judges.1.scores", "judges.2.scores"]),
    ],
)
def test_taps_fire(name: str, taps: list[str]) -> None:
    """The names that lessons rely on, their axes, and that watching changes nothing."""
    from gsv_lab.hooks.probe import probe

    part = SMALL[name]().eval()
    torch.manual_seed(0)
    x = {
        "TextContentPrior": (torch.randn(B, D, F), None, torch.randint(11, (B, P)), None, torch.randn(B, G, 1)),
        "StyleEncoder": (spec(),),
        "WaveNetPosterior": (spec(), None, torch.randn(B, G, 1), torch.randn(B, C, F)),
        "CouplingFlow": (torch.randn(B, C, F), None, torch.randn(B, G, 1)),
        "HiFiGAN": (torch.randn(B, C, F),),
        "SourceFilterVocoder": (torch.randn(B, C, F), None, None, None, torch.Generator().manual_seed(0)),
        "VectorQuantizer": (torch.randn(B, D, F),),
        "Discriminators": (torch.randn(B, 1, 300),),
    }[name]
    with torch.no_grad(), probe(part, *taps) as records:
        seen = part(*x)
    assert {point.split(".", 1)[-1] if point.startswith("model.") else point for point in records} == set(taps)
    if name == "SourceFilterVocoder":
        x = (*x[:-1], torch.Generator().manual_seed(0))
    with torch.no_grad():
        unseen = part(*x)
    first = [
        out[0][0] if isinstance(out, roles.Judged) else out[0] if isinstance(out, tuple) else out
        for out in (seen, unseen)
    ]
    torch.testing.assert_close(*first, rtol=1e-5, atol=1e-5)
