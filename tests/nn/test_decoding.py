"""The decoding loop with a scripted network: stopping rules, counts, chunks, seeds, batches."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gsv_lab.nn import decoding
from gsv_lab.nn.gpt_layer import Cache
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.semantic_gpt import SemanticGPT

EOS = 7
TEXT = torch.zeros(1, 3, dtype=torch.long)


class Script:
    """Says the codes of a list, one a step, with a lead of 5 nat; knows only what decoding may ask for."""

    eos = EOS

    def __init__(self, codes: list[int], second: list[int] | None = None) -> None:
        self.codes, self.second, self.at = codes, second, 0

    def _logits(self, batch: int) -> Tensor:
        logits = torch.zeros(batch, EOS + 1)
        logits[:, self.codes[self.at]] = 5.0
        if self.second is not None:
            logits[:, self.second[self.at]] += 4.9
        self.at += 1
        return logits

    def __call__(self, phones: Tensor, *_: object, cache: Cache, **__: object) -> Tensor:
        self.at = 0
        return self._logits(len(phones))[:, None]

    def step(self, codes: Tensor, cache: Cache) -> Tensor:
        return self._logits(len(codes))


def run(codes: list[int], **options: object) -> decoding.Generated:
    sampling = Sampling(**{"top_k": 1, "repetition_penalty": 1.0, "min_new": 0, "max_new": 50, **options})
    return decoding.generate(Script(codes), TEXT, sampling=sampling)


def test_ends_at_stop_and_leaves_it_out() -> None:
    made = run([1, 2, 3, EOS, 4])
    assert made.codes[0].tolist() == [1, 2, 3] and made.reasons == ("stop",)


def test_empty_when_stop_comes_first() -> None:
    made = run([EOS])
    assert made.codes[0].tolist() == [] and made.codes[0].dtype == torch.int64


def test_stop_is_not_allowed_before_min_new() -> None:
    made = run([EOS] * 12, min_new=11)
    assert len(made.codes[0]) == 11 and EOS not in made.codes[0].tolist()


def test_cap() -> None:
    made = run([1] * 9, max_new=4)
    assert made.codes[0].tolist() == [1, 1, 1, 1] and made.reasons == ("max_new",)


@pytest.mark.parametrize(("last", "count"), [("keep", 5), ("drop", 4)])
def test_early_stop(last: str, count: int) -> None:
    made = run([1] * 9, early_stop=4, early_stop_last=last)
    assert len(made.codes[0]) == count and made.reasons == ("early_stop",)


def test_ends_where_stop_is_best_though_another_code_was_drawn() -> None:
    """A draw that misses the best class: at step 1 stop leads by a little, the draw goes elsewhere."""
    reasons = set()
    for seed in range(30):
        for argmax_stop in (True, False):
            script = Script([1, EOS, 2, EOS, EOS], second=[1, 3, 2, EOS, EOS])
            made = decoding.generate(
                script,
                TEXT,
                sampling=Sampling(top_k=2, repetition_penalty=1.0, min_new=0, max_new=5, argmax_stop=argmax_stop),
                generator=torch.Generator().manual_seed(seed),
            )
            reasons.add((argmax_stop, made.reasons[0]))
            if argmax_stop:
                assert len(made.codes[0]) == 1
    assert (True, "argmax_stop") in reasons and (False, "argmax_stop") not in reasons


def test_penalty_counts_the_prompt_unless_told_otherwise() -> None:
    """With a penalty of 3 a code of the prompt loses its lead of 5 to a second code with 4.9."""
    options = {"top_k": 1, "repetition_penalty": 3.0, "min_new": 0, "max_new": 1}
    for penalise_prompt, wanted in ((True, 2), (False, 1)):
        sampling = Sampling(**options, penalise_prompt=penalise_prompt)
        made = decoding.generate(Script([1], second=[2]), TEXT, prompt=torch.tensor([[1, 1]]), sampling=sampling)
        assert made.codes[0].tolist() == [wanted]


@pytest.fixture(scope="module")
def gpt() -> SemanticGPT:
    torch.manual_seed(5)
    return SemanticGPT(
        n_phones=9, n_codes=30, context_dim=0, dim=16, n_heads=2, n_layers=2, ffn_dim=32, speaker_dim=0
    ).eval()


def test_same_seed_same_codes(gpt: SemanticGPT) -> None:
    first, again, other = (
        decoding.generate(gpt, TEXT, generator=torch.Generator().manual_seed(s), sampling=Sampling(max_new=40))
        for s in (1, 1, 2)
    )
    assert torch.equal(first.codes[0], again.codes[0])
    assert first.codes[0].tolist() != other.codes[0].tolist()


def test_steps_report_what_was_seen(gpt: SemanticGPT) -> None:
    seen: list[decoding.Step] = []
    texts = [TEXT[0], TEXT[0, :1]]
    made = decoding.generate(
        gpt, texts, sampling=Sampling(max_new=30), generator=torch.Generator().manual_seed(0), on_step=seen.append
    )
    assert [s.number for s in seen] == list(range(len(seen)))
    for step in seen:
        alive = len(step.rows)
        assert step.logits.shape == (alive, 31) and step.codes.shape == (alive,)
        assert step.probabilities.shape == (alive, 30 if step.number < 11 else 31)
        torch.testing.assert_close(step.probabilities.sum(-1), torch.ones(alive))
    for row in range(2):
        told = [int(s.codes[s.rows.index(row)]) for s in seen if row in s.rows and s.ended[s.rows.index(row)] is None]
        assert made.codes[row].tolist()[: len(told)] == told


def test_gradients_stay_on_between_steps(gpt: SemanticGPT) -> None:
    """A consumer of the iterator may train; only the decoder's own work is free of gradients."""
    for step in decoding.steps(gpt, TEXT, sampling=Sampling(min_new=0, max_new=3)):
        assert torch.is_grad_enabled() and not step.logits.requires_grad


