"""The demo's report: the recording, then every sentence by the zero-shot and by the fine-tuned voice, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gsv_lab import audio
from gsv_lab.cli.demo_changes import Change, error_change, similarity_change
from gsv_lab.cli.example import Source
from gsv_lab.corpora.prepare import Prepared
from gsv_lab.evaluation.measures.own import OWN_RECOGNISER
from gsv_lab.inference.utterance import Speech
from gsv_lab.system import page
from gsv_lab.system.files import save_bytes
from gsv_lab.system.page import Html

CONDITIONS = ("zero-shot", "fine-tuned")
DPI = 100
PREPARED = "prepared"
"""Folder of the prepared recordings, beside the report."""


@dataclass(frozen=True)
class Spoken:
    """One sentence by one voice, with what was measured on it.

    Args:
        speech: what was made.
        similarity: cosine of the speaker verifier's embeddings of speech and reference; None without a verifier.
        phone_error: share of phones that the content encoder recognises otherwise.
        seconds: it took to make.
        file: name of its wave.
    """

    speech: Speech
    similarity: float | None
    phone_error: float
    seconds: float
    file: str

    @property
    def n_phones(self) -> int:
        """Phones that were to be said, punctuation left out."""
        return 0 if self.speech.phones is None else len(self.speech.phones.folded()[0])


@dataclass(frozen=True)
class Sentence:
    """A text with its language (`en`, `zh`), and how both voices say it."""

    language: str
    text: str
    zero_shot: Spoken
    tuned: Spoken


@dataclass(frozen=True)
class Outcome:
    """Everything the report shows.

    Args:
        source: the recordings, and what they are.
        model: version of the base model.
        reference: the slice from which the zero-shot voice was taken.
        prepared: all slices, from which the other one was tuned.
        sentences: what was said.
        settings: of the fine-tuning.
        seconds: of the whole run.
    """

    source: Source
    model: str
    reference: audio.Recording
    prepared: Prepared
    sentences: Sequence[Sentence]
    settings: dict[str, Any]
    seconds: float


def write_report(outcome: Outcome, path: Path) -> Path:
    """Write `report.html`."""
    whole = page.document(
        f"A voice, cloned by {outcome.model}",
        *_recording(outcome),
        page.heading("The same sentences in both voices"),
        *(_card(sentence) for sentence in outcome.sentences),
        *_summary(outcome),
        page.heading("How it was made"),
        page.paragraph(
            f"The whole run took {outcome.seconds:.0f} s. Every wave is a file beside this page, and says in itself "
            f"that it is synthetic. The fine-tuned voice: ", page.link("voice.safetensors"), ".",
        ),
        page.fold("Settings of the fine-tuning", page.table(("setting", "value"), outcome.settings.items())),
        page.fold("The recording as it was prepared", *_preparation(outcome)),
    )  # fmt: skip
    return save_bytes(path, whole.encode())


def _recording(outcome: Outcome) -> list[Html]:
    """What is cloned, first of all to be heard."""
    recording = outcome.reference
    mark = None if recording.path is None else audio.read_mark(recording.path)
    seconds = sum(piece.end - piece.start for piece in outcome.prepared.slices)
    steps = outcome.settings.get("steps")
    learnt = f"was tuned for {steps} steps on all {len(outcome.prepared.slices)} slices ({seconds:.0f} s)"
    if not steps:
        learnt = "is the same but for the recordings it knows: no step of tuning made the held-out recordings better"
    sound = audio.data_url(recording.samples, recording.sample_rate, mark)
    return [
        page.player(sound, f"The recording: {outcome.source.name}", f"slice of {recording.seconds:.1f} s"),
        page.paragraph(outcome.source.origin),
        page.paragraph(f"The zero-shot voice has heard only this slice. The fine-tuned voice {learnt}.", kind="note"),
    ]


def _card(sentence: Sentence) -> Html:
    """One sentence: both sounds side by side, what changed, both pictures on one time axis."""
    both = dict(zip(CONDITIONS, (sentence.zero_shot, sentence.tuned), strict=True))
    return page.card(
        page.heading(page.foreign(sentence.text, sentence.language), 3),
        page.beside(*(_sound(condition, spoken) for condition, spoken in both.items())),
        changes([sentence]),
        page.picture(_picture(both), f"Spectrograms of both with their phones: {sentence.text}"),
        page.fold("Phones", *(_phones(condition, spoken) for condition, spoken in both.items())),
    )


def _sound(condition: str, spoken: Spoken) -> Html:
    speech = spoken.speech
    sound = audio.data_url(speech.wave, speech.sample_rate, speech.mark)
    cut = speech.settings.get("ended") == "max_new"
    return page.joined(
        page.player(sound, condition.capitalize(), f"synthetic, {speech.seconds:.1f} s"),
        page.paragraph("It found no end by itself and was cut.", kind="warning") if cut else "",
        page.paragraph(page.link(spoken.file), kind="note"),
    )


def changes(sentences: Sequence[Sentence]) -> Html:
    """What tuning changed over some sentences, in numbers and words: means of similarity, pooled phone errors."""
    n_phones = [sentence.zero_shot.n_phones for sentence in sentences]
    similar, errors = [], []
    for voice in ("zero_shot", "tuned"):
        spoken: list[Spoken] = [getattr(sentence, voice) for sentence in sentences]
        known = [one.similarity for one in spoken if one.similarity is not None]
        similar.append(sum(known) / len(known) if known else None)
        pooled = sum(one.phone_error * n for one, n in zip(spoken, n_phones, strict=True))
        errors.append(pooled / max(1, sum(n_phones)))
    before, after = errors
    found: list[Change | None] = [similarity_change(*similar), error_change(before, after, sum(n_phones))]
    return page.listing(_said(change) for change in found if change)


def _said(change: Change) -> Html:
    said = page.joined(page.strong(change.numbers), f": {change.words}")
    return page.warning(said) if change.worse else said


def _picture(both: dict[str, Spoken]) -> bytes:
    from gsv_lab import figures

    timings = {}
    for condition, spoken in both.items():
        speech = spoken.speech
        if speech.phones is not None and speech.timings is not None:
            timings[condition] = (speech.phones.symbols, speech.timings.start, speech.timings.end)
    waves = {condition: spoken.speech.wave.numpy() for condition, spoken in both.items()}
    rate = next(iter(both.values())).speech.sample_rate
    return figures.png(figures.spectrogram_pair(waves, rate, timings=timings), DPI)


def _phones(condition: str, spoken: Spoken) -> Html:
    symbols = "" if spoken.speech.phones is None else " ".join(spoken.speech.phones.symbols)
    return page.paragraph(page.strong(condition), f": {symbols}")


def _summary(outcome: Outcome) -> list[Html]:
    """All sentences together, the table, and how to read it."""
    head = ("sentence", "similarity", "phone errors", "length", "real-time factor")
    rows = []
    for sentence in outcome.sentences:
        both = [_figures(spoken) for spoken in (sentence.zero_shot, sentence.tuned)]
        figures = [" → ".join(pair) for pair in zip(*both, strict=True)]
        rows.append([page.foreign(sentence.text, sentence.language), *figures])
    note = (
        "The arrow leads from zero-shot to fine-tuned. Similarity: cosine of the kit's own speaker verifier between "
        "speech and recording; 1 is the same recording, two people lie near 0. Phone errors: found by the "
        f"{OWN_RECOGNISER}, so they are too few. By chance: in 19 of 20 cases, if every phone fails on its own. "
        "Real-time factor: seconds of work for one of speech."
    )
    return [
        page.heading("All sentences together"),
        changes(outcome.sentences),
        page.table(head, rows, stack=True),
        page.paragraph(note, kind="note"),
    ]


def _figures(spoken: Spoken) -> list[str]:
    length = spoken.speech.seconds
    similarity = "–" if spoken.similarity is None else f"{spoken.similarity:.2f}"
    return [
        similarity,
        f"{100 * spoken.phone_error:.0f} %",
        f"{length:.1f} s",
        f"{spoken.seconds / max(0.1, length):.2f}",
    ]


def _preparation(outcome: Outcome) -> list[Html]:
    """What became of the recordings, with its own report."""
    from gsv_lab import figures

    recording = outcome.reference
    rows = []
    for piece in outcome.prepared.slices:
        level, noise = f"{piece.level:.1f} dBFS", f"{piece.quality.snr_db:.0f} dB"
        rows.append((piece.path, f"{piece.end - piece.start:.1f} s", level, noise, "; ".join(piece.warnings)))
    drawn = figures.png(figures.phone_strip(recording.samples.numpy(), recording.sample_rate), DPI)
    return [
        page.picture(drawn, "Spectrogram and wave of the slice that is heard above"),
        page.table(("slice", "length", "level", "speech to noise", "warnings"), rows, stack=True),
        page.paragraph("Everything about them: ", page.link(f"{PREPARED}/report.html"), "."),
    ]
