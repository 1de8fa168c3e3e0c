"""Completeness: constructed sequences of phones with known omissions, repetitions, loops and slips."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from gsv_lab.errors import TextError
from gsv_lab.evaluation.measures.completeness import completeness

TEXT = (
    "DH AH|K W IH K|B R AW N|F AA K S|JH AH M P T|OW V ER|DH AH|L EY Z IY|D AO G|AE N D|DH EH N|R AE N|AH W EY|"
    "IH N T UW|DH AH|D EH N S|F AO R IH S T"
)
WORDS = [word.split() for word in TEXT.split("|")]
MANDARIN = [word.split() for word in "j in|t ian|t ian|q i|h en|h ao|w o|m en|q u|g ong|y van".split("|")]


def said(*stretches: tuple[int, int], words: list[list[str]] = WORDS) -> list[str]:
    """Phones of stretches of words, one after the other."""
    return [phone for first, end in stretches for word in words[first:end] for phone in word]


def slips(phones: list[str], share: float, seed: int) -> list[str]:
    """Phones with a share of them changed, lost or doubled by another, never two neighbours at once."""
    chance = random.Random(seed)
    inventory = sorted({phone for word in WORDS for phone in word})
    changed: list[str] = []
    calm = 1
    for phone in phones:
        calm += 1
        if calm < 2 or chance.random() >= share:
            changed.append(phone)
            continue
        calm = 0
        kind = chance.randrange(3)
        changed += [[chance.choice(inventory)], [], [phone, chance.choice(inventory)]][kind]
    return changed


def test_what_is_said_as_written_has_no_fault() -> None:
    for words in (WORDS, MANDARIN):
        found = completeness(words, said((0, len(words)), words=words))
        assert found[:4] == ((), (), (), ()) and found.unsaid == 0 and not found.stopped_early
        assert found.trace == tuple(number for number, word in enumerate(words) for _ in word)


@pytest.mark.parametrize("seed", range(40))
def test_slips_of_single_phones_do_not_count(seed: int) -> None:
    found = completeness(WORDS, slips(said((0, len(WORDS))), 0.12, seed))
    assert found[:4] == ((), (), (), ()) and not found.stopped_early


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 15])
@pytest.mark.parametrize("share", [0.0, 0.1])
def test_a_word_left_out_is_found(number: int, share: float) -> None:
    heard = slips(said((0, number), (number + 1, len(WORDS))), share, number)
    found = completeness(WORDS, heard)
    assert found.skipped == (number,) and found.repeated == ()


def test_a_long_stretch_left_out_is_found_whole() -> None:
    found = completeness(WORDS, said((0, 4), (11, 17)))
    assert found.skipped == (4, 5, 6, 7, 8, 9, 10)
    assert found.repeated == () and found.unsaid == 0


def test_a_single_phone_left_out_is_no_word() -> None:
    words = [*WORDS[:3], ["AH"], *WORDS[3:]]
    assert completeness(words, said((0, len(WORDS)))).skipped == ()


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_a_sentence_said_twice(share: float) -> None:
    everything = len(WORDS)
    found = completeness(WORDS, slips(said((0, everything), (0, everything)), share, 3))
    assert found.repeated == ((0, everything),) and found.looped == () and found.skipped == ()


@pytest.mark.parametrize("first, end", [(3, 5), (4, 5), (7, 9), (0, 2), (15, 17)])
def test_words_said_twice(first: int, end: int) -> None:
    found = completeness(WORDS, said((0, end), (first, len(WORDS))))
    assert found.repeated == ((first, end),) and found.looped == ()


def test_a_loop_of_five() -> None:
    found = completeness(WORDS, said((0, 9), *[(7, 9)] * 4, (9, 17)))
    assert found.repeated == ((7, 9),) * 4
    assert found.looped == (((7, 9), 5),)
    assert found.skipped == () and not found.stopped_early


def test_two_repetitions_of_other_words_are_no_loop() -> None:
    found = completeness(WORDS, said((0, 3), (1, 9), (7, 17)))
    assert found.repeated == ((1, 3), (7, 9)) and found.looped == ()


def test_a_loop_that_never_comes_back() -> None:
    found = completeness(WORDS, said((0, 9), *[(7, 9)] * 6))
    assert found.looped == (((7, 9), 7),)
    assert found.skipped == tuple(range(9, 17)) and found.stopped_early


def test_a_text_cut_at_sixty_percent() -> None:
    phones = said((0, 17))
    found = completeness(WORDS, phones[: round(0.6 * len(phones))])
    assert found.stopped_early and found.unsaid == pytest.approx(0.4, abs=0.08)
    assert found.skipped == tuple(range(found.skipped[0], 17))


def test_a_last_word_that_is_missing_is_no_early_stop() -> None:
    found = completeness(WORDS, said((0, 16)))
    assert found.skipped == (16,) and not found.stopped_early and found.unsaid == pytest.approx(6 / 59)


def test_sounds_after_the_end_that_repeat_themselves() -> None:
    found = completeness(WORDS, said((0, 17)) + ["UH", "M"] * 6)
    assert len(found.babble) == 1 and found.repeated == () and found.skipped == ()
    start, end = found.babble[0]
    assert (start, end) == (59, 71)
    assert set(found.trace[start:end]) == {-1}


@pytest.mark.parametrize("seed", range(20))
def test_noise_after_the_end_is_neither_a_repetition_nor_a_loop(seed: int) -> None:
    inventory = sorted({phone for word in WORDS for phone in word})
    noise = random.Random(seed).choices(inventory, k=30)
    noise = [a for a, b in pairwise([*noise, ""]) if a != b]
    found = completeness(WORDS, said((0, 17)) + noise)
    assert found.repeated == () and found.looped == () and found.babble == () and found.skipped == ()


def test_silence_skips_everything_and_an_empty_text_is_refused() -> None:
    found = completeness(WORDS, [])
    assert found.skipped == tuple(range(17)) and found.unsaid == 1 and found.stopped_early and found.trace == ()
    for words in ([], [[], []]):
        with pytest.raises(TextError, match="nothing to compare"):
            completeness(words, ["AH"])


def test_mandarin_characters() -> None:
    everything = len(MANDARIN)
    said_twice = completeness(MANDARIN, said((0, 6), (3, everything), words=MANDARIN))
    assert said_twice.repeated == ((3, 6),)
    left_out = completeness(MANDARIN, said((0, 4), (6, everything), words=MANDARIN))
    assert left_out.skipped == (4, 5)
    looped = completeness(MANDARIN, said((0, 8), *[(6, 8)] * 3, (8, everything), words=MANDARIN))
    assert looped.looped == (((6, 8), 4),)
