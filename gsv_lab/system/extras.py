"""Optional packages: imported on use, and named with the command that installs them when they are absent."""

from __future__ import annotations

import importlib
from importlib import metadata
from importlib.util import find_spec
from types import ModuleType

from gsv_lab.errors import LabError

_COMMANDS = {
    "eval": "Run: pip install -c constraints.txt -e '.[eval]'",
    "asr": "Run: pip install -c constraints.txt -e '.[asr]'",
    "lora": "Run: pip install -c constraints.txt -e '.[lora]'",
    "pesq": "Run: pip install -c constraints.txt -e '.[pesq]' (it needs a C compiler)",
    "ray": "Run: pip install -c constraints.txt -e '.[ray]'",
    "course": "Run: pip install -c constraints.txt -e '.[course]'",
    "ge2e": "Run: pip install --no-deps Resemblyzer==0.1.4 (beside the extra [eval], which brings webrtcvad-wheels)",
}


def require(module: str, extra: str = "eval") -> ModuleType:
    """An optional module, or the error that says how to get it.

    Args:
        module: dotted name, for example `speechmos.dnsmos`.
        extra: `eval`, `asr`, `lora`, `pesq`, `ray`, `course`, or `ge2e` for Resemblyzer, which has its own command.

    Raises:
        LabError: `EXTRA_MISSING`, the module or something that it needs is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(error.name or module, extra) from error


def check_installed(*modules: str, extra: str = "eval") -> None:
    """Refuse at once where an optional module is absent that is loaded later.

    Args:
        modules: names without dots; nothing of them is loaded, so one that is damaged is met when it is.
        extra: see `require`.

    Raises:
        LabError: `EXTRA_MISSING`, the first one that is not installed.
    """
    for module in modules:
        if find_spec(module) is None:
            raise _missing(module, extra)


def _missing(module: str, extra: str) -> LabError:
    name = "Resemblyzer" if extra == "ge2e" else f"the extra [{extra}]"
    return LabError("EXTRA_MISSING", f"The package {module!r} is not installed", name, _COMMANDS[extra])


def version(distribution: str) -> str:
    """Installed version of a distribution, or `absent`.

    >>> version("no-such-distribution")
    'absent'
    """
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "absent"
