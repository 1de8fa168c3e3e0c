"""Weight files that nobody should trust, through the command line: one line with its code, exit code 2, and nothing
run, written or left behind. The files are made here; what each part refuses on its own is tested beside the part."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from gsv_lab.checkpoint import archive as archive_module
from gsv_lab.checkpoint import load_component, read_header, save_component
from gsv_lab.checkpoint.native import FORMAT
from gsv_lab.cli import main
from gsv_lab.errors import CheckpointError
from gsv_lab.released.importer import import_reference
from gsv_lab.system.config import build
from tiny import GPT, VERIFIER, make_family

from .layouts import rewritten, small_gpt, write

Maker = Callable[[Path], Path]


class Harm:
    """Makes a folder when it is unpickled by a careless reader."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place / "harm"),)


def released(change: Callable[[dict[str, Any]], Any] = lambda c: None, code: str = "PK") -> Maker:
    """A maker of a released file with something wrong in it."""

    def make(folder: Path) -> Path:
        content = small_gpt()
        change(content)
        return write(folder / "x.pth", content, code)

    return make


def with_code(code: str) -> Maker:
    return lambda folder: released(lambda c: c.update(config=Harm(folder)), code)(folder)


def cut(folder: Path) -> Path:
    path = released()(folder)
    path.write_bytes(path.read_bytes()[:-700])
    return path


def bomb(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "x.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02N.")
        archive.writestr("a/data/0", bytes(30_000_000))
    return folder / "x.pth"


def wide(content: dict[str, Any]) -> None:
    content["weight"]["model.bert_proj.bias"] = torch.zeros(1, dtype=torch.float16).expand(10**9 + 1)


def old_format(folder: Path) -> Path:
    torch.save(small_gpt(), folder / "x.pth", _use_new_zipfile_serialization=False)
    return folder / "x.pth"


def bare_pickle(folder: Path) -> Path:
    (folder / "x.pth").write_bytes(pickle.dumps(Harm(folder)))
    return folder / "x.pth"


def set_to(name: str, value: torch.Tensor) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["weight"].update({name: value})


IMPORTS: dict[str, tuple[str, Maker]] = {
    "31 code inside": ("CKPT_UNSAFE", with_code("PK")),
    "31 code inside, other first bytes": ("CKPT_UNSAFE", with_code("06")),
    "31 bare pickle": ("CKPT_UNSAFE", bare_pickle),
    "33 cut off": ("CKPT_CORRUPT", cut),
    "34 shapes": ("CKPT_SHAPE", released(set_to("model.bert_proj.bias", torch.zeros(3)))),
    "36 unknown key": ("CKPT_KEYS", released(set_to("model.more", torch.zeros(3)))),
    "36 missing key": ("CKPT_KEYS", released(lambda c: c["weight"].pop("model.bert_proj.bias"))),
    "36 another network": ("CKPT_KEYS", released(lambda c: c.update(weight={"a": torch.zeros(1)}))),
    "37 NaN": ("CKPT_NONFINITE", released(set_to("model.bert_proj.bias", torch.full((8,), torch.nan)))),
    "37 infinity": ("CKPT_NONFINITE", released(set_to("model.bert_proj.bias", torch.full((8,), torch.inf)))),
    "38 deflate bomb": ("CKPT_TOO_LARGE", bomb),
    "38 a view of 10^9 elements": ("CKPT_TOO_LARGE", released(wide)),
    "39 torch before archives": ("CKPT_LEGACY", old_format),
    "no weights": ("CKPT_FORMAT", lambda folder: write(folder / "x.pth", {"epoch": 1})),
    "a family that is not run": ("CKPT_FORMAT", released(set_to("cfm.x", torch.zeros(1)))),
}


