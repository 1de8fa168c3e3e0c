"""What a configuration may say: no environment variables, no path out of its root."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gsv_lab.cli import main
from gsv_lab.corpora.readers import read
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.system.config import build, load_experiment, override
from gsv_lab.system.environment import in_cache
from gsv_lab.system.files import check_folder_name

from .hostile import CONTENT, code_of, load_experiment_with

INTERPOLATIONS = [
    "${oc.env:HOME}", "${env:HOME}", "${oc.decode:'1'}", "${oc.create:{}}", "a-${oc.env:HOME}", "${ oc.env:HOME }",
    "${", "${oc.env:${name}}", "${oc.select:seed}", "$${oc.env:HOME}", "${}", "${a.b:c}", "${.name}", "${now:%Y}",
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
