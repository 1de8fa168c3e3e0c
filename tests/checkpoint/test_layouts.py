"""Every layout of released and user-trained files, made here at tiny size: in, usable, and out again bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gsv_lab.checkpoint import load_component, read_header
from gsv_lab.checkpoint.restricted import read_released
from gsv_lab.cli import main
from gsv_lab.released import reference_keys, reference_keys_gpt
from gsv_lab.released.exporter import export_reference
from gsv_lab.released.importer import Imported, import_reference

from .layouts import DATA, MODEL, SIZES, discriminators_state, export_of, hparams, same, small_gpt, sovits_state, write

CODE = {"v1": "PK", "v2": "PK", "v2Pro": "05", "v2ProPlus": "06"}


def there_and_back(path: Path) -> Imported:
    """Import, compare every number of the built network with the file, export, compare the files."""
    report = import_reference([path], path.with_suffix(".safetensors"))[0]
    weight = {old_name(key): value for key, value in read_released(path).weight.items()}
    keys = reference_keys_gpt if report.role == "semantic_gpt" else reference_keys
    wanted, got = keys.from_reference(weight), load_component(report.output).state_dict()
    assert wanted.keys() == got.keys()
    assert all(torch.equal(got[key], value.to(got[key].dtype)) for key, value in wanted.items())
    back = export_reference(report.output, path.with_name("back.pth"))
    assert back.read_bytes()[:2] == path.read_bytes()[:2]
    content = read_released(path)
    content.content.pop("optimizer", None)
    same(content, read_released(back))
    return report


def old_name(key: str) -> str:
    old = key.replace(".parametrizations.weight.original0", ".weight_g")
    return old.replace(".parametrizations.weight.original1", ".weight_v")


@pytest.mark.parametrize("posterior", [True, False], ids=["base file", "fine-tuned export"])
@pytest.mark.parametrize("family", list(SIZES))
def test_acoustic_models(tmp_path: Path, family: str, posterior: bool) -> None:
    """With the posterior and without; the family is read from the tensors alone."""
    path = write(tmp_path / "a.pth", export_of(sovits_state(family, posterior)), CODE[family])
    report = there_and_back(path)
    assert (report.role, report.family, report.precision) == ("sovits", family, "float16") and report.notes == ()
    model: Any = load_component(report.output)
    assert (model.posterior is not None) == posterior
    header = read_header(report.output)
    assert header["info"]["audio"] == {"sample_rate": 300, "hop": 6, "bins": 20}
    assert header["info"]["note"] == "8epoch_200iteration"


@pytest.mark.parametrize(("rows", "family"), [(512, "v1"), (732, "v2")])
@pytest.mark.parametrize("prefix", ["model.", ""])
def test_text_models(tmp_path: Path, rows: int, family: str, prefix: str) -> None:
    content = small_gpt(n_phones=rows)
    content["config"]["model"]["n_layer"] = 1
    content["weight"] = {key.replace("model.", prefix, 1): value for key, value in content["weight"].items()}
    report = there_and_back(write(tmp_path / "a.ckpt", content))
    assert (report.role, report.family, report.notes) == ("semantic_gpt", family, ())
    assert report.spec["init_args"]["n_phones"] == rows


@pytest.mark.parametrize(("count", "family"), [(6, "v2"), (8, "v2Pro")])
def test_discriminators(tmp_path: Path, count: int, family: str) -> None:
    """Their widths are in the tensors, their periods are those of all released ones."""
    report = there_and_back(write(tmp_path / "a.pth", export_of(discriminators_state(count))))
    assert (report.role, report.family) == ("discriminators", family)
    parts = report.spec["init_args"]["discriminators"]
    assert parts[0]["init_args"] == {
        "channels": [2, 4, 4, 8, 8, 8], "groups": [1, 1, 2, 4, 4, 1], "kernels": [15, 41, 41, 41, 41, 5]
    }  # fmt: skip
    assert [part["init_args"]["period"] for part in parts[1:]] == [2, 3, 5, 7, 11, 17, 23][: count - 1]


def training_state(state: dict[str, Tensor]) -> dict[str, Any]:
    """What a training keeps of one network, its optimizer after a step included."""
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([parameter])
    parameter.grad = torch.ones(3)
    optimizer.step()
    return {"model": state, "iteration": 7, "optimizer": optimizer.state_dict(), "learning_rate": 1e-4}


def test_states_of_a_training(tmp_path: Path) -> None:
    """`G_*.pth` and `D_*.pth`: full precision, no configuration; all comes back but the optimizer."""
    generator = {key: value for key, value in sovits_state("v2", bins=1025).items() if not key.startswith("dec.")}
    generator |= {key: value for key, value in released_vocoder().items() if key.startswith("dec.")}
    made = there_and_back(write(tmp_path / "G_7.pth", training_state(generator)))
    assert (made.role, made.family, made.precision) == ("sovits", "v2", "float32")
    assert made.spec["init_args"]["vocoder"]["init_args"]["upsample_rates"] == [10, 8, 2, 2, 2]
    assert [note[:25] for note in made.notes] == ["there is no configuration", "the optimizer's state of "]
    made = there_and_back(write(tmp_path / "D_7.pth", training_state(discriminators_state(6))))
    assert (made.role, made.notes) == ("discriminators", ("the optimizer's state of this training was left out",))


def released_vocoder() -> dict[str, Tensor]:
    """A narrow one with the released rates, which only a configuration could tell."""
    from gsv_lab.nn.hifigan import HiFiGAN

    sizes = {"upsample_rates": [10, 8, 2, 2, 2], "upsample_kernels": [16, 16, 8, 2, 2], "block_kernels": [3]}
    module = HiFiGAN(latent_dim=4, speaker_dim=8, width=32, **sizes)
    return reference_keys.to_reference({f"vocoder.{key}": value for key, value in module.state_dict().items()})


def test_newer_names_of_weight_norm(tmp_path: Path) -> None:
    """The same network as under the older names; the names come back as they were."""
    state = sovits_state("v2")
    newer = {
        key.replace(".weight_g", ".parametrizations.weight.original0").replace(
            ".weight_v", ".parametrizations.weight.original1"
        ): value
        for key, value in state.items()
    }
    assert sum(key not in state for key in newer) > 10
    old = there_and_back(write(tmp_path / "old.pth", export_of(state)))
    new = there_and_back(write(tmp_path / "new.pth", export_of(newer)))
    assert old.spec == new.spec
    one, other = load_component(old.output).state_dict(), load_component(new.output).state_dict()
    assert all(torch.equal(other[key], value) for key, value in one.items())


def test_configuration_that_was_never_updated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tensors stand; the command says every setting that disagrees, and only those."""
    stale = {"hidden_channels": 192, "gin_channels": 512, "n_layers": 2, "upsample_kernel_sizes": [16, 16],
             "upsample_initial_channel": 16, "semantic_frame_rate": "50hz", "version": "v3"}  # fmt: skip
    config = hparams(
        {
            "data": {**DATA, "sampling_rate": 32000, "hop_length": 640, "filter_length": 2048},
            "model": {**MODEL, **stale},
        }
    )
    path = write(tmp_path / "a.pth", export_of(sovits_state("v2Pro"), config), "01")
    assert main(["weights", "import", str(path), "--output", str(tmp_path / "a.safetensors")]) == 0
    notes = {line.removeprefix("  note: ") for line in capsys.readouterr().out.splitlines() if "note" in line}
    assert notes == {
        "model.hidden_channels is 192, the tensors say 8",
        "model.gin_channels is 512, the tensors say 8",
        "model.upsample_kernel_sizes is [16, 16], the tensors say [7, 4]",
        "model.semantic_frame_rate is 50hz, the tensors say 25hz",
        "model.version is v3, the tensors say v2Pro",
        "data.filter_length means 1025 bins, not 20",
        "data.hop_length is 640, but the vocoder makes 6 samples of a frame",
        "data.sampling_rate is 32000, but 50 frames a second are 300 samples",
        "the first two bytes say v2, the tensors v2Pro",
    }
    there_and_back(path)


