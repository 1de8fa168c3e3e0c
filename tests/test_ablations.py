"""The ablations: each overlay fits nano and the synthetic corpus, trains, and has the property that it is named for."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import gsv_lab
from gsv_lab import audio
from gsv_lab.checkpoint import save_component
from gsv_lab.corpora.content_data import ContentBatch
from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.grids.base import Base, changed_stages, read_base
from gsv_lab.extensions.measured_speaker_encoder import median_log_f0
from gsv_lab.hooks import probe, swap
from gsv_lab.nn.interfaces import Conditioning, Vocoded
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.system.config import build, load_experiment
from gsv_lab.system.settings import Recipe
from gsv_lab.text import phonemize
from swapping import CONFIGS, experiment, gpt_batch, reduced, reduced_file, sovits_batch, train_batch
from tiny import GPT, make_family

FOLDER = CONFIGS / "ablations"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml") if not path.stem.startswith("speech_"))
both = pytest.mark.parametrize("base", ["nano", "synthetic"])
NANO_ALONE = {"no_added_losses", "no_augmentation", "no_ltas", "no_phone_index", "no_waves_from_prior", "own_pitch"}
"""Overlays that take away what only nano has."""
SYNTHETIC_ALONE = {"phone_index"}
TUNED = {"lora_2", "lora_8", "lora_32"}
"""Overlays over the fine-tuning of a voice."""
PRIMARY = {"sovits": "resynthesis_mel", "gpt": "code", "content": "phone_error_en"}
LEFT_OUT = {"gpt_no_alignment": "does not take max_advance"}
"""What an overlay is told when it exchanges a class and keeps its arguments."""


def stage_of(name: str) -> str:
    """The stage that an overlay lies over."""
    return next((stage for stage in ("gpt", "content") if name.startswith(f"{stage}_")), "sovits")


def over() -> list[tuple[str, str]]:
    """Each overlay with each base that it fits."""
    pairs = []
    for name in NAMES:
        if name not in TUNED:
            pairs += [(name, "nano")] * (name not in SYNTHETIC_ALONE) + [(name, "synthetic")] * (name not in NANO_ALONE)
    return pairs


@cache
def grid_base(base: str, stage: str) -> Base:
    """A shipped configuration at reduced widths, as the base of a grid."""
    return read_base(reduced_file(base, stage))


@cache
def ablated(base: str, name: str, stage: str = "") -> dict[str, Any]:
    """What `gsv-lab ablate` makes of a stage at reduced widths with one overlay; whatever is left out is an error."""
    stage = stage or stage_of(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", LEFT_OUT.get(name, "-"))
        warnings.filterwarnings("ignore", f".*{LEFT_OUT.get(name, '-')}")
        return changed_stages(grid_base(base, stage), FOLDER / f"{name}.yaml", name)[stage]


def tasks(base: str, name: str) -> tuple[Any, Any]:
    """The ablated task, and the one without the overlay; from the same seed."""
    made = []
    for task in (ablated(base, name)["task"], reduced(base, stage_of(name))):
        torch.manual_seed(0)
        made.append(build(task).eval())
    return made[0], made[1]


@pytest.fixture(autouse=True)
def no_notice() -> Iterator[None]:
    """Without the notice on cloning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_they_are_short_and_say_what_they_are_for() -> None:
    """Base, primary measure, budget and detectable difference stand in the first lines."""
    assert len(NAMES) == 36
    for name in NAMES:
        lines = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
        said = " ".join(line.removeprefix("# ") for line in lines if line.startswith("# "))
        assert len(lines) <= 12 and f"Over {stage_of(name)}.yaml" in said
        assert re.search(rf"Primary measure: {PRIMARY[stage_of(name)]}\. Budget: \d+ batches, 3 seeds\.", said)
        assert "Detectable difference:" in said


