"""The taps of the real components: each fires, matters, has the axes it declares; watching changes nothing."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import gsv_lab.extensions
import gsv_lab.nn
import gsv_lab.released
from gsv_lab.extensions.aligned_prior import AlignedPrior
from gsv_lab.extensions.continuous_content import ContinuousContent
from gsv_lab.extensions.duration_predictor import PlannedSemanticGPT
from gsv_lab.extensions.ecapa_tdnn import ECAPATDNN
from gsv_lab.extensions.istft_vocoder import InverseSTFTVocoder
from gsv_lab.extensions.latent_discriminator import LatentDiscriminator
from gsv_lab.extensions.letter_to_sound import LetterToSound
from gsv_lab.extensions.measured_speaker_encoder import MeasuredSpeakerEncoder
from gsv_lab.extensions.monotonic_alignment import AlignedSemanticGPT
from gsv_lab.extensions.phone_content_encoder import PhoneContentEncoder
from gsv_lab.extensions.phone_index_prior import PhoneIndexPrior
from gsv_lab.extensions.phone_recogniser import DelayRecogniser
from gsv_lab.extensions.pitch_predictor import PitchPredictor
from gsv_lab.extensions.postfilter import FormantPostfilter, LatentPostfilter
from gsv_lab.extensions.residual_correction import ResidualCorrection, Residuals
from gsv_lab.extensions.resolution_discriminator import ResolutionDiscriminator
from gsv_lab.extensions.source_filter_vocoder import SourceFilterVocoder
from gsv_lab.extensions.speaker_table import SpeakerTable
from gsv_lab.extensions.speaker_verifier import SpeakerVerifier
from gsv_lab.extensions.teacher_head import TeacherHead
from gsv_lab.extensions.text_ablations import OwnPhonePrior, TextlessPrior
from gsv_lab.hooks import Component, noise, probe
from gsv_lab.hooks.catalogue import fold, points
from gsv_lab.hooks.record import TIME_AXES
from gsv_lab.hooks.tap import declared_taps
from gsv_lab.nn.decoding import Inputs, generate
from gsv_lab.nn.discriminators import (
    CombinedDiscriminator,
    PeriodDiscriminator,
    ScaleDiscriminator,
)
from gsv_lab.nn.flow import CouplingFlow, IdentityFlow
from gsv_lab.nn.hifigan import HiFiGAN
from gsv_lab.nn.interfaces import Conditioning, Features
from gsv_lab.nn.posterior import WaveNetPosterior
from gsv_lab.nn.prior import TextContentPrior
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.semantic_gpt import SemanticGPT
from gsv_lab.nn.speaker_encoder import StyleEncoder, VerifiedSpeakerEncoder
from gsv_lab.released.eres2net import ERes2NetV2

C, G, F, P = 8, 6, 12, 5
FOLDERS = (gsv_lab.nn, gsv_lab.extensions, gsv_lab.released)
ELSEWHERE = {"HubertContent", "BertContext"}
"""Components around a network of `transformers`; their taps are tested beside the released families."""


class Case(NamedTuple):
    """A small component and a call of it that passes all of its taps."""

    part: nn.Module
    run: Callable[[nn.Module], object]


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def random_numbers() -> torch.Generator:
    return torch.Generator().manual_seed(3)


GPT_SIZES = {"context_dim": 3, "dim": 16, "n_heads": 4, "n_layers": 2, "ffn_dim": 16, "speaker_dim": G}


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    """Phones (1, P), context (1, 3, P), codes (1, 7)."""
    return torch.tensor([[1, 5, 2, 8, 0]]), draw(1, 3, P), torch.tensor([[3, 1, 4, 1, 5, 9, 2]])


def decoded(part: SemanticGPT, sampling: Sampling) -> Tensor:
    """New codes (1, T) after those of `inputs`."""
    phones, context, codes = inputs()
    return torch.stack(generate(part, Inputs(phones, context, codes, speaker=SPEAKER), sampling).codes)


def prior(part: nn.Module) -> object:
    conditioning = Conditioning(SPEAKER, phone_index=torch.arange(F)[None] * P // F)
    return part(draw(1, C, F), None, torch.tensor([[1, 5, 2, 8, 0]]), None, conditioning)


def gpt(part: nn.Module) -> object:
    return part(*inputs(), speaker=SPEAKER)


def aligned_gpt(part: nn.Module) -> object:
    """Advances are chosen in decoding only, so a few steps of it come after teacher forcing."""
    phones, context, codes = inputs()
    phone_index = torch.tensor([[0, 0, 1, 2, 2, 3, 4]])
    scores = part(phones, context, codes, phone_index=phone_index, speaker=SPEAKER)
    greedy = Sampling(top_k=1, min_new=0, max_new=8)
    return scores, generate(part, Inputs(phones, context, speaker=SPEAKER), greedy).codes


WAVE, SPEC, SPEAKER = draw(1, 1, 3200), draw(1, 10, F), draw(1, G, 1)
FEATURES = Features(SPEC, log_f0=draw(1, 1, 2 * F) + 5, voicing=torch.ones(1, 1, 2 * F))
GIVEN = Conditioning(SPEAKER, median_log_f0=torch.full((1, 1, 1), 5.0))
CASES: dict[str, Callable[[], Case]] = {
    "content_encoder": lambda: Case(PhoneContentEncoder(7, width=8, layers=2, dim=4), lambda part: part(WAVE)),
    "teacher": lambda: Case(TeacherHead(7, 6, width=8, dim=4), lambda part: part.phone_scores(part(draw(1, 6, F)))),
    "quantizer": lambda: Case(VectorQuantizer(C, 6, kmeans_steps=0), lambda part: part(draw(1, C, F))),
    "continuous_content": lambda: Case(ContinuousContent(C), lambda part: part(draw(1, C, F))),
    "semantic_gpt": lambda: Case(SemanticGPT(9, 12, **GPT_SIZES), gpt),
    "aligned_gpt": lambda: Case(AlignedSemanticGPT(9, 12, max_advance=2, **GPT_SIZES), aligned_gpt),
    "planned_gpt": lambda: Case(PlannedSemanticGPT(n_phones=9, n_codes=12, max_advance=2, **GPT_SIZES), aligned_gpt),
    "recogniser": lambda: Case(
        DelayRecogniser(["a", "b"], "en", width=16, inner=8, reaches=[1], states=12, layers=1, bands=20),
        lambda part: part(WAVE),
    ),
    "eres2net": lambda: Case(ERes2NetV2(8, (1, 1, 1, 1), n_mels=16, dim=8), lambda part: part.embed(WAVE[0, 0])),
    "speaker_encoder": lambda: Case(StyleEncoder(10, G, width=8), lambda part: part(FEATURES)),
    "measured_speaker_encoder": lambda: Case(
        MeasuredSpeakerEncoder(StyleEncoder(6, G, width=8)), lambda part: part(FEATURES)
    ),
    "verified_speaker_encoder": lambda: Case(
        VerifiedSpeakerEncoder(StyleEncoder(10, G, width=8), 4), lambda part: part(FEATURES, verification=draw(1, 4))
    ),
    "ecapa_tdnn": lambda: Case(ECAPATDNN(10, G, width=8, bottleneck=4), lambda part: part(FEATURES)),
    "speaker_table": lambda: Case(SpeakerTable(StyleEncoder(10, G, width=8), 5, 2), lambda part: part(FEATURES)),
    "prior": lambda: Case(
        TextContentPrior(C, C, G, 9, 8, 16, 2, (1, 1, 1), attention_width=8, attention_heads=2), prior
    ),
    "phone_index_prior": lambda: Case(
        PhoneIndexPrior(C, C, G, 9, 8, 16, 2, (1, 1, 1), attention_width=8, attention_heads=2), prior
    ),
    "textless_prior": lambda: Case(
        TextlessPrior(C, C, G, 9, 8, 16, 2, (1, 1, 1), attention_width=8, attention_heads=2), prior
    ),
    "own_phone_prior": lambda: Case(
        OwnPhonePrior(C, C, G, 9, 8, 16, 2, (1, 1, 1), attention_width=8, attention_heads=2), prior
    ),
    "aligned_prior": lambda: Case(AlignedPrior(C, C, G, 9, 8, (1, 1)), prior),
    "pitch_predictor": lambda: Case(PitchPredictor(C, G, width=8, layers=1), lambda part: part(draw(1, C, F), GIVEN)),
    "latent_postfilter": lambda: Case(LatentPostfilter(), lambda part: part(draw(1, C, F))),
    "formant_postfilter": lambda: Case(FormantPostfilter(), lambda part: part(draw(1, 2, 33, F))),
    "residual_correction": lambda: Case(
        ResidualCorrection(),
        lambda part: part(draw(1, C, F), Residuals(draw(1, C, 7, seed=1), draw(1, G, 7, seed=2))),
    ),
    "posterior": lambda: Case(
        WaveNetPosterior(10, C, G, width=8, layers=2), lambda part: part(FEATURES, None, GIVEN, noise=draw(1, C, F))
    ),
    "flow": lambda: Case(CouplingFlow(C, G, 8, 2, couplings=2), lambda part: part(draw(1, C, F), None, GIVEN)),
    "identity_flow": lambda: Case(IdentityFlow(C, G), lambda part: part(draw(1, C, F), None, GIVEN)),
    "hifigan": lambda: Case(HiFiGAN(C, G, 16, (4, 2), (8, 4), (3,), (1,)), lambda part: part(draw(1, C, F), GIVEN)),
    "istft": lambda: Case(InverseSTFTVocoder(C, G, width=8, layers=1), lambda part: part(draw(1, C, F), GIVEN)),
    "source_filter": lambda: Case(
        SourceFilterVocoder(C, G, width=8, layers=1),
        lambda part: part(draw(1, C, F), GIVEN, generator=random_numbers()),
    ),
    "discriminator": lambda: Case(
        CombinedDiscriminator(
            [ScaleDiscriminator(), PeriodDiscriminator(3, (4, 8)), ResolutionDiscriminator(64, 4, 2)]
        ),
        lambda part: part(draw(1, 1, 8000)),
    ),
    "latent_discriminator": lambda: Case(LatentDiscriminator(C, G, 8), lambda part: part(draw(1, C, F), SPEAKER)),
    "letter_to_sound": lambda: Case(LetterToSound(), lambda part: part(torch.tensor([[1, 5, 2, 8]]))),
    "speaker_verifier": lambda: Case(SpeakerVerifier(16, 1, 8), lambda part: part(draw(1, 1, 16000))),
}


def case(name: str) -> Case:
    torch.manual_seed(0)
    part, run = CASES[name]()
    for parameter in part.parameters():  # layers that start at zero would hide what comes before them
        if not parameter.any():
            nn.init.normal_(parameter, 0.0, 0.1)
    return Case(part.eval(), torch.no_grad()(run))


def tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors(item)


@pytest.mark.parametrize("name", CASES)
def test_every_tap_fires_with_its_axes_and_a_rate_that_belongs_to_one(name: str) -> None:
    part, run = case(name)
    with probe(part, "*") as records:
        run(part)
    silent = [tap for tap in points(part) if tap not in records]
    assert not silent, f"nothing passed {silent}"
    for tap, record in records.items():
        assert record.meaning, f"{tap} says nothing about itself"
        if record.rate:
            assert set(record.axes) & set(TIME_AXES[:4]), f"{tap} has a rate but no axis of time"
            assert record.rate > 0 and record[:1].at(0.0).axes != record.axes


@pytest.mark.parametrize("name", CASES)
def test_watching_changes_nothing_beyond_rounding(name: str) -> None:
    part, run = case(name)
    plain = [*tensors(run(part))]
    with probe(part, "*"):
        watched = [*tensors(run(part))]
    assert len(plain) == len(watched)
    for a, b in zip(plain, watched, strict=True):
        assert torch.equal(a, b) if not a.is_floating_point() else float((a - b).abs().max()) <= 1e-5
    for a, b in zip(plain, tensors(run(part)), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", CASES)
def test_the_model_goes_on_with_what_a_tap_gives_back(name: str) -> None:
    """An edit of a tap that the component ignores would be a silent null result."""
    part, run = case(name)
    plain, dead = [*tensors(run(part))], []
    with probe(part, "*") as records:
        run(part)
    for tap, point in points(part).items():
        if point.bound.tap.read_only or not records[tap].steps[0].is_floating_point():
            continue
        with probe(part, edits=[noise(tap, 3.0)]):
            changed = [*tensors(run(part))]
        same = all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(plain, changed, strict=True))
        dead += [tap] * same
    assert not dead, f"declare read_only=True, or use the value: {dead}"


@pytest.mark.parametrize("name", CASES)
def test_every_tap_can_be_drawn(name: str) -> None:
    part, run = case(name)
    with probe(part, "*") as records:
        run(part)
    for tap, record in records.items():
        first = record[:1]
        for axis in ("head", "dim"):
            first = first.mean(axis) if axis in first.axes and len(first.axes) > 3 else first
        figure = first.show()
        assert any(axis.has_data() for axis in figure.axes), tap


def test_every_component_with_taps_is_among_the_cases() -> None:
    for package in FOLDERS:
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    folders = tuple(f"{package.__name__}." for package in FOLDERS)
    queue, declared = [Component], set()
    while queue:
        cls = queue.pop()
        queue += cls.__subclasses__()
        if cls.__module__.startswith(folders) and declared_taps(cls):
            declared.add(cls)
    built = {base for name in CASES for part in CASES[name]().part.modules() for base in type(part).__mro__}
    assert {cls.__name__ for cls in declared - built} == ELSEWHERE


def test_there_are_forty_distinct_taps_two_in_every_component() -> None:
    names = {name: {fold(tap) for tap in points(CASES[name]().part)} for name in CASES}
    alternatives = {"verified_speaker_encoder", "hifigan", "istft", "identity_flow", "aligned_gpt", "phone_index_prior"}
    alternatives |= {"teacher", "letter_to_sound", "speaker_verifier", "recogniser", "eres2net", "continuous_content"}
    pipeline = {name: taps for name, taps in names.items() if name not in alternatives}
    assert sum(map(len, pipeline.values())) >= 40
    assert not {name for name, taps in pipeline.items() if len(taps) < 2}


class TestAttention:
    """A decode uses the fused kernel unless a pattern is watched. (The prior writes its attention out in any case.)"""

    def test_it_is_computed_explicitly_only_where_it_is_watched(self, monkeypatch: pytest.MonkeyPatch) -> None:
        part, run = case("semantic_gpt")
        calls: list[int] = []
        fused = functional.scaled_dot_product_attention
        monkeypatch.setattr(
            functional,
            "scaled_dot_product_attention",
            lambda *given, **more: (calls.append(1), fused(*given, **more))[1],
        )
        run(part)
        assert len(calls) == 2, "two layers"
        with probe(part, "*mlp", "*residual", "logits"):
            run(part)
        assert len(calls) == 4, "other taps do not cost the fused kernel"
        with probe(part, "layers.1.attention.pattern"):
            run(part)
        assert len(calls) == 5, "nor does the pattern of another layer"
        with probe(part, "layers.*.attention.pattern"):
            run(part)
        assert len(calls) == 5

    def test_rows_of_the_pattern_sum_to_one(self) -> None:
        part, run = case("prior")
        with probe(part, "*pattern") as records:
            run(part)
        for record in records.values():
            assert torch.allclose(record.value.sum(-1), torch.ones(()), atol=1e-5)


class TestOneCodePath:
    """Teacher forcing and cached decoding are the same modules: the same codes, the same taps, the same values."""

    GREEDY = Sampling(top_k=1, repetition_penalty=1.0, min_new=10, max_new=10)

    def test_greedy_cached_decode_is_the_full_pass_token_by_token(self) -> None:
        model = case("semantic_gpt").part
        phones, context, prompt = inputs()
        made = decoded(model, self.GREEDY)[0]
        assert len(made) == 10
        codes = prompt
        with torch.no_grad():
            for code in made:
                logits = model(phones, context, codes, speaker=SPEAKER)
                assert int(logits[0, -1, : model.eos].argmax()) == int(code)
                codes = torch.cat([codes, code.view(1, 1)], dim=1)

    def test_taps_fire_in_both_and_agree(self) -> None:
        model = case("semantic_gpt").part
        phones, context, prompt = inputs()
        with probe(model, "*") as cached:
            made = decoded(model, self.GREEDY)
        with torch.no_grad(), probe(model, "*") as forced:
            model(phones, context, torch.cat([prompt, made[:, :-1]], dim=1), speaker=SPEAKER)
        assert [*cached] == [*forced] and len(forced) == 5 + 2 * 4
        for name, record in cached.items():
            if name in ("context", "speaker"):
                assert len(record) == 1, "computed once, from the text"
                continue
            assert len(record) == 10, "the prompt and nine steps"
            joined, full = record.joined().value, forced[name].value
            seen = ~joined.isnan()
            assert joined.shape == full.shape and torch.allclose(joined[seen], full[seen], atol=1e-5), name
            assert not full[~seen].any(), "what the cache has not seen gets no attention"

    def test_the_decode_is_the_same_when_everything_is_watched(self) -> None:
        model = case("semantic_gpt").part
        plain = decoded(model, self.GREEDY)
        with probe(model, "*"):
            assert torch.equal(decoded(model, self.GREEDY), plain)

    def test_the_triangle_over_decode_steps(self) -> None:
        model = case("semantic_gpt").part
        with probe(model, "layers.1.attention.pattern") as records:
            decoded(model, self.GREEDY)
        triangle = records["layers.1.attention.pattern"].stacked().mean("head").select("batch", 0).value
        assert triangle.shape == (10, P + 7 + 9)
        seen = (~triangle.isnan()).sum(1)
        assert seen.tolist() == [P + 7 + i for i in range(10)]
        assert torch.allclose(triangle.nansum(1), torch.ones(()), atol=1e-5)

    def test_an_edit_from_a_step_on_leaves_the_codes_before_it(self) -> None:
        model = case("semantic_gpt").part
        plain = decoded(model, self.GREEDY)[0]
        with probe(model, "logits", edits=[noise("logits", 50.0, step=(4, None))]) as records:
            edited = decoded(model, self.GREEDY)[0]
        assert edited[:4].tolist() == plain[:4].tolist() and edited.tolist() != plain.tolist()
        best = [int(step[0, -1, : model.eos].argmax()) for step in records["logits"].steps]
        assert best == edited.tolist(), "the record is what was drawn from, after the edit"
