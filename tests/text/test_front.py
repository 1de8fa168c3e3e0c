"""The whole way from text to `Phones`."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gsv_lab.corpora.timing import folded_phones
from gsv_lab.text import CTC_SYMBOLS, SYMBOLS, Phones, phonemize
from gsv_lab.text.phones import Word
from gsv_lab.text.script import reading_script
from gsv_lab.text.symbols import SYMBOL_ID, SYMBOLS_V1

TEXTS = [
    "Hello, world!",
    "行长来了。",
    "我用iPhone 15 Pro拍了3张照片，really [emph]nice[/emph]!",
    "the quick brown fox",
    "Dr. Smith paid $4.50 at 10:30 on 5/12/2024… didn't he?",
    "速度100km/h，重5kg！",
    "A",
    "嗯",
]


@pytest.mark.parametrize("text", TEXTS)
def test_invariants(text: str) -> None:
    phones = phonemize(text)
    assert set(phones.symbols) <= set(SYMBOLS)
    assert sum(phones.word2phones) == len(phones) == sum(w.phones for w in phones.words)
    assert sum(w.units for w in phones.words) == len(phones.word2phones)
    assert [SYMBOLS[i] for i in phones.ids] == list(phones.symbols)
    labels, positions = phones.folded()
    assert 0 not in labels and positions == sorted(set(positions))
    assert all(CTC_SYMBOLS[label][0] == phones.symbols[p][0] for label, p in zip(labels, positions, strict=True))
    assert phones.words[-1].boundary == 2
    assert "".join(w.text for w in phones.words) == phones.text.replace(" ", "")
    assert Phones.from_dict(json.loads(json.dumps(phones.to_dict()))) == phones
    assert not phones.warnings


def test_an_example_in_full() -> None:
    phones = phonemize("Hello, 世界!")
    assert phones.symbols == ("HH", "AH0", "L", "OW1", ",", "sh", "ir4", "j", "ie4", "!")
    assert phones.word2phones == (4, 1, 2, 2, 1)
    assert [(w.text, w.language, w.boundary) for w in phones.words] == [
        ("Hello", "en", 1), (",", "", 1), ("世界", "zh", 2), ("!", "", 2),
    ]  # fmt: skip
    assert phones.language == "mixed"
    assert [CTC_SYMBOLS[i] for i in phones.folded()[0]] == ["HH", "AH", "L", "OW", "sh", "ir", "j", "ie"]
    assert phones.folded()[1] == [0, 1, 2, 3, 5, 6, 7, 8]


def test_prompt_and_target_add_up() -> None:
    prompt, target = phonemize("Good morning."), phonemize("早上好！")
    both = prompt + target
    assert both.ids == prompt.ids + target.ids
    assert both.word2phones == prompt.word2phones + target.word2phones
    assert both.words == prompt.words + target.words
    assert both.language == "mixed"
    labels, positions = both.folded()
    assert labels == prompt.folded()[0] + target.folded()[0]
    assert positions == prompt.folded()[1] + [len(prompt) + p for p in target.folded()[1]]


def test_ids_are_those_of_v1_too() -> None:
    """Everything that is said in English and Mandarin has a number in the older inventory, and the same one."""
    phones = phonemize("你好, what a big, strange, joyful world!")
    assert phones.ids == [SYMBOL_ID[name] for name in phones.symbols] and max(phones.ids) < len(SYMBOLS_V1)


def test_counts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="sums to 3"):
        Phones("a", "en", ("AH0",), (3,))
    with pytest.raises(ValueError, match="words do not cover"):
        Phones("a", "en", ("AH0",), (1,), (Word("a", "en", phones=2),))
    phones = phonemize("a book")
    with pytest.raises(ValueError, match="words do not cover"):
        replace(phones, words=phones.words[:1])


@pytest.mark.parametrize(
    ("text", "marks"),
    [("Well... ok?!", ["…", "?"]), ("¿Qué? ¡No!", ["?", "!"]), ("(aside) end", [","]), ("a; b: c", [",", ","]),
     ("，开头。。。结尾", ["…"]), ("one — two", ["-"]), ("wait!!! what???", ["!", "?"])],
)  # fmt: skip
def test_marks(text: str, marks: list[str]) -> None:
    assert [w.text for w in phonemize(text).words if not w.language] == marks


def test_guessed_words_are_reported() -> None:
    phones = phonemize("The Zorbleflix runs.")
    assert phones.warnings == ("In no dictionary, guessed by the letter-to-sound network: Zorbleflix.",)


def test_parts_of_speech_of_both_languages() -> None:
    phones = phonemize("The dog runs quickly. 我喜欢红苹果。")
    tags = {w.text: w.pos for w in phones.words}
    assert (tags["The"], tags["quickly"], tags["我"], tags["喜欢"], tags["."]) == (
        "determiner", "adverb", "pronoun", "verb", "punctuation",
    )  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_reading_script(language: str) -> None:
    script = reading_script(language)
    phones, whole = folded_phones(script, language)
    assert len(phones & whole) >= 0.95 * len(whole), whole - phones
    assert not phonemize(script, language).warnings
    length = len(script.split()) / 2.6 if language == "en" else len(script) / 4.5  # words or characters a second
    assert 45 < length < 80
    for sentence in script.split("\n"):
        assert len(phonemize(sentence, language)) > 10
    phones, _ = folded_phones(script.split("\n")[0], language)
    assert len(phones & whole) < 0.9 * len(whole), "a single sentence must not pass"


def test_inventories_are_those_of_the_recogniser() -> None:
    assert folded_phones("a", "en")[1] | folded_phones("好", "zh")[1] == set(CTC_SYMBOLS[1:])


def test_import_is_light() -> None:
    code = (
        "import sys, gsv_lab.text; "
        "print([m for m in ('torch', 'jieba', 'pypinyin', 'opencc', 'pytorch_lightning') if m in "
        "sys.modules])"
    )
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("folder", ["speech", "speech_train"])
def test_every_fiftieth_real_text(shared: Path, folder: str) -> None:
    lists = sorted((shared / folder).glob("*/metadata.csv")) or [shared / folder / "metadata.csv"]
    rows = [line.split("|") for path in lists for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    texts = [(row[3], row[2]) for row in rows if row[3]][::50]
    assert len(texts) > 5
    for text, language in texts:
        phones = phonemize(text, language)
        assert phones.language == language, text
        assert len(phones.folded()[0]) >= 2
        assert all("Left out" not in warning for warning in phones.warnings), text
