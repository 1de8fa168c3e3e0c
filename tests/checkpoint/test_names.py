"""What a file may name: hostile class paths are refused before anything foreign is imported or made."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gsv_lab.checkpoint import load_component
from gsv_lab.system.config import build, load_experiment
from gsv_lab.system.registry import FOLDERS, PARTS, Configurable, modules, resolve

from .hostile import CONFIGS, CONTENT, code_of, load_experiment_with, weights


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
    "gsv_lab.training.finetuning.run.Path",
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
    "builtins.eval", "builtins.exec", "os.system", "eval", "", ".", "gsv_lab", "gsv_lab.",
    ".gsv_lab.nn.flow.CouplingFlow", "gsv_lab.nn..flow.CouplingFlow", "gsv_lab.nn.flow..CouplingFlow",
    "gsv_lab.nn.flow.CouplingFlow.", "gsv_lab.nn.flow",
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


TEXTS_AS_CLASSES = {
    "a class path as text": {"task": {"init_args": {"content_encoder": "evil_of_test.Trick"}}},
    "YAML in a text": {"task": {"init_args": {"content_encoder": "{class_path: evil_of_test.Trick}"}}},
    "a task as text": {"task": "evil_of_test.Trick"},
    "data from another file": {"data": "other.yaml"},
    "a trainer from another file": {"trainer": "other.yaml"},
    "another file": {"config": "other.yaml"},
    "a key with dots": {"task": {"init_args": {"content_encoder.init_args.width": "evil_of_test.Trick"}}},
    "help": {"task": {"help": "evil_of_test.Trick"}},
    "a class among sizes": {"sizes": {"a": {"class_path": "evil_of_test.Trick"}}},
    "text of a schedule": (
        CONFIGS / "v2" / "gpt.yaml", {"task": {"init_args": {"schedule": "evil_of_test.Trick"}}}
    ),
    "a list of discriminators": (
        CONFIGS / "nano" / "sovits.yaml",
        {"task": {"init_args": {"discriminators": {"init_args": {"discriminators": ["evil_of_test.Trick"]}}}}},
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
    Path("other.yaml").write_text("class_path: evil_of_test.Trick\n", encoding="utf-8")
    Path("over.yaml").write_text(yaml.safe_dump(tables), encoding="utf-8")
    Path("evil_of_test.py").write_text("class Trick: pass\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    if way == "file":
        code = code_of(lambda: load_experiment([base, "over.yaml"]))
    else:
        code = code_of(lambda: load_experiment([base], list(flat(tables))))
    assert code in ("CONFIG_TYPE", "CONFIG_UNKNOWN_KEY", "CONFIG_UNKNOWN_COMPONENT")
    assert "evil_of_test" not in sys.modules


def flat(tables: Any, path: str = "") -> Iterator[str]:
    """Tables as `key.sub_key=value`."""
    if isinstance(tables, dict) and "class_path" not in tables:
        for key, value in tables.items():
            yield from flat(value, f"{path}.{key}".lstrip("."))
    else:
        yield f"{path}={tables if isinstance(tables, str) else json.dumps(tables)}"
