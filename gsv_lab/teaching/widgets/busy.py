"""The line of an explorer that says that something is being made; it also brings the explorer's style and its keys.

JupyterLab takes arrow keys for itself (the next cell) wherever the focus is on something that is not written into, such
as a list of choices. Here whatever gets the focus inside an explorer is marked as keeping its keys.
"""

from __future__ import annotations

import anywidget
import traitlets

from gsv_lab.teaching.widgets.layout import STYLE

BUSY = "working …"


class BusyNote(anywidget.AnyWidget):
    """A line of text, read aloud by screen readers when it changes; `value` is the text, empty when nothing is made."""

    value = traitlets.Unicode("").tag(sync=True)
    _css = STYLE
    _esm = """
    const keep = (event) => { event.target.dataset.lmSuppressShortcuts = "true"; };
    const keepKeys = (el, tries) => {
      const root = el.closest(".gsv-explorer");
      if (root) root.addEventListener("focusin", keep);
      else if (tries) requestAnimationFrame(() => keepKeys(el, tries - 1));
    };
    function render({ model, el }) {
      const show = () => { el.textContent = model.get("value"); };
      el.classList.add("gsv-busy");
      el.setAttribute("role", "status");
      model.on("change:value", show);
      show();
      keepKeys(el, 100);
    }
    export default { render };
    """
