"""Reading, resampling, levels and writing: oracles with tones, round trips, and failures that leave no half file."""

from __future__ import annotations

import errno
import os

import pytest
import soundfile
import torch

from gsv_lab import audio
from gsv_lab.errors import AudioError, LabError
from gsv_lab.system import files, folders

from .bad_files import tone


def sine(hertz: float, rate: int, seconds: float) -> torch.Tensor:
    """A sine wave in double precision, made where the test needs it (no file, no resampler)."""
    return (
        0.5 * torch.sin(2 * torch.pi * hertz * torch.arange(int(seconds * rate), dtype=torch.float64) / rate)
    ).float()


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("hertz", [100.0, 1000.0, 3500.0])
def test_resampled_tone_is_the_tone_made_at_that_rate(rate, hertz):
    got = audio.resample(sine(hertz, rate, 0.5), rate, 16_000)
    want = sine(hertz, 16_000, 0.5)
    assert got.shape == want.shape
    inside = slice(400, -400)  # at the ends the filter sees the silence around the tone
    error = (got - want)[inside].square().mean().sqrt()
    assert 20 * torch.log10(error / 0.3536) < -70


def test_no_alias_above_the_new_band():
    got = audio.resample(sine(11_000, 48_000, 0.5), 48_000, 16_000)
    assert audio.rms_dbfs(got[400:-400]) < -80


def test_pieces_give_the_same_samples_as_one_pass():
    from torchaudio.functional import resample as sinc

    torch.manual_seed(0)
    noise = torch.randn(2**21 * 2 + 12_345) * 0.1
    whole = sinc(
        noise, 44_100, 16_000, lowpass_filter_width=64, rolloff=0.9475937167399596,
        resampling_method="sinc_interp_kaiser", beta=14.769656459379492,
    )  # fmt: skip
    got = audio.resample(noise, 44_100, 16_000)
    assert got.shape == whole.shape
    assert torch.allclose(got, whole, atol=1e-6)


@pytest.mark.parametrize(("old", "new"), [(191_999, 16_000), (16_001, 16_000), (8_001, 48_000)])
def test_rates_without_common_factor_are_close(old, new):
    got = audio.resample(sine(500, old, 1.0), old, new)
    spectrum = torch.fft.rfft(got * torch.hann_window(got.numel()), n=new * 16).abs()
    assert spectrum.argmax().item() / 16 == pytest.approx(500, rel=4e-4)


def test_read_says_what_it_did(tmp_path):
    both = torch.stack((sine(300, 48_000, 1), 0.5 * sine(300, 48_000, 1)), dim=1)
    soundfile.write(tmp_path / "a.wav", both.numpy(), 48_000)
    got = audio.read(tmp_path / "a.wav", 16_000)
    assert (got.sample_rate, got.source_rate, got.seconds) == (16_000, 48_000, 1.0)
    assert got.samples.dtype == torch.float32 and got.samples.dim() == 1
    assert any("mixed down" in note for note in got.notes)
    assert audio.rms_dbfs(got.samples[400:-400]) == pytest.approx(-11.53, abs=0.05)  # 0.375 / sqrt(2)


KINDS = [
    *[(f"a.{suffix}", {}) for suffix in ("wav", "flac", "ogg", "mp3", "aiff", "w64", "caf", "au")],
    *[("a.wav", {"subtype": subtype}) for subtype in ("PCM_24", "PCM_32", "FLOAT", "DOUBLE", "PCM_U8", "ULAW")],
    ("a.opus", {"format": "OGG", "subtype": "OPUS"}),
    ("wrong_suffix.mp3", {"format": "WAV"}),
]


@pytest.mark.parametrize(("name", "options"), KINDS)
def test_kinds_that_can_be_read(name, options, tmp_path):
    soundfile.write(tmp_path / name, tone(2.0), 16_000, **options)
    got = audio.read(tmp_path / name)
    assert got.seconds == pytest.approx(2.0, abs=0.1)
    assert audio.rms_dbfs(got.samples) == pytest.approx(audio.rms_dbfs(torch.from_numpy(tone(2.0))), abs=0.5)


def test_loudness_reaches_its_target():
    got = audio.set_loudness(sine(200, 16_000, 1) * 0.01)
    assert audio.rms_dbfs(got.samples) == pytest.approx(-18, abs=0.01)
    assert got.level == pytest.approx(-18, abs=0.01) and got.short_by == 0


def test_loudness_counts_only_speech():
    samples = torch.cat((sine(200, 16_000, 1) * 0.02, torch.zeros(48_000)))
    where = torch.arange(64_000) < 16_000
    assert audio.rms_dbfs(audio.set_loudness(samples, where).samples, where) == pytest.approx(-18, abs=0.01)


def test_loudness_stops_at_the_peak_and_says_how_far():
    samples = sine(200, 16_000, 1) * 0.01
    samples[3] = 0.5
    got = audio.set_loudness(samples)
    assert audio.peak_dbfs(got.samples) == pytest.approx(-1, abs=0.01)
    assert got.short_by == pytest.approx(-18 - audio.rms_dbfs(got.samples), abs=0.01) and got.short_by > 10


