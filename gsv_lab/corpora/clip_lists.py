"""Lists of clips without audio and texts: which recordings trained nano and which evaluate it.

A list names every clip as its corpus does, with speaker, language, split, length and a hash; whoever has the corpora
finds the same recordings again and can check them. Two kinds of hash stand in the lists:

    pcm:0123456789abcdef    lossless clips: SHA-256 over the decoded samples, 16-bit little-endian. The same for FLAC
                            and WAV, so it also fits the file of the original corpus.
    file:0123456789abcdef   clips with lossy coding, which decoders read differently: SHA-256 over the bytes of the
                            file. It separates two prepared sets; files of the original corpus have another hash.

Sixteen hexadecimal digits are kept: enough against accidents, not meant against malice.

    python -m gsv_lab.corpora.clip_lists PREPARED FOLDER     writes nano_train.csv, evaluation_list.csv, dev_list.csv
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gsv_lab.corpora.tables import table_rows
from gsv_lab.errors import AudioError, DataError
from gsv_lab.system.files import save_bytes

DIGITS = 16
HELD_OUT_CORPORA = ("ljspeech", "vctk")
"""Corpora that nano never sees, since protocols that test it are about them."""


class ListedClip(NamedTuple):
    """One clip of a training list.

    Args:
        clip: name of the utterance in its corpus.
        corpus: name of the corpus.
        speaker: name of the speaker in the corpus.
        language: `en` or `zh`.
        split: `train`, `valid`, `dev_speaker` or `valid_speaker`.
        seconds: length.
        hash: `pcm:` or `file:` and sixteen hexadecimal digits.
    """

    clip: str
    corpus: str
    speaker: str
    language: str
    split: str
    seconds: float
    hash: str


class ListedTarget(NamedTuple):
    """One row of an evaluation list: a clip to be spoken again, and the clip that lends the voice.

    Args:
        speaker: name of the speaker in the corpus.
        language: `en` or `zh`.
        reference_corpus: corpus of the reference.
        reference: utterance that lends the voice.
        reference_hash: its hash.
        target_corpus: corpus of the target.
        target: utterance whose text is synthesized.
        target_seconds: length of the natural target.
        target_hash: its hash.
    """

    speaker: str
    language: str
    reference_corpus: str
    reference: str
    reference_hash: str
    target_corpus: str
    target: str
    target_seconds: float
    target_hash: str


def clip_hash(path: str | Path) -> str:
    """Hash of one recording in the notation of the lists.

    Raises:
        DataError: DATA_MISSING, no such file. AudioError: AUDIO_FORMAT, it cannot be decoded.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("DATA_MISSING", f"No file {path.name}", "the clip that the list names", "See data/README.md")
    if path.suffix.lower() not in (".flac", ".wav"):
        return f"file:{hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]}"
    import soundfile

    try:
        samples, _ = soundfile.read(path, dtype="int16")
    except soundfile.LibsndfileError as error:
        raise AudioError("AUDIO_FORMAT", f"{path.name!r} cannot be decoded: {error}", "a whole sound file") from error
    return f"pcm:{hashlib.sha256(samples.astype('<i2').tobytes()).hexdigest()[:DIGITS]}"


def training_rows(root: str | Path) -> list[ListedClip]:
    """The clips of a prepared set (`metadata.csv` with splits) that nano may use or is chosen by, in the table's order.

    Raises:
        DataError: DATA_MISSING, a file of the table does not exist.
    """
    root = Path(root)
    rows = [row for row in _table(root / "metadata.csv") if row["corpus"] not in HELD_OUT_CORPORA]
    return [
        ListedClip(
            clip=Path(row["path"]).stem,
            corpus=row["corpus"],
            speaker=row["speaker"],
            language=row["language"],
            split=row["split"],
            seconds=float(row["seconds"]),
            hash=clip_hash(root / row["path"]),
        )
        for row in rows
    ]


