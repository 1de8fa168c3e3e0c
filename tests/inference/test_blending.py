"""Blended voices: vectors, tensors and products of updates are weighted means; the rest is that of the heaviest."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gsv_lab.errors import CheckpointError, ConfigError
from gsv_lab.extensions.residual_correction import Residuals
from gsv_lab.inference.adapters import by_layer
from gsv_lab.inference.blending import weighted_mean
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.voice import Voice, as_stored, tuned_synthesizer
from gsv_lab.inference.voice_checks import TunedClip
from tiny import make_family
from tuned_voices import a_voice, adapted, retuned

HALF = 2e-3
"""What rounding to half precision may change, relative to the largest number."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(make_family(tmp_path_factory.mktemp("family"))))


@pytest.fixture(scope="module")
def voices(lab: Lab) -> list[Voice]:
    names = ("one", "two", "three")
    made = [a_voice(lab, name, codes=10 + n, seed=n) for n, name in enumerate(names)]
    return [
        replace(voice, consent=f"{voice.name} agreed" if n else "", lexicon={voice.name: "T UW1"})
        for n, voice in enumerate(made)
    ]


def near(found: torch.Tensor, wanted: torch.Tensor) -> None:
    assert float((found - wanted).abs().max()) <= HALF * float(wanted.abs().max())


def test_vectors_are_weighted_means(lab: Lab, voices: list[Voice]) -> None:
    made = lab.blend(voices, [1, 2, 5])
    near(made.speaker, (voices[0].speaker + 2 * voices[1].speaker + 5 * voices[2].speaker) / 8)
    near(lab.blend(voices).speaker, torch.stack([voice.speaker for voice in voices]).mean(0))
    assert not made.tuned and lab.speak("We walk.", made).wave.numel() > 1000


def test_weights_count_in_proportion(lab: Lab, voices: list[Voice]) -> None:
    one, other = lab.blend(voices[:2], [0.3, 0.7]), lab.blend(voices[:2], [3e5, 7e5])
    assert torch.equal(one.speaker, other.speaker) and one.settings == other.settings
    assert one.settings["blend"] == [["one", 0.3], ["two", 0.7]]


def test_prompt_dictionary_and_residuals_are_those_of_the_heaviest(lab: Lab, voices: list[Voice]) -> None:
    """The last ones count as much as their voice does."""
    synthesizer = lab.family.synthesizer
    sizes = (synthesizer.sovits.prior.hidden_dim, synthesizer.sovits.prior.latent_dim)
    known = [replace(v, residuals=Residuals(*(torch.randn(1, size, 9) for size in sizes))) for v in voices]
    for weights in itertools.permutations((1.0, 2.0, 5.0)):
        made, heaviest = lab.blend(known, list(weights)), known[weights.index(5.0)]
        assert made.prompt is heaviest.prompt and made.lexicon == heaviest.lexicon
        assert made.residuals is not None and heaviest.residuals is not None
        assert torch.equal(made.residuals.hidden, heaviest.residuals.hidden)
        near(made.residuals.weights, 5 / 8 * heaviest.residuals.weights)
    assert lab.blend(voices, [1, 2, 3]).residuals is None
    assert lab.blend(voices[:2]).prompt is voices[0].prompt  # of two alike the first


def test_consent_of_all_is_kept(lab: Lab, voices: list[Voice], tmp_path: Path) -> None:
    made = Voice.load(lab.blend(voices, [1, 1, 2], name="us").save(tmp_path / "us.safetensors"))
    assert made.consent == "one: none noted; two: two agreed; three: three agreed" and made.name == "us"
    assert lab.blend(voices).name == "one+two+three"
    again = lab.blend([made, voices[1]])
    assert again.consent == f"us: {made.consent}; two: two agreed"


def test_what_tuned_them_is_joined(lab: Lab, voices: list[Voice], tmp_path: Path) -> None:
    clips = [TunedClip(f"u{n}", "me", f"{n:064d}") for n in range(3)]
    one, two = replace(voices[0], tuned_on=clips[:2]), replace(voices[1], tuned_on=clips[1:])
    made = Voice.load(lab.blend([one, two, voices[2]]).save(tmp_path / "all.safetensors"))
    assert list(made.tuned_on) == clips


def test_changed_tensors_are_weighted_means_with_the_base_where_a_voice_has_none(lab: Lab, voices: list[Voice]) -> None:
    base = lab.family.synthesizer.state_dict()
    one = retuned(voices[0], lab, seed=1, parts=("sovits.flow",))
    two = retuned(voices[1], lab, seed=2, parts=("sovits.flow.steps.0", "sovits.vocoder"))
    made = lab.blend([one, two, voices[2]], [0.2, 0.5, 0.3])
    assert made.changed.keys() == one.changed.keys() | two.changed.keys()
    for name, value in made.changed.items():
        wanted = 0.2 * one.changed.get(name, base[name]) + 0.5 * two.changed.get(name, base[name]) + 0.3 * base[name]
        near(value, wanted)


