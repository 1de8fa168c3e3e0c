"""The command line `gsv-lab`: parses, calls, prints. Everything it does is one call of the Python interface."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gsv_lab.cli.intervene import add_intervene
from gsv_lab.cli.weights import add_weights
from gsv_lab.errors import LabError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it went well, 2 with one line on stderr if the input was at fault, 130 on Ctrl-C."""
    warnings.showwarning = _show_warning
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed) or 0)
    except LabError as error:
        print(f"error: {error} [{error.code}]", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; a training goes on where it was with the same command", file=sys.stderr)
        return 130


def _show_warning(
    message: Any, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    if category.__module__.startswith("gsv_lab") or category is UserWarning:
        print(f"note: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("gsv-lab", description="Few-shot voice cloning, opened up.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        _add_demo,
        _add_prepare,
        _add_clone,
        _add_finetune,
        _add_speak,
        _add_fit,
        _add_bench,
        _add_info,
        _add_open,
        add_intervene,
        add_weights,
    ):
        add(commands)
    return parser


def _command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=text, description=text)
    made.set_defaults(run=run)
    return made


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", default="", help="base model: nano (default), a version, or a folder with a model.json"
    )


def _language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--language", choices=("en", "zh", "auto"), default="auto", help="language of the text")


def _add_demo(commands: Any) -> None:
    parser = _command(commands, "demo", _demo, "prepare, fine-tune, speak and measure one recording; writes a report")
    parser.add_argument("--recording", type=Path, nargs="+", default=[], help="one or more sound files of one person")
    parser.add_argument("--output", type=Path, default=Path("demo"), help="folder for report, waves and voice")
    parser.add_argument("--download", action="store_true", help="fetch librosa's example recording if it is not cached")
    parser.add_argument("--consent", default="", help="who agreed to this voice, kept in the voice file")
    parser.add_argument("--steps", type=int, default=120, help="most steps of fine-tuning")
    _model(parser)


def _demo(arguments: argparse.Namespace) -> None:
    from gsv_lab.cli.demo import demo

    report = demo(
        arguments.recording, arguments.output, arguments.download, arguments.model, arguments.consent, arguments.steps
    )
    print(f"report: {report}")


def _add_prepare(commands: Any) -> None:
    parser = _command(commands, "prepare", _prepare, "recordings to slices of 3 to 10 s with a quality report")
    parser.add_argument("paths", type=Path, nargs="*", help="sound files or folders of one person")
    parser.add_argument("--output", type=Path, help="folder to write")
    parser.add_argument("--list", type=Path, help="wav|speaker|language|text, one a line")
    parser.add_argument("--text", type=Path, help="file with what is said in the one recording")
    parser.add_argument("--denoise", action="store_true", help="subtract steady noise")
    parser.add_argument("--script", choices=("en", "zh"), help="print a one-minute text to read, and nothing else")
    _language(parser)
    _model(parser)


def _prepare(arguments: argparse.Namespace) -> int:
    if arguments.script:
        from gsv_lab.text.script import reading_script

        print(reading_script(arguments.script))
        return 0
    if not arguments.paths and not arguments.list:
        print("error: nothing to prepare. Expected sound files, a folder or --list. [NO_INPUT]", file=sys.stderr)
        return 2
    if arguments.output is None:
        print("error: no place for the result. Expected --output DIR. [NO_OUTPUT]", file=sys.stderr)
        return 2
    from gsv_lab.inference.lab import load

    result = load(arguments.model).prepare(
        arguments.paths, arguments.output, language=arguments.language, list_file=arguments.list,
        text_file=arguments.text, denoise=arguments.denoise,
    )  # fmt: skip
    print(result)
    return 0


def _add_clone(commands: Any) -> None:
    parser = _command(commands, "clone", _clone, "a voice from one recording or a few, without training")
    parser.add_argument("reference", type=Path, nargs="+", help="sound files with 3 s of speech or more each")
    parser.add_argument("--reference-text", default=None, help="what is said in the first")
    parser.add_argument("--consent", default="", help="who agreed to this voice, kept in the voice file")
    parser.add_argument("--tuned", type=Path, help="voice file of `finetune`, whose networks shall speak")
    parser.add_argument("--output", type=Path, required=True, help="voice file to write (.safetensors)")
    _language(parser)
    _model(parser)


