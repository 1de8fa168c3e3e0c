"""Weight files: what is saved comes back; what is wrong is refused in one clear line, and nothing is executed."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path

import pytest
import torch

from gsv_lab.checkpoint import fingerprint, load_component, read_header, save_component
from gsv_lab.checkpoint.native import FORMAT, load_into, load_tensors, save_tensors
from gsv_lab.errors import CheckpointError, ConfigError
from gsv_lab.system.config import build
from tiny import VERIFIER

from .layouts import rewritten


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return save_component(build(VERIFIER), tmp_path / "v.safetensors", {"minutes": 3})


def test_round_trip(path: Path) -> None:
    torch.manual_seed(0)
    original = build(VERIFIER)
    again = load_component(path)
    assert not again.training
    assert fingerprint(original.state_dict()) == fingerprint(again.state_dict())
    header = read_header(path)
    assert header["spec"] == original.spec
    assert header["info"] == {"minutes": 3}


def test_half_precision_is_half_the_size(path: Path, tmp_path: Path) -> None:
    small = save_component(load_component(path), tmp_path / "h.safetensors", dtype=torch.float16)
    assert small.stat().st_size < 0.6 * path.stat().st_size
    assert load_component(small)(torch.randn(1, 1, 4000)).dtype == torch.float32


def test_fingerprint_sees_one_bit() -> None:
    tensors = {"a": torch.zeros(3), "b": torch.ones(2, 2)}
    before = fingerprint(tensors)
    tensors["b"][1, 1] += 1e-7
    assert fingerprint(tensors) != before


@pytest.mark.parametrize(
    "other",
    [
        {"a": torch.zeros(3, 2)},
        {"a": torch.zeros(6)},
        {"a": torch.zeros(2, 3, dtype=torch.int32)},
        {"b": torch.zeros(2, 3)},
    ],
    ids=["shape", "flat", "dtype", "name"],
)
def test_fingerprint_sees_what_the_bytes_do_not_say(other: dict[str, torch.Tensor]) -> None:
    assert fingerprint(other) != fingerprint({"a": torch.zeros(2, 3)})


class Trap:
    """Would create a file when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):  # noqa: ANN204
        return Path.touch, (self.target,)


def test_a_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    trap = tmp_path / "trap.safetensors"
    trap.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(CheckpointError) as caught:
        load_component(trap)
    assert caught.value.code == "CKPT_FORMAT"
    assert not (tmp_path / "sprung").exists()


def test_damaged_files(path: Path) -> None:
    whole = path.read_bytes()
    for damage, code in (
        (whole[:-100], "CKPT_CORRUPT"),
        (struct.pack("<Q", 2**40) + whole[8:], "CKPT_CORRUPT"),
        (whole[:60], "CKPT_CORRUPT"),
        (b"", "CKPT_FORMAT"),
        (b"hello, I am text", "CKPT_FORMAT"),
    ):
        path.write_bytes(damage)
        with pytest.raises(CheckpointError) as caught:
            load_tensors(path)
        assert caught.value.code == code, damage[:20]


def test_enormous_tensor_is_refused_before_allocation(path: Path) -> None:
    def grow(table: dict) -> None:
        name = next(key for key in table if key != "__metadata__")
        table[name]["shape"] = [100_000, 100_000]

    with pytest.raises(CheckpointError, match="10000000000 elements"):
        read_header(rewritten(path, grow))


def test_newer_format_foreign_file_and_foreign_class(path: Path, tmp_path: Path) -> None:
    entry = json.loads(
        json.loads(path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")])["__metadata__"][
            "gsv_lab"
        ]
    )
    rewritten(path, lambda t: t["__metadata__"].update(gsv_lab=json.dumps({**entry, "format": 99})))
    with pytest.raises(CheckpointError, match="Upgrade gsv_lab"):
        read_header(path)
    rewritten(
        path, lambda t: t["__metadata__"].update(gsv_lab=json.dumps({**entry, "spec": {"class_path": "os.system"}}))
    )
    with pytest.raises(ConfigError) as caught:
        load_component(path)
    assert caught.value.code == "CONFIG_UNKNOWN_COMPONENT"
    rewritten(path, lambda t: t.pop("__metadata__"))
    with pytest.raises(CheckpointError, match="not written by gsv_lab"):
        read_header(path)


def test_not_finite_is_neither_saved_nor_loaded(path: Path, tmp_path: Path) -> None:
    network = load_component(path)
    with torch.no_grad():
        network.in_proj.bias[0] = float("nan")
    with pytest.raises(CheckpointError, match="NaN"):
        save_component(network, tmp_path / "bad.safetensors")
    assert not (tmp_path / "bad.safetensors").exists()
    from safetensors.torch import save_file

    save_file(network.state_dict(), tmp_path / "bad.safetensors", {"gsv_lab": json.dumps({"format": FORMAT})})
    with pytest.raises(CheckpointError, match="NaN"):
        load_tensors(tmp_path / "bad.safetensors")


def test_strict_keys_and_shapes(path: Path) -> None:
    network, tensors = load_component(path), load_tensors(path)
    fewer = {k: v for k, v in tensors.items() if k != "in_proj.bias"}
    with pytest.raises(CheckpointError, match="1 tensors missing .*in_proj.bias.*1 unknown .*other"):
        load_into(network, {**fewer, "other": torch.zeros(1)}, "x")
    with pytest.raises(CheckpointError, match=r"in_proj.bias: \(3,\) for \(16,\)"):
        load_into(network, {**tensors, "in_proj.bias": torch.zeros(3)}, "x")


def test_full_disk_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Exception, match="No space left"):
        save_tensors({"a": torch.zeros(4)}, path, {"spec": {}})
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]
