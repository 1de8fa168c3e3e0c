"""Files of format 1 load in today's words: the same networks, the same speech, the identity of their old names."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from old_files import before, old_name, today, write_old
from safetensors.torch import save_file
from torch import Tensor, nn

from gsv_lab.checkpoint import file_fingerprint, fingerprint, load_component, read_header, save_component
from gsv_lab.checkpoint.legacy import upgrade_spec
from gsv_lab.checkpoint.native import load_tensors
from gsv_lab.errors import CheckpointError, ConfigError
from gsv_lab.extensions.sovits import ExtendedSoVITS
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.voice import Voice
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.system.config import build
from released_files import sovits_spec
from tiny import VERIFIER, spec


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {name: build(made).eval() for name, made in today().items()}


@pytest.fixture(scope="module")
def folders(networks: dict[str, nn.Module], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same family in an old folder and in a new one."""
    old, new = (tmp_path_factory.mktemp(name) for name in ("old", "new"))
    for name, (file, made) in before().items():
        write_old(old / f"{file}.safetensors", networks[name].state_dict(), {"spec": made, "info": {"minutes": 3}})
        save_component(networks[name], new / f"{name}.safetensors", {"minutes": 3})
    sampling = {"top_k": 5, "min_new": 4, "max_new": 30}
    card = {"version": "tiny-1", "sampling": sampling, "noise_scale": 0.3, "codes_per_phone": 1.0, "takes": 2}
    card |= {"memory": {"sharpness": 5.0}, "postfilters": {"latent": {}, "formants": {"reach": 4}}}
    (old / "model.json").write_text(json.dumps(card), encoding="utf-8")
    card |= {"max_codes_per_phone": 1.0, "candidates": 2, "residual_correction": {"sharpness": 5.0}}
    for name in ("codes_per_phone", "takes", "memory"):
        del card[name]
    (new / "model.json").write_text(json.dumps(card), encoding="utf-8")
    return old, new


@pytest.fixture(scope="module")
def labs(folders: tuple[Path, Path]) -> tuple[Lab, Lab]:
    old, new = (load(str(folder)) for folder in folders)
    return old, new


@pytest.fixture(scope="module")
def voices(labs: tuple[Lab, Lab], sample: Path) -> tuple[Voice, Voice]:
    """The same recording cloned with the old files and with the new ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old, new = (lab.clone(sample) for lab in labs)
    return old, new


def test_the_old_files_have_old_names(folders: tuple[Path, Path]) -> None:
    """What is tested below is not today's format by another number."""
    from safetensors import safe_open

    found: set[str] = set()
    for path in folders[0].glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            found |= set(file.keys())
    words = {part for name in found for part in name.split(".")}
    assert {"pointer", "stay", "here", "ahead", "enter", "leave", "judges"} <= words
    assert not words & {"monotonic_alignment", "phone_in", "in_proj", "out_proj", "discriminators"}


@pytest.mark.parametrize("name", today())
def test_networks_are_those_of_today(name: str, folders: tuple[Path, Path], networks: dict[str, nn.Module]) -> None:
    """Class, resolved arguments, information and every tensor."""
    old_path = folders[0] / f"{before()[name][0]}.safetensors"
    new_path = folders[1] / f"{name}.safetensors"
    old, new = load_component(old_path), load_component(new_path)
    assert type(old) is type(new) is type(networks[name])
    assert old.spec == new.spec
    assert read_header(old_path)["tensors"] == read_header(new_path)["tensors"]
    assert read_header(old_path)["info"] == {"minutes": 3}
    state = new.state_dict()
    assert old.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in old.state_dict().items())


def test_a_family_speaks_as_before(labs: tuple[Lab, Lab], voices: tuple[Voice, Voice]) -> None:
    old, new = labs
    one, two = (lab.speak("We walk home.", voice, seed=4) for lab, voice in zip(labs, voices, strict=True))
    assert torch.equal(one.codes, two.codes) and torch.equal(one.wave, two.wave)
    assert one.settings["candidates"] == old.family.candidates == 2
    assert old.family.card == new.family.card and old.family.max_codes_per_phone == 1.0
    correction = old.family.synthesizer.residual_correction
    assert correction is not None and correction.sharpness == 5.0


