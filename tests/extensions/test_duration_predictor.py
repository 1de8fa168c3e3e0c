"""Durations of phones, the plan that is made of them, and the SemanticGPT that keeps to it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from gsv_lab.extensions.duration_predictor import (
    EVIDENCE,
    LONGER,
    SILENT,
    SLOWEST,
    DurationPredictor,
    Durations,
    PlannedSemanticGPT,
    duration_losses,
    longer_pauses,
    planned_path,
    spoken_durations,
    tempo,
)
from gsv_lab.hooks import probe, zero
from gsv_lab.nn.decoding import Inputs, generate
from gsv_lab.nn.sampling import Sampling
from gsv_lab.text.pauses import PAUSE
from gsv_lab.text.symbols import PUNCTUATION, SYMBOL_ID

N_PHONES, N_CODES = 14, 12
FIRST = 5
"""First phone that makes a sound; in what follows phones are counted from it, and marks are below zero."""


def planned(**options: Any) -> PlannedSemanticGPT:
    torch.manual_seed(0)
    predictor = DurationPredictor(N_PHONES, 3, width=8, layers=2, kernel=3, dropout=0.0)
    sizes = {"dim": 16, "n_heads": 2, "n_layers": 2, "ffn_dim": 16, "dropout": 0.0, "max_advance": 4}
    return PlannedSemanticGPT(
        predictor, n_phones=N_PHONES, n_codes=N_CODES, context_dim=3, **{**sizes, **options}
    ).eval()


def lasting(
    gpt: PlannedSemanticGPT, codes: list[float], marks: tuple[float, ...] = (0.0,) * FIRST, rarely: int = 0
) -> PlannedSemanticGPT:
    """Every phone lasts as its number says: phone 1 `codes[1]` codes; 0 is a phone that is left out.

    So do `marks`; phone `rarely`, if it is not 0, is there in one of three texts.
    """
    table = torch.tensor([*marks, *codes])

    def found(phones: Tensor, context: Tensor | None = None, mask: Tensor | None = None) -> Durations:
        wanted = table[phones]
        there = torch.where(wanted > 0, 20.0, -20.0)
        if rarely:
            there = torch.where(phones == FIRST + rarely, torch.tensor(1 / 3).logit(), there)
        return Durations(wanted.clamp(min=0.1).log(), there)

    gpt.duration_predictor.forward = found  # type: ignore[method-assign]
    return gpt


def decode(gpt: PlannedSemanticGPT, texts: list[list[int]], **more: Any) -> Any:
    context = [torch.zeros(3, len(text)) for text in texts]
    inputs = Inputs([torch.tensor(text) + FIRST for text in texts], context, **more)
    return generate(gpt, inputs, Sampling(min_new=0, max_new=60), torch.Generator().manual_seed(0))


def test_spoken_durations_count_codes() -> None:
    """Silence inside a word goes to the phone before it, padding to none."""
    positions = torch.tensor([[0, 0, -1, 1, 3, 3], [0, 2, 2, 2, -1, -1]])
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])[:, None].bool()
    assert spoken_durations(positions, mask, 5).tolist() == [[3, 1, 0, 2, 0], [1, 0, 3, 0, 0]]


def test_planned_path_keeps_the_sum() -> None:
    """Fractions of codes add up over phones, and phones without a length are passed over."""
    assert planned_path(torch.tensor([1.0, 2.0, 0.0, 3.0])).tolist() == [0, 1, 1, 3, 3, 3]
    fractions = planned_path(torch.full((40,), 1.4))
    assert len(fractions) == 56 and torch.bincount(fractions).min() == 1 and torch.bincount(fractions).max() == 2
    assert planned_path(torch.tensor([0.0, 0.2])).tolist() == [1]


def test_a_code_speaks_what_sounds_in_its_middle() -> None:
    assert planned_path(torch.tensor([0.4, 1.6])).tolist() == [1, 1]
    assert planned_path(torch.tensor([0.6, 1.4])).tolist() == [0, 1]


def test_tempo_of_a_prompt() -> None:
    """A long prompt sets its own tempo, up to a bound; a short one, which may be chance, hardly any."""
    assert tempo(torch.tensor([2000.0, 3000.0]), torch.tensor([3000, 3000])) == pytest.approx(1.2, abs=1e-3)
    assert tempo(torch.tensor([2.0, 3.0]), torch.tensor([3, 3])) == pytest.approx(1 + 1 / (5 + EVIDENCE))
    assert tempo(torch.tensor([100.0]), torch.tensor([900])) == SLOWEST
    assert tempo(torch.tensor([900.0]), torch.tensor([100])) == 1 / SLOWEST
    assert tempo(torch.zeros(0), torch.zeros(0)) == 1


def test_pauses_take_the_time_of_those_that_are_left_out() -> None:
    assert longer_pauses(torch.tensor([4.0, 1.0, 1.0]), torch.tensor([5.0, 0.0, 0.0])) == pytest.approx(1.2)
    assert longer_pauses(torch.tensor([4.0, 9.0]), torch.tensor([5.0, 0.0])) == LONGER
    assert longer_pauses(torch.tensor([4.0]), torch.tensor([5.0])) == 1
    assert longer_pauses(torch.tensor([2.0]), torch.zeros(1)) == longer_pauses(torch.zeros(0), torch.zeros(0)) == 1


def test_silent_phones_are_those_of_the_text() -> None:
    """The network has numbers only; their names are the text's."""
    assert {*SILENT} == {SYMBOL_ID[name] for name in (*PUNCTUATION, PAUSE)}


