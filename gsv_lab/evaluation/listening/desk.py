"""The desk at which panels in a notebook ask: messages in, answers out, events kept in between.

Each message has an `ask`, which its answer repeats:

| message | answer |
| --- | --- |
| `{"kind": "open"}` | `raters`: of each its number, `pages`, `done` (pages), `finished` |
| `{"kind": "begin", "at": 1790000000000, "place": 2}`, place from 0 or None | `rater`, `place`, `events` |
| `{"kind": "read", "rater": R}` | `rater`, `place`, `events` |
| `{"kind": "keep", "rater": R, "events": [...]}` | `kept`: how many are on the disk now |
| `{"kind": "clip", "stimulus": S}` | `media`, and the bytes in a buffer |
| `{"kind": "forget", "rater": R}` | nothing more |

An answer with a `problem` says in words why nothing was done, and with `refused` whether it would be so again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gsv_lab.errors import DataError, LabError
from gsv_lab.evaluation.listening.events import read_event, refused
from gsv_lab.evaluation.listening.files import STIMULI, STORE, read_test
from gsv_lab.evaluation.listening.page import MEDIA
from gsv_lab.evaluation.listening.store import Store
from gsv_lab.system.files import read_file, why_unreadable


class Desk:
    """The desk of one test.

    Args:
        folder: that `make` wrote; its key is not read.
        store: file of the votes; `votes.sqlite` in the folder if None.

    Raises:
        DataError: `LISTEN_FILE`, `LISTEN_CHANGED`, those of `Store`.
    """

    def __init__(self, folder: str | Path, store: str | Path | None = None) -> None:
        self.folder = Path(folder)
        self.test = read_test(self.folder)
        self.store = Store(store or self.folder / STORE, self.test)

    def answer(self, message: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """The answer to a message, and its buffers; a message that makes no sense is answered with a problem."""
        ask = message.get("ask")
        try:
            content, buffers = self._done(message)
        except LabError as error:
            return {"ask": ask, "problem": str(error), "refused": isinstance(error, DataError)}, []
        return {"ask": ask, **content}, buffers

    def clip(self, stimulus: str) -> bytes:
        """The bytes of a stimulus.

        Raises:
            DataError: `LISTEN_CHANGED`, its file is missing or another one.
        """
        entry = self.test.content["stimuli"].get(stimulus)
        if entry is None:
            raise refused(f"there is no stimulus {stimulus!r:.40}")
        path = self.folder / STIMULI / entry["file"]
        try:
            content, why = read_file(path), "it is another file than the test was made with"
        except OSError as error:
            content, why = b"", why_unreadable(error)
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise DataError("LISTEN_CHANGED", f"The stimulus {path.name!r} cannot be played: {why}", "", "Put it back")
        return content

    def _done(self, message: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        match dict(message):
            case {"kind": "open"}:
                return {"raters": [self._about(rater) for rater in self.store.raters()]}, []
            case {"kind": "begin", "at": int(at), "place": int() | None as place}:
                return self._course(self.store.begin(at, place)), []
            case {"kind": "read", "rater": str(rater)}:
                return self._course(rater), []
            case {"kind": "keep", "rater": str(rater), "events": list(events)}:
                return {"kept": self.store.append(rater, [read_event(event) for event in events])}, []
            case {"kind": "clip", "stimulus": str(stimulus)}:
                content = self.clip(stimulus)
                return {"media": MEDIA[Path(self.test.content["stimuli"][stimulus]["file"]).suffix]}, [content]
            case {"kind": "forget", "rater": str(rater)}:
                self.store.forget(rater)
                return {}, []
        raise refused(f"the message {str(message.get('kind'))!r:.40} makes no sense")

    def _about(self, rater: str) -> dict[str, Any]:
        course = self.store.course(rater)
        pages = len(course.pages)
        return {"rater": rater, "pages": pages, "done": len(course.done), "finished": course.finished}

    def _course(self, rater: str) -> dict[str, Any]:
        events = [event.to_dict() for event in self.store.events(rater)]
        return {"rater": rater, "place": self.store.course(rater).place, "events": events}
