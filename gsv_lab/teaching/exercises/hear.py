"""Checks of notebook 00, "Hear it, see it, poke it".

Letters: F frames. Each check takes the answer and gives a card.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from gsv_lab.errors import HookError
from gsv_lab.hooks.catalogue import match, points
from gsv_lab.hooks.record import Record
from gsv_lab.teaching.exercises.answers import named, plain
from gsv_lab.teaching.exercises.card import STILL_OPEN, exercise, expect, number

_ROLES = {
    "who_speaks": "speaker_encoder", "what_is_said": "content_encoder", "text_to_codes": "semantic_gpt",
    "codes_to_latent": "prior", "latent_to_wave": "vocoder",
}  # fmt: skip
_OTHERS = (
    "frontend", "quantizer", "posterior", "flow", "pitch_predictor", "postfilter", "residual_correction",
)  # fmt: skip
_PARTS = (*_ROLES.values(), *_OTHERS)
_ALSO = {
    "gpt": "semantic_gpt", "text2semantic": "semantic_gpt", "timbre": "speaker_encoder", "hubert": "content_encoder",
    "hifigan": "vocoder", "generator": "vocoder", "decoder": "vocoder", "priorencoder": "prior",
}  # fmt: skip
"""Other names of the field, without their spaces and marks."""
_PITCH = ("F0", "frequency", "fundamental frequency", "melody", "intonation", "tone")


def part(name: Any) -> str:
    """The role that a name in any spelling means, or a class, or the part itself; the name where it means none."""
    asked = plain(name if isinstance(name, str) else type(name).__name__)
    if asked in _ALSO:
        return _ALSO[asked]
    return next((role for role in _PARTS if asked.endswith(plain(role))), str(name))


@exercise(
    "The five parts",
    "Follow the arrows of the drawing: what goes into each box, and what comes out?",
    "The two encoders read the reference, one what is said and one who says it. SemanticGPT writes codes. "
    "Then come prior and, at the very end, vocoder.",
)
def parts(who_speaks: str, what_is_said: str, text_to_codes: str, codes_to_latent: str, latent_to_wave: str) -> str:
    """Which part does what; every answer is a name of `lab.components()`, in any spelling."""
    answers = (who_speaks, what_is_said, text_to_codes, codes_to_latent, latent_to_wave)
    given = {role: part(name) for role, name in zip(_ROLES, answers, strict=True)}
    for name in given.values():
        expect(name in _PARTS, f"There is no part called {name!r}. The parts are: {', '.join(_PARTS)}.")
    swapped = (given["who_speaks"], given["what_is_said"]) == ("content_encoder", "speaker_encoder")
    expect(not swapped, "Content is what is said, whoever says it. Who speaks is the other one's business.")
    rounds = "The quantizer only rounds: something has to extract what is said before."
    expect(given["what_is_said"] != "quantizer", rounds)
    unknown = "The posterior reads a recording of the very sentence. A new one has none: what expects a latent?"
    expect(given["codes_to_latent"] != "posterior", unknown)
    both = "The flow begins and ends with a latent: it maps the prior's to the vocoder's."
    expect("flow" not in given.values(), both)
    right = sum(given[role] == name for role, name in _ROLES.items())
    wrong = ", ".join(role for role, name in _ROLES.items() if given[role] != name)
    expect(right == len(_ROLES), f"{right} of {len(_ROLES)} are right. Look again at {wrong}.")
    return "Swap any of the five for another of its role, and the rest works on."


@exercise(
    "Samples of one code",
    "Both numbers are counts in the same second.",
    "Divide the samples of a second by the codes of a second.",
)
def samples_per_code(answer: float) -> str:
    """How many samples one code becomes at 16 kHz."""
    hints: dict[float, str] = {
        320: "320 samples are one latent frame, of which there are 50 a second. Codes come 25 times a second.",
        25: "25 is how many codes there are in a second. How many samples does each of them get?",
        50: "50 is the rate of latents. Divide the samples of a second by the codes of a second.",
        40: "One code lasts 40 ms. How many samples are that at 16,000 a second?",
        400_000: "Multiplied instead of divided: 16,000 samples share 25 codes.",
    }
    value = number(answer, "Answer with a number.")
    expect(value not in hints, hints.get(value, ""))
    expect(abs(value - 640) < 1e-6, f"Not {value:g}. A second has 16,000 samples and 25 codes.")
    return "One number out of 512 stands for 640 samples: the rest comes from phones, voice and chance."


@exercise(
    "Your first tap",
    "A tap's path begins with the part that owns it. Which part of the drawing makes the speaker vector?",
    "Join the name of that part and the word `speaker` with a dot.",
)
def speaker_tap(pattern: str | Iterable[str], lab: Any) -> str:
    """A name or glob, or several, that match the speaker vector's tap alone."""
    expect(isinstance(pattern, str | list | tuple | set | frozenset), "Answer with a text in quotes, a name or a glob.")
    asked = [pattern] if isinstance(pattern, str) else list(pattern)
    expect(asked, "The list is empty: put the name of one tap into it.")
    found = list(dict.fromkeys(name for one in asked for name in _matching(str(one), lab)))
    many = f"{len(found)} taps match, for example {', '.join(found[:3])}. Make the pattern narrower."
    expect(len(found) == 1, many)
    frames = "That tap shows the voice of every frame. The speaker vector is what is left after the mean over time."
    expect(not found[0].endswith(".frames"), frames)
    gives = found[0].startswith("speaker_encoder.") and found[0].endswith(".speaker")
    reads = "That is where the vector is used. Which part makes it?"
    expect(gives or not found[0].endswith(".speaker"), reads)
    expect(gives, f"That is {found[0]}. Which part reads the reference?")
    inner = found[0] != "speaker_encoder.speaker"
    learnt = " Yours is its learnt half; `speaker_encoder.speaker` also holds what is measured." if inner else ""
    spelt = "" if asked[0] == str(asked[0]).lower() else " `probe` itself wants the small letters."
    return f"Names of taps are paths: the part, then its tap.{learnt}{spelt}"


