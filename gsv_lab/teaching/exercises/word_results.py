"""What recognisers wrote of the shipped sample and of nano's speech, for notebook 10: measured once, and shipped.

    python -m gsv_lab.teaching.exercises.word_results WHISPER [--output DIR]

makes the table anew: nano, cloned from the sample, says the sample's five sentences with three seeds, and the Mandarin
sentences of the recorder. Whisper (folders `base` and `tiny_en` in WHISPER) and pocketsphinx write down what they hear.
Letters: N clips, T samples.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from gsv_lab.audio.whisper import whisper_folders
from gsv_lab.errors import LabError
from gsv_lab.evaluation.measures.recognisers import PocketSphinx, TextRecogniser, Whisper
from gsv_lab.evaluation.measures.text import UNITS, align_tokens
from gsv_lab.hooks import Table
from gsv_lab.system import examples
from gsv_lab.system.environment import whisper_dir
from gsv_lab.system.files import csv_of, make_folder, save_bytes
from gsv_lab.system.shipped import PACKAGE
from gsv_lab.teaching.exercises.material import shipped_sample
from gsv_lab.teaching.exercises.metrics import retained
from gsv_lab.teaching.widgets.script import SCRIPTS

RESULTS = PACKAGE / "assets" / "word_results"
FILE = "words.csv"
SAMPLE, MADE = "sample", "nano"
"""The two systems: the shipped sample, which stands for natural speech, and what nano says in its voice."""
SEEDS = (0, 1, 2)
RECOGNISERS = ("whisper-base", "whisper-tiny.en", "pocketsphinx")


class WordRow(NamedTuple):
    """What one recogniser made of one clip: `errors` of so many `units` (`word`, `char` or `syllable`)."""

    system: str
    item: str
    seed: int
    evaluator: str
    unit: str
    errors: int
    units: int
    expected: str
    recognised: str


def load_words(folder: Path = RESULTS) -> list[WordRow]:
    """The shipped table."""
    text = (folder / FILE).read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO(text))
    numbers = ("seed", "errors", "units")
    return [WordRow(**{key: int(value) if key in numbers else value for key, value in row.items()}) for row in rows]  # type: ignore[arg-type]


def counts(rows: Sequence[WordRow], system: str, evaluator: str, unit: str = "word") -> tuple[np.ndarray, np.ndarray]:
    """Errors and units of the clips of one system by one recogniser: (N,) each."""
    chosen = [row for row in rows if (row.system, row.evaluator, row.unit) == (system, evaluator, unit)]
    return np.array([row.errors for row in chosen]), np.array([row.units for row in chosen])


def natural_first(rows: Sequence[WordRow]) -> Table:
    """Word error of the sample by each recogniser, pooled, in per cent, and the words that it was counted on."""
    found = []
    for name in RECOGNISERS:
        errors, words = counts(rows, SAMPLE, name)
        found.append(
            {"recogniser": name, "errors": errors.sum(), "words": words.sum(), "word error": _share(errors, words)}
        )
    return Table(found)


def by_recogniser(rows: Sequence[WordRow], rule: Callable[..., Any] = retained) -> Table:
    """Word error of the sample and of nano by each recogniser, and what is retained.

    Args:
        rows: of `load_words`.
        rule: errors and words made, errors and words natural, (N,) each -> retained accuracy.
    """
    found = []
    for name in RECOGNISERS:
        natural, made = counts(rows, SAMPLE, name), counts(rows, MADE, name)
        kept = float(rule(*made, *natural))
        rates = {"sample": _share(*natural), "nano": _share(*made)}
        found.append({"recogniser": name} | rates | {"nano retains": f"{kept:.1%}"})
    return Table(found)


def mandarin(rows: Sequence[WordRow]) -> Table:
    """Nano's Mandarin by Whisper: errors of characters, and of the same texts as syllables without tone."""
    units = {"char": "characters", "syllable": "syllables without tone"}
    return Table(
        {"counted in": name, "error": _share(*counts(rows, MADE, "whisper-base", unit))} for unit, name in units.items()
    )


