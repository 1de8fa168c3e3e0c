"""What the command line shows: any encoding, hints for misspelt words, refused numbers, and no name that acts."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import gsv_lab
from gsv_lab.cli import main
from gsv_lab.cli.console import say
from gsv_lab.cli.measuring import _json
from gsv_lab.errors import LabError, one_line
from gsv_lab.hooks.catalogue import Table
from gsv_lab.inference.voice import Voice
from tiny import make_family

BAD_NAMES = {
    "escape": "\x1b[31mred\x1b[0m",
    "title of the window": "\x1b]0;owned\x07",
    "carriage return": "safe\rerror: all is lost",
    "line break": "one\nerror: two",
    "other line breaks": "a\x0bb\x0cc\x85d\u2028e\u2029f",
    "direction": "a\u202egnp.wav",
    "isolate": "\u2066a\u2069",
    "C1": "\x9b2J",
    "delete and bell": "a\x7f\x08\x07b",
    "NUL": "a\0b",
    "zero width": "pay\u200bpal\ufeff",
    "surrogate": "\udcff.wav",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_family(tmp_path_factory.mktemp("family")))


@pytest.fixture(scope="module")
def voice(model: str, sample: Path) -> Voice:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return gsv_lab.load(model).clone(sample)


ENCODINGS = ({"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"})


@pytest.mark.parametrize("variables", ENCODINGS)
def test_a_text_to_read_arrives_whatever_the_encoding(variables: dict[str, str]) -> None:
    code = "from gsv_lab.cli import main; raise SystemExit(main(['prepare', '--script', 'zh']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env={**os.environ, **variables})
    assert done.returncode == 0, done.stderr
    assert "。" in done.stdout.decode("utf-8")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "utf-8"])
def test_names_that_an_encoding_lacks(
    encoding: str, voice: Voice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = replace(voice, name="小明 é").save(tmp_path / "v.safetensors")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main(["info", str(path)]) == 0
    assert main(["info", str(tmp_path / "没有.wav")]) == 2
    for stream in (out, err):
        stream.flush()
    shown = out.buffer.getvalue().decode(encoding)
    assert ("name: 小明 é" if encoding == "utf-8" else r"name: \u5c0f\u660e") in shown
    assert "AUDIO_MISSING" in err.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=list(BAD_NAMES))
def test_what_comes_from_files_is_shown_and_not_obeyed(
    name: str, voice: Voice, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One function does it for errors, warnings, printed lines, tables and descriptions."""
    assert one_line(name).isprintable()
    assert str(LabError("X", name, name, name)).isprintable()
    table = Table([{name: name, "n": 1.5}])
    assert all(line.isprintable() and line.count("|") == 3 for line in str(table).split("\n")) and "\n" in str(table)
    say(name)
    assert capsys.readouterr().out[:-1].isprintable()
    if "\udcff" not in name:
        path = replace(voice, name=name, consent=name).save(tmp_path / "v.safetensors")
        assert main(["info", str(path)]) == 0
        lines = capsys.readouterr().out[:-1].split("\n")
        assert all(line.isprintable() for line in lines)
        assert not any(line.startswith("error") for line in lines)


