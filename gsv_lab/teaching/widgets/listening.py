"""A listening test in a notebook: the panel of `gsv_lab.evaluation.listening`, whose events the kernel keeps.

    panel = ListeningPanel("my_test")        # the folder that `gsv-lab listening make` wrote
    panel                                    # raters listen, one after the other
    panel.votes("my_test/key.json")          # afterwards

After a restart of the kernel the same cell offers every rater who has not finished to go on. `ListeningTests` has
several tests behind one choice.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

from gsv_lab.errors import on_page
from gsv_lab.evaluation.listening import read_results
from gsv_lab.evaluation.listening.desk import Desk
from gsv_lab.evaluation.listening.page import panel_script, panel_style
from gsv_lab.teaching.widgets.explorer import Explorer, State
from gsv_lab.teaching.widgets.incoming import FOLDER


class ListeningPanel(anywidget.AnyWidget):
    """The panel of one test.

    Args:
        folder: with `test.json` and `stimuli`; the key is not read.
        store: file of the votes; `votes.sqlite` in the folder if None. Several panels may share it.

    Raises:
        DataError: `LISTEN_FILE`, `LISTEN_CHANGED`, `LISTEN_STORE`, `LISTEN_OTHER_TEST`.
        LabError: `SAVE_FAILED`, `IN_USE`.
    """

    _esm = panel_script() + (FOLDER / "listening.js").read_text(encoding="utf-8")
    _css = panel_style()
    test = traitlets.Dict().tag(sync=True)

    def __init__(self, folder: str | Path, store: str | Path | None = None) -> None:
        self.desk = Desk(folder, store)
        self._lock = threading.Lock()
        super().__init__(test=self.desk.test.shown)
        self.on_msg(lambda _, content, buffers: self.receive(content, buffers))

    def receive(self, content: Mapping[str, Any], buffers: Sequence[Any] = ()) -> None:
        """Answer one message of the page, see `gsv_lab.evaluation.listening.desk`."""
        with self._lock:  # the kernel handles messages of widgets in more than one thread
            answer, sounds = self.desk.answer(content)
        self.send(answer, sounds)

    def votes(self, key: str | Path) -> list[dict[str, Any]]:
        """The votes so far, see `gsv_lab.evaluation.listening.votes.read_results`."""
        return read_results([self.desk.store.path], key)


class ListeningTests(Explorer):
    """Several tests, the panel of one at a time, and what its store holds.

    Args:
        folders: name of a test -> its folder, see `ListeningPanel`.

    Raises:
        DataError, LabError: those of `ListeningPanel`.
    """

    def __init__(self, folders: Mapping[str, str | Path]) -> None:
        self.panels = {name: ListeningPanel(folder) for name, folder in folders.items()}
        choice = ipywidgets.Dropdown(options=list(self.panels), description="test")
        super().__init__({"test": choice})
        self.stage = ipywidgets.VBox([self.panels[choice.value]])
        choice.observe(self._turn, "value")
        for panel in self.panels.values():
            panel.on_msg(lambda _, content, __: self._told(content))

    def panel(self) -> list[ipywidgets.Widget]:
        """The choice, and below it the panel."""
        return [*super().panel(), self.stage]

    def render(self, state: State) -> str:
        """What is asked, and how many raters and votes the store of the chosen test holds."""
        desk = self.panels[str(state["test"])].desk
        courses = [desk.store.course(rater) for rater in desk.store.raters()]
        pages = sum(len(course.done) for course in courses)
        done = sum(course.finished for course in courses)
        counted = f"{len(courses)} raters have begun, {done} have finished; {pages} pages are answered."
        test = desk.test.content
        labels = [choice["label"] for choice in test["scale"]["choices"]] or test["scale"]["bands"]
        asked = f"{test['texts']['question']} ({', '.join(labels)})"
        return f"<p>{on_page(asked)}<br><b>In the store:</b> {on_page(counted)}</p>"

    def _turn(self, _: Any) -> None:
        self.stage.children = [self.panels[self.controls["test"].value]]

    def _told(self, content: Mapping[str, Any]) -> None:
        """Count anew where a rater begins, leaves a page, or goes."""
        kinds = {event.get("kind") for event in content.get("events", ()) if isinstance(event, dict)}
        if content.get("kind") in ("begin", "forget") or "next" in kinds:
            self.requests.put()
