"""Sentences one by one, together, and in pieces; options out of range; what a family allows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gsv_lab.errors import ConfigError
from gsv_lab.hooks import probe
from gsv_lab.inference.generation import Manner, Narration
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.text import Phones, phonemize
from gsv_lab.text.split import split_sentences
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
        ({"takes": 0}, "takes"),
        ({"chunk_seconds": 0.5, "speed": 1.5}, "natural speed"),
        ({"chunk_seconds": 0.5, "takes": 2}, "once"),
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


def test_of_several_takes_the_clearest_is_kept(lab: Lab, voice: Voice) -> None:
    phones, heard = phonemize("We walk home.", "en"), []

    def clarity(wave: torch.Tensor, said: Phones) -> float:
        heard.append(wave)
        return [0.1, 0.3, 0.2][len(heard) - 1]

    synthesizer = lab.family.synthesizer
    chosen = Narration(lab.family, synthesizer, voice, Manner(takes=3), 5, clarity).whole(0, phones)
    assert len(heard) == 3 and not any(torch.equal(heard[1], other) for other in (heard[0], heard[2]))
    assert torch.equal(chosen.wave, heard[1]) and chosen.settings["takes"] == 3


def test_takes_are_reproducible_and_work_for_sentences_together(lab: Lab, voice: Voice) -> None:
    several = Lab(replace(lab.family, takes=2))
    first, again = (several.speak(TEXT, voice, seed=4) for _ in range(2))
    assert torch.equal(first.wave, again.wave) and first.settings["takes"] == 2
    together = list(several.stream(TEXT, voice, seed=4, batch=2))
    assert [speech.phones for speech in together] == [phonemize(s, "auto") for s in split_sentences(TEXT, "auto")]


def test_under_a_probe_there_is_one_take(lab: Lab, voice: Voice) -> None:
    several = Lab(replace(lab.family, takes=3))
    with probe(several, "semantic_gpt.logits") as heard:
        speech = several.speak("We walk home.", voice, seed=1)
    assert heard["semantic_gpt.logits"].joined().value.shape[0] == 1
    assert torch.equal(speech.wave, several.speak("We walk home.", voice, seed=1, takes=1).wave)
    with probe(several, "semantic_gpt.logits"), pytest.raises(ConfigError, match="probe watches"):
        several.speak("We walk home.", voice, takes=3)


def test_a_text_that_does_not_fit_into_a_wave_is_not_clear(lab: Lab) -> None:
    phones = phonemize("A long sentence that needs more than this.", "en")
    assert lab.clarity(torch.randn(1600), phones) == float("-inf")
    assert lab.clarity(torch.randn(32000), phones) > float("-inf")