def test_warnings_and_machine_readable_results_are_safe(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    before = warnings.showwarning
    try:
        assert main(["prepare", "--script", "en"]) == 0
        capsys.readouterr()
        warnings.showwarning("left out: \x1b[2J\nnote: b", UserWarning, "", 1)
        assert capsys.readouterr().err == "note: left out: \\x1b[2J note: b\n"
    finally:
        warnings.showwarning = before
    result = {"speaker \u202e": "\x9b2J\x7f|\n小明"}
    text = _json(result)
    assert json.loads(text) == result and "小明" in text
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_voice_of_other_weights_composes_no_command(voice: Voice) -> None:
    bad = "x.wav; rm -rf ~ #$(touch sprung)"
    foreign = replace(voice, settings={"source": bad}, name="n", parents={"sovits": "0"})
    with pytest.raises(LabError) as caught:
        foreign.check_parent("nano-0", voice.parents)
    assert caught.value.code == "CKPT_PARENT_MISMATCH"
    assert "gsv-lab clone RECORDING --output" in str(caught.value)
    assert "rm" not in str(caught.value) and "touch" not in str(caught.value)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0 and capsys.readouterr().out == f"gsv-lab {gsv_lab.__version__}\n"


@pytest.mark.parametrize(("verb", "shown"), [("speak", "(default: 1.0)"), ("finetune", "(default: 240)"),
                                             ("fit", "(default: nano-own)"), ("open", "(default: 8888)"),
                                             ("disentangle", "(default: 99)")])  # fmt: skip
def test_help_has_the_defaults(verb: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert shown in text
    assert "None" not in text and "(default: )" not in text and "[]" not in text


SAY = ["speak", "--voice", "v.safetensors", "--text", "x", "--output", "o.wav"]
CONFIG = ["fit", "--config", "configs/synthetic/content.yaml"]
HINTS = {
    "a verb": (["speek"], "'speak' perhaps"),
    "a verb of a verb": (["weights", "improt", "x.pth"], "'import' perhaps"),
    "an option": ([*SAY, "--temprature", "1"], "'--temperature' perhaps"),
    "an option with its value": ([*SAY, "--sead=3"], "'--seed' perhaps"),
    "a needed option": (["speak", "--voise", "v", "--text", "x", "--output", "o.wav"], "'--voice' perhaps"),
    "a choice": ([*SAY, "--language", "xx"], "one of en, zh, auto"),
    "a key": ([*CONFIG, "trainer.max_batch=3"], "'max_batches' perhaps"),
    "a key at the top": ([*CONFIG, "trainr.max_batches=3"], "'trainer' perhaps"),
    "a key of a part": ([*CONFIG, "task.init_args.learning_rat=3"], "'learning_rate' perhaps"),
    "a key as an option": ([*CONFIG, "--trainer.max_batches=3"], "'trainer.max_batches=3', without the dashes"),
    "nothing": ([], "required: COMMAND"),
}


@pytest.mark.parametrize("name", HINTS)
def test_did_you_mean(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, hint = HINTS[name]
    assert main(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and hint in lines[0]
    assert not list(tmp_path.iterdir())


NUMBERS = {
    "speak": (SAY, ["--seed", "--temperature", "--top-k", "--top-p", "--repetition-penalty", "--noise-scale",
                    "--speed", "--candidates"]),
    "finetune": (["finetune", "p", "--output", "v.safetensors"], ["--steps", "--max-seconds", "--minutes",
                                                               "--learning-rate", "--seed"]),
    "demo": (["demo"], ["--steps"]),
    "fit": (CONFIG, ["--run-minutes", "--minutes", "--part-mib"]),
    "disentangle": (["disentangle", "--output", "d"], ["--speakers", "--clips", "--seed", "--noise-scale"]),
    "evaluate": (["evaluate"], ["--seed", "--every", "--candidates"]),
    "protocol": (["protocol", "vctk", "c", "--output", "o"], ["--seed"]),
    "open": (["open"], ["--port"]),
    "blend": (["blend", "a", "b", "--output", "v.safetensors"], ["--weights"]),
    "ratings": (["ratings", "f", "--design", "acr", "--output", "o"], ["--scale", "--same-from", "--margin", "--draws",
                                                                      "--seed"]),
    "listening make": (["listening", "make", "c", "--design", "acr", "--output", "o"],
                       ["--raters", "--seed", "--blocks", "--gold", "--traps", "--repeats"]),
    "ablate": (["ablate", "--base", "b", "--output", "o"], ["--seeds", "--threads", "--workers", "--retries"]),
    "reproduce": (["reproduce", "--output", "o"], ["--steps", "--seed"]),
    "runs compare": (["runs", "compare", "r"], ["--smooth"]),
    "runs prune": (["runs", "prune"], ["--older-than", "--keep"]),
}  # fmt: skip
BAD_NUMBERS = ("-5", "nan", "inf", "-inf", "1e400", "x", "", "1e-400x", "0x10", "½")


@pytest.mark.parametrize("verb", NUMBERS)
@pytest.mark.parametrize("number", BAD_NUMBERS)
def test_every_numeric_option_refuses_what_is_no_number_for_it(
    verb: str, number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, options = NUMBERS[verb]
    for option in options:
        if number == "-5" and option in ("--seed", "--same-from"):
            continue  # any whole number is a seed, and a scale may begin below 0
        assert main([*arguments, option, number]) == 2, option
        line = capsys.readouterr().err
        assert line.count("\n") == 1 and option in line and "[USAGE]" in line, line
    assert not list(tmp_path.iterdir())


def test_no_numeric_option_is_left_out() -> None:
    """Every option of every verb that takes a number takes it with a range."""
    from gsv_lab.cli import _parser
    from gsv_lab.cli.options import words

    found: dict[str, set[str]] = {}

    def walk(parser: Any, verb: str) -> None:
        for action in parser._actions:
            if action.choices and isinstance(action.choices, dict):
                for name, below in action.choices.items():
                    walk(below, verb or name)
            elif action.option_strings and action.type not in (None, Path, words):
                assert action.type not in (int, float), (verb, action.option_strings)
                found.setdefault(verb, set()).add(action.option_strings[0])

    walk(_parser(), "")
    tried: dict[str, set[str]] = {}
    for verb, (_, options) in NUMBERS.items():
        tried.setdefault(verb.split()[0], set()).update(options)
    assert found == tried


@pytest.mark.parametrize("kind", ["device", "fifo", "folder", "huge", "binary", "absent"])
def test_text_files_are_bounded(
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sample: Path,
    model: str,
) -> None:
    """Whatever is named where a text is wanted is one error at once, and no endless read."""
    monkeypatch.chdir(tmp_path)
    made = Path("text.yaml")
    if kind == "device":
        made = Path("/dev/zero")
    elif kind == "fifo":
        os.mkfifo(made)
    elif kind == "folder":
        made.mkdir()
    elif kind == "huge":
        with made.open("wb") as file:
            file.truncate(2**30)
    elif kind == "binary":
        made.write_bytes(bytes(range(256)))
    if kind == "device" and not made.exists():
        pytest.skip("no /dev/zero here")
    text, speak = str(made), ["speak", "--reference", str(sample), "--output", "o.wav"]
    for arguments in (
        [*speak, "--text-file", text],
        [*speak, "--text", "Hello.", "--lexicon", text],
        ["prepare", str(sample), "--output", "p", "--text", text, "--model", model],
        ["prepare", "--output", "p", "--list", text, "--model", model],
        ["fit", "--config", text],
        ["fit", "--family", text, "--corpus", "."],
        ["intervene", "--config", text, "--output", "i"],
        ["evaluate", ".", "--list", text, "--output", "b"],
        ["evaluate", ".", "--texts", text, "--output", "b"],
        ["weights", "import", text, "--output", "w.safetensors"],
        ["speak", "--voice", text, "--text", "Hello.", "--output", "o.wav"],
        ["info", text],
        ["store", text, "--family", "v2", "--output", "s"],
    ):
        assert main(arguments) == 2, arguments
        errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, (arguments, errors)
