"""The reports of `prepare`: `report.json` for programs, `report.html` with a row and a picture per slice for people.

The page is one file without scripts or foreign addresses; only its players point to the slices beside it. Pictures are
small PNGs made here, so that no plotting library is loaded. The file knows nothing of how slices come about.
"""

from __future__ import annotations

import base64
import html
import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gsv_lab import __version__, audio
from gsv_lab.audio.measures import Quality
from gsv_lab.system.environment import clock
from gsv_lab.system.files import save_bytes


@dataclass(frozen=True)
class FileReport:
    """One file that was given: its length, its seconds of speech, its slices, or why it was refused."""

    path: str
    seconds: float = 0.0
    speech: float = 0.0
    sample_rate: int = 0
    slices: int = 0
    notes: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class SliceReport:
    """One slice.

    Attributes:
        path: relative to the folder.
        source: name of the file it was cut from.
        start: seconds into the source.
        end: seconds into the source.
        speaker: name in the list.
        language: `en`, `zh` or `auto`.
        text: transcript; empty when unknown.
        hint: phones that a recogniser heard, where there is no transcript.
        quality: measures before denoising and levelling.
        level: dBFS of its speech now.
        short_by: dB missing to the target level because of the peak limit.
        score: mean log-probability of the aligned phones, nats; None where nothing was aligned.
        missing: phones of the language that do not occur.
        warnings: `CODE: sentence`.
    """

    path: str
    source: str
    start: float
    end: float
    speaker: str
    language: str
    text: str
    hint: str
    quality: Quality
    level: float
    short_by: float
    score: float | None
    missing: tuple[str, ...]
    warnings: tuple[str, ...]


def write_reports(folder: Path, slices: Sequence[SliceReport], files: Sequence[FileReport]) -> None:
    """Write `report.json`, `report.html` and, where there are hints, `hints.txt` (`slice|phones`) into `folder`."""
    hints = [f"{piece.path}|{piece.hint}\n" for piece in slices if piece.hint]
    if hints:
        head = "# phones that the recogniser heard; no transcript: correct the text in list.txt by ear\n"
        save_bytes(folder / "hints.txt", "".join([head, *hints]).encode())
    totals = summary(slices, files)
    data = {
        "format": 1,
        "version": __version__,
        "date": clock().isoformat(),
        "totals": totals,
        "files": [asdict(report) for report in files],
        "slices": [_plain(piece) for piece in slices],
    }
    save_bytes(folder / "report.html", _page(folder, totals, slices, files).encode())
    save_bytes(folder / "report.json", json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False).encode())


def summary(slices: Sequence[SliceReport], files: Sequence[FileReport]) -> dict[str, Any]:
    """Totals of a run: numbers of files, refusals, slices, seconds, warnings, and the phones that no slice holds."""
    missing: dict[str, list[str]] = {}
    for language in sorted({piece.language for piece in slices if piece.quality.phone_coverage is not None}):
        known = [set(p.missing) for p in slices if p.language == language and p.quality.phone_coverage is not None]
        missing[language] = sorted(set.intersection(*known))
    return {
        "files": len(files),
        "refused": sum(bool(report.refused) for report in files),
        "slices": len(slices),
        "seconds": round(sum(piece.end - piece.start for piece in slices), 2),
        "speech": round(sum(report.speech for report in files), 2),
        "with_text": sum(bool(piece.text) for piece in slices),
        "short_of_level": sum(piece.short_by > 0.1 for piece in slices),
        "warnings": sum(len(piece.warnings) for piece in slices),
        "missing_phones": missing,
    }


def _plain(piece: SliceReport) -> dict[str, Any]:
    return {**asdict(piece), "quality": piece.quality.to_dict()}


_STYLE = """body{font:14px/1.4 sans-serif;margin:1.5em;max-width:90em}table{border-collapse:collapse}
td,th{padding:.25em .5em;border-bottom:1px solid #ccc;text-align:left;vertical-align:top}td.n{text-align:right}
.warn{color:#a33}img{display:block;width:240px;height:64px}audio{width:240px;height:28px}small{color:#555}"""

_HEADS = (
    "slice",
    "where",
    "text or hint",
    "SNR dB",
    "clipped",
    "silence",
    "band Hz",
    "phones",
    "level dBFS",
    "score",
    "",
)


