"""Which phone each frame of the prior gets: given to it, or found by its attention.

Letters: H heads, F frames, P phones.
"""

from __future__ import annotations

from torch import Tensor

from gsv_lab.hooks import Record
from gsv_lab.hooks.catalogue import match, points
from gsv_lab.inference.lab import Lab

TAPS = ("prior.phone_alignment", "prior.cross_attention.pattern")
"""Of an aligned prior, and of one with attention, as in the released families."""


def alignment_tap(lab: Lab) -> str:
    """The one of `TAPS` that a lab's prior has.

    Raises:
        HookError: TAP_UNKNOWN, it has neither.
    """
    known = points(lab)
    return next((tap for tap in TAPS if tap in known), "") or match(TAPS[0], known)[0].name


def phone_weights(record: Record) -> Tensor:
    """What share of each phone a frame gets, by a record of one of `TAPS`: (F, P), the mean of heads if it has any."""
    return (record.mean("head") if "head" in record.axes else record).value[0]
