"""The builder, and that what is committed is what it builds."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

from gsv_lab.errors import DataError
from gsv_lab.teaching.exercises import notebook
from gsv_lab.teaching.exercises.notebook import Cell, build, build_all, main, read_source, solved, starter, to_bytes

from .kernels import NOTEBOOKS, SOURCES

SMALL = """# %% [markdown]
# # Title
#
# Text with `code`.

# %% tags=["exercise"]
def half(x):
    # BEGIN SOLUTION: return None
    y = x
    return y / 2
    # END SOLUTION


half(3)

# %%
# BEGIN SOLUTION
z = 1
# END SOLUTION
"""


def test_percent_format_is_read_as_jupytext_reads_it() -> None:
    jupytext = pytest.importorskip("jupytext", reason="jupytext is in the extra [dev]")
    for text in (SMALL, *(path.read_text(encoding="utf-8") for path in SOURCES)):
        mine = [(cell.kind, cell.source, list(cell.tags)) for cell in read_source(text)]
        theirs = jupytext.reads(text, fmt="py:percent").cells
        assert mine == [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in theirs]


def test_solutions_leave_a_line_to_fill_in() -> None:
    cells = read_source(SMALL)
    assert starter(cells[1].source) == f"def half(x):\n    return None{notebook.YOUR_TURN}\n\n\nhalf(3)"
    assert solved(cells[1].source) == "def half(x):\n    y = x\n    return y / 2\n\n\nhalf(3)"
    assert starter(cells[2].source) == f"...{notebook.YOUR_TURN}"


def test_ids_are_those_of_the_text_and_equal_in_both_forms() -> None:
    cells = [*read_source(SMALL), Cell("code", "same"), Cell("code", "same")]
    one, two, full = build(cells), build(cells), build(cells, with_solutions=True)
    ids = [cell["id"] for cell in one["cells"]]
    assert to_bytes(one) == to_bytes(two) != to_bytes(full)
    assert ids == [cell["id"] for cell in full["cells"]] and len(set(ids)) == len(ids)
    assert [cell["id"] for cell in build(cells[1:])["cells"]] == ids[1:]
    nbformat.validate(nbformat.from_dict(one))


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n# %%\n",
        "# %% [markdown]\nnot a comment\n",
        "# %% something else\n",
        "# %%\n# BEGIN SOLUTION\nx = 1\n",
        "# %%\n# END SOLUTION\n",
        "# %%\n# BEGIN SOLUTION\n# BEGIN SOLUTION\n# END SOLUTION\n",
    ],
)
def test_bad_sources_are_refused_with_their_line(text: str) -> None:
    with pytest.raises(DataError, match=r"the source, line \d") as caught:
        build(read_source(text))
    assert caught.value.code == "NOTEBOOK_SOURCE"


def test_committed_notebooks_are_what_the_builder_makes(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for path in SOURCES:
        (tmp_path / "src" / path.name).write_bytes(path.read_bytes())
    built = {path.name: path.read_bytes() for path in build_all(tmp_path)}
    committed = {path.name: path.read_bytes() for path in NOTEBOOKS.glob("*.ipynb")}
    assert built == committed, "run: python -m gsv_lab.teaching.exercises.notebook build"


def test_solved_notebooks_go_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in NOTEBOOKS.glob("*.ipynb")}
    assert main(["build", "--solved", str(tmp_path / "new" / "folder")]) == 0
    written = [Path(line) for line in capsys.readouterr().out.split()]
    assert [path.stem for path in written] == [path.stem for path in SOURCES]
    assert all(path.parent == tmp_path / "new" / "folder" for path in written)
    assert "return x + (rounded - x).detach()" in written[3].read_text(encoding="utf-8")
    assert before == {path: path.read_bytes() for path in NOTEBOOKS.glob("*.ipynb")}


def test_a_folder_without_sources_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No notebook"):
        build_all(tmp_path)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_committed_notebooks_hold_no_outputs_and_no_solutions(source: Path) -> None:
    made = json.loads((NOTEBOOKS / f"{source.stem}.ipynb").read_text(encoding="utf-8"))
    nbformat.validate(nbformat.from_dict(made))
    code = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    text = "\n".join("".join(cell["source"]) for cell in made["cells"])
    assert "SOLUTION" not in text
    regions = re.findall(r"# BEGIN SOLUTION[^\n]*\n(.*?)\n\s*# END SOLUTION", source.read_text(encoding="utf-8"), re.S)
    assert len(regions) >= 5
    assert not [region for region in regions if region in text]
    assert text.count(notebook.YOUR_TURN) == len(regions)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_notebooks_keep_the_form_of_the_course(source: Path) -> None:
    cells = read_source(source.read_text(encoding="utf-8"))
    code = [cell.source for cell in cells if cell.kind == "code"]
    text = [cell.source for cell in cells if cell.kind == "markdown"]
    assert len(code) <= 22 and len(text) <= 22
    assert len((NOTEBOOKS / f"{source.stem}.ipynb").read_bytes()) <= 20_000
    assert text[0].startswith(f"# {source.stem[:2]} · ")
    assert len(re.findall(r"^\d\. ", text[0], re.M)) == 3
    assert all(word in text[0] for word in ("Afterwards you can", "You need", "Minutes"))
    assert "Next:" in text[-1] and "gsv_lab/" in text[-1] and cells[-1].kind == "markdown"
    tags = [tag for cell in cells for tag in cell.tags]
    assert tags.count("widget") >= 1 and tags.count("exercise") >= 5 and "figure" in tags
    assert any(re.search(r"Exercise \d+, stretch", words) for words in text), "one exercise for those who want more"
    assert any(".built(" in words for words in code), "one exercise makes what the next cell uses"
    assert set(tags) <= {"setup", "widget", "exercise", "figure"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_cells_are_short_and_install_nothing(source: Path) -> None:
    for cell in read_source(source.read_text(encoding="utf-8")):
        if cell.kind == "code":
            tree = ast.parse(solved(cell.source))
            nodes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
            assert all(node.end_lineno - node.lineno < 10 for node in nodes if node.end_lineno)
            assert not re.search(r"pip install|^[!%]|\binteract\(", cell.source, re.M)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_later_cell_needs_an_answer(source: Path) -> None:
    """Names that a student fills in are used in their own cell, and later only where `built` has a spare for them."""
    cells = [cell for cell in read_source(source.read_text(encoding="utf-8")) if cell.kind == "code"]
    for number, cell in enumerate(cells):
        if "exercise" not in cell.tags:
            continue
        tree = ast.parse(solved(cell.source))
        answers = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        inside = {id(n) for node in tree.body if isinstance(node, ast.FunctionDef) for n in ast.walk(node)}
        names = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in inside]
        answers |= {n.id for n in names if isinstance(n.ctx, ast.Store)}
        for later in cells[number + 1 :]:
            whole = list(ast.walk(ast.parse(solved(later.source))))
            spare = [n for n in whole if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "built"]
            guarded = {id(name) for call in spare for name in ast.walk(call)}
            nodes = [n for n in whole if isinstance(n, ast.Name) and id(n) not in guarded]
            stored = {n.id for n in nodes if isinstance(n.ctx, ast.Store)}
            used = {n.id for n in nodes if isinstance(n.ctx, ast.Load)} - stored
            assert not used & answers
            answers -= stored


def test_the_files_of_the_package_that_notebooks_name_exist() -> None:
    for source in SOURCES:
        named = re.findall(r"gsv_lab/[\w/]+\.py", source.read_text(encoding="utf-8"))
        assert named and not [name for name in named if not (NOTEBOOKS.parent / name).is_file()]
