"""Right and wrong answers to the exercises of notebooks 00 to 02; `test_checks.py` tries them."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gsv_lab.hooks.record import Record
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.teaching.exercises import frames, hear, phones
from gsv_lab.teaching.exercises.card import Exercise
from gsv_lab.text import lexicon


class Inner(Component):
    """The learnt half of the speaker encoder."""

    frames = Tap("batch dim frame")
    speaker = Tap("batch dim one")


class Encoder(Component):
    """Stands for the speaker encoder: a tap and a part with two, no weights."""

    speaker = Tap("batch dim one")

    def __init__(self) -> None:
        super().__init__()
        self.base = Inner()


class Other(Component):
    """Some other part."""

    mean = Tap("batch dim frame")
    speaker = Tap("batch step dim")


class Lab:
    """Has components, as a loaded lab does."""

    def components(self) -> dict[str, nn.Module]:
        return {"speaker_encoder": Encoder(), "prior": Other()}


class PhoneContentEncoder(nn.Module):
    """A part whose class says what it is."""


def f0(*values: float) -> Record:
    return Record("vocoder.f0", ("batch", "channel", "frame"), [torch.tensor([[values]])], rate=100.0)


def bank(edges: Any, bins: Any, height: Callable[[Any], Any], cut: bool = True, pick: Any = torch.minimum) -> Any:
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    weights = pick((bins - low) / (middle - low), (high - bins) / (high - middle))
    return height(high - low) * (weights.clip(0) if cut else weights)


def in_numpy(edges: Any, bins: Any) -> Any:
    weights = [
        np.interp(bins, edges[m : m + 3], [0.0, 1.0, 0.0], left=0.0, right=0.0).reshape(-1).astype("f4")
        for m in range(len(edges) - 2)
    ]
    return np.stack(weights)


def by_lists(edges: Any, bins: Any) -> list[list[float]]:
    triples = [edges[m : m + 3].tolist() for m in range(len(edges) - 2)]
    return [[max(0.0, min((f - a) / (b - a), (c - f) / (c - b))) for f in bins.tolist()] for a, b, c in triples]


def column(wave: Tensor, k: int, n_fft: int, hop: int, shift: int = 0, hann: bool = True) -> Tensor:
    start = k * hop - (n_fft - hop) // 2 + shift
    piece = wave[start : start + n_fft]
    return torch.fft.rfft(piece * torch.hann_window(n_fft) if hann else piece)


def by_numpy(wave: Any, k: int, n_fft: int, hop: int) -> Any:
    start = k * hop - (n_fft - hop) // 2
    return np.abs(np.fft.rfft(np.asarray(wave)[start : start + n_fft] * np.hanning(n_fft)))


def slaney(hertz: float, log: Callable[[float], float] = math.log) -> float:
    return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * log(hertz / 1000) / log(6.4)


def best(scores: Tensor, join: Callable[[float, float], float] = max, last: bool = True, free: bool = False) -> float:
    never = float("-inf")
    row = [float(s) if free or not p else never for p, s in enumerate(scores[0])]
    for frame in scores[1:]:
        row = [float(s) + join(a, b) for s, a, b in zip(frame, row, [never, *row[:-1]], strict=True)]
    return row[-1] if last else max(row)


def jumping(scores: Tensor) -> float:
    row = [float(scores[0][0])] + [float("-inf")] * (len(scores[0]) - 1)
    for frame in scores[1:]:
        row = [float(s) + max(row[: p + 1]) for p, s in enumerate(frame)]
    return row[-1]


def merged(path: list[int]) -> list[int]:
    return [label for label, _ in groupby(path)]


ROLES = ("speaker_encoder", "content_encoder", "semantic_gpt", "prior", "vocoder")
BEFORE = f0(100.0, 120.0, 90.0)
EVEN = lambda c: (2 * c, 2 * c + 1)  # noqa: E731
MODULES = (hear, frames, phones)
WITHOUT_EDIT = (hear.octave_lower, hear.monotone)
"""Their starter form runs, without an edit."""

CASES: list[tuple[Exercise, tuple[Any, ...], list[tuple[Any, ...]]]] = [
    (hear.parts, ROLES, [
        ("content_encoder", "speaker_encoder", *ROLES[2:]), ("encoder", *ROLES[1:]),
        (*ROLES[:3], "posterior", "vocoder"), (*ROLES[:3], "prior", "flow"), (ROLES[0], "quantizer", *ROLES[2:]),
        (*ROLES[:2], "prior", "semantic_gpt", "vocoder"),
    ]),
    (hear.samples_per_code, (640,), [(320,), (25,), (40,), (50,), (400_000,), (641,), ("640",)]),
    (hear.chance, ("codes",), [("words",), ("voice",), ("length",), ("wave",), ("mood",)]),
    (hear.speaker_tap, ("speaker_encoder.speaker", Lab()), [
        ("speaker_encoder.*", Lab()), ("speaker_encoder.base.frames", Lab()), ("prior.mean", Lab()),
        ("speeker", Lab()), ("prior.speaker", Lab()), ([], Lab()), (3, Lab()),
    ]),
    (hear.prediction, ("pitch",), [("words",), ("length",), ("loudness",), ("speed",)]),
    (hear.octave_lower, (BEFORE, f0(50.0, 60.0, 45.0)), [
        (BEFORE, BEFORE), (BEFORE, f0(200.0, 240.0, 180.0)), (BEFORE, f0(0.0, 0.0, 0.0)),
        (BEFORE, f0(50.0, 70.0, 40.0)), (BEFORE, f0(75.0, 90.0, 67.5)), (BEFORE, f0(50.0, 60.0)),
    ]),
    (hear.monotone, (BEFORE, f0(103.3, 103.3, 103.3)), [
        (BEFORE, BEFORE), (BEFORE, f0(0.0, 0.0, 0.0)), (BEFORE, f0(50.0, 60.0, 45.0)),
        (BEFORE, f0(200.0, 200.0, 200.0)),
    ]),
    (frames.frame_at, (lambda s, h, r: int(s * r / h),), [
        (lambda s, h, r: s * r / h,), (lambda s, h, r: round(s * r / h),), (lambda s, h, r: int(s * r),),
        (lambda s, h, r: int(s * r / h) + 1,), (lambda s, h: 0,), (3,),
    ]),
    (frames.rates, (lambda f: f // 2, EVEN), [
        (lambda f: 2 * f, EVEN), (lambda f: f / 2, EVEN), (lambda f: round(f / 2), EVEN), (lambda f: f, EVEN),
        (lambda f: f // 2, lambda c: (2 * c - 1, 2 * c)), (lambda f: f // 2, lambda c: 2 * c),
        (lambda f: f // 2, lambda c: (2 * c + 1, 2 * c + 2)), (lambda f: f // 2, lambda c: (2 * c + 1, 2 * c + 3)),
        (lambda f: f // 2, lambda c: (2 * c, 2 * c)),
    ]),
    (frames.two_windows, (10, 160), [(160, 10), (10, 10), (10, 40), (20, 160), ("the short one", "the long one")]),
    (frames.window, (0.04,), [(25,), (0.025,), (0.2,), (-1.0,)]),
    (frames.mel_of, (slaney,), [
        (lambda f: 2595 * math.log10(1 + f / 700),), (lambda f: 3 * f / 200,),
        (lambda f: 3 * f / 200 if f < 1000 else 27 * math.log(f / 1000) / math.log(6.4),),
        (lambda f: 3 * f / 200 if f < 1000 else 15 + 27 * math.log10(f / 1000),), (lambda f: slaney(f) + f / 1000,),
    ]),
    (frames.bands, ("melody",), [("words",), ("timing",), ("loudness",), ("everything",)]),
    (frames.triangles, (lambda e, b: bank(e, b, lambda _: 1),), [
        (lambda e, b: bank(e, b, lambda _: 1).T,), (lambda e, b: bank(e, b, lambda _: 1, False),),
        (lambda e, b: bank(e, b, lambda _: 1, True, torch.maximum),),
        (lambda e, b: bank(e, b, lambda width: 2 / width),), (lambda e, b: bank(e + 20, b, lambda _: 1),),
        (lambda e, b: np.zeros((6, 101)),),
    ]),
    (frames.frame, (lambda *x: column(*x).abs(),), [
        (lambda *x: column(*x),), (lambda *x: column(*x).abs() ** 2,), (lambda *x: column(*x, hann=False).abs(),),
        (lambda w, k, n, h: column(w, k, n, h, (n - h) // 2).abs(),), (lambda *x: column(*x, shift=160).abs(),),
        (lambda w, k, n, h: torch.fft.fft(w[k * h : k * h + n]).abs(),),
        (lambda w, k, n, h: torch.fft.rfft(w[k * h : k * h + h]).abs(),), (lambda *x: column(*x).abs()[:100],),
    ]),
    (phones.past, (lambda s: lexicon.past(s),), [
        (lambda s: (*s, "D"),), (lambda s: (*s, "T"),), (lambda s: (*s, "T" if s[-1] in "KPF" else "D"),),
        (lambda s: (*s, "IH0", "D") if s[-1] in "TD" else (*s, "T" if s[-1] in "PKF" else "D"),),
        (lambda s: lexicon.past(s)[len(s) :],), (lambda s: lexicon.past((*s[:-1], "K")),),
    ]),
    (phones.tones, ((2, 3),), [((3, 3),), ((3, 2),), ((2, 2),), ((2, 4),), ((4, 3),), ("rising",)]),
    (phones.upsample, (lambda x, n: x.repeat_interleave(torch.tensor(n), 1),), [
        (lambda x, n: x.repeat_interleave(torch.tensor(n), 1).T,), (lambda x, n: x.repeat(1, sum(n)),),
        (lambda x, n: x.repeat_interleave(2, 1),), (lambda x, n: x.repeat(1, 2),), (lambda x, n: x,),
        (lambda x, n: x[:, [0, 1, 1, 2, 2, 2]],),
    ]),
    (phones.collapse, (lambda path: [label for label in merged(path) if label],), [
        (lambda path: merged([label for label in path if label]),), (merged,),
        (lambda path: [label for label in path if label],), (lambda path: sorted({*path} - {0}),),
        (lambda path: [label for label in merged(path[::-1]) if label],),
        (lambda path: [b for a, b in zip(path, path[1:], strict=False) if b not in (0, a)],),
    ]),
    (phones.frame_counts, (lambda e, r: np.diff(np.round(e * r), prepend=0),), [
        (lambda e, r: np.round(np.diff(e, prepend=0) * r),), (lambda e, r: np.round(e * r),),
        (lambda e, r: np.diff(e, prepend=0) * r,), (lambda e, r: np.floor(np.diff(e, prepend=0) * r),),
        (lambda e, r: [1, 1, 1],), (lambda e, r: [3] * 10,), (lambda e, r: [9, 0, 1, 1, 1, 1, 1, 1, 1, 2],),
    ]),
    (phones.best_score, (best,), [
        (lambda s: s.max(1).values.sum(),), (lambda s: best(s, np.logaddexp),), (lambda s: best(s, last=False),),
        (lambda s: best(s, free=True),), (jumping,), (lambda s: 0.0,), (lambda s: s,),
    ]),
]  # fmt: skip

ALSO_RIGHT: list[tuple[Exercise, tuple[Any, ...]]] = [
    (hear.parts, ("Speaker encoder", "CONTENT-ENCODER", "SemanticGPT", "the prior", "SourceFilterVocoder")),
    (hear.parts, ("timbre", PhoneContentEncoder(), "GPT", "AlignedPrior", "HiFi-GAN")),
    (hear.samples_per_code, (640.0,)), (hear.samples_per_code, (np.int64(640),)),
    (hear.samples_per_code, (torch.tensor(640),)),
    (hear.chance, ("Codes",)), (hear.chance, ("semantic tokens",)),
    (hear.speaker_tap, ("speaker_encoder.s*", Lab())), (hear.speaker_tap, ("Speaker_Encoder.Speaker", Lab())),
    (hear.speaker_tap, (["speaker_encoder.speaker"], Lab())),
    (hear.speaker_tap, ("speaker_encoder.base.speaker", Lab())),
    (hear.speaker_tap, ("speaker_encoder.base.s*", Lab())), (hear.speaker_tap, ({"speaker_encoder.sp*r"}, Lab())),
    (hear.prediction, ("Pitch",)), (hear.prediction, ("the F0",)), (hear.prediction, ("fundamental frequency",)),
    (hear.monotone, (BEFORE, f0(100.0, 100.0, 100.0))),
    (frames.frame_at, (lambda s, h, r: np.floor(s * r / h),)),
    (frames.frame_at, (lambda s, h, r: torch.tensor(s * r / h).floor(),)),
    (frames.rates, (lambda f: np.floor(f / 2), lambda c: [2 * c, 2 * c + 1])),
    (frames.rates, (lambda f: torch.tensor(f) // 2, lambda c: range(2 * c, 2 * c + 2))),
    (frames.rates, (lambda f: f >> 1, lambda c: {2 * c + 1, 2 * c})),
    (frames.rates, (lambda f: f // 2, lambda c: torch.tensor([2 * c, 2 * c + 1]))),
    (frames.two_windows, (0.01, 0.16)), (frames.two_windows, ("10 ms", "160ms")),
    (frames.window, (np.float32(0.03),)), (frames.window, (torch.tensor(0.05),)), (frames.window, (1 / 20,)),
    (frames.mel_of, (lambda f: slaney(f, math.log10),)), (frames.mel_of, (lambda f: torch.tensor([slaney(float(f))]),)),
    (frames.mel_of, (lambda f: np.where(f < 1000, f * 0.015, 15 + np.log(np.maximum(f, 1) / 1000) * 14.5448),)),
    (frames.mel_of, (lambda f: torch.where(f < 1000, f * 0.015, 15 + (f / 1000).clamp(1).log() * 14.5448),)),
    (frames.bands, ("Pitch",)), (frames.bands, ("the melody",)),
    (frames.triangles, (in_numpy,)), (frames.triangles, (by_lists,)),
    (frames.frame, (by_numpy,)), (frames.frame, (lambda *x: column(*x).abs().tolist(),)),
    (phones.past, (lambda s: list(lexicon.past(s)),)), (phones.past, (lambda s: " ".join(lexicon.past(s)),)),
    (phones.tones, ("2 3",)), (phones.tones, ("ni2 hao3",)), (phones.tones, ([2, 3],)),
    (phones.tones, (torch.tensor([2, 3]),)),
    (phones.upsample, (lambda x, n: np.repeat(np.asarray(x), n, axis=1),)),
    (phones.upsample, (lambda x, n: [sum(([v] * k for v, k in zip(row, n, strict=True)), []) for row in x.tolist()],)),
    (phones.collapse, (lambda path: np.array([label for label in merged(path) if label]),)),
    (phones.collapse, (lambda path: tuple(x for x in torch.unique_consecutive(torch.tensor(path)) if x),)),
    (phones.frame_counts, (lambda e, r: torch.tensor(np.diff(np.round(e * r), prepend=0)),)),
    (phones.frame_counts, (lambda e, r: np.diff(np.floor(e * r + 0.5), prepend=0).astype(int).tolist(),)),
    (phones.best_score, (lambda s: torch.tensor(best(s)),)), (phones.best_score, (lambda s: np.float64(best(s)),)),
]  # fmt: skip
"""Right in another spelling, type or formula."""

HINTS: dict[str, tuple[str, ...]] = {
    "hear.parts": (
        "Content is what is said,", "There is no part called 'encoder'.", "The posterior reads a recording",
        "The flow begins and ends", "The quantizer only rounds:", "3 of 5 are right. Look again",
    ),
    "hear.samples_per_code": (
        "320 samples are one latent", "25 is how many codes there", "One code lasts 40 ms. How",
        "50 is the rate of latents.", "Multiplied instead of divided:", "Not 641. A second has 16,000",
        "Answer with a number.",
    ),
    "hear.chance": (
        "The words are those of the", "The speaker vector was measured", "So it is in the published",
        "The wave differs, but because", "One of 'words', 'voice', 'length',",
    ),
    "hear.speaker_tap": (
        "3 taps match, for example", "That tap shows the voice", "That is prior.mean. Which",
        "No tap matches 'speeker'.", "That is where the vector", "The list is empty: put the",
        "Answer with a text in quotes,",
    ),
    "hear.prediction": (
        "The words were settled by", "The number of frames stays", "F0 says how often the pulses",
        "One of 'words', 'length', 'loudness',",
    ),
    "hear.octave_lower": (
        "Still open: nothing is different yet.", "That is an octave higher.", "Some frames have a pitch",
        "The curve changed its shape.", "-5.0 semitones. An octave", "3 and 2 frames: say the same",
    ),
    "hear.monotone": (
        "Still open: nothing is different yet.", "At 0 Hz no pulse ever comes:", "The curve still moves by",
        "Flat it is, but +11.4 semitones",
    ),
    "frames.frame_at": (
        "A frame has a whole number:", "Rounded to the nearest: at", "That is the number of the",
        "0.0 s with hop 320 lies in", "Your function stopped with", "Hand the function over by",
    ),
    "frames.rates": (
        "Codes are the slower ones:", "Frame 5 belongs to code 2.5?", "Rounding gives code 1 one",
        "Frames 0 to 7 should give", "Code 0 would begin before", "frames_of should give two",
        "Your two functions disagree:", "Your two functions disagree:", "Code 3 has the frames 6 and",
    ),
    "frames.two_windows": (
        "The other way round: 160", "The same window for both?", "40 ms are in between, and",
        "Choose two of the three windows:", "Answer with two numbers,",
    ),
    "frames.window": (
        "In seconds, please: 25 ms", "Your window holds 2.5 periods", "Harmonics show, but the window",
        "Answer with seconds, a number",
    ),
    "frames.mel_of": (
        "That is the other mel scale,", "Straight all the way: above", "Right below 1,000 Hz. Above,",
        "The logarithm is divided", "8000 Hz is 45.25 mel, yours",
    ),
    "frames.bands": (
        "Vowels differ by their formants,", "100 frames a second stay", "A band holds the whole energy",
        "One of 'words', 'melody', 'timing',",
    ),
    "frames.triangles": (
        "The other way round: one", "Some weights are below 0:", "Some weights are above 1.",
        "The peaks should be 1. (Equal", "Filter [0] differs: it rises", "The filters for 6 corners",
    ),
    "frames.frame": (
        "Still complex: its absolute", "That is the power. The magnitude", "Without the window: its edges",
        "Your piece begins at k *", "The magnitudes differ from", "All n_fft values: for a real",
        "Only one hop was transformed:", "The magnitudes of a frame",
    ),
    "phones.past": (
        "Say 'walked' aloud: after", "Say 'played' aloud: after", "'want' and 'need' end in",
        "'wash' takes T, yours adds", "That is the ending alone:", "The stem should stay as it",
    ),
    "phones.tones": (
        "As the dictionary has them.", "One of them changes, but", "Only the first one changes:",
        "The second syllable keeps", "Tone 4 for the first: which", "Two tones, each a number",
    ),
    "phones.upsample": (
        "The other way round: channels", "The whole row was repeated.", "Every word got two phones.",
        "The columns come round again", "The features of words with", "Row 0 should be [1.0, 1.0,",
    ),
    "phones.collapse": (
        "The two 7s in the middle", "Merged, but the blanks are", "Without blanks, but 7 7 in",
        "A phone may come back later:", "[0, 7, 7, 0, 0, 7, 4, 4,", "5 5 3 says 5 3: the first",
    ),
    "phones.frame_counts": (
        "0.7 s are 18 frames, yours are 20. Rounded", "Those are the borders. How", "Frames are whole: 1.75 of",
        "0.7 s are 18 frames, yours are 10. Cutting", "Ten phones, but 3 numbers.",
        "0.7 s are 18 frames, yours are 30.", "Some border is a frame or",
    ),
    "phones.best_score": (
        "That takes the best phone", "That adds up all paths, as", "Your path ends at whichever",
        "Your path may begin at any", "Your path jumps over phones.", "With 6 frames and 3 phones",
        "best_score should give one",
    ),
}  # fmt: skip
"""Check -> how its hint to each of its wrong answers begins."""
