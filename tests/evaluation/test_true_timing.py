"""Predicted codes along the timing of a recording, and the conditions without codes or phones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gsv_lab
from gsv_lab.audio import read
from gsv_lab.evaluation.conditions import LabConditions
from gsv_lab.evaluation.lists import Clip, Item
from gsv_lab.evaluation.true_timing import has_timing, speak_with_true_timing
from gsv_lab.inference.synthesizer import Synthesizer
from gsv_lab.text import phonemize
from tiny import GPT, SOVITS, make_family, spec

PLANNED = {**GPT, "class_path": "gsv_lab.extensions.duration_predictor.PlannedSemanticGPT"}
PLAIN = {
    "class_path": "gsv_lab.nn.semantic_gpt.SemanticGPT",
    "init_args": {key: value for key, value in GPT["init_args"].items() if key != "max_advance"},
}
ALIGNED_PRIOR = spec(
    "extensions.aligned_prior.AlignedPrior", content_dim=12, latent_dim=8, speaker_dim=16, n_phones=732, width=16,
    layers=[1, 1], kernel=3,
)  # fmt: skip
TEXT = "we walk home now"


@pytest.fixture
def clip(sample: Path, tmp_path: Path) -> Clip:
    """The first seconds of the shipped sample; what it is said to say need not be so."""
    import soundfile

    wave = read(sample, 16000).samples[: 16000 * 4].numpy()
    soundfile.write(tmp_path / "clip.wav", wave, 16000)
    return Clip(tmp_path / "clip.wav", "clip.wav", "ann", "en", TEXT)


def family(folder: Path, pauses: bool = False, **parts: Any) -> Any:
    made = make_family(folder, **parts)
    card = json.loads((made / "model.json").read_text())
    (made / "model.json").write_text(json.dumps(card | {"pauses": pauses}))
    return gsv_lab.load(str(made))


@pytest.mark.parametrize("prompted", [False, True])
@pytest.mark.parametrize(("gpt", "pauses"), [(GPT, False), (PLANNED, True)], ids=["advancing", "planned"])
def test_the_timing_of_the_recording_is_kept(
    tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch, gpt: Any, pauses: bool, prompted: bool
) -> None:
    lab = family(tmp_path / "family", pauses, semantic_gpt=gpt)
    voice = lab.clone(clip.path, text=TEXT if prompted else None, language="en")
    assert (voice.prompt.phone_index is not None) == prompted
    wave = torch.from_numpy(np.array(clip.read()))
    phones = phonemize("now we walk", "en")
    spoken: dict[str, Any] = {}

    def speak(self: Any, codes: Any, phones: Any, *others: Any) -> torch.Tensor:
        spoken.update(codes=codes, phone_index=others[4])
        return torch.zeros(1)

    monkeypatch.setattr(Synthesizer, "speak", speak)
    speak_with_true_timing(lab, wave, phones, voice, 0)
    whole = lab.family.phones(phones)
    true = lab.recordings.phone_index(wave, whole, 100)
    assert spoken["codes"].shape == (1, 100)
    assert int(true.max()) > 2 and spoken["phone_index"].tolist() == [true.tolist()]
    first = spoken["codes"].clone()
    speak_with_true_timing(lab, wave, phones, voice, 0)
    assert torch.equal(spoken["codes"], first)
    speak_with_true_timing(lab, wave, phones, voice, 1)
    assert not torch.equal(spoken["codes"], first)


@pytest.mark.parametrize("prior", [None, ALIGNED_PRIOR], ids=["attention", "aligned"])
def test_without_codes_and_without_phones(
    tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch, prior: Any
) -> None:
    """Other phones change nothing where phones are silenced, and other codes nothing where codes are."""
    sovits = SOVITS if prior is None else {**SOVITS, "init_args": {**SOVITS["init_args"], "prior": prior}}
    lab = family(tmp_path / "family", sovits=sovits)
    names = ["resynthesis", "phones_without_codes", "codes_without_phones"]
    made = LabConditions(lab, [Item("a", "me", clip.language, clip.text, clip, clip)]).conditions(names)

    def spoken(text: str = TEXT) -> dict[str, np.ndarray]:
        waves = {condition.name: condition.speak(replace(clip, text=text), clip, 0) for condition in made}
        return {name: wave for name, wave in waves.items() if wave is not None}

    before, other_text = spoken(), spoken("she said it was a good day")
    assert list(before) == names and all(np.isfinite(wave).all() for wave in before.values())
    assert not np.array_equal(before["resynthesis"], before["phones_without_codes"])
    assert [np.array_equal(before[name], other_text[name]) for name in names] == [False, False, True]
    monkeypatch.setattr(Synthesizer, "encode", lambda self, wave: torch.arange(100)[None] % 20)
    other_codes = spoken()
    assert [np.array_equal(before[name], other_codes[name]) for name in names] == [False, True, False]


def test_what_a_family_does_not_support_has_no_waves(tmp_path: Path, clip: Clip) -> None:
    lab = family(tmp_path / "family", semantic_gpt=PLAIN)
    assert not has_timing(lab)
    condition = LabConditions(lab, [Item("a", "me", clip.language, clip.text, clip, clip)]).conditions(["true_timing"])[
        0
    ]
    assert condition.name == "true_timing" and condition.speak(clip, clip, 0) is None
