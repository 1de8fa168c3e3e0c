"""Files over each other: what is joined, what is replaced, and what is said of a file that changes nothing."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from gsv_lab.errors import ConfigError
from gsv_lab.system.config import load_experiment, override
from gsv_lab.system.overlay import nested, overlay

CONTENT = Path(__file__).resolve().parents[2] / "configs" / "nano" / "content.yaml"
ENCODER = "gsv_lab.extensions.phone_content_encoder.PhoneContentEncoder"
STYLE = "gsv_lab.nn.speaker_encoder.StyleEncoder"
SPEAKERS = "gsv_lab.extensions.speaker_verifier.SpeakerVerifier"


def test_tables_are_joined_and_lists_replaced() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": None}
    assert overlay(base, {"a": {"c": [3]}, "d": {"e": 2}}) == {"a": {"b": 1, "c": [3]}, "d": {"e": 2}}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": None}
    assert nested("a.b", 1) == {"a": {"b": 1}}


def test_arguments_alone_change_those_of_the_part() -> None:
    base = {"class_path": STYLE, "init_args": {"spec_channels": 160, "width": 64}}
    joined = {"class_path": STYLE, "init_args": {"spec_channels": 160, "width": 32}}
    assert overlay(base, {"init_args": {"width": 32}}) == joined
    assert overlay(base, {"class_path": STYLE, "init_args": {"width": 32}}) == joined


def test_another_class_with_arguments_replaces_the_part() -> None:
    base = {"class_path": STYLE, "init_args": {"spec_channels": 160, "width": 64}}
    over = {"class_path": SPEAKERS, "init_args": {"dim": 8}}
    assert overlay(base, over) == over


def test_another_class_alone_keeps_the_arguments_it_takes() -> None:
    base = {"class_path": STYLE, "init_args": {"spec_channels": 160, "width": 64}}
    with pytest.warns(UserWarning, match=f"{SPEAKERS} does not take spec_channels of {STYLE}"):
        found = overlay(base, {"class_path": SPEAKERS})
    assert found == {"class_path": SPEAKERS, "init_args": {"width": 64}}


def write(folder: Path, *texts: str) -> list[Path]:
    """Files with these texts, in order."""
    paths = [folder / f"over{number}.yaml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text + "\n", encoding="utf-8")
    return paths


def load(folder: Path, *texts: str, overrides: tuple[str, ...] = ()) -> dict[str, Any]:
    """Nano's content encoder with these texts over its configuration; a warning fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load_experiment([CONTENT, *write(folder, *texts)], overrides)


