"""A student's copy of the course and the progress in it: nothing is lost, and what is shown is what was done."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gsv_lab.cli import main
from gsv_lab.errors import ConfigError, DataError, LabError
from gsv_lab.system.shipped import shipped_folder
from gsv_lab.teaching.course import copying
from gsv_lab.teaching.course.chapters import chapters
from gsv_lab.teaching.course.copying import INDEX, copy_course, course_files
from gsv_lab.teaching.course.progress import COURSE, PROGRESS, overview, remember

NAMES = tuple(course_files())


def test_a_copy_holds_every_notebook_and_a_first_page(tmp_path: Path) -> None:
    done = copy_course(tmp_path / "new" / "course")
    assert done.added == NAMES and done.folder == tmp_path / "new" / "course"
    assert sorted(NAMES) == sorted([INDEX, *(path.name for path in shipped_folder("notebooks").glob("*.ipynb"))])
    for name, data in course_files().items():
        assert (done.folder / name).read_bytes() == data
    index = json.loads((done.folder / INDEX).read_text(encoding="utf-8"))
    table = "".join(index["cells"][0]["source"])
    assert all(f"({chapter.stem}.ipynb) | {chapter.minutes} |" in table for chapter in chapters())
    assert {path.name for path in done.folder.iterdir()} == {*NAMES, COURSE}
    again = copy_course(done.folder)
    assert again.same == NAMES and not again.added + again.updated + again.kept


def test_what_was_changed_is_kept_and_what_was_not_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_course(tmp_path)
    _, mine, gone, old, later = NAMES[:5]
    (tmp_path / mine).write_text("my answers", encoding="utf-8")
    (tmp_path / gone).unlink()
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / later).write_text("my answers, too", encoding="utf-8")
    shipped = {**course_files(), old: b"a new edition", later: b"a new edition"}
    monkeypatch.setattr(copying, "course_files", lambda: shipped)
    done = copy_course(tmp_path)
    assert (done.added, done.updated, done.kept, done.newer) == ((gone,), (old,), (mine, later), (later,))
    assert (tmp_path / mine).read_text(encoding="utf-8") == "my answers"
    assert (tmp_path / later).read_text(encoding="utf-8") == "my answers, too"
    assert (tmp_path / old).read_bytes() == b"a new edition"
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"
    (tmp_path / later).rename(tmp_path / "mine.ipynb")  # as the command says
    assert copy_course(tmp_path).added == (later,) and (tmp_path / later).read_bytes() == b"a new edition"


def test_a_notebook_that_was_only_run_is_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterLab saves by itself, and writes its version and what cells showed into every notebook that it opens."""
    copy_course(tmp_path)
    for name in NAMES[1:3]:
        notebook = json.loads((tmp_path / name).read_text(encoding="utf-8"))
        notebook["metadata"]["language_info"]["version"] = "3.11.2"
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["execution_count"] = 1
                cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["x"]}]
        if name == NAMES[2]:
            notebook["cells"][1]["source"].append("\n# my note")
        (tmp_path / name).write_text(json.dumps(notebook), encoding="utf-8")
    run = (tmp_path / NAMES[1]).read_bytes()
    done = copy_course(tmp_path)
    assert done.kept == (NAMES[2],) and NAMES[1] in done.same and (tmp_path / NAMES[1]).read_bytes() == run
    monkeypatch.setattr(copying, "course_files", lambda: dict.fromkeys(NAMES[1:3], b"a new edition"))
    done = copy_course(tmp_path)
    assert (done.updated, done.kept, done.newer) == (NAMES[1:2], NAMES[2:3], NAMES[2:3])


def test_a_file_that_nobody_copied_is_somebodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / NAMES[1]).write_text("of an earlier course", encoding="utf-8")
    (tmp_path / NAMES[2]).mkdir()
    (tmp_path / NAMES[3]).write_bytes(course_files()[NAMES[3]])
    os.symlink("nowhere", tmp_path / NAMES[4])
    done = copy_course(tmp_path)
    assert done.kept == done.newer == (NAMES[1], NAMES[2], NAMES[4]) and done.same == (NAMES[3],)
    # What lay there as it is shipped is known now, and follows the next edition.
    monkeypatch.setattr(copying, "course_files", lambda: {NAMES[3]: b"a new edition"})
    assert copy_course(tmp_path).updated == (NAMES[3],)


def test_a_file_that_cannot_be_read_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_course(tmp_path)
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path == tmp_path / NAMES[1]:
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert copy_course(tmp_path).kept == (NAMES[1],)


