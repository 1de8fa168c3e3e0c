"""Silence in speech: bounds for each phone, which rules a wave breaks, and what is done about one that breaks some."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gsv_lab.cli import main
from gsv_lab.extensions.reranking import Reranker
from gsv_lab.inference import generation
from gsv_lab.inference import lab as lab_module
from gsv_lab.inference.generation import Generation, GenerationOptions, SpeechWarning
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.silence import LEAD, RULES, broken_rules, longest_codes
from gsv_lab.inference.voice import Voice
from gsv_lab.text import Phones, phonemize
from gsv_lab.text.pauses import with_pauses
from tiny import make_family, noise_voice

RATE = 16000
WORD = ("K", "AE1", "T", ",", "S", "AE1", "T", ".")


def sound(seconds: float, level: float = 0.1) -> Tensor:
    return level * torch.sin(torch.arange(round(seconds * RATE)) * 0.3)


def silence(seconds: float) -> Tensor:
    return torch.zeros(round(seconds * RATE))


@pytest.mark.parametrize(
    ("parts", "index", "broken"),
    [
        ([silence(0.28), sound(0.8), silence(0.2)], None, ()),
        ([silence(0.34), sound(0.8), silence(0.2)], None, ("begins late",)),
        ([sound(0.4), silence(0.68), sound(0.4), silence(0.2)], [0] * 30 + [1] * 12, ()),
        ([sound(0.4), silence(0.76), sound(0.4), silence(0.2)], [0] * 30 + [1] * 14, ("pauses",)),
        ([sound(0.4), silence(0.96), sound(0.4), silence(0.2)], [0] * 10 + [3] * 24 + [4] * 15, ()),
        ([sound(0.4), silence(1.04), sound(0.4), silence(0.2)], [0] * 10 + [3] * 26 + [4] * 15, ("pauses",)),
        (
            [sound(0.4), silence(0.96), sound(0.4), silence(0.2)],
            [0] * 38 + [3] * 11,
            ("pauses",),
        ),  # no mark there
        ([sound(0.8)], None, ("ends loud",)),
        ([silence(0.5), sound(0.8)], None, ("begins late", "ends loud")),
        ([silence(0.5), sound(0.3, 0.004), silence(0.3)], None, RULES),
        ([silence(1.0)], None, RULES),
        ([silence(0.01)], None, RULES),
    ],
)
def test_which_rules_a_wave_breaks(parts: list[Tensor], index: list[int] | None, broken: tuple[str, ...]) -> None:
    phone_index = None if index is None else torch.tensor(index)
    assert broken_rules(torch.cat(parts), RATE, WORD, phone_index) == broken


def test_rules_are_for_natural_speed() -> None:
    wave = torch.cat([silence(0.5), sound(1.0), silence(0.2)])
    assert broken_rules(wave, RATE, WORD) == ("begins late",)
    assert broken_rules(wave, RATE, WORD, speed=0.5) == ()


def test_no_phone_can_hold_more_silence_than_its_kind_allows() -> None:
    """Seconds of whole codes of 40 ms, whatever sounds in them."""
    longest = longest_codes(WORD, 25.0) / 25
    assert float(longest[0]) <= LEAD and float(longest[0] + longest[1]) < 0.7
    # A mark with a phone on either side that would hardly sound.
    assert 0.4 <= float(longest[3]) < float(longest[2:4].sum()) <= 1.0
    assert float(longest[1:3].max()) <= 0.5  # one phone in silence, the next one sounds
    for text, language in (("Keep there and then.", "en"), ("你好，世界。", "zh"), ("不", "zh"), ("I", "en")):
        phones = with_pauses(phonemize(text, language))
        seconds = longest_codes(phones.symbols, 25.0) / 25
        assert float(seconds[0]) < 0.2, "the place for a pause at the beginning"
        assert float(seconds[0] + seconds[1]) <= LEAD + (0 if phones.symbols[1] in ("K", "b") else 0.04)
        for symbol, most in zip(phones.symbols[2:], seconds[2:].tolist(), strict=True):
            assert 0.3 <= most <= 0.6, symbol
    assert longest_codes(("AY1",), 50.0).tolist() == [16]
    assert longest_codes(("SP", "AY1", "SP"), 50.0).tolist() == [6, 10, 20], "no longer than without the place"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(make_family(tmp_path_factory.mktemp("family") / "tiny")))


@pytest.fixture(scope="module")
def voice(lab: Lab) -> Voice:
    return noise_voice(lab)


@pytest.fixture(scope="module")
def speaker(lab: Lab) -> Voice:
    """A voice with a transcribed prompt."""
    phones, wave = phonemize("We walk home.", "en"), torch.randn(32000) * 0.1
    prompt = lab.recordings.prompt(wave, phones)
    return Voice("me", lab.version, lab.recordings.fingerprints, torch.randn(1, 16, 1), prompt)


def mark(wave: Tensor) -> float:
    """What tells one wave from another."""
    return float(wave.double().abs().sum())


class First(Reranker):
    """Likes the first best, and keeps what it was asked about."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def score(self, wave: Tensor, phones: Phones) -> float:
        self.asked.append(mark(wave))
        return 0.0


