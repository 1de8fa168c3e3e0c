"""Checks of notebook 00, "Hear it, see it, poke it".

Letters: F frames. Each check takes the answer, and draws a card; `.card(...)` gives the card alone.
"""

from __future__ import annotations

from typing import Any

import torch

from gsv_lab.errors import HookError
from gsv_lab.hooks.catalogue import match, points
from gsv_lab.hooks.record import Record
from gsv_lab.teaching.exercises.card import exercise, expect

_ROLES = {
    "who_speaks": "speaker_encoder", "what_is_said": "content_encoder", "text_to_codes": "semantic_gpt",
    "codes_to_latent": "prior", "latent_to_wave": "vocoder",
}  # fmt: skip
_OTHERS = (
    "frontend", "quantizer", "posterior", "flow", "pitch_predictor", "postfilter", "residual_correction",
)  # fmt: skip
_PARTS = (*_ROLES.values(), *_OTHERS)


@exercise("The five parts")
def parts(who_speaks: str, what_is_said: str, text_to_codes: str, codes_to_latent: str, latent_to_wave: str) -> str:
    """Which part does what; every answer is a name of `lab.components()`."""
    given = dict(zip(_ROLES, (who_speaks, what_is_said, text_to_codes, codes_to_latent, latent_to_wave), strict=True))
    for name in given.values():
        expect(name in _PARTS, f"There is no part called {name!r}. The parts are: {', '.join(_PARTS)}.")
    swapped = (who_speaks, what_is_said) == ("content_encoder", "speaker_encoder")
    expect(not swapped, "Content is what is said, whoever says it. Who speaks is the other one's business.")
    expect(what_is_said != "quantizer", "The quantizer only rounds: something has to extract what is said before.")
    unknown = "The posterior reads a recording of the very sentence. A new one has none: what expects a latent?"
    expect(codes_to_latent != "posterior", unknown)
    both = "The flow begins and ends with a latent: it maps the prior's to the vocoder's."
    expect("flow" not in given.values(), both)
    right = sum(given[role] == name for role, name in _ROLES.items())
    wrong = ", ".join(role for role, name in _ROLES.items() if given[role] != name)
    expect(right == len(_ROLES), f"{right} of {len(_ROLES)} are right. Look again at {wrong}.")
    return "Swap any of the five for another of its role, and the rest works on."


@exercise("Samples of one code")
def samples_per_code(answer: float) -> str:
    """How many samples one code becomes at 16 kHz."""
    hints = {
        320: "320 samples are one latent frame, of which there are 50 a second. Codes come 25 times a second.",
        25: "25 is how many codes there are in a second. How many samples does each of them get?",
        50: "50 is the rate of latents. Divide the samples of a second by the codes of a second.",
        40: "One code lasts 40 ms. How many samples are that at 16,000 a second?",
        400_000: "Multiplied instead of divided: 16,000 samples share 25 codes.",
    }
    expect(isinstance(answer, int | float), "Answer with a number.")
    expect(answer not in hints, hints.get(int(answer), ""))
    expect(answer == 640, f"Not {answer}. A second has 16,000 samples and 25 codes.")
    return "One number out of 512 stands for 640 samples: the rest comes from phones, voice and chance."


@exercise("Your first tap")
def speaker_tap(pattern: str, lab: Any) -> str:
    """A name or glob that matches the speaker vector's tap alone."""
    try:
        found = [point.name for point in match(str(pattern), points(lab))]
    except HookError as error:
        expect(False, f"{error} `probe` would raise the same error.")
    many = f"{len(found)} taps match, for example {', '.join(found[:3])}. Make the pattern narrower."
    expect(len(found) == 1, many)
    frames = "That tap shows the voice of every frame. The speaker vector is what is left after the mean over time."
    expect(not found[0].endswith(".frames"), frames)
    expect(found[0] == "speaker_encoder.speaker", f"That is {found[0]}. Which part reads the reference?")
    return "Names of taps are paths: the part, then its tap."


@exercise("Before you listen")
def prediction(answer: str) -> str:
    """What changes in the sound when the vocoder's F0 is multiplied by 1.5."""
    hints = {
        "words": "The words were settled by the codes, long before the vocoder. Which tap is multiplied?",
        "length": "The number of frames stays the same; only a value in every frame changes.",
        "loudness": "F0 says how often the pulses come, not how strong they are.",
        "pitch": "",
    }
    expect(answer in hints, f"One of {', '.join(hints)}.")
    expect(not hints[answer], hints[answer])
    return "Pitch it is: pulses come 1.5 times as often, a fifth higher. Now listen."


@exercise("An octave lower")
def octave_lower(before: Record, after: Record) -> str:
    """Two records of `vocoder.f0`: as spoken, and with the reader's edits."""
    a, b = (torch.cat([step.flatten() for step in record.steps]) for record in (before, after))
    expect(a.shape == b.shape, f"{len(a)} and {len(b)} frames: say the same text with the same seed both times.")
    expect(not torch.equal(a, b), 'Nothing is different yet: put an edit of "vocoder.f0" into the list.')
    expect(bool((b > 0).all()), "Some frames have a pitch of 0 Hz, which is none at all. `scale` multiplies.")
    ratio = b / a
    is_constant = float((ratio - ratio.mean()).abs().max()) < 1e-3
    expect(is_constant, "The curve changed its shape. An octave is a factor, the same for every frame.")
    semitones = 12 * float(torch.log2(ratio.mean()))
    expect(abs(semitones - 12) > 0.01, "That is an octave higher. Downwards, the factor is below 1.")
    expect(abs(semitones + 12) < 0.01, f"{semitones:+.1f} semitones. An octave down is -12, half of every frequency.")
    return "Same words, same length, same person? Decide by listening: pitch is only one part of a voice."
