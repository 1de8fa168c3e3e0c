"""Context features."""

from __future__ import annotations

import pytest
import torch

from gsv_lab.nn.interfaces import ContextEncoder
from gsv_lab.text import Phones, phonemize
from gsv_lab.text.context import CHANNELS, LexicalContext, per_phone


@pytest.fixture(scope="module")
def encoder() -> LexicalContext:
    return LexicalContext()


def channel(x: torch.Tensor, name: str) -> list[float]:
    return x[CHANNELS.index(name)].tolist()


def test_role_and_shape(encoder: LexicalContext) -> None:
    phones = phonemize("Is it [emph]new[/emph]? Yes.")
    x = encoder(phones)
    assert isinstance(encoder, ContextEncoder) and encoder.dim == len(CHANNELS) == len(set(CHANNELS))
    assert x.shape == (encoder.dim, len(phones)) and x.dtype == torch.float32
    assert 0 <= float(x.min()) and float(x.max()) <= 1
    assert not list(encoder.parameters())


def test_every_channel_is_used(encoder: LexicalContext) -> None:
    text = "The [emph]quick[/emph] fox, and he would not go to London with 3 overcoats? 没，妈妈马上骂她！ Record it."
    x = encoder(phonemize(text))
    unused = [name for name, row in zip(CHANNELS, x, strict=True) if not bool(row.any())]
    assert not unused


def test_words_and_phrases(encoder: LexicalContext) -> None:
    phones = phonemize("Hi there, you.")  # HH AY | DH EH R | , | Y UW | .
    x = encoder(phones)
    assert channel(x, "word_begin") == [1, 0, 1, 0, 0, 0, 1, 0, 0]
    assert channel(x, "word_end") == [0, 1, 0, 0, 1, 0, 0, 1, 0]
    assert channel(x, "mark") == [0, 0, 0, 0, 0, 1, 0, 0, 1]
    assert channel(x, "phrase_begin") == [1, 1, 0, 0, 0, 0, 1, 1, 0]
    assert channel(x, "phrase_end") == [0, 0, 1, 1, 1, 0, 1, 1, 0]
    assert channel(x, "sentence_end") == [0, 0, 0, 0, 0, 0, 1, 1, 0]
    assert channel(x, "to_next_mark") == pytest.approx([0.25, 0.2, 0.15, 0.1, 0.05, 0, 0.1, 0.05, 0])
    assert channel(x, "from_last_mark") == pytest.approx([0.05, 0.1, 0.15, 0.2, 0.25, 0, 0.05, 0.1, 0])


def test_question_belongs_to_its_sentence(encoder: LexicalContext) -> None:
    phones = phonemize("Go? Go. Go!")  # G OW mark, three times
    x = encoder(phones)
    assert channel(x, "question") == [1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert channel(x, "exclamation") == [0, 0, 0, 0, 0, 0, 1, 1, 1]
    assert channel(x, "sentence_position") == [0, 0.5, 1] * 3


def test_emphasis_stress_and_tone(encoder: LexicalContext) -> None:
    x = encoder(phonemize("a [emph]mango[/emph] 马"))
    assert channel(x, "emphasis") == [0, 1, 1, 1, 1, 1, 0, 0]
    assert channel(x, "stress_primary") == [0, 0, 1, 0, 0, 0, 0, 0]
    assert channel(x, "tone_3") == [0, 0, 0, 0, 0, 0, 0, 1]
    assert channel(x, "mandarin") == [0, 0, 0, 0, 0, 0, 1, 1]
    assert channel(encoder(phonemize("也 E")), "tone_3")[1] == 1  # the final E is Mandarin, no ARPAbet vowel


def test_emphasis_changes_nothing_else(encoder: LexicalContext) -> None:
    with_mark, without = encoder(phonemize("a [emph]big[/emph] dog.")), encoder(phonemize("a big dog."))
    different = {CHANNELS[i] for i in (with_mark != without).any(1).nonzero().flatten().tolist()}
    assert different == {"emphasis"}


def test_sum_of_texts_is_side_by_side(encoder: LexicalContext) -> None:
    a, b = phonemize("Is it new? Yes"), phonemize("行长来了吗？")
    assert torch.equal(encoder(a + b), torch.cat([encoder(a), encoder(b)], dim=1))


def test_batches_are_padded_with_zeros(encoder: LexicalContext) -> None:
    a, b = phonemize("One."), phonemize("One and two.")
    x = encoder([a, b])
    assert x.shape == (2, encoder.dim, len(b))
    assert torch.equal(x[0, :, : len(a)], encoder(a)) and not bool(x[0, :, len(a) :].any())


def test_tap(encoder: LexicalContext) -> None:
    encoder.features.observe(lambda value: value + 1)
    louder = encoder(phonemize("Hi."))
    encoder.features.observe(None)
    assert torch.equal(louder, encoder(phonemize("Hi.")) + 1)


def test_phones_without_words_are_refused(encoder: LexicalContext) -> None:
    with pytest.raises(ValueError, match="no words"):
        encoder(Phones("", "en", ("AH0",), (1,)))
    for wrong in ("text", [], ["text"]):
        with pytest.raises(TypeError, match="Phones or a list"):
            encoder(wrong)


def test_hidden_states_are_repeated_for_phones() -> None:
    phones = phonemize("你好, go")
    hidden = torch.arange(4.0)[None]
    assert per_phone(hidden, phones).tolist() == [[0, 0, 1, 1, 2, 3, 3]]
    with pytest.raises(ValueError, match="3 hidden states for 4 units"):
        per_phone(hidden[:, :3], phones)
