"""Several sentences at once: which of them go together, and their codes in one decode.

Only SemanticGPT is batched, where the time goes; waves are made one by one, so that no sentence hears another.
Letters: F25 codes. Does not know voices on disk.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gsv_lab.inference.gpt_inputs import tell
from gsv_lab.inference.synthesizer import Predicted, Prompt, Synthesizer
from gsv_lab.nn.decoding import Step, generate
from gsv_lab.nn.sampling import Sampling
from gsv_lab.text import Phones


def buckets(lengths: Sequence[int], most: int, evenness: float = 0.75) -> list[list[int]]:
    """Items of like length together: lengths -> lists of their indices, shortest first.

    A bucket takes the next items by length, at most `most`, as far as the length in its middle is at least `evenness`
    of its mean; a single long sentence would otherwise make many short ones wait. The rule of the released tools.

    >>> buckets([3, 100, 4, 3], 4)
    [[0, 3, 2], [1]]
    """
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    made: list[list[int]] = []
    while order:
        size = min(max(1, most), len(order))
        while size > 1:
            taken = [lengths[index] for index in order[:size]]
            if taken[size // 2] * size >= evenness * sum(taken):
                break
            size -= 1
        made.append(order[:size])
        order = order[size:]
    return made


@torch.no_grad()
def predict_many(
    synthesizer: Synthesizer,
    texts: Sequence[Phones],
    prompt: Prompt | None = None,
    sampling: Sampling | None = None,
    generator: torch.Generator | None = None,
    most: int = 8,
    evenness: float = 0.75,
) -> list[Predicted]:
    """Codes for one text or several, in their order, each going on from the prompt as its speaker would.

    Args:
        synthesizer: of any family.
        texts: what is to be said.
        prompt: the same for all.
        sampling: the same for all.
        generator: source of randomness, shared.
        most: texts decoded together.
        evenness: see `buckets`.
    """
    gpt, found = synthesizer.semantic_gpt, {}
    for bucket in buckets([len(text) for text in texts], most, evenness):
        told = [tell(synthesizer.context_encoder, texts[i], prompt, gpt.pointer is not None) for i in bucket]
        prompts = [row.codes[0] for row in told if row.codes is not None]
        before = [row.places[0] for row in told if row.places is not None]
        places: list[list[int]] = [[] for _ in bucket]

        def watch(step: Step, places: list[list[int]] = places, first: int = told[0].before) -> None:
            if step.places is None:
                return
            for row, place, reason in zip(step.rows, step.places.tolist(), step.ended, strict=True):
                if reason in (None, "max_new"):
                    places[row].append(max(0, place - first))

        made = generate(
            gpt, [row.ids[0] for row in told], [row.context[0] for row in told], prompts or None,
            places=before or None, sampling=sampling, generator=generator, on_step=watch,
        )  # fmt: skip
        for number, index in enumerate(bucket):
            walked = torch.tensor([places[number]], dtype=torch.int64) if gpt.pointer is not None else None
            found[index] = Predicted(made.codes[number][None], made.reasons[number], walked)
    return [found[index] for index in range(len(texts))]
