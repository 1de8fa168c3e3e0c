"""Assignments for nbgrader: how exercises are split, what is exported, and the whole way there and back."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from gsv_lab.cli import main
from gsv_lab.errors import DataError, LabError
from gsv_lab.teaching.course.chapters import chapters
from gsv_lab.teaching.course.grading import CONFIG, assignment, export, split
from gsv_lab.teaching.exercises.notebook import solved
from tiny import make_planning_family

CHAPTERS = chapters()
CELL = """def half(x):
    # BEGIN SOLUTION: return None
    return x / 2
    # END SOLUTION


# BEGIN SOLUTION: steps = 0
steps = 1
# END SOLUTION
with near(steps) as found:
    pass
card = check.half(half, found)
card"""


def test_an_exercise_becomes_an_answer_and_its_check() -> None:
    answer, check = split(CELL)
    assert check == "with near(steps) as found:\n    pass\ncard = check.half(half, found)\ncard"
    assert answer.splitlines() == [
        "def half(x):",
        "    ### BEGIN SOLUTION",
        "    return x / 2",
        "    ### END SOLUTION",
        "    return None  # <- your answer",
        "",
        "",
        "steps = 0  # <- your answer",
        "### BEGIN SOLUTION",
        "steps = 1",
        "### END SOLUTION",
    ]


def test_lines_of_a_function_below_its_solution_stay_with_it() -> None:
    answer, check = split(
        "def f(x):\n    # BEGIN SOLUTION: y = 0\n    y = x\n    # END SOLUTION\n    return y\n\n\n@mark\ndef g(): ...\n"
    )
    assert answer.endswith("    return y") and check == "@mark\ndef g(): ..."


@pytest.mark.parametrize("bad", ["check.half(half)", "# BEGIN SOLUTION\nx = 1\n# END SOLUTION"])
def test_an_exercise_without_answer_or_check_is_refused(bad: str) -> None:
    with pytest.raises(DataError, match="an exercise has no"):
        split(bad, "05_timbre")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_every_notebook_becomes_a_valid_assignment(chapter: Any) -> None:
    made = nbformat.reads(assignment(chapter).decode(), as_version=4)
    nbformat.validate(made)
    assert made.cells[0].source.startswith("# ") and made.cells[0].cell_type == "markdown"
    graded = [cell for cell in made.cells if "nbgrader" in cell.metadata]
    ids = [cell.metadata.nbgrader.grade_id for cell in graded]
    assert ids[0] == "grading" and len(set(ids)) == len(ids)
    assert ids[2::2] == [exercise.name for exercise in chapter.exercises]
    for answer, check in zip(graded[1::2], graded[2::2], strict=True):
        assert answer.metadata.nbgrader.solution and not answer.metadata.nbgrader.locked
        assert check.metadata.nbgrader.locked and check.metadata.nbgrader.points in (0, 1)
        assert re.search(r"check\w*\.", check.source) and "SOLUTION" not in check.source
    code = [solved(cell.source) for cell in chapter.cells if cell.kind == "code"]
    exported = [cell.source for cell in made.cells if cell.cell_type == "code"][1:]
    kept = {ast.dump(node) for source in exported for node in ast.parse(source).body}
    # Nothing of the solved notebook is lost; what stands in the place of an answer is all that was added.
    whole = {
        ast.dump(node) for source in code for node in ast.parse(source).body if not isinstance(node, ast.FunctionDef)
    }
    assert whole <= kept


def test_export_again_brings_up_to_date_and_refuses_what_was_changed(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "course"
    (one,) = export(folder, ["01"])
    assert one.name == "01_frames" and one.file.is_file() and one.points >= 3
    (folder / "gradebook.db").write_text("nbgrader's own", encoding="utf-8")
    before = one.file.read_bytes()
    assert len(export(folder, ["01", "02_phones"])) == 2 and one.file.read_bytes() == before
    one.file.write_bytes(before + b" ")
    (folder / "source" / "02_phones" / "02_phones.ipynb").unlink()
    with pytest.raises(LabError, match="was changed since it was exported") as caught:
        export(folder)
    assert caught.value.code == "OUTPUT_EXISTS"
    assert one.file.read_bytes() == before + b" " and not list(folder.glob("source/0[2-8]*/*.ipynb"))
    assert (folder / "gradebook.db").read_text(encoding="utf-8") == "nbgrader's own"


def test_export_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["course", "export", "--nbgrader", str(tmp_path / "c"), "--notebooks", "00"]) == 0
    reached = sum(not exercise.stretch for exercise in CHAPTERS[0].exercises)
    assert f"assignments: 1, points: {reached}, folder: {tmp_path / 'c'}" in capsys.readouterr().out
    assert main(["course", "export", "--nbgrader", str(tmp_path / "c"), "--notebooks", "77"]) == 2
    assert "There is no notebook '77'. Expected one of 00, 01" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["course", "export", "--nbgrader", str(tmp_path / "file" / "c")]) == 2
    assert "[SAVE_FAILED]" in capsys.readouterr().err


def submit(course: Path, name: str, student: str, answers: dict[str, str]) -> None:
    """Hand in the released notebook with some answers, by id of their cells."""
    notebook = nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""), cell.source)
    folder = course / "submitted" / student / name
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")


@pytest.mark.slow
@pytest.mark.parametrize(
    "chapter", [chapter for chapter in CHAPTERS if chapter.number in ("01", "03")], ids=lambda c: c.stem
)
def test_the_way_there_and_back(
    chapter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline_kernels: Path
) -> None:
    """nbgrader itself makes the students' form, and gives full points, none, or exactly one less."""
    pytest.importorskip("nbgrader", reason="nbgrader is in the extra [course]")
    monkeypatch.setenv("GSV_LAB_MODEL", str(make_planning_family(tmp_path / "family")))
    monkeypatch.delenv("GSV_LAB_SPEECH", raising=False)
    course = tmp_path / "course"
    (made,) = export(course, [chapter.stem])

    def nbgrader(*arguments: str) -> str:
        command = [sys.executable, "-m", "nbgrader", *arguments]
        done = subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=600)
        assert not done.returncode, done.stderr[-3000:]
        return done.stderr

    nbgrader("generate_assignment", made.name)
    released = (course / "release" / made.name / f"{made.name}.ipynb").read_text(encoding="utf-8")
    assert "SOLUTION" not in released and "HIDDEN" not in released and "GSV_LAB_GRADING" not in released
    answers = {f"{e.name}-answer": split(chapter.cells[e.cell].source)[0] for e in chapter.exercises}
    wrong = chapter.exercises[1]
    submit(course, made.name, "solved", answers)
    submit(course, made.name, "untouched", {})
    submit(
        course,
        made.name,
        "mistaken",
        {**answers, f"{wrong.name}-answer": wrong_answer(answers[f"{wrong.name}-answer"])},
    )
    nbgrader("autograde", made.name)
    scores = read_scores(course, made.name)
    assert scores["solved"] == {e.name: float(not e.stretch) for e in chapter.exercises} | {"grading": 0.0}
    assert not any(scores["untouched"].values())
    nbgrader("export")
    assert (course / "grades.csv").read_text(encoding="utf-8").count(made.name) == 3
    assert scores["mistaken"] == {**scores["solved"], wrong.name: 0.0}


