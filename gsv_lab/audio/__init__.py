"""Recordings, as far as no trained synthesis is needed: files, loudness, voice activity, slices, references, alignment.

The names of `gsv_lab.audio.io` can be used from here: `from gsv_lab import audio; audio.read("me.wav")`.
"""

from gsv_lab.audio.io import (
    Loudness,
    Mark,
    Recording,
    check_suffix,
    data_url,
    peak_dbfs,
    read,
    read_mark,
    resample,
    rms_dbfs,
    set_loudness,
    wave_file,
    write,
)

__all__ = [
    "Loudness",
    "Mark",
    "Recording",
    "check_suffix",
    "data_url",
    "peak_dbfs",
    "read",
    "read_mark",
    "resample",
    "rms_dbfs",
    "set_loudness",
    "wave_file",
    "write",
]
