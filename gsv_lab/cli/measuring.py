"""`gsv-lab bench`: how fast the kit is on this machine, and with `--quality` what a list of targets sounds like."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from gsv_lab.cli.console import say
from gsv_lab.cli.options import Candidates, add_command, add_device, add_model, add_renamed, load_lab, number
from gsv_lab.errors import ConfigError, one_line
from gsv_lab.system.files import check_output, save_bytes
from gsv_lab.system.folders import check_reachable
from gsv_lab.system.ranges import PositiveInt, Seed

STOPPED = (
    "of speeds nothing was written; with --quality the clips that were measured are kept, and the same command goes on"
)
DEFAULT_LIST = Path("data/evaluation_list.csv")
LIST = (
    "list speaker|language|reference|reference_text|target|target_text|target_seconds, or a list of data/, whose clips "
    f"lie in --corpora; by default {DEFAULT_LIST}"
)


def add_bench(commands: Any) -> None:
    """Add the command `bench`."""
    text = "measure speed and memory, or with --quality what a list of targets sounds like"
    parser = add_command(commands, "bench", _bench, text, STOPPED)
    parser.add_argument("--only", nargs="+", help="rows of the speed table to measure")
    parser.add_argument("--output", type=Path, help="folder for results and waves, or file for the JSON of speeds")
    parser.add_argument("--quality", type=Path, nargs="?", const=DEFAULT_LIST, metavar="LIST", help=LIST)
    quality = parser.add_argument_group("with --quality")
    quality.add_argument(
        "--seed", type=number(Seed), nargs="+", default=[0], help="one or more; results are their mean"
    )
    text = "folder of tuned voices SPEAKER.safetensors for the condition fine_tuned"
    quality.add_argument("--voices", type=Path, help=text)
    quality.add_argument("--natural", type=Path, help="earlier results whose natural rows are taken over")
    text = "weights of a run of configs/nano/baseline.yaml, for the condition baseline"
    quality.add_argument("--baseline", type=Path, metavar="DIR", help=text)
    text = (
        "by default all but the last three of copy_synthesis resynthesis phones_without_codes codes_without_phones "
        "true_timing zero_shot baseline fine_tuned cross_lingual; baseline too where --baseline is given"
    )
    quality.add_argument("--conditions", nargs="+", help=text)
    text = "by default all of whisper words phones similarity quality timing prosody"
    quality.add_argument("--measures", nargs="+", help=text)
    text = "a Whisper model in CTranslate2's layout, or a folder of such; by default GSV_LAB_WHISPER"
    quality.add_argument("--whisper", type=Path, metavar="DIR", help=text)
    text = "folder with the corpora of a list of data/; by default the list's own folder"
    quality.add_argument("--corpora", type=Path, metavar="DIR", help=text)
    text = "only the first target and each N-th after it, for a quick look"
    quality.add_argument("--every", type=number(PositiveInt), default=1, metavar="N", help=text)
    text = "how often a sentence is spoken in zero-shot; by default the model's own number"
    quality.add_argument("--candidates", type=number(Candidates), metavar="N", help=text)
    add_renamed(parser, "rungs")
    add_model(parser)
    add_device(parser)


def _bench(arguments: argparse.Namespace) -> None:
    result = _speed(arguments) if arguments.quality is None else _quality(arguments)
    say(*_json(result).split("\n"))


def _json(result: Any) -> str:
    """Readable, and whole wherever it is copied to: what a terminal would obey is escaped as JSON has it."""
    text = json.dumps(result, indent=1, ensure_ascii=False)
    return re.sub(r"[^\n]", lambda c: c[0] if c[0].isprintable() else json.dumps(c[0])[1:-1], text)


def _speed(arguments: argparse.Namespace) -> dict[str, Any]:
    from tqdm.auto import tqdm

    from gsv_lab.cli.example import example
    from gsv_lab.evaluation.bench import GOALS, bench

    if arguments.output is not None:
        check_output(arguments.output)
    recording = example(False)
    only = arguments.only or tuple(GOALS)
    with tqdm(total=len(only), desc="bench") as bar:

        def progress(key: str) -> None:
            bar.set_postfix_str(key)
            bar.update()

        options = ("--device", arguments.device, "--precision", arguments.precision)
        made = bench(lambda: load_lab(arguments), recording, only=only, options=options, progress=progress)
    if arguments.output is not None:
        text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
        save_bytes(arguments.output, text.encode())
    return made


def _quality(arguments: argparse.Namespace) -> dict[str, Any]:
    from tqdm.auto import tqdm

    from gsv_lab.evaluation.baseline import baseline_lab
    from gsv_lab.evaluation.conditions import COMPARISON
    from gsv_lab.evaluation.lists import read_list
    from gsv_lab.evaluation.run import available_measures, evaluate_lab, own_evaluators
    from gsv_lab.system.environment import whisper_dir

    output = arguments.output or Path("quality")
    check_reachable(output)
    conditions = arguments.conditions or (*COMPARISON, *(["baseline"] if arguments.baseline else []))
    voices = _voices(arguments.voices)
    if "fine_tuned" in conditions and not voices:
        problem = "The condition fine_tuned has no voices"
        raise ConfigError("VOICES_MISSING", problem, "a folder of SPEAKER.safetensors", "Give --voices")
    if "baseline" in conditions and not arguments.baseline:
        problem = "The condition baseline has no weights"
        raise ConfigError("BASELINE_MISSING", problem, "the weights of a run", "Give --baseline")
    lab = load_lab(arguments)
    baseline = None if arguments.baseline is None else baseline_lab(lab, arguments.baseline)
    targets = read_list(arguments.quality, arguments.corpora).every(arguments.every)
    whisper = arguments.whisper or whisper_dir()
    available = available_measures(targets.items, **own_evaluators(lab), whisper=whisper, only=arguments.measures)
    with tqdm(desc="clips") as bar:

        def progress(done: int, total: int, what: str) -> None:
            bar.total = total
            bar.set_postfix_str(one_line(what), refresh=False)
            bar.update(done - bar.n)

        made = evaluate_lab(
            lab,
            targets,
            available,
            output,
            system=lab.version,
            seeds=arguments.seed,
            conditions=conditions,
            fine_tuned=voices,
            natural_log=arguments.natural,
            candidates=arguments.candidates,
            baseline=baseline,
            progress=progress,
        )
        bar.update(bar.total - bar.n)
        return made


def _voices(folder: Path | None) -> dict[str, Any]:
    """The tuned voices of a folder by speaker."""
    from gsv_lab.inference.voice import Voice

    files = [] if folder is None else sorted(folder.glob("*.safetensors"))
    return {path.stem: Voice.load(path) for path in files}
