"""How an unknown English word is said: letters in, phones with stress out, aligned by CTC.

letters (B, L) -> letter states (B, D, L) -> three steps a letter (B, 2W, 3L) -> log-probabilities (B, V, 3L)

A letter makes between no phone ("e" in "made") and three ("x" in "Xavier"), and CTC wants at least as many steps as
phones: hence three steps a letter. Two bidirectional recurrences see the whole word. Letters: B batch, L letters,
D embedding width, W state width, V classes (index 0 is the CTC blank). Does not know the alphabet, dictionaries or
training.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gsv_lab.hooks.tap import Component, Tap


class LetterToSound(Component):
    """Two bidirectional GRUs with an upsampling by three between them.

    letters (B, L) int64 -> log-probabilities (B, V, 3L)

    All words of a batch have the same number of letters, so that no padding disturbs the backward direction.

    Source: letters to phones by CTC over upsampled letters: Rao et al. 2015 (ICASSP), section 3.3; CTC: Graves et al.
    2006, eqs. 5-8.

    Args:
        n_letters: size of the alphabet; index 0 is never used by a letter.
        n_phones: classes V, the blank included.
        dim: embedding width D.
        width: state width W of each direction.
        steps: steps a letter.
        dropout: share dropped in training.
    """

    letters = Tap("batch dim letter", meaning="states of the letters in their word")
    steps_in = Tap("batch dim step", meaning="letter states, three steps a letter")
    scores = Tap("batch phone step", unit="log probability", meaning="phones by step; the first row is the blank")

    def __init__(
        self, n_letters: int = 27, n_phones: int = 70, dim: int = 48, width: int = 72, steps: int = 3, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.steps = steps
        self.embedding = nn.Embedding(n_letters, dim)
        self.read = nn.GRU(dim, width, batch_first=True, bidirectional=True)
        self.phase = nn.Parameter(torch.zeros(steps, 2 * width))
        self.say = nn.GRU(2 * width, width, batch_first=True, bidirectional=True)
        self.classify = nn.Linear(2 * width, n_phones)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.phase, std=0.5)

    def forward(self, letters: Tensor) -> Tensor:
        """See the class."""
        states, _ = self.read(self.dropout(self.embedding(letters)))
        states = self.letters(states.transpose(1, 2)).transpose(1, 2)
        batch, count, width = states.shape
        spread = (states[:, :, None] + self.phase).reshape(batch, count * self.steps, width)
        spread = self.steps_in(spread.transpose(1, 2)).transpose(1, 2)
        said, _ = self.say(self.dropout(spread))
        return self.scores(self.classify(self.dropout(said)).log_softmax(-1).transpose(1, 2))
