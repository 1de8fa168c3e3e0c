"""Bytes that are damaged as files are in life: cut, overwritten, doubled, shifted, with wrong lengths."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

LENGTHS = (0, 1, 2, 3, 7, 16, 255, 65_535, 10**6, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
"""What stands where a length should."""


@st.composite
def mangled(draw: st.DrawFn, files: dict[str, bytes], extra: tuple[bytes, ...] = ()) -> tuple[str, bytes]:
    """One of the files by name, with one to four damages; `extra` are pieces that are put in."""
    name = draw(st.sampled_from(sorted(files)))
    data = files[name]
    for _ in range(draw(st.integers(1, 4))):
        # Most of what can go wrong stands at the beginning.
        end = len(data) if draw(st.booleans()) else min(len(data), 120)
        at = draw(st.integers(0, max(0, end)))
        kind = draw(st.sampled_from(("cut", "drop", "double", "length", "bytes", "piece", "bit")))
        size = draw(st.integers(1, 64))
        if kind == "cut":
            data = data[:at]
        elif kind == "drop":
            data = data[:at] + data[at + size :]
        elif kind == "double":
            data = data[: at + size] + data[at:]
        elif kind == "length":
            order = draw(st.sampled_from("<>"))
            data = data[:at] + struct.pack(order + "I", draw(st.sampled_from(LENGTHS))) + data[at + 4 :]
        elif kind == "bytes":
            data = data[:at] + draw(st.binary(min_size=1, max_size=12)) + data[at + size :]
        elif kind == "piece":
            data = data[:at] + draw(st.sampled_from((*extra, b"\0" * 9, b"\xff" * 5))) + data[at:]
        elif at < len(data):
            data = data[:at] + bytes([data[at] ^ 1 << size % 8]) + data[at + 1 :]
    return name, data
