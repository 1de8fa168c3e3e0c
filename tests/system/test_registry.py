"""Classes of the user's own: registered in the process, or in a file that is imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import gsv_lab
from gsv_lab.checkpoint import load_component, read_header, save_component
from gsv_lab.errors import ConfigError
from gsv_lab.nn.interfaces import Flow, Frontend
from gsv_lab.system import registry
from gsv_lab.system.config import build
from gsv_lab.system.registry import PARTS, available, givers, load_parts, register, resolve

PARTS_FILE = '''"""A flow of one's own."""

import gsv_lab
from gsv_lab.nn.interfaces import Flow, Frontend


@gsv_lab.register
class Turned(Flow):
    """The latent with its sign changed."""

    def __init__(self, latent_dim: int, speaker_dim: int = 0) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.speaker_dim = speaker_dim

    def forward(self, z, mask, conditioning, inverse=False):
        return -z
'''


@pytest.fixture(autouse=True)
def _no_parts_left() -> Iterator[None]:
    """Modules that a test imported from its own folder are gone afterwards."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if "_parts_of_test" in name:
            del sys.modules[name]


def write(path: Path, text: str = PARTS_FILE) -> Path:
    """A file with a text."""
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path, words: str, code: str = "CONFIG_PARTS") -> None:
    """The file is refused with this code and these words."""
    with pytest.raises(ConfigError) as caught:
        load_parts(path)
    assert caught.value.code == code and words in str(caught.value)


def test_a_file_of_parts(tmp_path: Path) -> None:
    """Its classes can be built, saved and loaded again; the weights name the class, never the file."""
    path = write(tmp_path / "flow_parts_of_test.py")
    module = load_parts(path)
    flow = build({"class_path": "flow_parts_of_test.Turned", "init_args": {"latent_dim": 3}})
    assert type(flow) is module.Turned and isinstance(flow, Flow)
    z = torch.ones(1, 3, 2)
    assert torch.equal(flow(z, None, None), -z)
    flow.scale = torch.nn.Parameter(torch.ones(1))
    weights = save_component(flow, tmp_path / "flow.safetensors")
    assert read_header(weights)["spec"]["class_path"] == "flow_parts_of_test.Turned"
    assert str(tmp_path).encode() not in weights.read_bytes()
    assert "flow_parts_of_test.Turned" in available(Flow)


def test_the_same_file_twice_is_run_once(tmp_path: Path) -> None:
    path = write(tmp_path / "twice_parts_of_test.py", PARTS_FILE + "\nopen(__file__ + '.ran', 'a').write('x')\n")
    assert load_parts(path) is load_parts(str(path))
    assert path.with_name(path.name + ".ran").read_text() == "x"


def test_a_file_that_takes_its_parts_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    write(tmp_path / "inner_parts_of_test.py")
    path = write(tmp_path / "outer_parts_of_test.py", "from inner_parts_of_test import Turned\n")
    load_parts(path)
    load_parts(path)
    assert resolve("inner_parts_of_test.Turned").__name__ == "Turned"


def test_weights_of_a_part_that_is_not_there(tmp_path: Path) -> None:
    """Without its file a class is unknown, and the error says how it is made known."""
    with pytest.raises(ConfigError, match=r"'absent\.Turned' is neither registered.*--parts") as caught:
        resolve("absent.Turned", PARTS)
    assert caught.value.code == "CONFIG_UNKNOWN_COMPONENT"
    made = build({"class_path": "gsv_lab.nn.flow.CouplingFlow", "init_args": {
        "latent_dim": 4, "speaker_dim": 2, "width": 4, "layers": 1, "couplings": 1}})  # fmt: skip
    made.spec["class_path"] = "absent.Turned"
    weights = save_component(made, tmp_path / "flow.safetensors")
    with pytest.raises(ConfigError, match=r"'absent\.Turned' is neither registered"):
        load_component(weights)


def test_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.py", "There is no Python file", "CONFIG_MISSING")
    refused(write(tmp_path / "parts.txt"), "There is no Python file", "CONFIG_MISSING")
    (tmp_path / "folder.py").mkdir()
    refused(tmp_path / "folder.py", "There is no Python file", "CONFIG_MISSING")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("def f(:", "SyntaxError"),
        ("raise ValueError('two\\nlines')", "ValueError: two."),
        ("raise SystemExit", "SystemExit"),
        ("class Free: pass", "registers no part"),
        ("", "registers no part"),
    ],
)
def test_a_file_of_no_use(text: str, words: str, tmp_path: Path) -> None:
    """It leaves nothing behind, so that the mended file is read."""
    path = write(tmp_path / "useless_parts_of_test.py", text)
    refused(path, words)
    assert "useless_parts_of_test" not in sys.modules
    assert load_parts(write(path)).Turned.__name__ == "Turned"


def test_a_failing_file_registers_nothing(tmp_path: Path) -> None:
    refused(write(tmp_path / "half_parts_of_test.py", PARTS_FILE + "\nraise RuntimeError\n"), "RuntimeError")
    with pytest.raises(ConfigError, match="neither registered"):
        resolve("half_parts_of_test.Turned")


@pytest.mark.parametrize("name", ["json", "torch", "wave", "sys", "__main__", "gsv_lab"])
def test_a_name_that_is_taken(name: str, tmp_path: Path) -> None:
    """Whether the other module is imported already or not."""
    before = sys.modules.get(name)
    refused(write(tmp_path / f"{name}.py"), f"'{name}' belongs to another module")
    assert sys.modules.get(name) is before


def test_two_files_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    load_parts(write(tmp_path / "double_parts_of_test.py"))
    refused(write(tmp_path / "other" / "double_parts_of_test.py"), "belongs to another module")


@pytest.mark.parametrize("name", ["my-parts.py", "my.parts.py", "1st.py"])
def test_a_name_that_python_cannot_import(name: str, tmp_path: Path) -> None:
    refused(write(tmp_path / name), "is no name of a module")


def test_register_is_at_the_top_and_loads_little() -> None:
    code = (
        "import gsv_lab, sys; gsv_lab.register(type('A', (), {})); print({'torch', 'jsonargparse'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert "register" in dir(gsv_lab)


def test_who_gives_a_quantity() -> None:
    """Every class that is named really says so."""
    for quantity in ("ltas", "log_f0", "hidden"):
        found = givers(quantity)
        assert found and all(quantity in resolve(path).gives for path in found)
        assert not any(issubclass(resolve(path), Frontend) for path in found)
    assert givers("nothing of the kind") == []


@pytest.mark.parametrize("cls", [3, None])
def test_only_classes_are_registered(cls: Any) -> None:
    with pytest.raises(ConfigError, match="is no class.*above a class"):
        register(cls)


def test_a_misspelt_class_of_a_file_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTERED", {"my_parts.Loud": Path})
    with pytest.raises(ConfigError, match=r"my_parts\.Lud' is neither.*'my_parts\.Loud' perhaps"):
        resolve("my_parts.Lud")
