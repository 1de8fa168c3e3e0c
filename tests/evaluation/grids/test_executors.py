"""Where cells run: processes of this machine, this process, and a cluster, with the same results."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import small_grids
from gsv_lab.errors import ConfigError, LabError
from gsv_lab.evaluation.grids import cluster, local
from gsv_lab.evaluation.grids.cell import DIED, DONE, FAILED, LOG, Cell, folder_of, read_outcome, write_cell
from gsv_lab.evaluation.grids.cluster import Cluster
from gsv_lab.evaluation.grids.local import Here, Local, environment_of
from gsv_lab.evaluation.grids.run import Running
from gsv_lab.evaluation.grids.schedule import run_cells
from gsv_lab.evaluation.grids.worker import DISK, _end_with

SCRIPT = """
import hashlib, json, os, signal, sys, time
from pathlib import Path
root, key = Path(sys.argv[1]), sys.argv[2]
signal.signal(signal.SIGINT, signal.default_int_handler)
print("threads", os.environ["OMP_NUM_THREADS"])
marks = root / "marks"
marks.mkdir(exist_ok=True)
count = len(list(marks.glob(key + "*")))
(marks / (key + str(count))).touch()
ends = {ends!r}.get(key, [])
if count < len(ends):
    if ends[count] == "slow":
        time.sleep(60)
    elif ends[count] < 0:
        os.kill(os.getpid(), -ends[count])
    else:
        sys.exit(ends[count])
folder = root / "cells" / key
items = "item,speaker,measure,value\\na,ann,mel,0." + str(int(key, 16)) + "\\n"
(folder / "items.csv").write_text(items)
digest = hashlib.sha256(items.encode()).hexdigest()
result = dict(schema=1, key=key, end="done", code="", message="", seconds=2.0, batches=3, items=digest, machine=dict())
(folder / "result.json").write_text(json.dumps(result))
"""
"""What such a process does; it loads nothing, since that would take longer than all else."""


def cells(count: int) -> dict[str, Cell]:
    """Cells of nothing."""
    made = [Cell("sovits", n, {"seed": n, "name": "x"}, {"threads": 2, "parts": []}) for n in range(count)]
    return {each.key: each for each in made}


@pytest.fixture
def scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Processes that train nothing and end as they are told, in turn, before they end well."""

    def make(**ends: list[Any]) -> Path:
        script = tmp_path / "script.py"
        script.write_text(SCRIPT.format(ends=ends))
        monkeypatch.setattr(local, "arguments_of", lambda root, key: [sys.executable, str(script), str(root), key])
        monkeypatch.setattr(cluster, "arguments_of", local.arguments_of)
        return tmp_path / "grid"

    return make


def test_processes_here_end_as_they_do(scripted: Callable[..., Path]) -> None:
    """One is killed, one ends with an error, one cannot write; the others are done."""
    made = cells(3)
    killed, failed, _ = made
    root = scripted(**{killed: [-int(signal.SIGKILL)], failed: [7]})
    known = run_cells(root, made, Local(root, 2))
    assert [known[key].end for key in made] == [DIED, DIED, DONE]
    assert "signal 9" in known[killed].message and "exit code 7" in known[failed].message
    assert "threads 2" in (folder_of(root, killed) / LOG).read_text()
    assert {one.end for one in run_cells(root, made, Local(root, 1)).values()} == {DONE}
    full = scripted(**{killed: [DISK]})
    with pytest.raises(LabError) as caught:
        run_cells(full / "other", {killed: made[killed]}, Local(full / "other"))
    assert caught.value.code == "SAVE_FAILED"


def test_a_killed_process_costs_only_its_cell(scripted: Callable[..., Path]) -> None:
    made = cells(3)
    killed = next(iter(made))
    root = scripted(**{killed: [-int(signal.SIGKILL)]})
    assert {one.end for one in run_cells(root, made, Local(root, 2), retries=1).values()} == {DONE}
    marks = sorted(path.name for path in (root / "marks").iterdir())
    assert len(marks) == 4 and [name for name in marks if name.endswith("1")] == [f"{killed}1"]


def test_closing_stops_what_runs(scripted: Callable[..., Path]) -> None:
    made = cells(1)
    (key,) = made
    root = scripted(**{key: ["slow"]})
    executor = Local(root)
    write_cell(root, made[key])
    executor.start(made[key])
    assert not executor.has_room()
    while not list(root.glob("marks/*")):
        time.sleep(0.02)
    began = time.monotonic()
    executor.close()
    assert time.monotonic() - began < 10 and executor.has_room()


