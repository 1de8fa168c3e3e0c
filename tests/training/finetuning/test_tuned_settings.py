"""What a fine-tuning is told: every option arrives, and what is wrong is one clear error before anything is written."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from gsv_lab.cli import main, voices
from gsv_lab.corpora.store import ClipStore
from gsv_lab.errors import LabError
from gsv_lab.inference.lab import Lab
from gsv_lab.training.finetuning import run
from gsv_lab.training.finetuning.settings import Settings
from gsv_lab.training.log_writer import LogWriter
from small_voices import RATE, tuned, write_clips


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return write_clips(tmp_path / "me")


@pytest.fixture
def untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is refused is refused before anything was packed, and leaves nothing in its folder or in the cache."""
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(ClipStore, "pack", lambda *_, **__: pytest.fail("clips were packed"))
    yield
    assert {path.name for path in tmp_path.iterdir()} <= {"me", "over.yaml"}


def test_options_reach_the_training(
    lab: Lab,
    clips: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In a tiny run; it shows its own bar, where it lies, and neither advertising nor the bars of its preparation."""
    monkeypatch.setattr(LogWriter, "figure", lambda *_: None)
    over = tmp_path / "over.yaml"
    over.write_text("trainer: {average_decay: 0.5}\ntask: {init_args: {warm_up: 3}}\n", encoding="utf-8")
    command = ["finetune", str(clips), "--model", str(lab.family.folder), "--output", str(tmp_path / "v.safetensors")]
    command.append("--no-verdict")
    command += ["--method", "last:2", "--stage", "gpt", "--steps", "2", "--learning-rate", "3e-3", "--seed", "7"]
    command += ["--config", str(over), "--run-folder", str(tmp_path / "run"), "--device", "cpu", "--precision", "bf16"]
    assert main(command) == 0
    made = json.loads((tmp_path / "run" / "gpt" / "experiment.json").read_text(encoding="utf-8"))
    assert [path.name for path in (tmp_path / "run").iterdir() if path.is_dir()] == ["gpt"]
    assert made["seed"] == made["data"]["init_args"]["seed"] == 7
    arguments = made["task"]["init_args"]
    assert (arguments["learning_rate"], arguments["warm_up"]) == (3e-3, 3)
    assert arguments["method"] == {
        "class_path": "gsv_lab.training.finetuning.methods.LastBlocks", "init_args": {"blocks": 2},
    }  # fmt: skip
    trainer = made["trainer"]
    assert (trainer["max_batches"], trainer["device"], trainer["precision"]) == (2, "cpu", "bf16")
    assert (trainer["average_decay"], trainer["checkpoint_every"]) == (0.5, 60)
    said = capfd.readouterr()
    assert said.out.splitlines()[0] == "4 clips, 10.0 s" and f"run: {tmp_path / 'run' / 'gpt'}; watch" in said.out
    assert "2/2" in said.err and "batch" in said.err and "<" in said.err  # elapsed < left
    for noise in ("GPU available", "TPU", "Tip", "litlogger", "weights_only", "pitch:", "texts:", "codes:", "guide"):
        assert noise not in said.err + said.out + caplog.text, noise


CHOICES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "as it is": ([], {"sovits": {"trainer.max_batches": 240, "seed": 1234, "task.init_args.learning_rate": 2e-4}}),
    "minutes": (["--minutes", "2.5"], {"sovits": {"trainer.max_batches": 0, "trainer.minutes": 2.5}}),
    "lora": (["--method", "lora"], {"sovits": {"task.init_args.method.init_args.rank": 8}}),
    "speaker": (["--method", "speaker"], {"sovits": {"task.init_args.learning_rate": 1e-3}}),
    "both": (["--stage", "both", "--seed", "-3"], {"sovits": {"seed": 2**64 - 3}, "gpt": {"seed": 2**64 - 3}}),
    "gpt": (["--stage", "gpt"], {"gpt": {"task.init_args.learning_rate": 1e-4, "trainer.max_batches": 240}}),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_choices_of_the_command_line(
    choice: str, lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the experiments that would be trained."""
    options, expected = CHOICES[choice]
    seen: dict[str, Any] = {}

    class Enough(Exception):
        pass

    def fit(experiment: dict[str, Any], folder: Path, **_: Any) -> None:
        seen[folder.name] = experiment
        if len(seen) == len(expected):
            raise Enough
        (folder / "checkpoints" / "000001").mkdir(parents=True)

    monkeypatch.setattr(run, "fit", fit)
    command = ["finetune", str(clips), "--model", str(lab.family.folder), "--output", str(tmp_path / "v.safetensors")]
    command.append("--no-verdict")
    with pytest.raises(Enough):
        main([*command, "--run-folder", str(tmp_path / "run"), *options])
    assert seen.keys() == expected.keys()
    for stage, settings in expected.items():
        for path, value in settings.items():
            found = seen[stage]
            for key in path.split("."):
                found = found[key]
            assert found == value, path


def test_a_configuration_decides_where_no_option_does(lab: Lab, tmp_path: Path) -> None:
    """Of a recipe, too, what it says of the format of numbers; the defaults in the help are those of the files."""
    over = tmp_path / "over.yaml"
    over.write_text("seed: 5\ntrainer: {max_batches: 7, precision: bf16, device: cpu}\n", encoding="utf-8")
    for options, expected in ({}, (5, 7)), ({"seed": 3, "steps": 9}, (3, 9)):
        made = Settings(configs=[over], stage="both", **options).experiments(lab.family, True)
        for experiment in made.values():
            assert (experiment["seed"], experiment["trainer"]["max_batches"]) == expected
            assert (experiment["trainer"]["precision"], experiment["trainer"]["device"]) == ("bf16", "cpu")
    for experiment in Settings(stage="both").experiments(lab.family, True).values():
        assert f"(default: {experiment['trainer']['max_batches']})" in voices.STEPS
        assert f"(default: {experiment['seed']})" in voices.SEED
        assert (experiment["trainer"]["precision"], experiment["trainer"]["device"]) == ("32", "cpu")


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown method": ({"method": "qlora"}, "PARAM_RANGE", "full, lora, speaker, or last:N"),
    "no method": ({"method": ""}, "PARAM_RANGE", "full, lora, speaker, or last:N"),
    "a rank behind lora": ({"method": "lora:3"}, "PARAM_RANGE", "'lora:3'"),
    "blocks behind full": ({"method": "full:1"}, "PARAM_RANGE", "'full:1'"),
    "last without blocks": ({"method": "last"}, "PARAM_RANGE", "'last'"),
    "last of nothing": ({"method": "last:"}, "PARAM_RANGE", "'last:'"),
    "last of a word": ({"method": "last:x"}, "PARAM_RANGE", "'last:x'"),
    "last of a fraction": ({"method": "last:1.5"}, "PARAM_RANGE", "'last:1.5'"),
    "last of less than nothing": ({"method": "last:-1"}, "PARAM_RANGE", "'last:-1'"),
    "last of zero": ({"method": "last:0"}, "CONFIG_RANGE", "blocks"),
    "a method that is a number": ({"method": 3}, "PARAM_RANGE", "'3'"),
    "an unknown stage": ({"stage": "vocoder"}, "PARAM_RANGE", "sovits or gpt or both"),
    "a rate of NaN": ({"learning_rate": math.nan}, "CONFIG_RANGE", "learning_rate"),
    "an infinite rate": ({"learning_rate": math.inf}, "CONFIG_RANGE", "learning_rate"),
    "a negative rate": ({"learning_rate": -1e-4}, "CONFIG_RANGE", "learning_rate"),
    "negative steps": ({"steps": -1}, "CONFIG_RANGE", "max_batches"),
    "half a step": ({"steps": 1.5}, "CONFIG_TYPE", "max_batches"),
    "negative minutes": ({"minutes": -2.0}, "CONFIG_RANGE", "minutes"),
    "NaN minutes": ({"minutes": math.nan}, "CONFIG_RANGE", "minutes"),
    "a seed that is a word": ({"seed": "x"}, "PARAM_RANGE", "seed is 'x'"),
    "a seed that is a fraction": ({"seed": 1.5}, "PARAM_RANGE", "seed is 1.5"),
    "an override of nothing": ({"overrides": ["task.init_args.rnak=3"]}, "CONFIG_UNKNOWN_KEY", "rnak"),
    "an override out of range": (
        {"method": "lora", "overrides": ["task.init_args.method.init_args.rank=0"]}, "CONFIG_RANGE", "rank",
    ),
    "no checkpoints": ({"overrides": ["trainer.checkpoint_every=0"]}, "CONFIG_RANGE", "checkpoint_every"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_settings(case: str, lab: Lab, clips: Path, tmp_path: Path, untouched: None) -> None:
    settings, code, words = WRONG[case]
    with pytest.raises(LabError) as caught:
        tuned(lab, clips, tmp_path / "run", **{"overrides": (), **settings})
    assert caught.value.code == code and words in str(caught.value) and "\n" not in str(caught.value)


METHOD = "task: {init_args: {method: {class_path: gsv_lab.training.finetuning.methods.LoRA, init_args: {%s}}}}"
CONFIGS: dict[str, tuple[str, str, str]] = {
    "a misspelt key": ("task: {init_args: {learning_rat: 0.1}}", "CONFIG_UNKNOWN_KEY", "'learning_rate' perhaps"),
    "a misspelt key of the trainer": ("trainer: {max_batch: 3}", "CONFIG_UNKNOWN_KEY", "'max_batches' perhaps"),
    "a misspelt key at the top": ("trainr: {max_batches: 3}", "CONFIG_UNKNOWN_KEY", "'trainer' perhaps"),
    "a misspelt key of the method": (METHOD % "rnak: 3", "CONFIG_UNKNOWN_KEY", "rank"),
    "rank 0": (METHOD % "rank: 0", "CONFIG_RANGE", "rank"),
    "a negative rank": (METHOD % "rank: -8", "CONFIG_RANGE", "rank"),
    "half a rank": (METHOD % "rank: 1.5", "CONFIG_TYPE", "rank"),
    "a negative alpha": (METHOD % "alpha: -1.0", "CONFIG_RANGE", "alpha"),
    "a rate of NaN": ("task: {init_args: {learning_rate: .nan}}", "CONFIG_RANGE", "learning_rate"),
    "a rate of zero": ("task: {init_args: {learning_rate: 0}}", "CONFIG_RANGE", "learning_rate"),
    "a rate that is a word": ("task: {init_args: {learning_rate: fast}}", "CONFIG_TYPE", "learning_rate"),
    "no windows": ("data: {init_args: {windows: 0}}", "CONFIG_RANGE", "windows"),
    "an octal seed": ("seed: 010", "CONFIG_TYPE", "'010'"),
    "a method that is no method": (
        "task: {init_args: {method: {class_path: gsv_lab.training.finetuning.methods.QLoRA}}}",
        "CONFIG_UNKNOWN_COMPONENT", "QLoRA",
    ),
    "a path into Python": ("task: {init_args: {method: {class_path: os.system}}}", "CONFIG_UNKNOWN_COMPONENT", "os"),
    "an object tag": ("task: !!python/object:os.system {}", "CONFIG_UNSAFE", "over.yaml"),
    "a list": ("- 1\n- 2\n", "CONFIG_TYPE", "over.yaml is a list"),
    "no UTF-8": ("\udcff", "CONFIG_MISSING", "UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFIGS)
def test_wrong_configurations(case: str, lab: Lab, clips: Path, tmp_path: Path, untouched: None) -> None:
    text, code, words = CONFIGS[case]
    (tmp_path / "over.yaml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(LabError) as caught:
        tuned(lab, clips, tmp_path / "run", configs=[tmp_path / "over.yaml"], overrides=())
    assert caught.value.code == code and words in str(caught.value) and "\n" not in str(caught.value)


def test_numbers_as_yaml_readers_write_them(lab: Lab, tmp_path: Path) -> None:
    """`1e-4` is a number, here and in the text of an override."""
    (tmp_path / "over.yaml").write_text("task: {init_args: {learning_rate: 1e-4}}", encoding="utf-8")
    made = Settings(configs=[tmp_path / "over.yaml"]).experiments(lab.family, True)
    again = Settings(overrides=["task.init_args.learning_rate=1e-4"]).experiments(lab.family, True)
    assert made["sovits"]["task"]["init_args"]["learning_rate"] == 1e-4
    assert again["sovits"]["task"]["init_args"]["learning_rate"] == 1e-4


def test_a_rank_that_no_layer_is_wider_than(lab: Lab, clips: Path, tmp_path: Path) -> None:
    """Sizes are known once the networks are looked at; nothing is half-written then either."""
    rank = "task.init_args.method.init_args.rank=16"
    with pytest.raises(LabError, match=r"rank is 16, .* a rank from 1 to \d+") as caught:
        tuned(lab, clips, tmp_path / "run", method="lora", overrides=[rank])
    assert caught.value.code == "CONFIG_RANGE"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["finetune.json"]


SILENCE = torch.zeros(3 * RATE)
LISTS: dict[str, tuple[str, str, str]] = {
    "no row": ("", "DATA_EMPTY", "no rows"),
    "two columns": ("c0.wav|me\n", "DATA_ROW", "Line 1 of 'list.txt' has 2 columns"),
    "five columns": ("c0.wav|me|en|a\nc1.wav|me|en|a|b\n", "DATA_ROW", "Line 2 of 'list.txt' has 5 columns"),
    "another encoding": ("c0.wav|me|en|caf\udce9\n", "DATA_ROW", "is not UTF-8"),
    "another language": ("c0.wav|me|fr|a\n", "DATA_ROW", "'fr'"),
    "a way out": ("../x.wav|me|en|a\n", "DATA_PATH", "outside the root"),
    "an absolute way out": ("/etc/passwd|me|en|a\n", "DATA_PATH", "outside the root"),
    "one row twice": ("c0.wav|me|en|a\nc0.wav|me|en|a\n", "DATA_DUPLICATE", "line 1 again"),
    "one sound under two speakers": ("c0.wav|me|en|a\nc1.wav|you|en|a\n", "DATA_SPEAKERS", "2 speakers"),
    "no slice there": ("x.wav|me|en|a\ny.wav|me|en|a\n", "DATA_EMPTY", "AUDIO_MISSING"),
    "all silent": ("s0.wav|me|en|a\ns1.wav|me|en|a\n", "DATA_EMPTY", "AUDIO_SILENT"),
    "all of no length": ("z.wav|me|en|a\n", "DATA_EMPTY", "AUDIO_FORMAT"),
    "one slice": ("c0.wav|me|en|a\n", "DATA_TOO_SHORT", "holds 2.5 s"),
    "one slice of many": ("c0.wav|me|en|a\nx.wav|me|en|a\ns0.wav|me|en|a\n", "DATA_TOO_SHORT", "in 1 of 3 clips"),
    "the same sound again": ("c0.wav|me|en|a\nc9.wav|me|en|a\n", "DATA_TOO_SHORT", "holds 2.5 s in 1 of 2 clips"),
    "texts that nobody can read": ("c0.wav|me|en|…\nc1.wav|me|en|\U0001f600\n", "DATA_EMPTY", "TEXT_"),
}


@pytest.mark.parametrize("case", LISTS)
@pytest.mark.filterwarnings("ignore:left out")
def test_wrong_lists(case: str, lab: Lab, clips: Path, tmp_path: Path, untouched: None) -> None:
    rows, code, words = LISTS[case]
    for name in ("s0", "s1"):
        soundfile.write(clips / f"{name}.wav", SILENCE.numpy(), RATE)
    (clips / "z.wav").write_bytes(b"")
    (clips / "c9.wav").write_bytes((clips / "c0.wav").read_bytes())
    (clips / "list.txt").write_bytes(rows.encode(errors="surrogateescape"))
    with pytest.raises(LabError) as caught:
        tuned(lab, clips, tmp_path / "run", overrides=())
    assert caught.value.code == code and words in str(caught.value) and "\n" not in str(caught.value)


def test_lists_with_marks_of_windows_are_read(lab: Lab, clips: Path) -> None:
    from gsv_lab.corpora.voice_clips import read_clips

    plain = read_clips(clips, 60.0)
    rows = (clips / "list.txt").read_text(encoding="utf-8")
    (clips / "list.txt").write_bytes(b"\xef\xbb\xbf" + rows.replace("\n", "\r\n").encode())
    assert read_clips(clips, 60.0) == plain


@pytest.mark.parametrize("stage", ["gpt", "both"])
def test_semantic_gpt_needs_transcripts(stage: str, lab: Lab, tmp_path: Path, untouched: None) -> None:
    write_clips(tmp_path / "me", text="")
    with pytest.raises(LabError, match="Take the stage sovits") as caught:
        tuned(lab, tmp_path / "me", tmp_path / "run", stage=stage, overrides=())
    assert caught.value.code == "CONFIG_INCONSISTENT"


def test_one_slice_that_is_long_enough_is_trained_on_and_held_out(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of both networks, and however long it is: SemanticGPT's base is trained on shorter clips."""
    monkeypatch.setattr(LogWriter, "figure", lambda *_: None)
    for seconds, stage in ((5.0, "sovits"), (29.5, "gpt")):
        clips = write_clips(tmp_path / stage, (seconds,))
        voice = tuned(lab, clips, tmp_path / f"run-{stage}", stage=stage, steps=1)
        assert voice.settings["seconds"] == seconds and len(voice.tuned_on) == 1