def check(arguments: list[str], code: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, one line, the same files before and after."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(arguments) == 2
    shown = capsys.readouterr()
    lines = shown.err.splitlines()
    assert len(lines) == 1 and shown.out == ""
    assert lines[0].startswith("error: ") and lines[0].endswith(f"[{code}]") and len(lines[0]) < 500
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert not (folder / "harm").exists()


@pytest.mark.parametrize("row", IMPORTS)
def test_released_files(row: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, make = IMPORTS[row]
    check(
        ["weights", "import", str(make(tmp_path)), "--output", str(tmp_path / "o.safetensors")], code, tmp_path, capsys
    )


def test_sizes_are_read_without_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a file that claims too much is ever loaded onto a device that has memory."""
    devices, load = [], archive_module._load

    def watched(data: bytearray, stubs: Any, device: str) -> Any:
        devices.append(device)
        return load(data, stubs, device)

    monkeypatch.setattr(archive_module, "_load", watched)
    with pytest.raises(CheckpointError, match="claims 1000000001 elements"):
        import_reference([released(wide)(tmp_path)], tmp_path / "o.safetensors")
    assert devices == ["meta"]


def native(folder: Path) -> Path:
    """An imported file, which holds all that can be wrong with the kit's own ones."""
    path = import_reference([write(folder / "x.pth", small_gpt())], folder / "n.safetensors")[0].output
    (folder / "x.pth").unlink()
    return path


def reheaded(change: Callable[[dict[str, Any]], Any]) -> Maker:
    """A maker of a native file with another table in front."""
    return lambda folder: rewritten(native(folder), change)


def entry(**changes: Any) -> Callable[[dict[str, Any]], None]:
    def change(table: dict[str, Any]) -> None:
        kept = json.loads(table["__metadata__"]["gsv_lab"])
        table["__metadata__"]["gsv_lab"] = json.dumps({**kept, **changes})

    return change


def overlap(table: dict[str, Any]) -> None:
    first, second = [item for name, item in table.items() if name != "__metadata__"][:2]
    second.update(first)


def tensor(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda table: table["predict.weight"].update(changes)


def damaged(change: Callable[[bytes], bytes]) -> Maker:
    def make(folder: Path) -> Path:
        path = native(folder)
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def nan_inside(folder: Path) -> Path:
    path = native(folder)
    state = load_component(path).state_dict()
    state["predict.weight"][0, 0] = torch.nan
    kept = {key: value for key, value in read_header(path).items() if key != "tensors"}
    save_file(state, path, {"gsv_lab": json.dumps(kept)})
    return path


def renamed(make: Maker) -> Maker:
    return lambda folder: make(folder).rename(folder / "n.safetensors")


FOREIGN = {"class_path": "gsv_lab.extensions.f0.F0", "init_args": {}}

NATIVE: dict[str, tuple[str, Maker]] = {
    "32 pickle": ("CKPT_FORMAT", renamed(bare_pickle)),
    "32 torch before archives": ("CKPT_FORMAT", renamed(old_format)),
    "33 cut off": ("CKPT_CORRUPT", damaged(lambda data: data[:-40])),
    "33 bytes behind": ("CKPT_CORRUPT", damaged(lambda data: data + bytes(40))),
    "33 oversized header": ("CKPT_CORRUPT", damaged(lambda data: struct.pack("<Q", 2**62) + data[8:])),
    "33 header of brackets": ("CKPT_CORRUPT", damaged(lambda _: struct.pack("<Q", 60_005) + b'{"a":' + b"[" * 60_000)),
    "33 overlap": ("CKPT_CORRUPT", reheaded(overlap)),
    "33 place outside": ("CKPT_CORRUPT", reheaded(tensor(data_offsets=[10**9, 10**9 + 96]))),
    "33 shape and bytes": ("CKPT_CORRUPT", reheaded(tensor(shape=[5, 5]))),
    "33 shape of words": ("CKPT_CORRUPT", reheaded(tensor(shape=["a"]))),
    "33 negative shape": ("CKPT_CORRUPT", reheaded(tensor(shape=[-6, -8]))),
    "33 no shape": ("CKPT_CORRUPT", reheaded(lambda table: table["predict.weight"].pop("shape"))),
    "33 unknown type": ("CKPT_CORRUPT", reheaded(tensor(dtype="F13"))),
    "37 NaN": ("CKPT_NONFINITE", nan_inside),
    "38 a header of 10^10 elements": ("CKPT_TOO_LARGE", reheaded(tensor(shape=[10**5, 10**5]))),
    "39 released file": ("CKPT_LEGACY", renamed(released())),
    "39 released file, other first bytes": ("CKPT_LEGACY", renamed(released(code="05"))),
    "40 newer": ("CKPT_VERSION", reheaded(entry(format=FORMAT + 1))),
    "40 no number": ("CKPT_VERSION", reheaded(entry(format="new"))),
    "not ours": ("CKPT_FORMAT", reheaded(lambda table: table.pop("__metadata__"))),
    "no network": ("CKPT_FORMAT", reheaded(entry(reference=None, spec=None))),
    "a network of no released family": ("CKPT_FORMAT", reheaded(entry(reference=None, spec=FOREIGN))),
    "36 tensors gone": ("CKPT_KEYS", reheaded(entry(reference={"code": "PK", "keys": ["a"], "content": {
        "dict": [["weight", None]]}}))),
    "damaged record": ("CKPT_CORRUPT", reheaded(entry(reference={"code": "PK", "keys": 3, "content": {}}))),
}  # fmt: skip


@pytest.mark.parametrize("row", NATIVE)
def test_own_files(row: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, make = NATIVE[row]
    check(["weights", "export", str(make(tmp_path)), "--output", str(tmp_path / "o.pth")], code, tmp_path, capsys)


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_family(tmp_path_factory.mktemp("family"))


def spec_with(**arguments: Any) -> dict[str, Any]:
    return {**GPT, "init_args": {**GPT["init_args"], **arguments}}


COMPONENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "34 shapes": ("CKPT_SHAPE", spec_with(n_codes=21)),
    "34 a network of 10^12 elements": ("CKPT_SHAPE", spec_with(n_phones=10**11)),
    "36 keys": ("CKPT_KEYS", spec_with(n_layers=3)),
    "no such network": ("CKPT_FORMAT", spec_with(n_heads=3)),
    "44 misspelt argument": ("CONFIG_UNKNOWN_KEY", spec_with(n_head=2)),
    "48 foreign class": ("CONFIG_UNKNOWN_COMPONENT", {"class_path": "os.system", "init_args": {"command": "ls"}}),
    "no class": ("CKPT_FORMAT", {"a": 1}),
}


@pytest.mark.parametrize("row", COMPONENTS)
def test_networks_that_are_not_what_they_say(
    row: str, family: Path, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In place of one component of a model; the voice is not written."""
    code, claimed = COMPONENTS[row]
    own = tmp_path / "own"
    shutil.copytree(family, own)
    path = own / "semantic_gpt.safetensors"
    kept = {key: value for key, value in read_header(path).items() if key != "tensors"}
    save_file(load_component(path).state_dict(), path, {"gsv_lab": json.dumps({**kept, "spec": claimed})})
    arguments = ["clone", str(sample), "--output", str(tmp_path / "v.safetensors"), "--model", str(own)]
    check(arguments, code, tmp_path, capsys)


def test_voice_of_other_weights(family: Path, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Row 35; and row 39 where a released file is given as a voice."""
    other, voice = make_family(tmp_path / "other", seed=1), tmp_path / "v.safetensors"
    assert main(["clone", str(sample), "--output", str(voice), "--model", str(other)]) == 0
    speak = ["speak", "--text", "Hello.", "--output", str(tmp_path / "o.wav"), "--model", str(family), "--quiet"]
    check([*speak, "--voice", str(voice)], "CKPT_PARENT_MISMATCH", tmp_path, capsys)
    check([*speak, "--voice", str(released(code="05")(tmp_path))], "CKPT_LEGACY", tmp_path, capsys)


def test_full_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 43: the older file is intact, nothing lies beside it."""
    path, out, back = released()(tmp_path), tmp_path / "o.safetensors", tmp_path / "o.pth"
    assert main(["weights", "import", str(path), "--output", str(out)]) == 0
    assert main(["weights", "export", str(out), "--output", str(back)]) == 0

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for place in ("os.fsync", "os.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(place, full)
            check(["weights", "import", str(path), "--output", str(out)], "SAVE_FAILED", tmp_path, capsys)
            check(["weights", "export", str(out), "--output", str(back)], "SAVE_FAILED", tmp_path, capsys)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["o.pth", "o.safetensors", "x.pth"]


def test_not_finite_is_not_written(tmp_path: Path) -> None:
    network = build(VERIFIER)
    with torch.no_grad():
        next(network.parameters()).fill_(torch.inf)
    with pytest.raises(CheckpointError, match="NaN or infinity"):
        save_component(network, tmp_path / "v.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "header", [{"kind": "voice"}, {"kind": "voice", "phones": 3}, {"spec": None}, {"spec": {}}, {}]
)
def test_headers_without_their_parts(
    header: dict[str, Any], family: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "v.safetensors"
    tensors = {"voice.codes": torch.zeros(1, 3), "voice.speaker": torch.zeros(1, 3, 1)}
    save_file(tensors, path, {"gsv_lab": json.dumps({"format": 1, **header})})
    check(["info", str(path)], "CKPT_CORRUPT", tmp_path, capsys)
    speak = ["speak", "--text", "Hello.", "--output", str(tmp_path / "o.wav"), "--model", str(family), "--quiet"]
    code = "CKPT_CORRUPT" if "kind" in header else "CKPT_FORMAT"
    check([*speak, "--voice", str(path)], code, tmp_path, capsys)
