"""Completeness: constructed sequences of phones and damaged natural speech, each with known faults."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from gsv_lab.audio.alignment import align, frame_level, word_timings
from gsv_lab.errors import TextError
from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures import Measure, own
from gsv_lab.evaluation.measures.completeness import Completed, completeness
from gsv_lab.evaluation.measures.recognisers import PhoneTranscriber
from gsv_lab.evaluation.measures.text import folded_words

from .heard_phones import completeness_of_phones
from .makers import RATE, job
from .test_own import recogniser

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
        found = completeness_of_phones(words, said((0, len(words)), words=words))
        assert found[:4] == ((), (), (), ()) and found.unsaid == 0 and not found.stopped_early
        assert found.trace == tuple(number for number, word in enumerate(words) for _ in word)


@pytest.mark.parametrize("seed", range(25))
def test_slips_of_single_phones_do_not_count(seed: int) -> None:
    found = completeness_of_phones(WORDS, slips(said((0, len(WORDS))), 0.12, seed))
    assert found[:4] == ((), (), (), ()) and not found.stopped_early


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 15])
@pytest.mark.parametrize("share", [0.0, 0.1])
def test_a_word_left_out_is_found(number: int, share: float) -> None:
    heard = slips(said((0, number), (number + 1, len(WORDS))), share, number)
    found = completeness_of_phones(WORDS, heard)
    assert found.skipped == (number,) and found.repeated == ()


def test_a_long_stretch_left_out_is_found_whole() -> None:
    found = completeness_of_phones(WORDS, said((0, 4), (11, 17)))
    assert found.skipped == (4, 5, 6, 7, 8, 9, 10)
    assert found.repeated == () and found.unsaid == 0


def test_a_single_phone_left_out_is_no_word() -> None:
    words = [*WORDS[:3], ["AH"], *WORDS[3:]]
    assert completeness_of_phones(words, said((0, len(WORDS)))).skipped == ()


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_a_sentence_said_twice(share: float) -> None:
    everything = len(WORDS)
    found = completeness_of_phones(WORDS, slips(said((0, everything), (0, everything)), share, 3))
    assert found.repeated == ((0, everything),) and found.looped == () and found.skipped == ()


@pytest.mark.parametrize("first, end", [(3, 5), (4, 5), (7, 9), (0, 2), (15, 17)])
def test_words_said_twice(first: int, end: int) -> None:
    found = completeness_of_phones(WORDS, said((0, end), (first, len(WORDS))))
    assert found.repeated == ((first, end),) and found.looped == ()


def test_a_loop_of_five() -> None:
    found = completeness_of_phones(WORDS, said((0, 9), *[(7, 9)] * 4, (9, 17)))
    assert found.repeated == ((7, 9),) * 4
    assert found.looped == (((7, 9), 5),)
    assert found.skipped == () and not found.stopped_early


def test_two_repetitions_of_other_words_are_no_loop() -> None:
    found = completeness_of_phones(WORDS, said((0, 3), (1, 9), (7, 17)))
    assert found.repeated == ((1, 3), (7, 9)) and found.looped == ()


def test_a_loop_that_never_comes_back() -> None:
    found = completeness_of_phones(WORDS, said((0, 9), *[(7, 9)] * 6))
    assert found.looped == (((7, 9), 7),)
    assert found.skipped == tuple(range(9, 17)) and found.stopped_early


def test_a_text_cut_at_sixty_percent() -> None:
    phones = said((0, 17))
    found = completeness_of_phones(WORDS, phones[: round(0.6 * len(phones))])
    assert found.stopped_early and found.unsaid == pytest.approx(0.4, abs=0.08)
    assert found.skipped == tuple(range(found.skipped[0], 17))


def test_a_last_word_that_is_missing_is_no_early_stop() -> None:
    found = completeness_of_phones(WORDS, said((0, 16)))
    assert found.skipped == (16,) and not found.stopped_early and found.unsaid == pytest.approx(6 / 59)


def test_sounds_after_the_end_that_repeat_themselves() -> None:
    found = completeness_of_phones(WORDS, said((0, 17)) + ["UH", "M"] * 6)
    assert len(found.babble) == 1 and found.repeated == () and found.skipped == ()
    start, end = found.babble[0]
    assert (start, end) == (59, 71)
    assert set(found.trace[start:end]) == {-1}


@pytest.mark.parametrize("seed", range(20))
def test_noise_after_the_end_is_neither_a_repetition_nor_a_loop(seed: int) -> None:
    inventory = sorted({phone for word in WORDS for phone in word})
    noise = random.Random(seed).choices(inventory, k=30)
    noise = [a for a, b in pairwise([*noise, ""]) if a != b]
    found = completeness_of_phones(WORDS, said((0, 17)) + noise)
    assert found.repeated == () and found.looped == () and found.babble == () and found.skipped == ()


def test_silence_skips_everything_and_an_empty_text_is_refused() -> None:
    found = completeness_of_phones(WORDS, [])
    assert found.skipped == tuple(range(17)) and found.unsaid == 1 and found.stopped_early and found.trace == ()
    for words in ([], [[], []]):
        with pytest.raises(TextError, match="nothing to compare"):
            completeness_of_phones(words, ["AH"])


def test_mandarin_characters() -> None:
    everything = len(MANDARIN)
    said_twice = completeness_of_phones(MANDARIN, said((0, 6), (3, everything), words=MANDARIN))
    assert said_twice.repeated == ((3, 6),)
    left_out = completeness_of_phones(MANDARIN, said((0, 4), (6, everything), words=MANDARIN))
    assert left_out.skipped == (4, 5)
    looped = completeness_of_phones(MANDARIN, said((0, 8), *[(6, 8)] * 3, (8, everything), words=MANDARIN))
    assert looped.looped == (((6, 8), 4),)


class Spoken(NamedTuple):
    """Natural speech, its words, and when each begins and ends, in samples."""

    wave: np.ndarray
    text: str
    words: list[list[str]]
    times: np.ndarray


@pytest.fixture(scope="module")
def listener() -> PhoneTranscriber:
    return own.recognisers()[0]["en"]


@pytest.fixture(scope="module")
def clips(shared: Path, listener: PhoneTranscriber) -> list[Spoken]:
    """Ten short natural clips with seven words or more."""
    network = listener.recogniser
    numbers = {name: number for number, name in enumerate(network.phone_names, start=1)}
    known = [item for item in read_list(shared / "speech" / "evaluation_list.csv").items if item.language == "en"]
    read = [(item.target.read(), item.text, folded_words(item.text, "en")) for item in known if item.target]
    short = [each for each in read if len(each[0]) <= 5 * RATE and len(each[2]) >= 7]
    found = []
    for wave, text, words in short[:: len(short) // 10][:10]:
        scores = listener.scores(wave)
        level = frame_level(wave, RATE, network.frame_rate, len(scores))
        placed = align(scores, [numbers[phone] for word in words for phone in word], network.frame_rate, level=level)
        times = word_timings(placed, [len(word) for word in words])
        found.append(Spoken(wave, text, words, np.rint(times * RATE).astype(int)))
    return found


def heard(clip: Spoken, *spans: tuple[int, int], listener: PhoneTranscriber) -> Any:
    """What is found where stretches of samples of a clip are played one after the other."""
    wave = np.concatenate([clip.wave[first:end] for first, end in spans])
    return completeness(clip.words, listener.scores(wave).numpy(), listener.recogniser.phone_names)


def test_natural_speech_is_complete(clips: list[Spoken], listener: PhoneTranscriber) -> None:
    assert len(clips) == 10
    found = [heard(clip, (0, clip.wave.size), listener=listener) for clip in clips]
    assert sum(len(one.skipped) for one in found) <= 0.04 * sum(len(clip.words) for clip in clips)
    assert not any(one.repeated or one.looped or one.babble or one.stopped_early for one in found)


def test_words_cut_out_of_natural_speech_are_found(clips: list[Spoken], listener: PhoneTranscriber) -> None:
    hits = 0
    for clip in clips:
        middle = len(clip.words) // 2
        gone = range(middle - 1, middle + 1)
        cut, back = clip.times[gone[0], 0], clip.times[gone[-1], 1]
        found = heard(clip, (0, cut), (back, clip.wave.size), listener=listener)
        hits += set(gone) <= set(found.skipped)
    assert hits >= 7


def test_stretches_of_natural_speech_said_again_are_found(clips: list[Spoken], listener: PhoneTranscriber) -> None:
    hits = loops = 0
    for clip in clips:
        first, end = len(clip.words) // 2 - 2, len(clip.words) // 2 + 2
        start, stop = clip.times[first, 0], clip.times[end - 1, 1]
        twice = heard(clip, (0, stop), (start, clip.wave.size), listener=listener)
        hits += any(a < end and b > first for a, b in twice.repeated) and not twice.looped
        again = [(start, stop)] * 3
        four_times = heard(clip, (0, stop), *again, (stop, clip.wave.size), listener=listener)
        loops += any(a < end and b > first and times >= 3 for (a, b), times in four_times.looped)
    assert hits >= 7 and loops >= 7


def test_natural_speech_that_breaks_off_is_found(clips: list[Spoken], listener: PhoneTranscriber) -> None:
    stops = 0
    for clip in clips:
        end = clip.times[round(0.6 * len(clip.words)) - 1, 1]
        stops += heard(clip, (0, end), listener=listener).stopped_early
    assert stops >= 9


def test_the_measure_gives_counts(clips: list[Spoken], listener: PhoneTranscriber) -> None:
    measure = Completed("en", listener)
    assert isinstance(measure, Measure) and set(measure.needs) == {"text"} and measure.evaluator == "recogniser_en"
    clip = clips[0]
    complete = measure(clip.wave, job(clip.text))
    assert complete is not None and len(complete["words"]) == len(clip.words)
    values = ("skipped", "repeated", "looped", "stopped_early")
    assert [complete[name] for name in values[1:]] == [0, 0, 0]
    silent = measure(np.zeros(RATE, dtype=np.float32), job(clip.text))
    assert silent is not None and [silent[name] for name in values] == [len(clip.words), 0, 0, 1]
    assert measure(clip.wave, job(clip.text, "zh")) is None
    assert measure(clip.wave, job("\u2026")) is None


def test_a_recogniser_that_hears_one_sound_all_the_time() -> None:
    stuck = PhoneTranscriber(lambda: recogniser("en", "AA"), "recogniser_en", "stuck")
    found = Completed("en", stuck, lambda text, language: [["T", "IY"], ["N", "OW"], ["S", "IY"]])(
        np.full(RATE, 0.1, dtype=np.float32), job("tea no sea")
    )
    assert found is not None and found["stopped_early"] == 1 and found["skipped"] >= 2
