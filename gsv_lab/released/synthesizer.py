"""The released families, composed for inference: the same verbs as nano, on other companions and at two sample rates.

Content is extracted at 16 kHz by HuBERT, everything else happens at the vocoder's rate. Letters: T samples, P phones,
F25 codes, G speaker width, V verification width. Batches of one.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor, nn

from gsv_lab import audio
from gsv_lab.audio.measures import quality, require_speech
from gsv_lab.audio.reference import Best, Reference, best_reference, described, taken
from gsv_lab.audio.slices import LONGEST, SHORTEST
from gsv_lab.audio.voice_activity import Span, speech_spans
from gsv_lab.errors import AudioError, CheckpointError
from gsv_lab.inference.synthesizer import Synthesizer, agree, to_cpu
from gsv_lab.nn.interfaces import ContentEncoder, ContextEncoder, Encoded, SemanticGPTRole
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.released.eres2net import ERes2NetV2

PROMPT_SILENCE = 0.6
"""Seconds of silence that the released tools put behind a prompt before they encode it: the samples of 0.3 s at 32 kHz,
used at 16 kHz."""

LEAST_SPEECH = 1.0
"""Seconds of speech in a reference; the released tools look at its length only."""


class ReleasedSynthesizer(Synthesizer):
    """The networks of a released family.

    Args:
        content_encoder: HuBERT.
        semantic_gpt: phones to codes.
        sovits: codes to wave.
        context_encoder: BERT.
        verifier: makes the vector that the Pro models read beside the spectrogram; None where it is given instead.
        recogniser: content encoder with phone scores, for timings; the released models have none of their own.
        absent: error text for a missing `verifier`.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, two parts disagree on a size.
    """

    def __init__(
        self,
        content_encoder: ContentEncoder,
        semantic_gpt: SemanticGPTRole,
        sovits: SoVITS,
        context_encoder: ContextEncoder,
        verifier: ERes2NetV2 | None = None,
        recogniser: ContentEncoder | None = None,
        absent: str = "",
    ) -> None:
        super().__init__(content_encoder, semantic_gpt, sovits, context_encoder)
        if verifier is not None:
            width = sovits.speaker_encoder.verification_dim
            agree("verifier.vector_dim", verifier.vector_dim, "speaker_encoder.verification_dim", width)
        self.verifier = verifier
        self.recogniser = recogniser
        self.absent = absent

    def components(self) -> dict[str, nn.Module]:
        """As in nano, and the companions."""
        found = {**super().components(), "context_encoder": self.context_encoder}
        if self.verifier is not None:
            found["verifier"] = self.verifier
        return found

    @torch.no_grad()
    def extract_content(self, wave: Tensor) -> Encoded:
        """Content: (T,) at the vocoder's rate -> Encoded(content (1, D, F50), None)."""
        return super().extract_content(self._resampled(wave, self.content_encoder.sample_rate))

    @torch.no_grad()
    def phone_scores(self, wave: Tensor) -> Tensor:
        """CTC log-probabilities of a wave by the recogniser: (T,) -> (F50, V)."""
        if self.recogniser is None:
            return super().phone_scores(wave)
        resampled = self._resampled(wave, self.recogniser.sample_rate)
        with self.arithmetic():
            scores = self.recogniser(resampled.reshape(1, 1, -1).to(self.device)).log_probs
        return to_cpu(scores[0])

    @torch.no_grad()
    def voice(self, waves: list[Tensor], verifications: list[Tensor] | None = None) -> Tensor:
        """The voice of one or more recordings (T,) -> (1, G, 1); several are averaged.

        Args:
            waves: recordings at the vocoder's rate.
            verifications: for each the verification vector (1, V) or (V,), for the Pro models; made here if None.

        Raises:
            CheckpointError: CKPT_MISSING, a vector is needed and the network that makes it is absent.
        """
        if not self.sovits.speaker_encoder.verification_dim:
            return super().voice(waves)
        if verifications is None:
            vectors = [self.verify(wave) for wave in waves]
        else:
            vectors = [vector.reshape(1, -1) for vector in verifications]
        return super().voice(waves, vectors)

    def verify(self, wave: Tensor) -> Tensor:
        """The verification vector of a recording (T,) at the vocoder's rate: (1, V)."""
        if self.verifier is None:
            raise CheckpointError("CKPT_MISSING", self.absent or "The verification network is absent", "its file")
        return to_cpu(self.verifier.embed(self._resampled(wave, self.verifier.sample_rate).to(self.device)))

    def _resampled(self, wave: Tensor, sample_rate: int) -> Tensor:
        return audio.resample(wave.reshape(-1), self.sample_rate, sample_rate)


def released_reference(path: str | os.PathLike[str], sample_rate: int) -> Reference:
    """A reference as the released models take it: 3 to 10 s, level untouched.

    Of a longer recording the best stretch is taken, where the released tools refuse it.

    Args:
        path: any sound file.
        sample_rate: Hz of the result.

    Raises:
        AudioError: those of `audio.read`; `REF_LENGTH`, shorter than 3 s, and with `AUDIO_SILENT` and `AUDIO_CLIPPED`
            those of `require_speech`.
    """
    recording = audio.read(path)
    samples, rate, name = recording.samples, recording.sample_rate, Path(path).name
    if recording.seconds < SHORTEST:
        raise AudioError(
            "REF_LENGTH", f"{name!r} lasts {recording.seconds:.1f} s", f"{SHORTEST:g} to {LONGEST:g} s",
            "Record a longer passage",
        )  # fmt: skip
    spans = speech_spans(samples, rate)
    require_speech(name, samples, rate, spans, LEAST_SPEECH)
    whole = Best((Span(0, samples.numel()),), "", True)
    best = best_reference(recording, spans) if recording.seconds > LONGEST else whole
    clip, inside = taken(samples, spans, best.spans)
    return described(recording, best, quality(clip, rate, inside), inside, clip, sample_rate)
