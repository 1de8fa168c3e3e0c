"""The measures by name: what they are called in a report, their unit, which way is better, and how clips are pooled.

`clips.csv`, `results.json` and `report.html` all go by the names of this table. A measure that is not in it, such as
one of the reader's own, is shown too: under its name, as a plain mean, with no opinion on which way is better.
"""

from __future__ import annotations

import math
from typing import NamedTuple

SCHEMA = 4
"""Version of the format of `results.json`."""


class Named(NamedTuple):
    """What is known of a measure besides its values.

    Args:
        heading: name for people.
        unit: of the value; `%` is a share, which is shown times 100; empty for plain numbers.
        better: 1 if higher is better, -1 if lower is, 0 if neither end is, or a middle value (`ideal`).
        digits: behind the point where it is shown.
        group: table of the report that it stands in, out of `GROUPS`; empty for what is not shown.
        weight: name of the value that weighs a clip when clips are pooled (`word_count` for `word_error`, so that the
            pooled rate is errors over words); empty where every clip counts the same.
        ideal: what a clip should have, where neither end is better; None where nothing can be said.
    """

    heading: str
    unit: str
    better: int
    digits: int
    group: str
    weight: str = ""
    ideal: float | None = None


ANCHOR = "anchor"
"""Group of what natural speech alone reaches: it belongs to the list, and no system is better by it."""

GROUPS = {
    "words": "Words and phones",
    "completeness": "Words left out and said again",
    "voice": "Voice",
    "quality": "Predicted quality",
    "prosody": "Prosody",
    ANCHOR: "Ceiling and floor of similarity",
    "signal": "Signal against the natural recording",
    "level": "Level and bandwidth",
    "other": "Other measures",
}
"""Group -> its heading, in the order of a report."""

MEASURES = {
    "word_error": Named("word error", "%", -1, 1, "words", "word_count"),
    "char_error": Named("character error", "%", -1, 1, "words", "char_count"),
    "syllable_error": Named("syllable error", "%", -1, 1, "words", "syllable_count"),
    "phone_error": Named("phone error", "%", -1, 1, "words", "phone_count"),
    "skipped": Named("skipped", "words a clip", -1, 2, "completeness"),
    "repeated": Named("repeated", "words a clip", -1, 2, "completeness"),
    "looped": Named("looped", "words a clip", -1, 2, "completeness"),
    "stopped_early": Named("stopped early", "%", -1, 0, "completeness"),
    "similarity": Named("similarity", "cosine", 1, 3, "voice"),
    "similarity_normalised": Named("normalised similarity (floor 0, ceiling 1)", "", 1, 2, "voice"),
    "nearest": Named("own reference nearest", "%", 1, 0, "voice"),
    "accepted": Named("accepted as the speaker", "%", 1, 0, "voice"),
    "ceiling": Named("ceiling", "cosine", 0, 3, ANCHOR),
    "floor": Named("floor", "cosine", 0, 3, ANCHOR),
    "dnsmos": Named("DNSMOS overall", "of 5", 1, 2, "quality"),
    "dnsmos_sig": Named("DNSMOS signal", "of 5", 1, 2, "quality"),
    "dnsmos_bak": Named("DNSMOS background", "of 5", 1, 2, "quality"),
    "dnsmos_p808": Named("DNSMOS P.808", "of 5", 1, 2, "quality"),
    "f0_rmse": Named("F0 error", "cents", -1, 0, "prosody"),
    "f0_offset": Named("F0 offset", "cents", 0, 0, "prosody", ideal=0.0),
    "f0_correlation": Named("F0 correlation", "", 1, 2, "prosody"),
    "f0_spread": Named("F0 spread over natural", "", 0, 2, "prosody", ideal=1.0),
    "voicing_error": Named("voicing error", "%", -1, 1, "prosody"),
    "duration_ratio": Named("duration over natural", "", 0, 2, "prosody", ideal=1.0),
    "duration_error": Named("error of durations", "codes of 40 ms", -1, 2, "prosody"),
    "duration_correlation": Named("correlation of durations", "", 1, 2, "prosody"),
    "speaking_rate": Named("speaking rate", "syllables/s", 0, 2, "prosody"),
    "pause_share": Named("pauses", "%", 0, 1, "prosody"),
    "mcd": Named("mel-cepstral distortion", "dB", -1, 2, "signal"),
    "stoi": Named("STOI", "", 1, 3, "signal"),
    "pesq": Named("PESQ", "of 4.6", 1, 2, "signal"),
    "si_snr": Named("SI-SNR", "dB", 1, 1, "signal"),
    "clipping": Named("clipped samples", "%", -1, 3, "level"),
    "silence_share": Named("silence", "%", 0, 1, "level"),
    "dc": Named("DC offset", "of full scale", -1, 4, "level"),
    "band_hz": Named("bandwidth", "Hz", 0, 0, "level"),
    "word_count": Named("words", "", 0, 0, ""),
    "char_count": Named("characters", "", 0, 0, ""),
    "syllable_count": Named("syllables", "", 0, 0, ""),
    "phone_count": Named("phones", "", 0, 0, ""),
    "similarity_seconds": Named("speech compared", "s", 0, 1, ""),
}
"""Every value that the kit's own measures give."""

