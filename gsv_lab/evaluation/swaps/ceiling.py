"""The best that a swap of speaker vectors can measure: the synthetic corpus itself says A's scripts with B's voice.

What is missing from 1 here is the error of the measure, not of any model.
Letters: T samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gsv_lab.corpora.synthetic import Speaker, SyntheticCorpus
from gsv_lab.evaluation.acoustic import Acoustic, PhoneEvaluator
from gsv_lab.evaluation.probes.material import SpokenClip, synthetic_clips


class Rendering(Acoustic):
    """A model that makes no mistakes on one corpus.

    Its codes are the number of a clip, its vectors the factors of a voice, and it says any script in any voice as the
    corpus would.

    Args:
        corpus: of known factors.
        evaluator: counts phone errors, see `Acoustic`.
        share: how much of the way from a clip's own voice to the one asked for it goes; 1 is all of it.
    """

    def __init__(self, corpus: SyntheticCorpus, evaluator: PhoneEvaluator, share: float = 1.0) -> None:
        self.corpus = corpus
        self.evaluator = evaluator
        self.share = share
        self.sample_rate = corpus.sample_rate
        self.clips = synthetic_clips(corpus)

    def _number(self, wave: Tensor) -> int:
        return next(number for number, clip in enumerate(self.clips) if clip.wave is wave)

    def encode(self, wave: Tensor) -> Tensor:
        """The number of one of its own clips: (T,) -> (1, 1)."""
        return torch.tensor([[self._number(wave)]])

    def voice(self, waves: Sequence[Tensor]) -> Tensor:
        """Logarithms of pitch, tract length and breath of whoever speaks: -> (1, 3, 1)."""
        speaker = self.corpus[self._number(waves[0])].speaker
        factors = torch.tensor([speaker.pitch, speaker.tract, speaker.breath])
        return factors.log().reshape(1, 3, 1)

    def speak(
        self,
        codes: Tensor,
        clip: SpokenClip,
        speaker: Tensor,
        noise_scale: float = 0.0,
        seed: int = 0,
    ) -> Tensor:
        """The script of a clip by another voice: -> (T,)."""
        number = int(codes)
        own = self.voice([self.clips[number].wave])
        factors = (own + self.share * (speaker - own)).exp()
        pitch, tract, breath = factors.flatten().tolist()
        made = self.corpus.render(number, Speaker("asked for", pitch, tract, breath))
        return torch.from_numpy(made.wave)
