"""House style that ruff does not know: sizes, forbidden words, docstrings, no trace of anybody's machine."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from source import ROOT, classes, functions, length, name_of, package_files, tree

FILES = package_files()
MAX_FILE, MAX_FUNCTION, MAX_CLASS, MAX_ARGUMENTS = 350, 60, 280, 14
SURROUNDINGS = {"gsv_lab/system/environment.py", "gsv_lab/system/config.py"}
MUTABLE = (ast.List, ast.Dict, ast.Set)
NOISY = {"manual_seed", "set_num_threads", "use", "seed", "basicConfig", "mkdir", "write_text", "filterwarnings"}
LIGHTNING = re.compile(
    r"(train(ing)?|validation|val|test|predict)_(step|dataloader)|configure_\w+|on_\w+|setup|teardown"
)
MACHINE_PATH = re.compile(r"(?<![\w.:/~])/(?:root|home|work|mnt|media|Users)/\w|\b[A-Z]:\\\\?Users|\.cache/gsv_dev")


def long_parts(module: ast.Module) -> list[str]:
    """Functions and classes over their limits."""
    found = [f"{name}: {length(node)} lines" for name, node, _ in functions(module) if length(node) > MAX_FUNCTION]
    return found + [f"{node.name}: {length(node)} lines" for node in classes(module) if length(node) > MAX_CLASS]


def forbidden(module: ast.Module, name: str) -> list[str]:
    """Words that the house style does not know, with their lines."""
    found = []
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Name(id="print")) if not re.fullmatch(r"gsv_lab/cli/\w+\.py", name):
                found.append((node.lineno, "print outside cli/"))
            case ast.Call(func=ast.Name(id="eval" | "exec")):
                found.append((node.lineno, "eval"))
            case ast.ExceptHandler(type=None):
                found.append((node.lineno, "bare except"))
            case ast.Global():
                found.append((node.lineno, "global"))
            case ast.Attribute(value=ast.Name(id="sys"), attr="path"):
                found.append((node.lineno, "sys.path"))
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "getenv") if name not in SURROUNDINGS:
                found.append((node.lineno, "environment variables outside environment.py"))
            case ast.Attribute(value=ast.Name(id="torch"), attr="load") if "/checkpoint/" not in name:
                found.append((node.lineno, "torch.load outside checkpoint/"))
    return [f"{name}:{line}: {what}" for line, what in found]


def undocumented(module: ast.Module) -> list[str]:
    """Public classes and functions without a docstring; their class describes `forward` and Lightning's hooks."""
    missing = [] if ast.get_docstring(module) else ["the module"]
    missing += [n.name for n in classes(module) if not n.name.startswith("_") and not ast.get_docstring(n)]
    for name, node, public in functions(module):
        marks = [ast.unparse(mark) for mark in node.decorator_list]
        known = (
            node.name == "forward"
            or LIGHTNING.fullmatch(node.name)
            or any(m in ("overload", "override") for m in marks)
        )
        if public and not known and not ast.get_docstring(node) and not any(m.endswith(".setter") for m in marks):
            missing.append(name)
    return missing


def careless_signatures(module: ast.Module) -> list[str]:
    """Missing type hints, endless argument lists, mutable defaults, constructors that swallow any keyword."""
    bad = []
    for name, node, public in functions(module):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        named = [argument for argument in arguments if argument.arg not in ("self", "cls")]
        if len(named) > MAX_ARGUMENTS:
            bad.append(f"{name}: {len(named)} arguments")
        if public and (node.returns is None or any(argument.annotation is None for argument in named)):
            bad.append(f"{name}: type hints missing")
        if any(isinstance(default, MUTABLE) for default in (*node.args.defaults, *node.args.kw_defaults)):
            bad.append(f"{name}: mutable default")
        if node.name == "__init__" and node.args.kwarg:
            bad.append(f"{name}: **{node.args.kwarg.arg}")
    return bad


def work_at_import(module: ast.Module) -> list[str]:
    """Calls at the top level that seed, configure or write."""
    statements = [node for node in module.body if isinstance(node, ast.Expr)]
    calls = [node for statement in statements for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return [ast.unparse(call) for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in NOISY]


def offences(rule: Callable[..., list[str]]) -> dict[str, list[str]]:
    """What a rule finds, file by file."""
    return {name_of(path): found for path in FILES if (found := rule(tree(path)))}


def test_files_are_short() -> None:
    lines = {name_of(path): path.read_text(encoding="utf-8").count("\n") for path in FILES}
    assert not {name: count for name, count in lines.items() if count > MAX_FILE}


def test_functions_and_classes_are_short() -> None:
    assert not offences(long_parts)


def test_no_forbidden_words() -> None:
    assert not [found for path in FILES for found in forbidden(tree(path), name_of(path))]


def test_public_things_are_documented() -> None:
    assert not offences(undocumented)


def test_signatures_say_what_they_take() -> None:
    assert not offences(careless_signatures)


def test_nothing_happens_at_import() -> None:
    assert not offences(work_at_import)


def test_annotations_stay_text() -> None:
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.AnnAssign)
    typed = [path for path in FILES if any(isinstance(node, named) for node in ast.walk(tree(path)))]
    line = "from __future__ import annotations"
    assert not [name_of(path) for path in typed if line not in path.read_text(encoding="utf-8")]


