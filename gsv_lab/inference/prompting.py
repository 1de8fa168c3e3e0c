"""What SemanticGPT is given before it decodes: the prompt's phones and codes, then the phones to speak.

Prompt and target get their context features apart, so that neither changes the other. Letters: P phones of prompt and
target together, C context features, F25 codes of the prompt, G speaker width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gsv_lab.inference.silence import longest_codes
from gsv_lab.inference.synthesizer import Prompt, Synthesizer
from gsv_lab.text import Phones


class PromptedText(NamedTuple):
    """One row of a decode.

    `phones` (P,), `context` (C, P) or None, prompt `codes` (F25,) or None and their `phone_index` (F25,) or None, how
    many of the phones come `before` the target's, the most new codes on each of them, `longest` (P,), and the `speaker`
    (1, G, 1), where the network reads one.
    """

    phones: Tensor
    context: Tensor | None
    codes: Tensor | None
    phone_index: Tensor | None
    before: int
    longest: Tensor
    speaker: Tensor | None = None


def prompted_text(
    synthesizer: Synthesizer, phones: Phones, prompt: Prompt | None, speaker: Tensor | None = None
) -> PromptedText:
    """The row of a text.

    Args:
        synthesizer: its SemanticGPT decides what is of use.
        phones: what is to be said.
        prompt: the reference. Without its phones it is left out, and without a `phone_index` too where the network
            needs one.
        speaker: the voice (1, G, 1), for a SemanticGPT with `speaker_dim`.
    """
    gpt = synthesizer.semantic_gpt
    voice = None
    if speaker is not None and gpt.speaker_dim:
        voice = speaker[:, : gpt.speaker_dim]
    reference = _usable(prompt, bool(gpt.max_advance))
    texts = [phones]
    if reference is not None and reference.phones is not None:
        texts = [reference.phones, phones]
    ids = torch.tensor([number for text in texts for number in text.ids])
    context = None
    if gpt.context_dim:
        context = torch.cat([synthesizer.context_encoder(text) for text in texts], dim=-1)
    before = len(ids) - len(phones)
    # What the prompt says has been said, so that the first new code speaks the first new phone.
    nothing = torch.zeros(before)
    longest = torch.cat([nothing, longest_codes(phones.symbols, gpt.frame_rate)])
    if reference is None:
        return PromptedText(ids, context, None, None, before, longest, voice)
    phone_index = reference.phone_index if gpt.max_advance else None
    if phone_index is not None:
        # Whatever the recogniser missed at the end of the prompt has been spoken and must not be spoken again.
        last = phone_index.new_tensor([before - 1])
        phone_index = torch.cat([phone_index[:-1], last])
    return PromptedText(ids, context, reference.codes.reshape(-1), phone_index, before, longest, voice)


def _usable(prompt: Prompt | None, aligned: bool) -> Prompt | None:
    """The prompt, if it has all that the network needs of it."""
    if prompt is None or prompt.phones is None:
        return None
    return None if aligned and prompt.phone_index is None else prompt
