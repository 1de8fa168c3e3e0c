"""What a lab hears in a recording: phones and their times, codes for a prompt, who speaks.

The half of `Lab` that needs no text to be spoken. Letters: T samples, F25 codes, P phones, G speaker width, E width of
a verification vector.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gsv_lab.audio.alignment import Alignment, align, frame_level, greedy
from gsv_lab.audio.reference import Reference
from gsv_lab.errors import LabError
from gsv_lab.extensions.monotonic_alignment import steady
from gsv_lab.extensions.residual_correction import Memory
from gsv_lab.hooks import watched
from gsv_lab.inference.loading import Family
from gsv_lab.inference.speaker_cache import SpeakerCache
from gsv_lab.inference.synthesizer import Prompt, Synthesizer
from gsv_lab.system.environment import cache_dir
from gsv_lab.text import CTC_SYMBOLS, Phones, phonemize
from gsv_lab.text.symbols import guessed_id


class Listener:
    """A base model that is all ears.

    Args:
        family: base weights with their defaults.
    """

    def __init__(self, family: Family) -> None:
        self.family = family
        self.sample_rate = family.synthesizer.sample_rate
        self._fingerprints: dict[str, str] = {}

    @property
    def version(self) -> str:
        """Version of the base weights."""
        return self.family.version

    def components(self) -> dict[str, nn.Module]:
        """Every part of the base model by name, for probes."""
        return self.family.synthesizer.components()

    def fingerprints(self) -> dict[str, str]:
        """Identity of the base weights, computed once."""
        if not self._fingerprints:
            self._fingerprints = self.family.fingerprints()
        return self._fingerprints

    def references(self, source: str | Path | Sequence[str | Path]) -> tuple[list[Path], list[Reference]]:
        """One recording or a few, and the passage of each that a voice is made of; what is doubtful is warned of.

        Raises:
            AudioError: a recording cannot be used.
        """
        paths = [Path(path) for path in ([source] if isinstance(source, (str, Path)) else source)]
        clips = [self.family.reference(path) for path in paths]
        for warning in (warning for clip in clips for warning in clip.warnings):
            warnings.warn(warning, stacklevel=3)
        return paths, clips

    def align(self, wave: Tensor, phones: Phones) -> Alignment:
        """When each phone is spoken in a wave (T,) at the lab's rate."""
        labels, places = phones.folded()
        ids: list[int | None] = [None] * len(phones)
        for label, place in zip(labels, places, strict=True):
            ids[place] = label
        scores = self.family.synthesizer.phone_scores(wave)
        return align(scores, ids, level=frame_level(wave, self.sample_rate, 50.0, len(scores)))

    def clarity(self, wave: Tensor, phones: Phones) -> float:
        """How surely the phones are heard in a wave (T,): the aligner's mean score, nat; -inf where they have no room.

        Idea: of several takes, a recogniser of the system's own knows best which one says the text.
        """
        try:
            quality = self.align(wave, phones).quality
        except LabError:
            return -math.inf
        return quality if math.isfinite(quality) else -math.inf

    def critic(self) -> Callable[[Tensor, Phones], float] | None:
        """Who chooses among takes: `clarity`. Nobody where the content encoder knows no phones, or while a probe looks
        on: whoever looks inside does not want to see the rejected ones, or the aligner at work.
        """
        knows = getattr(self.family.synthesizer.content_encoder, "n_phones", 0)
        return self.clarity if knows and not watched() else None

    def prompt(self, wave: Tensor, phones: Phones | None = None) -> Prompt:
        """What SemanticGPT is told of a reference (T,) and, if somebody knows them, of the phones spoken in it."""
        codes = self.family.hear_reference(wave)
        if phones is None or self.family.synthesizer.semantic_gpt.pointer is None:
            return Prompt(codes, phones)
        return Prompt(codes, phones, self.places(wave, phones, len(codes)))

    def places(self, wave: Tensor, phones: Phones, n_codes: int) -> Tensor:
        """Which phone each code of a wave (T,) speaks, by forced alignment: (F25,), never falling."""
        rate = self.family.synthesizer.semantic_gpt.frame_rate
        positions = torch.from_numpy(self.align(wave, phones).positions(n_codes, rate))
        return steady(positions[None], len(phones))[0]

    def memory(
        self, clips: Sequence[tuple[Tensor, Phones | None]], speaker: Tensor, synthesizer: Synthesizer | None = None
    ) -> Memory | None:
        """How the sounds of some recordings (T,) differ from what a synthesizer, the base if None, expects of a speaker
        (1, G, 1); None for families without a memory. Without phones the recogniser's own stand in.
        """
        synthesizer = synthesizer or self.family.synthesizer
        if synthesizer.memory is None:
            return None
        found = [synthesizer.remember(wave, *self._spoken(wave, phones), speaker) for wave, phones in clips]
        hidden, surprise = (torch.cat(parts, dim=-1) for parts in zip(*found, strict=True))
        # In the precision of a voice file, so that a voice sounds the same before and after it was saved.
        learnt = synthesizer.memory.learn(hidden.half().float(), surprise)
        return Memory(learnt.hidden, learnt.lesson.half().float())

    def _spoken(self, wave: Tensor, phones: Phones | None) -> tuple[Tensor, Tensor]:
        """Phone ids (1, P) of a wave (T,), and which of them each of its codes speaks (1, F25)."""
        n_codes = self.family.synthesizer.hear(wave).shape[-1]
        if phones is not None:
            return torch.tensor([phones.ids]), self.places(wave, phones, n_codes)[None]
        found = greedy(self.family.synthesizer.phone_scores(wave))
        positions = torch.from_numpy(found.positions(n_codes, self.family.synthesizer.semantic_gpt.frame_rate))
        ids = [guessed_id(label) for label in found.ids.tolist()] or [0]  # nothing heard: the padding symbol
        return torch.tensor([ids]), steady(positions[None], len(ids))

    def word_timings(self, wave: Tensor, text: str, language: str) -> Sequence[Any]:
        """Words of a wave (T,) with their times."""
        from gsv_lab.corpora.timing import timed_words

        phones = phonemize(text, language)
        return timed_words(phones, self.align(wave, phones))

    def recognised(self, wave: Tensor, language: str) -> Sequence[str]:
        """Phones without stress or tone that the content encoder hears in a wave (T,)."""
        labels = greedy(self.family.synthesizer.phone_scores(wave)).ids
        return [CTC_SYMBOLS[label] for label in labels]

    def speaker(self, wave: Tensor, verification: Tensor | None = None) -> Tensor:
        """The speaker vector (1, G, 1) of a wave (T,), from the cache if it was made before."""
        synthesizer = self.family.synthesizer
        if verification is not None:
            return synthesizer.voice([wave], [verification])
        if watched():  # whoever looks or edits wants the encoder to work, not the cache
            return synthesizer.voice([wave])
        cache = SpeakerCache(cache_dir() / "speakers")
        return cache.vector([wave], self.fingerprints()["sovits"], lambda: synthesizer.voice([wave]))

    def who_speaks(self) -> Callable[[Tensor], Tensor] | None:
        """The family's own speaker verifier, (T,) -> (E,); None where it has none."""
        from gsv_lab.evaluation import own

        if self.family.extra("verifier") is None:
            return None
        verifier = own.verifier(self)
        return lambda wave: torch.from_numpy(verifier.embed(wave.numpy()))