def _matching(pattern: str, lab: Any) -> list[str]:
    """Names of the taps that a glob matches, in whatever capitals."""
    known = points(lab)
    try:
        return [point.name for point in match(pattern.strip().lower(), known)]
    except HookError as error:
        expect(False, f"{error} `probe` would raise the same error.")
    return []


@exercise(
    "Before you listen",
    "F0 is the fundamental frequency: how often the vocal folds close in a second.",
    "The ear calls a higher F0 a higher ...",
)
def prediction(answer: str) -> str:
    """What changes in the sound when the vocoder's F0 is multiplied by 1.5."""
    hints = {
        "words": "The words were settled by the codes, long before the vocoder. Which tap is multiplied?",
        "length": "The number of frames stays the same; only a value in every frame changes.",
        "loudness": "F0 says how often the pulses come, not how strong they are.",
    }
    given = named(answer, {"words": (), "length": (), "loudness": (), "pitch": _PITCH})
    expect(given not in hints, hints.get(given, ""))
    return "Pitch it is: pulses come 1.5 times as often, a fifth higher. Now listen."


@exercise(
    "An octave lower",
    "Edit the same tap as above; only the number differs.",
    'One edit is enough: scale("vocoder.f0", ...) with the factor that halves.',
)
def octave_lower(before: Record, after: Record) -> str:
    """Two records of `vocoder.f0`: as spoken, and with the reader's edits."""
    a, b = _curves(before, after)
    expect(bool((b > 0).all()), "Some frames have a pitch of 0 Hz, which is none at all. `scale` multiplies.")
    ratio = b / a
    is_constant = float((ratio - ratio.mean()).abs().max()) < 1e-3
    expect(is_constant, "The curve changed its shape. An octave is a factor, the same for every frame.")
    semitones = 12 * float(torch.log2(ratio.mean()))
    expect(abs(semitones - 12) > 0.01, "That is an octave higher. Downwards, the factor is below 1.")
    expect(abs(semitones + 12) < 0.01, f"{semitones:+.1f} semitones. An octave down is -12, half of every frequency.")
    return "Same words, same length, same person? Decide by listening: pitch is only one part of a voice."


@exercise(
    "What chance decides",
    "The seed only matters where something is drawn. The text and the speaker vector are given from outside.",
    "SemanticGPT draws one of 512 numbers again and again. What are they called?",
)
def chance(answer: str) -> str:
    """Which of words, voice, length, codes differs between two seeds."""
    hints = {
        "words": "The words are those of the text, whatever is drawn.",
        "voice": "The speaker vector was measured once, when the voice was cloned; every seed gets the same.",
        "length": "So it is in the published system, which draws codes until it draws a stop. Nano plans the length of "
        "every phone before it begins to draw.",
        "wave": "The wave differs, but because something before it does: what is drawn?",
    }
    also = ("code", "semantic codes", "tokens", "token", "semantic tokens", "units", "semantic units")
    names = {"words": ("word",), "voice": (), "length": (), "codes": also, "wave": ("the sound",)}
    given = named(answer, names)
    expect(given not in hints, hints.get(given, ""))
    return "The codes are drawn, one after another. Listen: how much of it do you hear?"


@exercise(
    "A voice without melody",
    "Somewhere in `gsv_lab.hooks` is an edit that keeps what is there, but not when.",
    'mean("vocoder.f0") puts the mean over time in the place of every frame.',
)
def monotone(before: Record, after: Record) -> str:
    """Two records of `vocoder.f0`: as spoken, and flat at about the same height."""
    a, b = _curves(before, after)
    expect(bool((b > 0).all()), "At 0 Hz no pulse ever comes: that voice has no pitch, rather than a flat one.")
    moves = 12 * float(torch.log2(b.max() / b.min()))
    expect(moves < 0.1, f"The curve still moves by {moves:.1f} semitones; in a flat one every frame is the same.")
    away = 12 * float(torch.log2(b.mean() / a.mean()))
    height = f"Flat it is, but {away:+.1f} semitones from the mean of the voice, which should stay where it was."
    expect(abs(away) < 2, height)
    return "The words are all there; what is lost is which word matters, and whether it is a question."


def _curves(before: Record, after: Record) -> tuple[Tensor, Tensor]:
    """Both curves (F,), which must be of one length and differ."""
    a, b = (torch.cat([step.flatten() for step in record.steps]) for record in (before, after))
    expect(a.shape == b.shape, f"{len(a)} and {len(b)} frames: say the same text with the same seed both times.")
    same = f'{STILL_OPEN}nothing is different yet. Put an edit of "vocoder.f0" into the list.'
    expect(not torch.equal(a, b), same)
    return a, b
