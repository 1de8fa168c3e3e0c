"""What notebooks 05 and 06 stand on: voices out of an excerpt, couplings undone by the reader, the chain of links."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gsv_lab.hooks import probe, scale
from gsv_lab.inference.lab import Lab
from gsv_lab.teaching.exercises import chain, links
from gsv_lab.teaching.exercises.answers import as_edits, named, numbers
from gsv_lab.teaching.exercises.card import Hint
from gsv_lab.teaching.exercises.cloning import pooled_voice, voice_of
from gsv_lab.teaching.exercises.excerpt import Excerpt, excerpts
from gsv_lab.teaching.exercises.flowing import walk_back
from gsv_lab.teaching.exercises.latents import undo_coupling
from gsv_lab.teaching.exercises.material import shipped_sample
from gsv_lab.teaching.exercises.timbre import mean_over_time
from gsv_lab.text import phonemize


@pytest.fixture(scope="module")
def parts(planning: Lab) -> list[Excerpt]:
    return excerpts(planning, shipped_sample(), most=2)


def test_the_readers_pooling_makes_the_voice(planning: Lab, parts: list[Excerpt]) -> None:
    wave = parts[0].wave
    own = planning.family.synthesizer.voice([wave])
    assert torch.equal(pooled_voice(planning, wave, mean_over_time), own)
    assert torch.equal(pooled_voice(planning, wave, lambda x, m: mean_over_time(x, m).tolist()), own)
    other = pooled_voice(planning, wave, lambda x, m: x[..., :1])
    # What is measured beside the learned channels stays.
    assert not torch.allclose(other[:, :-1], own[:, :-1]) and torch.equal(other[:, -1:], own[:, -1:])


def test_a_voice_of_an_excerpt_speaks_and_two_vectors_share_their_prompt(planning: Lab, parts: list[Excerpt]) -> None:
    speaker = planning.family.synthesizer.voice([parts[0].wave])
    one, other = voice_of(planning, parts[0], speaker), voice_of(planning, parts[0], 2 * speaker)
    assert torch.equal(one.prompt.codes, other.prompt.codes) and one.residuals is None
    assert planning.speak("今天天气很好", one, "zh").wave.numel() > 0


def test_the_readers_coupling_walks_back_through_the_flow(planning: Lab, parts: list[Excerpt]) -> None:
    sovits = planning.family.synthesizer.sovits
    speaker = planning.family.synthesizer.voice([parts[0].wave])
    for step in sovits.flow.steps:  # an untrained flow shifts by nothing
        torch.nn.init.normal_(step.out_proj.weight, std=0.5)
    z = torch.randn(1, 8, 30, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        there = sovits.flow(z, None, sovits.conditioning(speaker))
    assert float((there - z).abs().max()) > 0.1
    assert torch.allclose(walk_back(planning, there[0], speaker, undo_coupling), z[0], atol=1e-4)

    def twice(y: Tensor, shift: object) -> Tensor:
        return y.flip(0)

    assert not torch.allclose(walk_back(planning, there[0], speaker, twice), z[0], atol=0.1)


@pytest.mark.parametrize("which", ["lab", "planning"])
def test_every_link_is_exchanged(which: str, parts: list[Excerpt], request: pytest.FixtureRequest) -> None:
    lab: Lab = request.getfixturevalue(which)
    own = excerpts(lab, shipped_sample(), most=2)
    voice = voice_of(lab, own[0], lab.family.synthesizer.voice([own[0].wave]))
    # An untrained aligner cuts anywhere; the first sentence ends at 4.36 s.
    part = own[0]._replace(wave=shipped_sample().wave[:69760])
    made = chain.exchanged(lab, [part], voice)
    assert [*made] == ["recording", "copy synthesis", "true codes and phones", "no codes", "no phones",
                       "predicted codes", "zero-shot"]  # fmt: skip
    assert torch.equal(made["recording"].speech.wave, part.wave)
    waves = [one.speech.wave[:40000] for one in made.values()]
    assert all(not torch.equal(a, b) for n, a in enumerate(waves) for b in waves[:n])
    assert len({one.phones for one in made.values()}) == 1 and made["recording"].phones == 45
    # The recogniser is that of the shipped weights: the sample is understood, untrained networks are not.
    assert made["recording"].lost < 0.5 < made["copy synthesis"].lost
    with probe(lab, "prior.mean"):
        pass  # no edit is left behind


def test_the_language_of_a_sentence_is_that_of_most_words() -> None:
    assert chain.language_of(phonemize("good morning, all of you", "en")) == "en"
    assert chain.language_of(phonemize("今天天气很好 OK", "auto")) == "zh"


def test_the_invented_systems_follow_the_rule_and_the_table_shows_them() -> None:
    for steps, link in links.SYSTEMS.values():
        rises = [steps[0], *(after - before for before, after in zip(steps, steps[1:], strict=False))]
        assert ["recogniser", "vocoder", "prior", "gpt"][rises.index(max(rises))] == link
    rows = links.table().splitlines()
    assert len(rows) == 1 + len(links.SYSTEMS) and rows[1].split() == ["A", "6", "8.3", "36.5", "39.3"]


def test_answers_come_in_many_forms() -> None:
    assert numbers([torch.tensor([1.0, 2.0]), (3, 4)]).tolist() == [[1, 2], [3, 4]]
    assert numbers([]).numel() == 0
    assert named(" Semantic-GPT", {"prior": (), "gpt": ("semantic gpt",)}) == "gpt"
    for wrong in ("three", {"a": 1}, [[1], [1, 2]], lambda: 1):
        with pytest.raises(Hint):
            numbers(wrong)
    edit = scale("vocoder.f0", 0.5)
    assert (
        as_edits(edit) == as_edits([edit]) == as_edits((edit, None)) == [edit] and as_edits(...) == as_edits("x") == []
    )
    with pytest.raises(Hint, match="One of 'prior', 'gpt'"):
        named("flow", {"prior": (), "gpt": ()})
