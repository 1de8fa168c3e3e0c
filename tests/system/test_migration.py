"""Old names: each gets one error with the new name, and every new name is there."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from gsv_lab.cli import main
from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.conditions import LabConditions
from gsv_lab.system.config import build, load_experiment, override
from gsv_lab.system.migration import (
    ARGUMENTS,
    CLASSES,
    CONDITIONS,
    LOSSES,
    OPTIONS,
    STAGES,
    refuse_old_options,
)
from gsv_lab.system.registry import resolve

NANO = Path(__file__).resolve().parents[2] / "configs" / "nano"


@pytest.mark.parametrize("old", CLASSES)
def test_old_classes(old: str) -> None:
    """Refused wherever a specification is read; the new ones are there."""
    for new in CLASSES[old].split(" or "):
        assert isinstance(resolve(new), type)
    with pytest.raises(ConfigError) as caught:
        build({"class_path": old})
    assert caught.value.code == "CONFIG_RENAMED" and CLASSES[old] in str(caught.value)


@pytest.mark.parametrize("path", ARGUMENTS)
def test_old_arguments(path: str) -> None:
    """An old argument is none of today's, and what stands for it is, where it is an argument."""
    known = inspect.signature(resolve(path)).parameters
    for old, new in ARGUMENTS[path].items():
        assert old not in known
        assert new in known or " " in new
        with pytest.raises(ConfigError) as caught:
            build({"class_path": path, "init_args": {old: 1}})
        assert caught.value.code == "CONFIG_RENAMED"
        assert f"{old} of {path.rpartition('.')[2]} has another name now. Expected {new}." in str(caught.value)


def test_the_page_of_old_names_has_all_of_them() -> None:
    page = (NANO.parents[1] / "docs" / "migration.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    for table in (CLASSES, LOSSES, OPTIONS, STAGES, CONDITIONS, *ARGUMENTS.values()):
        for old, new in table.items():
            assert any(f"{old}`" in row.split("|")[-3] and new in row.split("|")[-2] for row in rows), (old, new)


def write(path: Path, text: str) -> Path:
    """A file with a text."""
    path.write_text(text + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("way", ["file", "override", "resolved"])
@pytest.mark.parametrize("old", LOSSES)
def test_old_losses(old: str, way: str, tmp_path: Path) -> None:
    overlay = write(tmp_path / "over.yaml", f"task: {{init_args: {{weights: {{{old}: 1.0}}}}}}")
    setting = f"task.init_args.weights.{old}=1.0"
    with pytest.raises(ConfigError) as caught:
        if way == "file":
            load_experiment([NANO / "sovits.yaml", overlay])
        elif way == "override":
            load_experiment([NANO / "sovits.yaml"], [setting])
        else:
            override(load_experiment([NANO / "sovits.yaml"]), [setting])
    assert caught.value.code == "CONFIG_RENAMED"
    assert f"weights.{old} has another name now. Expected weights.{LOSSES[old]}." in str(caught.value)


def test_an_old_argument_of_a_base_class(tmp_path: Path) -> None:
    """The task of the released sizes takes no `judged_frames` either."""
    overlay = write(tmp_path / "over.yaml", "task: {init_args: {judged_frames: 3}}")
    with pytest.raises(ConfigError, match="judged_frames of ReleasedSoVITSTask has another name now"):
        load_experiment([NANO.parent / "v2" / "sovits.yaml", overlay])


COMMANDS: dict[str, list[str]] = {
    "takes": ["speak", "--voice", "v", "--text", "t", "--output", "o.wav", "--takes", "3"],
    "quality": ["bench", "--quality", "list"],
}


@pytest.mark.parametrize("words", [["--stages", "content", "judge_en"], ["judge_en.trainer.minutes=3"]])
def test_old_stages(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a stage to train and in front of a setting; a name that never was one is refused there too."""
    command = ["fit", *words, "--family", str(NANO), "--output", str(tmp_path / "family")]
    assert main(command) == 2
    assert "The stage 'judge_en' has another name now. Expected 'recogniser_en'." in capsys.readouterr().err
    assert main([word.replace("judge_en", "gtp") for word in command]) == 2
    assert "There is no stage 'gtp'" in capsys.readouterr().err
    assert not (tmp_path / "family").exists()


@pytest.mark.parametrize("old", COMMANDS)
def test_old_options_of_commands(old: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(COMMANDS[old]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"error: The option --{old} has another name now. Expected --{OPTIONS[old]}.")
    assert line.endswith("[CONFIG_RENAMED]\n") and line.count("\n") == 1


def test_old_configuration_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write(tmp_path / "old.yaml", "name: x\ntask: {class_path: gsv_lab.models.sovits.SoVITS}")
    assert main(["fit", "--config", str(config), "--output", str(tmp_path / "run")]) == 2
    assert "gsv_lab.nn.sovits.SoVITS" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("name", "error"), [("takes", ConfigError), ("pace", ConfigError), ("shoe_size", TypeError)])
def test_old_keywords_of_calls(name: str, error: Any) -> None:
    refuse_old_options({}, "speak")
    with pytest.raises(error, match=OPTIONS.get(name, name)):
        refuse_old_options({name: 1}, "speak")


@pytest.mark.parametrize("old", CONDITIONS)
def test_old_conditions(old: str) -> None:
    with pytest.raises(ConfigError, match=f"The condition '{old}' has another name now. Expected '{CONDITIONS[old]}'"):
        LabConditions(None, []).conditions([old])
