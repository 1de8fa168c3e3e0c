"""Sound and pictures as HTML text, so that a widget's value is all that a browser needs.

Letters: T samples.
"""

from __future__ import annotations

import base64
import io
from typing import Any

from torch import Tensor

LONGEST = 5.0
"""Seconds that a player holds; longer sound would bloat the notebook that keeps it."""


def player(wave: Tensor, sample_rate: int, seconds: float = LONGEST) -> str:
    """(T,) -> HTML with a player of at most `seconds`: wav, one channel, 16 bit.

    Args:
        wave: samples in [-1, 1]; what is beyond is limited.
        sample_rate: Hz.
        seconds: at most `LONGEST`.
    """
    import soundfile

    most = round(min(seconds, LONGEST) * sample_rate)
    shown = wave.detach().reshape(-1)[:most].clamp(-1, 1).cpu().numpy()
    buffer = io.BytesIO()
    soundfile.write(buffer, shown, sample_rate, format="WAV", subtype="PCM_16")
    note = "" if wave.numel() <= most else f" <small>first {most / sample_rate:g} s</small>"
    return f'<audio controls src="data:audio/wav;base64,{_base64(buffer.getvalue())}"></audio>{note}'


def picture_html(figure: Any) -> str:
    """A matplotlib Figure as HTML with a PNG inside."""
    from gsv_lab.figures import png

    return f'<img style="max-width:100%" src="data:image/png;base64,{_base64(png(figure))}">'


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
