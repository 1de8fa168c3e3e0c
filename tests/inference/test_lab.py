"""The lab at tiny size, from a recording to speech: the path that every door of the kit takes."""

from __future__ import annotations

import copy
import json
import re
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from gsv_lab import audio
from gsv_lab.corpora.clip_lists import clip_hash
from gsv_lab.errors import CheckpointError, ConfigError, HookError, TextError
from gsv_lab.hooks import Edit, noise, probe, swap, watched, zero
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.synthesizer import Synthesizer
from gsv_lab.inference.voice import Voice
from gsv_lab.system.migration import LAB
from gsv_lab.text import phonemize
from gsv_lab.training.sovits_task import SoVITSTask
from tiny import make_family


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(make_family(tmp_path_factory.mktemp("family"))))


@pytest.fixture(scope="module")
def voice(lab: Lab, sample: Path) -> Voice:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lab.clone(sample, consent="a synthesizer gave it")


@pytest.mark.parametrize(("size", "value"), [("n_books", 2), ("frame_rate", 50.0), ("n_codes", 7)])
def test_codes_that_the_gpt_does_not_speak(lab: Lab, size: str, value: float) -> None:
    parts = copy.copy(lab.family.synthesizer)
    sovits = copy.deepcopy(parts.sovits)
    setattr(sovits.quantizer, size, value)
    with pytest.raises(ConfigError, match=f"quantizer.{size} is {value}"):
        Synthesizer(parts.content_encoder, parts.semantic_gpt, sovits, parts.context_encoder)


def test_same_seed_same_samples(lab: Lab, voice: Voice) -> None:
    one, two = (lab.speak("Hello world.", voice, seed=5) for _ in range(2))
    assert torch.equal(one.wave, two.wave)
    assert not torch.equal(one.codes, lab.speak("Hello world.", voice, seed=6).codes)


