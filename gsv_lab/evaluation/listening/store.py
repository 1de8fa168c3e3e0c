"""The votes of a test in one SQLite file: an event is on the disk before anybody is told that it was taken.

The file is in WAL mode with full synchronisation, so that what was committed outlives a kill of the process and a loss
of power. Several raters, panels and kernels may write at once; each waits for the other for a while. Nothing is kept of
a rater but a random number, the place, and the events.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from gsv_lab.errors import DataError, LabError
from gsv_lab.evaluation.listening.events import Course, Event, read_event, refused
from gsv_lab.evaluation.listening.files import RESULT_FORMAT, Test
from gsv_lab.system.files import hidden, save_failed

MAGIC = b"SQLite format 3\0"
APPLICATION = 0x6773766C  # "gsvl"
PATIENCE = 5.0
"""Seconds that a writer waits for another."""
_TABLES = """
CREATE TABLE test (sha256 TEXT NOT NULL);
CREATE TABLE raters (rater TEXT PRIMARY KEY, place INTEGER NOT NULL);
CREATE TABLE events (
    rater TEXT NOT NULL REFERENCES raters, seq INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
    page TEXT, stimulus TEXT, value TEXT, PRIMARY KEY (rater, seq)
) WITHOUT ROWID;
"""
_COLUMNS = "seq, at, kind, page, stimulus, value"
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


class Store:
    """The votes of a test.

    Args:
        path: the file; made if it is not there.
        test: whose votes they are.

    Raises:
        DataError: `LISTEN_STORE`, the file is something else; `LISTEN_OTHER_TEST`.
        LabError: `SAVE_FAILED`, it cannot be written; `IN_USE`, another process holds it. These two from all methods.
    """

    def __init__(self, path: str | Path, test: Test) -> None:
        self.path, self.test = Path(path), test
        self._lock = threading.RLock()
        self._courses: dict[str, Course] = {}
        hidden(self.path)  # refuses what no file can be called
        if self.path.exists():
            check_store(self.path)
        with self._said():
            # Autocommit: transactions are opened below, where writing begins, so that nobody upgrades a lock.
            self.connection = sqlite3.connect(
                self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            self.connection.execute("PRAGMA journal_mode=WAL")
            self.connection.execute("PRAGMA synchronous=FULL")
            self.connection.execute("PRAGMA secure_delete=ON")  # who asks to be forgotten is
        with self._writing():
            self._begin()

    def _begin(self) -> None:
        (application,) = self.connection.execute("PRAGMA application_id").fetchone()
        if application != APPLICATION:
            if self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
                raise _foreign(self.path)
            for statement in filter(str.strip, _TABLES.split(";")):
                self.connection.execute(statement)
            self.connection.execute("INSERT INTO test VALUES (?)", (self.test.sha256,))
            self.connection.execute(f"PRAGMA application_id={APPLICATION}")
        (found,) = self.connection.execute("SELECT sha256 FROM test").fetchone()
        if found != self.test.sha256:
            raise other_test(self.path)

    def begin(self, at: int, place: int | None = None) -> str:
        """A new rater who has agreed; gives the random number by which the rater is known.

        Args:
            at: time of the agreement, milliseconds since 1970.
            place: number from 0; None for the one with the fewest raters.
        """
        with self._writing():
            if place is None:
                taken = dict(self.connection.execute("SELECT place, count(*) FROM raters GROUP BY place"))
                place = min(range(len(self.test.places)), key=lambda number: taken.get(number, 0))
            course = Course(self.test, place)
            event = read_event({"seq": 0, "at": at, "kind": "agree"})
            course.take(event)
            rater = secrets.token_hex(6)
            self.connection.execute("INSERT INTO raters VALUES (?, ?)", (rater, place))
            self._insert(rater, event)
        self._courses[rater] = course
        return rater

    def append(self, rater: str, events: Sequence[Event]) -> int:
        """Keep more events of a rater: all of them, or none.

        Events that are kept already are passed over, so that a message may be sent again.

        Returns:
            how many events of the rater are kept now.

        Raises:
            DataError: `LISTEN_EVENT`; `LISTEN_RATER`, there is no such rater.
        """
        with self._writing():
            course = self._course(rater)
            before = course.count
            for event in events:
                if event.seq < before:
                    self._check_same(rater, event)
                else:
                    course.take(event)
                    self._insert(rater, event)
        return course.count

    def events(self, rater: str) -> list[Event]:
        """All events of a rater."""
        with self._lock, self._said():
            return _events(self.connection, rater)

    def course(self, rater: str) -> Course:
        """How far a rater has come.

        Raises:
            DataError: `LISTEN_RATER`.
        """
        with self._lock, self._said():
            return self._course(rater)

    def raters(self) -> list[str]:
        """All raters, in the order in which they began."""
        with self._lock, self._said():
            return [rater for (rater,) in self.connection.execute("SELECT rater FROM raters ORDER BY rowid")]

    def forget(self, rater: str) -> None:
        """Delete a rater and all events, as the rater may ask for."""
        with self._writing():
            self.connection.execute("DELETE FROM events WHERE rater = ?", (rater,))
            self.connection.execute("DELETE FROM raters WHERE rater = ?", (rater,))
            self._courses.pop(rater, None)

    def export(self) -> dict[str, Any]:
        """All raters with their events, as a page saves them."""
        with self._lock, self._said():
            return _exported(self.connection, self.test.sha256)

    def close(self) -> None:
        """Let go of the file; what is beside it (`-wal`, `-shm`) is then part of it."""
        with self._lock:
            self.connection.close()

    def _course(self, rater: str) -> Course:
        """A rater's course; read anew where another process has kept events meanwhile."""
        found = self.connection.execute("SELECT place FROM raters WHERE rater = ?", (rater,)).fetchone()
        if found is None:
            raise DataError("LISTEN_RATER", f"There is no rater {rater!r:.40}", "one who has begun", "Begin anew")
        (count,) = self.connection.execute("SELECT count(*) FROM events WHERE rater = ?", (rater,)).fetchone()
        course = self._courses.get(rater)
        if course is None or course.count != count:
            course = Course(self.test, found[0])
            for event in _events(self.connection, rater):
                course.take(event)
            self._courses[rater] = course
        return course

    def _insert(self, rater: str, event: Event) -> None:
        row = (rater, event.seq, event.at, event.kind, event.page, event.stimulus, json.dumps(event.value))
        self.connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _check_same(self, rater: str, event: Event) -> None:
        if _events(self.connection, rater, event.seq) != [event]:
            raise refused(f"event {event.seq} of the rater {rater} is another one", "one panel at a time for a rater")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Context: one transaction, on the disk when it is left; an error takes all of it back."""
        with self._lock, self._said():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:  # a full disk may have ended it
                    self.connection.execute("ROLLBACK")
                self._courses.clear()  # they may have taken what is not kept
                raise

    @contextmanager
    def _said(self) -> Iterator[None]:
        with said(self.path):
            yield


def check_store(path: Path) -> None:
    """Refuse a file that is no SQLite file at all; an empty one is a new store.

    Raises:
        DataError: `LISTEN_STORE`.
        LabError: `SAVE_FAILED`.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(len(MAGIC))
    except OSError as error:
        raise save_failed(path, error.strerror or str(error), "Choose another file") from error
    if begin and begin != MAGIC:
        raise _foreign(path)


