"""What can be heard in a report: the worst clips, examples, and how much room they take."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

from gsv_lab import audio
from gsv_lab.evaluation.report import clips as report_clips
from gsv_lab.evaluation.report.clips import Waves, examples, worst, worst_clips

from .result_maker import NASTY, results, write_sounds

MEASURES = ("word_error", "similarity", "duration_ratio", "ceiling")


def clip(system: str, item: str, **values: float) -> dict[str, Any]:
    return {
        "system": system, "item": item, "speaker": "ann", "language": "en", "seed": None, "seconds": 1.0,
        "failed": None, "path": None, "values": {name: {"x": value} for name, value in values.items()}, "texts": {},
    }  # fmt: skip


def found(clips: list[dict[str, Any]]) -> dict[str, Any]:
    return {"clips": clips, "figures": [{"measure": name, "evaluator": "x"} for name in MEASURES]}


def test_the_worst_are_furthest_from_what_is_right() -> None:
    clips = [
        clip("natural", "n", word_error=9.0, similarity=-1.0),
        clip("a", "fine", word_error=0.0, similarity=0.9, duration_ratio=1.0, ceiling=0.1),
        clip("a", "wordless", word_error=0.8, similarity=0.7, duration_ratio=1.1),
        clip("b", "stranger", word_error=0.2, similarity=0.1, duration_ratio=0.9),
        clip("b", "hasty", word_error=0.1, similarity=0.8, duration_ratio=0.3),
        clip("b", "broken", word_error=5.0) | {"failed": "AUDIO_EMPTY"},
    ]
    assert [(one.clip["item"], [m for m, _ in one.columns]) for one in worst_clips(found(clips), 1)] == [
        ("wordless", ["word_error"]),
        ("stranger", ["similarity"]),
        ("hasty", ["duration_ratio"]),
    ]
    both = {one.clip["item"]: [m for m, _ in one.columns] for one in worst_clips(found(clips))}
    assert both["stranger"] == ["word_error", "similarity"] and both["wordless"][:2] == ["word_error", "similarity"]
    assert "fine" not in both and "n" not in both and "broken" not in both
    assert [one.clip["item"] for one in worst_clips(found(clips[:1]))] == ["n"]


def test_equal_clips_go_by_name() -> None:
    clips = [clip("b", "2", word_error=0.5), clip("a", "9", word_error=0.5), clip("b", "1", word_error=0.5)]
    assert [one.clip["item"] for one in worst_clips(found(clips))] == ["9", "1"]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Waves]:
    """Two systems with natural speech, their sounds, and a reference an item."""
    made = results(speakers=("ann", "bob"), systems=("natural", NASTY), each=1)
    keep = {("word_error", "whisper-base"), ("char_error", "whisper-base"), ("similarity", "ge2e")}
    made["figures"] = [row for row in made["figures"] if (row["measure"], row["evaluator"]) in keep]
    sounds = write_sounds(tmp_path_factory.mktemp("sounds"), made)
    return made, Waves(sounds, {item: path for (system, item, _), path in sounds.items() if system == "natural"})


def sounds_in(text: str) -> list[bytes]:
    return [base64.b64decode(data) for data in re.findall(r'src="data:audio/flac;base64,([^"]+)"', text)]


def test_a_card_has_sounds_with_their_marks_pictures_and_reasons(
    heard: tuple[dict[str, Any], Waves], tmp_path: Path
) -> None:
    made, waves = heard
    whole = "".join(worst(made, waves))
    cards = whole.split('<section class="card">')[1:]
    assert len(cards) == len(worst_clips(made)) == 3  # the fourth clip failed
    voices = ["similarity <strong>" in card for card in cards]
    assert sorted(voices) == [False, True, True]  # with the reference only where the voice is in question
    for card, voice in zip(cards, voices, strict=True):
        files = sounds_in(card)
        assert (
            len(files) == 2 + voice and card.count("<img ") == 1 and "&lt;script&gt;" in card and "<script" not in card
        )
        for number, content in enumerate(files):
            path = tmp_path / f"{number}.flac"
            path.write_bytes(content)
            assert audio.read(path).seconds == pytest.approx(2.0) and (audio.read_mark(path) is None) == (number > 0)
    errors = [row for row in made["figures"] if row["system"] == NASTY and row["measure"] != "similarity"]
    means = {row["language"]: row["value"] for row in errors}
    assert f"whisper-base; the system as a whole {100 * means['en']:.1f} %" in whole
    assert worst(made, waves) == worst(made, waves)


def test_no_room_no_sound(heard: tuple[dict[str, Any], Waves]) -> None:
    made, waves = heard
    whole = "".join(worst(made, waves, room=1))
    assert not sounds_in(whole) and "<img" not in whole and whole.count("sounds are left out") == 3


def test_long_sounds_are_cut_and_lost_ones_are_said(
    heard: tuple[dict[str, Any], Waves], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made, waves = heard
    monkeypatch.setattr(report_clips, "LONGEST", 0.5)
    (whole,) = examples(made, waves)
    assert "first 0.5 of 2.0 s" in whole
    path = tmp_path / "x.flac"
    path.write_bytes(sounds_in(whole)[0])
    assert audio.read(path).seconds == pytest.approx(0.5)
    gone = Waves({key: tmp_path / "gone.wav" for key in waves.sounds}, {})
    lost = "".join(worst(made, gone))
    assert not sounds_in(lost) and "<img" not in lost and "its file can no longer be read" in lost
    assert not sounds_in("".join(worst(made, Waves({}, {}))))


def test_an_example_is_an_item_that_most_systems_have(heard: tuple[dict[str, Any], Waves]) -> None:
    made, waves = heard
    (whole,) = examples(made, waves)
    english, mandarin = whole.split('<section class="card">')[1:]
    # ann_en_0 failed for one system, so bob_en_0 is what can be compared.
    assert "English: bob_en_0" in english and "Mandarin: ann_zh_0" in mandarin
    assert len(sounds_in(english)) == 3
    names = re.findall(r'aria-label="([^"]*)"', english)
    assert names[:2] == ["reference", "natural"] and "&lt;script&gt;" in names[2]
    assert examples(made, Waves({}, {})) == []
