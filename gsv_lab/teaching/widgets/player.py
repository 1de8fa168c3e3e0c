"""Sound and pictures as HTML text, so that a widget's value is all that a browser needs.

Letters: T samples.
"""

from __future__ import annotations

import base64
from typing import Any

from torch import Tensor

from gsv_lab import audio


def player(wave: Tensor, sample_rate: int, mark: audio.Mark | None) -> str:
    """(T,) -> HTML with a player of the whole wave: wav, one channel, 16 bit. It plays when it is asked to.

    A second takes 43 kB of the page at 16 kHz. A Jupyter server passes on 3 MB within 3 s, 70 s of speech.

    Args:
        wave: samples in [-1, 1]; what is beyond is limited.
        sample_rate: Hz.
        mark: that the speech is synthetic; None for recordings.
    """
    return f'<audio controls preload="metadata" src="{audio.data_url(wave, sample_rate, mark)}"></audio>'


def picture_html(figure: Any) -> str:
    """A matplotlib Figure as HTML with a PNG inside."""
    from gsv_lab.figures import png

    return f'<img style="max-width:100%" src="data:image/png;base64,{base64.b64encode(png(figure)).decode("ascii")}">'