def test_losses_are_least_at_mean_and_share() -> None:
    """Two phones of 2 and 6 codes: the best single length is 4, their mean. Padding does not count."""
    spoken = torch.tensor([[2.0, 6.0, 0.0, 9.0]])
    mask = torch.tensor([[[1, 1, 1, 0]]])

    def losses(length: float, there: float) -> dict[str, Tensor]:
        return duration_losses(Durations(torch.full((1, 4), length).log(), torch.full((1, 4), there)), spoken, mask)

    at = {length: losses(length, 0.0)["duration"].item() for length in (3.0, 4.0, 5.0)}
    assert at[4.0] < at[3.0] and at[4.0] < at[5.0]
    share = torch.tensor(2 / 3).logit().item()
    there = [losses(4.0, share + step)["there"].item() for step in (-0.5, 0.0, 0.5)]
    assert there[1] == min(there)
    exact = duration_losses(Durations(spoken.clamp(min=1).log(), torch.tensor([[9.0, 9, -9, 9]])), spoken, mask)
    assert exact["duration"].item() == pytest.approx(0, abs=1e-6) and exact["there"].item() < 1e-3


def test_predictor_ignores_padding() -> None:
    net = DurationPredictor(N_PHONES, 3, width=8, layers=2, kernel=3).eval()
    phones, context = torch.randint(N_PHONES, (1, 6)), torch.randn(1, 3, 6)
    alone = net(phones, context)
    shifted = torch.nn.functional.pad(phones, (4, 0), value=5), torch.nn.functional.pad(context, (4, 0), value=1.0)
    mask = torch.arange(10) >= 4
    padded = net(*shifted, mask[None, None])
    torch.testing.assert_close(padded.log_codes[:, 4:], alone.log_codes)
    torch.testing.assert_close(padded.there[:, 4:], alone.there)
    assert not torch.equal(net(phones, context + 1).log_codes, alone.log_codes)


def test_a_decode_keeps_to_the_plan() -> None:
    """Phone 3 takes no time; a sentence has as many codes as its phones, and rows of different length go together."""
    gpt = lasting(planned(), [1, 2, 1, 0, 3, 4, 1, 1, 1])
    made = decode(gpt, [[1, 3, 4], [5, 2, 3, 3, 1, 6]])
    assert [row.tolist() for row in made.phone_index] == [[0, 0, 2, 2, 2], [0, 0, 0, 0, 1, 4, 4, 5]]
    assert [len(row) for row in made.codes] == [5, 8]
    assert {*made.reasons} <= {"stop", "argmax_stop"}


def prompt_of(*counts: int) -> dict[str, list[Tensor]]:
    """A prompt whose phones took so many codes each."""
    index = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return {"prompt": [torch.zeros(len(index), dtype=torch.int64)], "phone_index": [index]}


