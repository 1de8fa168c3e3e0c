"""Refuses test material that a model was trained on, or a voice tuned on.

A clip of a list counts as trained on if its file is called as an utterance of the training list, or if it has the same
hash (`gsv_lab.corpora.clip_lists.clip_hash`). Names are the utterances' own in their corpora and find the originals;
where they are mere numbers, the name of the corpus has to stand in the clip's path, too. Hashes find copies of other
names. Neither finds a recording that was renamed and coded anew, nor other sentences of a person who was heard.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from gsv_lab.corpora.clip_lists import ListedClip, ListedTarget, clip_hash, read_list
from gsv_lab.corpora.tables import identity
from gsv_lab.errors import DataError, printable
from gsv_lab.evaluation.items import Clip, TestList
from gsv_lab.system.shipped import shipped_folder

TRAINED = "train"
CHOICES = ("valid", "dev_speaker")
"""Splits that no weight has seen, and by which a version or a setting was chosen."""
SHOWN = 5


def refuse_overlap(test_list: TestList, training: str | Path | None = None) -> None:
    """Refuses a list with clips that trained a model, and warns of those by which choices were made.

    Args:
        test_list: its references and targets are looked at.
        training: training list (`gsv_lab.corpora.clip_lists.ListedClip`); nano's own, with the clips of its
            `dev_list.csv`, if None.

    Raises:
        DataError: `DATA_LEAK`, with their number and the first ones; those of the training list itself. AudioError.
    """
    listed = _listed(training)
    by_name = defaultdict(list)
    for row in listed:
        by_name[row.clip.casefold()].append(row)
    by_hash = {row.hash: row for row in listed}
    kinds = {row.hash.partition(":")[0] for row in listed}
    found: dict[str, list[str]] = defaultdict(list)
    for clip in _clips(test_list):
        known = next((row for row in by_name[clip.path.stem.casefold()] if _is_of(clip, row)), None)
        if known is None and _kind(clip.path) in kinds:
            known = by_hash.get(clip_hash(clip.path))
        if known is not None:
            found[known.split].append(clip.key)
    if found[TRAINED]:
        raise _leak(test_list.name, found[TRAINED], "trained the model", "or evaluate a model that has not seen them")
    chosen = [key for split in CHOICES for key in found[split]]
    if chosen:
        problem = f"{_counted(chosen)} of {test_list.name!r} served choices of the model; figures on them flatter it"
        warnings.warn(printable(f"DATA_LEAK: {problem}"), stacklevel=2)


def refuse_tuning_overlap(test_list: TestList, recordings: Iterable[str | Path]) -> None:
    """Refuses a list with targets that a voice was tuned on, by the hashes of their samples.

    Args:
        test_list: the list.
        recordings: what the voice was tuned on, such as the rows of a protocol's `tune_0.list`.

    Raises:
        DataError: `DATA_LEAK`, with their number and the first ones. AudioError.
    """
    tuned = {clip_hash(path) for path in recordings}
    targets = [item.target for item in test_list.items if item.target is not None]
    leaked = [target.key for target in targets if clip_hash(target.path) in tuned]
    if leaked:
        raise _leak(test_list.name, leaked, "tuned the voice", "or tune on other recordings")


def _listed(training: str | Path | None) -> list[ListedClip]:
    """The clips of a training list; those of nano's development list stand beside its own."""
    path = shipped_folder("data") / "nano_train.csv" if training is None else Path(training)
    rows = [row for row in read_list(path) if isinstance(row, ListedClip)]
    if not rows:
        raise DataError("DATA_ROW", f"{path.name!r} is no training list", "|".join(ListedClip._fields))
    if training is None:
        for row in read_list(shipped_folder("data") / "dev_list.csv"):
            if isinstance(row, ListedTarget):
                rows.append(_development(row, row.target_corpus, row.target, row.target_hash))
                rows.append(_development(row, row.reference_corpus, row.reference, row.reference_hash))
    return rows


def _development(row: ListedTarget, corpus: str, clip: str, sound: str) -> ListedClip:
    return ListedClip(clip, corpus, row.speaker, row.language, "dev_speaker", 0.0, sound)


def _clips(test_list: TestList) -> list[Clip]:
    """The recordings of a list, each once."""
    both = (clip for item in test_list.items for clip in (item.target, item.reference) if clip is not None)
    return list({identity(clip.path): clip for clip in both}.values())


def _is_of(clip: Clip, row: ListedClip) -> bool:
    """Whether a clip that is called as an utterance is that of the corpus, and no chance hit of two numbers."""
    return not row.clip.isdecimal() or row.corpus.casefold() in clip.path.as_posix().casefold()


def _kind(path: Path) -> str:
    """Of the hash of a recording, as `clip_hash` makes it; lossless ones are decoded only where it may help."""
    return "pcm" if path.suffix.lower() in (".flac", ".wav") else "file"


def _counted(keys: list[str]) -> str:
    names = ", ".join(keys[:SHOWN]) + (" ..." if len(keys) > SHOWN else "")
    return f"{len(keys)} {'clip' if len(keys) == 1 else 'clips'} ({names})"


def _leak(name: str, keys: list[str], did: str, instead: str) -> DataError:
    problem = f"{_counted(keys)} of {name!r} {did}"
    return DataError("DATA_LEAK", problem, "recordings that were not heard before", f"Take them out, {instead}")
