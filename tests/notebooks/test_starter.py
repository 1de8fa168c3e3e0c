"""The students' form: it runs without an exception although nothing is answered, and every check stays red."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tiny import make_planning_family

from .kernels import NOTEBOOKS, SOURCES, cards, outputs, run

pytest.importorskip("ipykernel", reason="kernels are in the extra [dev]")


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained networks: no check may depend on what the weights know."""
    return make_planning_family(tmp_path_factory.mktemp("family"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_starter_form_runs_with_every_check_red(
    source: Path, tiny_model: Path, offline_kernels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GSV_LAB_MODEL", str(tiny_model))
    monkeypatch.delenv("GSV_LAB_GRADING", raising=False)
    monkeypatch.delenv("GSV_LAB_SPEECH", raising=False)
    notebook = run(nbformat.read(NOTEBOOKS / f"{source.stem}.ipynb", as_version=4), tmp_path)
    exercises = [cell for cell in notebook.cells if "exercise" in cell.metadata.get("tags", [])]
    found = cards(notebook)
    assert len(found) == len(exercises) >= 5
    assert all(card.startswith("not yet |") for card in found)
    assert not [out for out in outputs(notebook) if out.output_type == "error"]


def test_kernels_cannot_reach_the_network(offline_kernels: Path, tmp_path: Path) -> None:
    tries = "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80), 1)\n"
    tells = "except OSError as error:\n    print(type(error).__name__)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(tries + tells)])
    assert outputs(run(notebook, tmp_path))[0].text.strip() == "NetworkBlocked"
