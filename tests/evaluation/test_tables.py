"""Tables: values of clips, pooling, languages apart, paired differences, Holm over all that is asked."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from gsv_lab.evaluation.cells import Row
from gsv_lab.evaluation.lists import Item
from gsv_lab.evaluation.systems import Sample
from gsv_lab.evaluation.tables import Table, clip_values, differences_of, figures_of

Entry = dict[str, Any]


def row(system: str, item: str, speaker: str, seed: int | None = None, language: str = "en", **found: Any) -> Row:
    """A row of one measure for each keyword, by the evaluator `e`; a mapping is all that the measure found."""
    sample = Sample(system, Item(item, speaker, language, "x"), seed, f"{system} {item} {seed}", lambda: None, "x",
                    language, None)  # fmt: skip
    values = {(name, "e"): value if isinstance(value, dict) else {name: value} for name, value in found.items()}
    return Row(sample, 1.0, 16000, "", False, values, {})


def only(entries: list[Entry], **wanted: Any) -> Entry:
    (entry,) = [entry for entry in entries if all(entry[key] == value for key, value in wanted.items())]
    return entry


def test_seeds_are_averaged_then_clips_then_speakers() -> None:
    rows = [row("ours", "a", "ann", seed, dnsmos=value) for seed, value in enumerate((1.0, 3.0))]
    rows += [row("ours", "b", "ann", 0, dnsmos=4.0), row("ours", "c", "bob", 0, dnsmos=5.0)]
    (figure,) = figures_of(Table(clip_values(rows)[0]), ["ours"])
    assert figure["value"] == 4.0  # ann (2 + 4) / 2 = 3, bob 5
    assert figure["by_speaker"] == {"ann": 3.0, "bob": 5.0}
    assert (figure["unit"], figure["speakers"], figure["items"]) == ("speaker", 2, 3)
    expected = stats.t.interval(0.95, 1, 4.0, stats.sem([3.0, 5.0]))
    assert figure["t"] == pytest.approx(expected, rel=1e-5)


def test_error_rates_are_pooled_by_their_counts() -> None:
    found = [("a", "ann", 2, 4), ("b", "ann", 0, 16), ("c", "bob", 5, 10)]
    rows = [row("ours", item, who, text={"word_error": wrong / words, "word_count": words})
            for item, who, wrong, words in found]  # fmt: skip
    figures = figures_of(Table(clip_values(rows)[0]), ["ours"])
    assert [figure["measure"] for figure in figures] == ["word_error"], "counts are weights and no figures"
    assert figures[0]["value"] == pytest.approx(7 / 30, rel=1e-5)
    assert figures[0]["by_speaker"] == {"ann": 0.1, "bob": 0.5}


def test_languages_are_never_mixed() -> None:
    rows = [row("ours", f"{language}{n}", f"{language}{n}", None, language, dc=float(n))
            for language in ("en", "zh") for n in range(2 if language == "en" else 4)]  # fmt: skip
    figures = figures_of(Table(clip_values(rows)[0]), ["ours"])
    assert {figure["language"]: figure["value"] for figure in figures} == {"en": 0.5, "zh": 1.5}


def test_one_speaker_or_none_says_so() -> None:
    for speaker in ("ann", ""):
        rows = [row("ours", str(n), speaker, dc=float(n)) for n in range(3)]
        (figure,) = figures_of(Table(clip_values(rows)[0]), ["ours"])
        assert (figure["unit"], figure["speakers"], figure["value"]) == ("clip", int(bool(speaker)), 1.0)
        assert figure["by_speaker"] == ({"ann": 1.0} if speaker else {})
    (figure,) = figures_of(Table(clip_values(rows[:1])[0]), ["ours"])
    assert figure["t"] is None and figure["bootstrap"] is None


def test_differences_rest_on_common_items() -> None:
    numbers = np.random.default_rng(0).normal(size=(4, 3))
    rows = []
    for s, speaker in enumerate("abcd"):
        for c in range(3):
            rows.append(row("one", f"{speaker}{c}", speaker, dnsmos=numbers[s, c]))
            if (s, c) != (0, 0):
                rows.append(row("two", f"{speaker}{c}", speaker, dnsmos=numbers[s, c] + s))
    table = Table(clip_values(rows)[0])
    (entry,) = differences_of(table, ["one", "two"])
    assert (entry["a"], entry["b"], entry["items"], entry["unit"]) == ("two", "one", 11, "speaker")
    assert entry["value"] == pytest.approx(1.5, rel=1e-5)
    expected = stats.ttest_1samp([0, 1, 2, 3], 0).pvalue
    assert entry["p"] == pytest.approx(expected, rel=1e-5) and entry["p_holm"] == entry["p"]
    low, high = entry["bootstrap"]
    assert low < 1.5 < high


def test_holm_counts_all_that_was_asked() -> None:
    rng = np.random.default_rng(1)
    rows = []
    for n in range(12):
        mos, dc, rate = rng.normal(size=3)
        rows.append(row("one", str(n), str(n // 2), dnsmos=mos, dc=dc, mcd=rate))
        rows.append(row("two", str(n), str(n // 2), dnsmos=mos + 1 + rng.normal() / 9, dc=dc + rng.normal(), mcd=rate))
    table = Table(clip_values(rows)[0])
    entries = differences_of(table, ["one", "two"])
    assert len(entries) == 3
    mos = only(entries, measure="dnsmos")
    assert mos["p_holm"] == pytest.approx(3 * mos["p"], rel=1e-5)
    assert only(entries, measure="mcd")["p"] == 1.0, "equal systems"
    (asked,) = differences_of(table, ["one", "two"], ["dnsmos"])
    assert asked["p_holm"] == asked["p"] == mos["p"]


def test_rates_differ_by_pooled_rates() -> None:
    rows = []
    for item, words, one, two in (("a", 2, 1, 2), ("b", 10, 0, 5), ("c", 8, 4, 4)):
        for system, wrong in (("one", one), ("two", two)):
            rows.append(row(system, item, item, text={"word_error": wrong / words, "word_count": words}))
    (entry,) = differences_of(Table(clip_values(rows)[0]), ["one", "two"])
    assert entry["value"] == pytest.approx(11 / 20 - 5 / 20)
    assert entry["measure"] == "word_error"


def test_clip_values_keep_texts_and_leave_out_what_could_not_be_read() -> None:
    found = {"word_error": 0.5, "word_count": 2, "expected": "a b", "recognised": "a", "kinds": [1]}
    good = row("ours", "a", "ann", 3, words=found)
    bad = Row(good.sample, 0.0, 0, "AUDIO_FORMAT", True, {}, {})
    (clip,), thresholds = clip_values([good, bad])
    assert clip["values"] == {"word_count": {"e": 2.0}, "word_error": {"e": 0.5}}
    assert clip["texts"] == {"e": {"words": {"expected": "a b", "recognised": "a"}}}
    assert (clip["seed"], clip["failed"], clip["path"], thresholds) == (3, None, None, {})


def test_similarity_is_placed_between_floor_and_ceiling() -> None:
    """Natural clips are their speakers' ceiling; those of others, against one's reference, the floor."""
    rows = []
    for system, own in (("natural", 0.9), ("ours", 0.7)):
        for speaker, other in (("ann", "bob"), ("bob", "ann")):
            cosines = {speaker: {speaker: own}, other: {other: 0.3}}
            found = {"own": speaker, "cosines": cosines, "similarity": own}
            rows.append(row(system, speaker, speaker, similarity=found))
    clips, thresholds = clip_values(rows)
    values = clips[2]["values"]
    assert values["similarity"] == {"e": 0.7} and values["nearest"] == {"e": 1.0}
    assert values["similarity_normalised"]["e"] == pytest.approx((0.7 - 0.3) / (0.9 - 0.3), rel=1e-5)
    assert 0.3 < thresholds["e"]["en"]["threshold"] < 0.9 and thresholds["e"]["en"]["rate"] == 0
    assert not any(math.isnan(number) for clip in clips for by in clip["values"].values() for number in by.values())


def test_what_says_nothing_about_a_system_is_not_tested() -> None:
    rows = []
    for n in range(4):
        for system, far in (("natural", 0.0), ("one", 5.0 + n / 9), ("two", 6.0 - n / 7)):
            shared = {"ceiling": 0.9, "floor": 0.5, "similarity_seconds": 3.0, "word_count": 4}
            rows.append(row(system, str(n), str(n), mcd=far, f0_rmse=far, f0_offset=far, dnsmos=far, other=shared))
    entries = differences_of(Table(clip_values(rows)[0]), ["natural", "one", "two"])
    asked: dict[tuple[str, str], set[str]] = {(entry["a"], entry["b"]): set() for entry in entries}
    for entry in entries:
        asked[entry["a"], entry["b"]].add(entry["measure"])
    two_sided = {"f0_offset", "dnsmos"}
    assert asked == {("one", "natural"): two_sided, ("two", "natural"): two_sided,
                     ("two", "one"): {"mcd", "f0_rmse", *two_sided}}  # fmt: skip
    smallest = min(entries, key=lambda entry: entry["p"])
    assert smallest["p_holm"] == pytest.approx(min(1, 8 * smallest["p"]), rel=1e-4), "corrected for the eight"
    assert not differences_of(Table(clip_values(rows)[0]), ["natural", "one"], ["ceiling", "mcd"])
