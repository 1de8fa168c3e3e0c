"""Durations of phones, the plan that is made of them, and the SemanticGPT that keeps to it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from gsv_lab.extensions.duration_predictor import (
    SLOWEST,
    DurationPredictor,
    Durations,
    PlannedSemanticGPT,
    duration_losses,
    planned_path,
    spoken_durations,
    tempo,
)
from gsv_lab.hooks import probe, zero
from gsv_lab.nn.decoding import Inputs, generate
from gsv_lab.nn.sampling import Sampling

N_PHONES, N_CODES = 9, 12


def planned(**options: Any) -> PlannedSemanticGPT:
    torch.manual_seed(0)
    predictor = DurationPredictor(N_PHONES, 3, width=8, layers=2, kernel=3, dropout=0.0)
    sizes = {"dim": 16, "n_heads": 2, "n_layers": 2, "ffn_dim": 16, "dropout": 0.0, "max_advance": 4}
    return PlannedSemanticGPT(
        predictor, n_phones=N_PHONES, n_codes=N_CODES, context_dim=3, **{**sizes, **options}
    ).eval()


def lasting(gpt: PlannedSemanticGPT, codes: list[float]) -> PlannedSemanticGPT:
    """Every phone lasts as its number says: phone 1 `codes[1]` codes; 0 is a phone that is left out."""
    table = torch.tensor(codes)

    def found(phones: Tensor, context: Tensor | None = None, mask: Tensor | None = None) -> Durations:
        wanted = table[phones]
        return Durations(wanted.clamp(min=0.1).log(), torch.where(wanted > 0, 5.0, -5.0))

    gpt.duration_predictor.forward = found  # type: ignore[method-assign]
    return gpt


def decode(gpt: PlannedSemanticGPT, texts: list[list[int]], **more: Any) -> Any:
    context = [torch.zeros(3, len(text)) for text in texts]
    inputs = Inputs([torch.tensor(text) for text in texts], context, **more)
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
    assert planned_path(torch.tensor([1.0, 2.0]), 2.0).tolist() == [0, 0, 1, 1, 1, 1]
    assert planned_path(torch.tensor([0.0, 0.2])).tolist() == [1]


def test_a_code_speaks_what_sounds_in_its_middle() -> None:
    assert planned_path(torch.tensor([0.4, 1.6])).tolist() == [1, 1]
    assert planned_path(torch.tensor([0.6, 1.4])).tolist() == [0, 1]


def test_tempo_of_a_prompt() -> None:
    assert tempo(torch.tensor([2.0, 3.0]), 6) == pytest.approx(1.2)
    assert (tempo(torch.tensor([1.0]), 9), tempo(torch.tensor([9.0]), 1)) == (SLOWEST, 1 / SLOWEST)
    assert tempo(torch.zeros(2), 5) == 1


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


def test_a_prompt_sets_the_tempo_and_is_not_said_again() -> None:
    """The prompt's two phones took 6 codes where 4 were expected, so the text takes half as much again."""
    gpt = lasting(planned(), [1, 2, 2, 2, 4, 1, 1, 1, 1])
    prompt = {"prompt": [torch.zeros(6, dtype=torch.int64)], "phone_index": [torch.tensor([0, 0, 0, 1, 1, 1])]}
    made = decode(gpt, [[1, 2, 3, 4]], **prompt)
    assert made.phone_index[0].tolist() == [2, 2, 2, 3, 3, 3, 3, 3, 3]


def test_few_codes_are_filled_up_to_the_least_number() -> None:
    """Where the rule asks for more codes than planned, the last phone goes on."""
    gpt = lasting(planned(), [1.0] * N_PHONES)
    inputs = Inputs([torch.tensor([1, 2])], [torch.zeros(3, 2)])
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
    gpt = lasting(planned(), [1.0] * N_PHONES)
    phones, codes = torch.tensor([[1, 2, 3]]), torch.tensor([[4, 5, 6, 7]])
    index = torch.tensor([[0, 1, 1, 2]])
    logits = gpt(phones, torch.zeros(1, 3, 3), codes, phone_index=index)
    assert logits.shape == (1, 5, N_CODES + 1)


def test_no_planned_phone_is_longer_than_it_may_be() -> None:
    """Also where a slow prompt stretches the plan; what is cut off a phone shortens the sentence."""
    assert (
        planned_path(torch.tensor([3.0, 9.0, 2.0]), 2.0, torch.tensor([5, 4, 9])).tolist()
        == [0] * 5 + [1] * 4 + [2] * 4
    )
    gpt = lasting(planned(), [1, 2, 1, 0, 30, 4, 1, 1, 1])
    bounds = [torch.tensor([9, 9, 5]), torch.tensor([2, 9, 9, 9, 9, 9])]
    made = decode(gpt, [[1, 3, 4], [5, 2, 3, 3, 1, 6]], longest=bounds)
    assert [row.tolist() for row in made.phone_index] == [[0, 0] + [2] * 5, [0, 0, 1, 4, 4, 5]]
    assert {*made.reasons} <= {"stop", "argmax_stop"}
    prompt = {"prompt": [torch.zeros(6, dtype=torch.int64)], "phone_index": [torch.tensor([0, 0, 0, 1, 1, 1])]}
    made = decode(gpt, [[1, 2, 4, 1]], longest=[torch.tensor([0, 0, 7, 2])], **prompt)
    assert made.phone_index[0].tolist() == [2] * 7 + [3] * 2
