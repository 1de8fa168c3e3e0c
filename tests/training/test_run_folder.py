"""What a run leaves on the disk when its configuration cannot be trained, and that an earlier run stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gsv_lab.cli import main
from gsv_lab.corpora.data import SpeechData
from gsv_lab.corpora.store import ClipStore
from gsv_lab.errors import LabError
from gsv_lab.system.config import build
from gsv_lab.training.fit import fit
from released_files import sovits_spec
from tiny import SOVITS, VERIFIER, experiment, make_store, spec


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    return make_store(tmp_path_factory.mktemp("store"), clips=6, seconds=1.2)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def verifier(store: ClipStore, batches: int = 1, **changes: Any) -> dict[str, Any]:
    """An experiment that trains in a moment, or one argument of its network away from that."""
    network = {**VERIFIER, "init_args": {**VERIFIER["init_args"], **changes}}
    task = spec("training.verifier_task.VerifierTask", verifier=network, n_speakers=3, warm_up=1)
    crops = {"speakers": 3, "crop_seconds": [0.5, 0.8]}
    data = spec("corpora.verifier_data.VerifierData", store=str(store.folder), valid=["valid"], **crops)
    return experiment(task, data, batches)


def broken(store: ClipStore, how: str) -> dict[str, Any]:
    made = verifier(store)
    if how == "sizes":
        return verifier(store, width=-3)
    if how == "rate":
        return verifier(store, sample_rate=24000)
    if how == "store":
        made["data"]["init_args"]["store"] = str(store.folder / "absent")
    if how == "clips":
        made["data"]["init_args"]["train"] = ["nobody"]
    if how == "argument":
        made["task"]["init_args"]["n_speaker"] = 3
    return made


BROKEN = {
    "sizes": ("CONFIG_INCONSISTENT", "The task cannot be built"),
    "argument": ("CONFIG_UNKNOWN_KEY", "n_speakers"),
    "rate": ("CONFIG_INCONSISTENT", "works at 24000 Hz and the store"),
    "store": ("DATA_MISSING", "no store at"),
    "clips": ("DATA_TOO_SHORT", "usable for 'train'"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_cannot_be_trained_leaves_nothing(how: str, store: ClipStore, tmp_path: Path) -> None:
    code, words = BROKEN[how]
    before = contents(store.folder)
    with pytest.raises(LabError, match=words) as caught:
        fit(broken(store, how), tmp_path / "run", progress_bar=False)
    assert caught.value.code == code and "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists() and contents(store.folder) == before


def test_an_earlier_run_stays_as_it_was(store: ClipStore, tmp_path: Path) -> None:
    """Its experiment, state, weights and events, whatever is tried in its folder."""
    fit(verifier(store), tmp_path / "run", progress_bar=False)
    before = contents(tmp_path / "run")
    assert {"experiment.json", "state.ckpt"} < set(before)
    for how in BROKEN:
        with pytest.raises(LabError):
            fit(broken(store, how), tmp_path / "run", progress_bar=False)
        assert contents(tmp_path / "run") == before, how


def test_rates_of_networks_and_store(store: ClipStore) -> None:
    """Row 50: a task says at which rates its networks read and make waves, and they are those of the store."""
    data = SpeechData(str(store.folder))
    data.attach(build(spec("training.sovits_task.SoVITSTask", sovits=sovits_spec(pro=False))), None, 0)
    with pytest.raises(LabError, match="(frontend|vocoder) works at 32000 Hz and the store .* holds 16000") as caught:
        data.setup()
    assert caught.value.code == "CONFIG_INCONSISTENT"
    data.attach(build(spec("training.sovits_task.SoVITSTask", sovits=SOVITS)), None, 0)
    data.setup()


def test_sizes_that_do_not_fit_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Row 49, heads over width: nothing of the layers' own errors is seen as a traceback."""
    config = Path(__file__).resolve().parents[2] / "configs" / "nano" / "gpt.yaml"
    heads = "task.init_args.semantic_gpt.init_args.n_heads=7"
    assert main(["fit", "--config", str(config), "--output", str(tmp_path / "run"), heads]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "multiple of n_heads 7" in lines[0] and lines[0].endswith("[CONFIG_INCONSISTENT]")
    assert not (tmp_path / "run").exists()
