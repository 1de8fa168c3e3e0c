"""Seven attacks by files that somebody passes on, each refused before anything foreign is imported or made."""

from __future__ import annotations

import builtins
import importlib
import json
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save_file

from gsv_lab.checkpoint import load_component
from gsv_lab.checkpoint.native import FORMAT
from gsv_lab.checkpoint.state_file import read_state
from gsv_lab.cli import main
from gsv_lab.corpora.readers import read
from gsv_lab.errors import ConfigError, DataError, LabError
from gsv_lab.inference.lab import load
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.released.importer import import_reference
from gsv_lab.system.config import build, load_experiment, override
from gsv_lab.system.environment import in_cache
from gsv_lab.system.files import check_folder_name
from gsv_lab.system.registry import FOLDERS, PARTS, Configurable, modules, resolve
from tiny import VERIFIER, make_family

ROOT = Path(__file__).resolve().parents[2]
CONTENT = ROOT / "configs" / "nano" / "content.yaml"


@pytest.fixture
def no_import(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Everything that is imported by name while a test runs, from the list or not."""
    asked: list[str] = []
    real = importlib.import_module

    def watched(name: str, package: str | None = None) -> Any:
        asked.append(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", watched)
    yield asked
    assert not [name for name in asked if name.startswith("gsv_lab.") and name not in modules(FOLDERS)]
    assert not set(asked) & {"os", "builtins", "antigravity", "subprocess"}


def weights(path: Path, class_path: Any, **init_args: Any) -> Path:
    """A weight file of a verifier's tensors whose spec names a class."""
    header = {"format": FORMAT, "spec": {"class_path": class_path, "init_args": init_args}}
    save_file(build(VERIFIER).state_dict(), path, {"gsv_lab": json.dumps(header)})
    return path


def code_of(read_it: Any) -> str:
    """Code of the one error, whose text is one printable line."""
    with pytest.raises(LabError) as caught:
        read_it()
    assert str(caught.value).isprintable() and len(str(caught.value)) < 700
    return caught.value.code


NEVER = [
    "gsv_lab.__main__.main",
    "gsv_lab.__main__.X",
    "gsv_lab.cli.main",
    "gsv_lab.cli.training.Path",
    "gsv_lab.teaching.exercises.notebook.build",
    "gsv_lab.evaluation.bench.Bench",
    "gsv_lab.system.files.Path",
    "gsv_lab.checkpoint.native.Path",
    "gsv_lab.checkpoint.restricted.HParams",
    "gsv_lab.hooks.tap.Component",
    "gsv_lab.inference.lab.Lab",
]
"""In folders that hold nothing which a specification may name."""


@pytest.mark.parametrize("class_path", NEVER)
def test_module_of_the_command_line(class_path: str, tmp_path: Path, no_import: list[str]) -> None:
    for folders in (PARTS, FOLDERS):
        assert code_of(lambda folders=folders: resolve(class_path, folders)) == "CONFIG_UNKNOWN_COMPONENT"
    assert code_of(lambda: load_component(weights(tmp_path / "w.safetensors", class_path))) == (
        "CONFIG_UNKNOWN_COMPONENT"
    )
    assert class_path.rpartition(".")[0] not in no_import


def test_the_command_line_is_not_run(tmp_path: Path) -> None:
    """In a process whose arguments would write a file if `gsv_lab.__main__` were imported."""
    path = weights(tmp_path / "w.safetensors", "gsv_lab.__main__.X")
    code = (
        "import sys; sys.argv = ['x', 'clone', 'a.wav', '--output', 'v']\n"
        "from gsv_lab.checkpoint import load_component\n"
        "from gsv_lab.errors import LabError\n"
        f"try:\n    load_component({str(path)!r})\n"
        "except LabError as error:\n"
        "    print(error.code, [n for n in ('gsv_lab.__main__', 'gsv_lab.cli', 'antigravity') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stdout.strip() == "CONFIG_UNKNOWN_COMPONENT []", done.stderr
    assert [item.name for item in tmp_path.iterdir()] == ["w.safetensors"]


REEXPORTED = [
    "gsv_lab.corpora.prepare.TemporaryDirectory",
    "gsv_lab.training.finetune.Path",
    "gsv_lab.released.importer.TemporaryDirectory",
    "gsv_lab.released.importer.Path",
    "gsv_lab.released.loading.ERes2NetV2",
    "gsv_lab.nn.sovits.Flow",
    "gsv_lab.training.released_tasks.SoVITSTask",
]


@pytest.mark.parametrize("class_path", REEXPORTED)
def test_reexported_class(class_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that a module of the list imports, constructed by nobody."""

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("this was made")

    monkeypatch.setattr(tempfile.TemporaryDirectory, "__init__", never)
    monkeypatch.setattr(tempfile.TemporaryDirectory, "__del__", lambda self: None, raising=False)
    assert code_of(lambda: build({"class_path": class_path})) == "CONFIG_UNKNOWN_COMPONENT"
    assert code_of(lambda: load_component(weights(tmp_path / "w.safetensors", class_path))) == (
        "CONFIG_UNKNOWN_COMPONENT"
    )


OTHER_BASES = [
    "gsv_lab.training.callbacks.StateSaver",
    "gsv_lab.training.log_writer.LogWriter",
    "gsv_lab.corpora.store.ClipStore",
    "gsv_lab.nn.tensors.Features",
    "gsv_lab.nn.sampling.Sampling",
    "gsv_lab.nn.interfaces.Flow",
    "gsv_lab.nn.interfaces.Role",
    "gsv_lab.released.download.Fetched",
]
"""Classes of modules on the list that are no parts, or roles that nothing can be made of."""


@pytest.mark.parametrize("class_path", OTHER_BASES)
def test_class_of_another_base(class_path: str) -> None:
    assert code_of(lambda: build({"class_path": class_path})) == "CONFIG_UNKNOWN_COMPONENT"


def test_nothing_is_made_before_all_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first argument is honest, the second is not."""
    made: list[type] = []
    encoder = resolve("gsv_lab.nn.speaker_encoder.StyleEncoder")
    monkeypatch.setattr(encoder, "__init__", lambda self, **_: made.append(type(self)))
    honest = {"class_path": "gsv_lab.nn.speaker_encoder.StyleEncoder", "init_args": {}}
    assert code_of(lambda: build([honest, {"class_path": "os.system"}])) == "CONFIG_UNKNOWN_COMPONENT"
    assert made == []
    build([honest])
    assert made == [encoder]


ODD = [
    "builtins.eval", "builtins.exec", "os.system", "eval", "", ".", "gsv_lab", "gsv_lab.", ".gsv_lab.nn.flow.CouplingFlow",
    "gsv_lab.nn..flow.CouplingFlow", "gsv_lab.nn.flow..CouplingFlow", "gsv_lab.nn.flow.CouplingFlow.", "gsv_lab.nn.flow",
    " gsv_lab.nn.flow.CouplingFlow", "gsv_lab.nn.flow.CouplingFlow\n", "gsv_lab.nn.flow.CouplingFlow.__init__",
    "gsv_lab.nn.flow.__builtins__", "gsv_lab.nn.flow.torch", "gsv_lab.nn.flow.Coupling\u200bFlow",
    "gsv_lab.nn.flow.\uff23ouplingFlow", "ｇsv_lab.nn.flow.CouplingFlow", "gsv_lab/nn/flow.CouplingFlow",
    "gsv_lab.nn.../flow.CouplingFlow", "gsv_lab.extensions.f0.Correlation.__new__", "gsv_lab." + "n" * 200_000,
    "\x1b[31m.red", "\ud800.x", 3, None, True, 1e9, ["gsv_lab.nn.flow.CouplingFlow"], {"a": 1},
]  # fmt: skip


@pytest.mark.parametrize("class_path", ODD, ids=lambda value: ascii(value)[:40])
def test_builtin_and_odd_names(class_path: Any, no_import: list[str]) -> None:
    for folders in (PARTS, FOLDERS):
        assert code_of(lambda folders=folders: resolve(class_path, folders)) == "CONFIG_UNKNOWN_COMPONENT"
    assert code_of(lambda: build({"class_path": class_path})) == "CONFIG_UNKNOWN_COMPONENT"
    assert code_of(lambda: load_experiment_with({"task": {"class_path": class_path}})) in (
        "CONFIG_UNKNOWN_COMPONENT",
        "CONFIG_UNSAFE",  # what YAML itself cannot hold
    )


def test_weights_name_networks_and_no_trainings() -> None:
    assert code_of(lambda: resolve("gsv_lab.training.content_task.ContentTask", PARTS)) == "CONFIG_UNKNOWN_COMPONENT"
    assert resolve("gsv_lab.training.content_task.ContentTask").__name__ == "ContentTask"
    assert issubclass(resolve("gsv_lab.corpora.synthetic.SyntheticCorpus"), Configurable)


def load_experiment_with(tables: Any, *overrides: str, folder: Path | None = None) -> dict[str, Any]:
    """Nano's content encoder with a file over it."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "over.yaml"
        path.write_text(tables if isinstance(tables, str) else yaml.safe_dump(tables), encoding="utf-8")
        return load_experiment([CONTENT, path], overrides)


TEXTS_AS_CLASSES = {
    "a class path as text": {"task": {"init_args": {"content_encoder": "antigravity.Trick"}}},
    "YAML in a text": {"task": {"init_args": {"content_encoder": "{class_path: antigravity.Trick}"}}},
    "a task as text": {"task": "antigravity.Trick"},
    "data from another file": {"data": "other.yaml"},
    "a trainer from another file": {"trainer": "other.yaml"},
    "another file": {"config": "other.yaml"},
    "a key with dots": {"task": {"init_args": {"content_encoder.init_args.width": "antigravity.Trick"}}},
    "help": {"task": {"help": "antigravity.Trick"}},
    "a class among sizes": {"sizes": {"a": {"class_path": "antigravity.Trick"}}},
    "text of a schedule": (
        ROOT / "configs" / "v2" / "gpt.yaml", {"task": {"init_args": {"schedule": "antigravity.Trick"}}}
    ),
    "a list of discriminators": (
        ROOT / "configs" / "nano" / "sovits.yaml",
        {"task": {"init_args": {"discriminators": {"init_args": {"discriminators": ["antigravity.Trick"]}}}}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", TEXTS_AS_CLASSES)
@pytest.mark.parametrize("way", ["file", "override"])
def test_no_way_around_the_list(row: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser of configurations would import what some texts name, or read further files."""
    monkeypatch.chdir(tmp_path)
    base, tables = (
        TEXTS_AS_CLASSES[row] if isinstance(TEXTS_AS_CLASSES[row], tuple) else (CONTENT, TEXTS_AS_CLASSES[row])
    )
    Path("other.yaml").write_text("class_path: antigravity.Trick\n", encoding="utf-8")
    Path("over.yaml").write_text(yaml.safe_dump(tables), encoding="utf-8")
    real = builtins.__import__

    def watched(name: str, *rest: Any, **more: Any) -> Any:
        assert name != "antigravity"
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", watched)
    if way == "file":
        code = code_of(lambda: load_experiment([base, "over.yaml"]))
    else:
        code = code_of(lambda: load_experiment([base], list(flat(tables))))
    assert code in ("CONFIG_TYPE", "CONFIG_UNKNOWN_KEY", "CONFIG_UNKNOWN_COMPONENT")
    assert "antigravity" not in sys.modules


def flat(tables: Any, path: str = "") -> Iterator[str]:
    """Tables as `key.sub_key=value`."""
    if isinstance(tables, dict) and "class_path" not in tables:
        for key, value in tables.items():
            yield from flat(value, f"{path}.{key}".lstrip("."))
    else:
        yield f"{path}={tables if isinstance(tables, str) else json.dumps(tables)}"


INTERPOLATIONS = [
    "${oc.env:HOME}", "${env:HOME}", "${oc.decode:'1'}", "${oc.create:{}}", "a-${oc.env:HOME}", "${ oc.env:HOME }", "${",
    "${oc.env:${name}}", "${oc.select:seed}", "$${oc.env:HOME}", "${}", "${a.b:c}", "${.name}", "${now:%Y}",
]  # fmt: skip


@pytest.mark.parametrize("text", INTERPOLATIONS)
def test_environment_interpolation(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a file, in an override, in a resolved file, in a key deep below; the error names the key."""
    monkeypatch.setenv("HOME", "/secret")
    resolved = load_experiment([CONTENT])
    for read_it in (
        lambda: load_experiment_with({"name": text}),
        lambda: load_experiment([CONTENT], [f"name={text}"]),
        lambda: load_experiment([CONTENT], [f'name="{text}"']),
        lambda: override(resolved, [f"name={text}"]),
        lambda: load_experiment_with({"data": {"init_args": {"corpora": ["a", text]}}}),
        lambda: load_experiment([CONTENT], [f"data.init_args.store={text}"]),
    ):
        with pytest.raises(ConfigError) as caught:
            read_it()
        assert caught.value.code == "CONFIG_UNSAFE" and "/secret" not in str(caught.value)
        assert "name is" in str(caught.value) or "data.init_args" in str(caught.value)


def test_escaped_interpolation_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Written with YAML's escapes it is the same text, and is refused or stays as it is."""
    monkeypatch.setenv("HOME", "/secret")
    assert code_of(lambda: load_experiment_with('name: "\\x24{oc.env:HOME}"\n')) == "CONFIG_UNSAFE"
    assert code_of(lambda: load_experiment([CONTENT], ['name="\\x24{oc.env:HOME}"'])) in (
        "CONFIG_UNSAFE",
        "CONFIG_PATH",
    )
    deep = {"data": {"init_args": {"corpora": '["\\x24{oc.env:HOME}"]'}}}
    try:
        made = load_experiment_with(deep)
    except ConfigError:
        return
    assert "/secret" not in json.dumps(made)


def test_references_to_the_same_file_are_filled() -> None:
    tables = {"sizes": {"w": 24, "both": "${sizes.w}", "list": [1, "${sizes.w}"], "text": "n${sizes.w}-${seed}"}}
    made = load_experiment_with(tables, "task.init_args.content_encoder.init_args.width=${sizes.both}")
    assert made["sizes"]["both"] == 24 and made["sizes"]["list"] == [1, 24] and made["sizes"]["text"] == "n24-1234"
    assert made["task"]["init_args"]["content_encoder"]["init_args"]["width"] == 24
    made = load_experiment_with(tables, "task.init_args.warm_up=${sizes.both}", "sizes.w=31")
    assert made["task"]["init_args"]["warm_up"] == 31


@pytest.mark.parametrize(
    ("sizes", "code"),
    [
        ({"a": "${sizes.b}", "b": "${sizes.a}"}, "CONFIG_TOO_DEEP"),
        ({"a": "${sizes}"}, "CONFIG_TOO_DEEP"),
        ({"a0": "xxxxxxxx", **{f"a{n}": f"${{sizes.a{n - 1}}}" * 2 for n in range(1, 30)}}, "CONFIG_TOO_DEEP"),
        ({"a0": ["x"], **{f"a{n}": [f"${{sizes.a{n - 1}}}"] * 9 for n in range(1, 9)}}, "CONFIG_TOO_DEEP"),
        ({"a": "${sizes.nowhere}"}, "CONFIG_TYPE"),
        ({"a": "x${sizes.b}", "b": {"c": 1}}, "CONFIG_TYPE"),
    ],
)
def test_references_without_end(sizes: dict[str, Any], code: str) -> None:
    assert code_of(lambda: load_experiment_with({"sizes": sizes})) == code


NAMES = ["../../../evil", "..", ".hidden", "a/b", "a\\b", "/abs", "C:evil", "", " ", "a b", "x" * 101, "a\nb", "ä", "~"]


@pytest.mark.parametrize("name", NAMES)
def test_path_out_of_the_root_by_a_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a run, given in a file or on the command line, and of a family."""
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert code_of(lambda: check_folder_name(name, "name")) == "CONFIG_PATH"
    assert code_of(lambda: load_experiment_with({"name": name})) == "CONFIG_PATH"
    assert code_of(lambda: override(load_experiment([CONTENT]), [f"name={json.dumps(name)}"])) == "CONFIG_PATH"
    family = ["fit", "--family", str(CONTENT.parent), "--corpus", str(tmp_path), f"--version={name}"]
    assert main(family) == 2
    assert [item.name for item in tmp_path.iterdir()] == []


def test_command_line_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--config", str(CONTENT), "name=../../../evil"]) == 2
    assert capsys.readouterr().err.strip().endswith("[CONFIG_PATH]")


@pytest.mark.parametrize("name", ["nano-content", "a", "_x", "-", "2026.11.29", "x" * 100])
def test_plain_names(name: str) -> None:
    check_folder_name(name, "name")


@pytest.mark.parametrize("path", ["../x", "a/../../x", "..", "a\\..\\..\\x", "a/..", "x\0y", "x\ny"])
def test_path_out_of_the_cache(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path))
    assert code_of(lambda: in_cache(path)) == "CONFIG_PATH"
    data = {"class_path": "gsv_lab.corpora.content_data.ContentData", "init_args": {"store": path}}
    assert code_of(lambda: build(data)) == "CONFIG_PATH"
    assert in_cache("a/b..c") == tmp_path / "a" / "b..c"
    assert in_cache(tmp_path / "x") == tmp_path / "x"


@pytest.mark.parametrize("row", ["../../outside.wav", "/etc/outside.wav", "a/../../outside.wav"])
def test_path_out_of_a_corpus(row: str, tmp_path: Path) -> None:
    """A clip's id becomes a file's name where clips are packed."""
    (tmp_path / "metadata.csv").write_text(f"path|speaker|language|text\n{row}|s|en|hello\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert caught.value.code == "DATA_PATH"


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place / "sprung"),)


def archive_of(path: Path, program: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", program)
    return path


def test_pickle(tmp_path: Path) -> None:
    """Bare, in an archive, by every protocol, under every name; as weights, voice, released file and companion."""
    path = tmp_path / "x.safetensors"
    for protocol in range(6):
        program = pickle.dumps(Trap(tmp_path), protocol)
        for harmful in (program, pickle.dumps({"weight": {}, "x": Trap(tmp_path)}, protocol)):
            path.write_bytes(harmful)
            assert code_of(lambda: load_component(path)) == "CKPT_FORMAT"
            assert code_of(lambda: Voice.load(path)) == "CKPT_FORMAT"
            assert code_of(lambda: read_state(path)) in ("CKPT_UNSAFE", "CKPT_FORMAT")
            archive_of(path, harmful)
            assert code_of(lambda: load_component(path)) == "CKPT_LEGACY"
            assert code_of(lambda: read_state(path)) == "CKPT_UNSAFE"
            assert code_of(lambda: import_reference([path], tmp_path / "o.safetensors")) == "CKPT_UNSAFE"
    assert [item.name for item in tmp_path.iterdir()] == ["x.safetensors"]


@pytest.mark.parametrize("name", ["builtins bytearray", "torch FloatTensor", "torch _utils", "_codecs encode"])
def test_pickle_that_asks_for_memory(name: str, tmp_path: Path) -> None:
    """torch's own list lets some names through that take an argument for a size."""
    program = b"\x80\x02c" + name.replace(" ", "\n").encode() + b"\nJ\xff\xff\xff\x7f\x85R."
    assert code_of(lambda: read_state(archive_of(tmp_path / "x.pth", program))) == "CKPT_UNSAFE"


@pytest.mark.parametrize("length", [2**62, 2**63, 2**64 - 1, 2**40, 16 * 2**20 + 1, 10**6])
def test_oversized_header(length: int, tmp_path: Path) -> None:
    path = weights(tmp_path / "w.safetensors", "gsv_lab.nn.flow.IdentityFlow")
    path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])
    assert code_of(lambda: load_component(path)) == "CKPT_CORRUPT"
    assert code_of(lambda: Voice.load(path)) == "CKPT_CORRUPT"


def test_header_that_lies_about_its_own_size_and_depth(tmp_path: Path) -> None:
    """A whole header of 17 MB, one of a list in a list, one of a shape of a million numbers."""
    path = tmp_path / "w.safetensors"
    entry = json.dumps({"format": FORMAT, "info": {}})
    for table in (
        {"__metadata__": {"gsv_lab": entry, "x": "y" * 17 * 2**20}},
        {"__metadata__": {"gsv_lab": '{"info": {"a": ' + "[" * 500 + "]" * 500 + "}}"}},
        {"__metadata__": {"gsv_lab": entry}, "a": {"dtype": "F32", "shape": [1] * 10**6, "data_offsets": [0, 4]}},
        {"__metadata__": {"gsv_lab": '{"format": 2, "info": {"a": NaN}}'}},
        {"__metadata__": {"gsv_lab": '{"format": ' + "9" * 5000 + "}"}},
    ):
        text = json.dumps(table).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
        assert code_of(lambda: load_component(path)) == "CKPT_CORRUPT"


def test_swapped_parts(tmp_path: Path) -> None:
    """Each file of a family in the place of another is named with what it holds."""
    family = make_family(tmp_path / "family")
    for one, other, words in (
        ("semantic_gpt", "sovits", "holds a ExtendedSoVITS"),
        ("sovits", "content_encoder", "holds a PhoneContentEncoder"),
        ("content_encoder", "speaker_verifier", "holds a SpeakerVerifier"),
    ):
        path = family / f"{one}.safetensors"
        kept = path.read_bytes()
        path.write_bytes((family / f"{other}.safetensors").read_bytes())
        with pytest.raises(LabError, match=words) as caught:
            load(str(family))
        assert caught.value.code == "CKPT_FORMAT"
        path.write_bytes(kept)
    load(str(family))


@pytest.fixture(scope="module")
def lab_and_voice(tmp_path_factory: pytest.TempPathFactory) -> Any:
    lab = load(str(make_family(tmp_path_factory.mktemp("lab"))))
    synthesizer = lab.family.synthesizer
    voice = Voice(
        name="v",
        parent=lab.version,
        parents=lab.recordings.fingerprints,
        speaker=torch.zeros(1, synthesizer.voice_dim, 1),
        prompt=Prompt(torch.tensor([1, 2, 3]), None),
    )
    lab.speak("We walk.", voice)
    return lab, voice


def change(voice: Voice, row: str) -> Voice:
    codes, name = voice.prompt.codes, "sovits.flow.steps.0.out_proj.bias"
    changes: dict[str, dict[str, Any]] = {
        "width": {"speaker": torch.zeros(1, 15, 1)},
        "codes": {"prompt": Prompt(codes + 18, None)},
        "negative codes": {"prompt": Prompt(codes - 2, None)},
        "unknown tensor": {"changed": {"sovits.nowhere": torch.zeros(4)}},
        "shape of a tensor": {"changed": {name: torch.zeros(5)}},
        "empty parents": {"parents": {}},
        "a parent less": {"parents": dict(list(voice.parents.items())[:2])},
    }
    return replace(voice, **changes[row])


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("width", "CKPT_SHAPE"),
        ("codes", "CKPT_RANGE"),
        ("negative codes", "CKPT_RANGE"),
        ("unknown tensor", "CKPT_KEYS"),
        ("shape of a tensor", "CKPT_SHAPE"),
        ("empty parents", "CKPT_PARENT_MISMATCH"),
        ("a parent less", "CKPT_PARENT_MISMATCH"),
    ],
)
def test_voices_that_do_not_fit(row: str, code: str, lab_and_voice: Any) -> None:
    lab, voice = lab_and_voice
    assert code_of(lambda: lab.speak("We walk.", change(voice, row))) == code
