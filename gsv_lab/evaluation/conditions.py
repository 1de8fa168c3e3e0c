"""The rungs of the ladder: ways from a target and a reference to a wave, each one step further from natural speech.

natural -> copy synthesis (posterior and vocoder) -> true codes with the target's own text (prior, flow and vocoder) ->
zero-shot (predicted codes), and beside them fine-tuned voices and voices that speak another language.
Letters: T samples at 16 kHz. The file knows a loaded lab only by its methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.lists import SAMPLE_RATE, Clip, Item
from gsv_lab.evaluation.measure import as_wave

Speak = Callable[[Clip, Clip, int], "np.ndarray | None"]
"""(target, reference, seed) -> wave (T,) at 16 kHz; None where the rung has nothing for this target."""

NATURAL = "natural"
LADDER = ("copy_synthesis", "true_codes", "zero_shot")
RUNGS = (*LADDER, "fine_tuned", "cross_lingual")


@dataclass(frozen=True)
class Rung:
    """One way to a wave.

    Args:
        name: key in results.
        speak: (target, reference, seed) -> wave; `target.text` and `target.language` are what is to be said.
        seeded: whether the outcome depends on the seed; if not, it is made once.
        sources: target key -> clip whose text is spoken instead (another language); empty: the target's own text.
    """

    name: str
    speak: Speak
    seeded: bool = True
    sources: Mapping[str, Clip] = field(default_factory=dict)

    def spoken(self, item: Item) -> tuple[Clip, str]:
        """The target as this rung shall say it, and the key of the natural clip with that text."""
        source = self.sources.get(item.target.key)
        if source is None:
            return item.target, item.target.key
        return replace(item.target, text=source.text, language=source.language), source.key


def natural_rung() -> Rung:
    """The recordings themselves; their values are what every other rung is held against."""
    return Rung(NATURAL, lambda target, reference, seed: target.read(), seeded=False)


def cross_lingual_sources(items: Iterable[Item]) -> dict[str, Clip]:
    """For each target a text of the other language: the texts of that language in list order, in turn.

    Targets whose list has no other language are left out.
    """
    items = list(items)
    texts: dict[str, list[Clip]] = {}
    for item in items:
        texts.setdefault(item.language, []).append(item.target)
    counts: dict[str, int] = {}
    sources = {}
    for item in items:
        others = [clip for language, clips in sorted(texts.items()) if language != item.language for clip in clips]
        if others:
            number = counts.get(item.language, 0)
            counts[item.language] = number + 1
            sources[item.target.key] = others[number % len(others)]
    return sources


class LabRungs:
    """The rungs that a loaded lab can climb.

    Zero-shot is the first output of `lab.speak` with its defaults and the seed. True codes take the target's own
    codes and phones with the speaker of the reference. Fine-tuned is zero-shot with the networks of the speaker's tuned
    voice, from the same reference, so that tuning is all that differs. Voices are cloned once for each reference.

    Args:
        lab: has `sample_rate`, `clone`, `speak`, `copy_synthesis` and `resynthesize`.
        items: rows of the list, for the texts of the other language.
        fine_tuned: speaker -> voice tuned on clips that are no targets; targets of other speakers are left out.
    """

    def __init__(self, lab: Any, items: Iterable[Item], fine_tuned: Mapping[str, Any] | None = None) -> None:
        self.lab, self.items, self.fine_tuned = lab, list(items), dict(fine_tuned or {})
        self.voices: dict[str, Any] = {}

    def rungs(self, names: Iterable[str] = LADDER) -> list[Rung]:
        """Rungs by name, in the order of the ladder; the natural one comes first always.

        Raises:
            ConfigError: `RUNG_UNKNOWN`.
        """
        wanted = set(names) - {NATURAL}
        unknown = sorted(wanted - set(RUNGS))
        if unknown:
            raise ConfigError("RUNG_UNKNOWN", f"There is no rung {unknown[0]!r}", ", ".join(RUNGS))
        made = {
            "copy_synthesis": Rung("copy_synthesis", self._copy, seeded=False),
            "true_codes": Rung("true_codes", self._true_codes, seeded=False),
            "zero_shot": Rung("zero_shot", self._zero_shot),
            "fine_tuned": Rung("fine_tuned", self._fine_tuned),
            "cross_lingual": Rung("cross_lingual", self._cross, sources=cross_lingual_sources(self.items)),
        }
        return [natural_rung(), *(made[name] for name in RUNGS if name in wanted)]

    def voice(self, reference: Clip, **options: Any) -> Any:
        """The voice cloned from a reference with its text; options of `lab.clone`."""
        key = " ".join([reference.key, *options])
        if key not in self.voices:
            self.voices[key] = self.lab.clone(
                str(reference.path), text=reference.text or None, language=reference.language, **options
            )
        return self.voices[key]

    def _source(self, target: Clip) -> Any:
        import torch

        return torch.from_numpy(np.array(target.read(self.lab.sample_rate)))

    def _copy(self, target: Clip, reference: Clip, seed: int) -> np.ndarray:
        return self._wave(self.lab.copy_synthesis(self._source(target)))

    def _true_codes(self, target: Clip, reference: Clip, seed: int) -> np.ndarray:
        from gsv_lab.text import phonemize

        phones, voice = phonemize(target.text, target.language), self.voice(reference)
        return self._wave(self.lab.resynthesize(self._source(target), phones, voice.speaker, memory=voice.memory))

    def _zero_shot(self, target: Clip, reference: Clip, seed: int) -> np.ndarray:
        voice = self.voice(reference)
        return self._wave(self.lab.speak(target.text, voice, language=target.language, seed=seed))

    def _cross(self, target: Clip, reference: Clip, seed: int) -> np.ndarray | None:
        return None if target.language == reference.language else self._zero_shot(target, reference, seed)

    def _fine_tuned(self, target: Clip, reference: Clip, seed: int) -> np.ndarray | None:
        tuned = self.fine_tuned.get(target.speaker)
        if tuned is None:
            return None
        voice = self.voice(reference, tuned=tuned)
        return self._wave(self.lab.speak(target.text, voice, language=target.language, seed=seed))

    def _wave(self, made: Any) -> np.ndarray:
        """A `Speech`, or bare samples at the lab's rate, to (T,) at 16 kHz."""
        rate = getattr(made, "sample_rate", self.lab.sample_rate)
        wave = as_wave(getattr(made, "wave", made))
        if rate == SAMPLE_RATE:
            return wave
        import torch

        from gsv_lab.audio import resample

        return resample(torch.from_numpy(wave), rate, SAMPLE_RATE).numpy()
