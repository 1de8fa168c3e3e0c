"""The decoding loop with a scripted network: stopping rules, counts, seeds, batches."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gsv_lab.nn import decoding
from gsv_lab.nn.decoding import Inputs
from gsv_lab.nn.kv_cache import KVCache
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.semantic_gpt import SemanticGPT

EOS = 7
TEXT = torch.zeros(1, 3, dtype=torch.long)


class Script:
    """Says the codes of a list, one a step, with a lead of 5 nat; has only what decoding may ask for."""

    eos = EOS
    max_advance = 0

    def __init__(self, codes: list[int], second: list[int] | None = None) -> None:
        self.codes, self.second, self.at = codes, second, 0

    def _logits(self, batch: int) -> Tensor:
        logits = torch.zeros(batch, EOS + 1)
        logits[:, self.codes[self.at]] = 5.0
        if self.second is not None:
            logits[:, self.second[self.at]] += 4.9
        self.at += 1
        return logits

    def __call__(self, phones: Tensor, *_: object, cache: KVCache, **__: object) -> Tensor:
        self.at = 0
        return self._logits(len(phones))[:, None]

    def new_cache(self) -> KVCache:
        return KVCache()

    def step(self, codes: Tensor, cache: KVCache) -> Tensor:
        return self._logits(len(codes))


def run(codes: list[int], **options: object) -> decoding.Generated:
    sampling = Sampling(**{"top_k": 1, "repetition_penalty": 1.0, "min_new": 0, "max_new": 50, **options})
    return decoding.generate(Script(codes), Inputs(TEXT), sampling)


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
                Inputs(TEXT),
                Sampling(top_k=2, repetition_penalty=1.0, min_new=0, max_new=5, argmax_stop=argmax_stop),
                torch.Generator().manual_seed(seed),
            )
            reasons.add((argmax_stop, made.reasons[0]))
            if argmax_stop:
                assert len(made.codes[0]) == 1
    assert (True, "argmax_stop") in reasons and (False, "argmax_stop") not in reasons


def test_penalty_counts_the_prompt_unless_switched_off() -> None:
    """With a penalty of 3 a code of the prompt loses its lead of 5 to a second code with 4.9."""
    options = {"top_k": 1, "repetition_penalty": 3.0, "min_new": 0, "max_new": 1}
    for penalise_prompt, wanted in ((True, 2), (False, 1)):
        sampling = Sampling(**options, penalise_prompt=penalise_prompt)
        inputs = Inputs(TEXT, prompt=torch.tensor([[1, 1]]))
        made = decoding.generate(Script([1], second=[2]), inputs, sampling)
        assert made.codes[0].tolist() == [wanted]


@pytest.fixture(scope="module")
def gpt() -> SemanticGPT:
    torch.manual_seed(5)
    return SemanticGPT(
        n_phones=9, n_codes=30, context_dim=0, dim=16, n_heads=2, n_layers=2, ffn_dim=32, speaker_dim=0
    ).eval()


def test_same_seed_same_codes(gpt: SemanticGPT) -> None:
    first, again, other = (
        decoding.generate(gpt, Inputs(TEXT), Sampling(max_new=40), torch.Generator().manual_seed(s)) for s in (1, 1, 2)
    )
    assert torch.equal(first.codes[0], again.codes[0])
    assert first.codes[0].tolist() != other.codes[0].tolist()


def test_steps_report_what_was_seen(gpt: SemanticGPT) -> None:
    seen: list[decoding.Step] = []
    texts = [TEXT[0], TEXT[0, :1]]
    made = decoding.generate(
        gpt, Inputs(texts), Sampling(max_new=30), torch.Generator().manual_seed(0), on_step=seen.append
    )
    assert [s.number for s in seen] == list(range(len(seen)))
    for step in seen:
        alive = len(step.rows)
        assert step.logits.shape == (alive, 31) and step.codes.shape == (alive,)
        assert step.probabilities.shape == (alive, 30 if step.number < 11 else 31)
        torch.testing.assert_close(step.probabilities.sum(-1), torch.ones(alive))
    for row in range(2):
        went_on = [s for s in seen if row in s.rows and s.ended[s.rows.index(row)] is None]
        reported = [int(s.codes[s.rows.index(row)]) for s in went_on]
        assert made.codes[row].tolist()[: len(reported)] == reported and reported


def test_a_text_without_a_prompt_is_decoded_as_alone_beside_one_that_has_one(gpt: SemanticGPT) -> None:
    sampling = Sampling(top_k=1, max_new=12)
    rows, prompts = [torch.tensor([3, 1, 4]), torch.tensor([1, 5])], [torch.tensor([6, 2, 8]), TEXT[0, :0]]
    both = list(decoding.steps(gpt, Inputs(rows, prompt=prompts), sampling))
    for row in range(2):
        alone = list(decoding.steps(gpt, Inputs([rows[row]], prompt=[prompts[row]]), sampling))
        for together, single in zip(both, alone, strict=True):
            torch.testing.assert_close(together.logits[row], single.logits[0], atol=1e-5, rtol=1e-5)


def test_gradients_stay_on_between_steps(gpt: SemanticGPT) -> None:
    """A consumer of the iterator may train; only the decoder's own work is free of gradients."""
    for step in decoding.steps(gpt, Inputs(TEXT), Sampling(min_new=0, max_new=3)):
        assert torch.is_grad_enabled() and not step.logits.requires_grad


def test_pad_left() -> None:
    stacked, mask = decoding.pad_left([torch.tensor([1, 2, 3]), torch.tensor([4])])
    assert stacked.tolist() == [[1, 2, 3], [0, 0, 4]]
    assert mask.tolist() == [[[True, True, True]], [[False, False, True]]]
    assert decoding.pad_left([torch.ones(2, 3), torch.ones(2, 3)])[1] is None
