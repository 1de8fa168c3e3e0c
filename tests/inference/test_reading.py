"""What is to be spoken: a voice's dictionary, warnings, and pauses that are kept to within 50 ms."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gsv_lab import audio
from gsv_lab.errors import TextError
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.reading import with_pauses
from gsv_lab.inference.utterance import Speech, joined
from gsv_lab.inference.voice import Voice
from gsv_lab.text import phonemize
from gsv_lab.text.front import Sentence, phonemize_sentences
from tiny import make_family

RATE = 16_000


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(make_family(tmp_path_factory.mktemp("family"))))


@pytest.fixture(scope="module")
def voice(lab: Lab, sample: Path) -> Voice:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lab.clone(sample, lexicon={"世界": "shi4 jie5", "gsv": "JH IY1"})


def tone(silence_before: float, seconds: float, silence_after: float, floor: float = 1e-4) -> Tensor:
    """A tone with a fade, in a room with a noise floor."""
    times = torch.arange(round(seconds * RATE)) / RATE
    envelope = torch.minimum(times, seconds - times).clamp(max=0.02) / 0.02
    sound = torch.sin(2 * torch.pi * 220 * times) * envelope * 0.3
    wave = torch.cat([torch.zeros(round(silence_before * RATE)), sound, torch.zeros(round(silence_after * RATE))])
    return wave + floor * torch.randn(wave.shape, generator=torch.Generator().manual_seed(0))


def speech(wave: Tensor) -> Speech:
    return Speech(wave, RATE, torch.arange(3), phonemize("a"), audio.Mark("tiny", "me"))


def quiet_stretches(wave: Tensor) -> list[float]:
    """Seconds of every stretch over 0.1 s that is 35 dB below the loudest frame of 5 ms."""
    size = RATE // 200
    level = wave[: wave.numel() // size * size].reshape(-1, size).square().mean(1).add(1e-12).log10().mul(10)
    quiet = np.concatenate([[0], (level < level.max() - 35).int().numpy(), [0]])
    edges = np.flatnonzero(np.diff(quiet))
    lengths = [(end - start) * size / RATE for start, end in zip(edges[::2], edges[1::2], strict=True)]
    return [length for length in lengths if length > 0.1]


@pytest.mark.parametrize("pause", [0.15, 0.5, 2.0])
@pytest.mark.parametrize("natural", [0.0, 0.08, 0.6])
@pytest.mark.parametrize("parts", [1, 3])
def test_a_pause_has_its_length(pause: float, natural: float, parts: int) -> None:
    sentences = [Sentence(phonemize("a"), None, pause), Sentence(phonemize("a"), 0.0, None)]
    made: list[Speech] = []
    for sentence in sentences:
        wave = tone(0.0 if sentence is sentences[0] else natural, 0.9, natural if sentence is sentences[0] else 0.0)
        made += with_pauses([speech(chunk) for chunk in wave.chunk(parts)], sentence)
    assert [one.paused for one in made] == [(False, True), (True, False)]
    whole = joined(made, 0.25)
    assert quiet_stretches(whole.wave) == [pytest.approx(pause, abs=0.05)]
    assert whole.codes.tolist() == [0, 1, 2] * 2 * parts


def test_pauses_at_both_ends() -> None:
    (made,) = with_pauses([speech(tone(0.3, 0.5, 0.4))], Sentence(phonemize("a"), 1.0, 0.25))
    assert quiet_stretches(made.wave) == [pytest.approx(1.0, abs=0.05), pytest.approx(0.25, abs=0.05)]
    assert made.paused == (True, True)


def test_no_pause_changes_nothing() -> None:
    given = [speech(tone(0.3, 0.5, 0.4)), speech(tone(0.1, 0.5, 0.1))]
    assert list(with_pauses(given, Sentence(phonemize("a"), None, None))) == given
    assert joined(given, 0.25).wave.numel() == sum(part.wave.numel() for part in given) + RATE // 4


def test_silence_alone() -> None:
    (made,) = with_pauses([speech(torch.zeros(10))], Sentence(phonemize("a"), None, 0.5))
    assert made.wave.numel() == 10 + RATE // 2


@pytest.mark.parametrize("options", [{}, {"batch": 2}, {"chunk_seconds": 0.4}])
def test_spoken_pauses(lab: Lab, voice: Voice, options: dict[str, float]) -> None:
    parts = list(lab.stream("Hello there, my friend.[pause 0.8s] Here we are.", voice, **options))
    assert [part.paused for part in parts] == [(False, True), (True, False)]
    silent = int((parts[0].wave.flip(0) != 0).nonzero()[0]) / parts[0].sample_rate
    assert silent == pytest.approx(0.8, abs=0.05)
    if "chunk_seconds" not in options:
        made = lab.speak("Hello there, my friend.[pause 0.8s] Here we are.", voice, **options)
        assert made.wave.numel() == sum(part.wave.numel() for part in parts)
        assert made.codes.numel() == sum(part.codes.numel() for part in parts)


def test_the_voice_keeps_the_dictionary_and_a_given_one_wins(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    kept = Voice.load(voice.save(tmp_path / "v.safetensors"))
    assert kept.lexicon == {"世界": "shi4 jie5", "gsv": "JH IY1"}
    own = lab.speak("GSV 世界", kept).phones
    given = lab.speak("GSV 世界", kept, lexicon={"GSV": "B IY1"}).phones
    assert own is not None and given is not None
    assert " ".join(own.symbols) == "JH IY1 sh ir4 j ie5 ."
    assert " ".join(given.symbols) == "B IY1 sh ir4 j ie5 ."


def test_a_voice_without_a_dictionary(lab: Lab, sample: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert Voice.load(lab.clone(sample).save(tmp_path / "v.safetensors")).lexicon == {}
    with pytest.raises(TextError, match="word 1: 'x' is no phone|no syllable"):
        lab.clone(sample, lexicon={"a": "x"})


def test_speaking_warns_of_what_it_leaves_out(lab: Lab, voice: Voice) -> None:
    text = "Hello § there. Another sentence ☃ is here. And § again, my friend."
    with pytest.warns(UserWarning, match="Left out") as caught:
        lab.speak(text, voice)
    said = [str(warning.message) for warning in caught if "Left out" in str(warning.message)]
    assert said == [
        warning for s in phonemize_sentences(text) for warning in s.phones.warnings if "Left out" in warning
    ]
    assert len(said) == 2
