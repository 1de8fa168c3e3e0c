"""Several sentences at once: which of them go together, and their codes in one decode.

Only SemanticGPT is batched, where the time goes; waves are made one by one, so that no sentence changes another.
Letters: F25 codes, G speaker width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gsv_lab.inference.prompting import PromptedText, prompted_text
from gsv_lab.inference.synthesizer import Predicted, Prompt, Synthesizer
from gsv_lab.nn.decoding import Generated, Inputs, generate
from gsv_lab.nn.sampling import Sampling
from gsv_lab.text import Phones


def buckets(lengths: Sequence[int], max_batch: int, evenness: float = 0.75) -> list[list[int]]:
    """Items of like length together: lengths -> lists of their indices, shortest first.

    A bucket takes the next items by length, at most `max_batch`, as far as the length in its middle is at least
    `evenness` of its mean; a single long sentence would otherwise make many short ones wait. The rule of the released
    tools.

    >>> buckets([3, 100, 4, 3], 4)
    [[0, 3, 2], [1]]
    """
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    made: list[list[int]] = []
    while order:
        size = min(max(1, max_batch), len(order))
        while size > 1:
            taken = [lengths[index] for index in order[:size]]
            if taken[size // 2] * size >= evenness * sum(taken):
                break
            size -= 1
        made.append(order[:size])
        order = order[size:]
    return made


@torch.no_grad()
def predict_codes(
    synthesizer: Synthesizer,
    texts: Sequence[Phones],
    prompt: Prompt | None = None,
    sampling: Sampling | None = None,
    generator: torch.Generator | None = None,
    max_batch: int = 8,
    evenness: float = 0.75,
    speaker: Tensor | None = None,
    bounded: bool = True,
) -> list[Predicted]:
    """Codes for one text or several, in their order, each going on from the prompt as its speaker would.

    Args:
        synthesizer: of any family.
        texts: what is to be said.
        prompt: the same for all.
        sampling: the same for all.
        generator: source of randomness, shared.
        max_batch: texts decoded together.
        evenness: see `buckets`.
        speaker: the voice (1, G, 1), for a SemanticGPT with `speaker_dim`; the same for all.
        bounded: no phone of the texts takes longer than in `silence.longest_codes`.
    """
    rows = [prompted_text(synthesizer, text, prompt, speaker) for text in texts]
    if not bounded:
        rows = [row._replace(longest=torch.where(row.longest > 0, torch.inf, 0.0)) for row in rows]
    found: dict[int, Predicted] = {}
    for bucket in buckets([len(text) for text in texts], max_batch, evenness):
        inputs = batch_inputs([rows[index] for index in bucket], synthesizer.device)
        with synthesizer.arithmetic():
            made = generate(synthesizer.semantic_gpt, inputs, sampling, generator)
        found |= zip(bucket, predicted([rows[index] for index in bucket], made), strict=True)
    return [found[index] for index in range(len(texts))]


def predicted(rows: Sequence[PromptedText], made: Generated) -> list[Predicted]:
    """What a decode made of some rows, phones counted from the first one to speak, on the CPU."""
    found = []
    for number, row in enumerate(rows):
        phone_index = None
        if made.phone_index is not None:
            phone_index = (made.phone_index[number] - row.before).clamp(min=0)[None].cpu()
        found.append(Predicted(made.codes[number][None].cpu(), made.reasons[number], phone_index))
    return found


def batch_inputs(rows: Sequence[PromptedText], device: torch.device) -> Inputs:
    """The inputs of a decode of several rows, on a device; rows without a prompt have none of its codes."""
    nothing = torch.zeros(0, dtype=torch.int64)
    context = [row.context.to(device) for row in rows if row.context is not None]
    speaker = [row.speaker.to(device) for row in rows if row.speaker is not None]
    codes = phone_index = None
    if any(row.codes is not None for row in rows):
        codes = [(nothing if row.codes is None else row.codes).to(device) for row in rows]
    if any(row.phone_index is not None for row in rows):
        phone_index = [(nothing if row.phone_index is None else row.phone_index).to(device) for row in rows]
    return Inputs(
        [row.phones.to(device) for row in rows],
        context or None,
        codes,
        phone_index,
        torch.cat(speaker) if speaker else None,
        [row.longest.to(device) for row in rows],
    )
