"""The explorer of edits without a kernel: both speeches, and what changed."""

from __future__ import annotations

import pytest
import torch

from gsv_lab.errors import HookError
from gsv_lab.hooks import probe, scale, zero
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.voice import Voice
from gsv_lab.teaching.widgets.edits import KINDS, NUMBERS, EditExplorer

TAPS = ("prior.text", "prior.mean", "semantic_gpt.layers.0.attention.mix", "quantizer.codes")


@pytest.fixture(scope="module")
def explorer(lab: Lab, voice: Voice) -> EditExplorer:
    return EditExplorer(lab, voice, TAPS, "Hello there.", tap="prior.mean")


def test_both_speeches_are_heard_and_seen(explorer: EditExplorer, lab: Lab, voice: Voice) -> None:
    explorer.set(tap="prior.mean", kind="zero")
    page = explorer.view.children[-1].value
    assert page.count("<audio") == 2 and page.count("data:image/png") == 2
    assert torch.equal(explorer.clean.wave, lab.speak("Hello there.", voice, candidates=1).wave)
    with probe(lab, edits=[zero("prior.mean")]):
        expected = lab.speak("Hello there.", voice, candidates=1)
    assert torch.equal(explorer.edited.wave, expected.wave)
    assert explorer.changed["mel_change"] > 0 and explorer.changed["codes_equal"] == 1
    assert all(name in page for name, _ in NUMBERS.values())
    assert "zero at <code>prior.mean</code>" in page


def test_the_clean_speech_is_made_once(explorer: EditExplorer, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer.set(tap="prior.mean", kind="zero")
    clean, spoken = explorer.clean, []
    speak = explorer.lab.speak
    monkeypatch.setattr(explorer.lab, "speak", lambda *a, **more: spoken.append(a) or speak(*a, **more))
    explorer.set(kind="resample", seed=3)
    assert explorer.clean is clean and len(spoken) == 1


def test_strength_is_a_factor_or_a_share_of_the_spread(explorer: EditExplorer, lab: Lab, voice: Voice) -> None:
    explorer.set(tap="prior.mean", kind="scale", strength=1.0)
    assert torch.equal(explorer.edited.wave, explorer.clean.wave) and explorer.changed["mel_change"] == 0
    explorer.set(strength=2.0)
    assert explorer.edit(explorer.state) == scale("prior.mean", 2.0)
    with probe(lab, "prior.mean") as records:
        lab.speak("Hello there.", voice, candidates=1)
    spread = float(records["prior.mean"].value.double().std(correction=0))
    explorer.set(kind="noise", strength=0.5)
    assert explorer.edit(explorer.state).by == pytest.approx(0.5 * spread, rel=1e-5)
    little = explorer.changed["mel_change"]
    explorer.set(strength=3.0)
    assert explorer.changed["mel_change"] > little > 0
    assert f"noise by {3 * spread:.3g} at" in explorer.output.value


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_changes_the_mix(explorer: EditExplorer, kind: str) -> None:
    explorer.set(tap="prior.mean", kind=kind, strength=0.3, seed=1)
    assert explorer.edited is not None and explorer.changed["mel_change"] > 0


def test_an_edit_that_does_nothing_is_said_and_the_next_one_works(explorer: EditExplorer) -> None:
    explorer.set(tap="quantizer.codes", kind="zero")
    assert "Never carried out" in explorer.output.value and "<audio" not in explorer.output.value
    assert explorer.edited is None and not explorer.changed
    explorer.set(tap="prior.mean")
    assert explorer.output.value.count("<audio") == 2


def test_unknown_taps_are_refused_at_once(lab: Lab, voice: Voice) -> None:
    with pytest.raises(HookError, match="prior.nothing"):
        EditExplorer(lab, voice, ["prior.mean", "prior.nothing"])
