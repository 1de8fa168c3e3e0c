"""The path between two voices: what is compared with what, and that nothing else decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from torch import Tensor

from gsv_lab.errors import AudioError, ConfigError, DataError
from gsv_lab.evaluation import voice_path as module
from gsv_lab.evaluation.voice_path import between, recordings_in, voice_path
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.voice import Voice
from tiny import make_family
from tuned_voices import a_voice, adapted


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(make_family(tmp_path_factory.mktemp("family"))))


@pytest.fixture
def voices(lab: Lab) -> tuple[Voice, Voice]:
    return a_voice(lab, "one", seed=1), adapted(a_voice(lab, "two", seed=2), lab, seed=2)


def turned(angle: float) -> Tensor:
    return torch.tensor([torch.cos(torch.tensor(angle)), torch.sin(torch.tensor(angle)), 0.0])


def test_likeness_is_the_cosine_with_the_mean_of_a_person(
    lab: Lab, voices: tuple[Voice, Voice], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verifier that reads an angle off the first sample: one person at 0 +- 0.2 rad, the other at 1 +- 0.2 rad."""
    monkeypatch.setattr(module, "speaker_embedding", lambda _: lambda wave: 3 * turned(float(wave[0])))
    said: list[tuple[str, str]] = []
    voices = (voices[0], replace(voices[1], name="two"))

    def spoken(text: str, voice: Voice, *_: Any) -> Any:
        said.append((text, voice.name))
        share = dict(voice.settings.get("blend", [["one", 1.0 * (voice.name == "one")]])).get("one", 0.0)
        return replace(speech, wave=torch.full((4000,), 1.0 - share))

    speech = lab.speak("We walk.", voices[0])
    monkeypatch.setattr(lab, "speak", spoken)
    monkeypatch.setattr(module, "own_phone_errors", lambda _, speech: float(speech.wave[0]) / 2)
    clips = tuple([torch.tensor([at - 0.2, 0.0]), torch.tensor([at + 0.2, 0.0])] for at in (0.0, 1.0))
    found = voice_path(lab, voices, (clips[0], clips[1]), ["We walk.", "Good day."], shares=(0.0, 0.25, 1.0))
    assert said == [(text, name) for name in ("one", "one+two", "two") for text in ("We walk.", "Good day.")]
    for place, angle in zip(found.places, (0.0, 0.25, 1.0), strict=True):
        wanted = torch.cos(torch.tensor([angle, 1.0 - angle]))
        assert place.share == angle and place.phone_errors == pytest.approx(angle / 2, abs=1e-6)
        assert (place.first, place.second) == pytest.approx(wanted.tolist(), abs=1e-5)
    assert found.ceilings == pytest.approx([float(torch.cos(torch.tensor(0.4)))] * 2, abs=1e-5)
    across = float(torch.cos(torch.tensor([0.8, 1.2])).mean())
    assert found.floors == pytest.approx([across] * 2, abs=1e-5)
    assert [line.split()[0] for line in str(found).split("\n")] == ["share", "0.00", "0.25", "1.00", "natural", "of"]


def test_ends_are_the_voices_themselves(lab: Lab, voices: tuple[Voice, Voice]) -> None:
    assert between(lab, voices, 0.0) is voices[0] and between(lab, voices, 1.0) is voices[1]
    half = between(lab, voices, 0.5)
    assert half.settings["blend"] == [["one", 0.5], ["two adapted", 0.5]] and half.adapters


def test_a_real_path_is_spoken(lab: Lab, voices: tuple[Voice, Voice]) -> None:
    clips = [torch.randn(8000) * 0.1 for _ in range(4)]
    found = voice_path(lab, voices, (clips[:2], clips[2:]), ["We walk home."], shares=(0.0, 0.5, 1.0))
    assert all(-1.0 <= value <= 1.0 for place in found.places for value in (place.first, place.second))
    assert len({place.first for place in found.places}) == 3


def test_what_is_missing_is_said(lab: Lab, voices: tuple[Voice, Voice], tmp_path: Path) -> None:
    clip = torch.randn(8000) * 0.1
    with pytest.raises(DataError, match="1 recordings of 'two adapted'.*two or more"):
        voice_path(lab, voices, ([clip, clip], [clip]), ["We walk."])
    with pytest.raises(ConfigError, match="numbers from 0 to 1"):
        voice_path(lab, voices, ([clip, clip], [clip, clip]), ["We walk."], shares=(0.0, 1.5))
    bare = Lab(replace(lab.family, folder=tmp_path))
    with pytest.raises(ConfigError, match="no speaker verifier"):
        voice_path(bare, voices, ([clip, clip], [clip, clip]), ["We walk."])


def test_recordings_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no sound files"):
        recordings_in(tmp_path / "absent", 16000)
    for name, samples in (("b.wav", 3200), ("a.flac", 1600)):
        soundfile.write(tmp_path / name, torch.randn(samples).numpy() * 0.1, 8000)
    (tmp_path / "note.txt").write_text("not a sound", encoding="utf-8")
    assert [len(wave) for wave in recordings_in(tmp_path, 16000)] == [3200, 6400]
    (tmp_path / "c.wav").write_text("no sound", encoding="utf-8")
    with pytest.raises(AudioError):
        recordings_in(tmp_path, 16000)
