"""The rules on silence in speech: how long each phone may take when it is spoken, and which rules a made wave breaks.

A network that decides anew at every code whether to go on may stay at a phone in silence for seconds. Listeners expect
a pause where a mark asks for it, hardly any before the first sound, and none elsewhere.
Letters: T samples, P phones, F25 codes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gsv_lab.text.pauses import PAUSE
from gsv_lab.text.symbols import PUNCTUATION, ZH_NULL_INITIALS

LEAD = 0.3
"""Most seconds before the first sound."""
PAUSE_AT_MARK = 1.0
"""Most seconds of silence where a mark stands."""
PAUSE_ELSEWHERE = 0.7
"""Most seconds of silence where none stands."""
AUDIBLE = -35.0
"""Level in dBFS that the loudest 20 ms of speech exceed."""
FADE = 15.0
"""Least dB by which the last 40 ms are below the loudest."""
RULES = ("silent", "begins late", "pauses", "ends loud")

_BEGINNING = 0.28
_SOUNDING_BEGINNING = 0.32
_BEGINNING_PAUSE = 0.12
_PAUSE = 0.4
_MARK = 0.48
_PHONE = 0.4
"""Most seconds of: a first phone that begins with a closure; any other first phone, which sounds before the next one
does; a place for a pause at the beginning, which takes no longer with the phone behind it than that phone alone;
another one; a mark, beside which the phones are partly silent, too; any other phone.
"""
_CLOSED = {*"B CH D G JH K P T b c ch d g j k p q t z zh".split(), *ZH_NULL_INITIALS, *PUNCTUATION}
_WINDOW = 0.02
_QUIET = 30.0
"""dB below the loudest window, from where one counts as silence."""
_FLOOR = -50.0


def longest_codes(symbols: Sequence[str], frame_rate: float) -> Tensor:
    """The most codes on each phone of a sentence: P phone names -> (P,) whole numbers.

    Args:
        symbols: of `gsv_lab.text.symbols`.
        frame_rate: codes a second.
    """
    kinds = {PAUSE: _PAUSE, **dict.fromkeys(PUNCTUATION, _MARK)}
    seconds = [kinds.get(symbol, _PHONE) for symbol in symbols]
    first = 1 if symbols[0] == PAUSE else 0
    seconds[first] = _BEGINNING if symbols[first] in _CLOSED else _SOUNDING_BEGINNING
    if first:
        seconds[0] = _BEGINNING_PAUSE
        seconds[1] -= _BEGINNING_PAUSE
    return (torch.tensor(seconds) * frame_rate + 1e-3).long()


def broken_rules(
    wave: Tensor, sample_rate: int, symbols: Sequence[str], phone_index: Tensor | None = None, speed: float = 1.0
) -> tuple[str, ...]:
    """Which of the `RULES` a spoken sentence breaks; a silent one breaks them all.

    Args:
        wave: (T,).
        sample_rate: Hz.
        symbols: its P phone names.
        phone_index: (F25,) which of them each code speaks; where that is not known, any pause may be at a mark.
        speed: at which it was spoken; the rules are for natural speed.
    """
    level = levels(wave, sample_rate)
    if not len(level) or not float(level.max()) > AUDIBLE:  # also where it is not a number
        return RULES
    loud = (level > max(float(level.max()) - _QUIET, _FLOOR)).nonzero()[:, 0]
    second = speed * _WINDOW
    broken = ["begins late"] if float(loud[0]) * second > LEAD + 1e-6 else []
    for before, after in zip(loud[:-1].tolist(), loud[1:].tolist(), strict=True):
        where = slice(before + 1, after)
        most = PAUSE_AT_MARK if _at_mark(where, len(level), symbols, phone_index) else PAUSE_ELSEWHERE
        if (after - before - 1) * second > most + 1e-6:
            broken.append("pauses")
            break
    if float(level.max() - level[-2:].mean()) < FADE:
        broken.append("ends loud")
    return tuple(broken)


def levels(wave: Tensor, sample_rate: int) -> Tensor:
    """Level of each 20 ms in dBFS: (T,) -> (T / 20 ms,)."""
    size = round(_WINDOW * sample_rate)
    windows = wave[: wave.numel() // size * size].reshape(-1, size)
    return 10 * torch.log10(windows.double().square().mean(1) + 1e-12)


def _at_mark(where: slice, n_windows: int, symbols: Sequence[str], phone_index: Tensor | None) -> bool:
    """Whether a mark is spoken in some of the windows."""
    if phone_index is None:
        return any(symbol in PUNCTUATION for symbol in symbols)
    per_window = len(phone_index) / n_windows
    codes = phone_index[int(where.start * per_window) : int(where.stop * per_window) + 1]
    return any(symbols[phone] in PUNCTUATION for phone in codes.tolist())