DISTANCES = frozenset(
    "mcd stoi pesq si_snr f0_rmse f0_correlation voicing_error duration_error duration_correlation".split()
)
"""Of a clip from the natural recording itself. Natural speech has the best value by definition, so that the difference
to it is no question that a test can answer."""


def named(measure: str) -> Named:
    """What is known of a measure; of one that nothing is known of, its name.

    >>> named("word_error").weight, named("my_own").heading
    ('word_count', 'my_own')
    """
    return MEASURES.get(measure) or Named(measure, "", 0, 3, "other")


def unit_of(measure: str, *, difference: bool = False) -> str:
    """Unit of a measure, or of the difference of two of its values: that of two shares is told in points of 100."""
    unit = named(measure).unit
    if not difference:
        return unit
    return "points" if unit == "%" else "" if unit.startswith("of ") else unit


def direction(measure: str) -> str:
    """Which way is better, in words; empty where neither is."""
    known = named(measure)
    if known.ideal is not None:
        return f"near {known.ideal:g} is better"
    return {1: "higher is better", -1: "lower is better"}.get(known.better, "")


def shown(measure: str, value: float | None, *, signed: bool = False, unit: bool = False) -> str:
    """A value as a report writes it: a share times 100, with as many digits as the measure has.

    Args:
        measure: name.
        value: None, and what is not finite, is a dash.
        signed: with its sign, for differences.
        unit: with its unit behind it.

    >>> shown("word_error", 0.0625, unit=True), shown("similarity", -0.5, signed=True)
    ('6.2 %', '−0.500')
    """
    if value is None or not math.isfinite(value):
        return "–"
    known = named(measure)
    number = round(100 * value if known.unit == "%" else value, known.digits) + 0.0  # no minus zero
    text = f"{number:{'+' if signed and number else ''}.{known.digits}f}".replace("-", "−")
    return f"{text} {known.unit}" if unit and known.unit else text


def shortfall(measure: str, value: float) -> float | None:
    """How bad a clip is by a measure, to put clips in order; None where nothing is wrong, or nothing can be said.

    >>> shortfall("word_error", 0.5), shortfall("similarity", 0.5), shortfall("duration_ratio", 1.5)
    (0.5, -0.5, 0.5)
    """
    known = named(measure)
    if not math.isfinite(value):
        return None
    if known.ideal is not None:
        return abs(value - known.ideal) or None
    if known.better < 0:
        return value if value > 0 else None
    perfect = known.unit == "%" and value >= 1
    return -value if known.better > 0 and not perfect else None
