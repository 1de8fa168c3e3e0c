"""The explorers of notebooks 04 to 08 without a kernel: move a control, and look at what they show."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.evaluation.ablation import head_grid
from gsv_lab.evaluation.probes.material import synthetic_clips
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.voice import Voice
from gsv_lab.teaching.exercises.breaking import MIX, alignment_against_drop, follows_phones, nats_per_code
from gsv_lab.teaching.exercises.excerpt import Excerpt, excerpt
from gsv_lab.teaching.exercises.flowing import encode_latents, frames_seen, speak_latents
from gsv_lab.teaching.exercises.material import shipped_sample
from gsv_lab.teaching.widgets.ablation import AblationExplorer
from gsv_lab.teaching.widgets.blend import BlendExplorer
from gsv_lab.teaching.widgets.latents import LatentExplorer
from gsv_lab.teaching.widgets.leaks import LeakExplorer
from gsv_lab.teaching.widgets.sampling import SamplingExplorer


def shares(page: str) -> list[tuple[float, float]]:
    """Per cent before and after, of every candidate in the table."""
    cells = [float(value) for value in re.findall(r"([\d.]+) %</td>", page)]
    return list(zip(cells[::2], cells[1::2], strict=True))


def test_sampling_explorer_speaks_anew_with_the_chosen_dials(lab: Lab, voice: Voice) -> None:
    explorer = SamplingExplorer(lab, voice, "Hello there.")
    assert "<audio" in explorer.view.children[-1].value and explorer.decoded is not None
    first = explorer.decoded
    assert first.logits.shape == (len(first.speech.codes), 21)
    explorer.set(top_k=1, seed=3)
    greedy = explorer.decoded.speech.codes
    explorer.set(seed=4)
    assert torch.equal(explorer.decoded.speech.codes, greedy)  # nothing is left to draw
    explorer.set(top_k=16, temperature=2.0, seed=5)
    assert not torch.equal(explorer.decoded.speech.codes[:10], greedy[:10])


def test_sampling_explorer_shows_the_choice_of_a_step(lab: Lab, voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = SamplingExplorer(lab, voice, "Hello there.")
    explorer.set(top_k=2, temperature=0.5, penalty=1.5)
    decodes: list[str] = []
    speak = lab.speak
    monkeypatch.setattr(lab, "speak", lambda text, *a, **options: decodes.append(text) or speak(text, *a, **options))
    pages = {}
    for step in (0, 3):
        explorer.controls["step"].value = step
        pages[step] = explorer.candidates(explorer.state)
    assert not decodes and f"Step {3}:" in explorer.output.value and pages[0] != pages[3]
    rows = shares(pages[3])
    assert len(rows) >= 8 and sum(after > 0 for _, after in rows) == 2
    assert sum(after for _, after in rows) == pytest.approx(100, abs=0.2)
    code = int(explorer.decoded.speech.codes[3])
    assert f"<b>{code} ← drawn</b>" in pages[3] and "drawn before" not in pages[0]
    explorer.controls["step"].value = 150
    assert f"Step {len(explorer.decoded.speech.codes) - 1}:" in explorer.output.value
    explorer.controls["temperature"].value = 1.5
    assert decodes == ["Hello there."]


@pytest.fixture(scope="module")
def part(lab: Lab) -> Excerpt:
    """A second and a half of the sample, its first words taken for the whole text."""
    whole = excerpt(lab, shipped_sample())
    return whole._replace(wave=whole.wave[: 38 * 640], codes=whole.codes[:38], phone_index=whole.phone_index[:38])


def test_blend_explorer_takes_away_what_is_unchecked(lab: Lab, part: Excerpt) -> None:
    first, second = torch.randn(1, 16, 1), torch.randn(1, 16, 1)
    explorer = BlendExplorer(lab, part, first, second)
    assert "<audio" in explorer.view.children[-1].value and explorer.edits(explorer.state) == []
    explorer.set(share=0.0)
    alone, pattern = explorer.speech.wave, explorer.pattern
    assert torch.equal(alone, lab.resynthesize(part.wave, part.phones, first).wave)
    explorer.set(share=1.0)
    assert torch.equal(explorer.speech.wave, lab.resynthesize(part.wave, part.phones, second).wave)
    assert torch.equal(explorer.pattern, pattern)  # who speaks does not change which phones are attended to
    explorer.set(heads=(("head", 0),))
    assert not explorer.pattern[1].any() and torch.equal(explorer.pattern[0], pattern[0])
    assert "head" in explorer.output.value and "zero prior.cross_attention.pattern" in explorer.output.value
    explorer.set(text=False, codes=False, heads=(("head", 0), ("head", 1)))
    assert [edit.target for edit in explorer.edits(explorer.state)] == ["prior.text", "prior.content"]
    assert torch.allclose(explorer.pattern[:, 0], explorer.pattern[:, 5])
    assert len(explorer.snapshot().axes) == 2


def test_blend_explorer_takes_words_away_where_the_prior_is_given_its_phones(planning: Lab) -> None:
    part = excerpt(planning, shipped_sample())
    explorer = BlendExplorer(planning, part, torch.zeros(1, 16, 1), torch.zeros(1, 16, 1))
    words = dict(explorer.controls["words"].options)
    assert [*words][:2] == ["Good", "morning"] and "" not in words and "SP" in part.phones.symbols
    for name, (axis, (first, end)) in list(words.items())[:2]:
        assert axis == "phone" and "SP" not in part.phones.symbols[first:end], name
    explorer.make(explorer.state)
    whole = explorer.pattern
    assert whole.shape[1] == len(part.phones) and set(whole.unique().tolist()) == {0.0, 1.0}
    first, end = words["morning"][1]
    explorer.set(words=tuple(place for name, place in words.items() if name != "morning"))
    gone = explorer.pattern
    assert whole[:, first:end].any() and not gone[:, first:end].any()
    assert torch.equal(gone[:, :first], whole[:, :first]) and torch.equal(gone[:, end:], whole[:, end:])
    assert "zero prior.phone_alignment" in explorer.render(explorer.state) and len(explorer.snapshot().axes) == 2


def test_latent_explorer_draws_and_follows_the_flow(lab: Lab, part: Excerpt, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = LatentExplorer(lab, part, torch.randn(1, 16, 1))
    assert "<audio" in explorer.view.children[-1].value
    explorer.set(noise_scale=0.0)
    still = explorer.made.latents
    assert torch.equal(still.steps["drawn from the prior"], still.mean)
    explorer.set(noise_scale=1.0, seed=2)
    drawn = explorer.made.latents
    off = (drawn.steps["drawn from the prior"] - drawn.mean) / drawn.log_scale.exp()
    assert 0.8 < float(off.square().mean()) < 1.2
    made = explorer.made
    monkeypatch.setattr("gsv_lab.teaching.widgets.latents.speak_latents", lambda *_: pytest.fail("made anew"))
    titles = []
    for step in (0, 1, 2):
        explorer.controls["step"].value = step
        titles.append([axis.get_title(loc="left").split("\n")[0] for axis in explorer.snapshot().axes])
    assert titles == [["drawn from the prior"], ["drawn from the prior", "after 1 of 2"],
                      ["drawn from the prior", "after 2 of 2"]]  # fmt: skip
    assert explorer.made is made


def test_latents_are_those_that_pass_the_flow(lab: Lab, part: Excerpt) -> None:
    """Both directions undo each other, and the seed's noise is the one that was drawn."""
    speaker = torch.randn(1, 16, 1)
    sovits = lab.family.synthesizer.sovits
    conditioning = sovits.conditioning(speaker)
    latents = encode_latents(lab, part, speaker)
    there = sovits.flow(latents.steps["drawn from the posterior"][None], None, conditioning)[0]
    torch.testing.assert_close(latents.steps["after 2 of 2"], there)
    made = speak_latents(lab, part, speaker, 0.7, seed=3)
    back = sovits.flow(made.latents.steps["drawn from the prior"][None], None, conditioning, inverse=True)[0]
    torch.testing.assert_close(made.latents.steps["after 2 of 2"], back)
    assert made.wave.numel() == 640 * len(part.codes)


