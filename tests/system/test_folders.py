"""Folders: private ones for recordings, locks between processes, results that appear whole; also after a kill."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gsv_lab.errors import LabError
from gsv_lab.system import folders
from gsv_lab.system.files import save_bytes, saving
from gsv_lab.system.folders import locked, new_folder, private_folder, resumable_folder

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes of this system do not fork")


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / "cache"


def child(work: Callable[[], object]) -> int:
    """A process that does some work and ends."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def until(there: Callable[[], bool]) -> None:
    for _ in range(500):
        if there():
            return
        time.sleep(0.02)
    raise AssertionError("it never came")


def keep_busy(folder: Path) -> None:
    """Puts a recording into a private folder and stays there until killed."""
    with private_folder() as private:
        (private / "recording").write_text("me")
        (folder / "ready").write_text(str(private))
        time.sleep(60)


def test_a_private_folder_is_closed_to_others_and_vanishes(cache_folder: Path) -> None:
    with private_folder() as private:
        (private / "recording").write_text("me")
        assert private.parent == cache_folder / "private"
        assert [stat.S_IMODE(place.stat().st_mode) for place in (private.parent, private)] == [0o700, 0o700]
    assert not list((cache_folder / "private").iterdir())
    with pytest.raises(KeyboardInterrupt), private_folder() as private:
        (private / "recording").write_text("me")
        raise KeyboardInterrupt
    assert not list((cache_folder / "private").iterdir())


def test_what_a_killed_process_left_is_removed_and_nothing_else(cache_folder: Path, tmp_path: Path) -> None:
    killed = child(lambda: keep_busy(tmp_path))
    until((tmp_path / "ready").is_file)
    left = Path((tmp_path / "ready").read_text())
    with private_folder():
        assert (left / "recording").is_file()  # its process still works there
    os.kill(killed, signal.SIGKILL)
    os.waitpid(killed, 0)
    assert (left / "recording").is_file()
    with private_folder():
        assert not left.exists()


def test_stopped_work_is_found_again_for_a_week(cache_folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt), resumable_folder("mine") as left:
        (left / "words").write_text("half")
        raise KeyboardInterrupt
    assert stat.S_IMODE(left.parent.stat().st_mode) == 0o700
    for days in (6, 8):
        old = time.time() - days * 24 * 3600
        os.utime(left, (old, old))
        with resumable_folder("yours") as other:
            assert other != left and left.exists() == (days == 6)
    with pytest.raises(KeyboardInterrupt), resumable_folder("mine") as left:
        (left / "words").write_text("half")
        raise KeyboardInterrupt
    with resumable_folder("mine") as again:
        assert again == left and (again / "words").read_text() == "half"
    assert not list((cache_folder / "private").iterdir())


@pytest.mark.parametrize("how", ["a file", "in a file", "a link"])
def test_a_cache_that_cannot_be_used(how: str, cache_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs" / "work-1").mkdir(parents=True)
    if how == "a link":
        cache_folder.mkdir()
        (cache_folder / "private").symlink_to(tmp_path / "theirs")
    else:
        cache_folder.write_text("in the way")
    with private_folder() as private:
        assert private.parent == tmp_path / f"gsv_lab-{os.getuid()}"
        assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    assert (tmp_path / "theirs" / "work-1").is_dir()


def test_nowhere_to_write_is_one_error(cache_folder: Path, tmp_path: Path) -> None:
    cache_folder.write_text("in the way")
    (tmp_path / f"gsv_lab-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(LabError, match="GSV_LAB_CACHE") as caught, private_folder():
        pass
    assert caught.value.code == "SAVE_FAILED"


def test_the_second_process_hears_who_works_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "PATIENCE", 0.01)
    folder = tmp_path / "new" / "run"

    def work() -> None:
        with locked(folder, "trained in"):
            (tmp_path / "ready").touch()
            until((tmp_path / "go").is_file)

    first = child(work)
    until((tmp_path / "ready").is_file)
    with pytest.raises(LabError, match=f"'{folder}' is trained in by process {first}") as caught:
        with locked(folder, "trained in"):
            pass
    assert caught.value.code == "IN_USE"
    threading.Timer(0.5, (tmp_path / "go").touch).start()
    with pytest.warns(UserWarning, match=f"process {first}; waiting"), locked(folder, "trained in", wait=True):
        pass
    os.waitpid(first, 0)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG])
def test_errors_of_writing_and_others(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LabError, match="nothing was changed") as caught, saving(tmp_path, only_full=True):
        raise OSError(number, os.strerror(number))
    assert caught.value.code == "SAVE_FAILED"
    with pytest.raises(FileNotFoundError), saving(tmp_path, only_full=True):
        (tmp_path / "none").read_bytes()
    save_bytes(tmp_path / "a", b"old")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(LabError):
        save_bytes(tmp_path / "a", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old"}


def fill(target: Path, within: Path | None = None) -> None:
    with new_folder(target, "done", within) as folder:
        (folder / "done").write_text("1")


def test_a_killed_process_leaves_nothing_beside_the_result(tmp_path: Path) -> None:
    target = tmp_path / "o[u]t"

    def work() -> None:
        with new_folder(target, "done") as folder:
            (folder / "slice").write_text("me")
            os.kill(os.getpid(), signal.SIGKILL)

    os.waitpid(child(work), 0)
    assert len(list(tmp_path.iterdir())) == 1
    fill(target)
    assert [path.name for path in tmp_path.rglob("*")] == ["o[u]t", "done"]
    os.replace(target, tmp_path / ".o[u]t.12345678.old")  # killed between two names
    with pytest.raises(RuntimeError), new_folder(target, "done"):
        raise RuntimeError
    assert (target / "done").read_text() == "1" and [path.name for path in tmp_path.iterdir()] == ["o[u]t"]


def test_from_a_private_folder_on_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other_disk(*_: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    (tmp_path / "private").mkdir()
    monkeypatch.setattr(os, "rename", other_disk)
    fill(tmp_path / "out", tmp_path / "private")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["out", "out/done", "private"]

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(LabError, match="No space left"):
        fill(tmp_path / "out", tmp_path / "private")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["out", "out/done", "private"]


def test_two_processes_make_one_folder(tmp_path: Path) -> None:
    def work() -> None:
        for _ in range(30):
            fill(tmp_path / "out")

    other = child(work)
    work()
    assert os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]) == 0
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "done"]


@pytest.mark.parametrize("name", ["\u8bed" * 80, "a" * 255, "a\0b", "a" * 300])
def test_long_names_and_names_that_cannot_be(name: str, tmp_path: Path) -> None:
    for write in (lambda: save_bytes(tmp_path / name, b"1"), lambda: fill(tmp_path / "x" / name)):
        if len(name.encode()) < 256 and "\0" not in name:
            write()
            continue
        with pytest.raises(LabError) as caught:
            write()
        assert caught.value.code == "SAVE_FAILED"
    assert all(path.name in (name, "done", "x") for path in tmp_path.rglob("*"))
