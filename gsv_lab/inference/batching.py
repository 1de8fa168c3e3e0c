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
from gsv_lab.nn.decoding import Inputs, generate
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
    found: dict[int, Predicted] = {}
    lengths = [len(text) for text in texts]
    for bucket in buckets(lengths, max_batch, evenness):
        rows = [prompted_text(synthesizer, texts[index], prompt) for index in bucket]
        if not bounded:
            rows = [row._replace(longest=torch.where(row.longest > 0, torch.inf, 0.0)) for row in rows]
        inputs = batch_inputs(synthesizer, rows, speaker)
        with synthesizer.arithmetic():
            made = generate(synthesizer.semantic_gpt, inputs, sampling, generator)
        for number, index in enumerate(bucket):
            phone_index = None
            if made.phone_index is not None:
                spoken = made.phone_index[number] - rows[number].before
                phone_index = spoken.clamp(min=0)[None].cpu()
            codes = made.codes[number][None].cpu()
            found[index] = Predicted(codes, made.reasons[number], phone_index)
    return [found[index] for index in range(len(texts))]


def batch_inputs(synthesizer: Synthesizer, rows: Sequence[PromptedText], speaker: Tensor | None = None) -> Inputs:
    """The inputs of a decode of several rows, all with a prompt or all without, where the networks lie."""
    gpt, device = synthesizer.semantic_gpt, synthesizer.device
    context = [row.context.to(device) for row in rows if row.context is not None]
    codes = [row.codes.to(device) for row in rows if row.codes is not None]
    phone_index = [row.phone_index.to(device) for row in rows if row.phone_index is not None]
    voice = None
    if speaker is not None and gpt.speaker_dim:
        voice = speaker[:, : gpt.speaker_dim].expand(len(rows), -1, -1).to(device)
    phones, longest = [row.phones.to(device) for row in rows], [row.longest.to(device) for row in rows]
    return Inputs(phones, context or None, codes or None, phone_index or None, voice, longest)
