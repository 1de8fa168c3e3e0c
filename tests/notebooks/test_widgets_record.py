"""The recorder without a browser: messages of the page come in, and a report, a coverage and a voice come out."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import gsv_lab
from gsv_lab import audio
from gsv_lab.errors import AudioError, ConfigError
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.notice import NOTICE
from gsv_lab.inference.voice import Voice
from gsv_lab.system.environment import cache_dir
from gsv_lab.teaching.widgets.incoming import FOLDER
from gsv_lab.teaching.widgets.reading import as_recording
from gsv_lab.teaching.widgets.record import LONGEST_RECORDING, PROBLEMS, Microphone, RecordYourself
from gsv_lab.teaching.widgets.script import INVENTORY, SCRIPTS, covered, phones_in
from gsv_lab.teaching.widgets.upload import LONGEST_UPLOAD, MOST_UPLOAD
from gsv_lab.teaching.widgets.voice import VoiceExplorer
from gsv_lab.text import phonemize

Speaking = Callable[..., None]


@pytest.fixture
def recorder(lab: Lab) -> RecordYourself:
    return RecordYourself(lab)


@pytest.fixture(scope="module")
def said(sample: Path) -> torch.Tensor:
    """Six seconds of the sample at 48 kHz, as a microphone gives them."""
    recording = audio.read(sample, 48_000)
    return recording.samples[5 * 48_000 : 11 * 48_000]


def record(recorder: RecordYourself, wave: torch.Tensor, rate: float = 48_000, take: str = "t", piece: int = 48_000):
    """What the page sends for a recording of the sentence that is shown; the pieces arrive in the wrong order."""
    content = wave.float().numpy().tobytes()
    parts = [content[at : at + 4 * piece] for at in range(0, len(content), 4 * piece)]
    messages: list[tuple[dict[str, object], list[object]]] = [
        ({"kind": "piece", "number": number}, [memoryview(part)]) for number, part in enumerate(parts)
    ]
    messages.insert(0, ({"kind": "end", "pieces": len(parts), "bytes": len(content)}, []))
    messages.append(({"kind": "start", "rate": rate, "sentence": recorder.microphone.sentence}, []))
    for message, buffers in reversed(messages):
        recorder.microphone.receive({**message, "take": take}, buffers)


def test_a_recording_arrives_as_it_was_sent(recorder: RecordYourself, said: torch.Tensor) -> None:
    assert "0 of 39 phones" in recorder.view.children[-1].value
    record(recorder, said)
    (reading,) = recorder.readings.values()
    assert torch.equal(reading.recording.samples, said) and reading.recording.sample_rate == 48_000
    assert reading.text == SCRIPTS["en"][0] and not reading.problem and reading.speech > 4
    assert recorder.recording is reading.recording and reading.quality.snr_db > 20
    page = recorder.output.value
    assert "<audio" in page and "gsv-record-report" in page and "6.0 s" in page
    assert reading.quality.phone_coverage == len(phones_in(reading.text, "en")) / 39


def test_the_notice_is_there_and_nothing_is_kept(recorder: RecordYourself, said: torch.Tensor) -> None:
    assert NOTICE in recorder.panel()[0].value and "not kept" in recorder.panel()[0].value
    record(recorder, said)
    recorder.button.click()
    assert isinstance(recorder.voice, Voice) and recorder.voice.name == "my voice"
    assert "is a voice now, made of 1" in recorder.output.value
    left = [path for path in cache_dir().rglob("*") if path.suffix in (".wav", ".flac")]
    assert not left, "the recording lies on the disk"
    assert recorder.lab.speak("Hello.", recorder.voice).mark.voice == "my voice"
    recorder.forget_button.click()
    assert not recorder.readings and recorder.recording is None and recorder.voice is not None


def test_the_best_readings_make_the_voice_and_bad_ones_do_not(
    recorder: RecordYourself, said: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    clone = recorder.lab.clone
    monkeypatch.setattr(
        recorder.lab, "clone", lambda paths, *a, **more: given.append(paths) or clone(paths, *a, **more)
    )
    record(recorder, said, take="a")
    recorder.set(sentence=2)
    record(recorder, torch.zeros(200_000), take="b")
    assert "silent" in recorder.output.value and recorder.recording.seconds == pytest.approx(6)
    recorder.set(sentence=3)
    record(recorder, said.flip(0)[: 5 * 48_000] * 0.5 + 0.3 * said[: 5 * 48_000], take="c")
    assert [bool(reading.problem) for reading in recorder.readings.values()][:2] == [False, True]
    recorder.clone()
    usable = [reading for reading in recorder.readings.values() if not reading.problem]
    assert len(given[0]) == len(usable) < 3


def test_no_voice_without_a_recording(recorder: RecordYourself) -> None:
    with pytest.raises(AudioError, match="no recording that a voice"):
        recorder.clone()
    recorder.button.click()
    assert "Press Record and read it" in recorder.output.value and recorder.voice is None


@pytest.mark.parametrize(
    ("wave", "rate", "found"),
    [
        (torch.zeros(0), 48_000, "no samples"),
        (torch.zeros(96_000), 48_000, "is silent for 100%"),
        (torch.full((1000,), float("nan")), 48_000, "finite"),
        (torch.zeros(96_000), 0, "0 samples a second"),
        (torch.ones(200_000).cumsum(0).sin().mul(9).clamp(-1, 1), 48_000, "are clipped. Expected"),
    ],
    ids=["empty", "silent", "not a number", "no rate", "clipped"],
)
def test_bad_recordings_are_told_apart(
    recorder: RecordYourself, wave: torch.Tensor, rate: int, found: str, said: torch.Tensor
) -> None:
    record(recorder, wave, rate, take="bad")
    assert found in recorder.output.value and recorder.recording is None
    record(recorder, said, take="good")
    assert recorder.recording is not None and found not in recorder.output.value


@pytest.mark.parametrize("name", [*PROBLEMS, "AbortError"])
def test_what_the_browser_refuses_is_said_in_words(recorder: RecordYourself, name: str) -> None:
    recorder.microphone.receive({"kind": "problem", "take": "x", "name": name, "detail": "http://a.lab"})
    error = recorder.microphone.problem(name, "http://a.lab")
    assert str(error).split(".")[0] in recorder.output.value
    assert len({str(recorder.microphone.problem(each, "")) for each in (*PROBLEMS, "AbortError")}) == len(PROBLEMS) + 1
    if name == "InsecureContext":
        assert "http://a.lab" in str(error)


def test_a_recording_of_twenty_minutes_is_refused_before_it_is_whole(recorder: RecordYourself) -> None:
    assert recorder.microphone.seconds == LONGEST_RECORDING
    second = memoryview(bytes(4 * 192_000))
    recorder.microphone.receive({"kind": "start", "take": "long", "rate": 192_000, "sentence": SCRIPTS["en"][0]})
    for number in range(40):
        recorder.microphone.receive({"kind": "piece", "take": "long", "number": number}, [second])
    assert "at most 24 MB" in recorder.output.value and not recorder.readings
    assert not recorder.microphone._takes, "pieces of a refused recording are kept"


def test_a_lost_piece_is_no_recording(recorder: RecordYourself) -> None:
    send = recorder.microphone.receive
    send({"kind": "start", "take": "a", "rate": 48_000, "sentence": SCRIPTS["en"][0]})
    send({"kind": "piece", "take": "a", "number": 0}, [bytes(100)])
    send({"kind": "end", "take": "a", "pieces": 2, "bytes": 200})
    assert not recorder.readings
    send({"kind": "piece", "take": "a", "number": 1}, [bytes(50)])
    assert "150 of 200 bytes" in recorder.output.value and not recorder.readings


def test_the_page_is_answered_once_for_each_recording(
    recorder: RecordYourself, said: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[dict[str, object]] = []
    monkeypatch.setattr(Microphone, "send", lambda self, content, buffers=None: answers.append(content))
    record(recorder, said, take="one")
    recorder.microphone.receive({"kind": "problem", "take": "two", "name": "NotFoundError", "detail": ""})
    assert answers == [{"kind": "answered", "take": "one"}, {"kind": "answered", "take": "two"}]


def test_the_sentence_that_was_shown_when_it_began_counts(recorder: RecordYourself, said: torch.Tensor) -> None:
    recorder.set(sentence=4)
    assert SCRIPTS["en"][3] in recorder.prompter.value and recorder.microphone.sentence == SCRIPTS["en"][3]
    content = said.numpy().tobytes()
    recorder.microphone.receive({"kind": "start", "take": "a", "rate": 48_000, "sentence": SCRIPTS["en"][3]})
    recorder.set(language="zh", sentence=1)
    assert "of 62 phones of Mandarin" in recorder.output.value and SCRIPTS["zh"][0] in recorder.prompter.value
    recorder.microphone.receive({"kind": "piece", "take": "a", "number": 0}, [content])
    recorder.microphone.receive({"kind": "end", "take": "a", "pieces": 1, "bytes": len(content)})
    assert [*recorder.readings] == [SCRIPTS["en"][3]]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_script_covers_its_language(language: str) -> None:
    assert covered(SCRIPTS[language], language) == set(INVENTORY[language])
    for text in SCRIPTS[language]:
        found = phonemize(text, language)
        assert not found.warnings and 40 <= len(found) <= 60, text


def test_what_was_read_is_covered_and_what_was_not_is_doubted() -> None:
    """With the shipped recogniser: the sentence counts, another one in its place does not."""
    lab = gsv_lab.load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        voice = lab.clone(Path(gsv_lab.__file__).parent / "assets" / "sample" / "en_rms.flac")
    spoken = lab.speak(SCRIPTS["en"][0], voice)
    recorder = RecordYourself(lab)
    record(recorder, spoken.wave, 16_000, take="right")
    assert recorder.readings[SCRIPTS["en"][0]].counts
    assert recorder.coverage("en")[0] == phones_in(SCRIPTS["en"][0], "en") and "29 of 39" in recorder.output.value
    assert "Sentence 2 would add 7." in recorder.output.value
    recorder.set(sentence=2)
    record(recorder, spoken.wave, 16_000, take="wrong")
    wrong = recorder.readings[SCRIPTS["en"][1]]
    assert not wrong.problem and "ALIGN" in wrong.doubt and wrong.doubt[:20] in recorder.output.value
    assert len(recorder.coverage("en")[0]) == 29


def test_the_language_must_be_one_of_the_script(lab: Lab) -> None:
    with pytest.raises(ConfigError, match="'xx'.*en, zh"):
        RecordYourself(lab, language="xx")


def test_samples_of_a_browser_become_a_recording() -> None:
    wave = torch.tensor([0.0, 0.5, -1.0])
    assert torch.equal(as_recording(wave.numpy().tobytes(), 44_100).samples, wave)


def test_a_long_or_large_upload_is_refused_by_name(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    explorer = VoiceExplorer(lab, {"first": voice})
    assert "at most 5 minutes and 60 MB" in explorer.message.value and explorer.upload.most == MOST_UPLOAD
    explorer.upload.receive({"kind": "problem", "take": "a", "name": "TooLarge", "detail": "230400000"})
    assert "takes 230 MB" in explorer.message.value and "gsv-lab prepare" in explorer.message.value
    path = audio.write(tmp_path / "long.flac", torch.zeros(8000 * round(LONGEST_UPLOAD + 1)), 8000)
    content = path.read_bytes()
    for kind, more, buffers in (
        ("start", {"name": "long.flac"}, []),
        ("piece", {"number": 0}, [content]),
        ("end", {"pieces": 1, "bytes": len(content)}, []),
    ):
        explorer.upload.receive({"kind": kind, "take": "b", **more}, buffers)
    assert "long.flac" in explorer.message.value and "more than 5 minutes" in explorer.message.value
    assert list(explorer.voices) == ["first"]


def test_a_second_recording_of_one_name_does_not_replace_the_first(lab: Lab, voice: Voice, sample: Path) -> None:
    explorer = VoiceExplorer(lab, {"en_rms": voice})
    explorer.add("en_rms.flac", sample.read_bytes())
    assert list(explorer.voices) == ["en_rms", "en_rms (2)"] and explorer.voices["en_rms"] is voice


@pytest.mark.skipif(shutil.which("node") is None, reason="no node to read the scripts with")
@pytest.mark.parametrize("name", ["record.js", "upload.js"])
def test_the_scripts_can_be_parsed_and_ask_for_nothing_from_elsewhere(name: str, tmp_path: Path) -> None:
    script = (FOLDER / "sending.js").read_text(encoding="utf-8") + (FOLDER / name).read_text(encoding="utf-8")
    assert "http" not in script and "import" not in script
    path = tmp_path / "widget.mjs"
    path.write_text(script, encoding="utf-8")
    subprocess.run(["node", "--check", str(path)], check=True, capture_output=True)
