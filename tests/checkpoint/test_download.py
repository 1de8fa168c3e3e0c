"""`gsv-lab weights get` against a hub on this machine: whole, interrupted, forged, absent; and the catalogue."""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gsv_lab.cli import main
from gsv_lab.errors import LabError
from gsv_lab.released import catalogue
from gsv_lab.released.catalogue import KNOWN, MODELS, REPOSITORY, REVISION, HubFile, KnownFile
from gsv_lab.released.download import UNFINISHED, download

BIG = b"".join(i.to_bytes(4, "big") for i in range(100_000))
FILES = {"s1.ckpt": b"the text model" * 50, "v2Pro/s2G.pth": BIG, "hubert/config.json": b"{}", "s2D.pth": b"others"}
ROLES = {"s1.ckpt": "semantic_gpt", "v2Pro/s2G.pth": "sovits", "s2D.pth": "discriminators"}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does: large files are a redirect to another host that knows ranges, small ones are moved
    within the site; both carry the commit and an ETag."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def do_HEAD(self) -> None:
        hub: Any = self.server
        hub.seen.append((self.command, self.path, dict(self.headers)))
        name = self.path.removeprefix(f"/{REPOSITORY}/resolve/{REVISION}/")
        data = hub.files.get(name.removeprefix("/moved/"))
        if data is None:
            self.answer(404, {"X-Error-Code": "EntryNotFound"})
        elif name.startswith("/moved/"):
            self.answer(200, {"X-Repo-Commit": REVISION, "ETag": '"0a1b"', "Content-Length": str(len(data))})
        elif name.endswith(".json"):
            self.answer(307, {"Location": f"/moved/{name}", "X-Repo-Commit": REVISION})
        else:
            there = f"http://localhost:{hub.server_port}/far/{name}"  # another host, as far as the library can see
            headers = {"X-Linked-Etag": f'"{hub.etags.get(name, digest(data))}"', "X-Linked-Size": str(len(data))}
            self.answer(302, {"Location": there, "X-Repo-Commit": REVISION, **headers})

    def do_GET(self) -> None:
        hub: Any = self.server
        hub.seen.append((self.command, self.path, dict(self.headers)))
        name = self.path.removeprefix("/far/").removeprefix("/moved/")
        data = hub.sent.get(name, hub.files[name])
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and hub.ranges else 0
        headers = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        self.answer(206 if start else 200, {"Content-Length": str(len(data) - start), **headers})
        part = data[start:]
        if hub.cuts and name == "v2Pro/s2G.pth":
            part = part[: hub.cuts.pop(0)]
            self.close_connection = True
        self.wfile.write(part)
        if hub.silent:  # sends no more and does not hang up
            self.wfile.flush()
            hub.silent.wait(60)

    def answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server on this machine that holds `FILES`, and a catalogue that lists them."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.files, server.sent, server.etags, server.cuts, server.ranges, server.seen = dict(FILES), {}, {}, [], True, []
    server.silent = None
    server.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    known = [
        KnownFile(MODELS, name, ROLES[name], "MIT", (HubFile(name, len(data), digest(data)),))
        for name, data in FILES.items()
        if name in ROLES
    ]
    part = HubFile("hubert/config.json", 2, digest(b"{}"))
    monkeypatch.setattr(catalogue, "KNOWN", (*known, KnownFile(MODELS, "hubert", "content_encoder", "MIT", (part,))))
    constants = importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 2**14)
    monkeypatch.setenv("TQDM_POSITION", "-1")  # a bar even where nobody looks at a terminal
    yield server
    server.shutdown()
    server.server_close()


def get(hub: Any, folder: Path, *options: str) -> int:
    return main(["weights", "get", "v2Pro", "--folder", str(folder), "--endpoint", hub.endpoint, *options])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    return lines[0]


