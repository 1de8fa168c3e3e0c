"""Start weights: which network a file is for, what of it does not fit and is named, and what nothing is left of."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from gsv_lab.checkpoint import load_component, save_component
from gsv_lab.checkpoint.native import load_tensors
from gsv_lab.cli import main
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.tracks import codebook_identity
from gsv_lab.errors import CheckpointError, LabError
from gsv_lab.released.importer import import_reference
from gsv_lab.system.config import build
from gsv_lab.training.fit import fit
from gsv_lab.training.start import start_from
from released_files import gpt_spec, sovits_spec, write_gpt, write_sovits
from tiny import DISCRIMINATORS, GPT, QUANTIZER, SOVITS, VERIFIER, experiment, make_store, spec

V1, V2 = 322, 732


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of several networks."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(5)
    specs = {
        "sovits": sovits_spec(False), "v1": sovits_spec(False, V1), "pro": sovits_spec(True), "nano": SOVITS,
        "dropped": sovits_spec(False, posterior=False), "gpt": gpt_spec(), "aligned": GPT,
        "discriminators": DISCRIMINATORS, "verifier": VERIFIER, "quantizer": QUANTIZER,
    }  # fmt: skip
    return {name: save_component(build(made), folder / f"{name}.safetensors") for name, made in specs.items()}


def sovits_task(**arguments: Any) -> Any:
    task = spec("training.sovits_task.SoVITSTask", sovits=sovits_spec(False), discriminators=DISCRIMINATORS)
    return build({**task, "init_args": {**task["init_args"], **arguments}})


def held(task: Any) -> dict[str, torch.Tensor]:
    return copy.deepcopy({name: value for name, value in task.state_dict().items() if not name.startswith("mels.")})


def test_every_file_goes_to_the_network_that_it_fits(weights: dict[str, Path]) -> None:
    """In any order; a composition of the kit's own and a released one are told apart by their tensors."""
    task = sovits_task()
    start_from(task, [weights["discriminators"], weights["sovits"]])
    for name, component in task.components().items():
        for key, value in load_tensors(weights[name]).items():
            assert torch.equal(component.state_dict()[key], value), key
    assert task.start_files == {"sovits": weights["sovits"], "discriminators": weights["discriminators"]}
    gpt = build(spec("training.gpt_task.GPTTask", semantic_gpt=gpt_spec()))
    start_from(gpt, [weights["gpt"]])
    for key, value in load_tensors(weights["gpt"]).items():
        assert torch.equal(gpt.semantic_gpt.state_dict()[key], value), key


