"""Released files: read without running anything and written back bit for bit.

What the golden ones compute is compared in `tests/parity/test_checkpoints.py`.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from gsv_lab.checkpoint import read_header
from gsv_lab.checkpoint.restricted import HParams, read_released
from gsv_lab.cli.weights import add_weights
from gsv_lab.errors import CheckpointError, LabError
from gsv_lab.inference.loading import locate
from gsv_lab.released.exporter import export_reference
from gsv_lab.released.importer import import_reference
from gsv_lab.released.stored_config import from_json, to_json

from .layouts import same, small_gpt, write


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.bfloat16, None])
def test_own_file_of_any_precision(tmp_path: Path, dtype: torch.dtype | None) -> None:
    """Mixed precision too; the configuration that was never updated is reported and the tensors stand."""
    content = small_gpt(dtype or torch.float16)
    if dtype is None:
        content["weight"]["model.bert_proj.bias"] = torch.randn(8)
    content["config"]["odd"] = OrderedDict(a=(1, [2.5, None]), b={3: True})
    path = write(tmp_path / "a.ckpt", content)
    report = import_reference([path], tmp_path / "a.safetensors")[0]
    assert report.notes == ("model.n_layer is 24, the tensors say 1",)
    assert read_header(report.output)["spec"]["init_args"]["n_layers"] == 1
    same(read_released(path), read_released(export_reference(report.output, tmp_path / "b.ckpt")))


def test_configuration_object_survives() -> None:
    made = HParams()
    made.__setstate__({"train": {"x": (1, 2)}, "name": "v"})
    again = from_json(json.loads(json.dumps(to_json(made), sort_keys=True)))
    assert isinstance(again, HParams) and again.__dict__ == made.__dict__ and list(again.__dict__) == ["train", "name"]


class Touch:
    """Makes a file when it is unpickled by a careless reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def refused(path: Path, code: str) -> str:
    output = path.with_suffix(".safetensors")
    before = set(path.parent.iterdir())
    with pytest.raises(CheckpointError) as caught:
        import_reference([path], output)
    assert caught.value.code == code, str(caught.value)
    assert "\n" not in str(caught.value) and set(path.parent.iterdir()) == before
    return str(caught.value)


@pytest.mark.parametrize("place", ["weight", "config", "info", "extra"])
@pytest.mark.parametrize("code", ["PK", "05"])
def test_code_is_not_run(tmp_path: Path, place: str, code: str) -> None:
    content = small_gpt()
    harm = Touch(tmp_path / "harm")
    content[place] = {**content["weight"], "x": harm} if place == "weight" else harm
    message = refused(write(tmp_path / "a.pth", content, code), "CKPT_UNSAFE")
    assert "mkdir" in message and not (tmp_path / "harm").exists()


