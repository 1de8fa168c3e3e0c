"""Explorer of notebook 02: edit a text and see its phones, word by word.

Letters: P phones.
"""

from __future__ import annotations

import ipywidgets

from gsv_lab.errors import on_page
from gsv_lab.teaching.widgets.explorer import Explorer, State
from gsv_lab.text import Phones, Word, phonemize

COLOURS = {
    "dictionary": "#56B4E9", "derived": "#009E73", "network": "#E69F00", "rules": "#F0E442", "spelled": "#CC79A7",
    "unknown": "#D55E00", "mark": "#bbbbbb",
}  # fmt: skip
"""Where a word's phones come from, see `gsv_lab.text.Word`."""


class PhoneExplorer(Explorer):
    """A text to edit, and the strip of its phones under its words.

    state: `text`, `language`; `render` gives HTML text.

    Args:
        text: to begin with.
        language: `en`, `zh` or `auto`.
    """

    def __init__(self, text: str, language: str = "auto") -> None:
        wide = ipywidgets.Layout(width="42em")
        super().__init__(
            {
                "text": ipywidgets.Textarea(text, description="text", layout=wide),
                "language": ipywidgets.Dropdown(options=["auto", "en", "zh"], value=language, description="language"),
            }
        )

    def render(self, state: State) -> str:
        """The strip, with warnings about what was guessed or left out.

        Raises:
            TextError: the text cannot be spoken; the panel shows why.
        """
        return strip(phonemize(state["text"], state["language"]))


def strip(phones: Phones) -> str:
    """Words over their phones as HTML; the colour of a box says where the phones come from."""
    boxes, first = [], 0
    for word in phones.words:
        boxes.append(_box(word, phones.symbols[first : first + word.phones]))
        first += word.phones
    used = dict.fromkeys(word.source for word in phones.words)
    legend = " ".join(f'<span style="color:{COLOURS[name]}">■</span> {name}' for name in used)
    warnings = "".join(f"<li>{on_page(warning)}</li>" for warning in phones.warnings)
    counts = f"{len(phones.words)} words and marks, {len(phones)} phones"
    return f"<div>{''.join(boxes)}</div><small>{counts}. {legend}</small><ul>{warnings}</ul>"


def _box(word: Word, symbols: tuple[str, ...]) -> str:
    style = f"display:inline-block;margin:2px;padding:2px 6px;border-bottom:4px solid {COLOURS[word.source]}"
    text = f"<b>{on_page(word.text)}</b>" if word.emphasis else on_page(word.text)
    return f'<span style="{style}">{text}<br><code>{on_page(" ".join(symbols))}</code></span>'
