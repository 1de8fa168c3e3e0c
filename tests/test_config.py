"""YAML to objects: what is allowed, what is refused, and that every shipped file builds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gsv_lab.errors import ConfigError
from gsv_lab.system.config import build, load_experiment
from gsv_lab.system.registry import register
from gsv_lab.training.stages import STAGES, load_stage
from tiny import VERIFIER

CONFIGS = sorted(Path(__file__).resolve().parents[1].glob("configs/nano/*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_shipped_configuration_builds(path: Path) -> None:
    settings = ["trainer.minutes=3"]
    if path.stem in {stage.name for stage in STAGES}:  # some of them lie over another
        experiment = load_stage(path.parent, path.stem, settings)
    else:
        experiment = load_experiment([path], settings)
    assert experiment["trainer"]["minutes"] == 3
    task = build(experiment["task"])
    assert sum(p.numel() for p in task.parameters()) > 1000
    assert build(experiment["data"]) is not None


def test_spec_stays_on_the_object_and_rebuilds_it() -> None:
    network = build(VERIFIER)
    assert network.spec == VERIFIER
    assert [tuple(p.shape) for p in build(network.spec).parameters()] == [tuple(p.shape) for p in network.parameters()]


@pytest.mark.parametrize(
    ("spec", "code", "words"),
    [
        ({"class_path": "os.system"}, "CONFIG_UNKNOWN_COMPONENT", "neither registered"),
        ({"class_path": "gsv_lab.nn.nowhere.Thing"}, "CONFIG_UNKNOWN_COMPONENT", "nowhere"),
        (
            {"class_path": "gsv_lab.extensions.speaker_verifier.SpeakerVerifyer"},
            "CONFIG_UNKNOWN_COMPONENT",
            "SpeakerVerifier",
        ),
        ({**VERIFIER, "init_args": {"widht": 3}}, "CONFIG_UNKNOWN_KEY", "width"),
        ({**VERIFIER, "inti_args": {}}, "CONFIG_UNKNOWN_KEY", "inti_args"),
    ],
)
def test_refused_specs(spec: dict, code: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        build(spec)
    assert caught.value.code == code


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_scientific_notation_is_a_number_and_overlays_win(tmp_path: Path) -> None:
    over = write(tmp_path / "over.yaml", "task: {init_args: {learning_rate: 1e-4}}\n")
    experiment = load_experiment([CONFIGS[0].parent / "content.yaml", over])
    assert experiment["task"]["init_args"]["learning_rate"] == pytest.approx(1e-4)
    assert experiment["task"]["init_args"]["content_encoder"]["init_args"]["width"] == 192


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("trainer: {minuts: 3}\n", "CONFIG_UNKNOWN_KEY"),
        ("trainer: {minutes: no}\n", "CONFIG_TYPE"),
        ("task: {init_args: {learning_rat: 1}}\n", "CONFIG_UNKNOWN_KEY"),
        ("task: !!python/object/apply:os.system ['touch sprung']\n", "CONFIG_UNSAFE"),
        ("sizes:\n  a: &a [x]\n" + "  b: [" + ", ".join(["*a"] * 9000) + "]\n", "CONFIG_TOO_DEEP"),
        ("task: {class_path: subprocess.Popen, init_args: {args: ls}}\n", "CONFIG_UNKNOWN_COMPONENT"),
    ],
)
def test_bad_yaml(tmp_path: Path, text: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_experiment([CONFIGS[0].parent / "content.yaml", write(tmp_path / "bad.yaml", text)])
    assert caught.value.code == code
    assert not (tmp_path / "sprung").exists()


def test_a_registered_class_of_ones_own() -> None:
    @register
    class Mine(torch.nn.Linear):
        pass

    path = f"{Mine.__module__}.{Mine.__qualname__}"
    assert isinstance(build({"class_path": path, "init_args": {"in_features": 2, "out_features": 3}}), Mine)
