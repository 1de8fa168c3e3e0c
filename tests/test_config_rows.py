"""Configurations that nobody should run, through the command line: one line with its code, exit code 2, no run folder,
nothing executed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from gsv_lab.cli import main
from gsv_lab.errors import ConfigError
from gsv_lab.system.config import load_experiment, override

CONTENT = Path(__file__).resolve().parents[1] / "configs" / "nano" / "content.yaml"
ENCODER = "gsv_lab.extensions.phone_content_encoder.PhoneContentEncoder"


def doubled(times: int) -> str:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, times)]
    return "sizes:\n" + "\n".join(f"  {line}" for line in lines)


ROWS = {
    "44 top": ("trainr: {minutes: 3}", "CONFIG_UNKNOWN_KEY", "'trainer' perhaps"),
    "44 trainer": ("trainer: {minuts: 3}", "CONFIG_UNKNOWN_KEY", "'minutes' perhaps"),
    "44 task": ("task: {init_args: {learning_rat: 1}}", "CONFIG_UNKNOWN_KEY", "'learning_rate' perhaps"),
    "44 part": (
        "task: {init_args: {content_encoder: {init_args: {widht: 3}}}}", "CONFIG_UNKNOWN_KEY", "'width' perhaps"
    ),
    "44 beside": ("task: {init_arg: {learning_rate: 1}}", "CONFIG_UNKNOWN_KEY", "'init_args' perhaps"),
    "44 twice": ("trainer: {minutes: 3, minutes: 4}", "CONFIG_UNKNOWN_KEY", "twice"),
    "45 word for number": ("trainer: {minutes: soon}", "CONFIG_TYPE", "soon"),
    "46 no": ("name: no", "CONFIG_TYPE", "'no' in bad.yaml (line 1) as a bool"),
    "46 on": ("data: {init_args: {boost: {on: 1.0}}}", "CONFIG_TYPE", "'on'"),
    "46 octal": ("seed: 010", "CONFIG_TYPE", "'010' in bad.yaml (line 1) as a int"),
    "46 sexagesimal": ("seed: 1:30", "CONFIG_TYPE", "'1:30'"),
    "46 date": ("name: 2026-11-21", "CONFIG_TYPE", "timestamp"),
    "47 python": ("task: !!python/object/apply:os.mkdir ['harm']", "CONFIG_UNSAFE", "line 1"),
    "47 own tag": ("task: !thing {a: 1}", "CONFIG_UNSAFE", "!thing"),
    "47 no YAML": ("task: [", "CONFIG_UNSAFE", "bad.yaml"),
    "47 aliases": (doubled(30), "CONFIG_TOO_DEEP", "repeats itself"),
    "47 alias of itself": ("sizes: &a {b: *a}", "CONFIG_TOO_DEEP", "repeats itself"),
    "47 brackets": ("sizes: {x: " + "[" * 400 + "]" * 400 + "}", "CONFIG_TOO_DEEP", "too deep"),
    "48 foreign": ("task: {class_path: subprocess.Popen, init_args: {args: ls}}", "CONFIG_UNKNOWN_COMPONENT", "Popen"),
    "48 inside": (
        "task: {init_args: {content_encoder: {class_path: os.system}}}", "CONFIG_UNKNOWN_COMPONENT", "os.system"
    ),
    "48 function": ("task: {class_path: gsv_lab.cli.main}", "CONFIG_UNKNOWN_COMPONENT", "'gsv_lab.cli.main' is"),
    "48 misspelt": ("task: {class_path: gsv_lab.training.content_task.ContentTsk}", "CONFIG_UNKNOWN_COMPONENT",
                    "ContentTask"),
    "49 rate": ("task: {init_args: {learning_rate: -1e-4}}", "CONFIG_RANGE", "learning_rate is -0.0001"),
    "49 no rate": ("task: {init_args: {learning_rate: .nan}}", "CONFIG_RANGE", "learning_rate is nan"),
    "49 batch": ("data: {init_args: {batch_seconds: 0}}", "CONFIG_RANGE", "data.init_args.batch_seconds is 0"),
    "49 width": (
        "task: {init_args: {content_encoder: {init_args: {width: -4}}}}", "CONFIG_RANGE", "width is -4"
    ),
    "49 share": ("task: {init_args: {content_encoder: {init_args: {dropout: 2}}}}", "CONFIG_RANGE", "from 0 to 1"),
    "49 minutes": ("trainer: {minutes: 0}", "CONFIG_RANGE", "trainer.minutes is 0"),
    "49 workers": ("trainer: {workers: -1}", "CONFIG_RANGE", "trainer.workers is -1"),
}  # fmt: skip


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A configuration that slips through fails its test in place of training for an hour."""
    import gsv_lab.training.fit

    def never(*_: object, **__: object) -> NoReturn:
        raise AssertionError("this configuration would have been trained")

    monkeypatch.setattr(gsv_lab.training.fit, "fit", never)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("row", ROWS)
