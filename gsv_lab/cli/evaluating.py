"""`gsv-lab evaluate`: what folders of speech, or the conditions of a model, are worth, with intervals.

With `--hard` it speaks texts at which synthesis is known to skip and repeat words.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gsv_lab.cli.console import say
from gsv_lab.cli.options import Candidates, add_command, add_device, add_model, load_lab, number
from gsv_lab.errors import ConfigError, one_line
from gsv_lab.system.folders import check_reachable
from gsv_lab.system.ranges import PositiveInt, Seed
from gsv_lab.system.shipped import shipped

if TYPE_CHECKING:
    from gsv_lab.evaluation.lists import TestList
    from gsv_lab.evaluation.measures import Measure
    from gsv_lab.evaluation.systems import System
    from gsv_lab.inference.lab import Lab

STOPPED = "what was measured is kept, and the same command goes on"
DEFAULT_LIST = Path("data/evaluation_list.csv")


def add_evaluate(commands: Any) -> None:
    """Add the command `evaluate`."""
    text = "compare folders of speech, or the conditions of a model, by measures with intervals"
    parser = add_command(commands, "evaluate", _evaluate, text, STOPPED)
    text = "folder of waves called as the items of the list, or as its manifest.csv (item,file,seed) says"
    parser.add_argument("systems", nargs="*", metavar="[NAME=]DIR", help=text)
    lists = parser.add_mutually_exclusive_group()
    text = "item|speaker|language|text|reference|target with this header, seed-tts-eval's meta.lst, or a list of data/"
    lists.add_argument("--list", type=Path, help=text)
    text = "texts alone: item<TAB>language<TAB>text, no header"
    lists.add_argument("--texts", type=Path, metavar="FILE", help=text)
    parser.add_argument("--language", choices=("en", "zh"), default="", help="of a list that does not say it")
    text = "recordings that voices were cloned from, named by item, where the list names none"
    parser.add_argument("--reference", type=Path, metavar="DIR", help=text)
    text = "natural recordings of the texts, named by item, where the list names none"
    parser.add_argument("--natural", type=Path, metavar="DIR", help=text)
    text = "folder with the corpora of a list of data/; by default the list's own folder"
    parser.add_argument("--corpora", type=Path, metavar="DIR", help=text)
    parser.add_argument("--output", type=Path, default=Path("evaluation"), help="folder for the results")
    _add_measures(parser)
    _add_model(parser)
    _add_hard(parser)


def _add_measures(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is measured")
    text = "groups of measures; by default all of whisper words phones similarity quality timing prosody and so on"
    group.add_argument("--measures", nargs="+", help=text)
    text = "measures whose differences between systems are asked for, such as word_error similarity; by default all"
    group.add_argument("--compare", nargs="+", default=[], metavar="MEASURE", help=text)
    text = "a Whisper model in CTranslate2's layout, or a folder of such; by default GSV_LAB_WHISPER"
    group.add_argument("--whisper", type=Path, metavar="DIR", help=text)
    text = "an ONNX file that gives one number for a wave at 16 kHz, for example predicted opinion; may be repeated"
    group.add_argument("--predictor", action="append", default=[], metavar="NAME=FILE.onnx", help=text)
    text = "results of earlier evaluations; what they have measured is not measured again"
    group.add_argument("--reuse", type=Path, nargs="+", default=[], metavar="DIR", help=text)


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("conditions of a model")
    text = (
        "any of natural (alone: nothing but the recordings) copy_synthesis resynthesis phones_without_codes "
        "codes_without_phones true_timing zero_shot baseline fine_tuned cross_lingual; none: all but the last three"
    )
    group.add_argument("--conditions", nargs="*", help=text)
    group.add_argument("--seed", type=number(Seed), nargs="+", default=[0], help="one or more; results are their mean")
    text = "only the first item and each N-th after it, for a quick look"
    group.add_argument("--every", type=number(PositiveInt), default=1, metavar="N", help=text)
    text = "how often a sentence is spoken in zero-shot; by default the model's own number"
    group.add_argument("--candidates", type=number(Candidates), metavar="N", help=text)
    text = "folder of tuned voices SPEAKER.safetensors for the condition fine_tuned"
    group.add_argument("--voices", type=Path, metavar="DIR", help=text)
    text = "weights of a run of configs/nano/baseline.yaml, for the condition baseline"
    group.add_argument("--baseline", type=Path, metavar="DIR", help=text)
    add_model(parser)
    add_device(parser)


def _add_hard(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("hard texts: words skipped, repeated and looped, and speech that breaks off")
    group.add_argument("--hard", action="store_true", help="speak the hard texts with --model and --voice")
    group.add_argument("--voice", type=Path, metavar="FILE", help="a voice of that model, see gsv-lab clone")
    text = "ways to speak: on (as always), off (without what guards against loops), reranked (several candidates)"
    group.add_argument("--guards", nargs="+", default=["on", "off"], help=text)
    text = "hard texts of your own, item<TAB>class<TAB>language<TAB>text; by default those that are shipped"
    group.add_argument("--hard-texts", type=Path, metavar="FILE", help=text)


def _evaluate(arguments: argparse.Namespace) -> None:
    check_reachable(arguments.output)
    if arguments.hard:
        _hard(arguments)
    elif arguments.systems or arguments.conditions is not None:
        _compare(arguments)
    else:
        expected = "folders of speech, --conditions of a model, or --hard"
        raise ConfigError("USAGE", "There is nothing to evaluate", expected, "See gsv-lab evaluate --help")


@contextmanager
def _progress(unit: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar, and what moves it: called with (done, of how many, what comes now)."""
    from tqdm.auto import tqdm

    with tqdm(desc=unit) as bar:

        def progress(done: int, total: int, what: str) -> None:
            bar.total = total
            bar.set_postfix_str(one_line(what), refresh=False)
            bar.update(done - bar.n)

        yield progress
        bar.update((bar.total or 0) - bar.n)


