"""One setting for the device and one for the number format, and nothing that is made on the CPU beside a GPU's tensors.

Where there is no GPU, one is pretended (`pretended_device`); what is calculated must then be the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from pytorch_lightning.utilities import move_data_to_device

from gsv_lab.cli import main
from gsv_lab.corpora.sovits_data import SoVITSData
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.corpora.tracks import add_codes, add_content, add_pitch
from gsv_lab.errors import ConfigError
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.streaming import ChunkDecoder
from gsv_lab.system import machine
from gsv_lab.system.config import build
from gsv_lab.system.machine import arithmetic, pick_device, pick_precision
from gsv_lab.text import phonemize
from gsv_lab.training.finetuning import run
from gsv_lab.training.sovits_task import SoVITSTask
from pretended_device import There, pretended_device
from released_files import write_family
from tiny import DISCRIMINATORS, SOVITS, make_family, make_store

TEXT = "we walk."
REAL = torch.cuda.is_available()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some seconds of synthetic speech."""
    path = tmp_path_factory.mktemp("recording") / "me.wav"
    corpus = SyntheticCorpus(n_speakers=1, n_clips=6, seed=4)
    wave = torch.cat([torch.from_numpy(corpus[i].wave) for i in range(6)])
    soundfile.write(path, wave[: 16000 * 5 + 8000].numpy(), 16000)
    return path


@contextmanager
def gpu() -> Iterator[torch.device]:
    """The GPU that is there, or one that is not."""
    if REAL:
        yield torch.device("cuda:0")
        return
    with pretended_device() as device:
        yield device


def everything(lab: Lab, recording: Path) -> dict[str, torch.Tensor]:
    """What a lab gives in all the ways in which it speaks."""
    voice = lab.clone(recording, name="me")
    found = {"speaker": voice.speaker, "codes": voice.prompt.codes}
    if voice.residuals is not None:
        found |= {"hidden": voice.residuals.hidden, "weights": voice.residuals.weights}
    speech = lab.speak(TEXT, voice, language="en", candidates=1, noise_scale=0.4)
    found |= {"wave": speech.wave, "spoken": speech.codes}
    if lab.recordings.reranker() is not None:
        found["best"] = lab.speak(TEXT, voice, language="en", candidates=2).wave
    found["together"] = lab.speak("we. it was.", voice, language="en", candidates=1, batch=2).wave
    pieces = list(lab.stream(TEXT, voice, language="en", chunk_seconds=0.2))
    found["pieces"] = torch.cat([piece.wave for piece in pieces])
    wave = torch.randn(8000, generator=torch.Generator().manual_seed(0)) * 0.1
    found["copy"] = lab.copy_synthesis(wave, voice).wave
    if lab.family.synthesizer.content_encoder.n_phones:
        phones = phonemize("we", "en")
        found["again"] = lab.resynthesize(wave, phones, voice.speaker, residuals=voice.residuals).wave
    return found


def compare(folder: str, recording: Path) -> None:
    plain = everything(load(folder), recording)
    lab = load(folder)
    with gpu() as device:
        lab.family.synthesizer.to(device)
        moved = everything(lab, recording)
    assert plain.keys() == moved.keys()
    for name, value in plain.items():
        assert moved[name].device.type == "cpu" and not isinstance(moved[name], There), name
        if REAL:
            assert moved[name].dtype == value.dtype
        else:
            assert torch.equal(moved[name], value), name


def test_a_lab_on_another_device(tmp_path: Path, recording: Path) -> None:
    compare(str(make_family(tmp_path / "family")), recording)


def test_a_released_family_on_another_device(tmp_path: Path, recording: Path) -> None:
    """With all its companions."""
    pytest.importorskip("transformers")
    compare(str(write_family(tmp_path / "family", pro=True)), recording)


