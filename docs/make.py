"""The generated pages: `python docs/make.py` writes taps.md, tensorboard.md, figures.md with its pictures, and the
tables of course.md.

    python docs/make.py            all of them
    python docs/make.py taps       one of them

What a page says comes from declarations and docstrings; `tests/test_pages.py` fails where a page is out of date.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
import textwrap
from fnmatch import fnmatchcase
from pathlib import Path

from torch import nn

from gsv_lab import figures, training
from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.extensions.istft_vocoder import InverseSTFTVocoder
from gsv_lab.extensions.phone_recogniser import DelayRecogniser
from gsv_lab.extensions.postfilter import FormantPostfilter, LatentPostfilter
from gsv_lab.extensions.residual_correction import ResidualCorrection
from gsv_lab.hooks.catalogue import Table, catalogue, fold
from gsv_lab.nn.hifigan import HiFiGAN
from gsv_lab.nn.prior import TextContentPrior
from gsv_lab.released.eres2net import ERes2NetV2
from gsv_lab.system.config import build
from gsv_lab.teaching.course.chapters import Chapter, chapters, table
from gsv_lab.text.context import LexicalContext
from gsv_lab.training.log_writer import MOST_POINTS
from gsv_lab.training.logging_callback import COMMON
from gsv_lab.training.stages import load_stage
from gsv_lab.training.task import Tag, Task

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
WEEKS = (
    ("00 01", "what a voice cloner does; from waveform to frames"),
    ("02 03", "text becomes phones, speech becomes codes"),
    ("04", "a language model of codes: attention, sampling, stopping"),
    ("05 06", "who speaks, and how a latent becomes sound"),
    ("07", "what a representation knows, and how one can tell"),
    ("08", "ablation, and what may be concluded from it"),
    ("09", "fine-tuning: what moves, when to stop, and whether it was worth it"),
    ("10", "what measures hear, and how sure a difference is; projects begin"),
    ("11", "asking people: listening tests, and what votes allow to say"),
    ("12", "claims, verdicts and ablations: what can be shown, and what would settle the rest"),
)
"""Notebooks of each week of the course, and what it is about."""
DAY = (
    ("00 01", "morning: the whole, and its frames"),
    ("03 04", "late morning: codes, and the GPT stage"),
    ("05 08", "afternoon: the voice, and breaking things"),
)
DPI = 85
"""Dots an inch of the gallery's pictures: small files, still readable."""


class Nano:
    """All networks of nano as its configurations describe them, untrained, under the names that probes use."""

    def components(self) -> dict[str, nn.Module]:
        """Name -> network; the parts of SoVITS stand under their own names, as in a loaded lab."""
        parts: dict[str, nn.Module] = {"context_encoder": LexicalContext()}
        for name in ("g2p", "content", "durations", "prior", "speaker_verifier"):
            parts |= build(load_stage(ROOT / "configs" / "nano", name, [])["task"]).parts()
        parts["vocoder"].postfilter = FormantPostfilter()
        parts["postfilter"] = LatentPostfilter()
        parts["residual_correction"] = ResidualCorrection()
        first = ("context_encoder", "letter_to_sound", "content_encoder", "quantizer", "semantic_gpt")
        return {name: parts[name] for name in (*first, *(other for other in parts if other not in first))}


class Others:
    """Parts that can stand in for those of nano, or evaluate it, in small sizes: only their taps matter here."""

    def components(self) -> dict[str, nn.Module]:
        """Class name -> network."""
        made = (
            HiFiGAN(8, 8, 16, (4, 2), (8, 4), (3,), (1,)), InverseSTFTVocoder(8, 8, width=8, layers=1),
            ERes2NetV2(4, (1, 1, 1, 1), n_mels=16, dim=8), DelayRecogniser(("a",), "en", 8, 4, (1,), 4, 1),
            TextContentPrior(4, 4, 4, 8, width=8, filter_width=8, layers=(1, 1, 1), attention_width=8),
        )  # fmt: skip
        return {type(part).__name__: part for part in made}


def notebooks() -> dict[str, str]:
    """Number of a notebook -> its source."""
    sources = sorted((ROOT / "notebooks" / "src").glob("[0-9][0-9]_*.py"))
    return {path.name[:2]: path.read_text(encoding="utf-8") for path in sources}


def users(tap: str, sources: dict[str, str]) -> list[str]:
    """Titles of the sources that name a tap: a string in them is its name or a glob of it, last part spelt out."""
    found = []
    for title, text in sources.items():
        globs = {fold(glob) for glob in re.findall(r"""["']([\w.*?]+)["']""", text)}
        # A tap may also be named below its own component, as in `probe(lab.prior, "mean")`: that cannot be told here.
        if any(fnmatchcase(tap, glob) and not glob.endswith("*") for glob in globs):
            found.append(title)
    return found


def taps_page() -> str:
    """The catalogue of taps, with the notebooks that use each."""
    parts = [
        "# Taps",
        prose(
            "Generated by `python docs/make.py taps` from the declarations. `N` is the number of a layer, rates are "
            "in Hz. How to watch and edit them: [architecture](architecture.md#looking-inside); what the pictures of "
            "them look like: [figures](figures.md)."
        ),
    ]
    for title, root in (("Nano", Nano()), ("Other parts of the same roles", Others())):
        table = catalogue(root)
        for row in table:
            row["notebooks"] = ", ".join(users(row["name"], notebooks()))
            row["name"] = f"`{row['name']}`"
        parts += [f"## {title}", f"{len(table)} taps.", str(table)]
    return "\n\n".join(parts) + "\n"


