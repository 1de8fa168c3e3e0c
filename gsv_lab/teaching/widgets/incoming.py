"""Sound on its way from the page into the kernel: in pieces, each numbered, because one large message breaks the line.

A Jupyter server closes the connection on a message of more than 10 MB, without a word to anybody. The pieces may also
overtake each other, for the kernel handles messages of widgets in more than one thread.

Messages of the page, all with the `take` that they belong to:

    {"kind": "start", "take": 1, ...}        what else is known (the name of a file, the sample rate)
    {"kind": "piece", "take": 1, "number": 0}            and one buffer of bytes
    {"kind": "end", "take": 1, "pieces": 12, "bytes": 1234567}
    {"kind": "problem", "take": 1, "name": "NotAllowedError", "detail": ""}
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from gsv_lab.errors import AudioError

FOLDER = Path(__file__).parent


@dataclass
class Take:
    """What has come so far: what its `start` said of it, pieces by number, how many there will be if that is known."""

    about: dict[str, Any] = field(default_factory=dict)
    pieces: dict[int, bytes] = field(default_factory=dict)
    expected: int | None = None
    size: int = 0

    @property
    def whole(self) -> bool:
        """Whether start, end and all pieces are here."""
        return bool(self.about) and self.expected is not None and len(self.pieces) >= self.expected

    @property
    def content(self) -> bytes:
        """All bytes in order."""
        return b"".join(self.pieces[number] for number in sorted(self.pieces))


class Incoming(anywidget.AnyWidget):
    """An element of the page that hands bytes over; a subclass brings its script.

    Its traits are read by the script: `most` bytes that are taken, and `label` of its button.

    Args:
        taken: called with what is known of a whole take, and its bytes.
        failed: called with the error of a take that did not come, said for a person.
        traits: values of further traits.
    """

    most = traitlets.Int(0).tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        taken: Callable[[Mapping[str, Any], bytes], None],
        failed: Callable[[AudioError], None],
        traits: Mapping[str, Any],
    ) -> None:
        self._taken, self._failed = taken, failed
        self._takes: dict[Any, Take] = {}
        self._refused: set[Any] = set()
        self._lock = threading.Lock()
        super().__init__(**traits)
        self.on_msg(lambda _, content, buffers: self.receive(content, buffers))

    def receive(self, content: Mapping[str, Any], buffers: Sequence[Any] = ()) -> None:
        """Handle one message of the page, see the head of this file."""
        try:
            take = self._sort(content, buffers)
        except AudioError as error:
            self._failed(error)
            self.send({"kind": "answered", "take": content.get("take")})
            return
        if take is not None:
            self.send({"kind": "answered", "take": content.get("take")})
            self._taken(take.about, take.content)

    def problem(self, name: str, detail: str) -> AudioError:
        """What the page could not do, by the name of its error, as a sentence."""
        return AudioError("TRANSFER_FAILED", f"The page could not read the sound ({name}: {detail})", "", "Try again")

    def _sort(self, content: Mapping[str, Any], buffers: Sequence[Any]) -> Take | None:
        """Keep a message's part of its take; the take if it is whole now."""
        kind, key = content.get("kind"), content.get("take")
        with self._lock:
            if key in self._refused:
                return None
            take = self._takes.setdefault(key, Take())
            if kind == "problem":
                raise self._refuse(key, self.problem(str(content.get("name", "")), str(content.get("detail", ""))))
            if kind == "start":
                take.about.update(content)
            elif kind == "piece":
                take.pieces[int(content["number"])] = bytes(buffers[0])
            elif kind == "end":
                take.expected, take.size = int(content["pieces"]), int(content["bytes"])
            size = sum(map(len, take.pieces.values()))
            if size > self.most:
                raise self._refuse(key, self.too_large(size))
            if not take.whole:
                return None
            if size != take.size:
                problem = f"{size} of {take.size} bytes of the sound arrived"
                raise self._refuse(key, AudioError("TRANSFER_FAILED", problem, "all of them", "Try again"))
            return self._takes.pop(key)

    def _refuse(self, key: Any, error: AudioError) -> AudioError:
        """Let go of a take, and of what may still come of it."""
        self._takes.pop(key, None)
        self._refused.add(key)
        return error

    def too_large(self, size: int) -> AudioError:
        """That something is larger than what is taken."""
        problem = f"The sound takes {size / 1e6:.0f} MB"
        return AudioError("AUDIO_TOO_LONG", problem, f"at most {self.most / 1e6:.0f} MB", "Choose a shorter one")
