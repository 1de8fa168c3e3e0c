"""The best that a swap of speaker vectors can measure: the synthetic corpus itself says A's scripts with B's voice.

A measure is judged before a model is judged by it. Whatever is missing from 1 here is the ruler's own error, and no
model can be blamed for it. Letters: T samples, F codes. The file knows the corpus, and no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gsv_lab.corpora.synthetic import Speaker, SyntheticCorpus
from gsv_lab.evaluation.probes_material import Acoustic, SpokenClip, synthetic_clips


class Rendering(Acoustic):
    """A model that makes no mistakes on one corpus: its codes are the number of a clip, its vectors the factors of a
    voice, and it says any script in any voice as the corpus would.

    Args:
        corpus: of known factors.
        judge: counts phone errors, see `Acoustic`.
        share: how much of the way from a clip's own voice to the one asked for it goes; 1 is all of it.
    """

    def __init__(self, corpus: SyntheticCorpus, judge: Any, share: float = 1.0) -> None:
        self.corpus, self.judge, self.share = corpus, judge, share
        self.sample_rate = corpus.sample_rate
        self.clips = synthetic_clips(corpus)

    def _number(self, wave: Tensor) -> int:
        return next(number for number, clip in enumerate(self.clips) if clip.wave is wave)

    def hear(self, wave: Tensor) -> Tensor:
        """The number of one of its own clips: (T,) -> (1, 1)."""
        return torch.tensor([[self._number(wave)]])

    def voice(self, waves: Sequence[Tensor]) -> Tensor:
        """Logarithms of pitch, tract length and breath of whoever speaks: -> (1, 3, 1)."""
        voice = self.corpus[self._number(waves[0])].speaker
        return torch.tensor([voice.pitch, voice.tract, voice.breath]).log().reshape(1, 3, 1)

    def say(self, codes: Tensor, clip: SpokenClip, speaker: Tensor, noise_scale: float = 0.0, seed: int = 0) -> Tensor:
        """The script of a clip by another voice: -> (T,)."""
        own = self.voice([self.clips[int(codes)].wave])
        pitch, tract, breath = (own + self.share * (speaker - own)).exp().flatten().tolist()
        return torch.from_numpy(self.corpus.render(int(codes), Speaker("asked for", pitch, tract, breath)).wave)
