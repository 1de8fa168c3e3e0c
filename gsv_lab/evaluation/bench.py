"""Speed and memory of the kit on this machine: `gsv-lab bench`, one figure for each row of the project's table.

Whole commands run in child processes, whose time and peak memory the operating system reports; synthesis is timed in
this process after loading, with the speaker cached. A running training of the same user waits meanwhile.
The file does not know how the figures come about; how good the voice is, `gsv_lab.evaluation.run` measures.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gsv_lab.errors import ConfigError
from gsv_lab.system.machine import Child, load_average, machine, run_child, trainings_paused

SCHEMA = 1
COMMAND = (sys.executable, "-c", "from gsv_lab.cli import main; raise SystemExit(main())")
"""How a child process runs `gsv-lab`, whatever the PATH."""

FIVE_SECONDS = "The ferry leaves the harbour at noon, and most of the passengers stay out on the open deck."
TEN_SECONDS = (
    "Every spring the river rises above the lower fields, and the farmers move their sheep to the hills, "
    "where the grass stays short but the ground is always dry enough to sleep on."
)
TEN_SENTENCES = (
    "The museum opens at ten. Its oldest room holds maps. Some of them were drawn by hand. Others were printed in the "
    "north. A guard walks through every hour. He knows each visitor by name. Children like the globe best. It turns "
    "when you push it. The paint has worn off over the oceans. Nobody wants to have it repaired."
)


class Goal(NamedTuple):
    """Upper limit of a figure, its unit, and what it means."""

    limit: float
    unit: str
    meaning: str


GOALS: dict[str, Goal] = {
    "demo_seconds": Goal(300.0, "s", "gsv-lab demo, no arguments, no network"),
    "speak_seconds": Goal(12.0, "s", "gsv-lab speak --reference, whole process, about 5 s of speech out"),
    "real_time_factor": Goal(0.5, "", "text to wave, about 10 s of speech, loaded and speaker cached"),
    "first_audio_seconds": Goal(3.0, "s", "first audio of a text of ten sentences, loaded and speaker cached"),
    "synthesis_peak_mb": Goal(1500.0, "MB", "peak memory of the whole speak process"),
    "finetune_peak_mb": Goal(3000.0, "MB", "peak memory of the whole finetune process"),
    "import_seconds": Goal(0.5, "s", "import gsv_lab in a new process"),
    "tap_call": Goal(150.0, "ns", "call of a tap that nobody watches"),
    "tap_idle": Goal(2.0, "%", "what idle taps add to a decode of 100 codes, against identities in their place"),
    "tap_capture": Goal(
        2.0, "", "decode of 200 codes at v2's size, all attention heads recorded, over the unwatched one"
    ),
    "tap_capture_mb": Goal(100.0, "MB", "memory of that record, which is also its limit_mb"),
}
"""The figures, their keys and limits."""


def bench(
    load: Callable[[], Any],
    reference: str | Path,
    *,
    only: Sequence[str] = tuple(GOALS),
    runs: int = 20,
    warmups: int = 3,
    command: Sequence[str] = COMMAND,
    pause: Path | None = None,
    settle: float = 3.0,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Measures the figures and compares them with their limits.

    Args:
        load: gives the loaded lab; called only if a figure needs it.
        reference: recording of 3 to 10 s that voices are cloned from and tuned on.
        only: keys of `GOALS` to measure; the others stand as not measured.
        runs: timed repetitions of synthesis; import and speak processes are repeated up to 5 and 3 times.
        warmups: repetitions before, not counted.
        command: how a child runs `gsv-lab`.
        pause: see `trainings_paused`.
        settle: see `trainings_paused`.
        progress: told the key of each figure as it begins.

    Returns:
        plain values for JSON: `schema`, `machine`, `load_average_after`, and `figures`: every key of `GOALS`.

    Raises:
        ConfigError: `BENCH_UNKNOWN`, `only` names no figure.
    """
    unknown = sorted(set(only) - set(GOALS))
    if unknown:
        raise ConfigError("BENCH_UNKNOWN", f"There is no figure {unknown[0]!r}", ", ".join(GOALS))
    found: dict[str, dict[str, Any]] = {}
    with trainings_paused(pause, settle) as renew, tempfile.TemporaryDirectory() as folder:
        where = machine()

        def begin(*keys: str) -> bool:
            wanted = [key for key in keys if key in only]
            for key in wanted:
                renew()
                if progress is not None:
                    progress(key)
            return bool(wanted)

        if begin("import_seconds"):
            found["import_seconds"] = _import_time(min(runs, 5))
        if begin("speak_seconds", "synthesis_peak_mb"):
            found |= _speak(command, str(reference), Path(folder), min(runs, 3))
        if begin("finetune_peak_mb"):
            found["finetune_peak_mb"] = _finetune(command, str(reference), Path(folder))
        if begin("demo_seconds"):
            found["demo_seconds"] = _demo(command, Path(folder))
        if begin("real_time_factor", "first_audio_seconds"):
            found |= synthesis_speed(load(), reference, runs, warmups)
        found |= _taps(load, begin, runs, warmups)
        after = load_average()
    figures = {key: _figure(goal, found.get(key, {}) if key in only else {}) for key, goal in GOALS.items()}
    return {"schema": SCHEMA, "machine": where, "load_average_after": after, "figures": figures}


