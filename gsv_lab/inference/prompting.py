"""What SemanticGPT is given before it decodes: the prompt's phones and codes, then the phones to speak.

Prompt and target get their context features apart, so that neither changes the other. Letters: P phones of prompt and
target together, C context features, F25 codes of the prompt.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gsv_lab.inference.synthesizer import Prompt, Synthesizer
from gsv_lab.text import Phones


class PromptedText(NamedTuple):
    """One row of a decode.

    `phones` (P,), `context` (C, P) or None, prompt `codes` (F25,) or None and their `phone_index` (F25,) or None, and
    how many of the phones come `before` the target's.
    """

    phones: Tensor
    context: Tensor | None
    codes: Tensor | None
    phone_index: Tensor | None
    before: int


def prompted_text(synthesizer: Synthesizer, phones: Phones, prompt: Prompt | None) -> PromptedText:
    """The row of a text.

    Args:
        synthesizer: its SemanticGPT decides what is of use.
        phones: what is to be said.
        prompt: the reference. Without its phones it is left out, and without a `phone_index` too where the network
            needs one.
    """
    gpt = synthesizer.semantic_gpt
    usable = prompt is not None and prompt.phones is not None
    if usable and gpt.max_advance and prompt.phone_index is None:
        usable = False
    texts = [prompt.phones, phones] if usable else [phones]
    ids = torch.tensor([number for text in texts for number in text.ids])
    context = None
    if gpt.context_dim:
        context = torch.cat([synthesizer.context_encoder(text) for text in texts], dim=-1)
    before = len(ids) - len(phones)
    if not usable:
        return PromptedText(ids, context, None, None, before)
    phone_index = None
    if gpt.max_advance:
        # Whatever the recogniser missed at the end of the prompt has been said and must not be said again.
        last = prompt.phone_index.new_tensor([before - 1])
        phone_index = torch.cat([prompt.phone_index[:-1], last])
    return PromptedText(ids, context, prompt.codes.reshape(-1), phone_index, before)
