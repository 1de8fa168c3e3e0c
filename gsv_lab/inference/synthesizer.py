"""From text to wave: the four networks and the context features, composed for inference.

    codes = synthesizer.hear(wave)                        # content encoder, quantizer
    codes = predict_many(synthesizer, [phones], prompt)   # SemanticGPT, see gsv_lab.inference.batching
    wave = synthesizer.speak(codes, phones, speaker)      # prior, flow, vocoder

Letters: T samples, P phones, F25 codes, G speaker width. Batches of one. Does not know files, voices on disk or
command lines.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.f0 import PitchedLogMel, track_pitch
from gsv_lab.extensions.residual_correction import Memory, ReferenceMemory
from gsv_lab.nn.interfaces import ContentEncoder, ContextEncoder, Encoded
from gsv_lab.nn.ops import fit_frames
from gsv_lab.nn.semantic_gpt import SemanticGPT
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.text import Phones


class Prompt(NamedTuple):
    """What SemanticGPT is told of the reference: `codes` (F25,), `phones` of them, None without a transcript, and
    `places` (F25,), which of the phones each code speaks, for networks with a pointer into the text.
    """

    codes: Tensor
    phones: Phones | None
    places: Tensor | None = None

    @property
    def pace(self) -> float | None:
        """Codes for each phone; None without phones."""
        return self.codes.numel() / len(self.phones) if self.phones is not None and len(self.phones) else None


class Predicted(NamedTuple):
    """New `codes` (1, F25), why the decoding ended, and which phone each code speaks (1, F25), where that is known."""

    codes: Tensor
    reason: str
    places: Tensor | None = None


class Synthesizer(nn.Module):
    """The networks of one family, ready to speak.

    Args:
        content_encoder: hears what is said.
        semantic_gpt: phones to codes.
        sovits: codes to wave (holds quantizer, speaker encoder, prior, posterior, flow, vocoder).
        context_encoder: features of each phone's surroundings.
        analysis: what posterior and speaker encoder read of a wave.
        memory: recalls how a recording's sounds differ from the expected ones; None for families without.
    """

    sample_rate: int

    def __init__(
        self,
        content_encoder: ContentEncoder,
        semantic_gpt: SemanticGPT,
        sovits: SoVITS,
        context_encoder: ContextEncoder,
        analysis: PitchedLogMel,
        memory: ReferenceMemory | None = None,
    ) -> None:
        super().__init__()
        self.content_encoder, self.semantic_gpt, self.sovits = content_encoder, semantic_gpt, sovits
        self.context_encoder, self.analysis, self.memory = context_encoder, analysis, memory
        self.sample_rate = int(sovits.vocoder.sample_rate)

    def components(self) -> dict[str, nn.Module]:
        """Every part under its own name, as probes address them."""
        parts = "quantizer speaker_encoder prior pitch_predictor posterior flow postfilter vocoder".split()
        inside = {name: part for name in parts if (part := getattr(self.sovits, name)) is not None}
        inside |= {} if self.memory is None else {"memory": self.memory}
        return {"content_encoder": self.content_encoder, "semantic_gpt": self.semantic_gpt, **inside}

    @torch.no_grad()
    def recognise(self, wave: Tensor) -> Encoded:
        """Content and phone scores: (T,) -> Encoded(content (1, D, F50), log_probs (1, F50, V))."""
        return self.content_encoder(wave.reshape(1, 1, -1))

    def phone_scores(self, wave: Tensor) -> Tensor:
        """CTC log-probabilities of a wave: (T,) -> (F50, V)."""
        scores = self.recognise(wave).log_probs
        assert scores is not None, "this content encoder was not trained on phones"
        return scores[0]

    def hear(self, wave: Tensor) -> Tensor:
        """What is said, as codes: (T,) -> (1, F25)."""
        return self.sovits.quantizer.encode(self.recognise(wave).content)

    @torch.no_grad()
    def voice(self, waves: list[Tensor], verifications: list[Tensor] | None = None) -> Tensor:
        """Who speaks, from one or more recordings (T,) -> (1, G, 1).

        `verifications` are vectors of a verification network, for families that read them.
        """
        if verifications is not None:
            raise ConfigError("CONFIG_INCONSISTENT", "This family reads no verification vector", "none")
        return self.sovits.voice([self.analysis.voice(wave.reshape(1, 1, -1)) for wave in waves])

    @torch.no_grad()
    def remember(self, wave: Tensor, ids: Tensor, places: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """The prior's hidden frames (1, H, F) of a recording (T,), and how far its latents were from the expected ones
        (1, C, F).

        `ids` (1, P) are its phones, `places` (1, F25) say which of them each code speaks, `speaker` is (1, G, 1).
        """
        expected = self.sovits.decode(self.hear(wave), ids, speaker, 0.0, places=places)
        spec = fit_frames(self.analysis(wave.reshape(1, 1, -1)), expected.z.shape[-1])
        posterior, hidden = self.sovits.posterior, expected.prior.hidden
        assert posterior is not None and hidden is not None, "a family with a memory has both"
        return hidden, posterior(spec, None, speaker).mean - expected.z

    def recall(self, memory: Memory | None) -> Callable[[Tensor], Tensor] | None:
        """The rule by which `SoVITS.decode` corrects latents; None where there is nothing to remember."""
        return None if memory is None or self.memory is None else partial(self.memory, memory=memory)

    @torch.no_grad()
    def speak(
        self,
        codes: Tensor,
        phones: Phones,
        speaker: Tensor,
        noise_scale: float = 0.4,
        speed: float = 1.0,
        generator: torch.Generator | None = None,
        places: Tensor | None = None,
        memory: Memory | None = None,
    ) -> Tensor:
        """A wave from codes (1, F25), phones and a speaker vector (1, G, 1): -> (T,).

        `places` (1, F25) say which phone each code speaks, where that is known; `memory` is the voice's.
        """
        ids, recall = torch.tensor([phones.ids]), self.recall(memory)
        made = self.sovits.decode(
            codes, ids, speaker, noise_scale, speed, generator=generator, places=places, recall=recall
        )
        return made.vocoded.wave[0, 0]

    @torch.no_grad()
    def copy(self, wave: Tensor, speaker: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Copy synthesis, the posterior's latent spoken again: (T,) -> (T,)."""
        wave = wave.reshape(1, 1, -1)
        if self.sovits.pitch_predictor is None:
            return self.sovits.reconstruct(self.analysis(wave), speaker, generator).wave[0, 0]
        heard = [x[:, None] for x in track_pitch(wave[0], self.sample_rate)]
        spec = self.analysis(wave, *heard)
        log_f0, voicing = (fit_frames(x, spec.shape[-1] * self.sovits.vocoder.pitch_frames) for x in heard)
        return self.sovits.reconstruct(spec, speaker, generator, (log_f0, voicing)).wave[0, 0]
