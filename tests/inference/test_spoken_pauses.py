"""Silence in what the shipped family says: before the first sound, within the sentence, and whether the end fades."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.utterance import Speech
from gsv_lab.inference.voice import Voice

pytestmark = pytest.mark.filterwarnings("ignore::gsv_lab.inference.notice.VoiceNotice")

ENGLISH = [
    "Hello there.",
    "The kettle is singing on the stove.",
    "She opened the window, and a cold wind came in from the sea.",
    "Please put the blue bottle next to the lamp before you leave the room.",
    "When the rain stopped, the children ran into the garden, and nobody could call them back.",
]
MANDARIN = [
    "你好。",
    "今天的天气真不错。",
    "他打开窗户，一阵冷风吹了进来。",
    "请你在离开房间之前把蓝色的瓶子放在灯旁边。",
    "雨停了以后，孩子们跑进花园里，谁也叫不回来。",
]
SHORT = ["I", "Stop.", "7", "Yes", "啊", "好。", "三", "12345。"]


def faults(speech: Speech, text: str) -> list[str]:
    """What is wrong with a spoken sentence, in windows of 20 ms; sound is less than 30 dB below the loudest of them."""
    wave, size = speech.wave.numpy().astype(float), speech.sample_rate // 50
    windows = wave[: len(wave) // size * size].reshape(-1, size)
    level = 20 * np.log10(np.sqrt((windows**2).mean(1)) + 1e-6)
    if level.max() <= -40:
        return [f"silent: {level.max():.0f} dBFS"]
    loud = np.flatnonzero(level > max(level.max() - 30, -50))
    longest = max(np.diff(loud).max(initial=1) - 1, 0) / 50
    found = [] if loud[0] / 50 <= 0.3 else [f"{loud[0] / 50:.2f} s before the first sound"]
    if longest > (1.0 if any(mark in text for mark in ",，") else 0.7):
        found.append(f"{longest:.2f} s of silence inside")
    if level.max() - level[-2:].mean() < 15:
        found.append("cut at full level")
    if speech.settings["ended"] == "max_new":
        found.append("ended by max_new")
    return found


def all_faults(lab: Lab, voices: dict[str, Voice], texts: list[str], seeds: tuple[int, ...]) -> dict[str, list[str]]:
    found = {}
    for name, voice in voices.items():
        for text in texts:
            for seed in seeds:
                found[f"{name} {seed} {text}"] = faults(lab.speak(text, voice, seed=seed), text)
    return {what: wrong for what, wrong in found.items() if wrong}


@pytest.fixture(scope="module")
def lab() -> Lab:
    return load("nano")


def test_a_few_sentences_keep_the_rules_on_silence(lab: Lab, sample: Path) -> None:
    """Before there were bounds, the first of these was silent and the second ended by `max_new`."""
    texts = ["Hello there.", "I", "好。", ENGLISH[2]]
    assert all_faults(lab, {"sample": lab.clone(sample)}, texts, (0,)) == {}


def recorded(shared: Path, corpus: str) -> tuple[Path, str]:
    """The first clip of a corpus between 4 and 9 s, and its text."""
    with (shared / "speech" / corpus / "metadata.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table, delimiter="|", quoting=csv.QUOTE_NONE):
            if 4.0 < float(row["seconds"]) < 9.0:
                return shared / "speech" / corpus / row["path"], row["text"]
    raise AssertionError("no clip")


@pytest.fixture(scope="module")
def voices(lab: Lab, sample: Path, shared: Path) -> Iterator[dict[str, Voice]]:
    found = {"sample": lab.clone(sample)}
    for corpus in ("vctk_mini", "commonvoice_zh_mini"):
        path, text = recorded(shared, corpus)
        found[corpus] = lab.clone(path, text=text)
    yield found


@pytest.mark.slow
@pytest.mark.parametrize("texts", [ENGLISH, MANDARIN, SHORT], ids=["english", "mandarin", "short"])
def test_many_sentences_keep_the_rules_on_silence(lab: Lab, voices: dict[str, Voice], texts: list[str]) -> None:
    assert all_faults(lab, voices, texts, (0, 1)) == {}
