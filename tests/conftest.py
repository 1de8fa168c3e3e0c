"""What every test stands on: no network, one thread, fixed seeds, a cache of its own, and no tap left behind."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import chromium as system_chromium
import offline

ROOT = Path(__file__).resolve().parents[1]

# Before torch is imported anywhere: the suite runs in two workers, each with one thread.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.update(offline.ENVIRONMENT)
offline.block()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two workers for the whole suite; none, and so no start-up cost, where files or tests were chosen."""
    asked = [Path(argument.split("::")[0]).resolve() for argument in config.args]
    return 2 if all(path in (ROOT, ROOT / "tests") for path in asked) else 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests marked `slow` unless `-m` names them, and tests marked `gpu` where there is no CUDA device."""
    if "slow" not in str(config.getoption("-m")):
        _skip(items, "slow", "long: ask for it with -m slow")
    if any(item.get_closest_marker("gpu") for item in items):
        import torch

        if not torch.cuda.is_available():
            _skip(items, "gpu", "no CUDA device")


def _skip(items: list[pytest.Item], mark: str, reason: str) -> None:
    for item in items:
        if item.get_closest_marker(mark):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def root() -> Path:
    """The project folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of prepared corpora and golden data; the test is skipped where it is absent."""
    chosen = os.environ.get("GSV_LAB_SHARED")
    folder = Path(chosen).expanduser() if chosen else ROOT.parent / "shared"
    if not (folder / "speech").is_dir():
        pytest.skip("no prepared material: set GSV_LAB_SHARED, or put it into `shared` beside the project")
    return folder


@pytest.fixture(scope="session")
def sample() -> Path:
    """The shipped sample recording."""
    return ROOT / "gsv_lab" / "assets" / "sample" / "en_rms.flac"


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that no other run has filled; `GSV_LAB_CACHE` points to it, in child processes too."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["GSV_LAB_CACHE"] = str(folder)
    return folder


@pytest.fixture(autouse=True)
def repeatable() -> Iterator[None]:
    """Fixed seeds before, one torch thread before and after."""
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)
        if torch.get_num_threads() != 1:
            torch.set_num_threads(1)
    yield


def take_out_live_taps() -> list[str]:
    """Names of the taps that still have an observer anywhere in the process; the observers are removed."""
    tap = sys.modules.get("gsv_lab.hooks.tap")
    live = [] if tap is None else [point for point in list(tap.ALL_TAPS) if point.observers or point.claims]
    for point in live:
        point.observers.clear()  # one guilty test, not all that follow
        point.claims.clear()
    return sorted(point.path for point in live)


@pytest.fixture(autouse=True)
def no_tap_left_live() -> Iterator[None]:
    """Fail a test that leaves an observer at a tap, or a probe open."""
    yield
    names = take_out_live_taps()
    assert not names, f"taps left live: {names}"


@pytest.fixture
def run_cli(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`gsv-lab` in a process of its own, behind the network block: `done = run_cli("speak", "--text", ...)`.

    The process starts in `tmp_path`; `cwd=`, `timeout=` and `env=` (additions) are taken as well.
    """

    def run(*arguments: object, cwd: Path = tmp_path, timeout: float = 300.0, env: dict[str, str] | None = None):  # noqa: ANN202
        command = [sys.executable, str(ROOT / "tests" / "offline.py"), *map(str, arguments)]
        surroundings = {**os.environ, **offline.ENVIRONMENT, "PYTHONPATH": str(ROOT), **(env or {})}
        return subprocess.run(command, cwd=cwd, env=surroundings, capture_output=True, text=True, timeout=timeout)

    return run


@pytest.fixture
def offline_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Notebook kernels of this test cannot reach the network: a start-up file blocks it before the first cell."""
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-offline.py").write_text(offline.STARTUP.format(folder=str(ROOT / "tests")), encoding="utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])))
    return tmp_path / "ipython"


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is; the test is skipped where there is none."""
    found = system_chromium.find()
    if found is None:
        pytest.skip("no Chromium: install it (on Debian `apt-get install chromium`) for the browser tests")
    return found


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    """Playwright, which drives the browser that the system has; a process can have one only.

    It keeps an event loop running in this thread, and widgets would take that for a kernel: each file ends it.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is in the extra [dev]")
    with playwright.sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(driver: Any, chromium: str) -> Iterator[Any]:
    """A headless Chromium."""
    running = driver.chromium.launch(executable_path=chromium, args=[*system_chromium.OPTIONS])
    yield running
    running.close()
