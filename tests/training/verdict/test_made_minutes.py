"""The five made minutes through nano's own networks: of the shipped synthesizer voice, and of three real people."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from made_minutes import RATE, Spoken, babble, mixed_up, of_two, too_short, with_noise, write

from gsv_lab import audio
from gsv_lab.corpora.voice_clips import read_clips
from gsv_lab.inference.lab import Lab, load
from gsv_lab.training.finetuning.run import finetune
from gsv_lab.training.verdict.judgement import Judgement
from gsv_lab.training.verdict.verdict import Verdict

EXPECTED = {"good": "", "noisy": "DATA_NOISY", "short": "DATA_TOO_SHORT", "texts": "DATA_TEXT", "two": "DATA_SPEAKERS"}
PEOPLE = {
    "woman": ("speech/arctic_mini", "kathleen", "speech/ljspeech_mini", "LJ"),
    "man": ("speech_train", "7312", "speech_train", "3242"),
    "mandarin": ("speech/aishell1_mini", "S0150", "speech_train", "cv_2a24abb6"),
}
"""Corpus and speaker, and another one of the same sex for mixtures; none of them set a threshold."""


@pytest.fixture(scope="module")
def lab() -> Lab:
    return load("nano")


def minutes(clips: Sequence[Spoken], other: Sequence[Spoken], noise: torch.Tensor | None) -> dict[str, list[Spoken]]:
    """The five cases of a person."""
    return {
        "good": list(clips),
        "noisy": with_noise(clips, noise),
        "short": too_short(clips),
        "texts": mixed_up(clips),
        "two": of_two(clips, other),
    }


def judged(lab: Lab, folder: Path, clips: Sequence[Spoken]) -> Verdict:
    return Judgement(lab.recordings, read_clips(write(folder, clips), 60.0)).verdict


@pytest.mark.parametrize("case", EXPECTED)
def test_made_minutes_of_a_synthesizer(case: str, lab: Lab, sample: Path, tmp_path: Path) -> None:
    """The other person is the same voice a third higher and faster."""
    wave = audio.read(sample, RATE).samples
    told = json.loads(sample.with_suffix(".json").read_text(encoding="utf-8"))["sentences"]
    clips = [Spoken(wave[round(s["start"] * RATE) : round(s["end"] * RATE)], s["text"], "en") for s in told]
    other = [Spoken(audio.resample(clip.wave, 20_000, RATE), clip.text, "en") for clip in clips]
    found = judged(lab, tmp_path / "me", minutes(clips, other, None)[case]).data.poor
    assert ("" if found is None else found.code) == EXPECTED[case]


def speech_of(shared: Path, corpus: str, speaker: str) -> list[Spoken]:
    """Clips of a speaker up to a minute, but for those that the evaluation list speaks or is cloned from."""
    with (shared / "speech" / "evaluation_list.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="|"))
    listed = {Path(row[name]).stem for row in rows for name in ("target", "reference")}
    found: list[Spoken] = []
    with (shared / corpus / "metadata.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="|"):
            path = shared / corpus / row["path"]
            if row["speaker"] == speaker and path.stem not in listed and sum(len(c.wave) for c in found) < 55 * RATE:
                found.append(Spoken(audio.read(path, RATE).samples, row["text"], row["language"]))
    return found


def people(shared: Path, who: str) -> tuple[list[Spoken], list[Spoken], torch.Tensor]:
    """Clips of a person, of the other one, and others who babble."""
    corpus, speaker, others, other = PEOPLE[who]
    rest = [PEOPLE[one][:2] for one in PEOPLE if one != who]
    noise = babble([speech_of(shared, *one) for one in [*rest, (others, other)]])
    return speech_of(shared, corpus, speaker), speech_of(shared, others, other), noise


@pytest.mark.slow
@pytest.mark.parametrize("case", EXPECTED)
@pytest.mark.parametrize("who", PEOPLE)
def test_made_minutes_of_people(who: str, case: str, lab: Lab, shared: Path, tmp_path: Path) -> None:
    """Noise is babble for the Mandarin speaker, white for the others."""
    one, other, noise = people(shared, who)
    clips = minutes(one, other, noise if who == "mandarin" else None)[case]
    verdict = judged(lab, tmp_path / "one", clips)
    print(f"\n{who} {case}: {sum(len(clip.wave) for clip in clips) / RATE:.1f} s in {len(clips)} clips")
    for finding in verdict.data.findings:
        print(f"  {finding.code} {finding.value:.2f} (limit {finding.threshold}): {finding.words}")
    found = verdict.data.poor
    assert ("" if found is None else found.code) == EXPECTED[case]
    if case == "good":
        run = finetune(lab.family, lab.recordings, tmp_path / "one", run=tmp_path / "run", anyway=True)
        print(f"  {run.settings['verdict']}")
