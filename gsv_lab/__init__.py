"""GPT-SoVITS opened up: `load` a voice-cloning pipeline, `probe` what happens inside, `register` a part of your own.

Idea: the names below are looked up when they are first used, so `import gsv_lab` costs milliseconds and loads no torch.
The one thing that an import does is to say how torch's threads shall wait, which has to be known before torch loads.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gsv_lab.evaluation.grids.run import ablate
    from gsv_lab.hooks.probe import probe
    from gsv_lab.inference.lab import load
    from gsv_lab.system.registry import register

__version__ = "0.1.0"
__all__ = ["__version__", "ablate", "load", "probe", "register"]

_HOME = {
    "ablate": "gsv_lab.evaluation.grids.run",
    "load": "gsv_lab.inference.lab",
    "probe": "gsv_lab.hooks.probe",
    "register": "gsv_lab.system.registry",
}


importlib.import_module("gsv_lab.system.environment").wait_passively()


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gsv_lab' has no attribute {name!r}; it offers {', '.join(sorted(_HOME))}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