def test_the_product_of_updates_is_the_weighted_mean_of_products(lab: Lab, voices: list[Voice]) -> None:
    """Which the product of the means is not."""
    one = adapted(voices[0], lab, seed=1, parts=("sovits.flow", "semantic_gpt"))
    two = adapted(voices[1], lab, seed=2, parts=("sovits.flow", "sovits.vocoder"), rank=3)
    made = lab.blend([one, two, voices[2]], [0.5, 0.3, 0.2])
    first, second, found = (by_layer(voice.adapters) for voice in (one, two, made))
    assert found.keys() == first.keys() | second.keys()
    for name, update in found.items():
        parts = [(own[name], weight) for own, weight in ((first, 0.5), (second, 0.3)) if name in own]
        near(update.product, sum(weight * own.product for own, weight in parts))  # type: ignore[arg-type]
        assert len(update.down) == sum(len(own.down) for own, _ in parts)
    shared = next(iter(first.keys() & second.keys()))
    alike = adapted(voices[1], lab, seed=2, parts=("sovits.flow",))
    means = [(0.5 * a + 0.5 * b) for a, b in zip(first[shared], by_layer(alike.adapters)[shared], strict=True)]
    wrong = means[1].flatten(1) @ means[0].flatten(1)
    right = by_layer(lab.blend([one, alike]).adapters)[shared].product.flatten(1)
    assert float((wrong - right).abs().max()) > 0.1 * float(right.abs().max())


def test_weights_of_the_networks_lie_between(lab: Lab, voices: list[Voice]) -> None:
    """Changed tensors of one voice and updates of another on the same layers, which have no weight norm."""
    one, two = retuned(voices[0], lab, seed=1, parts=("sovits.vocoder",)), adapted(voices[1], lab, seed=2)
    made = lab.blend([one, two], [0.25, 0.75])
    sets = [
        tuned_synthesizer(lab.family.synthesizer, voice.changed, voice.adapters).state_dict()
        for voice in (one, two, made)
    ]
    names = one.changed.keys() | {f"{layer}.weight" for layer in by_layer(two.adapters)}
    for name in names & lab.family.synthesizer.state_dict().keys():
        near(sets[2][name], 0.25 * sets[0][name] + 0.75 * sets[1][name])
    assert lab.speak("We walk home.", made).wave.numel() > 1000


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0], "1 weights for 2 voices"),
        ([1.0, 1.0, 1.0], "3 weights for 2 voices"),
        ([0.0, 1.0], "weights are 0 1.*above 0"),
        ([-0.2, 1.2], "weights are -0.2 1.2"),
        ([float("nan"), 1.0], "weights are nan 1"),
        ([float("inf"), 1.0], "weights are inf 1"),
        ([1e308, 1e308], r"weights are 1e\+308"),
    ],
)
def test_weights_that_are_none_are_refused(lab: Lab, voices: list[Voice], weights: list[float], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        lab.blend(voices[:2], weights)
    assert caught.value.code == "PARAM_RANGE"


def test_one_voice_is_no_blend(lab: Lab, voices: list[Voice]) -> None:
    with pytest.raises(ConfigError, match="1 voices to blend.*two or more"):
        lab.blend(voices[:1], [1.0])


@pytest.mark.parametrize("change", [{"parent": "tiny-2"}, {"parents": {"sovits": "other"}}])
def test_voices_of_other_weights_are_refused(lab: Lab, voices: list[Voice], change: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError) as caught:
        lab.blend([voices[0], replace(voices[1], **change)])
    assert caught.value.code == "CKPT_PARENT_MISMATCH"


def test_a_damaged_voice_is_refused(lab: Lab, voices: list[Voice]) -> None:
    wide = replace(voices[1], speaker=torch.randn(1, 3, 1))
    with pytest.raises(CheckpointError) as caught:
        lab.blend([voices[0], wide])
    assert caught.value.code == "CKPT_SHAPE"


def test_weighted_means_go_beyond_their_ends() -> None:
    """As a slider of a notebook does."""
    one, two = torch.randn(1, 4, 1), torch.randn(1, 4, 1)
    torch.testing.assert_close(weighted_mean([one, two], [1.5, -0.5]), one + 0.5 * (one - two))
    assert torch.equal(weighted_mean([one, two], [1.0, 0.0]), one)
    assert torch.equal(as_stored(one), as_stored(as_stored(one)))