def test_bare_pickles_are_not_run(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(pickle.dumps(Touch(tmp_path / "harm")))
    refused(path, "CKPT_UNSAFE")
    with zipfile.ZipFile(path, "w") as archive:  # named by a detour of the newer protocol
        archive.writestr("a/data.pkl", pickle.dumps(Touch(tmp_path / "harm"), protocol=4))
    refused(path, "CKPT_UNSAFE")
    assert not (tmp_path / "harm").exists()


def test_foreign_and_empty_files(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    for data in (b"", b"PK", b"99\x03\x04rest", b"\x10\0\0\0\0\0\0\0{}", b"hello world, no weights"):
        path.write_bytes(data)
        refused(path, "CKPT_FORMAT")
    write(path, {"state_dict": {}, "epoch": 3})
    assert "epoch, state_dict in place of weights" in refused(path, "CKPT_FORMAT")
    write(path, {"model": {}, "optimizer": {}, "iteration": 3})
    assert "of no known network: none" in refused(path, "CKPT_KEYS")
    write(path, {"weight": {"cfm.x": torch.zeros(1)}, "config": {}})
    assert "v3 or v4" in refused(path, "CKPT_FORMAT")
    refused(tmp_path / "absent.pth", "CKPT_MISSING")


def test_cut_and_flipped_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pth", small_gpt())
    whole = path.read_bytes()
    for share in (0.01, 0.3, 0.9, 0.999):
        path.write_bytes(whole[: int(len(whole) * share)])
        refused(path, "CKPT_CORRUPT")
    flipped = bytearray(whole)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        item = max(archive.infolist(), key=lambda i: i.file_size if "/data/" in i.filename else 0)
    flipped[item.header_offset + 64 + item.file_size // 2] ^= 0x10
    path.write_bytes(flipped)
    refused(path, "CKPT_CORRUPT")


def test_bombs_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02N.")
        archive.writestr("a/data/0", bytes(50_000_000))
    refused(path, "CKPT_TOO_LARGE")
    content = small_gpt()
    content["weight"]["model.bert_proj.bias"] = torch.zeros(1, dtype=torch.float16).expand(2 * 10**9)
    write(path, content)
    refused(path, "CKPT_TOO_LARGE")
    content = small_gpt()
    tree: list[Any] = [0]  # each holds the one before twice: 2^18 entries when walked, a few bytes in the file
    for _ in range(18):
        tree = [tree, tree]
    content["config"]["deep"] = tree
    write(path, content)
    refused(path, "CKPT_TOO_LARGE")


def test_claimed_size_beyond_the_storage(tmp_path: Path) -> None:
    """A tensor that says it is larger than the bytes it lies on, which no honest writer makes."""
    content = small_gpt()
    path = write(tmp_path / "a.pth", content)
    out = tmp_path / "b.pth"
    shape = b"K\x07K\x08\x86"  # the phone table, 7 x 8, in the pickle's own words
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(out, "w") as forged:
        for item in archive.infolist():
            data = archive.read(item)
            if item.filename.endswith("data.pkl"):
                assert data.count(shape) == 1
                data = data.replace(shape, b"J" + struct.pack("<i", 10**6) + b"J" + struct.pack("<i", 10**6) + b"\x86")
            forged.writestr(item.filename, data)
    with pytest.raises(CheckpointError) as caught:
        import_reference([out], tmp_path / "c.safetensors")
    assert caught.value.code in ("CKPT_TOO_LARGE", "CKPT_CORRUPT")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(tmp_path: Path, bad: float) -> None:
    content = small_gpt()
    content["weight"]["model.bert_proj.bias"][3] = bad
    assert "bert_proj.bias" in refused(write(tmp_path / "a.pth", content), "CKPT_NONFINITE")


def test_keys_and_shapes_are_accounted_for(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    content = small_gpt()
    del content["weight"]["model.bert_proj.bias"]
    assert "bert_proj.bias" in refused(write(path, content), "CKPT_KEYS")
    content = small_gpt()
    content["weight"]["model.more"] = torch.zeros(1)
    assert "model.more" in refused(write(path, content), "CKPT_KEYS")
    content = small_gpt()
    content["weight"]["model.bert_proj.bias"] = torch.zeros(3)
    refused(write(path, content), "CKPT_SHAPE")
    refused(write(path, {"weight": {"a": torch.zeros(1)}, "config": {}}), "CKPT_KEYS")
    refused(write(path, {"weight": {"enc_p.proj.weight": torch.zeros(2, 2)}, "config": {}}), "CKPT_KEYS")


def test_contradicting_configuration(tmp_path: Path) -> None:
    refused(write(tmp_path / "a.pth", small_gpt(heads=3)), "CKPT_FORMAT")
    for heads in ("four", 0, -1, 10**12, True):
        refused(write(tmp_path / "a.pth", small_gpt(heads=heads)), "CKPT_FORMAT")  # type: ignore[arg-type]


def test_two_files_of_one_role_and_odd_names(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pth", small_gpt())
    with pytest.raises(LabError, match="one file of each role"):
        import_reference([path, path], tmp_path / "x.safetensors")
    with pytest.raises(LabError, match="ends in .safetensors"):
        import_reference([path], tmp_path / "x.pth")
    assert not list(tmp_path.glob("x*"))


def test_export_needs_a_network_of_the_released_families(tmp_path: Path) -> None:
    for file in sorted(locate("nano").glob("s*.safetensors")):
        with pytest.raises(CheckpointError) as caught:
            export_reference(file, tmp_path / "b.pth")
        assert caught.value.code == "CKPT_FORMAT"
    assert not (tmp_path / "b.pth").exists()


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Import, export and list, as the parser of `gsv-lab` calls them."""
    parser = argparse.ArgumentParser()
    add_weights(parser.add_subparsers(required=True))

    def run(*arguments: str) -> str:
        parsed = parser.parse_args(["weights", *arguments])
        assert not parsed.run(parsed)
        return capsys.readouterr().out

    path = write(tmp_path / "a.pth", small_gpt(), "06")
    ours, back = str(tmp_path / "a.safetensors"), str(tmp_path / "b.pth")
    assert "semantic_gpt" in run("import", str(path), "--output", ours)
    assert back in run("export", ours, "--output", back)
    same(read_released(path), read_released(Path(back)))
    (tmp_path / "v2Pro").mkdir()
    (tmp_path / "v2Pro" / "s2Gv2Pro.pth").write_bytes(b"x" * 2000)
    table = run("list", "--folder", str(tmp_path))
    rows = {line.split()[1]: line for line in table.splitlines() if len(line.split()) > 2}
    assert "2,000 bytes" in rows["v2Pro/s2Gv2Pro.pth"] and "absent" in rows["v2Pro/s2Gv2ProPlus.pth"]
    assert "MIT" in rows["v2Pro/s2Gv2Pro.pth"] and "162 MB" in rows["v2Pro/s2Gv2Pro.pth"]
