"""Events in the store: none is lost by a kill, none comes twice, and what cannot be kept is said."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gsv_lab.errors import DataError, LabError
from gsv_lab.evaluation.listening import read_results
from gsv_lab.evaluation.listening import store as store_module
from gsv_lab.evaluation.listening.desk import Desk
from gsv_lab.evaluation.listening.events import Event, read_event
from gsv_lab.evaluation.listening.files import read_test
from gsv_lab.evaluation.listening.simulated import panel_events as events
from gsv_lab.evaluation.listening.store import Store, read_store
from source import ROOT

from .robot import any_answer

Made = Callable[..., Path]


@pytest.fixture
def store(made: Made, tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "votes.sqlite", read_test(made("acr")))
    yield opened
    opened.close()


def said(store: Store, place: int, pages: int | None = None, seed: int = 0) -> list[Event]:
    """All but the agreement."""
    return [read_event(event) for event in events(store.test, place, any_answer(store.test, seed), pages)[1:]]


def test_events_are_on_the_disk_when_they_are_taken(store: Store) -> None:
    rater = store.begin(7)
    for number, event in enumerate(said(store, 0, 2), start=2):
        assert store.append(rater, [event]) == number
        other = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True)
        assert other.execute("SELECT max(seq) FROM events").fetchone() == (number - 1,)
        other.close()
    assert store.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store.events(rater)[0] == Event(0, 7, "agree")


def test_a_message_may_come_again_but_not_otherwise(store: Store) -> None:
    rater = store.begin(1)
    first = said(store, 0, 1)
    store.append(rater, first[:3])
    assert store.append(rater, first[1:]) == len(first) + 1
    for bad, words in (
        ([Event(2, 5, "stop")], "Event 2 of the rater .* is another one"),
        ([Event(len(first) + 3, 5, "stop")], f"Event {len(first) + 3} came"),
        ([Event(len(first) + 1, 5, "stop"), Event(len(first) + 2, 5, "stop"), Event(1, 5, "agree")], "another one"),
    ):
        with pytest.raises(DataError, match=words):
            store.append(rater, bad)
        assert len(store.events(rater)) == len(first) + 1, "all of them, or none"
    with pytest.raises(DataError, match="no rater 'nobody'"):
        store.append("nobody", first)


def test_a_rater_goes_on_where_it_was_stopped(store: Store) -> None:
    rater = store.begin(1, 2)
    whole = said(store, 2)
    at = next(n for n, event in enumerate(whole) if n > 10 and event.kind == "answer") + 1
    store.append(rater, whole[:at])
    stopped = [Event(at + 1, 9, "stop"), Event(at + 2, 10, "resume")]
    store.append(rater, stopped[:1])
    store.close()
    again = Store(store.path, store.test)
    course = again.course(rater)
    assert course.count == at + 2 and not course.finished and course.place == 2
    with pytest.raises(DataError, match="had stopped"):
        again.append(rater, [Event(at + 2, 9, "next", page=course.page.id)])
    again.append(rater, stopped[1:])
    rest = [Event(event.seq + 2, event.at, event.kind, event.page, event.stimulus, event.value) for event in whole[at:]]
    again.append(rater, rest)
    assert again.course(rater).finished and len(again.course(rater).done) == len(store.test.places[2])
    with pytest.raises(DataError, match="no page more"):
        again.append(rater, [Event(len(whole) + 3, 9, "next", page=whole[-1].page)])
    again.close()


def test_places_are_filled_evenly_and_raters_are_random_numbers(store: Store) -> None:
    raters = [store.begin(1) for _ in range(13)]
    places = Counter(store.course(rater).place for rater in raters)
    assert len(set(raters)) == 13 and all(len(rater) == 12 and int(rater, 16) >= 0 for rater in raters)
    assert sorted(places.values()) == [2, 2, 2, 2, 2, 3] and store.raters() == raters
    with pytest.raises(DataError, match="no place 7"):
        store.begin(1, 6)
    assert len(store.raters()) == 13


def test_a_rater_is_forgotten(store: Store) -> None:
    kept, gone = store.begin(1), store.begin(1)
    store.append(gone, said(store, 1, 1))
    store.forget(gone)
    assert store.raters() == [kept] and store.events(gone) == []
    with pytest.raises(DataError, match="no rater"):
        store.append(gone, said(store, 1, 1))


def test_several_panels_write_at_once(store: Store, made: Made) -> None:
    stores = [store, *(Store(store.path, store.test) for _ in range(3))]
    raters = [store.begin(1, number) for number in range(4)]

    def work(own: Store, rater: str, place: int) -> None:
        for event in said(own, place, 3, place):
            own.append(rater, [event])

    threads = [threading.Thread(target=work, args=(own, rater, n))
               for n, (own, rater) in enumerate(zip(stores, raters, strict=True))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place, rater in enumerate(raters):
        assert store.events(rater)[1:] == said(store, place, 3, place)
    for other in stores[1:]:
        other.close()
    assert len(read_results([store.path], made("acr") / "key.json")) == 12


def test_a_locked_store_is_said_and_nothing_is_lost(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    rater = store.begin(1)
    store.connection.execute("PRAGMA busy_timeout=50")
    holder = sqlite3.connect(store.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(LabError, match="being written by another process") as caught:
        store.append(rater, said(store, 0, 1))
    assert caught.value.code == "IN_USE" and len(store.events(rater)) == 1
    monkeypatch.setattr(store_module, "PATIENCE", 0.05)
    with pytest.raises(LabError, match="being written"):
        Store(store.path, store.test)
    holder.execute("ROLLBACK")
    holder.close()
    assert store.append(rater, said(store, 0, 1)) > 1


@contextmanager
def without_rights() -> Iterator[tuple[Path, Callable[[], None]]]:
    """A folder, and what takes the right to write in it away from this process, even from root."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    root = os.geteuid() == 0

    def drop() -> None:
        if root:
            os.seteuid(65534)
        else:
            for path in place.iterdir():
                path.chmod(0o444)
            place.chmod(0o555)

    try:
        yield place, drop
    finally:
        if root:
            os.seteuid(0)
        place.chmod(0o755)
        shutil.rmtree(place)


