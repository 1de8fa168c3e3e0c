"""The numbers of TensorBoard event files, without TensorBoard's server and without its pictures.

An event file is a row of records: length (8 bytes), its checksum (4), the event, its checksum (4), as TensorFlow's
TFRecord has them. Pictures and sounds make long records, which are passed over unread: TensorBoard's own reader
computes the checksum of each of their bytes in Python.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

PATTERN = "events.out.tfevents.*"
LONGEST = 4096
"""Bytes of an event that can be one of numbers; one number takes some 50."""

Scalars = dict[str, list[tuple[int, float]]]
"""Tag -> its (step, value), by step."""


def read_scalars(folder: Path) -> Scalars:
    """The numbers in the event files of a folder, in the order of the calls that wrote them.

    A call that went on from an earlier state wrote some steps again: what an earlier call has from there on is dropped.
    A file that is empty or damaged is named in a warning, and what stands before the damage is kept; the half record
    that a killed or running training leaves at the end is nothing to speak of.
    """
    found: Scalars = {}
    for path in sorted(folder.glob(PATTERN), key=_begun):
        count = 0
        for tag, step, value in _numbers(path):
            rows = found.setdefault(tag, [])
            while rows and rows[-1][0] >= step:
                rows.pop()
            rows.append((step, value))
            count += 1
        if not count:
            warnings.warn(f"{path} holds no numbers", stacklevel=3)
    return found


def _begun(path: Path) -> tuple[float, str]:
    """When a file was begun: names tell it in whole seconds, of which a call that goes on may need less."""
    with suppress(OSError, ValueError):
        for record in _records(path):
            return float(_event(record).wall_time), path.name
    return 0.0, path.name


def _numbers(path: Path) -> Iterator[tuple[str, int, float]]:
    """Tag, step and value of the events of a file, as far as it is whole."""
    try:
        for record in _records(path):
            event = _event(record)
            for entry in event.summary.value:
                if entry.HasField("simple_value"):
                    yield entry.tag, int(event.step), float(entry.simple_value)
    except (OSError, ValueError) as error:
        why = str(error).splitlines() or ["it cannot be read"]
        warnings.warn(f"{path} is damaged ({why[0][:80]}); what stands before that is used", stacklevel=4)


def _event(record: bytes) -> Any:
    """An event of its bytes.

    Raises:
        ValueError: they are none.
    """
    from tensorboard.compat.proto.event_pb2 import Event

    try:
        return Event.FromString(record)
    except Exception as error:  # of protobuf, which is TensorBoard's affair
        raise ValueError("a record is no event") from error


def _records(path: Path) -> Iterator[bytes]:
    """The short records of a file.

    Raises:
        ValueError: a checksum is wrong. OSError.
    """
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    size = path.stat().st_size
    with path.open("rb") as file:
        while len(head := file.read(12)) == 12:
            length, check = struct.unpack("<QI", head)
            if masked_crc32c(head[:8]) != check:
                raise ValueError(f"a checksum before byte {file.tell()} is wrong")
            if file.tell() + length + 4 > size:
                return
            if length > LONGEST:
                file.seek(length + 4, 1)
                continue
            record = file.read(length)
            if masked_crc32c(record) != struct.unpack("<I", file.read(4))[0]:
                raise ValueError(f"a checksum before byte {file.tell()} is wrong")
            yield record
