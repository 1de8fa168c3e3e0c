"""Sentences one by one, together, and in pieces; options out of range; what a family allows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gsv_lab.errors import ConfigError
from gsv_lab.lab import Lab, load
from gsv_lab.models.synthesizer import Prompt
from gsv_lab.models.voice import Voice
from gsv_lab.text import phonemize
from tiny import make_family

TEXT = "We walk home. She said it was good. 今天天气很好。"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(make_family(tmp_path_factory.mktemp("family") / "tiny")))


@pytest.fixture(scope="module")
def voice(lab: Lab) -> Voice:
    prompt = lab.prompt(torch.randn(16000) * 0.1)
    return Voice("me", lab.version, lab.fingerprints(), torch.randn(1, 16, 1), prompt)


def test_a_sentence_sounds_the_same_whatever_is_said_before_it(lab: Lab, voice: Voice) -> None:
    whole = list(lab.stream(TEXT, voice, seed=3))
    assert len(whole) == 3
    again = next(iter(lab.stream("We walk home.", voice, seed=3)))
    assert torch.equal(whole[0].wave, again.wave)


def test_pieces_have_the_codes_of_the_whole_sentence(lab: Lab, voice: Voice) -> None:
    whole = next(iter(lab.stream("We walk home now and then.", voice, seed=1)))
    pieces = list(lab.stream("We walk home now and then.", voice, seed=1, chunk_seconds=0.3))
    assert len(pieces) > 1
    assert torch.equal(torch.cat([piece.codes for piece in pieces]), whole.codes)
    assert sum(len(piece.wave) for piece in pieces) == pytest.approx(len(whole.wave), abs=400)


def test_sentences_decoded_together_come_in_their_order(lab: Lab, voice: Voice) -> None:
    made = list(lab.stream(TEXT, voice, seed=2, batch=3, top_k=1))
    alone = list(lab.stream(TEXT, voice, seed=2, top_k=1))
    assert [speech.phones for speech in made] == [speech.phones for speech in alone]
    assert all(len(speech.wave) == len(speech.codes) * 640 for speech in made)


def test_the_pace_of_the_reference_is_kept(lab: Lab) -> None:
    said, text = phonemize("We walk home now.", "en"), "She said it was good, and then we walked home."
    patient = Lab(replace(lab.family, sampling=replace(lab.family.sampling, max_new=300)))

    def seconds(codes_a_phone: int) -> float:
        places = torch.arange(len(said)).repeat_interleave(codes_a_phone)
        prompt = Prompt(torch.zeros_like(places), said, places)
        voice = Voice("me", lab.version, lab.fingerprints(), torch.randn(1, 16, 1), prompt)
        return sum(patient.speak(text, voice, seed=n).seconds for n in range(2))

    fast, slow = seconds(2), seconds(6)
    assert slow > 1.3 * fast, (fast, slow)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"speed": 3.0}, "speed"),
        ({"noise_scale": -1.0}, "noise_scale"),
        ({"temperature": -1.0}, "temperature"),
        ({"chunk_seconds": 0.5, "speed": 1.5}, "natural speed"),
    ],
)
def test_options_out_of_range(lab: Lab, voice: Voice, options: dict[str, float], name: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        list(lab.stream("We walk.", voice, **options))
    assert caught.value.code == "PARAM_RANGE"


def test_speak_makes_whole_sentences(lab: Lab, voice: Voice) -> None:
    with pytest.raises(ConfigError, match="whole sentences"):
        lab.speak("We walk.", voice, chunk_seconds=0.5)


def test_a_family_may_refuse_to_be_tuned(lab: Lab, tmp_path: Path) -> None:
    fixed = Lab(replace(lab.family, tunable=False))
    with pytest.raises(ConfigError, match="cannot be tuned"):
        fixed.finetune(tmp_path)


def test_a_family_without_verification_refuses_a_vector(lab: Lab) -> None:
    with pytest.raises(ConfigError, match="no verification vector"):
        lab.family.synthesizer.voice([torch.randn(16000)], [torch.randn(1, 4)])
