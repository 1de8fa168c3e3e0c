"""Monotonic alignment: what the network is given, how it goes on, and that it cannot skip, repeat or stop early."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.monotonic_alignment import (
    LONGEST_DURATION,
    AlignedCache,
    AlignedSemanticGPT,
    durations,
    monotonic_path,
)
from gsv_lab.hooks import probe
from gsv_lab.nn import decoding
from gsv_lab.nn.decoding import Inputs
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.semantic_gpt import SemanticGPT

SIZES = {"n_phones": 11, "n_codes": 7, "context_dim": 0, "dim": 16, "n_heads": 2, "n_layers": 2, "ffn_dim": 32}
ADVANCE = "monotonic_alignment.advance"


def network(seed: int = 0, max_advance: int = 2) -> AlignedSemanticGPT:
    torch.manual_seed(seed)
    return AlignedSemanticGPT(**SIZES, dropout=0.0, max_advance=max_advance).eval()


def test_durations_count_codes_since_the_phone_began_and_are_capped() -> None:
    assert durations(torch.tensor([[0, 0, 1, 1, 1, 4]])).tolist() == [[0, 1, 0, 1, 2, 0]]
    assert durations(torch.zeros(1, 40, dtype=torch.long)).max() == LONGEST_DURATION


def test_durations_do_not_count_padding() -> None:
    valid = torch.tensor([[False, False, True, True]])
    assert durations(torch.zeros(1, 4, dtype=torch.long), valid)[0, 2:].tolist() == [0, 1]


@pytest.mark.parametrize(
    "phone_index, path",
    [
        ([0, 0, 1, 2, 2], [0, 0, 1, 2, 2]),
        ([-1, -1, 0, -1, 1, -1], [0, 0, 0, 0, 1, 1]),  # silence stays at the phone before it
        ([0, 5, 5, 5], [0, 2, 4, 5]),  # a leap of five is spread over steps of two
        ([3, 3, 3], [2, 3, 3]),  # the path begins at the first phone
        ([2, 1, 3], [2, 2, 3]),  # never back
    ],
)
def test_monotonic_path(phone_index: list[int], path: list[int]) -> None:
    assert monotonic_path(torch.tensor([phone_index]), 2)[0].tolist() == path


def test_a_path_never_leaps_and_arrives() -> None:
    torch.manual_seed(1)
    aligned = torch.randint(-1, 3, (8, 60)).clamp(min=0).cumsum(1)
    aligned[:, -30:] = aligned[:, -31:-30]
    path = monotonic_path(aligned, 3)
    assert int(path.diff(dim=1).max()) <= 3 and int(path.diff(dim=1).min()) >= 0
    assert (path[:, 0] <= 3).all() and (path <= aligned.cummax(1).values).all()
    assert torch.equal(path[:, -1], aligned[:, -1])


def forced(gpt: AlignedSemanticGPT, advances: list[int]) -> AlignedCache:
    """A cache whose decode goes on as scripted."""
    cache, script = gpt.new_cache(), iter(advances)
    cache.choose = lambda scores, made, passed: torch.full((len(scores),), next(script))
    return cache


@torch.no_grad()
def test_cached_decoding_scores_as_teacher_forcing_does() -> None:
    gpt = network()
    phones, codes = torch.tensor([[3, 1, 4, 1, 5]]), torch.tensor([[2, 6, 0, 1, 1, 3]])
    phone_index = torch.tensor([[0, 1, 1, 3, 4, 4]])
    with probe(gpt, ADVANCE) as taught:
        whole = gpt(phones, None, codes, phone_index=phone_index)
    cache = forced(gpt, [0, 1, 0, 2, 1, 0, 0])
    with probe(gpt, ADVANCE) as decoded:
        rows = [gpt(phones, None, codes[:, :0], cache=cache)[:, -1]]
        columns = [cache.columns.tolist()]
        for code in codes.T:
            rows.append(gpt.step(code, cache))
            columns.append(cache.columns.tolist())
    assert columns == [[0], [1], [1], [3], [4], [4], [4]]
    torch.testing.assert_close(torch.stack(rows, 1), whole, atol=1e-5, rtol=1e-5)
    scores = torch.cat(decoded[ADVANCE].steps, 1)
    torch.testing.assert_close(scores, taught[ADVANCE].value, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_prompt_is_taken_up_where_it_ends_also_among_shorter_rows() -> None:
    gpt = network()
    long, short = torch.tensor([3, 1, 4, 1, 5, 9]), torch.tensor([2, 6, 5])
    prompt, index = torch.tensor([1, 2, 2]), torch.tensor([0, 1, 1])
    cache = forced(gpt, [1, 1])
    both, mask = decoding.pad_left([long, short])
    prompts, prompt_mask = decoding.pad_left([prompt, prompt[:0]])
    indices = decoding.pad_left([index, index[:0]])[0]
    logits = gpt(both, None, prompts, mask, prompt_mask, phone_index=indices, cache=cache)[:, -1]
    alone = [
        gpt(long[None], None, prompt[None], phone_index=index[None], cache=forced(gpt, [1]))[:, -1],
        gpt(short[None], None, prompt[None, :0], cache=forced(gpt, [1]))[:, -1],
    ]
    torch.testing.assert_close(logits, torch.cat(alone), atol=1e-5, rtol=1e-5)
    step = gpt.step(torch.tensor([3, 3]), cache)
    single = forced(gpt, [1, 1])
    gpt(short[None], None, prompt[None, :0], cache=single)
    torch.testing.assert_close(step[1:], gpt.step(torch.tensor([3]), single), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_end_may_come_at_the_last_two_phones() -> None:
    """Not at the one before them."""
    gpt = network()
    cache = forced(gpt, [2, 1, 1])
    gpt(torch.tensor([[3, 1, 4, 1, 5]]), None, torch.zeros(1, 0, dtype=torch.long), cache=cache)
    seen = [(cache.columns.tolist(), cache.may_stop.tolist())]
    for _ in range(2):
        gpt.step(torch.tensor([1]), cache)
        seen.append((cache.columns.tolist(), cache.may_stop.tolist()))
    assert seen == [([2], [False]), ([3], [True]), ([4], [True])]


def spoken(gpt: AlignedSemanticGPT, phones: Tensor, seed: int, sampling: Sampling) -> list[decoding.Step]:
    """All steps of a decode."""
    return list(decoding.steps(gpt, Inputs(phones), sampling, torch.Generator().manual_seed(seed)))


def of_two_codes_a_phone() -> AlignedSemanticGPT:
    """A network that goes on by 0, 1 or 2 phones with fixed odds, half a phone a code on average."""
    gpt = network()
    with torch.no_grad():
        gpt.monotonic_alignment.decide.weight.zero_()
        gpt.monotonic_alignment.decide.bias.copy_(torch.tensor([0.6, 0.3, 0.1]).log())
    return gpt


@pytest.mark.parametrize("wanted", [None, 1.5, 2.5])
def test_a_wanted_rate_is_kept(wanted: float | None) -> None:
    """Without one the network goes on as it would by itself."""
    gpt = of_two_codes_a_phone()
    phones = torch.randint(0, 11, (1, 60), generator=torch.Generator().manual_seed(5))
    sampling = Sampling(min_new=0, max_new=400, repetition_penalty=1.0, codes_per_phone=wanted)
    rates = []
    for seed in range(4):
        path = torch.cat([step.phone_index for step in spoken(gpt, phones, seed, sampling)])
        rates.append(int((path < 50).sum()) / 50)
    assert sum(rates) / len(rates) == pytest.approx(wanted or 2.0, rel=0.12), rates


def test_rows_that_end_take_their_rate_with_them() -> None:
    """A short row that ends first does not shift the count of the others."""
    gpt = of_two_codes_a_phone()
    rows = [torch.randint(0, 11, (n,), generator=torch.Generator().manual_seed(n)) for n in (8, 60)]
    sampling = Sampling(min_new=0, max_new=400, repetition_penalty=1.0, codes_per_phone=2.5)
    made = decoding.generate(gpt, Inputs(rows), sampling, torch.Generator().manual_seed(0))
    assert len(made.codes[0]) < 60
    assert int((made.phone_index[1] < 50).sum()) / 50 == pytest.approx(2.5, rel=0.15)


def test_every_decode_visits_the_text_in_order_and_stops_at_its_end() -> None:
    gpt = network()
    phones = torch.randint(0, 11, (1, 12))
    ended = 0
    for seed in range(6):
        seen = spoken(gpt, phones, seed, Sampling(min_new=0, max_new=400, repetition_penalty=1.0))
        path = torch.cat([step.phone_index for step in seen])
        advances = path.diff()
        assert int(path[0]) <= 2 and int(advances.min()) >= 0 and int(advances.max()) <= 2 and int(path.max()) <= 11
        if seen[-1].ended[0] in ("stop", "argmax_stop"):
            ended += 1
            assert int(path[-1]) >= 10
    assert ended  # untrained, most runs reach the end and draw the stop there


def test_generated_codes_know_their_phones() -> None:
    """Of every row of a batch, counted from its own first phone, one for each code."""
    gpt = network()
    rows = [torch.randint(0, 11, (n,), generator=torch.Generator().manual_seed(n)) for n in (5, 9)]
    sampling = Sampling(min_new=0, max_new=100, repetition_penalty=1.0)
    made = decoding.generate(gpt, Inputs(rows), sampling, torch.Generator().manual_seed(2))
    for codes, index, row in zip(made.codes, made.phone_index, rows, strict=True):
        assert len(codes) == len(index) and int(index.min()) in (0, 1, 2) and int(index.max()) < len(row)


def test_the_parent_has_no_alignment_and_no_parameter_of_it() -> None:
    plain, aligned = SemanticGPT(**SIZES), network()
    assert plain.max_advance == 0 and plain.advance_scores() is None
    assert aligned.max_advance == 2 and aligned.advance_scores() is aligned.monotonic_alignment.advance
    assert {key.partition(".")[0] for key in aligned.state_dict().keys() - plain.state_dict().keys()} == {
        "monotonic_alignment"
    }


def test_phone_index_is_asked_for_and_checked() -> None:
    gpt, phones = network(), torch.zeros(1, 3, dtype=torch.long)
    codes = torch.zeros(1, 2, dtype=torch.long)
    with pytest.raises(ConfigError, match="phone_index"):
        gpt(phones, None, codes)
    with pytest.raises(ConfigError, match="codes are"):
        gpt(phones, None, codes, phone_index=torch.zeros(1, 5, dtype=torch.long))


def bounded(gpt: AlignedSemanticGPT, longest: list[int], codes: int = 30) -> tuple[list[int], list[bool]]:
    """Columns of a decode that stays wherever it may, and at which codes the stop class is by far the likeliest."""
    cache = gpt.new_cache()
    cache.longest = torch.tensor([longest])
    cache.choose = lambda scores, made, passed: torch.isfinite(scores).long().argmax(-1)
    gpt(torch.tensor([[3, 1, 4, 1]]), None, torch.zeros(1, 0, dtype=torch.long), cache=cache)
    columns, ends = [int(cache.columns)], [False]
    for _ in range(codes):
        logits = gpt.step(torch.tensor([1]), cache)[0]
        columns.append(int(cache.columns))
        ends.append(float(logits[gpt.eos] - logits[: gpt.eos].max()) > 100)
    return columns, ends


@torch.no_grad()
def test_no_phone_takes_more_codes_than_it_may_and_the_last_one_ends_the_decode() -> None:
    """A rule that would stay for ever is moved on; at the last phone there is nowhere to go but the end."""
    columns, ends = bounded(network(), [3, 1, 20, 4])
    assert columns[:28] == [0] * 3 + [1] + [2] * 20 + [3] * 4
    assert ends.index(True) == 28 and all(ends[28:])


@torch.no_grad()
def test_each_row_has_bounds_of_its_own_also_after_others_ended() -> None:
    gpt = network()
    both = [bounded(gpt, bounds)[0] for bounds in ([2, 2, 2, 2], [5, 1, 3, 9])]
    cache = gpt.new_cache()
    cache.longest = torch.tensor([[2, 2, 2, 2], [5, 1, 3, 9]])
    cache.choose = lambda scores, made, passed: torch.isfinite(scores).long().argmax(-1)
    gpt(torch.tensor([[3, 1, 4, 1]] * 2), None, torch.zeros(2, 0, dtype=torch.long), cache=cache)
    seen = [cache.columns.tolist()]
    for number in range(12):
        if number == 6:
            cache.select(torch.tensor([1]))
        gpt.step(torch.tensor([1] * (2 if number < 6 else 1)), cache)
        seen.append(cache.columns.tolist())
    assert [row[0] for row in seen[:7]] == both[0][:7]
    assert [row[-1] for row in seen] == both[1][:13]


@torch.no_grad()
def test_what_the_prompt_said_takes_no_new_code() -> None:
    gpt, index = network(), torch.tensor([[0, 1, 1]])
    cache = gpt.new_cache()
    cache.longest = torch.tensor([[0, 0, 5, 5]])
    cache.choose = lambda scores, made, passed: torch.isfinite(scores).long().argmax(-1)
    gpt(torch.tensor([[3, 1, 4, 1]]), None, torch.tensor([[1, 2, 2]]), phone_index=index, cache=cache)
    assert cache.columns.tolist() == [2]


def test_bounds_come_through_a_batch_of_texts_of_different_length() -> None:
    gpt, phones = network(), [torch.tensor([3, 1, 4, 1, 5]), torch.tensor([2, 6])]
    longest = [torch.tensor([1, 2, 1, 2, 3]), torch.tensor([4, 2])]
    sampling = Sampling(min_new=0, max_new=40)
    for seed in range(4):
        made = decoding.generate(gpt, Inputs(phones, longest=longest), sampling, torch.Generator().manual_seed(seed))
        assert made.phone_index is not None and "max_new" not in made.reasons
        for index, most in zip(made.phone_index, longest, strict=True):
            assert (index.bincount(minlength=len(most)) <= most).all()


def test_bounds_that_nothing_reaches_change_no_draw() -> None:
    gpt, phones = network(), [torch.tensor([3, 1, 4, 1, 5])]
    free, wide = (
        decoding.generate(gpt, Inputs(phones, longest=longest), Sampling(max_new=20), torch.Generator().manual_seed(1))
        for longest in (None, [torch.full((5,), 99)])
    )
    assert torch.equal(free.codes[0], wide.codes[0]) and torch.equal(free.phone_index[0], wide.phone_index[0])
