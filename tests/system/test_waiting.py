"""How torch's threads wait: said before torch loads, in this process and its children, unless the user has decided."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ASK = "import os, sys; assert 'torch' not in sys.modules; print(os.environ.get('OMP_WAIT_POLICY'))"
IMPORTS = {
    "library": "import gsv_lab",
    "command line": "from gsv_lab.cli import main",
    "a part alone": "import gsv_lab.system.machine",
    "a child": "import gsv_lab, subprocess, sys; subprocess.run([sys.executable, '-c', {ask!r}]); sys.exit()",
}
VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def policy(code: str, **variables: str) -> str:
    """What a new process prints as its policy after some imports, and before torch was loaded."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", f"{code.format(ask=ASK)}\n{ASK}"],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("how", IMPORTS)
def test_threads_wait_passively(how: str) -> None:
    assert policy(IMPORTS[how]) == "PASSIVE"


@pytest.mark.parametrize("variable", VARIABLES)
def test_who_has_decided_is_left_alone(variable: str) -> None:
    assert policy("import gsv_lab", **{variable: "ACTIVE"}) == ("ACTIVE" if variable == "OMP_WAIT_POLICY" else "None")
