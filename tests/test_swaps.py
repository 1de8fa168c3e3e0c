"""The promise: every class of every role takes the place of nano's, learns from one batch and speaks one sentence.

Pairs that cannot work stand in `CANNOT` with their reason.
"""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import gsv_lab
import swapping
from gsv_lab import audio
from gsv_lab.corpora.content_data import ContentBatch
from gsv_lab.errors import ConfigError
from gsv_lab.extensions.pitch_predictor import Pitch
from gsv_lab.hooks import probe
from gsv_lab.nn import interfaces
from gsv_lab.nn.discriminators import SubDiscriminator
from gsv_lab.system.config import build
from gsv_lab.system.registry import available, load_parts
from swapping import VERIFICATION, exchanged, is_taught, reduced, train_batch
from tiny import CONTENT, GPT, make_family

OWN = load_parts(Path(__file__).with_name("own_parts.py"))
"""As `--parts FILE.py` does it."""
ROLES: dict[str, type] = {
    "frontend": interfaces.Frontend,
    "quantizer": interfaces.Quantizer,
    "speaker_encoder": interfaces.SpeakerEncoder,
    "prior": interfaces.Prior,
    "posterior": interfaces.Posterior,
    "flow": interfaces.Flow,
    "vocoder": interfaces.Vocoder,
    "pitch_predictor": Pitch,
    "discriminators": interfaces.Discriminator,
    "sub-discriminator": SubDiscriminator,
    "semantic_gpt": interfaces.SemanticGPTRole,
    "content_encoder": interfaces.ContentEncoder,
    "context_encoder": interfaces.ContextEncoder,
}
"""Every role, by the name of the part; a role without a class here fails `test_every_role_is_covered`."""

STYLE = {
    "class_path": "gsv_lab.nn.speaker_encoder.StyleEncoder",
    "init_args": {"spec_channels": 160, "speaker_dim": 20, "width": 16},
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "gsv_lab.nn.speaker_encoder.StyleEncoder": STYLE["init_args"],
    "gsv_lab.nn.speaker_encoder.VerifiedSpeakerEncoder": {"base": STYLE, "verification_dim": VERIFICATION},
    "gsv_lab.extensions.ecapa_tdnn.ECAPATDNN": {"spec_channels": 160, "speaker_dim": 20, "width": 16},
    "gsv_lab.extensions.speaker_table.SpeakerTable": {"base": STYLE},
    "gsv_lab.nn.hifigan.HiFiGAN": {
        "width": 16,
        "upsample_rates": [8, 5, 4, 2],
        "upsample_kernels": [16, 11, 8, 4],
        "block_kernels": [3],
        "dilations": [1],
    },
    "gsv_lab.nn.discriminators.MultiPeriodDiscriminator": {"periods": [7]},
    "gsv_lab.nn.discriminators.PeriodDiscriminator": {"period": 3, "channels": [4, 4]},
    "gsv_lab.nn.discriminators.ScaleDiscriminator": {
        "channels": [4, 4], "groups": [1, 4], "kernels": [15, 5], "strides": [2, 1],
    },
    "gsv_lab.extensions.resolution_discriminator.ResolutionDiscriminator": {"n_fft": 128, "channels": 4},
}  # fmt: skip
"""What a class needs beside those arguments of its predecessor that it takes too."""

CANNOT = {
    "gsv_lab.nn.frontend.LinearFrontend": "measures neither pitch nor LTAS, which nano's vocoder is given",
    "gsv_lab.extensions.continuous_content.ContinuousContent": "has no codes to speak from; resynthesis shows it",
    "gsv_lab.released.companions.HubertContent": "is made of a model of transformers, which no YAML names",
    "gsv_lab.released.companions.BertContext": "is made of a model of transformers, which no YAML names",
}
"""Classes that cannot take nano's place in training or in speech, and why."""
IDLE = ("vocoder.postfilter", "semantic_gpt.speaker")
"""Taps of what a vocoder need not have, and of a speaker vector that SemanticGPT is not given here."""
FREE = ("prior", "posterior", "flow", "vocoder", "speaker_encoder")
"""Parts for which there is no exception."""


def classes(part: str) -> list[str]:
    """Class paths of the package for a part."""
    role = ROLES[part]
    return [path for path, cls in available(role).items() if path.startswith("gsv_lab.") and cls is not role]


def working(*parts: str) -> list[tuple[str, str]]:
    """Parts with each of their classes that can take nano's place."""
    return [(part, path) for part in parts for path in classes(part) if path not in CANNOT]