MISFITS = {
    "v1": ("CKPT_SHAPE", r"v1.safetensors \(SoVITS\) does not fit sovits \(SoVITS\).*\(322, \d+\) for \(732, \d+\)"),
    "pro": ("CKPT_KEYS", r"unknown: speaker_encoder\."),
    "dropped": ("CKPT_KEYS", r"\d+ missing: posterior\."),
    "nano": ("CKPT_KEYS", r"nano.safetensors \(ExtendedSoVITS\) does not fit sovits \(SoVITS\)"),
    "gpt": ("CKPT_MISPLACED", r"holds SemanticGPT, and what is trained is sovits \(SoVITS\) and discriminators"),
    "verifier": ("CKPT_MISPLACED", r"holds SpeakerVerifier"),
    "quantizer": ("CKPT_MISPLACED", r"holds VectorQuantizer"),
    "absent": ("CKPT_MISSING", "No file"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_is_named_and_nothing_is_loaded(name: str, weights: dict[str, Path], tmp_path: Path) -> None:
    """Even where another file of the same start does fit."""
    code, words = MISFITS[name]
    task = sovits_task()
    before = held(task)
    with pytest.raises(CheckpointError, match=words) as caught:
        start_from(task, [weights["discriminators"], weights.get(name, tmp_path / "absent.safetensors")])
    assert caught.value.code == code and "\n" not in str(caught.value)
    assert all(torch.equal(value, before[key]) for key, value in held(task).items())


def test_every_tensor_that_does_not_fit_is_named(weights: dict[str, Path]) -> None:
    task = sovits_task()
    absent = [name for name in task.sovits.state_dict() if name.startswith("posterior.")]
    with pytest.raises(CheckpointError) as caught:
        start_from(task, [weights["dropped"]])
    assert len(absent) > 10 and all(name in str(caught.value) for name in absent)


def test_two_files_for_one_network(weights: dict[str, Path]) -> None:
    with pytest.raises(CheckpointError, match="v1.safetensors and sovits.safetensors are both for sovits"):
        start_from(sovits_task(), [weights["v1"], weights["sovits"]])


def test_a_partial_start_takes_what_fits_and_says_what_not(weights: dict[str, Path]) -> None:
    """Same name and shape: taken. Every other tensor of the network keeps its own start, and is named."""
    for name, said in (("v1", r"1 of another shape: prior\S+ \(322"), ("dropped", r"\d+ missing: posterior")):
        task = sovits_task()
        before, file = copy.deepcopy(task.sovits.state_dict()), load_tensors(weights[name])
        with pytest.warns(UserWarning, match=f"sovits keeps its own start where .*{said}"):
            start_from(task, [weights[name]], partial=True)
        kept = 0
        for key, value in task.sovits.state_dict().items():
            fits = key in file and file[key].shape == value.shape
            kept += not fits
            assert torch.equal(value, file[key] if fits else before[key]), key
        assert 0 < kept < len(before)
    with pytest.raises(CheckpointError, match="holds SemanticGPT"):
        start_from(sovits_task(), [weights["gpt"]], partial=True)


def test_the_codebook_comes_from_its_own_file_or_from_the_start(weights: dict[str, Path], tmp_path: Path) -> None:
    quantizer = sovits_spec(False)["init_args"]["quantizer"]
    own = save_component(build(quantizer), tmp_path / "quantizer.safetensors")
    released: Any = load_component(weights["sovits"])
    for file, book in (("", released.quantizer), (str(own), load_component(own))):
        task = sovits_task(quantizer_file=file)
        start_from(task, [weights["sovits"]])
        task.setup("fit")
        assert codebook_identity(task.sovits.quantizer) == codebook_identity(book)
        assert task.codebook_file() == (file or str(weights["sovits"]))
    assert sovits_task().codebook_file() == ""


def test_start_weights_may_have_another_codebook_than_the_file(weights: dict[str, Path], tmp_path: Path) -> None:
    """One of another size then, too, which is not compared."""
    changed = sovits_spec(False)
    changed["init_args"]["quantizer"]["init_args"]["n_codes"] = 30
    own = save_component(build(changed["init_args"]["quantizer"]), tmp_path / "quantizer.safetensors")
    start_from(sovits_task(sovits=changed, quantizer_file=str(own)), [weights["sovits"]])
    with pytest.raises(CheckpointError, match=r"quantizer\..* \(20, \d+\) for \(30"):
        start_from(sovits_task(sovits=changed), [weights["sovits"]])


@pytest.mark.parametrize("kind", ["pth", "ckpt"])
def test_a_released_file_is_sent_to_the_importer(kind: str, tmp_path: Path) -> None:
    """And what the importer makes of it starts a training, every tensor of it."""
    gpt = write_gpt(tmp_path / "g.ckpt", gpt_spec())
    sovits = write_sovits(tmp_path / "s.pth", sovits_spec(False))
    tasks: dict[str, Any] = {
        "ckpt": build(spec("training.gpt_task.GPTTask", semantic_gpt=gpt_spec())),
        "pth": sovits_task(),
    }
    task, file = tasks[kind], {"ckpt": gpt, "pth": sovits}[kind]
    with pytest.raises(CheckpointError, match="gsv-lab weights import") as caught:
        start_from(task, [file])
    assert caught.value.code == "CKPT_LEGACY"
    import_reference([file], tmp_path / "mine.safetensors")
    made = next(tmp_path.glob("mine*.safetensors"))
    start_from(task, [made])
    (name,) = task.start_files
    for key, value in load_tensors(made).items():
        assert torch.equal(task.components()[name].state_dict()[key], value)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    return make_store(tmp_path_factory.mktemp("store"), clips=6, seconds=1.2)


def verifier(store: ClipStore, **top: Any) -> dict[str, Any]:
    task = spec("training.verifier_task.VerifierTask", verifier=VERIFIER, n_speakers=3, learning_rate=1e-9)
    crops = {"speakers": 3, "crop_seconds": [0.5, 0.8]}
    data = spec("corpora.verifier_data.VerifierData", store=str(store.folder), valid=["valid"], **crops)
    return {**experiment(task, data, 1), **top}


@pytest.mark.parametrize("listed", [True, False])
def test_a_training_starts_there(listed: bool, store: ClipStore, weights: dict[str, Path], tmp_path: Path) -> None:
    file = str(weights["verifier"])
    made = fit(verifier(store, start_from=[file] if listed else file), tmp_path / "run", progress_bar=False)
    trained = load_tensors(made.weights["speaker_verifier"])
    for name, value in load_tensors(file).items():
        torch.testing.assert_close(trained[name], value, rtol=0, atol=1e-5)
    fresh = load_tensors(fit(verifier(store), tmp_path / "other", progress_bar=False).weights["speaker_verifier"])
    assert any((value - fresh[name]).abs().max() > 1e-3 for name, value in load_tensors(file).items())


@pytest.mark.parametrize("name", ["gpt", "absent"])
def test_a_refused_start_leaves_nothing(name: str, store: ClipStore, weights: dict[str, Path], tmp_path: Path) -> None:
    file = str(weights.get(name, tmp_path / "absent.safetensors"))
    with pytest.raises(LabError):
        fit(verifier(store, start_from=[file]), tmp_path / "run", progress_bar=False)
    assert not (tmp_path / "run").exists()


def test_from_the_command_line(weights: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Path(__file__).resolve().parents[2] / "configs" / "nano" / "g2p.yaml"
    command = ["fit", "--config", str(config), "--output", str(tmp_path / "run")]
    assert main([*command, f"start_from={weights['gpt']}", "--partial"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "holds SemanticGPT, and what is trained is letter_to_sound" in line and line.endswith("[CKPT_MISPLACED]")
    assert main([*command, "task.init_args.start_file=x"]) == 2
    assert not (tmp_path / "run").exists()
