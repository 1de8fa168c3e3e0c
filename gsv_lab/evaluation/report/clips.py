"""What can be heard in `report.html`: an example of every system, and the worst clips of each measure.

Sounds and pictures stand in the page, so they are kept small: 16 kHz, one channel, FLAC, the first seconds of long
ones, and only as many as `MEDIA` allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gsv_lab import audio
from gsv_lab.errors import AudioError
from gsv_lab.evaluation.catalogue import named, shortfall, shown
from gsv_lab.evaluation.items import NATURAL
from gsv_lab.evaluation.report.parts import Column, Results, columns_of, language_name
from gsv_lab.evaluation.report.texts import clip_facts, clip_name, text_rows
from gsv_lab.system import page
from gsv_lab.system.page import Html

RATE = 16_000
LONGEST = 15.0
"""Seconds of a sound that stand in the page."""
MEDIA = 12_000_000
"""Letters of a page that sounds and pictures may take."""
WORST = 2
"""Clips of each measure and evaluator."""
EXAMPLES = 6
"""Systems that are heard side by side."""

Clip = Mapping[str, Any]
Key = tuple[str, str, int | None]
Sounds = Mapping[Key, Path]


class Waves(NamedTuple):
    """Where the sounds lie: by system, item and seed (natural recordings under `NATURAL`), references by item."""

    sounds: Sounds
    references: Mapping[str, Path]

    def of(self, clip: Clip) -> Path | None:
        """The clip itself."""
        return self.sounds.get((clip["system"], clip["item"], clip["seed"]))

    def natural(self, clip: Clip) -> Path | None:
        """The recording of its item; None for that recording itself."""
        return None if clip["system"] == NATURAL else self.sounds.get((NATURAL, clip["item"], None))


class Worst(NamedTuple):
    """A clip, and the measures by which it is among the worst."""

    clip: Clip
    columns: list[Column]


def worst_clips(results: Results, each: int = WORST) -> list[Worst]:
    """The worst clips of every measure that has a better side, over all systems; natural speech only if it is alone.

    A clip that is right (no word wrong) is never among them. Equal ones go by name.

    Args:
        results: of the evaluation.
        each: clips of a measure and evaluator.
    """
    clips = [clip for clip in results["clips"] if not clip["failed"]]
    clips = [clip for clip in clips if clip["system"] != NATURAL] or clips
    found: dict[Key, Worst] = {}
    for column in columns_of(results["figures"]):
        ranked = []
        for clip in clips:
            value = clip["values"].get(column[0], {}).get(column[1])
            bad = None if value is None else shortfall(column[0], value)
            if bad is not None:
                ranked.append((-bad, _order(clip), clip))
        for _, _, clip in sorted(ranked, key=lambda row: row[:2])[:each]:
            key = (clip["system"], clip["item"], clip["seed"])
            found.setdefault(key, Worst(clip, [])).columns.append(column)
    return list(found.values())


def _order(clip: Clip) -> tuple[str, str, int]:
    return clip["system"], clip["item"], -1 if clip["seed"] is None else clip["seed"]


def worst(results: Results, waves: Waves, room: int = MEDIA) -> list[Html]:
    """A card a clip: why it is here, sounds, spectrograms, and what was heard.

    Args:
        results: of the evaluation.
        waves: where the sounds lie.
        room: letters that sounds and pictures may take.
    """
    figures: dict[tuple[str, ...], float | None] = {}
    for row in results["figures"]:
        figures[row["system"], row["language"], row["measure"], row["evaluator"]] = row["value"]
    cards = []
    for found in worst_clips(results):
        heard = _media(found, waves) if room > 0 else []
        room -= sum(map(len, heard))
        if room <= 0:
            heard = [page.paragraph("Its sounds are left out, so that this page stays small.", kind="note")]
        cards.append(_card(found, figures, heard))
    return [page.cards(cards)] if cards else []


def _card(found: Worst, figures: Mapping[tuple[str, ...], float | None], heard: Iterable[Html]) -> Html:
    clip = found.clip
    reasons = []
    for measure, evaluator in found.columns:
        value = shown(measure, clip["values"][measure][evaluator], unit=True)
        mean = shown(measure, figures.get((clip["system"], clip["language"], measure, evaluator)), unit=True)
        who = page.aside(f"{evaluator}; the system as a whole {mean}")
        reasons.append(page.joined(f"{named(measure).heading} ", page.strong(value), " ", who))
    rows = list(text_rows(clip))
    texts = page.table(("evaluator", "error", "expected", "recognised"), rows, stack=True) if rows else ""
    facts = page.paragraph(clip_facts(clip), kind="note")
    title = page.heading(f"{clip['system']}: {clip_name(clip)}", 3)
    return page.card(title, facts, page.listing(reasons), *heard, texts)


def _media(found: Worst, waves: Waves) -> list[Html]:
    """Players of what was made, the natural recording and the reference, and spectrograms of the first two.

    The reference is there where the voice is in question, or nothing else is there to compare with: it needs room.
    """
    clip, voice = found.clip, any(named(measure).group == "voice" for measure, _ in found.columns)
    made = _Sound(clip["system"], waves.of(clip))
    natural = _Sound(NATURAL, waves.natural(clip))
    needed = voice or natural.path is None
    reference = _Sound("reference", waves.references.get(clip["item"]) if needed else None)
    players = [sound.player() for sound in (made, natural, reference) if sound.path is not None]
    return [page.beside(*players), _spectrograms({"made": made, NATURAL: natural})]


def examples(results: Results, waves: Waves) -> list[Html]:
    """A card a language: one item by natural speech and every system, the first item that most of them have."""
    clips = [clip for clip in results["clips"] if not clip["failed"]]
    cards = []
    for language in sorted({clip["language"] for clip in clips}):
        by_item: dict[str, dict[str, Clip]] = {}
        for clip in clips:
            if clip["language"] == language and waves.of(clip) is not None:
                by_item.setdefault(clip["item"], {}).setdefault(clip["system"], clip)
        if by_item:
            item = max(by_item, key=lambda name: len(by_item[name]))
            cards.append(_example(language, item, by_item[item], waves))
    return [page.cards(cards)] if cards else []


def _example(language: str, item: str, clips: Mapping[str, Clip], waves: Waves) -> Html:
    names = sorted(clips, key=lambda name: name != NATURAL)[:EXAMPLES]
    sounds = [_Sound("reference", waves.references.get(item))]
    sounds += [_Sound(name, waves.of(clips[name])) for name in names]
    players = [sound.player() for sound in sounds if sound.path is not None]
    return page.card(page.heading(f"{language_name(language)}: {item}", 3), page.beside(*players))


class _Sound:
    """A sound of the page; `found` is None where there is no file, or it can no longer be read."""

    def __init__(self, name: str, path: Path | None) -> None:
        self.name, self.path = name, path
        self.found: audio.Recording | None = None
        self.mark: audio.Mark | None = None
        if path is not None:
            try:
                self.found = audio.read(path, RATE)
                self.mark = audio.read_mark(path)
            except AudioError:
                self.found = None

    @property
    def samples(self) -> Tensor:
        """The first seconds, (T,); nothing where nothing can be read."""
        return torch.zeros(0) if self.found is None else self.found.samples[: round(LONGEST * RATE)]

    def player(self) -> Html:
        """To be heard, or why it cannot be."""
        if self.path is None or self.found is None:
            return page.paragraph(f"{self.name}: its file can no longer be read", kind="warning")
        seconds = f"{self.found.seconds:.1f} s"
        aside = f"first {LONGEST:g} of {seconds}" if self.found.seconds > LONGEST else seconds
        address = audio.data_url(self.samples, RATE, self.mark, ".flac")
        return page.player(address, self.name, aside)


def _spectrograms(sounds: Mapping[str, _Sound]) -> Html:
    """Spectrograms of several sounds under each other; nothing where none can be read."""
    from gsv_lab import figures

    waves = {name: sound.samples for name, sound in sounds.items() if sound.samples.numel()}
    if not waves:
        return Html()
    figure = figures.spectrogram_pair(waves, RATE)
    figure.set_size_inches(6.0, 0.5 + 1.4 * len(waves))
    width, height = (round(100 * inches) for inches in figure.get_size_inches())
    return page.picture(figures.png(figure, colours=64), f"spectrograms: {', '.join(waves)}", width, height)