def spec(path: str, **more: Any) -> dict[str, Any]:
    """A part to be exchanged in: what its predecessor does not say."""
    return {"class_path": path, "init_args": {**ARGUMENTS.get(path, {}), **more}}


def place(part: str) -> str:
    """Where a part stands in the task."""
    return part if part == "discriminators" else f"sovits.{part}"


@pytest.fixture(scope="module")
def recording(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of the sample."""
    path = tmp_path_factory.mktemp("recording") / "short.wav"
    audio.write(path, audio.read(sample, 16000).samples[: 5 * 16000], 16000)
    return path


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """The notice on cloning, and what overlays say about arguments that a new class does not take."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def spoken(folder: Path, recording: Path, part: str, **parts: dict[str, Any]) -> tuple[torch.Tensor, set[str]]:
    """The wave of a sentence by a tiny family with exchanged parts, saved and loaded; taps of a part that fired."""
    lab = gsv_lab.load(str(make_family(folder, **parts)))
    verification = None
    if lab.family.synthesizer.sovits.speaker_encoder.verification_dim:
        verification = torch.zeros(1, VERIFICATION)
    watched = [] if part == "frontend" else [f"{part}.*"]
    with probe(lab, *watched) as records:
        voice = lab.clone(recording, verification=verification)
        wave = lab.speak("We walk home.", voice, seed=1).wave
        lab.copy_synthesis(0.1 * torch.randn(16000), voice)
    pieces = list(lab.stream("We walk home.", voice, seed=1, chunk_seconds=0.3))
    assert torch.isfinite(torch.cat([piece.wave for piece in pieces])).all()
    silent = [name for name in records.watched if name not in records and not name.startswith(IDLE)]
    assert not silent, "every other tap of the part fires"
    return wave, set(records)


def test_every_role_is_covered() -> None:
    """Roles and classes that somebody adds are tried as soon as they are there."""
    declared = {cls for cls in vars(interfaces).values() if inspect.isclass(cls) and inspect.isabstract(cls)}
    roles = {cls for cls in declared if issubclass(cls, interfaces.Role)}
    assert roles | {Pitch, SubDiscriminator} == set(ROLES.values())
    for part in ROLES:
        assert classes(part), part
    known = {path for part in ROLES for path in classes(part)}
    assert set(CANNOT) <= known and set(ARGUMENTS) <= known
    assert not [path for part in FREE for path in classes(part) if path in CANNOT]


@pytest.mark.parametrize(("part", "path"), working(*FREE, "frontend", "quantizer", "pitch_predictor"))
def test_part_of_sovits(part: str, path: str, tmp_path: Path, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task_spec = exchanged(reduced("nano", "sovits"), place(part), spec(path))
    for discriminators in (True, False):
        alone = task_spec if discriminators else exchanged(task_spec, "discriminators", None)
        task = build(alone)
        taken = task.sovits.parts()[part]
        assert f"{type(taken).__module__}.{type(taken).__qualname__}" == path
        losses = train_batch(task, swapping.sovits_batch(task), monkeypatch)
        assert {"kl", "mel", "prior_mel"} <= set(losses) and ("adversarial" in losses) == discriminators
        if part != "quantizer":  # its codebook is frozen
            assert is_taught(taken), part
    wave, fired = spoken(tmp_path, recording, part, sovits=task_spec["init_args"]["sovits"])
    assert wave.abs().sum() > 0 and torch.isfinite(wave).all()
    assert fired or part == "frontend", "the shipped frontend has no taps"


@pytest.mark.parametrize(("part", "path"), working("discriminators", "sub-discriminator"))
def test_discriminator(part: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = spec(path)
    if part == "sub-discriminator":
        made = spec("gsv_lab.nn.discriminators.CombinedDiscriminator", discriminators=[made])
    task = build(exchanged(reduced("nano", "sovits"), "discriminators", made))
    with probe(task.discriminators, "*") as records:
        losses = train_batch(task, swapping.sovits_batch(task), monkeypatch)
    assert losses["discriminator"] > 0 and losses["adversarial"] > 0 and losses["features"] > 0
    assert is_taught(task.discriminators) and is_taught(task.sovits.vocoder)
    assert set(records)


@pytest.mark.parametrize(("part", "path"), working("semantic_gpt"))
def test_semantic_gpt(part: str, path: str, tmp_path: Path, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = build(exchanged(reduced("nano", "gpt"), part, spec(path)))
    losses = train_batch(task, swapping.gpt_batch(task), monkeypatch)
    assert "code" in losses and ("advance" in losses) == bool(task.semantic_gpt.max_advance)
    assert is_taught(task.semantic_gpt)
    made = exchanged({"init_args": {part: GPT}}, part, {"class_path": path})["init_args"][part]
    wave, fired = spoken(tmp_path, recording, part, semantic_gpt=made)
    assert wave.abs().sum() > 0 and f"{part}.logits" in fired


@pytest.mark.parametrize(("part", "path"), working("content_encoder"))
def test_content_encoder(
    part: str, path: str, tmp_path: Path, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = exchanged({"init_args": {part: CONTENT}}, part, {"class_path": path})["init_args"][part]
    task = build({"class_path": "gsv_lab.training.content_task.ContentTask", "init_args": {part: made}})
    mel, labels = torch.randn(2, 80, 60), torch.randint(1, 100, (2, 5))
    lengths = torch.tensor([30, 25]), torch.zeros(2, 30), labels, torch.tensor([5, 4])
    batch = ContentBatch(*lengths, ["en", "zh"], mel)
    assert "ctc" in train_batch(task, batch, monkeypatch) and is_taught(task.content_encoder)
    wave, fired = spoken(tmp_path, recording, part, content_encoder=made)
    assert wave.abs().sum() > 0 and f"{part}.content" in fired


class Surroundings(interfaces.ContextEncoder):
    """One phone in two stands out."""

    dim = 36

    def forward(self, phones: object) -> torch.Tensor:
        return (torch.arange(len(phones)) % 2).float().expand(36, -1)  # type: ignore[arg-type]


def test_context_encoder(tmp_path: Path, recording: Path) -> None:
    lab = gsv_lab.load(str(make_family(tmp_path)))
    synthesizer = lab.family.synthesizer
    assert type(synthesizer.context_encoder).__name__ in {path.rsplit(".", 1)[1] for path in classes("context_encoder")}
    voice = lab.clone(recording)
    spoken = []
    for encoder in (synthesizer.context_encoder, Surroundings()):
        synthesizer.context_encoder = encoder
        with probe(lab, "semantic_gpt.context") as records:
            lab.speak("We walk home.", voice, seed=1)
        spoken.append(records["semantic_gpt.context"].value)
    assert not torch.equal(*spoken)


def test_linear_frontend_is_refused_with_the_reason() -> None:
    path = "gsv_lab.nn.frontend.LinearFrontend"
    made = exchanged(reduced("nano", "sovits"), place("frontend"), spec(path, n_fft=326, hop_length=320))
    with pytest.raises(ConfigError, match="needs (ltas|log_f0|voicing), and") as caught:
        build(made)
    assert caught.value.code == "CONFIG_INCONSISTENT" and "LogMelF0Frontend" in str(caught.value)


def test_own_parts_know_the_interfaces_alone() -> None:
    tree = ast.parse(Path(OWN.__file__ or "").read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    used = {name for name in modules | names if str(name).startswith("gsv_lab")}
    assert used == {"gsv_lab", "gsv_lab.nn.interfaces"}


def own_parts() -> dict[str, Any]:
    """Specs of the own parts, with the sizes of the configuration below."""
    sizes = {name: f"${{sizes.{name}}}" for name in ("latent", "speaker", "content", "n_phones", "mels", "hidden")}
    return {
        "prior": {
            "class_path": "own_parts.RecurrentPrior",
            "init_args": {
                "content_dim": sizes["content"],
                "latent_dim": sizes["latent"],
                "speaker_dim": sizes["speaker"],
                "n_phones": sizes["n_phones"],
                "width": sizes["hidden"],
            },
        },
        "vocoder": {
            "class_path": "own_parts.TransposedVocoder",
            "init_args": {"latent_dim": sizes["latent"], "speaker_dim": sizes["speaker"]},
        },
        "speaker_encoder": {
            "class_path": "own_parts.MeanSpeakerEncoder",
            "init_args": {"spec_channels": sizes["mels"], "speaker_dim": sizes["speaker"]},
        },
    }


@pytest.mark.parametrize("base", ["nano", "synthetic"])
def test_own_parts_from_yaml(base: str, tmp_path: Path, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All three together: trained from YAML, saved, loaded and spoken."""
    parts = {**own_parts(), "pitch_predictor": None}
    overlay = tmp_path / "own.yaml"
    overlay.write_text(yaml.safe_dump({f"{swapping.SOVITS}.{name}": part for name, part in parts.items()}))
    resolved = swapping.experiment(base, "sovits", overlay)["task"]
    for discriminators in (True, False):
        task = build(resolved if discriminators else exchanged(resolved, "discriminators", None))
        losses = train_batch(task, swapping.sovits_batch(task), monkeypatch)
        assert {"kl", "mel"} <= set(losses) and "guide" not in losses
        assert ("adversarial" in losses) == discriminators
        for name in ("prior", "vocoder", "speaker_encoder"):
            part = task.sovits.parts()[name]
            assert type(part).__module__ == "own_parts" and is_taught(part)
    if base == "nano":
        wave, _ = spoken(tmp_path / "family", recording, "flow", sovits=resolved["init_args"]["sovits"])
        assert wave.abs().sum() > 0 and torch.isfinite(wave).all()


@pytest.mark.parametrize("part", ["prior", "vocoder", "speaker_encoder"])
def test_own_part_alone_in_nano(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overlay = tmp_path / "own.yaml"
    overlay.write_text(yaml.safe_dump({f"{swapping.SOVITS}.{part}": own_parts()[part]}))
    task = build(swapping.experiment("nano", "sovits", overlay)["task"])
    losses = train_batch(task, swapping.sovits_batch(task), monkeypatch)
    assert {"kl", "mel"} <= set(losses)
    own = task.sovits.parts()[part]
    assert type(own).__module__ == "own_parts" and is_taught(own)


RELEASED_STYLE = {
    "class_path": "gsv_lab.nn.speaker_encoder.StyleEncoder",
    "init_args": {"spec_channels": 704, "speaker_dim": 16, "width": 16},
}
RELEASED: dict[str, dict[str, Any]] = {
    "gsv_lab.nn.speaker_encoder.VerifiedSpeakerEncoder": {"base": RELEASED_STYLE, "verification_dim": VERIFICATION},
    "gsv_lab.extensions.measured_speaker_encoder.MeasuredSpeakerEncoder": {"base": RELEASED_STYLE},
    "gsv_lab.extensions.speaker_table.SpeakerTable": {"base": RELEASED_STYLE},
    "gsv_lab.extensions.source_filter_vocoder.SourceFilterVocoder": {
        "sample_rate": 32000, "hop_length": 640, "frame_hop": 320, "width": 16, "layers": 1,
    },
    "gsv_lab.extensions.istft_vocoder.InverseSTFTVocoder": {"hop_length": 640, "width": 16, "layers": 1},
    "own_parts.TransposedVocoder": {"hop_length": 640},
    "own_parts.MeanSpeakerEncoder": {"spec_channels": 704, "speaker_dim": 16},
}  # fmt: skip
"""What a class needs among the released parts beside the arguments that it shares with its predecessor."""
NOT_RELEASED = {
    "gsv_lab.extensions.source_filter_vocoder.SourceFilterVocoder": "learns pitch from the recordings",
    "gsv_lab.extensions.measured_speaker_encoder.MeasuredSpeakerEncoder": "holds the pitch of the reference",
}
"""Parts that work with pitch, which the released frontend does not measure."""


def released_swaps() -> list[tuple[str, str]]:
    """Parts with each of their classes, own ones included."""
    own = [("prior", "RecurrentPrior"), ("vocoder", "TransposedVocoder"), ("speaker_encoder", "MeanSpeakerEncoder")]
    return [*working(*FREE), *((part, f"own_parts.{name}") for part, name in own)]


@pytest.mark.parametrize(("part", "path"), released_swaps())
def test_released_sizes(part: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published composition, at its released rates and spectra and with reduced widths: one batch, one decode."""
    made = exchanged(reduced("v2", "sovits"), place(part), {"class_path": path, "init_args": RELEASED.get(path, {})})
    if path in NOT_RELEASED:
        with pytest.raises(ConfigError, match="needs log_f0.*for example .*LogMelF0Frontend"):
            build(made)
        return
    task = build(made)
    losses = train_batch(task, swapping.sovits_batch(task), monkeypatch)
    assert {"kl", "mel", "adversarial"} <= set(losses)
    assert is_taught(task.sovits.parts()[part])
    sovits = task.sovits.eval()
    watched = [] if path.startswith("own_parts") else [f"{part}.*"]
    with torch.no_grad(), probe(sovits, *watched) as records:
        features = sovits.frontend.reference(0.1 * torch.randn(1, 1, 32000))
        verification = [torch.zeros(1, VERIFICATION)] if sovits.speaker_encoder.verification_dim else None
        voice = sovits.voice([features], verification)
        codes, phones = torch.zeros(1, 8, dtype=torch.int64), torch.ones(1, 4, dtype=torch.int64)
        wave = sovits.decode(codes, phones, voice).vocoded.wave
        sovits.reconstruct(features, voice)
    assert wave.shape == (1, 1, 16 * 640) and torch.isfinite(wave).all()
    assert set(records) or not watched