def test_rows(row: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, code, words = ROWS[row]
    (tmp_path / "bad.yaml").write_text(text + "\n", encoding="utf-8")
    assert main(["fit", "--config", str(CONTENT), "--config", "bad.yaml", "--output", "run"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and lines[0].endswith(f"[{code}]")
    assert words in lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


@pytest.mark.usefixtures("no_training")
def test_upsampling_that_is_not_the_hop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Row 50, with the released vocoder in the place of nano's."""
    base = CONTENT.with_name("sovits.yaml")
    sizes = {**yaml.safe_load(base.read_text(encoding="utf-8"))["sizes"], "hop": 640}
    rates = {"upsample_rates": [10, 8, 2, 2], "upsample_kernels": [16, 16, 4, 4]}
    arguments = {"latent_dim": sizes["latent"], "speaker_dim": sizes["speaker"], "width": 32, **rates}
    vocoder = {"class_path": "gsv_lab.nn.hifigan.HiFiGAN", "init_args": arguments}
    made = {"sizes": sizes, "task": {"init_args": {"sovits": {"init_args": {"vocoder": vocoder}}}}}
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(made), encoding="utf-8")
    assert main(["fit", "--config", str(base), "--config", "bad.yaml", "--output", "run"]) == 2
    line = capsys.readouterr().err
    assert "hop is 640 and the product of upsample_rates is 320" in line and "[CONFIG_INCONSISTENT]" in line
    assert not (tmp_path / "run").exists()


OVERRIDES = {
    "44 top": ("trainr.minutes=3", "CONFIG_UNKNOWN_KEY", "trainer"),
    "44 trainer": ("trainer.minuts=3", "CONFIG_UNKNOWN_KEY", "minutes"),
    "44 task": ("task.init_args.learning_rat=1", "CONFIG_UNKNOWN_KEY", "learning_rate"),
    "45 word for number": ("trainer.minutes=soon", "CONFIG_TYPE", "soon"),
    "45 list for number": ("trainer.minutes=[1, 2]", "CONFIG_TYPE", "[1, 2]"),
    "45 truth for number": ("trainer.workers=true", "CONFIG_TYPE", "rue"),
    "46 octal": ("seed=010", "CONFIG_TYPE", "'010'"),
    "46 sexagesimal": ("seed=1:30", "CONFIG_TYPE", "'1:30'"),
    "47 python": ("seed=!!python/object/apply:os.mkdir ['harm']", "CONFIG_UNSAFE", "os.mkdir"),
    "47 brackets": ("data.init_args.corpora=" + "[" * 400 + "]" * 400, "CONFIG_TOO_DEEP", "too deep"),
    "48 foreign": ("task.class_path=antigravity.Trick", "CONFIG_UNKNOWN_COMPONENT", "antigravity.Trick"),
    "49 minutes": ("trainer.minutes=-3", "CONFIG_RANGE", "trainer.minutes is -3"),
    "49 batch": ("data.init_args.batch_seconds=.nan", "CONFIG_RANGE", "batch_seconds is nan"),
}


@pytest.fixture(scope="module")
def resolved() -> dict[str, Any]:
    return load_experiment([CONTENT])


@pytest.mark.parametrize("way", ["with the files", "of a resolved file"])
@pytest.mark.parametrize("row", OVERRIDES)
def test_overrides(row: str, way: str, resolved: dict[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    """A value given on the command line meets what it would meet in a file; nothing foreign is imported."""
    text, code, words = OVERRIDES[row]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_experiment([CONTENT], [text]) if way == "with the files" else override(resolved, [text])
    assert caught.value.code == code and words in str(caught.value)
    assert not list(tmp_path.iterdir()) and "antigravity" not in sys.modules


def test_overrides_that_are_meant(resolved: dict[str, Any]) -> None:
    """Both ways give the same; a word stays a word where one stood."""
    texts = ["name=no", "seed=8", "trainer.precision=32", "trainer.minutes=1e-3", "data.init_args.corpora=[a, b]"]
    made = override(resolved, texts)
    assert made == load_experiment([CONTENT], texts)
    assert (made["name"], made["trainer"]["precision"], made["trainer"]["minutes"]) == ("no", "32", 1e-3)
    with pytest.raises(ConfigError, match="product of upsample_rates is 320"):
        override({"a": {"hop": 640, "upsample_rates": [10, 8, 2, 2, 2]}}, ["a.upsample_rates=[10, 8, 2, 2]"])


def test_what_is_meant_is_read(tmp_path: Path) -> None:
    """Row 45 from its good side, and quotes for what would be changed."""
    path = tmp_path / "good.yaml"
    path.write_text("name: 'no'\nseed: 8\ntask: {init_args: {learning_rate: 1e-4}}\n", encoding="utf-8")
    made = load_experiment([CONTENT, path])
    assert (made["name"], made["seed"], made["task"]["init_args"]["learning_rate"]) == ("no", 8, 1e-4)


def test_an_error_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Even where the name itself breaks the line."""
    (tmp_path / "bad.yaml").write_text('task: {class_path: "os.\\nsystem"}\n', encoding="utf-8")
    assert main(["fit", "--config", str(tmp_path / "bad.yaml")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
