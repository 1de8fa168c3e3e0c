"""From a raw text to `Phones`: clean-up, language split, normalisation and pronunciation in one call."""

from __future__ import annotations

import re
import unicodedata

from gsv_lab.text import en, hanzi, zh
from gsv_lab.text.phones import Phones

_MARKS = str.maketrans({"，": ",", "、": ",", "；": ",", ";": ",", "：": ",", ":": ",", "。": ".", "！": "!", "？": "?", "—": "-", "’": "'", "‘": "'"})


def phonemize(text: str, language: str = "auto") -> Phones:
    """Phones of a text.

    Args:
        text: English, Mandarin, or both mixed.
        language: `en`, `zh` or `auto`.
    """
    cleaned = unicodedata.normalize("NFKC", text.translate(_MARKS)).translate(_MARKS)
    words, phones = [], []
    for run in re.findall(r"[A-Za-z'’]+(?:[ \-]+[A-Za-z']+)*|[^A-Za-z']+", cleaned):
        front = en if re.match("[A-Za-z']", run) else zh
        w, p = front.g2p(run)
        words += w
        phones += p
    flat = tuple(name for group in phones for name in group)
    counts = [n for w in words for n in ([2] * w.units if w.language == "zh" else [w.phones])]
    languages = {w.language for w in words if w.language}
    kind = languages.pop() if len(languages) == 1 else "mixed"
    return Phones(cleaned, kind, flat, tuple(counts), tuple(words))


__all__ = ["hanzi", "phonemize"]