def version_names(module: ast.Module) -> list[str]:
    """Names of released versions in code (prose may tell of them): a sign of a branch on a version."""
    prose = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    texts = [node for node in ast.walk(module) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [
        node.value for node in texts if id(node) not in prose and re.fullmatch(r"v\d(pro(plus)?)?", node.value, re.I)
    ]


def bodies(path: Path, least: int = 8) -> dict[str, str]:
    """Syntax of each function's body of at least so many statements, its docstring left out -> its name."""
    found = {}
    for name, node, _ in functions(tree(path)):
        body = node.body[1:] if ast.get_docstring(node) else node.body
        if sum(isinstance(inner, ast.stmt) for part in body for inner in ast.walk(part)) >= least:
            found["\n".join(ast.dump(part) for part in body)] = f"{name_of(path)}:{name}"
    return found


def test_networks_know_no_version() -> None:
    networks = [path for path in FILES if "gsv_lab/nn/" in name_of(path)]
    assert networks and not {name_of(path): found for path in networks if (found := version_names(tree(path)))}
    bad = ast.parse("\"\"\"About v2.\"\"\"\nif version == 'v2Pro' or kind in ('v1', 'conv'):\n    pass\n")
    assert version_names(bad) == ["v2Pro", "v1"]


def test_no_network_is_written_twice() -> None:
    """A copy for inference or export would repeat whole functions."""
    seen: dict[str, str] = {}
    for path in FILES:
        if name_of(path).startswith(("gsv_lab/nn/", "gsv_lab/extensions/", "gsv_lab/inference/")):
            for body, name in bodies(path).items():
                assert body not in seen, f"{name} repeats {seen[body]}"
                seen[body] = name
    assert len(seen) > 50


def test_the_rules_find_what_they_forbid() -> None:
    bad = """
import os, sys
sys.path.append("x")
torch.manual_seed(1)
def f(x=[], **more):
    global y
    print(os.environ, torch.load(x), eval("1"))
class A:
    def __init__(self, **anything: int):
        try:
            pass
        except:
            pass
    def forward(self): ...
    def _hidden(self): ...
    def plain(self): ...
"""
    module = ast.parse(bad)
    words = " ".join(forbidden(module, "gsv_lab/x.py"))
    for word in ("print", "eval", "bare except", "global", "sys.path", "environment variables", "torch.load"):
        assert word in words
    assert not forbidden(ast.parse("print(1)"), "gsv_lab/cli/voices.py")
    assert forbidden(ast.parse("print(1)"), "gsv_lab/nn/cli.py")
    assert undocumented(module) == ["the module", "A", "f", "A.plain"]
    signatures = " ".join(careless_signatures(module))
    assert "f: type hints" in signatures and "f: mutable" in signatures and "A.__init__: **anything" in signatures
    assert work_at_import(module) == ["torch.manual_seed(1)"]
    assert long_parts(ast.parse("def f():\n" + "    x = 1\n" * 60)) == ["f: 61 lines"]
    assert MACHINE_PATH.search("open('/home/me/x.wav')") and not MACHINE_PATH.search("see docs/home/page.md")


def text_files() -> list[Path]:
    """Everything of the project that people read; what git ignores is left out where git is at hand."""
    known = {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".csv", ".json", ".cff", ".ipynb", ".sh", ""}
    listed: list[Path] = []
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        listed = [ROOT / name for name in names.splitlines()]
    folders = ("gsv_lab", "tests", "docs", "configs", "notebooks", "data")
    listed = listed or [path for folder in folders for path in (ROOT / folder).rglob("*")]
    return [path for path in listed if path.suffix in known and path.is_file()]


def test_no_machine_paths() -> None:
    found = []
    for path in text_files():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if MACHINE_PATH.search(line) and path != Path(__file__):
                found.append(f"{name_of(path)}:{number}: {line.strip()[:100]}")
    assert not found


@pytest.mark.parametrize("command", [["ruff", "check", "."], ["mypy"]], ids=["ruff", "mypy"])
def test_linters(command: list[str], tmp_path: Path) -> None:
    pytest.importorskip(command[0], reason=f"{command[0]} is in the extra [dev]")
    options = {"ruff": ["--no-cache"], "mypy": ["--cache-dir", str(tmp_path), "--no-error-summary"]}[command[0]]
    done = subprocess.run([sys.executable, "-m", *command, *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
