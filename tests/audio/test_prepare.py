"""`prepare` from files to folder, on real speech and on faulty input, and the pieces of text it labels slices with."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import signal

import pytest
import torch

from gsv_lab import audio
from gsv_lab.audio.alignment import Alignment
from gsv_lab.audio.measures import spoken
from gsv_lab.audio.voice_activity import Span, speech_spans
from gsv_lab.corpora import prepare as module
from gsv_lab.corpora import prepare_slices as cutting
from gsv_lab.corpora.listfile import read_list
from gsv_lab.corpora.prepare import prepare
from gsv_lab.corpora.timing import TimedWord, folded_phones, share_out, timed_words
from gsv_lab.errors import AudioError, DataError, LabError, TextError
from gsv_lab.text import phonemize
from gsv_lab.text.agreement import check_text_length, language_of

from . import bad_files as bad

RATE = 16_000


@pytest.fixture(autouse=True)
def same_date(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")


@pytest.fixture
def by_level(monkeypatch):
    """Speech found by level, so that tests of the bookkeeping need no network and can speak in noise bursts."""

    def spans(samples, rate, **_options):
        width = rate // 50
        loud = samples[: samples.numel() // width * width].view(-1, width).square().mean(dim=1) > 1e-5
        edges = torch.diff(torch.nn.functional.pad(loud.int(), (1, 1))).nonzero().flatten().tolist()
        return [Span(a * width, b * width) for a, b in zip(edges[::2], edges[1::2], strict=True)]

    monkeypatch.setattr(cutting, "speech_spans", spans)


def bursts(*seconds: float, seed: int = 0) -> torch.Tensor:
    """Noise bursts of these lengths, with half a second of near silence around each."""
    generator = torch.Generator().manual_seed(seed)
    parts = [torch.randn(RATE // 2, generator=generator) * 1e-4]
    for length in seconds:
        parts += [torch.randn(round(length * RATE), generator=generator) * 0.1, parts[0]]
    return torch.cat(parts)


def save(path, *seconds, seed=0):
    return audio.write(path, bursts(*seconds, seed=seed), RATE)


def test_real_recording_without_text(reading, tmp_path):
    samples, rate, _, _ = reading
    path = audio.write(tmp_path / "my voice (1).wav", samples, rate)
    recognised = []

    def recognise(wave, language):
        recognised.append((wave.numel() / RATE, language))
        return ["HH", "AH"]

    shares = []
    made = prepare(
        [path], tmp_path / "out", recognise=recognise, progress=lambda share, name: shares.append((share, name))
    )
    assert len(made.slices) >= 4 and shares[0] == (0.0, path.name) and shares[-1] == (1.0, "")
    done = [share for share, _ in shares]
    assert done == sorted(done) and len(set(done)) == len(made.slices) + 1
    for piece, (seconds, language) in zip(made.slices, recognised, strict=True):
        assert 1 <= piece.end - piece.start <= 10 and language == "auto"
        clip = audio.read(tmp_path / "out" / piece.path)
        assert clip.sample_rate == rate and clip.seconds == pytest.approx(piece.end - piece.start, abs=0.01)
        assert seconds == pytest.approx(clip.seconds, abs=0.01)
        level = audio.rms_dbfs(clip.samples, spoken(speech_spans(clip.samples, rate), clip.samples.numel()))
        if not piece.short_by:
            assert level == pytest.approx(-18, abs=1.0)
        else:
            assert audio.peak_dbfs(clip.samples) == pytest.approx(-1, abs=0.1) and level < -18
    rows = read_list(tmp_path / "out" / "list.txt")
    assert [row.text for row in rows] == [""] * len(made.slices)
    hints = (tmp_path / "out" / "hints.txt").read_text(encoding="utf-8")
    assert hints.startswith("#") and f"{made.slices[0].path}|HH AH" in hints
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["totals"]["slices"] == len(rows) and report["date"].startswith("2001-09-09")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(rows) and not re.search(r"https?://|<script", page)
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "slices",
        "list.txt",
        "hints.txt",
        "report.json",
        "report.html",
    }


def test_real_recording_with_one_text_is_cut_between_words(reading, tmp_path):
    samples, rate, texts, places = reading
    path = audio.write(tmp_path / "long.flac", samples, rate)
    text_file = tmp_path / "text.txt"
    text_file.write_text("\ufeff" + "\n".join(texts), encoding="utf-8")

    def align(wave, text, language):
        # Stands in for the recogniser: each clip's words share its time evenly. Only the cutting is tested here.
        assert wave.numel() == pytest.approx(samples.numel() * RATE / rate, abs=2) and text == " ".join(
            " ".join(texts).split()
        )
        words = []
        for clip, (start, end) in zip(texts, places, strict=True):
            pieces = clip.split()
            step = (end - start) / len(pieces)
            words += [TimedWord(w + " ", start + i * step, start + (i + 1) * step, -1.0) for i, w in enumerate(pieces)]
        return words

    made = prepare([path], tmp_path / "out", text_file=text_file, align=align, language="en")
    assert " ".join(piece.text for piece in made.slices).split() == " ".join(texts).split()
    assert all(piece.language == "en" and piece.score == pytest.approx(-1) for piece in made.slices)
    assert all(0.2 < piece.quality.phone_coverage <= 1 for piece in made.slices if len(piece.text) > 30)
    assert not (tmp_path / "out" / "hints.txt").exists()
    for piece in made.slices:  # nothing of one clip in the slice of another: the clips are a second apart
        middles = [(a + b) / 2 for a, b in places]
        assert sum(piece.start <= middle <= piece.end for middle in middles) <= 1


def listed(folder, *rows):
    """A list of two good recordings and of these rows, prepared; the lines of what is said, but for the noise."""
    for number in range(2):
        save(folder / f"good{number}.wav", 4, seed=number)
    good = [f"good{number}.wav|me|en|A sentence of thirty letters or so." for number in range(2)]
    (folder / "list.txt").write_text("\n".join([*good, *rows]), encoding="utf-8")
    told = str(prepare([], folder / "out", list_file=folder / "list.txt")).splitlines()
    return [line for line in told if "AUDIO_NOISY" not in line]


@pytest.mark.parametrize(("row", "code"), [
    ("c.wav|me|en|Привет мир", "TEXT_UNSUPPORTED"),
    ("c.wav|me|en|Hi", "ALIGN_IMPLAUSIBLE"),
    ("gone.wav|me|en|Hello there, you.", "AUDIO_MISSING"),
    ("empty.wav|me|en|Hello there, you.", "AUDIO_FORMAT"),
    ("good0-copy.wav|me|en|Hello there, you.", "DATA_DUPLICATE"),
])  # fmt: skip
def test_one_row_that_cannot_be_used_is_named(row, code, by_level, tmp_path):
    save(tmp_path / "c.wav", 4, seed=5)
    save(tmp_path / "good0-copy.wav", 4, seed=0)
    (tmp_path / "empty.wav").write_bytes(b"")
    first, *rest = listed(tmp_path, row)
    assert "2 slices" in first and len(rest) == 1
    assert rest[0].startswith(f"left out: {tmp_path / row.split('|')[0]}: {code}: ")


def test_a_price_without_its_zero_is_a_text(by_level, tmp_path):
    save(tmp_path / "c.wav", 4, seed=5)
    assert len(listed(tmp_path, "c.wav|me|en|It costs $.50 or £.99 here, so they said.")) == 1


def test_two_people_in_one_list_are_noted(by_level, tmp_path):
    save(tmp_path / "c.wav", 4, seed=5)
    assert "2 speakers: me, you;" in listed(tmp_path, "c.wav|you|en|A sentence of thirty letters or so.")[1]


def test_one_recording_in_many_spellings_is_one(by_level, tmp_path, monkeypatch):
    save(tmp_path / "a.wav", 4)
    os.symlink(tmp_path / "a.wav", tmp_path / "link.wav")
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path)
    given = ["a.wav", "./a.wav", "x/../a.wav", tmp_path / "a.wav", "link.wav", tmp_path]
    made = prepare(given, tmp_path / "out")
    assert len(made.files) == 1 and "left out" not in str(made)


def test_the_score_of_a_short_clip_is_that_of_its_text(by_level, tmp_path):
    path = save(tmp_path / "a.wav", 4)
    (tmp_path / "text.txt").write_text("A sentence of thirty letters or so.")
    for score, doubted in ((-1.0, False), (-3.0, True)):
        made = prepare(
            [path], tmp_path / "out", text_file=tmp_path / "text.txt",
            align=lambda _wave, text, _language, score=score: [TimedWord(text, 0, 4, score)],
            recognise=lambda _wave, _language: ["AH"] * 24,
        )  # fmt: skip
        assert made.slices[0].score == score and ("ALIGN_DOUBTFUL" in str(made)) == doubted
        assert made.slices[0].text == "A sentence of thirty letters or so." and made.slices[0].hint == ""


@pytest.mark.parametrize(("heard", "doubted"), [(24, False), (18, False), (12, True), (50, True)])
def test_phones_that_are_heard_are_counted(heard, doubted, by_level, tmp_path):
    path = save(tmp_path / "a.wav", 4)
    (tmp_path / "text.txt").write_text("A sentence of thirty letters or so.")
    made = prepare(
        [path], tmp_path / "out", text_file=tmp_path / "text.txt", recognise=lambda _wave, _language: ["AH"] * heard
    )
    assert ("ALIGN_DOUBTFUL" in str(made)) == doubted


def test_same_input_same_folder(by_level, tmp_path):
    path = save(tmp_path / "a.wav", 4, 5)
    folders = [prepare([path], tmp_path / name).folder for name in ("one", "two")]
    contents = [{p.relative_to(f).as_posix(): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in folders]
    assert contents[0] == contents[1] and len(contents[0]) == 5


def test_list_with_short_clips_keeps_its_texts(by_level, tmp_path):
    (tmp_path / "in").mkdir()
    save(tmp_path / "in" / "a.wav", 2, 3)
    save(tmp_path / "in" / "b.wav", 4, seed=1)
    (tmp_path / "in" / "list.txt").write_text(
        "a.wav|ann|en|Hello over there.\nb.wav|bo|auto|今天天气很好。\n", encoding="utf-8"
    )
    made = prepare([], tmp_path / "out", list_file=tmp_path / "in" / "list.txt")
    assert [(p.speaker, p.language, p.text) for p in made.slices] == [
        ("ann", "en", "Hello over there."),
        ("bo", "zh", "今天天气很好。"),
    ]
    assert made.slices[0].end - made.slices[0].start == pytest.approx(5.8, abs=0.05)
    again = prepare([tmp_path / "in"], tmp_path / "out2", list_file=tmp_path / "in" / "list.txt")
    assert [p.text for p in again.slices] == [p.text for p in made.slices]


def test_offset_is_removed_and_noted(by_level, tmp_path):
    path = audio.write(tmp_path / "a.wav", bursts(4) + 0.002 + 0.001, RATE)
    made = prepare([path], tmp_path / "out")
    assert any("offset" in note for note in made.files[0].notes)
    assert abs(float(audio.read(tmp_path / "out" / made.slices[0].path).samples.mean())) < 1e-3


def test_loudness_that_stops_short_is_said(by_level, tmp_path):
    wave = bursts(4) * 0.05
    wave[RATE] = 0.5
    made = prepare([audio.write(tmp_path / "a.wav", wave, RATE)], tmp_path / "out")
    assert made.slices[0].short_by > 5
    assert "short" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_folder_with_good_and_bad_files(by_level, tmp_path):
    source = tmp_path / "in"
    (source / "deep").mkdir(parents=True)
    save(source / "a.wav", 4)
    save(source / "deep" / "a.wav", 5, seed=1)
    save(source / ".hidden.wav", 5, seed=2)
    bad.text_as_wav(source)
    audio.write(source / "silent.wav", torch.zeros(RATE * 5), RATE)
    (source / "copy.wav").write_bytes((source / "a.wav").read_bytes())
    (source / "song.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
    (source / "notes.txt").write_text("no sound")
    made = prepare([source], source / "out")
    assert [p.path for p in made.slices] == ["slices/a_0001.flac", "slices/a-2_0001.flac"]
    refused = {f.path.rsplit("/", 1)[-1]: f.refused.split(":")[0] for f in made.files if f.refused}
    assert refused == {
        "text.wav": "AUDIO_FORMAT",
        "silent.wav": "AUDIO_SILENT",
        "copy.wav": "DATA_DUPLICATE",
        "song.m4a": "AUDIO_FORMAT",
    }
    assert "AUDIO_SILENT" in (source / "out" / "report.html").read_text(encoding="utf-8")
    assert "2 slices" in str(made) and str(made).count("left out:") == 4
    assert len(prepare([source], source / "out").files) == len(made.files), "own slices were taken for recordings"


def test_names_are_escaped_in_the_page(by_level, tmp_path):
    path = save(tmp_path / "<img src=x onerror=alert(1)>.wav", 4)
    prepare([path], tmp_path / "out")
    assert "<img src=x" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def silence(folder):
    return audio.write(folder / "silence.wav", torch.zeros(10 * RATE), RATE)


def mostly_silence(folder):
    return save(folder / "mostly.wav", 0.4) and audio.write(
        folder / "mostly.wav", torch.cat((bursts(0.4), torch.zeros(20 * RATE))), RATE
    )


def clipped(folder):
    return audio.write(folder / "clipped.wav", (bursts(8) * 20).clamp(-1, 1), RATE)


def two_seconds(folder):
    return save(folder / "short.wav", 2.9)


@pytest.mark.parametrize(("code", "make"), [
    ("AUDIO_MISSING", bad.absent), ("AUDIO_FORMAT", bad.text_as_wav), ("AUDIO_EMPTY", bad.header_only),
    ("AUDIO_TRUNCATED", bad.half("half.wav")), ("AUDIO_NONFINITE", bad.with_values(float("nan"))),
    ("AUDIO_SILENT", silence), ("AUDIO_SILENT", mostly_silence), ("AUDIO_CLIPPED", clipped),
    ("AUDIO_PHASE", bad.opposite_phase), ("REF_LENGTH", two_seconds), ("AUDIO_TOO_LONG", bad.over_an_hour),
    ("AUDIO_CHANNELS", bad.eight_channels),
])  # fmt: skip
def test_one_bad_file_is_one_error_and_no_folder(code, make, by_level, tmp_path):
    (tmp_path / "in").mkdir()
    path = make(tmp_path / "in")
    with pytest.raises(AudioError) as caught:
        prepare([path], tmp_path / "out")
    assert caught.value.code == code
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(("code", "text", "options"), [
    ("TEXT_EMPTY", " \n", {}), ("TEXT_INVALID_UNICODE", b"\xff\xfe\xfa", {}), ("ALIGN_IMPLAUSIBLE", "x" * 500, {}),
    ("ALIGN_IMPLAUSIBLE", "Hi.", {}), ("ALIGN_NEEDED", "Some words that are said here. " * 4, {}),
    ("LANG_UNKNOWN", "Some words", {"language": "tlh"}), ("DATA_MISSING", None, {}),
])  # fmt: skip
def test_texts_that_cannot_be_used(code, text, options, by_level, tmp_path):
    path = save(tmp_path / "a.wav", 4, 4, 4)
    if text is not None:
        (tmp_path / "text.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises((DataError, TextError)) as caught:
        prepare([path], tmp_path / "out", text_file=tmp_path / "text.txt", **options)
    assert caught.value.code == code
    assert not (tmp_path / "out").exists()


def test_one_text_for_two_recordings(by_level, tmp_path):
    paths = [save(tmp_path / "a.wav", 4), save(tmp_path / "b.wav", 4, seed=1)]
    (tmp_path / "text.txt").write_text("Hello there, you.")
    with pytest.raises(DataError, match="list file"):
        prepare(paths, tmp_path / "out", text_file=tmp_path / "text.txt")


def test_nothing_to_prepare(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError) as caught:
        prepare([tmp_path / "in"], tmp_path / "out")
    assert caught.value.code == "DATA_EMPTY"


def test_foreign_output_folder_is_refused(by_level, tmp_path):
    path = save(tmp_path / "a.wav", 4)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(LabError) as caught:
        prepare([path], tmp_path / "out")
    assert caught.value.code == "OUTPUT_EXISTS" and (tmp_path / "out" / "thesis.txt").read_text() == "mine"


def test_full_disk_keeps_the_earlier_result(by_level, tmp_path, monkeypatch):
    path = save(tmp_path / "a.wav", 4)
    prepare([path], tmp_path / "out")
    before = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(LabError) as caught:
        prepare([save_again(tmp_path)], tmp_path / "out")
    assert caught.value.code == "SAVE_FAILED"
    assert {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "b.wav", "out"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes of this system do not fork")
def test_a_killed_call_leaves_recordings_in_the_private_folder_until_the_next(by_level, tmp_path, monkeypatch):
    path = save(tmp_path / "a.wav", 4, 5)
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path / "cache"))
    child = os.fork()
    if child == 0:
        try:
            module.write_list = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            prepare([path], tmp_path / "out")
        finally:  # an error must not let this process go on with the tests
            os._exit(1)
    os.waitpid(child, 0)
    left = list(tmp_path.rglob("*.flac"))
    assert left and all(tmp_path / "cache" / "private" in place.parents for place in left)
    with pytest.raises(LabError):
        prepare([bad.zero_bytes(tmp_path)], tmp_path / "other")
    assert not list(tmp_path.rglob("*.flac"))


def save_again(folder):
    import soundfile

    soundfile.write(folder / "b.wav", bursts(5, seed=3).numpy(), RATE)
    return folder / "b.wav"


# Words with times.


def alignment(phones, step=0.1):
    count = len(phones)
    silent = [symbol in ",.!?" for symbol in phones.symbols]
    import numpy as np

    times = np.arange(count) * step
    score = np.where(silent, np.nan, -1.0)
    return Alignment(np.arange(count), times, times + step, score, 50.0, count * step)


@pytest.mark.parametrize("text", ["Hello, world. It rains!", "你好，世界。", "我喜欢 Python, 很好。"])
def test_pieces_give_the_text_back(text):
    phones = phonemize(text)
    pieces = timed_words(phones, alignment(phones))
    joined = "".join(piece.text for piece in pieces)
    assert re.sub(r"\W", "", joined).lower() == re.sub(r"\W", "", "".join(w.text for w in phones.words)).lower()
    assert all(piece.end > piece.start and piece.score == pytest.approx(-1) for piece in pieces)
    assert len(pieces) == sum(bool(word.language) for word in phones.words)
    if "Hello" in text:
        assert joined.strip().lower() == text.lower()


def test_words_go_to_the_slice_of_their_middle():
    words = [TimedWord("a", 0, 1), TimedWord("b", 1, 2.2), TimedWord("c", 2.4, 2.8), TimedWord("d", 9, 9.5)]
    got = share_out(words, [(0, 2), (3, 5)])
    assert [[w.text for w in share] for share in got] == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize(("text", "want"), [("Hi", "en"), ("你好", "zh"), ("你好 OK", "auto"), ("123", "auto")])
def test_language_of(text, want):
    assert language_of(text) == want


def test_pace():
    check_text_length("x", "A sentence of thirty letters or so.", 3)
    check_text_length("x", "今天天气很好", 2)
    for text, seconds in (("今天天气很好" * 10, 2), ("Hello", 10), ("Hello there you " * 10, 2)):
        with pytest.raises(DataError):
            check_text_length("x", text, seconds)


def test_coverage_counts_the_languages_own_phones():
    phones, inventory = folded_phones("she had", "en")
    assert phones == {"SH", "IY", "HH", "AE", "D"} and len(inventory) == 39 and phones <= inventory
    phones, inventory = folded_phones("你好", "auto")
    assert phones == {"n", "i", "h", "ao"} and phones <= inventory
    assert not math.isnan(len(inventory))