def test_a_voice_sounds_the_same_before_and_after_it_was_saved(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    changed = {"sovits.vocoder.net.norm_out.bias": torch.full((16,), 0.1)}
    for made in (voice, replace(voice, residuals=None), replace(voice, speaker=voice.speaker + 1 / 3, changed=changed)):
        loaded = Voice.load(made.save(tmp_path / "v.safetensors"))
        one, two = (lab.speak("Hello world.", each, seed=5) for each in (made, loaded))
        assert torch.equal(one.codes, two.codes)
        assert torch.equal(one.wave, two.wave)


def test_residuals_of_a_reference_change_how_its_codes_are_spoken(lab: Lab, voice: Voice, sample: Path) -> None:
    assert voice.residuals is not None
    assert voice.residuals.hidden.shape[-1] == voice.residuals.weights.shape[-1]
    plain = replace(voice, residuals=None)
    corrected, uncorrected = (lab.speak("Hello world.", one, seed=5) for one in (voice, plain))
    assert torch.equal(corrected.codes, uncorrected.codes)
    assert not torch.equal(corrected.wave, uncorrected.wave)
    wave = audio.read(sample, lab.sample_rate).samples[: 4 * lab.sample_rate]
    phones = phonemize("We walk home.", "en")
    one = lab.recordings.residuals([(wave, phones)], voice.speaker)
    both = lab.recordings.residuals([(wave, phones), (wave, None)], voice.speaker)
    assert one is not None and both is not None
    assert both.hidden.shape[-1] == 2 * one.hidden.shape[-1]
    with_residuals = lab.resynthesize(wave, phones, voice.speaker, residuals=both)
    assert not torch.equal(with_residuals.wave, lab.resynthesize(wave, phones, voice.speaker).wave)


def test_each_postfilter_changes_the_sound_and_not_the_residuals(
    lab: Lab, voice: Voice, sample: Path, request: pytest.FixtureRequest
) -> None:
    sovits = lab.family.synthesizer.sovits
    filtered, residuals = lab.speak("Hello world.", voice, seed=5), voice.residuals
    for part in (sovits, sovits.vocoder):
        kept = part.postfilter
        assert kept is not None
        request.addfinalizer(partial(setattr, part, "postfilter", kept))
        part.postfilter = None
        plain, again = lab.speak("Hello world.", voice, seed=5), lab.clone(sample).residuals
        part.postfilter = kept
        assert torch.equal(plain.codes, filtered.codes) and not torch.equal(plain.wave, filtered.wave)
        assert residuals is not None and again is not None
        assert torch.equal(residuals.weights, again.weights)


def test_a_recording_without_a_phone_has_residuals(lab: Lab, voice: Voice) -> None:
    silent = lab.recordings.residuals([(torch.zeros(lab.sample_rate), None)], voice.speaker)
    assert silent is not None and torch.isfinite(silent.weights).all()


def test_every_code_becomes_its_share_of_sound(lab: Lab, voice: Voice) -> None:
    speech = lab.speak("Hello world.", voice, candidates=1)
    assert speech.wave.numel() == len(speech.codes) * 640
    assert torch.isfinite(speech.wave).all()
    assert float(speech.wave.abs().max()) <= 1.0
    faster = lab.speak("Hello world.", voice, speed=2.0, candidates=1)
    assert abs(faster.wave.numel() - speech.wave.numel() / 2) <= 640


def test_sentences_come_one_by_one_and_joined(lab: Lab, voice: Voice) -> None:
    text = "The first sentence is here today. The second sentence follows it. 然后是中文的句子。"
    parts = list(lab.stream(text, voice))
    assert len(parts) == 3
    whole = lab.speak(text, voice)
    assert whole.wave.numel() == sum(p.wave.numel() for p in parts) + 2 * 4000
    assert torch.equal(whole.codes, torch.cat([p.codes for p in parts]))


def test_saved_speech_carries_the_mark(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    path = lab.speak("Hello world.", voice).save(tmp_path / "out.wav")
    mark = audio.read_mark(path)
    assert mark is not None
    assert (mark.model, mark.voice) == ("tiny-1", voice.name)


def test_timings_cover_the_phones(lab: Lab, voice: Voice, sample: Path) -> None:
    wave = audio.read(sample, lab.sample_rate).samples
    speech = lab.resynthesize(wave, phonemize("Hello.", "en"), voice.speaker)
    timings = speech.timings
    assert timings is not None and speech.phones is not None and len(timings) == len(speech.phones)
    assert (timings.end >= timings.start).all()


def test_clone_survives_its_file(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    again = Voice.load(voice.save(tmp_path / "v.safetensors"))
    made = lab.speak("Hello world.", again)
    assert len(made.codes) > 3
    assert again.consent == "a synthesizer gave it"


def test_several_recordings_make_the_mean_voice(lab: Lab, sample: Path, tmp_path: Path) -> None:
    samples = audio.read(sample, 16000).samples
    halves = [tmp_path / "one.wav", tmp_path / "two.wav"]
    for path, start in zip(halves, (0, 5 * 16000), strict=True):
        audio.write(path, samples[start : start + 5 * 16000], 16000)
    one, two = (lab.clone(path) for path in halves)
    both = lab.clone(halves)
    torch.testing.assert_close(both.speaker, (one.speaker + two.speaker) / 2, rtol=1e-3, atol=1e-3)  # half precision
    assert torch.equal(both.prompt.codes, one.prompt.codes) and both.settings["source"] == "one.wav two.wav"


def test_finetuned_voice_holds_only_what_changed(
    lab: Lab, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[float] = []
    terms = SoVITSTask.adversarial_terms

    def spy(task: SoVITSTask, *given: Any) -> dict[str, torch.Tensor]:
        assert task.sovits.postfilter is None and task.sovits.vocoder.postfilter is None
        found = terms(task, *given)
        scored.append(float(found["adversarial"].detach()))
        return found

    monkeypatch.setattr(SoVITSTask, "adversarial_terms", spy)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lab.prepare([sample], tmp_path / "prepared", language="en")
        tuned = lab.finetune(tmp_path / "prepared", steps=30, max_seconds=16.0, verdict=False)
    assert tuned.changed
    # The discriminators of the base took part, and learnt on: no two steps have the same loss.
    assert len(scored) == 30 and len(set(scored)) == 30
    parts = ("flow", "vocoder", "prior", "pitch_predictor")
    assert all(name.startswith(tuple(f"sovits.{part}." for part in parts)) for name in tuned.changed)
    again = Voice.load(tuned.save(tmp_path / "tuned.safetensors"))
    torch.testing.assert_close(lab.speak("Hello.", again).wave, lab.speak("Hello.", tuned).wave)
    base = lab.family.synthesizer.sovits.state_dict()
    assert all(not torch.equal(value, base[name.removeprefix("sovits.")]) for name, value in tuned.changed.items())
    plain, voice = (lab.clone(sample, tuned=networks) for networks in (None, replace(tuned, consent="She agreed")))
    assert torch.equal(voice.speaker, plain.speaker) and torch.equal(voice.prompt.codes, plain.prompt.codes)
    assert voice.changed.keys() == tuned.changed.keys() and voice.consent == "She agreed" and not plain.changed
    assert voice.residuals is not None and plain.residuals is not None
    assert not torch.equal(voice.residuals.weights, plain.residuals.weights)
    assert not torch.equal(lab.speak("Hello.", voice).wave, lab.speak("Hello.", plain).wave)


def test_residuals_of_a_single_recording_are_learnt_once(lab: Lab, sample: Path, tmp_path: Path) -> None:
    wave = audio.read(sample, lab.sample_rate).samples[: 6 * lab.sample_rate]
    soundfile.write(tmp_path / "one.wav", wave.numpy(), lab.sample_rate)
    (tmp_path / "list.txt").write_text("one.wav|me|en|\n", encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tuned = lab.finetune(tmp_path, steps=1, verdict=False)
    # It is held out as well, for nothing else is there; but it was spoken once.
    assert tuned.residuals is not None
    assert tuned.residuals.hidden.shape[-1] == pytest.approx(6 * 50, abs=2)


def test_one_recording_is_prepared_and_tuned_on(lab: Lab, sample: Path, tmp_path: Path) -> None:
    wave = audio.read(sample, lab.sample_rate).samples[: 12 * lab.sample_rate]
    path = audio.write(tmp_path / "my voice.wav", wave, lab.sample_rate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tuned = lab.finetune(path, steps=1, verdict=False)
    assert tuned.name == tuned.settings["source"] == "my voice"
    assert tuned.settings["seconds"] == pytest.approx(11.5, abs=0.5) and not tuned.settings["transcribed"]
    assert [file.name for file in tmp_path.iterdir()] == ["my voice.wav"]
    assert {(one.utterance, one.source) for one in tuned.tuned_on} == {("my voice", clip_hash(path))}


def test_probe_sees_the_lab_by_its_names(lab: Lab, voice: Voice) -> None:
    plain = lab.speak("Hello world.", voice)
    with probe(lab, "prior.cross_attention.pattern", "semantic_gpt.logits") as seen:
        watched = lab.speak("Hello world.", voice)
    torch.testing.assert_close(watched.wave, plain.wave, atol=1e-5, rtol=0)
    assert "prior.cross_attention.pattern" in list(seen)


class TestEdits:
    def test_they_are_those_of_a_probe_around_the_call(self, lab: Lab, voice: Voice) -> None:
        edits = [zero("prior.cross_attention.answer"), noise("semantic_gpt.logits", 9.0, step=(2, None))]
        with probe(lab, edits=edits):
            expected = lab.speak("Hello world.", voice, seed=5, temperature=0.8)
        made = lab.speak("Hello world.", voice, seed=5, edits=edits, temperature=0.8)
        plain = lab.speak("Hello world.", voice, seed=5, temperature=0.8)
        assert torch.equal(made.wave, expected.wave) and torch.equal(made.codes, expected.codes)
        assert not torch.equal(made.codes, plain.codes)
        assert torch.equal(lab.speak("Hello world.", voice, seed=5, edits=[], temperature=0.8).wave, plain.wave)

    def test_inside_a_probe_they_belong_to_that_one(self, lab: Lab, voice: Voice) -> None:
        with probe(lab, "prior.mean") as seen:
            with pytest.raises(HookError, match="Give it these taps and edits too") as caught:
                lab.speak("Hello.", voice, edits=[zero("prior.mean")])
            assert caught.value.code == "PROBE_NESTED"
            lab.speak("Hello.", voice)
        assert seen["prior.mean"].value.any() and not watched()

    def test_they_reach_a_tuned_voice(self, lab: Lab, voice: Voice) -> None:
        """It speaks through networks of its own; edits of the base would never be carried out."""
        name = next(n for n in lab.family.synthesizer.state_dict() if n.endswith("prior.out_proj.weight"))
        moved = lab.family.synthesizer.state_dict()[name] * 1.1
        tuned = Voice(voice.name, voice.parent, voice.parents, voice.speaker, voice.prompt, {name: moved})
        plain = lab.speak("Hello.", tuned)
        assert not torch.equal(lab.speak("Hello.", tuned, edits=[zero("prior.mean")]).wave, plain.wave)
        assert torch.equal(lab.speak("Hello.", tuned).wave, plain.wave)

    @pytest.mark.parametrize(
        ("edit", "code"),
        [
            (zero("prior.nothing"), "TAP_UNKNOWN"),
            (zero("prior.mean", head=1), "AXIS_UNKNOWN"),
            (swap("prior.mean", torch.zeros(1, 3, 5)), "EDIT_SHAPE"),
            (zero("semantic_gpt.logits", step=(5000, None)), "EDIT_UNUSED"),
        ],
    )
    def test_a_wrong_one_leaves_the_lab_clean(self, lab: Lab, voice: Voice, edit: Edit, code: str) -> None:
        plain = lab.speak("Hello.", voice)
        with pytest.raises(HookError) as caught:
            lab.speak("Hello.", voice, edits=[edit])
        assert caught.value.code == code and not watched()
        assert torch.equal(lab.speak("Hello.", voice).wave, plain.wave)


@pytest.mark.parametrize(("text", "code"), [("", "TEXT_EMPTY"), ("😀😀", "TEXT"), ("a " * 10_001, "TEXT_TOO_LONG")])
def test_bad_text(lab: Lab, voice: Voice, text: str, code: str) -> None:
    with pytest.raises(TextError) as caught:
        lab.speak(text, voice)
    assert caught.value.code.startswith(code)


@pytest.mark.parametrize("option", [{"temperature": -1.0}, {"top_p": 0.0}, {"speed": 9.0}, {"noise_scale": -0.1}])
def test_options_out_of_range(lab: Lab, voice: Voice, option: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(option))):
        lab.speak("Hello.", voice, **option)


def test_voice_of_other_weights(voice: Voice, tmp_path: Path) -> None:
    other = load(str(make_family(tmp_path, seed=9)))
    with pytest.raises(CheckpointError, match="made for tiny-1"):
        other.speak("Hello.", voice)


def test_unknown_model() -> None:
    with pytest.raises(CheckpointError, match="There is no model 'giant'"):
        load("giant")


@pytest.mark.parametrize("name", LAB)
def test_what_has_another_place_names_it(lab: Lab, name: str) -> None:
    with pytest.raises(AttributeError, match=f"lab.{name} has another place now: lab.{re.escape(LAB[name])}$"):
        getattr(lab, name)
    found = lab
    for step in LAB[name].split("."):
        found = getattr(found, step.removesuffix("()"))
        found = found() if step.endswith("()") else found
    assert found is not None


def test_what_a_lab_never_had_is_an_attribute_error(lab: Lab) -> None:
    with pytest.raises(AttributeError, match="A Lab has no attribute 'sing'"):
        assert lab.sing
    assert not hasattr(lab, "sing") and copy.copy(lab).version == lab.version


def test_a_family_that_knows_pauses_is_given_them(tmp_path: Path, sample: Path) -> None:
    """In the prompt, in what is spoken, and in resynthesis; the words stay those of the text."""
    folder = make_family(tmp_path)
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (folder / "model.json").write_text(json.dumps({**card, "pauses": True}), encoding="utf-8")
    paused, plain = load(str(folder)), load(str(make_family(tmp_path / "plain")))
    wave = audio.read(sample, 16000).samples[: 4 * 16000]
    audio.write(tmp_path / "short.wav", wave, 16000)
    for lab, pauses in ((paused, 3), (plain, 0)):
        voice = lab.clone(tmp_path / "short.wav", text="We walked", language="en")
        assert voice.prompt.phones is not None
        assert voice.prompt.phones.symbols.count("SP") == pauses
        spoken = lab.speak("We walk.", voice)
        assert spoken.phones is not None and spoken.phones.symbols.count("SP") == max(0, pauses - 1)
        assert len(spoken.timings) == len(spoken.phones)
        made = lab.resynthesize(wave, phonemize("We walked", "en"), voice.speaker)
        assert made.phones is not None and made.phones.symbols.count("SP") == pauses
