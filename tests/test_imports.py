"""Who may import whom, what an import may load, and that nothing needs a package that is not declared."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from source import PACKAGE, ROOT, imports, module_of, name_of, package_files

LAYERS: list[set[str]] = [
    {"errors", "__init__"},
    {"system", "hooks"},
    {"nn"},
    {"extensions", "text", "audio"},
    {"checkpoint", "released", "inference"},
    {"corpora", "training", "evaluation"},
    {"teaching", "cli", "__main__"},
]
"""Lowest first. A module imports from its own layer and from lower ones, at import time or later.

`figures` stands beside them: it takes arrays and records only, and everybody imports it inside functions.
"""

EXCEPTIONS = {
    ("gsv_lab.inference.lab", "gsv_lab.corpora.prepare"),
    ("gsv_lab.inference.lab", "gsv_lab.training.finetuning.run"),
    ("gsv_lab.inference.recordings", "gsv_lab.corpora.timing"),
}
"""What the verbs `prepare` and `finetune` of a lab need, imported when they are called."""

HEAVY = {
    "pytorch_lightning",
    "matplotlib",
    "transformers",
    "librosa",
    "jsonargparse",
    "IPython",
    "ipywidgets",
    "anywidget",
    "tensorboard",
}
FILES = package_files()


def part(module: str) -> str:
    """The part of the package that a module belongs to: `gsv_lab.nn.flow` is `nn`."""
    return (module.split(".") + ["__init__"])[1]


def level(name: str) -> int:
    """Layer of a part, counted from below; unknown parts, which have a test of their own, count as the highest."""
    return next((number for number, layer in enumerate(LAYERS) if name in layer), len(LAYERS))


def wrong(module: str, imported: str, eager: bool) -> str:
    """Why `module` may not import `imported`, or an empty string."""
    above, below = part(module), part(imported)
    if below == "figures":
        return f"{module} imports figures at import time" if eager and above != "figures" else ""
    if above == "figures":
        return "" if level(below) <= level("hooks") else f"figures imports {below}, which is neither array nor record"
    if (module, imported) in EXCEPTIONS and not eager:
        return ""
    # The package's own __init__ names the entry points, inside a function.
    if above != "__init__" and level(below) > level(above):
        return f"{module} ({above}) imports {imported} ({below}), which stands above it"
    return ""


def test_every_part_has_its_layer() -> None:
    known = set().union(*LAYERS) | {"figures", "assets"}
    parts = {part(module_of(path)) for path in FILES}
    assert parts <= known, f"without a layer in {name_of(Path(__file__))}: {sorted(parts - known)}"


def test_the_rule_finds_wrong_directions() -> None:
    assert wrong("gsv_lab.nn.flow", "gsv_lab.training.fit", False) and wrong(
        "gsv_lab.inference.lab", "gsv_lab.cli", True
    )
    assert wrong("gsv_lab.inference.utterance", "gsv_lab.figures", True) and not wrong(
        "gsv_lab.inference.lab", "gsv_lab.nn", True
    )
    assert not wrong("gsv_lab.inference.utterance", "gsv_lab.figures", False) and wrong(
        "gsv_lab.figures.x", "gsv_lab.inference.lab", False
    )


def test_direction() -> None:
    used = [(module_of(path), name, eager) for path in FILES for name, eager in imports(path)]
    found = [wrong(module, name, eager) for module, name, eager in used if name.split(".")[0] == "gsv_lab"]
    assert not [reason for reason in found if reason]


@cache
def owners() -> dict[str, set[str]]:
    """Distributions that provide a top-level module."""
    return {top: {canonical(name) for name in names} for top, names in packages_distributions().items()}


@cache
def declared() -> tuple[set[str], set[str]]:
    """Distributions of the core, and of core and extras together, as pyproject.toml names them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for name, lines in project["optional-dependencies"].items() if name != "dev" for line in lines]

    def names(lines: list[str]) -> set[str]:
        return {canonical(re.split(r"[\s\[<>=!~;]", line)[0]) for line in lines}

    core = names(project["dependencies"])
    return core, core | names(extras) | {"resemblyzer"}


def canonical(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_dependencies_are_declared() -> None:
    core, everything = declared()
    undeclared = []
    for path in FILES:
        for name, eager in imports(path):
            top = name.split(".")[0]
            known = top == "gsv_lab" or top in sys.stdlib_module_names
            if not known and not owners().get(top, {canonical(top)}) & (core if eager else everything):
                undeclared.append(f"{name_of(path)}: {name} {'at import time' if eager else 'inside a function'}")
    assert not undeclared


def loaded_by(code: str) -> dict[str, object]:
    """Top-level modules and seconds that a line of Python takes in a fresh process."""
    line = f"import sys, time, json; t = time.perf_counter(); {code}; s = time.perf_counter() - t; "
    line += "print(json.dumps({'seconds': s, 'modules': sorted({m.split('.')[0] for m in sys.modules})}))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, env=environment, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_package_import_is_light() -> None:
    seen = loaded_by("import gsv_lab; assert {'load', 'probe'} <= set(dir(gsv_lab))")
    assert not {"torch", "numpy", *HEAVY} & set(seen["modules"])
    assert seen["seconds"] < 0.5


def test_networks_load_no_training_no_plotting_no_hub() -> None:
    modules = [module_of(path) for path in sorted((PACKAGE / "nn").rglob("*.py"))]
    seen = loaded_by(f"import gsv_lab.nn, {', '.join(modules)}")
    assert "torch" in seen["modules"]
    assert not HEAVY & set(seen["modules"])


def test_unknown_name_is_an_attribute_error() -> None:
    import gsv_lab

    with pytest.raises(AttributeError, match="load"):
        gsv_lab.unknown_name  # noqa: B018