def test_codes_stay_within_the_bounds_of_their_phones(lab: Lab, voice: Voice, speaker: Voice) -> None:
    """A network that was never trained stays and goes at random; with codes of its own for eight rows at once."""
    phones = phonemize("She said it was good, and then we walked home", "en")
    longest = longest_codes(phones.symbols, 25.0)
    family = replace(lab.family, sampling=replace(lab.family.sampling, max_new=1000))
    for who in (voice, speaker):
        made = Generation(family, family.synthesizer, who, GenerationOptions(candidates=8), 1, First())
        for predicted in made.predict([phones], 8, torch.Generator().manual_seed(3)):
            assert predicted.phone_index is not None and predicted.reason != "max_new"
            counts = predicted.phone_index[0].bincount(minlength=len(phones))
            assert (counts <= longest).all(), (counts - longest).max()
            # The step that stopped may have gone on once more.
            assert (
                int(predicted.phone_index[0, -1]) >= len(phones) - 2 - lab.family.synthesizer.semantic_gpt.max_advance
            )
            if who is speaker:  # the first new code speaks the first new phone, not the prompt's end
                assert int(predicted.phone_index[0, 0]) <= lab.family.synthesizer.semantic_gpt.max_advance


def spoken(
    broken: list[tuple[str, ...]], lab: Lab, voice: Voice, monkeypatch: pytest.MonkeyPatch, **options: int
) -> tuple:
    """What is chosen where candidates break what a list says; all, and those that were ranked; warnings."""
    seen: list[float] = []

    def rules(wave: Tensor, *_: object) -> tuple[str, ...]:
        if mark(wave) not in seen:
            seen.append(mark(wave))
        return broken[min(seen.index(mark(wave)), len(broken) - 1)]

    monkeypatch.setattr(generation, "broken_rules", rules)
    reranker = First()
    made = Generation(lab.family, lab.family.synthesizer, voice, GenerationOptions(**options), 5, reranker)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        whole = made.whole(0, phonemize("She said it was good, and then we walked home.", "en"))
    return whole, seen, reranker.asked, [str(one.message) for one in told]


