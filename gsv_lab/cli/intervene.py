"""`gsv-lab intervene` and `gsv-lab disentangle`: break a model on purpose, and see who is in what. One call each."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gsv_lab.cli.console import say
from gsv_lab.cli.options import NoiseScale, add_command, add_model, add_parts, number
from gsv_lab.errors import ConfigError
from gsv_lab.system.examples import shipped_sample
from gsv_lab.system.ranges import PositiveInt, Seed


def add_intervene(commands: Any) -> None:
    """Add the command `intervene`."""
    text = "say texts clean and with edits, compare; writes tables, pictures and waves"
    parser = add_command(commands, "intervene", _intervene, text)
    parser.add_argument("--config", type=Path, required=True, help="YAML, see configs/interventions")
    parser.add_argument("--voice", type=Path, help="voice file instead of the one in the file")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    add_model(parser)


def add_disentangle(commands: Any) -> None:
    """Add the command `disentangle`."""
    text = "linear probes at every tap, and speaker vectors swapped; writes tables and pictures"
    parser = add_command(commands, "disentangle", _disentangle, text)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--synthetic", type=Path, help="folder with the runs of configs/synthetic, on synthetic speech")
    what.add_argument("--model", default="", help="base model: nano (default), a version, or a folder")
    parser.add_argument("--speech", type=Path, help="corpus or list with transcripts; else GSV_LAB_SPEECH")
    parser.add_argument("--language", choices=("en", "zh"), help="of --speech; both if not given")
    parser.add_argument("--speakers", type=number(PositiveInt), default=8, help="most speakers")
    parser.add_argument("--clips", type=number(PositiveInt), default=6, help="most clips of each")
    parser.add_argument("--seed", type=number(Seed), default=99, help="of the synthetic voices and scripts")
    parser.add_argument("--noise-scale", type=number(NoiseScale), default=0.0, help="factor on the prior's deviation")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    add_parts(parser)


def _intervene(arguments: argparse.Namespace) -> None:
    from gsv_lab.evaluation.interventions.file import read_intervention
    from gsv_lab.evaluation.interventions.report import MARK, write_outcome
    from gsv_lab.evaluation.interventions.run import intervene
    from gsv_lab.inference.lab import load
    from gsv_lab.inference.voice import Voice
    from gsv_lab.system.folders import check_output_folder

    check_output_folder(arguments.output, MARK)
    asked = read_intervention(arguments.config)
    lab = load(arguments.model or asked.model)
    if arguments.voice is not None or asked.voice:
        voice = Voice.load(arguments.voice or asked.voice)
    else:
        text = asked.reference_text if asked.reference else None
        voice = lab.clone(asked.reference or shipped_sample(), text or None)
    outcome = intervene(lab, voice, asked)
    say(*str(outcome.summary()).split("\n"))
    _say_where(write_outcome(outcome, arguments.output))


def _disentangle(arguments: argparse.Namespace) -> None:
    from gsv_lab.corpora.synthetic import SyntheticCorpus
    from gsv_lab.evaluation.acoustic import acoustic
    from gsv_lab.evaluation.interventions.report import MARK, write_disentanglement
    from gsv_lab.evaluation.probes.leakage import leakage
    from gsv_lab.evaluation.probes.material import recorded_clips, synthetic_clips
    from gsv_lab.evaluation.swaps.ceiling import Rendering
    from gsv_lab.evaluation.swaps.swap import swap_speakers
    from gsv_lab.inference.lab import load
    from gsv_lab.system.environment import speech_dir
    from gsv_lab.system.folders import check_output_folder

    check_output_folder(arguments.output, MARK)
    best = None
    if arguments.synthetic is not None:
        model: Any = acoustic(arguments.synthetic)
        corpus = SyntheticCorpus(arguments.speakers, arguments.speakers * arguments.clips, seed=arguments.seed)
        clips, perfect = synthetic_clips(corpus), Rendering(corpus, model.evaluator)
        best = swap_speakers(perfect, perfect.clips, say=lambda name: say(f"{name}, by the corpus itself"))
        about = {"model": "synthetic", "clips of": f"SyntheticCorpus, seed {arguments.seed}, voices never trained on"}
    else:
        folder = arguments.speech or speech_dir()
        if folder is None:
            raise ConfigError("SPEECH_DIR", "No speech to measure", "--speech DIR, or GSV_LAB_SPEECH, or --synthetic")
        lab = load(arguments.model)
        model = acoustic(lab)
        clips = recorded_clips(lab, folder, arguments.speakers, arguments.clips, language=arguments.language or "")
        about = {"model": lab.version, "clips of": folder.name, "phones recognised by": model.evaluator.identity}
    swaps = swap_speakers(model, clips, noise_scale=arguments.noise_scale, say=say)
    say(*str(swaps.table(best)).split("\n"))
    leaks = leakage(model, clips, say=say)
    say(*str(leaks.table()).split("\n"))
    _say_where(write_disentanglement(leaks, swaps, about, arguments.output, best))


def _say_where(folder: Path) -> None:
    say(f"report: {folder / 'result.html'}; the same as text: {folder / 'result.md'}")
