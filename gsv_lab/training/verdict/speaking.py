"""What the states of a fine-tuning say: every candidate speaks the same texts, and each utterance is measured.

Nothing that evaluates takes part: phones are found by the base's content encoder, the speaker by the kit's verifier.
Letters: T samples, F25 frames, D content width.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.audio.alignment import greedy, phone_errors
from gsv_lab.errors import ConfigError, LabError
from gsv_lab.evaluation.measures.completeness import completeness
from gsv_lab.evaluation.measures.text import folded_by_word
from gsv_lab.inference.generation import Generation, GenerationOptions, SpeechWarning
from gsv_lab.inference.recordings import Recordings
from gsv_lab.inference.voice import Voice
from gsv_lab.text import CTC_SYMBOLS, Phones
from gsv_lab.training.finetuning.candidates import Candidate, Recorded
from gsv_lab.training.verdict.clips import read, spoken_language
from gsv_lab.training.verdict.copying import Known
from gsv_lab.training.verdict.texts import OWN

MOST_HELD_OUT = 6
"""Texts of held-out clips that are spoken."""
LONGEST_TEXT = 12.0
"""Seconds of the clip whose text is spoken."""
MOST_TERMS = 40
"""Terms that are spoken: each costs a sentence for every candidate and seed."""
OTHER_LANGUAGE = 2
"""Own texts of the other language."""
NO_FIT = -10.0
"""Alignment score of speech that is too short for its text."""


class Text(NamedTuple):
    """What is spoken: the text of a held-out clip, a `term` that matters to whoever tunes, or one of the kit's own."""

    phones: Phones
    held_out: bool = False
    term: bool = False

    @property
    def own(self) -> bool:
        """Whether it is one of the kit's own."""
        return not (self.held_out or self.term)


@dataclass(frozen=True)
class Said:
    """One utterance: by which step, of which text (its number), with which seed; its measures, and the wave (T,)."""

    step: int
    text: int
    seed: int
    measures: dict[str, float]
    wave: Tensor


class Listener:
    """What is measured of speech in the voice of some recordings.

    `similarity`: cosine to the middle of the training clips, by the verifier; `phone_error`: share of the phones that
    the content encoder hears otherwise; `alignment`: mean score of the text's phones in nat; `wrong_words`: share of
    the words that are skipped, said again or looped; `copied`: see `Known`. What a family has no network for is left
    out.

    Args:
        recorded: the recordings.
    """

    def __init__(self, recorded: Recorded) -> None:
        self.recordings = recorded.recordings
        self.base = recorded.family.synthesizer
        rows, store = recorded.store.rows, recorded.store
        held_out = [i for i in recorded.rows if rows[i].split == "valid"]
        training = [torch.from_numpy(store.wave(i)) for i in recorded.rows if rows[i].split != "valid"]
        natural = [recorded.clip(i) for i in held_out]
        self.known = Known(list(map(self.content, training)), [self.content(wave) for wave, _ in natural])
        self.middle: Tensor | None = None
        if self.recordings.verifier is not None:
            points = torch.stack(list(map(self.recordings.verify, training)))
            self.middle = functional.normalize(points.mean(0), dim=0)
        self.natural = [self(wave, phones) for wave, phones in natural]

    def content(self, wave: Tensor) -> Tensor:
        """Content of a wave (T,): (F25, D)."""
        content = self.base.extract_content(wave).content.float().cpu()
        return functional.avg_pool1d(content, 2)[0].T

    def __call__(self, wave: Tensor, phones: Phones | None) -> dict[str, float]:
        """Measures of a wave (T,) that should say some phones."""
        found = {"copied": self.known.copied(self.content(wave))}
        if self.middle is not None:
            found["similarity"] = float(self.recordings.verify(wave) @ self.middle)
        if phones is not None and self.base.content_encoder.n_phones:
            found |= self.phonetic(wave, phones)
        return found

    def phonetic(self, wave: Tensor, phones: Phones) -> dict[str, float]:
        """What the content encoder hears of a text."""
        scores = self.base.phone_scores(wave)
        expected, _ = phones.folded()
        errors = phone_errors(expected, greedy(scores).ids.tolist()) / len(expected)
        try:
            fit = float(self.recordings.align(wave, phones, scores).quality)
        except LabError:
            fit = NO_FIT
        words = folded_by_word(phones)
        said = completeness(words, scores.numpy(), CTC_SYMBOLS[1:])
        wrong = len(said.skipped) + sum(end - first for first, end in said.repeated) + len(said.babble)
        return {"phone_error": errors, "alignment": fit, "wrong_words": wrong / len(words)}


def texts_to_speak(recorded: Recorded) -> list[Text]:
    """Texts of held-out clips, own texts in the language of the recordings, and a few in the other language."""
    rows, recordings = recorded.store.rows, recorded.recordings
    held_out = [rows[i] for i in recorded.rows if rows[i].split == "valid" and rows[i].text]
    short = [row for row in held_out if row.samples <= LONGEST_TEXT * recorded.store.sample_rate]
    found = [Text(read(recordings, row.text, row.language), True) for row in short[:MOST_HELD_OUT]]
    language = spoken_language(rows[0].text, rows[0].language)
    for sentence in OWN[language]:
        found.append(Text(read(recordings, sentence, language)))
    for other in OWN.keys() - {language}:
        found += [Text(read(recordings, sentence, other)) for sentence in OWN[other][:OTHER_LANGUAGE]]
    return found


def terms_to_speak(recordings: Recordings, terms: Sequence[str]) -> list[Phones]:
    """Phones of words or sentences that matter to whoever tunes, each in its own language.

    Raises:
        ConfigError: PARAM_RANGE, more than `MOST_TERMS`; CONFIG_INCONSISTENT, nothing hears phones. TextError: one that
            has no sounds.
    """
    if terms and not recordings.family.synthesizer.content_encoder.n_phones:
        problem = f"wrong phones in the terms are to be told, and nothing in {recordings.family.version} hears phones"
        raise ConfigError("CONFIG_INCONSISTENT", problem, "no terms")
    if len(terms) > MOST_TERMS:
        raise ConfigError(
            "PARAM_RANGE", f"There are {len(terms)} terms", f"at most {MOST_TERMS}", "Keep the hardest ones"
        )
    return [read(recordings, term, "auto") for term in terms]


def speak_all(
    recorded: Recorded,
    listener: Listener,
    candidates: Sequence[Candidate],
    texts: Sequence[Text],
    seeds: Sequence[int],
    progress: Callable[[], object] = lambda: None,
) -> list[Said]:
    """Every text by every candidate with every seed; `progress` is called after each utterance."""
    said = []
    for candidate in candidates:
        voice = Voice(
            "candidate", recorded.family.version, recorded.recordings.fingerprints, candidate.speaker, recorded.prompt,
            residuals=recorded.residuals(candidate),
        )  # fmt: skip
        synthesizer = recorded.synthesizer(candidate)
        for seed in seeds:
            generation = Generation(recorded.family, synthesizer, voice, GenerationOptions(candidates=1), seed)
            for number, text in enumerate(texts):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", SpeechWarning)  # what it warns of is measured
                    wave = generation.whole(number, text.phones).wave.nan_to_num()
                said.append(Said(candidate.step, number, seed, listener(wave, text.phones), wave))
                progress()
    return said