@pytest.mark.parametrize(("name", "base"), over())
def test_fits_and_trains(name: str, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of its own name, a configuration that differs, and two batches."""
    stage, resolved = stage_of(name), ablated(base, name)
    assert resolved["name"] == f"{base}-{name.replace('_', '-')}"
    task = build(resolved["task"])
    task.adopt(Recipe(**resolved["recipe"]))
    make = {"gpt": gpt_batch, "sovits": sovits_batch, "content": content_batch}[stage]
    for number in range(2):
        task.batches = number
        losses = train_batch(task, make(task), monkeypatch)
    assert {"gpt": "code", "sovits": "mel", "content": "ctc"}[stage] in losses
    data = build(resolved["data"])
    assert not [need for need in task.batch_needs if data.missing(need)]


def content_batch(task: Any) -> ContentBatch:
    """Two clips of noise with labels."""
    generator = torch.Generator().manual_seed(0)
    mel, labels = torch.randn(2, 80, 60, generator=generator), torch.randint(1, 26, (2, 5), generator=generator)
    return ContentBatch(torch.tensor([30, 25]), torch.zeros(2, 30), labels, torch.tensor([5, 4]), ["en", "zh"], mel)


@both
def test_aligned_prior_needs_no_codes(base: str) -> None:
    """In training some clips of a batch get no codes or those of another clip; phones are given always."""
    ablation, whole = tasks(base, "aligned_prior")
    batch = sovits_batch(whole)
    other = batch._replace(codes=batch.codes.flip(0))
    ablation.sovits.prior.content_dropout = 1.0
    ablation.sovits.train()
    for task, same in ((ablation, True), (whole, False)):
        with torch.no_grad():
            one, two = (task.generate(given).out.m_p for given in (batch, other))
        assert torch.equal(one, two) == same


@both
def test_frozen_latents_stay(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step moves prior and pitch predictor, and nothing else."""
    ablation, whole = tasks(base, "frozen_latents")
    for task, frozen in ((ablation, True), (whole, False)):
        before = {name: value.clone() for name, value in task.sovits.named_parameters()}
        losses = train_batch(task, sovits_batch(task), monkeypatch)
        assert ("latent" in losses) == frozen
        moved = {name.split(".")[0] for name, value in task.sovits.named_parameters() if (value != before[name]).any()}
        assert {"prior", "flow", "posterior", "vocoder"} <= moved or frozen
        assert not frozen or moved == {"prior"} | ({"pitch_predictor"} & set(task.sovits.parts()))


@both
def test_latent_adversary_learns_and_teaches(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It learns from the first batch; the prior learns from it once the budget allows, and nothing else moves."""
    ablation, whole = tasks(base, "latent_adversary")
    assert "latent_discriminator" in ablation.components() and "latent_discriminator" not in whole.components()
    terms = {"latent_adversarial", "latent_features"}
    for progress, teaches in ((0.0, False), (0.5, True)):
        ablation.progress = progress
        before = {name: value.clone() for name, value in ablation.named_parameters()}
        losses = train_batch(ablation, sovits_batch(ablation), monkeypatch)
        assert (terms & set(losses) == terms) == teaches and "latent_discriminator" in losses
        moved = {name.split(".")[1] for name, value in ablation.named_parameters() if (value != before[name]).any()}
        own = {name.split(".")[0] for name, _ in ablation.latent_discriminator.named_parameters()}
        assert moved - own == {"prior"} | ({"pitch_predictor"} & set(ablation.sovits.parts()))
        assert own <= moved


def test_a_part_that_is_not_there_cannot_be_frozen() -> None:
    task = deepcopy(reduced("nano", "sovits"))
    training = "gsv_lab.extensions.latent_discriminator.LatentTraining"
    task["init_args"]["latent_training"] = {"class_path": training, "init_args": {"frozen": ["prior", "vocodr"]}}
    with pytest.raises(ConfigError, match="no part 'vocodr' to freeze.*vocoder"):
        build(task)


@both
def test_no_flow_leaves_the_latent_alone(base: str) -> None:
    ablation, whole = tasks(base, "no_flow")
    batch = sovits_batch(whole)
    for parameter in whole.sovits.flow.parameters():  # a new flow is the identity, too
        torch.nn.init.normal_(parameter, std=0.1)
    with torch.no_grad():
        out, with_flow = ablation.generate(batch).out, whole.generate(batch).out
    assert torch.equal(out.z, out.z_p) and not torch.equal(with_flow.z, with_flow.z_p)


@both
def test_style_encoder_learns_its_whole_vector(base: str) -> None:
    """F0 and LTAS of a reference do not enter the vector; a part that needs them gets those of the reference."""
    ablation, whole = tasks(base, "style_encoder")
    features = whole.reference(sovits_batch(whole))
    higher = features._replace(log_f0=features.log_f0 + 0.5)
    for task, same in ((ablation, True), (whole, False)):
        encoder = task.sovits.speaker_encoder
        assert torch.equal(encoder(features), encoder(higher)) == same
    sovits = ablation.sovits
    conditioning = sovits.conditioning(sovits.embed(features))
    assert conditioning.speaker.shape[1] == whole.sovits.speaker_encoder.speaker_dim
    if base == "nano":
        assert torch.equal(conditioning.ltas, features.ltas)
        assert torch.equal(conditioning.median_log_f0, median_log_f0(features))
    else:
        assert conditioning.ltas is None and conditioning.median_log_f0 is None


@both
def test_ecapa_weighs_frames_for_each_channel(base: str) -> None:
    ablation, whole = tasks(base, "speaker_ecapa")
    sovits = ablation.sovits
    with torch.no_grad(), probe(sovits, "speaker_encoder.pooling.attention") as records:
        voice = sovits.embed(ablation.reference(sovits_batch(ablation)))
    weights = records["speaker_encoder.pooling.attention"].value
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:2]))
    assert not torch.allclose(weights[:, :1].expand_as(weights), weights, rtol=1e-3)
    assert sovits.conditioning(voice).speaker.shape[1] == whole.sovits.speaker_encoder.speaker_dim


@both
def test_voices_are_read_from_the_table(base: str) -> None:
    """Two recordings differ by their weights alone: with the weights of one entry both have the same vector."""
    ablation, whole = tasks(base, "speaker_table")
    encoder = ablation.sovits.speaker_encoder
    features = whole.reference(sovits_batch(whole))
    chosen = torch.zeros(1, encoder.heads, len(encoder.table))
    chosen[..., 3] = 1
    with torch.no_grad():
        mixed = encoder(features)
        with probe(encoder, edits=[swap("weights", chosen)]):
            alone = encoder(features)
    assert not torch.allclose(mixed[0], mixed[1]) and torch.equal(alone[0], alone[1])
    assert not torch.allclose(alone, mixed)


@both
@pytest.mark.parametrize("name", ["speaker_ecapa", "speaker_table"])
def test_speaker_encoders_learn_with_all_their_tensors(name: str, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two batches reach and move every tensor, but for the bias of keys, which the softmax takes away."""
    task = tasks(base, name)[0]
    tensors = dict(task.sovits.speaker_encoder.named_parameters())
    tensors.pop("base.attention.key.bias", None)
    before = {key: value.clone() for key, value in tensors.items()}
    for _ in range(2):
        train_batch(task, sovits_batch(task), monkeypatch)
    for key, value in tensors.items():
        assert value.grad.abs().sum() > 0 and not torch.equal(value, before[key]), key


def given_to_vocoder(task: Any, monkeypatch: pytest.MonkeyPatch) -> list[Conditioning]:
    """What the vocoder is conditioned on in training and in synthesis."""
    seen = []
    speak = task.sovits.vocoder.forward

    def forward(z: Tensor, conditioning: Conditioning, generator: torch.Generator | None = None) -> Vocoded:
        seen.append(conditioning)
        return speak(z, conditioning, generator)

    monkeypatch.setattr(task.sovits.vocoder, "forward", forward)
    with torch.no_grad():
        task.generate(sovits_batch(task))
        task.resynthesis_mel(sovits_batch(task))
    return seen


@both
@pytest.mark.parametrize(("name", "cls"), [("hifigan", "HiFiGAN"), ("istft", "InverseSTFTVocoder")])
def test_vocoders_are_given_no_pitch(name: str, cls: str, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ablation, whole = tasks(base, name)
    assert type(ablation.sovits.vocoder).__name__ == cls
    seen = given_to_vocoder(ablation, monkeypatch)
    assert len(seen) == 2 and all(conditioning.log_f0 is None for conditioning in seen)
    assert given_to_vocoder(whole, monkeypatch)[0].log_f0 is not None
    terms = ablation.generate(sovits_batch(ablation)).terms
    assert not {"f0", "voicing"} & set(terms) and {"f0", "voicing"} <= set(whole.generate(sovits_batch(whole)).terms)


@both
def test_no_quantizer_shows_the_content_to_the_prior(base: str) -> None:
    """Two contents with the same codes: the same to a prior behind a quantizer, not to one without."""
    ablation, whole = tasks(base, "no_quantizer")
    content = torch.randn(1, 12, 20)
    near = content + 1e-3 * torch.randn(1, 12, 20)
    quantizer = whole.sovits.quantizer
    assert torch.equal(quantizer.encode(content), quantizer.encode(near))

    def expected(sovits: SoVITS, content: Tensor) -> Tensor:
        voice = sovits.embed(whole.reference(sovits_batch(whole)))[:1]
        phones = torch.ones(1, 4, dtype=torch.int64)
        with torch.no_grad():
            return sovits.decode(None, phones, voice, 0.0, content=content).prior.mean

    assert torch.equal(expected(whole.sovits, content), expected(whole.sovits, near))
    assert not torch.equal(expected(ablation.sovits, content), expected(ablation.sovits, near))


def test_no_quantizer_resynthesizes_and_cannot_speak(tmp_path: Path, sample: Path) -> None:
    sovits = ablated("nano", "no_quantizer")["task"]["init_args"]["sovits"]
    lab = gsv_lab.load(str(make_family(tmp_path, sovits=sovits)))
    wave = audio.read(sample, 16000).samples[: 4 * 16000]
    audio.write(tmp_path / "short.wav", wave, 16000)
    voice = lab.clone(tmp_path / "short.wav")
    with pytest.raises(ConfigError, match="without a quantizer, so there are no codes to speak from.*resynthesize"):
        lab.speak("We walk home.", voice)
    made = lab.resynthesize(wave, phonemize("We walk home.", "en"), voice.speaker)
    assert len(made.wave) == pytest.approx(len(wave), abs=640) and made.wave.abs().sum() > 0


@both
def test_no_discriminators_and_nothing_of_them(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ablation, whole = tasks(base, "no_discriminators")
    assert set(ablation.components()) == {"sovits"} and set(whole.components()) == {"sovits", "discriminators"}
    assert not [name for name, _ in ablation.named_parameters() if "discriminator" in name]
    assert (len(ablation.configure_optimizers()), len(whole.configure_optimizers())) == (1, 2)
    terms = {"adversarial", "features", "discriminator"}
    assert not terms & set(train_batch(ablation, sovits_batch(ablation), monkeypatch))
    assert terms <= set(train_batch(whole, sovits_batch(whole), monkeypatch))


@both
def test_no_context_makes_contexts_equal(base: str) -> None:
    ablation, whole = tasks(base, "gpt_no_context")
    batch = gpt_batch(whole)
    other = batch._replace(context=1 - batch.context)
    for task, same in ((ablation, True), (whole, False)):
        one, two = (task.losses(given, guided=False).logits for given in (batch, other))
        assert torch.equal(one, two) == same


@both
def test_speaker_conditioned_gpt_tells_speakers_apart(base: str) -> None:
    ablation, whole = tasks(base, "gpt_speaker")
    batch = gpt_batch(ablation)
    other = batch._replace(speaker=-batch.speaker)
    for task, same in ((ablation, False), (whole, True)):
        one, two = (task.losses(given, guided=False).logits for given in (batch, other))
        assert torch.equal(one, two) == same
    resolved = ablated(base, "gpt_speaker")
    assert resolved["data"]["init_args"]["speaker_file"] == resolved["sizes"]["sovits"] != ""


def test_speaker_conditioned_gpt_speaks(tmp_path: Path, sample: Path) -> None:
    """Synthesis hands the voice's vector to SemanticGPT."""
    gpt = {**GPT, "init_args": {**GPT["init_args"], "speaker_dim": 16}}
    lab = gsv_lab.load(str(make_family(tmp_path, semantic_gpt=gpt)))
    audio.write(tmp_path / "short.wav", audio.read(sample, 16000).samples[: 4 * 16000], 16000)
    voice = lab.clone(tmp_path / "short.wav")
    with gsv_lab.probe(lab, "semantic_gpt.speaker") as records:
        assert lab.speak("We walk home.", voice, seed=1).wave.abs().sum() > 0
    assert records["semantic_gpt.speaker"].value.abs().sum() > 0


@both
def test_the_weight_of_the_kl_term_warms_up(base: str) -> None:
    ablation, whole = tasks(base, "kl_warm_up")
    ablation.adopt(Recipe(**ablated(base, "kl_warm_up")["recipe"]))
    rises = []
    for batches in (0, 50, 100):
        ablation.batches = whole.batches = batches
        rises.append(ablation.rise("kl"))
        assert whole.rise("kl") == 1
    assert rises[0] < 0.02 and rises[1] == pytest.approx(0.5, abs=0.02) and rises[2] == 1


@both
def test_without_posterior_noise_the_vocoder_hears_the_mean(base: str) -> None:
    """Two draws from the posterior: the same waves to learn from, and two latents for the KL divergence."""
    ablation, whole = tasks(base, "no_posterior_noise")
    batch = sovits_batch(whole)
    noises = torch.randn(2, 2, 8, batch.wave.shape[-1] // 320, generator=torch.Generator().manual_seed(1))
    for task, same in ((ablation, True), (whole, False)):
        waves, latents = [], []
        for noise in noises:
            with torch.no_grad():
                out = task.sovits(
                    task.features(batch), batch.phones, codes=batch.codes, reference=task.reference(batch), noise=noise,
                    starts=torch.zeros(2, dtype=torch.int64), generator=torch.Generator().manual_seed(2),
                )  # fmt: skip
            waves.append(out.vocoded.wave)
            latents.append(out.z)
        assert torch.equal(*waves) == same and not torch.equal(*latents)


@both
@pytest.mark.parametrize("n_codes", [64, 256, 1024])
def test_codebooks_have_the_size_of_their_name(base: str, n_codes: int) -> None:
    """In both stages; the synthetic corpus has one of 64 already."""
    name = f"codebook_{n_codes}"
    assert build(ablated(base, name)["task"]["init_args"]["sovits"]["init_args"]["quantizer"]).n_codes == n_codes
    if (base, n_codes) != ("synthetic", 64):  # which is the base itself
        assert ablated(base, name, "gpt")["task"]["init_args"]["semantic_gpt"]["init_args"]["n_codes"] == n_codes
    else:
        assert load_experiment([CONFIGS / base / "sovits.yaml"])["data"]["init_args"]["n_codes"] == 64


def expected_of(task: Any, batch: Any, phones: Tensor, aligned: bool) -> Tensor:
    """What the prior expects of a batch with another text, its alignment known or not."""
    changed = batch._replace(phones=phones, positions=batch.positions if aligned else None)
    with torch.no_grad():
        mean: Tensor = task.generate(changed).out.m_p
    return mean


@both
def test_no_text_makes_texts_equal(base: str) -> None:
    ablation, whole = tasks(base, "no_text")
    batch = sovits_batch(whole)
    for task, same in ((ablation, True), (whole, False)):
        one, two = (expected_of(task, batch, phones, True) for phones in (batch.phones, batch.phones.flip(1)))
        assert torch.equal(one, two) == same
    assert ablation.sovits.prior.alignment() is None and whole.sovits.prior.alignment() is not None


@both
def test_without_attention_frames_get_their_own_phone_alone(base: str) -> None:
    """Where no alignment is known, nothing of the text is left; where it is, it counts."""
    ablation, whole = tasks(base, "no_text_attention")
    batch = sovits_batch(whole)
    texts = batch.phones, batch.phones.flip(1)
    for task, aligned, same in ((ablation, False, True), (ablation, True, False), (whole, False, False)):
        one, two = (expected_of(task, batch, phones, aligned) for phones in texts)
        assert torch.equal(one, two) == same, (aligned, same)
    assert ablation.sovits.prior.alignment() is None


@pytest.mark.parametrize(
    ("name", "base", "knows"), [("no_phone_index", "nano", True), ("phone_index", "synthetic", False)]
)
def test_the_phone_of_a_frame_is_told_or_not(name: str, base: str, knows: bool) -> None:
    ablation, whole = tasks(base, name)
    batch = sovits_batch(whole)
    for task, tells in ((ablation, not knows), (whole, knows)):
        told, untold = (expected_of(task, batch, batch.phones, aligned) for aligned in (True, False))
        assert torch.equal(told, untold) != tells


@pytest.mark.parametrize(
    ("name", "base", "losses"),
    [
        ("no_feature_matching", "nano", ["features"]),
        ("no_feature_matching", "synthetic", ["features"]),
        ("no_added_losses", "nano", ["f0_variance", "convergence"]),
    ],
)
def test_losses_that_teach_nothing(name: str, base: str, losses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ablation, whole = tasks(base, name)
    for task, teaches in ((ablation, False), (whole, True)):
        monkeypatch.setattr(task, "log", lambda *_, **__: None)
        terms = {loss: torch.ones((), requires_grad=True) for loss in [*losses, "mel"]}
        task.total(terms).backward()
        assert all(bool(terms[loss].grad) == teaches for loss in losses) and terms["mel"].grad > 0


@both
def test_period_discriminators_see_periods(base: str) -> None:
    ablation, whole = tasks(base, "period_discriminators")
    parts, others = (task.discriminators.discriminators for task in (ablation, whole))
    assert [part.period for part in parts] == [2, 3, 5, 7]
    assert {type(part).__name__ for part in others} == {"ResolutionDiscriminator"}


def test_no_ltas_in_frontend_voice_and_vocoder() -> None:
    ablation, whole = tasks("nano", "no_ltas")
    for task, width in ((ablation, 0), (whole, 4)):
        features = task.reference(sovits_batch(task))
        conditioning = task.sovits.conditioning(task.sovits.embed(features))
        assert (features.ltas is None) == (conditioning.ltas is None) == (not width)
        assert task.sovits.vocoder.ltas_dim == width


def test_own_pitch_is_expected_by_the_vocoder(monkeypatch: pytest.MonkeyPatch) -> None:
    ablation, whole = tasks("nano", "own_pitch")
    assert "pitch_predictor" not in ablation.sovits.parts() and "pitch_predictor" in whole.sovits.parts()
    batch = sovits_batch(whole)
    voice = ablation.sovits.voice([ablation.reference(batch)])
    made = ablation.sovits.decode(batch.codes, batch.phones, voice, 0.0)
    assert made.vocoded.log_f0 is not None and "log_f0" not in ablation.sovits.vocoder.needs
    assert {"f0", "voicing"} <= set(ablation.generate(batch).terms)


def test_no_waves_from_the_prior() -> None:
    ablation, whole = tasks("nano", "no_waves_from_prior")
    for task, none in ((ablation, True), (whole, False)):
        generated = task.train().generate(sovits_batch(task))
        assert (generated.out.from_prior == 0) == none == ("prior_mel" not in generated.terms)


def test_no_augmentation_leaves_windows_alone() -> None:
    assert build(ablated("nano", "no_augmentation")["data"]).augmentation is None
    assert build(experiment("nano", "sovits")["data"]).augmentation is not None


@both
def test_gpt_without_alignment_is_shown_one_head(base: str) -> None:
    ablation, whole = tasks(base, "gpt_no_alignment")
    assert ablation.semantic_gpt.max_advance == 0 < whole.semantic_gpt.max_advance
    terms = [set(task.losses(gpt_batch(task), guided=task.guided_layer >= 0).terms) for task in (ablation, whole)]
    assert terms == [{"code", "guide"}, {"code", "advance"}]


SMALL_CORPUS = {
    "class_path": "gsv_lab.corpora.synthetic.SyntheticCorpus",
    "init_args": {"n_speakers": 3, "n_clips": 9, "seed": 2, "n_syllables": [3, 4]},
}


def small_data(name: str, stage: str, folder: Path, **more: Any) -> Any:
    """The data of the synthetic corpus with an overlay, of a few clips."""
    resolved = deepcopy(ablated("synthetic", name, stage)["data"])
    resolved["init_args"] |= {"store": str(folder), "corpus": SMALL_CORPUS, "valid_speakers": 1, **more}
    return build(resolved)


def test_an_unperturbed_content_encoder_hears_recordings(tmp_path: Path) -> None:
    """In training it is given what it is given in validation."""
    task = build(reduced("synthetic", "content"))
    heard = []
    for stretch in (None, 0.12):
        data = small_data("content_unperturbed", "content", tmp_path, stretch=stretch)
        data.attach(task, None, 0)
        data.setup()
        heard.append([data.collate(data.chosen["train"][:2], n).mel for n in (0, None)])
    assert torch.equal(*heard[0]) and heard[1][0].shape != heard[1][1].shape
    assert build(ablated("nano", "content_unperturbed")["data"]).stretch is None


@pytest.mark.parametrize("seconds", [15, 60])
def test_seconds_of_data(seconds: int, tmp_path: Path) -> None:
    """Never more, nearly as many, and other ones with another seed; the clips that are held back stay."""
    for base in ("nano", "synthetic"):
        assert build(ablated(base, f"seconds_{seconds}")["data"]).train_seconds == {"train": seconds}
    tuned = load_experiment([CONFIGS / "finetune" / "sovits.yaml", FOLDER / f"seconds_{seconds}.yaml"])
    assert tuned["data"]["init_args"]["train"] == {"train": seconds} and tuned["name"] == f"finetune-seconds-{seconds}"
    if seconds == 60:
        return
    content = save_component(build(reduced("synthetic", "content")).content_encoder, tmp_path / "content.safetensors")
    chosen = []
    for limit, seed in ((0.0, 1), (4.0, 1), (4.0, 2), (0.1, 1)):
        more = {
            "train": {"train": limit} if limit else ["train"],
            "content_file": str(content),
            "n_codes": 8,
            "seed": seed,
        }
        data = small_data("seconds_15", "sovits", tmp_path / "store", **more)
        data.setup()
        chosen.append(data.chosen)
        together = sum(data.seconds(index) for index in data.chosen["train"])
        assert limit in (0.0, 0.1) or limit - 2.0 < together <= limit
    assert len({tuple(found["valid"]) for found in chosen}) == 1
    assert set(chosen[1]["train"]) < set(chosen[0]["train"]) and chosen[1]["train"] != chosen[2]["train"]
    assert len(chosen[3]["train"]) == 1


def test_ranks_of_low_rank_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two batches of nano's SoVITS each; what learns grows with the rank, and the rest stays."""
    pytest.importorskip("peft", reason="the extra [lora] is not installed")
    counts = {}
    for name in sorted(TUNED):
        paths = [CONFIGS / "finetune" / "sovits.yaml", FOLDER / f"{name}.yaml"]
        resolved = load_experiment(paths)
        assert resolved["name"] == f"finetune-{name.replace('_', '-')}"
        task = build(resolved["task"])
        adapters = {key: value for key, value in task.sovits.named_parameters() if "lora_" in key}
        counts[int(name.removeprefix("lora_"))] = sum(value.numel() for value in adapters.values())
        before = {key: value.clone() for key, value in task.sovits.named_parameters()}
        for _ in range(2 if name == "lora_2" else 0):
            assert "mel" in train_batch(task, sovits_batch(task, frames=64), monkeypatch)
        moved = {key for key, value in task.sovits.named_parameters() if (value != before[key]).any()}
        assert moved <= {*adapters, "speaker_encoder.vector"} and bool(moved) == (name == "lora_2")
    assert counts[2] < counts[8] < counts[32] and counts[8] == pytest.approx(4 * counts[2], rel=0.1)
