"""Word and phone errors: known alignments, normaliser, skips and repeats, a real recogniser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gsv_lab.errors import LabError, TextError
from gsv_lab.evaluation.lists import Clip, Item, read_list
from gsv_lab.evaluation.measures import Job
from gsv_lab.evaluation.measures.recognisers import PocketSphinx
from gsv_lab.evaluation.measures.text import (
    PhoneErrors,
    TokenErrors,
    WordErrors,
    align_tokens,
    folded_words,
    skipped_and_repeated,
)
from gsv_lab.system import extras

WAVE = np.full(16000, 0.1, dtype=np.float32)


def job(text: str, language: str = "en") -> Job:
    clip = Clip(Path("x.wav"), "x.wav", "s", language, text)
    return Job(Item(clip, clip, 1.0), text, language, None)


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


def words(text: str) -> list[tuple[str]]:
    return [(word,) for word in text.split()]


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
    assert skipped_and_repeated(words(text), recognised.split(), result) == counts


def test_skips_and_repeats_of_phones_allow_for_slips() -> None:
    pytest.importorskip("jiwer")
    expected = [("DH", "AH"), ("K", "AE", "T"), ("S", "AE", "T"), ("AH",)]
    flat = [phone for word in expected for phone in word]

    def count(recognised: str) -> tuple[int, int]:
        return skipped_and_repeated(expected, recognised.split(), align_tokens(flat, recognised.split()), 1 / 3)

    assert count("DH AH K AE T S AE T AH") == (0, 0)
    assert count("DH AH K AE T AH") == (1, 0)
    assert count("DH AH K AE S AE T AH") == (0, 0)  # one phone of a word lost: the word was said
    assert count("DH K AE S AE T AH") == (0, 0)
    assert count("DH AH K AE T S AE T") == (0, 0)  # a lone vowel lost is a slip of the recogniser
    assert count("DH AH K AE T K AE D S AE T AH") == (0, 1)  # said twice, the second time with an error
    assert count("DH AH K K AE T S AE T AH") == (0, 0)


def test_word_measure_and_its_languages() -> None:
    pytest.importorskip("jiwer")
    measure = WordErrors(lambda wave: "the cat sat the mat")
    row = measure(WAVE, job("The cat sat on the mat!"))
    assert row is not None
    assert (row["errors"], row["count"], row["words"], row["skipped"]) == (1, 6, 6, 1)
    assert row["recognised"] == "the cat sat the mat"
    assert measure(WAVE, job("今天", "zh")) is None


def test_phone_measure_uses_the_folded_phones_of_the_text() -> None:
    pytest.importorskip("jiwer")
    assert folded_words("好", "zh") == [["h", "ao"]]
    assert folded_words("cat!", "en") == [["K", "AE", "T"]]
    measure = PhoneErrors({"zh": lambda wave: ["h", "ao"]}, "a fixed answer")
    perfect = measure(WAVE, job("好", "zh"))
    assert perfect is not None and perfect["errors"] == 0
    silent = measure(np.zeros(16000, dtype=np.float32), job("好", "zh"))
    assert silent is not None and (silent["errors"], silent["skipped"]) == (2, 1)
    assert measure(WAVE, job("cat")) is None


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(extras.importlib, "import_module", absent)
    with pytest.raises(LabError, match=r"pocketsphinx.*\[eval\].*pip install") as caught:
        PocketSphinx()
    assert caught.value.code == "EXTRA_MISSING"
    with pytest.raises(LabError, match="Resemblyzer==0.1.4"):
        extras.require("resemblyzer", "ge2e")


def test_deletions_survive_for_a_recogniser_that_finds_nothing() -> None:
    measure = WordErrors(lambda wave: "")
    row = measure(WAVE, job("one two"))
    assert row is not None and row["deletions"] == row["skipped"] == 2
    assert TokenErrors(2, 2, 0, 2, 0).runs == ()


def test_pocketsphinx_on_real_speech(shared: Path) -> None:
    """A reader is mostly understood, the clip before does not matter, silence is silent."""
    pytest.importorskip("pocketsphinx")
    pytest.importorskip("jiwer")
    items = read_list(shared / "speech" / "evaluation_list.csv").items
    item, other = (next(i for i in items if i.target.key.endswith(name)) for name in ("a0108.flac", "a0151.flac"))
    recogniser = PocketSphinx()
    found = recogniser(item.target.read())
    assert recogniser(np.zeros(8000, dtype=np.float32)) == ""
    recogniser(other.target.read()[: 2 * 16000])
    assert recogniser(item.target.read()) == found
    measure = WordErrors(lambda wave: found)
    right, wrong = (measure(WAVE, job(text)) for text in (item.target.text, "Nobody asked about the price of bread."))
    assert right is not None and right["errors"] < 0.5 * right["count"]
    assert wrong is not None and wrong["errors"] >= 0.8 * wrong["count"]
