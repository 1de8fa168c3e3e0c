"""Speed and memory of the kit on this machine: `gsv-lab bench`, one figure for each row of the project's table.

Whole commands run in child processes, whose time and peak memory the operating system reports; synthesis is timed in
this process after loading, with the speaker cached. A running training of the same user waits meanwhile. How good the
voice is, `gsv_lab.evaluation.run` measures.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from gsv_lab.errors import ConfigError
from gsv_lab.system.folders import private_folder
from gsv_lab.system.machine import Child, busy_process, load_average, machine, run_child, trainings_paused

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
    "speak_beside_work": Goal(2.2, "", "gsv-lab speak beside one busy process, over its time without"),
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


Found = dict[str, dict[str, Any]]
"""Key of a figure -> `value`, or None with an `error`, and what else is known of it."""


def bench(
    load: Callable[[], Any],
    reference: str | Path,
    *,
    only: Sequence[str] = tuple(GOALS),
    runs: int = 20,
    warmups: int = 3,
    command: Sequence[str] = COMMAND,
    options: Sequence[str] = (),
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
        options: more arguments of `speak` and `finetune`, for example `--device`, `cpu`.
        pause: see `trainings_paused`.
        settle: see `trainings_paused`.
        progress: called with the key of each figure as it begins.

    Returns:
        plain values for JSON: `schema`, `machine`, `load_average_after`, and `figures`: every key of `GOALS`.

    Raises:
        ConfigError: `BENCH_UNKNOWN`, `only` names no figure.
    """
    unknown = sorted(set(only) - set(GOALS))
    if unknown:
        raise ConfigError("BENCH_UNKNOWN", f"There is no figure {unknown[0]!r}", ", ".join(GOALS))
    found: Found = {}
    with trainings_paused(pause, settle) as renew, private_folder() as folder:
        where = machine()
        commands = _Commands(command, options, str(reference), folder)
        # Each measurement fills the figures in front of it.
        measurements: list[tuple[tuple[str, ...], Callable[[], Found]]] = [
            (("import_seconds",), lambda: _import_time(min(runs, 5))),
            (("speak_seconds", "synthesis_peak_mb"), lambda: commands.speak(min(runs, 3))),
            (("speak_beside_work",), lambda: commands.speak_beside_work(min(runs, 3))),
            (("finetune_peak_mb",), commands.finetune),
            (("demo_seconds",), commands.demo),
            (("real_time_factor", "first_audio_seconds"), lambda: synthesis_speed(load(), reference, runs, warmups)),
            (("tap_call",), _tap_call),
            (("tap_idle",), lambda: _tap_idle(load(), runs, warmups)),
            (("tap_capture", "tap_capture_mb"), lambda: _tap_capture(min(runs, 3))),
        ]
        for keys, measure in measurements:
            wanted = [key for key in keys if key in only]
            for key in wanted:
                renew()
                if progress is not None:
                    progress(key)
            if wanted:
                found |= measure()
        after = load_average()
    figures = {key: _figure(goal, found.get(key, {}) if key in only else {}) for key, goal in GOALS.items()}
    where["options"] = " ".join(options)
    return {"schema": SCHEMA, "machine": where, "load_average_after": after, "figures": figures}


def synthesis_speed(lab: Any, reference: str | Path, runs: int = 20, warmups: int = 3) -> Found:
    """Real-time factor and time to first audio of a loaded lab, the voice cloned beforehand.

    Args:
        lab: a `Lab`; only `clone`, `speak` and `stream` are used.
        reference: recording of the voice.
        runs: timed repetitions; each has its own seed.
        warmups: repetitions before.
    """
    voice = lab.clone(str(reference))
    factors = []
    lengths = []
    firsts = []
    for number in range(warmups + runs):
        start = time.perf_counter()
        speech = lab.speak(TEN_SECONDS, voice, language="en", seed=number)
        spent = time.perf_counter() - start
        first = _first_audio(lab, voice)
        if number >= warmups:
            length = len(speech.wave) / speech.sample_rate
            factors.append(spent / length)
            lengths.append(length)
            firsts.append(first)
    length = round(statistics.median(lengths), 2)
    return {
        "real_time_factor": _summary(factors) | {"speech_seconds": length},
        "first_audio_seconds": _summary(firsts),
    }


def _first_audio(lab: Any, voice: Any) -> float:
    """Seconds until the first piece of a text of ten sentences."""
    start = time.perf_counter()
    with closing(lab.stream(TEN_SENTENCES, voice)) as pieces:
        next(pieces)
        return time.perf_counter() - start


def _tap_call() -> Found:
    from gsv_lab.evaluation import bench_taps

    return {"tap_call": _summary(bench_taps.idle_call())}


