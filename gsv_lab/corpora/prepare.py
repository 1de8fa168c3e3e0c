"""From recordings to a folder for fine-tuning: checked, cut into slices of 3 to 10 s, levelled, listed, reported.

    prepare(["me.wav"], "voice_data", text_file="script.txt", align=lab_align)

writes `slices/*.flac`, `list.txt` (`wav|speaker|language|text`), `report.json`, `report.html`, and `hints.txt` where no
transcript is known but a recogniser was handed in. The folder appears whole or not at all; what a person edited in the
list of an earlier run stays (see `earlier`). Aligner and recogniser are handed in as functions, so no synthesis network
is loaded here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from gsv_lab.audio.slices import SHORTEST
from gsv_lab.audio.transcription import Transcriber, WhisperTranscriber, refuse_language
from gsv_lab.corpora.earlier import LIST, REPORT, earlier_result
from gsv_lab.corpora.listfile import Row, write_list
from gsv_lab.corpora.prepare_items import Item, PathLike, items, slice_names
from gsv_lab.corpora.prepare_report import FileReport, SliceReport, summary, write_reports
from gsv_lab.corpora.prepare_slices import Align, Embed, Job, Recognise, prepare_recording
from gsv_lab.corpora.transcripts import listening
from gsv_lab.errors import AudioError, DataError, TextError, one_line
from gsv_lab.system.folders import new_folder, private_folder
from gsv_lab.text.agreement import language_of
from gsv_lab.text.user_dictionary import Lexicon, user_dictionary

Progress = Callable[[float, str], None]
"""(share of the recordings that is done, name of the one at hand)"""

MARK = REPORT
"""A folder that holds this file was made by an earlier run and may be replaced."""


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
        if totals["heard"]:
            lines.append(f"{totals['heard']} slices heard, {totals['to_check']} to check; correct {self.folder / LIST}")
        for piece in self.slices:
            lines += [f"{piece.path}: {warning}" for warning in piece.warnings]
        return "\n".join(map(one_line, lines))


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
    transcribe: Transcriber | PathLike | None = None,
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
        transcribe: writes down what is said where there is no text, and doubts texts that it does not hear
            (`TRANSCRIPT_DIFFERS`): `whisper-base`, `whisper-tiny.en`, or a folder with a Whisper model.
        lexicon: a user's dictionary for the texts, word -> reading or a file.
        progress: called with the share that is done and the name of the file at hand.

    Raises:
        AudioError: all of `audio.read`, `AUDIO_SILENT`, `AUDIO_CLIPPED`, `REF_LENGTH` (under 3 s of speech in all).
        DataError: `DATA_*` of the list, `DATA_EMPTY`, `ALIGN_IMPLAUSIBLE`, `ALIGN_NEEDED`, `ALIGN_TOO_LONG`,
            `DATA_EDITED` (edits of the earlier list would be lost), `DATA_REPORT`.
        TextError: `TEXT_EMPTY`, `TEXT_INVALID_UNICODE`, `LANG_UNKNOWN`, `DICTIONARY`.
        LabError: `OUTPUT_EXISTS`, `SAVE_FAILED`; `EXTRA_MISSING` and `CKPT_*` of a transcriber that is named.
    """
    output, dictionary = Path(output), user_dictionary(lexicon)
    given = items(paths, list_file, text_file, speaker, language, output)
    transcriber = _transcriber(transcribe, given)
    earlier = earlier_result(output)
    with ExitStack() as stack:
        listen = stack.enter_context(listening(transcriber, output, earlier.transcripts)) if transcriber else None
        folder = stack.enter_context(new_folder(output, MARK, within=stack.enter_context(private_folder())))
        (folder / "slices").mkdir()
        job = Job(folder, denoise, sample_rate, align, recognise, embed, dictionary, earlier.edits, listen)
        slices, files = _all_files(given, job, progress)
        refused = next((report.refused for report in files if report.refused), "")
        earlier.refuse_lost(output, {piece.sound for piece in slices}, refused)
        _write(folder, slices, files, earlier.remarks, transcriber)
    return Prepared(output, tuple(slices), tuple(files))


def _write(
    folder: Path,
    slices: Sequence[SliceReport],
    files: Sequence[FileReport],
    remarks: Sequence[str],
    transcriber: Transcriber | None,
) -> None:
    """The list and the reports."""
    rows = [Row(Path(piece.path), piece.speaker, piece.language, piece.text) for piece in slices if piece.listed]
    write_list(folder / LIST, rows, remarks)
    write_reports(folder, slices, files, transcriber.identity if transcriber else "")


def _transcriber(chosen: Transcriber | PathLike | None, given: Sequence[Item]) -> Transcriber | None:
    """Who writes down what is said, for recordings whose languages it knows."""
    if chosen is None:
        return None
    transcriber = WhisperTranscriber(Path(chosen)) if isinstance(chosen, (str, os.PathLike)) else chosen
    for item in given:
        known = item.language == "auto" and item.text
        refuse_language(transcriber, language_of(item.text) if known else item.language)
    return transcriber


def _all_files(
    given: Sequence[Item],
    job: Job,
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
            report, pieces = prepare_recording(item, stem, job, seen, share)
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
