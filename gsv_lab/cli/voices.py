"""`gsv-lab prepare`, `clone`, `finetune`, `speak`: from recordings to a voice, and from a voice to speech."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from gsv_lab.cli.console import note, say, say_text, share_bar
from gsv_lab.cli.options import (
    Candidates,
    NoiseScale,
    Speed,
    add_command,
    add_device,
    add_language,
    add_lexicon,
    add_model,
    add_renamed,
    load_lab,
    number,
    words,
)
from gsv_lab.errors import DataError, LabError, TextError
from gsv_lab.system.files import check_output, read_file, why_unreadable
from gsv_lab.system.folders import check_output_folder
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, Range, Seed

if TYPE_CHECKING:
    from gsv_lab.inference.voice import Voice

CONSENT = "who agreed to this voice, kept in the voice file"
ANYWAY = "take a recording that is too noisy, too"
NO_VERDICT = "take the checkpoint with the lowest held-out loss unheard, whatever the recordings are like"
NOT_BETTER = "tune on recordings that are too poor, and write the tuned voice where it is not better than zero-shot"
OR_UNTUNED = "write the untuned voice of all recordings where no tuned one is better"
TERMS = "words or sentences in which the voice must be clear, one a line: the verdict tells their wrong phones apart"
STEPS = "batches of each stage; a --config may say others (default: 240)"
SEED = "of windows, noise and updates; a --config may say another (default: 1234)"
METHOD = "what learns: full (speaker, flow, vocoder, joint prior), lora, speaker, or last:N blocks"
STOPPED = "nothing was written; the same command goes on with what it has transcribed"
UNFINISHED = "no voice was written; the same command goes on where the training was"
VOICE = ".safetensors"
LARGEST = 2**20
"""Bytes of a text to speak."""

Share = Annotated[float, Range(0, 1, above=True)]


def add_prepare(commands: Any) -> None:
    """Add the command `prepare`."""
    parser = add_command(
        commands, "prepare", _prepare, "recordings to slices of 3 to 10 s with a quality report", STOPPED
    )
    parser.add_argument("paths", type=Path, nargs="*", help="sound files or folders of one person")
    parser.add_argument("--output", type=Path, help="folder to write")
    parser.add_argument("--list", type=Path, help="wav|speaker|language|text, one a line")
    parser.add_argument("--text", type=Path, help="file with what is said in the one recording")
    text = "write down what is said, and compare texts that are given: whisper-base, whisper-tiny.en or a folder"
    parser.add_argument("--transcribe", metavar="MODEL", help=text)
    parser.add_argument("--denoise", action="store_true", help="subtract steady noise")
    parser.add_argument("--script", choices=("en", "zh"), help="print a one-minute text to read, and nothing else")
    add_lexicon(parser)
    add_language(parser)
    add_model(parser)


def _prepare(arguments: argparse.Namespace) -> None:
    if arguments.script:
        from gsv_lab.text.script import reading_script

        say_text(reading_script(arguments.script))
        return
    if not arguments.paths and not arguments.list:
        raise DataError("NO_INPUT", "There is nothing to prepare", "sound files, a folder or --list")
    if arguments.output is None:
        raise DataError("NO_OUTPUT", "There is no place for the result", "--output DIR")
    from gsv_lab.corpora.prepare import MARK
    from gsv_lab.inference.lab import load

    check_output_folder(arguments.output, MARK)
    lab = load(arguments.model)
    with share_bar("recordings") as progress:
        result = lab.prepare(
            arguments.paths,
            arguments.output,
            language=arguments.language,
            list_file=arguments.list,
            text_file=arguments.text,
            transcribe=arguments.transcribe,
            denoise=arguments.denoise,
            lexicon=arguments.lexicon,
            progress=progress,
        )
    say(*str(result).split("\n"))


def add_clone(commands: Any) -> None:
    """Add the command `clone`."""
    parser = add_command(commands, "clone", _clone, "a voice from one recording or a few, without training")
    parser.add_argument("reference", type=Path, nargs="+", help="sound files with 3 s of speech or more each")
    parser.add_argument("--reference-text", type=words, default=None, help="what is said in the first")
    parser.add_argument("--consent", type=words, default="", help=CONSENT)
    parser.add_argument("--anyway", action="store_true", help=ANYWAY)
    parser.add_argument("--tuned", type=Path, help="voice file of `finetune`, whose networks shall speak")
    parser.add_argument("--output", type=Path, required=True, help="voice file to write (.safetensors)")
    add_lexicon(parser)
    add_language(parser)
    add_model(parser)
    add_device(parser)


def _clone(arguments: argparse.Namespace) -> None:
    from gsv_lab.inference.voice import Voice

    check_output(arguments.output, VOICE)
    lab = load_lab(arguments)
    voice = lab.clone(
        arguments.reference,
        arguments.reference_text,
        arguments.language,
        arguments.consent,
        tuned=None if arguments.tuned is None else Voice.load(arguments.tuned),
        lexicon=arguments.lexicon,
        anyway=arguments.anyway,
    )
    say(voice.save(arguments.output))


def add_finetune(commands: Any) -> None:
    """Add the command `finetune`."""
    parser = add_command(commands, "finetune", _finetune, "a voice tuned on a prepared folder", UNFINISHED)
    parser.add_argument("folder", type=Path, help="folder written by `gsv-lab prepare`, or one recording")
    parser.add_argument("--consent", type=words, default="", help=CONSENT)
    parser.add_argument("--output", type=Path, required=True, help="voice file to write (.safetensors)")
    parser.add_argument("--method", type=words, default="full", help=METHOD)
    parser.add_argument("--stage", choices=("sovits", "gpt", "both"), default="sovits", help="networks that learn")
    parser.add_argument("--max-seconds", type=number(PositiveFloat), default=60.0, help="speech to use")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--steps", type=number(PositiveInt), help=STEPS)
    budget.add_argument("--minutes", type=number(PositiveFloat), help="budget of each stage in place of the steps")
    parser.add_argument("--learning-rate", type=number(PositiveFloat), help="peak; by default the method's own")
    parser.add_argument("--seed", type=number(Seed), help=SEED)
    text = "YAML over configs/finetune, for example a recipe; may be given several times"
    parser.add_argument("--config", type=Path, action="append", default=[], help=text)
    parser.add_argument("--terms", type=Path, metavar="FILE", help=TERMS)
    parser.add_argument("--no-verdict", action="store_true", help=NO_VERDICT)
    parser.add_argument("--anyway", action="store_true", help=NOT_BETTER)
    parser.add_argument("--or-untuned", action="store_true", help=OR_UNTUNED)
    parser.add_argument(
        "--run-folder", type=Path, help="folder for events and checkpoints; by default one in the cache folder"
    )
    add_model(parser)
    add_device(parser)


def _finetune(arguments: argparse.Namespace) -> int:
    from gsv_lab.training.verdict.verdict import WITHHELD

    check_output(arguments.output, VOICE)
    try:
        voice = _tuned(arguments)
    except LabError as error:
        if error.code not in WITHHELD:
            raise
        note(f"{error} [{error.code}]")
        return 1
    say(voice.save(arguments.output))
    return 0


def _tuned(arguments: argparse.Namespace) -> Voice:
    return load_lab(arguments).finetune(
        arguments.folder,
        consent=arguments.consent,
        max_seconds=arguments.max_seconds,
        method=arguments.method,
        stage=arguments.stage,
        steps=arguments.steps or 0,
        minutes=arguments.minutes or 0.0,
        learning_rate=arguments.learning_rate or 0.0,
        seed=arguments.seed,
        configs=arguments.config,
        run=arguments.run_folder,
        verdict=not arguments.no_verdict,
        anyway=arguments.anyway,
        untuned=arguments.or_untuned,
        terms=[] if arguments.terms is None else _lines(arguments.terms),
        say=say,
    )


def add_speak(commands: Any) -> None:
    """Add the command `speak`."""
    parser = add_command(
        commands, "speak", _speak, "say a text in a voice; sampling options that are left out are the model's own"
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--voice", type=Path, help="voice file")
    source.add_argument("--reference", type=Path, help="recording to clone for this once")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--text", type=words, help="what to say")
    what.add_argument("--text-file", type=Path, help="file with what to say, UTF-8")
    parser.add_argument("--reference-text", type=words, default=None, help="what is said in the reference")
    parser.add_argument("--anyway", action="store_true", help=ANYWAY)
    parser.add_argument("--output", type=Path, required=True, help="wav or flac to write")
    parser.add_argument("--seed", type=number(Seed), default=0, help="of everything random")
    parser.add_argument(
        "--temperature", type=number(NonNegativeFloat), help="of code sampling; lower is steadier, 0 fixed"
    )
    parser.add_argument("--top-k", type=number(NonNegativeInt), help="codes to choose from; 0: all")
    parser.add_argument("--top-p", type=number(Share), help="share of probability to choose from")
    parser.add_argument(
        "--repetition-penalty", type=number(PositiveFloat), help="above 0; 1 is none, more repeats less"
    )
    parser.add_argument("--noise-scale", type=number(NoiseScale), help="liveliness of the sound, 0 to 2")
    parser.add_argument("--speed", type=number(Speed), default=1.0, help="1.3 is 1.3 times as fast")
    parser.add_argument("--candidates", type=number(Candidates), help="of each sentence; the best aligned one is kept")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_renamed(parser, "takes")
    add_lexicon(parser)
    add_language(parser)
    add_model(parser)
    add_device(parser)


def _speak(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    from gsv_lab import audio
    from gsv_lab.inference.utterance import joined
    from gsv_lab.inference.voice import Voice
    from gsv_lab.text.split import split_sentences
    from gsv_lab.text.user_dictionary import user_dictionary

    audio.check_suffix(arguments.output)
    check_output(arguments.output)
    text = arguments.text if arguments.text_file is None else _read_text(arguments.text_file)
    lexicon = user_dictionary(arguments.lexicon)
    total = len(split_sentences(text, arguments.language, lexicon=lexicon))
    lab = load_lab(arguments)
    if arguments.voice is not None:
        voice = Voice.load(arguments.voice)
    else:
        voice = lab.clone(
            arguments.reference,
            arguments.reference_text,
            arguments.language,
            lexicon=lexicon,
            anyway=arguments.anyway,
        )
    sentences = lab.stream(
        text,
        voice,
        arguments.language,
        arguments.seed,
        temperature=arguments.temperature,
        top_k=arguments.top_k,
        top_p=arguments.top_p,
        repetition_penalty=arguments.repetition_penalty,
        noise_scale=arguments.noise_scale,
        speed=arguments.speed,
        candidates=arguments.candidates,
        lexicon=lexicon,
    )
    made = list(tqdm(sentences, "sentences", total, disable=arguments.quiet))
    say(joined(made).save(arguments.output))


def _lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty.

    Raises:
        TextError: TEXT_FILE.
    """
    found = [line.strip() for line in _read_text(path).splitlines() if line.strip()]
    if not found:
        raise TextError("TEXT_FILE", f"{path.name!r} holds no terms", "a word or a sentence on each line")
    return found


def _read_text(path: Path) -> str:
    try:
        return read_file(path, LARGEST).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"Cannot read {path.name!r}: {why_unreadable(error)}"
        raise TextError("TEXT_FILE", problem, "a text file in UTF-8") from error
