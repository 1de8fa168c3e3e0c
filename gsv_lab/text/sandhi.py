"""Mandarin tone sandhi: bu, yi, third tones, neutral tones of particles and doubled words.

A word here is (text, part-of-speech flag, syllables with tone digit). This file does not know phone names.
"""

from __future__ import annotations

Tagged = tuple[str, str, list[str]]


def apply_sandhi(words: list[Tagged]) -> list[Tagged]:
    """The words with their syllables as they are spoken in a row."""
    words = [(w, f, list(s)) for w, f, s in words]
    flat = [(i, j) for i, (w, _, _) in enumerate(words) for j in range(len(w))]
    chars = [words[i][0][j] for i, j in flat]
    tones = [words[i][2][j][-1] for i, j in flat]
    digits = "零〇一二三四五六七八九十百千万亿两几第点"
    for k, c in enumerate(chars):
        following = tones[k + 1] if k + 1 < len(tones) else ""
        inside = flat[k][1] > 0
        if c == "不" and following == "4":
            tones[k] = "2"
        elif c == "一" and following and not inside and chars[k + 1] not in "零〇一二三四五六七八九十点月" and (k == 0 or chars[k - 1] not in digits):
            tones[k] = "2" if following in "45" else "4"
    start = 0
    for w, _, s in words:
        own = tones[start : start + len(w)]
        for k in range(len(own) - 1):
            if own[k] == own[k + 1] == "3":
                own[k] = "2"
        s[:] = [x[:-1] + t for x, t in zip(s, own, strict=True)]
        start += len(w)
    return words
