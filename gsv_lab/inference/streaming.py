"""Speech while its codes are still being made: one sentence in pieces, joined without a seam.

SemanticGPT makes codes; whenever enough of them are new, the acoustic half decodes all codes so far, but only the last
frames of latent and wave. The newest frames are held back, because what follows changes them; with the next piece they
are made again, moved by a few samples to where they fit the old ones best, and faded in over them. Frames before that
are decoded once more only to give the convolutions their context.
Letters: T samples, P phones, F25 codes, F50 latent frames, G speaker width. Batches of one, at natural speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from gsv_lab.extensions.residual_correction import Residuals
from gsv_lab.inference.batching import batch_inputs
from gsv_lab.inference.prompting import prompted_text
from gsv_lab.inference.synthesizer import Prompt, Synthesizer, to_cpu
from gsv_lab.nn.decoding import Step, counts, steps
from gsv_lab.nn.interfaces import StreamChunk
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.sovits import Correction, SoVITS
from gsv_lab.text import Phones


class Piece(NamedTuple):
    """Some of a sentence: `wave` (T,), the `codes` (F25,) made since the piece before, and why decoding ended, in the
    last one (else empty).
    """

    wave: Tensor
    codes: Tensor
    reason: str


class Joiner:
    """Renditions of neighbouring stretches to one signal.

    Source: the search is WSOLA's, Verhelst and Roelands 1993 (ICASSP), without its change of tempo.

    Args:
        fade: samples of a cross-fade.
        search: samples by which a rendition may be moved, either way.
    """

    def __init__(self, fade: int, search: int) -> None:
        self.fade, self.search = fade, search
        self.tail: Tensor | None = None

    def add(self, wave: Tensor, begin: int, end: int) -> Tensor:
        """The next stretch of the signal.

        Args:
            wave: a rendition (T,) that begins before the signal's end and reaches beyond `end`.
            begin: sample of `wave` at which the signal has ended so far.
            end: sample of `wave` up to which it goes on now; the `fade` samples behind are kept for the next joint.
        """
        made = wave[begin:end] if self.tail is None else self._joined(self.tail, wave, begin, end)
        self.tail = wave[end : end + self.fade]
        return made

    def _joined(self, tail: Tensor, wave: Tensor, begin: int, end: int) -> Tensor:
        size = min(tail.numel(), wave.numel() - begin)
        start = begin + self._shift(tail[:size], wave, begin)
        angle = torch.linspace(0, torch.pi, size + 2, device=wave.device)[1:-1]
        rising = 0.5 - 0.5 * torch.cos(angle)
        mixed = tail[:size] * (1 - rising) + wave[start : start + size] * rising
        rest = wave[start + size : max(end, start + size)]
        return torch.cat((mixed, rest))

    def _shift(self, tail: Tensor, wave: Tensor, begin: int) -> int:
        """Samples by which the rendition fits the tail best, by normalised correlation; ties stay where they are."""
        size = tail.numel()
        low = max(0, begin - self.search)
        high = min(wave.numel() - size, begin + self.search)
        if high <= low:
            return 0
        windows = wave[low : high + size].unfold(0, size, 1)
        power = windows.square().sum(1).clamp(min=1e-9)
        likeness = windows @ tail / power.sqrt()
        best = int(likeness.argmax())
        if float(likeness[best]) > float(likeness[begin - low]) + 1e-6:
            return best + low - begin
        return 0


class ChunkDecoder:
    """Growing codes to a growing wave.

    codes so far (1, F25) -> the samples that are new

    Args:
        sovits: the acoustic half.
        phones: ids (1, P).
        speaker: (1, G, 1).
        noise_scale: see `SoVITS.decode`.
        generator: source of randomness.
        hold: latent frames held back until more is known.
        fade: latent frames of a cross-fade, at most `hold`.
        lead: latent frames decoded once more before them.
        correction: see `SoVITS.decode`.
    """

    def __init__(
        self,
        sovits: SoVITS,
        phones: Tensor,
        speaker: Tensor,
        noise_scale: float = 0.5,
        generator: torch.Generator | None = None,
        hold: int = 4,
        fade: int = 2,
        lead: int = 16,
        correction: Correction | None = None,
    ) -> None:
        self.sovits = sovits
        self.phones = phones
        self.speaker = speaker
        self.noise_scale = noise_scale
        self.generator = generator
        self.hold = hold
        self.lead = lead
        self.correction = correction
        self.done = 0
        hop = sovits.vocoder.hop_length
        # Half a period of a low voice either way.
        search = round(float(sovits.vocoder.sample_rate) * 0.008)
        self.joiner = Joiner(min(fade, hold) * hop, search)
        self.noise = speaker.new_zeros(1, sovits.prior.latent_dim, 0)

    def add(self, codes: Tensor, phone_index: Tensor | None = None, final: bool = False) -> Tensor:
        """Samples that all codes so far (1, F25) allow to give out; all the rest if `final`.

        `phone_index` (1, F25) says which phone each code speaks, where that is known.
        """
        hop = self.sovits.vocoder.hop_length
        frames = codes.shape[-1] * self.sovits.quantizer.hop
        end = frames if final else max(self.done, frames - self.hold)
        if end <= self.done and not final:
            return self.speaker.new_zeros(0)
        start = max(0, self.done - self.lead)
        self._extend_noise(frames)
        made = self.sovits.decode(
            codes,
            self.phones,
            self.speaker,
            self.noise_scale,
            chunk=StreamChunk(keep_last=frames - start),
            noise=self.noise[..., start:],
            generator=self.generator,
            phone_index=phone_index,
            correction=self.correction,
        )
        wave = made.vocoded.wave[0, 0]
        piece = self.joiner.add(wave, (self.done - start) * hop, (end - start) * hop)
        self.done = end
        return piece

    def _extend_noise(self, frames: int) -> None:
        # Noise belongs to its frame, so that a frame that is made again sounds the same.
        missing = frames - self.noise.shape[-1]
        drawn = torch.randn((1, self.noise.shape[1], missing), generator=self.generator)
        self.noise = torch.cat((self.noise, drawn.to(self.noise)), dim=-1)


@torch.no_grad()
def stream_sentence(
    synthesizer: Synthesizer,
    phones: Phones,
    speaker: Tensor,
    prompt: Prompt | None = None,
    *,
    sampling: Sampling | None = None,
    noise_scale: float = 0.5,
    generator: torch.Generator | None = None,
    chunk: int = 25,
    first: int = 12,
    residuals: Residuals | None = None,
) -> Iterator[Piece]:
    """Say one sentence in pieces, each as soon as its codes are known.

    The codes are those of `predict_codes` with the same generator, however they are cut; the sound draws from a
    generator of its own.

    Args:
        synthesizer: of any family.
        phones: what to say.
        speaker: (1, G, 1).
        prompt: the reference.
        sampling: the rule.
        noise_scale: see `SoVITS.decode`.
        generator: source of randomness; the sound's starts from its seed.
        chunk: new codes for a piece; 25 are a second.
        first: codes of the first piece; fewer come sooner and with less of what follows.
        residuals: the voice's.
    """
    sampling = sampling or Sampling()
    row = prompted_text(synthesizer, phones, prompt, speaker)
    sound = None
    if generator is not None:
        sound = torch.Generator().manual_seed(generator.initial_seed())
    decoder = ChunkDecoder(
        synthesizer.sovits,
        torch.tensor([phones.ids], device=synthesizer.device),
        speaker.to(synthesizer.device),
        noise_scale,
        sound,
        correction=synthesizer.correction(residuals),
    )
    made: list[int] = []
    spoken: list[int] = []
    sent, reason = 0, "max_new"

    def piece(final: bool) -> Piece:
        device = synthesizer.device
        phone_index = torch.tensor([spoken], dtype=torch.int64, device=device) if spoken else None
        with synthesizer.arithmetic():
            wave = decoder.add(torch.tensor([made], dtype=torch.int64, device=device), phone_index, final)
        return Piece(to_cpu(wave), torch.tensor(made[sent:], dtype=torch.int64), reason if final else "")

    inputs = batch_inputs([row], synthesizer.device)
    for step in _calculated(steps(synthesizer.semantic_gpt, inputs, sampling, generator), synthesizer):
        ended = step.ended[0]
        reason = ended or reason
        if counts(ended, sampling):
            made.append(int(step.codes[0]))
            if step.phone_index is not None:
                spoken.append(max(0, int(step.phone_index[0]) - row.before))
        # One code more than needed must be known, lest the last piece be an empty one.
        if ended is None and len(made) - sent > (chunk if sent else first):
            found = piece(False)
            if found.wave.numel():
                yield found
                sent = len(made)
    if made:
        yield piece(True)


def _calculated(running: Iterator[Step], synthesizer: Synthesizer) -> Iterator[Step]:
    """Each step in the synthesizer's arithmetic, which ends before the step is handed out."""
    while True:
        with synthesizer.arithmetic():
            step = next(running, None)
        if step is None:
            return
        yield step
