"""From recordings to a folder for fine-tuning: checked, cut into slices of 3 to 10 s, levelled, listed, reported.

    prepare(["me.wav"], "voice_data", text_file="script.txt", align=lab_align)

writes `slices/*.flac`, `list.txt` (`wav|speaker|language|text`), `report.json`, `report.html`, and `hints.txt` where no
transcript is known but a recogniser was handed in. The folder appears whole or not at all. Aligner and recogniser are
handed in as functions, so no synthesis network is loaded here. Letters: T samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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
from gsv_lab.corpora.listfile import Row, write_list
from gsv_lab.corpora.prepare_items import Item, PathLike, items, refuse_repeated, slice_names
from gsv_lab.corpora.prepare_report import FileReport, SliceReport, summary, write_reports
from gsv_lab.corpora.timing import TimedWord, folded_phones, mean_score, share_out
from gsv_lab.errors import AudioError, DataError, TextError, one_line
from gsv_lab.system.folders import new_folder, private_folder
from gsv_lab.text import phonemize
from gsv_lab.text.agreement import check_text_length, doubt, language_of
from gsv_lab.text.user_dictionary import Lexicon, UserDictionary, user_dictionary

Align = Callable[[Tensor, str, str], Sequence[TimedWord]]
"""(T,) at 16 kHz, text, language -> words with times in seconds; see `timing.timed_words`."""
Recognise = Callable[[Tensor, str], Sequence[str]]
"""(T,) at 16 kHz, language -> phones that are recognised."""
Embed = Callable[[Tensor], Tensor]
"""(T,) at 16 kHz -> unit vector (D,) of who speaks."""

Progress = Callable[[float, str], None]
"""(share of the recordings that is done, name of the one at hand)"""

MARK = "report.json"
"""A folder that holds this file was made by an earlier run and may be replaced."""
RATE = 16_000
"""Hz of what aligner, recogniser and speaker verifier get."""
LONGEST_TEXT = 900.0
"""Seconds of a recording with one text: an aligner's table grows with the square of the length."""


class Prepared(NamedTuple):
    """What `prepare` made: the folder, its slices, and every file that was used or refused."""

    folder: Path
    slices: tuple[SliceReport, ...]
    files: tuple[FileReport, ...]

    def __str__(self) -> str:
        totals = summary(self.slices, self.files)
        counts = f"{totals['slices']} slices, {totals['seconds']:.1f} s, {totals['with_text']} with a text"
        lines = [f"{self.folder}: {counts}; see {self.folder / 'report.html'}"]
        lines += [f"left out: {report.path}: {report.refused}" for report in self.files if report.refused]
        speakers = sorted({piece.speaker for piece in self.slices})
        if len(speakers) > 1:
            lines.append(f"{len(speakers)} speakers: {', '.join(speakers[:10])}; a voice needs recordings of one")
        for report in self.files:
            lines += [f"{report.path}: {note}" for note in report.notes if note.startswith(("AUDIO_", "TEXT"))]
        for piece in self.slices:
            lines += [f"{piece.path}: {warning}" for warning in piece.warnings]
        return "\n".join(map(one_line, lines))


@dataclass(frozen=True)
class _Job:
    """What is the same for all files of one run."""

    folder: Path
    denoise: bool
    sample_rate: int
    align: Align | None
    recognise: Recognise | None
    embed: Embed | None
    lexicon: UserDictionary


class _Source(NamedTuple):
    """One recording: `samples` (T,) as they were read, `clean` (T,) without offset and, if asked for, without noise,
    their `rate` in Hz, and the `spans` of speech.
    """

    item: Item
    samples: Tensor
    clean: Tensor
    rate: int
    spans: Sequence[Span]


