"""What a family's networks find in a recording: phones and their times, codes for a prompt, who speaks.

Letters: T samples, F25 codes, P phones, G speaker width, E width of a verification vector.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsv_lab import audio
from gsv_lab.audio.alignment import Alignment, align, frame_level, greedy
from gsv_lab.audio.measures import require_quiet
from gsv_lab.audio.reference import Reference
from gsv_lab.checkpoint import load_component
from gsv_lab.extensions.monotonic_alignment import monotonic_path
from gsv_lab.extensions.reranking import AlignmentReranker
from gsv_lab.extensions.residual_correction import Residuals
from gsv_lab.extensions.speaker_verifier import SpeakerVerifier
from gsv_lab.hooks import watched
from gsv_lab.inference.family import Family, shipped_network
from gsv_lab.inference.speaker_cache import SpeakerCache
from gsv_lab.inference.synthesizer import Prompt, Synthesizer
from gsv_lab.inference.voice import as_stored
from gsv_lab.system.environment import cache_dir
from gsv_lab.text import CTC_SYMBOLS, Phones, phonemize
from gsv_lab.text.agreement import check_text_length, doubt
from gsv_lab.text.symbols import guessed_id
from gsv_lab.text.user_dictionary import Lexicon

VERIFIED_SECONDS = 6.0
"""How much of a clip the verifier hears; vectors of other lengths are not comparable."""
PERSON = 2.0
"""What the verifier weighs beside the base's own vector; 1 and 3 find fewer mixtures of two people."""