def test_a_candidate_that_keeps_the_rules_wins(lab: Lab, voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    late, good = ("begins late",), ()
    whole, seen, asked, _ = spoken([late, good, good], lab, voice, monkeypatch, candidates=3)
    assert len(seen) == 3 and asked == seen[1:] and mark(whole.wave) == seen[1]


def test_where_all_break_some_others_are_drawn(lab: Lab, voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    late, worse = ("begins late",), ("begins late", "pauses")
    whole, seen, asked, _ = spoken([late, late, ()], lab, voice, monkeypatch, candidates=2)
    assert len(seen) == 4 and mark(whole.wave) in seen[2:]
    again = spoken([late, late, ()], lab, voice, monkeypatch, candidates=2)[0]
    assert torch.equal(whole.wave, again.wave), "the same seed, the same draws"
    whole, seen, asked, _ = spoken([worse, worse, worse, late, worse], lab, voice, monkeypatch, candidates=2)
    assert len(seen) == 2 * (1 + generation.REDRAWS) and mark(whole.wave) == seen[3] and not asked
    whole, seen, *_ = spoken([worse], lab, voice, monkeypatch, candidates=1)
    assert len(seen) == 1, "one candidate was asked for"


def test_silence_is_said(lab: Lab, voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):  # each time, not once a process
        _, seen, _, told = spoken([RULES], lab, voice, monkeypatch, candidates=2)
        assert len(seen) > 2 and len(told) == 1 and "SPEECH_SILENT" in told[0] and "She said it was good" in told[0]
    assert spoken([("pauses",)], lab, voice, monkeypatch, candidates=2)[3] == []


TEXT = "We walk home. She said it was good."


@pytest.fixture
def cut_lab(lab: Lab) -> Iterator[Lab]:
    """A lab whose sentences end by `max_new`."""
    sampling = replace(lab.family.sampling, min_new=1, max_new=4)
    yield Lab(replace(lab.family, sampling=sampling))


@pytest.mark.parametrize("options", [{}, {"batch": 2}, {"chunk_seconds": 0.1}, {"candidates": 1}])
def test_an_end_by_max_new_is_said(cut_lab: Lab, voice: Voice, options: dict[str, float]) -> None:
    for _ in range(2):
        with pytest.warns(SpeechWarning) as told:
            made = list(cut_lab.stream(TEXT, voice, seed=3, **options))
        found = [str(one.message) for one in told if "SPEECH_CUT" in str(one.message)]
        assert [("We walk" in one, "seed 3" in one) for one in found] == [(True, True), (False, True)]
    assert made[-1].settings["ended"] == "max_new"


def test_speak_and_the_command_line_say_it(
    cut_lab: Lab, voice: Voice, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.warns(SpeechWarning, match="SPEECH_CUT"):
        assert cut_lab.speak(TEXT, voice).settings["ended"] == "max_new"
    monkeypatch.setattr(lab_module, "load", lambda *_: cut_lab)
    path = voice.save(tmp_path / "voice.safetensors")
    command = ["speak", "--voice", str(path), "--text", TEXT, "--output", str(tmp_path / "x.wav"), "--quiet"]
    before = warnings.showwarning
    try:
        assert main(command) == 0
    finally:
        warnings.showwarning = before
    assert capsys.readouterr().err.count("SPEECH_CUT") == 2


def test_one_cut_sentence_marks_the_whole(lab: Lab, voice: Voice) -> None:
    parts = list(lab.stream(TEXT, voice))
    parts[1] = replace(parts[1], settings={**parts[1].settings, "ended": "max_new"})
    assert lab_module.joined(parts).settings["ended"] == "max_new"
    assert lab_module.joined(parts[:1]).settings["ended"] == "stop" or parts[0].settings["ended"] != "max_new"


@pytest.mark.parametrize(("text", "last"), [("I", "."), ("Yes!", "!"), ("12", "."), ("啊", "."), ("好。", ".")])
def test_every_sentence_is_spoken_with_a_mark_at_its_end(lab: Lab, voice: Voice, text: str, last: str) -> None:
    phones = lab.speak(text, voice).phones
    assert phones is not None and phones.symbols[-1] == last and sum(symbol == last for symbol in phones.symbols) == 1
    assert sum(word.phones for word in phones.words) == len(phones) == sum(phones.word2phones)


def test_before_a_given_pause_the_voice_does_not_fall(lab: Lab, voice: Voice) -> None:
    first, second = lab.stream("wait [pause 0.5s] for me", voice)
    assert (first.phones.symbols[-1], second.phones.symbols[-1]) == (",", ".")