def read_store(path: Path) -> dict[str, Any]:
    """All raters of a store with their events, as a page saves them; nothing is written.

    Raises:
        DataError: `LISTEN_STORE`.
        LabError: `IN_USE`.
    """
    with said(path), closing(_opened(path)) as connection:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if application != APPLICATION:
            raise _foreign(path)
        (test,) = connection.execute("SELECT sha256 FROM test").fetchone()
        return _exported(connection, test)


def _opened(path: Path) -> sqlite3.Connection:
    """A connection that reads; of a file in a folder that cannot be written, as it lies there."""
    address = path.resolve().as_uri()
    connection = sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=PATIENCE)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        wal = path.with_name(path.name + "-wal")
        unwritable = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if not unwritable or (wal.exists() and wal.stat().st_size):
            raise
        connection = sqlite3.connect(f"{address}?mode=ro&immutable=1", uri=True)
    return connection


@contextmanager
def said(path: Path) -> Iterator[None]:
    """Context: an error of SQLite is one of ours."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            problem = f"The votes {str(path)!r} are being written by another process"
            action = "Wait until that has ended, or close it; nothing is lost"
            raise LabError("IN_USE", problem, "", action) from error
        if code in _FULL:
            raise save_failed(path, str(error), "Free some space or choose another place") from error
        if isinstance(error, sqlite3.DatabaseError) and code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise _foreign(path) from error
        raise _foreign(path, str(error)) from error


def other_test(path: Path) -> DataError:
    """The error for results of another test."""
    problem = f"{path.name!r} holds results of another test"
    return DataError("LISTEN_OTHER_TEST", problem, "results of the test that the key belongs to", "Take the other key")


def _foreign(path: Path, why: str = "") -> DataError:
    problem = f"{path.name!r} holds no votes of a listening test{why and f' ({why})'}"
    return DataError("LISTEN_STORE", problem, "a file that a panel wrote", "Choose another file")


def _events(connection: sqlite3.Connection, rater: str, seq: int | None = None) -> list[Event]:
    where, values = ("", ()) if seq is None else (" AND seq = ?", (seq,))
    rows = connection.execute(f"SELECT {_COLUMNS} FROM events WHERE rater = ?{where} ORDER BY seq", (rater, *values))
    return [Event(seq, at, kind, page, stimulus, json.loads(value)) for seq, at, kind, page, stimulus, value in rows]


def _exported(connection: sqlite3.Connection, test: str) -> dict[str, Any]:
    raters = connection.execute("SELECT rater, place FROM raters ORDER BY rowid").fetchall()
    found = [
        {"rater": rater, "place": place, "events": [event.to_dict() for event in _events(connection, rater)]}
        for rater, place in raters
    ]
    return {"format": RESULT_FORMAT, "test": test, "raters": found}
