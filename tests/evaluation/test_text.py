"""Word and phone errors: known alignments, skips and repeats, silence, languages, a real recogniser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gsv_lab.errors import LabError, TextError
from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures import Measure
from gsv_lab.evaluation.measures.recognisers import PocketSphinx
from gsv_lab.evaluation.measures.text import (
    PhoneErrors,
    TextErrors,
    TokenErrors,
    align_tokens,
    folded_words,
    skipped_and_repeated,
)
from gsv_lab.system import extras

from .makers import job

WAVE = np.full(16000, 0.1, dtype=np.float32)
SILENCE = np.zeros(16000, dtype=np.float32)


class Fixed:
    """Stands for a recogniser: always the same answer, by language; remembers the languages that it was asked for."""

    name, identity = "fixed", "a fixed answer"

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, wave: np.ndarray, language: str) -> str:
        self.asked.append(language)
        return self.answers[language]


class FixedPhones:
    """Stands for a recogniser of phones."""

    name, identity = "recogniser_zh", "evaluation recogniser 01234567"

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def __call__(self, wave: np.ndarray) -> list[str]:
        return self.answer.split()


def test_textbook_alignment() -> None:
    # hello -> (missing), duck -> dog: 2 of 4 words
    pytest.importorskip("jiwer")
    found = align_tokens("hello this is duck".split(), "this is dog".split())
    assert (found.errors, found.total) == (2, 4)
    assert (found.substitutions, found.deletions, found.insertions) == (1, 1, 0)
    assert found.deleted == (0,)


def test_more_errors_than_words_and_nothing_recognised() -> None:
    pytest.importorskip("jiwer")
    assert align_tokens(["yes"], "no no no".split())[:2] == (3, 1)
    assert align_tokens("a b c".split(), [])[:5] == (3, 3, 0, 3, 0)
    with pytest.raises(TextError) as caught:
        align_tokens([], ["a"])
    assert caught.value.code == "TEXT_EMPTY"


def test_errors_agree_with_a_plain_edit_distance() -> None:
    pytest.importorskip("jiwer")
    rng = np.random.default_rng(0)
    for _ in range(50):
        a, b = (list(rng.choice(list("abcd"), size=rng.integers(1, 12))) for _ in range(2))
        table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
        table[:, 0], table[0] = range(len(a) + 1), range(len(b) + 1)
        for i, x in enumerate(a, 1):
            for j, y in enumerate(b, 1):
                table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (x != y))
        assert align_tokens(a, b).errors == table[-1, -1]


@pytest.mark.parametrize(
    ("text", "recognised", "counts"),
    [
        ("the cat sat on the mat", "the cat sat on the mat", (0, 0)),
        ("the cat sat on the mat", "the cat sat the mat", (1, 0)),
        ("the cat sat on the mat", "on the mat", (3, 0)),
        ("the cat sat on the mat", "the cat the cat sat on the mat", (0, 2)),
        ("the cat sat on the mat", "the cat sat sat on the mat", (0, 1)),
        ("the cat sat on the mat", "the cat sat on the mat on the mat", (0, 3)),
        ("the cat sat on the mat", "the cat sat down on the mat", (0, 0)),  # a slip, nothing said twice
        ("the cat sat on the mat", "the dog sat on the mat", (0, 0)),
    ],
)
def test_skips_and_repeats_of_words(text: str, recognised: str, counts: tuple[int, int]) -> None:
    pytest.importorskip("jiwer")
    result = align_tokens(text.split(), recognised.split())
    assert skipped_and_repeated(recognised.split(), result) == counts


def test_words_are_counted_with_their_weight() -> None:
    """The pooled rate is errors over words: 1 of 6 and 1 of 2 make 2 of 8, not the mean of the two shares."""
    pytest.importorskip("jiwer")
    recogniser = Fixed(en="the cat sat the mat")
    measure = TextErrors("word", recogniser)
    found = measure(WAVE, job("The cat sat on the mat!"))
    assert found is not None and list(found)[0] == measure.name == "word_error"
    assert (found["word_error"], found["word_count"], found["skipped"], found["repeated"]) == (1 / 6, 6, 1, 0)
    assert found["edits"] == {"substitutions": 0, "deletions": 1, "insertions": 0}
    assert (found["expected"], found["recognised"]) == ("the cat sat on the mat", "the cat sat the mat")
    recogniser.answers["en"] = "one"
    other = measure(WAVE, job("one two"))
    assert other is not None
    rates = [row["word_error"] * row["word_count"] for row in (found, other)]
    assert sum(rates) / (found["word_count"] + other["word_count"]) == pytest.approx(2 / 8)
    assert isinstance(measure, Measure) and measure.evaluator == "fixed" and set(measure.needs) == {"text"}
    assert measure.identity.startswith("a fixed answer, jiwer ")


def test_each_measure_judges_its_language_only() -> None:
    pytest.importorskip("jiwer")
    recogniser = Fixed(en="today", zh="今天")
    measures = {unit: TextErrors(unit, recogniser) for unit in ("word", "char", "syllable")}
    english = {unit: measure(WAVE, job("today")) for unit, measure in measures.items()}
    mandarin = {unit: measure(WAVE, job("今天", "zh")) for unit, measure in measures.items()}
    assert english["char"] is english["syllable"] is mandarin["word"] is None
    assert english["word"] is not None and english["word"]["word_error"] == 0
    assert recogniser.asked == ["en", "zh", "zh"]  # in the language of the text
    for unit in ("char", "syllable"):
        found = mandarin[unit]
        assert found is not None and (found[f"{unit}_error"], found[f"{unit}_count"]) == (0, 2)
    # One recogniser gives a value once: two units of it never count the same words as skipped.
    assert "skipped" in (mandarin["syllable"] or {}) and "skipped" not in (mandarin["char"] or {})


def test_silence_many_insertions_and_texts_that_say_nothing() -> None:
    pytest.importorskip("jiwer")
    measure = TextErrors("word", Fixed(en="no no no no"))
    silent, much = measure(SILENCE, job("one two")), measure(WAVE, job("yes"))
    assert silent is not None and (silent["word_error"], silent["skipped"]) == (1, 2)
    assert much is not None and much["word_error"] == 4
    assert measure(WAVE, job("...")) is None and measure(WAVE, job("")) is None


def test_phone_measure_uses_the_folded_phones_of_the_text() -> None:
    pytest.importorskip("jiwer")
    assert folded_words("好", "zh") == [["h", "ao"]]
    assert folded_words("cat!", "en") == [["K", "AE", "T"]]
    measure = PhoneErrors("zh", FixedPhones("h ao"))  # type: ignore[arg-type]
    assert (measure.name, measure.evaluator) == ("phone_error", "recogniser_zh") and isinstance(measure, Measure)
    assert measure.identity.startswith("evaluation recogniser 01234567, jiwer ")
    perfect, silent = measure(WAVE, job("好", "zh")), measure(SILENCE, job("好", "zh"))
    assert perfect is not None and (perfect["phone_error"], perfect["phone_count"]) == (0, 2)
    assert silent is not None and silent["phone_error"] == 1 and silent["recognised"] == ""
    assert measure(WAVE, job("cat")) is None
    for refused in ("...", "привет"):  # nothing that the front end can read
        assert measure(WAVE, job(refused, "zh")) is None
    mixed = measure(WAVE, job("好 hello", "zh"))
    assert mixed is not None and (mixed["phone_error"], mixed["phone_count"]) == (4 / 6, 6)


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(LabError, match=r"pocketsphinx.*\[eval\].*pip install") as caught:
        PocketSphinx()
    assert caught.value.code == "EXTRA_MISSING"
    with pytest.raises(LabError, match=r"jiwer.*\[eval\]"):
        TextErrors("word", Fixed())
    with pytest.raises(LabError, match=r"'resemblyzer'.*Resemblyzer==0.1.4"):
        extras.check_installed("resemblyzer", extra="ge2e")


def test_deletions_survive_for_a_recogniser_that_finds_nothing() -> None:
    pytest.importorskip("jiwer")
    found = TextErrors("word", Fixed(en=""))(WAVE, job("one two"))
    assert found is not None and found["edits"]["deletions"] == found["skipped"] == 2
    assert TokenErrors(2, 2, 0, 2, 0).runs == ()


def test_pocketsphinx_on_real_speech(shared: Path) -> None:
    """A reader is mostly understood, the clip before does not matter, silence is silent."""
    pytest.importorskip("pocketsphinx")
    pytest.importorskip("jiwer")
    items = read_list(shared / "speech" / "evaluation_list.csv").items
    item, other = (
        next(i for i in items if i.target and i.target.key.endswith(name)) for name in ("a0108.flac", "a0151.flac")
    )
    recogniser = PocketSphinx()
    found = recogniser(item.target.read())
    assert recogniser(np.zeros(8000, dtype=np.float32)) == ""
    recogniser(other.target.read()[: 2 * 16000])
    assert recogniser(item.target.read()) == found
    measure = TextErrors("word", Fixed(en=found))
    right, wrong = (measure(WAVE, job(text)) for text in (item.text, "Nobody asked about the price of bread."))
    assert right is not None and right["word_error"] < 0.5
    assert wrong is not None and wrong["word_error"] >= 0.8
