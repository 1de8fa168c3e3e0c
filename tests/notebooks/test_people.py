"""What notebook 11 works with: clips, tests and a simulated panel; real votes as they were published; the panels."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from gsv_lab import figures
from gsv_lab.audio import read_mark
from gsv_lab.evaluation.listening.files import read_key, read_test
from gsv_lab.evaluation.listening.simulated import panel_events
from gsv_lab.evaluation.listening.store import Store
from gsv_lab.inference.lab import Lab
from gsv_lab.teaching.exercises import asking, opinions
from gsv_lab.teaching.exercises.asking import MadeClips
from gsv_lab.teaching.exercises.material import shipped_sample
from gsv_lab.teaching.exercises.opinions import left_out, real_votes
from gsv_lab.teaching.widgets.listening import ListeningPanel, ListeningTests
from source import ROOT

MEANS = {
    "Reference": (98.36, 99.07), "AudioDec": (64.93, 66.71), "Proposed 5.51": (60.04, 60.44),
    "Proposed 1.38": (54.07, 54.28), "Proposed 5.51 16kHz": (49.07, 48.64), "Proposed 1.38 16kHz": (48.35, 47.30),
    "Lyra 6": (45.96, 45.55), "Lyra 3": (29.38, 29.64), "Anchor": (20.30, 19.42),
}  # fmt: skip
"""Of the shipped votes, before and after the authors' screening."""