def test_a_rate_in_the_card_keeps_its_meaning(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """`pace` of the sampling was codes for a phone; the card's own `codes_per_phone` was the largest number of them."""
    card = json.loads((folders[0] / "model.json").read_text(encoding="utf-8"))
    card["sampling"]["pace"] = 2.5
    for path in folders[0].glob("*.safetensors"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "model.json").write_text(json.dumps(card), encoding="utf-8")
    family = load(str(tmp_path)).family
    assert family.sampling.codes_per_phone == 2.5 and family.max_codes_per_phone == 1.0


@pytest.mark.parametrize("name", ["speaker_verifier", "recogniser_en", "recogniser_zh", "discriminators"])
def test_other_networks_are_found_under_their_old_files(name: str, labs: tuple[Lab, Lab]) -> None:
    old, new = (lab.family.extra(name) for lab in labs)
    assert old is not None and old.stem == before()[name][0]
    assert new is not None and new.stem == name


def old_voice(voice: Voice, path: Path, changed: Mapping[str, Tensor]) -> Path:
    """A voice file of format 1."""
    assert voice.residuals is not None
    tensors = {
        "voice.speaker": voice.speaker.half(),
        "voice.codes": voice.prompt.codes,
        "voice.phone_index": torch.arange(len(voice.prompt.codes)),
        "residuals.hidden": voice.residuals.hidden.half(),
        "residuals.weights": voice.residuals.weights.half(),
        **{f"changed.{name}": value.half() for name, value in changed.items()},
    }
    header = {
        "kind": "voice",
        "name": voice.name,
        "parent": voice.parent,
        "parents": dict(voice.parents),
        "phones": None,
        "consent": "my own",
        "settings": dict(voice.settings),
        "created": voice.created,
    }
    return write_old(path, tensors, header)


def test_a_voice_file_speaks_as_before(labs: tuple[Lab, Lab], voices: tuple[Voice, Voice], tmp_path: Path) -> None:
    """Its speaker, prompt, residuals and tuned tensors; made for old weights, it fits them."""
    old, voice = labs[0], voices[0]
    moved = {
        f"sovits.{name}": 1.1 * value
        for name, value in old.family.synthesizer.sovits.state_dict().items()
        if name
        in ("flow.steps.0.out_proj.weight", "prior.cross_attention.phone_in.weight", "vocoder.net.in_proj.weight")
    }
    path = old_voice(voice, tmp_path / "v.safetensors", moved)
    found = Voice.load(path)
    assert "memory.lesson" not in read_header(path)["tensors"]
    assert found.changed.keys() == moved.keys() and len(moved) >= 2
    assert found.prompt.phone_index is not None and torch.equal(found.prompt.phone_index[:3], torch.arange(3))
    assert found.residuals is not None and voice.residuals is not None
    assert torch.equal(found.residuals.weights, voice.residuals.weights)
    again = Voice.load(found.save(tmp_path / "w.safetensors"))
    spoken = [old.speak("We walk home.", one, seed=4) for one in (found, again)]
    assert torch.equal(spoken[0].wave, spoken[1].wave)
    assert not torch.equal(spoken[0].wave, old.speak("We walk home.", voice, seed=4).wave)


def test_the_identity_of_a_file_is_that_of_its_old_names(
    folders: tuple[Path, Path], networks: dict[str, nn.Module], labs: tuple[Lab, Lab], voices: tuple[Voice, Voice]
) -> None:
    """So voices that were made for it still fit, and those that were made for other weights still do not."""
    old_path, new_path = (folder / "sovits.safetensors" for folder in folders)
    state = networks["sovits"].state_dict()
    assert file_fingerprint(old_path) == fingerprint({old_name(name): value for name, value in state.items()})
    assert file_fingerprint(new_path) == fingerprint(state) != file_fingerprint(old_path)
    assert voices[0].parents["sovits"] == file_fingerprint(old_path)
    with pytest.raises(CheckpointError, match=r"made for tiny-1.*sovits differ") as caught:
        labs[1].speak("We walk.", voices[0])
    assert caught.value.code == "CKPT_PARENT_MISMATCH"


def test_the_identity_does_not_depend_on_the_precision_of_reading(
    tmp_path: Path, networks: dict[str, nn.Module]
) -> None:
    """Half precision is read as single before it is counted, as voices of format 1 did."""
    state = {name: value.half() for name, value in networks["speaker_verifier"].state_dict().items()}
    made = before()["speaker_verifier"][1]
    path = write_old(tmp_path / "verifier.safetensors", state, {"spec": made})
    assert file_fingerprint(path) == fingerprint({old_name(name): value.float() for name, value in state.items()})


@pytest.mark.parametrize("posterior", [True, False])
def test_a_released_acoustic_model_becomes_the_published_one(posterior: bool, tmp_path: Path) -> None:
    """The frontend says its spectrogram, fixed elsewhere before; posterior or header give its bins."""
    made = sovits_spec(pro=False, posterior=posterior)
    network = build(made).eval()
    old = json.loads(json.dumps(made))
    old["class_path"] = "gsv_lab.models.sovits.SoVITS"
    del old["init_args"]["frontend"]
    old["init_args"]["vocoder"]["class_path"] = "gsv_lab.nn.vocoder.HiFiGAN"
    old["init_args"] |= {"pitch_predictor": None, "from_prior": 0.0}
    info = {"audio": {"sample_rate": 32000, "hop": 640, "bins": 1025}}
    path = write_old(tmp_path / "sovits.safetensors", network.state_dict(), {"spec": old, "info": info})
    found = load_component(path)
    assert type(found) is SoVITS and not isinstance(found, ExtendedSoVITS)
    frontend = found.frontend
    assert (frontend.sample_rate, frontend.spec_channels, frontend.spectrogram.hop_length) == (32000, 1025, 640)
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in found.state_dict().items())


