"""The conditions of a comparison: ways from a target and a reference to a wave, each one step further from nature.

natural -> copy synthesis (posterior and vocoder) -> resynthesis from the target's own codes with its own text (prior,
flow and vocoder), the same without either of the two -> predicted codes with the target's timing -> zero-shot
(predicted codes). Beside them stand a plain baseline, fine-tuned voices and voices that speak another language.
Letters: T samples at 16 kHz.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gsv_lab.audio import resample
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.evaluation.identity import identity_of, lab_identity, voice_identity
from gsv_lab.evaluation.items import NATURAL, SAMPLE_RATE, Clip, Item, other_language
from gsv_lab.evaluation.measures import as_wave
from gsv_lab.evaluation.true_timing import has_timing, speak_with_true_timing
from gsv_lab.hooks import probe, zero
from gsv_lab.hooks.catalogue import points
from gsv_lab.system.migration import CONDITIONS as OLD_CONDITIONS
from gsv_lab.system.migration import refuse_old_names

if TYPE_CHECKING:
    from gsv_lab.inference.utterance import Speech
    from gsv_lab.inference.voice import Voice

Speak = Callable[[Clip, Clip, int], "np.ndarray | None"]
"""(target, reference, seed) -> wave (T,) at 16 kHz; None where the condition has nothing for this target."""

COMPARISON = (
    "copy_synthesis",
    "resynthesis",
    "phones_without_codes",
    "codes_without_phones",
    "true_timing",
    "zero_shot",
)
"""The conditions that are compared with natural speech where none are named."""
CONDITIONS = (*COMPARISON, "baseline", "fine_tuned", "cross_lingual")
SILENCED = {
    "phones_without_codes": ("prior.cross_attention.content", "prior.content"),
    "codes_without_phones": ("prior.cross_attention.answer", "prior.own_phone"),
}
"""Taps by which codes or phones reach the latent; the first that a prior has is silenced.