def test_a_cell_is_stopped_where_the_shell_ignores_the_signal(tmp_path: Path) -> None:
    """A background job of a shell begins with Ctrl-C ignored, and so do its children."""
    slow = "from pathlib import Path\nimport time\nPath(__file__).with_name('there').touch()\ntime.sleep(60)\n"
    (tmp_path / "slow.py").write_text(slow, encoding="utf-8")
    cell = Cell("sovits", 1, {"seed": 1, "name": "x"}, {"threads": 1, "parts": ["slow.py"]})
    write_cell(tmp_path, cell)
    executor = Local(tmp_path)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        executor.start(cell)
    finally:
        signal.signal(signal.SIGINT, before)
    while not (tmp_path / "there").exists():
        assert not read_outcome(tmp_path, cell).end
        time.sleep(0.02)
    began = time.monotonic()
    executor.close()
    assert time.monotonic() - began < 10


def test_a_cell_ends_with_the_process_that_began_it() -> None:
    """The watcher notices that its parent is another one now."""
    pid = os.fork()
    if not pid:
        try:
            _end_with(os.getppid() + 1)
            threading.Event().wait(10)
        finally:
            os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1


def test_cells_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "run_cell", lambda root, key, load: small_grids.pretend(root, key))
    made = cells(2)
    assert {one.end for one in run_cells(tmp_path, made, Here(tmp_path)).values()} == {DONE}


def test_ways_to_run_that_there_are_not(tmp_path: Path) -> None:
    for wrong in ({"parallel": "slurm"}, {"threads": 0}, {"workers": -1}, {"retries": -1}):
        with pytest.raises(ConfigError) as caught:
            Running(**wrong)
        assert caught.value.code == "PARAM_RANGE"
    assert isinstance(Running().executor(tmp_path, typed=True), Here)
    with pytest.raises(ConfigError, match="in this process alone") as caught:
        Running("ray").executor(tmp_path, typed=True)
    assert caught.value.code == "GRID_PART"
    assert environment_of(3)["MKL_NUM_THREADS"] == "3"


class PretendedRay:
    """Ray's calls as `cluster` uses them, on threads of this process; workers can be lost."""

    class RayError(Exception):
        """Parent of what Ray raises."""

    class WorkerCrashedError(RayError):
        """A worker was lost."""

    def __init__(self, head: bool = True, lost: tuple[str, ...] = ()) -> None:
        self.exceptions = SimpleNamespace(RayError=self.RayError)
        self.head, self.lost = head, list(lost)
        self.calls: list[dict[str, Any]] = []
        self.options: list[dict[str, Any]] = []
        self.stopped = False

    def is_initialized(self) -> bool:
        return False

    def init(self, **options: Any) -> None:
        self.calls.append(options)
        if options["address"] != "local" and not self.head:
            raise ConnectionError("no head")

    def remote(self, function: Callable[..., Any]) -> Any:
        ray = self

        class Wrapped:  # has no options of its own, as Ray's has none
            def remote(self, root: str, key: str, threads: int) -> Any:
                done = SimpleNamespace(value=None)

                def work() -> None:
                    if key in ray.lost:
                        ray.lost.remove(key)
                        done.value = ray.WorkerCrashedError("gone")
                    else:
                        done.value = function(root, key, threads)

                done.thread = threading.Thread(target=work)
                done.thread.start()
                return _Ref(done)

        class Task:
            def options(self, **options: Any) -> Wrapped:
                ray.options.append(options)
                return Wrapped()

        return Task()

    def wait(self, refs: list[Any], num_returns: int) -> tuple[list[Any], list[Any]]:
        while True:
            for ref in refs:
                if not ref.done.thread.is_alive():
                    return [ref], [other for other in refs if other is not ref]
            time.sleep(0.01)

    def get(self, ref: Any) -> Any:
        if isinstance(ref.done.value, Exception):
            raise ref.done.value
        return ref.done.value

    def cancel(self, ref: Any) -> None:
        ref.done.thread.join()

    def shutdown(self) -> None:
        self.stopped = True


class _Ref:
    def __init__(self, done: Any) -> None:
        self.done = done


def results(root: Path, made: dict[str, Cell]) -> dict[str, bytes]:
    return {key: (folder_of(root, key) / "items.csv").read_bytes() for key in made}