def test_frames_seen_are_those_whose_change_is_audible(lab: Lab) -> None:
    speaker, vocoder = torch.randn(1, 16, 1), lab.components()["vocoder"]
    conditioning = lab.family.synthesizer.sovits.conditioning(speaker)
    pitch = torch.full((1, 1, 21 * vocoder.f0_frames), 120.0).log()
    conditioning = conditioning._replace(log_f0=pitch, voicing=torch.ones_like(pitch))

    def middle(z: torch.Tensor) -> float:
        with torch.no_grad():
            return float(vocoder(z, conditioning, torch.Generator().manual_seed(0)).wave[0, 0, 21 * 160])

    z = torch.randn(1, 8, 21)
    changed = 0
    for frame in range(21):
        other = z.clone()
        other[..., frame] += 1
        changed += middle(other) != middle(z)
    assert 4 < frames_seen(lab, speaker, length=21) == changed < 21


def test_leak_explorer_keeps_what_was_asked(lab: Lab) -> None:
    clips = synthetic_clips(SyntheticCorpus(2, 6, 0, (3, 4)))
    taps = ("content_encoder.mel", "quantizer.codes")
    explorer = LeakExplorer(lab, clips, taps=taps)
    explorer.set(frames=200)
    speaker = explorer.probed
    assert speaker.factor == "speaker" and speaker.score.value > speaker.control
    explorer.set(centred=True)
    assert explorer.probed.score.value < speaker.score.value
    explorer.set(tap="quantizer.codes", factor="phone", centred=False)
    assert explorer.probed.tap == "quantizer.codes" and len(explorer.asked) == 3
    page = explorer.output.value
    assert page.count("<tr><td>content_encoder.mel") == 2 and page.count("<tr><td>quantizer.codes") == 1
    assert f"{explorer.probed.chance:.2f}" in page and explorer.snapshot() == page


