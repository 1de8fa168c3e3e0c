"""A mutation run: chosen modules are changed in one place at a time, and the tests beside them must see it.

Modules, tests and the tool's settings stand in `pyproject.toml`; the few changes that may live, in CONTRIBUTING.md.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

DEAD = ("killed", "timeout", "segfault", "caught by type check")
NOT_TRIED = "no tests"
"""State of a mutant in a function that the chosen tests do not call."""
ROW = re.compile(r"^\| `(?P<module>[\w.]+)` \| `(?P<before>.+?)` \| `(?P<after>.*?)` \| .+ \|$", re.MULTILINE)
Change = tuple[str, str, str]


def changed(name: str, diff: str) -> Change:
    """Module, line before and line after of a mutant, from its name and what `mutmut show` prints of it."""
    module = name.rpartition(".")[0].removeprefix("gsv_lab.")
    lines = [line for line in diff.splitlines() if re.match(r"[+-](?![+-]{2} )", line)]
    before, after = (" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return module, before, after


def listed(page: str) -> set[Change]:
    """The rows of CONTRIBUTING.md."""
    return {(row["module"], row["before"], row["after"]) for row in ROW.finditer(page)}


def living(folder: Path, environment: Mapping[str, str]) -> set[Change]:
    """The mutants of a finished run that no test killed."""

    def said(*command: str) -> str:
        full = [sys.executable, "-m", "mutmut", *command]
        return subprocess.run(full, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout

    states = re.findall(r"^ +(\S+): (.+)$", said("results"), re.MULTILINE)
    return {changed(name, said("show", name)) for name, state in states if state not in (*DEAD, NOT_TRIED)}


def test_changes_are_compared_by_their_lines() -> None:
    diff = "# x: survived\n--- a.py\n+++ a.py\n@@ -1,3 +1,3 @@\n def f(x):\n-    return x - 1\n+    return x + 1\n"
    change = ("nn.losses", "return x - 1", "return x + 1")
    assert changed("gsv_lab.nn.losses.x_f__mutmut_1", diff) == change
    assert listed("| `nn.losses` | `return x - 1` | `return x + 1` | the same for every x here |\n") == {change}


@pytest.mark.slow
def test_all_mutants_are_killed_but_those_that_are_listed(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("mutmut", reason="the run needs: pip install -c constraints.txt mutmut==3.8.1")
    for name in ("gsv_lab", "tests"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    # The mutated copy is imported, and not the project itself.
    places = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place and Path(place) != root]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    run = [sys.executable, "-m", "mutmut", "run", "--max-children", "1"]
    subprocess.run(run, cwd=tmp_path, env=environment, check=True)
    assert living(tmp_path, environment) == listed((root / "CONTRIBUTING.md").read_text(encoding="utf-8"))