def _hard(arguments: argparse.Namespace) -> None:
    from gsv_lab.evaluation.hard.run import PAGE, run_hard
    from gsv_lab.inference.voice import Voice

    if arguments.voice is None:
        raise ConfigError(
            "USAGE", "--hard has no voice", "the file of a voice", "Give --voice; gsv-lab clone makes one"
        )
    if arguments.systems or arguments.conditions is not None:
        raise ConfigError("USAGE", "--hard speaks texts of its own", "no folders and no --conditions", "Leave them out")
    lab, voice = load_lab(arguments), Voice.load(arguments.voice)
    with _progress("texts") as progress:
        run_hard(
            lab,
            voice,
            arguments.output,
            seeds=arguments.seed,
            texts=arguments.hard_texts,
            guards=arguments.guards,
            progress=progress,
        )
    say(f"{arguments.output / PAGE} has rates and failures")


def _compare(arguments: argparse.Namespace) -> None:
    from gsv_lab.evaluation.evaluate import evaluate
    from gsv_lab.evaluation.evaluators import measures_for
    from gsv_lab.system.environment import whisper_dir

    targets = _targets(arguments)
    lab = None if arguments.conditions is None else load_lab(arguments)
    systems = [_folder(argument, targets) for argument in arguments.systems]
    settings: dict[str, Any] = {}
    if lab is not None:
        systems += _conditions(arguments, lab, targets)
        settings = {"model": lab.version, "seeds": arguments.seed, "candidates": arguments.candidates}
    whisper = arguments.whisper or whisper_dir()
    measures, absent = measures_for(targets.items, lab=lab, whisper=whisper, only=arguments.measures)
    measures += [_predictor(argument) for argument in arguments.predictor]
    with _progress("waves") as progress:
        results = evaluate(
            systems,
            targets,
            arguments.output,
            measures=measures,
            absent=absent,
            compare=arguments.compare,
            reuse=arguments.reuse,
            settings=settings,
            progress=progress,
        )
    say(*results["warnings"], f"{arguments.output / 'report.html'} has the tables, clips.csv every value")


def _targets(arguments: argparse.Namespace) -> TestList:
    from gsv_lab.evaluation.lists import read_list, read_texts, with_folders

    if arguments.texts is not None and arguments.language:
        raise ConfigError("USAGE", "--language is given with --texts", "", "Leave it out: every line has a language")
    if arguments.texts is not None:
        found = read_texts(arguments.texts)
    else:
        found = read_list(shipped(arguments.list or DEFAULT_LIST), arguments.corpora, arguments.language)
    return with_folders(found.every(arguments.every), arguments.reference, arguments.natural)


def _folder(argument: str, targets: TestList) -> System:
    """A system given as `DIR` or `NAME=DIR`."""
    from gsv_lab.evaluation.systems import folder_of

    name, equals, folder = argument.partition("=")
    if not equals or Path(argument).exists() or "/" in name:
        name, folder = "", argument
    return folder_of(folder, targets, name)


def _conditions(arguments: argparse.Namespace, lab: Lab, targets: TestList) -> list[System]:
    from gsv_lab.evaluation.baseline import baseline_lab
    from gsv_lab.evaluation.conditions import COMPARISON, LabConditions
    from gsv_lab.evaluation.overlap import refuse_overlap, refuse_tuning_overlap
    from gsv_lab.evaluation.systems import condition_system

    names = arguments.conditions or (*COMPARISON, *(["baseline"] if arguments.baseline else []))
    voices = _voices(arguments.voices)
    if "fine_tuned" in names and not voices:
        problem = "The condition fine_tuned has no voices"
        raise ConfigError("VOICES_MISSING", problem, "a folder of SPEAKER.safetensors", "Give --voices")
    if "baseline" in names and not arguments.baseline:
        problem = "The condition baseline has no weights"
        raise ConfigError("BASELINE_MISSING", problem, "the weights of a run", "Give --baseline")
    if lab.family.training_lists:
        refuse_overlap(targets, lab.family.training_lists)
    if "fine_tuned" in names:
        refuse_tuning_overlap(targets, {speaker: voice.tuned_on for speaker, voice in voices.items()})
    baseline = None if arguments.baseline is None else baseline_lab(lab, arguments.baseline)
    made = LabConditions(lab, targets.items, voices, arguments.candidates, baseline).conditions(names)
    waves = arguments.output / "waves"
    return [condition_system(condition, targets.items, arguments.seed, waves, lab.version) for condition in made]


def _voices(folder: Path | None) -> dict[str, Any]:
    """The tuned voices of a folder by speaker."""
    from gsv_lab.inference.voice import Voice

    files = [] if folder is None else sorted(folder.glob("*.safetensors"))
    return {path.stem: Voice.load(path) for path in files}


def _predictor(argument: str) -> Measure:
    """A measure from a file, given as `NAME=FILE`."""
    from gsv_lab.evaluation.measures.predictor import PredictorFile

    name, equals, path = argument.partition("=")
    if not (name and equals and path):
        raise ConfigError("USAGE", f"--predictor is {argument!r}", "NAME=FILE.onnx", "Name what it predicts")
    return PredictorFile(path, name)