def test_fine_tuning_on_another_device(tmp_path: Path, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not REAL:  # autograd asks for the driver
        nothing = lambda experiment, folder, **_: (folder / "checkpoints" / "000002").mkdir(parents=True)  # noqa: E731
        monkeypatch.setattr(run, "fit", nothing)
    folder = str(make_family(tmp_path / "family"))
    prepared = tmp_path / "me"
    prepared.mkdir()
    (prepared / "me.wav").write_bytes(recording.read_bytes())
    (prepared / "list.txt").write_text("me.wav|me|en|we walk home now\n", encoding="utf-8")
    plain = load(folder).finetune(prepared, consent="made", steps=2, run=tmp_path / "plain", verdict=False)
    lab = load(folder)
    with gpu() as device:
        lab.family.synthesizer.to(device)
        moved = lab.finetune(prepared, consent="made", steps=2, run=tmp_path / "moved", verdict=False)
    assert plain.changed.keys() == moved.changed.keys() and plain.residuals and moved.residuals
    assert all(value.device.type == "cpu" for value in moved.changed.values())
    assert plain.settings["held_out_loss"] == pytest.approx(moved.settings["held_out_loss"], rel=0.01 if REAL else 0)
    assert REAL or torch.equal(plain.speaker, moved.speaker)
    assert REAL or torch.equal(plain.residuals.weights, moved.residuals.weights)


def test_a_tensor_of_the_cpu_in_the_way_is_found(
    tmp_path: Path, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One tensor of the CPU in the way of a sentence, and the run on the device fails."""
    folder = str(make_family(tmp_path / "family"))
    decode = ChunkDecoder.add

    def mutant(self: ChunkDecoder, codes: torch.Tensor, *rest: Any, **more: Any) -> torch.Tensor:
        return decode(self, torch.tensor(codes.tolist(), dtype=torch.int64), *rest, **more)

    monkeypatch.setattr(ChunkDecoder, "add", mutant)
    lab = load(folder)
    voice = lab.clone(recording)
    assert list(lab.stream(TEXT, voice, language="en", chunk_seconds=0.2))
    with gpu() as device, pytest.raises(RuntimeError, match="same device"):
        lab.family.synthesizer.to(device)
        list(lab.stream(TEXT, voice, language="en", chunk_seconds=0.2))


def test_what_a_training_calculates_on_another_device(tmp_path: Path) -> None:
    """Losses of nano's acoustic task, discriminators included."""
    make_store(tmp_path / "store", clips=3)
    family = load(str(make_family(tmp_path / "family"))).family
    store = ClipStore(tmp_path / "store")
    add_pitch(store)
    add_content(store, family.synthesizer.content_encoder, "tiny")
    add_codes(store, family.synthesizer.sovits.quantizer, "tiny")
    data = SoVITSData(str(store.folder), windows=2, window_seconds=1.0, worst_fit=-90.0, other_clip=0.0)
    data.setup()

    def calculated(device: torch.device) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        task = SoVITSTask(build(SOVITS), build(DISCRIMINATORS)).to(device)
        batch = move_data_to_device(data.draw(0), device)
        torch.manual_seed(1)
        out, real, terms, *_ = task.generate(batch)
        natural, fake = task.discriminated(real, out.vocoded.wave)
        terms |= task.adversarial_terms(task.discriminators, natural, fake)
        terms["discriminator"] = task.discriminator_loss(task.discriminators, natural, fake)
        if REAL:
            torch.stack(list(terms.values())).sum().backward()
        terms["resynthesis"] = task.resynthesis_mel(batch)
        return {name: value.detach().cpu() for name, value in terms.items()}

    plain = calculated(torch.device("cpu"))
    with gpu() as device:
        moved = calculated(device)
    assert plain.keys() == moved.keys() and len(plain) > 7
    assert REAL or [name for name, value in plain.items() if not torch.equal(moved[name], value)] == []


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pick_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [str(pick_device(name)) for name in ("auto", "cuda", "cuda:1")] == ["cuda:0", "cuda:0", "cuda:1"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert pick_device("auto") == torch.device("cpu")
    for name in ("cuda", "cuda:7", "gpu", "", "cpu:3"):
        with pytest.raises(ConfigError, match=f"no device '{name}' here. Expected auto or one of cpu") as caught:
            pick_device(name)
        assert caught.value.code == "DEVICE_MISSING"


@pytest.mark.parametrize(("flags", "found"), [("sse amx_bf16", "bf16"), ("avx512_bf16", "bf16"), ("avx2", "32")])
def test_precisions(flags: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(machine, "_processor_flags", lambda: flags)
    assert pick_precision("auto", cpu) == found
    assert [pick_precision(name, cpu) for name in ("32", "bf16")] == ["32", "bf16"]
    with pytest.raises(ConfigError, match="no precision '8'. Expected auto, 32 or bf16"):
        pick_precision("8", cpu)


def test_half_precision_is_used_and_not_seen(tmp_path: Path, recording: Path) -> None:
    """Results are single, near those of single precision and not the same; the caller's own arithmetic stays."""
    folder = str(make_family(tmp_path / "family"))
    labs = {name: load(folder, precision=name) for name in ("32", "bf16")}
    wave = torch.randn(16000, generator=torch.Generator().manual_seed(0)) * 0.1
    voices = {name: lab.clone(recording).speaker for name, lab in labs.items()}
    copies = {name: lab.copy_synthesis(wave).wave for name, lab in labs.items()}
    for one, other in ((voices["32"], voices["bf16"]), (copies["32"], copies["bf16"])):
        assert other.dtype == torch.float32 and not torch.equal(one, other)
        assert (one - other).norm() < 0.2 * one.norm()
    lab = labs["bf16"]
    for _ in lab.stream(TEXT, lab.clone(recording), language="en", chunk_seconds=0.2):
        assert not torch.is_autocast_enabled("cpu")
    with arithmetic("32", torch.device("cpu")):
        assert not torch.is_autocast_enabled("cpu")


def test_commands_take_a_device(tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ["--model", str(make_family(tmp_path / "family"))]
    voice = str(tmp_path / "voice.safetensors")
    wave = ["--output", str(tmp_path / "out.wav")]
    speak = ["speak", "--voice", voice, "--text", "we walk", "--language", "en", "--quiet", *wave, *model]
    assert main(["clone", str(recording), "--output", voice, *model, "--device", "cpu"]) == 0
    assert main([*speak, "--precision", "bf16", "--device", "cpu"]) == 0
    finetune = ["finetune", str(tmp_path), "--output", voice, "--no-verdict", *model]
    capsys.readouterr()
    for command in (speak, ["clone", str(recording), "--output", voice, *model], finetune):
        assert main([*command, "--device", "cuda:99"]) == 2
        assert capsys.readouterr().err.splitlines()[-1].endswith("[DEVICE_MISSING]")