def test_a_store_that_cannot_be_written_is_said_and_still_read(store: Store) -> None:
    rater = store.begin(1)
    store.append(rater, said(store, 0, 1))
    whole = store.export()
    assert read_store(store.path) == whole, "while it is open"
    store.close()
    with without_rights() as (place, drop):
        path = Path(shutil.copy(store.path, place))
        path.chmod(0o644)
        drop()
        with pytest.raises(LabError) as caught:
            Store(path, store.test)
        assert caught.value.code == "SAVE_FAILED" and "Could not write" in str(caught.value)
        assert read_store(path) == whole
        assert [found.name for found in place.iterdir()] == ["votes.sqlite"]
        with pytest.raises(LabError, match="Could not write"):
            Store(place / "new.sqlite", store.test)


def test_a_full_disk_is_said_and_what_was_kept_stays(store: Store) -> None:
    """The process may make no file larger than the store is now: the system refuses the write like a full disk."""
    rater = store.begin(1)
    store.append(rater, said(store, 0, 1))
    before = store.events(rater)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (store.path.with_name("votes.sqlite-wal").stat().st_size, hard))
    try:
        with pytest.raises(LabError, match="Could not write") as caught:
            for event in said(store, 0)[len(before) - 1 :]:
                store.append(rater, [event])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.code == "SAVE_FAILED"
    kept = store.events(rater)
    assert kept == [Event(0, 1, "agree"), *said(store, 0)[: len(kept) - 1]]
    assert store.append(rater, said(store, 0)) == 1 + len(said(store, 0))


