"""Refuses test material that a model was trained on, or a voice tuned on.

A clip of a list counts as trained on if its file is called as an utterance of the training list, or if it has the same
hash (`gsv_lab.corpora.clip_lists.clip_hash`). Names are the utterances' own in their corpora and find the originals;
where they are mere numbers, the name of the corpus has to stand in the clip's path, too. Hashes find copies of other
names. Neither finds a recording that was renamed and coded anew, nor other sentences of a person who was heard.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from gsv_lab.corpora.clip_lists import ListedClip, ListedTarget, clip_hash, read_list
from gsv_lab.corpora.tables import identity
from gsv_lab.errors import DataError, printable
from gsv_lab.evaluation.items import Clip, TestList
from gsv_lab.inference.voice_checks import TunedClip
from gsv_lab.system.shipped import shipped_folder

TRAINED = "train"
CHOICES = ("valid", "dev_speaker")
"""Splits that no weight has seen, and by which a version or a setting was chosen."""
SHOWN = 5
NANO = ("nano_train.csv", "dev_list.csv")
"""Lists of nano in `data`."""

Entry = TypeVar("Entry")


def refuse_overlap(test_list: TestList, lists: str | Path | Sequence[str | Path] = ()) -> None:
    """Refuses a list with clips that trained a model, and warns of those by which choices were made.

    Args:
        test_list: its references and targets are looked at.
        lists: a training list (`gsv_lab.corpora.clip_lists.ListedClip`), or several; beside one also lists of targets
            by which the model was chosen. Those of nano if there are none.

    Raises:
        DataError: `DATA_LEAK`, with their number and the first ones; those of the lists themselves. AudioError.
    """
    listed = _listed([lists] if isinstance(lists, (str, Path)) else lists)
    known = _Known([(row, row.clip, row.corpus, [row.hash]) for row in listed])
    found: dict[str, list[str]] = defaultdict(list)
    for clip in _clips(test_list):
        row = known.find(clip)
        if row is not None:
            found[row.split].append(clip.key)
    if found[TRAINED]:
        raise _leak(test_list.name, found[TRAINED], "trained the model", "or evaluate a model that has not seen them")
    chosen = [key for split in CHOICES for key in found[split]]
    if chosen:
        problem = f"{_counted(chosen)} of {test_list.name!r} served choices of the model; figures on them flatter it"
        warnings.warn(printable(f"DATA_LEAK: {problem}"), stacklevel=2)


def refuse_tuning_overlap(test_list: TestList, tuned: Mapping[str, Sequence[TunedClip]]) -> None:
    """Refuses a list with targets that a voice shall speak and that it was tuned on.

    A target is known by the name of its utterance, by its own hash, and by that of the recording that a clip was cut
    from. A voice that does not say what tuned it is named in a warning.

    Args:
        test_list: the list.
        tuned: speaker -> what the voice with which the speaker's targets are spoken was tuned on.

    Raises:
        DataError: `DATA_LEAK`, with their number and the first ones. AudioError.
    """
    known = {}
    for speaker, clips in tuned.items():
        known[speaker] = _Known([(clip, clip.utterance, clip.corpus, [clip.hash, clip.source]) for clip in clips])
    targets = [item.target for item in test_list.items if item.target is not None and item.target.speaker in known]
    leaked = [target.key for target in targets if known[target.speaker].find(target) is not None]
    if leaked:
        raise _leak(test_list.name, leaked, "tuned the voice", "or tune on other recordings")
    silent = sorted({target.speaker for target in targets if not tuned[target.speaker]})
    if silent:
        problem = f"The voices of {', '.join(silent[:SHOWN])} do not say which clips tuned them"
        warnings.warn(printable(f"DATA_LEAK: {problem}, so nobody can tell whether the list has them"), stacklevel=2)


class _Known(Generic[Entry]):
    """Clips by the names of their utterances and by their hashes: (entry, name, corpus, hashes) of each."""

    def __init__(self, clips: Sequence[tuple[Entry, str, str, Sequence[str]]]) -> None:
        self._by_name: dict[str, list[tuple[Entry, str, str]]] = defaultdict(list)
        self._by_hash: dict[str, Entry] = {}
        for entry, name, corpus, hashes in clips:
            self._by_name[name.casefold()].append((entry, name, corpus))
            self._by_hash |= dict.fromkeys(filter(None, hashes), entry)
        self._kinds = {sound.partition(":")[0] for sound in self._by_hash}

    def find(self, clip: Clip) -> Entry | None:
        """The entry that is the same recording as a clip of a test list; None if there is none."""
        for entry, name, corpus in self._by_name[clip.path.stem.casefold()]:
            if _is_of(clip, name, corpus):
                return entry
        return self._by_hash.get(clip_hash(clip.path)) if _kind(clip.path) in self._kinds else None


def _listed(lists: Sequence[str | Path]) -> list[ListedClip]:
    """The clips of training lists, and those of lists of targets as a choice was made by them.

    Raises:
        DataError: `DATA_ROW`, none of them is a training list; those of `read_list`.
    """
    paths = [Path(path) for path in lists] or [shipped_folder("data") / name for name in NANO]
    rows: list[ListedClip] = []
    chosen: list[ListedClip] = []
    for row in (row for path in paths for row in read_list(path)):
        if isinstance(row, ListedClip):
            rows.append(row)
        else:
            chosen.append(_development(row, row.target_corpus, row.target, row.target_hash))
            chosen.append(_development(row, row.reference_corpus, row.reference, row.reference_hash))
    if not rows:
        problem = f"{paths[0].name!r} is no training list"
        raise DataError("DATA_ROW", problem, "|".join(ListedClip._fields))
    return rows + chosen


def _development(row: ListedTarget, corpus: str, clip: str, sound: str) -> ListedClip:
    return ListedClip(clip, corpus, row.speaker, row.language, "dev_speaker", 0.0, sound)


def _clips(test_list: TestList) -> list[Clip]:
    """The recordings of a list, each once."""
    both = (clip for item in test_list.items for clip in (item.target, item.reference) if clip is not None)
    return list({identity(clip.path): clip for clip in both}.values())


def _is_of(clip: Clip, name: str, corpus: str) -> bool:
    """Whether a clip that is called as an utterance is that of the corpus, and no chance hit of two numbers."""
    return not name.isdecimal() or corpus.casefold() in clip.path.as_posix().casefold()


def _kind(path: Path) -> str:
    """Of the hash of a recording, as `clip_hash` makes it; lossless ones are decoded only where it may help."""
    return "pcm" if path.suffix.lower() in (".flac", ".wav") else "file"


def _counted(keys: list[str]) -> str:
    names = ", ".join(keys[:SHOWN]) + (" ..." if len(keys) > SHOWN else "")
    return f"{len(keys)} {'clip' if len(keys) == 1 else 'clips'} ({names})"


def _leak(name: str, keys: list[str], did: str, instead: str) -> DataError:
    problem = f"{_counted(keys)} of {name!r} {did}"
    return DataError("DATA_LEAK", problem, "recordings that were not heard before", f"Take them out, {instead}")
