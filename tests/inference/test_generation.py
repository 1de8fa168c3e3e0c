"""Sentences one by one, together, and in pieces; options out of range; what a family allows."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.reranking import Reranker
from gsv_lab.hooks import probe
from gsv_lab.inference.generation import Generation, GenerationOptions
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.text import Phones, phonemize
from gsv_lab.text.split import split_sentences
from tiny import make_family, noise_voice

TEXT = "We walk home. She said it was good. 今天天气很好。"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(make_family(tmp_path_factory.mktemp("family") / "tiny")))


@pytest.fixture(scope="module")
def voice(lab: Lab) -> Voice:
    return noise_voice(lab)


def test_a_sentence_sounds_the_same_whatever_is_said_before_it(lab: Lab, voice: Voice) -> None:
    whole = list(lab.stream(TEXT, voice, seed=3))
    assert len(whole) == 3
    again = next(iter(lab.stream("We walk home.", voice, seed=3)))
    assert torch.equal(whole[0].wave, again.wave)


def test_every_sentence_draws_its_own_numbers(lab: Lab, voice: Voice) -> None:
    """The same sentence again sounds otherwise, whichever way it is made; codes that are not drawn stay the same."""
    twice = "We walk home now. We walk home now."
    first, second = lab.stream(twice, voice, seed=3)
    assert not torch.equal(first.codes, second.codes)
    for way in ({}, {"batch": 2}):
        first, second = lab.stream(twice, voice, seed=3, top_k=1, **way)
        assert torch.equal(first.codes, second.codes) and not torch.equal(first.wave, second.wave)
    pieces = list(lab.stream(twice, voice, seed=3, top_k=1, chunk_seconds=0.3))
    first, second = pieces[0], pieces[len(pieces) // 2]
    assert torch.equal(first.codes, second.codes) and not torch.equal(first.wave, second.wave)


def test_pieces_have_the_codes_of_the_whole_sentence(lab: Lab, voice: Voice) -> None:
    whole = next(iter(lab.stream("We walk home now and then.", voice, seed=1, candidates=1)))
    pieces = list(lab.stream("We walk home now and then.", voice, seed=1, chunk_seconds=0.3))
    assert len(pieces) > 1
    assert torch.equal(torch.cat([piece.codes for piece in pieces]), whole.codes)
    assert sum(len(piece.wave) for piece in pieces) == pytest.approx(len(whole.wave), abs=400)


def test_sentences_decoded_together_come_in_their_order(lab: Lab, voice: Voice) -> None:
    made = list(lab.stream(TEXT, voice, seed=2, batch=3, top_k=1))
    alone = list(lab.stream(TEXT, voice, seed=2, top_k=1))
    assert [speech.phones for speech in made] == [speech.phones for speech in alone]
    assert all(len(speech.wave) == len(speech.codes) * 640 for speech in made)


def test_the_rate_of_the_reference_is_kept(lab: Lab) -> None:
    phones, text = phonemize("We walk home now.", "en"), "She said it was good, and then we walked home."
    patient = Lab(replace(lab.family, sampling=replace(lab.family.sampling, max_new=300)))

    def seconds(codes_per_phone: int) -> float:
        phone_index = torch.arange(len(phones)).repeat_interleave(codes_per_phone)
        prompt = Prompt(torch.zeros_like(phone_index), phones, phone_index)
        voice = Voice("me", lab.version, lab.recordings.fingerprints, torch.randn(1, 16, 1), prompt)
        return sum(patient.speak(text, voice, seed=n).seconds for n in range(4))

    fast, slow = seconds(2), seconds(8)
    assert slow > 1.3 * fast, (fast, slow)


@pytest.mark.parametrize(("codes_per_phone", "most_per_phone"), [(2, 3.0), (4, 5.0)])
def test_codes_are_bounded_by_the_family_or_a_slower_reference(
    lab: Lab, codes_per_phone: int, most_per_phone: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phone gets 3 codes at most here, and a quarter more than in a reference that was slower than that."""
    monkeypatch.setattr(lab.family.synthesizer.semantic_gpt, "max_advance", 0)  # as one without an alignment
    family = replace(lab.family, max_codes_per_phone=3.0, sampling=replace(lab.family.sampling, max_new=1000))
    phones = phonemize("We walk home now.", "en")
    phone_index = torch.arange(len(phones)).repeat_interleave(codes_per_phone)
    prompt = Prompt(torch.zeros_like(phone_index), phones, phone_index)
    voice = Voice("me", lab.version, lab.recordings.fingerprints, torch.randn(1, 16, 1), prompt)
    generation = Generation(family, family.synthesizer, voice, GenerationOptions(), 0)
    assert generation.bounded([phones]).max_new == round(len(phones) * most_per_phone) + 15


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"speed": 3.0}, "speed"),
        ({"noise_scale": -1.0}, "noise_scale"),
        ({"temperature": -1.0}, "temperature"),
        ({"candidates": 0}, "candidates"),
        ({"chunk_seconds": 0.5, "speed": 1.5}, "natural speed"),
        ({"chunk_seconds": 0.5, "candidates": 2}, "once"),
    ],
)
def test_options_out_of_range(lab: Lab, voice: Voice, options: dict[str, float], name: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        list(lab.stream("We walk.", voice, **options))
    assert caught.value.code == "PARAM_RANGE"


def test_speak_makes_whole_sentences(lab: Lab, voice: Voice) -> None:
    with pytest.raises(ConfigError, match="whole sentences"):
        lab.speak("We walk.", voice, chunk_seconds=0.5)


def test_a_family_without_verification_refuses_a_vector(lab: Lab) -> None:
    with pytest.raises(ConfigError, match="no verification vector"):
        lab.family.synthesizer.voice([torch.randn(16000)], [torch.randn(1, 4)])


class Listed(Reranker):
    """Gives scores from a list, and keeps the waves that it was asked about."""

    def __init__(self, scores: list[float]) -> None:
        self.scores = scores
        self.waves: list[torch.Tensor] = []

    def score(self, wave: torch.Tensor, phones: Phones) -> float:
        self.waves.append(wave)
        return self.scores[len(self.waves) - 1]


def test_of_several_candidates_the_one_with_the_best_score_is_kept(
    lab: Lab, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gsv_lab.inference.generation.broken_rules", lambda *_: ())
    phones, reranker = phonemize("We walk home.", "en"), Listed([0.1, 0.3, 0.2])
    options = GenerationOptions(candidates=3)
    chosen = Generation(lab.family, lab.family.synthesizer, voice, options, 5, reranker).whole(0, phones)
    first, second, third = reranker.waves
    assert not torch.equal(first, second) and not torch.equal(second, third)
    assert torch.equal(chosen.wave, second) and chosen.settings["candidates"] == 3


def test_candidates_are_reproducible_and_work_for_sentences_together(lab: Lab, voice: Voice) -> None:
    several = Lab(replace(lab.family, candidates=2))
    first, again = (several.speak(TEXT, voice, seed=4) for _ in range(2))
    assert torch.equal(first.wave, again.wave) and first.settings["candidates"] == 2
    together = list(several.stream(TEXT, voice, seed=4, batch=2))
    assert [speech.phones for speech in together] == [phonemize(s, "auto") for s in split_sentences(TEXT, "auto")]


def test_under_a_probe_there_is_one_candidate(lab: Lab, voice: Voice) -> None:
    several = Lab(replace(lab.family, candidates=3))
    with probe(several, "semantic_gpt.logits") as records:
        speech = several.speak("We walk home.", voice, seed=1)
    assert records["semantic_gpt.logits"].joined().value.shape[0] == 1
    assert torch.equal(speech.wave, several.speak("We walk home.", voice, seed=1, candidates=1).wave)
    with probe(several, "semantic_gpt.logits"), pytest.raises(ConfigError, match="probe watches"):
        several.speak("We walk home.", voice, candidates=3)


def test_a_text_that_does_not_fit_into_a_wave_has_no_score(lab: Lab) -> None:
    phones = phonemize("A long sentence that needs more than this.", "en")
    reranker = lab.recordings.reranker()
    assert reranker is not None
    assert reranker.score(torch.randn(1600), phones) == float("-inf")
    assert reranker.score(torch.randn(32000), phones) > float("-inf")


def test_networks_that_recognise_no_phones_cannot_choose(
    lab: Lab, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab.family.synthesizer.content_encoder, "n_phones", 0)
    several = Lab(replace(lab.family, candidates=3))
    assert several.recordings.reranker() is None
    assert several.speak("We walk.", voice).settings["candidates"] == 1
    with pytest.raises(ConfigError, match="without a recogniser") as caught:
        several.speak("We walk.", voice, candidates=2)
    assert caught.value.code == "PARAM_RANGE"


@pytest.mark.parametrize(("old", "new"), [("takes", "candidates"), ("pace", "codes_per_phone")])
def test_an_old_option_is_refused_with_the_new_one(lab: Lab, voice: Voice, old: str, new: str) -> None:
    for call in (lab.speak, lambda *given, **options: list(lab.stream(*given, **options))):
        with pytest.raises(ConfigError, match=f"'{old}'.*'{new}'") as caught:
            call("We walk.", voice, **{old: 3})
        assert caught.value.code == "CONFIG_RENAMED" and "\n" not in str(caught.value)


def test_an_option_that_never_was_is_a_type_error(lab: Lab, voice: Voice) -> None:
    with pytest.raises(TypeError, match="no option 'loudness'"):
        lab.speak("We walk.", voice, loudness=3)