In a prior with attention the codes are also what asks for phones: without them each frame has its own phone alone, if
it is given one.
"""


@dataclass(frozen=True)
class Condition:
    """One way to a wave.

    Args:
        name: key in results.
        speak: (target, reference, seed) -> wave; `target.text` and `target.language` are what is to be said.
        seeded: whether the outcome depends on the seed; if not, it is made once.
        sources: target key -> clip whose text is spoken instead (another language); empty: the target's own text.
        identity: everything that makes the sound beside seed, text and recordings; see `gsv_lab.evaluation.identity`.
    """

    name: str
    speak: Speak
    seeded: bool = True
    sources: Mapping[str, Clip] = field(default_factory=dict)
    identity: str = ""

    def target(self, item: Item) -> tuple[Clip, str]:
        """The target as this condition shall say it, and the key of the natural clip with that text."""
        target = natural_target(item)
        source = self.sources.get(target.key)
        if source is None:
            return target, target.key
        return replace(target, text=source.text, language=source.language), source.key


def natural_target(item: Item) -> Clip:
    """The natural recording of an item, which every condition starts from or is held against.

    Raises:
        DataError: `DATA_MISSING`, it has none.
    """
    if item.target is None:
        raise DataError("DATA_MISSING", f"{item.name!r} has no target", "a recording of the text", "Give --natural")
    return item.target


def cross_lingual_sources(items: Iterable[Item]) -> dict[str, Clip]:
    """For each target a text of the other language: the texts of that language in list order, in turn.

    Targets whose list has no other language are left out.
    """
    items = list(items)
    sources = {}
    for item, other in zip(items, other_language(items), strict=True):
        if other is not None:
            sources[natural_target(item).key] = natural_target(other)
    return sources


class LabConditions:
    """The conditions that a loaded lab can make.

    Zero-shot is the first output of `lab.speak` with its defaults and the seed. Resynthesis takes the target's own
    codes and phones with the speaker of the reference; without codes or without phones the tap by which a prior gets
    them is silenced (`SILENCED`). True timing takes predicted codes along the target's own phone durations. What a
    family does not support has no waves. Fine-tuned is zero-shot with the networks of the speaker's tuned voice, from
    the same reference, so that tuning is all that differs. The baseline is zero-shot by another lab, once, since
    nothing of it is drawn but the vocoder's noise. Voices are cloned once for each reference.

    Args:
        lab: a `Lab`.
        items: rows of the list, for the texts of the other language.
        fine_tuned: speaker -> voice tuned on clips that are no targets; targets of other speakers are left out.
        candidates: of each sentence where `lab.speak` speaks; the family's own number if None.
        baseline: see `gsv_lab.evaluation.baseline`; without one that condition has no waves.
    """

    def __init__(
        self,
        lab: Any,
        items: Iterable[Item],
        fine_tuned: Mapping[str, Voice] | None = None,
        candidates: int | None = None,
        baseline: Any = None,
    ) -> None:
        self.lab = lab
        self.items = list(items)
        self.fine_tuned = dict(fine_tuned or {})
        self.options = {} if candidates is None else {"candidates": candidates}
        self._voices: dict[tuple[str, bool], Voice] = {}
        self._lock = threading.Lock()
        self._plain = None if baseline is None else LabConditions(baseline, self.items)

    def conditions(self, names: Iterable[str] = COMPARISON) -> list[Condition]:
        """Conditions by name, in the order of `CONDITIONS`; `natural` is none that a lab makes, and passed over.

        Raises:
            ConfigError: `CONDITION_UNKNOWN`; `CONFIG_RENAMED`, it has another name now.
        """
        wanted = set(names) - {NATURAL}
        refuse_old_names(wanted, OLD_CONDITIONS, "condition")
        unknown = sorted(wanted - set(CONDITIONS))
        if unknown:
            raise ConfigError("CONDITION_UNKNOWN", f"There is no condition {unknown[0]!r}", ", ".join(CONDITIONS))
        silenced = {name: partial(self._silenced, name) for name in SILENCED}
        made = [
            Condition("copy_synthesis", self._copy_synthesis, seeded=False),
            Condition("resynthesis", self._resynthesis, seeded=False),
            *(Condition(name, speak, seeded=False) for name, speak in silenced.items()),
            Condition("true_timing", self._true_timing),
            Condition("zero_shot", self._zero_shot),
            Condition("baseline", self._baseline, seeded=False),
            Condition("fine_tuned", self._fine_tuned),
            Condition("cross_lingual", self._cross_lingual, sources=cross_lingual_sources(self.items)),
        ]
        chosen = [condition for condition in made if condition.name in wanted]
        sound = lab_identity(self.lab, self.options) if chosen else ""
        identities = {}
        if self.fine_tuned:
            voices = {speaker: voice_identity(voice) for speaker, voice in self.fine_tuned.items()}
            identities["fine_tuned"] = identity_of([sound, voices])
        if self._plain is not None:
            identities["baseline"] = lab_identity(self._plain.lab)
        return [
            replace(each, speak=partial(self._alone, each.speak), identity=identities.get(each.name, sound))
            for each in chosen
        ]

    def _alone(self, speak: Speak, target: Clip, reference: Clip, seed: int) -> np.ndarray | None:
        """A condition, while no other one runs: some change what the lab does."""
        with self._lock:
            return speak(target, reference, seed)

    def voice(self, reference: Clip, tuned: Voice | None = None) -> Voice:
        """The voice cloned from a reference with its text; with the networks of `tuned`, if that is given."""
        key = (str(reference.path), tuned is not None)
        if key not in self._voices:
            path = str(reference.path)
            text = reference.text or None
            self._voices[key] = self.lab.clone(path, text=text, language=reference.language, tuned=tuned)
        return self._voices[key]

    def _source(self, target: Clip) -> Tensor:
        samples = target.read(self.lab.sample_rate)
        return torch.from_numpy(np.array(samples))

    def _copy_synthesis(self, target: Clip, reference: Clip, seed: int) -> np.ndarray:
        return _wave(self.lab.copy_synthesis(self._source(target)))

    def _resynthesis(self, target: Clip, reference: Clip, seed: int) -> np.ndarray:
        from gsv_lab.text import phonemize

        phones = phonemize(target.text, target.language)
        voice = self.voice(reference)
        source = self._source(target)
        return _wave(self.lab.resynthesize(source, phones, voice.speaker, residuals=voice.residuals))

    def _silenced(self, name: str, target: Clip, reference: Clip, seed: int) -> np.ndarray | None:
        known = points(self.lab)
        tap = next((tap for tap in SILENCED[name] if tap in known), None)
        if tap is None:
            return None
        self.voice(reference)  # cloned before anything is silenced
        with probe(self.lab, edits=[zero(tap)]):
            return self._resynthesis(target, reference, seed)

    def _true_timing(self, target: Clip, reference: Clip, seed: int) -> np.ndarray | None:
        from gsv_lab.text import phonemize

        if not has_timing(self.lab):
            return None
        phones = phonemize(target.text, target.language)
        made = speak_with_true_timing(self.lab, self._source(target), phones, self.voice(reference), seed)
        return resample(made, self.lab.sample_rate, SAMPLE_RATE).numpy()

    def _zero_shot(self, target: Clip, reference: Clip, seed: int) -> np.ndarray:
        return self._spoken(target, self.voice(reference), seed)

    def _baseline(self, target: Clip, reference: Clip, seed: int) -> np.ndarray | None:
        return None if self._plain is None else self._plain._zero_shot(target, reference, seed)

    def _cross_lingual(self, target: Clip, reference: Clip, seed: int) -> np.ndarray | None:
        if target.language == reference.language:
            return None
        return self._zero_shot(target, reference, seed)

    def _fine_tuned(self, target: Clip, reference: Clip, seed: int) -> np.ndarray | None:
        tuned = self.fine_tuned.get(target.speaker)
        if tuned is None:
            return None
        return self._spoken(target, self.voice(reference, tuned), seed)

    def _spoken(self, target: Clip, voice: Voice, seed: int) -> np.ndarray:
        return _wave(self.lab.speak(target.text, voice, language=target.language, seed=seed, **self.options))


def _wave(speech: Speech) -> np.ndarray:
    """The samples of a speech, (T,) at 16 kHz."""
    wave = torch.from_numpy(as_wave(speech.wave))
    return resample(wave, speech.sample_rate, SAMPLE_RATE).numpy()
