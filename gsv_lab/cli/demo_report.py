"""The demo's report: one HTML file with players, pictures and tables, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import io
import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gsv_lab.evaluation.own import OWN_RECOGNISER
from gsv_lab.system.files import save_bytes

if TYPE_CHECKING:
    from gsv_lab.cli.demo import Outcome, Take
    from gsv_lab.inference.lab import Lab

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{border-bottom:1px solid #ddd;padding:.3rem .8rem;text-align:left}
img{max-width:100%}audio{width:100%}h1,h2{line-height:1.2}.note{color:#555}"""


def write_report(outcome: Outcome, lab: Lab, path: Path) -> Path:
    """Write `report.html`."""
    parts = [
        f"<h1>A voice, cloned by {escape(outcome.model)}</h1>",
        f"<p>Source: {escape(outcome.source)}. Everything below is synthetic unless it says otherwise, and marked "
        f"so in its file. The whole run took {outcome.seconds:.0f} s.</p>",
        "<h2>The recording (natural)</h2>",
        player(outcome.reference.samples.numpy(), outcome.reference.sample_rate),
        picture(phone_picture(outcome.reference.samples.numpy(), outcome.reference.sample_rate)),
        prepared_table(outcome.prepared),
        "<h2>What was made</h2>",
        takes_table(outcome.takes),
        *(section(take) for take in outcome.takes),
        "<h2>How the voice was tuned</h2>",
        table(["setting", "value"], [[name, value] for name, value in outcome.settings.items()]),
    ]
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>gsv_lab demo</title><style>{STYLE}</style>"
    return save_bytes(path, (head + "".join(parts) + "</html>").encode())


def section(take: Take) -> str:
    """Player and spectrogram with phones of one take."""
    text = take.speech.phones.text if take.speech.phones else ""
    title = f"<h3>{escape(take.manner)}, {take.language}: {escape(text)}</h3>"
    return title + player(take.speech.wave.numpy(), take.speech.sample_rate) + picture(take.speech.show())


def takes_table(takes: list[Take]) -> str:
    """Measures of every take."""
    rows = [
        [t.manner, t.language, f"{t.similarity:.2f}", f"{100 * t.phone_error:.0f} %", f"{t.speech.seconds:.1f} s",
         f"{t.seconds / max(0.1, t.speech.seconds):.2f}", t.speech.settings.get("ended", "")]
        for t in takes
    ]  # fmt: skip
    note = (
        "<p class=note>Similarity: cosine of the kit's own speaker verifier between take and recording; 1 is the same "
        f"recording, two people lie near 0. Phone errors: heard by the {OWN_RECOGNISER}, so it is a lenient judge.</p>"
    )
    head = ["manner", "language", "similarity", "phone errors", "length", "real-time factor", "ended by"]
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


def table(head: list[str], rows: list[list[Any]]) -> str:
    """An HTML table; everything is escaped."""
    cells = "".join(f"<th>{escape(str(h))}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"


def player(wave: np.ndarray, sample_rate: int) -> str:
    """An audio element with the sound inside."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(wave, -1, 1), sample_rate, format="WAV", subtype="PCM_16")
    return f'<audio controls src="data:audio/wav;base64,{base64.b64encode(buffer.getvalue()).decode()}"></audio>'


def picture(figure: Any) -> str:
    """A matplotlib Figure as an image element."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return f'<p><img alt="spectrogram" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"></p>'


def phone_picture(wave: np.ndarray, sample_rate: int) -> Any:
    """Spectrogram of a recording without phones."""
    from gsv_lab.figures import phone_strip

    return phone_strip(wave, sample_rate)
