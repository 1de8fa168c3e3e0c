"""What notebooks 03 and 04 grow, hear and decode."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gsv_lab.inference.lab import Lab
from gsv_lab.teaching.exercises import codebook, gpt, gpt_kit, live
from gsv_lab.teaching.exercises.code_sounds import PEAK, SAMPLES, CodeSounds, pieces, quiet_place
from gsv_lab.teaching.exercises.excerpt import NextCode, decode, excerpt, longest_run, spoken
from gsv_lab.teaching.exercises.material import shipped_sample

from .cases_codes import averages, deaf, loop, mean, only_chosen, times


def test_hints_name_the_mistake() -> None:
    means = averages(times, mean)
    assert "Those are means" in codebook.follow.card(means).message
    assert "fades" in codebook.follow.card(only_chosen).message
    assert "never ends" in gpt.write.card(loop(bound=lambda most: 10**6)).message
    assert "after the stop" in gpt.write.card(deaf).message


def clouds(n: int = 6, each: int = 40) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    centres = 8 * torch.randn(n, 5, generator=random)
    return (centres[:, None] + 0.3 * torch.randn(n, each, 5, generator=random)).flatten(0, 1)


def test_a_grown_codebook_finds_clouds_and_revival_brings_back_dead_rows() -> None:
    vectors = clouds()
    left, renewed = live.grow(vectors, 12), live.grow(vectors, 12, revive=live.revived)
    assert left.table.shape == (12, 5) and left.codes.shape == (240,)
    assert len(left.codes.unique()) < len(renewed.codes.unique()) and renewed.lost < left.lost
    assert renewed.lost < 0.02
    state = torch.random.get_rng_state()
    assert torch.equal(live.grow(vectors, 12, revive=live.revived).table, renewed.table)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_codebook_is_grown_by_the_functions_that_are_handed_in() -> None:
    vectors, asked = clouds(), []

    def nearest(x: torch.Tensor, table: torch.Tensor) -> list[int]:
        asked.append(len(table))
        return live.nearest(x, table).tolist()

    def stays(counts: torch.Tensor, sums: torch.Tensor, *_: Any) -> Any:
        return counts, sums

    grown = live.grow(vectors, 4, nearest, stays, steps=3)
    assert asked == [4] * 4 and grown.lost > live.grow(vectors, 4, nearest, steps=3).lost


def test_two_books_lose_less_than_the_first_alone() -> None:
    vectors = clouds()
    first = live.grow(vectors, 3, revive=live.revived)
    second = live.grow(vectors - first.table[first.codes], 4, revive=live.revived)
    one, two, total = live.residual(vectors, first.table, second.table)
    assert torch.equal(one, first.codes) and int(two.max()) < 4
    rest = (vectors - total).square().sum() / (vectors - vectors.mean(0)).square().sum()
    assert float(rest) < 0.7 * first.lost


def test_codes_sound_as_their_frames_did() -> None:
    """Two tones, one code each, spoken in the other order; a code that was never heard sounds like its nearest."""
    time = torch.arange(25 * SAMPLES) / 16000
    wave = torch.cat([0.3 * torch.sin(2 * torch.pi * 300 * time), 0.3 * torch.sin(2 * torch.pi * 2000 * time)])
    codes, table = torch.tensor([0] * 25 + [2] * 25), torch.tensor([[0.0], [0.1], [5.0]])
    made = CodeSounds(wave, codes, table).speak(torch.tensor([2] * 20 + [1] * 20))
    halves = [half[2000:-2000] for half in made.wave[: 40 * SAMPLES].chunk(2)]
    peaks = [float(torch.fft.rfft(half).abs().argmax()) * 16000 / len(half) for half in halves]
    assert peaks[0] == pytest.approx(2000, abs=40) and peaks[1] == pytest.approx(300, abs=40)
    assert float(made.wave.abs().max()) == pytest.approx(PEAK) and made.mark is not None


def test_pieces_of_a_code_are_where_it_was_heard() -> None:
    sample = shipped_sample()
    codes = torch.zeros(100, dtype=torch.int64)
    codes[[3, 50, 99]] = 7
    found = pieces(sample, codes, 7)
    assert found.wave.shape == (3 * SAMPLES,) and found.mark == sample.mark
    middle = slice(SAMPLES // 2, SAMPLES // 2 + 50)
    assert torch.equal(found.wave[SAMPLES:][middle], sample.wave[50 * SAMPLES :][middle])
    assert pieces(sample, codes, 0, seconds=1.0).wave.shape == (25 * SAMPLES,)
    assert float(pieces(sample, codes, 9).wave.abs().max()) == 0


def test_the_quiet_place_is_a_pause() -> None:
    wave = torch.ones(200 * SAMPLES)
    wave[150 * SAMPLES : 152 * SAMPLES] = 0
    assert quiet_place(wave) == 150
    sample = shipped_sample().wave
    assert float(sample[quiet_place(sample) * SAMPLES :][:SAMPLES].abs().max()) < 0.02


def test_common_codes_are_of_different_labels_and_no_pauses() -> None:
    names, counts = live.joint_counts([0, 0, 0, 0, 4, 4, 4, 4, 4, 9], [1, 1, 1, 1, 2, 2, 2, 3, 3, 5], 6)
    assert live.common_codes(names, counts) == {2: 4, 5: 9} and live.common_codes(names, counts, 1) == {2: 4}


def greedily(logits: torch.Tensor, used: list[int]) -> int:
    return int(logits.argmax())


@pytest.mark.parametrize("kind", ["lab", "planning"])
def test_a_loop_outside_decodes_what_the_kit_decodes(kind: str, request: pytest.FixtureRequest) -> None:
    each: Lab = request.getfixturevalue(kind)
    phones = excerpt(each, shipped_sample()).phones
    scores = NextCode(each, phones)
    codes = gpt_kit.write(scores, greedily, scores.stop, scores.most)
    run = decode(each, phones, top_k=1, repetition_penalty=1.0, argmax_stop=False, max_new=scores.most)
    assert codes == run.codes.tolist() and len(codes) > 3
    assert scores.phone_index is not None and run.phone_index is not None
    assert torch.equal(scores.phone_index, run.phone_index[: len(codes)])
    torch.testing.assert_close(scores(codes[:-1])[: scores.stop], run.logits[len(codes) - 1, : scores.stop])


def test_scores_begin_anew_where_other_codes_came_before(lab: Lab) -> None:
    phones = excerpt(lab, shipped_sample()).phones
    scores = NextCode(lab, phones)
    first = scores([])
    after = scores([3, 5])
    assert not torch.equal(after, scores([4, 5])) and torch.equal(scores([3, 5]), after)
    assert torch.equal(scores(torch.tensor([], dtype=torch.int64)), first)


def test_codes_are_spoken_with_their_mark(lab: Lab) -> None:
    part = excerpt(lab, shipped_sample())
    speaker = lab.family.synthesizer.voice([part.wave])
    speech = spoken(lab, part.phones, part.codes.tolist(), speaker, part.phone_index)
    assert speech.wave.numel() == 640 * len(part.codes) and speech.mark.model == lab.version
    other = spoken(lab, part.phones, part.codes.flip(0), speaker, part.phone_index)
    assert not torch.equal(other.wave, speech.wave)
    assert torch.equal(spoken(lab, part.phones, part.codes, speaker, part.phone_index).wave, speech.wave)


def test_a_run_becomes_advances_and_back_a_path(planning: Lab) -> None:
    run = decode(planning, excerpt(planning, shipped_sample()).phones, seed=1)
    assert run.phone_index is not None
    phones = int(run.phone_index[-1]) + 1
    assert torch.equal(gpt_kit.monotonic_path(gpt_kit.advances(run, phones), phones), run.phone_index)
    even = gpt_kit.advances(run._replace(phone_index=None), phones)
    assert (even >= 0).all() and int(even.sum()) <= phones - 1


def test_going_back_says_a_stretch_three_times() -> None:
    order = gpt_kit.going_back(60)
    assert (order.diff() < 0).sum() == 2 and torch.bincount(order)[35] == 3 and torch.bincount(order)[50] == 1
    assert order[-1] == 59 and len(order) == 80


def test_the_longest_run_of_one_code() -> None:
    assert longest_run([1, 2, 2, 2, 1, 1]) == 3 and longest_run(torch.tensor([4])) == 1 and longest_run([]) == 0