def test_everything_a_model_needs_comes_and_stays(hub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once over the network, then checked on the disk alone; the discriminators only for training."""
    folder = tmp_path / "a" / "weights"
    assert get(hub, folder) == 0
    assert contents(folder) == {name: data for name, data in FILES.items() if name != "s2D.pth"}
    assert not (folder / UNFINISHED).exists()
    shown = capsys.readouterr()
    assert shown.out.count("fetched: ") == 3 and "400,000 bytes" in shown.out
    assert "s2G.pth: 100%" in shown.err  # the bar
    assert not any("authorization" in map(str.lower, headers) for _, _, headers in hub.seen)
    hub.seen.clear()
    assert get(hub, folder) == 0 and get(hub, folder, "--offline") == 0
    assert hub.seen == [] and capsys.readouterr().out.count("present: ") == 6
    assert get(hub, folder, "--training") == 0
    assert contents(folder) == FILES and capsys.readouterr().out.count("fetched: ") == 1


def test_a_dropped_connection_goes_on_where_it_was(hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    hub.cuts = [150_000, 100_000]
    assert get(hub, tmp_path) == 0
    assert contents(tmp_path)["v2Pro/s2G.pth"] == BIG
    starts = [headers.get("Range") for command, path, headers in hub.seen if command == "GET" and "s2G" in path]
    assert len(starts) == 3 and starts[0] is None
    assert all(re.fullmatch(r"bytes=[1-9]\d+-", start) for start in starts[1:])


def test_a_stopped_download_keeps_whole_files_only(hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next call asks for the file at which it stopped and for those after it, and for no other."""

    def stopped(_: float) -> None:
        raise KeyboardInterrupt

    hub.cuts = [300_000]
    with monkeypatch.context() as patch:
        patch.setattr("huggingface_hub.file_download.time.sleep", stopped)
        assert get(hub, tmp_path) == 130
    assert contents(tmp_path) == {"s1.ckpt": FILES["s1.ckpt"]} and not (tmp_path / UNFINISHED).exists()
    hub.seen.clear()
    assert get(hub, tmp_path) == 0
    assert contents(tmp_path) == {name: data for name, data in FILES.items() if name != "s2D.pth"}
    asked = {path.rsplit("/", 1)[-1] for command, path, _ in hub.seen if command == "GET"}
    assert asked == {"s2G.pth", "config.json"}


def test_a_server_without_ranges(hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dropped connection is answered with the whole file, whose beginning must not stand there twice."""
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    hub.cuts, hub.ranges = [150_000], False
    assert get(hub, tmp_path) == 0
    assert contents(tmp_path)["v2Pro/s2G.pth"] == BIG


KILLED = """
import sys
from huggingface_hub import constants
from gsv_lab.released import catalogue
from gsv_lab.cli import main
constants.DOWNLOAD_CHUNK_SIZE = 2**14
part = catalogue.HubFile("v2Pro/s2G.pth", int(sys.argv[2]), sys.argv[3])
catalogue.KNOWN = (catalogue.KnownFile(catalogue.MODELS, part.path, "sovits", "MIT", (part,)),)
main(["weights", "get", "v2Pro", "--folder", sys.argv[4], "--endpoint", sys.argv[1]])
"""


def test_a_killed_download_leaves_nothing_that_looks_whole(hub: Any, tmp_path: Path) -> None:
    """The process gets no chance to tidy up; the next call does, and brings the file."""
    hub.cuts, hub.silent = [300_000], threading.Event()
    arguments = [hub.endpoint, str(len(BIG)), digest(BIG), str(tmp_path)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "0"}
    child = subprocess.Popen([sys.executable, "-c", KILLED, *arguments], stderr=subprocess.DEVNULL, env=environment)
    deadline = time.monotonic() + 60

    def arrived() -> int:
        return sum(path.stat().st_size for path in (tmp_path / UNFINISHED).rglob("*") if path.is_file())

    while arrived() <= 100_000 and time.monotonic() < deadline:
        assert child.poll() is None
        time.sleep(0.02)
    child.kill()
    child.wait()
    hub.silent.set()
    assert 100_000 < arrived() < len(BIG) and not (tmp_path / "v2Pro" / "s2G.pth").exists()
    hub.silent = None
    assert get(hub, tmp_path) == 0
    assert contents(tmp_path)["v2Pro/s2G.pth"] == BIG and not (tmp_path / UNFINISHED).exists()


def test_wrong_bytes_are_refused_and_deleted(hub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hub.sent["v2Pro/s2G.pth"] = BIG[:-1] + b"?"
    assert get(hub, tmp_path) == 2
    assert "CKPT_TAMPERED" in error_line(capsys)
    assert sorted(contents(tmp_path)) == ["s1.ckpt"]
    hub.sent.clear()
    assert get(hub, tmp_path) == 0 and contents(tmp_path)["v2Pro/s2G.pth"] == BIG


def test_another_file_is_refused_before_its_bytes(hub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The hub's own checksum or size is not the catalogue's."""
    for change in ({"etags": {"s1.ckpt": digest(b"other")}}, {"files": {**FILES, "s1.ckpt": b"short"}}):
        vars(hub).update(change)
        assert get(hub, tmp_path) == 2
        assert "offers another file as s1.ckpt" in error_line(capsys)
        assert contents(tmp_path) == {} and not any(command == "GET" for command, _, _ in hub.seen)


def test_own_files_are_never_overwritten(hub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s1.ckpt").write_bytes(b"mine")
    assert get(hub, tmp_path) == 2
    assert "Move it away" in error_line(capsys) and contents(tmp_path) == {"s1.ckpt": b"mine"} and hub.seen == []


def test_offline_is_said_in_one_line(
    hub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert get(hub, tmp_path, "--offline") == 2
    line = error_line(capsys)
    assert "3 files of v2Pro" in line and str(tmp_path) in line and line.endswith("[OFFLINE]")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert get(hub, tmp_path) == 2 and error_line(capsys).endswith("[OFFLINE]")
    assert hub.seen == [] and contents(tmp_path) == {}


def test_no_network_no_such_file_no_hub(hub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del hub.files["s1.ckpt"]
    assert get(hub, tmp_path) == 2
    assert "the hub answered 404" in error_line(capsys)
    hub.shutdown()
    hub.server_close()
    assert get(hub, tmp_path) == 2
    line = error_line(capsys)
    assert "Cannot fetch s1.ckpt" in line and line.endswith("[NETWORK]") and contents(tmp_path) == {}


def test_no_network_from_the_shell(run_cli: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """The real catalogue and address, and no way out of the machine."""
    done = run_cli(
        "weights", "get", "v1", "--folder", tmp_path / "w", env={"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "0"}
    )
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: Cannot fetch s1bert25hz-2kh") and "[NETWORK]" in done.stderr
    assert contents(tmp_path) == {}


def test_unknown_model_full_disk_and_missing_extra(
    hub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["weights", "get", "v5"]) == 2
    assert "one of v1, v2, v2Pro, v2ProPlus" in error_line(capsys)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
        assert get(hub, tmp_path) == 2
    assert "SAVE_FAILED" in error_line(capsys) and hub.seen == []
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(LabError, match=r"extra \[released\].*pip install") as caught:
        list(download("v2", tmp_path))
    assert caught.value.code == "EXTRA_MISSING"


def test_disk_that_fills_up_on_the_way(
    hub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    for writing in ("os.replace", "huggingface_hub.file_download.http_get"):
        with monkeypatch.context() as patch:
            patch.setattr(writing, full)
            assert get(hub, tmp_path) == 2
        assert "No space left" in error_line(capsys)
        assert contents(tmp_path) == {}


def test_list_says_what_is_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole, in part, or not at all."""
    for name, data in {"s1v3.ckpt": b"12345", "chinese-hubert-base/config.json": b"{}"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert main(["weights", "list", "--folder", str(tmp_path)]) == 0
    lines = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()[3:]}
    assert len(lines) == len(KNOWN) and all(REPOSITORY not in line for line in lines.values())
    assert lines["s1v3.ckpt"].endswith("MIT         5 bytes")
    assert lines["chinese-hubert-base"].endswith("2 bytes, 2 of 3 files absent")
    assert lines["chinese-roberta-wwm-ext-large"].endswith("Apache-2.0  absent")


def test_catalogue_is_whole() -> None:
    """Every model has one entry of each role; checksums are checksums; nothing is listed twice."""
    parts = [part for entry in KNOWN for part in entry.parts]
    assert len({part.path for part in parts}) == len({part.sha256 for part in parts}) == len(parts)
    assert all(re.fullmatch("[0-9a-f]{64}", part.sha256) and part.bytes > 200 for part in parts)
    speaking = {"semantic_gpt", "sovits", "content_encoder", "context_encoder"}
    for model in MODELS:
        roles = [entry.role for entry in catalogue.needed(model)]
        wanted = speaking | ({"speaker_verification"} if "Pro" in model else set())
        assert len(roles) == len(set(roles)) and set(roles) == wanted
        assert len(catalogue.needed(model, training=True)) == len(roles) + 1
    assert catalogue.needed("v3") == ()
