"""One recording to slices: its speech found, cut at silences, levelled, written, measured, and labelled with its text.

Letters: T samples.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from gsv_lab import audio
from gsv_lab.audio.measures import quality, require_speech, spoken
from gsv_lab.audio.noise import denoise as without_noise
from gsv_lab.audio.slices import LONGEST, SHORTEST_SINGLE, slice_speech, speech_seconds
from gsv_lab.audio.speakers import FEWEST, SEVERAL, parted
from gsv_lab.audio.transcription import Transcript
from gsv_lab.audio.voice_activity import Span, speech_spans
from gsv_lab.corpora.clip_lists import clip_hash
from gsv_lab.corpora.earlier import Edit
from gsv_lab.corpora.prepare_items import Item, refuse_repeated
from gsv_lab.corpora.prepare_report import FileReport, SliceReport
from gsv_lab.corpora.timing import TimedWord, folded_phones, mean_score, share_out
from gsv_lab.corpora.transcripts import difference, doubt_of_text, usable_text
from gsv_lab.errors import DataError, TextError
from gsv_lab.text import phonemize
from gsv_lab.text.agreement import check_text_length, doubt, language_of
from gsv_lab.text.user_dictionary import UserDictionary

Align = Callable[[Tensor, str, str], Sequence[TimedWord]]
"""(T,) at 16 kHz, text, language -> words with times in seconds; see `timing.timed_words`."""
Recognise = Callable[[Tensor, str], Sequence[str]]
"""(T,) at 16 kHz, language -> phones that are recognised."""
Embed = Callable[[Tensor], Tensor]
"""(T,) at 16 kHz -> vector (D,) of who speaks."""
Listen = Callable[[Tensor, str], tuple[str, Transcript]]
"""(T,) at 16 kHz, language -> key and transcript; see `transcripts.Listener`."""

RATE = 16_000
"""Hz of what aligner, recogniser, transcriber and speaker verifier get."""
LONGEST_TEXT = 900.0
"""Seconds of a recording with one text: an aligner's table grows with the square of the length."""


@dataclass(frozen=True)
class Job:
    """What is the same for all files of one run."""

    folder: Path
    denoise: bool
    sample_rate: int
    align: Align | None
    recognise: Recognise | None
    embed: Embed | None
    lexicon: UserDictionary
    edits: Mapping[str, Edit]
    listen: Listen | None


class Source(NamedTuple):
    """One recording: `samples` (T,) as they were read, `clean` (T,) without offset and, if asked for, without noise,
    their `rate` in Hz, the `spans` of speech, and the `hash` of its file.
    """

    item: Item
    samples: Tensor
    clean: Tensor
    rate: int
    spans: Sequence[Span]
    hash: str


def prepare_recording(
    item: Item, stem: str, job: Job, seen: dict[str, str], share: Callable[[float], None]
) -> tuple[FileReport, list[SliceReport]]:
    """Cut one recording and write its slices.

    Args:
        item: the recording, with what is known of it.
        stem: beginning of the slices' names.
        job: what holds for all recordings.
        seen: names of the recordings so far by their hash; this one is added.
        share: called with the share of the recording that is done.

    Raises:
        AudioError, DataError, TextError: as `gsv_lab.corpora.prepare.prepare`.
    """
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
    source = Source(item, samples, clean, rate, spans, clip_hash(item.path))
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
        if parted(voices).distance > SEVERAL:
            notes.append("AUDIO_MULTI_SPEAKER: two people seem to speak here; a voice needs recordings of one")
    speech = speech_seconds(spans, rate)
    return FileReport(str(item.path), recording.seconds, speech, rate, len(slices), tuple(notes)), slices


def _cut(source: Source, job: Job) -> list[tuple[Span, Sequence[TimedWord]]]:
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


def _score(source: Source, align: Align | None) -> float:
    """How well the text of a short recording agrees with it, nats; NaN without an aligner."""
    item = source.item
    if align is None:
        return math.nan
    score = mean_score(align(audio.resample(source.samples, source.rate, RATE), item.text, item.language))
    return math.nan if score is None else score


def _aligned(source: Source, seconds: float, align: Align | None) -> Sequence[TimedWord]:
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


