"""The reports of `prepare`: `report.json` for programs, `report.html` with a row and a picture per slice for people.

The page is one file without scripts or foreign addresses; only its players point to the slices beside it. Pictures are
small PNGs made here, so that no plotting library is loaded.
"""

from __future__ import annotations

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
from gsv_lab.audio.transcription import Transcript
from gsv_lab.system import page
from gsv_lab.system.environment import clock
from gsv_lab.system.files import save_bytes

WIDTH, HEIGHT = 240, 64
"""Points of a slice's picture."""
DOUBTFUL_WORD = 0.5
"""Probability under which a word that was heard is marked."""


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
        hint: recognised phones, where there is no transcript.
        quality: measures before denoising and levelling.
        level: dBFS of its speech now.
        short_by: dB missing to the target level because of the peak limit.
        score: mean log-probability of the aligned phones, nats; None where nothing was aligned.
        missing: phones of the language that do not occur.
        warnings: `CODE: sentence`.
        sound: SHA-256 of the source's samples in it.
        edited: columns of the list that a person changed.
        listed: whether it stands in the list.
        heard: what a transcriber wrote down, times in seconds from the slice's start; None where none listened.
        heard_key: hash of what the transcriber heard and of itself.
        heard_error: errors for each word or syllable of a text that was given or edited; None without both.
        corpus: name of the folder that the source lies in.
        source_hash: of the source, see `gsv_lab.corpora.clip_lists.clip_hash`.
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
    sound: str = ""
    edited: tuple[str, ...] = ()
    listed: bool = True
    heard: Transcript | None = None
    heard_key: str = ""
    heard_error: float | None = None
    corpus: str = ""
    source_hash: str = ""

    @property
    def to_check(self) -> bool:
        """Whether its transcript should be looked at by a person."""
        return any(warning.startswith("TRANSCRIPT_") for warning in self.warnings)

    def to_dict(self) -> dict[str, Any]:
        """As plain data for `report.json`."""
        data = {**asdict(self), "quality": self.quality.to_dict()}
        return data | {"confidence": round(self.heard.confidence, 4), "to_check": self.to_check} if self.heard else data


def write_reports(
    folder: Path, slices: Sequence[SliceReport], files: Sequence[FileReport], transcriber: str = ""
) -> None:
    """Write `report.json`, `report.html` and, where there are hints, `hints.txt` (`slice|phones`) into `folder`.

    `transcriber` says who wrote down what was heard.
    """
    hints = [f"{piece.path}|{piece.hint}\n" for piece in slices if piece.hint]
    if hints:
        head = "# recognised phones of slices without a transcript: listen, and write what is said into list.txt\n"
        save_bytes(folder / "hints.txt", "".join([head, *hints]).encode())
    totals = summary(slices, files)
    if transcriber:
        totals["transcriber"] = transcriber
    data = {
        "format": 1,
        "version": __version__,
        "date": clock().isoformat(),
        "totals": totals,
        "files": [asdict(report) for report in files],
        "slices": [piece.to_dict() for piece in slices],
    }
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
    save_bytes(folder / "report.html", _page(folder, totals, slices, files).encode())
    save_bytes(folder / "report.json", text.encode())


def summary(slices: Sequence[SliceReport], files: Sequence[FileReport]) -> dict[str, Any]:
    """Totals of a run: numbers of files, refusals, slices, seconds, warnings, and the phones that no slice holds."""
    return {
        "files": len(files),
        "refused": sum(bool(report.refused) for report in files),
        "slices": len(slices),
        "seconds": round(sum(piece.end - piece.start for piece in slices), 2),
        "speech": round(sum(report.speech for report in files), 2),
        "with_text": sum(bool(piece.text) for piece in slices),
        "heard": sum(piece.heard is not None for piece in slices),
        "to_check": sum(piece.to_check for piece in slices),
        "edited": sum(bool(piece.edited) or not piece.listed for piece in slices),
        "short_of_level": sum(piece.short_by > 0.1 for piece in slices),
        "warnings": sum(len(piece.warnings) for piece in slices),
        "missing_phones": _missing(slices),
    }


def _missing(slices: Sequence[SliceReport]) -> dict[str, list[str]]:
    """The phones of each language that no slice with a text holds."""
    by_language: dict[str, set[str]] = {}
    for piece in slices:
        if piece.quality.phone_coverage is not None:
            missing = set(piece.missing)
            by_language[piece.language] = by_language.get(piece.language, missing) & missing
    return {language: sorted(by_language[language]) for language in sorted(by_language)}