def old_published(**arguments: Any) -> dict[str, Any]:
    """An acoustic model of the published vocoder as format 1 had it, without posterior."""
    return spec("models.sovits.SoVITS", vocoder=spec("nn.vocoder.HiFiGAN"), posterior=None, **arguments)


@pytest.mark.parametrize(("audio", "n_fft"), [({"bins": 513}, 1024), ({}, 2048)])
def test_the_header_says_the_spectrogram_of_a_model_without_posterior(audio: dict[str, int], n_fft: int) -> None:
    frontend = upgrade_spec(old_published(), audio)["init_args"]["frontend"]
    assert frontend["init_args"] == {"n_fft": n_fft, "hop_length": 640, "sample_rate": 32000}


@pytest.mark.parametrize(
    ("share", "path"), [(0.5, "gsv_lab.extensions.sovits.ExtendedSoVITS"), (0.0, "gsv_lab.nn.sovits.SoVITS")]
)
def test_a_model_that_learnt_from_its_prior_is_the_extended_one(share: float, path: str) -> None:
    upgraded = upgrade_spec(old_published(from_prior=share), {})
    assert upgraded["class_path"] == path
    assert upgraded["init_args"].get("from_prior", 0.0) == share


@pytest.mark.parametrize("path", ["gsv_lab.models.sovits.Singer", "gsv_lab.nn.vocoder.WaveGlow", "os.system"])
def test_unknown_old_classes_are_refused(path: str, tmp_path: Path) -> None:
    made = {"class_path": path, "init_args": {}}
    for wrong in (made, spec("nn.discriminators.Discriminators", judges=[made])):
        file = write_old(tmp_path / "x.safetensors", {"a": torch.zeros(1)}, {"spec": wrong})
        with pytest.raises(ConfigError) as caught:
            load_component(file)
        assert caught.value.code == "CONFIG_UNKNOWN_COMPONENT" and path.rpartition(".")[0] in str(caught.value)


def test_an_old_class_in_a_file_of_today_is_refused_with_its_new_name(tmp_path: Path) -> None:
    header = {"format": 2, "spec": before()["speaker_verifier"][1]}
    save_file({"a": torch.zeros(1)}, tmp_path / "v.safetensors", {"gsv_lab": json.dumps(header)})
    with pytest.raises(ConfigError, match="extensions.speaker_verifier") as caught:
        load_component(tmp_path / "v.safetensors")
    assert caught.value.code == "CONFIG_RENAMED"


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    "path",
    [
        "gsv_lab.training.verifier_task.VerifierTask",
        "gsv_lab.corpora.sovits_data.SoVITSData",
        "gsv_lab.evaluation.measures.similarity.NetworkEmbedder",
        "gsv_lab.system.config.TrainerSettings",
    ],
)
def test_weights_name_networks_only(path: str, version: int, tmp_path: Path) -> None:
    """Neither at the top nor inside may a file name a training task, a corpus, or anything else that is no network."""
    made: dict[str, Any] = {"class_path": path, "init_args": {"store": "x", "verifier": VERIFIER}}
    inside = {**VERIFIER, "init_args": {**VERIFIER["init_args"], "width": made}}
    for wrong in (made, inside):
        header = {"format": version, "spec": wrong}
        save_file({"a": torch.zeros(1)}, tmp_path / "x.safetensors", {"gsv_lab": json.dumps(header)})
        with pytest.raises(ConfigError, match=path.rpartition(".")[2]) as caught:
            load_component(tmp_path / "x.safetensors")
        assert caught.value.code == "CONFIG_UNKNOWN_COMPONENT"


def test_tensors_of_a_file_of_today_keep_their_names(tmp_path: Path) -> None:
    """A part of a user's own may call its tensors `enter`; only format 1 is translated."""
    header = {"format": 2, "spec": VERIFIER}
    save_file({"enter.weight": torch.ones(2)}, tmp_path / "x.safetensors", {"gsv_lab": json.dumps(header)})
    assert list(load_tensors(tmp_path / "x.safetensors")) == ["enter.weight"]