def test_files_that_are_no_store(store: Store, made: Made, tmp_path: Path) -> None:
    other = read_test(made("acr", seed=4))
    store.begin(1)
    with pytest.raises(DataError, match="another test") as caught:
        Store(store.path, other)
    assert caught.value.code == "LISTEN_OTHER_TEST"
    with pytest.raises(DataError) as caught:
        read_results([store.path], made("acr", seed=4) / "key.json")
    assert caught.value.code == "LISTEN_OTHER_TEST"
    (tmp_path / "text").write_text("hello, this is no database", encoding="utf-8")
    foreign = sqlite3.connect(tmp_path / "foreign")
    foreign.execute("CREATE TABLE raters (name TEXT)")
    foreign.commit()
    foreign.close()
    (tmp_path / "damaged").write_bytes(store_module.MAGIC + b"\xff" * 4000)
    for name in ("text", "foreign", "damaged"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(DataError, match=f"'{name}' holds no votes"):
            Store(tmp_path / name, store.test)
        assert (tmp_path / name).read_bytes()[:100] == before[:100] or name == "foreign"
        if name != "text":
            with pytest.raises(DataError, match=f"'{name}' holds no votes"):
                read_store(tmp_path / name)
    with pytest.raises(LabError, match="Could not write"):
        Store(tmp_path / "no" / "folder", store.test)


def test_no_event_is_lost_over_twenty_kills(made: Made, tmp_path: Path) -> None:
    """What the desk had answered before SIGKILL is in the store after it, in order; the rater goes on there."""
    folder, path = made("mushra"), tmp_path / "votes.sqlite"
    test = read_test(folder)
    rng = random.Random(1)
    whole = events(test, 0, any_answer(test, 1))
    while len(whole) < 400:  # somebody who plays a lot
        last = whole.pop()
        played = next(event for event in reversed(whole) if event["kind"] == "play")
        whole += [played | {"seq": last["seq"]}, last | {"seq": last["seq"] + 1}]
    rater, kept, counts = "", 0, []
    while len(counts) < 20:
        desk = Desk(folder, path)
        if rater:
            found = [event.to_dict() for event in desk.store.events(rater)]
            assert found == [*map(filled, whole[: len(found)])] and len(found) >= kept, "an event was lost"
            kept = len(found)
        else:
            rater = desk.answer({"kind": "begin", "at": whole[0]["at"], "place": 0})[0]["rater"]
            kept = 1
        desk.store.close()
        kept = killed_at(folder, path, rater, whole, kept, rng)
        counts.append(kept)
    assert len(set(counts)) > 10 and counts[-1] > 50, "the kills came while events came"
    desk = Desk(folder, path)
    desk.answer({"kind": "keep", "rater": rater, "events": whole[len(desk.store.events(rater)) :]})
    assert [event.to_dict() for event in desk.store.events(rater)] == [*map(filled, whole)]
    assert desk.store.course(rater).finished and desk.store.raters() == [rater]
    desk.store.close()
    assert len(read_results([path], folder / "key.json")) == 15


def filled(event: dict[str, Any]) -> dict[str, Any]:
    return {"page": None, "stimulus": None, "value": None} | event


def killed_at(folder: Path, path: Path, rater: str, whole: list[dict[str, Any]], kept: int, rng: random.Random) -> int:
    """A process that is given events and killed while it keeps some; how many it said were kept."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("keeper.py")), str(folder), str(path)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    took = 0.0
    # Answers are counted and their time is measured: a fast disk keeps all events while a slow one keeps a few.
    for left in reversed(range(rng.randint(2, 8))):
        batch = whole[kept : kept + rng.choice((1, 1, 1, 5))]
        begun = time.perf_counter()
        process.stdin.write(json.dumps({"kind": "keep", "rater": rater, "events": batch}).encode() + b"\n")
        process.stdin.flush()
        if not left:
            time.sleep(rng.uniform(0, 1.5) * took)
            process.kill()
        answer = process.stdout.readline()
        if answer.endswith(b"\n"):
            kept = json.loads(answer)["kept"]
        took = time.perf_counter() - begun
    assert process.wait() == -signal.SIGKILL
    process.stdin.close()
    process.stdout.close()
    return kept
