"""Places for pauses among phones."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from gsv_lab.text import Phones, phonemize
from gsv_lab.text.context import LexicalContext
from gsv_lab.text.pauses import PAUSE, is_pause, with_pauses


def spelled(phones: Phones) -> str:
    return " ".join(phones.symbols)


def test_a_place_behind_every_word_that_no_mark_follows() -> None:
    """One more at the beginning, and none beside a mark."""
    phones = phonemize("Go now, my friend.", "en")
    assert spelled(phones) == "G OW1 N AW1 , M AY1 F R EH1 N D ."
    made = with_pauses(phones)
    assert spelled(made) == "SP G OW1 SP N AW1 , M AY1 SP F R EH1 N D ."
    assert made.word2phones == (1, 2, 1, 2, 1, 2, 1, 5, 1)
    assert (made.text, made.language, made.warnings) == (phones.text, phones.language, phones.warnings)


@pytest.mark.parametrize("text", ["we walk home now", "今天天气很好,我们走吧", "Hello, 世界 and you"])
def test_what_is_said_stays(text: str) -> None:
    phones = phonemize(text)
    made = with_pauses(phones)
    assert [s for s in made.symbols if s != PAUSE] == list(phones.symbols)
    assert [word for word in made.words if not is_pause(word)] == list(phones.words)
    # A pause stands neither beside another one nor beside a mark.
    assert all(before.language or after.language for before, after in pairwise(made.words))
    assert is_pause(made.words[0]) and is_pause(made.words[-1])
    assert with_pauses(made) == made
    assert Phones.from_dict(made.to_dict()) == made


def test_context_of_the_other_phones_stays() -> None:
    """Pauses have features of their own, all zero, and change none of the others."""
    phones = phonemize("Is it [emph]new[/emph]? 我们走吧, yes")
    made = with_pauses(phones)
    encoder = LexicalContext()
    pauses = torch.tensor([name == PAUSE for name in made.symbols])
    assert torch.equal(encoder(made)[:, ~pauses], encoder(phones))
    assert pauses.any() and not encoder(made)[:, pauses].any()


def test_phones_without_words_are_refused() -> None:
    with pytest.raises(ValueError, match="no words"):
        with_pauses(Phones("", "en", ("AY1",), (1,)))