def test_a_copy_that_stops_half_way_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_course(tmp_path)
    monkeypatch.setattr(copying, "course_files", lambda: dict.fromkeys(NAMES, b"a new edition"))
    save, saved = copying.save_bytes, []

    def stop(path: Path, data: bytes) -> None:
        if len(saved) == 3:
            raise KeyboardInterrupt
        saved.append(save(path, data))

    monkeypatch.setattr(copying, "save_bytes", stop)
    with pytest.raises(KeyboardInterrupt):
        copy_course(tmp_path)
    monkeypatch.setattr(copying, "save_bytes", save)
    done = copy_course(tmp_path)
    assert done.same == NAMES[:3] and done.updated == NAMES[3:]


def test_folders_that_can_be_no_copy_are_refused(tmp_path: Path) -> None:
    for bad in (shipped_folder("notebooks"), shipped_folder("notebooks") / "src"):
        with pytest.raises(ConfigError, match="is where the notebooks are shipped"):
            copy_course(bad)
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match="is no folder"):
        copy_course(tmp_path / "file")
    (tmp_path / COURSE).write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match="it holds no object 'files'.*Mend or delete it"):
        copy_course(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"file", COURSE}


def test_an_attempt_is_noted_in_a_copy_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    remember("timbre.pool", True, tmp_path)
    assert not [*tmp_path.iterdir()]
    copy_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    remember("timbre.pool", False)
    remember("hear.parts", False)
    remember("timbre.pool", True)
    remember("timbre.pool", False)  # what was passed once stays done
    found = json.loads((tmp_path / PROGRESS).read_text(encoding="utf-8"))["exercises"]
    assert found == {
        "timbre.pool": {"attempts": 3, "passed": "1970-01-01T00:00:00+00:00"},
        "hear.parts": {"attempts": 1, "passed": ""},
    }


def test_a_folder_without_progress_stays_without_until_it_is_asked_for(tmp_path: Path) -> None:
    copy_course(tmp_path, progress=False)
    copy_course(tmp_path)
    remember("timbre.pool", True, tmp_path)
    assert not (tmp_path / PROGRESS).exists()
    assert "This folder keeps no progress." in repr(overview(tmp_path))
    copy_course(tmp_path, progress=True)
    remember("timbre.pool", True, tmp_path)
    assert (tmp_path / PROGRESS).exists()


def test_a_record_that_cannot_be_read_stops_no_check_and_is_left_alone(tmp_path: Path) -> None:
    copy_course(tmp_path)
    faults = {
        "{broken": "it is no JSON",
        "[" * 100_000: "it is no JSON",
        "[]": "no object 'exercises'",
        '{"exercises": {"timbre.pool": 3}}': "no object 'exercises' of the right entries",
    }
    for text, says in faults.items():
        (tmp_path / PROGRESS).write_text(text, encoding="utf-8")
        remember("timbre.pool", True, tmp_path)
        assert (tmp_path / PROGRESS).read_text(encoding="utf-8") == text
        with pytest.raises(DataError, match=says):
            overview(tmp_path)
    (tmp_path / PROGRESS).write_text('{"exercises": {"timbre.pool": {"attempts": "many"}}}', encoding="utf-8")
    remember("timbre.pool", False, tmp_path)
    assert json.loads((tmp_path / PROGRESS).read_text(encoding="utf-8"))["exercises"]["timbre.pool"]["attempts"] == 1


def test_the_overview_shows_what_was_done(tmp_path: Path) -> None:
    copy_course(tmp_path)
    first = chapters()[0]
    remember(first.exercises[0].check, True, tmp_path)
    remember(first.exercises[2].check, False, tmp_path)
    found = overview(tmp_path)
    assert found.rows[0][1][:4] == ("done", "open", "tried", "open")
    total = sum(len(chapter.exercises) for chapter in chapters())
    assert f"1 of {total} exercises are done, 1 were tried." in repr(found)
    page = found._repr_html_()
    assert page.count(">1✓<") == 1 and page.count(">3…<") == 1 and 'href="00_hear_it.ipynb"' in page


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    home = tmp_path / "gsv_lab_course"
    assert main(["course", "progress"]) == 2
    assert "[COURSE_MISSING]" in capsys.readouterr().err
    assert main(["course", "copy"]) == 0
    assert str(home) in capsys.readouterr().out and (home / INDEX).is_file()
    (home / NAMES[1]).write_text("mine", encoding="utf-8")
    assert main(["course", "copy", str(home), "--no-progress"]) == 0
    said = capsys.readouterr()
    assert f"your own versions were kept: {NAMES[1]}" in said.err and "other versions" not in said.err
    assert main(["course", "progress"]) == 0
    assert "This folder keeps no progress." in capsys.readouterr().out
    assert main(["course", "copy", str(shipped_folder("notebooks"))]) == 2
    assert "[COURSE_FOLDER]" in capsys.readouterr().err
