"""JupyterLab once for the tests of a file; each has a page of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .pages import LabPage, Server


@pytest.fixture(scope="session")
def server(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """JupyterLab on an empty folder."""
    pytest.importorskip("playwright.sync_api", reason="playwright is in the extra [dev]")
    with Server(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def artefacts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: the folder that `GSV_LAB_ARTEFACTS` names, else one that pytest keeps for a while."""
    chosen = os.environ.get("GSV_LAB_ARTEFACTS")
    folder = Path(chosen) if chosen else tmp_path_factory.getbasetemp() / "artefacts"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def lab_page(browser: Any, server: Server, artefacts: Path, request: pytest.FixtureRequest) -> Iterator[LabPage]:
    """A page 1300 pixels wide that must not have made an error or a request that leaves the machine."""
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    page = LabPage(context.new_page(), server.address)
    yield page
    page.page.screenshot(path=artefacts / f"{request.node.name.replace('/', '-')}.png")
    page.shut_down()
    context.close()
    assert not page.left, f"requests left the machine: {page.left}"
    assert not page.errors, f"the console says: {page.errors}"
