"""The suite's own walls: what they stop, and what they let pass."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
import torch

import offline
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.system.environment import cache_dir


def test_network_is_refused_by_address_and_by_name() -> None:
    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(b"x", ("192.0.2.1", 53))

    for attempt in (
        lambda: socket.create_connection(("192.0.2.1", 80), timeout=1),
        lambda: socket.create_connection(("example.org", 80), timeout=1),
        send,
        lambda: socket.gethostbyname("example.org"),
    ):
        with pytest.raises(offline.NetworkBlocked, match="blocked"):
            attempt()
    with pytest.raises(OSError):
        urllib.request.urlopen("https://example.org", timeout=1)


def test_loopback_passes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].sendall(b"here"), daemon=True).start()
        with socket.create_connection(("localhost", server.getsockname()[1]), timeout=5) as client:
            assert client.recv(4) == b"here"


def test_child_behind_the_block(tmp_path: Path, root: Path) -> None:
    code = (
        f"{offline.STARTUP.format(folder=str(root / 'tests'))}import urllib.request as u; u.urlopen('http://192.0.2.1')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "http_proxy": ""}
    )
    assert done.returncode != 0 and "blocked in tests" in done.stderr


def test_kernel_behind_the_block(offline_kernels: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    code = "import socket\ntry:\n  socket.create_connection(('192.0.2.1', 80), 1)\nexcept OSError as e:\n  print(e)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=60).execute()
    assert "blocked in tests" in notebook.cells[0].outputs[0]["text"]


def test_cache_is_the_suites_own(cache: Path) -> None:
    assert cache_dir() == cache


def test_one_thread_and_the_same_draws() -> None:
    assert torch.get_num_threads() == 1
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(0)))


def test_a_tap_left_live_is_named_and_taken_out(request: pytest.FixtureRequest) -> None:
    class Part(Component):
        x, y = Tap("batch"), Tap("batch")

    part = Part()
    part.x.observe(lambda value: value)
    plugins = request.config.pluginmanager.get_plugins()
    suite = next(plugin for plugin in plugins if hasattr(plugin, "take_out_live_taps"))
    assert suite.take_out_live_taps() == ["x"]
    assert part.x.live() is None and suite.take_out_live_taps() == []