def _clone(arguments: argparse.Namespace) -> None:
    from gsv_lab.inference.lab import load
    from gsv_lab.inference.voice import Voice

    lab = load(arguments.model)
    tuned = None if arguments.tuned is None else Voice.load(arguments.tuned)
    voice = lab.clone(arguments.reference, arguments.reference_text, arguments.language, arguments.consent, tuned=tuned)
    print(voice.save(arguments.output))


def _add_finetune(commands: Any) -> None:
    parser = _command(commands, "finetune", _finetune, "a voice tuned on a prepared folder")
    parser.add_argument("folder", type=Path, help="folder written by `gsv-lab prepare`")
    parser.add_argument("--consent", default="", help="who agreed to this voice, kept in the voice file")
    parser.add_argument("--output", type=Path, required=True, help="voice file to write (.safetensors)")
    parser.add_argument("--max-seconds", type=float, default=60.0, help="speech to use")
    parser.add_argument("--steps", type=int, default=240, help="most steps")
    _model(parser)


def _finetune(arguments: argparse.Namespace) -> None:
    from gsv_lab.inference.lab import load
    from gsv_lab.system.files import check_writable

    check_writable(arguments.output)
    options = {"consent": arguments.consent, "max_seconds": arguments.max_seconds, "steps": arguments.steps}
    print(load(arguments.model).finetune(arguments.folder, **options).save(arguments.output))


def _add_speak(commands: Any) -> None:
    parser = _command(commands, "speak", _speak, "say a text in a voice")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--voice", type=Path, help="voice file")
    source.add_argument("--reference", type=Path, help="recording to clone for this once")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--text", help="what to say")
    what.add_argument("--text-file", type=Path, help="file with what to say, UTF-8")
    parser.add_argument("--reference-text", default=None, help="what is said in the reference")
    parser.add_argument("--output", type=Path, required=True, help="wav or flac to write")
    parser.add_argument("--seed", type=int, default=0)
    for name, kind in (
        ("temperature", float),
        ("top-k", int),
        ("top-p", float),
        ("repetition-penalty", float),
        ("noise-scale", float),
    ):
        parser.add_argument(f"--{name}", type=kind, default=None)
    parser.add_argument("--speed", type=float, default=1.0, help="1.3 is 1.3 times as fast")
    parser.add_argument("--takes", type=int, default=None, help="of each sentence, of which the clearest is kept")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    _language(parser)
    _model(parser)


