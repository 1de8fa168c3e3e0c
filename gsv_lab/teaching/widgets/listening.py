"""A listening test in a notebook: the panel of `gsv_lab.evaluation.listening`, whose events the kernel keeps.

    panel = ListeningPanel("my_test")        # the folder that `gsv-lab listening make` wrote
    panel                                    # raters listen, one after the other
    panel.votes("my_test/key.json")          # afterwards

After a restart of the kernel the same cell offers every rater who has not finished to go on.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from gsv_lab.evaluation.listening import read_results
from gsv_lab.evaluation.listening.desk import Desk
from gsv_lab.evaluation.listening.page import panel_script, panel_style
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
