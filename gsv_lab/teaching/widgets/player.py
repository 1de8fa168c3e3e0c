"""Sound and pictures as HTML text, so that a widget's value is all that a browser needs.

Letters: T samples.
"""

from __future__ import annotations

import base64
from typing import Any

from torch import Tensor

from gsv_lab import audio

LONGEST = 5.0
"""Seconds that a player holds; longer sound would bloat the notebook that keeps it."""


def player(wave: Tensor, sample_rate: int, mark: audio.Mark | None, seconds: float = LONGEST) -> str:
    """(T,) -> HTML with a player of at most `seconds`: wav, one channel, 16 bit.

    Args:
        wave: samples in [-1, 1]; what is beyond is limited.
        sample_rate: Hz.
        mark: that the speech is synthetic; None for recordings.
        seconds: at most `LONGEST`.
    """
    most = round(min(seconds, LONGEST) * sample_rate)
    source = audio.data_url(wave.detach().reshape(-1)[:most], sample_rate, mark)
    note = "" if wave.numel() <= most else f" <small>first {most / sample_rate:g} s</small>"
    return f'<audio controls src="{source}"></audio>{note}'


def picture_html(figure: Any) -> str:
    """A matplotlib Figure as HTML with a PNG inside."""
    from gsv_lab.figures import png

    return f'<img style="max-width:100%" src="data:image/png;base64,{_base64(png(figure))}">'


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
