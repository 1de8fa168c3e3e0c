"""Every word that a rater reads, so that a test can be given in another language or with another consent.

`{page}` and other words in braces are filled in by the panel. `question` and `scale` (the labels of choices or of a
slider's bands from the lowest to the highest, with `|` between) are those of the method where they are empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError, printable
from gsv_lab.system.files import read_file, why_unreadable

TEXTS: dict[str, str] = {
    "title": "Listening test",
    "language": "en",
    "question": "",
    "scale": "",
    "reference": "Reference",
    "only_clip": "Clip",
    "first_clip": "First clip",
    "second_clip": "Second clip",
    "consent": "You will hear short recordings of speech and say how they sound to you. What is kept are your answers, "
    "when and how often you played a clip, and the movements of the sliders, under a random number. They are used to "
    "compare ways of making speech.",
    "synthetic": "Some or all of these recordings are synthetic: a computer made them, and the person whose voice you "
    "may recognise never said this.",
    "right_to_stop": "Taking part is voluntary. You may stop at any time, without a reason, and have your answers "
    "deleted.",
    "no_name": "No name is asked, and please do not give one.",
    "advice": "Use headphones in a quiet room, and do not change the volume once you have begun.",
    "tones": "Some clips end in short tones in place of speech. Count the tones: their number is the answer, counted "
    "from the left.",
    "agree": "I have read this and agree to take part.",
    "place": "Number of your place, if you were given one (1 to {places})",
    "begin": "Begin",
    "unfinished": "Go on as rater {rater} (page {page} of {pages})",
    "finished": "Rater {rater} has finished",
    "progress": "Page {page} of {pages}",
    "keys_choices": "Keys: space plays, 1 to {count} answer, Enter goes on.",
    "keys_sliders": "Keys: space plays, 1 to {count} play a clip, 0 the reference, arrows move its slider, Enter goes "
    "on.",
    "play": "Play",
    "pause": "Pause",
    "clip": "Clip {label}",
    "position": "Position: {label}",
    "heard": "heard",
    "loading": "loading",
    "first_hear": "Play every clip to its end first.",
    "now_answer": "Now answer.",
    "answered": "Answered.",
    "rating": "Rating: {label}",
    "next": "Next",
    "stop": "Stop",
    "stopped": "You have stopped. Your answers so far are kept, and you can go on later.",
    "go_on": "Go on",
    "delete": "Delete my answers",
    "deleted": "Your answers were deleted.",
    "done": "That was all. Thank you! Your answers are kept.",
    "another": "Another rater",
    "save": "Save the results",
    "send": "Send the file {file} to the person who gave you this test.",
    "again": "Try again",
    "not_kept": "Your last input could not be kept: {why}",
    "no_clip": "A clip cannot be played here: {why}",
}


def read_texts(path: Path) -> dict[str, str]:
    """Texts of a JSON file, any of those in `TEXTS`.

    Raises:
        ConfigError: `LISTEN_TEXTS`.
    """
    try:
        found = json.loads(read_file(path))
    except OSError as error:
        raise _bad(f"The texts {path.name!r} cannot be read ({why_unreadable(error)})") from error
    except (ValueError, RecursionError) as error:
        raise _bad(f"{path.name!r} is no JSON ({error})") from error
    return checked(found)


def checked(found: Any) -> dict[str, str]:
    """Texts that replace some of `TEXTS`.

    Raises:
        ConfigError: `LISTEN_TEXTS`, a name that is not there, or a value that is no text.
    """
    if not isinstance(found, Mapping):
        raise _bad("The texts are no table")
    unknown = [str(name) for name in found if name not in TEXTS]
    if unknown:
        raise _bad(f"There is no text {printable(unknown[0])[:60]!r}", ", ".join(TEXTS))
    wrong = [name for name, text in found.items() if not isinstance(text, str) or not text.strip()]
    if wrong:
        raise _bad(f"The text {wrong[0]!r} is {found[wrong[0]]!r:.60}", "words")
    return dict(found)


def _bad(problem: str, expected: str = "a table of texts by name") -> ConfigError:
    return ConfigError("LISTEN_TEXTS", problem, expected, "See docs/listening_tests.md")