def _speak(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    from gsv_lab.inference.lab import load
    from gsv_lab.inference.utterance import joined
    from gsv_lab.inference.voice import Voice
    from gsv_lab.system.files import check_writable
    from gsv_lab.text.split import split_sentences

    check_writable(arguments.output)
    text = arguments.text if arguments.text_file is None else _read_text(arguments.text_file)
    total = len(split_sentences(text, arguments.language))
    lab = load(arguments.model)
    if arguments.voice is not None:
        voice = Voice.load(arguments.voice)
    else:
        voice = lab.clone(arguments.reference, arguments.reference_text, arguments.language)
    options = {
        name: getattr(arguments, name)
        for name in ("temperature", "top_k", "top_p", "repetition_penalty", "noise_scale", "speed", "takes")
    }
    parts = lab.stream(text, voice, arguments.language, arguments.seed, **options)
    print(joined(list(tqdm(parts, "sentences", total, disable=arguments.quiet))).save(arguments.output))


def _read_text(path: Path) -> str:
    from gsv_lab.errors import TextError

    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TextError("TEXT_FILE", f"Cannot read {path.name!r}", "a text file in UTF-8") from error


def _add_fit(commands: Any) -> None:
    parser = _command(commands, "fit", _fit, "train what a configuration describes; killed, it goes on where it was")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--config", type=Path, action="append", help="YAML; may be given several times, later ones win")
    what.add_argument(
        "--family", type=Path,
        help="all stages from clips to weights: a folder of configurations, for example configs/nano, or a bundle's "
        "family.json",
    )  # fmt: skip
    parser.add_argument(
        "--corpus", type=Path, nargs="+", default=[], help="with --family: corpus folders or list files"
    )
    parser.add_argument("--minutes", type=float, default=480, help="with --family: for all stages together")
    parser.add_argument("--version", default="nano-own", help="with --family: name of the result")
    parser.add_argument("--stages", nargs="+", help="with --family: train only these; what there is is released")
    parser.add_argument(
        "--bundle", type=Path, help="with --family: train nothing, but pack clips and settings for another machine"
    )
    parser.add_argument("--part-mib", type=float, default=30.0, help="with --bundle: greatest size of a part")
    parser.add_argument("--output", type=Path, help="run folder; by default runs/NAME in the cache folder")
    parser.add_argument(
        "--run-minutes", type=float, default=0, help="leave after so many minutes, to go on another time"
    )
    parser.add_argument("overrides", nargs="*", help="key.sub_key=value")


def _fit(arguments: argparse.Namespace) -> None:
    from gsv_lab.system.environment import cache_dir, pause_file

    if arguments.family:
        _fit_family(arguments)
        return
    from gsv_lab.system.config import load_experiment
    from gsv_lab.training.fit import fit

    experiment = load_experiment(arguments.config, arguments.overrides)
    folder = arguments.output or cache_dir() / "runs" / experiment["name"]
    print(f"run: {folder}; watch it with: tensorboard --logdir {folder}")
    for name, path in fit(experiment, folder, pause=pause_file(), run_minutes=arguments.run_minutes).weights.items():
        print(f"{name}: {path}")


def _fit_family(arguments: argparse.Namespace) -> None:
    from gsv_lab.system.environment import cache_dir, pause_file
    from gsv_lab.training.stages import train_family

    if arguments.bundle:
        from gsv_lab.training.bundle import bundle

        print(f"packed: {bundle(arguments.family, arguments.corpus, arguments.bundle, arguments.part_mib)}")
        return
    folder = arguments.output or cache_dir() / "families" / arguments.version
    made = train_family(
        arguments.family, arguments.corpus, folder, arguments.version, arguments.minutes, overrides=arguments.overrides,
        stages=arguments.stages, pause=pause_file(), run_minutes=arguments.run_minutes, say=print,
    )  # fmt: skip
    print(f"weights: {made}" if made else "not finished; the same command goes on")


def _add_bench(commands: Any) -> None:
    parser = _command(
        commands, "bench", _bench, "measure speed and memory, or with --quality what a list of targets sounds like"
    )
    parser.add_argument(
        "--quality", type=Path, help="list speaker|language|reference|reference_text|target|target_text|target_seconds"
    )
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="one or more; results are their mean")
    parser.add_argument(
        "--voices", type=Path, help="folder of tuned voices SPEAKER.safetensors for the rung fine_tuned"
    )
    parser.add_argument("--natural", type=Path, help="earlier results whose natural rows are taken over")
    parser.add_argument("--rungs", nargs="+", help="copy_synthesis true_codes zero_shot fine_tuned cross_lingual")
    parser.add_argument("--only", nargs="+", help="rows of the speed table to measure")
    parser.add_argument("--output", type=Path, help="folder for results and waves, or file for the JSON of speeds")
    _model(parser)


def _bench(arguments: argparse.Namespace) -> None:
    from gsv_lab.evaluation.bench import run

    print(json.dumps(run(arguments), indent=1, ensure_ascii=False))


def _add_info(commands: Any) -> None:
    parser = _command(commands, "info", _info, "what a voice, weight or sound file is")
    parser.add_argument("file", type=Path)


def _info(arguments: argparse.Namespace) -> None:
    from gsv_lab.cli.describe import describe

    print(describe(arguments.file))


def _add_open(commands: Any) -> None:
    parser = _command(commands, "open", _open, "JupyterLab on the notebooks")
    parser.add_argument("--port", type=int, default=8888)


def _open(arguments: argparse.Namespace) -> int:
    from jupyterlab.labapp import main as jupyter

    folder = Path(__file__).resolve().parent.parent / "notebooks"
    jupyter([f"--notebook-dir={folder}", f"--port={arguments.port}", "--ip=127.0.0.1"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