def figures_page() -> tuple[str, dict[str, bytes]]:
    """The gallery, and its pictures by file name."""
    clip = SyntheticCorpus(n_speakers=4, n_clips=4, seed=3)[1]
    material = figures.Material(clip.wave, clip.sample_rate, clip.phones, clip.start, clip.end, clip.f0)
    pictures: dict[str, bytes] = {}
    parts = [
        "# Figures",
        prose(
            "Generated by `python docs/make.py figures`. Each picture is one function of `gsv_lab.figures`: arrays, "
            "tensors or lists in, a matplotlib `Figure` out. `m` is a clip of the synthetic corpus with everything "
            "that is true about it (`wave`, `phones` with `start` and `end`, `f0`) and what follows from it (`mel`); "
            "codes, attention and latents are made up by formula, to show the pictures and nothing else. A record of "
            'a probe draws itself: `records["prior.mean"].show()`.'
        ),
    ]
    for name, says, lines, figure in figures.gallery(material):
        pictures[f"{name}.png"] = figures.png(figure, DPI, colours=256)
        parts += [f"## {name}", says, f"```python\n{lines}\n```", f"![{name}](figures/{name}.png)"]
    return "\n\n".join(parts) + "\n", pictures


def prose(text: str) -> str:
    """A paragraph, wrapped."""
    return textwrap.fill(text, 116, break_long_words=False, break_on_hyphens=False)


def tags_by_task() -> dict[str, tuple[Tag, ...]]:
    """Names of the tasks that write a set of tags -> the tags."""
    for module in pkgutil.walk_packages(training.__path__, f"{training.__name__}."):
        importlib.import_module(module.name)
    names: dict[tuple[Tag, ...], list[str]] = {}
    waiting = list(Task.__subclasses__())
    while waiting:
        task = waiting.pop(0)
        waiting += task.__subclasses__()
        if task.tags and task.__module__.startswith(training.__name__):
            names.setdefault(task.tags, []).append(task.__name__)
    found = sorted((sorted(tasks), tags) for tags, tasks in names.items())
    return {", ".join(tasks): tags for tasks, tags in found}


def tensorboard_page() -> str:
    """The tags of every task."""
    parts = [
        "# What a training shows",
        prose(
            "Generated by `python docs/make.py tensorboard` from `Task.tags` in `gsv_lab.training`. Every training "
            "writes these tags through every logger it has; `tensorboard --logdir runs` shows them. Numbers go to all "
            "loggers, pictures and sounds to those that take them. Steps are counted in batches. Views are written at "
            "every validation (`validate_every`), from its first batch; points, codes and weights from all of it; "
            "gradient norms every `log_every` batches. A view that fails is a logged warning, never the end of a "
            "training. Any other tap can be watched as well: "
            '`gsv_lab.training.probe_callback.ProbeCallback(["*.tap"], 500)`.'
        ),
        prose(
            "By itself TensorBoard shows ten sounds and ten pictures of a tag, drawn from all steps; with "
            "`--samples_per_plugin audio=1000,images=1000` all of them can be chosen, from the first validation on. "
            "Sounds that a network made are called synthetic beside the player and carry the kit's mark, so that a "
            "saved one still says it. Points stand under *Projector*: up to "
            f"{MOST_POINTS} of them, to be coloured by their labels, which has to be asked for. *HParams* sets the "
            "settings of runs beside what their validations measured; there is a row for a run from its first "
            "validation on. The numbers of the table are those of the last one."
        ),
    ]
    for task, tags in {"Every task": COMMON, **tags_by_task()}.items():
        rows = Table({"tag": f"`{tag.name}`", "kind": tag.kind, "what it means": tag.meaning} for tag in tags)
        parts += [f"## {task}", str(rows)]
    return "\n\n".join(parts) + "\n"


def course_page(text: str) -> str:
    """The page for teachers with its tables made anew: the notebooks, and the plans with their minutes.

    Args:
        text: the page as it is.
    """
    found = {chapter.number: chapter for chapter in chapters()}
    index = table(list(found.values())).replace("](", "](../notebooks/")
    tables = {"notebooks": index, "weeks": plan("week", WEEKS, found), "day": plan("part", DAY, found)}
    for name, rows in tables.items():
        between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, changed = between.subn(lambda match, rows=rows: f"{match[1]}\n{rows}\n\n{match[2]}", text)
        if changed != 1:
            raise ValueError(f"course.md has {changed} places for the table {name!r}")
    return text


def plan(unit: str, parts: tuple[tuple[str, str], ...], found: dict[str, Chapter]) -> str:
    """A plan of the course, with the minutes that its notebooks say."""
    rows = []
    for number, (names, about) in enumerate(parts, 1):
        minutes = sum(found[name].minutes for name in names.split())
        rows.append({unit: str(number), "notebooks": names.replace(" ", ", "), "minutes": str(minutes), "about": about})
    return str(Table(rows))


def main(asked: list[str]) -> None:
    """Write the pages that were asked for, all if none was."""
    if "taps" in (asked or ["taps"]):
        (DOCS / "taps.md").write_text(taps_page(), encoding="utf-8")
    if "tensorboard" in (asked or ["tensorboard"]):
        (DOCS / "tensorboard.md").write_text(tensorboard_page(), encoding="utf-8")
    if "course" in (asked or ["course"]):
        page = (DOCS / "course.md").read_text(encoding="utf-8")
        (DOCS / "course.md").write_text(course_page(page), encoding="utf-8")
    if "figures" in (asked or ["figures"]):
        page, pictures = figures_page()
        (DOCS / "figures.md").write_text(page, encoding="utf-8")
        folder = DOCS / "figures"
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.png"):
            old.unlink()
        for name, data in pictures.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main(sys.argv[1:])
