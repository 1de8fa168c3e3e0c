"""The contract of every role, asked of every class that has it; and the names of taps."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.aligned_prior import AlignedPrior
from gsv_lab.extensions.continuous_content import ContinuousContent
from gsv_lab.extensions.duration_predictor import PlannedSemanticGPT
from gsv_lab.extensions.ecapa_tdnn import ECAPATDNN
from gsv_lab.extensions.frontend import LogMelF0Frontend
from gsv_lab.extensions.istft_vocoder import InverseSTFTVocoder
from gsv_lab.extensions.measured_speaker_encoder import MeasuredSpeakerEncoder
from gsv_lab.extensions.monotonic_alignment import AlignedSemanticGPT
from gsv_lab.extensions.phone_content_encoder import PhoneContentEncoder
from gsv_lab.extensions.phone_index_prior import PhoneIndexPrior
from gsv_lab.extensions.phone_recogniser import DelayRecogniser, PhoneRecogniser
from gsv_lab.extensions.pitch_predictor import Pitch, PitchPredictor
from gsv_lab.extensions.resolution_discriminator import ResolutionDiscriminator
from gsv_lab.extensions.source_filter_vocoder import SourceFilterVocoder
from gsv_lab.extensions.speaker_table import SpeakerTable
from gsv_lab.extensions.text_ablations import OwnPhonePrior, TextlessPrior
from gsv_lab.hooks import probe
from gsv_lab.nn import interfaces
from gsv_lab.nn.discriminators import (
    CombinedDiscriminator,
    MultiPeriodDiscriminator,
    PeriodDiscriminator,
    ScaleDiscriminator,
)
from gsv_lab.nn.flow import CouplingFlow, IdentityFlow
from gsv_lab.nn.frontend import LinearFrontend
from gsv_lab.nn.hifigan import HiFiGAN
from gsv_lab.nn.interfaces import Conditioning, Features, StreamChunk
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.nn.posterior import WaveNetPosterior
from gsv_lab.nn.prior import TextContentPrior
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.nn.semantic_gpt import SemanticGPT
from gsv_lab.nn.speaker_encoder import StyleEncoder, VerifiedSpeakerEncoder
from gsv_lab.system import registry
from gsv_lab.system.registry import available, givers, register, resolve

B, D, C, G, F, P, K = 2, 10, 8, 6, 12, 7, 3
SPEC = 20
LENGTHS = torch.tensor([F, F - 4])
STACKS = {"width": 8, "filter_width": 16, "layers": (1, 1, 1), "attention_width": 8, "attention_heads": 2}
GPT = {"n_phones": 11, "n_codes": 16, "context_dim": 4, "dim": 16, "n_heads": 2, "n_layers": 1, "ffn_dim": 32}


def source_filter(**options: Any) -> SourceFilterVocoder:
    return SourceFilterVocoder(C, G, 16000, 320, width=8, layers=1, kernel=3, expansion=2, **options)


SMALL: dict[str, Callable[[], Any]] = {
    "LinearFrontend": lambda: LinearFrontend(256, 160),
    "LogMelF0Frontend": lambda: LogMelF0Frontend(ltas_dim=K),
    "PhoneContentEncoder": lambda: PhoneContentEncoder(9, width=16, layers=1, kernel=3, dim=D, n_mels=20),
    "VectorQuantizer": lambda: VectorQuantizer(D, 16, projection="mean"),
    "VectorQuantizer-books": lambda: VectorQuantizer(D, 16, projection="mean", n_books=3),
    "ContinuousContent": lambda: ContinuousContent(D),
    "SemanticGPT": lambda: SemanticGPT(**GPT, speaker_dim=G),
    "AlignedSemanticGPT": lambda: AlignedSemanticGPT(**GPT, max_advance=2),
    "PlannedSemanticGPT": lambda: PlannedSemanticGPT(**GPT, max_advance=2),
    "StyleEncoder": lambda: StyleEncoder(SPEC, G, width=8),
    "VerifiedSpeakerEncoder": lambda: VerifiedSpeakerEncoder(StyleEncoder(SPEC - 3, G, width=8), 5),
    "MeasuredSpeakerEncoder": lambda: MeasuredSpeakerEncoder(StyleEncoder(SPEC - 4, G, width=8), K),
    "MeasuredSpeakerEncoder-no-ltas": lambda: MeasuredSpeakerEncoder(StyleEncoder(SPEC - 4, G, width=8)),
    "ECAPATDNN": lambda: ECAPATDNN(SPEC - 3, G, width=8, bottleneck=4),
    "SpeakerTable": lambda: SpeakerTable(StyleEncoder(SPEC, G, width=8), 5, 2),
    "SpeakerTable-verified": lambda: SpeakerTable(VerifiedSpeakerEncoder(StyleEncoder(SPEC, G, width=8), 5), 5, 2),
    "SpeakerTable-measured": lambda: SpeakerTable(MeasuredSpeakerEncoder(StyleEncoder(SPEC, G + 1, width=8), K), 5, 2),
    "TextContentPrior": lambda: TextContentPrior(D, C, G, 11, **STACKS),
    "AlignedPrior": lambda: AlignedPrior(D, C, G, 11, width=8, layers=(1, 1)),
    "PhoneIndexPrior": lambda: PhoneIndexPrior(D, C, G, 11, **STACKS),
    "TextlessPrior": lambda: TextlessPrior(D, C, G, 11, **STACKS),
    "OwnPhonePrior": lambda: OwnPhonePrior(D, C, G, 11, **STACKS),
    "WaveNetPosterior": lambda: WaveNetPosterior(SPEC, C, G, 8, 2),
    "CouplingFlow": lambda: CouplingFlow(C, G, 8, 1, 3, 2),
    "IdentityFlow": lambda: IdentityFlow(C, G),
    "PitchPredictor": lambda: PitchPredictor(D, G, width=8, layers=1),
    "HiFiGAN": lambda: HiFiGAN(C, G, 8, (4, 2), (8, 4), (3,), (1, 3)),
    "InverseSTFTVocoder": lambda: InverseSTFTVocoder(C, G, 80, 8, 1, 3, 2, 64, 40),
    "SourceFilterVocoder": lambda: source_filter(phase=True),
    "SourceFilterVocoder-given-pitch": lambda: source_filter(own_pitch=False, ltas_dim=K),
    "CombinedDiscriminator": lambda: CombinedDiscriminator(
        [
            ScaleDiscriminator((4, 8), (1, 2), (5, 5), (1, 2)),
            PeriodDiscriminator(3, (4, 8)),
            ResolutionDiscriminator(64, 4, 3),
        ]
    ),
    "MultiPeriodDiscriminator": lambda: MultiPeriodDiscriminator((2,)),
    "DelayRecogniser": lambda: DelayRecogniser(["a", "b", "c"], "en", 16, 8, (1, 2), 6, bands=8),
}
"""One small instance, or several, of every class of a role. A new class needs a line here."""

ELSEWHERE = {"HubertContent", "BertContext", "LexicalContext"}
"""Classes that need files or whole texts, whose contract is tested beside them."""


def features(channels: int = SPEC, f0_frames: int = 2) -> Features:
    """What a frontend could have measured of a batch; the second half of each pitch curve is unvoiced."""
    n_pitch = F * f0_frames
    voicing = torch.ones(B, 1, n_pitch)
    voicing[..., n_pitch // 2 :] = 0
    return Features(torch.randn(B, channels, F), torch.randn(B, K, 1), torch.full((B, 1, n_pitch), 5.0), voicing)


def conditioning(part: Any, f0_frames: int = 2) -> Conditioning:
    """Everything that a part may be given."""
    measured = features(1, f0_frames)
    speaker = torch.randn(B, part.speaker_dim, 1)
    phone_index = torch.arange(F).clamp(max=P - 1).expand(B, -1)
    return Conditioning(speaker, measured.ltas, torch.zeros(B, 1, 1), measured.log_f0, measured.voicing, phone_index)


def met(part: Any, given: Conditioning) -> Conditioning:
    """The speaker and what the part needs, and nothing else."""
    kept = {"speaker", *part.needs}
    return Conditioning(**{name: value if name in kept else None for name, value in given._asdict().items()})


def check_frontend(part: Any) -> None:
    hop = part.sample_rate // 50
    wave = torch.randn(B, 1, 10 * hop + 7) * 0.1
    for found in (part(wave), part.reference(wave)):
        assert found.spec.shape == (B, part.spec_channels, 10)
        assert (found.ltas is not None) == ("ltas" in part.gives) == (part.ltas_dim > 0)
        assert (found.log_f0 is not None) == (found.voicing is not None) == (part.f0_frames > 0)
        if part.ltas_dim:
            assert found.ltas.shape == (B, part.ltas_dim, 1)
        if part.f0_frames:
            assert found.log_f0.shape == found.voicing.shape == (B, 1, 10 * part.f0_frames)
            given = part(wave, torch.full_like(found.log_f0, 5.0), torch.ones_like(found.voicing))
            assert (given.log_f0 == 5.0).all() and (given.voicing == 1.0).all()
    assert part.gives <= set(Conditioning._fields)


def check_content_encoder(part: Any) -> None:
    found = part(torch.randn(B, 1, 3200 + 160) * 0.1)
    n_frames = int(part.frame_rate * 3200 / part.sample_rate)
    assert found.content.shape == (B, part.dim, n_frames)
    assert (found.log_probs is not None) == (part.n_phones > 0)
    if found.log_probs is not None:
        assert found.log_probs.shape == (B, n_frames, part.n_phones)
        torch.testing.assert_close(found.log_probs.exp().sum(-1), torch.ones(B, n_frames))


def check_quantizer(part: Any) -> None:
    content = torch.randn(B, D, F)
    found = part(content)
    assert found.x.shape == (B, part.dim, F // part.hop) and found.commitment.shape == ()
    assert part.frame_rate == 50.0 / part.hop and found.codes.dtype == torch.int64
    if not part.n_codes:
        with pytest.raises(ConfigError, match="without a quantizer"):
            part.encode(content)
        with pytest.raises(ConfigError, match="without a quantizer"):
            part.decode(found.codes)
        return
    books = (part.n_books,) if part.n_books > 1 else ()
    assert found.codes.shape == (B, *books, F // part.hop) and int(found.codes.max()) < part.n_codes
    assert torch.equal(part.encode(content), found.codes)
    torch.testing.assert_close(part.decode(found.codes), found.x)


@torch.no_grad()
def check_semantic_gpt(part: Any) -> None:
    phones, context = torch.randint(part.n_phones, (B, P)), torch.randn(B, part.context_dim, P)
    codes = torch.randint(part.n_codes, (B, 5))
    index = torch.tensor([[0, 0, 1, 2, 2]]).expand(B, -1) if part.max_advance else None
    speaker = torch.randn(B, part.speaker_dim, 1) if part.speaker_dim else None
    options = {"phone_index": index, "speaker": speaker}
    logits = part(phones, context, codes, **options)
    assert part.eos == part.n_codes and logits.shape == (B, 6, part.eos + 1)
    cache = part.new_cache()
    assert cache.columns is None and cache.may_stop is None
    # A forced advance of 1, so that the decode stands where teacher forcing goes on from column 2.
    cache.choose = lambda scores, made, passed: torch.ones(len(scores), dtype=torch.int64)
    start = part(phones, context, codes, **options, cache=cache)
    assert start.shape[-1] == part.eos + 1 and len(start) == B
    assert (cache.columns is not None) == (cache.may_stop is not None) == (part.max_advance > 0)
    if part.max_advance:
        assert cache.columns.tolist() == [3, 3] and cache.may_stop.tolist() == [False, False]
        index = torch.cat([index, torch.full((B, 1), 3)], dim=1)
    newest = torch.randint(part.n_codes, (B,))
    step = part.step(newest, cache)
    whole = torch.cat([codes, newest[:, None]], dim=1)
    if not part.max_advance:
        torch.testing.assert_close(step, part(phones, context, whole, speaker=speaker)[:, -1], rtol=1e-4, atol=1e-5)
    cache.select(torch.tensor([1]))
    assert part.step(newest[1:], cache).shape == (1, part.eos + 1)
    assert part.text_attention(0) in part.layers[0].attention.taps().values()
    assert (part.advance_scores() is not None) == (part.max_advance > 0)


def check_speaker_encoder(part: Any) -> None:
    verification = torch.randn(B, part.verification_dim) if part.verification_dim else None
    reference = features()
    speaker = part(reference, sequence_mask(LENGTHS), verification)
    assert speaker.shape == (B, part.speaker_dim, 1)
    found = part.conditioning(speaker)
    assert found.speaker.shape == speaker.shape
    known = {name for name, value in found._asdict().items() if value is not None}
    assert known == {"speaker"} | part.gives
    if "ltas" in part.gives:
        torch.testing.assert_close(found.ltas, reference.ltas)
        other = part.conditioning(speaker, torch.ones(B, part.ltas_dim, 1))
        assert (other.ltas == 1).all() and not torch.equal(other.speaker, speaker)
    if "median_log_f0" in part.gives:
        torch.testing.assert_close(found.median_log_f0, torch.full((B, 1, 1), 5.0 - math.log(160.0)))


def check_prior(part: Any) -> None:
    phones, known = torch.randint(part.n_phones, (B, P)), conditioning(part)
    quantized = torch.randn(B, part.content_dim, F)
    for mask in (None, sequence_mask(LENGTHS)):
        latent = part(quantized, mask, phones, None, met(part, known))
        assert latent.mean.shape == latent.log_scale.shape == (B, part.latent_dim, F)
        assert latent.mask.shape == (B, 1, F)
        assert ("hidden" in part.gives) == (part.hidden_dim > 0) == (latent.hidden is not None)
        if latent.hidden is not None:
            assert latent.hidden.shape == (B, part.hidden_dim, F)
    fast = part(quantized, sequence_mask(LENGTHS), phones, None, known, speed=1.5)
    assert fast.mean.shape[-1] == fast.mask.shape[-1] == int(F / 1.5) + 1 and fast.hidden.shape[-1] == F
    last = part(quantized, None, phones, None, known, chunk=StreamChunk(keep_last=5))
    torch.testing.assert_close(last.mean, part(quantized, None, phones, None, known).mean[..., -5:])
    assert set(part.text_modules() + part.joint_modules()) <= set(part.modules())
    if part.alignment() is not None:
        with probe(part, "cross_attention.pattern") as records:
            part(quantized, None, phones, None, known)
        assert records["cross_attention.pattern"].value.shape[2:] == (F, P)


def check_posterior(part: Any) -> None:
    given, known = features(part.spec_channels + 2), met(part, conditioning(part))
    noise = torch.randn(B, part.latent_dim, F)
    found = part(given, None, known, noise)
    torch.testing.assert_close(found.z, found.mean + noise * found.log_scale.exp())
    drawn = [part(given, None, known, generator=torch.Generator().manual_seed(1)).z for _ in range(2)]
    assert torch.equal(*drawn) and found.z.shape == (B, part.latent_dim, F)
    masked = part(given, sequence_mask(LENGTHS), known, noise)
    assert (masked.z[1, :, F - 4 :] == 0).all()


def check_flow(part: Any) -> None:
    for value in part.parameters():
        torch.nn.init.normal_(value, 0.0, 0.3)
    mask, known = sequence_mask(LENGTHS), met(part, conditioning(part))
    z = torch.randn(B, part.latent_dim, F) * mask
    z_p = part(z, mask, known)
    torch.testing.assert_close(part(z_p, mask, known, inverse=True), z, rtol=1e-4, atol=1e-4)
    assert z_p.shape == z.shape
    moved = not torch.allclose(z_p, z, atol=0.1)
    assert moved == (len(list(part.parameters())) > 0)


def check_pitch(part: Any) -> None:
    hidden, known = torch.randn(B, part.hidden_dim, F), conditioning(part)
    log_f0, voicing = part(hidden, met(part, known))
    assert log_f0.shape == voicing.shape == (B, 1, F * part.f0_frames)
    assert part.gives == {"log_f0", "voicing"} and "hidden" in part.needs
    terms = part.losses(log_f0, voicing, features(1, part.f0_frames))
    assert set(terms) == {"f0", "f0_variance", "voicing"} and all(term.shape == () for term in terms.values())


def check_vocoder(part: Any) -> None:
    z, known = torch.randn(B, part.latent_dim, F), conditioning(part, part.f0_frames)
    least = met(part, known)
    made = [part(z, least, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert made[0].wave.shape == (B, 1, F * part.hop_length) and torch.equal(made[0].wave, made[1].wave)
    own_pitch = part.f0_frames > 0 and "log_f0" not in part.needs
    assert (made[0].log_f0 is not None) == (made[0].voicing is not None) == own_pitch
    terms = part.losses(made[0], features(1, part.f0_frames))
    assert set(terms) == ({"f0", "voicing"} if own_pitch else set())
    if own_pitch:
        assert made[0].log_f0.shape == made[0].voicing.shape == (B, 1, F * part.f0_frames)
    given = part(z, known, torch.Generator().manual_seed(3))
    assert given.wave.shape == made[0].wave.shape
    (given.wave.square().sum() + sum(terms.values())).backward()
    assert all(value.grad is not None for value in part.parameters())
    for need in part.needs & {"log_f0", "voicing"}:
        with pytest.raises(ConfigError, match="pitch"):
            part(z, least._replace(**{need: None}))


def check_discriminator(part: Any) -> None:
    found = part(torch.randn(B, 1, 400))
    assert len(found.scores) == len(found.features) > 0
    for scores, layers in zip(found.scores, found.features, strict=True):
        assert scores.dim() == 2 and len(scores) == B
        torch.testing.assert_close(layers[-1].flatten(1), scores)


def check_recogniser(part: Any) -> None:
    scores = part(torch.randn(B, 1, part.sample_rate) * 0.1)
    assert scores.shape == (B, math.ceil(part.frame_rate), len(part.phone_names) + 1)
    torch.testing.assert_close(scores.exp().sum(-1), torch.ones(scores.shape[:2]))


CHECKS: dict[type, Callable[[Any], None]] = {
    interfaces.Frontend: check_frontend,
    interfaces.ContentEncoder: check_content_encoder,
    interfaces.Quantizer: check_quantizer,
    interfaces.SemanticGPTRole: check_semantic_gpt,
    interfaces.SpeakerEncoder: check_speaker_encoder,
    interfaces.Prior: check_prior,
    interfaces.Posterior: check_posterior,
    interfaces.Flow: check_flow,
    interfaces.Vocoder: check_vocoder,
    interfaces.Discriminator: check_discriminator,
    Pitch: check_pitch,
    PhoneRecogniser: check_recogniser,
}


def classes(role: type) -> list[type]:
    """Every class of the package that has the role."""
    return [cls for path, cls in available(role).items() if path.startswith("gsv_lab.")]


FOUND = [
    pytest.param(role, name, id=f"{role.__name__}-{name}")
    for role in CHECKS
    for cls in classes(role)
    for name in SMALL
    if name.partition("-")[0] == cls.__name__
]


@pytest.mark.parametrize(("role", "name"), FOUND)
def test_contract(role: type, name: str) -> None:
    """Shapes, declared sizes, needs and gives of the role."""
    part = SMALL[name]().eval()
    assert isinstance(part, role)
    for size, kind in inspect.get_annotations(role).items():
        if "None" not in kind:
            assert isinstance(getattr(part, size), int | float | str | tuple), f"{name} does not declare {size}"
    quantities = {*Conditioning._fields, "hidden"}
    assert part.needs <= quantities and part.gives <= quantities
    CHECKS[role](part)


def test_every_role_has_a_check_and_every_class_an_instance() -> None:
    """A new role gets a contract test, and a new class a line above."""
    roles = {
        value
        for value in vars(interfaces).values()
        if inspect.isclass(value) and issubclass(value, interfaces.Role) and value is not interfaces.Role
    }
    assert roles | {Pitch, PhoneRecogniser} == {*CHECKS, interfaces.ContextEncoder}
    found = {cls.__name__ for cls in classes(interfaces.Role) if cls is not interfaces.Role}
    assert found - ELSEWHERE == {name.partition("-")[0] for name in SMALL}


def test_a_class_typed_in_a_notebook_is_available_once_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is listed can be named in a specification; abstract classes and passing ones are not listed."""

    class Loud(IdentityFlow):
        pass

    Loud.__module__, Loud.__qualname__ = "__main__", "Loud"
    monkeypatch.setattr(registry, "_REGISTERED", {})
    assert "__main__.Loud" not in available(interfaces.Flow)
    register(Loud)
    assert available(interfaces.Flow)["__main__.Loud"] is Loud is resolve("__main__.Loud")
    assert interfaces.Flow not in available(interfaces.Flow).values()


