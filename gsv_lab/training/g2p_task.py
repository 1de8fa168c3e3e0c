"""Training of letter-to-sound on the pronouncing dictionary.

Letters: B batch, L letters, V classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.audio.alignment import phone_errors
from gsv_lab.corpora.letter_data import LetterBatch
from gsv_lab.extensions.letter_to_sound import LetterToSound
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat
from gsv_lab.text import letters
from gsv_lab.training import small_views
from gsv_lab.training.log_writer import LogWriter
from gsv_lab.training.task import Task


class G2PTask(Task):
    """Losses by name: `ctc` (nat per phone; Graves et al. 2006, eq. 12).

    Validation on held-out words: `valid/phone_error` and `valid/word_error`, both against the nearest reading that the
    dictionary lists, stress included.

    Args:
        letter_to_sound: the network.
        weights, learning_rate, warm_up, weight_decay, gradient_clip: see `Task`.
    """

    tags = small_views.G2P_TAGS

    def __init__(
        self,
        letter_to_sound: LetterToSound,
        weights: Mapping[str, NonNegativeFloat] | None = None,
        learning_rate: PositiveFloat = 3e-3,
        warm_up: NonNegativeInt = 200,
        weight_decay: NonNegativeFloat = 0.01,
        gradient_clip: NonNegativeFloat = 5.0,
    ) -> None:
        super().__init__(weights, learning_rate, warm_up, weight_decay, gradient_clip)
        self.letter_to_sound = letter_to_sound

    def components(self) -> dict[str, nn.Module]:
        """The network."""
        return {"letter_to_sound": self.letter_to_sound}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return self.optimizer_for(self.letter_to_sound)

    def losses(self, batch: LetterBatch) -> tuple[dict[str, Tensor], Tensor]:
        """Unweighted losses and the log-probabilities (B, V, 3L)."""
        scores = self.letter_to_sound(batch.letters).float()
        steps = torch.full_like(batch.lengths, scores.shape[2])
        ctc = functional.ctc_loss(
            scores.permute(2, 0, 1), batch.phones, steps, batch.lengths, zero_infinity=True, reduction="none"
        )
        return {"ctc": (ctc / batch.lengths).mean()}, scores

    def training_loss(self, batch: LetterBatch) -> Tensor:
        """One batch."""
        return self.total(self.losses(batch)[0])

    def validation_step(self, batch: LetterBatch, batch_idx: int) -> None:
        """Error rates of the greedy reading."""
        losses, scores = self.losses(batch)
        self.log("valid/ctc", losses["ctc"], on_epoch=True, batch_size=len(batch.words))
        wrong_phones = phones = wrong_words = 0
        for word, reading in zip(batch.words, letters.greedy(scores), strict=True):
            errors = []
            for target in letters.targets(word):
                listed = [letters.PHONES[k] for k in target]
                errors.append((phone_errors(listed, reading), len(listed)))
            n_wrong, n_phones = min(errors)
            wrong_phones += n_wrong
            phones += n_phones
            wrong_words += n_wrong > 0
        self.log("valid/phone_error", wrong_phones / phones, on_epoch=True, batch_size=phones)
        self.log("valid/word_error", wrong_words / len(batch.words), on_epoch=True, batch_size=len(batch.words))

    def view_batch(self, batch: LetterBatch, items: int) -> LetterBatch:
        """All of it: its readings stand one after the other."""
        return batch

    def log_views(self, batch: LetterBatch, log: LogWriter) -> None:
        """See `tags`."""
        small_views.letter_to_sound(self, batch, log)