def _page(folder: Path, totals: dict[str, Any], slices: Sequence[SliceReport], files: Sequence[FileReport]) -> str:
    refused = [f"<li class=warn>{_text(Path(f.path).name)}: {_text(f.refused)}</li>" for f in files if f.refused]
    notes = [f"<li>{_text(Path(f.path).name)}: {_text('; '.join(f.notes))}</li>" for f in files if f.notes]
    missing = [
        f"<p>Phones that no slice holds ({_text(language)}): {_text(' '.join(names)) or 'none'}</p>"
        for language, names in totals["missing_phones"].items()
    ]
    head = "".join(f"<th>{name}</th>" for name in _HEADS)
    return "\n".join([
        "<!doctype html><html lang=en><meta charset=utf-8><title>Recordings</title>", f"<style>{_STYLE}</style>",
        f"<h1>Recordings: {totals['slices']} slices, {totals['seconds']:.1f} s</h1>",
        f"<p>{totals['files']} files, {totals['refused']} refused; {totals['speech']:.1f} s of speech; "
        f"{totals['with_text']} slices with a text; {totals['short_of_level']} stop short of -18 dBFS because their "
        "peak reached -1 dBFS.</p>", *missing, "<ul>", *refused, *notes, "</ul>",
        f"<table><tr>{head}</tr>", *(_table_row(folder, piece) for piece in slices), "</table></html>",
    ])  # fmt: skip


def _table_row(folder: Path, piece: SliceReport) -> str:
    measured = piece.quality
    covered = "" if measured.phone_coverage is None else f"{measured.phone_coverage:.0%}"
    level = f"{piece.level:.1f}" + (f"<br><small>{piece.short_by:.1f} short</small>" if piece.short_by > 0.1 else "")
    words = _text(piece.text) or (f"<i>{_text(piece.hint)}</i>" if piece.hint else "<i>no transcript</i>")
    source = html.escape(piece.path, quote=True)
    numbers = (
        f"{measured.snr_db:.0f}", f"{measured.clipping:.2%}", f"{measured.silence:.0%}", f"{measured.band_hz:.0f}",
        covered, level, "" if piece.score is None else f"{piece.score:.2f}",
    )  # fmt: skip
    cells = "".join(f"<td class=n>{number}</td>" for number in numbers)
    return (
        f'<tr><td><img alt="spectrogram" src="{_picture(folder / piece.path)}">'
        f'<audio controls preload=none src="{source}"></audio></td>'
        f"<td>{_text(piece.source)}<br>{piece.start:.2f} to {piece.end:.2f} s</td><td>{words}</td>{cells}"
        f"<td class=warn>{_text('; '.join(piece.warnings))}</td></tr>"
    )


def _text(value: str) -> str:
    return html.escape(value, quote=True)


def _picture(path: Path, width: int = 240, height: int = 64) -> str:
    """Spectrogram up to 8 kHz, 70 dB deep, as the address of an embedded PNG."""
    recording = audio.read(path, 16_000)
    size = 512
    hop = max(1, recording.samples.numel() // width)
    padded = torch.nn.functional.pad(recording.samples, (size // 2, size // 2))
    frames = padded.unfold(0, size, hop)[:width] * torch.hann_window(size)
    power = torch.fft.rfft(frames).abs().square()[:, : size // 2].T  # (256, width)
    power = power.reshape(height, -1, power.shape[1]).mean(dim=1)
    depth = 10 * (power / power.max().clamp(min=1e-12)).clamp(min=1e-7).log10()
    shades = ((depth + 70) / 70 * 255).round().to(torch.uint8).flip(0)
    return "data:image/png;base64," + base64.b64encode(_png(shades)).decode()


def _png(shades: Tensor) -> bytes:
    """(rows, columns) uint8 -> PNG with a palette from dark blue over red to pale yellow."""
    anchors = torch.tensor([[8, 8, 40], [90, 20, 110], [200, 60, 70], [250, 160, 60], [255, 255, 220]]).float()
    palette = torch.nn.functional.interpolate(anchors.T[None], 256, mode="linear", align_corners=True)[0].T
    rows, columns = shades.shape
    lines = b"".join(b"\0" + bytes(row) for row in shades.tolist())
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)),
        (b"PLTE", bytes(palette.round().to(torch.uint8).flatten().tolist())),
        (b"IDAT", zlib.compress(lines, 6)),
        (b"IEND", b""),
    ]
    chunks = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
