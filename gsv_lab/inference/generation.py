"""A text in a voice: what all its sentences share, and the three ways to make them.

    one after the other: `whole`;  several decoded together: `together`;  each in pieces as its codes come: `pieces`

Sentences of several voices are decoded together in `gsv_lab.inference.together`.
Sentence number n draws from its own generator, so that it sounds the same whatever is said before it. Unless it comes
in pieces, several candidates of it may be made. Those that break the fewest rules on silence go to a reranker, which
chooses one; where all break some, as many are drawn again, a few times. What is silent or cut off all the same is
warned of.
Letters: T samples, F25 codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple
from warnings import warn_explicit

import torch
from torch import Tensor

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.continuous_content import no_codes
from gsv_lab.extensions.reranking import Reranker
from gsv_lab.inference.batching import predict_codes
from gsv_lab.inference.family import Family
from gsv_lab.inference.silence import RULES, broken_rules, longest_codes
from gsv_lab.inference.streaming import stream_sentence
from gsv_lab.inference.synthesizer import Predicted, Synthesizer
from gsv_lab.inference.voice import Voice
from gsv_lab.nn.sampling import Sampling
from gsv_lab.system.migration import refuse_old_options
from gsv_lab.system.seeds import check_seed, seeded
from gsv_lab.text import Phones

REDRAWS = 2
"""How often more candidates are drawn at most."""


class SpeechWarning(UserWarning):
    """Speech that is handed out although it is silent or cut off."""


class Utterance(NamedTuple):
    """A sentence or a piece of one: `wave` (T,), its `codes` (F25,), and what it was made with."""

    wave: Tensor
    codes: Tensor
    settings: dict[str, Any]


@dataclass(frozen=True)
class GenerationOptions:
    """How to speak; what is None is the family's own.

    Args:
        temperature, top_k, top_p, repetition_penalty: see `Sampling`.
        noise_scale: factor on the prior's deviation, 0 to 2.
        speed: 0.5 to 2.
        candidates: of each sentence, 1 to 16.

    Raises:
        ConfigError: PARAM_RANGE with the range.
    """

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None
    noise_scale: float | None = None
    speed: float = 1.0
    candidates: int | None = None

    def __post_init__(self) -> None:
        _check("noise_scale", self.noise_scale, 0.0, 2.0)
        _check("speed", self.speed, 0.5, 2.0)
        _check("candidates", self.candidates, 1, 16)

    @classmethod
    def of(cls, call: str, options: Mapping[str, Any]) -> GenerationOptions:
        """Options by name, as somebody gave them to a call of the lab.

        Raises:
            ConfigError: PARAM_RANGE; CONFIG_RENAMED, an old name. TypeError: there is no such option.
        """
        known = {field.name for field in fields(cls)}
        refuse_old_options({name: value for name, value in options.items() if name not in known}, call)
        return cls(**options)

    def sampling(self, family: Family) -> Sampling:
        """The family's rule with what was asked for put in."""
        asked: dict[str, Any] = {
            "temperature": self.temperature,
            "top_k": self.top_k,
            "top_p": self.top_p,
            "repetition_penalty": self.repetition_penalty,
        }
        return replace(family.sampling, **{name: value for name, value in asked.items() if value is not None})


