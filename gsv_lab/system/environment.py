"""Every look at the surroundings of the process: environment variables, folders of the user, the clock.

Idea: nothing else in the package reads an environment variable, so that all of them can be listed here.

| variable | meaning | default |
| --- | --- | --- |
| `GSV_LAB_CACHE` | folder for things that can be made again (speaker vectors ...) | cache folder of the system |
| `GSV_LAB_SPEECH` | folder with the reader's own recordings, for notebooks | none |
| `GSV_LAB_MODEL` | base model of `gsv_lab.load()` without a name: a version, or a folder with weights | `nano` |
| `GSV_LAB_WHISPER` | folder with Whisper models in CTranslate2's layout, which evaluate and teach | none |
| `GSV_LAB_SHARED` | folder with prepared corpora and golden data | `shared` beside the project, if it exists |
| `GSV_LAB_PROFILE` | sizes of what notebooks train: `cpu`, seconds on two cores, or `gpu`, whole runs in bf16 | `cpu` |
| `GSV_LAB_GRADING` | `1`: exercise checks raise instead of drawing a card | off |
| `SOURCE_DATE_EPOCH` | seconds since 1970 that stand for "now" in written files | the clock |
| `OMP_NUM_THREADS`, `MKL_NUM_THREADS` | threads of torch | one for small networks, see `gsv_lab.system.threads` |
| `OMP_WAIT_POLICY` | how threads of torch wait for one another, see `wait_passively` | `PASSIVE`, set here |
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from gsv_lab.errors import ConfigError
from gsv_lab.system.files import inside

PROFILES = ("cpu", "gpu")
"""What `GSV_LAB_PROFILE` may say."""
_WAITING = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}
"""Variables by which a user has decided how threads wait."""


def wait_passively() -> None:
    """Let threads that wait for one another sleep, in this process and its children, unless the user has decided.

    OpenMP's threads otherwise keep their cores busy while they wait, and beside any other work a network calculates
    several times as long. Takes effect where torch was not loaded before.
    """
    if not _WAITING & os.environ.keys():
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


def threads_are_chosen() -> bool:
    """Whether the user has decided how many threads calculate."""
    return bool({"OMP_NUM_THREADS", "MKL_NUM_THREADS"} & os.environ.keys())


def cache_dir() -> Path:
    """Folder for files that can be made again; it may not exist yet.

    Returns:
        `GSV_LAB_CACHE`, else `gsv_lab` in the cache folder that the operating system recommends.

    Raises:
        ConfigError: CACHE_DIR, this user has no home folder.
    """
    try:
        return _cache_dir()
    except RuntimeError as error:
        action = "Let GSV_LAB_CACHE name a folder for what can be made again"
        raise ConfigError("CACHE_DIR", "There is no home folder for a cache", "a user with one", action) from error


def _cache_dir() -> Path:
    chosen = os.environ.get("GSV_LAB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "gsv_lab" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "gsv_lab"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gsv_lab"


def in_cache(path: str | os.PathLike[str]) -> Path:
    """Where a path of a configuration leads: a relative one below the cache folder, an absolute one where it says.

    Raises:
        ConfigError: CONFIG_PATH, a relative path that climbs out of the cache folder.
    """
    return inside(cache_dir(), path)


def pause_file() -> Path:
    """The file that makes trainings of this user wait while it exists; `gsv-lab bench` puts it there for a while."""
    return cache_dir() / "pause"


def speech_dir() -> Path | None:
    """Folder of the reader's own recordings (`GSV_LAB_SPEECH`), or None.

    Raises:
        ConfigError: `SPEECH_DIR`, the variable names something that is no folder.
    """
    chosen = os.environ.get("GSV_LAB_SPEECH")
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise ConfigError(
            "SPEECH_DIR",
            f"GSV_LAB_SPEECH is {chosen!r}, which is no folder",
            "a folder with recordings",
            "Correct or unset the variable",
        )
    return folder


def default_model() -> str:
    """Base model to load where none is named: `GSV_LAB_MODEL`, else `nano`."""
    return os.environ.get("GSV_LAB_MODEL") or "nano"


def whisper_dir() -> Path | None:
    """Folder of Whisper models (`GSV_LAB_WHISPER`), or None."""
    chosen = os.environ.get("GSV_LAB_WHISPER")
    return Path(chosen).expanduser() if chosen else None


def profile() -> str:
    """Sizes of what notebooks train, `cpu` or `gpu`.

    Raises:
        ConfigError: PROFILE, `GSV_LAB_PROFILE` names neither.
    """
    chosen = os.environ.get("GSV_LAB_PROFILE") or PROFILES[0]
    if chosen not in PROFILES:
        problem = f"GSV_LAB_PROFILE is {chosen!r}"
        raise ConfigError("PROFILE", problem, " or ".join(PROFILES), "Correct or unset the variable")
    return chosen


def grading() -> bool:
    """Whether exercise checks raise (`GSV_LAB_GRADING=1`) instead of drawing a card."""
    return os.environ.get("GSV_LAB_GRADING", "") not in ("", "0")


def surroundings(**changes: str | None) -> dict[str, str]:
    """The environment variables for a process that is started, with some changed, or taken away where they are None."""
    kept = {name: value for name, value in os.environ.items() if name not in changes}
    return kept | {name: value for name, value in changes.items() if value is not None}


def clock() -> datetime:
    """The present moment in UTC, whole seconds; `SOURCE_DATE_EPOCH` stands in for it where output must repeat.

    Raises:
        ConfigError: `SOURCE_DATE_EPOCH` is set to something that is no number of seconds.
    """
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    if not fixed:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        return datetime.fromtimestamp(int(fixed), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigError(
            "SOURCE_DATE_EPOCH",
            f"SOURCE_DATE_EPOCH is {fixed!r}",
            "a whole number of seconds since 1970",
            "Correct or unset the variable",
        ) from error