def _one_slice(source: Source, path: str, piece: Span, words: Sequence[TimedWord], job: Job) -> SliceReport:
    """Write one slice: levelled, at the job's rate, with what is known of it."""
    item, rate = source.item, source.rate
    inside = _inside(source.spans, piece)
    clip = source.clean[piece.start : piece.end]
    levelled = audio.set_loudness(clip, spoken(inside, clip.numel()))
    out_rate = min(rate, job.sample_rate)
    written = audio.resample(levelled.samples, rate, out_rate)
    # What was made by a machine stays marked so in its pieces.
    audio.write(job.folder / path, written, out_rate, audio.read_mark(item.path))
    raw = source.samples[piece.start : piece.end]
    sound = hashlib.sha256(raw.contiguous().numpy().tobytes()).hexdigest()
    edit = job.edits.get(sound, Edit(path, {}))
    given = "".join(word.text for word in words).strip()
    label = _label(
        given, item.language, edit, audio.resample(written, out_rate, RATE), speech_seconds(inside, rate), job
    )
    measured = quality(raw, rate, inside, label.covered, label.inventory)
    score = mean_score(words)
    heard = job.recognise(audio.resample(written, out_rate, RATE), label.language) if job.recognise else None
    warnings = [*measured.warnings, *label.warnings]
    if label.text and heard is not None:
        doubtful = doubt(len(phonemize(label.text, label.language).folded()[0]), len(heard), score)
        warnings += [doubtful] if doubtful else []
    return SliceReport(
        path=path,
        source=item.path.name,
        start=round(piece.start / rate, 3),
        end=round(piece.end / rate, 3),
        speaker=edit.values.get("speaker", item.speaker),
        language=label.language,
        text=label.text,
        hint="" if label.text or heard is None else " ".join(heard),
        quality=measured,
        level=round(levelled.level, 2),
        short_by=round(levelled.short_by, 2),
        score=score,
        missing=tuple(sorted(label.inventory - (label.covered or set()))),
        warnings=tuple(warnings),
        sound=sound,
        edited=tuple(edit.values),
        listed=not edit.removed,
        heard=label.heard,
        heard_key=label.key,
        heard_error=label.error,
        corpus=item.path.absolute().parent.name,
        source_hash=source.hash,
    )


class _Label(NamedTuple):
    """What a slice says: its text and language, the phones that it covers and could, what was heard, and warnings."""

    text: str
    language: str
    covered: set[str] | None
    inventory: set[str]
    warnings: Sequence[str]
    heard: Transcript | None = None
    key: str = ""
    error: float | None = None


def _label(given: str, language: str, edit: Edit, wave: Tensor, speech: float, job: Job) -> _Label:
    """The text of a slice: what a person wrote into the list, else what was given, else what is heard."""
    text = edit.values.get("text", given)
    language = edit.values.get("language", language)
    warnings = ["EDITED: this row was taken out of list.txt and stays out"] if edit.removed else []
    if given and text != given:
        warnings.append(f"EDITED: the text in list.txt is kept; given was {given!r}")
    heard, key, error = None, "", None
    if job.listen and not edit.removed:
        key, heard = job.listen(wave, _spoken_language(text, language))
        if text:
            error = difference(text, heard)
            warnings.append(doubt_of_text(text, heard, error))
        elif "text" not in edit.values:
            text, doubtful = _readable(*usable_text(heard, speech), language, job.lexicon)
            warnings.append(doubtful)
    covered, inventory = None, set[str]()
    if text:
        language = _spoken_language(text, language)
        covered, inventory = folded_phones(text, language, job.lexicon)
    found = tuple(warning for warning in warnings if warning)
    return _Label(text, language, covered, inventory, found, heard, key, error)


def _spoken_language(text: str, language: str) -> str:
    """The language of a text where none is named."""
    return language_of(text) if text and language == "auto" else language


def _readable(text: str, doubtful: str, language: str, lexicon: UserDictionary) -> tuple[str, str]:
    """A transcript and its warning; the text is left out where it cannot be spoken."""
    try:
        if text:
            phonemize(text, _spoken_language(text, language), lexicon=lexicon)
    except TextError as error:
        return "", f"TRANSCRIPT_UNREADABLE: {text!r} is not written: {error}"
    return text, doubtful


def _inside(spans: Sequence[Span], piece: Span) -> list[Span]:
    """The spans of speech within a piece, counted from its start."""
    found = []
    for span in spans:
        start = max(span.start, piece.start)
        end = min(span.end, piece.end)
        if end > start:
            found.append(Span(start - piece.start, end - piece.start))
    return found