def test_loudness_of_silence_changes_nothing():
    got = audio.set_loudness(torch.zeros(100))
    assert got.gain_db == 0 and got.samples.abs().max() == 0


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_mark_and_samples_come_back(suffix, tmp_path):
    mark = audio.Mark("nano-1", "my 'voice' ü 语", "2026-01-02T03:04:05+00:00", {"seed": 3, "temperature": 0.7})
    path = audio.write(tmp_path / f"a{suffix}", sine(300, 16_000, 0.5).reshape(1, 1, -1), 16_000, mark)
    assert audio.read_mark(path) == mark
    assert torch.allclose(audio.read(path).samples, sine(300, 16_000, 0.5), atol=1 / 32_000)
    info = soundfile.info(path)
    assert info.subtype == "PCM_16"


def test_no_mark_on_other_files(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(1), 16_000)
    assert audio.read_mark(tmp_path / "a.wav") is None
    with soundfile.SoundFile(tmp_path / "b.wav", "w", 16_000, 1) as file:
        file.comment = "a remark, not JSON"
        file.write(tone(1))
    assert audio.read_mark(tmp_path / "b.wav") is None


def test_date_of_the_mark_comes_from_the_variable(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert audio.Mark("nano-1", "me").date == "1970-01-01T00:00:00+00:00"


def test_same_input_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000")
    for name in ("a.flac", "b.flac"):
        audio.write(tmp_path / name, sine(300, 16_000, 1), 16_000, audio.Mark("nano-1", "me"))
    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()


def test_loud_samples_are_limited_not_wrapped(tmp_path):
    got = audio.read(audio.write(tmp_path / "a.wav", torch.tensor([3.0, -3.0, 0.0]), 16_000)).samples
    assert torch.allclose(got, torch.tensor([1.0, -1.0, 0.0]), atol=1e-3)


@pytest.mark.parametrize(("code", "name", "samples"), [("AUDIO_FORMAT", "a.mp3", torch.zeros(9)),
    ("AUDIO_EMPTY", "a.wav", torch.zeros(0)), ("AUDIO_NONFINITE", "a.wav", torch.full((9,), float("nan"))),
    ("AUDIO_CHANNELS", "a.wav", torch.zeros(2, 9))])  # fmt: skip
def test_what_cannot_be_written(code, name, samples, tmp_path):
    with pytest.raises(AudioError) as caught:
        audio.write(tmp_path / name, samples, 16_000)
    assert caught.value.code == code
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fails", ["write", "fsync", "replace"])
def test_full_disk_leaves_the_old_file(fails, tmp_path, monkeypatch):
    path = audio.write(tmp_path / "a.wav", sine(300, 16_000, 0.1), 16_000)
    old = path.read_bytes()

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    if fails == "write":
        real = files._write_synced

        def half_written(target, data):
            real(target, data[: len(data) // 2])
            full()

        monkeypatch.setattr(files, "_write_synced", half_written)
    else:
        monkeypatch.setattr(os, fails, full)
    with pytest.raises(LabError) as caught:
        audio.write(path, sine(400, 16_000, 0.1), 16_000)
    assert caught.value.code == "SAVE_FAILED" and "No space left" in str(caught.value)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_device_that_is_really_full(tmp_path, monkeypatch):
    target = tmp_path / "a.wav"
    target.write_bytes(b"old")
    real_open = type(target).open
    monkeypatch.setattr(type(target), "open", lambda self, mode="r", *a: real_open(type(self)("/dev/full"), mode, *a))
    with pytest.raises(LabError) as caught:
        audio.write(target, torch.zeros(16_000), 16_000)
    monkeypatch.undo()
    assert caught.value.code == "SAVE_FAILED"
    assert target.read_bytes() == b"old"


def test_missing_folder_and_folder_in_the_way(tmp_path):
    for path in (tmp_path / "none" / "a.wav", tmp_path / "dir.wav"):
        (tmp_path / "dir.wav").mkdir(exist_ok=True)
        with pytest.raises(LabError) as caught:
            audio.write(path, torch.zeros(10), 16_000)
        assert caught.value.code == "SAVE_FAILED"


def test_new_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "out"
    with pytest.raises(RuntimeError), folders.new_folder(target) as folder:
        (folder / "half").write_text("x")
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    with folders.new_folder(target, "done") as folder:
        (folder / "done").write_text("1")
    with folders.new_folder(target, "done") as folder:
        (folder / "done").write_text("2")
        assert (target / "done").read_text() == "1"
    assert (target / "done").read_text() == "2"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_new_folder_refuses_what_it_did_not_make(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("x")
    for name in ("mine", "file"):
        with pytest.raises(LabError) as caught, folders.new_folder(tmp_path / name, "done"):
            pass
        assert caught.value.code == "OUTPUT_EXISTS"
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_new_folder_keeps_the_old_one_when_the_swap_fails(tmp_path, monkeypatch):
    target = tmp_path / "out"
    with folders.new_folder(target, "done") as folder:
        (folder / "done").write_text("1")
    real, calls = os.replace, []

    def second_fails(source, goal):
        calls.append(goal)
        if len(calls) == 2:
            raise OSError(errno.EIO, "disk broken")
        real(source, goal)

    monkeypatch.setattr(os, "replace", second_fails)
    with pytest.raises(LabError), folders.new_folder(target, "done") as folder:
        (folder / "done").write_text("2")
    assert (target / "done").read_text() == "1"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
