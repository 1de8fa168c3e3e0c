"""What is measured of made speech, by nano's own networks on the shipped synthesizer voice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from made_minutes import RATE, Spoken, write

from gsv_lab import audio
from gsv_lab.corpora.voice_clips import read_clips
from gsv_lab.corpora.voice_store import voice_store
from gsv_lab.errors import ConfigError, TextError
from gsv_lab.inference.lab import load
from gsv_lab.text import phonemize
from gsv_lab.training.finetuning.candidates import Candidate, Recorded, by_second, held_out_losses
from gsv_lab.training.verdict.judging import MOST_STEPS, affordable, table_of
from gsv_lab.training.verdict.speaking import Listener, Said, Text, terms_to_speak, texts_to_speak


@pytest.fixture(scope="module")
def recorded(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The sentences of the sample as recordings to tune on; the second and the seventh are held out."""
    folder = tmp_path_factory.mktemp("voice")
    wave = audio.read(sample, RATE).samples
    told = json.loads(sample.with_suffix(".json").read_text(encoding="utf-8"))["sentences"]
    clips = [Spoken(wave[round(s["start"] * RATE) : round(s["end"] * RATE)], s["text"], "en") for s in told]
    lab = load("nano")
    store = voice_store(lab.family, read_clips(write(folder / "me", clips), 60.0).clips, folder / "store")
    return Recorded(lab.family, lab.recordings, store, True)


@pytest.fixture(scope="module")
def listener(recorded: Recorded) -> Listener:
    return Listener(recorded)


def test_natural_clips_set_the_scale(recorded: Recorded, listener: Listener) -> None:
    held_out = [row for row in recorded.store.rows if row.split == "valid"]
    assert len(listener.natural) == len(held_out) > 0
    for clip in listener.natural:
        assert clip["similarity"] > 0.9 and clip["wrong_words"] == 0 and clip["copied"] < 0.1
        assert clip["phone_error"] < 0.5 and clip["alignment"] > -1.5


def test_each_measure_falls_with_its_own_fault(recorded: Recorded, listener: Listener) -> None:
    wave, phones = recorded.clip(1)
    other, _ = recorded.clip(0)
    good = listener(wave, phones)
    shifted = listener(audio.resample(wave, 20_000, RATE), phones)  # another voice, a third higher
    assert shifted["similarity"] < good["similarity"] - 0.1
    half = wave[: len(wave) // 2]
    again = listener(torch.cat([half, half, half, wave]), phones)
    broken = listener(half, phones)
    assert again["wrong_words"] > 0.2 and broken["wrong_words"] > 0.2
    false = listener(other, phones)
    assert false["phone_error"] > good["phone_error"] + 0.2 and false["alignment"] < good["alignment"] - 0.5
    assert false["copied"] == 1.0 and good["copied"] < 0.1  # the first clip is one of those that are tuned on


def test_texts_of_held_out_clips_and_texts_of_other_kinds_are_spoken(recorded: Recorded) -> None:
    texts = texts_to_speak(recorded)
    held_out = [row.text for row in recorded.store.rows if row.split == "valid"]
    assert [text.phones.text for text in texts if text.held_out] == held_out
    own = [text.phones.language for text in texts if text.own]
    assert own == ["en"] * 6 + ["zh"] * 2
    assert affordable(texts, 2) == MOST_STEPS and affordable(texts * 9, 2) == 1


def test_held_out_speech_is_foretold_worse_by_broken_networks(recorded: Recorded) -> None:
    base = held_out_losses(recorded, Candidate(0, recorded.speaker), ["sovits", "gpt"])
    seconds = [round(row.samples / RATE) for row in recorded.store.rows if row.split == "valid"]
    assert len(base) == 2 * sum(seconds)
    assert np.array_equal(base, held_out_losses(recorded, Candidate(0, recorded.speaker), ["sovits", "gpt"]))
    state = recorded.family.synthesizer.state_dict()
    for stage, name in (("sovits", "sovits.vocoder"), ("gpt", "semantic_gpt.layers.0")):
        noisy = {key: value + 0.3 * torch.randn_like(value) for key, value in state.items() if key.startswith(name)}
        broken = held_out_losses(recorded, Candidate(1, recorded.speaker, noisy), [stage])
        whole = held_out_losses(recorded, Candidate(0, recorded.speaker), [stage])
        assert len(broken) == sum(seconds) and broken.mean() > whole.mean() + 0.1


def test_seconds_are_means_of_their_frames() -> None:
    assert by_second(torch.arange(6.0), 2.1).tolist() == [1.0, 4.0]
    assert by_second(torch.arange(6.0), 0.2).tolist() == [2.5]


def test_terms_are_read_in_their_own_language_and_counted(recorded: Recorded) -> None:
    texts = ["superposition", "量子计算机", "entanglement"]
    found = terms_to_speak(recorded.recordings, texts)
    assert [phones.text for phones in found] == texts
    assert [phones.language for phones in found] == ["en", "zh", "en"]
    with pytest.raises(ConfigError, match="There are 41 terms") as caught:
        terms_to_speak(recorded.recordings, ["word"] * 41)
    assert caught.value.code == "PARAM_RANGE"
    with pytest.raises(TextError):
        terms_to_speak(recorded.recordings, ["word", "..."])


def test_terms_are_no_texts_of_other_kinds() -> None:
    """Wrong phones in them are told apart from those of the kit's own texts."""
    texts = [Text(phonemize(word, "en"), term=term) for word, term in (("one", False), ("two", True), ("three", True))]
    said = [Said(0, number, 0, {"phone_error": 0.1 * number}, torch.zeros(1)) for number in range(3)]
    table = table_of(said, {0: np.ones(2)}, texts)
    assert table[0]["terms"] == pytest.approx([0.1, 0.2]) and table[0]["forgetting"] == pytest.approx([0.0])
    assert "terms" not in table_of(said[:1], {0: np.ones(2)}, texts[:1])[0]


def test_seeds_are_averaged_and_forgetting_is_of_other_texts() -> None:
    texts = [Text(phonemize("one", "en"), held_out=True), Text(phonemize("two", "en"))]
    said = [
        Said(step, text, seed, {"phone_error": 0.1 * step + 0.2 * text + 0.02 * seed}, torch.zeros(1))
        for step in (0, 3) for text in (0, 1) for seed in (0, 1)
    ]  # fmt: skip
    table = table_of(said, {0: np.ones(2), 3: np.zeros(2)}, texts)
    assert table[3]["phone_error"] == pytest.approx([0.31, 0.51]) and table[3]["forgetting"] == pytest.approx([0.51])
    assert table[0]["phone_error"] == pytest.approx([0.01, 0.21]) and not table[3]["held_out"].any()