def test_configuration_as_a_plain_table(tmp_path: Path) -> None:
    report = there_and_back(write(tmp_path / "a.pth", export_of(sovits_state("v2"), {"data": DATA, "model": MODEL})))
    assert report.notes == ()


def test_several_files_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full at the second one: the first is not left behind, what was there before stays."""
    import gsv_lab.released.importer as importer

    files = [write(tmp_path / "a.ckpt", small_gpt()), write(tmp_path / "b.pth", export_of(discriminators_state(6)))]
    older = tmp_path / "x.semantic_gpt.safetensors"
    older.write_bytes(b"older")
    before, save = sorted(tmp_path.iterdir()), importer.save_tensors

    def full(tensors: Any, path: Path, *rest: Any) -> Path:
        if "discriminators" in path.name:
            raise OSError(28, "No space left on device")
        return save(tensors, path, *rest)

    monkeypatch.setattr(importer, "save_tensors", full)
    arguments = ["weights", "import", *map(str, files), "--output", str(tmp_path / "x.safetensors")]
    assert main(arguments) == 2
    assert sorted(tmp_path.iterdir()) == before and older.read_bytes() == b"older"
    monkeypatch.undo()
    assert main(arguments) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "a.ckpt", "b.pth", "x.semantic_gpt.safetensors", "x.discriminators.safetensors"
    }  # fmt: skip
