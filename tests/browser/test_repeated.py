"""Ten runs in a row of all browser checks: a check that fails once in ten runs is mended, not repeated."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RUNS = 10


@pytest.mark.slow
def test_ten_runs_in_a_row(chromium: str, artefacts: Path) -> None:
    """Writes `runs.log` beside the screenshots: the last line of each run, and its seconds."""
    command = [sys.executable, "-m", "pytest", str(HERE), "-q", "-n", "2", "-p", "no:cacheprovider"]
    lines = []
    for number in range(1, RUNS + 1):
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=False)
        said = done.stdout.strip().splitlines() or ["nothing"]
        lines.append(f"run {number}: {said[-1]} ({time.monotonic() - began:.0f} s with start)")
        (artefacts / "runs.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
        assert done.returncode == 0, done.stdout[-3000:]