@pytest.fixture(scope="module")
def made(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> tuple[MadeClips, dict[str, Path]]:
    """Clips by untrained networks, and the three tests of them."""
    place = tmp_path_factory.mktemp("people")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # untrained networks do not end
        clips = asking.conditions(lab, shipped_sample(), place)
    return clips, asking.tests(clips, place)


def test_clips_are_of_three_systems_and_one_level(made: tuple[MadeClips, dict[str, Path]]) -> None:
    clips, tests = made
    assert set(clips.sounds) == {"recording", "copy_synthesis", "zero_shot"} and not clips.natural
    assert all(len(sounds) == asking.SENTENCES for sounds in clips.sounds.values())
    marked = {path.parent.name for path in clips.folder.rglob("*.wav") if read_mark(path) is not None}
    assert marked == {"copy_synthesis", "zero_shot"}
    assert [*asking.first(clips)] == [*clips.sounds]
    after = [float(row["in the test (dBFS)"]) for row in asking.levels(clips, tests["MUSHRA"])]
    assert after == pytest.approx([-26.0] * 3, abs=0.25)  # where the speech is, is asked of every file anew
    heard = asking.anchors_heard(tests["MUSHRA"])
    assert [*heard] == ["recording", "lp35", "mnru"] and all(sound.mark for sound in heard.values())
    designs = {name: read_test(folder).design for name, folder in tests.items()}
    assert designs == {"ACR": "acr", "MUSHRA": "mushra", "ABX": "abx"}
    assert read_key(tests["ABX"] / "key.json").decisions["primary_contrast"] == ["copy_synthesis", "zero_shot"]


def test_tests_and_votes_that_are_there_are_used_again(made: tuple[MadeClips, dict[str, Path]]) -> None:
    clips, tests = made
    before = {name: (folder / "test.json").read_bytes() for name, folder in tests.items()}
    assert asking.tests(clips, clips.folder.parent) == tests
    assert {name: (folder / "test.json").read_bytes() for name, folder in tests.items()} == before
    counts = asking.simulate(tests)
    assert [row["pages answered"] for row in counts] == [24 * 6, 24 * 4, 24 * 4 * 2]
    assert asking.simulate(tests) == counts  # nobody answers twice
    found = {row["system"]: row for row in asking.results(tests)}
    assert [*found][0] == "recording" and found["mnru"]["ACR"] == "" and " ± " in found["zero_shot"]["ACR"]
    store = Store(tests["ACR"] / "votes.sqlite", read_test(tests["ACR"]))
    raters = store.raters()
    rows = asking.forgotten(tests["ACR"])
    assert [row["pages answered"] for row in rows] == [144, 150, 144] and store.raters() == raters
    store.close()
    told = opinions.told_apart(tests["ABX"], lambda right, n: right / n)
    assert [row["answers"] for row in told] == [96, 96] and all(float(row["p"]) > 0.5 for row in told)


def test_the_panels_stand_behind_a_choice_and_are_counted(
    made: tuple[MadeClips, dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ListeningPanel, "send", lambda *_, **__: None)
    explorer = ListeningTests(made[1])
    view = explorer.view
    assert explorer.stage in view.children and explorer.stage.children == (explorer.panels["ACR"],)
    assert "How natural" in explorer.output.value and "Excellent" in explorer.output.value
    explorer.set(test="ABX")
    assert explorer.stage.children == (explorer.panels["ABX"],) and "X is A" in explorer.output.value
    panel = explorer.panels["ABX"]
    begun = len(panel.desk.store.raters())

    def said(content: Mapping[str, Any]) -> None:
        panel._handle_custom_msg(content, [])

    said({"kind": "begin", "ask": 1, "at": 1, "place": 0})
    assert f"{begun + 1} raters have begun" in explorer.output.value
    rater = panel.desk.store.raters()[-1]
    events = panel_events(panel.desk.test, 0, lambda page, name: "first", pages=1)[1:]
    before = explorer.output.value
    said({"kind": "keep", "ask": 2, "rater": rater, "events": events[:-1]})
    assert explorer.output.value == before  # the page was not left yet
    said({"kind": "keep", "ask": 3, "rater": rater, "events": events[-1:]})
    assert explorer.output.value != before and explorer.snapshot() == explorer.output.value
    said({"kind": "forget", "ask": 4, "rater": rater})
    assert f"{begun} raters have begun" in explorer.output.value
    for one in explorer.panels.values():
        one.desk.store.close()


def test_real_votes_are_those_that_were_published() -> None:
    votes = real_votes()
    assert (len(votes), len(votes.raters), len(votes.items), len(votes.systems)) == (1512, 21, 16, 9)
    away = left_out(*opinions.columns(votes))
    rows = list(csv.DictReader(opinions.VOTES.read_text(encoding="utf-8").splitlines()))
    assert {*away} == {row["participant"] for row in rows if row["kept_by_authors"] == "0"} == {"6", "17"}
    shown = {row["system"]: (float(row["all"]), float(row["without 6, 17"])) for row in opinions.screened(votes, away)}
    assert shown == {name: pytest.approx(means, abs=0.006) for name, means in MEANS.items()}
    table = {row["first minus second"]: row for row in opinions.differences(votes.without(away), opinions.equal)}
    assert table["Proposed 1.38 − Lyra 3"]["difference"] == "+24.63"
    off = opinions.rater_differences(votes.without(away), "Proposed 5.51 16kHz", "Proposed 1.38 16kHz")
    bound = max(stats.ttest_1samp(off, -5, alternative="greater").pvalue,
                stats.ttest_1samp(off, 5, alternative="less").pvalue)  # fmt: skip
    assert opinions.equal(off, 5.0) == pytest.approx(bound)
    row = table["Proposed 5.51 16kHz − Proposed 1.38 16kHz"]
    assert row["p of 'not within 5'"] == f"{bound:.2g}" == "0.0053"
    assert row["p of 'no difference'"] == f"{stats.ttest_1samp(off, 0).pvalue:.2g}"


def test_the_votes_are_credited_where_they_lie() -> None:
    words = " ".join((opinions.VOTES.parent / "README.md").read_text(encoding="utf-8").split())
    assert all(part in words for part in ("B. Stahl, S. Windtner", "CC BY 4.0", "IEEE Access 12 (2024) 159239-159251"))
    assert "CC BY 4.0" in opinions.CREDIT and "Stahl" in opinions.CREDIT
    assert "mushra_votes/ratings.csv" in (ROOT / "data" / "README.md").read_text(encoding="utf-8")


def test_two_camps_are_seen() -> None:
    votes = real_votes()
    figure = opinions.agreement_figure(votes)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    camp = ["1", "6", "9", "15", "17", "21"]
    assert {*labels} == {*votes.raters} and {*labels[:6]} == {*camp}
    ((ours, others),) = ([row[f"raters {', '.join(camp)}"], row["all others"]] for row in opinions.camps(votes, camp)
                         if row["codec (kbit/s)"] == "Proposed 5.51 16kHz")  # fmt: skip
    assert (ours, others) == ("63.6", "43.2")


def test_only_the_two_way_interval_holds_what_it_promises() -> None:
    held = opinions.intervals(opinions.two_way_error, tests=300)
    share = {name: float(((ends[:, 0] <= held.truth) & (held.truth <= ends[:, 1])).mean())
             for name, ends in held.ends.items()}  # fmt: skip
    assert share["votes (t)"] < 0.6 and share["items"] < 0.9 < share["raters"] + 0.05 and share["two-way"] > 0.92
    forgetful = opinions.intervals(lambda *_: np.nan, tests=20)  # a square that chance made negative
    assert np.isfinite(forgetful.ends["two-way"]).all()


def test_intervals_are_drawn_with_their_shares() -> None:
    ends = np.array([[0.0, 1.0], [0.5, 1.5], [2.0, 3.0], [0.9, 1.1]])
    figure = figures.interval_coverage({"a": ends, "b": ends + 5}, 1.0, shown=3)
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["a\n75% hold the truth", "b\n0% hold the truth"]
    assert len({axis.get_ylim() for axis in figure.axes}) == 1 and len(figure.axes[0].lines) == 4
    for bad in ({}, {"a": np.zeros((3, 3))}):
        with pytest.raises(ValueError, match="an upper end a test"):
            figures.interval_coverage(bad, 1.0)
