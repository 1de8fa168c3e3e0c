"""The released families, composed for inference: the same verbs as nano, on other companions and at two sample rates.

Content is heard at 16 kHz by HuBERT, everything else happens at the vocoder's rate. Letters: T samples, P phones, F25
codes, G speaker width, V verification width. Batches of one. Does not know files or versions.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor, nn

from gsv_lab import audio
from gsv_lab.audio.measures import quality, require_speech
from gsv_lab.audio.reference import Reference, best_reference
from gsv_lab.audio.slices import LONGEST, SHORTEST, seconds
from gsv_lab.audio.voice_activity import Span, speech_spans
from gsv_lab.errors import AudioError, CheckpointError, ConfigError
from gsv_lab.inference.synthesizer import Synthesizer
from gsv_lab.nn.interfaces import ContentEncoder, ContextEncoder, Encoded
from gsv_lab.nn.semantic_gpt import SemanticGPT
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.nn.spectral import LinearSpectrogram
from gsv_lab.released.eres2net import ERes2NetV2

PROMPT_SILENCE = 0.6
"""Seconds of silence that the released tools put behind a prompt before they listen to it: the samples of 0.3 s at 32
kHz, used at 16 kHz."""

LEAST_SPEECH = 1.0
"""Seconds of speech in a reference; the released tools look at its length only."""


class LinearAnalysis(nn.Module):
    """What posterior and speaker encoder of the released models read: linear magnitudes.

    wave (B, 1, T) -> (B, n_fft // 2 + 1, F50)

    Args:
        n_fft: points of the transform.
        hop_length: samples of a frame.
    """

    def __init__(self, n_fft: int = 2048, hop_length: int = 640) -> None:
        super().__init__()
        self.spectrogram = LinearSpectrogram(n_fft, hop_length)
        self.channels = n_fft // 2 + 1

    def forward(self, wave: Tensor, log_f0: Tensor | None = None, voicing: Tensor | None = None) -> Tensor:
        """See the class; the pitch is not read."""
        return self.spectrogram(wave)

    def voice(self, wave: Tensor, log_f0: Tensor | None = None, voicing: Tensor | None = None) -> Tensor:
        """For the speaker encoder: samples beyond full scale are divided by their peak, by two at most."""
        peak = wave.abs().amax()
        return self.spectrogram(wave / peak.clamp(1.0, 2.0))


class ReleasedSynthesizer(Synthesizer):
    """The networks of a released family.

    Args:
        content_encoder: HuBERT.
        semantic_gpt: phones to codes.
        sovits: codes to wave.
        context_encoder: BERT.
        analysis: linear spectrogram.
        verifier: hears the vector that the Pro models read beside the spectrogram; None where it is given instead.
        recogniser: content encoder with phone scores, for timings; the released models have none of their own.
        absent: error text for a missing `verifier`.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, two parts disagree on a size.
    """

    def __init__(
        self,
        content_encoder: ContentEncoder,
        semantic_gpt: SemanticGPT,
        sovits: SoVITS,
        context_encoder: ContextEncoder,
        analysis: LinearAnalysis,
        verifier: ERes2NetV2 | None = None,
        recogniser: ContentEncoder | None = None,
        absent: str = "",
    ) -> None:
        super().__init__(content_encoder, semantic_gpt, sovits, context_encoder, analysis)  # type: ignore[arg-type]
        pairs = [
            ("content_encoder.dim", content_encoder.dim, "quantizer.dim", sovits.quantizer.dim),
            ("context_encoder.dim", context_encoder.dim, "semantic_gpt.context_dim", semantic_gpt.context_dim),
            ("quantizer.n_codes", sovits.quantizer.n_codes, "semantic_gpt.n_codes", semantic_gpt.n_codes),
        ]
        if verifier is not None:
            width = sovits.speaker_encoder.verification_dim
            pairs.append(("verifier.vector_dim", verifier.vector_dim, "speaker_encoder.verification_dim", width))
        for name, value, other, size in pairs:
            if value != size:
                raise ConfigError(
                    "CONFIG_INCONSISTENT", f"{name} is {value} but {other} is {size}", "files that belong together"
                )
        self.verifier, self.recogniser, self.absent = verifier, recogniser, absent

    def components(self) -> dict[str, nn.Module]:
        """As in nano, and the companions."""
        found = {**super().components(), "context_encoder": self.context_encoder}
        return found if self.verifier is None else {**found, "verifier": self.verifier}

    @torch.no_grad()
    def recognise(self, wave: Tensor) -> Encoded:
        """Content: (T,) at the vocoder's rate -> Encoded(content (1, D, F50), None)."""
        return super().recognise(self._resampled(wave, self.content_encoder.sample_rate))

    @torch.no_grad()
    def phone_scores(self, wave: Tensor) -> Tensor:
        """CTC log-probabilities of a wave by the recogniser: (T,) -> (F50, V)."""
        if self.recogniser is None:
            return super().phone_scores(wave)
        scores = self.recogniser(self._resampled(wave, self.recogniser.sample_rate).reshape(1, 1, -1)).log_probs
        return scores[0]

    @torch.no_grad()
    def voice(self, waves: list[Tensor], verifications: list[Tensor] | None = None) -> Tensor:
        """Who speaks, from one or more recordings (T,) -> (1, G, 1); several are averaged.

        Args:
            waves: recordings at the vocoder's rate.
            verifications: for each the verification vector (1, V) or (V,), for the Pro models; heard here if None.

        Raises:
            CheckpointError: CKPT_MISSING, a vector is needed and the network that hears it is absent.
        """
        width = self.sovits.speaker_encoder.verification_dim
        vectors = None
        if width and verifications is not None:
            vectors = [vector.reshape(1, -1) for vector in verifications]
        elif width:
            vectors = [self.verify(wave) for wave in waves]
        return self.sovits.voice([self.analysis.voice(wave.reshape(1, 1, -1)) for wave in waves], vectors)

    def verify(self, wave: Tensor) -> Tensor:
        """The verification vector of a recording (T,) at the vocoder's rate: (1, V)."""
        if self.verifier is None:
            raise CheckpointError("CKPT_MISSING", self.absent or "The verification network is absent", "its file")
        return self.verifier.hear(self._resampled(wave, self.verifier.sample_rate))

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
    span, why = best_reference(recording, spans) if recording.seconds > LONGEST else (Span(0, samples.numel()), "")
    clip = samples[span.start : span.end]
    inside = [Span(max(s.start, span.start) - span.start, min(s.end, span.end) - span.start) for s in spans]
    measured = quality(clip, rate, [s for s in inside if s.length > 0])
    warnings = (*recording.notes, *measured.warnings, *((f"REF_LONG: {why}",) if why else ()))
    start, end = seconds(span, rate)
    return Reference(audio.resample(clip, rate, sample_rate), sample_rate, name, start, end, why, measured, warnings)
