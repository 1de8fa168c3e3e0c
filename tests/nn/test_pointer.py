"""The pointer into the text: what it is told, how it walks, and that a decode cannot skip, repeat or stop early."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gsv_lab.extensions.monotonic_alignment import LONGEST_STAY, stays, steady
from gsv_lab.nn import decoding
from gsv_lab.nn.gpt_layer import Cache
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.semantic_gpt import SemanticGPT
from gsv_lab.training.guided_attention import Watch


def network(seed: int = 0, moves: int = 2) -> SemanticGPT:
    torch.manual_seed(seed)
    sizes = {"dim": 16, "n_heads": 2, "n_layers": 2, "ffn_dim": 32}
    return SemanticGPT(n_phones=11, n_codes=7, context_dim=0, moves=moves, dropout=0.0, **sizes).eval()


def test_stays_counts_codes_since_the_last_move_and_is_capped() -> None:
    assert stays(torch.tensor([[0, 0, 1, 1, 1, 4]])).tolist() == [[0, 1, 0, 1, 2, 0]]
    assert stays(torch.zeros(1, 40, dtype=torch.long)).max() == LONGEST_STAY


def test_stays_does_not_count_padding() -> None:
    valid = torch.tensor([[False, False, True, True]])
    assert stays(torch.zeros(1, 4, dtype=torch.long), valid)[0, 2:].tolist() == [0, 1]


@pytest.mark.parametrize(
    "positions, walk",
    [
        ([0, 0, 1, 2, 2], [0, 0, 1, 2, 2]),
        ([-1, -1, 0, -1, 1, -1], [0, 0, 0, 0, 1, 1]),  # silence stays where it is
        ([0, 5, 5, 5], [0, 2, 4, 5]),  # a leap of five is walked in steps of two
        ([3, 3, 3], [2, 3, 3]),  # the walk begins at the first phone
        ([2, 1, 3], [2, 2, 3]),  # never back
    ],
)
def test_steady(positions: list[int], walk: list[int]) -> None:
    assert steady(torch.tensor([positions]), 2)[0].tolist() == walk


def test_steady_never_leaps_and_arrives() -> None:
    torch.manual_seed(1)
    positions = torch.randint(-1, 3, (8, 60)).clamp(min=0).cumsum(1)
    positions[:, -30:] = positions[:, -31:-30]
    walk = steady(positions, 3)
    assert int(walk.diff(dim=1).max()) <= 3 and int(walk.diff(dim=1).min()) >= 0
    assert (walk[:, 0] <= 3).all() and (walk <= positions.cummax(1).values).all()


def forced(moves: list[int]) -> Cache:
    cache, script = Cache(), iter(moves)
    cache.choose = lambda scores, made, passed: torch.full((len(scores),), next(script))
    return cache


def teacher(gpt: SemanticGPT, phones: Tensor, codes: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    assert gpt.pointer is not None
    with Watch(gpt.pointer.move) as watch:
        logits = gpt(phones, None, codes, places=places)
    return logits, watch.seen[0]


@torch.no_grad()
def test_cached_decoding_scores_as_teacher_forcing_does() -> None:
    gpt = network()
    phones, codes = torch.tensor([[3, 1, 4, 1, 5]]), torch.tensor([[2, 6, 0, 1, 1, 3]])
    places = torch.tensor([[0, 1, 1, 3, 4, 4]])
    whole, moves = teacher(gpt, phones, codes, places)
    cache = forced([0, 1, 0, 2, 1, 0, 0])
    assert gpt.pointer is not None
    with Watch(gpt.pointer.move) as watch:
        rows = [gpt(phones, None, codes[:, :0], cache=cache)[:, -1]]
        rows += [gpt.step(code, cache) for code in codes.T]
    torch.testing.assert_close(torch.stack(rows, 1), whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.cat(watch.seen, 1), moves, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_prompt_is_taken_up_where_it_ends_also_among_shorter_rows() -> None:
    gpt = network()
    long, short = torch.tensor([3, 1, 4, 1, 5, 9]), torch.tensor([2, 6, 5])
    prompt, places = torch.tensor([1, 2, 2]), torch.tensor([0, 1, 1])
    cache = forced([1, 1])
    both, mask = decoding.pad_left([long, short])
    told, told_mask = decoding.pad_left([prompt, prompt[:0]])
    spoken = decoding.pad_left([places, places[:0]])[0]
    logits = gpt(both, None, told, mask, told_mask, places=spoken, cache=cache)[:, -1]
    alone = [
        gpt(long[None], None, prompt[None], places=places[None], cache=forced([1]))[:, -1],
        gpt(short[None], None, prompt[None, :0], cache=forced([1]))[:, -1],
    ]
    torch.testing.assert_close(logits, torch.cat(alone), atol=1e-5, rtol=1e-5)
    step = gpt.step(torch.tensor([3, 3]), cache)
    single = forced([1, 1])
    gpt(short[None], None, prompt[None, :0], cache=single)
    torch.testing.assert_close(step[1:], gpt.step(torch.tensor([3]), single), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pace", [1.5, 2.5])
def test_a_wanted_pace_is_kept(pace: float) -> None:
    gpt = network()
    phones = torch.randint(0, 11, (1, 60), generator=torch.Generator().manual_seed(5))

    def codes_a_phone(wanted: float | None) -> float:
        sampling = Sampling(min_new=0, max_new=400, repetition_penalty=1.0, pace=wanted)
        seen = decoding.steps(gpt, phones, sampling=sampling, generator=torch.Generator().manual_seed(1))
        walk = torch.cat([step.places for step in seen if step.places is not None]).tolist()
        return walk.index(50) / 50 if 50 in walk else walk.index(51) / 51

    assert codes_a_phone(pace) == pytest.approx(pace, rel=0.3)
    assert codes_a_phone(None) < 1.4  # untrained, it goes on by one on average


def test_rows_that_end_take_their_pace_with_them() -> None:
    gpt = network()
    rows = [torch.randint(0, 11, (n,), generator=torch.Generator().manual_seed(n)) for n in (8, 50)]
    sampling = Sampling(min_new=0, max_new=300, repetition_penalty=1.0, pace=2.0)
    made = decoding.generate(gpt, rows, sampling=sampling, generator=torch.Generator().manual_seed(0))
    assert len(made.codes[1]) >= 2.0 * 48 * 0.75


def test_every_decode_visits_the_text_in_order_and_stops_at_its_end() -> None:
    gpt = network()
    phones = torch.randint(0, 11, (1, 12))
    ended = 0
    for seed in range(6):
        generator = torch.Generator().manual_seed(seed)
        sampling = Sampling(min_new=0, max_new=400, repetition_penalty=1.0)
        seen = list(decoding.steps(gpt, phones, sampling=sampling, generator=generator))
        walk = torch.cat([step.places for step in seen if step.places is not None])
        moves = walk.diff()
        assert int(walk[0]) <= 2 and int(moves.min()) >= 0 and int(moves.max()) <= 2 and int(walk.max()) <= 11
        if seen[-1].ended[0] in ("stop", "argmax_stop"):
            ended += 1
            assert int(walk[-1]) >= 10
    assert ended  # untrained, most runs reach the end and draw the stop there


def test_without_moves_there_is_no_pointer_and_no_parameter_of_it() -> None:
    gpt = network(moves=0)
    assert gpt.pointer is None and not [name for name in gpt.state_dict() if "pointer" in name]


def test_places_are_asked_for_and_checked() -> None:
    gpt = network()
    with pytest.raises(ValueError, match="places"):
        gpt(torch.zeros(1, 3, dtype=torch.long), None, torch.zeros(1, 2, dtype=torch.long))
    with pytest.raises(ValueError, match="codes are"):
        gpt(
            torch.zeros(1, 3, dtype=torch.long), None, torch.zeros(1, 2, dtype=torch.long),
            places=torch.zeros(1, 5, dtype=torch.long),
        )  # fmt: skip
