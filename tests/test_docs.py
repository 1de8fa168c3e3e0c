"""What the pages promise: their Python runs, their links lead somewhere, their tables name what is there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
import soundfile

from source import ROOT

README = ROOT / "README.md"
PAGES = [README, *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "data/README.md"))]
PAGES += sorted((ROOT / "docs").glob("*.md")) + sorted((ROOT / "gsv_lab").rglob("*.md"))
OVERLAYS = ("ablations", "interventions", "recipes", "speech")
"""Folders whose files lie over others (`test_ablations.py`, `test_recipes.py`) or are no trainings."""
CONFIGS = sorted(path for path in (ROOT / "configs").rglob("*/*.yaml") if path.parent.name not in OVERLAYS)


def blocks(page: Path, language: str) -> list[str]:
    """Fenced code of a page."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.S | re.M)


def anchors(page: Path) -> set[str]:
    """Names of the headings, as links spell them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_resolve(page: Path) -> None:
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        place, _, anchor = target.partition("#")
        if place.startswith(("http://", "https://")):
            continue
        file = (page.parent / place).resolve() if place else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)
    assert not dead


def test_readme_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample: Path) -> None:
    (code,) = blocks(README, "python")
    assert len([line for line in code.splitlines() if line.strip()]) == 8
    monkeypatch.chdir(tmp_path)
    shutil.copy(sample, tmp_path / "me.wav")  # any kind of sound file may have that name
    names: dict[str, Any] = {}
    exec(compile(code, str(README), "exec"), names)
    speech, voice = names["speech"], names["voice"]
    assert tuple(voice.speaker.shape) == (1, 216, 1) and voice.prompt.codes.dim() == 1
    assert speech.wave.dim() == 1 and speech.sample_rate == 16000
    assert abs(len(speech.codes) / 25 - speech.seconds) < 0.3
    assert (tmp_path / "kettle.wav").stat().st_size > 10_000


def test_data_page_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks(ROOT / "data" / "README.md", "python")
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).normal(0, 0.1, 22050)
    libri, aishell = tmp_path / "data/LibriSpeech/train-clean-5/19/198", tmp_path / "data/data_aishell3/train"
    for path, rate in ((libri / "19-198-0000.flac", 16000), (aishell / "wav/SSB0005/SSB00050001.wav", 44100)):
        path.parent.mkdir(parents=True)
        soundfile.write(path, noise, rate)
    (libri / "19-198.trans.txt").write_text("19-198-0000 HELLO THERE\n", encoding="utf-8")
    (aishell / "content.txt").write_text("SSB00050001.wav\t你 ni3 好 hao3\n", encoding="utf-8")
    names: dict[str, Any] = {}
    exec(compile(code, "data/README.md", "exec"), names)
    rows = names["ClipStore"]("stores/nano").rows
    assert [(row.speaker, row.language, row.text) for row in rows] == [
        ("19", "en", "hello there"),
        ("SSB0005", "zh", "你好"),
    ]
    assert [row.samples for row in rows] == [22050, 8000]


def test_readme_commands_exist(run_cli: Callable[..., CompletedProcess[str]]) -> None:
    text = README.read_text(encoding="utf-8")
    named = set(re.findall(r"gsv-lab ([a-z]+)", text)) | set(
        re.findall(r"`(clone|speak|prepare|finetune|fit|bench|info)`", text)
    )
    shown = run_cli("--help").stdout
    assert named and not [command for command in named if not re.search(rf"^ +{command}\b", shown, re.M)]


def test_ci_runs_the_commands_of_the_readme() -> None:
    shell = blocks(README, "sh")
    assert shell[0].strip() == "pip install -c constraints.txt -e . && gsv-lab demo"
    assert shell[1].strip() == 'pip install -c constraints.txt -e ".[dev]" && pytest'
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    patterns = [re.compile(pattern, re.M) for pattern in re.findall(r"grep -m1 -oE '([^']+)' README\.md", script)]
    found = [pattern.search(README.read_text(encoding="utf-8")) for pattern in patterns]
    assert [match and match.group().strip() for match in found] == [
        "pip install --no-deps Resemblyzer==0.1.4",
        shell[1].strip(),
    ]


def test_readme_names_every_notebook_and_configuration() -> None:
    text = README.read_text(encoding="utf-8")
    numbered = set(re.findall(r"^\| \[(\d\d) ", text, re.M))
    assert numbered == {path.name[:2] for path in (ROOT / "notebooks").glob("[0-9][0-9]*.ipynb")}
    listed = set(re.findall(r"`(configs/[\w/.-]+\.yaml)`", text))
    present = {path.relative_to(ROOT).as_posix() for path in CONFIGS}
    assert listed == {"configs/claims.yaml", *(name for name in present if name.startswith("configs/nano/"))}


@pytest.mark.parametrize(
    "config",
    [path for path in CONFIGS if path.parent.name != "nano"],  # those of nano: test_config.py
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_every_configuration_builds(config: Path) -> None:
    """Alone, or over each file that its first lines name."""
    from gsv_lab.system.config import build, load_experiment

    over = re.search(r"lies over ((?:[\w.]+yaml(?:, | and )?)+)", config.read_text(encoding="utf-8"))
    below = re.findall(r"\w+\.yaml", over[1]) if over else [""]
    for name in below:
        experiment = load_experiment([config.parent / name, config] if name else [config])
        task = build(experiment["task"])
        assert sum(parameter.numel() for parameter in task.parameters()) > 1000
        assert task.spec["class_path"] == experiment["task"]["class_path"]


def test_pins_satisfy_what_the_project_asks_for() -> None:
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {
        canonicalize_name(r.name): str(r.specifier)
        for line in lines
        if line[:1] not in "#" and (r := Requirement(line))
    }
    assert all(pin.startswith("==") for pin in pins.values())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [
        Requirement(line)
        for group in (project["dependencies"], *project["optional-dependencies"].values())
        for line in group
    ]
    loose = [
        str(r)
        for r in asked
        if r.name != "gsv-lab" and not r.specifier.contains(pins.get(canonicalize_name(r.name), "==0")[2:])
    ]
    assert not loose