def wrong_answer(answer: str) -> str:
    """The answer with each of its functions giving 5, and each of its names being 5."""
    tree = ast.parse(answer)
    lines = [f"def {node.name}(*given):\n    return 5\n" for node in tree.body if isinstance(node, ast.FunctionDef)]
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    names = {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return "\n".join([*lines, *(f"{name} = 5" for name in sorted(names))])


def read_scores(course: Path, name: str) -> dict[str, dict[str, float]]:
    """Student -> id of a check -> points, from nbgrader's own gradebook."""
    code = (
        "import json, sys\nfrom nbgrader.api import Gradebook\n"
        "with Gradebook('sqlite:///gradebook.db') as book:\n"
        "    print(json.dumps({s.student.id: {g.name: g.auto_score for n in s.notebooks for g in n.grades}"
        " for s in book.assignment_submissions(sys.argv[1])}))"
    )
    done = subprocess.run([sys.executable, "-c", code, name], cwd=course, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_settings_name_nbgraders_own_options(tmp_path: Path) -> None:
    pytest.importorskip("nbgrader", reason="nbgrader is in the extra [course]")
    from nbgrader.preprocessors import ClearSolutions, Execute
    from traitlets.config import PyFileConfigLoader

    export(tmp_path, ["00"])
    settings = PyFileConfigLoader(CONFIG, str(tmp_path)).load_config()
    assert ClearSolutions(config=settings).code_stub == {"python": ""}
    assert Execute(config=settings).timeout == 180