def test_who_gives_what() -> None:
    """The error about an unmet need names a part that gives it."""
    assert "gsv_lab.extensions.pitch_predictor.PitchPredictor" in givers("log_f0")
    assert "gsv_lab.extensions.measured_speaker_encoder.MeasuredSpeakerEncoder" in givers("median_log_f0")
    assert "gsv_lab.nn.prior.TextContentPrior" in givers("hidden")
    assert givers("phone_index") == []


def test_a_measured_vector_needs_a_frontend_that_measures() -> None:
    """The error names the quantity that is missing, and a frontend that has it."""
    part = SMALL["MeasuredSpeakerEncoder"]()
    with pytest.raises(ConfigError, match="needs ltas.*LogMelF0Frontend"):
        part(features()._replace(ltas=None))
    with pytest.raises(ConfigError, match="needs log_f0"):
        part(features()._replace(log_f0=None))


def test_a_verification_vector_of_another_width_is_refused() -> None:
    """Both numbers are named; a missing one is too."""
    part = SMALL["VerifiedSpeakerEncoder"]()
    with pytest.raises(ConfigError, match="7.*5"):
        part(features(), None, torch.randn(B, 7))
    with pytest.raises(ConfigError, match="None.*5"):
        part(features())


INPUTS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "TextContentPrior": lambda: (
        torch.randn(B, D, F), None, torch.randint(11, (B, P)), None, Conditioning(torch.randn(B, G, 1)),
    ),
    "StyleEncoder": lambda: (features(),),
    "WaveNetPosterior": lambda: (features(), None, Conditioning(torch.randn(B, G, 1)), torch.randn(B, C, F)),
    "CouplingFlow": lambda: (torch.randn(B, C, F), None, Conditioning(torch.randn(B, G, 1))),
    "HiFiGAN": lambda: (torch.randn(B, C, F), Conditioning()),
    "SourceFilterVocoder": lambda: (torch.randn(B, C, F), Conditioning()),
    "VectorQuantizer": lambda: (torch.randn(B, D, F),),
    "CombinedDiscriminator": lambda: (torch.randn(B, 1, 300),),
}  # fmt: skip
TAPS = {
    "TextContentPrior": ["content", "text", "cross_attention.pattern", "fused", "mean", "scale"],
    "StyleEncoder": ["frames", "speaker"],
    "WaveNetPosterior": ["mean", "scale", "z"],
    "CouplingFlow": ["steps.0.z", "steps.1.z", "z"],
    "HiFiGAN": ["stages.0.output", "stages.1.output", "wave"],
    "SourceFilterVocoder": ["f0", "envelopes", "harmonic", "noise", "wave"],
    "VectorQuantizer": ["projected", "distance", "codes"],
    "CombinedDiscriminator": [f"discriminators.{i}.{name}" for i in range(3) for name in ("scores", "features")],
}
"""The names that lessons rely on."""


