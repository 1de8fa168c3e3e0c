"""The machine as a measuring bench: child processes with time and peak memory, what it is, trainings that wait."""

from __future__ import annotations

import json
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gsv_lab.errors import ConfigError
from gsv_lab.system.environment import pause_file
from gsv_lab.system.files import make_folder, save_failed

if TYPE_CHECKING:
    import torch


class Child(NamedTuple):
    """A finished child process: wall time, peak resident memory (None where the system does not tell), code, output."""

    seconds: float
    peak_mb: float | None
    code: int
    output: str


# A process starts out with the peak of the one that it was forked from, and this one may hold a loaded model: a small
# launcher in between keeps the figure honest.
_LAUNCHER = """
import json, os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[2:])
if hasattr(os, "wait4"):
    _, status, usage = os.wait4(process.pid, 0)
    code, peak = os.waitstatus_to_exitcode(status), usage.ru_maxrss
else:
    code, peak = process.wait(), None
with open(sys.argv[1], "w") as report:
    json.dump([time.perf_counter() - start, peak, code], report)
"""


def run_child(arguments: Sequence[str], timeout: float = 1800.0) -> Child:
    """Runs a command to its end; no shell is involved.

    Args:
        arguments: program and arguments.
        timeout: seconds after which it is killed, with all that it started; its code is then -9.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        report = Path(folder) / "report"
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(report), *arguments]
        process = subprocess.Popen(
            launcher, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if process.poll() is None:
                _kill(process)
        output.seek(0)
        text = output.read().decode(errors="replace")
        if not report.exists():
            return Child(timeout, None, -9, text)
        seconds, peak, code = json.loads(report.read_text())
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kibibytes elsewhere
    return Child(seconds, None if peak is None else peak * unit / 1e6, code, text)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


@contextmanager
def trainings_paused(path: Path | None = None, settle: float = 3.0) -> Iterator[Callable[[], None]]:
    """Context in which trainings of this user wait: a pause file lies there and is taken away again.

    Yields a function that renews the file's time; a training may take a file that nobody renewed for long as left over.
    A file that somebody else put there is neither renewed nor removed.

    Args:
        path: the file; `gsv_lab.system.environment.pause_file()` if None.
        settle: seconds to let the step that is under way end.
    """
    path = path or pause_file()
    make_folder(path.parent)
    try:
        path.open("x").close()
    except FileExistsError:
        yield lambda: None
        return
    except OSError as error:
        raise save_failed(path, error.strerror or str(error)) from error
    try:
        time.sleep(settle)
        yield path.touch
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


@contextmanager
def busy_process() -> Iterator[subprocess.Popen[bytes]]:
    """Context in which another process, which it gives, keeps one core busy."""
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", "while True: pass"], start_new_session=True)
    try:
        yield process
    finally:
        _kill(process)


def pick_device(wanted: str = "auto") -> torch.device:
    """The device of a setting: `auto` (a GPU of CUDA where there is one, else the CPU), `cpu`, `cuda`, `cuda:1`, `mps`.

    Raises:
        ConfigError: DEVICE_MISSING, with the devices that are there.
    """
    import torch

    there = ["cpu"] + [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        there.append("mps")
    if wanted == "auto":
        return torch.device("cuda:0" if "cuda:0" in there else "cpu")
    name = "cuda:0" if wanted == "cuda" else wanted
    if name not in there:
        raise ConfigError("DEVICE_MISSING", f"There is no device '{wanted}' here", f"auto or one of {', '.join(there)}")
    return torch.device(name)


def pick_precision(wanted: str, device: torch.device, known: Sequence[str] = ("32", "bf16")) -> str:
    """The number format on a device, one of the known ones; `auto` takes bf16 where the hardware multiplies it.

    Raises:
        ConfigError: PRECISION_UNKNOWN.
    """
    import torch

    if wanted == "auto":
        flags = _processor_flags() if device.type == "cpu" else ""
        fast = "amx_bf16" in flags or "avx512_bf16" in flags
        fast = fast or (device.type == "cuda" and torch.cuda.is_bf16_supported())
        return "bf16" if fast else "32"
    if wanted not in known:
        expected = f"auto, {', '.join(known[:-1])} or {known[-1]}"
        raise ConfigError("PRECISION_UNKNOWN", f"There is no precision '{wanted}'", expected)
    return wanted


def arithmetic(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Context in which networks on a device multiply in the format `32` or `bf16`; sums and spectra stay in 32."""
    import torch

    return nullcontext() if precision == "32" else torch.autocast(device.type, torch.bfloat16)


def _processor_flags() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def machine() -> dict[str, Any]:
    """What the figures were measured on; no name of the machine or its user."""
    import torch

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "load_average": load_average(),
    }


def peak_memory(card: bool = False) -> float:
    """Bytes: the most that this process has held, or with `card` that torch has held on the graphics card; NaN where
    the system does not tell.
    """
    if card:
        import torch

        return float(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load_average() -> list[float] | None:
    """Mean number of running processes over 1, 5 and 15 minutes; None where the system does not tell."""
    return [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