def test_a_cluster_gives_what_one_machine_gives(scripted: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a worker is lost in between, which costs its cell a second start and nothing else."""
    made = cells(4)
    root = scripted()
    run_cells(root / "local", made, Local(root / "local", 2))
    ray = PretendedRay(lost=(list(made)[1],))
    monkeypatch.setattr(cluster, "require", lambda *_: ray)
    executor = Cluster(root / "ray", {"num_cpus": 1, "num_gpus": 0.5, "slot": 2}, workers=2)
    known = run_cells(root / "ray", made, executor, retries=1)
    assert {one.end for one in known.values()} == {DONE}
    assert results(root / "local", made) == results(root / "ray", made)
    assert ray.options[0] == {"num_cpus": 1, "num_gpus": 0.5, "resources": {"slot": 2}, "max_retries": 0}
    assert ray.calls == [{"address": "auto", "log_to_driver": False}] and not ray.stopped
    lost = PretendedRay(lost=(list(made)[0],))
    monkeypatch.setattr(cluster, "require", lambda *_: lost)
    ended = run_cells(root / "third", made, Cluster(root / "third"))
    assert sorted(one.end for one in ended.values()) == [DIED, DONE, DONE, DONE]
    assert {one["num_cpus"] for one in lost.options} == {2}, "threads of a cell, where nobody says what it needs"


def test_a_head_is_found_or_started_on_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = PretendedRay(head=False)
    monkeypatch.setattr(cluster, "require", lambda *_: ray)
    executor = Cluster(tmp_path)
    own = {"address": "local", "include_dashboard": False, "log_to_driver": False, "_node_ip_address": "127.0.0.1"}
    assert ray.calls[-1] == own and executor.started
    executor.close()
    assert ray.stopped
    with pytest.raises(ConfigError, match="There is no head of Ray at '10.0.0.1:6379'") as caught:
        Cluster(tmp_path, address="10.0.0.1:6379")
    assert caught.value.code == "CLUSTER_ADDRESS"


def test_a_machine_that_does_not_see_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "require", lambda *_: PretendedRay())
    monkeypatch.setattr(cluster, "CELL", "not_there.json")
    made = cells(1)
    with pytest.raises(ConfigError, match="does not see the folder") as caught:
        run_cells(tmp_path, made, Cluster(tmp_path))
    assert caught.value.code == "CLUSTER_FOLDER"


def test_without_ray_its_extra_is_named(tmp_path: Path) -> None:
    if importlib.util.find_spec("ray"):
        pytest.skip("ray is installed")
    with pytest.raises(LabError, match=r"\[ray\]") as caught:
        Cluster(tmp_path)
    assert caught.value.code == "EXTRA_MISSING"


KILLER = """
import os, signal
from pathlib import Path
import gsv_lab
from gsv_lab.nn.flow import IdentityFlow


@gsv_lab.register
class Killer(IdentityFlow):
    def __init__(self, latent_dim: int, speaker_dim: int, mark: str) -> None:
        super().__init__(latent_dim, speaker_dim)
        if not Path(mark).exists():
            Path(mark).touch()
            os.kill(os.getppid(), signal.SIGKILL)  # the worker that began this cell
"""


@pytest.mark.slow
def test_a_real_cluster_of_two_workers_one_of_which_is_killed(base: Path, tmp_path: Path) -> None:
    """The same cells here and there: equal measurements; a killed worker costs its cell a second start."""
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    import gsv_lab

    part = tmp_path / "killer_parts.py"
    part.write_text(KILLER)
    flow = {"class_path": "killer_parts.Killer", "init_args": {"latent_dim": 8, "speaker_dim": 20}}
    flow["init_args"]["mark"] = str(tmp_path / "mark")
    ablations = {"killed": {"task.init_args.sovits.init_args.flow": flow}, "no_flow": None}
    found = {}
    for name, running in (("ray", Running("ray", workers=2, address="local")), ("local", Running())):
        found[name] = gsv_lab.ablate(base, ablations, [0], output=tmp_path / name, parts=[part], running=running)
        assert not found[name].failed
    assert (tmp_path / "ray/cells.csv").read_bytes() == (tmp_path / "local/cells.csv").read_bytes()


def test_outcomes_of_processes(tmp_path: Path) -> None:
    """What a process wrote counts, whatever its code; without it, the code does."""
    made = cells(1)
    (key,) = made
    write_cell(tmp_path, made[key])
    assert local.ended(tmp_path, made[key], -11).message.startswith("its process ended with signal 11")
    small_grids.pretend(tmp_path, key)
    assert local.ended(tmp_path, made[key], 0).end == DONE and local.ended(tmp_path, made[key], DISK).end == FAILED
    assert json.loads((folder_of(tmp_path, key) / "result.json").read_text())["schema"] == 1
    assert read_outcome(tmp_path, made[key]).seconds == 2.0
