"""Every faulty file gives one clear error with its code, its name and what to do, and costs no memory."""

from __future__ import annotations

import resource

import pytest

from gsv_lab import audio
from gsv_lab.errors import AudioError

from . import bad_files as bad

CASES = [
    ("AUDIO_MISSING", bad.absent),
    ("AUDIO_MISSING", bad.a_folder),
    ("AUDIO_FORMAT", bad.zero_bytes),
    ("AUDIO_FORMAT", bad.text_as_wav),
    ("AUDIO_FORMAT", bad.playlist),
    ("AUDIO_FORMAT", bad.raw_suffix),
    ("AUDIO_FORMAT", bad.random_bytes),
    ("AUDIO_EMPTY", bad.header_only),
    ("AUDIO_EMPTY", bad.empty_aiff),
    ("AUDIO_TRUNCATED", bad.half("half.wav")),
    ("AUDIO_TRUNCATED", bad.half("half.flac")),
    ("AUDIO_TRUNCATED", bad.half("half.ogg")),
    ("AUDIO_TRUNCATED", bad.half("half.opus", format="OGG", subtype="OPUS")),
    ("AUDIO_TRUNCATED", bad.half("half.aiff")),
    ("AUDIO_TRUNCATED", bad.half("half.au")),
    ("AUDIO_TRUNCATED", bad.half("half.mp3")),
    ("AUDIO_HEADER_MISMATCH", bad.claims_four_gigabytes),
    ("AUDIO_HEADER_MISMATCH", bad.claims_hundredfold),
    ("AUDIO_RATE", bad.rate(0)),
    ("AUDIO_RATE", bad.rate(1)),
    ("AUDIO_RATE", bad.rate(7_999)),
    ("AUDIO_RATE", bad.rate(192_001)),
    ("AUDIO_RATE", bad.rate(4_000_000_000)),
    ("AUDIO_CHANNELS", bad.channels(0)),
    ("AUDIO_CHANNELS", bad.channels(65_535)),
    ("AUDIO_CHANNELS", bad.eight_channels),
    ("AUDIO_CODEC", bad.depth(0)),
    ("AUDIO_CODEC", bad.depth(13)),
    ("AUDIO_CODEC", bad.unknown_codec),
    ("AUDIO_NONFINITE", bad.with_values(float("nan"))),
    ("AUDIO_NONFINITE", bad.with_values(float("inf"))),
    ("AUDIO_NONFINITE", bad.with_values(1e30)),
    ("AUDIO_PHASE", bad.opposite_phase),
    ("AUDIO_TOO_LONG", bad.over_an_hour),
    ("AUDIO_TOO_LONG", bad.over_an_hour_of_eight),
    ("AUDIO_TOO_LONG", bad.flac_claims_days),
]


@pytest.mark.parametrize(("code", "make"), CASES, ids=[f"{c}-{i}" for i, (c, _) in enumerate(CASES)])
def test_code(code, make, tmp_path):
    path = make(tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(AudioError) as caught:
        audio.read(path)
    assert caught.value.code == code, str(caught.value)
    assert path.name in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000, "decoded before refusing"


def test_count_of_bad_samples_is_stated(tmp_path):
    with pytest.raises(AudioError, match="3 samples"):
        audio.read(bad.with_values(float("nan"))(tmp_path))


def test_limit_is_an_option(tmp_path):
    path = bad.sound(tmp_path / "a.wav", bad.tone(3))
    with pytest.raises(AudioError) as caught:
        audio.read(path, max_seconds=2)
    assert caught.value.code == "AUDIO_TOO_LONG"
    assert audio.read(path, max_seconds=3).seconds == 3


def test_nothing_is_opened_that_a_playlist_names(tmp_path, monkeypatch):
    import socket

    def no_socket(*_args, **_options):
        raise AssertionError("a socket was opened")

    path = bad.playlist(tmp_path)
    monkeypatch.setattr(socket, "socket", no_socket)
    with pytest.raises(AudioError):
        audio.read(path)


@pytest.mark.parametrize(
    "name", ["a b.wav", "-v.wav", "a;touch x.wav", "$(id).wav", 'quote".wav', "语音.wav", "a\nb.wav"]
)
def test_odd_names_are_only_names(name, tmp_path):
    path = bad.sound(tmp_path / name, bad.tone(1))
    assert audio.read(path).seconds == 1
