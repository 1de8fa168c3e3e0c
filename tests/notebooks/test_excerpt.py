"""The stretch of speech that the later notebooks run on, teacher-forced and free running."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import gsv_lab
import tiny
from gsv_lab import audio
from gsv_lab.evaluation.measures.prosody import tracked_pitch
from gsv_lab.evaluation.probes.linear import Examples
from gsv_lab.inference.lab import Lab
from gsv_lab.teaching.exercises.breaking import nats_per_code
from gsv_lab.teaching.exercises.clips import centred, known_clips, real_clips, two_voices
from gsv_lab.teaching.exercises.distances import content_likeness, log_mel, mel_distance
from gsv_lab.teaching.exercises.excerpt import decode, excerpt, excerpts, most_diagonal, teacher_forced
from gsv_lab.teaching.exercises.flowing import speak_latents
from gsv_lab.teaching.exercises.material import find_speech, shipped_sample
from gsv_lab.teaching.exercises.prior_alignment import alignment_tap, phone_weights
from gsv_lab.teaching.exercises.probing import median_hertz
from gsv_lab.teaching.exercises.voices import second_voice, synthetic_voice


def test_excerpt_is_the_first_whole_sentences(lab: Lab) -> None:
    part = excerpt(lab, shipped_sample(), least=0.5)
    assert part.phones.text.startswith("Good morning") and len(part.start) == len(part.end) == len(part.phones)
    assert part.wave.numel() == 640 * len(part.codes) == 640 * len(part.phone_index)
    assert part.wave.numel() / 16000 - 0.25 < part.end[-1] <= part.wave.numel() / 16000
    assert (part.phone_index.diff() >= 0).all() and int(part.phone_index.max()) < len(part.phones)
    longer = excerpt(lab, shipped_sample(), least=part.end[-1] + 0.5, most=40.0)
    assert len(longer.phones) > len(part.phones) and longer.phones.text.startswith(part.phones.text)


def test_excerpts_are_single_sentences_with_times_of_their_own(lab: Lab) -> None:
    parts = excerpts(lab, shipped_sample(), most=3)
    assert len(parts) == 3 and parts[0].phones.text.startswith("Good morning")
    for part in parts:
        assert part.wave.numel() == 640 * len(part.codes) and 0 <= part.start[0] < 0.3
        assert (np.diff(part.start) >= 0).all() and part.end[-1] <= part.wave.numel() / 16000 + 1e-6
        assert int(part.phone_index[0]) <= 2 and int(part.phone_index[-1]) >= len(part.phones) - 3
    alone = replace(shipped_sample(), text="", path=Path("mine.wav"))
    assert "mine.wav has not enough" in excerpts(lab, alone, most=1)[0].source


def test_sentences_of_several_recordings_are_put_together(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        audio.write(tmp_path / f"{name}.wav", shipped_sample().wave[:56000], 16000)
        (tmp_path / f"{name}.txt").write_text("good morning and thank you", encoding="utf-8")
    monkeypatch.setenv("GSV_LAB_SPEECH", str(tmp_path))
    parts = excerpts(lab, find_speech())
    assert ["a.wav" in part.source or "b.wav" in part.source for part in parts] == [True, True]
    assert parts[0].source != parts[1].source
    [only] = excerpts(lab, find_speech(), most=1)
    assert "a.wav" in only.source


def test_likeness_and_distance_of_a_wave_to_itself(lab: Lab) -> None:
    wave = shipped_sample().wave[:32000]
    assert content_likeness(lab, wave, wave) == pytest.approx(1.0, abs=1e-4) and mel_distance(lab, wave, wave) == 0
    assert content_likeness(lab, wave, wave.flip(0)) < 0.9
    assert mel_distance(lab, wave, 0.1 * wave) == pytest.approx(math.log(10), abs=0.5)
    assert log_mel(wave, 16000).shape == (80, 200) and mel_distance(lab, wave, wave[:16000]) == pytest.approx(
        0, abs=0.05
    )


def test_a_second_voice_is_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GSV_LAB_SPEECH", raising=False)
    assert "synthetic corpus" in second_voice(shipped_sample()).source
    made, seconds = synthetic_voice(), torch.arange(24000) / 16000
    for name, hertz in (("a", 110), ("b", 112), ("c", 260)):
        pulses = sum(torch.cos(2 * math.pi * hertz * k * seconds) for k in range(1, 9))
        audio.write(tmp_path / f"{name}.wav", 0.05 * pulses, 16000)
    mine = find_speech(tmp_path / "a.wav")
    assert "synthesizer" in second_voice(mine).source
    monkeypatch.setenv("GSV_LAB_SPEECH", str(tmp_path))
    # b may well be the same person.
    assert "c.wav in GSV_LAB_SPEECH" in second_voice(mine).source and second_voice(mine).wave.shape == (24000,)
    assert "a.wav" in second_voice(find_speech(tmp_path / "c.wav")).source
    curve = tracked_pitch(made.wave.numpy())
    assert made.wave.numel() == 96000 and np.median(curve[curve > 0]) > 150


def test_clips_are_made_or_come_from_a_corpus_of_the_reader(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = known_clips()
    assert "synthetic" in made.source and len(made.clips) == 36 and len({clip.speaker for clip in made.clips}) == 12
    low, high = (median_hertz(tracked_pitch(voice.wave.numpy())) for voice in two_voices().values())
    assert 90 < low < 120 < 190 < high < 260
    monkeypatch.delenv("GSV_LAB_SPEECH", raising=False)
    sample = real_clips(lab)
    assert "one voice" in sample.source and sample.factors == ("phone", "f0") and len(sample.clips) == 5
    assert len({clip.speaker for clip in sample.clips}) == 5 and (sample.clips[0].f0 > 0).mean() > 0.3
    monkeypatch.setenv("GSV_LAB_SPEECH", str(tmp_path))
    assert "does not serve" in real_clips(lab).source
    lines = ["path|speaker|language|text"]
    for number, speaker in enumerate("aabb"):
        audio.write(tmp_path / f"{number}.wav", shipped_sample().wave[:48000], 16000)
        lines.append(f"{number}.wav|{speaker}|en|good morning and thank you")
    (tmp_path / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    mine = real_clips(lab)
    assert mine.source.startswith("4 recordings of 2 speakers") and mine.clips[0].phones[:2] == ("G", "UH")
    assert mine.factors == ("phone", "speaker", "f0")


def test_taking_off_means_leaves_what_changes() -> None:
    random = np.random.default_rng(0)
    speaker = np.array(["a", "b"])[random.integers(2, size=50)]
    x = random.normal(size=(50, 3)) + 5 * (speaker == "a")[:, None]
    blank = np.zeros(50)
    frames = Examples("mel", x, speaker, speaker, blank, speaker, blank)
    off = centred(frames)
    assert abs(off.x[speaker == "a"].mean(0)).max() < 1e-9 and abs(x[speaker == "a"].mean(0)).min() > 4
    np.testing.assert_allclose(off.x[speaker == "b"].std(0), x[speaker == "b"].std(0))


def test_speech_without_a_fitting_text_gives_way_to_the_sample_and_says_so(lab: Lab) -> None:
    silent = replace(shipped_sample(), text="")
    assert "has no text" in excerpt(lab, silent).source and "synthesizer" in excerpt(lab, silent).source
    assert "too long" in excerpt(lab, shipped_sample(), most=0.5).source


@pytest.fixture
def unaligned(tmp_path: Path) -> Lab:
    """A lab whose SemanticGPT has no monotonic alignment, and whose prior is not given the phone of a frame."""
    gpt = dict(tiny.GPT["init_args"])
    del gpt["max_advance"]
    sovits = dict(tiny.SOVITS["init_args"])
    sovits["prior"] = tiny.spec("nn.prior.TextContentPrior", **sovits["prior"]["init_args"])
    folder = tiny.make_family(
        tmp_path / "unaligned",
        semantic_gpt=tiny.spec("nn.semantic_gpt.SemanticGPT", **gpt),
        sovits=tiny.spec("extensions.sovits.ExtendedSoVITS", **sovits),
    )
    return gsv_lab.load(str(folder))


def test_a_lab_that_knows_pauses_is_given_them(planning: Lab) -> None:
    """Silence of a recording belongs to them, in an excerpt and in a free run along its plan."""
    part = excerpt(planning, shipped_sample(), least=0.5)
    assert part.phones.symbols[0] == "SP" and len(part.start) == len(part.end) == len(part.phones)
    assert (part.phone_index.diff() >= 0).all() and part.start[0] == 0
    assert all(alone.phones.symbols[0] == "SP" for alone in excerpts(planning, shipped_sample(), most=2))
    run = decode(planning, part.phones, seed=1)
    assert run.phone_index is not None and int(run.phone_index.max()) < len(part.phones)
    at_once = teacher_forced(planning, part.phones, run.codes, run.phone_index)
    torch.testing.assert_close(at_once[: len(run.codes)], run.logits, atol=1e-4, rtol=1e-4)


def test_which_phone_each_frame_gets(lab: Lab, planning: Lab) -> None:
    for each, tap in ((planning, "prior.phone_alignment"), (lab, "prior.cross_attention.pattern")):
        part = excerpt(each, shipped_sample())
        assert alignment_tap(each) == tap
        with gsv_lab.probe(each, tap) as records:
            each.resynthesize(part.wave, part.phones, torch.zeros(1, 16, 1))
        shares = phone_weights(records[tap])
        assert shares.shape[1] == len(part.phones)
        torch.testing.assert_close(shares.sum(1), torch.ones(len(shares)))
        given = each.recordings.phone_index(part.wave, part.phones, len(part.codes)).repeat_interleave(2)
        assert torch.equal(shares.argmax(1)[: len(given)], given[: len(shares)]) == (each is planning)


def test_networks_without_alignment_run_on_the_same_excerpt(unaligned: Lab) -> None:
    part = excerpt(unaligned, shipped_sample())
    logits = teacher_forced(unaligned, part.phones, part.codes, part.phone_index)
    assert torch.equal(logits, teacher_forced(unaligned, part.phones, part.codes))
    run = decode(unaligned, part.phones, seed=1, max_new=12)
    assert run.phone_index is None
    at_once = teacher_forced(unaligned, part.phones, run.codes)
    torch.testing.assert_close(at_once[:-1], run.logits, atol=1e-4, rtol=1e-4)


def test_a_network_with_alignment_is_given_the_phone_of_each_code(lab: Lab) -> None:
    part = excerpt(lab, shipped_sample())
    logits = teacher_forced(lab, part.phones, part.codes, part.phone_index)
    assert logits.shape == (len(part.codes) + 1, 21)
    elsewhere = teacher_forced(lab, part.phones, part.codes, part.phone_index.flip(0).cummax(0).values)
    assert not torch.allclose(logits, elsewhere)
    run = decode(lab, part.phones, seed=1, max_new=20)
    assert run.phone_index is not None
    assert (run.phone_index.diff() >= 0).all() and (run.phone_index.diff() <= 3).all()
    at_once = teacher_forced(lab, part.phones, run.codes, run.phone_index)
    torch.testing.assert_close(at_once[:-1], run.logits, atol=1e-4, rtol=1e-4)
    speaker = torch.randn(1, 16, 1)
    assert speak_latents(lab, part, speaker, 0.3).wave.numel() == 640 * len(part.codes)
    measured = nats_per_code(lab, [part])()["nats"]
    assert len(measured) == 1 and math.isfinite(measured[0]), "one mean an utterance"


def test_a_free_run_is_repeatable(lab: Lab) -> None:
    phones = excerpt(lab, shipped_sample()).phones
    run = decode(lab, phones, seed=1, max_new=12)
    assert run.logits.shape == (len(run.codes), 21) and len(run.codes) <= 12 and run.reason
    assert torch.equal(run.codes, decode(lab, phones, seed=1, max_new=12).codes)
    assert not torch.equal(run.codes, decode(lab, phones, seed=2, max_new=12).codes)


def test_most_diagonal_head_is_found(lab: Lab, voice: gsv_lab.inference.voice.Voice) -> None:
    with gsv_lab.probe(lab, "semantic_gpt.layers.*.attention.pattern") as records:
        speech = lab.speak("Hello.", voice)
    count = len(speech.phones)
    # What a reading head would look like, put where an untrained one was.
    name = "semantic_gpt.layers.1.attention.pattern"
    for step, weights in enumerate(records[name].steps):
        weights[:, 1] = 0
        weights[:, 1, :, min(step * count // len(records[name]), count - 1)] = 1
    found = most_diagonal(records, count)
    assert found[:2] == (name, 1) and found[2] == pytest.approx(1.0)
