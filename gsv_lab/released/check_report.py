"""What a check of released files found, as a table of facts and as a page for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gsv_lab.errors import printable
from gsv_lab.released.check_files import FINE, FileReport

SHOWN = 10
"""Tensors of a kind that the page names; the table has all."""


@dataclass
class CompanionReport:
    """A network that the released families lean on: `place` is `folder`, `weights folder` or `absent`."""

    role: str
    models: list[str]
    file: str
    place: str
    state: str = FINE
    error: str = ""


@dataclass
class SpeechReport:
    """One sentence of one family: by which files, how long it lasts, how fast it was made, and what is wrong."""

    family: str
    sovits: str
    semantic_gpt: str
    text: str
    state: str = FINE
    file: str = ""
    seconds: float = 0.0
    real_time_factor: float = 0.0
    finite: bool = False
    peak: float = 0.0
    error: str = ""


@dataclass
class CheckReport:
    """All of it; `problems` has one sentence for everything that is not well."""

    versions: dict[str, str]
    machine: dict[str, Any]
    files: list[FileReport] = field(default_factory=list)
    companions: list[CompanionReport] = field(default_factory=list)
    speech: list[SpeechReport] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def page(report: CheckReport) -> str:
    """The report for people, in Markdown."""
    lines = ["# Check of released files", ""]
    if report.problems:
        lines += ["Not well:", "", *(f"- {problem}" for problem in report.problems)]
    else:
        lines.append(f"All is well: {len(report.files)} files.")
    lines += ["", "## Files", ""]
    for row in report.files:
        lines += _file(row)
    lines += ["", "## Companions", ""]
    for companion in report.companions:
        state = "" if companion.place == "absent" else f", {companion.state} {companion.error}".rstrip()
        lines.append(f"- {companion.role}, {companion.file}: {companion.place}{state}")
    lines += ["", "## Speech", ""]
    for spoken in report.speech:
        lines += _speech(spoken)
    if not report.speech:
        lines.append("No pair of a SoVITS and a SemanticGPT of one family is here, so nothing was spoken.")
    lines += ["", "## Machine", ""]
    lines += [f"- {name}: {value}" for name, value in {**report.versions, **report.machine}.items()]
    return "\n".join(map(printable, lines)) + "\n"


def _file(row: FileReport) -> list[str]:
    what = f"{row.role} of {row.family}, {row.tensors} tensors, {row.numbers:,} numbers, {row.precision}"
    details = [what if row.family else row.role, "; ".join(row.decided), f"SHA-256 {row.sha256}", row.catalogue]
    for kind, names in (("missing", row.missing), ("unexpected", row.unexpected), ("shape", row.reshaped)):
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        details.append(f"{kind}: {', '.join(names[:SHOWN])}{more}" if names else "")
    details += [*row.notes, row.error]
    return [f"- **{row.path}** ({row.bytes:,} bytes): {row.state}", *(f"  - {text}" for text in details if text)]


def _speech(spoken: SpeechReport) -> list[str]:
    pair = f"{spoken.sovits} with {spoken.semantic_gpt}"
    lines = [f"- {spoken.family}, {pair}: {spoken.state} {spoken.error}".rstrip()]
    if spoken.file:
        finite = "finite" if spoken.finite else "not finite"
        sizes = f"{spoken.seconds} s, real-time factor {spoken.real_time_factor}, peak {spoken.peak}, {finite}"
        lines.append(f"  - {spoken.text!r} in {spoken.file}: {sizes}")
    return lines