def _tap_idle(lab: Any, runs: int, warmups: int) -> Found:
    from gsv_lab.evaluation import bench_taps

    gpt = lab.components()["semantic_gpt"]
    return {"tap_idle": _summary(bench_taps.idle_decode(gpt, runs, warmups))}


def _tap_capture(runs: int) -> Found:
    from gsv_lab.evaluation import bench_taps

    slower, taken = bench_taps.capture(bench_taps.v2_size(), runs)
    return {"tap_capture": _summary(slower), "tap_capture_mb": _summary([taken])}


def _import_time(runs: int) -> Found:
    code = "import time; t = time.perf_counter(); import gsv_lab; print(time.perf_counter() - t)"
    times = []
    for _ in range(runs):
        child = run_child([sys.executable, "-c", code], 60)
        if child.code:
            return {"import_seconds": _failure(child)}
        times.append(float(child.output.split()[-1]))
    return {"import_seconds": _summary(times)}


class _Commands:
    """Whole commands in processes of their own.

    Args:
        command: how a child runs `gsv-lab`.
        options: see `bench`.
        reference: recording of the voice.
        folder: where they write.
    """

    def __init__(self, command: Sequence[str], options: Sequence[str], reference: str, folder: Path) -> None:
        self.command = command
        self.options = options
        self.reference = reference
        self.folder = folder
        self._spoken = folder / "speak.wav"

    def _run(self, *arguments: str | Path) -> Child:
        return run_child([*self.command, *map(str, arguments)])

    def speak(self, runs: int) -> Found:
        """Time and memory of `speak`."""
        import soundfile

        children = []
        for _ in range(runs):
            child = self._speak()
            if child.code:
                return {"speak_seconds": _failure(child), "synthesis_peak_mb": _failure(child)}
            children.append(child)
        length = {"speech_seconds": round(soundfile.info(str(self._spoken)).duration, 2)}
        return {
            "speak_seconds": _summary([child.seconds for child in children]) | length,
            "synthesis_peak_mb": _peak(children) | length,
        }

    def speak_beside_work(self, runs: int) -> Found:
        """Time of `speak` beside one busy process over that without it, in pairs one after the other."""
        ratios, quiet_seconds = [], []
        for _ in range(runs):
            quiet = self._speak()
            with busy_process():
                busy = self._speak()
            if quiet.code or busy.code:
                return {"speak_beside_work": _failure(quiet if quiet.code else busy)}
            quiet_seconds.append(quiet.seconds)
            ratios.append(busy.seconds / quiet.seconds)
        return {"speak_beside_work": _summary(ratios) | {"quiet_seconds": round(statistics.median(quiet_seconds), 2)}}

    def _speak(self) -> Child:
        text = ("--text", FIVE_SECONDS, "--language", "en")
        return self._run("speak", "--reference", self.reference, *text, "--output", self._spoken, *self.options)

    def finetune(self) -> Found:
        """Memory of `finetune`, on a recording that `prepare` has made ready."""
        prepared = self.folder / "prepared"
        child = self._run("prepare", self.reference, "--output", prepared)
        if not child.code:
            voice = self.folder / "voice.safetensors"
            consent = ("--consent", "benchmark of this machine")
            child = self._run("finetune", prepared, *consent, "--no-verdict", "--output", voice, *self.options)
        if child.code:
            return {"finetune_peak_mb": _failure(child)}
        return {"finetune_peak_mb": _peak([child]) | {"seconds": round(child.seconds, 2)}}

    def demo(self) -> Found:
        """Time of `demo`."""
        child = self._run("demo", "--output", self.folder / "demo")
        if child.code:
            return {"demo_seconds": _failure(child)}
        return {"demo_seconds": _summary([child.seconds]) | {"peak_mb": _peak([child])["value"]}}


def _peak(children: Sequence[Child]) -> dict[str, Any]:
    peaks = [child.peak_mb for child in children if child.peak_mb is not None]
    if not peaks:
        return {"value": None, "error": "this system does not report it"}
    return {"value": round(max(peaks), 1), "runs": len(peaks)}


def _summary(values: Sequence[float]) -> dict[str, Any]:
    """Median and 5 to 95 % range."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return {
        "value": round(statistics.median(ordered), 4),
        "low": round(ordered[round(0.05 * last)], 4),
        "high": round(ordered[round(0.95 * last)], 4),
        "runs": len(ordered),
    }


def _failure(child: Child) -> dict[str, Any]:
    lines = child.output.strip().splitlines()
    last = lines[-1] if lines else "no output"
    return {"value": None, "error": f"exit code {child.code}: {last}"}


def _figure(goal: Goal, found: dict[str, Any]) -> dict[str, Any]:
    value = found.get("value")
    figure = {
        "value": None,
        "limit": goal.limit,
        "unit": goal.unit,
        "meaning": goal.meaning,
        "reached": None if value is None else value <= goal.limit,
    }
    return figure | found
