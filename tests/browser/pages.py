"""JupyterLab in a real browser: a server of its own, and a page that opens notebooks, runs cells and moves controls.

    with Server(folder) as server:
        page = LabPage(context.new_page(), server.address)
        page.open("05_timbre.ipynb")
        page.run_all()

Everything stays on this machine; a page remembers each request that would leave it, and each error of the console.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import offline

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60_000
"""Milliseconds that anything in a page may take."""
_QUIET = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}
_CELLS = """() => jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code')
    .map(cell => ({source: cell.model.sharedModel.getSource(), count: cell.model.executionCount,
                   outputs: cell.model.outputs.toJSON()}))"""

_WIDGETS = """() => jupyterapp.shell.currentWidget.content.widgets
    .map((cell, index) => [cell, index])
    .filter(([cell]) => cell.model.type === 'code' && cell.model.outputs.toJSON().some(
        out => out.data?.['application/vnd.jupyter.widget-view+json']))
    .map(([cell, index]) => index)"""
_IDLE = "root => ![...root.querySelectorAll('.gsv-busy')].some(note => note.textContent.trim())"
_CUT = """root => [...root.querySelectorAll('.widget-label')].filter(label => label.offsetParent
    && label.scrollWidth > label.clientWidth + 1 && getComputedStyle(label).overflowX !== 'visible')
    .map(label => label.textContent)"""


class Server:
    """JupyterLab on a folder, on a free port of this machine, with kernels that cannot reach the network.

    Args:
        folder: of notebooks.
        home: empty folder for settings and run-time files.
        variables: of the environment, for server and kernels.
    """

    def __init__(self, folder: Path, home: Path, variables: dict[str, str] | None = None) -> None:
        self.folder, self.home = folder, home
        settings = home / "settings"
        for name, values in _QUIET.items():
            path = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), encoding="utf-8")
        checks = home / "config" / "labconfig" / "page_config.json"
        checks.parent.mkdir(parents=True)
        checks.write_text(
            '{"buildCheck": false}', encoding="utf-8"
        )  # of extensions, with two seconds of Node.js a page
        startup = home / "ipython" / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "00-offline.py").write_text(offline.STARTUP.format(folder=str(ROOT / "tests")), encoding="utf-8")
        self.environment = os.environ | offline.ENVIRONMENT | (variables or {})
        self.environment |= {
            "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(home / "ipython"), "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(settings), "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "SOURCE_DATE_EPOCH": "1790000000",  # the date in the marks of synthetic speech
        }  # fmt: skip

    def __enter__(self) -> Server:
        command = [
            sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={self.folder}", "--no-browser", "--allow-root",
            "--ip=127.0.0.1", "--port=0", "--IdentityProvider.token=", "--expose-app-in-browser",
            "--LabApp.extension_manager=readonly", "--LabApp.news_url=",
        ]  # fmt: skip
        self.log = (self.home / "server.log").open("w", encoding="utf-8")
        self.process = subprocess.Popen(command, env=self.environment, stdout=self.log, stderr=subprocess.STDOUT)
        self.address = self._address()
        return self

    def _address(self) -> str:
        """Where it listens, as soon as it does."""
        until = time.monotonic() + PATIENCE / 1000
        while time.monotonic() < until and self.process.poll() is None:
            for path in (self.home / "runtime").glob("jpserver-*.json"):
                try:
                    return str(json.loads(path.read_text(encoding="utf-8"))["url"]).rstrip("/")
                except (ValueError, KeyError):  # still being written
                    pass
            time.sleep(0.1)
        raise RuntimeError((self.home / "server.log").read_text(encoding="utf-8"))

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


class LabPage:
    """One page of JupyterLab.

    `left` holds the addresses of requests that left the machine, `errors` those of the console. Nothing is done about
    either here: a test looks at them when it is through.

    Args:
        page: of the browser.
        address: of the server.
    """

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.left: list[str] = []
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self._sees(request.url))
        page.on("websocket", lambda socket: self._sees(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)

    def _sees(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and not offline.is_local(parts.hostname):
            self.left.append(url)

    def open(self, name: str) -> None:
        """Open a notebook of the folder, and wait for its kernel."""
        self.page.goto(f"{self.address}/lab/tree/{name}?reset")
        self.page.wait_for_function("""() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session
            ?.kernel?.status === 'idle' && jupyterapp.shell.currentWidget.content.widgets.length > 0""")

    def run_all(self) -> list[dict[str, Any]]:
        """Run every cell; gives the code cells as `cells` does, when they and the widgets' messages are through."""
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
        return self.cells()

    def cells(self) -> list[dict[str, Any]]:
        """The code cells: `source`, `count` of their execution, `outputs` in the format of a notebook."""
        return list(self.page.evaluate(_CELLS))

    def explorer(self, number: int = 0) -> Explorer:
        """A widget of the notebook, scrolled into view."""
        index = self.page.evaluate(_WIDGETS)[number]
        self.page.evaluate(
            """index => {const book = jupyterapp.shell.currentWidget.content;
               book.activeCellIndex = index; return book.scrollToItem(index, 'start');}""",
            index,
        )
        found = self.page.locator(f".jp-Cell[data-windowed-list-index='{index}'] .gsv-explorer").first
        found.wait_for(state="visible")
        return Explorer(found)

    def explorers(self) -> list[Explorer]:
        """All widgets of the notebook; the last one is in view."""
        return [self.explorer(number) for number in range(len(self.page.evaluate(_WIDGETS)))]

    def shut_down(self) -> None:
        """End the kernel of the notebook, if there is one."""
        self.page.evaluate("() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.shutdown()")

    def run_code(self, source: str) -> list[dict[str, Any]]:
        """Run a line in the kernel of the notebook, beside its cells; the outputs that it gave."""
        return list(
            self.page.evaluate(
                """async source => {
                   const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                   const outputs = [];
                   const future = kernel.requestExecute({code: source, store_history: false});
                   future.onIOPub = message => outputs.push(message.content);
                   await future.done;
                   return outputs;}""",
                source,
            )
        )


