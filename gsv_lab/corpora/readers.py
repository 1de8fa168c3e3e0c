"""Readers of speech corpora: each yields `Clip` rows; none decodes audio.

A corpus is recognised by its files, so one `read(root)` serves the table form (`metadata.csv` with a header line),
LJSpeech, VCTK, LibriSpeech and LibriTTS, AISHELL-3, and a list file `wav|speaker|language|text`. Where each corpus
goes: `data/README.md`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gsv_lab.corpora.tables import bad_row, identity, inside, language_of_tag, numbered_lines, table_rows, those_there
from gsv_lab.errors import DataError

COLUMNS = ("path", "speaker", "language", "text")
"""Columns that a table needs."""


@dataclass(frozen=True)
class Clip:
    """One recording with what is known of it.

    Args:
        id: unique name, the path without its suffix relative to the corpus root.
        path: audio file.
        speaker: name of the speaker, unique within the corpus.
        language: `en` or `zh`.
        text: what is said; empty when unknown.
        split: `train`, `valid`, `dev_speaker`, `valid_speaker`; corpora without splits are all `train`.
        corpus: name of the corpus.
        gender: `F`, `M` or empty.
    """

    id: str
    path: Path
    speaker: str
    language: str
    text: str
    split: str = "train"
    corpus: str = ""
    gender: str = ""


def read(root: str | Path) -> list[Clip]:
    """All clips under a corpus folder or in a list file, in a stable order.

    Recordings that are missing or empty are left out, and named in a warning.

    Raises:
        DataError: DATA_MISSING when nothing is there, DATA_ROW when no known layout fits or with the line that is
            wrong, DATA_PATH for a path out of the folder, DATA_DUPLICATE for a recording that stands twice,
            DATA_EMPTY when no recording is named.
    """
    root = Path(root)
    if not os.path.exists(root):
        raise DataError("DATA_MISSING", f"No corpus at {root}", "a corpus folder or a list file", "See data/README.md")
    for fits, reader in (
        (root.is_file(), _list_file),
        ((root / "metadata.csv").is_file() and (root / "wavs").is_dir() and not _has_header(root), _ljspeech),
        ((root / "metadata.csv").is_file(), _table),
        ((root / "txt").is_dir(), _vctk),
        ((root / "content.txt").is_file() or (root / "train" / "content.txt").is_file(), _aishell3),
        (next(root.rglob("*.trans.txt"), None) is not None, _librispeech),
        ((root / "list.txt").is_file(), lambda folder: _list_file(folder / "list.txt")),
        (next(root.rglob("*.normalized.txt"), None) is not None, _libritts),
    ):
        if fits:
            return _whole(root, sorted(reader(root), key=lambda clip: clip.id))
    raise DataError(
        "DATA_ROW",
        f"{root} has the layout of no known corpus",
        "metadata.csv, LJSpeech, VCTK, LibriSpeech, LibriTTS, AISHELL-3 or a list file",
        "See data/README.md for each layout",
    )


def read_all(root: str | Path, depth: int = 2) -> list[Clip]:
    """All clips of the corpora that lie in a folder or in the folders in it, whatever else lies beside them.

    Args:
        root: the folder; no corpus itself.
        depth: how many folders down a corpus may lie.
    """
    found: list[Clip] = []
    for folder in sorted(path for path in Path(root).glob("*") if path.is_dir()):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # whoever asks says which clips are missing
                found += read(folder)
        except DataError:
            if depth > 1:
                found += read_all(folder, depth - 1)
    return found


def _clip(root: Path, path: Path, speaker: str, language: str, text: str, corpus: str, **more: str) -> Clip:
    if not path.is_relative_to(root) or ".." in path.relative_to(root).parts:
        problem = f"A row of {root} names '{str(path)[-80:]}', outside the root"
        raise DataError("DATA_PATH", problem, "paths inside the corpus folder")
    return Clip(path.relative_to(root).with_suffix("").as_posix(), path, speaker, language, text, corpus=corpus, **more)


def _whole(root: Path, clips: list[Clip]) -> list[Clip]:
    """The clips whose recordings are there, each once."""
    if not clips:
        raise DataError("DATA_EMPTY", f"{root.name!r} names no recordings", "rows with a recording and its text")
    kept = those_there(root.name, clips, lambda clip: clip.path, root)
    _refuse_doubled(root, kept)
    return kept


def _refuse_doubled(root: Path, clips: Iterable[Clip]) -> None:
    seen: dict[Hashable, Clip] = {}
    for clip in clips:
        first = seen.setdefault(identity(clip.path), clip)
        if first is not clip:
            raise DataError(
                "DATA_DUPLICATE", f"{_relative(clip.path, root)!r} stands twice in {root.name!r}, of "
                f"{first.speaker!r} and of {clip.speaker!r}", "each recording once", "Remove one of the two rows",
            )  # fmt: skip


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _has_header(root: Path) -> bool:
    """Whether `metadata.csv` begins with the names of columns, as a table does, and not with a clip, as LJSpeech."""
    lines = numbered_lines(root / "metadata.csv")
    return bool(lines) and lines[0][1].replace(",", "|").replace("\t", "|").split("|")[0].strip().lower() == COLUMNS[0]


def _table(root: Path) -> Iterator[Clip]:
    """`path|speaker|language|text|...` with a header line and no quoting."""
    name = "metadata.csv"
    for number, row in table_rows(root / name, COLUMNS):
        language = language_of_tag(row["language"])
        if language is None or not row["path"]:
            raise bad_row(
                name, number, f"has the path {row['path']!r}, language {row['language']!r}", "a file; en or zh"
            )
        yield _clip(
            root, inside(name, number, row["path"], root), row["speaker"], language, row["text"],
            row.get("corpus") or root.name, split=row.get("split") or "train", gender=row.get("gender") or "",
        )  # fmt: skip


def _list_file(root: Path) -> Iterator[Clip]:
    from gsv_lab.corpora.listfile import read_list

    for row in read_list(root, check_files=False):
        yield _clip(root.parent, Path(row.path), row.speaker, row.language, row.text, root.stem)


def _ljspeech(root: Path) -> Iterator[Clip]:
    """`id|text|normalised text`, audio in `wavs/`."""
    name = "metadata.csv"
    for number, line in numbered_lines(root / name):
        clip, *texts = [field.strip() for field in line.split("|")]
        if not clip or not texts:
            raise bad_row(name, number, f"has {1 + len(texts)} columns", "id|text|normalised text")
        clip = clip.removeprefix("wavs/").removesuffix(".wav").removesuffix(".flac")
        paths = [inside(name, number, f"wavs/{clip}{ending}", root) for ending in (".wav", ".flac")]
        path = next((path for path in paths if path.is_file()), paths[0])
        text = next((text for text in reversed(texts) if text), "")
        yield _clip(root, path, "LJ", "en", text, "ljspeech")


def _vctk(root: Path) -> Iterator[Clip]:
    """`txt/<speaker>/<id>.txt`, audio in `wav48*/<speaker>/<id>[_mic1].(wav|flac)`."""
    folder = next(iter(sorted(root.glob("wav48*"))), root / "wav48")
    for text in sorted(root.glob("txt/*/*.txt")):
        speaker, name = text.parent.name, text.stem
        paths = [folder / speaker / f"{name}{ending}" for ending in ("_mic1.flac", ".flac", ".wav")]
        path = next((path for path in paths if path.is_file()), paths[0])
        yield _clip(root, path, speaker, "en", _text(text), "vctk")


def _text(path: Path) -> str:
    return " ".join(line for _, line in numbered_lines(path))


def _librispeech(root: Path) -> Iterator[Clip]:
    """`<reader>/<chapter>/<reader>-<chapter>.trans.txt` with one `id TEXT` a line."""
    for table in sorted(root.rglob("*.trans.txt")):
        for _, line in numbered_lines(table):
            name, _, text = line.partition(" ")
            speaker = name.split("-")[0]
            yield _clip(root, table.parent / f"{name}.flac", speaker, "en", text.lower(), "librispeech")


def _libritts(root: Path) -> Iterator[Clip]:
    for text in sorted(root.rglob("*.normalized.txt")):
        name = text.name.removesuffix(".normalized.txt")
        yield _clip(root, text.parent / f"{name}.wav", name.split("_")[0], "en", _text(text), "libritts")


def _aishell3(root: Path) -> Iterator[Clip]:
    """`content.txt`: `<id>.wav<tab>字 pinyin 字 pinyin ...`, audio in `wav/<speaker>/`."""
    for table in sorted(root.rglob("content.txt")):
        for _, line in numbered_lines(table):
            name, _, rest = line.partition("\t")
            characters = "".join(rest.split()[::2])
            speaker = name[:7]
            yield _clip(root, table.parent / "wav" / speaker / name, speaker, "zh", characters, "aishell3")