def _check(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise ConfigError("PARAM_RANGE", f"{name} is {value}", f"{low:g} to {high:g}", f"Choose another {name}")


class Generation:
    """One voice speaking with one set of options.

    Args:
        family: whose defaults count.
        synthesizer: its networks, with the voice's own tensors in them.
        voice: who speaks.
        options: how.
        seed: of everything random, a whole number.
        reranker: chooses among candidates; None where nothing can, so that there is one.

    Raises:
        ConfigError: PARAM_RANGE, the seed is no whole number, or several candidates are asked for and there is no
            reranker; CONFIG_INCONSISTENT, the networks have no codes.
    """

    def __init__(
        self,
        family: Family,
        synthesizer: Synthesizer,
        voice: Voice,
        options: GenerationOptions,
        seed: int,
        reranker: Reranker | None = None,
    ) -> None:
        if not synthesizer.sovits.quantizer.n_codes:
            raise no_codes()
        self.family = family
        self.synthesizer = synthesizer
        self.voice = voice
        self.options = options
        self.seed = check_seed(seed)
        self.reranker = reranker
        self.sampling = options.sampling(family)
        self.noise_scale = family.noise_scale if options.noise_scale is None else options.noise_scale
        default = 1 if reranker is None else family.candidates
        self.candidates = options.candidates or default
        if self.candidates > 1 and reranker is None:
            problem = "Candidates cannot be compared while a probe watches, or without a recogniser of phones"
            raise ConfigError("PARAM_RANGE", problem, "candidates 1", "Leave candidates out")

    def whole(self, number: int, phones: Phones) -> Utterance:
        """Sentence `number`, finished."""
        generator = self.generator(number)
        return self.best(self.predict([phones], self.candidates, generator), phones, generator)

    def together(self, texts: Sequence[Phones], max_batch: int) -> Iterator[Utterance]:
        """Sentences in their order, the codes of up to `max_batch` of like length decoded at once."""
        predicted = self.predict(texts, max_batch * self.candidates, self.generator(0))
        for number, phones in enumerate(texts):
            first = number * self.candidates
            own = predicted[first : first + self.candidates]
            yield self.best(own, phones, self.generator(number))

    def parts(self, number: int, phones: Phones, seconds: float | None) -> Iterator[Utterance]:
        """Sentence `number`, finished, or in pieces of about so many seconds."""
        if seconds is None:
            yield self.whole(number, phones)
        else:
            yield from self.pieces(number, phones, seconds)

    def pieces(self, number: int, phones: Phones, seconds: float) -> Iterator[Utterance]:
        """Sentence `number` in pieces of about so many seconds, joined without a seam."""
        if self.options.speed != 1.0 or (self.options.candidates or 1) > 1:
            problem = "Pieces are spoken at natural speed, and once"
            raise ConfigError("PARAM_RANGE", problem, "speed 1, candidates 1", "Leave chunk_seconds out")
        code_rate = self.synthesizer.semantic_gpt.frame_rate
        waves: list[Tensor] = []
        found = stream_sentence(
            self.synthesizer,
            phones,
            self.voice.speaker,
            self.voice.prompt,
            sampling=self.bounded([phones]),
            noise_scale=self.noise_scale,
            generator=self.generator(number),
            chunk=max(1, round(seconds * code_rate)),
            residuals=self.voice.residuals,
        )
        for piece in found:
            waves.append(piece.wave)
            settings = self._settings(piece.reason) | {"candidates": 1}
            if piece.reason:
                self._warn(Utterance(torch.cat(waves), piece.codes, settings), phones)
            yield Utterance(piece.wave, piece.codes, settings)

    def generator(self, number: int) -> torch.Generator:
        """What sentence `number` draws from."""
        return seeded(self.seed * 100_003 + number)

    def bounded(self, texts: Sequence[Phones]) -> Sampling:
        """The rule with the rate of the reference, and bounds that follow from the texts.

        A network with an alignment ends where the text does, and has a bound for each phone. One without may not end
        before the fewest codes, and a phone may not take more on average than the family says, unless the reference was
        slower.
        """
        gpt, rate = self.synthesizer.semantic_gpt, self.voice.prompt.codes_per_phone
        if gpt.max_advance:
            longest = max(int(longest_codes(text.symbols, gpt.frame_rate).sum()) for text in texts)
            most = min(self.sampling.max_new, max(longest, self.sampling.min_new) + 1)
            least = min(most, self.sampling.min_new)
            return replace(self.sampling, min_new=least, max_new=most, codes_per_phone=rate)
        lengths = [len(text) for text in texts]
        most_per_phone = max(self.family.max_codes_per_phone, 1.25 * (rate or 0))
        most = min(self.sampling.max_new, round(max(lengths) * most_per_phone) + 15)
        fewest = round(min(lengths) * self.family.min_codes_per_phone)
        least = min(most, max(self.sampling.min_new, fewest))
        return replace(self.sampling, min_new=least, max_new=most, codes_per_phone=None)

    def predict(self, texts: Sequence[Phones], max_batch: int, generator: torch.Generator) -> list[Predicted]:
        """Codes of all candidates, those of one text side by side."""
        repeated = [phones for phones in texts for _ in range(self.candidates)]
        return predict_codes(
            self.synthesizer,
            repeated,
            self.voice.prompt,
            self.bounded(texts),
            generator,
            max_batch,
            speaker=self.voice.speaker,
        )

    def best(self, candidates: Sequence[Predicted], phones: Phones, generator: torch.Generator) -> Utterance:
        """Of some candidates the one to hand out; `generator` goes on where more are drawn."""
        spoken: list[Utterance] = []
        broken: list[int] = []
        # Nothing is drawn again where one candidate was asked for, or where somebody looks inside.
        redraws = 0 if self.reranker is None or self.options.candidates == 1 else REDRAWS
        for draw in range(1 + redraws):
            if draw:
                candidates = self.predict([phones], self.candidates, generator)
            for predicted in candidates:
                spoken.append(self._speak(predicted, phones, generator))
                broken.append(len(self._broken(spoken[-1], phones, predicted.phone_index)))
            if not min(broken):
                break
        best = [one for one, count in zip(spoken, broken, strict=True) if count == min(broken)]
        chosen = best[0]
        if len(best) > 1 and self.reranker is not None:
            chosen = best[self.reranker.best([one.wave for one in best], phones)]
        self._warn(chosen, phones)
        return chosen

    def _broken(self, spoken: Utterance, phones: Phones, phone_index: Tensor | None = None) -> tuple[str, ...]:
        rate, index = self.synthesizer.sample_rate, None if phone_index is None else phone_index[0]
        return broken_rules(spoken.wave, rate, phones.symbols, index, self.options.speed)

    def _warn(self, spoken: Utterance, phones: Phones) -> None:
        """Say what is wrong with speech that is handed out, each time anew."""
        wrong = []
        if self._broken(spoken, phones) == RULES:
            wrong.append("SPEECH_SILENT: nothing can be heard of")
        if spoken.settings["ended"] == "max_new":
            wrong.append("SPEECH_CUT: the most codes (max_new) were made before the end of")
        for problem in wrong:
            text = f"{problem} '{phones.text:.60}' (seed {self.seed}). Try another seed"
            warn_explicit(text, SpeechWarning, __file__, 1)

    def _speak(self, predicted: Predicted, phones: Phones, generator: torch.Generator) -> Utterance:
        wave = self.synthesizer.speak(
            predicted.codes,
            phones,
            self.voice.speaker,
            self.noise_scale,
            self.options.speed,
            generator,
            predicted.phone_index,
            self.voice.residuals,
        )
        return Utterance(wave, predicted.codes[0], self._settings(predicted.reason))

    def _settings(self, reason: str) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "ended": reason,
            "noise_scale": self.noise_scale,
            "speed": self.options.speed,
            "candidates": self.candidates,
        }
