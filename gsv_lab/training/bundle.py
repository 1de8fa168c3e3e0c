"""A training packed for a machine that has torch, Lightning and soundfile, and no network.

    gsv-lab fit --family configs/nano --corpus DIR... --bundle OUT [--part-mib 30]

writes `OUT/family.json`, all stages with every setting resolved, and `OUT/part1`, `OUT/part2`, ...: corpora of their
own, each with its clips, a table, and what the text front end made of the texts. Parts are dealt by speakers in turn,
so that every first few of them are a balanced choice. There, with as many parts as are wanted,

    gsv-lab fit --family family.json --corpus part1 part2 --run-minutes 9 --output RUN

goes from clips to weights; killed or cut short, it goes on.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.readers import read as read_corpus
from gsv_lab.corpora.texts import FILE_NAME, read_texts, save_texts
from gsv_lab.errors import DataError
from gsv_lab.system.folders import new_folder
from gsv_lab.training.stages import STAGES, load_stage

COLUMNS = ("path", "speaker", "language", "text", "corpus", "gender", "split")


def bundle(configs: str | Path, corpora: Sequence[str | Path], folder: str | Path, part_mib: float = 30.0) -> Path:
    """Write a bundle; see the module.

    Args:
        configs: folder of a family's YAML files.
        corpora: corpus folders or list files. The clips of the configuration's `exclude` and of splits that no stage
            reads stay behind.
        folder: where; an earlier bundle there is replaced as a whole.
        part_mib: greatest size of a part.

    Raises:
        DataError: DATA_MISSING, no clip is left.
    """
    experiments = {}
    splits: set[str] = set()
    for stage in STAGES:
        experiment = load_stage(Path(configs), stage.name, [])
        experiments[stage.name] = experiment
        splits |= _splits(experiment["data"]["init_args"])
    excluded = experiments["content"]["data"]["init_args"]["exclude"]
    clips = []
    for corpus in corpora:
        clips += [clip for clip in read_corpus(corpus) if clip.split in splits and clip.corpus not in excluded]
    if not clips:
        raise DataError("DATA_MISSING", "No clip is left to pack", "a corpus with clips for training")
    with new_folder(folder, is_own="family.json") as target:
        for number, part in enumerate(parts(clips, part_mib * 2**20), 1):
            _write_part(target / f"part{number}", part)
        (target / "family.json").write_text(json.dumps(experiments, indent=1), encoding="utf-8")
    return Path(folder)


def parts(clips: Sequence[Clip], limit: float) -> Iterator[list[Clip]]:
    """Clips in parts of at most `limit` bytes: first all that are held out, then one of each speaker in turn."""
    by_speaker: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.split == "train":
            by_speaker[clip.speaker].append(clip)
    order = [clip for clip in clips if clip.split != "train"]
    most = max((len(own) for own in by_speaker.values()), default=0)
    for turn in range(most):
        order += [own[turn] for _, own in sorted(by_speaker.items()) if turn < len(own)]
    part: list[Clip] = []
    size = 0
    for clip in order:
        length = clip.path.stat().st_size
        if part and size + length > limit:
            yield part
            part = []
            size = 0
        part.append(clip)
        size += length
    yield part


def _splits(data: Mapping[str, Any]) -> set[str]:
    """Splits that a stage's data reads; none for data without clips."""
    found: set[str] = set()
    for key in ("train", "valid"):
        found |= set(data.get(key) or ())
    return found


def _write_part(folder: Path, clips: Sequence[Clip]) -> None:
    folder.mkdir()
    with open(folder / "metadata.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="|", quoting=csv.QUOTE_NONE, quotechar=None, lineterminator="\n")
        writer.writerow(COLUMNS)
        for clip in clips:
            place = Path(f"{clip.id}{clip.path.suffix}")
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(clip.path, folder / place)
            row = [
                place.as_posix(),
                clip.speaker,
                clip.language,
                clip.text,
                clip.corpus,
                clip.gender,
                clip.split,
            ]
            writer.writerow(row)
    save_texts(read_texts(clips, pauses=True), folder / FILE_NAME)