@pytest.mark.parametrize("total", [0, 1, 7, 8, 9, 16, 20])
def test_stream_in_equal_chunks(total: int) -> None:
    script = [1 + i % 6 for i in range(total)] + [EOS]
    chunks = list(
        decoding.stream(Script(script), TEXT, sampling=Sampling(top_k=1, repetition_penalty=1.0, min_new=0), chunk=8)
    )
    assert torch.cat([c.codes for c in chunks]).tolist() == script[:-1]
    assert [c.final for c in chunks] == [False] * (len(chunks) - 1) + [True]
    assert all(len(c.codes) == 8 for c in chunks[:-1])
    assert len(chunks[-1].codes) > 0 or total == 0


def test_stream_is_generate_in_pieces(gpt: SemanticGPT) -> None:
    options = {"sampling": Sampling(max_new=60)}
    whole = decoding.generate(gpt, TEXT, generator=torch.Generator().manual_seed(4), **options)
    likeness = decoding.silence_likeness(gpt, 3)
    for silence in (None, likeness):
        pieces = decoding.stream(
            gpt, TEXT, generator=torch.Generator().manual_seed(4), chunk=5, silence=silence, **options
        )
        assert torch.equal(torch.cat([c.codes for c in pieces]), whole.codes[0])


def test_stream_cuts_in_silence() -> None:
    """Code 0 is silence; chunks of at least 4 end inside its runs, or after 16 codes where there is none."""
    silence = torch.tensor([1.0, 0, 0, 0, 0, 0, 0])
    script = [1, 2, 3, 4, 5, 0, 0, 1, 2, 3, *([4] * 20), EOS]
    sampling = Sampling(top_k=1, repetition_penalty=1.0, min_new=0)
    chunks = list(decoding.stream(Script(script), TEXT, sampling=sampling, chunk=4, silence=silence, silent_enough=0.9))
    assert chunks[0].codes.tolist() == [1, 2, 3, 4, 5, 0]
    assert chunks[1].codes.tolist()[0] == 0
    assert all(4 <= len(c.codes) <= 16 for c in chunks[:-1])
    assert torch.cat([c.codes for c in chunks]).tolist() == script[:-1]


def test_silence_likeness_is_a_cosine(gpt: SemanticGPT) -> None:
    likeness = decoding.silence_likeness(gpt, 3)
    table = gpt.code_embedding.weight[:30]
    assert likeness.shape == (30,) and int(likeness.argmax()) == 3
    wanted = table[8] @ table[3] / (table[8].norm() * table[3].norm())
    torch.testing.assert_close(likeness[8], wanted.detach())


def test_pad_left() -> None:
    stacked, mask = decoding.pad_left([torch.tensor([1, 2, 3]), torch.tensor([4])])
    assert stacked.tolist() == [[1, 2, 3], [0, 0, 4]]
    assert mask.tolist() == [[[True, True, True]], [[False, False, True]]]
    assert decoding.pad_left([torch.ones(2, 3), torch.ones(2, 3)])[1] is None


def test_one_text_at_a_time_in_the_short_form(gpt: SemanticGPT) -> None:
    with pytest.raises(ValueError, match="one text, got 2"):
        gpt.generate(TEXT.repeat(2, 1))
