"""What several views share: an alignment as a picture and a number, names of phones."""

from __future__ import annotations

from torch import Tensor

from gsv_lab.corpora.synthetic import PHONES
from gsv_lab.text.symbols import SYMBOLS
from gsv_lab.training.log_writer import LogWriter

LIMIT_MB = 1024.0
"""Memory that the records of one view may take."""
SILENCE = "silence"
"""Label of a frame in which no phone sounds."""
SYNTHETIC = (SILENCE, *PHONES)
"""The phones of the synthetic corpus; networks of so many phones are taken for networks of that corpus."""


def log_alignment(log: LogWriter, tag: str, patterns: Tensor, rate: float, phones: list[str]) -> None:
    """The most diagonal of some alignments (H, F, P) as a picture, and its diagonality as a number."""
    from gsv_lab import figures

    patterns = patterns.float().cpu()
    scores = [figures.diagonality(pattern.numpy()) for pattern in patterns]
    best = scores.index(max(scores))
    title = ""
    if len(scores) > 1:
        title = f"head {best + 1} of {len(scores)}"
    log.scalar(f"{tag}/diagonality", scores[best])
    log.figure(tag, figures.alignment(patterns[best], rate, phones, title=title))


def phone_names(phones: Tensor, n_phones: int) -> list[str]:
    """Symbols of phone ids (P,) that a network of so many phones reads; numbers where there is no symbol."""
    known = SYNTHETIC if n_phones == len(SYNTHETIC) else SYMBOLS
    return [known[number] if number < len(known) else str(number) for number in phones.tolist()]