def written(rows: Sequence[WordRow], item: str, seed: int = 0) -> Table:
    """What is said in one clip of nano's, and what each recogniser wrote."""
    chosen = [row for row in rows if (row.system, row.item, row.seed) == (MADE, item, seed)]
    said = [{"who": "text", "wrote": chosen[0].expected}] if chosen else []
    return Table(said + [{"who": f"{row.evaluator}, {row.unit}s", "wrote": row.recognised} for row in chosen])


def _share(errors: np.ndarray, count: np.ndarray) -> str:
    return f"{errors.sum() / count.sum():.1%}"


def own_ears(wave: Tensor, language: str = "en") -> str:
    """What Whisper writes of a wave (T,) at 16 kHz, on this machine; a sentence on why not where it is absent."""
    folder = whisper_dir()
    if folder is None:
        return "Whisper is not set up here (GSV_LAB_WHISPER), so the tables were measured elsewhere."
    try:
        found = [Whisper(place) for place in sorted(whisper_folders(folder), key=_size)]
        suited = [whisper for whisper in found if language == "en" or whisper.multilingual]
        if not suited:
            return f"No model in GSV_LAB_WHISPER knows the language {language}."
        return f"On this machine {suited[0].name} hears: {suited[0](wave.numpy(), language)}"
    except LabError as error:
        return f"Whisper cannot listen here ({error.code}), so the tables were measured elsewhere."


def _size(folder: Path) -> int:
    return (folder / "model.bin").stat().st_size


def _clips() -> Iterator[tuple[str, str, int, str, str, Tensor]]:
    """System, item, seed, language, text and wave of every clip of the table."""
    import gsv_lab

    lab, sample = gsv_lab.load("nano"), shipped_sample()
    voice = lab.clone(sample.path)
    sentences = examples.sample_card()["sentences"]
    for number, sentence in enumerate(sentences, 1):
        edges = (round(sentence[end] * sample.sample_rate) for end in ("start", "end"))
        yield SAMPLE, f"en{number}", 0, "en", sentence["text"], sample.wave[slice(*edges)]
    texts = [(f"en{number}", "en", sentence["text"]) for number, sentence in enumerate(sentences, 1)]
    texts += [(f"zh{number}", "zh", text) for number, text in enumerate(SCRIPTS["zh"], 1)]
    for item, language, text in texts:
        for seed in SEEDS:
            yield MADE, item, seed, language, text, lab.speak(text, voice, language, seed=seed).wave


def measure(whisper: Path) -> list[WordRow]:
    """The table, made anew; needs the extras [eval] and [asr].

    Args:
        whisper: folder with the models `base` and `tiny_en`.

    Raises:
        LabError: EXTRA_MISSING. CheckpointError: CKPT_MISSING.
    """
    base = Whisper(whisper / "base")
    ears: dict[str, list[TextRecogniser]] = {"en": [base, Whisper(whisper / "tiny_en"), PocketSphinx()], "zh": [base]}
    rows = []
    for system, item, seed, language, text, wave in _clips():
        for ear in ears[language]:
            heard = ear(wave.numpy(), language)
            for unit, (spoken, split) in UNITS.items():
                if spoken == language:
                    expected, recognised = split(text), split(heard)
                    errors = align_tokens(expected, recognised).errors
                    texts = (" ".join(expected), " ".join(recognised))
                    rows.append(WordRow(system, item, seed, ear.name, unit, errors, len(expected), *texts))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m gsv_lab.teaching.exercises.word_results WHISPER [--output DIR]`."""
    parser = argparse.ArgumentParser(
        prog="python -m gsv_lab.teaching.exercises.word_results", description="Measure the words of notebook 10."
    )
    parser.add_argument("whisper", type=Path, metavar="WHISPER", help="folder with the Whisper models base and tiny_en")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIR", help="where the table is written")
    options = parser.parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        rows = measure(options.whisper)
    make_folder(options.output)
    sys.stdout.write(f"{save_bytes(options.output / FILE, csv_of(WordRow, rows))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
