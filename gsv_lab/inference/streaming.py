"""Speech while it is still being thought of: one sentence in pieces, joined without a seam.

SemanticGPT makes codes; whenever enough of them are new, the acoustic half decodes all codes so far, but only the last
frames of latent and wave. The newest frames are held back, for they have not heard what follows; with the next piece
they are made again, moved by a few samples to where they fit the old ones best, and faded in over them. Frames before
that are decoded once more only to give the convolutions something to stand on.
Letters: T samples, P phones, F25 codes, F50 latent frames, G speaker width. Batches of one, at natural speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from gsv_lab.extensions.residual_correction import Memory
from gsv_lab.inference.gpt_inputs import tell
from gsv_lab.inference.synthesizer import Prompt, Synthesizer
from gsv_lab.nn.decoding import steps
from gsv_lab.nn.interfaces import Chunk
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.sovits import SoVITS
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
        if self.tail is None:
            made = wave[begin:end]
        else:
            size = min(self.tail.numel(), wave.numel() - begin)
            start = begin + self._shift(wave, begin, size)
            rising = 0.5 - 0.5 * torch.cos(torch.linspace(0, torch.pi, size + 2, device=wave.device)[1:-1])
            mixed = self.tail[:size] * (1 - rising) + wave[start : start + size] * rising
            made = torch.cat((mixed, wave[start + size : max(end, start + size)]))
        self.tail = wave[end : end + self.fade]
        return made

    def _shift(self, wave: Tensor, begin: int, size: int) -> int:
        """Samples by which the rendition fits the tail best, by normalised correlation; ties stay where they are."""
        assert self.tail is not None
        low, high = max(0, begin - self.search), min(wave.numel() - size, begin + self.search)
        if high <= low:
            return 0
        windows = wave[low : high + size].unfold(0, size, 1)
        likeness = windows @ self.tail[:size] / windows.square().sum(1).clamp(min=1e-9).sqrt()
        best = int(likeness.argmax())
        return best + low - begin if float(likeness[best]) > float(likeness[begin - low]) + 1e-6 else 0


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
        recall: see `SoVITS.decode`.
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
        recall: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.sovits, self.phones, self.speaker, self.recall = sovits, phones, speaker, recall
        self.noise_scale, self.generator = noise_scale, generator
        self.hold, self.lead, self.done = hold, lead, 0
        hop = sovits.vocoder.hop_length
        # Half a period of a low voice either way.
        self.joiner = Joiner(min(fade, hold) * hop, round(float(sovits.vocoder.sample_rate) * 0.008))
        self.noise = speaker.new_zeros(1, sovits.prior.latent_dim, 0)

    def add(self, codes: Tensor, places: Tensor | None = None, final: bool = False) -> Tensor:
        """Samples that all codes so far (1, F25) allow to give out; all the rest if `final`.

        `places` (1, F25) say which phone each code speaks, where that is known.
        """
        hop, frames = self.sovits.vocoder.hop_length, codes.shape[-1] * self.sovits.quantizer.hop
        end = frames if final else max(self.done, frames - self.hold)
        if end <= self.done and not final:
            return self.speaker.new_zeros(0)
        start = max(0, self.done - self.lead)
        fresh = (1, self.noise.shape[1], frames - self.noise.shape[-1])
        drawn = torch.randn(fresh, generator=self.generator)
        self.noise = torch.cat((self.noise, drawn.to(self.noise)), dim=-1)
        made = self.sovits.decode(
            codes, self.phones, self.speaker, self.noise_scale, chunk=Chunk(keep_last=frames - start),
            noise=self.noise[..., start:], generator=self.generator, places=places, recall=self.recall,
        )  # fmt: skip
        wave = made.vocoded.wave[0, 0]
        piece = self.joiner.add(wave, (self.done - start) * hop, (end - start) * hop)
        self.done = end
        return piece


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
    memory: Memory | None = None,
) -> Iterator[Piece]:
    """Say one sentence in pieces, each as soon as its codes are known.

    The codes are those of `predict_many` with the same generator, however they are cut; the sound draws from a
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
        first: codes of the first piece; fewer are heard sooner and know less of what follows.
        memory: the voice's.
    """
    gpt = synthesizer.semantic_gpt
    told = tell(synthesizer.context_encoder, phones, prompt, gpt.pointer is not None)
    sound = None if generator is None else torch.Generator().manual_seed(generator.initial_seed())
    ids, recall = torch.tensor([phones.ids]), synthesizer.recall(memory)
    decoder = ChunkDecoder(synthesizer.sovits, ids, speaker, noise_scale, sound, recall=recall)
    made: list[int] = []
    spoken: list[int] = []
    sent, reason = 0, "max_new"

    def piece(final: bool) -> Piece:
        places = torch.tensor([spoken], dtype=torch.int64) if spoken else None
        wave = decoder.add(torch.tensor([made], dtype=torch.int64), places, final)
        return Piece(wave, torch.tensor(made[sent:], dtype=torch.int64), reason if final else "")

    for step in steps(
        gpt, told.ids, told.context, told.codes, places=told.places, sampling=sampling, generator=generator
    ):
        reason = step.ended[0] or reason
        if step.ended[0] in (None, "max_new"):
            made.append(int(step.codes[0]))
            spoken += [] if step.places is None else [max(0, int(step.places[0]) - told.before)]
        # One code more than needed must be known, lest the last piece be an empty one.
        if step.ended[0] is None and len(made) - sent > (chunk if sent else first):
            found = piece(False)
            if found.wave.numel():
                yield found
                sent = len(made)
    if made:
        yield piece(True)
