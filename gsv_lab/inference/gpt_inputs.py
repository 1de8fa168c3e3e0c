"""What SemanticGPT is told before it decodes: the prompt's phones and codes, then the phones to speak.

Prompt and target get their context features apart, so that neither changes the other. Letters: P phones of prompt and
target together, C context features, F25 codes of the prompt. Does not know the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from gsv_lab.nn.interfaces import ContextEncoder
from gsv_lab.text import Phones

if TYPE_CHECKING:
    from gsv_lab.inference.synthesizer import Prompt


class Told(NamedTuple):
    """`ids` (1, P), `context` (1, C, P), prompt `codes` (1, F25) and their `places` (1, F25) or None, and how many of
    the phones come `before` the target's.
    """

    ids: Tensor
    context: Tensor
    codes: Tensor | None
    places: Tensor | None
    before: int


def tell(context_encoder: ContextEncoder, phones: Phones, prompt: Prompt | None, pointed: bool = False) -> Told:
    """Inputs of a decode.

    Args:
        context_encoder: features of each phone's surroundings.
        phones: what is to be said.
        prompt: the reference; without its phones nothing is told of it.
        pointed: the network has a pointer into the text, so a prompt without places is of no use either.
    """
    if prompt is not None and (prompt.phones is None or (pointed and prompt.places is None)):
        prompt = None
    texts = (phones,) if prompt is None or prompt.phones is None else (prompt.phones, phones)
    before = sum(len(text) for text in texts) - len(phones)
    places = None
    if prompt is not None and pointed and prompt.places is not None:
        # Whatever the recogniser missed at the end of the prompt has been said and must not be said again.
        places = torch.cat([prompt.places[:-1], prompt.places.new_tensor([before - 1])])[None]
    ids = torch.tensor([[number for text in texts for number in text.ids]])
    context = torch.cat([context_encoder(text) for text in texts], dim=-1)[None]
    return Told(ids, context, None if prompt is None else prompt.codes.reshape(1, -1), places, before)
