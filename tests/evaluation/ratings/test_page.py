"""`docs/ratings.md` is true: its examples run, and it names every option and every key of ratings.json."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from gsv_lab.cli import _parser, main
from gsv_lab.evaluation.ratings.settings import DESIGNS, SCREENS
from source import ROOT

PAGE = (ROOT / "docs" / "ratings.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([^`\n]+)`", PAGE))
FREE = ("subjects", "items", "systems", "systems_before", "bradley_terry", "strengths", "values", "votes")
"""Entries whose keys are names out of the file."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.S | re.M)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything that the page says was run."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        first = blocks("python")[0]  # makes the files of all examples, the first of which stands before it
        exec(compile(first, "docs/ratings.md", "exec"), {})
        for language, text in re.findall(r"^```(python|sh)\n(.*?)^```$", PAGE, re.S | re.M):
            if language == "python" and text != first:
                exec(compile(text, "docs/ratings.md", "exec"), {})
            for line in text.splitlines() if language == "sh" else ():
                program, *arguments = shlex.split(line)
                fast = ["--draws", "50"] if arguments[0] == "ratings" else []
                assert program == "gsv-lab" and main([*arguments, *fast]) == 0, line
    return folder


def test_every_design_has_an_example(made: Path) -> None:
    found = {json.loads(path.read_text(encoding="utf-8"))["design"] for path in made.rglob("ratings.json")}
    assert found == set(DESIGNS)


def keys(value: Any, within: str = "") -> set[str]:
    """All keys of results, but names out of the file."""
    if isinstance(value, list):
        return set().union(*(keys(item, within) for item in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    if within in FREE:
        return set().union(*(keys(item) for item in value.values())) if value else set()
    return set(value).union(*(keys(item, key) for key, item in value.items() if key not in ("decisions", "columns")))


def test_every_key_is_named(made: Path) -> None:
    found = set().union(*(keys(json.loads(path.read_text(encoding="utf-8"))) for path in made.rglob("ratings.json")))
    words = {word for name in NAMED for word in re.split(r"[^\w]+", name)}
    assert len(found) > 90 and not sorted(found - words - {"name"})


def test_every_option_and_rule_is_named() -> None:
    commands = next(action for action in _parser()._actions if isinstance(action.choices, dict))
    options = {option for action in commands.choices["ratings"]._actions for option in action.option_strings}
    told = {word for name in NAMED for word in name.split()} | set(re.findall(r"--[\w-]+", "".join(blocks("sh"))))
    assert not sorted(option for option in options if option.startswith("--") and option not in told | {"--help"})
    assert set(SCREENS) <= NAMED and set(DESIGNS) <= NAMED