def synthesis_speed(lab: Any, reference: str | Path, runs: int = 20, warmups: int = 3) -> dict[str, dict[str, Any]]:
    """Real-time factor and time to first audio of a loaded lab, the voice cloned beforehand.

    Args:
        lab: has `clone`, `speak` and `stream`.
        reference: recording of the voice.
        runs: timed repetitions; each has its own seed.
        warmups: repetitions before.
    """
    voice = lab.clone(str(reference))
    factors, lengths, firsts = [], [], []
    for number in range(warmups + runs):
        start = time.perf_counter()
        speech = lab.speak(TEN_SECONDS, voice, language="en", seed=number)
        spent = time.perf_counter() - start
        length = len(speech.wave) / speech.sample_rate
        start = time.perf_counter()
        pieces = iter(lab.stream(TEN_SENTENCES, voice))
        next(pieces)
        first = time.perf_counter() - start
        if hasattr(pieces, "close"):
            pieces.close()
        if number >= warmups:
            factors.append(spent / length)
            lengths.append(length)
            firsts.append(first)
    return {
        "real_time_factor": _summary(factors) | {"speech_seconds": round(statistics.median(lengths), 2)},
        "first_audio_seconds": _summary(firsts),
    }


def _taps(load: Callable[[], Any], begin: Callable[..., bool], runs: int, warmups: int) -> dict[str, dict[str, Any]]:
    from gsv_lab.evaluation import bench_taps

    found = {}
    if begin("tap_call"):
        found["tap_call"] = _summary(bench_taps.idle_call())
    if begin("tap_idle"):
        found["tap_idle"] = _summary(bench_taps.idle_decode(load().components()["semantic_gpt"], runs, warmups))
    if begin("tap_capture", "tap_capture_mb"):
        slower, taken = bench_taps.capture(bench_taps.v2_size(), min(runs, 3))
        found |= {"tap_capture": _summary(slower), "tap_capture_mb": _summary([taken])}
    return found


def _import_time(runs: int) -> dict[str, Any]:
    code = "import time; t = time.perf_counter(); import gsv_lab; print(time.perf_counter() - t)"
    children = [run_child([sys.executable, "-c", code], 60) for _ in range(runs)]
    failed = next((child for child in children if child.code), None)
    return _failure(failed) if failed else _summary([float(child.output.split()[-1]) for child in children])


def _speak(command: Sequence[str], reference: str, folder: Path, runs: int) -> dict[str, dict[str, Any]]:
    import soundfile

    target = folder / "speak.wav"
    arguments = [*command, "speak", "--reference", reference, "--text", FIVE_SECONDS, "--language", "en"]
    children = [run_child([*arguments, "--output", str(target)]) for _ in range(runs)]
    failed = next((child for child in children if child.code), None)
    if failed:
        return {key: _failure(failed) for key in ("speak_seconds", "synthesis_peak_mb")}
    length = {"speech_seconds": round(soundfile.info(str(target)).duration, 2)}
    return {
        "speak_seconds": _summary([child.seconds for child in children]) | length,
        "synthesis_peak_mb": _peak(children) | length,
    }


def _finetune(command: Sequence[str], reference: str, folder: Path) -> dict[str, Any]:
    prepared, voice = str(folder / "prepared"), str(folder / "voice.safetensors")
    steps = (
        ["prepare", reference, "--output", prepared],
        ["finetune", prepared, "--consent", "benchmark of this machine", "--output", voice],
    )
    for step in steps:
        child = run_child([*command, *step])
        if child.code:
            return _failure(child)
    return _peak([child]) | {"seconds": round(child.seconds, 2)}


def _demo(command: Sequence[str], folder: Path) -> dict[str, Any]:
    child = run_child([*command, "demo", "--output", str(folder / "demo")])
    return _failure(child) if child.code else _summary([child.seconds]) | {"peak_mb": _peak([child])["value"]}


def _peak(children: Sequence[Child]) -> dict[str, Any]:
    peaks = [child.peak_mb for child in children if child.peak_mb is not None]
    return {"value": round(max(peaks), 1), "runs": len(peaks)} if peaks else {"value": None, "error": "not told here"}


def _summary(values: Sequence[float]) -> dict[str, Any]:
    """Median and 5 to 95 % range."""
    ordered = sorted(values)
    low, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.05, 0.95))
    return {
        "value": round(statistics.median(ordered), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "runs": len(ordered),
    }


def _failure(child: Child) -> dict[str, Any]:
    lines = child.output.strip().splitlines()
    return {"value": None, "error": f"exit code {child.code}: {lines[-1] if lines else 'no output'}"}


def _figure(goal: Goal, found: dict[str, Any]) -> dict[str, Any]:
    value = found.get("value")
    reached = None if value is None else value <= goal.limit
    return {"value": None, "limit": goal.limit, "unit": goal.unit, "meaning": goal.meaning, "reached": reached} | found