def test_ablation_explorer_measures_every_head_beside_those_that_are_gone(lab: Lab, part: Excerpt) -> None:
    explorer = AblationExplorer(lab, [part])
    costs = {}
    for edit in ("zero", "mean", "resample"):
        explorer.set(edit=edit)
        costs[edit] = explorer.grid.matrix("nats")[2]
        assert costs[edit].shape == (2, 2)
    assert not torch.allclose(torch.tensor(costs["zero"]), torch.tensor(costs["mean"]))
    explorer.set(edit="zero", gone=(explorer.heads[1],))
    assert explorer.cost == pytest.approx(costs["zero"][0, 1], abs=1e-6)
    assert explorer.grid.matrix("nats")[2][0, 1] == 0
    assert explorer.grid.clean["nats"] == pytest.approx(explorer.measure_clean + explorer.cost, abs=1e-6)
    assert "gone already" in explorer.snapshot().get_suptitle()


def test_heads_that_follow_and_what_they_cost_in_one_picture(lab: Lab, part: Excerpt) -> None:
    follows = follows_phones(lab, part)
    assert [*follows] == [(f"semantic_gpt.layers.{layer}.attention.mix", head) for layer in (0, 1) for head in (0, 1)]
    assert all(0 <= score <= 1 for score in follows.values())
    grid = head_grid(lab, MIX, nats_per_code(lab, [part]))
    figure = alignment_against_drop(grid, follows)
    bars = [line.get_xydata()[0] for line in figure.axes[0].lines if line.get_marker() == "o" and len(line.get_xdata())]
    wanted = [(follows[row["tap"], row["head"]], row["nats"]) for row in grid.rows]
    assert np.allclose(bars, wanted)
