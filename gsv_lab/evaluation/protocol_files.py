"""Writes test lists as files that stand alone: with the recordings they name, so that they work in any place.

    FOLDER/list.csv          what is to be spoken (`gsv_lab.evaluation.lists.COLUMNS`)
    FOLDER/tune_0.list ...   what voices are tuned on, `wav|speaker|language|text` (`gsv-lab finetune` takes it)
    FOLDER/clips/            the recordings, as they are
    FOLDER/protocol.json     seed, counts, hashes, and what the corpus lacked

or, in the form of seed-tts-eval, FOLDER/en/meta.lst with `prompt-wavs` and `wavs` beside it, and FOLDER/zh alike.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gsv_lab.corpora.clip_lists import clip_hash
from gsv_lab.corpora.listfile import Row, write_list
from gsv_lab.corpora.tables import identity
from gsv_lab.errors import AudioError, DataError
from gsv_lab.evaluation.items import Clip, Item, TestList
from gsv_lab.evaluation.lists import COLUMNS, LANGUAGES
from gsv_lab.evaluation.protocols import Draw, Protocol
from gsv_lab.system.files import save_bytes
from gsv_lab.system.folders import new_folder

SCHEMA = 1
CARD = "protocol.json"
LIST = "list.csv"
META = "meta.lst"


def write_protocol(protocol: Protocol, folder: str | Path) -> Path:
    """Write a protocol with its recordings; a folder that holds an earlier one is replaced.

    Raises:
        DataError: `DATA_ROW`, a name or path with a bar. LabError: `OUTPUT_EXISTS`, `SAVE_FAILED`.
    """
    folder = Path(folder)
    with new_folder(folder, is_own=CARD) as made:
        tuned = [clip.path for draw in protocol.draws for clip in draw.clips]
        places = _copied(made / "clips", [clip.path for clip in _clips(protocol.items)] + tuned)
        listed = _saved(made / LIST, COLUMNS, (_fields(item, places) for item in protocol.items))
        card = {
            "protocol": protocol.name,
            "complete": not protocol.missing,
            "missing": list(protocol.missing),
            "source": protocol.source,
            "seed": protocol.seed,
            "list": listed,
            "draws": [_tuning(made, number, draw, places) for number, draw in enumerate(protocol.draws)],
        }
        _finish(made, card, protocol.items)
    return folder


def write_seed_tts(test_list: TestList, folder: str | Path) -> Path:
    """Write a list in the form of seed-tts-eval, with all recordings as WAV of 16 bits at their own rates.

    Natural recordings are called as their items in `wavs`, where the scripts of seed-tts-eval look for them, and stand
    in the fifth field. Speakers have no place in this form.

    Raises:
        DataError: `DATA_MISSING`, items without reference or text; `DATA_ROW`. AudioError: `AUDIO_FORMAT`.
            LabError: `OUTPUT_EXISTS`, `SAVE_FAILED`.
    """
    folder = Path(folder)
    without = [item.name for item in test_list.items if item.reference is None or not item.text]
    if without:
        problem = f"{len(without)} items of {test_list.name!r} have no reference or no text, first {without[0]!r}"
        raise DataError("DATA_MISSING", problem, "a prompt and a text for every item")
    with new_folder(folder, is_own=CARD) as made:
        lists = {}
        for language in LANGUAGES:
            items = [item for item in test_list.items if item.language == language]
            if items:
                (made / language).mkdir()
                lists[language] = _saved(made / language / META, (), _prompts(items, made / language))
        card = {"protocol": "seed-tts", "complete": True, "source": test_list.name, "list": lists}
        _finish(made, card, test_list.items)
    return folder


def _prompts(items: Sequence[Item], folder: Path) -> Iterator[list[str]]:
    """The rows of a list of seed-tts-eval, whose recordings are written on the way."""
    for name in ("prompt-wavs", "wavs"):
        (folder / name).mkdir()
    references = [item.reference for item in items if item.reference is not None]
    names = _names([clip.path for clip in references], ".wav")
    for path, name in names.values():
        _as_wave(path, folder / "prompt-wavs" / name)
    for item, reference in zip(items, references, strict=True):
        row = [item.name, reference.text, f"prompt-wavs/{names[identity(reference.path)][1]}", item.text]
        if item.target is not None:
            row.append(f"wavs/{item.name}.wav")
            _as_wave(item.target.path, folder / row[-1])
        yield row


def _as_wave(source: Path, path: Path) -> None:
    """A recording as WAV; samples of 16 bits stay as they are."""
    import soundfile

    try:
        samples, rate = soundfile.read(source, dtype="int16")
    except soundfile.LibsndfileError as error:
        problem = f"{source.name!r} cannot be decoded: {error}"
        raise AudioError("AUDIO_FORMAT", problem, "a whole sound file") from error
    soundfile.write(path, samples, rate, subtype="PCM_16")


def _names(paths: Iterable[Path], suffix: str = "") -> dict[Hashable, tuple[Path, str]]:
    """A file name for each recording, its own where that is free: an utterance is known by it."""
    found: dict[Hashable, tuple[Path, str]] = {}
    taken: set[str] = set()
    for path in paths:
        if identity(path) in found:
            continue
        name, number = f"{path.stem}{suffix or path.suffix}", 2
        while name.casefold() in taken:
            name, number = f"{path.stem}_{number}{suffix or path.suffix}", number + 1
        taken.add(name.casefold())
        found[identity(path)] = (path, name)
    return found


def _copied(folder: Path, paths: Iterable[Path]) -> dict[Hashable, str]:
    """Copies recordings into a folder: identity of a recording -> its path from the folder above."""
    folder.mkdir()
    places = {}
    for key, (path, name) in _names(paths).items():
        shutil.copyfile(path, folder / name)
        places[key] = f"{folder.name}/{name}"
    return places


def _clips(items: Iterable[Item]) -> list[Clip]:
    return [clip for item in items for clip in (item.reference, item.target) if clip is not None]


def _fields(item: Item, places: dict[Hashable, str]) -> list[str]:
    """An item as a row of `COLUMNS`."""
    clips = [places[identity(clip.path)] if clip else "" for clip in (item.reference, item.target)]
    return [item.name, item.speaker, item.language, item.text, *clips]


def _tuning(folder: Path, number: int, draw: Draw, places: dict[Hashable, str]) -> dict[str, Any]:
    """Writes what one voice is tuned on; what the card says of it."""
    rows = []
    for clip in draw.clips:
        rows.append(Row(Path(places[identity(clip.path)]), clip.speaker, clip.language, clip.text))
    path = write_list(folder / f"tune_{number}.list", rows)
    names = [clip.path.stem for clip in draw.clips]
    said = {"file": path.name, "seed": draw.seed, "seconds": round(draw.seconds, 3), "clips": names}
    return {**said, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _saved(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> dict[str, Any]:
    """Writes a table whose fields are parted by bars; what the card says of it."""
    lines = ["|".join(header)] if header else []
    count = 0
    for row in rows:
        fields = [" ".join(field.split()) for field in row]
        if any("|" in field for field in fields):
            raise DataError("DATA_ROW", f"The item {row[0]!r} has a bar in {fields}", "names and texts without bars")
        lines.append("|".join(fields))
        count += 1
    data = ("\n".join(lines) + "\n").encode()
    save_bytes(path, data)
    return {"file": path.name, "items": count, "sha256": hashlib.sha256(data).hexdigest()}


def _finish(folder: Path, card: dict[str, Any], items: Sequence[Item]) -> None:
    """Writes the card, with counts, and hashes of all recordings."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    waves = sorted(path for path in files if path.suffix not in (".csv", ".list", ".lst"))
    card["schema"] = SCHEMA
    card["speakers"] = len({item.speaker for item in items if item.speaker})
    card["languages"] = sorted({item.language for item in items})
    card["clips"] = {path.relative_to(folder).as_posix(): clip_hash(path) for path in waves}
    text = json.dumps(card, indent=1, sort_keys=True, ensure_ascii=False)
    save_bytes(folder / CARD, f"{text}\n".encode())