def prepare(
    paths: Sequence[PathLike],
    output: PathLike,
    *,
    language: str = "auto",
    list_file: PathLike | None = None,
    text_file: PathLike | None = None,
    speaker: str = "speaker",
    denoise: bool = False,
    sample_rate: int = 32_000,
    align: Align | None = None,
    recognise: Recognise | None = None,
    embed: Embed | None = None,
    lexicon: Lexicon = None,
    progress: Progress | None = None,
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
        recognise: finds phones. Where there is no transcript they go to `hints.txt`, for a person to correct; a
            transcript that they do not fit is doubted (`ALIGN_DOUBTFUL`).
        embed: finds who speaks; with it a recording that seems to hold two people is noted (`AUDIO_MULTI_SPEAKER`).
        lexicon: a user's dictionary for the texts, word -> reading or a file.
        progress: called with the share that is done and the name of the file at hand.

    Raises:
        AudioError: all of `audio.read`, `AUDIO_SILENT`, `AUDIO_CLIPPED`, `REF_LENGTH` (under 3 s of speech in all).
        DataError: `DATA_*` of the list, `DATA_EMPTY`, `ALIGN_IMPLAUSIBLE`, `ALIGN_NEEDED`, `ALIGN_TOO_LONG`.
        TextError: `TEXT_EMPTY`, `TEXT_INVALID_UNICODE`, `LANG_UNKNOWN`, `DICTIONARY`.
        LabError: `OUTPUT_EXISTS`, `SAVE_FAILED`.
    """
    if language not in ("en", "zh", "auto"):
        raise TextError("LANG_UNKNOWN", f"The language {language!r} is unknown", "en, zh or auto")
    dictionary = user_dictionary(lexicon)
    given = items(paths, list_file, text_file, speaker, language, Path(output))
    with private_folder() as private, new_folder(output, MARK, within=private) as folder:
        (folder / "slices").mkdir()
        job = _Job(folder, denoise, sample_rate, align, recognise, embed, dictionary)
        slices, files = _all_files(given, job, progress)
        rows = [Row(Path(piece.path), piece.speaker, piece.language, piece.text) for piece in slices]
        write_list(folder / "list.txt", rows)
        write_reports(folder, slices, files)
    return Prepared(Path(output), tuple(slices), tuple(files))


def _all_files(
    given: Sequence[Item],
    job: _Job,
    progress: Progress | None,
) -> tuple[list[SliceReport], list[FileReport]]:
    slices: list[SliceReport] = []
    files: list[FileReport] = []
    errors: list[AudioError | DataError | TextError] = []
    names = slice_names([item.path for item in given])
    seen: dict[str, str] = {}
    for index, (item, stem) in enumerate(zip(given, names, strict=True)):
        share = partial(_share, progress, index, len(given), item.path.name)
        share(0.0)
        try:
            report, pieces = _one_file(item, stem, job, seen, share)
            files.append(report)
            slices.extend(pieces)
        except (AudioError, DataError, TextError) as error:
            errors.append(error)
            for orphan in (job.folder / "slices").glob(f"{stem}_[0-9][0-9][0-9][0-9].flac"):
                orphan.unlink()
            files.append(FileReport(str(item.path), refused=f"{error.code}: {error}"))
    if progress:
        progress(1.0, "")
    _require_material(slices, files, errors)
    return slices, files


def _share(progress: Progress | None, index: int, count: int, name: str, part: float) -> None:
    """Say that `part` of recording number `index` is done."""
    if progress:
        progress((index + part) / count, name)


def _require_material(
    slices: Sequence[SliceReport],
    files: Sequence[FileReport],
    errors: Sequence[AudioError | DataError | TextError],
) -> None:
    if not slices and len(errors) == len(files):
        if len(errors) == 1:
            raise errors[0]
        problem = f"None of {len(errors)} recordings can be used; the first: {errors[0]}"
        raise DataError("DATA_EMPTY", problem, "at least one")
    total = sum(report.speech for report in files) if slices else 0.0
    if total < SHORTEST:
        raise AudioError(
            "REF_LENGTH",
            f"The recordings hold {total:.1f} s of speech in all",
            f"at least {SHORTEST:g} s",
            "Record a longer passage; a minute is good",
        )


def _one_file(
    item: Item, stem: str, job: _Job, seen: dict[str, str], share: Callable[[float], None]
) -> tuple[FileReport, list[SliceReport]]:
    recording = audio.read(item.path)
    refuse_repeated(item.path, seen)
    samples, rate = recording.samples, recording.sample_rate
    spans = speech_spans(samples, rate)
    require_speech(item.path.name, samples, rate, spans, least=SHORTEST_SINGLE)
    offset = float(samples.double().mean())
    notes = list(recording.notes)
    if abs(offset) > 0.002:
        notes.append(f"an offset of {offset:+.4f} was removed")
    clean = samples - offset
    if job.denoise:
        clean = without_noise(clean, rate)
    source = _Source(item, samples, clean, rate, spans)
    pieces = _cut(source, job)
    if item.text:
        read = phonemize(item.text, item.language, lexicon=job.lexicon)
        notes += [f"TEXT: {warning}" for warning in read.warnings]
    slices = []
    for number, (span, words) in enumerate(pieces, 1):
        share((number - 1) / len(pieces))
        slices.append(_one_slice(source, f"slices/{stem}_{number:04}.flac", span, words, job))
    if job.embed and len(pieces) >= FEWEST:
        parts = [audio.resample(samples[span.start : span.end], rate, RATE) for span, _ in pieces]
        voices = torch.stack([job.embed(part) for part in parts])
        if likeness(voices) < SEVERAL:
            notes.append("AUDIO_MULTI_SPEAKER: two people seem to speak here; a voice needs recordings of one")
    speech = speech_seconds(spans, rate)
    return FileReport(str(item.path), recording.seconds, speech, rate, len(slices), tuple(notes)), slices


def _cut(source: _Source, job: _Job) -> list[tuple[Span, Sequence[TimedWord]]]:
    """Slices with the words of each; a clip with a text that fits into one slice needs no alignment."""
    item, rate, spans = source.item, source.rate, source.spans
    if not item.text:
        return [(piece, []) for piece in slice_speech(source.samples, rate, spans)]
    check_text_length(item.path.name, item.text, speech_seconds(spans, rate))
    extent = Span(spans[0].start, spans[-1].end)
    margin = round(0.15 * rate)
    if extent.length <= LONGEST * rate - 2 * margin:
        start = max(0, extent.start - margin)
        end = min(source.samples.numel(), extent.end + margin)
        return [(Span(start, end), [TimedWord(item.text, 0.0, 0.0, _score(source, job.align))])]
    words = _aligned(source, extent.length / rate, job.align)
    pieces = slice_speech(source.samples, rate, spans)
    shares = share_out(words, [(piece.start / rate, piece.end / rate) for piece in pieces])
    return [(piece, share) for piece, share in zip(pieces, shares, strict=True) if share]


def _score(source: _Source, align: Align | None) -> float:
    """How well the text of a short recording agrees with it, nats; NaN without an aligner."""
    item = source.item
    if align is None:
        return math.nan
    score = mean_score(align(audio.resample(source.samples, source.rate, RATE), item.text, item.language))
    return math.nan if score is None else score


def _aligned(source: _Source, seconds: float, align: Align | None) -> Sequence[TimedWord]:
    """The words of a recording that is too long for one slice, with their times."""
    name = source.item.path.name
    problem = f"{name!r} lasts {seconds:.0f} s and has one text"
    if align is None:
        expected = f"at most {LONGEST:g} s without an aligner"
        raise DataError("ALIGN_NEEDED", problem, expected, "Give an aligner, or cut the recording")
    if seconds > LONGEST_TEXT:
        expected = f"at most {LONGEST_TEXT:.0f} s"
        raise DataError("ALIGN_TOO_LONG", problem, expected, "Cut recording and text into parts")
    return align(audio.resample(source.samples, source.rate, RATE), source.item.text, source.item.language)


def _one_slice(source: _Source, path: str, piece: Span, words: Sequence[TimedWord], job: _Job) -> SliceReport:
    """Write one slice: levelled, at the job's rate, with what is known of it."""
    item, rate = source.item, source.rate
    inside = _inside(source.spans, piece)
    clip = source.clean[piece.start : piece.end]
    levelled = audio.set_loudness(clip, spoken(inside, clip.numel()))
    out_rate = min(rate, job.sample_rate)
    written = audio.resample(levelled.samples, rate, out_rate)
    # What was made by a machine stays marked so in its pieces.
    audio.write(job.folder / path, written, out_rate, audio.read_mark(item.path))
    text = "".join(word.text for word in words).strip()
    language = item.language
    covered: set[str] | None = None
    inventory: set[str] = set()
    if text:
        language = language_of(text) if language == "auto" else language
        covered, inventory = folded_phones(text, language, job.lexicon)
    measured = quality(source.samples[piece.start : piece.end], rate, inside, covered, inventory)
    score = mean_score(words)
    heard = job.recognise(audio.resample(written, out_rate, RATE), language) if job.recognise else None
    warnings = list(measured.warnings)
    if text and heard is not None:
        doubtful = doubt(len(phonemize(text, language).folded()[0]), len(heard), score)
        warnings += [doubtful] if doubtful else []
    return SliceReport(
        path=path,
        source=item.path.name,
        start=round(piece.start / rate, 3),
        end=round(piece.end / rate, 3),
        speaker=item.speaker,
        language=language,
        text=text,
        hint="" if text or heard is None else " ".join(heard),
        quality=measured,
        level=round(levelled.level, 2),
        short_by=round(levelled.short_by, 2),
        score=score,
        missing=tuple(sorted(inventory - (covered or set()))),
        warnings=tuple(warnings),
    )


def _inside(spans: Sequence[Span], piece: Span) -> list[Span]:
    """The spans of speech within a piece, counted from its start."""
    found = []
    for span in spans:
        start = max(span.start, piece.start)
        end = min(span.end, piece.end)
        if end > start:
            found.append(Span(start - piece.start, end - piece.start))
    return found
