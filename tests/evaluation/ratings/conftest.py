"""Pictures take most of the time of an analysis and are the same code everywhere: only reports draw them here."""

from __future__ import annotations

from typing import Any

import pytest

from gsv_lab.evaluation.ratings import pictures


@pytest.fixture(autouse=True)
def no_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without pictures, but in `test_report.py`."""
    if "test_report" in request.node.nodeid:
        return

    def nothing(*about: Any) -> bytes:
        return b""

    for name in ("means", "shares", "differences", "raters", "strengths"):
        monkeypatch.setattr(pictures, name, nothing)