class Recordings:
    """Recordings as a base model's networks see them.

    Args:
        family: base weights with their defaults.
    """

    def __init__(self, family: Family) -> None:
        self.family = family
        self.sample_rate = family.synthesizer.sample_rate

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Identity of the base weights, computed once."""
        return self.family.fingerprints()

    def references(
        self, source: str | Path | Sequence[str | Path], anyway: bool = False
    ) -> tuple[list[Path], list[Reference]]:
        """One recording or a few, and the passage of each that a voice is made of; what is doubtful is warned of.

        Args:
            source: the recordings.
            anyway: take one that is too noisy, too.

        Raises:
            AudioError: a recording cannot be used; `AUDIO_NOISY`.
        """
        sources = [source] if isinstance(source, (str, Path)) else source
        paths = [Path(path) for path in sources]
        clips = [self.family.reference(path) for path in paths]
        for clip in clips:
            if not anyway:
                require_quiet(clip.name, clip.quality)
            for warning in clip.warnings:
                warnings.warn(warning, stacklevel=3)
        return paths, clips

    def check_text(self, clip: Reference, text: str, phones: Phones) -> None:
        """Refuse a text that cannot be that of a clip, and warn of one that hardly is.

        Raises:
            DataError: `ALIGN_IMPLAUSIBLE`.
        """
        check_text_length(clip.name, text, clip.speech)
        if not self.family.synthesizer.content_encoder.n_phones or watched():
            return
        score = float(np.nanmean(self.align(clip.samples, phones).score))
        heard = greedy(self.family.synthesizer.phone_scores(clip.samples)).ids
        doubtful = doubt(len(phones.folded()[0]), len(heard), score)
        if doubtful:
            warnings.warn(doubtful, stacklevel=3)

    def align(self, wave: Tensor, phones: Phones, scores: Tensor | None = None) -> Alignment:
        """When each phone is spoken in a wave (T,) at the family's rate; `scores` (F50, V) where they are known."""
        labels, positions = phones.folded()
        ids: list[int | None] = [None] * len(phones)
        for label, position in zip(labels, positions, strict=True):
            ids[position] = label
        if scores is None:
            scores = self.family.synthesizer.phone_scores(wave)
        level = frame_level(wave, self.sample_rate, 50.0, len(scores))
        return align(scores, ids, level=level)

    @cached_property
    def verifier(self) -> SpeakerVerifier | None:
        """The family's own speaker verifier, else that of the newest shipped family, on the CPU; None without any."""
        path = self.family.extra("speaker_verifier") or shipped_network("speaker_verifier")
        return None if path is None else load_component(path, SpeakerVerifier).eval()

    @torch.no_grad()
    def verify(self, wave: Tensor) -> Tensor:
        """What the verifier hears in the first seconds of a wave (T,): a point (E,) on the unit sphere."""
        assert self.verifier is not None, "asked without a verifier"
        heard = audio.resample(wave.reshape(-1), self.sample_rate, self.verifier.sample_rate)
        point: Tensor = self.verifier(heard[None, None, : round(VERIFIED_SECONDS * self.verifier.sample_rate)])
        return point[0]

    def person(self, wave: Tensor) -> Tensor:
        """Who speaks in a wave (T,), for comparison with other clips: the verifier's point and the base's own vector.

        On clips of eleven development speakers the base's learned channels tell two people better than the verifier
        (equal errors of 10 against 20 % of pairs), and both together best.
        """
        return torch.cat([PERSON * self.verify(wave), self.family.synthesizer.voice([wave]).flatten()])

    def reranker(self) -> AlignmentReranker | None:
        """What chooses among candidates.

        None where the content encoder knows no phones, or while a probe watches: a reader who looks inside does not
        want to see the rejected candidates, or the aligner at work.
        """
        knows_phones = self.family.synthesizer.content_encoder.n_phones > 0
        return AlignmentReranker(self.align) if knows_phones and not watched() else None

    def prompt(self, wave: Tensor, phones: Phones | None = None) -> Prompt:
        """What SemanticGPT is given of a reference (T,) and, where they are known, of the phones spoken in it."""
        if not self.family.synthesizer.sovits.quantizer.n_codes:
            return Prompt(torch.zeros(0, dtype=torch.int64), None)
        codes = self.family.encode_reference(wave)
        if phones is None or not self.family.synthesizer.semantic_gpt.max_advance:
            return Prompt(codes, phones)
        return Prompt(codes, phones, self.phone_index(wave, phones, len(codes)))

    def phone_index(self, wave: Tensor, phones: Phones, n_codes: int) -> Tensor:
        """Which phone each code of a wave (T,) speaks, by forced alignment: (F25,), never falling."""
        rate = self.family.synthesizer.semantic_gpt.frame_rate
        positions = torch.from_numpy(self.align(wave, phones).positions(n_codes, rate))
        return monotonic_path(positions[None], len(phones))[0]

    def residuals(
        self,
        clips: Sequence[tuple[Tensor, Phones | None]],
        speaker: Tensor,
        synthesizer: Synthesizer | None = None,
    ) -> Residuals | None:
        """How the sounds of some recordings (T,) differ from what a synthesizer expects of a voice (1, G, 1).

        The synthesizer is the base if None. None for families without residual correction, and for networks without
        codes or without hidden frames to learn from. Without phones those that the content encoder recognises stand in;
        None if it recognises none.
        """
        synthesizer = synthesizer or self.family.synthesizer
        correction = synthesizer.residual_correction
        sovits = synthesizer.sovits
        if correction is None or not sovits.prior.hidden_dim or not sovits.quantizer.n_codes:
            return None
        if not synthesizer.content_encoder.n_phones and any(phones is None for _, phones in clips):
            return None
        hidden, residual = [], []
        for wave, phones in clips:
            ids, phone_index = self._spoken(wave, phones)
            frames, differences = synthesizer.residuals(wave, ids, phone_index, speaker)
            hidden.append(frames)
            residual.append(differences)
        # The weights belong to the frames that a voice keeps of them.
        return correction.learn(as_stored(torch.cat(hidden, dim=-1)), torch.cat(residual, dim=-1))

    def _spoken(self, wave: Tensor, phones: Phones | None) -> tuple[Tensor, Tensor]:
        """Phone ids (1, P) of a wave (T,), and which of them each of its codes speaks (1, F25)."""
        synthesizer = self.family.synthesizer
        n_codes = synthesizer.encode(wave).shape[-1]
        if phones is not None:
            return torch.tensor([phones.ids]), self.phone_index(wave, phones, n_codes)[None]
        found = greedy(synthesizer.phone_scores(wave))
        positions = torch.from_numpy(found.positions(n_codes, synthesizer.semantic_gpt.frame_rate))
        ids = [guessed_id(label) for label in found.ids.tolist()]
        if not ids:  # nothing was recognised: the padding symbol
            ids = [0]
        return torch.tensor([ids]), monotonic_path(positions[None], len(ids))

    def word_timings(self, wave: Tensor, text: str, language: str, lexicon: Lexicon = None) -> Sequence[Any]:
        """Words of a wave (T,) with their times; `lexicon` is a user's dictionary."""
        from gsv_lab.corpora.timing import timed_words

        phones = phonemize(text, language, lexicon=lexicon)
        return timed_words(phones, self.align(wave, phones))

    def recognised(self, wave: Tensor, language: str) -> Sequence[str]:
        """Phones without stress or tone that the content encoder recognises in a wave (T,)."""
        labels = greedy(self.family.synthesizer.phone_scores(wave)).ids
        return [CTC_SYMBOLS[label] for label in labels]

    def speaker(self, wave: Tensor, verification: Tensor | None = None) -> Tensor:
        """The voice (1, G, 1) of a wave (T,), from the cache if it was made before."""
        synthesizer = self.family.synthesizer
        if verification is not None:
            return synthesizer.voice([wave], [verification])
        if watched():  # a probe that looks or edits needs the encoder at work, not the cache
            return synthesizer.voice([wave])
        cache = SpeakerCache(cache_dir() / "speakers")
        encoder, numbers = self.fingerprints["sovits"], f"{synthesizer.device.type} {synthesizer.precision}"
        if numbers != "cpu 32":  # other devices and formats round otherwise
            encoder = f"{encoder} {numbers}"
        return cache.vector([wave], encoder, lambda: synthesizer.voice([wave]), synthesizer.voice_dim)
