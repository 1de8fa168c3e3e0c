"""One request at a time: what happens when controls are moved faster than their result can be made.

In a notebook the messages of a page do not arrive in one thread: JupyterLab sends those of widgets to a subshell of the
kernel, which is a thread of its own, and a widget that a cell has just drawn is answered in the main thread. So two
quick clicks may run two callbacks side by side, and a third waits in a queue with a state that is out of date.

Here a change only says that something changed. One thread takes the state as it is then, answers it, and looks again
whether something changed meanwhile: of all changes during an answer only the last state is answered.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context

ONE_AT_A_TIME = threading.RLock()
"""Held while any explorer of this process is at work, for they may share a lab."""

ENDING = threading.Event()
"""Set when the process ends: what is made now is not sent any more, for a message cut in two breaks the line."""
atexit.register(ENDING.set)


class Requests:
    """The requests of one explorer.

    Args:
        answer: does the work; takes the state itself, once, at its start.
        shown: told True before work begins or waits, False when nothing is left to do.
        failed: told of what `answer` raises where nobody waits for it.
    """

    def __init__(
        self, answer: Callable[[], None], shown: Callable[[bool], None], failed: Callable[[Exception], None]
    ) -> None:
        self.answer, self.shown, self.failed = answer, shown, failed
        self._changed = threading.Condition()
        self._wanted = False
        self._working = False
        self._inside = 0

    @property
    def busy(self) -> bool:
        """Whether something is being made, or is to be made."""
        return self._inside > 0

    def put(self) -> None:
        """Something changed. Answers at once; in a kernel in a thread of its own, so that more changes can come in."""
        with self._changed:
            self._wanted = True
            if self._working:
                return
            self._working = True
        if _in_event_loop():
            # The context says to the kernel which message the work belongs to.
            threading.Thread(target=copy_context().run, args=(self._work,), daemon=True).start()
        else:
            self._work()

    def now(self) -> None:
        """Answer the present state in this thread, after what is at work; what `answer` raises passes through."""
        with self._noted(), ONE_AT_A_TIME:
            self._wanted = False  # whatever changed until here is in the state that is taken now
            self.answer()

    def wait(self, seconds: float = 60.0) -> bool:
        """Wait until nothing is left to do, at most so long; False where there still is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self.busy, seconds)

    def _work(self) -> None:
        try:
            with self._noted():
                while self._has_more():
                    with ONE_AT_A_TIME:
                        self._wanted = False
                        self._answer()
        except BaseException:  # an interrupt; the next change begins anew
            self._working = False
            raise

    def _answer(self) -> None:
        try:
            self.answer()
        except Exception as error:  # nobody is there to catch it: the panel shows it
            self.failed(error)

    def _has_more(self) -> bool:
        with self._changed:
            self._working = self._wanted
            return self._wanted

    @contextmanager
    def _noted(self) -> Iterator[None]:
        with self._changed:
            self._inside += 1
            self.shown(True)
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self.shown(self.busy)
                self._changed.notify_all()


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
