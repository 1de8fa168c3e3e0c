"""A text in a voice: what all its sentences share, and the three ways to make them.

    one after the other: `whole`;  several decoded together: `together`;  each in pieces as its codes come: `pieces`

Sentence number n draws from its own generator, so that it sounds the same whatever is said before it. Unless it comes
in pieces, it may be spoken in several takes, of which the clearest is kept.
Letters: T samples, F25 codes. Does not know texts as strings, files or labs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gsv_lab.errors import ConfigError
from gsv_lab.inference.batching import predict_many
from gsv_lab.inference.loading import Family
from gsv_lab.inference.streaming import stream_sentence
from gsv_lab.inference.synthesizer import Predicted, Synthesizer
from gsv_lab.inference.voice import Voice
from gsv_lab.nn.sampling import Sampling
from gsv_lab.text import Phones

CODE_RATE = 25.0


class Said(NamedTuple):
    """A sentence or a piece of one: `wave` (T,), its `codes` (F25,), and what it was made with."""

    wave: Tensor
    codes: Tensor
    settings: dict[str, Any]


@dataclass(frozen=True)
class Manner:
    """How to speak; what is None is the family's own.

    Args:
        temperature, top_k, top_p, repetition_penalty: see `Sampling`.
        noise_scale: factor on the prior's deviation, 0 to 2.
        speed: 0.5 to 2.
        takes: of each sentence, 1 to 16.

    Raises:
        ConfigError: PARAM_RANGE with the range.
    """

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None
    noise_scale: float | None = None
    speed: float = 1.0
    takes: int | None = None

    def __post_init__(self) -> None:
        for name, low, high in (("noise_scale", 0.0, 2.0), ("speed", 0.5, 2.0), ("takes", 1, 16)):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ConfigError("PARAM_RANGE", f"{name} is {value}", f"{low:g} to {high:g}", f"Choose another {name}")

    def sampling(self, family: Family) -> Sampling:
        """The family's rule with what was asked for put in."""
        names = ("temperature", "top_k", "top_p", "repetition_penalty")
        asked = {name: value for name in names if (value := getattr(self, name)) is not None}
        return replace(family.sampling, **asked)


class Narration:
    """One voice speaking in one manner.

    Args:
        family: whose defaults count.
        synthesizer: its networks, with the voice's own tensors in them.
        voice: who speaks.
        manner: how.
        seed: of everything random.
        clarity: how surely the phones are heard in a wave (T,); None where nobody can tell, so that there is one take.

    Raises:
        ConfigError: PARAM_RANGE, several takes are asked for where nobody can choose.
    """

    def __init__(
        self,
        family: Family,
        synthesizer: Synthesizer,
        voice: Voice,
        manner: Manner,
        seed: int,
        clarity: Callable[[Tensor, Phones], float] | None = None,
    ) -> None:
        self.family, self.synthesizer, self.voice, self.manner, self.seed = family, synthesizer, voice, manner, seed
        self.sampling = manner.sampling(family)
        self.noise_scale = family.noise_scale if manner.noise_scale is None else manner.noise_scale
        self.takes, self.clarity = manner.takes or (1 if clarity is None else family.takes), clarity
        if self.takes > 1 and clarity is None:
            problem = "Takes cannot be compared while a probe watches, or without a recogniser of phones"
            raise ConfigError("PARAM_RANGE", problem, "takes 1", "Leave takes out")

    def whole(self, number: int, phones: Phones) -> Said:
        """Sentence `number`, finished."""
        generator = self._generator(number)
        return self._clearest(self._predicted([phones], self.takes, generator), phones, generator)

    def together(self, texts: Sequence[Phones], most: int) -> Iterator[Said]:
        """Sentences in their order, the codes of up to `most` of like length decoded at once."""
        made = self._predicted(texts, most * self.takes, self._generator(0))
        for number, phones in enumerate(texts):
            takes = made[number * self.takes : (number + 1) * self.takes]
            yield self._clearest(takes, phones, self._generator(number))

    def pieces(self, number: int, phones: Phones, seconds: float) -> Iterator[Said]:
        """Sentence `number` in pieces of about so many seconds, joined without a seam."""
        if self.manner.speed != 1.0 or (self.manner.takes or 1) > 1:
            problem = "Pieces are spoken at natural speed, and once"
            raise ConfigError("PARAM_RANGE", problem, "speed 1, takes 1", "Leave chunk_seconds out")
        found = stream_sentence(
            self.synthesizer, phones, self.voice.speaker, self.voice.prompt, sampling=self._bounded([phones]),
            noise_scale=self.noise_scale, generator=self._generator(number), chunk=max(1, round(seconds * CODE_RATE)),
            memory=self.voice.memory,
        )  # fmt: skip
        for piece in found:
            yield Said(piece.wave, piece.codes, self._settings(piece.reason) | {"takes": 1})

    def _generator(self, number: int) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed * 100_003 + number)

    def _bounded(self, texts: Sequence[Phones]) -> Sampling:
        """The rule with the pace of the reference, and bounds that follow from the texts: no voice needs more codes for
        a phone than the family says, unless it spoke so slowly before.

        Nobody speaks infinitely fast either; but a pointer into the text knows by itself when the end has come.
        """
        longest, shortest = max(len(text) for text in texts), min(len(text) for text in texts)
        pace = None if self.voice.prompt is None else self.voice.prompt.pace
        most_per_phone = max(self.family.codes_per_phone, 1.25 * (pace or 0))
        most = min(self.sampling.max_new, round(longest * most_per_phone) + 15)
        pointed = self.synthesizer.semantic_gpt.pointer is not None
        fewest = 0 if pointed else round(shortest * self.family.fewest_codes_per_phone)
        least = min(most, max(self.sampling.min_new, fewest))
        return replace(self.sampling, min_new=least, max_new=most, pace=pace if pointed else None)

    def _predicted(self, texts: Sequence[Phones], most: int, generator: torch.Generator) -> list[Predicted]:
        """Codes of all takes, those of one text side by side."""
        said = [phones for phones in texts for _ in range(self.takes)]
        return predict_many(self.synthesizer, said, self.voice.prompt, self._bounded(texts), generator, most=most)

    def _clearest(self, takes: Sequence[Predicted], phones: Phones, generator: torch.Generator) -> Said:
        said = [self._spoken(predicted, phones, generator) for predicted in takes]
        clarity = self.clarity
        return said[0] if len(said) == 1 or clarity is None else max(said, key=lambda one: clarity(one.wave, phones))

    def _spoken(self, predicted: Predicted, phones: Phones, generator: torch.Generator) -> Said:
        wave = self.synthesizer.speak(
            predicted.codes, phones, self.voice.speaker, self.noise_scale, self.manner.speed, generator,
            predicted.places, self.voice.memory,
        )  # fmt: skip
        return Said(wave, predicted.codes[0], self._settings(predicted.reason))

    def _settings(self, reason: str) -> dict[str, Any]:
        return {
            "seed": self.seed, "ended": reason, "noise_scale": self.noise_scale, "speed": self.manner.speed,
            "takes": self.takes,
        }  # fmt: skip
