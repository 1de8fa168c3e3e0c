"""The verdict as `verdict.json` for programs and `verdict.html` for people: one file with its sounds and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gsv_lab import audio
from gsv_lab.system import page
from gsv_lab.system.files import save_bytes
from gsv_lab.system.page import Html
from gsv_lab.training.verdict.data import Finding
from gsv_lab.training.verdict.judging import SEEDS
from gsv_lab.training.verdict.rule import HARMS, HELD_OUT, Step
from gsv_lab.training.verdict.verdict import Verdict, interval_of

JSON, HTML = "verdict.json", "verdict.html"
SHOWN = {
    HELD_OUT: "loss on held-out speech, nat",
    "similarity": "similarity (own verifier)",
    "phone_error": "wrong phones (content encoder)",
    "forgetting": "wrong phones, other texts",
    "terms": "wrong phones, terms",
    "alignment": "alignment score, nat",
    "wrong_words": "words skipped or repeated",
    "copied": "copied speech",
}
"""Measures as the page calls them, in its order."""


def write_verdict(verdict: Verdict, folder: Path, sample_rate: int) -> Path:
    """Write both files into the folder of a run; the path of the page.

    Raises:
        LabError: SAVE_FAILED.
    """
    text = json.dumps(verdict.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    save_bytes(folder / JSON, text.encode())
    return save_bytes(folder / HTML, _page(verdict, sample_rate).encode())


def _page(verdict: Verdict, sample_rate: int) -> str:
    parts: list[object] = [page.paragraph(page.strong(_sentence(verdict.words)), " ", _sentence(verdict.advice))]
    if verdict.judged is not None:
        parts += [*_sounds(verdict, sample_rate), *_steps(verdict)]
    return page.document("Verdict on a fine-tuning", *parts, *_recordings(verdict), wide=True)


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _sounds(verdict: Verdict, sample_rate: int) -> list[Html]:
    """The untuned and a tuned voice with the first of the kit's own texts."""
    judged = verdict.judged
    assert judged is not None, "nobody has spoken"
    number = next(n for n, text in enumerate(judged.texts) if text.own)
    players = []
    for step in dict.fromkeys((0, verdict.shown)):
        said = next(one for one in judged.said if (one.step, one.text, one.seed) == (step, number, SEEDS[0]))
        mark = audio.Mark(verdict.family, f"candidate, step {step}", settings={"seed": said.seed})
        wave = said.wave / max(1.0, float(said.wave.abs().max()))
        label = f"step {step}" if step else "untuned (zero-shot)"
        players.append(page.player(audio.data_url(wave, sample_rate, mark, ".flac"), label))
    text = page.paragraph(judged.texts[number].phones.text, kind="note")
    return [page.heading("The two voices"), page.beside(*players), text]


def _steps(verdict: Verdict) -> list[Html]:
    """What was measured of each step, against the untuned one."""
    judged = verdict.judged
    assert judged is not None, "nobody has spoken"
    choice = judged.choice
    names = [name for name in SHOWN if name in choice.steps[0].means]
    rows: list[list[object]] = []
    for step in choice.steps:
        says = ", ".join([*(["better"] if step.better else []), *step.harms]) if step.step else "untuned"
        name = page.strong(step.step) if step.step == choice.step else page.html(step.step)
        rows.append([name, says, *(_cell(step, measure) for measure in names)])
    natural = verdict.natural()
    rows.append(["natural", "held-out clips", *(_number(natural.get(name)) for name in names)])
    head = ["step", "against the untuned voice", *(SHOWN[name] for name in names)]
    parts = [page.heading("Steps"), page.table(head, rows), page.paragraph(_reading(verdict), kind="note")]
    if choice.over_trained:
        last = max(judged.losses)
        parts.append(page.paragraph(f"Step {last} is over-trained: {', '.join(choice.over_trained)}.", kind="warning"))
    return [*parts, _picture(choice.steps, judged.losses, choice.step)]


def _cell(step: Step, measure: str) -> Html:
    """Mean of a measure, and its difference to the untuned voice with the interval."""
    value, low, high = interval_of(step.differences[measure])
    below = "" if not step.step or low is None or high is None else f"{value:+.3f} ({low:+.3f} to {high:+.3f})"
    return page.value(_number(step.means[measure]), below)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _reading(verdict: Verdict) -> str:
    """How the table is to be read, and where similarities lie."""
    limits = ", ".join(f"{SHOWN[name]} {harm.tolerance:g}" for name, harm in HARMS.items())
    text = (
        "Below each mean: the difference to the untuned voice with its 95 % interval, over seconds of held-out speech "
        "or over texts. A step is better where its loss on held-out speech is surely lower, and harmed where it is "
        f"surely worse by more than a tolerance ({limits}). "
    )
    if verdict.reference is None:
        return text + f"Nobody has measured other people's similarities by the verifier of {verdict.family}."
    floor = verdict.reference.floor.get(verdict.language)
    placed = ", ".join(f"step {step} at {place:.2f}" for step, place in verdict.places().items() if place is not None)
    return text + (
        f"Similarity lies between {floor} (other people's clips) and that of the natural clips: {placed}. "
        f"The verifier takes {verdict.reference.equal_error:.0%} of clips for another person's, and as many of other "
        f"people's for this one's ({verdict.reference.speakers} development speakers)."
    )


def _picture(steps: Sequence[Step], losses: Mapping[int, np.ndarray], chosen: int) -> Html:
    """Differences to the untuned voice by step, with intervals."""
    from gsv_lab import figures

    at = [step.step for step in steps]
    panels, spread = {}, {}
    for name in [name for name in SHOWN if name in steps[0].means]:
        found = np.nan_to_num(np.array([step.differences[name][:3] for step in steps]))
        panels[SHOWN[name]] = {"to untuned": (at, found[:, 0])}
        spread[SHOWN[name]] = {"to untuned": (found[:, 1], found[:, 2])}
    every = sorted(losses)
    means = [float(losses[step].mean() - losses[0].mean()) for step in every]
    panels[SHOWN[HELD_OUT]]["all steps"] = (every, means)
    figure = figures.training_curves(panels, marks={"chosen": chosen}, spread=spread)
    width, height = (round(100 * inches) for inches in figure.get_size_inches())
    alt = "differences of each step to the untuned voice, with intervals, as in the table above"
    return page.picture(figures.png(figure, 160, colours=64), alt, width, height)


def _recordings(verdict: Verdict) -> list[Html]:
    """What is wrong with the recordings, and what was measured of each."""
    data = verdict.data
    head = ("what", "worst", "limit", "where the limit is from", "clips", "what to do")
    kept = {data.measured[number].name for number in data.keep}
    rows = [
        (
            clip.name, clip.seconds, clip.speech, clip.snr_db, f"{clip.clipping:.2%}", clip.text_margin,
            "kept" if clip.name in kept else "left out",
        )
        for clip in data.measured
    ]  # fmt: skip
    clips = page.table(("clip", "s", "speech, s", "SNR, dB", "clipped", "text margin, nat", ""), rows)
    found = page.table(head, [_finding(one) for one in data.findings], stack=True)
    nothing = page.paragraph("Nothing is wrong with them.")
    return [page.heading("The recordings"), found if data.findings else nothing, page.fold("Every clip", clips)]


def _finding(found: Finding) -> list[object]:
    words = page.strong(f"{found.code}: {found.words}") if found.serious else f"{found.code}: {found.words}"
    return [words, found.value, found.threshold, found.source, ", ".join(found.clips), found.advice]
