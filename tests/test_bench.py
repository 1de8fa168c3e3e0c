"""The bench: child processes with known cost, the pause file, figures from a pretended lab and command."""

from __future__ import annotations

import json
import os
import platform
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from gsv_lab.cli import main
from gsv_lab.errors import ConfigError
from gsv_lab.evaluation import bench as bench_module
from gsv_lab.evaluation.bench import GOALS, bench, synthesis_speed
from gsv_lab.system.machine import busy_process, machine, run_child, trainings_paused


def test_child_time_memory_and_output() -> None:
    code = "import time; block = bytearray(200_000_000); time.sleep(0.3); print('done')"
    child = run_child([sys.executable, "-c", code])
    assert child.code == 0 and child.output.strip() == "done"
    assert 0.3 < child.seconds < 20
    small = run_child([sys.executable, "-c", "pass"])
    if child.peak_mb is not None and small.peak_mb is not None:  # Windows does not tell
        assert 200 < child.peak_mb < 300
        assert small.peak_mb < 50  # its own peak, not that of this process or of the child before


def test_child_that_fails_or_hangs(tmp_path: Path) -> None:
    failed = run_child([sys.executable, "-c", "import sys; sys.exit('no voice')"])
    assert failed.code == 1 and "no voice" in failed.output
    beats = tmp_path / "beats"
    endless = f"import time\nwhile True:\n    open({str(beats)!r}, 'a').write('x')\n    time.sleep(0.05)"
    assert run_child([sys.executable, "-c", endless], timeout=3).code == -9
    beaten = beats.stat().st_size
    time.sleep(0.5)
    assert beats.stat().st_size == beaten  # the command itself is gone, not only its launcher


def test_pause_file_lies_there_only_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "pause"
    with pytest.raises(RuntimeError), trainings_paused(path, settle=0) as renew:
        old = path.stat().st_mtime
        os.utime(path, (old - 100, old - 100))
        renew()
        assert path.stat().st_mtime > old - 50
        raise RuntimeError
    assert not path.exists()


def test_pause_file_of_somebody_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "pause"
    path.write_text("mine")
    with trainings_paused(path, settle=0):
        assert path.read_text() == "mine"
    assert path.read_text() == "mine"


def test_machine_says_what_but_not_whose() -> None:
    found = machine()
    assert found["cores"] >= found["usable_cores"] >= 1 and found["threads"] >= 1
    assert platform.node() == "" or platform.node() not in json.dumps(found)


class FakeLab:
    """Speaks half a second in about 20 ms; the first piece of a stream comes at once."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def clone(self, path: str) -> str:
        return path

    def speak(self, text: str, voice: str, language: str, seed: int) -> Any:
        self.seeds.append(seed)
        time.sleep(0.02)
        return SimpleNamespace(wave=np.zeros(8000), sample_rate=16000)

    def stream(self, text: str, voice: str) -> Any:
        yield SimpleNamespace(wave=np.zeros(10), sample_rate=16000)
        time.sleep(60)


def test_synthesis_speed() -> None:
    lab = FakeLab()
    found = synthesis_speed(lab, "me.wav", runs=5, warmups=2)
    assert 0.04 <= found["real_time_factor"]["value"] < 1
    assert found["real_time_factor"]["speech_seconds"] == 0.5
    assert found["real_time_factor"]["runs"] == 5
    assert found["first_audio_seconds"]["value"] < 1
    assert lab.seeds == list(range(7))


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Stands for gsv-lab: writes what each command has to write, and a line on how it was called."""
    source = textwrap.dedent(
        f"""
        import pathlib, sys
        import numpy, soundfile
        verb, rest = sys.argv[1], sys.argv[2:]
        with open({str(tmp_path / "calls")!r}, "a") as calls:
            print(verb, *rest, sep="|", file=calls)
        output = pathlib.Path(rest[rest.index("--output") + 1])
        if verb == "speak":
            soundfile.write(output, numpy.zeros(32000), 16000)
        elif verb == "prepare":
            output.mkdir()
        elif verb == "finetune":
            assert pathlib.Path(rest[0]).is_dir() and "--consent" in rest
        else:
            sys.exit("the demo failed")
        """
    )
    script = tmp_path / "fake.py"
    script.write_text(source)
    return [sys.executable, str(script)]


def test_every_figure_has_its_key(tmp_path: Path, command: list[str]) -> None:
    reference = tmp_path / "me.wav"
    soundfile.write(reference, np.zeros(16000), 16000)
    pause, begun = tmp_path / "pause", []
    options: dict[str, Any] = {"command": command, "pause": pause, "settle": 0, "runs": 1, "warmups": 0}
    only = [key for key in GOALS if key != "import_seconds" and not key.startswith("tap_")]
    result = bench(FakeLab, reference, only=only, progress=begun.append, **options)
    assert json.loads(json.dumps(result)) == result
    assert list(result["figures"]) == list(GOALS)
    assert begun == ["speak_seconds", "synthesis_peak_mb", "speak_beside_work", "finetune_peak_mb", "demo_seconds",
                     "real_time_factor", "first_audio_seconds"]  # fmt: skip
    figures = result["figures"]
    assert figures["speak_seconds"]["reached"] and figures["speak_seconds"]["speech_seconds"] == 2.0
    assert figures["finetune_peak_mb"]["limit"] == 3000 and figures["finetune_peak_mb"]["unit"] == "MB"
    assert figures["demo_seconds"]["value"] is None and "the demo failed" in figures["demo_seconds"]["error"]
    assert figures["demo_seconds"]["reached"] is None
    assert figures["import_seconds"]["value"] is None
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split("|")[0] for call in calls] == ["speak", "speak", "speak", "prepare", "finetune", "demo"]
    assert figures["speak_beside_work"]["value"] > 0 and figures["speak_beside_work"]["quiet_seconds"] > 0
    assert f"--reference|{reference}" in calls[0]
    assert not pause.exists()


def test_speeds_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path))
    monkeypatch.setattr("gsv_lab.cli.example.example", lambda download: tmp_path / "me.wav")
    monkeypatch.setattr("gsv_lab.system.machine.time.sleep", lambda seconds: None)
    output = tmp_path / "speed.json"
    assert main(["bench", "--only", "import_seconds", "--output", str(output)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert json.loads(output.read_text()) == result
    assert result["figures"]["import_seconds"]["value"] > 0


def test_nothing_is_loaded_for_other_figures(tmp_path: Path) -> None:
    def load() -> None:
        raise AssertionError("the lab was loaded")

    result = bench(load, "me.wav", only=["import_seconds"], runs=1, pause=tmp_path / "pause", settle=0)
    figure = result["figures"]["import_seconds"]
    assert figure["value"] > 0 and figure["reached"] == (figure["value"] <= 0.5)
    with pytest.raises(ConfigError, match="'speed'"):
        bench(load, "me.wav", only=["speed"])


def test_summary_is_median_and_range() -> None:
    found = bench_module._summary(list(range(21)))
    assert (found["value"], found["low"], found["high"], found["runs"]) == (10, 1, 19, 21)


def test_a_busy_process_is_busy_and_ends() -> None:
    with busy_process() as process:
        time.sleep(0.5)
        assert process.poll() is None
        if Path("/proc/self/stat").is_file():
            ticks = sum(map(int, Path(f"/proc/{process.pid}/stat").read_text().split()[13:15]))
            assert ticks / os.sysconf("SC_CLK_TCK") > 0.02
    assert process.poll() is not None
