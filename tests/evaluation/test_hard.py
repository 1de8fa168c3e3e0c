"""Hard texts: the list, what is judged, guard settings, runs that go on, rates, traces, and the page."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import gsv_lab
from gsv_lab import audio
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.evaluation.hard.clips import NOTES, Clip, Clips
from gsv_lab.evaluation.hard.guards import ALIGNMENT_TAPS, Guard, chosen_guards
from gsv_lab.evaluation.hard.rates import FAILURE, Judged, differences, rates
from gsv_lab.evaluation.hard.report import worst
from gsv_lab.evaluation.hard.run import PAGE, RESULT, TIMING, run_hard
from gsv_lab.evaluation.hard.texts import CLASSES, OWN, HardList, HardText, Word, judged_words, read_hard, sentences
from gsv_lab.evaluation.hard.traces import trace
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.loading import load_family
from gsv_lab.inference.voice import Voice
from gsv_lab.text import phonemize
from released_files import write_family

from .heard_phones import completeness_of_phones

SHORT = HardList(
    "short",
    "0" * 64,
    (HardText("one", "lists", "en", "Apples and pears."), HardText("two", "numbers", "zh", "一共三块五毛。")),
)


@pytest.fixture(scope="module")
def lab() -> Lab:
    return gsv_lab.load("nano")


@pytest.fixture(scope="module")
def voice(lab: Lab, sample: Path) -> Voice:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lab.clone(sample)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A tiny released family with random weights; two codes a phone, for it does not know when to stop."""
    pytest.importorskip("transformers", reason="transformers is in the extra [released]")
    family = load_family(str(write_family(tmp_path_factory.mktemp("released"), pro=False)))
    return Lab(replace(family, max_codes_per_phone=2.0))


