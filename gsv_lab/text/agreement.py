"""Can a text be what is said in a recording? By its length for the speech, its phones for those heard, its score.

Measured on 237 clips of eight corpora with nano-1: the right text has 0.87 to 1.40 times as many phones as the
recogniser hears, half of it at most 0.73 times, twice the text at least 1.73 times. The mean score of its phones is
above -1.8 nat for native speakers, that of another text of the same corpus below -2.6.
"""

from __future__ import annotations

from gsv_lab.errors import DataError

DOUBTFUL = -2.5
"""Nat, mean score of aligned phones: guessing among 100 phones gives -4.6, a good clip about -1."""

_CHARACTERS_A_SECOND = {"en": (2.0, 30.0), "zh": (0.7, 12.0), "auto": (0.7, 30.0)}
"""Hurried reading stays under, halting reading above; outside, text and sound do not belong together."""

_PHONES = (0.75, 1.6)
"""Phones of the text for each one that is heard."""


def language_of(text: str) -> str:
    """`zh` for a text in Chinese characters, `en` for one in letters, `auto` for both or neither."""
    has_hanzi = any("\u4e00" <= mark <= "\u9fff" or "\u3400" <= mark <= "\u4dbf" for mark in text)
    has_letters = any(mark.isascii() and mark.isalpha() for mark in text)
    return {(True, False): "zh", (False, True): "en"}.get((has_hanzi, has_letters), "auto")


def check_text_length(name: str, text: str, seconds: float) -> None:
    """Refuse a text that cannot belong to that much speech.

    Args:
        name: of the recording, for the message.
        text: what is said.
        seconds: of speech.

    Raises:
        DataError: `ALIGN_IMPLAUSIBLE`.
    """
    count = sum(mark.isalnum() for mark in text)
    low, high = _CHARACTERS_A_SECOND[language_of(text)]
    if not low * seconds <= count <= high * seconds:
        raise DataError(
            "ALIGN_IMPLAUSIBLE", f"{name!r} holds {seconds:.1f} s of speech, its text {count} characters",
            f"{low * seconds:.0f} to {high * seconds:.0f} characters", "Check that text and recording belong together",
        )  # fmt: skip


def doubt(phones: int, heard: int, score: float | None = None) -> str:
    """A warning, `ALIGN_DOUBTFUL: sentence`, where a text hardly fits what is heard; empty otherwise.

    Args:
        phones: how many the text has, marks not counted.
        heard: how many a recogniser finds in the recording.
        score: mean log-probability of the text's phones where they were aligned, nats; None where they were not.
    """
    low, high = _PHONES
    if not low * heard <= phones <= high * heard:
        than = "more" if phones > heard else "less"
        return f"ALIGN_DOUBTFUL: the text says {than} than the recording: {phones} phones, {heard} are heard"
    if score is not None and score < DOUBTFUL:
        return "ALIGN_DOUBTFUL: text and speech agree poorly here; read it again"
    return ""