def test_a_prompt_sets_the_tempo_and_is_not_said_again() -> None:
    """The prompt's two sounds took 60 codes where 40 were expected, and 20 more count as expected. So the sounds of the
    text take a third more, whatever the prompt's pause took, and its own pause does not.
    """
    gpt = lasting(planned(), [1, 20, 20, 2, 4, 1, 1, 1, 1], marks=(0, 0, 0, 10, 0))
    made = decode(gpt, [[1, -2, 2, 3, 4, -2]], **prompt_of(30, 1, 30))
    assert made.phone_index[0].tolist() == [3] * 3 + [4] * 5 + [5] * 10


def test_unlikely_pauses_make_the_others_longer() -> None:
    """One of 6 codes in every third text adds 2 to one of 4 that is always there; sounds add nothing."""
    marks = (0.0, 0.0, 0.0, 4.0, 6.0)
    made = [
        decode(lasting(planned(), [1, 6], marks, rarely), [[0, -2, 0, -1, 0, 1]]).phone_index[0].tolist()
        for rarely in (0, -1, 1)
    ]
    assert made[0] == [0] + [1] * 4 + [2] + [3] * 6 + [4] + [5] * 6
    assert made[1] == [0] + [1] * 6 + [2] + [4] + [5] * 6
    assert made[2] == made[0][:-6]


def test_few_codes_are_filled_up_to_the_least_number() -> None:
    """Where the rule asks for more codes than planned, the last phone goes on."""
    gpt = lasting(planned(), [1.0] * 9)
    inputs = Inputs([torch.tensor([1, 2]) + FIRST], [torch.zeros(3, 2)])
    made = generate(gpt, inputs, Sampling(min_new=5, max_new=60), torch.Generator().manual_seed(0))
    assert made.phone_index[0].tolist() == [0, 1, 1, 1, 1]


def test_the_plan_is_read_through_a_tap() -> None:
    """A logarithm of zero is one code for each phone."""
    gpt = planned(likely=0.0)
    gpt.duration_predictor.out_proj.bias.data[0] = 1.5
    plain = decode(gpt, [[1, 2, 3, 4, 5]])
    with probe(gpt, edits=[zero("duration_predictor.log_codes")]):
        even = decode(gpt, [[1, 2, 3, 4, 5]])
    assert even.phone_index[0].tolist() == [0, 1, 2, 3, 4] and len(plain.codes[0]) > 10


def test_teacher_forcing_is_its_parents() -> None:
    """Without a cache nothing is planned."""
    gpt = lasting(planned(), [1.0] * 9)
    phones, codes = torch.tensor([[1, 2, 3]]) + FIRST, torch.tensor([[4, 5, 6, 7]])
    index = torch.tensor([[0, 1, 1, 2]])
    logits = gpt(phones, torch.zeros(1, 3, 3), codes, phone_index=index)
    assert logits.shape == (1, 5, N_CODES + 1)


def test_no_planned_phone_is_longer_than_it_may_be() -> None:
    """Also where a slow prompt stretches the plan; what is cut off a phone shortens the sentence."""
    assert planned_path(torch.tensor([6.0, 18.0, 4.0]), torch.tensor([5, 4, 9])).tolist() == [0] * 5 + [1] * 4 + [2] * 4
    gpt = lasting(planned(), [1, 2, 1, 0, 30, 4, 1, 1, 1])
    bounds = [torch.tensor([9, 9, 5]), torch.tensor([2, 9, 9, 9, 9, 9])]
    made = decode(gpt, [[1, 3, 4], [5, 2, 3, 3, 1, 6]], longest=bounds)
    assert [row.tolist() for row in made.phone_index] == [[0, 0] + [2] * 5, [0, 0, 1, 4, 4, 5]]
    assert {*made.reasons} <= {"stop", "argmax_stop"}
    made = decode(gpt, [[1, 2, 4, 1]], longest=[torch.tensor([0, 0, 7, 2])], **prompt_of(3, 3))
    assert made.phone_index[0].tolist() == [2] * 7 + [3] * 2
