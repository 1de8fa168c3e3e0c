"""`gsv-lab released check`: everything about somebody's released files in one report to attach to a bug.

Which files there are and whether they are whole (`check_files`), which companions, and one sentence spoken by each
family of which a pair and its companions are there. The report holds no path outside the checked folder, no name of a
user or machine, and no environment variable; nothing is written into the checked folder.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import gsv_lab
from gsv_lab.errors import DataError, LabError
from gsv_lab.inference.lab import Lab
from gsv_lab.released.catalogue import MODELS, needed, weights_folder
from gsv_lab.released.check_files import COMPANIONS, FAULTY, FINE, NOT_RUN, FileReport, check_file, weight_files
from gsv_lab.released.check_report import CheckReport, CompanionReport, SpeechReport, page
from gsv_lab.released.companions import load_bert, load_hubert
from gsv_lab.released.importer import import_reference
from gsv_lab.released.loading import Files, family_from, find, load_verifier
from gsv_lab.system.examples import shipped_sample
from gsv_lab.system.files import make_folder, save_bytes
from gsv_lab.system.folders import private_folder
from gsv_lab.system.machine import machine

TEXT = "今天天气很好。We walk home now."
"""What is spoken: one sentence of either language, so that BERT has something to read."""

REPORT, PAGE = "released_check.json", "released_check.md"
PACKAGES = ("safetensors", "transformers", "torchaudio", "numpy", "soundfile")


def check(
    folder: str | Path,
    output: str | Path,
    text: str = TEXT,
    reference: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> CheckReport:
    """Check the released files of a folder and write `released_check.json`, `released_check.md` and a wave.

    Args:
        folder: with released, imported or trained files, in the released arrangement or loose, sub-folders too.
        output: folder for report and waves; made if it is not there.
        text: what is spoken.
        reference: recording of the voice, 3 to 10 s of speech; the shipped sample if None.
        say: gets a line for each file and each step.

    Raises:
        DataError: DATA_MISSING, there is no such folder or no weight file in it. LabError: SAVE_FAILED.
    """
    folder, output = Path(folder).absolute(), Path(output).absolute()
    found = list(weight_files(folder)) if folder.is_dir() else []
    if not found:
        raise DataError("DATA_MISSING", f"There is no weight file below {folder}", "a folder with .pth or .ckpt files")
    make_folder(output)
    hide = _hider(folder, output)
    report = CheckReport(_versions(), {k: v for k, v in machine().items() if k != "load_average"})
    for path in found:
        row = check_file(path, folder)
        row.error, row.notes = hide(row.error), [hide(note) for note in row.notes]
        say(f"{row.path}: {row.state}{' ' + row.role if row.role else ''}{' of ' + row.family if row.family else ''}")
        report.files.append(row)
    report.companions = _companions(folder, hide)
    for family in MODELS:
        spoken = _speak(family, folder, output, report, text, reference)
        if spoken is not None:
            spoken.error = hide(spoken.error)
            say(f"one sentence by {family}: {spoken.state}")
            report.speech.append(spoken)
    report.problems = _problems(report)
    save_bytes(output / REPORT, json.dumps(asdict(report), ensure_ascii=False, indent=1).encode())
    save_bytes(output / PAGE, page(report).encode())
    return report


def _versions() -> dict[str, str]:
    found = {"gsv_lab": gsv_lab.__version__, "torch": torch.__version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def _hider(folder: Path, output: Path) -> Callable[[str], str]:
    """What replaces the places of this machine in a message."""
    places = [
        (folder, "DIR"),
        (output, "OUTPUT"),
        (weights_folder(), "WEIGHTS"),
        (Path(gsv_lab.__file__).parent, "KIT"),
    ]
    names = {str(form): name for path, name in places for form in (path, path.absolute(), path.resolve())}
    names |= {str(Path.home()): "HOME"}
    names.pop(".", None)

    def hide(text: str) -> str:
        for place in sorted(names, key=len, reverse=True):
            text = text.replace(place, names[place])
        return text

    return hide


def _companions(folder: Path, hide: Callable[[str], str]) -> list[CompanionReport]:
    """Each companion: where it is, and whether it can be loaded."""
    rows = []
    loaders: dict[str, Callable[[Path], Any]] = {
        "content_encoder": load_hubert,
        "context_encoder": load_bert,
        "speaker_verification": load_verifier,
    }
    for known in needed("v2Pro"):
        if known.role not in COMPANIONS:
            continue
        path = find("v2Pro", {known.role}, folder).paths.get(known.role)
        row = CompanionReport(known.role, list(known.models), known.path, "absent")
        rows.append(row)
        if path is None:
            continue
        row.place = "folder" if path.is_relative_to(folder) else "weights folder"
        try:
            loaders[known.role](path)
        except LabError as error:
            row.state = NOT_RUN if error.code == "EXTRA_MISSING" else FAULTY
            row.error = hide(f"{error} [{error.code}]")
    return rows


def _speak(
    family: str, folder: Path, output: Path, report: CheckReport, text: str, reference: str | Path | None
) -> SpeechReport | None:
    """One sentence of a family; None where the folder has no pair of it."""
    sovits = _usable(report.files, ("sovits", "SoVITS"), family)
    gpt = _usable(report.files, ("semantic_gpt", "SemanticGPT"), "v1" if family == "v1" else "v2")
    if sovits is None or gpt is None:
        return None
    made = SpeechReport(family, sovits.path, gpt.path, text)
    files = find(family, set(COMPANIONS), folder)
    if files.absent:
        made.state, made.error = NOT_RUN, f"absent: {', '.join(file.path for file in files.absent)}"
        return made
    try:
        with private_folder() as stage:
            pair = {"sovits": folder / sovits.path, "semantic_gpt": folder / gpt.path}
            paths = {role: _native(path, stage / f"{role}.safetensors") for role, path in pair.items()}
            lab = Lab(family_from(Files(family, {**files.paths, **paths}, ())))
            voice = lab.clone(reference or shipped_sample())
            start = time.perf_counter()
            speech = lab.speak(text, voice)
        taken = time.perf_counter() - start
        made.finite = bool(torch.isfinite(speech.wave).all())
        made.peak = round(float(speech.wave.abs().max()), 4)
        made.seconds = round(speech.seconds, 2)
        made.real_time_factor = round(taken / speech.seconds, 3)
        made.file = f"{family}.wav"
        speech.save(output / made.file)
    except LabError as error:
        made.state = NOT_RUN if error.code == "EXTRA_MISSING" else FAULTY
        made.error = f"{error} [{error.code}]"
    # The report is for faults of ours as well.
    except Exception as error:
        made.state, made.error = FAULTY, f"Unexpected {type(error).__name__}: {str(error)[:200]}"
    if made.state == FINE and not (made.finite and made.peak > 0):
        made.state, made.error = FAULTY, "The wave is silent or not finite."
    return made


def _usable(files: Sequence[FileReport], roles: tuple[str, str], family: str) -> FileReport | None:
    """The file of a role and family that is whole: one of the catalogue, else the first."""
    fitting = [row for row in files if row.state == FINE and row.role in roles and row.family == family]
    known = [row for row in fitting if row.catalogue.endswith("right")]
    return next(iter([*known, *fitting]), None)


def _native(path: Path, target: Path) -> Path:
    """The kit's own file for a released one, outside the checked folder."""
    if path.suffix == ".safetensors":
        return path
    import_reference([path], target)
    return target


def _problems(report: CheckReport) -> list[str]:
    """One sentence for everything that is not well."""
    found = [f"{row.path}: {row.error}" for row in report.files if row.state == FAULTY]
    found += [f"{row.file}: {row.error}" for row in report.companions if row.state == FAULTY]
    for row in report.speech:
        if row.state == FAULTY or row.error.startswith("absent"):
            found.append(f"one sentence by {row.family}: {row.error}")
    return found