def tensors(value: Any) -> list[Tensor]:
    """All tensors of a result, named tuples and lists opened."""
    if isinstance(value, Tensor):
        return [value]
    return [tensor for item in value or () for tensor in tensors(item)]


@pytest.mark.parametrize("name", TAPS)
def test_taps_fire(name: str) -> None:
    """Each fires under its name, and watching changes nothing."""
    part, inputs = SMALL[name]().eval(), INPUTS[name]()
    with torch.no_grad():
        torch.manual_seed(0)
        unseen = part(*inputs)
        torch.manual_seed(0)
        with probe(part, *TAPS[name]) as records:
            seen = part(*inputs)
    assert {point.removeprefix("model.") for point in records} == set(TAPS[name])
    for one, other in zip(tensors(seen), tensors(unseen), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_wrapped_speaker_encoders_declare_what_they_hold() -> None:
    style = StyleEncoder(20, 12, width=16)
    inner = MeasuredSpeakerEncoder(VerifiedSpeakerEncoder(style, 5), ltas_dim=3)
    outer = VerifiedSpeakerEncoder(MeasuredSpeakerEncoder(style, ltas_dim=3), 5)
    table = SpeakerTable(inner, heads=1)
    for encoder in (inner, outer, table):
        assert (encoder.spec_channels, encoder.speaker_dim, encoder.verification_dim) == (20, 15, 5)
        assert encoder.ltas_dim == 3 and encoder.gives == {"ltas", "median_log_f0"}
        assert encoder.reads == {"ltas", "log_f0", "voicing"}