def target_rows(table: str | Path, root: str | Path) -> list[ListedTarget]:
    """The rows of `evaluation_list.csv` or `dev_list.csv` of a prepared set.

    Args:
        table: the list with texts; its paths are relative to `root`.
        root: folder above the prepared sets.
    Raises:
        DataError: DATA_MISSING, a file of the table does not exist.
    """
    hashes: dict[str, str] = {}
    rows = []
    for row in _table(Path(table)):
        for role in ("reference", "target"):
            if row[role] not in hashes:
                hashes[row[role]] = clip_hash(Path(root) / row[role])
        rows.append(
            ListedTarget(
                speaker=row["speaker"],
                language=row["language"],
                reference_corpus=_corpus(row["reference"]),
                reference=Path(row["reference"]).stem,
                reference_hash=hashes[row["reference"]],
                target_corpus=_corpus(row["target"]),
                target=Path(row["target"]).stem,
                target_seconds=float(row["target_seconds"]),
                target_hash=hashes[row["target"]],
            )
        )
    return rows


def write_list(path: str | Path, rows: Sequence[ListedClip] | Sequence[ListedTarget]) -> Path:
    """Write a list: pipe-separated, UTF-8, one header line, no quoting."""
    lines = ["|".join(rows[0]._fields), *("|".join(map(str, row)) for row in rows)]
    return save_bytes(path, ("\n".join(lines) + "\n").encode())


def read_list(path: str | Path) -> list[ListedClip] | list[ListedTarget]:
    """Read a list of either form; its header says which.

    Raises:
        DataError: DATA_MISSING, no such file; DATA_ROW, a row with other columns, named by its line.
    """
    path = Path(path)
    table = _table(path)
    forms: tuple[type[ListedClip], type[ListedTarget]] = (ListedClip, ListedTarget)
    form = next((form for form in forms if table and set(table[0]) == set(form._fields)), None)
    if form is None:
        raise DataError("DATA_ROW", f"{path.name} is no clip list", " or ".join("|".join(f._fields) for f in forms))
    rows = []
    for number, row in enumerate(table, 2):
        try:
            values: list[Any] = [float(row[key]) if key.endswith("seconds") else row[key] for key in form._fields]
            rows.append(form(*values))
        except (TypeError, ValueError) as error:
            raise DataError("DATA_ROW", f"{path.name}, line {number}: wrong columns", "|".join(form._fields)) from error
    return rows  # type: ignore[return-value]


def find(rows: Iterable[ListedClip], root: str | Path) -> tuple[dict[ListedClip, Path], list[ListedClip]]:
    """Look for listed clips in a folder of corpora, by the names of their utterances.

    Args:
        rows: rows of a training list.
        root: folder with the corpora in any layout.

    Returns:
        The clips that were found, with their files, and the ones that were not. `clip_hash` compares contents.
    """
    kinds = {".flac", ".wav", ".opus", ".ogg", ".mp3"}
    files: dict[str, Path] = {}
    for path in sorted(Path(root).rglob("*")):
        if path.suffix.lower() in kinds:
            files.setdefault(path.stem, path)
    wanted = list(rows)
    return {row: files[row.clip] for row in wanted if row.clip in files}, [r for r in wanted if r.clip not in files]


def write_all(prepared: str | Path, output: str | Path) -> list[Path]:
    """Write the three lists of the project from a folder with the sets `speech` and `speech_train`."""
    prepared, output = Path(prepared), Path(output)
    speech = prepared / "speech"
    return [
        write_list(output / "nano_train.csv", training_rows(prepared / "speech_train")),
        write_list(output / "evaluation_list.csv", target_rows(speech / "evaluation_list.csv", prepared)),
        write_list(output / "dev_list.csv", target_rows(speech / "dev_list.csv", prepared)),
    ]


def _corpus(path: str) -> str:
    # `speech/vctk_mini/p225/...`: the second folder names the corpus, and "mini" only says that it is an extract.
    return Path(path).parts[1].removesuffix("_mini")


def _table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise DataError("DATA_MISSING", f"No file {path.name}", "a table with a header line", "See data/README.md")
    return [row for _, row in table_rows(path, ())]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m gsv_lab.corpora.clip_lists PREPARED FOLDER")
    write_all(*sys.argv[1:])
