"""Recordings transcribed by `prepare`: what goes into the list, what is doubted; no edit and no work is lost."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from gsv_lab import audio
from gsv_lab.audio.transcription import HeardWord, Transcript
from gsv_lab.audio.voice_activity import Span
from gsv_lab.corpora import prepare_slices
from gsv_lab.corpora.prepare import Prepared, prepare
from gsv_lab.corpora.transcripts import DIFFERENT, UNSURE, difference, loops, usable_text
from gsv_lab.errors import DataError, TextError

RATE = 16_000
TEXT = "The kettle is singing in the kitchen."
LOOP = "and then he went " * 6


@pytest.fixture(autouse=True)
def by_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speech found by level, so that noise bursts will do."""

    def spans(samples: torch.Tensor, rate: int, **_options: Any) -> list[Span]:
        width = rate // 50
        loud = samples[: samples.numel() // width * width].view(-1, width).square().mean(dim=1) > 1e-5
        edges = torch.diff(torch.nn.functional.pad(loud.int(), (1, 1))).nonzero().flatten().tolist()
        return [Span(a * width, b * width) for a, b in zip(edges[::2], edges[1::2], strict=True)]

    monkeypatch.setattr(prepare_slices, "speech_spans", spans)


def transcript(text: str, probability: float = 0.95, language: str = "en", **changes: Any) -> Transcript:
    pieces = text.split() if language == "en" else list(text)
    words = tuple(HeardWord(word, number / 4, number / 4 + 0.2, probability) for number, word in enumerate(pieces))
    return Transcript(text, language, **{"detected": language, "words": words, **changes})


class Fake:
    """A transcriber that always hears the same, or one answer after the other; `None` stops its process."""

    name = "fake"
    languages: tuple[str, ...] = ("en", "zh")

    def __init__(self, *answers: Transcript | None, identity: str = "fake 1") -> None:
        self.answers, self.identity = answers or (transcript(TEXT),), identity
        self.asked: list[tuple[float, str]] = []

    def __call__(self, wave: torch.Tensor, language: str) -> Transcript:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append((wave.numel() / RATE, language))
        if answer is None:
            os.kill(os.getpid(), signal.SIGKILL)
        assert answer
        return answer


def save(path: Path, *seconds: float, seed: int = 0) -> Path:
    """Noise bursts of these lengths, each a slice."""
    generator = torch.Generator().manual_seed(seed)
    gap = torch.randn(3 * RATE // 2, generator=generator) * 1e-4
    parts = [gap]
    for length in seconds:
        parts += [torch.randn(round(length * RATE), generator=generator) * 0.1, gap]
    return audio.write(path, torch.cat(parts), RATE)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A recording that becomes three slices."""
    return save(tmp_path / "me.wav", 4, 5, 6)


def rows(folder: Path) -> list[str]:
    return (folder / "list.txt").read_text(encoding="utf-8").splitlines()


def report(folder: Path) -> Any:
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def doubts(made: Prepared) -> list[list[str]]:
    """What is said of the transcripts, slice by slice; bursts of noise are noisy, too."""
    return [[w for w in piece.warnings if w.startswith("TRANSCRIPT")] for piece in made.slices]


def edit(folder: Path, old: str, new: str) -> None:
    text = (folder / "list.txt").read_text(encoding="utf-8")
    assert old in text
    (folder / "list.txt").write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_is_heard_goes_into_list_and_reports(recording: Path, tmp_path: Path) -> None:
    unsure = transcript(TEXT, UNSURE - 0.01)
    fake = Fake(transcript(TEXT), unsure, transcript("水壶在厨房里唱歌，真好听啊。", language="zh"))
    made = prepare([recording], tmp_path / "out", transcribe=fake, recognise=lambda *_: ["AH"] * 24)
    assert [language for _, language in fake.asked] == ["auto"] * 3
    assert [row.split("|")[2:] for row in rows(tmp_path / "out")] == [
        ["en", TEXT],
        ["en", TEXT],
        ["zh", "水壶在厨房里唱歌，真好听啊。"],
    ]
    found = report(tmp_path / "out")
    assert found["totals"]["heard"] == 3 and found["totals"]["to_check"] == 1
    assert found["totals"]["transcriber"] == "fake 1"
    first, second, third = found["slices"]
    assert first["confidence"] == 0.95 and first["heard"]["words"][1] == {
        "text": "kettle",
        "start": 0.25,
        "end": 0.45,
        "probability": 0.95,
    }
    assert third["heard"]["language"] == "zh" and third["heard"]["language_probability"] == 1
    assert [piece["to_check"] for piece in found["slices"]] == [False, True, False]
    told = str(made).splitlines()
    assert [line for line in told if "TRANSCRIPT" in line] == [
        f"slices/me_0002.flac: TRANSCRIPT_UNSURE: confidence {UNSURE - 0.01:.2f}; listen, and correct list.txt"
    ]
    assert any("3 slices heard, 1 to check" in line for line in told)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "TRANSCRIPT_UNSURE" in page and "fake 1" in page and "confidence 0.95" in page


IMPOSSIBLE = {
    "TRANSCRIPT_EMPTY": transcript(""),
    "TRANSCRIPT_EMPTY: no words are heard here (": transcript("Привет, как твои дела сегодня?"),
    "TRANSCRIPT_LOOP": transcript(LOOP),
    "TRANSCRIPT_LANGUAGE": transcript(TEXT, detected="nl", language_probability=0.7),
    "TRANSCRIPT_PACE": transcript("Thank."),
    "TRANSCRIPT_UNREADABLE": transcript(f"The kettle is singing, {'a' * 101}."),
}


@pytest.mark.parametrize("code", IMPOSSIBLE)
def test_what_cannot_be_right_is_named_and_not_written(code: str, recording: Path, tmp_path: Path) -> None:
    heard = IMPOSSIBLE[code]
    made = prepare([recording], tmp_path / "out", transcribe=Fake(transcript(TEXT), heard, transcript(TEXT)))
    assert [row.split("|")[3] for row in rows(tmp_path / "out")] == [TEXT, "", TEXT]
    first, (warning,), third = doubts(made)
    assert not first and not third and warning.startswith(code)
    assert f"slices/me_0002.flac: {code}" in str(made)
    assert report(tmp_path / "out")["slices"][1]["heard"]["text"] == heard.text


def test_compressed_transcripts_are_loops() -> None:
    assert usable_text(transcript(TEXT, compression=2.5), 3.0)[1].startswith("TRANSCRIPT_LOOP")
    assert usable_text(transcript(TEXT, compression=2.3), 3.0) == (TEXT, "")


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("no no no", False),
        ("no no no no no", True),
        ("bye bye bye bye", False),
        ("he said he said it", False),
        ("thank you very thank you very thank you very", True),
        ("one two three one two three", False),
        ("", False),
    ],
)
def test_loops(text: str, want: bool) -> None:
    assert loops(text.split()) == want
    assert loops(["so", *text.split(), "it", "is"]) == want


def test_given_texts_are_compared_and_never_replaced(tmp_path: Path) -> None:
    other = "Seven ships were lying far out in the old harbour."
    for number in range(3):
        save(tmp_path / f"{number}.wav", 4, seed=number)
    lines = [f"0.wav|me|en|{TEXT}", f"1.wav|me|en|{other}", "2.wav|me|en|"]
    (tmp_path / "given.txt").write_text("\n".join(lines), encoding="utf-8")
    fake = Fake(transcript(TEXT.lower().replace("singing", "ringing")))
    made = prepare([], tmp_path / "out", list_file=tmp_path / "given.txt", transcribe=fake)
    assert [row.split("|")[3] for row in rows(tmp_path / "out")] == [TEXT, other, fake.answers[0].text]
    found = report(tmp_path / "out")["slices"]
    assert found[0]["heard_error"] == pytest.approx(1 / 7) and found[1]["heard_error"] > DIFFERENT
    assert found[2]["heard_error"] is None
    (warning,) = (warning for found in doubts(made) for warning in found)
    assert (
        warning.startswith("TRANSCRIPT_DIFFERS: ") and repr(other) in warning and repr(fake.answers[0].text) in warning
    )
    assert f"slices/1_0001.flac: {warning}" in str(made)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "errors of 14% against the text" in page and "ringing" in page


def test_texts_are_compared_in_words_and_toneless_syllables() -> None:
    assert difference("Mr. Hale has 20 ships.", transcript("mister hale has twenty ships")) == 0
    assert difference("他們在走。", transcript("她们在走", language="zh")) == 0
    assert difference("one two three four", transcript("")) == 1
    assert difference("...", transcript("one")) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes of this system do not fork")
def test_a_killed_run_goes_on_where_it_was(recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path / "cache"))
    child = os.fork()
    if child == 0:
        try:
            prepare([recording], tmp_path / "out", transcribe=Fake(transcript("first"), transcript("second"), None))
        finally:  # an error must not let this process go on with the tests
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert not (tmp_path / "out").exists()
    (left,) = (tmp_path / "cache" / "private").glob("resumed-*")
    assert left.parent.stat().st_mode & 0o077 == 0, "nobody else may read what people said"
    again = Fake(transcript("third"))
    made = prepare([recording], tmp_path / "out", transcribe=again)
    assert len(again.asked) == 1
    assert [piece.heard and piece.heard.text for piece in made.slices] == ["first", "second", "third"]
    assert not left.exists()


def test_a_slice_is_heard_once(recording: Path, tmp_path: Path) -> None:
    prepare([recording], tmp_path / "out", transcribe=Fake())
    more = save(tmp_path / "more.wav", 4, seed=9)
    again = Fake()
    prepare([recording, more], tmp_path / "out", transcribe=again)
    assert len(again.asked) == 1, "the report of the earlier run knows the others"
    another = Fake(identity="fake 2")
    prepare([recording, more], tmp_path / "out", transcribe=another)
    assert len(another.asked) == 4
    told = Fake(identity="fake 2")
    prepare([recording, more], tmp_path / "out", transcribe=told, language="en")
    assert [language for _, language in told.asked] == ["en"] * 4


def edited(folder: Path) -> None:
    """What a person does to a list of three rows."""
    edit(folder, "me_0001.flac|speaker|en|The kettle", "me_0001.flac|anna|en|My kettle")
    edit(folder, f"slices/me_0002.flac|speaker|en|{TEXT}\n", "# the second is noise\n")
    edit(folder, f"me_0003.flac|speaker|en|{TEXT}", "me_0003.flac|speaker|en|")


WANTED = [
    "# the second is noise",
    f"slices/me_0001.flac|anna|en|{TEXT.replace('The', 'My')}",
    "slices/me_0003.flac|speaker|auto|",
]


def test_edits_outlive_every_later_run(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare([recording], out, transcribe=Fake())
    edited(out)
    for options in ({"transcribe": Fake(identity="other")}, {}, {"denoise": True, "transcribe": Fake()}):
        made = prepare([recording], out, **options)
        assert rows(out) == WANTED
        assert "slices/me_0002.flac: EDITED" in str(made)
        assert [piece["edited"] for piece in report(out)["slices"]] == [["speaker", "text"], [], ["text"]]
        assert report(out)["totals"]["edited"] == 3
    more = save(tmp_path / "another.wav", 4, seed=9)
    prepare([more, recording], out, transcribe=Fake())
    assert rows(out) == [WANTED[0], f"slices/another_0001.flac|speaker|en|{TEXT}", *WANTED[1:]]


def test_a_hint_written_out_by_hand_is_not_transcribed_over(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare([recording], out)
    edit(out, "me_0002.flac|speaker|auto|", "me_0002.flac|speaker|auto|Somebody wrote this down by ear.")
    made = prepare([recording], out, transcribe=Fake())
    assert [row.split("|")[3] for row in rows(out)] == [TEXT, "Somebody wrote this down by ear.", TEXT]
    assert "slices/me_0002.flac: TRANSCRIPT_DIFFERS" in str(made)


def test_an_edit_wins_over_a_text_that_is_given_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    save(tmp_path / "a.wav", 4)
    given = tmp_path / "given.txt"
    given.write_text(f"a.wav|me|en|{TEXT}", encoding="utf-8")
    prepare([], out, list_file=given)
    edit(out, "kitchen", "garden")
    made = prepare([], out, list_file=given)
    assert rows(out) == [f"slices/a_0001.flac|me|en|{TEXT.replace('kitchen', 'garden')}"]
    assert f"EDITED: the text in list.txt is kept; given was {TEXT!r}" in str(made)
    given.write_text(f"a.wav|me|en|{TEXT}", encoding="utf-8")
    (out / "list.txt").unlink()
    prepare([], out, list_file=given)
    assert rows(out) == [f"slices/a_0001.flac|me|en|{TEXT}"], "a list that is gone has no edits"


def state(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def other_recording(out: Path) -> list[Path]:
    edit(out, TEXT, "Something else was said here.")
    return [save(out.parent / "other.wav", 4, 5, seed=5)]


def foreign_row(out: Path) -> list[Path]:
    (out / "list.txt").write_text("\n".join([*rows(out), f"slices/mine.flac|me|en|{TEXT}"]), encoding="utf-8")
    return [out.parent / "me.wav"]


def older_report(out: Path) -> list[Path]:
    text = (out / "report.json").read_text(encoding="utf-8")
    (out / "report.json").write_text(re.sub(r'"sound": "\w+",', "", text), encoding="utf-8")
    edit(out, TEXT, "Something else was said here.")
    return [out.parent / "me.wav"]


def broken_report(out: Path) -> list[Path]:
    (out / "report.json").write_text("{", encoding="utf-8")
    return [out.parent / "me.wav"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (other_recording, "DATA_EDITED"),
        (foreign_row, "DATA_EDITED"),
        (older_report, "DATA_EDITED"),
        (broken_report, "DATA_REPORT"),
    ],
)
def test_what_would_lose_edits_is_refused(change: Any, code: str, recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare([recording], out, transcribe=Fake())
    paths = change(out)
    before = state(out)
    with pytest.raises(DataError, match="list.txt") as caught:
        prepare(paths, out, transcribe=Fake())
    assert caught.value.code == code and state(out) == before


def test_without_edits_other_recordings_may_replace_the_folder(recording: Path, tmp_path: Path) -> None:
    prepare([recording], tmp_path / "out", transcribe=Fake())
    made: Prepared = prepare([save(tmp_path / "other.wav", 4, seed=5)], tmp_path / "out")
    assert [piece.path for piece in made.slices] == ["slices/other_0001.flac"]


class English(Fake):
    name = "tiny_en"
    languages = ("en",)


@pytest.mark.parametrize("tag", ["zh", "auto"])
def test_a_model_of_english_refuses_mandarin_before_any_work(tag: str, tmp_path: Path) -> None:
    (tmp_path / "given.txt").write_text(f"absent.wav|me|{tag}|水壶在唱歌。", encoding="utf-8")
    with pytest.raises(TextError, match="tiny_en.*'zh'") as caught:
        prepare([], tmp_path / "out", list_file=tmp_path / "given.txt", transcribe=English())
    assert caught.value.code == "LANG_UNKNOWN" and not (tmp_path / "out").exists()
