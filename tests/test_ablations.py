"""The ablations: each overlay fits nano and the synthetic corpus, trains, and has the property that it is named for."""

from __future__ import annotations

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
from gsv_lab.errors import ConfigError
from gsv_lab.extensions.measured_speaker_encoder import median_log_f0
from gsv_lab.hooks import probe, swap
from gsv_lab.nn.interfaces import Conditioning, Vocoded
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.system.config import build
from gsv_lab.text import phonemize
from swapping import CONFIGS, experiment, gpt_batch, reduced, sovits_batch, train_batch
from tiny import GPT, make_family

FOLDER = CONFIGS / "ablations"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
both = pytest.mark.parametrize("base", ["nano", "synthetic"])


@cache
def ablated(base: str, name: str) -> dict[str, Any]:
    """A configuration at reduced widths with one overlay; whatever is left out or changes nothing is an error."""
    stage = "gpt" if name.startswith("gpt_") else "sovits"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return experiment(base, stage, FOLDER / f"{name}.yaml")


def tasks(base: str, name: str) -> tuple[Any, Any]:
    """The ablated task, and the one without the overlay; from the same seed."""
    made = []
    for task in (ablated(base, name)["task"], reduced(base, "gpt" if name.startswith("gpt_") else "sovits")):
        torch.manual_seed(0)
        made.append(build(task).eval())
    return made[0], made[1]


@pytest.fixture(autouse=True)
def no_notice() -> Iterator[None]:
    """Without the notice on cloning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_there_are_thirteen_short_ones() -> None:
    assert len(NAMES) == 13
    for name in NAMES:
        lines = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 12 and lines[0].startswith("# ")


@both
@pytest.mark.parametrize("name", NAMES)
def test_fits_and_trains(name: str, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of its own name, a part that differs, and one batch."""
    resolved = ablated(base, name)
    assert resolved["name"] == f"{base}-{name.replace('_', '-')}"
    task = build(resolved["task"])
    assert resolved["task"] != reduced(base, "gpt" if name.startswith("gpt_") else "sovits")
    batch = gpt_batch(task) if name.startswith("gpt_") else sovits_batch(task)
    losses = train_batch(task, batch, monkeypatch)
    assert ("code" if name.startswith("gpt_") else "mel") in losses
    data = build(resolved["data"])
    assert not [need for need in task.batch_needs if data.missing(need)]


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
