"""Checks of notebook 04, "The GPT stage".

Letters: N codes, V classes (codes and stop), D width. Each check takes the answer and gives a card.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gsv_lab.nn.sampling import keep_top_k
from gsv_lab.teaching.exercises import gpt_kit
from gsv_lab.teaching.exercises.answers import named, numbers
from gsv_lab.teaching.exercises.card import Hint, ask, exercise, expect, expect_shape, number


@exercise(
    "Nats per code",
    "Write down what should come, row by row: the codes, and `stop` at the end. Then pick one log-probability a row.",
    "truth = torch.cat([codes, torch.tensor([stop])]); log_softmax(-1); take [torch.arange(len(truth)), truth].",
)
def nats(answer: Callable[[Tensor, Tensor, int], Any]) -> str:
    """`nats(logits, codes, stop)`: (N + 1, V), (N,) -> the mean of minus log-probability, the stop included."""
    random = torch.Generator().manual_seed(0)
    logits, codes, stop = 2 * torch.randn(7, 6, generator=random), torch.tensor([0, 3, 3, 1, 4, 2]), 5
    given = number(ask(answer, logits, codes, stop), "One number is asked for: the mean of all rows.")
    log_p = logits.log_softmax(-1)
    truth = torch.cat([codes, torch.tensor([stop])])
    picked = log_p[torch.arange(7), truth]
    right = float(-picked.mean())

    def is_like(other: Any) -> bool:
        return math.isclose(given, float(other), rel_tol=1e-4)

    expect(not is_like(picked.mean()), "Take minus the logarithm of the probability: it cannot be below 0.")
    expect(not is_like(-picked.sum()), "That is the sum of all steps. Asked is the mean, so that lengths compare.")
    expect(not is_like(right / math.log(2)), "Those are bits. Nats take the natural logarithm.")
    forgot = "The end is a choice as well: after the last code, row N should say `stop`."
    expect(not is_like(-log_p[torch.arange(6), codes].mean()), forgot)
    late = "Row n is asked for code n, and has seen the codes before it. Yours compares code n with the row after."
    expect(not is_like(-log_p[torch.arange(1, 7), codes].mean()), late)
    raw = -logits[torch.arange(7), truth].mean()
    expect(not is_like(raw), "Logits are not yet logarithms of probabilities: those of a row must sum to 1.")
    chance = log_p.exp()[torch.arange(7), truth].mean()
    expect(not is_like(chance), "That is the mean probability. Take the logarithm of each first, then the mean.")
    hits = (logits.argmax(-1) == truth).float().mean()
    expect(not is_like(hits), "That counts how often the best guess is right; nats also show how sure it was.")
    expect(is_like(right), f"It should be {right:.3f} nats here, yours is {given:.3f}.")
    return "exp(nats) is the perplexity: between so many codes the model hesitates."


@exercise(
    "Temperature and top-k",
    "Three steps: divide by the temperature, put -inf wherever a code is not among the k best, softmax.",
    "logits.topk(k).values[-1] is the worst score that stays; masked_fill what is below it with -inf.",
)
def chances(answer: Callable[[Tensor, float, int], Tensor]) -> str:
    """`chances(logits, temperature, k)`: (V,) -> (V,) what a code is drawn from."""
    logits, temperature, k = torch.tensor([2.0, -1.0, 3.0, 0.5, 2.5, -3.0]), 0.5, 3
    found = numbers(ask(answer, logits.clone(), temperature, k))
    expect_shape(found, (6,), "The probabilities of 6 codes")
    expect(not bool(found.isnan().any()), "There is a NaN. exp(-inf) is a clean 0: put -inf into the logits to cut.")
    right = gpt_kit.chances(logits, temperature, k)
    cut = right > 0

    def is_like(other: Tensor) -> bool:
        return torch.allclose(found.float(), other, atol=1e-4)

    expect(not is_like((logits / temperature).softmax(-1)), "All six codes are still in the draw: keep the k best.")
    lost = (logits / temperature).softmax(-1) * cut
    expect(not is_like(lost), "They sum to less than 1: what is cut must be shared among those that stay.")
    expect(not is_like(keep_top_k(logits[None], k).softmax(-1)[0]), "The temperature has no effect.")
    hot = keep_top_k((logits * temperature)[None], k).softmax(-1)[0]
    expect(not is_like(hot), "The wrong way: below 1, the temperature must make the best code likelier. Divide by it.")
    low = torch.where(cut, -torch.inf, logits / temperature).softmax(-1)
    expect(not is_like(low), "Those are the worst codes. topk gives the best ones.")
    count = int((found > 1e-6).sum())
    expect(count == k, f"{count} codes are left in the draw, {k} were asked for.")
    total = float(found.sum())
    expect(abs(total - 1) < 1e-4, f"Probabilities sum to 1, yours to {total:.3f}.")
    expect(is_like(right), f"It should be {[round(p, 3) for p in right.tolist()]}.")
    return "k bounds how bad a draw can be, the temperature says how often it is bad."


@exercise(
    "A penalty for repeating",
    "For a code to become less likely its logit must fall. Dividing makes a positive one fall. What makes a negative "
    "one fall?",
    "torch.where(x < 0, x * penalty, x / penalty), for the used codes of a clone.",
)
def less_again(answer: Callable[[Tensor, Tensor, float], Tensor]) -> str:
    """`less_again(logits, used, penalty)`: (V,), numbers of the codes that occurred -> (V,) new logits."""
    logits, used, penalty = torch.tensor([4.0, -2.0, 1.0, -6.0, 3.0]), torch.tensor([0, 3, 0]), 2.0
    before = logits.clone()
    found = numbers(ask(answer, logits, used, penalty))
    expect(torch.equal(logits, before), "The logits that you were handed are changed themselves: work on a clone.")
    expect_shape(found, (5,), "The new logits")
    seen = torch.tensor([True, False, False, True, False])
    right = gpt_kit.less_again(before, used, penalty)
    expect(not torch.allclose(found, before), "Nothing is penalised: codes 0 and 3 occurred.")
    others = "Codes that never occurred should keep their logits."
    expect(torch.allclose(found[~seen], before[~seen]), others)
    up = "Code 3 had -6 and now has -3: divided by 2, a negative logit rises. It was to become less likely."
    expect(float(found[3]) != -3.0, up)
    expect(float(found[0]) != 8.0, "Code 0 had 4 and now has 8: that is a reward.")
    expect(float(found[0]) != 1.0, "Code 0 occurred twice, but the penalty is for having occurred at all: once.")
    taken = torch.allclose(found[seen], before[seen] - penalty)
    expect(not taken, "Subtracted: a fair idea, but here the penalty is a factor, so that 1 means none.")
    expect(torch.allclose(found, right), f"It should be {right.tolist()}, yours is {found.tolist()}.")
    return "Too much of it is a fault of its own: a long vowel is the same code again and again."


class _Toy:
    """Scores that expect the codes 4, 1, 3, 1 and then stop, and that count how they are asked; 5 is the stop."""

    stop, limit = 5, 40
    course = (4, 1, 3, 1)

    def __init__(self, is_endless: bool = False) -> None:
        self.is_endless = is_endless
        self.asked: list[list[int]] = []
        self.chosen: list[list[int]] = []

    def scores(self, codes: Any) -> Tensor:
        """(N,) -> (V,)."""
        self.asked.append([int(code) for code in codes])
        if len(self.asked) > self.limit:
            raise RuntimeError("asked without end")
        place = len(self.asked[-1])
        on = self.course[place % 4] if self.is_endless or place < 4 else self.stop
        # The likeliest class is not the one that is chosen: see `choose`.
        return torch.nn.functional.one_hot(torch.tensor((on + 1) % 6), 6) + 0.5 * torch.nn.functional.one_hot(
            torch.tensor(on), 6
        )

    def choose(self, logits: Tensor, used: Any) -> int:
        """The second best, so that a loop that takes the best itself is found out."""
        self.chosen.append([int(code) for code in used])
        return int(torch.as_tensor(logits).topk(2).indices[1])


@exercise(
    "The loop",
    "Begin with an empty list. Ask for the scores of all codes so far, choose one, stop or append, and again.",
    "for _ in range(most): code = choose(scores(codes), codes); if code == stop: break; codes.append(code).",
)
def write(answer: Callable[..., Any]) -> str:
    """`write(scores, choose, stop, most)` -> the codes: `scores(codes)` (V,), `choose(logits, codes)` a class."""
    toy, endless = _Toy(), _Toy(True)
    try:
        found = ask(answer, toy.scores, toy.choose, toy.stop, 30)
        bounded = ask(answer, endless.scores, endless.choose, endless.stop, 7)
    except Hint:
        never = "It never ends where no stop comes: give up after `most` codes."
        expect(len(endless.asked) <= endless.limit, never)
        expect(len(toy.asked) <= toy.limit, "It goes on after the stop was chosen: leave the loop there.")
        raise
    expect(hasattr(found, "__len__"), "Give the list of all codes.")
    codes, many = ([int(code) for code in result] for result in (found, bounded))
    right = list(toy.course)
    expect(toy.chosen, "`choose` was never asked: it says which code comes, not the largest score.")
    expect(codes != [*right, toy.stop], "The stop is no code that can be spoken: leave it out.")
    last = "The scores were asked for the last code alone. They need all codes so far."
    expect(all(len(asked) == place for place, asked in enumerate(toy.asked)) or len(toy.asked[-1]) != 1, last)
    expect(toy.asked[0] == [], f"The first question is asked with no code at all, yours with {toy.asked[0]}.")
    blind = "`choose` must see the codes so far as its second argument: the penalty needs them."
    expect(toy.chosen[: len(right)] == [right[:n] for n in range(len(right))], blind)
    expect(codes == right, f"It should have written {right}, yours wrote {codes}.")
    expect(len(many) == 7, f"At most 7 codes were asked for where no stop comes, yours wrote {len(many)}.")
    return "That is all there is to a free run. Next it decodes nano, and you hear what it wrote."


@exercise(
    "Before you listen",
    "Without chance, the step that follows a code depends on that code alone and what came before. What if the best "
    "code after 17 is 17?",
    "Inside a long sound the best guess is mostly the code that was there before.",
)
def greedy(answer: str) -> str:
    """What the codes of a greedy run (k = 1) do more often than those of a sampled one."""
    hints = {
        "change": "Chance is what makes codes change. Take it away, and the likeliest stays the likeliest.",
        "stop": "Nano plans its length before the first code: neither dial can shorten it.",
        "nothing": "The codes do differ: the likeliest is drawn always, no longer just most of the time.",
    }
    names = {
        "repeat": ("repeats", "repetition", "loop", "stick", "get stuck"),
        "change": ("changes", "vary"),
        "stop": ("stops", "end"),
        "nothing": ("same",),
    }
    given = named(answer, names)
    expect(given not in hints, hints.get(given, ""))
    return "It repeats. Count it below, and try to hear it: nano's phones keep the words going all the same."


@exercise(
    "Follow the alignment",
    "Where you are is the sum of all steps so far. And there is a last phone.",
    "advances.cumsum(0), then clamp to phones - 1.",
)
def monotonic_path(answer: Callable[[Tensor, int], Tensor]) -> str:
    """`monotonic_path(advances, phones)`: (N,) -> (N,) the phone that each code speaks."""
    advances, phones = torch.tensor([0, 1, 0, 2, 0, 1, 1, 1]), 6
    before = advances.clone()
    found = numbers(ask(answer, advances, phones))
    expect(torch.equal(advances, before), "The advances that you were handed are changed themselves.")
    expect_shape(found, (8,), "The phone indices of 8 codes")
    right = gpt_kit.monotonic_path(before, phones)

    def is_like(other: Tensor) -> bool:
        return torch.equal(found.long(), other)

    expect(not is_like(before), "Those are the advances: how far it goes, not where it is. Add up all of them so far.")
    over = "The index passes the end: there are 6 phones, 0 to 5, and after the last one comes none."
    expect(not is_like(before.cumsum(0)), over)
    late = "That is the index before each advance. It advances first, and then speaks."
    expect(not is_like((before.cumsum(0) - before).clamp(max=phones - 1)), late)
    expect(not is_like(before.cumsum(0) % phones), "At the end it begins again: clamp it there instead.")
    expect(not is_like((before.cumsum(0) + 1).clamp(max=phones - 1)), "It begins at phone 0, and 0 keeps it there.")
    expect(not is_like((before > 0).long().cumsum(0).clamp(max=phones - 1)), "An advance of 2 goes on by two phones.")
    expect(bool((found.diff() >= 0).all()), "It went back, which no sum of such advances can do.")
    same = torch.equal(found.double(), right.double())
    expect(same, f"It should be {right.tolist()}, yours is {found.tolist()}.")
    return "A sum of what is never negative never falls: that alone keeps the words in order."


@exercise(
    "Stretch: keep instead of computing again",
    "Append this step's key and value first. Then compare the query with all keys in the cache.",
    "keys and values are torch.stack of what the cache holds; weights = (keys @ query / D ** 0.5).softmax(0); the "
    "mixture is weights @ values.",
)
def cached(answer: Callable[[Tensor, Tensor, Tensor, list[Any]], Tensor]) -> str:
    """`cached(query, key, value, cache)`: (D,) each and a list of all before -> (D,) the mixture for this step."""
    random = torch.Generator().manual_seed(3)
    queries, keys, values = torch.randn(3, 6, 4, generator=random) * 1.5
    cache: list[Any] = []
    rows, sizes = [], []
    for query, key, value in zip(queries, keys, values, strict=True):
        rows.append(numbers(ask(answer, query, key, value, cache)))
        expect_shape(rows[-1], (4,), "The mixture of a step")
        sizes.append(len(cache))
    found = torch.stack(rows)
    empty = "The cache is still empty after six steps. Append key and value to the list that you were handed."
    expect(sizes[-1], empty)
    future = torch.ones(6, 6).triu(1).bool()

    def attention(divide: float, hidden: Tensor) -> Tensor:
        scores = (queries @ keys.T / divide).masked_fill(hidden, -torch.inf)
        return scores.softmax(-1).nan_to_num() @ values

    right = attention(2.0, future)
    unscaled = "Nearly: the products are too large. Divide them by the root of the width, D ** 0.5."
    expect(not torch.allclose(found, attention(1.0, future), atol=1e-4), unscaled)
    past = torch.allclose(found[1:], attention(2.0, future | torch.eye(6).bool())[1:], atol=1e-4)
    expect(not past, "A step should see itself, too: append first, then look.")
    alone = "Each step sees only itself: use everything that is in the cache."
    expect(not torch.allclose(found, values, atol=1e-4), alone)
    evenly = torch.stack([values[: n + 1].mean(0) for n in range(6)])
    expect(not torch.allclose(found, evenly, atol=1e-4), "Every step weighs the same. The query should decide.")
    expect(bool(torch.isfinite(found).all()), "Some values are no finite numbers.")
    wrong = int((~torch.isclose(found, right, atol=1e-4)).any(-1).sum())
    expect(wrong == 0, f"{wrong} of 6 steps differ from attention over the whole sequence at once.")
    return "Equal to the last digits: a step costs one row of the triangle, not all of it again."