def encoder(experiment: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the content encoder."""
    return experiment["task"]["init_args"]["content_encoder"]["init_args"]


def test_several_files_and_sizes(tmp_path: Path) -> None:
    """Keys of `sizes` and of tables stay unless they are named; `${...}` is filled in at the end."""
    texts = (
        "sizes: {width: 64, kernel: 3}\ntask: {init_args: {content_encoder: {init_args: {width: '${sizes.width}'}}}}",
        "sizes: {width: 32}\ntask: {init_args: {weights: {label: 0.5}}}\nname: other",
    )
    made = load(tmp_path, *texts)
    kept = {"family": "nano", "store": "stores/nano", "teacher": "", "whisper": ""}
    assert made["sizes"] == {**kept, "width": 32, "kernel": 3}
    assert made["data"]["init_args"]["store"] == "stores/nano"
    assert made["task"]["init_args"]["weights"] == {"ctc": 1.0, "label": 0.5, "taught": 2.0, "taught_content": 2.0}
    assert (encoder(made)["width"], encoder(made)["layers"], made["name"]) == (32, 8, "other")
    made = load(tmp_path, *texts, overrides=("sizes.width=16",))
    assert encoder(made)["width"] == 16


def test_a_part_of_another_class(tmp_path: Path) -> None:
    """Nothing of the old part is left where the new one has arguments of its own."""
    task = "class_path: gsv_lab.training.verifier_task.VerifierTask"
    made = load(tmp_path, f"task: {{{task}, init_args: {{verifier: {{class_path: {SPEAKERS}}}}}}}")
    assert made["task"]["init_args"]["verifier"]["class_path"] == SPEAKERS
    assert made["task"]["init_args"]["learning_rate"] == 2e-3  # the default of the new task, not 1.5e-3 of the old


@pytest.mark.parametrize("way", ["file", "override", "resolved"])
def test_a_class_alone(way: str, tmp_path: Path) -> None:
    """The arguments that both classes take stay, whichever way the class is given."""
    task = "gsv_lab.training.g2p_task.G2PTask"
    letters = "{class_path: gsv_lab.extensions.letter_to_sound.LetterToSound, init_args: {n_letters: 3, n_phones: 4}}"
    more = f"task.init_args.letter_to_sound={letters}"
    with pytest.warns(UserWarning, match="does not take content_encoder, .*labels_from.* of"):
        if way == "file":
            made = load_experiment([CONTENT, *write(tmp_path, f"task: {{class_path: {task}}}")], [more])
        elif way == "override":
            made = load_experiment([CONTENT], [f"task.class_path={task}", more])
        else:
            made = override(load_experiment([CONTENT]), [f"task.class_path={task}"])
    assert made["task"]["init_args"]["learning_rate"] == 1.5e-3
    assert "content_encoder" not in made["task"]["init_args"]


@pytest.mark.parametrize(
    "text",
    ["", "seed: 1234", "sizes: {unused: 3}", "trainer: {workers: 0}", "data: {init_args: {store: '${sizes.store}'}}"],
    ids=["empty", "same value", "size nobody uses", "default", "same reference"],
)
def test_a_file_that_changes_nothing_is_named(text: str, tmp_path: Path) -> None:
    paths = write(tmp_path, text, "seed: 9")
    with pytest.warns(UserWarning) as caught:
        made = load_experiment([CONTENT, *paths])
    assert [str(warning.message).split(":")[0] for warning in caught] == [f"{paths[0]} changes nothing"]
    assert made["seed"] == 9


def test_a_size_that_a_later_file_uses_is_a_change(tmp_path: Path) -> None:
    use = "task: {init_args: {content_encoder: {init_args: {width: '${sizes.unused}'}}}}"
    assert encoder(load(tmp_path, "sizes: {unused: 48}", use))["width"] == 48


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("- a", "CONFIG_TYPE", "over0.yaml is a list"),
        ("seed: ${", "CONFIG_UNSAFE", "seed is"),
        ("seed: ${sizes.nothing}", "CONFIG_TYPE", "sizes.nothing"),
        ("task: {init_args: null}", "CONFIG_TYPE", "init_args of ContentTask is None"),
        ("task: {init_args: {content_encoder: {class_path: gsv_lab.nn.flow.CouplingFlow, init_args: {}}}}",
         "CONFIG_TYPE", "CouplingFlow. Expected a class that is a PhoneContentEncoder"),
        (f"task: {{init_args: {{content_encoder: {{class_path: {STYLE}, init_args: {{}}}}}}}}", "CONFIG_TYPE", STYLE),
        ("data: {class_path: gsv_lab.corpora.gpt_data.GPTData, init_args: {}}", "CONFIG_UNKNOWN_KEY",
         "GPTData lacks the argument 'store'"),
        ("task: {init_args: {content_encoder.class_path: os.system}}", "CONFIG_UNKNOWN_KEY", "one key with dots"),
        ("task.init_args.content_encoder.class_path: os.system", "CONFIG_UNKNOWN_COMPONENT", "os.system"),
        ("task: {init_args: {learning_rate: soon}}", "CONFIG_TYPE", "task.init_args.learning_rate: Expected a float"),
    ],
)  # fmt: skip
def test_what_does_not_fit(text: str, code: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert caught.value.code == code and words in str(caught.value)


def test_a_configuration_without_data(tmp_path: Path) -> None:
    (path,) = write(tmp_path, "name: x\ntask: {class_path: gsv_lab.training.content_task.ContentTask}")
    with pytest.raises(ConfigError, match="lacks the argument"):
        load_experiment([path])


def test_keys_with_dots_at_the_top(tmp_path: Path) -> None:
    made = load(tmp_path, "task.init_args.learning_rate: 2e-3")
    assert made["task"]["init_args"]["learning_rate"] == 2e-3
    assert encoder(made)["width"] == 192
