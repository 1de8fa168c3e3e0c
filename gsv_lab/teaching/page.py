"""What a page of the course shows besides pictures: sounds beside their pictures, shapes that pass the taps, notes.

Letters: T samples.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from gsv_lab.errors import on_page
from gsv_lab.hooks.record import Record, Records
from gsv_lab.teaching.widgets.player import picture_html, player


@dataclass(frozen=True)
class Page:
    """HTML for the output of a cell; `text` is what it says where no HTML is shown."""

    html: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def heard(picture: Any, sounds: Mapping[str, Any]) -> Page:
    """A picture with players of what it shows, whole.

    Args:
        picture: a matplotlib Figure, or None for players alone.
        sounds: name -> a `Speech`, a recording (anything with a `wave` (T,), perhaps a `sample_rate`, else 16 kHz, and
            a `mark`), or a pair of wave (T,) and sample rate in Hz.
    """
    players = "".join(
        f'<div style="margin:0.2em 1em 0.2em 0"><small>{on_page(name)}</small><br>{_player(sound)}</div>'
        for name, sound in sounds.items()
    )
    row = f'<div class="gsv-heard" style="display:flex;flex-wrap:wrap">{players}</div>'
    return Page(row + ("" if picture is None else picture_html(picture)), f"sounds: {', '.join(sounds)}")


def _player(sound: Any) -> str:
    if hasattr(sound, "wave"):  # an excerpt is a tuple, too
        rate, mark = getattr(sound, "sample_rate", 16000), getattr(sound, "mark", None)
        return player(torch.as_tensor(sound.wave), rate, mark)
    wave, sample_rate = sound
    return player(torch.as_tensor(wave), sample_rate, None)


def shapes(records: Records | Mapping[str, Record]) -> Page:
    """A table of what passed some taps: shape by named axes, rate, unit and meaning.

    Args:
        records: of a probe; a tap that was called several times shows its last call.
    """
    head = "".join(f"<th>{title}</th>" for title in ("tap", "shape", "rate", "what it is"))
    rows, lines = [], []
    for name, record in records.items():
        sizes = ", ".join(f"{axis} {size}" for axis, size in zip(record.axes, record.steps[-1].shape, strict=True))
        rate = f"{record.rate:g} Hz" if record.rate else ""
        meaning = record.meaning + (f" ({record.unit})" if record.unit else "")
        cells = (name, sizes + (f" × {len(record)} calls" if len(record) > 1 else ""), rate, meaning)
        rows.append("<tr>" + "".join(f'<td style="text-align:left">{on_page(cell)}</td>' for cell in cells) + "</tr>")
        lines.append("  ".join(cell for cell in cells if cell))
    table = f'<table class="gsv-shapes"><tr>{head}</tr>{"".join(rows)}</table>'
    return Page(table, "\n".join(lines))


@contextmanager
def noted() -> Iterator[None]:
    """Warnings of the block as plain lines under the cell, each once, in place of a red box with code.

    What libraries say to those who program with them, that something will change, is left out.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    said = [warning for warning in caught if not issubclass(warning.category, DeprecationWarning | FutureWarning)]
    for message in dict.fromkeys(str(warning.message) for warning in said):
        sys.stdout.write(f"Note: {message}\n")
