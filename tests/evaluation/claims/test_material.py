"""What is measured on: corpora cut by their protocols, the sample, tuned voices, likeness of pretended voices."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gsv_lab.corpora.clip_lists import ListedClip, clip_hash, write_list
from gsv_lab.corpora.listfile import read_list as read_rows
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.evaluation.claims import clock
from gsv_lab.evaluation.claims.material import SAMPLE, Material
from gsv_lab.evaluation.claims.measured import MEASURES
from gsv_lab.evaluation.measures.similarity import SpeakerSimilarity

from ..makers import PitchEmbedder
from .samples import lj, material, vctk


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> PitchEmbedder:
    """A speaker encoder of tones that passes for GE2E."""
    embedder = PitchEmbedder()
    embedder.name = "ge2e"
    monkeypatch.setattr(
        "gsv_lab.evaluation.evaluators.measures_for",
        lambda items, **_: ([SpeakerSimilarity(embedder, items)], []),
    )
    return embedder


def test_the_sample_is_cut_by_sentences(tmp_path: Path) -> None:
    made = material(tmp_path)
    found = made.recorded(SAMPLE)
    assert [item.name for item in found.listed.items] == ["rms_1", "rms_2"] and "synthesizer" in found.demonstration
    tuned = [row.path.stem for row in read_rows(found.draws[0] / "list.txt")]
    assert tuned == ["rms_3", "rms_4"] and not {*tuned} & {"rms_0", "rms_1", "rms_2"}
    assert [round(len(wave) / 16000, 1) for wave in made.waves()] == [4.3, 6.9, 6.7, 5.7, 6.3]
    assert made.corpus("vctk") == SAMPLE and made.waves_show == found.demonstration
    assert material(tmp_path).recorded(SAMPLE).listed == found.listed


def test_material_that_trained_the_model_is_refused(tmp_path: Path) -> None:
    made = material(tmp_path)
    row = ListedClip("x", "c", "rms", "en", "train", 6.9, clip_hash(made.recorded(SAMPLE).listed.items[0].target.path))
    other = material(tmp_path / "again")
    other.lab.family.training_lists = [write_list(tmp_path / "trained.csv", [row])]
    with pytest.raises(DataError, match="rms_1.* trained the model") as caught:
        other.spoken(SAMPLE)
    assert caught.value.code == "DATA_LEAK" and not other.lab.asked


def test_no_corpus(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("ljspeech", "vctk"):
        for folder in ("empty", "absent"):
            with pytest.raises(DataError):
                material(tmp_path / "out", corpora={name: tmp_path / folder}).recorded(name)
    with pytest.raises(ConfigError, match="no protocol for the corpus 'libri'"):
        Material(tmp_path, {"libri": tmp_path})


def test_zero_shot_on_vctk(tmp_path: Path, judge: PitchEmbedder) -> None:
    """The pretended lab says everything with the reference itself: likeness is perfect and does not vary."""
    made = material(tmp_path / "out", corpora={"vctk": vctk(tmp_path / "vctk")})
    found = MEASURES["vctk_similarity"].run(made)
    assert found.value == pytest.approx(1, abs=1e-3) and (found.n, found.over) == (3, "speakers") and not found.instead
    assert "part of the corpus" in found.subject and "all of its 3 speakers" in found.note
    apart = MEASURES["voices_apart"].run(made)
    assert apart.n == 3 and apart.value > 0.1 and apart.low is not None
    assert apart.value == pytest.approx(apart.details["own speaker"] - apart.details["other speakers"])


def test_one_speaker_says_nothing_of_others(tmp_path: Path, judge: PitchEmbedder) -> None:
    made = material(tmp_path / "out", corpora={"vctk": vctk(tmp_path / "vctk", ("p225",))})
    found = MEASURES["vctk_similarity"].run(made)
    assert (found.low, found.high, found.n, found.over) == (None, None, 1, "speakers")
    apart = MEASURES["voices_apart"].run(made)
    assert apart.value != apart.value and "nobody to tell apart" in apart.instead


def test_tuned_on_one_chapter_and_scored_on_the_other(tmp_path: Path, judge: PitchEmbedder) -> None:
    made = material(tmp_path / "out", corpora={"ljspeech": lj(tmp_path / "lj")})
    found = MEASURES["tuned_gain"].run(made)
    spoken = made.spoken("ljspeech")
    assert {item.name[:5] for item in spoken.recorded.listed.items} == {"LJ002"}
    assert {clip.utterance[:5] for clip in spoken.voices[0].tuned_on} == {"LJ001"}
    assert "LJ001-0149" not in {clip.utterance for clip in spoken.voices[0].tuned_on}
    # Tuned speech of the pretended lab is the reference, too: no gain, and nothing varies.
    assert found.value == pytest.approx(0, abs=1e-6) and (found.n, found.over) == (4, "clips")
    assert "LJ002 is scored" in found.note and "of 60 steps the held-out clips chose 40" in found.note
    steps = MEASURES["chosen_steps"].run(made)
    assert steps.value == 40 and "not of the released size; no more than 60 steps" in steps.instead
    minutes = MEASURES["tuning_minutes"].run(made)
    assert MEASURES["tuning_minutes"].clock and minutes.n == 1 and minutes.value >= 0


def test_a_tuned_voice_is_taken_again(tmp_path: Path, judge: PitchEmbedder) -> None:
    corpus = lj(tmp_path / "lj")
    for tuned in (1, 0):
        made = material(tmp_path / "out", corpora={"ljspeech": corpus})
        made.spoken("ljspeech")
        assert [asked[0] for asked in made.lab.asked].count("finetune") == tuned
    other = material(tmp_path / "out", corpora={"ljspeech": corpus}, seed=1)
    other.spoken("ljspeech")
    assert ("finetune", 60, 1) in other.lab.asked


def test_another_judge_decides_nothing(tmp_path: Path, judge: PitchEmbedder) -> None:
    judge.name = "verifier"
    made = material(tmp_path / "out", corpora={"vctk": vctk(tmp_path / "vctk")})
    assert "kit's own verifier" in MEASURES["vctk_similarity"].run(made).instead


def test_fifty_characters(tmp_path: Path) -> None:
    assert len(re.findall("[\u4e00-\u9fff]", clock.FIFTY)) == 50
    made = material(tmp_path)
    pieces = [SimpleNamespace(seconds=2.5), SimpleNamespace(seconds=3.5)]
    made.lab.stream = lambda *_: _stream(pieces)  # type: ignore[attr-defined]
    first, whole = (MEASURES[name].run(made) for name in ("first_audio_ms", "request_ms"))
    assert first.n == whole.n == 3 and 0 < first.value <= whole.value and whole.details["seconds of speech"] == 6.0
    peak = MEASURES["peak_gigabytes"].run(made)
    assert 0.05 < peak.value < 64 and (peak.low, peak.n) == (None, 1)


def _stream(pieces: list[Any]) -> Any:
    yield from pieces
