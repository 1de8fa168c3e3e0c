"""From recordings to a folder for fine-tuning: checked, cut into slices of 3 to 10 s, levelled, listed, reported.

    prepare(["me.wav"], "voice_data", text_file="script.txt", align=lab_align)

writes `slices/*.flac`, `list.txt` (`wav|speaker|language|text`), `report.json`, `report.html`, and `hints.txt` where no
transcript is known but a recogniser was handed in. The folder appears whole or not at all. Letters: T samples. The file
loads no synthesis network: aligner and recogniser are handed in as functions.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from gsv_lab import audio
from gsv_lab.audio.measures import quality, require_speech, spoken
from gsv_lab.audio.noise import denoise as without_noise
from gsv_lab.audio.slices import LONGEST, SHORTEST, SHORTEST_SINGLE, slice_speech, speech_seconds
from gsv_lab.audio.speakers import FEWEST, SEVERAL, likeness
from gsv_lab.audio.voice_activity import Span, speech_spans
from gsv_lab.corpora.listfile import Row, read_list, write_list
from gsv_lab.corpora.prepare_report import FileReport, SliceReport, summary, write_reports
from gsv_lab.corpora.timing import TimedWord, check_text_length, folded_phones, language_of, mean_score, share_out
from gsv_lab.errors import AudioError, DataError, TextError
from gsv_lab.system.files import new_folder

Align = Callable[[Tensor, str, str], Sequence[TimedWord]]
"""(T,) at 16 kHz, text, language -> words with times in seconds; see `timing.timed_words`."""
Recognise = Callable[[Tensor, str], Sequence[str]]
"""(T,) at 16 kHz, language -> phones that a recogniser hears."""
Embed = Callable[[Tensor], Tensor]
"""(T,) at 16 kHz -> unit vector (D,) of who speaks."""

SUFFIXES = frozenset(".wav .flac .ogg .oga .opus .mp3 .aif .aiff .au .caf .w64 .m4a .aac .wma .webm .mp4".split())
"""Files that count as recordings in a folder; those of a kind that cannot be read are reported, not passed over."""

_RATE = 16_000  # of what aligner and recogniser hear
_LONGEST_TEXT = 900.0  # s: an aligner's table grows with the square of the length
_DOUBTFUL = -3.0  # nats: guessing among 100 phones gives -4.6, a good clip about -1


class Prepared(NamedTuple):
    """What `prepare` made: the folder, its slices, and every file that was used or refused."""

    folder: Path
    slices: tuple[SliceReport, ...]
    files: tuple[FileReport, ...]

    def __str__(self) -> str:
        totals = summary(self.slices, self.files)
        lines = [
            f"{self.folder}: {totals['slices']} slices, {totals['seconds']:.1f} s, {totals['with_text']} with a text; "
            f"see {self.folder / 'report.html'}"
        ]
        lines += [f"left out: {report.refused}" for report in self.files if report.refused]
        lines += [f"{r.path}: {note}" for r in self.files for note in r.notes if note.startswith("AUDIO_")]
        lines += [f"{piece.path}: {warning}" for piece in self.slices for warning in piece.warnings]
        return "\n".join(lines)


class _Item(NamedTuple):
    path: Path
    speaker: str
    language: str
    text: str


@dataclass(frozen=True)
class _Job:
    """What is the same for all files of one run."""

    folder: Path
    denoise: bool
    sample_rate: int
    align: Align | None
    recognise: Recognise | None
    embed: Embed | None


def prepare(
    paths: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    language: str = "auto",
    list_file: str | os.PathLike[str] | None = None,
    text_file: str | os.PathLike[str] | None = None,
    speaker: str = "speaker",
    denoise: bool = False,
    sample_rate: int = 32_000,
    align: Align | None = None,
    recognise: Recognise | None = None,
    embed: Embed | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Prepared:
    """Make a folder of slices from recordings.

    One unusable file among several is reported and left out; if none is usable, its error is raised.

    Args:
        paths: recordings, or folders of them (searched in depth); with `list_file` at most one, the root of its paths.
        output: folder to make; absent, empty, or an earlier result (which is replaced).
        language: `en`, `zh` or `auto` (from the text).
        list_file: `wav|speaker|language|text` with the transcripts.
        text_file: UTF-8 text of one recording.
        speaker: name in the list for recordings that come without one.
        denoise: subtract steady noise.
        sample_rate: Hz, the highest to write; recordings of a lower rate keep theirs.
        align: needed for recordings over 10 s that come with a text.
        recognise: hears phones where there is no transcript; they go to `hints.txt`, for a person to correct.
        embed: hears who speaks; with it a recording that seems to hold two people is noted (`AUDIO_MULTI_SPEAKER`).
        progress: called with the share that is done and the name of the file at hand.

    Raises:
        AudioError: all of `audio.read`, `AUDIO_SILENT`, `AUDIO_CLIPPED`, `REF_LENGTH` (under 3 s of speech in all).
        DataError: `DATA_*` of the list, `DATA_EMPTY`, `ALIGN_IMPLAUSIBLE`, `ALIGN_NEEDED`, `ALIGN_TOO_LONG`.
        TextError: `TEXT_EMPTY`, `TEXT_INVALID_UNICODE`, `LANG_UNKNOWN`.
        LabError: `OUTPUT_EXISTS`, `SAVE_FAILED`.
    """
    if language not in ("en", "zh", "auto"):
        raise TextError("LANG_UNKNOWN", f"The language {language!r} is unknown", "en, zh or auto")
    items = _items(paths, list_file, text_file, speaker, language, Path(output))
    with new_folder(output, is_own="report.json") as folder:
        (folder / "slices").mkdir()
        job = _Job(folder, denoise, sample_rate, align, recognise, embed)
        slices, files = _all_files(items, job, progress)
        rows = [Row(Path(piece.path), piece.speaker, piece.language, piece.text) for piece in slices]
        write_list(folder / "list.txt", rows)
        write_reports(folder, slices, files)
    return Prepared(Path(output), tuple(slices), tuple(files))


def _all_files(
    items: Sequence[_Item], job: _Job, progress: Callable[[float, str], None] | None
) -> tuple[list[SliceReport], list[FileReport]]:
    slices: list[SliceReport] = []
    files: list[FileReport] = []
    errors: list[AudioError | DataError | TextError] = []
    names = _slice_names([item.path for item in items])
    seen: dict[str, str] = {}
    for index, item in enumerate(items):
        if progress:
            progress(index / len(items), item.path.name)
        try:
            report, pieces = _one_file(item, names[index], job, seen)
            files.append(report)
            slices.extend(pieces)
        except (AudioError, DataError, TextError) as error:
            errors.append(error)
            for orphan in (job.folder / "slices").glob(f"{names[index]}_[0-9][0-9][0-9][0-9].flac"):
                orphan.unlink()
            files.append(FileReport(str(item.path), refused=f"{error.code}: {error}"))
    if progress:
        progress(1.0, "")
    _require_material(slices, files, errors)
    return slices, files


def _require_material(
    slices: Sequence[SliceReport], files: Sequence[FileReport], errors: Sequence[AudioError | DataError | TextError]
) -> None:
    if not slices and len(errors) == len(files):
        if len(errors) == 1:
            raise errors[0]
        raise DataError(
            "DATA_EMPTY", f"None of {len(errors)} recordings can be used; the first: {errors[0]}", "at least one",
        )  # fmt: skip
    total = sum(report.speech for report in files) if slices else 0.0
    if total < SHORTEST:
        raise AudioError(
            "REF_LENGTH", f"The recordings hold {total:.1f} s of speech in all", f"at least {SHORTEST:g} s",
            "Record a longer passage; a minute is good",
        )  # fmt: skip


def _one_file(item: _Item, stem: str, job: _Job, seen: dict[str, str]) -> tuple[FileReport, list[SliceReport]]:
    recording = audio.read(item.path)
    _refuse_repeated(item.path, seen)
    samples, rate, name = recording.samples, recording.sample_rate, item.path.name
    spans = speech_spans(samples, rate)
    require_speech(name, samples, rate, spans, least=SHORTEST_SINGLE)
    offset = float(samples.double().mean())
    notes = list(recording.notes) + ([f"an offset of {offset:+.4f} was removed"] if abs(offset) > 0.002 else [])
    pieces, words = _cut(item, samples, rate, spans, job)
    clean = samples - offset
    clean = without_noise(clean, rate) if job.denoise else clean
    slices = []
    for number, (piece, said) in enumerate(zip(pieces, words, strict=True), 1):
        path = f"slices/{stem}_{number:04}.flac"
        slices.append(_one_slice(item, path, samples, clean, rate, piece, spans, said, job))
    if job.embed and len(pieces) >= FEWEST:
        voices = [job.embed(audio.resample(samples[piece.start : piece.end], rate, _RATE)) for piece in pieces]
        if likeness(torch.stack(voices)) < SEVERAL:
            notes.append("AUDIO_MULTI_SPEAKER: two people seem to speak here; a voice needs recordings of one")
    speech = speech_seconds(spans, rate)
    return FileReport(str(item.path), recording.seconds, speech, rate, len(slices), tuple(notes)), slices


def _cut(
    item: _Item, samples: Tensor, rate: int, spans: Sequence[Span], job: _Job
) -> tuple[list[Span], list[Sequence[TimedWord]]]:
    """Slices, and the words of each; a clip with a text that fits into one slice needs no alignment."""
    extent = Span(spans[0].start, spans[-1].end)
    if not item.text:
        pieces = slice_speech(samples, rate, spans)
        return pieces, [[] for _ in pieces]
    speech = speech_seconds(spans, rate)
    check_text_length(item.path.name, item.text, speech)
    margin = round(0.15 * rate)
    if extent.length <= LONGEST * rate - 2 * margin:
        whole = Span(max(0, extent.start - margin), min(samples.numel(), extent.end + margin))
        return [whole], [[TimedWord(item.text, 0.0, 0.0)]]
    if job.align is None:
        raise DataError(
            "ALIGN_NEEDED", f"{item.path.name!r} lasts {extent.length / rate:.0f} s and has one text",
            f"at most {LONGEST:g} s without an aligner", "Give an aligner, or cut the recording",
        )  # fmt: skip
    if extent.length > _LONGEST_TEXT * rate:
        raise DataError(
            "ALIGN_TOO_LONG", f"{item.path.name!r} lasts {extent.length / rate:.0f} s and has one text",
            f"at most {_LONGEST_TEXT:.0f} s", "Cut recording and text into parts",
        )  # fmt: skip
    words = job.align(audio.resample(samples, rate, _RATE), item.text, item.language)
    pieces = slice_speech(samples, rate, spans)
    shares = share_out(words, [(piece.start / rate, piece.end / rate) for piece in pieces])
    both = [(piece, share) for piece, share in zip(pieces, shares, strict=True) if share]
    return [piece for piece, _ in both], [share for _, share in both]


def _one_slice(
    item: _Item, path: str, samples: Tensor, clean: Tensor, rate: int, piece: Span, spans: Sequence[Span],
    said: Sequence[TimedWord], job: _Job,
) -> SliceReport:  # fmt: skip
    inside = [Span(max(s.start, piece.start) - piece.start, min(s.end, piece.end) - piece.start) for s in spans]
    inside = [s for s in inside if s.length > 0]
    clip = clean[piece.start : piece.end]
    loud = audio.set_loudness(clip, spoken(inside, clip.numel()))
    out_rate = min(rate, job.sample_rate)
    written = audio.resample(loud.samples, rate, out_rate)
    audio.write(job.folder / path, written, out_rate)
    text = "".join(word.text for word in said).strip()
    language = language_of(text) if item.language == "auto" and text else item.language
    covered, inventory = folded_phones(text, language) if text else (None, set())
    missing = tuple(sorted(set(inventory) - set(covered or ())))
    measured = quality(samples[piece.start : piece.end], rate, inside, covered, inventory)
    score = mean_score(said)
    warnings = list(measured.warnings)
    if score is not None and score < _DOUBTFUL:
        warnings.append("ALIGN_DOUBTFUL: text and speech agree poorly here; read it again")
    hint = ""
    if job.recognise and not text:
        hint = " ".join(job.recognise(audio.resample(written, out_rate, _RATE), language))
    return SliceReport(
        path, item.path.name, round(piece.start / rate, 3), round(piece.end / rate, 3), item.speaker, language, text,
        hint, measured, round(loud.level, 2), round(loud.short_by, 2), score, missing, tuple(warnings),
    )  # fmt: skip


def _items(
    paths: Sequence[str | os.PathLike[str]],
    list_file: str | os.PathLike[str] | None,
    text_file: str | os.PathLike[str] | None,
    speaker: str,
    language: str,
    output: Path,
) -> list[_Item]:
    if list_file is not None and text_file is not None:
        raise DataError("DATA_ROW", "Both a list file and a text file were given", "one of them")
    if list_file is not None:
        if len(paths) > 1 or (paths and not Path(paths[0]).is_dir()):
            raise DataError(
                "DATA_PATH", "A list file names the recordings itself", "no path, or the folder they lie in"
            )
        rows = read_list(list_file, root=paths[0] if paths else None)
        return [_Item(row.path, row.speaker, _chosen(row.language, language), row.text) for row in rows]
    found = list(dict.fromkeys(path for given in paths for path in _recordings(Path(given), output)))
    if not found:
        raise DataError("DATA_EMPTY", "There are no recordings in what was given", "sound files or folders of them")
    text = _text(text_file) if text_file is not None else ""
    if text and len(found) != 1:
        raise DataError(
            "DATA_ROW", f"One text file was given for {len(found)} recordings", "one recording",
            "Give a list file (wav|speaker|language|text) for several",
        )  # fmt: skip
    return [_Item(path, speaker, language, text) for path in found]


def _chosen(of_row: str, of_call: str) -> str:
    return of_call if of_row == "auto" else of_row


def _recordings(path: Path, output: Path) -> Iterator[Path]:
    """The file itself, or the recordings below a folder, but not the slices of an earlier run."""
    if not path.is_dir():
        yield path
        return
    own = output.resolve()
    for found in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
        if found.suffix.lower() in SUFFIXES and not hidden and found.is_file():
            if own == path.resolve() or not found.resolve().is_relative_to(own):
                yield found


def _text(path: str | os.PathLike[str]) -> str:
    path = Path(path)
    if not path.is_file():
        raise DataError("DATA_MISSING", f"There is no text file {str(path)!r}", "a UTF-8 text file", "Check the path")
    try:
        text = " ".join(path.read_bytes().decode("utf-8-sig").split())
    except UnicodeDecodeError as error:
        raise TextError("TEXT_INVALID_UNICODE", f"{path.name!r} is not UTF-8", "UTF-8", "Save it as UTF-8") from error
    if not text:
        raise TextError("TEXT_EMPTY", f"{path.name!r} holds no text", "the words of the recording")
    return text


def _slice_names(paths: Sequence[Path]) -> list[str]:
    """A stem for each file: letters that every system takes, and different for different files."""
    stems: list[str] = []
    for path in paths:
        plain = re.sub(r"[^\w-]+", "_", path.stem)[:60].strip("_") or "recording"
        stem, count = plain, 1
        while stem.lower() in (other.lower() for other in stems):
            count += 1
            stem = f"{plain}-{count}"
        stems.append(stem)
    return stems


def _refuse_repeated(path: Path, seen: dict[str, str]) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest in seen:
        raise DataError("DATA_DUPLICATE", f"{path.name!r} is the same recording as {seen[digest]!r}", "each once")
    seen[digest] = path.name