_HEADS = (
    "sound",
    "from",
    "text or hint",
    "heard",
    "SNR dB",
    "clipped",
    "silence",
    "band Hz",
    "phones",
    "level dBFS",
    "score",
    "warnings",
)


def _page(folder: Path, totals: dict[str, Any], slices: Sequence[SliceReport], files: Sequence[FileReport]) -> str:
    refused = [f"{Path(report.path).name}: {report.refused}" for report in files if report.refused]
    notes = [f"{Path(report.path).name}: {'; '.join(report.notes)}" for report in files if report.notes]
    counts = (
        f"{totals['files']} files, {totals['refused']} refused; {totals['speech']:.1f} s of speech; "
        f"{totals['with_text']} slices with a text; {totals['short_of_level']} stop short of -18 dBFS because their "
        "peak reached -1 dBFS."
    )
    listened = bool(totals["heard"])
    heads = [head for head in _HEADS if listened or head != "heard"]
    heard = ""
    if listened:
        heard = (
            f"{totals['heard']} slices heard by {totals.get('transcriber', '')}, {totals['to_check']} to check. "
            "Doubtful words are marked. Correct list.txt: finetune reads it, and preparing again keeps what was edited."
        )
    missing = []
    for language, names in totals["missing_phones"].items():
        missing.append(page.paragraph(f"Phones that no slice holds ({language}): {' '.join(names) or 'none'}"))
    return page.document(
        f"Recordings: {totals['slices']} slices, {totals['seconds']:.1f} s",
        page.paragraph(counts),
        *([page.paragraph(heard)] if heard else []),
        *missing,
        page.listing(refused, "warning"),
        page.listing(notes),
        page.table(heads, [_cells(folder, piece, listened) for piece in slices], stack=True),
        wide=True,
    )


def _cells(folder: Path, piece: SliceReport, listened: bool) -> list[object]:
    measured = piece.quality
    short = f" ({piece.short_by:.1f} short)" if piece.short_by > 0.1 else ""
    picture = page.picture(_picture(folder / piece.path), f"spectrogram of {piece.path}", WIDTH, HEIGHT)
    recognised = page.fold("recognised phones", piece.hint) if piece.hint else "no transcript"
    return [
        page.joined(picture, page.player(piece.path, Path(piece.path).name, preload="none")),
        f"{piece.source}, {piece.start:.2f} to {piece.end:.2f} s",
        piece.text or recognised,
        *([_heard(piece)] if listened else []),
        f"{measured.snr_db:.0f}",
        f"{measured.clipping:.2%}",
        f"{measured.silence:.0%}",
        f"{measured.band_hz:.0f}",
        "" if measured.phone_coverage is None else f"{measured.phone_coverage:.0%}",
        f"{piece.level:.1f}{short}",
        "" if piece.score is None else f"{piece.score:.2f}",
        page.warning("; ".join(piece.warnings)),
    ]


def _heard(piece: SliceReport) -> object:
    """What a transcriber heard, its doubtful words marked, and how sure it is."""
    heard = piece.heard
    if heard is None:
        return ""
    words = [page.warning(w.text) if w.probability < DOUBTFUL_WORD else page.html(w.text) for w in heard.words]
    blank = "" if heard.language == "zh" else " "
    error = "" if piece.heard_error is None else f", errors of {piece.heard_error:.0%} against the text"
    sure = f" ({heard.detected} {heard.language_probability:.0%}, confidence {heard.confidence:.2f}{error})"
    return page.joined(*(part for word in words for part in (word, blank)), sure)


def _picture(path: Path, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Spectrogram up to 8 kHz, 70 dB deep, as a PNG."""
    recording = audio.read(path, 16_000)
    size = 512
    hop = max(1, recording.samples.numel() // width)
    padded = torch.nn.functional.pad(recording.samples, (size // 2, size // 2))
    frames = padded.unfold(0, size, hop)[:width] * torch.hann_window(size)
    power = torch.fft.rfft(frames).abs().square()[:, : size // 2].T  # (256, width)
    power = power.reshape(height, -1, power.shape[1]).mean(dim=1)
    depth = 10 * (power / power.max().clamp(min=1e-12)).clamp(min=1e-7).log10()
    shades = ((depth + 70) / 70 * 255).round().to(torch.uint8).flip(0)
    return _png(shades)


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