@pytest.fixture(scope="module")
def released_voice(released: Lab, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Voice:
    wave = audio.read(sample, 32000).samples[: 4 * 32000]
    clip = audio.write(tmp_path_factory.mktemp("clip") / "clip.wav", wave, 32000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return released.clone(clip, text="She said it was a good day.")


@pytest.fixture(scope="module")
def finished(lab: Lab, voice: Voice, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with both guard settings."""
    folder = tmp_path_factory.mktemp("run")
    run_hard(lab, voice, folder, texts=SHORT)
    return folder


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that a run has spoken, in order."""
    asked: list[str] = []
    speak = Clips._speak

    def speak_and_note(self: Clips, clip: Clip, guard: Guard) -> dict[str, Any]:
        asked.append(clip.text.text)
        return speak(self, clip, guard)

    monkeypatch.setattr(Clips, "_speak", speak_and_note)
    return asked


def listed(*texts: HardText) -> HardList:
    return HardList("list", "0" * 64, texts)


def copied(folder: Path, target: Path) -> Path:
    for path in folder.rglob("*"):
        if path.is_file():
            (target / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
            (target / path.relative_to(folder)).write_bytes(path.read_bytes())
    return target


def test_the_shipped_list_covers_every_class_in_both_languages() -> None:
    texts = read_hard().texts
    counts = Counter((text.kind, text.language) for text in texts)
    assert len(texts) >= 120 and {kind for kind, _ in counts} == set(CLASSES)
    assert all(counts[kind, language] >= 8 for kind in CLASSES for language in ("en", "zh"))
    assert len({text.text for text in texts}) == len(texts)
    assert all(max(map(len, text.text.split())) < 60 and "\t" not in text.text for text in texts)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_front_end_reads_every_line_and_every_line_can_be_judged(language: str) -> None:
    for text in read_hard().texts:
        if text.language != language:
            continue
        phones = phonemize(text.text, language)
        assert not phones.warnings, (text.item, phones.warnings)
        words = judged_words([phones], language)
        assert sum(len(word.phones) for word in words) >= 3, text.item
        if text.kind == "mixed_language":
            assert phones.language == "mixed", text.item
        if text.kind == "long_unpunctuated":
            assert len(words) >= 30 and not set(text.text) & set(",.;，。"), text.item


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"", "DATA_ROW", "empty"),
        (b"a\ten\n", "DATA_ROW", "Line 1 has 2 fields"),
        (b"a\town\ten\tGo.\nb/c\town\ten\tGo.\n", "DATA_ROW", "Line 2 has the item 'b/c'"),
        (b"..\town\ten\tGo.\n", "DATA_ROW", "item"),
        (b"a\town\ten\t \n", "DATA_ROW", "empty class or text"),
        (b"a\town\tfr\tAllez.\n", "LANG_UNKNOWN", "Line 1: language 'fr'"),
        (b"a\ten\tGo.\na\ten\tStop.\n", "DATA_DUPLICATE", "'a'"),
        (b"a\ten\t\xff\n", "DATA_MISSING", "UTF-8"),
    ],
)
def test_a_broken_list_is_refused(content: bytes, code: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_bytes(content)
    with pytest.raises(DataError, match=re.escape(says)) as raised:
        read_hard(tmp_path / "list.tsv")
    assert raised.value.code == code


def test_a_list_of_texts_alone_has_one_class(tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_text("\ufeffa\ten\tGo home.\r\n\r\nb\tzh\t回家。\r\n", encoding="utf-8")
    found = read_hard(tmp_path / "list.tsv")
    assert [text.kind for text in found.texts] == [OWN, OWN] and found.texts[1].text == "回家。"
    assert [text.item for text in found.only(["b"]).texts] == ["b"]
    with pytest.raises(DataError, match="no item c"):
        found.only(["c"])
    with pytest.raises(DataError, match="cannot be read"):
        read_hard(tmp_path / "none.tsv")


def test_words_of_the_other_language_are_not_judged(lab: Lab, voice: Voice) -> None:
    text = HardText("a", OWN, "zh", "请把这个 email 发给我。我们明天早上再见。")
    texts = sentences(lab, text, voice)
    words = judged_words(texts, "zh")
    assert [word.label for word in words] == list("请把这个发给我我们明天早上再见") and words[0].phones == ("q", "ing")
    symbols = [symbol for phones in texts for symbol in phones.symbols]
    assert len(texts) == 2 and "SP" in symbols
    for word in words:
        assert [symbol.rstrip("012345") for symbol in symbols[word.first : word.last + 1]] == list(word.phones)
    assert [word.label for word in judged_words(texts, "en")] == ["email"]


def test_guards_of_a_family_with_alignment(lab: Lab) -> None:
    guards, missing = chosen_guards(lab, ["on", "off", "reranked", "off"])
    on, off, reranked = guards
    assert not missing and not on.options and not on.edits
    assert "monotonic alignment" in on.protects and "monotonic alignment" not in off.protects
    assert off.options == {"candidates": 1} and tuple(edit.target for edit in off.edits) == ALIGNMENT_TAPS
    assert reranked.options == {"candidates": 4} and reranked.protects[-1] == "the best of 4 candidates"
    for names in ([], ["none"]):
        with pytest.raises(ConfigError, match="guard setting"):
            chosen_guards(lab, names)


def test_guards_of_a_released_family(released: Lab) -> None:
    guards, missing = chosen_guards(released, ["on", "off", "reranked"])
    assert [guard.name for guard in guards] == ["on", "off"] and "no phones" in missing["reranked"]
    assert guards[1].options == {"repetition_penalty": 1.0} and "repetition penalty 1.35" in guards[0].protects
    unguarded = Lab(replace(released.family, sampling=replace(released.family.sampling, repetition_penalty=1.0)))
    guards, missing = chosen_guards(unguarded, ["on", "off"])
    assert [guard.name for guard in guards] == ["on"] and "no guard" in missing["off"]


def test_a_run_is_complete_and_says_how_it_was_made(finished: Path) -> None:
    result = json.loads((finished / RESULT).read_text())
    assert result["schema"] == 1 and result["seeds"] == [0] and list(result["guards"]) == ["off", "on"]
    assert [(clip["item"], clip["guard"]) for clip in result["clips"]] == [
        ("one", "on"), ("one", "off"), ("two", "on"), ("two", "off"),
    ]  # fmt: skip
    for clip in result["clips"]:
        mark = audio.read_mark(finished / clip["path"])
        assert mark is not None and mark.settings["guard"] == clip["guard"] and clip["heard"]
    waves = [(finished / clip["path"]).read_bytes() for clip in result["clips"]]
    assert len(set(waves)) == 4
    costs = json.loads((finished / TIMING).read_text())
    assert costs["guards"]["on"]["times_on"] == 1.0 and costs["guards"]["off"]["clips"] == 2
    assert "spoke" not in (finished / RESULT).read_text()
    assert {"version", "commit", "packages", "machine"} <= costs.keys() and not costs.keys() & result.keys() - {
        "guards"
    }
    page = (finished / PAGE).read_text()
    assert "Where it was measured" in page and costs["packages"]["torch"] in page


def test_the_same_run_again_speaks_nothing_and_writes_the_same(
    lab: Lab, voice: Voice, finished: Path, spoken: list[str]
) -> None:
    before = (finished / RESULT).read_bytes()
    run_hard(lab, voice, finished, texts=SHORT)
    assert not spoken and (finished / RESULT).read_bytes() == before


def test_only_a_changed_text_is_spoken_anew(
    lab: Lab, voice: Voice, finished: Path, spoken: list[str], tmp_path: Path
) -> None:
    folder = copied(finished, tmp_path / "run")
    changed = SHORT.texts[0]._replace(text="Apples and plums.")
    result = run_hard(lab, voice, folder, texts=listed(changed, SHORT.texts[1]), guards=("on",))
    assert spoken == ["Apples and plums."] and result["clips"][0]["words"] == ["Apples", "and", "plums"]


def test_a_run_that_was_stopped_goes_on(
    lab: Lab, voice: Voice, finished: Path, spoken: list[str], tmp_path: Path
) -> None:
    """A half-written note, and a wave that is gone, are made again, and nothing else; the result is the same."""
    folder = copied(finished, tmp_path / "run")
    notes = (folder / NOTES).read_bytes()
    (folder / NOTES).write_bytes(notes[:-40])
    (folder / "clips" / "on" / "one_0.wav").unlink()
    run_hard(lab, voice, folder, texts=SHORT)
    assert sorted(spoken) == sorted(text.text for text in SHORT.texts)
    assert (folder / RESULT).read_bytes() == (finished / RESULT).read_bytes()


def test_the_seed_and_the_guard_are_part_of_the_sound(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    clips = Clips(lab, voice, tmp_path)
    guards, _ = chosen_guards(lab, ["on", "off", "reranked"])
    sounds = {clips._sound(SHORT.texts[0], seed, guard) for seed in (0, 1) for guard in guards}
    assert len(sounds) == 6


def test_a_text_that_cannot_be_read_is_listed(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    result = run_hard(
        lab, voice, tmp_path, texts=listed(HardText("a", OWN, "en", "..."), SHORT.texts[0]), guards=["on"]
    )
    assert [row["code"] for row in result["failed"]] == ["TEXT_EMPTY"] and len(result["clips"]) == 1
    assert {row["texts"] for row in result["rates"]} == {1}


def test_no_seed_is_refused(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No seed"):
        run_hard(lab, voice, tmp_path / "none", seeds=())
    assert not (tmp_path / "none").exists()


START, MIDDLE, END = "Please remember", "the yellow umbrella", "because tomorrow will be a rainy day."
SAID = {
    "whole": (f"{START} {MIDDLE}, {END}", ()),
    "cut": (f"{START}.", ("skipped", "stopped_early")),
    "gap": (f"{START} {END}", ("skipped",)),
    "again": (f"{START} {MIDDLE}, {START} {MIDDLE}, {END}", ("repeated",)),
    "loop": (f"{f'{START} {MIDDLE}, ' * 4}{END}", ("repeated", "looped")),
}


@pytest.mark.parametrize("fault", SAID)
def test_what_is_wrong_with_speech_is_found(
    fault: str, lab: Lab, voice: Voice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lab says something else than it was asked for: a real voice, the real recogniser, and the whole way."""
    said, kinds = SAID[fault]
    speak = lab.speak
    monkeypatch.setattr(lab, "speak", lambda text, *rest, **options: speak(said, *rest, **options))
    result = run_hard(lab, voice, tmp_path, texts=listed(HardText("a", OWN, "en", SAID["whole"][0])), guards=("on",))
    shares = {row["measure"]: row["value"] for row in result["rates"] if row["class"] == OWN}
    assert {name for name in ("skipped", "repeated", "looped", "stopped_early") if shares[name]} == set(kinds)
    assert shares[FAILURE] == float(bool(kinds))
    page = (tmp_path / PAGE).read_text()
    assert page.count("<audio") == page.count("<img") == int(bool(kinds))
    assert "http" not in page and all(place.startswith("data:") for place in page.split('src="')[1:])


WORDS = [Word(label, tuple(label), 3 * number, 3 * number + 2) for number, label in enumerate(("abc", "def", "ghi"))]


def judged(item: str, seed: int, guard: str, phones: str, kind: str = "lists") -> Judged:
    clip = Clip(HardText(item, kind, "en", item), seed, guard, f"{item} {seed} {guard}", "x.wav")
    return Judged(clip, tuple(WORDS), completeness_of_phones([word.phones for word in WORDS], list(phones)))


def test_rates_are_means_over_texts_of_means_over_seeds() -> None:
    whole, gap = "abcdefghi", "abcghi"
    clips = [judged("a", 0, "on", whole), judged("a", 1, "on", gap), judged("b", 0, "on", whole)]
    clips += [judged("b", 1, "on", whole), judged("c", 0, "on", gap, "numbers"), judged("c", 1, "on", gap, "numbers")]
    rows = {(row["class"], row["measure"]): row for row in rates(clips)}
    every = rows["all", FAILURE]
    low, high = stats.t.interval(0.95, 2, np.mean([0.5, 0.0, 1.0]), stats.sem([0.5, 0.0, 1.0]))
    assert every["value"] == 0.5 and every["texts"] == 3 and every["t"] == pytest.approx([low, high], rel=1e-5)
    assert rows["lists", "skipped"]["value"] == 0.25 and rows["numbers", "skipped"]["t"] is None
    assert rows["all", "skipped_words"]["value"] == pytest.approx(0.5 / 3, rel=1e-5)
    assert rows["all", "repeated"]["value"] == 0.0


def test_differences_are_paired_and_away_from_the_guard() -> None:
    clips = [judged(item, 0, "on", "abcdefghi") for item in "abcdef"]
    clips += [judged(item, 0, "off", "abcghi" if item in "abcd" else "abcdefghi") for item in "abcdefg"]
    rows = differences(clips)
    row = next(row for row in rows if row["class"] == "all" and row["measure"] == FAILURE)
    expected = stats.ttest_rel([1, 1, 1, 1, 0, 0], [0] * 6)
    assert (row["a"], row["b"], row["texts"]) == ("off", "on", 6) and row["value"] == pytest.approx(4 / 6, rel=1e-5)
    assert row["p"] == pytest.approx(float(expected.pvalue), rel=1e-5) and row["p_holm"] > row["p"]
    assert {row["measure"] for row in rows if row["class"] == "lists"} == {FAILURE}
    assert not differences(clips[:6])


def test_the_worst_of_each_setting_come_in_turn() -> None:
    clips = [judged(item, 0, "off", "abc") for item in "abcd"] + [judged("e", 0, "on", "abcghi")]
    clips += [judged("f", 0, "on", "abcdefghi")]
    assert [(one.clip.guard, one.clip.text.item) for one in worst(clips, 3)] == [
        ("off", "a"),
        ("on", "e"),
        ("off", "b"),
    ]
    assert len(worst(clips)) == 5


def test_the_trace_of_an_alignment_is_what_the_prior_was_given(lab: Lab, voice: Voice, finished: Path) -> None:
    guards, _ = chosen_guards(lab, ["on", "off"])
    clips = Clips(lab, voice, finished)
    for guard in guards:
        clip = clips.make(SHORT.texts[0], 0, guard)
        found = trace(lab, clip, voice, guard, finished)
        assert found is not None and found.source.startswith("monotonic alignment") and "another" not in found.source
        phones = sentences(lab, clip.text, voice)
        assert found.weights.shape[1] == len(phones[0]) and (found.weights.sum(1) == 1).all()
        assert (np.diff(found.weights.argmax(1)) >= 0).all()
        assert len(found.weights) / found.rate == pytest.approx(clip.seconds, abs=0.05)


def test_another_draw_is_traced_by_forced_alignment(lab: Lab, voice: Voice, finished: Path) -> None:
    guards, _ = chosen_guards(lab, ["on"])
    clip = Clips(lab, voice, finished).make(SHORT.texts[0], 0, guards[0])
    found = trace(lab, replace(clip, codes="others"), voice, guards[0], finished)
    assert found is not None and found.source == "forced alignment of the clip"
    assert len(found.weights) / found.rate == pytest.approx(clip.seconds, abs=0.05)
    assert set(np.unique(found.weights.sum(1))) <= {0.0, 1.0} and found.weights.any(0).sum() >= 8


def test_a_released_family_runs_and_shows_its_attention(released: Lab, released_voice: Voice, tmp_path: Path) -> None:
    """Random weights say nothing: everything is skipped, which the pictures show beside the attention."""
    texts = listed(
        HardText("a", OWN, "zh", "今天天气很好，我们回家。今天很好。"), HardText("b", OWN, "en", "We go home.")
    )
    result = run_hard(released, released_voice, tmp_path, texts=texts, guards=("on", "off", "reranked"))
    assert list(result["not_run"]) == ["reranked"] and all(clip["failure"] for clip in result["clips"])
    assert (tmp_path / PAGE).read_text().count("<img") == 4
    guards, _ = chosen_guards(released, ["on"])
    clip = Clips(released, released_voice, tmp_path).make(texts.texts[0], 0, guards[0])
    found = trace(released, clip, released_voice, guards[0], tmp_path)
    phones = sentences(released, clip.text, released_voice)
    assert found is not None and found.source.startswith("attention of SemanticGPT, layer ")
    assert found.weights.shape[1] == sum(map(len, phones)) and found.rate == 25
    first, second = found.weights[:, : len(phones[0])].any(1), found.weights[:, len(phones[0]) :].any(1)
    assert first.any() and second.any() and not (first & second).any()
    assert first.nonzero()[0].max() < second.nonzero()[0].min()


def test_progress_is_told_before_each_clip(lab: Lab, voice: Voice, finished: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    note: Callable[[int, int, str], None] = lambda *heard: told.append(heard)  # noqa: E731
    run_hard(lab, voice, copied(finished, tmp_path / "run"), texts=SHORT, progress=note)
    assert told == [(0, 4, "one 0 on"), (1, 4, "one 0 off"), (2, 4, "two 0 on"), (3, 4, "two 0 off")]
