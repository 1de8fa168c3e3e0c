"""How often texts fail, by class and language, and what the guard does for that.

A clip fails where words are skipped, said again or looped, or where it breaks off. The unit is the text: its seeds are
averaged, and intervals are Student's t over texts. They say how other texts of the class would fare with this voice,
and nothing of other voices.
Letters: T samples, R recognised phones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gsv_lab.evaluation.hard.clips import Clip
from gsv_lab.evaluation.hard.guards import ON
from gsv_lab.evaluation.hard.texts import Word
from gsv_lab.evaluation.measures.completeness import Completeness, completeness
from gsv_lab.evaluation.measures.recognisers import PhoneTranscriber
from gsv_lab.evaluation.statistics.intervals import difference, holm, interval

KINDS = ("skipped", "repeated", "looped", "stopped_early")
FAILURE = "failure"
SKIPPED_WORDS = "skipped_words"
MEASURES = (FAILURE, *KINDS, SKIPPED_WORDS)
"""Shares of the texts that fail at all, and in each way; and the share of the words that are skipped."""
ALL = "all"
"""All classes of a language together."""


class Judged(NamedTuple):
    """A clip with the words that could be judged, and what became of them.

    `phones` (R,) are what the recogniser heard, and `times` (R,) where each begins, in seconds.
    """

    clip: Clip
    words: tuple[Word, ...]
    found: Completeness
    phones: tuple[str, ...] = ()
    times: tuple[float, ...] = ()

    @property
    def values(self) -> dict[str, float]:
        """A number for each of `MEASURES`."""
        kinds = {
            "skipped": bool(self.found.skipped),
            "repeated": bool(self.found.repeated),
            "looped": bool(self.found.looped or self.found.babble),
            "stopped_early": self.found.stopped_early,
        }
        shares = {name: float(kinds[name]) for name in KINDS}
        return {FAILURE: max(shares.values()), **shares, SKIPPED_WORDS: len(self.found.skipped) / len(self.words)}

    @property
    def wrong(self) -> float:
        """Words that are missing or too many, as a share of the words; above 1 where much is said again."""
        again = sum(last - first for first, last in self.found.repeated)
        phones = sum(len(word.phones) for word in self.words)
        babble = sum(last - first for first, last in self.found.babble)
        return (len(self.found.skipped) + again) / len(self.words) + babble / phones


def judge(clip: Clip, words: Sequence[Word], wave: np.ndarray, recogniser: PhoneTranscriber) -> Judged:
    """What became of the words of a clip.

    Args:
        clip: the clip.
        words: what can be judged of its text.
        wave: (T,) at 16 kHz.
        recogniser: of the phones of its language.

    Raises:
        TextError: `TEXT_EMPTY`, there is no word.
    """
    network = recogniser.recogniser
    names = network.phone_names
    scores = recogniser.scores_of_speech(wave)
    found = completeness([word.phones for word in words], scores, names)
    best = scores.argmax(1)
    first = np.flatnonzero((best > 0) & (np.diff(best, prepend=0) != 0))
    phones = tuple(names[number - 1] for number in best[first].tolist())
    times = tuple((first / network.frame_rate).tolist())
    return Judged(clip, tuple(words), found, phones, times)


def rates(judged: Iterable[Judged]) -> list[dict[str, Any]]:
    """Of each guard setting, language and class the rates of `MEASURES` with their intervals."""
    rows = []
    for (guard, language, kind), by_text in sorted(_groups(judged).items()):
        for measure in MEASURES:
            values = _means(by_text, measure)
            found = interval(list(values.values()), [""] * len(values))
            rows.append(
                {
                    "guard": guard,
                    "language": language,
                    "class": kind,
                    "measure": measure,
                    "value": plain(found.value),
                    "t": ends(found.low, found.high),
                    "unit": "text",
                    "texts": len(values),
                }
            )
    return rows


def differences(judged: Iterable[Judged]) -> list[dict[str, Any]]:
    """Every other guard setting minus `on`, on the same texts: all measures of a language, failures of a class.

    p values are adjusted by Holm for all rows.
    """
    groups = _groups(judged)
    rows: list[dict[str, Any]] = []
    for (guard, language, kind), by_text in sorted(groups.items()):
        guarded = groups.get((ON, language, kind))
        if guard == ON or not guarded:
            continue
        for measure in MEASURES if kind == ALL else (FAILURE,):
            first, second = _means(by_text, measure), _means(guarded, measure)
            items = sorted(first.keys() & second.keys())
            if not items:
                continue
            pairs = [first[item] for item in items], [second[item] for item in items]
            found = difference(*pairs, [""] * len(items))
            rows.append(
                {
                    "a": guard,
                    "b": ON,
                    "language": language,
                    "class": kind,
                    "measure": measure,
                    "value": plain(found.value),
                    "t": ends(found.low, found.high),
                    "p": plain(found.p),
                    "unit": "text",
                    "texts": len(items),
                }
            )
    adjusted = holm([math.nan if row["p"] is None else row["p"] for row in rows])
    return [{**row, "p_holm": plain(p)} for row, p in zip(rows, adjusted, strict=True)]


def _groups(judged: Iterable[Judged]) -> dict[tuple[str, str, str], dict[str, list[Judged]]]:
    """(guard, language, class) -> item -> its clips; each clip also counts for `ALL` classes."""
    groups: dict[tuple[str, str, str], dict[str, list[Judged]]] = {}
    for one in judged:
        text = one.clip.text
        for kind in (text.kind, ALL):
            group = groups.setdefault((one.clip.guard, text.language, kind), {})
            group.setdefault(text.item, []).append(one)
    return groups


def _means(by_text: Mapping[str, Sequence[Judged]], measure: str) -> dict[str, float]:
    """The value of each text, averaged over its seeds."""
    return {item: sum(one.values[measure] for one in clips) / len(clips) for item, clips in by_text.items()}


def plain(value: float) -> float | None:
    """A number with six significant digits; None where there is none."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def ends(low: float, high: float) -> list[float | None] | None:
    """The ends of an interval; None where there is none."""
    return [plain(low), plain(high)] if math.isfinite(low) else None