class Explorer:
    """One of the widgets with controls, in a page."""

    def __init__(self, root: Any) -> None:
        self.root, self.page = root, root.page

    def shown(self) -> str:
        """Everything that the result shows, as HTML, when nothing is being worked on."""
        self.page.wait_for_function(_IDLE, arg=self.root.element_handle())
        return str(self.root.locator(".gsv-output").first.inner_html())

    def changed(self, before: str) -> str:
        """What is shown as soon as it differs from `before`."""
        until = time.monotonic() + PATIENCE / 1000
        while time.monotonic() < until:
            now = self.shown()
            if now != before:
                return now
            self.page.wait_for_timeout(50)
        raise AssertionError("the result stayed as it was")

    def sliders(self) -> list[float]:
        """Width of every slider in pixels."""
        tracks = self.root.locator(".slider-container")
        return [float(track.bounding_box()["width"]) for track in tracks.all() if track.is_visible()]

    def labels_cut(self) -> list[str]:
        """Labels that do not fit where they stand."""
        return list(self.root.evaluate(_CUT))

    def drag(self, number: int = 0, share: float = 0.8) -> None:
        """Take the handle of a slider with the mouse to a place on its track, or a little back if it is there."""
        track = self.root.locator(".slider-container").nth(number)
        track.scroll_into_view_if_needed()
        box = track.locator(".noUi-base").bounding_box()
        handle = track.locator(".noUi-handle").first.bounding_box()
        begin = handle["x"] + handle["width"] / 2
        target = box["x"] + share * box["width"]
        if abs(begin - target) < 0.1 * box["width"]:
            target = box["x"] + (share - 0.4) * box["width"]
        height = handle["y"] + handle["height"] / 2
        self.page.mouse.move(begin, height)
        self.page.mouse.down()
        self.page.mouse.move((begin + target) / 2, height, steps=3)
        self.page.mouse.move(target, height, steps=3)
        self.page.mouse.up()

    def press(self, selector: str, keys: str) -> None:
        """Focus something inside and press keys (names with spaces between), as somebody without a mouse does."""
        self.root.locator(selector).first.focus()
        for key in keys.split():
            self.page.keyboard.press(key)
