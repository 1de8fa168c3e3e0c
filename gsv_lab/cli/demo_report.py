"""The demo's report: one HTML file with players, pictures and tables, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from gsv_lab import audio
from gsv_lab.errors import on_page
from gsv_lab.evaluation.own import OWN_RECOGNISER
from gsv_lab.inference.utterance import Speech
from gsv_lab.system.files import save_bytes

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{border-bottom:1px solid #ddd;padding:.3rem .8rem;text-align:left}
img{max-width:100%}audio{width:100%}h1,h2{line-height:1.2}.note{color:#555}"""


@dataclass(frozen=True)
class SpokenSentence:
    """One sentence said under one condition, with what was measured on it.

    Args:
        condition: `zero-shot` or `fine-tuned`.
        language: `en` or `zh`.
        speech: what was made.
        similarity: cosine of the speaker verifier's embeddings of speech and reference; None without a verifier.
        phone_error: share of phones that the content encoder recognises otherwise.
        seconds: it took to make.
    """

    condition: str
    language: str
    speech: Speech
    similarity: float | None
    phone_error: float
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """Everything the report shows.

    Args:
        source: what the recording is.
        model: version of the base model.
        reference: the recording that was cloned.
        prepared: folder of the preparation.
        spoken: the sentences.
        settings: of the fine-tuning.
        seconds: of the whole run.
    """

    source: str
    model: str
    reference: audio.Recording
    prepared: Path
    spoken: Sequence[SpokenSentence]
    settings: dict[str, Any]
    seconds: float


def write_report(outcome: Outcome, path: Path) -> Path:
    """Write `report.html`."""
    recording = outcome.reference
    wave, sample_rate = recording.samples, recording.sample_rate
    mark = None if recording.path is None else audio.read_mark(recording.path)
    parts = [
        f"<h1>A voice, cloned by {on_page(outcome.model)}</h1>",
        f"<p>Source: {on_page(outcome.source)}. Everything below is synthetic unless it says otherwise, and marked "
        f"so in its file. The whole run took {outcome.seconds:.0f} s.</p>",
        "<h2>The recording (natural)</h2>",
        player(wave, sample_rate, mark),
        picture(phone_picture(wave.numpy(), sample_rate)),
        prepared_table(outcome.prepared),
        "<h2>What was made</h2>",
        measures_table(outcome.spoken),
        *(section(sentence) for sentence in outcome.spoken),
        "<h2>How the voice was tuned</h2>",
        table(["setting", "value"], [[name, value] for name, value in outcome.settings.items()]),
    ]
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>gsv_lab demo</title><style>{STYLE}</style>"
    return save_bytes(path, (head + "".join(parts) + "</html>").encode())


def section(sentence: SpokenSentence) -> str:
    """Player and spectrogram with phones of one sentence."""
    speech = sentence.speech
    text = speech.phones.text if speech.phones else ""
    title = f"<h3>{on_page(sentence.condition)}, {sentence.language}: {on_page(text)}</h3>"
    return title + player(speech.wave, speech.sample_rate, speech.mark) + picture(speech.show())


def measures_table(spoken: Sequence[SpokenSentence]) -> str:
    """Measures of every sentence."""
    rows = []
    for sentence in spoken:
        length = sentence.speech.seconds
        row = [
            sentence.condition,
            sentence.language,
            "–" if sentence.similarity is None else f"{sentence.similarity:.2f}",
            f"{100 * sentence.phone_error:.0f} %",
            f"{length:.1f} s",
            f"{sentence.seconds / max(0.1, length):.2f}",
            sentence.speech.settings.get("ended", ""),
        ]
        rows.append(row)
    note = (
        "<p class=note>Similarity: cosine of the kit's own speaker verifier between speech and recording; 1 is the "
        f"same recording, two people lie near 0. Phone errors: found by the {OWN_RECOGNISER}, so they are too few.</p>"
    )
    head = ["condition", "language", "similarity", "phone errors", "length", "real-time factor", "ended by"]
    return table(head, rows) + note


def prepared_table(folder: Path) -> str:
    """The quality report of the preparation."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    slices = report.get("slices", [])
    if not slices:
        return ""
    names = [name for name, value in slices[0].items() if isinstance(value, (int, float, str))][:9]
    rows = [[f"{s[n]:.2f}" if isinstance(s.get(n), float) else s.get(n, "") for n in names] for s in slices]
    return "<h2>Preparation</h2>" + table(names, rows)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """An HTML table; everything is escaped."""
    titles = "".join(f"<th>{on_page(title)}</th>" for title in head)
    lines = [f"<tr>{titles}</tr>"]
    for row in rows:
        cells = "".join(f"<td>{on_page(value)}</td>" for value in row)
        lines.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"


def player(wave: Tensor, sample_rate: int, mark: audio.Mark | None) -> str:
    """An audio element with the sound (T,) inside; `mark` is None for what is natural."""
    return f'<audio controls src="{audio.data_url(wave, sample_rate, mark)}"></audio>'


def picture(figure: Any) -> str:
    """A matplotlib Figure as an image element."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return f'<p><img alt="spectrogram" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"></p>'


def phone_picture(wave: np.ndarray, sample_rate: int) -> Any:
    """Spectrogram of a recording without phones."""
    from gsv_lab.figures import phone_strip

    return phone_strip(wave, sample_rate)
