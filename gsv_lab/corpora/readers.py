"""Readers of speech corpora: each yields `Clip` rows; none decodes audio.

A corpus is recognised by its files, so one `read(root)` serves the table form (`metadata.csv` with a header line),
LJSpeech, VCTK, LibriSpeech and LibriTTS, AISHELL-3, and a list file `wav|speaker|language|text`. Where each corpus
goes: `data/README.md`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gsv_lab.errors import DataError


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

    Raises:
        DataError: DATA_MISSING when nothing is there, DATA_ROW when no known layout fits.
    """
    root = Path(root)
    if not root.exists():
        raise DataError("DATA_MISSING", f"No corpus at {root}", "a corpus folder or a list file", "See data/README.md")
    for fits, reader in (
        (root.is_file(), _list_file),
        ((root / "metadata.csv").is_file() and (root / "wavs").is_dir(), _ljspeech),
        ((root / "metadata.csv").is_file(), _table),
        ((root / "txt").is_dir(), _vctk),
        ((root / "content.txt").is_file() or (root / "train" / "content.txt").is_file(), _aishell3),
        (next(root.rglob("*.trans.txt"), None) is not None, _librispeech),
        ((root / "list.txt").is_file(), lambda folder: _list_file(folder / "list.txt")),
        (next(root.rglob("*.normalized.txt"), None) is not None, _libritts),
    ):
        if fits:
            return sorted(reader(root), key=lambda clip: clip.id)
    raise DataError(
        "DATA_ROW",
        f"{root} has the layout of no known corpus",
        "metadata.csv, LJSpeech, VCTK, LibriSpeech, LibriTTS, AISHELL-3 or a list file",
        "See data/README.md for each layout",
    )


def _clip(root: Path, path: Path, speaker: str, language: str, text: str, corpus: str, **more: str) -> Clip:
    if not path.is_relative_to(root) or ".." in path.relative_to(root).parts:
        problem = f"A row of {root} names '{str(path)[-80:]}', outside the root"
        raise DataError("DATA_PATH", problem, "paths inside the corpus folder")
    return Clip(path.relative_to(root).with_suffix("").as_posix(), path, speaker, language, text, corpus=corpus, **more)


def _table(root: Path) -> Iterator[Clip]:
    """`path|speaker|language|text|...` with a header line and no quoting."""
    with open(root / "metadata.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE):
            yield _clip(
                root, root / row["path"], row["speaker"], row["language"], row["text"], row.get("corpus") or root.name,
                split=row.get("split") or "train", gender=row.get("gender") or "",
            )  # fmt: skip


def _list_file(root: Path) -> Iterator[Clip]:
    from gsv_lab.corpora.listfile import read_list

    for row in read_list(root):
        yield _clip(root.parent, Path(row.path), row.speaker, row.language, row.text, root.stem)


def _ljspeech(root: Path) -> Iterator[Clip]:
    """`id|text|normalised text`, audio in `wavs/`."""
    with open(root / "metadata.csv", encoding="utf-8") as file:
        for line in file:
            name, *texts = line.rstrip("\n").split("|")
            yield _clip(root, root / "wavs" / f"{name}.wav", "LJ", "en", texts[-1], "ljspeech")


def _vctk(root: Path) -> Iterator[Clip]:
    """`txt/<speaker>/<id>.txt`, audio in `wav48*/<speaker>/<id>[_mic1].(wav|flac)`."""
    folder = next(iter(sorted(root.glob("wav48*"))), root / "wav48")
    for text in sorted(root.glob("txt/*/*.txt")):
        speaker, name = text.parent.name, text.stem
        for ending in ("_mic1.flac", ".flac", ".wav"):
            path = folder / speaker / f"{name}{ending}"
            if path.is_file():
                yield _clip(root, path, speaker, "en", text.read_text(encoding="utf-8").strip(), "vctk")
                break


def _librispeech(root: Path) -> Iterator[Clip]:
    """`<reader>/<chapter>/<reader>-<chapter>.trans.txt` with one `id TEXT` a line."""
    for table in sorted(root.rglob("*.trans.txt")):
        for line in table.read_text(encoding="utf-8").splitlines():
            name, _, text = line.partition(" ")
            speaker = name.split("-")[0]
            yield _clip(root, table.parent / f"{name}.flac", speaker, "en", text.lower(), "librispeech")


def _libritts(root: Path) -> Iterator[Clip]:
    for text in sorted(root.rglob("*.normalized.txt")):
        name = text.name.removesuffix(".normalized.txt")
        words = text.read_text(encoding="utf-8").strip()
        yield _clip(root, text.parent / f"{name}.wav", name.split("_")[0], "en", words, "libritts")


def _aishell3(root: Path) -> Iterator[Clip]:
    """`content.txt`: `<id>.wav<tab>字 pinyin 字 pinyin ...`, audio in `wav/<speaker>/`."""
    for table in sorted(root.rglob("content.txt")):
        for line in table.read_text(encoding="utf-8").splitlines():
            name, _, rest = line.partition("\t")
            characters = "".join(rest.split()[::2])
            speaker = name[:7]
            yield _clip(root, table.parent / "wav" / speaker / name, speaker, "zh", characters, "aishell3")
