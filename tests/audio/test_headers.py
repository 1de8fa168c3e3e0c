"""Wave headers that are wrong in one place: read as far as the sound is clear, or refused with the true reason."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import torch

from gsv_lab import audio
from gsv_lab.errors import AudioError

from .wave_files import NOISE, PCM, RATE, SAMPLES, chunk, coded, data, extensible, form, long, riff

FLOATS = NOISE.astype("<f4").tobytes()
WIDE = (NOISE * 0.9 * 2**31).astype("<i4").tobytes()
NO_LENGTH = "holds no length"
LIST = chunk(b"LIST", b"INFOISFT\x04\0\0\0Lavf")

READ = {
    "plain": (riff(form(), data()), ""),
    "odd chunk without its pad byte": (riff(form(), chunk(b"note", b"abc", pad=False), data()), ""),
    "odd chunk without its pad byte before the form": (riff(chunk(b"note", b"abc", pad=False), form(), data()), ""),
    "odd chunk with its pad byte": (riff(form(), chunk(b"note", b"abc"), data()), ""),
    "odd list without its pad byte": (riff(form(), chunk(b"LIST", b"INFOISFT\x03\0\0\0abc", pad=False), data()), ""),
    "list that is shorter than it says, by a little": (riff(form(), chunk(b"LIST", b"INFO", 10), data()), ""),
    "form behind the sound": (riff(data(), form()), ""),
    "an empty chunk of sound first": (riff(form(), chunk(b"data", b""), data()), ""),
    "sound twice": (riff(form(), data(), data()), ""),
    "length 0": (riff(form(), data(0)), NO_LENGTH),
    "length 0 in both places": (riff(form(), data(0), length=0), NO_LENGTH),
    "ffmpeg to a pipe": (riff(form(), data(0xFFFFFFFF), length=0xFFFFFFFF), NO_LENGTH),
    "ffmpeg to a pipe, with a list": (riff(form(), LIST, data(0xFFFFFFFF), length=0xFFFFFFFF), NO_LENGTH),
    "sox to a pipe": (riff(form(), data(0x7FFFF000), length=0x7FFFF024), NO_LENGTH),
    "arecord to a pipe": (riff(form(), data(0x80000000), length=0x80000024), NO_LENGTH),
    "one sample more than there is": (riff(form(), data(len(PCM) + 2)), "2 bytes more than there are"),
    "one byte more than there is": (riff(form(), data(len(PCM) + 1)), "1 bytes more than there are"),
    "50 ms more than there are": (riff(form(), data(len(PCM) + RATE // 10)), "1600 bytes more"),
    "half a sample missing": (riff(form(), data())[:-1], "1 bytes more"),
    "the file's length 0": (riff(form(), data(), length=0), ""),
    "the file's length too large": (riff(form(), data(), length=10**7), ""),
    "a list behind the sound": (riff(form(), data(), LIST), ""),
    "a few bytes behind the sound": (riff(form(), data()) + b"TAG" + b"x" * 125, ""),
    "RF64": (long(len(PCM)), ""),
    "BW64": (long(len(PCM), b"BW64"), ""),
    "RF64 without a length": (long(0), NO_LENGTH),
    "extensible, 16 bit": (riff(extensible(1, 16, 16), data()), ""),
    "extensible, no valid bits": (riff(extensible(1, 16, 0), data()), ""),
    "extensible, 24 of 32 bit": (riff(extensible(1, 32, 24), chunk(b"data", WIDE)), ""),
    "extensible float": (riff(extensible(3, 32, 32), chunk(b"data", FLOATS)), ""),
    "float": (riff(form(3, 32), chunk(b"data", FLOATS)), ""),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_sound_is_read(case, tmp_path):
    content, note = READ[case]
    (tmp_path / "a.wav").write_bytes(content)
    got = audio.read(tmp_path / "a.wav")
    count = SAMPLES - ("half a sample" in case)
    assert got.samples.numel() == count
    want = torch.from_numpy(NOISE).float() * (0.9 if "24 of 32" in case else 1.0)
    assert torch.allclose(got.samples, want[:count], atol=1e-4)
    assert len(got.notes) == bool(note) and note in "".join(got.notes)


LONG_LIST = riff(form(), chunk(b"LIST", b"INFO", 500_000), data())
LONG_JUNK = riff(form(), chunk(b"JUNK", bytes(28), 99_999), data())
REFUSED = {
    "list of half a megabyte": ("AUDIO_FORMAT", "'LIST' of 500,000", LONG_LIST),
    "list without end": ("AUDIO_FORMAT", "'LIST' of 4,294", riff(form(), chunk(b"LIST", b"INFO", 0xFFFFFFFF), data())),
    "junk that is too long": ("AUDIO_FORMAT", "'JUNK' of 99,999", LONG_JUNK),
    "form that is too long": ("AUDIO_FORMAT", "'fmt ' of 1,000", riff(chunk(b"fmt ", form()[8:], 1000), data())),
    "no form": ("AUDIO_FORMAT", "no chunk 'fmt '", riff(data())),
    "form that is too short": ("AUDIO_FORMAT", "no chunk 'fmt '", riff(chunk(b"fmt ", form()[8:22]), data())),
    "cut in the header": ("AUDIO_FORMAT", "ends inside its header, after 30", riff(form(), data())[:30]),
    "no sound": ("AUDIO_EMPTY", "no samples", riff(form())),
    "an empty chunk of sound": ("AUDIO_EMPTY", "no samples", riff(form(), chunk(b"data", b""), LIST)),
    "a tenth too long": ("AUDIO_TRUNCATED", "2.0 s found, 2.2 s announced", riff(form(), data(len(PCM) * 11 // 10))),
    "RF64, twice too long": ("AUDIO_TRUNCATED", "2.0 s found, 4.0 s", long(2 * len(PCM))),
    "4 GB in the right file": ("AUDIO_HEADER_MISMATCH", "4,294,967,295", riff(form(), data(0xFFFFFFFF))),
    "RF64 of exabytes": ("AUDIO_HEADER_MISMATCH", "1,152,921", long(2**60)),
    "MP3 in a wave file": ("AUDIO_CODEC", "format tag 85", riff(form(0x55), data())),
    "float of 16 bit": ("AUDIO_CODEC", "tag 3, 16 bit", riff(form(3, 16), data())),
    "a sub-format of nobody": ("AUDIO_CODEC", "format tag 4660", riff(extensible(0x1234, 16, 16), data())),
    "20 bit": ("AUDIO_CODEC", "20 bit", riff(form(1, 20), data())),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_the_true_reason_is_given(case, tmp_path):
    code, words, content = REFUSED[case]
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(AudioError) as caught:
        audio.read(tmp_path / "a.wav")
    assert caught.value.code == code and words in str(caught.value), str(caught.value)


def test_sound_that_the_header_does_not_count_is_named(tmp_path):
    (tmp_path / "a.wav").write_bytes(riff(form(), data(RATE)))
    got = audio.read(tmp_path / "a.wav")
    assert got.seconds == 0.5 and f"{len(PCM) - RATE:,} bytes behind the end" in got.notes[0]


def test_big_endian_without_a_length(tmp_path):
    swapped = np.frombuffer(PCM, "<i2").astype(">i2").tobytes()
    head = struct.pack(">4sI4sHHIIHH4sI", b"fmt ", 16, b"", 1, 1, RATE, 2 * RATE, 2, 16, b"data", 0)
    head = head[:8] + head[12:]  # the empty field only keeps the order of the others
    (tmp_path / "a.wav").write_bytes(b"RIFX" + struct.pack(">I", 0) + b"WAVE" + head + swapped)
    got = audio.read(tmp_path / "a.wav")
    assert torch.allclose(got.samples, torch.from_numpy(NOISE).float(), atol=1e-4)


@pytest.mark.parametrize("subtype", ["PCM_24", "PCM_32", "DOUBLE", "PCM_U8", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"])
def test_a_wave_file_of_every_coding_that_lacks_its_half(subtype, tmp_path):
    content = coded(tmp_path / "a.wav", subtype=subtype)
    (tmp_path / "half.wav").write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError) as caught:
        audio.read(tmp_path / "half.wav")
    assert caught.value.code == "AUDIO_TRUNCATED"


@pytest.mark.parametrize(("name", "options"), [
    ("a.flac", {}), ("a.ogg", {}), ("a.opus", {"format": "OGG", "subtype": "OPUS"}), ("a.aiff", {}), ("a.w64", {}),
    ("a.mp3", {}),
])  # fmt: skip
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_other_files_that_are_cut(name, options, share, tmp_path):
    content = coded(tmp_path / name, **options)
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(AudioError) as caught:
        audio.read(tmp_path / name)
    assert caught.value.code == "AUDIO_TRUNCATED", str(caught.value)


def test_alac(tmp_path):
    coded(tmp_path / "a.caf", subtype="ALAC_16")
    assert audio.read(tmp_path / "a.caf").samples.numel() == SAMPLES


def test_a_mark_is_read_behind_a_repaired_header(tmp_path):
    path = audio.write(tmp_path / "a.wav", torch.from_numpy(NOISE).float(), RATE, audio.Mark("nano-1", "me"))
    content = path.read_bytes()
    at = content.index(b"data") + 4
    path.write_bytes(content[:at] + struct.pack("<I", len(PCM) + 2) + content[at + 4 :])
    found = audio.read_mark(path)
    assert found is not None and found.voice == "me"
