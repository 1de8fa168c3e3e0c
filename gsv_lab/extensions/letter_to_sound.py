"""How an unknown English word is pronounced: letters in, phones with stress out, aligned by CTC.

letters (B, L) -> letter states (B, 2W, L) -> three steps a letter, log-probabilities (B, V, 3L)

A letter makes between no phone ("e" in "made") and three ("x" in "Xavier"), and CTC wants at least as many steps as
phones: hence three steps a letter, each read off the letter's state by a linear layer of its own. Two bidirectional
recurrences see the whole word.
Letters: B batch, L letters, D embedding width, W state width, V classes (index 0 is the CTC blank).
"""

from __future__ import annotations

from torch import Tensor, nn

from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.system.ranges import ClosedUnitInterval, PositiveInt


class LetterToSound(Component):
    """Two bidirectional GRUs over letters; each letter's state is read off as three steps.

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
    scores = Tap("batch phone step", unit="log probability", meaning="phones, three steps a letter; row 0 is the blank")

    def __init__(
        self,
        n_letters: PositiveInt = 27,
        n_phones: PositiveInt = 70,
        dim: PositiveInt = 48,
        width: PositiveInt = 72,
        steps: PositiveInt = 3,
        dropout: ClosedUnitInterval = 0.1,
    ) -> None:
        super().__init__()
        self.steps = steps
        self.n_phones = n_phones
        self.embedding = nn.Embedding(n_letters, dim)
        self.read = nn.GRU(dim, width, 2, batch_first=True, bidirectional=True, dropout=dropout)
        self.classify = nn.Linear(2 * width, steps * n_phones)
        self.dropout = nn.Dropout(dropout)

    def forward(self, letters: Tensor) -> Tensor:
        """See the class."""
        embedded = self.dropout(self.embedding(letters))
        states, _ = self.read(embedded)
        states = self.letters(states.transpose(1, 2)).transpose(1, 2)
        scores = self.classify(self.dropout(states))
        by_step = scores.reshape(len(letters), -1, self.n_phones)
        log_p = by_step.log_softmax(-1)
        return self.scores(log_p.transpose(1, 2))
